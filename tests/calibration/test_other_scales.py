"""Studies on scales other than 1 to 5: the same answers under other numbers, and levels fewer and more."""

import re
from itertools import combinations_with_replacement

import numpy as np
import pandas as pd
import pytest

from calibration.core.buckets import BucketFitter, fit_buckets
from calibration.core.crossvalidation import cross_validate
from calibration.core.evaluator_weights import best_constant
from calibration.core.grades import person_to_person_grades
from calibration.page.html import render_html
from calibration.pipeline import calibrate_tables
from calibration.scale import LIKERT, Scale
from calibration.settings import Settings
from metrics.errors import InputError
from tests.calibration.simulated_studies import study

SETTINGS = {"draws": 100, "seed": 1}


@pytest.fixture(scope="module")
def made():
    return study("checkpoints", 3)


@pytest.fixture(scope="module")
def usual(made):
    return calibrate_tables(made.ratings, made.scores, made.items, Settings(**SETTINGS))


def figures(entry, path=""):
    """Every number of a report with its path."""
    if isinstance(entry, dict):
        for key, value in entry.items():
            yield from figures(value, f"{path}/{key}")
    elif isinstance(entry, list):
        for place, value in enumerate(entry):
            yield from figures(value, f"{path}/{place}")
    elif isinstance(entry, (int, float)):
        yield path, entry


IN_THE_SCALES_NUMBERS = ("/telecom/", "/unscored/", "/combination/", "/settings/")


@pytest.mark.parametrize("numbers", [(0, 1, 2, 3, 4), (-10, 0, 10, 20, 30), (0, 0.25, 0.5, 0.75, 1)])
def test_the_same_answers_under_other_numbers_give_the_same_figures(made, usual, numbers):
    renamed = made.ratings.assign(rating=made.ratings["rating"].map(dict(zip(range(1, 6), numbers, strict=True))))
    other = calibrate_tables(renamed, made.scores, made.items, Settings(**SETTINGS, scale=Scale(numbers)))
    expected, found = dict(figures(usual.report["tasks"])), dict(figures(other.report["tasks"]))
    assert expected.keys() == found.keys()
    for path, value in expected.items():
        if not any(part in path for part in IN_THE_SCALES_NUMBERS):
            assert found[path] == pytest.approx(value, abs=1e-9), path
    step = numbers[1] - numbers[0]
    for task in usual.report["tasks"]:
        for name, metric in usual.report["tasks"][task]["metrics"].items():
            beside = other.report["tasks"][task]["metrics"][name]["telecom"]
            assert beside["rmse"] == pytest.approx(step * metric["telecom"]["rmse"])
            assert beside["plcc"] == pytest.approx(metric["telecom"]["plcc"])
    means = np.asarray(usual.points["mean_rating"])
    assert other.points["mean_rating"].to_numpy() == pytest.approx(numbers[0] + step * (means - 1))


def by_brute_force(scores, ratings, scale, k):
    """The least loss over all monotone mappings to the scale's levels."""
    order = np.argsort(scores)
    best = np.inf
    for levels in combinations_with_replacement(range(scale.count), len(scores)):
        loss = np.nanmean(np.abs(scale.unit[list(levels)][:, None] - ratings[order]) ** k)
        best = min(best, loss)
    return best


@pytest.mark.parametrize("count", [3, 4, 7])
@pytest.mark.parametrize("k", [0.5, 1, 2])
def test_buckets_are_optimal_with_any_number_of_levels(count, k):
    rng = np.random.default_rng(count)
    scale = Scale(tuple(range(count)))
    for _ in range(5):
        scores, ratings = rng.normal(size=6), rng.integers(0, count, (6, 3)) / (count - 1)
        ratings[rng.random(ratings.shape) < 0.2] = np.nan
        mapping = fit_buckets(scores, ratings, k, scale=scale)
        assert len(mapping.thresholds) == count - 1
        assert mapping.loss == pytest.approx(by_brute_force(scores, ratings, scale, k), abs=1e-12)
        levels = mapping.levels(scores)
        assert levels.min() >= 1 and levels.max() <= count
        assert np.nanmean(np.abs(scale.of_levels(levels)[:, None] - ratings) ** k) == pytest.approx(mapping.loss)


@pytest.mark.parametrize("count", [3, 7, 11])
def test_cross_validation_by_hand(count):
    rng = np.random.default_rng(1)
    scale = Scale(tuple(range(count)))
    scores = rng.normal(size=40)
    answers = np.clip(np.rint((scores[:, None] + rng.normal(size=(40, 3)) + 2) * (count - 1) / 4), 0, count - 1)
    ratings = scale.to_unit(answers)
    found = cross_validate(scores, ratings, scale=scale)
    for out in range(3):
        mapping = BucketFitter(scores, np.delete(ratings, out, axis=1), scale=scale).fit()
        grade = 1 - np.abs(scale.of_levels(mapping.levels(scores)) - ratings[:, out]).mean()
        assert found.folds[out].grade == pytest.approx(grade)
    constant = scale.unit[best_constant(ratings, scale=scale) - 1]
    people = [1 - np.abs(constant - ratings[:, out]).mean() for out in range(3)]
    assert found.constant_mean == pytest.approx(np.mean(people))
    others = [1 - np.abs(level - ratings).mean() for level in scale.unit]
    assert 1 - np.abs(constant - ratings).mean() == pytest.approx(max(others))
    assert found.confusion.shape == (count, count) and found.confusion.sum() == 120
    assert found.person_mean == pytest.approx(np.nanmean(person_to_person_grades(ratings)))


@pytest.mark.parametrize("text", ["1-3", "1-7", "0-10", "0-100/5"])
def test_a_whole_report_on_another_scale(text):
    scale = Scale.parse(text)
    rng = np.random.default_rng(5)
    quality = rng.normal(size=60)
    answers = (quality[:, None] + 0.7 * rng.normal(size=(60, 4)) + 2.5) / 5
    low, high = scale.bounds or (scale.low, scale.high)
    given = np.clip(low + answers * (high - low), low, high)
    given = given.round(1) if scale.bounds else np.rint(given)
    rows = [(f"i{at:02d}", f"p{who}", given[at, who]) for at in range(60) for who in range(4)]
    ratings = pd.DataFrame(rows, columns=["item", "evaluator", "rating"])
    scores = pd.DataFrame({"item": [f"i{at:02d}" for at in range(60)], "good": quality, "noise": rng.normal(size=60)})
    found = calibrate_tables(ratings, scores, settings=Settings(draws=100, scale=scale))
    task = found.report["tasks"]["rating"]
    good, noise = task["metrics"]["good"], task["metrics"]["noise"]
    assert good["cross_validation"]["skill"] > 0.1 > noise["cross_validation"]["skill"]
    assert len(good["buckets"]["thresholds"]) == scale.count - 1
    assert np.shape(good["cross_validation"]["confusion"]) == (scale.count, scale.count)
    assert 1 <= good["constant"]["level"] <= scale.count
    assert len(good["predictor"]["curve"][f"p{scale.count}"]) > 1
    assert found.points["mean_rating"].between(scale.low, scale.high).all()
    assert found.report["settings"]["scale"]["values"] == list(scale.values)


@pytest.mark.parametrize(
    ("text", "rating", "said"),
    [
        ("1-7", 8, "the rating '8' is not a whole number from 1 to 7"),
        ("0,0.5,1", 0.7, "the rating '0.7' is not one of 0, 0.5 and 1"),
        ("0-100/5", 101, "the rating '101' is not a number from 0 to 100"),
        ("1-5", 6, "the rating '6' is not a whole number from 1 to 5"),
    ],
)
def test_an_answer_that_is_not_on_the_scale_is_refused(text, rating, said):
    scale = Scale.parse(text)
    table = pd.DataFrame({"item": ["a", "b"], "evaluator": "x", "rating": [scale.values[0], rating]})
    with pytest.raises(InputError, match=said):
        calibrate_tables(table, settings=Settings(scale=scale))


def test_the_usual_scale_is_what_nothing_is_said_of():
    assert Settings().scale == LIKERT == Scale.parse("1-5")


def test_the_page_speaks_of_the_scale_that_people_used():
    rng = np.random.default_rng(5)
    quality = rng.normal(size=60)
    given = np.clip(np.rint(5 + 2.5 * quality[:, None] + 1.5 * rng.normal(size=(60, 4))), 0, 10)
    rows = [(f"i{at:02d}", f"p{who}", given[at, who]) for at in range(60) for who in range(4)]
    ratings = pd.DataFrame(rows, columns=["item", "evaluator", "rating"])
    scores = pd.DataFrame({"item": [f"i{at:02d}" for at in range(60)], "good": quality})
    items = pd.DataFrame({"item": scores["item"], "model": ["m1", "m2"] * 30})
    found = calibrate_tables(ratings, scores, items, Settings(draws=100, scale=Scale.parse("0-10")))
    page = render_html(found)
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    for words in ("1 to 5", "four thresholds", "(r - 1) / 4", "(rating − 1) / 4", "five levels"):
        assert words.lower() not in text.lower()
    for words in (
        "from 0 to 10",
        "rating / 10",
        "Ten thresholds that turn a metric's score into a level from 0 to 10",
        "eleven levels by ten thresholds",
        "where 0 becomes 0 and 10 becomes 1",
    ):
        assert words in text
    assert '<table class="confusion wide">' in page  # which scrolls on a phone
    task = found.model.tasks["rating"]
    best = max(task.metrics["good"].models.models, key=lambda one: one.rating)
    assert f"{10 * best.rating:.2f}" in text
    person = task.evaluators["p0"]
    assert f"{10 * person.mean:.2f}" in text and f"{10 * person.std:.2f}" in text
    over = given[:, 0].mean()
    assert 10 * person.mean == pytest.approx(over)
