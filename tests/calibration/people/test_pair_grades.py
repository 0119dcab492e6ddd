"""The grade of one person against another: the plain definition, for weights and without people."""

import numpy as np
import pytest

from calibration.grades import mean_or_nan, person_to_person_grades
from calibration.intervals import left_out
from calibration.people.pair_grades import PairGrades


@pytest.mark.parametrize(("people", "share", "k"), [(5, 1.0, 1.0), (6, 0.6, 2.0), (30, 0.1, 0.5), (3, 0.05, 1.0)])
def test_weights_are_repeated_items_and_leaving_out_is_deleting_columns(people, share, k):
    rng = np.random.default_rng(people)
    ratings = rng.integers(0, 5, (60, people)) / 4
    ratings[rng.random(ratings.shape) >= share] = np.nan
    weights = rng.integers(0, 3, (4, 60)).astype(float)
    pairs = PairGrades(ratings, k)
    expected = [
        mean_or_nan(person_to_person_grades(ratings[np.repeat(np.arange(60), w.astype(int))], k)) for w in weights
    ]
    assert pairs.mean(weights) == pytest.approx(expected, abs=1e-12, nan_ok=True)
    gone = left_out(people)
    without = [mean_or_nan(person_to_person_grades(np.delete(ratings, each, axis=1), k)) for each in gone]
    assert pairs.without(np.ones(60), gone) == pytest.approx(without, abs=1e-12, nan_ok=True)


def test_a_thousand_people_need_no_table_of_all_pairs_by_items():
    rng = np.random.default_rng(0)
    ratings = np.full((2000, 1000), np.nan)
    for row in ratings:
        row[rng.choice(1000, 15, replace=False)] = rng.integers(0, 5, 15) / 4
    pairs = PairGrades(ratings)
    assert pairs._apart.nnz <= 2000 * 15 * 14 / 2  # pairs x items would be a thousand million
    assert 0.5 < pairs.mean(np.ones((1, 2000)))[0] < 0.7
