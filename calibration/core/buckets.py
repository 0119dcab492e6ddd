"""The bucket mapping: thresholds that turn a metric's score into a level of the people's scale, fitted exactly.

The fit minimises the sum over items and evaluators of abs(level(item) - rating)**k, both on the unit scale, over all
monotone mappings to the scale's levels. Sort the items by score and let F[i, l] be the cost of giving the first i of
them level l. A mapping is a cut between every two levels in the sorted list, and its cost differs from that of the
highest level for everything by the sum over j of D_j(cut_j) with D_j = F[:, j] - F[:, j + 1]. For k >= 1 a rating's
cost is convex in the level, so the argmins come out ordered and can be found one by one; for k < 1 they need not, and
dynamic programming over the levels finds the optimum. Both are exact and linear in the number of items after the sort.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.core.grades import Array
from calibration.core.ties import group_starts
from calibration.scale import LIKERT, Scale
from metrics.known import Direction

_TIE = 1e-12  # two costs closer than this, relative to the number of ratings, are equal: rounding made the difference
_KEPT = 2**20  # with fewer ratings every evaluator's costs are kept


@dataclass(frozen=True)
class BucketMapping:
    """One threshold less than there are levels, and the direction in which they are read.

    Attributes
    ----------
    thresholds : tuple of float
        Four of a scale of five levels. Ascending where higher is better, descending where lower is better.
    direction : {"higher", "lower"}
        Which way the metric points.
    loss : float
        The training loss: the mean over (item, evaluator) pairs of abs(level - rating)**k, in [0, 1].
    n_ratings : float
        How many (item, evaluator) pairs it was fitted on; with weights, the sum of them.
    optimal : tuple of pairs of float
        For each threshold the least and the greatest that it may be, alone and in order with the others, without a
        greater loss: low <= threshold < high where higher is better, low < threshold <= high where lower is. Infinite
        where an outer level may be empty.
    """

    thresholds: tuple[float, ...]
    direction: Direction
    loss: float
    n_ratings: float
    optimal: tuple[tuple[float, float], ...] = field(default=(), compare=False)

    def levels(self, scores: ArrayLike) -> NDArray[np.int_]:
        """The number of each score's level: 1 + how many thresholds it exceeds (where lower is better, stays below).

        Parameters
        ----------
        scores : array_like of finite floats

        Returns
        -------
        ndarray of int
            From 1 to one more than there are thresholds, the shape of `scores`.

        Examples
        --------
        >>> BucketMapping((1.0, 2.0, 3.0, 4.0), "higher", 0.0, 1).levels([0.5, 2.0, 9.0]).tolist()
        [1, 2, 5]
        >>> BucketMapping((4.0, 3.0, 2.0, 1.0), "lower", 0.0, 1).levels([0.5, 2.0, 9.0]).tolist()
        [5, 3, 1]
        """
        sign = 1.0 if self.direction == "higher" else -1.0
        return (
            np.searchsorted(sign * np.array(self.thresholds), sign * np.asarray(scores, dtype=float), side="left") + 1
        )


class BucketFitter:
    """Fits bucket mappings of one metric, on all evaluators or on all but one, with a single sort.

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
    weights : array_like, shape (items,), optional
        How often each item counts, 0 or more; once unless given.
    scale : Scale
        Whose levels the ratings are.
    """

    def __init__(
        self,
        scores: ArrayLike,
        ratings: Array,
        k: float = 1.0,
        direction: Direction = "higher",
        weights: ArrayLike | None = None,
        scale: Scale = LIKERT,
    ):
        self.k = k
        self.scale = scale
        self.direction: Direction = direction
        signed = np.asarray(scores, dtype=float) * (1.0 if direction == "higher" else -1.0)
        order = np.argsort(signed, kind="stable")
        signed = signed[order]
        starts = np.flatnonzero(group_starts(signed))  # equal scores are never split
        self._last_of_group = np.append(starts[1:], len(signed))[: len(starts)] - 1
        self._least, self._greatest = signed[starts], signed[self._last_of_group]  # of each distinct score
        self._ratings = np.asarray(ratings, dtype=float)[order]
        self._weights = None if weights is None else np.asarray(weights)[order]
        self._kept: dict[int, tuple[Array, NDArray[np.intp] | None, float]] = {}
        self._total = np.zeros((scale.count, len(self._least) + 1))
        self._n_ratings: float = 0
        for evaluator in range(self._ratings.shape[1]):
            if self._ratings.size <= _KEPT:
                self._kept[evaluator] = self._own_costs(evaluator)
            costs, count = self._costs(evaluator)
            self._total += costs
            self._n_ratings += count

    def fit(self, without: int | Sequence[int] | None = None, with_optimal: bool = False) -> BucketMapping | None:
        """The optimal mapping on all evaluators, or on all but one.

        Parameters
        ----------
        without : int or sequence of int, optional
            The columns of the evaluators to leave out.
        with_optimal : bool
            Whether to find the intervals in which the thresholds are as good; `optimal` is empty otherwise.

        Returns
        -------
        BucketMapping or None
            None where no rating is left to fit on.
        """
        costs, count = self._total, self._n_ratings
        for evaluator in [without] if isinstance(without, int) else without or ():
            own, own_count = self._costs(evaluator)
            costs, count = costs - own, count - own_count
        if count == 0:
            return None
        tolerance = _TIE * (1.0 + count)
        cuts = _separable_cuts(costs, tolerance) if self.k >= 1 else _dynamic_cuts(costs)
        reach = _equal_cuts(costs, cuts, tolerance) if with_optimal else []
        edges = [0, *cuts.tolist(), costs.shape[1] - 1]
        loss = sum(costs[level, edges[level + 1]] - costs[level, edges[level]] for level in range(len(costs)))
        thresholds = tuple(self._threshold(int(cut)) for cut in cuts)
        optimal = tuple(self._between(first, last) for first, last in reach)
        return BucketMapping(thresholds, self.direction, max(float(loss) / count, 0.0), count, optimal)

    def _costs(self, evaluator: int) -> tuple[Array, float]:
        """One evaluator's costs of the first i distinct scores on level l, (levels, groups + 1), and rating count."""
        costs, until, count = self._kept.get(evaluator) or self._own_costs(evaluator)
        return costs if until is None else costs[:, until], count

    def _own_costs(self, evaluator: int) -> tuple[Array, NDArray[np.intp] | None, float]:
        """The costs of the first i items that the evaluator rated, and how many of them the first j scores hold."""
        ratings = self._ratings[:, evaluator]
        rated = ~np.isnan(ratings)
        is_all = bool(rated.all())
        weights = None if self._weights is None else self._weights[rated]
        own = ratings if is_all else ratings[rated]
        costs = np.zeros((self.scale.count, len(own) + 1))
        distance = np.abs(own - self.scale.unit[:, None])
        if self.k != 1:
            distance **= self.k
        if weights is not None:
            distance *= weights
        np.cumsum(distance, axis=1, out=costs[:, 1:])
        until = None
        if not is_all or len(self._least) < len(ratings):
            until = np.append(0, np.cumsum(rated)[self._last_of_group])
        count = len(own) if weights is None else weights.sum()
        return costs, until, int(count) if count == int(count) else float(count)

    def _between(self, first: int, last: int) -> tuple[float, float]:
        """Where a threshold may lie that cuts after `first` to `last` distinct scores, in the metric's direction."""
        low = float(self._greatest[first - 1]) if first > 0 else -np.inf
        high = float(self._least[last]) if last < len(self._least) else np.inf
        return (low, high) if self.direction == "higher" else (-high, -low)

    def _threshold(self, cut: int) -> float:
        """The threshold that lies behind the first `cut` distinct scores, in the metric's own direction."""
        least, greatest = self._least, self._greatest
        if 0 < cut < len(least):
            below, above = greatest[cut - 1], least[cut]
            middle = below / 2 + above / 2
            threshold = middle if below <= middle < above else below  # two neighbouring floats have no middle
        else:
            spread = float(greatest[-1] - least[0]) if len(least) > 1 else 0.0
            spread = spread or abs(float(least[0])) or 1.0
            if cut == 0:
                threshold = min(least[0] - 0.05 * spread, np.nextafter(least[0], -np.inf))
            else:
                threshold = max(greatest[-1] + 0.05 * spread, np.nextafter(greatest[-1], np.inf))
        return float(threshold) if self.direction == "higher" else -float(threshold)


def fit_buckets(
    scores: ArrayLike,
    ratings: Array,
    k: float = 1.0,
    direction: Direction = "higher",
    weights: ArrayLike | None = None,
    scale: Scale = LIKERT,
) -> BucketMapping | None:
    """Fit the bucket mapping of a metric to people's ratings, exactly.

    Parameters
    ----------
    scores : array_like, shape (items,)
        The metric's finite scores.
    ratings : ndarray, shape (items, evaluators)
        Unit scale, NaN where missing.
    k : float
        The exponent of the distance, above 0.
    direction : {"higher", "lower"}
        Which way the metric points.
    weights : array_like, shape (items,), optional
        How often each item counts, 0 or more; once unless given.
    scale : Scale
        Whose levels the ratings are.

    Returns
    -------
    BucketMapping or None
        None where there is no rating.

    Notes
    -----
    Where several cuts are equally good, the middle one of them is taken; the threshold is half way between the two
    scores beside the cut. A cut outside the data (an outer level that is empty) lies 5 % of the scores' range beyond
    it.

    Examples
    --------
    >>> ratings = np.array([[0.0], [0.25], [0.5], [0.75], [1.0]])
    >>> fit_buckets([10, 20, 30, 40, 50], ratings).thresholds
    (15.0, 25.0, 35.0, 45.0)
    >>> fit_buckets([50, 40, 30, 20, 10], ratings, direction="lower").thresholds
    (45.0, 35.0, 25.0, 15.0)
    """
    return BucketFitter(scores, ratings, k, direction, weights, scale).fit(with_optimal=True)


def _separable_cuts(costs: Array, tolerance: float) -> NDArray[np.int_]:
    """The best cuts for a cost that is convex in the level: one argmin each, the middle one of equals."""
    differences = costs[:-1] - costs[1:]
    cuts = []
    for is_best in differences <= differences.min(axis=1, keepdims=True) + tolerance:
        best = np.flatnonzero(is_best)
        cuts.append(best[(len(best) - 1) // 2])
    return np.maximum.accumulate(np.array(cuts))


def _equal_cuts(costs: Array, cuts: NDArray[np.int_], tolerance: float) -> list[tuple[int, int]]:
    """For each cut the first and the last that it may be moved to, over equally good ones, without passing another."""
    found = []
    edges = [0, *cuts.tolist(), costs.shape[1] - 1]
    for level, cut in enumerate(cuts.tolist()):
        difference = costs[level] - costs[level + 1]
        worse_below = np.flatnonzero(difference[edges[level] : cut] > difference[cut] + tolerance)
        worse_above = np.flatnonzero(difference[cut : edges[level + 2] + 1] > difference[cut] + tolerance)
        first = edges[level] + int(worse_below[-1]) + 1 if len(worse_below) else edges[level]
        last = cut + int(worse_above[0]) - 1 if len(worse_above) else edges[level + 2]
        found.append((first, last))
    return found


def _dynamic_cuts(costs: Array) -> NDArray[np.int_]:
    """The best cuts for any cost, by dynamic programming over the levels."""
    best = costs[0]  # the least cost of the first i groups with the levels so far
    starts = []
    for level in range(1, len(costs)):
        gain = best - costs[level]
        running = np.minimum.accumulate(gain)
        is_new = np.append(True, running[1:] < running[:-1])
        starts.append(np.maximum.accumulate(np.where(is_new, np.arange(len(gain)), 0)))
        best = running + costs[level]
    cuts = []
    end = costs.shape[1] - 1
    for start in reversed(starts):
        end = int(start[end])
        cuts.append(end)
    return np.array(cuts[::-1])
