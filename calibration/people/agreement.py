"""Agreement among people (Krippendorff's alpha) and of a metric with people (correlations)."""

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from calibration.core.grades import Array
from calibration.core.ties import as_equals
from metrics.known import Direction

AlphaLevel = Literal["nominal", "ordinal", "interval", "ratio"]


def krippendorff_alpha(ratings: Array, level: AlphaLevel) -> float:
    """Krippendorff's alpha over all evaluators: 1 - observed / expected disagreement.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Any scale, NaN where missing. Items with one rating carry no information about agreement and drop out by
        definition.
    level : {"nominal", "ordinal", "interval", "ratio"}
        How far apart two different ratings are taken to be.

    Returns
    -------
    float
        At most 1; 0 is what chance gives. NaN where no item has two ratings or all ratings are equal.

    References
    ----------
    Krippendorff, K. (2011). Computing Krippendorff's alpha-reliability.

    Examples
    --------
    >>> krippendorff_alpha(np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]), "ordinal")
    1.0
    """
    values, counts, shares = _pairable(ratings)
    coincidences = counts.T @ shares - np.diag(shares.sum(axis=0))
    return float(alphas(values, coincidences[None], level)[0])


def coincidence_table(ratings: Array) -> tuple[Array, Array]:
    """What each item adds to the table of coincidences.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Any scale, NaN where missing.

    Returns
    -------
    values : ndarray, shape (values,)
        The different ratings, ascending.
    table : ndarray, shape (items, values * values)
        Row by row the coincidences of an item: how often its ratings pair value c with value k, over its number of
        ratings less one; 0 for an item with fewer than two.

    Examples
    --------
    >>> coincidence_table(np.array([[1.0, 3.0]]))[1].tolist()
    [[0.0, 1.0, 1.0, 0.0]]
    """
    values, counts, shares = _pairable(ratings)
    table = counts[:, :, None] * shares[:, None, :] - shares[:, :, None] * np.eye(len(values))
    return values, table.reshape(len(ratings), -1)


def alphas(values: Array, coincidences: Array, level: AlphaLevel) -> Array:
    """Krippendorff's alpha of many tables of coincidences.

    Parameters
    ----------
    values : ndarray, shape (values,)
        The different ratings, ascending.
    coincidences : ndarray, shape (tables, values, values)
        How often each value met each other one.
    level : {"nominal", "ordinal", "interval", "ratio"}
        How far apart two different ratings are taken to be.

    Returns
    -------
    ndarray, shape (tables,)
        NaN where no two ratings differ.

    Examples
    --------
    >>> alphas(np.array([1.0, 2.0]), np.array([[[2.0, 0.0], [0.0, 2.0]]]), "nominal").tolist()
    [1.0]
    """
    totals = coincidences.sum(axis=2)
    if level == "ordinal":
        middles = np.cumsum(totals, axis=1) - totals / 2
        apart = (middles[:, :, None] - middles[:, None, :]) ** 2
    elif level == "interval":
        apart = np.subtract.outer(values, values)[None] ** 2
    elif level == "ratio":
        total = np.add.outer(values, values)
        share = np.divide(np.subtract.outer(values, values), total, out=np.zeros_like(total), where=total != 0)
        apart = share[None] ** 2
    else:
        apart = 1.0 - np.eye(len(values))[None]
    observed = (coincidences * apart).sum(axis=(1, 2))
    expected = (totals[:, :, None] * totals[:, None, :] * apart).sum(axis=(1, 2))
    pairs = totals.sum(axis=1) - 1.0
    disagreement = np.divide(pairs * observed, expected, out=np.full(len(totals), np.nan), where=expected > 0)
    return np.asarray(1.0 - disagreement)


def _pairable(ratings: Array) -> tuple[Array, Array, Array]:
    """The different ratings of items with two or more, how often each item has each, and that over n - 1."""
    n = (~np.isnan(ratings)).sum(axis=1)
    paired = n >= 2
    several = ratings[paired]
    values = np.unique(several[~np.isnan(several)])
    counts = np.zeros((len(ratings), len(values)))
    for place, value in enumerate(values.tolist()):
        counts[:, place] = (ratings == value).sum(axis=1)
    counts[~paired] = 0.0
    return values, counts, counts / np.maximum(n - 1, 1)[:, None]


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
    return float(np.clip(round(float(value), 15), -1.0, 1.0))  # min() and max() would make -1 of nan


def interval_alpha(ratings: Array) -> float:
    """Krippendorff's interval alpha of ratings that may have any value, in one pass.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Any scale, NaN where missing.

    Returns
    -------
    float
        1 minus the mean squared difference within images over that between any two ratings; NaN where no image was
        rated twice, or all ratings are equal.

    Examples
    --------
    >>> round(interval_alpha(np.array([[0.0, 0.0], [0.5, 0.75], [1.0, 1.0]])), 3)
    0.95
    """
    known = ratings[(~np.isnan(ratings)).sum(axis=1) >= 2]
    counts = (~np.isnan(known)).sum(axis=1)
    total = int(counts.sum())
    if not total:
        return float("nan")
    means = np.nansum(known, axis=1) / counts
    within = np.nansum((known - means[:, None]) ** 2, axis=1)
    observed = float((2 * counts * within / (counts - 1)).sum()) / total
    overall = float(np.nansum(known)) / total
    expected = 2 * float(np.nansum((known - overall) ** 2)) / (total - 1)
    return 1.0 - observed / expected if expected > 0 else float("nan")
