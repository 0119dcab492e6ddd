"""Do all evaluators put the images into one order? Kendall's coefficient of concordance."""

import numpy as np

from calibration.core.grades import Array


def kendalls_w(ratings: Array) -> float:
    """Kendall's coefficient of concordance with the correction for ties, over the items that everybody rated.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Any scale, NaN where missing.

    Returns
    -------
    float
        In [0, 1]; NaN for fewer than two complete items or evaluators, or where nobody tells items apart.

    Notes
    -----
    W = 12 S / (m^2 (n^3 - n) - m T), S the squared deviations of the items' rank sums, T the sum of t^3 - t over all
    groups of t equal ratings of one evaluator.

    Examples
    --------
    >>> kendalls_w(np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]))
    1.0
    """
    return float(RankSums(ratings).concordance(np.ones((1, len(ratings))))[0])


class RankSums:
    """What Kendall's W is computed from, for many weightings of the items.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Any scale, NaN where missing.
    """

    def __init__(self, ratings: Array):
        self._complete = ~np.isnan(ratings).any(axis=1) & (ratings.shape[1] > 1)
        known = ratings[self._complete] if self._complete.any() else np.empty((0, 0))
        self._people = ratings.shape[1]
        self._orders = [np.argsort(column, kind="stable") for column in known.T]
        self._starts = [
            np.flatnonzero(np.diff(column[order], prepend=-np.inf))
            for column, order in zip(known.T, self._orders, strict=True)
        ]

    def concordance(self, weights: Array) -> Array:
        """Kendall's W of each weighting, shape (weightings,); nan where it is not defined.

        Parameters
        ----------
        weights : ndarray, shape (weightings, items)
            How often each item counts.

        Examples
        --------
        >>> RankSums(np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 1.0]])).concordance(np.array([[1.0, 1.0, 0.0]])).tolist()
        [1.0]
        """
        w = weights[:, self._complete]
        n, m = w.sum(axis=1), self._people
        sums, ties = np.zeros_like(w), np.zeros(len(w))
        for order, starts in zip(self._orders, self._starts, strict=True) if w.size else ():
            counts = np.add.reduceat(w[:, order], starts, axis=1)
            middles = np.cumsum(counts, axis=1) - counts / 2  # mean ranks less 1/2
            sums[:, order] += np.repeat(middles, np.diff(starts, append=len(order)), axis=1)
            ties += (counts**3 - counts).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            apart = (w * (sums - ((w * sums).sum(axis=1) / n)[:, None]) ** 2).sum(axis=1)
            largest = m**2 * (n**3 - n) - m * ties
            return np.where((n > 1) & (largest > 0), 12 * apart / largest, np.nan)
