"""Is a metric as good as the median evaluator? Two one-sided tests and a verdict read off an interval."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student

from calibration.grades import Array


@dataclass(frozen=True)
class Equivalence:
    """The result of two one-sided tests; every field is NaN where it cannot be known."""

    difference: float
    standard_error: float
    freedom: float
    p: float


def equivalence_test(differences: Array, margin: float, clusters: ArrayLike | None = None) -> Equivalence:
    """Two one-sided tests that a mean paired difference lies within (-margin, margin).

    Parameters
    ----------
    differences : ndarray of float, shape (items,)
        Metric minus evaluator, item by item; NaN where either is missing.
    margin : float
        The largest difference that does not matter, above 0, in the unit of the differences.
    clusters : array_like, shape (items,), optional
        The group of each item; without it every item is its own group.

    Returns
    -------
    Equivalence
        Mean difference, its standard error, degrees of freedom (groups - 1) and the larger of the two p-values.

    Notes
    -----
    With G groups, residual sums S_g and n items, the variance of the mean is G / (G - 1) * sum S_g^2 / n^2.
    With one item a group this is the paired t-test. Evaluators are held fixed.

    References
    ----------
    Schuirmann (1987), Journal of Pharmacokinetics and Biopharmaceutics 15, 657-680.

    Examples
    --------
    >>> round(equivalence_test(np.array([-1.0, 0.0, 1.0]), 2.0).p, 4)
    0.0371
    """
    present = np.isfinite(differences)
    values = differences[present]
    labels = np.arange(values.size) if clusters is None else np.asarray(clusters)[present]
    groups, group = np.unique(labels, return_inverse=True)
    if groups.size < 2:
        return Equivalence(float(values.mean()) if values.size else np.nan, np.nan, np.nan, np.nan)
    mean = float(values.mean())
    sums = np.bincount(group, weights=values - mean)
    freedom = float(groups.size - 1)
    error = float(np.sqrt(groups.size / freedom * (sums**2).sum()) / values.size)
    if error == 0.0:
        return Equivalence(mean, error, freedom, np.nan)
    p = max(student.sf((mean + margin) / error, freedom), student.cdf((mean - margin) / error, freedom))
    return Equivalence(mean, error, freedom, float(p))


def as_good_as_median(difference: float, standard_error: float, freedom: float, margin: float) -> str:
    """Say "yes", "no" or "cannot tell" from the 95 % t interval of metric minus median evaluator.

    "yes" where the whole interval lies above -margin, "no" where it lies below, else "cannot tell". The standard
    error and its degrees of freedom must carry the uncertainty of the evaluators.

    Examples
    --------
    >>> as_good_as_median(0.0, 0.01, 4.0, 0.05)
    'yes'
    """
    half = student.ppf(0.975, freedom) * standard_error
    if difference - half > -margin:
        return "yes"
    return "no" if difference + half < -margin else "cannot tell"
