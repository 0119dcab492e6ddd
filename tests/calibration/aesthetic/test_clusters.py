"""Intervals over clusters: against Student's by hand, blocks of many, and how often they cover."""

import numpy as np
import pytest

from calibration.aesthetic.clusters import BLOCKS, cluster_codes, jackknife_interval, left_out_figures
from tests.benchmarks.bench_head_intervals import COVERED, covered


def mean_of(values):
    return lambda weights: [weights @ values / weights.sum()]


def test_of_a_mean_the_error_is_the_textbooks():
    values = np.random.default_rng(0).normal(size=20)
    whole, without = left_out_figures(mean_of(values), np.arange(20))
    found = jackknife_interval(whole[0], without[:, 0], 20)
    error = values.std(ddof=1) / np.sqrt(20)
    assert whole[0] == pytest.approx(values.mean()) and (found.high - found.low) / 2 / error > 2.09
    assert (found.high - found.low) / 2 / error < 2.6


def test_many_clusters_are_left_out_in_blocks_that_do_not_divide_one():
    values = np.random.default_rng(0).normal(size=5000)
    clusters = np.arange(5000) // 5
    whole, without = left_out_figures(mean_of(values), clusters)
    assert without.shape == (BLOCKS, 1)
    found = jackknife_interval(whole[0], without[:, 0], 1000)
    plain = values.reshape(-1, 5).mean(axis=1).std(ddof=1) / np.sqrt(1000)
    assert (found.high - found.low) / 2 == pytest.approx(2 * plain, rel=0.3)


def test_figures_that_are_no_numbers_have_no_interval():
    assert np.isnan(jackknife_interval(np.nan, np.ones(9), 9).low)
    assert np.isnan(jackknife_interval(1.0, np.ones(5), 5).low)
    assert cluster_codes(["b", "a", "b"], 3).tolist() == [1, 0, 1] and cluster_codes(None, 2).tolist() == [0, 1]


@pytest.mark.parametrize("clusters", [6, 15])
def test_intervals_of_few_clusters_cover(clusters):
    shares = covered(clusters, 150)
    assert set(shares) == set(COVERED)
    # the percentile bootstrap's were .70 to .90; the standard error is .018; bench_head_intervals counts more
    assert all(share > 0.89 for share in shares.values()), shares
    assert np.mean(list(shares.values())) > 0.93, shares
