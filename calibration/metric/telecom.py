"""A metric as telecom practice judges it: ITU-T P.1401's figures after a monotone cubic, on the people's own scale."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from calibration.core.grades import Array
from calibration.core.intervals import CONFIDENCE, UNKNOWN, Interval
from calibration.core.ratings import ScoredTask
from calibration.metric.monotone_cubic import fit_monotone_cubic
from metrics.known import Direction

_MAPPING = 4  # the cubic's coefficients: so many degrees of freedom are spent on the errors
_LEAST_ITEMS = 6
_INTERVALS = {
    "plcc": "plcc_interval",
    "srcc": "srcc_interval",
    "rmse": "rmse_interval",
    "outlier_ratio": "outlier_interval",
}
NAN = float("nan")


@dataclass(frozen=True)
class Telecom:
    """ITU-T P.1401's figures; errors in rating points.

    Attributes
    ----------
    n : int
        How many items have a score and a rating.
    plcc, srcc : float
        Pearson's correlation of mapped scores with mean ratings (MOS), and Spearman's of the scores.
    rmse : float
        The root of the mean squared error, dividing by n - 4.
    rmse_star : float
        The same of what an error exceeds the 95 % interval of its item's MOS by.
    outlier_ratio : float
        The share of items whose error exceeds that interval.
    n_outliers : int
        Of how many items the interval is known (two ratings or more that differ); NaN figures where of none.
    plcc_interval, srcc_interval, rmse_interval, outlier_interval : Interval
        95 %.
    """

    n: int
    plcc: float
    srcc: float
    rmse: float
    rmse_star: float
    outlier_ratio: float
    n_outliers: int
    plcc_interval: Interval
    srcc_interval: Interval
    rmse_interval: Interval
    outlier_interval: Interval


class Significance(NamedTuple):
    """Two-sided p-values of a difference between two metrics; NaN where unknown."""

    plcc: float
    rmse: float
    outlier_ratio: float


def telecom(scores: Array, ratings: Array, direction: Direction = "higher") -> Telecom | None:
    """Judge a metric as ITU-T P.1401 does.

    Parameters
    ----------
    scores : ndarray, shape (items,)
        NaN where missing.
    ratings : ndarray, shape (items, evaluators)
        In the scale's own numbers, NaN where missing.
    direction : {"higher", "lower"}
        Which way the metric points.

    Returns
    -------
    Telecom or None
        None for fewer than six items, or where scores or mean ratings are all equal.

    Notes
    -----
    Scores are mapped by the least-squares cubic that does not fall on their range. With M ratings of an item and s
    their standard deviation its interval is ci = t(.975, M - 1) s / sqrt(M). RMSE = sqrt(sum e^2 / (N - 4)); RMSE* puts
    max(0, |e| - ci) for e; an outlier has |e| > ci. Intervals: of correlations by Fisher's z with the standard error
    1 / sqrt(N - 3); of the RMSE by chi-square with N - 4 degrees of freedom; of the outlier ratio p by
    p -+ 1.96 sqrt(p (1 - p) / N).

    References
    ----------
    ITU-T P.1401 (2020). Methods, metrics and procedures for statistical evaluation, qualification and comparison of
    objective quality prediction models.

    Examples
    --------
    >>> scores = np.arange(10.0)
    >>> found = telecom(scores, np.column_stack([1 + scores / 3, 2 + scores / 3]))
    >>> round(found.plcc, 6), round(found.rmse, 6), found.outlier_ratio
    (1.0, 0.0, 0.0)
    """
    count = (~np.isnan(ratings)).sum(axis=1)
    both = ~np.isnan(scores) & (count > 0)
    n = int(both.sum())
    signed = (scores if direction == "higher" else -scores)[both]
    if n < _LEAST_ITEMS or np.ptp(signed) == 0:
        return None
    rated, count = ratings[both], count[both]
    known = ~np.isnan(rated)
    mos = np.where(known, rated, 0.0).sum(axis=1) / count
    cubic = fit_monotone_cubic(signed, mos)
    if cubic is None or np.ptp(mos) < 1e-12:
        return None
    mapped = cubic.predict(signed)
    errors = mos - mapped
    freedom = n - _MAPPING
    rmse = float(np.sqrt(np.sum(errors**2) / freedom))
    reach = _reach(rated, known, mos, count)
    sure = ~np.isnan(reach)
    beyond = np.maximum(np.abs(errors[sure]) - reach[sure], 0.0)
    n_sure = int(sure.sum())
    ratio = float((beyond > 0).mean()) if n_sure else NAN
    plcc = float(np.corrcoef(mapped, mos)[0, 1]) if np.ptp(mapped) > 1e-12 else NAN
    srcc = float(stats.spearmanr(signed, mos).statistic)
    chi = stats.chi2.ppf([(1 + CONFIDENCE) / 2, (1 - CONFIDENCE) / 2], freedom)
    half = float(stats.norm.ppf((1 + CONFIDENCE) / 2) * np.sqrt(ratio * (1 - ratio) / n_sure)) if n_sure else NAN
    return Telecom(
        n,
        plcc,
        srcc,
        rmse,
        float(np.sqrt(np.sum(beyond**2) / (n_sure - _MAPPING))) if n_sure > _MAPPING else NAN,
        ratio,
        n_sure,
        _fisher(plcc, n),
        _fisher(srcc, n),
        Interval(*(float(each) for each in rmse * np.sqrt(freedom / chi))),
        Interval(max(ratio - half, 0.0), min(ratio + half, 1.0)) if n_sure else UNKNOWN,
    )


def significance(first: Telecom, second: Telecom) -> Significance:
    """Whether two metrics differ by ITU-T P.1401's tests, which take them for independent.

    Parameters
    ----------
    first, second : Telecom
        Of two metrics.

    Returns
    -------
    Significance
        Correlations by Fisher's z, RMSEs by the F test of their squares, outlier ratios by the z test of two shares.
        Metrics that score the same images are not independent: `calibration.comparison.metric_comparison` has the
        tests for that.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> quality = rng.normal(size=200)
    >>> ratings = np.clip(3 + quality[:, None] + rng.normal(size=(200, 4)), 1, 5)
    >>> good, poor = (telecom(quality + noise * rng.normal(size=200), ratings) for noise in (0.2, 3.0))
    >>> significance(good, poor).plcc < 0.001
    True
    """
    error = np.sqrt(1.0 / max(first.n - 3, 1) + 1.0 / max(second.n - 3, 1))
    apart = np.arctanh(np.clip([first.plcc, second.plcc], -1 + 1e-12, 1 - 1e-12))
    plcc = 2.0 * stats.norm.sf(abs(apart[0] - apart[1]) / error)
    ratio = (first.rmse / second.rmse) ** 2 if second.rmse > 0 else np.inf
    free = first.n - _MAPPING, second.n - _MAPPING
    rmse = min(1.0, 2.0 * min(stats.f.sf(ratio, *free), stats.f.cdf(ratio, *free)))
    outliers = NAN
    if first.n_outliers and second.n_outliers:
        total = first.n_outliers + second.n_outliers
        share = (first.outlier_ratio * first.n_outliers + second.outlier_ratio * second.n_outliers) / total
        spread = np.sqrt(share * (1 - share) * (1 / first.n_outliers + 1 / second.n_outliers))
        outliers = 2.0 * stats.norm.sf(abs(first.outlier_ratio - second.outlier_ratio) / spread) if spread > 0 else 1.0
    return Significance(float(plcc), float(rmse), float(outliers))


def telecom_entry(task: ScoredTask) -> dict[str, Any] | None:
    """The figures for the report, each with ``_low`` and ``_high``; None where there are none.

    Parameters
    ----------
    task : ScoredTask

    Examples
    --------
    >>> from calibration.core.ratings import Ratings
    >>> telecom_entry(ScoredTask.of(np.arange(3.0), Ratings(np.zeros((3, 2))))) is None
    True
    """
    found = telecom(task.scores, task.ratings.scale.from_unit(task.ratings.values), task.direction)
    if found is None:
        return None
    entry: dict[str, Any] = {"n": found.n, "n_outliers": found.n_outliers, "rmse_star": found.rmse_star}
    for name, field in _INTERVALS.items():
        interval = getattr(found, field)
        entry |= {name: getattr(found, name), f"{name}_low": interval.low, f"{name}_high": interval.high}
    return entry


def significance_entry(first: Mapping[str, Any] | None, second: Mapping[str, Any] | None) -> dict[str, float] | None:
    """`significance` of two entries of the report, by name; None where either is none."""
    if first is None or second is None:
        return None
    return significance(_of_entry(first), _of_entry(second))._asdict()


def _of_entry(entry: Mapping[str, Any]) -> Telecom:
    given: dict[str, Any] = {name: entry[name] for name in ("n", "n_outliers", "rmse_star", *_INTERVALS)}
    for name, field in _INTERVALS.items():
        given[field] = Interval(entry[f"{name}_low"], entry[f"{name}_high"])
    return Telecom(**given)


def _reach(rated: Array, known: Array, mos: Array, count: Array) -> Array:
    """Half of the 95 % interval of each item's mean rating; NaN for one rating, or for ratings that do not differ."""
    squares = (np.where(known, rated - mos[:, None], 0.0) ** 2).sum(axis=1)
    several = (count > 1) & (squares > 1e-12)
    freedom = np.maximum(count - 1, 1)
    half = stats.t.ppf((1 + CONFIDENCE) / 2, freedom) * np.sqrt(squares / freedom / count)
    return np.where(several, half, NAN)


def _fisher(r: float, n: int) -> Interval:
    if not np.isfinite(r) or n <= 3:
        return UNKNOWN
    z = np.arctanh(np.clip(r, -1 + 1e-15, 1 - 1e-15))
    half = stats.norm.ppf((1 + CONFIDENCE) / 2) / np.sqrt(n - 3)
    return Interval(float(np.tanh(z - half)), float(np.tanh(z + half)))
