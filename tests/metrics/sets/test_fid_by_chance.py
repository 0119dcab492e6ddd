"""FID beside the value of two halves of the reference: alike where nothing differs, below it where something does."""

import numpy as np
import pytest

from metrics.sets.fid_by_chance import SPLITS, fid_by_chance
from metrics.sets.frechet import frechet_distance


def features(rng, count, shift=0.0, dimensions=64):
    return rng.normal(size=(count, dimensions)) + shift


def test_where_nothing_differs_the_set_is_as_far_from_a_half_as_the_other_half_is():
    rng = np.random.default_rng(0)
    found = [fid_by_chance(features(rng, 40), features(rng, 60), seed=seed) for seed in range(20)]
    ratios = [one.fid / one.halves for one in found]
    assert {one.k for one in found} == {30} and np.mean(ratios) == pytest.approx(1, abs=0.02)
    assert np.mean([one.above for one in found]) == pytest.approx(0.5, abs=0.15)
    assert all(one.low < one.halves < one.high for one in found)
    assert min(one.halves for one in found) > 40  # of 64 dimensions: far above 0 without any difference


def test_a_set_that_differs_is_above_it_in_every_split():
    rng = np.random.default_rng(1)
    found = fid_by_chance(features(rng, 40, shift=1.0), features(rng, 60))
    assert (found.above, found.splits) == (1.0, SPLITS) and found.fid > found.high
    assert found.fid - found.halves == pytest.approx(64, rel=0.2)  # the squared distance of the means


def test_the_numbers_of_images_on_both_sides_are_the_same():
    rng = np.random.default_rng(2)
    images, reference = features(rng, 9), features(rng, 60)
    found = fid_by_chance(images, reference, splits=1, seed=7)
    order = np.random.default_rng(7).permutation(60)
    one, other = reference[order[:9]], reference[order[9:18]]
    assert found.k == 9
    assert found.halves == found.low == found.high == pytest.approx(frechet_distance(other, one))
    assert found.fid == pytest.approx(frechet_distance(images, one))


def test_the_seed_decides_and_too_few_images_have_no_halves():
    rng = np.random.default_rng(3)
    images, reference = features(rng, 20), features(rng, 20)
    assert fid_by_chance(images, reference, seed=1) == fid_by_chance(images, reference, seed=1)
    assert fid_by_chance(images, reference, seed=1) != fid_by_chance(images, reference, seed=2)
    assert fid_by_chance(images, reference[:3]) is None and fid_by_chance(images[:1], reference) is None
    assert fid_by_chance(images, reference[:4]).k == 2
