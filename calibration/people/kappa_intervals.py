"""How far the kappas of two people would move with other images."""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from calibration.core.grades import Array
from calibration.core.intervals import Interval, percentiles
from calibration.core.ratings import Ratings
from calibration.core.resampling import Drawn
from calibration.people.kappa import kappas
from calibration.scale import LIKERT, Scale

MOST_PAIRS = 105
"""With more pairs of people than these, fifteen people's, their kappas have no intervals."""


class AnswerTables:
    """How often each answer met each other one, for many weightings of the items.

    Parameters
    ----------
    answers, others : ndarray, shape (tables, items)
        Two sides of each table, levels from 0, NaN where missing; between two levels counts as the nearest.
    count : int
        How many levels there are.
    """

    def __init__(self, answers: Array, others: Array, count: int = LIKERT.count):
        self._count = count
        known = ~(np.isnan(answers) | np.isnan(others))
        cells = np.rint(answers) * count + np.rint(others)
        self._cells = np.where(known, cells, count**2).astype(np.intp)

    @classmethod
    def of_pairs(cls, ratings: Array, scale: Scale = LIKERT) -> "AnswerTables":
        """Those of every two evaluators, in the order of `calibration.people.kappa.pair_kappas`; unit scale."""
        levels = ratings.T * (scale.count - 1)
        first, second = _pairs(ratings.shape[1])
        return cls(levels[first], levels[second], scale.count)

    def counts(self, weights: Array) -> Array:
        """The tables, shape (weightings, tables, levels, levels).

        Parameters
        ----------
        weights : ndarray, shape (weightings, items)
            How often each item counts.

        Examples
        --------
        >>> tables = AnswerTables.of_pairs(np.array([[0.0, 0.25], [1.0, 1.0]]))
        >>> found = tables.counts(np.array([[1.0, 2.0]]))[0, 0]
        >>> found[0, 1], found[4, 4]
        (np.float64(1.0), np.float64(2.0))
        """
        size = self._count**2
        cells = np.eye(size + 1)[:, :size]
        found = [weights @ cells[each] for each in self._cells]
        shape = len(weights), len(self._cells), self._count, self._count
        return np.stack(found, axis=1).reshape(shape) if found else np.zeros(shape)


def pair_kappa_intervals(ratings: Ratings) -> list[dict[str, Interval]] | None:
    """Intervals of the kappas of every two evaluators, for other images with the same people.

    Parameters
    ----------
    ratings : Ratings

    Returns
    -------
    list of dict or None
        ``kappa`` and ``weighted_kappa`` of each pair, in the order of `calibration.people.kappa.pair_kappas`. None
        without draws, and for more than fifteen evaluators.

    Examples
    --------
    >>> ratings = Ratings(np.random.default_rng(0).integers(0, 5, (200, 2)) / 4)
    >>> low, high = pair_kappa_intervals(ratings)[0]["weighted_kappa"]
    >>> low < 0 < high
    True
    """
    matrix, resampling = ratings.values, ratings.resampling
    if resampling.draws < 2 or not len(matrix) or not 1 <= len(_pairs(matrix.shape[1])[0]) <= MOST_PAIRS:
        return None
    items = Drawn(matrix, ratings.clusters)
    tables = items.draws(resampling).figures(AnswerTables.of_pairs(items.ratings, ratings.scale).counts)
    return [
        {"kappa": percentiles(kappas(each, is_weighted=False)), "weighted_kappa": percentiles(kappas(each))}
        for each in tables.transpose(1, 0, 2, 3)
    ]


def _pairs(people: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The columns of every two evaluators, the later one slowest."""
    pairs = sorted(combinations(range(people), 2), key=lambda pair: pair[::-1])
    first, second = np.array(pairs, dtype=np.intp).reshape(-1, 2).T
    return first, second
