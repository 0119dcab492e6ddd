"""The mappings of many weighted studies, fitted without each evaluator in turn, for as many evaluators as there are.

What a fit without an evaluator minimises is everybody's running cost less that evaluator's own. The first is summed up
once for all; the second changes at the images that the evaluator rated only. And where everybody's cost lies above its
least by more than all that one evaluator could take off, no cut can lie: such places are left out.
"""

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.core.grades import Array
from calibration.core.many_mappings import TIE, ScoreOrder, level_costs, middle_cuts
from calibration.scale import LIKERT, Scale

_UNIT = 64
"""Costs that are whole multiples of 1 / 64 are added as whole numbers, which is exact and quicker."""
_LARGEST = 2**30

Rows = NDArray[np.intp] | slice
Numbers = Array | NDArray[np.int32]


@dataclass(frozen=True)
class Rater:
    """One evaluator's ratings, in the order of scores, without the items that they did not rate.

    Attributes
    ----------
    rows : ndarray of int or slice
        The places in the order of scores of what they rated.
    costs : ndarray, shape (rated, levels)
        What each level costs there.
    """

    rows: Rows
    costs: Array


class WithoutEach:
    """Fits without each evaluator.

    Parameters
    ----------
    order : ScoreOrder
        Of the items; scores of one group share their level.
    ratings : ndarray, shape (items, evaluators)
        In the order of scores; unit scale, NaN where missing.
    k : float
        The exponent of the distance.
    scale : Scale
        Whose levels the ratings are.

    Attributes
    ----------
    raters : list of Rater
    """

    def __init__(self, order: ScoreOrder, ratings: Array, k: float, scale: Scale = LIKERT):
        self._k, self._rated = k, (~np.isnan(ratings)).astype(float)
        self.raters = []
        total = np.zeros((len(ratings), scale.count))
        for own in ratings.T:
            known = ~np.isnan(own)
            rows: Rows = slice(None) if known.all() else np.flatnonzero(known)
            costs = level_costs(own[rows, None], k, scale)[:, 0]
            total[rows] += costs
            self.raters.append(Rater(rows, costs))
        self._total = total
        steps, own_steps = _steps(total), [_steps(rater.costs) for rater in self.raters]
        most = max((float(np.abs(each).max(initial=0.0)) for each in own_steps), default=0.0)
        self._whole = all(bool((each * _UNIT == np.rint(each * _UNIT)).all()) for each in own_steps)
        self._whole &= len(ratings) * ratings.shape[1] * most * _UNIT < _LARGEST
        self._steps, self._own_steps = self._scaled(steps), [self._scaled(each) for each in own_steps]
        self._most = most * _UNIT if self._whole else most
        self._set_order(order)

    def of(self, order: ScoreOrder) -> "WithoutEach":
        """The same for another grouping of the scores."""
        other = copy(self)
        other._set_order(order)
        return other

    def _set_order(self, order: ScoreOrder) -> None:
        """How many of each evaluator's items lie in a group or before, None for as many as groups, and their groups."""
        self._order, self._places = order, []
        numbers, all_apart = np.arange(len(order.starts)), not order.has_ties
        for rater in self.raters:
            own = order.groups[rater.rows]
            is_all = all_apart and len(own) == len(numbers)
            self._places.append((None if is_all else np.searchsorted(own, numbers, side="right"), own))

    def levels(self, weights: Array) -> Iterator[NDArray[np.int8]]:
        """Each evaluator's items' levels, from 0, by the mappings that fit the others best.

        Parameters
        ----------
        weights : ndarray, shape (studies, items)
            How often each item counts, in the order of scores; whole numbers.

        Yields
        ------
        ndarray of int, shape (studies, rated)
            In the order of the evaluators, and of `Rater.rows`.

        Examples
        --------
        >>> ratings = np.array([[0.0, 0.0], [0.0, np.nan], [1.0, 1.0]])
        >>> order = ScoreOrder(np.array([1.0, 2.0, 3.0]), "higher")
        >>> [found.tolist() for found in WithoutEach(order, ratings, 1.0).levels(np.ones((1, 3)))]
        [[[0, 4, 4]], [[0, 4]]]
        """
        if self._k < 1:
            for rater in self.raters:
                costs = self._total.copy()
                costs[rater.rows] -= rater.costs
                yield self._order.levels_of_any_costs(costs[None] * weights[:, :, None])[:, rater.rows]
            return
        drawn = self._order.drawn(weights)
        tolerance: Numbers = TIE * (1.0 + weights.sum(axis=1))
        if self._whole:
            tolerance = np.zeros(len(weights), dtype=np.int32)
        possible = self._most * (weights @ self._rated).max(axis=1, initial=0.0)  # to take off
        counts = weights.astype(np.int32) if self._whole else weights
        by_all = [self._near_least(counts * step, possible, tolerance) for step in self._steps]
        for rater, steps, (until, group) in zip(self.raters, self._own_steps, self._places, strict=True):
            own_counts = counts[:, rater.rows]
            own = np.zeros((len(weights), own_counts.shape[1] + 1), dtype=own_counts.dtype)
            levels, reached = np.zeros(own_counts.shape, dtype=np.int8), np.zeros(len(weights), dtype=np.int32)
            for step, (first, running) in zip(steps, by_all, strict=True):
                np.multiply(own_counts, step, out=own[:, 1:])
                np.cumsum(own[:, 1:], axis=1, out=own[:, 1:])
                here = slice(first, first + running.shape[1])
                taken = own[:, 1:][:, here] if until is None else own[:, until[here]]
                cuts = middle_cuts(running - taken, drawn[:, here], tolerance)
                reached = np.maximum(reached, np.where(cuts > 0, cuts + first, 0).astype(np.int32))
                levels += group >= reached[:, None]
            yield levels

    def _near_least(self, differences: Array, possible: Array, tolerance: Numbers) -> tuple[int, Array]:
        """Everybody's running costs in the places where a cut may be best without somebody, and the first of these."""
        running = self._order.ends(np.cumsum(differences, axis=1, out=differences))
        highest = np.minimum(running.min(axis=1), 0) + 2 * tolerance + possible
        found = np.flatnonzero((running <= _as(running, highest)[:, None]).any(axis=0))
        first, last = (int(found[0]), int(found[-1])) if len(found) else (0, 0)
        return first, np.ascontiguousarray(running[:, first : last + 1])

    def _scaled(self, steps: Array) -> Array:
        return (steps * _UNIT).astype(np.int32) if self._whole else steps


def _steps(costs: Array) -> Array:
    """What each item costs more on level j + 1 than on level j + 2, (levels - 1, items)."""
    return np.ascontiguousarray((costs[:, :-1] - costs[:, 1:]).T)


def _as(numbers: Array, bounds: Array) -> Array:
    return np.ceil(bounds).astype(numbers.dtype) if numbers.dtype.kind == "i" else bounds
