"""Nobody honest is accused of copying: however strict, however few images, however many people; who copies is."""

import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from calibration.people.dependence import dependent_pairs
from calibration.people.screening import screen

CUTS = np.array([-1.2, -0.4, 0.4, 1.2])


def fair(seed, people=5, images=300, noise=0.5, strictness=1.0, share=1.0):
    """Independent evaluators who differ in strictness, exactness and in how far they spread their answers."""
    rng = np.random.default_rng([17, seed])
    quality = rng.normal(size=images)
    bias, gain = rng.normal(size=people) * strictness, np.exp(rng.normal(size=people) * 0.2)
    own = noise * np.exp(rng.normal(size=people) * 0.25)
    latent = gain * quality[:, None] + bias + rng.normal(size=(images, people)) * own
    ratings = np.digitize(latent, CUTS) + 1.0
    ratings[rng.random(ratings.shape) >= share] = np.nan
    return ratings


def names(ratings):
    return [f"e{place}" for place in range(ratings.shape[1])]


def test_an_error_without_a_value_is_no_finding():
    """A made study: 37 common images, correlation .10 (p .54), and the error of what was expected was nan."""
    table = pd.read_csv(Path(__file__).parent / "data" / "named_alike.csv")
    assert screen(table.to_numpy(float), list(table.columns)) == []


@pytest.mark.parametrize("share", [1.0, 1 / 3])
def test_people_of_any_strictness_are_not_called_dependent(share):
    named = [seed for seed in range(20) if dependent_pairs(fair(seed, share=share), level=0.02)]
    assert len(named) <= 2  # 2 % are meant; two lenient ones who meet at the scale's end were named in 68 % of these


def test_many_strict_and_lenient_people_are_not_called_dependent():
    named = [seed for seed in range(10) if dependent_pairs(fair(seed, people=30, images=128), level=0.02)]
    assert len(named) <= 1


def test_only_those_who_copy_are_named():
    """Where two of five copy, what they share can pass for the quality, and then the others' pairs stand out."""
    found = []
    for seed in range(12):
        ratings = fair(seed, images=256, noise=0.75, strictness=0.4)
        same = np.random.default_rng(seed).random(256) < 0.7
        ratings[same, 3] = ratings[same, 1]
        found.append([(pair.first, pair.second) for pair in dependent_pairs(ratings, level=0.02)])
    assert all((1, 3) in pairs for pairs in found)
    assert sum(len(pairs) for pairs in found) <= len(found) + 1


def test_three_who_copy_from_one_another_are_all_named():
    ratings = fair(1, people=7, images=400, noise=0.75, strictness=0.4)
    ratings[:300, 1], ratings[:300, 2] = ratings[:300, 0], ratings[:300, 0]
    named = {column for pair in dependent_pairs(ratings) for column in pair[:2]}
    assert named == {0, 1, 2}


def test_copies_among_many_are_found():
    ratings = fair(2, people=20, images=256, noise=0.75, strictness=0.4)
    ratings[:180, 7] = ratings[:180, 4]
    assert [pair[:2] for pair in dependent_pairs(ratings)] == [(4, 7)]


def test_the_figures_and_the_sentence():
    ratings = fair(3, images=400, noise=0.75, strictness=0.4)
    ratings[:300, 1] = ratings[:300, 0]
    (pair,) = dependent_pairs(ratings, level=0.02)
    assert (pair.first, pair.second, pair.common, pair.tested) == (0, 1, 400, 10)
    assert pair.correlation == pytest.approx(np.corrcoef(ratings[:, 0], ratings[:, 1])[0, 1])
    assert pair.equal == pytest.approx(np.mean(ratings[:, 0] == ratings[:, 1]))
    independent = fair(3, images=400, noise=0.75, strictness=0.4)
    assert pair.expected == pytest.approx(np.corrcoef(independent[:, 0], independent[:, 1])[0, 1], abs=0.15)
    assert pair.expected_equal == pytest.approx(np.mean(independent[:, 0] == independent[:, 1]), abs=0.15)
    sentence = next(flag.sentence for flag in screen(ratings, names(ratings)) if len(flag.evaluators) == 2)
    assert f"on 400 images that both rated; {pair.equal:.0%} of these ratings are equal" in sentence
    assert "p < .0001 for 10 pairs); they may not be independent, or share a taste that the others do not" in sentence


def test_of_four_the_other_two_are_named_as_well():
    ratings = fair(4, people=4, images=400, noise=0.75, strictness=0.4)
    ratings[:300, 1] = ratings[:300, 0]
    (flag,) = screen(ratings, list("abcd"))
    assert flag.evaluators == (0, 1)
    assert flag.sentence.endswith("Among four evaluators it can also be c and d who are not.")


def test_a_crowd_takes_little_memory():
    ratings = fair(0, people=240, images=1500)
    seen = np.random.default_rng(0).random(ratings.shape) < 17 / 240
    seen[:60, :80] = True  # pairs with enough in common
    ratings[~seen] = np.nan
    tracemalloc.start()
    found = dependent_pairs(ratings, level=0.02)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == [] and peak < 2**28  # 12 GiB grew with the fourth power of the people


def test_ratings_that_are_no_levels():
    rng = np.random.default_rng(0)
    ratings = rng.normal(size=(300, 1)) + rng.normal(size=(300, 5))
    assert dependent_pairs(ratings) == []
    ratings[:200, 4] = ratings[:200, 2]
    (pair,) = dependent_pairs(ratings)
    assert pair[:2] == (2, 4) and np.isnan(pair.equal) and pair.correlation > pair.expected + 0.2
