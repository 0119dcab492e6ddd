"""Fifty people rate at the same time, some answers sent twice: none is lost or doubled, also while others look."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from study.folder.study import open_study

RATERS = tuple(f"rater-{number:02}" for number in range(50))
IMAGES = 12

pytestmark = pytest.mark.load


def whole_session(server, name):
    """Rate everything through HTTP as the page does; every third answer is sent once more."""
    with httpx.Client(base_url=f"{server.base}/api/rater/{server.token(name)}/", timeout=60) as client:
        session = client.get("session").raise_for_status().json()
        given = {}
        for number, entry in enumerate(session["tasks"][0]["assignments"]):
            client.get(f"images/{entry['id']}").raise_for_status()
            answer = {"rating": 1 + (number + len(name)) % 5, "client_id": f"{name}-{number}", "response_ms": 1000}
            saved = [client.put(f"ratings/{entry['id']}", json=answer) for _ in range(2 if number % 3 == 0 else 1)]
            assert {response.status_code for response in saved} == {200}
            assert len({response.text for response in saved}) == 1
            given[entry["id"]] = answer["rating"]
        return given


def test_fifty_raters_at_once(make_study, serve_study):
    study = make_study(images=IMAGES, references=0, tasks=("aesthetic",), evaluators=RATERS)
    server = serve_study(study)
    with ThreadPoolExecutor(len(RATERS)) as pool:
        given = dict(zip(RATERS, pool.map(lambda name: whole_session(server, name), RATERS), strict=True))
    assert {name: server.ratings(name) for name in RATERS} == given

    table = open_study(study.folder).store.ratings_table()
    assert len(table) == len(RATERS) * IMAGES
    assert not table.duplicated(["item", "evaluator", "task"]).any()


def test_fifty_raters_while_the_dashboard_is_loaded_45_times(make_study, serve_study):
    """Whoever looks shares what is made: two processes beside the server, however many ask and hang up."""
    study = make_study(images=IMAGES, references=0, tasks=("aesthetic",), evaluators=RATERS)
    server = serve_study(study)
    dashboard = f"{server.base}/api/owner/{server.token('owner')}/dashboard"

    def load(number):
        """All that a page asks for; every other one leaves before it has it."""
        for name in ("data", "strips", "alerts", "best", "trends", "agreement"):
            with contextlib.suppress(httpx.TimeoutException):
                patience = 0.2 if number % 2 else 120
                answer = httpx.get(f"{dashboard}/{name}", timeout=patience)
                assert answer.status_code in (200, 422)

    with ThreadPoolExecutor(len(RATERS)) as raters, ThreadPoolExecutor(45) as lookers:
        looking = [lookers.submit(load, number) for number in range(45)]
        given = dict(zip(RATERS, raters.map(lambda name: whole_session(server, name), RATERS), strict=True))
        for one in looking:
            one.result()
    assert {name: server.ratings(name) for name in RATERS} == given
    children = [file.read_text() for file in Path(f"/proc/{server.process.pid}/task").glob("*/children")]
    if children:
        assert len(" ".join(children).split()) == 2
    data = httpx.get(f"{dashboard}/data", timeout=120).json()
    for key in data["images"]["thumb"]:
        assert httpx.get(f"{dashboard}/thumbs/{key}.webp", timeout=120).status_code == 200
