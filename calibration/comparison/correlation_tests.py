"""Tests of two correlations by formula, and p-values adjusted for how many tests there were."""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from calibration.core.grades import Array

Alternative = Literal["two-sided", "greater", "less"]

NAN = float("nan")


def williams(r12: float, r13: float, r23: float, n: int, alternative: Alternative = "two-sided") -> tuple[float, float]:
    """Williams' test of two dependent correlations that share a variable.

    Parameters
    ----------
    r12, r13 : float
        The correlations to compare, in [-1, 1]: people with the first metric, people with the second.
    r23 : float
        The correlation of the two metrics.
    n : int
        How many items they rest on.
    alternative : {"two-sided", "greater", "less"}
        "greater": r12 is greater than r13.

    Returns
    -------
    t, p : float
        With n - 3 degrees of freedom; NaN with fewer than four items or where the correlations leave nothing to chance.

    Notes
    -----
    t = (r12 - r13) sqrt((n - 1)(1 + r23) / (2 |R| (n - 1) / (n - 3) + ((r12 + r13) / 2)^2 (1 - r23)^3)) with the
    determinant |R| = 1 - r12^2 - r13^2 - r23^2 + 2 r12 r13 r23.

    References
    ----------
    Williams, E. J. (1959). The comparison of regression variables. JRSS B 21; in the form of Steiger, J. H. (1980).
    Tests for comparing elements of a correlation matrix. Psychological Bulletin 87, eq. 7.

    Examples
    --------
    >>> t, p = williams(0.3, 0.4, 0.5, 100)
    >>> round(t, 4), round(p, 4)
    (-1.0767, 0.2843)
    """
    if not n > 3:
        return NAN, NAN
    difference = r12 - r13
    determinant = max(1 - r12**2 - r13**2 - r23**2 + 2 * r12 * r13 * r23, 0.0)
    spread = 2 * determinant * (n - 1) / (n - 3) + ((r12 + r13) / 2) ** 2 * (1 - r23) ** 3
    if not spread > 0:
        return (0.0, _tail(stats.t, 0.0, alternative, n - 3)) if difference == 0 else (NAN, NAN)
    t = difference * float(np.sqrt((n - 1) * (1 + r23) / spread))
    return t, _tail(stats.t, t, alternative, n - 3)


def fisher_z(r1: float, n1: int, r2: float, n2: int, alternative: Alternative = "two-sided") -> tuple[float, float]:
    """Fisher's test of two correlations from different items.

    Parameters
    ----------
    r1, r2 : float
        The correlations, inside (-1, 1).
    n1, n2 : int
        How many items each rests on.
    alternative : {"two-sided", "greater", "less"}
        "greater": r1 is greater than r2.

    Returns
    -------
    z, p : float
        z = (atanh r1 - atanh r2) / sqrt(1 / (n1 - 3) + 1 / (n2 - 3)); NaN where it is undefined.

    References
    ----------
    Fisher, R. A. (1925). Statistical methods for research workers, section 35.

    Examples
    --------
    >>> z, p = fisher_z(0.4, 100, 0.5, 100)
    >>> round(z, 4), round(p, 4)
    (-0.8751, 0.3815)
    """
    if not (min(n1, n2) > 3 and max(abs(r1), abs(r2)) < 1):
        return NAN, NAN
    z = float((np.arctanh(r1) - np.arctanh(r2)) / np.sqrt(1 / (n1 - 3) + 1 / (n2 - 3)))
    return z, _tail(stats.norm, z, alternative)


def holm(p: ArrayLike) -> Array:
    """Holm's adjusted p-values: those below a level are false alarms in at most that share of studies.

    Parameters
    ----------
    p : array_like, shape (tests,)
        NaN stays NaN and does not count as a test.

    Returns
    -------
    ndarray, shape (tests,)

    References
    ----------
    Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scand. J. Statist. 6.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    values, order = _ascending(p)
    steps = values[order] * np.arange(len(order), 0, -1)
    return _at(order, np.minimum(np.maximum.accumulate(steps), 1.0), len(values))


def benjamini_yekutieli(p: ArrayLike) -> Array:
    """Benjamini and Yekutieli's adjusted p-values: at most that share of the findings is false, however they depend.

    Parameters
    ----------
    p : array_like, shape (tests,)
        NaN stays NaN and does not count as a test.

    Returns
    -------
    ndarray, shape (tests,)

    References
    ----------
    Benjamini, Y. & Yekutieli, D. (2001). The control of the false discovery rate under dependency. Ann. Statist. 29.

    Examples
    --------
    >>> benjamini_yekutieli([0.01, 0.5]).round(3).tolist()
    [0.03, 0.75]
    """
    values = np.asarray(p, dtype=float)
    adjusted, known = np.full(values.shape, NAN), ~np.isnan(values)
    if known.any():
        adjusted[known] = stats.false_discovery_control(values[known], method="by")
    return adjusted


def _tail(distribution: Any, value: float, alternative: Alternative, *freedom: int) -> float:
    if alternative == "two-sided":
        return float(2 * distribution.sf(abs(value), *freedom))
    return float((distribution.sf if alternative == "greater" else distribution.cdf)(value, *freedom))


def _ascending(p: ArrayLike) -> tuple[Array, NDArray[np.intp]]:
    """The p-values, and the places of the known ones in ascending order."""
    values = np.asarray(p, dtype=float)
    return values, np.argsort(values, kind="stable")[: int((~np.isnan(values)).sum())]


def _at(order: NDArray[np.intp], values: Array, count: int) -> Array:
    """The values at their places; NaN elsewhere."""
    placed = np.full(count, NAN)
    placed[order] = values
    return placed
