"""Metric and person on the same unseen images against the same people."""

import numpy as np
import pytest

from calibration.core.crossvalidation import NewItems, cross_validate, cross_validate_on_new_items
from calibration.core.item_folds import item_folds
from calibration.metric.same_target import EvaluatorsAsMetrics, SameTarget
from tests.calibration.typed import scored


def study(rng, images, people, noise=1.0):
    quality = rng.normal(size=images)
    answers = 2 + quality[:, None] + noise * rng.normal(size=(images, people))
    return quality, np.clip(np.round(answers), 0, 4) / 4


def same_target(scores, ratings, folds, seed=0):
    task = scored(scores, ratings, together=folds, seed=seed)
    return EvaluatorsAsMetrics(task.ratings).compare(task)


def test_a_perfect_metric_beats_everybody_and_noise_nobody():
    rng = np.random.default_rng(0)
    quality, ratings = study(rng, 400, 5)
    folds = item_folds(np.arange(400))
    perfect = same_target(quality, ratings, folds)
    assert (perfect.wins, perfect.compared) == (5, 5) and perfect.metric_skill > perfect.person_skill
    noise = same_target(rng.normal(size=400), ratings, folds)
    assert noise.wins == 0 and noise.advantage < 0 and noise.metric_skill < 0.02


def test_a_sixth_evaluator_comes_out_at_chance():
    rng = np.random.default_rng(1)
    wins, advantages = [], []
    for _ in range(60):
        _, ratings = study(rng, 150, 6)
        found = same_target(ratings[:, 5], ratings[:, :5], item_folds(np.arange(150)))
        wins.append(found.wins / found.compared)
        advantages.append(found.advantage)
    error = np.std(advantages) / np.sqrt(len(advantages))
    assert abs(np.mean(advantages)) < 3 * error
    assert 0.35 < np.mean(wins) < 0.65


def test_evaluators_are_graded_on_what_they_rated_themselves():
    rng = np.random.default_rng(2)
    quality, ratings = study(rng, 200, 4)
    ratings[rng.random(ratings.shape) < 0.3] = np.nan
    found = same_target(quality, ratings, item_folds(np.arange(200)))
    assert found.compared == 4 and np.isfinite(found.person_grades).all()


@pytest.mark.parametrize("people", [1, 2])
def test_it_takes_three_evaluators(people):
    quality, ratings = study(np.random.default_rng(3), 30, people)
    assert same_target(quality, ratings, item_folds(np.arange(30))) is None


def test_a_few_of_many_evaluators_do_not_stand_for_all():
    """Of forty who rated some 24 images each, the few who rated 30 share two or three of them."""
    rng = np.random.default_rng(6)
    quality, ratings = study(rng, 300, 40)
    ratings[rng.random(ratings.shape) >= 0.08] = np.nan
    known = ((~np.isnan(ratings)).sum(axis=0) >= 30).sum()
    assert 2 < known < 10
    assert same_target(quality, ratings, item_folds(np.arange(300))) is None


def test_of_very_many_evaluators_some_are_compared():
    quality, ratings = study(np.random.default_rng(4), 40, 30)
    folds = item_folds(np.arange(40), 2)
    first, again = (same_target(quality, ratings, folds, seed=3) for _ in range(2))
    assert first.evaluators == again.evaluators and first.compared == 25


def test_new_items_take_away_the_optimism():
    """The issue, by simulation: about .051 grade points at 32 images, .012 at 256, .005 at 1,024."""
    rng = np.random.default_rng(5)
    for images, least, most, studies in ((32, 0.02, 0.08, 40), (256, 0.004, 0.02, 15)):
        optimism = []
        for _ in range(studies):
            quality, ratings = study(rng, images, 5)
            scores = quality + rng.normal(size=images)
            new = cross_validate_on_new_items(scores, ratings, item_folds(np.arange(images)))
            optimism.append(cross_validate(scores, ratings).grade_mean - new.grade_mean)
        assert least < np.mean(optimism) < most


def test_an_items_level_on_new_items_does_not_depend_on_its_own_rating():
    rng = np.random.default_rng(6)
    quality, ratings = study(rng, 60, 3)
    folds = item_folds(np.arange(60))
    changed = ratings.copy()
    changed[folds == 0] = 1.0 - changed[folds == 0]
    before, after = (NewItems(quality, each, folds, 1.0, "higher").levels(without=0) for each in (ratings, changed))
    assert np.array_equal(before[folds == 0], after[folds == 0], equal_nan=True)
    assert not np.array_equal(before[folds != 0], after[folds != 0], equal_nan=True)
    alone = cross_validate_on_new_items(quality[folds == 0], changed[folds == 0], np.zeros(12, dtype=int))
    assert np.isnan(alone.grade_mean)  # nothing is left to learn from


def test_a_draw_counts_half():
    same = np.array([0.7, 0.7, 0.7, 0.6, 0.8])
    found = SameTarget(
        tuple(range(5)), np.full(5, 0.2), np.full(5, 0.7), same, np.full(5, 0.65), np.zeros((5, 5))
    )  # three draws, one win, one loss
    assert (found.wins, found.compared, found.wins_over_able) == (2, 5, 1)
