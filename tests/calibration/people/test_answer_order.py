"""Long runs of one answer and patterns in the order of rating; honest runs, and runs of the images, are none."""

import numpy as np
import pandas as pd
import pytest

from calibration.page.html import render_html
from calibration.people.answer_order import answers_in_order, rating_order
from calibration.people.screening import screen
from calibration.pipeline import calibrate_tables
from calibration.settings import Settings


def study(seed, images=200, people=5, sort=False):
    rng = np.random.default_rng(seed)
    quality = np.sort(rng.normal(size=images)) if sort else rng.normal(size=images)
    ratings = np.clip(np.rint(3 + quality[:, None] + 0.8 * rng.normal(size=(images, people))), 1, 5)
    order = np.argsort(rng.random((images, people)), axis=0).astype(float)
    return ratings, np.tile(np.arange(images)[:, None] * 1.0, people) if sort else order


def place(ratings, order, evaluator, answers, start=0):
    """Let an evaluator give these answers in their order, from a place on."""
    who = np.argsort(order[:, evaluator])[start : start + len(answers)]
    ratings[who, evaluator] = answers[: len(who)]


@pytest.mark.parametrize("cycle", [(3, 4), (1, 2, 3), (5, 4, 3, 2, 1), (1, 5, 5)])
def test_cycles_are_found(cycle):
    ratings, order = study(0)
    place(ratings, order, 2, np.resize(cycle, 120), 80)
    (found,) = answers_in_order(ratings, order, 0.01)
    assert (found.evaluator, found.kind, found.period) == (2, "pattern", len(cycle))
    assert found.observed > found.expected + 0.25 and found.p <= 0.01 and found.answers == 200


def test_long_runs_are_found_and_described():
    ratings, order = study(1)
    place(ratings, order, 3, np.repeat([3, 2, 4, 3], 25), 100)
    (found,) = answers_in_order(ratings, order, 0.01)
    assert (found.evaluator, found.kind) == (3, "runs") and 25 <= found.longest < 30
    flags = [flag for flag in screen(ratings, list("abcde"), order=order) if "order of rating" in flag.sentence]
    assert [flag.evaluators for flag in flags] == [(3,)]
    words = f"the longest of {found.longest}: in the order of rating, an answer stands in a run of {found.observed:.1f}"
    assert words in flags[0].sentence
    assert "order of rating" not in " ".join(flag.sentence for flag in screen(ratings, list("abcde")))


def test_honest_answers_and_honest_runs_are_no_finding():
    named = 0
    for seed in range(40):
        ratings, order = study(seed)
        ratings[:, 0] = np.where(ratings[:, 0] > np.quantile(ratings[:, 0], 0.1), 5, 4)  # nine of ten answers are 5
        ratings[:, 1] = np.clip(ratings[:, 1], 3, 4)  # only two answers
        named += bool(answers_in_order(ratings, order, 0.01))
    assert named <= 1


def test_runs_that_come_from_the_images_are_no_finding():
    found = [answers_in_order(*study(seed, images=400, sort=True), 0.01) for seed in range(10)]
    assert sum(map(bool, found)) <= 1
    ratings, order = study(0, images=400, sort=True)
    by_turns = np.stack([ratings[:200], ratings[200:]], axis=1).reshape(ratings.shape)  # bad, good, bad, good
    assert answers_in_order(by_turns, order, 0.01) == []


def test_what_is_not_known_is_not_looked_at():
    ratings, order = study(2)
    place(ratings, order, 2, np.resize([3, 4], 200))
    unknown = order.copy()
    unknown[:, 2] = np.nan
    assert answers_in_order(ratings, unknown, 0.01) == []
    assert [found.evaluator for found in answers_in_order(ratings, order, 0.01)] == [2]
    assert answers_in_order(ratings[:30], order[:30], 0.01) == []
    assert answers_in_order(np.full((50, 2), 3.0), order[:50, :2], 0.01) == []


def test_orders_from_positions_and_times():
    items, evaluators = pd.Index(["a", "b"]), ["x", "y", "z"]
    rows = pd.DataFrame({"item": list("ababab"), "evaluator": list("xxyyzz")})
    rows["position"] = ["10", "9", "1", "", "4", "4"]
    rows["rated_at"] = ["2026-01-01T00:00:00Z"] * 2 + ["2026-01-01T00:00:02Z", "2026-01-01T00:00:01+00:00", "x", "y"]
    expected = [[1.0, 1.0, np.nan], [0.0, 0.0, np.nan]]  # y by the times, z by nothing
    np.testing.assert_array_equal(rating_order(rows, items, evaluators), expected)
    np.testing.assert_array_equal(rating_order(rows.drop(columns="rated_at"), items, ["x"]), [[1.0], [0.0]])
    assert rating_order(rows[["item", "evaluator"]], items, evaluators) is None
    seconds = rows[:2].assign(position="", rated_at=["12.5", "11"])
    np.testing.assert_array_equal(rating_order(seconds, items, ["x"]), [[1.0], [0.0]])


def table(ratings, order):
    rows = [
        {"item": f"i{i:03d}", "evaluator": "abcde"[e], "rating": int(ratings[i, e]), "position": int(order[i, e])}
        for i in range(len(ratings))
        for e in range(ratings.shape[1])
    ]
    return pd.DataFrame(rows)


def test_the_report_reads_the_order_and_shows_response_times():
    ratings, order = study(0)
    place(ratings, order, 2, np.resize([3, 4], 120), 80)
    rows = table(ratings, order)
    rows["response_ms"] = np.where(rows["evaluator"] == "a", "1500", "")
    made = calibrate_tables(rows, settings=Settings(draws=0))
    task = made.report["tasks"]["rating"]
    assert any(note.startswith("c answered in a pattern: in the order of rating") for note in task["notes"])
    assert task["evaluators"]["a"]["median_response_ms"] == 1500.0
    assert "median_response_ms" not in task["evaluators"]["b"]
    assert "Median response (s)" in render_html(made)
    without = calibrate_tables(rows.drop(columns=["position", "response_ms"]), settings=Settings(draws=0))
    assert not any("order of rating" in note for note in without.report["tasks"]["rating"]["notes"])
    assert "Median response (s)" not in render_html(without)
