"""Nobody and nothing is compared with what it is not like: images left out, people without a common image, copies."""

import re

import numpy as np
import pandas as pd
import pytest

from calibration.core.evaluator_weights import best_constant
from calibration.page.explanations import caution
from calibration.people.screening import screen
from calibration.people.strictness import strictness
from calibration.pipeline import calibrate_tables
from calibration.report.schema.document import Task
from calibration.settings import Settings

CUTS = [-1.2, -0.4, 0.4, 1.2]


def long_form(matrix: np.ndarray, names: list[str] | None = None) -> pd.DataFrame:
    names = names or [f"e{number}" for number in range(matrix.shape[1])]
    wide = pd.DataFrame(matrix, columns=names).assign(item=[f"i{number:03d}" for number in range(len(matrix))])
    return wide.melt("item", var_name="evaluator", value_name="rating").dropna().astype({"rating": int})


def table(values: np.ndarray, metric: str = "m") -> pd.DataFrame:
    items = [f"i{number:03d}" for number in range(len(values))]
    return pd.DataFrame({"item": items, "metric": metric, "score": values}).dropna()


def task_of(ratings: pd.DataFrame, scores: pd.DataFrame, items: pd.DataFrame | None = None, draws: int = 30) -> dict:
    report = calibrate_tables(ratings, scores, items, Settings(draws=draws)).report
    return next(iter(report["tasks"].values()))


def people(rng: np.random.Generator, images: int, number: int, bias: np.ndarray | float = 0.0) -> tuple:
    quality = rng.normal(size=images)
    answers = quality[:, None] + bias + 0.75 * rng.normal(size=(images, number))
    return quality, np.digitize(answers, CUTS) + 1.0


def test_the_constant_is_that_of_the_images_with_a_score():
    rng = np.random.default_rng(1)
    quality, ratings = people(rng, 240, 5)
    scores = np.where(quality > np.quantile(quality, 2 / 3), rng.normal(size=240), np.nan)
    entry = task_of(long_form(ratings), table(scores))["metrics"]["m"]
    scored, unit = ~np.isnan(scores), (ratings - 1) / 4
    assert best_constant(unit) == 3 < best_constant(unit[scored]) == entry["constant"]["level"]
    level = (entry["constant"]["level"] - 1) / 4
    assert entry["cross_validation"]["constant_mean"] == pytest.approx(1 - np.abs(level - unit[scored]).mean())
    assert entry["cross_validation"]["skill"] < 0.1
    assert entry["verdict"]["predicts"]["answer"] == "no"


def test_sets_of_people_without_a_common_image_are_not_judged_by():
    rng = np.random.default_rng(0)
    ratings = np.full((120, 6), np.nan)
    ratings[:60, :3], ratings[60:, 3:] = rng.integers(1, 3, (60, 3)), rng.integers(4, 6, (60, 3))
    batch = np.repeat([0.0, 1.0], 60) + 0.01 * rng.normal(size=120)
    entry = task_of(long_form(ratings), table(batch))["metrics"]["m"]
    assert (entry["verdict"]["kind"], entry["verdict"]["predicts"]["answer"]) == ("unknown", "unknown")
    assert "in 2 sets that have no image in common" in entry["verdict"]["sentence"]


def test_mean_ratings_by_different_people_who_differ_in_strictness_are_no_measure():
    rng = np.random.default_rng(2)
    quality, ratings = people(rng, 200, 6, np.repeat([-1.0, 1.0], 3))
    ratings[:90, 3:], ratings[110:, :3] = np.nan, np.nan
    task = task_of(long_form(ratings), table(quality + 0.2 * rng.normal(size=200)))
    assert task["strictness"]["islands"] == 1 and not task["strictness"]["same_people"]
    verdict = task["metrics"]["m"]["verdict"]
    assert verdict["sorts"]["answer"] == "with care"
    assert "by mean ratings of different people, who differ in strictness" in verdict["sentence"]


def test_where_people_do_not_predict_each_other_for_strictness_the_page_says_so():
    rng = np.random.default_rng(9)
    quality, ratings = people(rng, 150, 5, np.array([-2.0, -1.0, 0.0, 1.0, 2.0]))
    task = task_of(long_form(ratings), table(quality + 0.2 * rng.normal(size=150)))
    assert task["metrics"]["m"]["cross_validation"]["person_skill"] < 0
    said = caution(Task.model_validate(task))
    spread = float(re.search(r"differ in strictness by ([\d.]+) of a rating step", said)[1])
    assert spread == pytest.approx(4 * task["strictness"]["spread"], abs=0.006)
    assert task["strictness"]["p"] < 0.05 and "disagree so much" not in said


def test_one_evaluator_who_shares_no_image_makes_no_second_set():
    rng = np.random.default_rng(3)
    quality, ratings = people(rng, 80, 5)
    ratings[70:, :4] = np.nan
    ratings[:70, 4] = np.nan
    task = task_of(long_form(ratings), table(quality))
    assert task["strictness"]["islands"] == 1 and task["metrics"]["m"]["verdict"]["kind"] != "unknown"


@pytest.mark.parametrize(("images", "number", "each"), [(100, 60, 4), (60, 40, 6), (300, 100, 17)])
def test_few_ratings_each_show_no_strictness_where_there_is_none(images, number, each):
    said = []
    for seed in range(60):
        rng = np.random.default_rng([seed, number])
        _, ratings = people(rng, images, number)
        for column in ratings.T:
            column[rng.permutation(images)[each:]] = np.nan
        said.append(strictness((ratings - 1) / 4).p < 0.05)
    assert np.mean(said) <= 0.12


def test_where_most_ratings_are_fives_who_gives_nothing_else_is_not_named():
    rng = np.random.default_rng(4)
    ratings = np.where(rng.random((150, 6)) < 0.9, 1.0, 0.75)
    ratings[:, 5] = 1.0
    assert not [flag for flag in screen(ratings, list("abcdef")) if "the same rating" in flag.sentence]
    ratings[:, :5] = rng.integers(0, 5, (150, 5)) / 4
    named = [flag for flag in screen(ratings, list("abcdef")) if "the same rating" in flag.sentence]
    assert [flag.evaluators for flag in named] == [(5,)]


def test_scores_that_are_an_evaluators_ratings_are_named():
    rng = np.random.default_rng(5)
    quality, ratings = people(rng, 100, 4)
    copy = task_of(long_form(ratings), table(ratings[:, 2]))["metrics"]["m"]
    assert any("follow the ratings of e2 all but exactly" in note for note in copy["notes"])
    own = task_of(long_form(ratings), table(quality))["metrics"]["m"]
    assert not any("all but exactly" in note for note in own["notes"])


def test_a_mapping_to_the_ends_of_the_scale_is_not_said_to_stay_in_the_middle():
    rng = np.random.default_rng(6)
    good = np.repeat([0, 1], 40)
    ratings = np.where((rng.random((80, 4)) < 0.05) ^ (good[:, None] == 1), 5.0, 1.0)
    entry = task_of(long_form(ratings), table(good + 0.1 * rng.normal(size=80)))["metrics"]["m"]
    assert entry["buckets"]["levels_used"] == 2
    assert not any("near the middle" in note for note in entry["notes"])


def test_a_metric_against_people_within_every_model_is_not_for_sorting():
    rng = np.random.default_rng(7)
    models = np.repeat(np.arange(8), 25)
    inner = rng.normal(size=200)
    quality = models - 3.5 + 0.7 * inner
    ratings = np.digitize(0.5 * quality[:, None] + 0.3 * rng.normal(size=(200, 5)), CUTS) + 1.0
    scores = models - 0.4 * inner + 0.05 * rng.normal(size=200)
    items = pd.DataFrame(
        {"item": [f"i{number:03d}" for number in range(200)], "model": [f"m{each}" for each in models]}
    )
    verdict = task_of(long_form(ratings), table(scores), items, draws=60)["metrics"]["m"]["verdict"]
    assert verdict["sorts"]["answer"] == "with care" and verdict["predicts"]["answer"] != "yes"
    assert "one model's images against people's order" in verdict["sentence"]
    assert "use it to sort" not in verdict["sentence"]


def test_of_many_metrics_some_come_out_by_luck_and_the_report_says_how_many():
    rng = np.random.default_rng(8)
    _, ratings = people(rng, 40, 3)
    scores = pd.concat([table(rng.normal(size=40), f"m{number}") for number in range(20)])
    notes = task_of(long_form(ratings), scores, draws=0)["notes"]
    assert any("Of 20 metrics that know nothing about 1 would come out" in note for note in notes)
