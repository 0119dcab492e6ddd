"""Two one-sided tests against statsmodels, and with clusters by hand."""

import numpy as np
import pytest
from statsmodels.stats.weightstats import ttost_paired

from calibration.equivalence import as_good_as_median, equivalence_test


@pytest.mark.parametrize("shift", [-0.3, 0.0, 0.02, 0.3])
def test_equals_statsmodels(shift):
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 60))
    expected = ttost_paired(a + shift, b, -0.4, 0.4)[0]
    assert equivalence_test(a + shift - b, 0.4).p == pytest.approx(expected, rel=1e-9)


def test_clusters_by_hand():
    # Mean 2.5; residual sums -2 and 2; variance 2 / 1 * 8 / 16 = 1.
    result = equivalence_test(np.array([1.0, 2.0, 3.0, 4.0]), 5.0, ["a", "a", "b", "b"])
    assert (result.difference, result.standard_error, result.freedom) == (2.5, 1.0, 1.0)


@pytest.mark.parametrize("values", [[], [0.1], [np.nan, np.nan], [0.2, 0.2, np.nan]])
def test_degenerate(values):
    assert np.isnan(equivalence_test(np.array(values, dtype=float), 0.1).p)


def test_verdict():
    # t(.975, 4) = 2.7764: half widths .0278 and .2776.
    assert as_good_as_median(-0.02, 0.01, 4.0, 0.05) == "yes"
    assert as_good_as_median(-0.08, 0.01, 4.0, 0.05) == "no"
    assert as_good_as_median(-0.02, 0.1, 4.0, 0.05) == "cannot tell"
    assert as_good_as_median(np.nan, np.nan, np.nan, 0.05) == "cannot tell"
