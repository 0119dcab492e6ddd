"""Kendall's W: SciPy's Friedman test, its ends, and weights that stand for repeated items."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from calibration.people.concordance import RankSums, kendalls_w


@settings(max_examples=30, deadline=None)
@given(st.integers(3, 15), st.integers(3, 6), st.integers(0, 10**6), st.booleans())
def test_kendalls_w_is_friedmans_statistic(items, people, seed, ties):
    rng = np.random.default_rng(seed)
    ratings = rng.normal(size=(items, 1)) + rng.normal(size=(items, people))
    ratings = np.round(ratings) if ties else ratings
    if (np.ptp(ratings, axis=0) == 0).all():
        return
    # Friedman's chi squared = m (n - 1) W, both with the correction for ties
    expected = stats.friedmanchisquare(*ratings).statistic / (people * (items - 1))
    assert kendalls_w(ratings) == pytest.approx(expected)


def test_kendalls_w_at_its_ends():
    order = np.arange(5.0)
    assert kendalls_w(np.column_stack([order, order])) == 1 and kendalls_w(np.column_stack([order, -order])) == 0
    assert np.isnan(kendalls_w(np.ones((4, 3)))) and np.isnan(kendalls_w(np.array([[1.0, np.nan]] * 3)))


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 12), st.integers(1, 5), st.integers(0, 10**6))
def test_weights_are_repeated_items(items, people, seed):
    rng = np.random.default_rng(seed)
    ratings = rng.integers(1, 5, (items, people)).astype(float)
    ratings[rng.random(ratings.shape) < 0.05] = np.nan
    weights = rng.integers(0, 3, (4, items))
    expected = [kendalls_w(np.repeat(ratings, each, axis=0)) for each in weights]
    assert RankSums(ratings).concordance(weights.astype(float)) == pytest.approx(expected, nan_ok=True)
