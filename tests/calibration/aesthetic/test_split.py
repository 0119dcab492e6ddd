"""Splits: disjoint, alike, whole challenges, the same for the same seed; and a list of test images."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.aesthetic.split import official_split, seeded_split, stratified_folds
from metrics.errors import InputError
from tests.calibration.aesthetic.made import made_votes


@settings(max_examples=20)
@given(st.integers(60, 400), st.integers(0, 5), st.sampled_from([0, 20, 60]))
def test_every_image_is_in_one_part_and_challenges_are_whole(count, seed, groups):
    votes = made_votes(count, seed, groups, voters=20)
    split = seeded_split(votes, seed)
    parts = [split.train, split.validation, split.test]
    assert sorted(np.concatenate(parts).tolist()) == list(range(count)) and all(len(part) for part in parts)
    if votes.groups is not None:
        sides = [set(votes.groups[part].tolist()) for part in parts]
        assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])
    again = seeded_split(votes, seed)
    assert all(
        (mine == theirs).all() for mine, theirs in zip(parts, [again.train, again.validation, again.test], strict=True)
    )


def test_parts_of_the_real_votes_have_the_same_mean_and_spread(shared):
    from calibration.aesthetic.votes import read_votes

    votes = read_votes(shared / "data" / "ava_votes" / "AVA_excerpt.txt")
    split = seeded_split(votes)
    for part in (split.train, split.validation, split.test):
        assert votes.means[part].mean() == pytest.approx(votes.means.mean(), abs=0.02)
        assert votes.means[part].std() == pytest.approx(votes.means.std(), abs=0.03)
    assert len(split.test) == pytest.approx(1278, abs=60)


def test_the_official_list_is_the_test(tmp_path):
    votes = made_votes(200)
    (tmp_path / "test.jpgl").write_text("00003.jpg\n00007\n\nnot-there\n")
    split = official_split(votes, tmp_path / "test.jpgl")
    assert votes.images[split.test].tolist() == ["00003", "00007"]
    assert len(split.train) + len(split.validation) == 198 and split.name.startswith("list-test.jpgl-")
    (tmp_path / "other").write_text("x\n")
    with pytest.raises(InputError, match="names none of the images"):
        official_split(votes, tmp_path / "other")
    with pytest.raises(InputError, match="cannot be read"):
        official_split(votes, tmp_path / "nothing")


def test_too_few_images_or_challenges_are_refused():
    with pytest.raises(InputError, match="Only 40 images"):
        seeded_split(made_votes(40))
    with pytest.raises(InputError, match=r"are of 3 groups, which cannot be divided into 10 .* with group"):
        stratified_folds(made_votes(100, groups=3), 10, 0)


@pytest.mark.parametrize("groups", [0, 60])
def test_another_seed_gives_another_split(groups):
    votes = made_votes(300, 0, groups, voters=20)
    first, other = (seeded_split(votes, seed) for seed in (0, 1))
    assert set(first.test.tolist()) != set(other.test.tolist()) and first.name != other.name


def test_parts_of_grouped_votes_have_the_same_means():
    """As good as those of single images: by chance alone the parts' means would differ by .1."""
    votes = made_votes(600, 0, 300, voters=20)
    folds = stratified_folds(votes, 10, 0)
    means = [votes.means[folds == fold].mean() for fold in range(10)]
    assert np.std(means) < 0.05
