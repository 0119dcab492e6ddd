"""The gate: is a candidate worse than a baseline, on the same prompts and seeds?

Three answers: worse, not worse, or that it cannot be told, and then how many images would tell.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from calibration.comparison.correlation_tests import benjamini_yekutieli
from calibration.core.grades import Array
from calibration.core.resampling import generator
from calibration.decision.sign_flips import Differences, SignFlips, sign_flips
from calibration.decision.slope import Slope
from metrics.errors import InputError
from metrics.known import Direction
from metrics.sets.paired_sets import PairedSets

LEAST_DROP = 0.15
"""Steps of people's scale: a smaller drop is not called one."""

LEAST_DEVIATIONS = 0.2
"""The least drop where there are no ratings, in standard deviations of the baseline's images."""

MOST_MISSING = 0.05
"""The share of pairs that may lack one of their two scores."""

ALPHA = 0.05
_ROUNDING = 1e-9  # of the least drop: .3 less .2 is a drop of .1, though not in floating point

Verdict = Literal["worse", "not worse", "cannot tell"]
Unit = Literal["rating steps", "the metric's units", "standard deviations"]


@dataclass(frozen=True)
class Drop:
    """The least drop that counts, and what it is counted in.

    Attributes
    ----------
    least : float
        Above 0.
    unit : {"rating steps", "the metric's units", "standard deviations"}
    """

    least: float
    unit: Unit


@dataclass(frozen=True)
class MetricGate:
    """One metric's answer.

    Attributes
    ----------
    metric : str
    verdict : {"worse", "not worse", "cannot tell"}
    flips : Differences
        Candidate minus baseline, the better end up, in the metric's units: sign flips of the pairs' differences, or the
        difference of two sets.
    low, high : float
        The 95 % interval of their mean.
    p, adjusted_p : float
        One-sided, for a drop; the second holds for all metrics of the gate, and for the choice of the baseline.
    drop : Drop
        What counts as one.
    estimate, estimate_low, estimate_high : float
        The mean difference and its 95 % interval in `drop`'s unit.
    missing : int
        Pairs that lack a score.
    images_to_find, images_to_clear : int
        Of the candidate, of more prompts with as many images each as now: so many would find a drop twice as large as
        the least one in 80 % of cases; so many would show in 80 % of cases that nothing dropped by the least one, where
        nothing did. More images of the same prompts tell less.
    worst : ndarray of int
        The ten pairs that dropped most, as places in what was given; none by a metric of sets.
    """

    metric: str
    verdict: Verdict
    flips: Differences
    low: float
    high: float
    p: float
    adjusted_p: float
    drop: Drop
    estimate: float
    estimate_low: float
    estimate_high: float
    missing: int
    images_to_find: int
    images_to_clear: int
    worst: NDArray[np.intp]


@dataclass(frozen=True)
class Gate:
    """The answer of all metrics.

    Attributes
    ----------
    verdict : {"worse", "not worse", "cannot tell"}
        The primary metric's where one was named. Else worse where any metric is, not worse where all are not.
    primary : str
        "" where none was named.
    metrics : tuple of MetricGate
    """

    verdict: Verdict
    primary: str
    metrics: tuple[MetricGate, ...]


@dataclass(frozen=True)
class Pairs:
    """One metric's scores of the same prompts and seeds by two checkpoints.

    Attributes
    ----------
    metric : str
    direction : {"higher", "lower"}
    candidate, baseline : array_like, shape (pairs,)
        NaN where a score is missing.
    prompts : array_like, shape (pairs,)
    least_drop : float, optional
        As the user states it, in the metric's units.
    slope : Slope, optional
        Of the metric on people.
    """

    metric: str
    direction: Direction
    candidate: ArrayLike
    baseline: ArrayLike
    prompts: ArrayLike
    least_drop: float | None = None
    slope: Slope | None = None


@dataclass(frozen=True)
class Sets:
    """Two checkpoints' distances from one reference set, such as FID or KID; lower is better.

    Attributes
    ----------
    metric : str
    found : PairedSets
        See `metrics.sets.paired_sets.paired_sets`, which refuses fewer than 50 images or 10 prompts.
    missing : int
        Pairs of images of which one could not be read.
    least_drop : float, optional
        As the user states it, in the metric's units.
    """

    metric: str
    found: PairedSets
    missing: int = 0
    least_drop: float | None = None


def gate(pairs: Sequence[Pairs | Sets], primary: str = "", seed: int = 0, chosen_among: int = 1) -> Gate:
    """Judge a candidate against a baseline.

    Parameters
    ----------
    pairs : sequence of Pairs or Sets
        One a metric; a least drop that is stated wins over people's points, and these over standard deviations.
    primary : str
        The metric that decides, named beforehand; its p-value needs no adjustment, and the other metrics' are adjusted
        among themselves.
    seed : int
        Of the flips where there are more than 13 prompts.
    chosen_among : int
        Of how many checkpoints the baseline was the best by the same scores; 1 where it was named. Chance helped the
        best of several, so each p-value is multiplied by their number (Bonferroni: a test against each of them).

    Returns
    -------
    Gate

    Raises
    ------
    InputError
        Where more than 5 % of the pairs lack a score, all differences are exactly 0, or the primary metric is not
        among those given.

    Notes
    -----
    A metric says *worse* where its adjusted p is below .05 and its estimate is at or below minus the least drop;
    *not worse* where its 95 % interval lies above minus the least drop; else it cannot tell. The p-values are those of
    sign flips of whole prompts, the intervals the same flips turned round, the adjustment is Benjamini and Yekutieli's,
    which holds however metrics depend on each other.

    A metric of sets has p from prompts that change sides and its interval from the jackknife over prompts. It has no
    score an image, so a standard deviation of the baseline's images is here the one that a mean with the same
    uncertainty would have: the standard error of the baseline's distance times the root of its images.

    References
    ----------
    Browne, R. H. (1995). On the use of a pilot sample for sample size determination. Statistics in Medicine 14.
    Guenther, W. C. (1981). Sample size formulas for normal theory t tests. The American Statistician 35.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> before = rng.normal(size=60)
    >>> worse = Pairs("mine", "higher", before - 0.8 + 0.5 * rng.normal(size=60), before, np.repeat(np.arange(30), 2))
    >>> gate([worse]).verdict
    'worse'
    """
    if primary and primary not in {each.metric for each in pairs}:
        names = ", ".join(each.metric for each in pairs)
        raise InputError(f"There is no metric '{primary}' here to decide; the metrics are {names}.")
    found = [_measured(each, seed) if isinstance(each, Pairs) else _of_sets(each) for each in pairs]
    others = [k for k, each in enumerate(found) if each.metric != primary]
    adjusted = np.minimum(chosen_among * np.array([each.p for each in found]), 1.0)
    adjusted[others] = benjamini_yekutieli(adjusted[others])
    judged = tuple(
        replace(each, adjusted_p=float(p), verdict=_verdict(each, float(p)))
        for each, p in zip(found, adjusted, strict=True)
    )
    return Gate(_together(judged, primary), primary, judged)


def _verdict(metric: MetricGate, p: float) -> Verdict:
    least = metric.drop.least * (1 - _ROUNDING)
    if p < ALPHA and metric.estimate <= -least:
        return "worse"
    return "not worse" if metric.estimate_low > -least else "cannot tell"


def _together(judged: Sequence[MetricGate], primary: str) -> Verdict:
    verdicts = [each.verdict for each in judged if not primary or each.metric == primary]
    if "worse" in verdicts:
        return "worse"
    return "not worse" if verdicts and all(verdict == "not worse" for verdict in verdicts) else "cannot tell"


def _measured(pairs: Pairs, seed: int) -> MetricGate:
    """All of a metric's answer but what depends on the other metrics."""
    sign = 1.0 if pairs.direction == "higher" else -1.0
    candidate = sign * np.asarray(pairs.candidate, dtype=float)
    baseline = sign * np.asarray(pairs.baseline, dtype=float)
    differences, prompts = candidate - baseline, np.asarray(pairs.prompts)
    known = np.isfinite(differences)
    missing = int((~known).sum())
    _refuse(pairs.metric, int(known.sum()), missing, is_same=not differences[known].any())
    flips = sign_flips(differences[known], prompts[known], seed)
    drop = _drop(pairs, baseline[known])
    scale = pairs.slope.value if drop.unit == "rating steps" and pairs.slope else 1.0
    if drop.unit == "standard deviations":
        scale = float(np.std(baseline[known], ddof=1))
    low, high = flips.interval()
    inside = _in_points(flips, pairs.slope, seed) if drop.unit == "rating steps" and pairs.slope else None
    estimate_low, estimate_high = inside or (low / scale, high / scale)
    order = np.flatnonzero(known)[np.argsort(differences[known], kind="stable")]
    worst = order[:10][differences[order[:10]] < 0]
    limits = (low, high), (estimate_low, estimate_high)
    return _unjudged(pairs.metric, flips, limits, flips.p_below(), drop, scale, missing, worst)


def _of_sets(sets: Sets) -> MetricGate:
    """The same of two sets' distances."""
    found = sets.found
    _refuse(sets.metric, found.images, sets.missing, is_same=found.difference == 0 and found.error == 0)
    flips = Differences(-found.difference, found.error * np.sqrt(found.prompts), found.prompts, found.images)
    scale, drop = 1.0, Drop(LEAST_DEVIATIONS, "standard deviations")
    if sets.least_drop is not None:
        drop = Drop(sets.least_drop, "the metric's units")
    else:
        scale = float(found.baseline_error * np.sqrt(found.images))
    low, high = -found.high, -found.low
    limits = (low, high), (low / scale, high / scale)
    return _unjudged(sets.metric, flips, limits, found.p, drop, scale, sets.missing, np.array([], dtype=np.intp))


def _refuse(metric: str, known: int, missing: int, is_same: bool) -> None:
    if not known or missing > MOST_MISSING * (known + missing):
        raise InputError(
            f"{metric}: {missing:,} of {known + missing:,} pairs lack a score, and the gate takes "
            f"{MOST_MISSING:.0%} at most, because what is missing may be what is bad; score the images that lack one."
        )
    if is_same:
        raise InputError(
            f"{metric}: candidate and baseline have the same score on all {known:,} pairs; these are the same images, "
            "or the metric cannot see what differs. Compare other checkpoints, or other seeds."
        )


def _unjudged(
    metric: str,
    flips: Differences,
    limits: tuple[tuple[float, float], tuple[float, float]],
    p: float,
    drop: Drop,
    scale: float,
    missing: int,
    worst: NDArray[np.intp],
) -> MetricGate:
    (low, high), (estimate_low, estimate_high) = limits
    spread, per_prompt = flips.deviation / scale, flips.pairs / flips.prompts
    # as few prompts know the spread itself badly, Student's t in place of the normal distribution (Browne, 1995)
    one_sided, two_sided, power = stats.t.ppf([0.95, 0.975, 0.8], max(flips.prompts - 1, 1))
    return MetricGate(
        metric=metric,
        verdict="cannot tell",
        flips=flips,
        low=low,
        high=high,
        p=p,
        adjusted_p=p,
        drop=drop,
        estimate=flips.mean / scale,
        estimate_low=estimate_low,
        estimate_high=estimate_high,
        missing=missing,
        images_to_find=_images(spread, min(2 / (one_sided + power), 1 / power) * drop.least, per_prompt),
        images_to_clear=_images(spread, drop.least / (two_sided + power), per_prompt),
        worst=worst,
    )


def _drop(pairs: Pairs, baseline: Array) -> Drop:
    if pairs.least_drop is not None:
        return Drop(pairs.least_drop, "the metric's units")
    if pairs.slope is not None and pairs.slope.is_clear:
        return Drop(LEAST_DROP, "rating steps")
    if len(baseline) < 2 or np.std(baseline) == 0:
        raise InputError(
            f"{pairs.metric}: the baseline's images all have the same score, so that no least drop follows from them; "
            f"state one with {_option(pairs.metric)}."
        )
    return Drop(LEAST_DEVIATIONS, "standard deviations")


def _option(metric: str) -> str:
    return f"--least-drop {metric}=VALUE"


def _in_points(flips: SignFlips, slope: Slope, seed: int) -> tuple[float, float]:
    """The 95 % interval of the difference in steps of people's scale, with the slope's own uncertainty."""
    if not np.isfinite(flips.interval()).all():
        return -np.inf, np.inf
    slopes = slope.draws[np.isfinite(slope.draws) & (slope.draws > 0)]
    rng = generator(seed)
    means = rng.choice(flips.subset_means, size=max(10_000, len(slopes)))
    low, high = np.quantile(means / rng.choice(slopes, size=len(means)), [0.025, 0.975])
    return float(low), float(high)


def _images(spread: float, error: float, per_prompt: float) -> int:
    """How many images bring the standard error down to `error`; -1 where one prompt does not tell the spread.

    Two prompts more than the normal distribution asks for make up for their own few (Guenther, 1981).
    """
    return int(np.ceil(np.ceil((spread / error) ** 2 + 2) * per_prompt)) if np.isfinite(spread) else -1
