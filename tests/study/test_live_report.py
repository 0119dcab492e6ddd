"""The report of this moment: made once for the same ratings, however many ask at once; never an old one."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from study import live_report
from study.live_report import LiveReport


@pytest.fixture
def rated(make_study):
    """A study with four answers, and a way to give one more."""
    study = make_study(images=3, references=0, tasks=("aesthetic",), evaluators=("ann", "bob"))
    waiting = [(who.id, one.public_id) for who in study.store.evaluators() for one in study.store.assignments(who.id)]

    def rate(answer):
        evaluator, public_id = waiting.pop()
        study.store.rate(evaluator, public_id, answer, f"r-{len(waiting)}")

    for answer in (1, 3, 5, 2):
        rate(answer)
    return study, rate


@pytest.fixture
def made(monkeypatch):
    """What was calibrated, how often."""
    calls, original = [], live_report.calibrate_study
    monkeypatch.setattr(live_report, "calibrate_study", lambda *given: calls.append(given) or original(*given))
    return calls


def test_many_who_ask_at_once_get_one_report(rated, made):
    report = LiveReport(rated[0])
    with ThreadPoolExecutor(4) as pool:
        pages = set(pool.map(lambda _: report.html(), range(8)))
    assert len(pages) == len(made) == 1


def test_a_new_rating_makes_a_new_one(rated, made):
    study, rate = rated
    report = LiveReport(study)
    first = report.html()
    rate(4)
    assert report.html() != first and "5 ratings by 2 evaluators" in report.html()
    assert len(made) == 2


def test_scores_that_come_in_make_a_new_one(rated, made):
    study, _ = rated
    report = LiveReport(study)
    report.html()
    items = study.items["item"]
    study.store.import_rows(scores=[{"item": item, "metric": "sharpness", "score": len(item)} for item in items])
    assert "Sharpness" in report.html() and len(made) == 2
