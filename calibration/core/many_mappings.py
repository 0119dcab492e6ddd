"""Bucket mappings of one metric fitted to many variants of a study at once: the scores' order stays the same."""

from collections.abc import Iterable
from copy import copy

import numpy as np
from numpy.typing import NDArray

from calibration.core.grades import Array
from calibration.core.ties import group_starts
from calibration.scale import LIKERT, Scale
from metrics.known import Direction

TIE = 1e-9
"""Costs that differ by no more than this, relative to the number of ratings, are equal."""


class ScoreOrder:
    """Scores from worst to best, equal ones together.

    Parameters
    ----------
    scores : ndarray, shape (items,)
        Finite scores.
    direction : {"higher", "lower"}
        Which way the metric points.

    Attributes
    ----------
    order : ndarray of int, shape (items,)
        The items' places, worst first.
    starts : ndarray of int, shape (groups,)
        Where in the order each group of equal scores begins.
    groups : ndarray of int, shape (items,)
        The group of each place in the order.
    """

    def __init__(self, scores: Array, direction: Direction):
        signed = scores if direction == "higher" else -scores
        self.order = np.argsort(signed, kind="stable")
        self._set_groups(np.flatnonzero(group_starts(np.asarray(signed[self.order], dtype=np.float64))))

    def _set_groups(self, starts: NDArray[np.intp]) -> None:
        self.starts = starts
        sizes = np.diff(np.append(starts, len(self.order)))
        self.groups = np.repeat(np.arange(len(starts), dtype=np.int32), sizes)
        self._last = starts + sizes - 1

    @property
    def has_ties(self) -> bool:
        """Whether any two scores are equal."""
        return len(self.starts) < len(self.order)

    def steps(self, number: int) -> NDArray[np.intp]:
        """Where in the order each of about so many groups begins, of about equally many items; equal scores together.

        Examples
        --------
        >>> ScoreOrder(np.array([1.0, 2.0, 2.0, 3.0, 4.0, 5.0]), "higher").steps(3).tolist()
        [0, 3, 4]
        """
        of_group = self.starts * number // max(len(self.order), 1)
        return np.asarray(self.starts[np.append(True, of_group[1:] != of_group[:-1])[: len(self.starts)]])

    def in_steps(self, number: int) -> "ScoreOrder":
        """The same order, in which the scores of a step, of about so many, count as equal.

        Examples
        --------
        >>> ScoreOrder(np.array([1.0, 2.0, 2.0, 3.0, 4.0, 5.0]), "higher").in_steps(3).groups.tolist()
        [0, 0, 0, 1, 2, 2]
        """
        coarser = copy(self)
        coarser._set_groups(self.steps(number))
        return coarser

    def drawn(self, weights: Array) -> NDArray[np.bool_]:
        """Which groups count, (variants, groups), where each item counts so often, (variants, items)."""
        return np.add.reduceat(weights, self.starts, axis=1) > 0 if self.has_ties else weights > 0

    def ends(self, running: Array) -> Array:
        """Running sums at the end of every group, of those at every item, (variants, items)."""
        return running[:, self._last] if self.has_ties else running

    def levels(self, differences: Iterable[Array], tolerance: Array, weights: Array | None = None) -> NDArray[np.int8]:
        """Each item's level by the mappings that fit best (`calibration.core.buckets`), for an exponent k of 1 or more.

        Parameters
        ----------
        differences : iterable of 4 ndarrays, shape (variants, items)
            What each item, in the order of scores, costs more on level j + 1 than on level j + 2; overwritten.
        tolerance : ndarray, shape (variants,)
            By how much two costs may differ and count as equal.
        weights : ndarray, shape (variants, items), optional
            How often each item counts, in the order of scores: cuts lie next to items that count. All do unless given.

        Returns
        -------
        ndarray of int, shape (variants, items)
            Levels from 0, in the order of scores.

        Examples
        --------
        >>> order = ScoreOrder(np.array([5.0, 7.0, 9.0]), "higher")
        >>> steps = (np.array([[-1.0, 1.0, 1.0]]) for _ in range(4))
        >>> order.levels(steps, np.array([0.0])).tolist()
        [[0, 4, 4]]
        """
        drawn = None if weights is None else self.drawn(weights)
        found, reached = None, None
        for running in differences:
            np.cumsum(running, axis=1, out=running)
            cuts = middle_cuts(self.ends(running), drawn, tolerance)
            reached = cuts if reached is None else np.maximum(reached, cuts)
            above = (self.groups[None, :] >= reached[:, None]).astype(np.int8)
            found = above if found is None else found + above
        assert found is not None
        return found

    def levels_of_any_costs(self, costs: Array) -> NDArray[np.int8]:
        """Each item's level by the mappings that fit best, for any exponent, by dynamic programming over the levels.

        Parameters
        ----------
        costs : ndarray, shape (variants, items, levels)
            What each level costs on each item, in the order of scores; overwritten.

        Returns
        -------
        ndarray of int, shape (variants, items)
            Levels from 0, in the order of scores.

        Examples
        --------
        >>> costs = level_costs(np.array([[0.0], [1.0]]), 0.5).transpose(1, 0, 2)
        >>> ScoreOrder(np.array([5.0, 7.0]), "higher").levels_of_any_costs(costs).tolist()
        [[0, 4]]
        """
        np.cumsum(costs, axis=1, out=costs)
        running = np.concatenate([np.zeros_like(costs[:, :1]), costs[:, self._last]], axis=1)
        places = np.arange(running.shape[1])
        best, starts = running[:, :, 0], []
        for level in range(1, costs.shape[2]):
            gain = best - running[:, :, level]
            least = np.minimum.accumulate(gain, axis=1)
            is_new = np.concatenate([np.ones((len(gain), 1), dtype=bool), least[:, 1:] < least[:, :-1]], axis=1)
            starts.append(np.maximum.accumulate(np.where(is_new, places, 0), axis=1))
            best = least + running[:, :, level]
        ends = np.full((len(costs), 1), len(places) - 1)
        found = np.zeros((len(costs), len(self.order)), dtype=np.int8)
        for start in reversed(starts):
            ends = np.take_along_axis(start, ends, axis=1)
            found += self.groups[None, :] >= ends
        return found


def middle_cuts(
    running: Array, drawn: NDArray[np.bool_] | None, tolerance: Array | NDArray[np.int32]
) -> NDArray[np.intp]:
    """After how many scores each row of running costs is least, 0 for none; the middle one of equals.

    Parameters
    ----------
    running : ndarray, shape (variants, groups)
        Cumulated costs; before the first they are 0.
    drawn : ndarray of bool, shape (variants, groups), optional
        After which scores a cut may lie; after any unless given.
    tolerance : ndarray, shape (variants,)
        By how much two costs may differ and count as equal.

    Returns
    -------
    ndarray of int, shape (variants,)

    Examples
    --------
    >>> middle_cuts(np.array([[1.0, -1.0, -1.0, -1.0, 2.0]]), None, np.array([0.0])).tolist()
    [3]
    """
    least = np.minimum(running.min(axis=1), 0.0) + tolerance
    best = running <= least[:, None]
    if drawn is not None:
        best &= drawn
    at_start = least >= 0.0
    places = np.flatnonzero(best)
    width = running.shape[1]
    counts = np.bincount(places // width, minlength=len(running))
    middle = (counts + at_start + 1) // 2 - at_start - 1  # of the places after a score, -1 for the start
    chosen = np.minimum(np.cumsum(counts) - counts + np.maximum(middle, 0), max(len(places) - 1, 0))
    found = places[chosen] % width if len(places) else np.zeros(len(running), dtype=np.intp)
    return np.asarray(np.where(middle < 0, 0, found + 1))


def level_costs(ratings: Array, k: float, scale: Scale = LIKERT) -> Array:
    """What each level costs on each rating; shape (items, evaluators, levels), 0 where there is no rating.

    Examples
    --------
    >>> level_costs(np.array([[0.5, np.nan]]), 1.0).tolist()
    [[[0.5, 0.25, 0.0, 0.25, 0.5], [0.0, 0.0, 0.0, 0.0, 0.0]]]
    """
    known = ~np.isnan(ratings)
    return np.asarray(np.abs(np.where(known, ratings, 0.0)[:, :, None] - scale.unit) ** k * known[:, :, None])
