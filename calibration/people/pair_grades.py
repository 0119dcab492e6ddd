"""The grade of every evaluator against every other, for many weightings of the items, however many evaluators."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from calibration.grades import Array

_BLOCK = 2**22  # pairs of weightings and of people that are in memory at once


class PairGrades:
    """The mean grade of one person against another.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Unit scale, NaN where missing.
    k : float
        The exponent of the distance.

    Notes
    -----
    With many evaluators who each rated a few items, hardly any two share one: only what two people rated both is kept.
    """

    def __init__(self, ratings: Array, k: float = 1.0):
        people = ratings.shape[1]
        self._people = people
        first, second = np.triu_indices(people, 1)
        items, one, other = shared_ratings(ratings)
        # (pairs of people, items): what each item adds to the pair's sum, and that both rated it
        shape, where = (len(first), len(ratings)), (one * (2 * people - one - 1) // 2 + other - one - 1, items)
        apart = sparse.csr_matrix((np.abs(ratings[items, one] - ratings[items, other]) ** k, where), shape=shape)
        shared = sparse.csr_matrix((np.ones(len(items)), where), shape=shape)
        kept = np.flatnonzero(np.diff(shared.indptr))
        self._first, self._second = first[kept], second[kept]
        self._apart, self._shared = apart[kept], shared[kept]

    def mean(self, weights: Array) -> Array:
        """The mean over the pairs who share an item, shape (weightings,); nan where nobody does.

        Parameters
        ----------
        weights : ndarray, shape (weightings, items)
            How often each item counts.

        Examples
        --------
        >>> pairs = PairGrades(np.array([[0.0, 0.5, 1.0], [1.0, 1.0, np.nan]]))
        >>> pairs.mean(np.array([[1.0, 1.0], [0.0, 1.0]])).round(6).tolist()
        [0.416667, 1.0]
        """
        found = np.empty(len(weights))
        size = max(1, _BLOCK // max(len(self._first), 1))
        for start in range(0, len(weights), size):
            w = weights[start : start + size].T
            sums, counts = self._apart @ w, self._shared @ w
            known = counts > 0
            grades = 1.0 - np.divide(sums, counts, out=np.ones_like(sums), where=known)
            number = known.sum(axis=0)
            found[start : start + size] = np.divide(
                grades.sum(axis=0), number, out=np.full(len(number), np.nan), where=number > 0
            )
        return found

    def without(self, weights: Array, left_out: Sequence[tuple[int, ...]]) -> Array:
        """The mean without some people, shape (choices,); nan where no two are left who share an item.

        Parameters
        ----------
        weights : ndarray, shape (items,)
            How often each item counts.
        left_out : sequence of tuple of int
            Who is left out: nobody, one, or two different ones.

        Examples
        --------
        >>> pairs = PairGrades(np.array([[0.0, 0.5, 1.0], [1.0, 1.0, np.nan]]))
        >>> pairs.without(np.ones(2), [(2,), (0, 1)]).tolist()
        [0.75, nan]
        """
        counts = self._shared @ weights
        known = counts > 0
        grades = np.where(known, 1.0 - (self._apart @ weights) / np.where(known, counts, 1.0), 0.0)
        table, number = np.zeros((2, self._people, self._people))
        for values, filled in ((grades, table), (known.astype(float), number)):
            filled[self._first, self._second] = filled[self._second, self._first] = values
        sums, pairs = (np.array([_left(each, out) for out in left_out]) for each in (table, number))
        return np.divide(sums, pairs, out=np.full(len(sums), np.nan), where=pairs > 0.5)


def _left(table: Array, out: tuple[int, ...]) -> float:
    """Half the sum of a symmetric table without these rows and columns."""
    gone = table[list(out)].sum()
    twice = table[np.ix_(out, out)].sum()  # what stands in two of the rows was counted twice
    return float(table.sum() / 2 - gone + twice / 2)


def shared_ratings(ratings: Array) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Every item and two evaluators who both rated it.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        NaN where missing.

    Returns
    -------
    items, first, second : ndarray of int, shape (n,)
        The first of two evaluators is the one whose column comes first.

    Examples
    --------
    >>> items, first, second = shared_ratings(np.array([[1.0, 2.0, 3.0], [np.nan, 5.0, 5.0]]))
    >>> sorted(zip(items.tolist(), first.tolist(), second.tolist()))
    [(0, 0, 1), (0, 0, 2), (0, 1, 2), (1, 1, 2)]
    """
    nothing = np.empty(0, dtype=np.intp)
    found: list[list[NDArray[np.intp]]] = [[nothing], [nothing], [nothing]]
    for pattern, items in _by_pattern(~np.isnan(ratings)):
        one, other = (pattern[each] for each in np.triu_indices(len(pattern), 1))
        found[0].append(np.repeat(items, len(one)))
        found[1].append(np.tile(one, len(items)))
        found[2].append(np.tile(other, len(items)))
    items, first, second = (np.concatenate(each) for each in found)
    return items, first, second


def _by_pattern(rated: NDArray[np.bool_]) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Who rated, and which items were rated by just these, for every such set of two people or more."""
    patterns, of_item = np.unique(np.packbits(rated, axis=1), axis=0, return_inverse=True)
    order = np.argsort(of_item.reshape(-1), kind="stable")
    ends = np.cumsum(np.bincount(of_item.reshape(-1), minlength=len(patterns)))[:-1]
    who = [np.flatnonzero(rated[items[0]]) for items in np.split(order, ends) if len(items)]
    return [
        (people, items)
        for people, items in zip(who, (each for each in np.split(order, ends) if len(each)), strict=True)
        if len(people) > 1
    ]
