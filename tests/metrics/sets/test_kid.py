import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_fidelity.metric_kid import kid_features_to_metric

from metrics.errors import InputError
from metrics.sets.kid import kernel_distance


def sample(n, d, seed, shift=0.0):
    return np.random.default_rng(seed).normal(size=(n, d)) + shift


def torch_fidelity(a, b, **settings):
    found = kid_features_to_metric(torch.from_numpy(a), torch.from_numpy(b), verbose=False, **settings)
    return found["kernel_inception_distance_mean"], found["kernel_inception_distance_std"]


@pytest.mark.parametrize(("n", "m", "size"), [(40, 50, 30), (40, 50, 40), (60, 60, 60), (90, 25, 25)])
@pytest.mark.parametrize("at_once", [2048, 10])
def test_equals_torch_fidelity(n, m, size, at_once, monkeypatch):
    """In float64, which both then compute in; by all pairs at once and subset by subset."""
    monkeypatch.setattr("metrics.sets.kid._AT_ONCE", at_once)
    a, b = sample(n, 32, 0), sample(m, 32, 1, 0.1)
    found = kernel_distance(a, b, subsets=20, size=size)
    mean, deviation = torch_fidelity(a, b, kid_subsets=20, kid_subset_size=size)
    assert found.mean == pytest.approx(mean, rel=1e-9)
    assert found.deviation == pytest.approx(deviation, rel=1e-9, abs=1e-12)
    assert (found.subsets, found.size) == (20, size)


def test_equals_torch_fidelity_by_its_own_settings_up_to_its_rounding():
    """Unless told: 100 subsets of 1,000, seed 2020; torch-fidelity sums the kernels in float32, we in float64."""
    a, b = sample(1100, 16, 0).astype(np.float32), sample(1200, 16, 1, 0.05).astype(np.float32)
    found = kernel_distance(a, b)
    mean, deviation = torch_fidelity(a, b)
    assert found.size == 1000
    assert found.mean == pytest.approx(mean, rel=1e-4)
    assert found.deviation == pytest.approx(deviation, rel=1e-3)


def test_one_subset_of_everything_by_hand():
    """k(x, x') = k(1, 3) = 64, k(y, y') = k(0, 1) = 1, and between k = 1, 8, 1 and 64, whose mean is 18.5."""
    assert kernel_distance(np.array([[1.0], [3.0]]), np.array([[0.0], [1.0]]), 1).mean == pytest.approx(
        64 + 1 - 2 * 18.5
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 9), st.integers(2, 9), st.integers(1, 5), st.integers(0, 99))
def test_order_does_not_matter_where_a_subset_is_everything(n, d, subsets, seed):
    a, b = sample(n, d, seed), sample(n, d, seed + 1)
    found = kernel_distance(a, b, subsets)
    assert found.deviation == pytest.approx(0, abs=1e-9)
    assert kernel_distance(a[::-1], b, subsets).mean == pytest.approx(found.mean, abs=1e-9)
    assert kernel_distance(b, a, subsets).mean == pytest.approx(found.mean, abs=1e-9)


def test_it_is_unbiased_and_its_error_is_not_too_small_where_there_is_no_difference():
    found = [kernel_distance(sample(30, 16, 2 * r), sample(30, 16, 2 * r + 1), 1) for r in range(300)]
    means = np.array([each.mean for each in found])
    spread = means.std(ddof=1)
    assert abs(means.mean()) < 3 * spread / np.sqrt(len(means))
    assert spread < np.mean([each.standard_error for each in found]) < 2 * spread


@pytest.mark.parametrize("at_once", [2048, 10])
def test_its_error_is_what_it_varies_by_where_there_is_a_difference(at_once, monkeypatch):
    monkeypatch.setattr("metrics.sets.kid._AT_ONCE", at_once)
    found = [kernel_distance(sample(60, 8, 2 * r, 1.0), sample(50, 8, 2 * r + 1), 20, 20) for r in range(100)]
    spread = np.std([each.mean for each in found], ddof=1)
    assert np.mean([each.standard_error for each in found]) == pytest.approx(spread, rel=0.35)


def test_fewer_than_two_images_are_refused():
    with pytest.raises(InputError, match="two images or more"):
        kernel_distance(sample(1, 4, 0), sample(9, 4, 1))
    with pytest.raises(InputError, match="not finite"):
        kernel_distance(np.full((3, 2), np.nan), sample(3, 2, 1))
