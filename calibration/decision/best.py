"""Which checkpoint is the best: first the set that may be, then the winner with a value that is not too good.

The best of several noisy means is too high by what chance gave it, and its interval holds too rarely. So the set comes
first (multiple comparisons with the best), and the winner is valued on prompts that did not choose it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

from calibration.core.grades import Array
from calibration.core.resampling import RESAMPLING, Resampling, crossed_draws

CONFIDENCE = 0.95
SPLITS = 100
FEWEST_PROMPTS = 5
_TIE = 1e-12
_FEW_PROMPTS = 20
_POWER = 0.8416  # the quantile .80 of the normal distribution


@dataclass(frozen=True)
class Part:
    """A mean that is estimated by summing over prompts, for each checkpoint.

    Attributes
    ----------
    sums, counts : ndarray, shape (evaluators, prompts, checkpoints)
        Of the values, and how many there are; one evaluator for what a metric gives.
    """

    sums: Array
    counts: Array

    def of_prompts(self, chosen: ArrayLike) -> "Part":
        """The same of some prompts."""
        places = np.asarray(chosen)
        return Part(self.sums[:, places], self.counts[:, places])

    def means(self, prompts: Array, evaluators: Array | None = None) -> Array:
        """The checkpoints' means under weights of prompts, (draws, prompts), and of evaluators, (draws, evaluators)."""
        size = self.sums.shape[0]
        weights = np.ones((len(prompts), size)) if evaluators is None or size == 1 else evaluators
        total, count = np.zeros((2, len(prompts), self.sums.shape[2]))
        for who in range(size):
            total += weights[:, [who]] * (prompts @ self.sums[who])
            count += weights[:, [who]] * (prompts @ self.counts[who])
        return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


@dataclass(frozen=True)
class Best:
    """The best of several checkpoints, better values up.

    Attributes
    ----------
    means, low, high : ndarray, shape (checkpoints,)
        Their estimates, each with its own 95 % interval.
    may_be_best : tuple of int
        The set that holds the best with 95 % confidence, in the order given.
    winner : int
        The highest mean; of equal ones the first.
    value, value_low, value_high : float
        The winner's value from prompts that did not choose it, and its 95 % interval.
    chance : ndarray, shape (checkpoints,)
        How often each came out best when prompts were drawn anew; a picture, no probability of being best.
    prompts : int
        How many the figures rest on.
    prompts_to_tell : dict of float to int
        How many prompts would tell checkpoints apart that differ by so much in 80 % of cases.
    together : ndarray, shape (checkpoints,)
        Half the widths of intervals around `means` that hold all of them at once in 95 % of cases.
    """

    means: Array
    low: Array
    high: Array
    may_be_best: tuple[int, ...]
    winner: int
    value: float
    value_low: float
    value_high: float
    chance: Array
    prompts: int
    prompts_to_tell: dict[float, int]
    together: Array


def best_checkpoint(
    parts: Sequence[Part], differences: Sequence[float] = (), resampling: Resampling = RESAMPLING
) -> Best:
    """Find the checkpoints that may be the best.

    Parameters
    ----------
    parts : sequence of Part
        The value of a checkpoint is the sum of their means: one for a metric or for people; for both together the
        metric's prediction over all images, and people's residual on the images that they rated.
    differences : sequence of float
        For which `Best.prompts_to_tell` is worked out.
    resampling : Resampling
        Of the bootstrap of prompts, and of evaluators where there are several.

    Returns
    -------
    Best

    Raises
    ------
    ValueError
        For fewer than two checkpoints or five prompts, or a checkpoint without any value.

    Notes
    -----
    A checkpoint k leaves the set where some j is better by more than c_k standard errors of their difference; c_k is
    the 95 % quantile, over draws, of the largest of the standardised differences j - k minus what was found (Hsu's
    comparisons with the best; max-t by bootstrap). All checkpoints are drawn together, so that what they share cancels.

    With few prompts a bootstrap's standard errors are too small and its quantiles too near: of 5 prompts such a set
    holds the best in 81 % only. So the standard errors are the jackknife's over prompts, with those over evaluators
    added where there are several; c_k, as the normal distribution has it, is exchanged for Student's t of the same
    probability, with Satterthwaite's degrees of freedom; and with fewer than 20 prompts, whose draws have too few
    directions for many checkpoints, c_k is at least Dunnett's.

    The winner's value is the mean over 100 splits of the prompts in two halves: one chooses, the other values. Its
    interval is as wide as the winner's own. A winner that is .3 better than nine others is valued .06 too low, because
    half of 20 prompts choose it less often than all do; five folds in place of halves take that away, and their
    interval holds less often (tests/benchmarks/bench_decision.py has the coverage of halves).

    References
    ----------
    Dunnett, C. W. (1955). A multiple comparison procedure for comparing several treatments with a control. JASA 50.
    Hsu, J. C. (1996). Multiple Comparisons, chapter 4.
    Satterthwaite, F. E. (1946). An approximate distribution of estimates of variance components.
    Romano, J. P. & Wolf, M. (2005). Stepwise multiple testing as formalized data snooping. Econometrica 73.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> values = rng.normal(size=(40, 1)) + 0.6 * rng.normal(size=(40, 3)) + np.array([0.0, 0.6, 0.9])
    >>> found = best_checkpoint([part_of(values)], resampling=Resampling(500))
    >>> found.winner, found.may_be_best
    (1, (1, 2))
    """
    _, prompts, checkpoints = parts[0].sums.shape
    if checkpoints < 2 or prompts < FEWEST_PROMPTS:
        raise ValueError("the best is found among two or more checkpoints, on five or more prompts")
    means = _values(parts, np.ones((1, prompts)))[0]
    if np.isnan(means).any():
        raise ValueError("a checkpoint has no value")
    drawn = _draws(parts, resampling)
    winner = int(np.flatnonzero(means >= means.max() - _TIE)[0])
    left_out = _left_out(parts)
    half = own_half_width(parts)
    keep, widest = _may_be_best(means, drawn, left_out)
    value = _cross_fitted(parts, resampling.seed)
    chance = np.bincount(np.nanargmax(drawn, axis=1), minlength=checkpoints) / len(drawn)
    tell = {float(d): int(np.ceil(prompts * (widest / d) ** 2)) for d in differences}
    return Best(
        means,
        means - half,
        means + half,
        keep,
        winner,
        value,
        value - float(half[winner]),
        value + float(half[winner]),
        chance,
        prompts,
        tell,
        _together(means, drawn, left_out),
    )


def part_of(values: ArrayLike) -> Part:
    """A part of one value for each prompt and checkpoint, NaN where missing; shape (prompts, checkpoints)."""
    table = np.asarray(values, dtype=float)
    known = ~np.isnan(table)
    return Part(np.where(known, table, 0.0)[None], known.astype(float)[None])


def own_half_width(parts: Sequence[Part]) -> Array:
    """Half the width of each checkpoint's own 95 % interval, as `Best.low` and `Best.high` have it.

    Parameters
    ----------
    parts : sequence of Part
        As `best_checkpoint` takes them; one checkpoint is enough.

    Returns
    -------
    ndarray, shape (checkpoints,)
        From the jackknife over prompts, and over evaluators where there are several, and Student's t.

    Examples
    --------
    >>> own_half_width([part_of([[1.0], [2.0], [3.0], [4.0], [5.0]])]).round(3).tolist()
    [1.963]
    """
    return _half_width(*_uncertainty(_left_out(parts)))


def _values(parts: Sequence[Part], prompts: Array, evaluators: Array | None = None) -> Array:
    return np.sum([part.means(prompts, evaluators) for part in parts], axis=0)


def _draws(parts: Sequence[Part], resampling: Resampling) -> Array:
    """The checkpoints' values with prompts, and evaluators where there are several, drawn anew."""
    prompts, people = parts[0].sums.shape[1], max(part.sums.shape[0] for part in parts)
    both = crossed_draws(prompts, people, resampling)
    return both.figures(lambda weights: _values(parts, weights[:, :prompts], weights[:, prompts:]))


def _left_out(parts: Sequence[Part]) -> list[Array]:
    """The values without each prompt and, where there are several evaluators, without each of them."""
    prompts, people = parts[0].sums.shape[1], max(part.sums.shape[0] for part in parts)
    found = [_values(parts, 1 - np.eye(prompts))]
    return found if people == 1 else [*found, _values(parts, np.ones((people, prompts)), 1 - np.eye(people))]


def _uncertainty(left_out: Sequence[Array]) -> tuple[Array, Array]:
    """Standard errors by the jackknife, and their degrees of freedom."""
    total, squares = np.zeros((2, left_out[0].shape[1]))
    for values in left_out:
        known = (~np.isnan(values)).sum(axis=0)
        variance = (known - 1) / known * np.nansum((values - np.nanmean(values, axis=0)) ** 2, axis=0)
        total, squares = total + variance, squares + variance**2 / (known - 1)
    freedom = np.divide(total**2, squares, out=np.full_like(total, len(left_out[0]) - 1.0), where=squares > 0)
    return np.sqrt(total), freedom


def _half_width(error: Array, freedom: Array, critical: float = stats.norm.ppf((1 + CONFIDENCE) / 2)) -> Array:
    """The critical value of the normal distribution, as Student's t has it, times the error."""
    return np.asarray(error * stats.t.isf(stats.norm.sf(critical), freedom))


def _may_be_best(means: Array, drawn: Array, left_out: Sequence[Array]) -> tuple[tuple[int, ...], float]:
    """The set, and the largest difference (in units of the values) that it tells from 0 in 80 % of cases."""
    kept, widest = [], 0.0
    for k in range(len(means)):
        others = np.delete(np.arange(len(means)), k)
        ahead = means[others] - means[k]
        error, freedom = _uncertainty([values[:, others] - values[:, [k]] for values in left_out])
        critical = max(_quantile_of_largest(drawn[:, others] - drawn[:, [k]] - ahead), 0.0)
        if len(left_out[0]) < _FEW_PROMPTS:
            critical = max(critical, _dunnett(len(others)))
        widest = max(widest, (critical + _POWER) * float(error.max()))
        if (ahead <= _half_width(error, freedom, critical) + _TIE).all():
            kept.append(k)
    return tuple(kept), widest


@cache
def _dunnett(others: int) -> float:
    """The 95 % quantile of the largest of so many differences from one, all equally sure (Dunnett, 1955)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)

    def beyond(value: float) -> float:
        inside = stats.norm.cdf(np.sqrt(2) * value + nodes) ** others
        return float(inside @ weights / weights.sum()) - CONFIDENCE

    return float(optimize.brentq(beyond, 0.0, 10.0))


def _together(means: Array, drawn: Array, left_out: Sequence[Array]) -> Array:
    """Half widths of simultaneous intervals of the means themselves."""
    return _half_width(*_uncertainty(left_out), _quantile_of_largest(np.abs(drawn - means)))


def _quantile_of_largest(noise: Array) -> float:
    """The 95 % quantile over draws of the largest value, each in its own standard deviations about 0."""
    error = np.sqrt(np.nanmean(noise**2, axis=0))
    surest = np.max(np.divide(noise, error, out=np.zeros_like(noise), where=error > _TIE), axis=1)
    return float(np.nanquantile(surest, CONFIDENCE))


def _cross_fitted(parts: Sequence[Part], seed: int) -> float:
    """The winner's value on prompts that did not choose it, over many splits."""
    rng = np.random.default_rng([seed % 2**63, 1])
    prompts = parts[0].sums.shape[1]
    halves = np.zeros((SPLITS, prompts))
    for half in halves:
        half[rng.permutation(prompts)[: prompts // 2]] = 1
    choose = np.concatenate([halves, 1 - halves])
    first, second = _values(parts, choose), _values(parts, 1 - choose)
    known = np.flatnonzero(np.isfinite(first).any(axis=1))
    return float(np.nanmean(second[known, np.nanargmax(first[known], axis=1)]))
