"""The dashboard's routes: only for the owner, always a right picture or a sentence, and nothing a name could break."""

import hashlib
import io
import json
import time

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from study.background.worker import Worker
from study.dashboard.thumbnails import missing_picture
from study.folder.study import open_study
from study.server.app import create_app
from tests.study.dashboard.studies import SECRET, made_study, save

pytestmark = pytest.mark.process

UNKNOWN_LINK = {"detail": "This link is not known. Ask the owner of the study for your link."}
FIGURES = ("version", "data", "strips", "trends", "agreement", "alerts", "best", "compare?left=0&right=1", "recipe/0")
PICTURES = ("thumbs/{key}.webp", "full/{key}", "{strip}")


@pytest.fixture(scope="module")
def study(tmp_path_factory, monkeypatch_module):
    folder = tmp_path_factory.mktemp("dashboard")
    monkeypatch_module.setenv("HUMANGRADE_CACHE", str(folder / "cache"))
    study = made_study(folder)
    yield study
    study.close()


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def client(study):
    app = create_app(study)
    with TestClient(app) as client:
        yield client
    app.state.serving.close()


@pytest.fixture(scope="module")
def link(study):
    return f"/api/owner/{study.store.owner_token}/dashboard"


@pytest.fixture(scope="module")
def data(client, link):
    return client.get(f"{link}/data").json()


@pytest.fixture(scope="module")
def addresses(client, link, data):
    named = {"key": data["images"]["thumb"][0], "strip": client.get(f"{link}/strips").json()[0]["url"]}
    return [*FIGURES, *(picture.format(**named) for picture in PICTURES)]


def test_only_with_the_owners_key(study, client, link, addresses):
    rater = study.store.evaluators()[0].token
    for address in addresses:
        for token in ("nobody", "ä", rater, study.store.owner_token[:-1], study.store.owner_token + "x"):
            answer = client.get(f"/api/owner/{token}/dashboard/{address}")
            assert (answer.status_code, answer.json()) == (404, UNKNOWN_LINK), address
        assert client.get(f"/api/rater/{rater}/dashboard/{address}").status_code == 404
        assert client.get(f"{link}/{address}").status_code == 200, address
        assert client.put(f"{link}/{address}", content=b"{}").status_code == 405
        assert client.post(f"{link}/{address}").status_code == 405


def test_an_owner_of_another_study_sees_nothing_of_this_one(study, client, addresses, tmp_path, link, data):
    other = made_study(tmp_path, evaluators=("eve",))
    app = create_app(other)
    with TestClient(app) as theirs:
        for address in addresses:
            assert theirs.get(f"{link}/{address}").json() == UNKNOWN_LINK
            assert client.get(f"/api/owner/{other.store.owner_token}/dashboard/{address}").json() == UNKNOWN_LINK
        own = f"/api/owner/{other.store.owner_token}/dashboard"
        save(other.folder / "unlike.png", 99)
        foreign = hashlib.sha256((other.folder / "unlike.png").read_bytes()).hexdigest()[:32]
        for place in (f"thumbs/{foreign}.webp", f"full/{foreign}", f"strips/{foreign}.webp"):
            assert theirs.get(f"{own}/{place}").status_code == 404
    app.state.serving.close()
    other.close()


def test_data_names_every_image_once_with_its_picture(study, client, link, data):
    assert data["title"] == study.config.title
    shown = [one["shown"] for one in data["checkpoints"]]
    assert shown == ["base/base", "anna-10/300", "anna-10/600", "anna-40/300", "anna-40/600"]
    assert sorted(data["images"]["item"]) == sorted(study.items["item"])
    for place, key in enumerate(data["images"]["thumb"]):
        answer = client.get(f"{link}/thumbs/{key}.webp")
        assert answer.headers["content-type"] == "image/webp" and "immutable" in answer.headers["cache-control"]
        small = np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB"), float)
        with Image.open(study.image_path(data["images"]["item"][place])) as image:
            expected = np.asarray(image.resize((160, 107)), float)
        assert small.shape == expected.shape and np.abs(small - expected).mean() < 12


def test_strips_hold_every_image_in_its_place(client, link, data):
    seen = []
    for strip in client.get(f"{link}/strips").json():
        answer = client.get(f"{link}/{strip['url']}")
        sheet = np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB"), float)
        assert sheet.shape == (strip["rows"] * strip["side"], strip["columns"] * strip["side"], 3)
        for column, place in enumerate(strip["places"]):
            assert data["images"]["checkpoint"][place] == strip["checkpoint"]
            small = client.get(f"{link}/thumbs/{data['images']['thumb'][place]}.webp").content
            shown = Image.open(io.BytesIO(small)).convert("RGB")
            shown.thumbnail((strip["side"], strip["side"]))
            alone = np.asarray(shown, float)
            top = (strip["side"] - alone.shape[0]) // 2
            cell = sheet[top : top + alone.shape[0], column * strip["side"] : (column + 1) * strip["side"]]
            assert np.abs(cell - alone).mean() < 12
            seen.append(place)
    assert sorted(seen) == list(range(len(data["images"]["item"])))


def test_the_full_picture_comes_without_its_words_and_is_known_again(study, client, link, data):
    key, item = data["images"]["thumb"][3], data["images"]["item"][3]
    answer = client.get(f"{link}/full/{key}")
    original = study.image_path(item).read_bytes()
    assert SECRET.encode() in original and SECRET.encode() not in answer.content
    with Image.open(io.BytesIO(answer.content)) as found, Image.open(io.BytesIO(original)) as there:
        assert np.array_equal(np.asarray(found), np.asarray(there))
    again = client.get(f"{link}/full/{key}", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_nothing_is_sent_anew_where_nothing_has_changed(client, link):
    for name in ("data", "strips"):
        first = client.get(f"{link}/{name}")
        assert first.headers["content-encoding"] == "gzip"
        again = client.get(f"{link}/{name}", headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        plain = client.get(f"{link}/{name}", headers={"Accept-Encoding": "identity"})
        assert plain.json() == first.json() and "content-encoding" not in plain.headers


@pytest.mark.parametrize(
    "address",
    [
        *("thumbs/../../../etc/passwd", "thumbs/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "thumbs/x.webp", "thumbs/.webp"),
        *(f"thumbs/{'0' * 32}.webp", f"thumbs/{'0' * 32}", f"thumbs/{'G' * 32}.webp", "full/..", f"full/{'0' * 32}"),
        *("strips/0-1.webp", f"strips/{'f' * 32}.webp", "full/0", "full/-1", "full/99999999999999999999", "full/a%00b"),
        *("recipe/-1", "recipe/999", "recipe/99999999999999999999999", "recipe/0?version=nonsense", "recipe/1e3"),
        *(f"recipe/0?version={'v' * 500}", "", "thumbs/", "nothing", "data/more", "trends/anna"),
    ],
)
def test_what_is_not_there_is_a_sentence(client, link, address):
    answer = client.get(f"{link}/{address}")
    assert answer.status_code in (404, 422), answer.text
    detail = answer.json()["detail"]
    assert detail and "Traceback" not in str(detail) and "/work" not in str(detail)


@pytest.mark.parametrize(
    "address",
    [
        *("compare", "compare?left=0", "compare?left=0&right=5", "compare?left=-1&right=0", "compare?left=1e0&right=0"),
        *("compare?left=99999999999999999999&right=0", "compare?left=٣&right=0", "compare?left_run=nobody&right_run=1"),
        *("best?run=nobody", "best?by=nothing", "trends?task=nothing", "best?task=%00", "agreement?task=nothing"),
        *(f"best?run={'r' * 3000}", "best?by=%3Cscript%3E", "trends?task=%F0%9F%98%80%ED%A0%80"),
    ],
)
def test_what_cannot_be_computed_is_a_sentence_and_takes_nothing_with_it(client, link, address):
    answer = client.get(f"{link}/{address}")
    assert answer.status_code in (200, 422), answer.text
    found = answer.json()
    said = found.get("detail") or found.get("refused") or found.get("notes") or found
    assert said and "Traceback" not in json.dumps(found)
    assert client.get(f"{link}/version").status_code == 200


def test_figures_are_made_once_and_say_what_they_are_of(client, link, data):
    for name in ("trends", "alerts", "best", "compare?left=0&right=1"):
        found = client.get(f"{link}/{name}").json()
        assert found["version"] == data["version"]
        assert client.get(f"{link}/{name}").json() == found


def test_the_page_holds_nothing_of_the_study(study, client):
    assert client.get("/dashboard", follow_redirects=False).headers["location"] == "./dashboard/"
    page = client.get("/dashboard/?key=nobody")
    assert page.status_code == 200
    assert study.config.title not in page.text and study.store.owner_token not in page.text
    for path in ("/dashboard/upload", "/dashboard/queue/join", "/dashboard/file=x", "/dashboard/gradio_api/info"):
        assert client.get(path).status_code == 404


def test_new_ratings_come_after_a_while_and_what_is_shown_stays_until_then(study, client, link, data, monkeypatch):
    live = client.app.state.serving.dashboard
    trends = client.get(f"{link}/trends").json()
    ann = study.store.evaluators()[0]
    target = study.store.assignments(ann.id)[0]
    study.store.rate(ann.id, target.public_id, 1 + target.rating % 5, "another answer")
    assert client.get(f"{link}/version").json() == {"version": data["version"]}  # not due before some seconds are over
    live._not_before = 0.0
    end = time.monotonic() + 90
    while (version := client.get(f"{link}/version").json()["version"]) == data["version"]:
        assert client.get(f"{link}/trends").json() == trends  # at once, of what is shown
        assert time.monotonic() < end, "no newer figures in time"
        time.sleep(0.2)
    assert client.get(f"{link}/data").json()["version"] == version == client.get(f"{link}/trends").json()["version"]
    assert client.get(f"{link}/recipe/0?version={data['version']}").status_code == 200  # a page that is open still asks


def test_pictures_that_cannot_be_shown_break_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("HUMANGRADE_CACHE", str(tmp_path / "cache"))
    study = made_study(tmp_path)
    app = create_app(study)
    with TestClient(app) as client:
        link = f"/api/owner/{study.store.owner_token}/dashboard"
        paths = [study.image_path(item) for item in study.items["item"]]
        paths[0].write_bytes(paths[0].read_bytes()[:100])
        paths[1].unlink()
        Image.new("1", (30_000, 20_000)).save(paths[2])
        paths[3].write_bytes(b"<svg onload='alert(1)'/>")
        data = client.get(f"{link}/data").json()
        broken = {data["images"]["item"].index(study.items["item"][number]) for number in range(4)}
        for place, key in enumerate(data["images"]["thumb"]):
            answer = client.get(f"{link}/thumbs/{key}.webp")
            assert answer.status_code == 200 and (answer.content == missing_picture()) == (place in broken)
            assert ("immutable" in answer.headers["cache-control"]) != (place in broken)
        for strip in client.get(f"{link}/strips").json():
            assert client.get(f"{link}/{strip['url']}").status_code == 200
        for number in (1, 3):
            key = data["images"]["thumb"][data["images"]["item"].index(study.items["item"][number])]
            assert client.get(f"{link}/full/{key}").status_code == 404
        # a picture that is replaced while the page is open is never shown under the old one's key
        path, place = paths[5], data["images"]["item"].index(study.items["item"][5])
        app.state.serving.dashboard._known.clear()
        before = client.get(f"{link}/thumbs/{data['images']['thumb'][place]}.webp").content
        save(path, 4242)
        assert client.get(f"{link}/thumbs/{data['images']['thumb'][place]}.webp").content == before
    app.state.serving.close()
    study.close()


def test_pictures_that_were_replaced_lead_to_newer_figures(tmp_path, monkeypatch):
    """Nothing in the database tells of them: whoever finds one, or figures without it, has the others made anew."""
    monkeypatch.setenv("HUMANGRADE_CACHE", str(tmp_path / "cache"))
    study = made_study(tmp_path)
    app = create_app(study)
    live = app.state.serving.dashboard
    with TestClient(app) as client:
        link = f"/api/owner/{study.store.owner_token}/dashboard"

        def newer_than(version):
            live._not_before = 0.0
            end = time.monotonic() + 90
            while (newer := client.get(f"{link}/version").json()["version"]) == version:
                assert time.monotonic() < end, "no newer figures in time"
                time.sleep(0.2)
            return newer

        data = client.get(f"{link}/data").json()
        place = data["images"]["item"].index(study.items["item"][5])
        assert client.get(f"{link}/full/{data['images']['thumb'][place]}").status_code == 200
        save(study.image_path(study.items["item"][5]), 4242)
        answer = client.get(f"{link}/full/{data['images']['thumb'][place]}")
        assert answer.status_code == 404 and "was replaced" in answer.json()["detail"]
        version = newer_than(data["version"])
        data = client.get(f"{link}/data").json()
        place = data["images"]["item"].index(study.items["item"][5])
        assert client.get(f"{link}/full/{data['images']['thumb'][place]}").status_code == 200

        save(study.image_path(study.items["item"][6]), 4343)
        live._figures.close()  # as after ten minutes in which nobody looked
        live._figures = Worker("study.dashboard.figures_process", live._figures._told)
        answer = client.get(f"{link}/compare?left=0&right=1")
        assert answer.status_code == 503 and "in a moment" in answer.json()["detail"]
        newer_than(version)
        assert client.get(f"{link}/compare?left=0&right=1").status_code == 200
    app.state.serving.close()
    study.close()


def test_why_there_are_no_newer_figures_is_said_until_there_are(tmp_path):
    study = made_study(tmp_path)
    app = create_app(study)
    live = app.state.serving.dashboard
    with TestClient(app) as client:
        link = f"/api/owner/{study.store.owner_token}/dashboard"
        version = client.get(f"{link}/version").json()

        def said(is_there):
            end = time.monotonic() + 90
            while is_there != ("trouble" in (found := client.get(f"{link}/version").json())):
                live._not_before = 0.0
                assert time.monotonic() < end
                time.sleep(0.2)
            return found

        assert list(version) == ["version"]
        items = study.folder / "items.csv"
        content = items.read_bytes()
        items.write_bytes(b"nothing,of,it\n1,2,3\n")
        assert "items.csv" in said(True)["trouble"]
        assert client.get(f"{link}/data").json()["version"] == version["version"]
        items.write_bytes(content)
        assert said(False) == version
    app.state.serving.close()
    study.close()


def test_a_study_without_runs_ratings_or_scores_has_a_dashboard(make_study):
    study = make_study(images=3, references=0, tasks=("aesthetic",), evaluators=("ann",))
    app = create_app(study)
    with TestClient(app) as client:
        link = f"/api/owner/{study.store.owner_token}/dashboard"
        assert len(client.get(f"{link}/data").json()["images"]["item"]) == 3
        for name in ("trends", "agreement", "alerts", "best"):
            assert client.get(f"{link}/{name}").status_code in (200, 422)
    app.state.serving.close()


def test_it_ends_with_the_server(study):
    app = create_app(open_study(study.folder))
    with TestClient(app) as client:
        assert client.get(f"/api/owner/{study.store.owner_token}/dashboard/data").status_code == 200
        live = app.state.serving.dashboard
        processes = [worker._running.process for worker in (live._figures, live._pictures) if worker._running]
        folder = live._folder.path
    app.state.serving.close()
    assert processes and all(process.poll() is not None for process in processes)
    assert not folder.exists()
