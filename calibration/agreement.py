"""Agreement among people (Krippendorff's alpha) and of a metric with people (correlations)."""

import warnings
from dataclasses import dataclass
from typing import Literal

import krippendorff
import numpy as np
from scipy import stats

from calibration.grades import Array

AlphaLevel = Literal["nominal", "ordinal", "interval"]


def krippendorff_alpha(ratings: Array, level: AlphaLevel) -> float:
    """Krippendorff's alpha over all evaluators: 1 - observed / expected disagreement.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Any scale, NaN where missing. Items with one rating carry no information about agreement and drop out by
        definition.
    level : {"nominal", "ordinal", "interval"}
        How far apart two different ratings are taken to be.

    Returns
    -------
    float
        At most 1; 0 is what chance gives. NaN where no item has two ratings or all ratings are equal.

    References
    ----------
    Krippendorff, K. (2011). Computing Krippendorff's alpha-reliability. Computed by the krippendorff library.

    Examples
    --------
    >>> krippendorff_alpha(np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]), "ordinal")
    1.0
    """
    pairable = ratings[(~np.isnan(ratings)).sum(axis=1) >= 2]
    known = pairable[~np.isnan(pairable)]
    if known.size == 0 or known.min() == known.max():
        return float("nan")
    return float(krippendorff.alpha(reliability_data=pairable.T, level_of_measurement=level))


@dataclass(frozen=True)
class Correlations:
    """Pearson's r, Spearman's rho and Kendall's tau-b, with the number of items they rest on; NaN where undefined."""

    n: int
    pearson: float
    spearman: float
    kendall: float


def correlations(scores: Array, targets: Array) -> Correlations:
    """Correlate a metric's scores with people's sample scores.

    Parameters
    ----------
    scores, targets : ndarray, shape (items,)
        Items where either is NaN drop out.

    Returns
    -------
    Correlations
        All three in [-1, 1]; NaN with fewer than two items or where either side is constant.

    Examples
    --------
    >>> correlations(np.array([1.0, 2.0, 3.0]), np.array([0.1, 0.2, 0.9])).spearman
    1.0
    """
    both = ~(np.isnan(scores) | np.isnan(targets))
    x, y = scores[both], targets[both]
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return Correlations(len(x), float("nan"), float("nan"), float("nan"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.NearConstantInputWarning)
        pearson = stats.pearsonr(x, y).statistic
    return Correlations(
        len(x),
        _within_one(pearson),
        _within_one(stats.spearmanr(x, y).statistic),
        _within_one(stats.kendalltau(x, y).statistic),
    )


def _within_one(value: float) -> float:
    """A correlation without the last digit's rounding error, which can leave [-1, 1]."""
    return min(1.0, max(-1.0, float(value)))
