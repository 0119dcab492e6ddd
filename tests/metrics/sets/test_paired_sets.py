"""Two checkpoints' distances from one reference, paired."""

import numpy as np
import pytest

from metrics.errors import InputError
from metrics.sets.frechet import frechet_distance
from metrics.sets.kid import kernel_distance
from metrics.sets.paired_sets import paired_sets, prompt_values

PROMPTS = np.repeat(np.arange(20), 3)


def features(seed: int, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(20, 12))[PROMPTS]
    new, old = (0.6 * common + 0.8 * rng.normal(size=(60, 12)) for _ in range(2))
    return new + shift, old, rng.normal(size=(300, 12))


@pytest.mark.parametrize("dimensions", [12, 200])
def test_distances_are_fids(dimensions):
    rng = np.random.default_rng(0)
    new, old, real = (
        rng.normal(size=(60, dimensions)) + 0.3,
        rng.normal(size=(60, dimensions)),
        rng.normal(size=(150, dimensions)),
    )
    found = paired_sets(new, old, real, PROMPTS)
    assert found.candidate == pytest.approx(frechet_distance(new, real), rel=1e-6)
    assert found.baseline == pytest.approx(frechet_distance(old, real), rel=1e-6)
    assert found.difference == found.candidate - found.baseline


def test_distances_are_kids():
    """KID of one subset that is the whole set."""
    new, old, _ = features(1, 0.2)
    real = np.random.default_rng(9).normal(size=(60, 12))
    found = paired_sets(new, old, real, PROMPTS, "kid")
    assert found.candidate == pytest.approx(kernel_distance(new, real, subsets=1, size=60).mean)
    assert found.baseline == pytest.approx(kernel_distance(old, real, subsets=1, size=60).mean)


@pytest.mark.parametrize("kind", ["fid", "kid"])
def test_a_set_that_is_further_away_is_found(kind):
    found = paired_sets(*features(2, 0.6), PROMPTS, kind)
    assert found.p == 0.001
    assert found.low > 0


@pytest.mark.parametrize("kind", ["fid", "kid"])
def test_equal_checkpoints_alarm_as_often_as_said(kind, monkeypatch):
    monkeypatch.setattr("metrics.sets.paired_sets.MOST_SWAPS", 39)
    monkeypatch.setattr("metrics.sets.paired_sets._FEWEST_SWAPS", 39)
    runs = [paired_sets(*features(seed), PROMPTS, kind, seed=seed) for seed in range(100, 160)]
    assert 0 < np.mean([run.p <= 0.2 for run in runs]) < 0.36  # 12 +- 3 of 60 expected
    assert np.mean([run.low <= 0 <= run.high for run in runs]) >= 0.85


def test_the_same_images_differ_in_nothing():
    new, _, real = features(3)
    found = paired_sets(new, new, real, PROMPTS)
    assert (found.difference, found.p) == (0, 1)


def test_images_of_a_prompt_change_sides_together():
    """Ten images that are one image ten times: twenty prompts' swaps, not sixty images'."""
    new, old, real = features(4)
    few_new, few_old = np.repeat(new[::3], 3, axis=0), np.repeat(old[::3], 3, axis=0)
    by_prompt = paired_sets(few_new, few_old, real, PROMPTS)
    by_image = paired_sets(few_new, few_old, real, np.arange(60))
    assert by_prompt.high - by_prompt.low > 1.5 * (by_image.high - by_image.low)


@pytest.mark.parametrize(("images", "prompts"), [(49, 10), (60, 9)])
def test_few_are_refused(images, prompts):
    table = np.random.default_rng(0).normal(size=(images, 4))
    with pytest.raises(InputError, match="takes 50 images of 10 prompts"):
        paired_sets(table, table, table, np.arange(images) % prompts)


@pytest.mark.parametrize("kind", ["fid", "kid"])
def test_prompts_parts_of_a_distance_give_the_same_difference_and_error(kind):
    new, old, real = features(3, 0.3)
    both = paired_sets(new, old, real, PROMPTS, kind)
    distances, values = prompt_values([new, old], real, PROMPTS, kind)
    assert distances == pytest.approx([both.candidate, both.baseline])
    assert values.mean(axis=0) == pytest.approx(distances)
    apart = values[:, 0] - values[:, 1]
    assert apart.std(ddof=1) / np.sqrt(20) == pytest.approx(both.error)
    assert values[:, 1].std(ddof=1) / np.sqrt(20) == pytest.approx(both.baseline_error)


def test_a_prompt_that_lies_far_off_has_the_largest_part():
    new, _, real = features(4)
    new[PROMPTS == 7] += 3.0
    assert prompt_values([new], real, PROMPTS)[1][:, 0].argmax() == 7


def test_few_have_no_parts():
    with pytest.raises(InputError, match="KID of 27 images of 9 prompts says too little"):
        prompt_values([np.zeros((27, 4))], np.zeros((50, 4)), np.repeat(np.arange(9), 3), "kid")
