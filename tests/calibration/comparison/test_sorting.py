"""Metric beside people as sorters of images."""

import itertools

import numpy as np
import pytest

from calibration.comparison.sorting import sorting, sorting_entry
from calibration.core.evaluator_weights import evaluator_shares

CUTS = np.array([-1.2, -0.4, 0.4, 1.2])


def study(rng, n=60, people=4, noise=0.75, strictness=0.0, share=1.0):
    quality = rng.normal(size=n)
    bias = strictness * rng.normal(size=people)
    ratings = np.digitize(quality[:, None] + bias + noise * rng.normal(size=(n, people)), CUTS) / 4
    ratings[rng.random(ratings.shape) >= share] = np.nan
    return quality, ratings


def by_hand(scores, ratings):
    """The definition, pair by pair: accuracies of scores and of each evaluator against the mean of the others."""
    found, weights = [], []
    for one in range(ratings.shape[1]):
        others = np.delete(ratings, one, axis=1)
        rows = [i for i in range(len(ratings)) if not np.isnan(ratings[i, one]) and not np.isnan(others[i]).all()]
        right, pairs = np.zeros(2), 0
        for i, j in itertools.combinations(rows, 2):
            target = np.round(np.nanmean(others[i]) - np.nanmean(others[j]), 9)
            if target:
                pairs += 1
                for at, values in enumerate((scores, ratings[:, one])):
                    right[at] += 0.5 + 0.5 * np.sign(values[i] - values[j]) * np.sign(target)
        if pairs:
            found.append(right / pairs)
            weights.append(evaluator_shares(ratings)[one])
    return np.average(found, axis=0, weights=weights)


@pytest.mark.parametrize(("people", "share"), [(4, 1.0), (6, 0.5), (2, 1.0)])
def test_it_is_the_definition(people, share):
    rng = np.random.default_rng(people)
    quality, ratings = study(rng, 30, people, share=share)
    scores = np.round(quality + rng.normal(size=30), 1)
    found = sorting(scores, ratings)
    metric, person = by_hand(scores, ratings)
    assert (found.metric, found.person) == (pytest.approx(metric), pytest.approx(person))
    assert found.difference == pytest.approx(metric - person)
    assert bool(found.people_like_these) == (people > 2)


def test_a_guess_has_half_and_its_margin_is_never_a_guess():
    rng = np.random.default_rng(0)
    _, ratings = study(rng)
    assert sorting(np.zeros(60), ratings).metric == 0.5
    _, apart = study(rng, noise=6.0)
    found = sorting(np.zeros(60), apart)
    assert found.person < 0.6 and found.margin == pytest.approx((found.person - 0.5) / 4)
    assert sorting(np.zeros(60), ratings).margin == 0.05


def test_strictness_of_one_person_moves_nothing_but_what_it_ties():
    rng = np.random.default_rng(1)
    quality, ratings = study(rng)
    moved = ratings / 2
    moved[:, 0] += 0.5
    kept = ratings / 2
    assert sorting(quality, moved).metric == pytest.approx(sorting(quality, kept).metric)
    assert sorting(quality, moved).person == pytest.approx(sorting(quality, kept).person)


def test_nothing_to_compare():
    assert sorting(np.arange(3.0), np.array([[0.0, np.nan], [0.5, np.nan], [np.nan, 1.0]])) is None
    assert sorting(np.arange(3.0), np.full((3, 3), 0.5)) is None
    assert sorting_entry(None) is None


def test_one_stray_rating_weighs_as_one():
    rng = np.random.default_rng(2)
    quality, ratings = study(rng, 200)
    stray = np.full((200, 1), np.nan)
    stray[:3, 0] = 1 - ratings[:3, 0]
    before, after = sorting(quality, ratings), sorting(quality, np.hstack([ratings, stray]))
    assert abs(after.difference - before.difference) < 0.01


def test_images_of_a_prompt_widen_the_interval():
    rng = np.random.default_rng(3)
    prompts = np.repeat(np.arange(25), 8)
    quality, ratings = study(rng, 200)
    scores = quality + 1.5 * rng.normal(size=25)[prompts]
    alone, together = (sorting(scores, ratings, groups).these["difference"] for groups in (None, prompts))
    assert together.high - together.low > 1.1 * (alone.high - alone.low)


def test_coverage_for_these_and_for_people_like_these():
    """Of the mean difference over studies, in 150 of 5 x 80: the wider one at least 90 %."""
    rng = np.random.default_rng(4)
    found = []
    for _ in range(150):
        quality, ratings = study(rng, 80, 5, 0.9, 0.4)
        found.append(sorting(quality + 1.2 * rng.normal(size=80), ratings))
    truth = np.mean([each.difference for each in found])
    hit = [low <= truth <= high for low, high in (each.people_like_these["difference"] for each in found)]
    assert np.mean(hit) >= 0.9


def test_many_images_are_drawn_from():
    rng = np.random.default_rng(5)
    quality, ratings = study(rng, 3000, 3)
    found = sorting(quality, ratings)
    assert found.n_items == 2048
    assert found.metric == pytest.approx(sorting(quality, ratings, seed=1).metric, abs=0.01)
