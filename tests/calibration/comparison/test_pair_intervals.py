"""Intervals of pairwise accuracy and tau: draws are the figures of the images drawn, against loops and SciPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from calibration.comparison.pair_intervals import _Order, _Pairs, pair_intervals
from calibration.comparison.pairwise_accuracy import cross_validated_accuracy, pairwise_accuracy
from tests.calibration.typed import scored


def study(images, people, seed):
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=images)
    ratings = np.clip(np.round(2 + quality[:, None] + rng.normal(size=(images, people))), 0, 4) / 4
    return np.round(quality + rng.normal(size=images), 1), ratings


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 2))
def test_with_every_image_once_they_are_the_figures_themselves(seed, epsilon):
    scores, ratings = study(25, 3, seed)
    target = ratings.mean(axis=1)
    target[seed % 25] = np.nan
    known = ~np.isnan(target)
    found = _Pairs(_Order(scores, epsilon), target).figures(np.ones((1, 25)))
    assert found["pairwise_accuracy"][0] == pytest.approx(pairwise_accuracy(scores, target, epsilon))
    assert found["kendall"][0] == pytest.approx(stats.kendalltau(scores[known], target[known]).statistic, nan_ok=True)


def test_a_draw_counts_pairs_as_often_as_their_images_were_drawn():
    scores, ratings = study(12, 3, 0)
    target = ratings.mean(axis=1)
    weights = np.random.default_rng(0).integers(0, 3, 12).astype(float)
    right = pairs = 0.0
    for i in range(12):
        for j in range(i):
            times = weights[i] * weights[j]
            right += times * pairwise_accuracy(scores[[i, j]], target[[i, j]], 0.3)
            pairs += times
    drawn = np.repeat(np.arange(12), weights.astype(int))
    found = _Pairs(_Order(scores, 0.3), target).figures(weights[None])
    assert found["pairwise_accuracy"][0] == pytest.approx(right / pairs)
    assert found["kendall"][0] == pytest.approx(stats.kendalltau(scores[drawn], target[drawn]).statistic)


def test_they_hold_the_figures_and_other_people_widen_them():
    scores, ratings = study(300, 5, 1)
    target = ratings.mean(axis=1)
    accuracy = cross_validated_accuracy(scores, target)
    found = pair_intervals(scored(scores, ratings, draws=300), accuracy)
    values = {"pairwise_accuracy": accuracy.accuracy, "kendall": stats.kendalltau(scores, target).statistic}
    for name, value in values.items():
        these, others = found["these"][name], found["people_like_these"][name]
        assert these.low < value < these.high
        assert others.low < value < others.high and others.high - others.low > 0.95 * (these.high - these.low)


def test_tau_of_images_one_by_one_is_as_wide_as_its_simulation():
    """Spread of tau over new studies of 200 images, against the half width of one study's interval."""
    taus = []
    for seed in range(200):
        scores, ratings = study(200, 4, seed)
        taus.append(stats.kendalltau(scores, ratings.mean(axis=1)).statistic)
    scores, ratings = study(200, 4, 500)
    accuracy = cross_validated_accuracy(scores, ratings.mean(axis=1))
    low, high = pair_intervals(scored(scores, ratings, draws=400), accuracy)["these"]["kendall"]
    assert (high - low) / 2 / 1.96 == pytest.approx(np.std(taus), rel=0.25)


def test_without_draws_or_pairs_there_are_none():
    scores, ratings = study(30, 3, 0)
    accuracy = cross_validated_accuracy(scores, ratings.mean(axis=1))
    assert pair_intervals(scored(scores, ratings, draws=0), accuracy) is None
    nothing = np.full_like(ratings, np.nan)
    assert (
        pair_intervals(scored(scores, nothing, draws=10), cross_validated_accuracy(scores, np.full(30, np.nan))) is None
    )


def test_among_very_many_images_the_accuracy_alone_has_one():
    scores, ratings = study(2100, 3, 0)
    accuracy = cross_validated_accuracy(scores, ratings.mean(axis=1))
    assert list(pair_intervals(scored(scores, ratings, draws=10), accuracy)["these"]) == ["pairwise_accuracy"]
