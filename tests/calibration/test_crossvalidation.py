"""Cross-validation against its definition, written as loops over plain numbers with the brute-force mapping."""

from itertools import combinations_with_replacement

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.crossvalidation import confusion_matrix, cross_validate, skill
from calibration.grades import unit_scale

NONE = None


def least_training_loss(scores, rows, k, higher) -> float:
    """The least mean loss of any monotone mapping on (item, rating) pairs."""
    values = sorted(set(scores), reverse=not higher)
    pairs = [(values.index(scores[item]), rating) for item, rating in rows]
    return min(
        sum(abs(levels[group] - (rating - 1)) ** k for group, rating in pairs) / 4**k / len(pairs)
        for levels in combinations_with_replacement(range(5), len(values))
    )


def mean(values):
    values = list(values)
    return sum(values) / len(values) if values else NONE


tables = st.lists(st.lists(st.sampled_from([1, 2, 3, 4, 5, NONE]), min_size=3, max_size=3), min_size=2, max_size=6)


@settings(max_examples=200, deadline=None)
@given(tables, st.data(), st.sampled_from([1, 2]), st.booleans())
def test_folds_equal_the_definition(matrix, data, k, higher):
    scores = data.draw(st.lists(st.sampled_from([0.0, 1.0, 2.5, 4.0]), min_size=len(matrix), max_size=len(matrix)))
    ratings = unit_scale([[np.nan if value is None else value for value in row] for row in matrix])
    result = cross_validate(scores, ratings, k, "higher" if higher else "lower")
    for held_out, fold in enumerate(result.folds):
        own = {item: row[held_out] for item, row in enumerate(matrix) if row[held_out] is not None}
        training = [
            (item, value)
            for item, row in enumerate(matrix)
            for person, value in enumerate(row)
            if person != held_out and value is not None
        ]
        assert fold.n_ratings == len(own)
        if not training or not own:
            assert np.isnan(fold.grade)
            continue
        assert fold.mapping.loss == pytest.approx(least_training_loss(scores, training, k, higher), abs=1e-12)
        # the grade, from the printed thresholds by the report's own rule
        levels = {
            item: 1 + sum(score > t if higher else score < t for t in fold.mapping.thresholds)
            for item, score in enumerate(scores)
        }
        grade = 1 - mean(abs(levels[item] - rating) ** k / 4**k for item, rating in own.items())
        assert fold.grade == pytest.approx(grade, abs=1e-12)
        costs = [sum(abs(level - rating) ** k for _, rating in training) for level in range(1, 6)]
        constant = 1 + costs.index(min(costs))
        expected = 1 - mean(abs(constant - rating) ** k / 4**k for rating in own.values())
        assert fold.constant_grade == pytest.approx(expected, abs=1e-12)
        people = []
        for other in range(3):
            shared = [item for item in own if other != held_out and matrix[item][other] is not None]
            if shared:
                people.append(1 - mean(abs(matrix[item][other] - own[item]) ** k / 4**k for item in shared))
        if people:
            assert fold.person_grade == pytest.approx(mean(people), abs=1e-12)
        else:
            assert np.isnan(fold.person_grade)
    assert result.confusion.sum() == sum(fold.n_ratings for fold in result.folds if not np.isnan(fold.grade))


def test_the_order_of_evaluators_does_not_matter():
    rng = np.random.default_rng(0)
    scores, ratings = rng.normal(size=40), unit_scale(rng.integers(1, 6, (40, 4)))
    forwards, backwards = cross_validate(scores, ratings), cross_validate(scores, ratings[:, ::-1])
    assert [fold.grade for fold in forwards.folds] == [fold.grade for fold in backwards.folds][::-1]
    assert forwards.grade_mean == pytest.approx(backwards.grade_mean)


def test_a_copy_of_an_evaluator_is_graded_like_that_evaluator():
    """The metric is evaluator 0's own ratings: against anybody else it does at least as well, being mapped."""
    rng = np.random.default_rng(1)
    truth = rng.normal(3, 1, 400)
    ratings = np.clip(np.rint(truth[:, None] + rng.normal(0, 0.8, (400, 5))), 1, 5)
    result = cross_validate(ratings[:, 0], unit_scale(ratings))
    person, metric = result.against_evaluator(0)
    assert metric >= person - 0.01


def test_random_scores_have_no_skill():
    rng = np.random.default_rng(2)
    truth = rng.normal(3, 1, 2000)
    ratings = unit_scale(np.clip(np.rint(truth[:, None] + rng.normal(0, 0.5, (2000, 5))), 1, 5))
    result = cross_validate(rng.normal(size=2000), ratings)
    assert abs(result.metric_skill) < 0.02
    assert result.person_skill > 0.3


def test_skill_of_a_perfect_constant_is_unknown():
    assert np.isnan(skill(1.0, 1.0))
    assert np.isnan(skill(np.nan, np.nan))


def test_confusion_puts_averaged_ratings_to_the_nearest_level():
    counts = confusion_matrix(np.array([1, 2, 3]), np.array([0.0, 0.3, np.nan]))
    assert counts.sum() == 2
    assert counts[0, 0] == counts[1, 1] == 1
