"""The grade of every evaluator against every other, for many weightings of the items, however many evaluators."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from calibration.core.evaluator_weights import rating_weights, trust
from calibration.core.grades import Array


class PairGrades:
    """The mean grade of one person against another, by the weights of `calibration.core.evaluator_weights`.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Unit scale, NaN where missing.
    k : float
        The exponent of the distance.
    counts : ndarray, shape (items,), optional
        How many items each row stands for; one unless given.

    Attributes
    ----------
    trust : ndarray, shape (evaluators,)
        How far each evaluator is trusted.
    shared, apart : ndarray, shape (items, evaluators)
        How much the pairs weigh that each rating is in, and its distance to the others' ratings by these weights.

    Notes
    -----
    A pair weighs by the items that both rated. So the mean over pairs is a mean over two ratings of one item, and needs
    no table of all pairs.
    """

    def __init__(self, ratings: Array, k: float = 1.0, counts: Array | None = None):
        rated, self._filled, self._k = ~np.isnan(ratings), np.nan_to_num(ratings), k
        self._rated = rated
        self.trust = trust(ratings, counts)
        self.shared = rating_weights(rated, self.trust)
        apart = np.zeros(ratings.shape)
        for other, known in enumerate(self.trust):
            rows = rated[:, other]
            own = self._filled[rows]
            apart[rows] += known * np.abs(own - own[:, [other]]) ** k
        self.apart = np.asarray(apart * rated * self.trust)

    def mean(self, weights: Array) -> Array:
        """The mean over the pairs who share an item, shape (weightings,); nan where nobody does.

        Parameters
        ----------
        weights : ndarray, shape (weightings, items)
            How often each item counts.

        Examples
        --------
        >>> pairs = PairGrades(np.array([[0.0, 0.5], [1.0, 1.0]]))
        >>> pairs.mean(np.array([[1.0, 1.0], [0.0, 1.0]])).round(6).tolist()
        [0.75, 1.0]
        """
        return one_less(weights @ self.apart.sum(axis=1), weights @ self.shared.sum(axis=1))

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
        rows = np.stack([weights @ self.apart, weights @ self.shared])
        sums = [rows.sum(axis=1) - 2 * rows[:, list(out)].sum(axis=1) + self._of_two(weights, out) for out in left_out]
        return one_less(*np.array(sums).reshape(-1, 2).T)

    def _of_two(self, weights: Array, out: tuple[int, ...]) -> Array:
        """What stands in the rows of two people, and was taken away twice."""
        if len(out) < 2:
            return np.zeros(2)
        one, other = out
        both = weights * (self._rated[:, one] & self._rated[:, other])
        distance = np.abs(self._filled[:, one] - self._filled[:, other]) ** self._k
        return np.asarray(2 * self.trust[one] * self.trust[other] * np.array([both @ distance, both.sum()]))


def one_less(sums: Array, weights: Array) -> Array:
    """1 minus a mean, from sums and weights of the same shape; nan where nothing counts.

    Examples
    --------
    >>> one_less(np.array([0.5, 0.0]), np.array([2.0, 0.0])).tolist()
    [0.75, nan]
    """
    return np.asarray(1.0 - np.divide(sums, weights, out=np.full(sums.shape, np.nan), where=weights > 1e-9))


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
