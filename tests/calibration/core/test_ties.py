"""Which floats count as one value."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.core.ties import as_equals, group_starts
from calibration.people.agreement import correlations


@given(st.lists(st.integers(-1000, 1000), max_size=30), st.sampled_from([1.0, 1 / 3, 1e-300, 1e300]))
def test_last_bits_neither_split_nor_join(whole, unit):
    exact = np.sort(np.array(whole, dtype=float)) * unit
    shaken = np.sort(exact * (1 + np.resize([0, 1e-15, -1e-15], len(exact))))
    assert group_starts(shaken).sum() == group_starts(exact).sum() == len(set(whole))


def test_a_long_chain_of_near_values_does_not_become_one():
    values = 1.76e9 + np.arange(10_000) * 1e-3
    groups = group_starts(values).sum()
    assert 1000 < groups < 10_000
    assert np.abs(as_equals(values) - values).max() <= 1.8e-3


def test_nothing_and_one_value():
    assert group_starts(np.array([])).tolist() == as_equals(np.array([])).tolist() == []
    assert group_starts(np.array([3.0])).tolist() == [True]


def test_correlations_see_last_bits_as_ties():
    ratings = np.array([0.0, 1.0, 0.25, 0.75])
    plain = correlations(np.array([0.3, 0.3, 0.4, 0.4]), ratings)
    shaken = correlations(np.array([0.3, 0.1 + 0.2, 0.4, np.nextafter(0.4, 1)]), ratings)
    assert shaken == plain
    noise = correlations(np.array([0.3, 0.1 + 0.2, 0.3, 0.1 + 0.2]), ratings)
    assert np.isnan([noise.pearson, noise.spearman, noise.kendall, noise.spearman_p]).all()


@pytest.mark.parametrize(("direction", "least", "most"), [("higher", 0.0, 0.01), ("lower", 0.99, 1.0)])
def test_the_p_value_is_one_sided_in_the_metrics_direction(direction, least, most):
    found = correlations(np.arange(20.0), np.arange(20.0) // 2, direction)
    assert least <= found.spearman_p <= most
