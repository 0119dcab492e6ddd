import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from calibration.core.grades import (
    distance_grade,
    evaluator_grades,
    leave_one_out_scores,
    mean_or_nan,
    person_to_person_grades,
    sample_scores,
)
from calibration.scale import LIKERT

NAN = float("nan")
ratings_with_gaps = arrays(
    float, st.tuples(st.integers(1, 8), st.integers(1, 5)), elements=st.sampled_from([0, 0.25, 0.5, 0.75, 1, NAN])
)


def test_a_case_worked_by_hand():
    """Three evaluators, two items, one gap: leave-one-out means 0.5, -, 0.25 | 1, 0.5, 0.75 by hand."""
    ratings = LIKERT.to_unit([[2, NAN, 3], [3, 5, 5]])
    assert sample_scores(ratings).tolist() == [0.375, pytest.approx(2.5 / 3)]
    expected = [[0.5, 0.375, 0.25], [1.0, 0.75, 0.75]]
    np.testing.assert_allclose(leave_one_out_scores(ratings), expected)
    np.testing.assert_allclose(evaluator_grades(ratings), [1 - (0.25 + 0.5) / 2, 1 - 0.25, 1 - (0.25 + 0.25) / 2])
    np.testing.assert_allclose(evaluator_grades(ratings, k=2), [1 - (0.0625 + 0.25) / 2, 1 - 0.0625, 1 - 0.0625])


@given(ratings_with_gaps, st.sampled_from([0.5, 1, 2]))
def test_against_the_definition_written_as_loops(ratings, k):
    for e in range(ratings.shape[1]):
        distances = []
        for s in range(ratings.shape[0]):
            others = [ratings[s, j] for j in range(ratings.shape[1]) if j != e and not np.isnan(ratings[s, j])]
            if others and not np.isnan(ratings[s, e]):
                distances.append(abs(ratings[s, e] - np.mean(others)) ** k)
        grade = evaluator_grades(ratings, k)[e]
        if distances:
            assert grade == pytest.approx(1 - np.mean(distances), abs=1e-12)
        else:
            assert np.isnan(grade)


@given(ratings_with_gaps)
def test_grades_lie_between_zero_and_one_and_perfect_agreement_is_one(ratings):
    grades = evaluator_grades(ratings)
    assert ((grades >= 0) & (grades <= 1) | np.isnan(grades)).all()
    agreeing = np.where(np.isnan(ratings), NAN, 0.75)
    known = evaluator_grades(agreeing)
    assert (known[~np.isnan(known)] == 1).all()


@given(ratings_with_gaps)
def test_person_to_person_is_symmetric(ratings):
    grades = person_to_person_grades(ratings)
    np.testing.assert_array_equal(grades, grades.T)
    assert np.isnan(np.diag(grades)).all()


def test_with_two_evaluators_all_grades_are_one_number():
    ratings = LIKERT.to_unit([[1, 3], [5, 4], [2, 2]])
    assert set(evaluator_grades(ratings)) == {person_to_person_grades(ratings)[0, 1]}


def test_no_common_item():
    ratings = np.array([[0.5, NAN], [NAN, 0.5]])
    assert np.isnan(evaluator_grades(ratings)).all()
    assert np.isnan(mean_or_nan(person_to_person_grades(ratings)))
    assert distance_grade(ratings[:, 0], ratings[:, 1])[1] == 0
