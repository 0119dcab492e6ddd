"""Cross-validation over evaluators: fit the mapping on all but one, then grade it on that one like a person.

Like is compared with like, pair by pair. For every two evaluators p and e who rated a common item there are three
grades, all against e's ratings of the items that both rated: p's own, the metric's, mapped without e, and that of the
constant which fits best without e. Every mean that is reported is a mean over the same pairs, so a metric, a person
and a constant never rest on different items.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.buckets import BucketFitter, BucketMapping
from calibration.grades import LEVELS, Array, mean_or_nan, person_to_person_grades, unit_scale
from metrics.registry import Direction

NAN = float("nan")


@dataclass(frozen=True)
class Fold:
    """One held-out evaluator; grades are NaN where nobody else rated an item that this one rated.

    Attributes
    ----------
    held_out : int
        The evaluator's column.
    n_ratings : int
        How many of the evaluator's ratings the grades rest on: those of items that somebody else rated too.
    mapping : BucketMapping or None
        Fitted on the other evaluators; None where they rated nothing.
    grade, constant_grade, person_grade : float
        Against the held-out evaluator's own ratings: of the mapped metric, of the level that fits the training
        ratings best, and of a person; the mean over the other evaluators, each on the items that both rated.
    """

    held_out: int
    n_ratings: int
    mapping: BucketMapping | None
    grade: float
    constant_grade: float
    person_grade: float


@dataclass(frozen=True)
class CrossValidation:
    """All folds of one metric.

    Attributes
    ----------
    folds : tuple of Fold
        One an evaluator, in the order of the columns.
    confusion : ndarray of int, shape (5, 5)
        Out of fold: how often level i + 1 (rows) met the held-out evaluator's rating j + 1 (columns).
    metric_grades, constant_grades, person_grades : ndarray, shape (evaluators, evaluators)
        Row p, column e: the three grades against evaluator e on the scored items that p and e both rated; NaN on the
        diagonal and for a pair that shares no item.
    """

    folds: tuple[Fold, ...]
    confusion: NDArray[np.int_]
    metric_grades: Array = field(repr=False)
    constant_grades: Array = field(repr=False)
    person_grades: Array = field(repr=False)

    @property
    def grade_mean(self) -> float:
        """The metric's mean grade against one person, over the pairs of evaluators."""
        return mean_or_nan(self.metric_grades)

    @property
    def grade_std(self) -> float:
        """The standard deviation of the folds' grades, dividing by n; no confidence interval, for folds share data."""
        known = [fold.grade for fold in self.folds if not np.isnan(fold.grade)]
        return float(np.std(known)) if known else NAN

    @property
    def constant_mean(self) -> float:
        """The best constants' mean grade over the same pairs."""
        return mean_or_nan(self.constant_grades)

    @property
    def person_mean(self) -> float:
        """One person's mean grade against one other, over the same pairs."""
        return mean_or_nan(self.person_grades)

    @property
    def metric_skill(self) -> float:
        """Where the metric stands between the best constant (0) and a perfect answer (1)."""
        return skill(self.grade_mean, self.constant_mean)

    @property
    def person_skill(self) -> float:
        """Where the mean person stands on the same scale."""
        return skill(self.person_mean, self.constant_mean)

    def against_evaluator(self, evaluator: int) -> tuple[float, float, float]:
        """One evaluator, the metric and the constant, graded against the same other evaluators on the same items.

        Parameters
        ----------
        evaluator : int
            The evaluator's column.

        Returns
        -------
        person, metric, constant : float
            Mean grades over the other evaluators who share an item with this one; NaN where there is none.
        """
        return (
            mean_or_nan(self.person_grades[evaluator]),
            mean_or_nan(self.metric_grades[evaluator]),
            mean_or_nan(self.constant_grades[evaluator]),
        )


def skill(grade: float, constant_grade: float) -> float:
    """How far a grade gets from what a constant answer reaches (0) to perfection (1).

    skill = (grade - constant) / (1 - constant), the usual form of a skill score (Murphy, 1988).

    Returns
    -------
    float
        At most 1, negative for worse than a constant; NaN where the constant is perfect already.

    Examples
    --------
    >>> skill(0.875, 0.75)
    0.5
    """
    if not constant_grade < 1.0:
        return NAN
    return (grade - constant_grade) / (1.0 - constant_grade)


def cross_validate(
    scores: ArrayLike, ratings: Array, k: float = 1.0, direction: Direction = "higher"
) -> CrossValidation:
    """Cross-validate a metric's bucket mapping over evaluators.

    Parameters
    ----------
    scores : array_like, shape (items,)
        Finite scores.
    ratings : ndarray, shape (items, evaluators)
        Unit scale, NaN where missing.
    k : float
        The exponent of the distance, above 0.
    direction : {"higher", "lower"}
        Which way the metric points.

    Returns
    -------
    CrossValidation
        As many folds as evaluators.

    Examples
    --------
    >>> ratings = np.array([[0.0, 0.0], [0.25, 0.5], [1.0, 1.0]])
    >>> result = cross_validate([1.0, 2.0, 3.0], ratings)
    >>> [round(fold.grade, 3) for fold in result.folds]
    [0.917, 0.917]
    """
    scores = np.asarray(scores, dtype=float)
    fitter = BucketFitter(scores, ratings, k, direction)
    mappings, levels, constants = [], np.full(ratings.shape, NAN), np.full(ratings.shape, NAN)
    for held_out in range(ratings.shape[1]):
        mapping, constant = fitter.fit(without=held_out), fitter.best_constant(without=held_out)
        if mapping is not None and constant is not None:
            levels[:, held_out], constants[:, held_out] = mapping.levels(scores), constant
        mappings.append(mapping)
    return _graded(levels, constants, ratings, k, mappings)


def cross_validate_on_new_items(
    scores: ArrayLike, ratings: Array, folds: NDArray[np.intp], k: float = 1.0, direction: Direction = "higher"
) -> CrossValidation:
    """Cross-validate over evaluators and items at once: whom and what the mapping is graded on is new to it.

    Parameters
    ----------
    scores : array_like, shape (items,)
        Finite scores.
    ratings : ndarray, shape (items, evaluators)
        Unit scale, NaN where missing.
    folds : ndarray of int, shape (items,)
        Which items are held out together, as `calibration.item_folds.item_folds` deals them.
    k : float
        The exponent of the distance, above 0.
    direction : {"higher", "lower"}
        Which way the metric points.

    Returns
    -------
    CrossValidation
        As many folds as evaluators; an item's level, and its constant, come from the ratings that the other evaluators
        gave to items of the other folds. A fold has no single mapping, so its `mapping` is None.

    Examples
    --------
    >>> ratings = np.repeat([[0.0], [0.0], [1.0], [1.0]], 2, axis=1)
    >>> cross_validate_on_new_items([1.0, 2.0, 8.0, 9.0], ratings, np.array([0, 1, 0, 1])).grade_mean
    1.0
    """
    levels, constants = unseen_levels(np.asarray(scores, dtype=float), ratings, folds, k, direction)
    return _graded(levels, constants, ratings, k, [None] * ratings.shape[1])


def unseen_levels(
    scores: Array, ratings: Array, folds: NDArray[np.intp], k: float, direction: Direction
) -> tuple[Array, Array]:
    """Each item's level, and its best constant, for each evaluator, fitted on other items by other evaluators.

    Parameters
    ----------
    scores, ratings, folds, k, direction
        As in `cross_validate_on_new_items`.

    Returns
    -------
    levels, constants : ndarray, shape (items, evaluators)
        In 1..5; NaN where there was nothing to fit on.
    """
    levels, constants = np.full(ratings.shape, NAN), np.full(ratings.shape, NAN)
    for fold in np.unique(folds):
        new = folds == fold
        fitter = BucketFitter(scores[~new], ratings[~new], k, direction)
        for held_out in range(ratings.shape[1]):
            mapping, constant = fitter.fit(without=held_out), fitter.best_constant(without=held_out)
            if mapping is not None and constant is not None:
                levels[new, held_out], constants[new, held_out] = mapping.levels(scores[new]), constant
    return levels, constants


def _graded(
    levels: Array, constants: Array, ratings: Array, k: float, mappings: Sequence[BucketMapping | None]
) -> CrossValidation:
    """The grades of levels, and of constants, in 1..5 that were found without each evaluator: columns of both."""
    rated = ~np.isnan(ratings)
    shared = rated & (rated.sum(axis=1, keepdims=True) >= 2)
    people = person_to_person_grades(ratings, k)
    metric, constant = np.full_like(people, NAN), np.full_like(people, NAN)
    confusion = np.zeros((len(LEVELS), len(LEVELS)), dtype=int)
    folds = []
    for held_out, mapping in enumerate(mappings):
        own = np.where(shared[:, held_out], ratings[:, held_out], NAN)
        known = ~np.isnan(levels[:, held_out])
        if known.any():
            metric[:, held_out] = _grades_with_each(unit_scale(levels[:, held_out]), own, rated, k)
            constant[:, held_out] = _grades_with_each(unit_scale(constants[:, held_out]), own, rated, k)
            metric[held_out, held_out] = constant[held_out, held_out] = NAN
            confusion += confusion_matrix(levels[known, held_out].astype(int), own[known])
        means = [mean_or_nan(grades[:, held_out]) for grades in (metric, constant, people)]
        folds.append(Fold(held_out, int(shared[:, held_out].sum()), mapping, *means))
    return CrossValidation(tuple(folds), confusion, metric, constant, people)


def confusion_matrix(levels: NDArray[np.int_], ratings: Array) -> NDArray[np.int_]:
    """Count how often each level met each rating.

    Parameters
    ----------
    levels : ndarray of int, shape (items,)
        In 1..5.
    ratings : ndarray, shape (items,)
        Unit scale, NaN where missing; a rating between two levels (the mean of a double vote) counts as the nearest.

    Returns
    -------
    ndarray of int, shape (5, 5)
        Rows are levels, columns ratings.

    Examples
    --------
    >>> confusion_matrix(np.array([1, 5]), np.array([0.0, 0.75]))[4].tolist()
    [0, 0, 0, 1, 0]
    """
    rated = ~np.isnan(ratings)
    columns = np.rint(ratings[rated] * 4).astype(int)
    flat = np.bincount((levels[rated] - 1) * len(LEVELS) + columns, minlength=len(LEVELS) ** 2)
    return flat.reshape(len(LEVELS), len(LEVELS))


def _grades_with_each(answers: Array, own: Array, rated: NDArray[np.bool_], k: float) -> Array:
    """The answers' grade against one evaluator's ratings, on the items that each evaluator rated too."""
    distance = np.abs(answers - own) ** k
    counts = (~np.isnan(distance)).astype(float) @ rated
    sums = np.where(np.isnan(distance), 0.0, distance) @ rated
    return 1.0 - np.divide(sums, counts, out=np.full(len(counts), NAN), where=counts > 0)
