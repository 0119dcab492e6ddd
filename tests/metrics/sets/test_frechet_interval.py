import numpy as np
import pytest

from metrics.errors import InputError
from metrics.sets.frechet import FeatureStatistics, Gaussian, distance, frechet_distance
from metrics.sets.frechet_interval import frechet_with_error, null_distance, null_distance_of
from metrics.sets.kid import kernel_distance


def sample(n, d, seed, scale=1.0, shift=0.0):
    spectrum = np.arange(1, d + 1) ** -0.6
    return np.random.default_rng(seed).normal(size=(n, d)) * spectrum * scale + shift * spectrum


@pytest.mark.parametrize(("n", "m"), [(15, 12), (15, 80), (80, 90)])
def test_the_distance_is_the_same_with_its_error(n, m):
    a, b = sample(n, 24, 0), sample(m, 24, 1, scale=1.3)
    assert frechet_with_error(a, b)[0] == pytest.approx(frechet_distance(a, b), rel=1e-9)


@pytest.mark.parametrize(("n", "m"), [(15, 12), (15, 80), (80, 90)])
def test_error_is_that_of_the_influence_of_each_image(n, m):
    """The influence by its definition: how the distance moves when an image gets a little more weight."""

    def weighted(values, weights):
        weights = weights / weights.sum()
        mean = weights @ values
        centred = (values - mean) * np.sqrt(weights * len(values) / (len(values) - 1))[:, None]
        return Gaussian(mean, centred)

    a, b = sample(n, 24, 0), sample(m, 24, 1, scale=1.3, shift=0.5)
    step, variance = 1e-5, 0.0
    for values, other, order in ((a, b, 1), (b, a, -1)):
        influences = []
        for row in range(len(values)):
            up, down = np.ones(len(values)), np.ones(len(values))
            up[row], down[row] = 1 + step, 1 - step
            high, low = (distance(*(weighted(values, w), Gaussian.of(other))[::order]) for w in (up, down))
            influences.append(len(values) * (high - low) / (2 * step))
        variance += np.var(influences, ddof=1) / len(values)
    assert frechet_with_error(a, b)[1] == pytest.approx(np.sqrt(variance), rel=1e-5)


@pytest.mark.parametrize(("n", "m", "d"), [(40, 40, 8), (30, 30, 64)])
def test_error_is_near_what_the_distance_varies_by(n, m, d):
    found = [frechet_with_error(sample(n, d, 2 * r), sample(m, d, 2 * r + 1, 1.5, 1.0)) for r in range(150)]
    distances, errors = np.array(found).T
    assert np.mean(errors) == pytest.approx(np.std(distances, ddof=1), rel=0.35)


def test_known_statistics_add_no_error_of_their_own():
    a, b = sample(50, 8, 0), sample(60, 8, 1, 1.5)
    _, both = frechet_with_error(a, b)
    distance, alone = frechet_with_error(a, FeatureStatistics.of(b).gaussian)
    assert distance == pytest.approx(frechet_distance(a, b))
    assert 0 < alone < both


def test_identical_images_have_no_distance_and_no_error():
    assert frechet_with_error(np.ones((3, 5)), np.ones((4, 5))) == (0.0, 0.0)


def test_null_distance_with_many_images_is_that_of_theory():
    """2 d / n from the means, and a quarter of E |S_a - S_b|^2 = 2 (d^2 + d) / n from the covariances."""
    d, n = 8, 2000
    found = null_distance(np.random.default_rng(0).normal(size=(2 * n, d)), n, splits=40)
    assert found == pytest.approx(2 * d / n + (d**2 + d) / (2 * n), rel=0.1)


def test_null_distance_of_features_is_large_where_images_are_few_and_kid_is_not():
    """58.5 at 128 images and 12.6 at 1,024: features isotropic in 525 dimensions with a total variance of 49.

    Standard normal features of 2,048 dimensions, each of unit variance, show 3,270 and 1,770.
    """
    everything = np.random.default_rng(0).normal(size=(2048, 525)) * np.sqrt(49 / 525)
    assert null_distance(everything[:256], 128, splits=10) == pytest.approx(58.5, rel=0.02)
    assert null_distance(everything, 1024, splits=1) == pytest.approx(12.6, rel=0.02)
    unit = np.random.default_rng(0).normal(size=(2048, 2048))
    assert null_distance(unit[:256], 128, splits=4) == pytest.approx(3270, rel=0.01)
    assert null_distance(unit, 1024, splits=1) == pytest.approx(1770, rel=0.01)
    for features in (everything, unit):
        kid = kernel_distance(features[:128], features[128:256])
        assert abs(kid.mean) < 3 * kid.standard_error < 0.05


@pytest.mark.parametrize(("n", "total"), [(10, 24), (14, 24), (10, 90), (80, 90), (40, 90)])
def test_null_distance_is_the_mean_over_random_splits(n, total):
    features = sample(total, 16, 5)
    rng = np.random.default_rng(7)
    smaller = min(n, total - n)
    splits = [np.split(features[rng.permutation(total)], [smaller]) for _ in range(5)]
    expected = np.mean([frechet_distance(*split) for split in splits])
    assert null_distance(features, n, splits=5, seed=7) == pytest.approx(expected, rel=1e-9)


def test_null_distance_of_known_statistics_is_that_of_sets_drawn_from_them():
    reference = sample(4000, 12, 0)
    found = null_distance_of(Gaussian.of(reference), 50, draws=60)
    expected = np.mean([frechet_distance(sample(50, 12, seed), reference) for seed in range(1, 61)])
    assert found == pytest.approx(expected, rel=0.1)


def test_too_few_images_to_split_are_refused():
    with pytest.raises(InputError, match="3 images cannot be split"):
        null_distance(sample(3, 4, 0), 1)


def test_images_that_are_all_alike_have_distances():
    alike, others = np.ones((7, 3)), np.random.default_rng(0).normal(size=(9, 3))
    known = Gaussian.of_covariance(alike.mean(axis=0), np.zeros((3, 3)))
    by_hand = ((others.mean(axis=0) - 1) ** 2).sum() + others.var(axis=0, ddof=1).sum()
    assert frechet_with_error(others, alike)[0] == pytest.approx(by_hand)
    assert frechet_with_error(others, known)[0] == pytest.approx(by_hand)
    assert frechet_with_error(alike, alike) == (0, 0) and null_distance_of(known, 4) == 0
    assert null_distance(np.ones((10, 3)), 4) == 0
