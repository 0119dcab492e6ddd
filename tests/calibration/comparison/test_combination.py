"""Combinations: the rival is the report's own cross-validation, gains that are there are found, others are not."""

import json
import warnings

import numpy as np
import pytest
from scipy.stats import spearmanr

from calibration.comparison import combination
from calibration.comparison.combination import _test, combination_entry, combine_metrics
from calibration.core.crossed_folds import crossed_folds
from calibration.core.crossvalidation import cross_validate_on_new_items
from calibration.core.grades import sample_scores
from calibration.core.item_folds import item_folds
from calibration.core.ratings import ScoredTask
from calibration.core.resampling import Resampling
from tests.calibration.prediction.test_predictor import study, tifa160
from tests.calibration.typed import rated


def combined(scores, ratings, directions, clusters=None, folds=5, **how):
    people = rated(ratings, clusters, **how)
    metrics = {name: ScoredTask.of(values, people, directions[name]) for name, values in scores.items()}
    return combine_metrics(metrics, people, folds)


def two_halves(images, people, seed):
    rng = np.random.default_rng(seed)
    parts = rng.normal(size=(images, 2))
    answers = 2 + parts.sum(axis=1)[:, None] * 0.8 + rng.normal(size=(images, people)) * 0.6
    return {"a": parts[:, 0], "b": -parts[:, 1]}, np.clip(np.rint(answers), 0, 4) / 4


def with_noise(images, people, seed, count=3):
    scores, ratings = study(images, people, seed)
    noise = np.random.default_rng([seed, 1]).normal(size=(count, images))
    return {"good": scores} | {f"noise{n}": values for n, values in enumerate(noise)}, ratings


HIGHER = {"good": "higher", **{f"noise{n}": "higher" for n in range(3)}}


@pytest.mark.parametrize("k", [0.5, 1.0, 2.0])
def test_the_best_single_metric_is_graded_as_in_the_report(k):
    scores, ratings = with_noise(150, 4, 0)
    clusters = np.arange(150) // 3
    found = combined(scores, ratings, HIGHER, clusters, draws=0, seed=5, k=k)
    report = cross_validate_on_new_items(scores["good"], ratings, item_folds(clusters, seed=5), k)
    assert found.chosen == {"good": 20}
    assert found.best_grade == pytest.approx(report.grade_mean) and found.constant == pytest.approx(
        report.constant_mean
    )
    assert found.best_skill == pytest.approx(report.metric_skill) and np.isnan(found.p)


def test_a_gain_that_is_there_is_found_and_signs_follow_the_directions():
    scores, ratings = two_halves(200, 5, 0)
    found = combined(scores, ratings, {"a": "higher", "b": "lower"}, draws=300)
    assert found.gain > 0.04 and found.these.low > 0.01 and found.people_like_these.low > 0 and found.p < 0.01
    assert found.weights["a"] == pytest.approx(found.weights["b"], rel=0.25) and found.weights["a"] > 0.5
    assert found.gain == pytest.approx(found.grade - found.best_grade)
    assert found.these.low < found.gain < found.these.high
    expected = spearmanr(found.scores, sample_scores(ratings)).statistic
    assert found.spearman == pytest.approx(expected, abs=1e-9) and expected > 0.85
    mirrored = {"a": -scores["a"], "b": scores["b"] * -10 + 3}
    other = combined(mirrored, ratings, {"a": "lower", "b": "higher"}, draws=300)
    assert other.grade == pytest.approx(found.grade) and other.p == found.p


def test_noise_adds_nothing_and_is_seldom_said_to():
    gains, significant = [], 0
    for seed in range(12):
        found = combined(*with_noise(80, 4, seed), HIGHER, draws=200, seed=seed, folds=3)
        gains.append(found.gain)
        significant += found.p < 0.05 and found.gain > 0
    assert np.mean(gains) < 0.004 and significant <= 2


def test_a_choice_among_many_metrics_flatters_no_mixture():
    """The 20 of 120 metrics of noise that follow people most closely do so by chance, and not on images left out."""
    reached = []
    for seed in range(3):
        _, ratings = study(100, 4, seed)
        noise = np.random.default_rng([seed, 2]).normal(size=(120, 100))
        scores = {f"noise{n}": values for n, values in enumerate(noise)}
        found = combined(scores, ratings, dict.fromkeys(scores, "higher"), draws=0)
        assert len(found.metrics) == len(found.weights) == 20 and set(found.chosen) <= set(scores)
        reached.append(found.spearman)
    assert np.mean(reached) < 0.15


def test_copies_of_one_metric_share_its_weight_and_gain_nothing():
    scores, ratings = study(200, 4, 3)
    found = combined({"a": scores, "b": scores * 2 + 1}, ratings, {"a": "higher", "b": "higher"}, draws=100, folds=4)
    assert found.weights["a"] == pytest.approx(found.weights["b"]) and abs(found.gain) < 0.005


def test_items_without_every_score_or_without_rating_are_left_out():
    scores, ratings = two_halves(100, 3, 1)
    scores["a"][:10] = np.nan
    ratings[10:15] = np.nan
    directions = {"a": "higher", "b": "lower"}
    found = combined(scores, ratings, directions, draws=50)
    assert found.n_items == 85 and np.isnan(found.scores[:15]).all() and np.isfinite(found.scores[15:]).all()
    rest = combined({name: values[15:] for name, values in scores.items()}, ratings[15:], directions, draws=50)
    assert (rest.grade, rest.p) == (found.grade, found.p)


def test_the_same_seed_gives_the_same_figures():
    scores, ratings = two_halves(60, 3, 2)
    first, again, other = (
        combined(scores, ratings, {"a": "higher", "b": "lower"}, draws=50, seed=seed) for seed in (4, 4, -4)
    )
    assert combination_entry(first) == combination_entry(again) != combination_entry(other)


@pytest.mark.parametrize("kind", ["constant score", "constant ratings", "sparse", "two people", "one cluster", "huge"])
def test_degenerate_studies_give_figures_or_none_without_a_warning(kind):
    scores, ratings = two_halves(30, 3, 3)
    clusters = None
    if kind == "constant score":
        scores["a"] = np.full(30, 7.0)
    elif kind == "constant ratings":
        ratings = np.full((30, 3), 0.5)
    elif kind == "sparse":
        ratings[np.random.default_rng(0).random(ratings.shape) < 0.8] = np.nan
    elif kind == "two people":
        ratings = ratings[:, :2]
    elif kind == "one cluster":
        clusters = ["x"] * 30
    else:
        scores["a"] = scores["a"] * 1e307
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = combined(scores, ratings, {"a": "higher", "b": "lower"}, clusters, draws=50)
    assert (found is None) == (kind == "one cluster")
    if found is not None:
        json.dumps(combination_entry(found))
        assert np.isfinite([found.grade, found.best_grade, found.gain, found.p]).all()
        assert np.isnan(found.people_like_these.low) == (kind in ("two people", "sparse"))


def test_one_metric_one_person_or_few_items_have_no_combination():
    scores, ratings = two_halves(30, 3, 4)
    directions = {"a": "higher", "b": "lower"}
    assert combined({"a": scores["a"]}, ratings, directions) is None
    assert combined(scores, ratings[:, :1], directions) is None
    assert combined({name: values[:9] for name, values in scores.items()}, ratings[:9], directions) is None
    assert combination_entry(None) is None


def test_tifa160(shared):
    scores, ratings, clusters = tifa160(shared)
    found = combined(scores, ratings, dict.fromkeys(scores, "higher"), clusters)
    assert found.n_items == 800 and found.n_clusters == 160
    assert max(found.chosen, key=found.chosen.get) == "tifa_mplug-large"
    assert (round(found.grade, 3), round(found.best_grade, 3), round(found.constant, 2)) == (0.846, 0.835, 0.8)
    assert 0.005 < found.gain < 0.015 and found.p < 0.1 and round(found.spearman, 2) == 0.69


def test_a_gain_that_no_draw_reaches_has_not_the_p_of_none():
    """By hand: every image gains a tenth, so that no draw differs from the gain at all."""
    gains, shares = np.full((30, 3), 0.1), np.full(3, 1 / 3)
    assert _test(gains, shares, np.arange(30), Resampling(99))[2] == pytest.approx(1 / 100)
    assert _test(np.zeros((30, 3)), shares, np.arange(30), Resampling(99))[2] == 1.0


def test_the_penalty_is_chosen_on_three_parts(monkeypatch):
    asked = []

    def watched(ratings, groups, folds, seed):
        asked.append(folds)
        return crossed_folds(ratings, groups, folds, seed)

    monkeypatch.setattr(combination, "crossed_folds", watched)
    scores, ratings = two_halves(60, 3, 5)
    assert combined(scores, ratings, {"a": "higher", "b": "lower"}, draws=0, folds=4) is not None
    assert set(asked[1:]) == {3} and len(asked) > 4
