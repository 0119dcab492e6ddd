import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg

from metrics.errors import InputError
from metrics.sets.frechet import FeatureStatistics, Gaussian, distance, frechet_distance


def by_matrix_square_root(a, b) -> float:
    """The formula as Heusel et al. (2017) state it and pytorch-fid computes it, in float64."""
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = linalg.sqrtm(cov_a @ cov_b)
    step = a.mean(axis=0) - b.mean(axis=0)
    return float(step @ step + np.trace(cov_a) + np.trace(cov_b) - 2 * np.trace(root).real)


def features(n, d, seed, scale=1.0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) * scale / d + rng.normal(size=d) * 0.1


@pytest.mark.parametrize(("n", "m", "d"), [(200, 300, 16), (500, 400, 64), (40, 50, 32), (20, 90, 32), (90, 20, 32)])
def test_equals_the_matrix_square_root(n, m, d):
    a, b = features(n, d, 0), features(m, d, 1, scale=1.3)
    assert frechet_distance(a, b) == pytest.approx(by_matrix_square_root(a, b), rel=1e-6)


def test_one_dimension_by_hand():
    """(mu_a - mu_b)^2 + (sd_a - sd_b)^2 = 4 + (1 - 2)^2 with unbiased standard deviations sqrt(2) * (0.5, 1)."""
    assert frechet_distance([[0.0], [1.0]], [[1.5], [3.5]]) == pytest.approx(2.0**2 + (0.5 * 2**0.5 - 2**0.5) ** 2)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 12), st.integers(2, 12), st.integers(1, 9), st.integers(0, 99))
def test_both_ways_agree_and_it_is_a_distance(n, m, d, seed):
    a, b = features(n, d, seed), features(m, d, seed + 1)
    direct = frechet_distance(a, b)
    scale = np.var(a) * d + np.var(b) * d
    assert direct == pytest.approx(
        distance(FeatureStatistics.of(a).gaussian, FeatureStatistics.of(b).gaussian), abs=1e-6 * (1 + scale)
    )
    assert direct == pytest.approx(frechet_distance(b, a), abs=1e-6 * (1 + scale))
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6 * (1 + scale))
    assert direct >= 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(2, 9), min_size=1, max_size=5), st.integers(0, 99))
def test_statistics_of_shards_merge_into_those_of_one_pass(sizes, seed):
    everything = features(sum(sizes), 4, seed) + 1e3
    shards = np.split(everything, np.cumsum(sizes)[:-1])
    merged = FeatureStatistics.of(shards[0])
    for shard in shards[1:]:
        merged = merged.merge(FeatureStatistics.of(shard))
    whole = FeatureStatistics.of(everything)
    assert merged.n == whole.n
    np.testing.assert_allclose(merged.mean, whole.mean, rtol=1e-12)
    np.testing.assert_allclose(merged.scatter, whole.scatter, atol=1e-7)


def test_equals_torch_fidelity():
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    a, b = features(300, 48, 0), features(200, 48, 1, scale=1.2)
    theirs = [fid_features_to_statistics(torch.from_numpy(values)) for values in (a, b)]
    expected = fid_statistics_to_metric(*theirs, verbose=False)["frechet_inception_distance"]
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)


def test_what_is_taken_out_of_statistics_leaves_those_of_the_rest():
    everything = features(50, 6, 3) + 10
    rest = FeatureStatistics.of(everything).without(FeatureStatistics.of(everything[:20]))
    expected = FeatureStatistics.of(everything[20:])
    assert rest.n == 30
    np.testing.assert_allclose(rest.mean, expected.mean, rtol=1e-12)
    np.testing.assert_allclose(rest.scatter, expected.scatter, atol=1e-9)


def test_more_images_than_are_in_memory_at_once():
    everything = features(5000, 3, 0)
    np.testing.assert_allclose(
        FeatureStatistics.of(everything).covariance, np.cov(everything, rowvar=False), rtol=1e-10
    )


def test_singular_covariance_has_a_root_of_its_rank():
    few = features(5, 8, 0)
    root = Gaussian.of_covariance(np.zeros(8), np.cov(few, rowvar=False)).root
    assert root.shape == (4, 8)
    np.testing.assert_allclose(root.T @ root, np.cov(few, rowvar=False), atol=1e-12)


def test_large_products_by_their_squares_and_small_ones_directly_agree(monkeypatch):
    a, b = Gaussian.of(features(30, 64, 0)), Gaussian.of(features(40, 64, 1))
    directly = distance(a, b)
    monkeypatch.setattr("metrics.sets.frechet._DIRECTLY", 8)
    assert distance(a, b) == pytest.approx(directly, rel=1e-6)


def test_identical_images_have_no_distance():
    assert frechet_distance(np.ones((3, 5)), np.ones((4, 5))) == 0


def test_bad_features_are_refused():
    with pytest.raises(InputError, match="two images or more"):
        frechet_distance([[1.0]], [[1.0], [2.0]])
    with pytest.raises(InputError, match="2 and 1 dimensions"):
        frechet_distance([[1.0, 2.0], [0.0, 1.0]], [[1.0], [2.0]])
    with pytest.raises(InputError, match="not finite"):
        frechet_distance([[np.nan], [1.0]], [[1.0], [2.0]])


@pytest.mark.parametrize("kind", ["low rank", "each image twice"])
def test_features_of_low_rank_are_exact(kind):
    rng = np.random.default_rng(0)
    if kind == "low rank":
        a = rng.normal(size=(700, 50)) @ rng.normal(size=(50, 1024))
    else:
        a = np.repeat(rng.normal(size=(350, 1024)), 2, axis=0)
    b = a * 1.01
    # b is a scaled about 0: |0.01 mu|^2 + tr(S) (1 + 1.01^2 - 2 * 1.01), in closed form
    expected = np.sum((0.01 * a.mean(axis=0)) ** 2) + a.var(axis=0, ddof=1).sum() * 0.01**2
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-6)
