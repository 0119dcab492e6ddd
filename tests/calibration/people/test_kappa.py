"""Cohen's kappa is scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from calibration.core.crossvalidation import confusion_matrix
from calibration.people.kappa import kappa, mean_pair_kappa, pair_kappas


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=2, max_size=40))
def test_it_is_that_of_scikit_learn(pairs):
    one, other = np.array(pairs).T
    if len(set(one) | set(other)) < 2:
        return
    table = confusion_matrix(one, (other - 1) / 4)
    for is_weighted, weights in ((True, "quadratic"), (False, None)):
        expected = cohen_kappa_score(one, other, weights=weights, labels=[1, 2, 3, 4, 5])
        assert kappa(table, is_weighted) == pytest.approx(expected, abs=1e-12)


def test_by_hand():
    """Observed agreement 6 of 10; by chance 5 * 5 + 5 * 5 of 100, so (.6 - .5) / (1 - .5)."""
    assert kappa(np.array([[3, 2], [2, 3]])) == pytest.approx(0.2)


def test_without_variety_there_is_none():
    assert np.isnan(kappa(np.zeros((5, 5), dtype=int)))
    assert np.isnan(kappa(np.diag([4, 0, 0, 0, 0])))


def test_pairs_count_what_both_rated():
    ratings = np.array([[0.0, 0.0, np.nan], [0.25, 0.5, 1.0], [1.0, 1.0, np.nan], [np.nan, 0.75, 0.75]])
    pairs = pair_kappas(ratings, ["a", "b", "c"])
    assert [(pair["first"], pair["second"], pair["n"]) for pair in pairs] == [
        ("a", "b", 3),
        ("a", "c", 1),
        ("b", "c", 2),
    ]
    expected = cohen_kappa_score([1, 2, 5], [1, 3, 5], weights="quadratic", labels=[1, 2, 3, 4, 5])
    assert pairs[0]["weighted_kappa"] == pytest.approx(expected)
    shared = {"a": 3, "b": 4, "c": 2}
    weights = [
        pair["n"]
        * shared[pair["first"]]
        * shared[pair["second"]]
        / (shared[pair["first"]] + 20)
        / (shared[pair["second"]] + 20)
        for pair in pairs
    ]
    kappas = [pair["weighted_kappa"] for pair in pairs]
    known = np.isfinite(kappas)
    expected = np.average(np.array(kappas)[known], weights=np.array(weights)[known])
    assert mean_pair_kappa(pairs, ratings) == pytest.approx(expected)
