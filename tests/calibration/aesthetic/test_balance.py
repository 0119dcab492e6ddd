"""Weights of images by how many share their votes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.ndimage import gaussian_filter1d

from calibration.aesthetic.balance import MOST, balance_weights

means = hnp.arrays(np.float64, st.integers(1, 300), elements=st.floats(1, 10))


@given(means, st.sampled_from(["none", "inverse", "sqrt", "lds"]))
def test_weights_have_mean_one_and_none_leads(values, balance):
    weights = balance_weights(values, balance)
    assert weights.mean() == pytest.approx(1) and (weights > 0).all()
    assert weights.max() <= MOST * np.median(weights) * (1 + 1e-9)


def test_inverse_makes_every_bin_count_the_same():
    values = np.repeat([3.05, 5.05, 5.15, 8.05], [10, 60, 30, 20])
    weights = balance_weights(values, "inverse")
    assert [weights[values == vote].sum() for vote in (3.05, 5.05, 5.15, 8.05)] == pytest.approx([30] * 4)


def test_lds_is_the_inverse_of_smoothed_counts():
    values = np.repeat([4.05, 5.05, 6.05], [20, 60, 30])
    counts = np.zeros(91)
    counts[[30, 40, 50]] = 20, 60, 30
    smooth = gaussian_filter1d(counts, 2.0, mode="reflect")
    found = balance_weights(values, "lds")
    assert found[0] / found[-1] == pytest.approx(smooth[50] / smooth[30])


@pytest.mark.parametrize("balance", ["inverse", "sqrt", "lds"])
def test_uniform_votes_all_count_the_same(balance):
    means = np.arange(10, 101) / 10  # 1.3 and others are not at their bin's end but by a rounding
    np.testing.assert_allclose(balance_weights(means, balance), 1.0)
    np.testing.assert_allclose(balance_weights(np.arange(1.0, 10.0001, 0.1), balance), 1.0)


@pytest.mark.parametrize(("balance", "ratio"), [("inverse", 20), ("lds", 20), ("sqrt", 1000**0.5)])
def test_a_single_odd_image_counts_twenty_times_the_median_at_most(balance, ratio):
    weights = balance_weights(np.r_[np.full(1000, 5.05), 9.05], balance)
    assert weights[-1] / weights[0] == pytest.approx(min(ratio, 20))


def test_counts_are_mirrored_at_the_ends_of_the_scale():
    """Written out: a Gaussian of two bins, cut at four of its widths, over counts that are mirrored at the end."""
    values = np.repeat([1.05, 1.25, 3.05], [60, 20, 90])
    counts = np.zeros(91)
    counts[[0, 2, 20]] = 60, 20, 90
    mirrored = np.concatenate([counts[::-1], counts, counts[::-1]])
    kernel = np.exp(-(np.arange(-8, 9) ** 2) / 8)
    smooth = np.convolve(mirrored, kernel / kernel.sum(), mode="same")[91:182]
    found = balance_weights(values, "lds")
    assert found[0] / found[-1] == pytest.approx(smooth[20] / smooth[0])
    assert found[60] / found[-1] == pytest.approx(smooth[20] / smooth[2])
