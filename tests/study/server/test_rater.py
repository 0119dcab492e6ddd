"""The rater's routes: the session, saving a rating, pictures, and the report at the end."""

import pytest
from starlette.testclient import TestClient

from study import add_images
from study.server.app import create_app
from study.server.metadata import strip_metadata
from study.server.rater import MISSING_IMAGE
from tests.study.command import finished_report
from tests.study.conftest import MARKER, save_image

UNKNOWN_LINK = {"detail": "This link is not known. Ask the owner of the study for your link."}


@pytest.fixture(scope="module")
def study(make_study):
    return make_study(images=3, evaluators=("ann", "bob", "cleo", "dora"))


@pytest.fixture(scope="module")
def client(study):
    return TestClient(create_app(study))


@pytest.fixture(scope="module")
def link(study):
    tokens = {evaluator.name: evaluator.token for evaluator in study.store.evaluators()}
    return lambda name: f"/api/rater/{tokens[name]}"


def session_ids(client, link, name):
    tasks = client.get(f"{link(name)}/session").json()["tasks"]
    return [entry["id"] for task in tasks for entry in task["assignments"]]


def entries(study):
    address = f"/api/rater/{study.store.evaluators()[0].token}/session"
    (task,) = TestClient(create_app(study)).get(address).json()["tasks"]
    return task["assignments"]


class TestSession:
    def test_tasks_come_in_order_with_their_words(self, client, link):
        session = client.get(f"{link('ann')}/session").json()
        assert (session["title"], session["share_report"]) == ("Portraits in winter", False)
        assert [task["name"] for task in session["tasks"]] == ["similarity", "aesthetic"]
        assert [task["total"] for task in session["tasks"]] == [3, 3]
        assert all(len(task["levels"]) == 5 and task["question"] for task in session["tasks"])
        assert [task["show_references"] for task in session["tasks"]] == [True, False]

    def test_references_that_several_images_share_have_one_address(self, client, link):
        similarity, aesthetic = client.get(f"{link('ann')}/session").json()["tasks"]
        first = similarity["assignments"][0]["id"]
        assert {(entry["references"], entry["references_from"]) for entry in similarity["assignments"]} == {(2, first)}
        assert {entry["references"] for entry in aesthetic["assignments"]} == {0}

    def test_two_raters_see_other_ids_and_another_order(self, study, client, link):
        assert not set(session_ids(client, link, "ann")) & set(session_ids(client, link, "bob"))

    def test_it_is_sent_again_only_where_it_changed(self, study, client, link):
        first = client.get(f"{link('dora')}/session")
        known = {"If-None-Match": first.headers["etag"]}
        again = client.get(f"{link('dora')}/session", headers=known)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
        target = first.json()["tasks"][0]["assignments"][0]["id"]
        other = client.get(f"{link('cleo')}/session").headers["etag"]
        for rating in (2, 4):
            answer = {"rating": rating, "client_id": f"etag-{rating}"}
            assert client.put(f"{link('dora')}/ratings/{target}", json=answer).status_code == 200
            changed = client.get(f"{link('dora')}/session", headers=known)
            assert changed.status_code == 200 and changed.headers["etag"] != known["If-None-Match"]
            known = {"If-None-Match": changed.headers["etag"]}
        assert client.get(f"{link('cleo')}/session", headers={"If-None-Match": other}).status_code == 304

    def test_nothing_tells_what_is_asked_again_from_what_is_new(self, make_study):
        study = make_study(images=6, references=0, tasks=("aesthetic",), evaluators=("ann",))
        for one in study.store.assignments(1):
            study.store.rate(1, one.public_id, 3, one.public_id)
        assert all(set(entry) == {"id", "rating", "references"} for entry in entries(study))
        for number in range(3):
            save_image(study.folder.parent / "images" / "later" / f"{number}.png", 3000 + number)
        grown = add_images(study, study.folder.parent / "images", anchors=0.3)
        later = [entry for entry in entries(study) if "round" in entry]
        own = {one.public_id: one.item for one in study.store.assignments(1)}
        assert sorted(own[entry["id"]] for entry in later) == sorted([*grown.images, *grown.anchors])
        assert {tuple(sorted(entry.items(), key=str)) for entry in ({**each, "id": ""} for each in later)} == {
            (("id", ""), ("rating", None), ("references", 0), ("round", 2))
        }

    def test_a_long_one_is_compressed(self, make_study):
        study = make_study(images=60, references=0, tasks=("aesthetic",), evaluators=("ann",))
        address = f"/api/rater/{study.store.evaluators()[0].token}/session"
        client = TestClient(create_app(study))
        packed = client.get(address)
        plain = client.get(address, headers={"Accept-Encoding": "identity"})
        assert packed.headers["content-encoding"] == "gzip" and "content-encoding" not in plain.headers
        assert packed.json() == plain.json() and len(packed.json()["tasks"][0]["assignments"]) == 60
        assert int(packed.headers["content-length"]) < 0.7 * int(plain.headers["content-length"])
        assert packed.headers["vary"] == "Accept-Encoding"

    def test_unknown_link(self, client):
        response = client.get("/api/rater/nobody/session")
        assert (response.status_code, response.json()) == (404, UNKNOWN_LINK)

    def test_the_owners_key_opens_no_session(self, study, client):
        assert client.get(f"/api/rater/{study.store.owner_token}/session").status_code == 404

    def test_images_added_later_stay_with_their_task(self, make_study):
        study = make_study(images=2, references=0, tasks=("aesthetic", "detail"), evaluators=("ann",))
        row = {"evaluator": "ann", "task": "aesthetic", "item": study.items["item"][0], "position": 99, "repeat": 1}
        study.store.add_assignments([row])
        token = study.store.evaluators()[0].token
        tasks = TestClient(create_app(study)).get(f"/api/rater/{token}/session").json()["tasks"]
        assert [(task["name"], task["total"]) for task in tasks] == [("aesthetic", 3), ("detail", 2)]


class TestRate:
    def test_saved_and_shown_in_the_session(self, client, link):
        first = session_ids(client, link, "bob")[0]
        answer = {"rating": 4, "client_id": "b-1", "response_ms": 1234}
        response = client.put(f"{link('bob')}/ratings/{first}", json=answer)
        saved = response.json()
        assert response.status_code == 200
        assert (saved["id"], saved["rating"], saved["client_id"]) == (first, 4, "b-1")
        session = client.get(f"{link('bob')}/session").json()
        assert session["tasks"][0]["assignments"][0]["rating"] == 4

    def test_the_same_client_id_five_times_is_one_rating(self, study, client, link):
        target = session_ids(client, link, "bob")[1]
        before = len(study.store.ratings_table())
        put = [client.put(f"{link('bob')}/ratings/{target}", json={"rating": 2, "client_id": "b-2"}) for _ in range(5)]
        assert {response.status_code for response in put} == {200}
        assert len({response.text for response in put}) == 1
        assert len(study.store.ratings_table()) == before + 1

    def test_a_new_client_id_changes_the_answer(self, client, link):
        target = session_ids(client, link, "bob")[2]
        for number, rating in enumerate((1, 5)):
            client.put(f"{link('bob')}/ratings/{target}", json={"rating": rating, "client_id": f"b-3-{number}"})
        assert client.get(f"{link('bob')}/session").json()["tasks"][0]["assignments"][2]["rating"] == 5

    def test_a_client_id_for_another_answer_is_a_conflict(self, client, link):
        target = session_ids(client, link, "bob")[3]
        assert client.put(f"{link('bob')}/ratings/{target}", json={"rating": 2, "client_id": "b-4"}).status_code == 200
        response = client.put(f"{link('bob')}/ratings/{target}", json={"rating": 3, "client_id": "b-4"})
        assert response.status_code == 409
        assert "reload" in response.json()["detail"]

    def test_an_answer_given_elsewhere_meanwhile_stays_and_is_told(self, client, link):
        target = f"{link('bob')}/ratings/{session_ids(client, link, 'bob')[2]}"
        first = {"rating": 5, "client_id": "here", "previous": None}
        assert client.put(target, json=first).status_code == 200
        stale = client.put(target, json={"rating": 1, "client_id": "there", "previous": None})
        assert stale.status_code == 409 and stale.json()["rating"] == 5
        assert client.put(target, json=first).status_code == 200  # sent again
        for answer in ({"rating": 5, "client_id": "c", "previous": 2}, {"rating": 4, "client_id": "d", "previous": 5}):
            assert client.put(target, json=answer).status_code == 200
        assert client.put(target, json={"rating": 2, "client_id": "old page"}).status_code == 200

    def test_anothers_image_is_unknown(self, client, link):
        target = session_ids(client, link, "ann")[0]
        response = client.put(f"{link('bob')}/ratings/{target}", json={"rating": 2, "client_id": "b-5"})
        assert response.status_code == 404

    @pytest.mark.parametrize(
        "answer",
        [
            {"rating": 0, "client_id": "x"},
            {"rating": 6, "client_id": "x"},
            {"rating": "3", "client_id": "x"},
            {"rating": 3.5, "client_id": "x"},
            {"rating": True, "client_id": "x"},
            {"rating": 3},
            {"rating": 3, "client_id": ""},
            {"rating": 3, "client_id": "x" * 65},
            {"rating": 3, "client_id": "x", "response_ms": -1},
            {"rating": 3, "client_id": "x", "item": "y"},
            [],
        ],
    )
    def test_a_bad_answer_is_refused(self, client, link, answer):
        target = session_ids(client, link, "ann")[0]
        assert client.put(f"{link('ann')}/ratings/{target}", json=answer).status_code == 422
        assert client.get(f"{link('ann')}/session").json()["tasks"][0]["assignments"][0]["rating"] is None

    def test_the_studys_own_scale_is_what_is_taken(self, make_study):
        study = make_study(images=2, references=0, tasks=("aesthetic",), evaluators=("ann",), scale="0-4")
        client, token = TestClient(create_app(study)), study.store.evaluators()[0].token
        address = f"/api/rater/{token}"
        (task,) = client.get(f"{address}/session").json()["tasks"]
        assert task["numbers"] == [0, 1, 2, 3, 4] and len(task["levels"]) == 5
        first = f"{address}/ratings/{task['assignments'][0]['id']}"
        for number, rating in enumerate((5, -1, 0.5, False, None)):
            answer = {"rating": rating, "client_id": f"no-{number}"}
            assert client.put(first, json=answer).status_code == 422, rating
        assert client.put(first, json={"rating": 1, "client_id": "p", "previous": 5}).status_code == 422
        assert client.put(first, json={"rating": 0, "client_id": "a", "previous": None}).json()["rating"] == 0
        stale = client.put(first, json={"rating": 4, "client_id": "b", "previous": None})
        assert (stale.status_code, stale.json()["rating"]) == (409, 0)
        assert client.put(first, json={"rating": 4, "client_id": "c", "previous": 0}).status_code == 200
        (task,) = client.get(f"{address}/session").json()["tasks"]
        assert [one["rating"] for one in task["assignments"]] == [4, None]

    @pytest.mark.parametrize(
        "body", [b'{"rating": 3, "client_id": "\\ud800"}', b'{"rating": 1e400}', b'{"rating": NaN}']
    )
    def test_what_json_cannot_repeat_is_refused_as_well(self, client, link, body):
        target = session_ids(client, link, "ann")[0]
        headers = {"content-type": "application/json"}
        response = client.put(f"{link('ann')}/ratings/{target}", content=body, headers=headers)
        assert response.status_code == 422 and "input" not in response.text

    def test_an_unknown_link_saves_nothing(self, client, link):
        target = session_ids(client, link, "ann")[0]
        response = client.put(f"/api/rater/nobody/ratings/{target}", json={"rating": 2, "client_id": "n"})
        assert (response.status_code, response.json()) == (404, UNKNOWN_LINK)


class TestPictures:
    def test_original_bytes_without_the_words(self, study, client, link):
        ann = next(evaluator for evaluator in study.store.evaluators() if evaluator.name == "ann")
        for assignment in study.store.assignments(ann.id):
            response = client.get(f"{link('ann')}/images/{assignment.public_id}")
            original = study.image_path(assignment.item).read_bytes()
            assert MARKER.encode() in original
            assert response.content == strip_metadata(original)
            assert MARKER.encode() not in response.content
            assert MARKER not in str(response.headers)
            assert response.headers["content-type"] == "image/png"
            assert response.headers["cache-control"].startswith("private")

    def test_references(self, client, link):
        first = session_ids(client, link, "ann")[0]
        photos = [client.get(f"{link('ann')}/images/{first}/references/{number}") for number in range(3)]
        assert [photo.status_code for photo in photos] == [200, 200, 404]
        assert photos[0].content != photos[1].content
        assert all(MARKER.encode() not in photo.content for photo in photos)

    def test_no_references_in_a_task_without_them(self, client, link):
        last = session_ids(client, link, "ann")[-1]
        assert client.get(f"{link('ann')}/images/{last}/references/0").status_code == 404

    def test_not_sent_again_when_unchanged(self, client, link):
        address = f"{link('ann')}/images/{session_ids(client, link, 'ann')[0]}"
        etag = client.get(address).headers["etag"]
        again = client.get(address, headers={"If-None-Match": etag})
        assert (again.status_code, again.content) == (304, b"")

    @pytest.mark.parametrize("number", ["-1", "x", "1e3"])
    def test_odd_numbers(self, client, link, number):
        first = session_ids(client, link, "ann")[0]
        assert client.get(f"{link('ann')}/images/{first}/references/{number}").status_code in (404, 422)

    def test_only_the_raters_own(self, client, link):
        mine = session_ids(client, link, "ann")[0]
        assert client.get(f"{link('bob')}/images/{mine}").status_code == 404
        assert client.get(f"/api/rater/nobody/images/{mine}").status_code == 404
        assert client.get(f"{link('ann')}/images/../session").status_code == 200  # the client resolves the dots
        assert client.get(f"{link('ann')}/images/%2e%2e%2fitems.csv").status_code == 404

    def test_a_picture_that_vanishes_while_the_study_is_served(self, make_study):
        study = make_study(images=1, references=0, tasks=("aesthetic",), evaluators=("ann",))
        ann = study.store.evaluators()[0]
        assignment = study.store.assignments(ann.id)[0]
        client = TestClient(create_app(study))
        study.image_path(assignment.item).unlink()
        response = client.get(f"/api/rater/{ann.token}/images/{assignment.public_id}")
        assert response.status_code == 404
        assert "owner" in response.json()["detail"]
        assert MARKER not in response.text

    def test_a_picture_that_cannot_be_stripped_is_no_error_of_the_server(self, make_study):
        study = make_study(images=1, references=0, tasks=("aesthetic",), evaluators=("ann",))
        ann = study.store.evaluators()[0]
        assignment = study.store.assignments(ann.id)[0]
        client = TestClient(create_app(study))
        study.image_path(assignment.item).write_bytes(b"no picture at all")
        response = client.get(f"/api/rater/{ann.token}/images/{assignment.public_id}")
        assert (response.status_code, response.json()["detail"]) == (404, MISSING_IMAGE)


class TestReport:
    def test_only_where_the_owner_shares_it(self, client, link):
        for number, target in enumerate(session_ids(client, link, "cleo")):
            client.put(f"{link('cleo')}/ratings/{target}", json={"rating": 3, "client_id": f"c-{number}"})
        assert client.get(f"{link('cleo')}/report").status_code == 403

    def test_for_those_who_have_finished(self, make_study):
        study = make_study(images=2, references=0, tasks=("aesthetic",), evaluators=("ann", "bob"), share_report=True)
        client = TestClient(create_app(study))
        ann, bob = study.store.evaluators()
        for number, assignment in enumerate(study.store.assignments(ann.id)):
            assert client.get(f"/api/rater/{ann.token}/report").status_code == 403
            answer = {"rating": 3, "client_id": f"a-{number}"}
            client.put(f"/api/rater/{ann.token}/ratings/{assignment.public_id}", json=answer)
        first = client.get(f"/api/rater/{ann.token}/report")
        assert "The report is being made." in first.text and not study.store.saw_report()
        response = finished_report(client, f"/api/rater/{ann.token}/report")
        assert response.status_code == 200 and study.store.saw_report() == {"ann"}
        again = client.get(f"/api/rater/{ann.token}/report").text  # who looks changes nothing that is reported
        assert "Nothing had changed when this page was opened." in again
        assert response.headers["content-type"].startswith("text/html")
        assert client.get(f"/api/rater/{bob.token}/report").status_code == 403

    def test_answers_stay_once_the_report_was_seen(self, make_study):
        study = make_study(images=2, references=0, tasks=("aesthetic",), evaluators=("ann",), share_report=True)
        client = TestClient(create_app(study))
        (ann,) = study.store.evaluators()
        places = [f"/api/rater/{ann.token}/ratings/{one.public_id}" for one in study.store.assignments(ann.id)]
        for number, place in enumerate(places):
            client.put(place, json={"rating": 3, "client_id": f"a-{number}"})
        assert client.put(places[0], json={"rating": 4, "client_id": "b"}).status_code == 200
        finished_report(client, f"/api/rater/{ann.token}/report")
        refused = client.put(places[0], json={"rating": 5, "client_id": "c"})
        assert refused.status_code == 403 and "stay as they are" in refused.json()["detail"]
        assert refused.json()["rating"] == 4
        assert client.get(f"/api/rater/{ann.token}/session").json()["report_seen"] is True
        assert client.put(places[0], json={"rating": 4, "client_id": "d"}).status_code == 200
        assert study.store.ratings_table()["rating"].tolist().count(5) == 0
