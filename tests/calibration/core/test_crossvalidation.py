"""Cross-validation against its definition, written as loops over plain numbers with the brute-force mapping."""

from itertools import combinations_with_replacement

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.core.crossvalidation import confusion_matrix, cross_validate, skill
from calibration.core.grades import distance_grade
from calibration.scale import LIKERT

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
    ratings = LIKERT.to_unit([[np.nan if value is None else value for value in row] for row in matrix])
    result = cross_validate(scores, ratings, k, "higher" if higher else "lower")
    given = [[row[person] is not None for row in matrix] for person in range(3)]
    counted = [sum(own[item] and sum(row[item] for row in given) > 1 for item in range(len(matrix))) for own in given]
    trust = [n / (n + 20) for n in counted]
    ratings_given = [(p, item, row[p]) for item, row in enumerate(matrix) for p in range(3) if row[p] is not None]
    weight_of = {
        (p, item): trust[p] * sum(trust[other] for other in range(3) if other != p and given[other][item])
        for p, item, _ in ratings_given
    }
    if not any(weight_of.values()):
        weight_of = dict.fromkeys(weight_of, 1.0)
    costs = [sum(weight_of[p, item] * abs(level - r) ** k for p, item, r in ratings_given) for level in range(1, 6)]
    constant = 1 + next((place for place, cost in enumerate(costs) if cost <= min(costs) + 1e-9), 0)
    pairs = []
    for held_out, fold in enumerate(result.folds):
        own = {item: row[held_out] for item, row in enumerate(matrix) if row[held_out] is not None}
        training = [
            (item, value)
            for item, row in enumerate(matrix)
            for person, value in enumerate(row)
            if person != held_out and value is not None
        ]
        of_fold, weights = [], []
        for other in range(3):
            shared = [item for item in own if other != held_out and matrix[item][other] is not None]
            if not shared:
                continue
            assert fold.mapping.loss == pytest.approx(least_training_loss(scores, training, k, higher), abs=1e-12)
            # the grade, from the printed thresholds by the report's own rule
            levels = {
                item: 1 + sum(score > t if higher else score < t for t in fold.mapping.thresholds)
                for item, score in enumerate(scores)
            }
            answers = [levels, dict.fromkeys(own, constant), {item: matrix[item][other] for item in shared}]
            of_fold.append([1 - mean(abs(one[item] - own[item]) ** k / 4**k for item in shared) for one in answers])
            weights.append(len(shared) * trust[other] * trust[held_out])
            pairs.append((other, of_fold[-1], weights[-1]))
        assert fold.n_ratings == sum(
            any(matrix[item][p] is not None for p in range(3) if p != held_out) for item in own
        )
        grades = (fold.grade, fold.constant_grade, fold.person_grade)
        expected = np.average(of_fold, axis=0, weights=weights) if of_fold else [np.nan] * 3
        assert grades == pytest.approx(expected, abs=1e-12, nan_ok=True)
    means = (result.grade_mean, result.constant_mean, result.person_mean)
    _, of_pairs, weights = zip(*pairs, strict=True) if pairs else ((), (), ())
    expected = np.average(of_pairs, axis=0, weights=weights) if pairs else [np.nan] * 3
    assert means == pytest.approx(expected, abs=1e-12, nan_ok=True)
    for evaluator in range(3):
        own = [(grades, weight) for person, grades, weight in pairs if person == evaluator]
        metric, constant, person = (
            np.average([grades for grades, _ in own], axis=0, weights=[weight for _, weight in own])
            if own
            else [np.nan] * 3
        )
        found = result.against_evaluator(evaluator)
        assert found == pytest.approx((person, metric, constant), abs=1e-12, nan_ok=True)
    assert result.confusion.sum() == sum(fold.n_ratings for fold in result.folds)


def test_complete_ratings_are_graded_on_all_items_with_every_fold_alike():
    rng = np.random.default_rng(4)
    scores, ratings = rng.normal(size=60), LIKERT.to_unit(rng.integers(1, 6, (60, 5)))
    result = cross_validate(scores, ratings)
    plain = [
        distance_grade(LIKERT.to_unit(fold.mapping.levels(scores)), ratings[:, fold.held_out])[0]
        for fold in result.folds
    ]
    assert [fold.grade for fold in result.folds] == pytest.approx(plain, abs=1e-12)
    assert result.grade_mean == pytest.approx(np.mean(plain), abs=1e-12)
    assert {fold.n_ratings for fold in result.folds} == {60}


def test_metric_and_people_are_compared_on_the_same_items():
    """Two people share 200 items; a third rates 200 easy ones alone, where the metric shines but nobody is beaten."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=400)
    people = np.clip(np.rint(3 + 1.2 * truth[:, None] + 0.5 * rng.normal(size=(400, 3))), 1, 5)
    people[:200, 2] = people[200:, :2] = np.nan
    scores = truth + np.where(np.arange(400) < 200, 0.9, 0.1) * rng.normal(size=400)
    result = cross_validate(scores, LIKERT.to_unit(people))
    assert np.isnan(result.folds[2].grade)
    for evaluator in (0, 1):
        person, metric, _ = result.against_evaluator(evaluator)
        assert metric < person
    assert result.metric_skill < result.person_skill


@settings(max_examples=100, deadline=None)
@given(tables, st.integers(0, 1000))
def test_skill_agrees_with_who_is_beaten(matrix, seed):
    """A metric below every evaluator has less skill than the average one; at or above every one it has as much."""
    ratings = LIKERT.to_unit([[np.nan if value is None else value for value in row] for row in matrix])
    result = cross_validate(np.random.default_rng(seed).normal(size=len(matrix)), ratings)
    compared = [result.against_evaluator(evaluator) for evaluator in range(3)]
    ahead = [metric - person for person, metric, _ in compared if not np.isnan(person)]
    if ahead and all(gap < -1e-9 for gap in ahead):
        assert result.grade_mean < result.person_mean
    if ahead and all(gap >= 1e-9 for gap in ahead):
        assert result.grade_mean > result.person_mean


def test_the_order_of_evaluators_does_not_matter():
    rng = np.random.default_rng(0)
    scores, ratings = rng.normal(size=40), LIKERT.to_unit(rng.integers(1, 6, (40, 4)))
    forwards, backwards = cross_validate(scores, ratings), cross_validate(scores, ratings[:, ::-1])
    assert [fold.grade for fold in forwards.folds] == [fold.grade for fold in backwards.folds][::-1]
    assert forwards.grade_mean == pytest.approx(backwards.grade_mean)


def test_a_copy_of_an_evaluator_is_graded_like_that_evaluator():
    """The metric is evaluator 0's own ratings: against anybody else it does at least as well, being mapped."""
    rng = np.random.default_rng(1)
    truth = rng.normal(3, 1, 400)
    ratings = np.clip(np.rint(truth[:, None] + rng.normal(0, 0.8, (400, 5))), 1, 5)
    result = cross_validate(ratings[:, 0], LIKERT.to_unit(ratings))
    person, metric, _ = result.against_evaluator(0)
    assert metric >= person - 0.01


def test_random_scores_have_no_skill():
    rng = np.random.default_rng(2)
    truth = rng.normal(3, 1, 2000)
    ratings = LIKERT.to_unit(np.clip(np.rint(truth[:, None] + rng.normal(0, 0.5, (2000, 5))), 1, 5))
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
