"""Cross-validation over evaluators: fit the mapping on all but one, then grade it on that one like a person.

Like is compared with like, pair by pair. For every two evaluators p and e who rated a common item there are three
grades, all against e's ratings of the items that both rated: p's own, the metric's, mapped without e, and that of the
task's best constant. Every mean that is reported is a mean over the same pairs with the same weights
(`calibration.core.evaluator_weights`), so a metric, a person and a constant never rest on different items.

The constant is one level, fixed on all ratings: refitted fold by fold it would flip, where two levels are nearly as
good, against the very person held out, and a metric would be given skill that it has not.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.core.buckets import BucketFitter, BucketMapping
from calibration.core.evaluator_weights import best_constant, pair_weights, weighted_mean
from calibration.core.grades import Array, person_to_person_grades
from calibration.scale import LIKERT, Scale
from metrics.known import Direction

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
        Against the held-out evaluator's own ratings: of the mapped metric, of the best constant, and of a person; the
        weighted mean over the other evaluators, each on the items that both rated.
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
    weights : ndarray, shape (evaluators, evaluators)
        How much each pair weighs in every mean; see `calibration.core.evaluator_weights.pair_weights`.
    """

    folds: tuple[Fold, ...]
    confusion: NDArray[np.int_]
    metric_grades: Array = field(repr=False)
    constant_grades: Array = field(repr=False)
    person_grades: Array = field(repr=False)
    weights: Array = field(repr=False)

    @property
    def grade_mean(self) -> float:
        """The metric's mean grade against one person, over the pairs of evaluators."""
        return weighted_mean(self.metric_grades, self.weights)

    @property
    def grade_std(self) -> float:
        """The folds' weighted standard deviation, not corrected; no confidence interval, for folds share data."""
        grades, shares = np.array([fold.grade for fold in self.folds]), self.weights.sum(axis=0)
        return float(np.sqrt(weighted_mean((grades - weighted_mean(grades, shares)) ** 2, shares)))

    @property
    def constant_mean(self) -> float:
        """The best constant's mean grade over the same pairs."""
        return weighted_mean(self.constant_grades, self.weights)

    @property
    def person_mean(self) -> float:
        """One person's mean grade against one other, over the same pairs."""
        return weighted_mean(self.person_grades, self.weights)

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
        weights = self.weights[evaluator]
        person, metric, constant = (
            weighted_mean(grades[evaluator], weights)
            for grades in (self.person_grades, self.metric_grades, self.constant_grades)
        )
        return person, metric, constant


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
    scores: ArrayLike,
    ratings: Array,
    k: float = 1.0,
    direction: Direction = "higher",
    constant: int | None = None,
    scale: Scale = LIKERT,
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
    constant : int, optional
        The number of the task's best constant, from 1; that of these ratings unless given.
    scale : Scale
        Whose levels the ratings are.

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
    fitter = BucketFitter(scores, ratings, k, direction, scale=scale)
    mappings, levels = [], np.full(ratings.shape, NAN)
    for held_out in range(ratings.shape[1]):
        mapping = fitter.fit(without=held_out)
        if mapping is not None:
            levels[:, held_out] = mapping.levels(scores)
        mappings.append(mapping)
    return _graded(levels, constant, ratings, k, mappings, scale)


def cross_validate_on_new_items(
    scores: ArrayLike,
    ratings: Array,
    folds: NDArray[np.intp],
    k: float = 1.0,
    direction: Direction = "higher",
    constant: int | None = None,
    scale: Scale = LIKERT,
) -> CrossValidation:
    """Cross-validate over evaluators and items at once: whom and what the mapping is graded on is new to it.

    Parameters
    ----------
    scores : array_like, shape (items,)
        Finite scores.
    ratings : ndarray, shape (items, evaluators)
        Unit scale, NaN where missing.
    folds : ndarray of int, shape (items,)
        Which items are held out together, as `calibration.core.item_folds.item_folds` deals them.
    k : float
        The exponent of the distance, above 0.
    direction : {"higher", "lower"}
        Which way the metric points.
    constant : int, optional
        The number of the task's best constant, from 1; that of these ratings unless given.
    scale : Scale
        Whose levels the ratings are.

    Returns
    -------
    CrossValidation
        As many folds as evaluators; an item's level comes from the ratings that the other evaluators gave to items of
        the other folds. A fold has no single mapping, so its `mapping` is None.

    Examples
    --------
    >>> ratings = np.repeat([[0.0], [0.0], [1.0], [1.0]], 2, axis=1)
    >>> cross_validate_on_new_items([1.0, 2.0, 8.0, 9.0], ratings, np.array([0, 1, 0, 1])).grade_mean
    1.0
    """
    levels = unseen_levels(np.asarray(scores, dtype=float), ratings, folds, k, direction, scale)
    return graded(levels, constant, ratings, k, scale)


def graded(levels: Array, constant: int | None, ratings: Array, k: float, scale: Scale = LIKERT) -> CrossValidation:
    """The cross-validation of levels that `unseen_levels` found; see `cross_validate_on_new_items`."""
    return _graded(levels, constant, ratings, k, [None] * ratings.shape[1], scale)


def unseen_levels(
    scores: Array,
    ratings: Array,
    folds: NDArray[np.intp],
    k: float,
    direction: Direction,
    scale: Scale = LIKERT,
) -> Array:
    """Each item's level for each evaluator, by mappings fitted on other items by other evaluators.

    Parameters
    ----------
    scores, ratings, folds, k, direction, scale
        As in `cross_validate_on_new_items`.

    Returns
    -------
    ndarray, shape (items, evaluators)
        Level numbers from 1; NaN where there was nothing to fit on.
    """
    return NewItems(scores, ratings, folds, k, direction, scale).levels()


class NewItems:
    """Mappings fitted on all folds but one, for whichever evaluators are left out.

    Parameters
    ----------
    scores, ratings, folds, k, direction, scale
        As in `cross_validate_on_new_items`.
    """

    def __init__(
        self,
        scores: Array,
        ratings: Array,
        folds: NDArray[np.intp],
        k: float,
        direction: Direction,
        scale: Scale = LIKERT,
    ):
        self._scores, self._people = scores, ratings.shape[1]
        self._of_two: dict[frozenset[int], NDArray[np.int8]] = {}
        new = [folds == fold for fold in np.unique(folds)]
        self._fitters = [(held, BucketFitter(scores[~held], ratings[~held], k, direction, scale=scale)) for held in new]

    def levels(self, without: int | None = None, of: Sequence[int] | None = None) -> Array:
        """Each item's level for each evaluator, by mappings fitted on other items by other evaluators.

        Parameters
        ----------
        without : int, optional
            An evaluator whom no mapping may have seen.
        of : sequence of int, optional
            For whom; for everybody unless given.

        Returns
        -------
        ndarray, shape (items, evaluators)
            Level numbers from 1; NaN where there was nothing to fit on, and in columns that are not wanted.

        Examples
        --------
        >>> ratings = np.repeat([[0.0], [0.0], [1.0], [1.0]], 3, axis=1)
        >>> NewItems(np.arange(4.0), ratings, np.array([0, 1, 0, 1]), 1.0, "higher").levels(0, [1])[:, 1].tolist()
        [1.0, 1.0, 1.0, 5.0]
        """
        levels = np.full((len(self._scores), self._people), NAN)
        for held_out in range(self._people) if of is None else of:
            found = self._without(frozenset({held_out, held_out if without is None else without}))
            levels[:, held_out] = np.where(found > 0, found, NAN)
        return levels

    def _without(self, left_out: frozenset[int]) -> NDArray[np.int8]:
        """Each item's level without these, 0 where there was nothing to fit on; that of two is asked for twice."""
        if left_out in self._of_two:
            return self._of_two.pop(left_out)
        levels = np.zeros(len(self._scores), dtype=np.int8)
        for new, fitter in self._fitters:
            mapping = fitter.fit(without=sorted(left_out))
            if mapping is not None:
                levels[new] = mapping.levels(self._scores[new])
        if len(left_out) > 1:
            self._of_two[left_out] = levels
        return levels


def _graded(
    levels: Array,
    constant: int | None,
    ratings: Array,
    k: float,
    mappings: Sequence[BucketMapping | None],
    scale: Scale,
) -> CrossValidation:
    """The grades of level numbers that were found without each evaluator, their columns, and of the constant."""
    rated = ~np.isnan(ratings)
    given = rated.astype(float)
    shared = rated & (rated.sum(axis=1, keepdims=True) >= 2)
    people, weights = person_to_person_grades(ratings, k), pair_weights(ratings)
    metric, beside = np.full_like(people, NAN), np.full_like(people, NAN)
    confusion = np.zeros((scale.count, scale.count), dtype=int)
    level = best_constant(ratings, k, scale) if constant is None else constant
    everywhere = np.full(len(ratings), NAN if level is None else scale.of_levels(level))
    folds = []
    for held_out, mapping in enumerate(mappings):
        own = np.where(shared[:, held_out], ratings[:, held_out], NAN)
        known = ~np.isnan(levels[:, held_out])
        if known.any():
            metric[:, held_out] = _grades_with_each(scale.of_levels(levels[:, held_out]), own, given, k)
            beside[:, held_out] = _grades_with_each(np.where(known, everywhere, NAN), own, given, k)
            metric[held_out, held_out] = beside[held_out, held_out] = NAN
            confusion += confusion_matrix(levels[known, held_out].astype(int), own[known], scale)
        means = [weighted_mean(grades[:, held_out], weights[:, held_out]) for grades in (metric, beside, people)]
        folds.append(Fold(held_out, int(shared[:, held_out].sum()), mapping, *means))
    return CrossValidation(tuple(folds), confusion, metric, beside, people, weights)


def confusion_matrix(levels: NDArray[np.int_], ratings: Array, scale: Scale = LIKERT) -> NDArray[np.int_]:
    """Count how often each level met each rating.

    Parameters
    ----------
    levels : ndarray of int, shape (items,)
        Level numbers from 1.
    ratings : ndarray, shape (items,)
        Unit scale, NaN where missing; a rating between two levels (the mean of a double vote) counts as the nearest.
    scale : Scale
        Whose levels the ratings are.

    Returns
    -------
    ndarray of int, shape (levels, levels)
        Rows are levels, columns ratings.

    Examples
    --------
    >>> confusion_matrix(np.array([1, 5]), np.array([0.0, 0.75]))[4].tolist()
    [0, 0, 0, 1, 0]
    """
    rated = ~np.isnan(ratings)
    count = scale.count
    columns = np.rint(ratings[rated] * (count - 1)).astype(int)
    flat = np.bincount((levels[rated] - 1) * count + columns, minlength=count**2)
    return flat.reshape(count, count)


def _grades_with_each(answers: Array, own: Array, given: Array, k: float) -> Array:
    """The answers' grade against one evaluator's ratings, on the items that each evaluator gave one too."""
    distance = np.abs(answers - own) ** k
    known = ~np.isnan(distance)
    if not known.all():
        distance, given = distance[known], given[known]
    counts = np.ones(len(distance)) @ given
    return 1.0 - np.divide(distance @ given, counts, out=np.full(len(counts), NAN), where=counts > 0)
