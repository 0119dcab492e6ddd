"""The owner's routes: progress, the report so far, the tables as a zip file."""

import io
import re
import zipfile

import pytest
from starlette.testclient import TestClient

from metrics.errors import InputError
from study.folder.exporting import table_files
from study.folder.study import open_study
from study.server.app import CLOSED_NOW, NOT_NOW, create_app
from tests.study.command import finished_report

UNKNOWN_LINK = {"detail": "This link is not known. Ask the owner of the study for your link."}


@pytest.fixture(scope="module")
def study(make_study):
    study = make_study(images=4)
    ann = study.store.evaluators()[0]
    for number, assignment in enumerate(study.store.assignments(ann.id)[:5]):
        study.store.rate(ann.id, assignment.public_id, 1 + number % 5, f"a-{number}", response_ms=1000 * (number + 1))
    return study


@pytest.fixture(scope="module")
def client(study):
    return TestClient(create_app(study))


@pytest.fixture(scope="module")
def link(study):
    return f"/api/owner/{study.store.owner_token}"


@pytest.mark.parametrize("route", ["progress", "report", "export.zip"])
def test_only_with_the_owners_key(study, client, route):
    for token in ("nobody", "ä", study.store.evaluators()[0].token, study.store.owner_token[:-1]):
        response = client.get(f"/api/owner/{token}/{route}")
        assert (response.status_code, response.json()) == (404, UNKNOWN_LINK)


def test_progress(study, client, link):
    progress = client.get(f"{link}/progress").json()
    assert (progress["title"], progress["tasks"]) == ("Portraits in winter", ["similarity", "aesthetic"])
    ann, bob = progress["evaluators"]
    assert (ann["name"], ann["done"], ann["total"]) == ("ann", 5, 8)
    assert ann["link"] == f"/rate/?key={study.store.evaluators()[0].token}"
    assert ann["last_rated_at"].endswith("+00:00")
    assert [(task["done"], task["total"]) for task in ann["tasks"]] == [(4, 4), (1, 4)]
    assert [task["median_response_ms"] for task in ann["tasks"]] == [2500, 5000]
    assert (bob["done"], bob["last_rated_at"]) == (0, None)
    assert [task["median_response_ms"] for task in bob["tasks"]] == [None, None]


def test_an_evaluator_without_assignments_is_listed(make_study):
    study = make_study(images=1, references=0, tasks=("aesthetic",), evaluators=("ann",))
    client = TestClient(create_app(study))
    study.store.add_evaluators(["late"])
    late = client.get(f"/api/owner/{study.store.owner_token}/progress").json()["evaluators"][1]
    assert (late["name"], late["total"]) == ("late", 0)


def test_what_keeps_the_server_from_saving_is_said_to_the_owner_and_not_to_raters(make_study, capsys):
    study = make_study(images=2, references=0, tasks=("aesthetic",), evaluators=("ann",))
    client = TestClient(create_app(study))
    (ann,) = study.store.evaluators()
    (target, _) = study.store.assignments(ann.id)
    owner, place = f"/api/owner/{study.store.owner_token}", f"/api/rater/{ann.token}/ratings/{target.public_id}"
    database = study.folder / "ratings.sqlite"
    database.rename(database.with_name("aside"))
    for _ in range(2):
        refused = client.put(place, json={"rating": 3, "client_id": "c"})
        assert (refused.status_code, refused.json()) == (503, {"detail": NOT_NOW})
    for route in ("progress", "report"):
        answer = client.get(f"{owner}/{route}")
        assert answer.status_code == 503 and "was deleted or moved while it was open" in answer.json()["detail"]
    assert client.get(f"/api/rater/{ann.token}/session").json() == {"detail": CLOSED_NOW}
    printed = capsys.readouterr().err.splitlines()
    assert len(printed) == 1 and str(database) in printed[0]
    database.with_name("aside").rename(database)
    assert "was deleted" in client.get(f"{owner}/progress").json()["trouble"]
    assert client.put(place, json={"rating": 3, "client_id": "c"}).status_code == 200
    assert client.get(f"{owner}/progress").json()["trouble"] == ""
    assert capsys.readouterr().err.endswith("Ratings are saved again.\n")


def test_a_study_that_cannot_be_written_is_not_served(make_study, monkeypatch):
    study = make_study(images=2, references=0, tasks=("aesthetic",), evaluators=("ann",))
    study.close()
    monkeypatch.setattr("study.store.sqlite.os.access", lambda place, mode: False)
    with pytest.raises(InputError, match="cannot be written, so no rating could be saved"):
        create_app(open_study(study.folder))


def test_report(client, link):
    response = finished_report(client, f"{link}/report")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    assert response.headers["cache-control"] == "private, no-store"
    assert "similarity" in response.text.lower() and response.headers["content-encoding"] == "gzip"
    assert re.search(r'<p class="live" role="status">Made at \d\d:\d\d from 5 ratings\. Nothing had', response.text)
    plain = client.get(f"{link}/report", headers={"Accept-Encoding": "identity"})
    assert plain.text == response.text and "content-encoding" not in plain.headers


def test_report_before_the_first_rating(make_study):
    study = make_study(images=1, references=0, tasks=("aesthetic",), evaluators=("ann",))
    response = TestClient(create_app(study)).get(f"/api/owner/{study.store.owner_token}/report")
    assert response.status_code == 200
    assert "No report yet" in response.text


def test_report_of_a_single_rating(make_study):
    study = make_study(images=2, references=0, tasks=("aesthetic",), evaluators=("ann",))
    ann = study.store.evaluators()[0]
    study.store.rate(ann.id, study.store.assignments(ann.id)[0].public_id, 3, "only")
    client = TestClient(create_app(study))
    report = finished_report(client, f"/api/owner/{study.store.owner_token}/report")
    assert report.status_code == 200 and "from 1 rating." in report.text


def test_export_holds_the_tables(study, client, link):
    response = client.get(f"{link}/export.zip")
    assert response.headers["content-type"] == "application/zip"
    assert "attachment" in response.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(response.content)) as packed:
        files = {name: packed.read(name).decode() for name in packed.namelist()}
    assert files == table_files(study)
    assert {"items.csv", "ratings.csv", "scores.csv"} <= set(files)
