"""Correlations where each pair counts so often, zero times as well: what a bootstrap asks for hundreds of times."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Order:
    """The order of values, sorted once, from which mean ranks follow for any weights.

    Parameters
    ----------
    values : ndarray, shape (n,)
        What is ranked; equal values share their mean rank.
    """

    def __init__(self, values: Array):
        self._order = np.argsort(values, kind="stable")
        ordered = values[self._order]
        self._starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
        self._lengths = np.diff(np.append(self._starts, len(values)))

    def ranks(self, weights: Array) -> Array:
        """Ranks less 1/2 when each value occurs `weights` times; shape (n,).

        Examples
        --------
        >>> Order(np.array([7.0, 3.0, 7.0])).ranks(np.array([1.0, 2.0, 1.0]))
        array([3., 1., 3.])
        """
        shares = np.add.reduceat(weights[self._order], self._starts)
        middles = np.cumsum(shares) - shares / 2
        ranks = np.empty(len(weights))
        ranks[self._order] = np.repeat(middles, self._lengths)
        return ranks


def covariance(x: Array, y: Array, weights: Array) -> float:
    """The covariance, divided by the sum of the weights.

    Examples
    --------
    >>> covariance(np.array([1.0, 3.0]), np.array([2.0, 6.0]), np.array([1.0, 1.0]))
    2.0
    """
    total = weights.sum()
    return float(weights @ ((x - weights @ x / total) * (y - weights @ y / total)) / total)


def correlation(x: Array, y: Array, weights: Array) -> float:
    """The correlation; nan where either is constant.

    Examples
    --------
    >>> correlation(np.array([1.0, 2.0, 9.0]), np.array([4.0, 2.0, 9.0]), np.array([1.0, 1.0, 0.0]))
    -1.0
    """
    scale = np.sqrt(covariance(x, x, weights) * covariance(y, y, weights))
    return float(covariance(x, y, weights) / scale) if scale > 0 else float("nan")
