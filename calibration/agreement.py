"""Agreement among people (Krippendorff's alpha) and of a metric with people (correlations)."""

import warnings
from dataclasses import dataclass
from typing import Literal

import krippendorff
import numpy as np
from scipy import stats

from calibration.grades import Array
from calibration.ties import as_equals
from metrics.registry import Direction

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
    """Of a metric with people; NaN where undefined.

    Attributes
    ----------
    n : int
        How many items they rest on.
    pearson, spearman, kendall : float
        Pearson's r, Spearman's rho and Kendall's tau-b, in [-1, 1].
    spearman_p : float
        One-sided, in [0, 1]: how often unrelated scores would follow people's order in the metric's direction as
        closely as these do, by Student's t with n - 2 degrees of freedom.
    """

    n: int
    pearson: float
    spearman: float
    kendall: float
    spearman_p: float


def correlations(scores: Array, targets: Array, direction: Direction = "higher") -> Correlations:
    """Correlate a metric's scores with people's sample scores.

    Parameters
    ----------
    scores, targets : ndarray, shape (items,)
        Items where either is NaN drop out.
    direction : {"higher", "lower"}
        Which way the metric points; only the p-value depends on it.

    Returns
    -------
    Correlations
        All NaN with fewer than two items or where either side is constant.

    Examples
    --------
    >>> correlations(np.array([1.0, 2.0, 3.0]), np.array([0.1, 0.2, 0.9])).spearman
    1.0
    """
    both = ~(np.isnan(scores) | np.isnan(targets))
    x, y = as_equals(scores[both]), as_equals(targets[both])
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return Correlations(len(x), *[float("nan")] * 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.NearConstantInputWarning)
        pearson = stats.pearsonr(x, y).statistic
    spearman = stats.spearmanr(x, y, alternative="greater" if direction == "higher" else "less")
    return Correlations(
        len(x),
        _within_one(pearson),
        _within_one(spearman.statistic),
        _within_one(stats.kendalltau(x, y).statistic),
        float(spearman.pvalue),
    )


def _within_one(value: float) -> float:
    """A correlation without the last digit's rounding error, which can leave [-1, 1] or just miss its ends."""
    return min(1.0, max(-1.0, round(float(value), 15)))
