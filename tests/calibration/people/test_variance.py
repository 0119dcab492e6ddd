"""Variance components and what follows: published values, SciPy's Friedman test, simulation with gaps, real data."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.people.variance import intraclass_correlations, rater_equivalents, variance_components

# Shrout and Fleiss (1979), table 2: four judges, six targets; the six values are those of their table 4
SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float
)
SIX = {"icc1": 0.166, "icc2": 0.290, "icc3": 0.715, "icc1k": 0.443, "icc2k": 0.620, "icc3k": 0.909}


def simulated(count, people, seed, gaps=0.0, a=1.0, b=0.3, e=0.7):
    rng = np.random.default_rng(seed)
    ratings = (
        np.sqrt(a) * rng.normal(size=(count, 1))
        + np.sqrt(b) * rng.normal(size=(1, people))
        + np.sqrt(e) * rng.normal(size=(count, people))
    )
    ratings[rng.random(ratings.shape) < gaps] = np.nan
    return ratings


def test_shrout_and_fleiss():
    found = intraclass_correlations(variance_components(SHROUT_FLEISS))
    assert {name: round(value, 3) for name, value in found.items()} == SIX


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 20), st.integers(2, 6), st.integers(0, 10**6))
def test_complete_ratings_give_the_analysis_of_variance(items, people, seed):
    y = simulated(items, people, seed)
    means = y.mean(axis=1), y.mean(axis=0)
    between_items = people * np.sum((means[0] - y.mean()) ** 2) / (items - 1)
    between_people = items * np.sum((means[1] - y.mean()) ** 2) / (people - 1)
    residual = np.sum((y - means[0][:, None] - means[1][None] + y.mean()) ** 2) / ((items - 1) * (people - 1))
    found = variance_components(y)
    assert found.residual == pytest.approx(residual, abs=1e-9)
    assert found.items == pytest.approx(max((between_items - residual) / people, 0), abs=1e-9)
    assert found.evaluators == pytest.approx(max((between_people - residual) / items, 0), abs=1e-9)
    assert found.per_item == pytest.approx(people)


def test_with_gaps_the_variances_come_out_all_the_same():
    found = [variance_components(simulated(300, 8, seed, gaps=0.4)) for seed in range(40)]
    for name, truth in (("items", 1.0), ("evaluators", 0.3), ("residual", 0.7)):
        values = [getattr(each, name) for each in found]
        assert np.mean(values) == pytest.approx(truth, abs=3 * np.std(values) / np.sqrt(40) + 0.01)


def test_where_variances_cannot_be_told_apart():
    assert variance_components(np.array([[1.0, np.nan], [np.nan, 2.0]])) is None
    assert variance_components(np.array([[1.0, 2.0]])) is None
    assert np.isnan(intraclass_correlations(variance_components(np.full((4, 3), 2.0)))["icc2"])


def test_a_metric_that_is_the_mean_of_three_people_is_worth_three():
    ratings = simulated(20_000, 8, 0, b=0.0)
    others = ratings[:, :5]
    found = rater_equivalents(ratings[:, 5:].mean(axis=1), others, variance_components(others))
    assert found == pytest.approx(3, rel=0.08)


def test_tifa160(shared, real_study):
    task = real_study("tifa160").report["tasks"]["consistency"]
    # the issue: CLIP-score .04, tifa_mplug .28
    assert task["metrics"]["clipscore_vitb32"]["rater_equivalents"] == pytest.approx(0.04, abs=0.006)
    assert task["metrics"]["tifa_mplug-large"]["rater_equivalents"] == pytest.approx(0.28, abs=0.006)
    answers = pd.read_csv(shared / "data" / "tifa160" / "ratings_as_published.csv")
    wide = answers.pivot(index="item", columns="worker_id", values="answer").to_numpy(float)
    complete = wide[~np.isnan(wide).any(axis=1)]
    by_hand = intraclass_correlations(variance_components(complete))
    assert task["agreement"]["icc"]["icc2"] == pytest.approx(by_hand["icc2"], abs=0.005)
    assert 0.7 < task["agreement"]["kendall_w"] < 0.8
