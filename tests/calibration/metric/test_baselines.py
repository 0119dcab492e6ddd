"""What a grade is worth: a constant, random scores, a person, the mean of people."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.core.crossvalidation import cross_validate
from calibration.metric.baselines import RandomScores, _by_chance, baselines, metric_grades
from calibration.scale import LIKERT
from tests.calibration.typed import rated, scored


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.booleans(), st.booleans(), st.sampled_from([0.5, 1.0, 2.0]))
def test_each_permutation_is_the_grade_of_the_scores_so_dealt(seed, ties, gaps, k):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=20)
    ratings = rng.integers(0, 5, (20, 3)) / 4
    if ties:
        scores = np.round(scores)
    if gaps:
        ratings[rng.random(ratings.shape) < 0.2] = np.nan
    found = RandomScores(rated(ratings, k=k, seed=7), permutations=3).grades(scores)
    again = np.random.default_rng(7)
    for row in range(3):
        dealt = scores[again.permutation(20)]
        expected = metric_grades(scored(dealt, ratings, k=k))
        if k >= 1:
            assert found.one_person[row] == pytest.approx(expected.one_person, abs=1e-9, nan_ok=True)
            assert found.mean_of_others[row] == pytest.approx(expected.mean_of_others, abs=1e-9, nan_ok=True)
        else:
            assert (
                abs(found.one_person[row] - expected.one_person) < 0.2
            )  # of equally good mappings it may take another


def test_metrics_with_the_same_ties_share_their_permutations():
    ratings = np.random.default_rng(0).integers(0, 5, (30, 3)) / 4
    by_chance = RandomScores(rated(ratings), permutations=50)
    one = by_chance.grades(np.arange(30.0))
    assert by_chance.grades(np.arange(30.0)[::-1] ** 2) is one
    assert by_chance.grades(np.arange(30.0) // 3) is not one


def test_a_perfect_metric_is_beyond_chance_and_noise_is_not():
    rng = np.random.default_rng(1)
    quality = rng.normal(size=100)
    ratings = np.clip(np.round(2 + quality[:, None] + 0.5 * rng.normal(size=(100, 4))), 0, 4) / 4
    by_chance = RandomScores(rated(ratings), permutations=199)
    for scores, is_good in ((quality, True), (rng.normal(size=100), False)):
        found = baselines(scored(scores, ratings), cross_validate(scores, ratings), by_chance)
        assert (found["random_p"] == 1 / 200) == is_good
        assert (found["metric"] > found["random_high"]) == is_good
        assert found["mean_of_others"] > found["person"] > found["constant"]


def test_the_p_value_of_random_scores_is_uniform():
    rng = np.random.default_rng(2)
    p = []
    for _ in range(120):
        ratings = np.clip(np.round(2 + rng.normal(size=(40, 1)) + rng.normal(size=(40, 3))), 0, 4) / 4
        scores = rng.normal(size=40)
        by_chance = RandomScores(rated(ratings, seed=int(rng.integers(1000))), permutations=99)
        p.append(baselines(scored(scores, ratings), cross_validate(scores, ratings), by_chance)["random_p"])
    assert 0.005 < np.mean(np.array(p) <= 0.05) < 0.11
    assert 0.4 < np.mean(p) < 0.6


def test_scores_that_are_alike_within_prompts_have_the_luck_of_few_prompts():
    """Quality and the useless scores both go by prompt: dealt one by one, the p-values would be far too small."""
    rng = np.random.default_rng(3)
    prompts = np.repeat(np.arange(25), np.resize([1, 3, 5, 7], 25))[:100]  # of different sizes
    prompts = np.unique(prompts, return_inverse=True)[1]
    count = prompts.max() + 1
    p = {"by prompt": [], "one by one": [], "order by prompt": [], "order one by one": []}
    for _ in range(60):
        quality = rng.normal(size=count)[prompts] + 0.3 * rng.normal(size=len(prompts))
        ratings = np.clip(np.round(2 + quality[:, None] + 0.5 * rng.normal(size=(len(prompts), 3))), 0, 4) / 4
        scores = rng.normal(size=count)[prompts] + 0.3 * rng.normal(size=len(prompts))
        result = cross_validate(scores, ratings)
        for name, groups in (("by prompt", prompts), ("one by one", None)):
            by_chance = RandomScores(rated(ratings, seed=int(rng.integers(1000)), together=groups), permutations=99)
            p[name].append(baselines(scored(scores, ratings), result, by_chance)["random_p"])
            p[f"order {name}"].append(by_chance.spearman_p(scores, ratings.mean(axis=1)))
    assert np.mean(np.array(p["order by prompt"]) <= 0.05) < 0.15 < np.mean(np.array(p["order one by one"]) <= 0.05)
    assert np.mean(np.array(p["by prompt"]) <= 0.05) < 0.15 < np.mean(np.array(p["one by one"]) <= 0.05)


@pytest.mark.parametrize("ratings", [np.full((4, 2), 0.5), np.array([[0.5], [0.25]]), np.array([[0.5, np.nan]] * 3)])
def test_where_nothing_can_be_graded(ratings):
    scores = np.arange(float(len(ratings)))
    found = baselines(
        scored(scores, ratings), cross_validate(scores, ratings), RandomScores(rated(ratings), permutations=20)
    )
    assert np.isnan(found["metric"]) or found["metric"] == found["constant"]


def test_tifa160_each_against_the_mean_of_the_others(shared):
    """The issue's figures: constant .8155, random .8161, CLIP-score .8233, tifa_mplug .8535, person .8833."""
    folder = shared / "data" / "tifa160"
    answers = pd.read_csv(folder / "ratings_as_published.csv").pivot(index="item", columns="worker_id", values="answer")
    scores = pd.read_csv(folder / "scores.csv").pivot(index="item", columns="metric", values="score")
    complete = answers.dropna()
    ratings, scores = LIKERT.to_unit(complete), scores.loc[complete.index]
    by_chance = RandomScores(rated(ratings))
    for name, expected in (("clipscore_vitb32", 0.8233), ("tifa_mplug-large", 0.8535)):
        values = scores[name].to_numpy()
        found = baselines(scored(values, ratings), cross_validate(values, ratings), by_chance)["against_mean_of_others"]
        assert found["metric"] == pytest.approx(expected, abs=0.00005)
        assert found["constant"] == pytest.approx(0.8155, abs=0.00005)
        assert found["person"] == pytest.approx(0.8833, abs=0.00005)
        assert found["random_mean"] == pytest.approx(0.8161, abs=0.0006)
        assert found["random_p"] == 1 / 1001


def test_by_hand_what_random_scores_reach():
    """Of 0, .01, ..., 1 a twentieth lies above .95; a draw as good as the metric counts for chance."""
    found = _by_chance(np.arange(101) / 100, 0.9)
    assert (found["random_mean"], found["random_high"]) == pytest.approx((0.5, 0.95))
    assert found["random_p"] == pytest.approx(12 / 102)  # .90 to 1, and the metric
    assert _by_chance(np.array([0.1, 0.5, 0.5, 0.9]), 0.5)["random_p"] == 4 / 5


def test_a_group_gets_the_scores_of_one_group_in_any_order():
    groups = np.repeat(np.arange(4), 3)
    givers = RandomScores(rated(np.full((12, 2), 0.5), together=groups), permutations=200)._givers().reshape(200, 4, 3)
    assert (givers // 3 == givers[:, :, :1] // 3).all()
    assert all(sorted(set(row.ravel().tolist())) == list(range(12)) for row in givers)
    orders = {tuple((group % 3).tolist()) for row in givers for group in row}
    assert len(orders) == 6
