"""Cross-validation over evaluators: fit the mapping on all but one, then grade it on that one like a person."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.buckets import BucketFitter, BucketMapping
from calibration.grades import LEVELS, Array, distance_grade, mean_or_nan, person_to_person_grades, unit_scale
from metrics.registry import Direction

NAN = float("nan")


@dataclass(frozen=True)
class Fold:
    """One held-out evaluator; grades are NaN where the fold cannot be computed.

    Attributes
    ----------
    held_out : int
        The evaluator's column.
    n_ratings : int
        How many of the evaluator's ratings the grade rests on.
    mapping : BucketMapping or None
        Fitted on the other evaluators; None where they rated nothing.
    grade, constant_grade, person_grade : float
        Against the held-out evaluator's own ratings: of the mapped metric, of the level that fits the training
        ratings best, and of the other evaluators (the mean of one person's grade each, on the items that both rated).
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
    person_grades : ndarray, shape (evaluators, evaluators)
        Person-to-person grades on the items that the metric scored.
    """

    folds: tuple[Fold, ...]
    confusion: NDArray[np.int_]
    person_grades: Array = field(repr=False)

    @property
    def grade_mean(self) -> float:
        """The mean of the folds' grades."""
        return mean_or_nan([fold.grade for fold in self.folds])

    @property
    def grade_std(self) -> float:
        """The standard deviation of the folds' grades, dividing by n; no confidence interval, for folds share data."""
        known = [fold.grade for fold in self.folds if not np.isnan(fold.grade)]
        return float(np.std(known)) if known else NAN

    @property
    def constant_mean(self) -> float:
        """The mean of the best constants' grades."""
        return mean_or_nan([fold.constant_grade for fold in self.folds])

    @property
    def person_mean(self) -> float:
        """The mean of the folds' person grades."""
        return mean_or_nan([fold.person_grade for fold in self.folds])

    @property
    def metric_skill(self) -> float:
        """Where the metric stands between the best constant (0) and a perfect answer (1)."""
        return skill(self.grade_mean, self.constant_mean)

    @property
    def person_skill(self) -> float:
        """Where the mean person stands on the same scale."""
        return skill(self.person_mean, self.constant_mean)

    def against_evaluator(self, evaluator: int) -> tuple[float, float]:
        """One evaluator and the metric, each graded against the same other evaluators one by one.

        Parameters
        ----------
        evaluator : int
            The evaluator's column.

        Returns
        -------
        person, metric : float
            Mean grades over the other evaluators with whom both can be compared; NaN where there is none.
        """
        metric = np.array([fold.grade for fold in self.folds])
        person = self.person_grades[evaluator]
        both = ~(np.isnan(metric) | np.isnan(person))
        return mean_or_nan(person[both]), mean_or_nan(metric[both])


def skill(grade: float, constant_grade: float) -> float:
    """How far a grade gets from what a constant answer reaches (0) to perfection (1).

    skill = (grade - constant) / (1 - constant), the usual form of a skill score (Murphy, 1988).

    Returns
    -------
    float
        At most 1, negative for worse than a constant; NaN where the constant is perfect already.

    Examples
    --------
    >>> skill(0.9, 0.8)
    0.5
    """
    if not constant_grade < 1.0:
        return NAN
    return round((grade - constant_grade) / (1.0 - constant_grade), 15)


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
    people = person_to_person_grades(ratings, k)
    confusion = np.zeros((len(LEVELS), len(LEVELS)), dtype=int)
    folds = []
    for held_out in range(ratings.shape[1]):
        own = ratings[:, held_out]
        n_ratings = int((~np.isnan(own)).sum())
        mapping = fitter.fit(without=held_out)
        constant = fitter.best_constant(without=held_out)
        grade = constant_grade = NAN
        if mapping is not None and constant is not None and n_ratings:
            levels = mapping.levels(scores)
            grade, _ = distance_grade(unit_scale(levels), own, k)
            constant_grade, _ = distance_grade(np.broadcast_to(unit_scale(constant), own.shape), own, k)
            confusion += confusion_matrix(levels, own)
        folds.append(Fold(held_out, n_ratings, mapping, grade, constant_grade, mean_or_nan(people[held_out])))
    return CrossValidation(tuple(folds), confusion, people)


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
