"""Sets of levels: next to each other, larger with the threshold, and large enough for a new person."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.prediction.conformal import WHOLE, conformal_quantile, set_threshold, strangeness


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 20), st.integers(0, 10**6), st.floats(0, 1), st.booleans())
def test_levels_up_to_a_threshold_are_next_to_each_other(n, seed, threshold, ties):
    shares = np.random.default_rng(seed).dirichlet(np.ones(5), size=n) + 1e-9
    if ties:
        shares = np.ceil(shares * 4)
    shares /= shares.sum(axis=1, keepdims=True)
    strange = strangeness(shares)
    assert ((strange > 0) & (strange < 1)).all()
    inside = strange <= threshold
    assert (np.abs(np.diff(inside, axis=1, prepend=False, append=False)).sum(axis=1) <= 2).all()
    order = np.argsort(strange, axis=1)
    taken = np.take_along_axis(shares, order, axis=1)
    expected = taken.cumsum(axis=1) - taken / 2
    assert np.take_along_axis(strange, order, axis=1) == pytest.approx(expected)
    assert (order[:, 0] == shares.argmax(axis=1)).all()


def test_the_hand_worked_order():
    # mode 4; its neighbours are 3 (.2) and 5 (.1): 3; then 2 (.05) or 5 (.1): 5; then 2, 1
    found = strangeness(np.array([[0.15, 0.05, 0.2, 0.5, 0.1]]))[0]
    assert found == pytest.approx([0.85 + 0.075, 0.8 + 0.025, 0.5 + 0.1, 0.25, 0.7 + 0.05])


def test_the_quantile_counts_the_new_one_too():
    values = np.arange(1.0, 100.0)
    assert conformal_quantile(values, 0.9, np.inf) == 90
    assert conformal_quantile(values[:8], 0.9, np.inf) == np.inf
    assert conformal_quantile(np.empty(0), 0.9, -1.0) == -1.0


def test_people_who_differ_raise_the_threshold():
    alike = [np.linspace(0.01, 0.99, 99)] * 4
    assert set_threshold(alike, 0.9) == pytest.approx(0.9, abs=0.011)
    differing = [np.linspace(0.01, 0.4, 99)] * 3 + [np.linspace(0.5, 0.99, 99)]
    assert set_threshold(differing, 0.9) == WHOLE  # nobody else is as strange as the fourth
    assert set_threshold(differing, 0.7) < WHOLE
    assert np.isnan(set_threshold([np.ones(5)], 0.9)) and np.isnan(set_threshold([], 0.9))


def test_equal_values_count_as_inside():
    assert set_threshold([np.array([0.3] * 95 + [0.8] * 5)] * 3, 0.9) == 0.3


def test_the_raised_level_is_the_one_that_is_used():
    """Written out: the second person's ratings are stranger, so that the first one's quantile at .66 holds too few."""
    people = [np.linspace(0.01, 0.5, 50), np.linspace(0.21, 1.0, 80)]
    for level in np.linspace(0.66, 1.0, 201):
        limits = [np.quantile(other, level, method="higher") for other in people[::-1]]
        if np.mean([np.mean(own <= limit) for own, limit in zip(people, limits, strict=True)]) >= 0.66:
            break
    assert 0.8 < level < 1
    together = np.sort(np.concatenate(people))
    found = set_threshold(people, 0.66)
    assert found == together[int(np.ceil(131 * level - 1e-9)) - 1] > conformal_quantile(together, 0.66, WHOLE)
