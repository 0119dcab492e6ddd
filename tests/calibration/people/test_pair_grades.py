"""The grade of one person against another: the plain definition, for weights and without people."""

import numpy as np
import pytest

from calibration.core.evaluator_weights import trust, weighted_mean
from calibration.core.grades import person_to_person_grades
from calibration.core.intervals import left_out
from calibration.people.pair_grades import PairGrades


def mean_grade(ratings, k, known):
    """The mean over pairs by the images that both rated and the trust in both."""
    rated = (~np.isnan(ratings)).astype(float)
    return weighted_mean(person_to_person_grades(ratings, k), (rated.T @ rated) * known * known[:, None])


@pytest.mark.parametrize(("people", "share", "k"), [(5, 1.0, 1.0), (6, 0.6, 2.0), (30, 0.1, 0.5), (3, 0.05, 1.0)])
def test_weights_are_repeated_items_and_leaving_out_is_deleting_columns(people, share, k):
    rng = np.random.default_rng(people)
    ratings = rng.integers(0, 5, (60, people)) / 4
    ratings[rng.random(ratings.shape) >= share] = np.nan
    weights = rng.integers(0, 3, (4, 60)).astype(float)
    pairs, known = PairGrades(ratings, k), trust(ratings)
    expected = [mean_grade(ratings[np.repeat(np.arange(60), w.astype(int))], k, known) for w in weights]
    assert pairs.mean(weights) == pytest.approx(expected, abs=1e-12, nan_ok=True)
    gone = left_out(people)
    without = [mean_grade(np.delete(ratings, each, axis=1), k, np.delete(known, each)) for each in gone]
    assert pairs.without(np.ones(60), gone) == pytest.approx(without, abs=1e-12, nan_ok=True)


def test_a_row_may_stand_for_several_items():
    rng = np.random.default_rng(8)
    ratings, counts = rng.integers(0, 5, (20, 4)) / 4, rng.integers(1, 9, 20)
    ratings[rng.random(ratings.shape) < 0.3] = np.nan
    every = PairGrades(np.repeat(ratings, counts, axis=0))
    by_kind = PairGrades(ratings, counts=counts.astype(float))
    assert by_kind.mean(counts[None].astype(float)) == pytest.approx(every.mean(np.ones((1, counts.sum()))))


def test_a_thousand_people_need_no_table_of_all_pairs():
    rng = np.random.default_rng(0)
    ratings = np.full((2000, 1000), np.nan)
    for row in ratings:
        row[rng.choice(1000, 15, replace=False)] = rng.integers(0, 5, 15) / 4
    pairs = PairGrades(ratings)
    assert pairs.apart.shape == pairs.shared.shape == ratings.shape
    assert 0.5 < pairs.mean(np.ones((1, 2000)))[0] < 0.7
