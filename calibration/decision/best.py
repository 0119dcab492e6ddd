"""Which checkpoint is the best: first the set that may be, then the winner with a value that is not too good.

The best of several noisy means is too high by what chance gave it, and its interval holds too rarely. So the set comes
first (multiple comparisons with the best), and the winner's value comes from prompts that did not choose.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from calibration.core.grades import Array
from calibration.core.resampling import RESAMPLING, Resampling, crossed_draws
from calibration.decision.parts import LeftOut, half_width, people_of, values
from calibration.decision.parts import Part as Part
from calibration.decision.parts import part_of as part_of

CONFIDENCE = 0.95
FOLDS, REPEATS = 5, 20
FEWEST_PROMPTS = 5
NEVER = -1
"""In the place of a number of prompts: with these people no number would do."""

_TIE = 1e-12  # of the values: sums of the same numbers in another order are the same
_FEW_PROMPTS = 20
_TWO_SIDED, _POWER = float(stats.norm.ppf(0.975)), float(stats.norm.ppf(0.8))
_MOST_PROMPTS = 10_000_000


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
        What the highest mean is worth without what chance added to it by being chosen, and its 95 % interval.
    chance : ndarray, shape (checkpoints,)
        How often each came out best when prompts were drawn anew; a picture, no probability of being best.
    prompts : int
        How many the figures rest on.
    prompts_to_tell : dict of float to int
        How many prompts, rated by these people where people rated, would tell checkpoints apart that differ by so much
        in 80 % of cases; `NEVER` where people prefer different ones, as an F test tells, too much for any number.
    together : ndarray, shape (checkpoints,)
        Half the widths of intervals around `means` that hold all of them at once in 95 % of cases.
    people : int
        How many evaluators the figures rest on; 1 by a metric.
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
    people: int = 1


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

    The winner's value is cross-fitted over prompts: four fifths of them choose, the last fifth values what they chose,
    over 20 ways of dealing them into fifths. Where all choose the same checkpoint, it is the mean of that one. Such a
    value is a little low where another one is chosen now and then, and the plain mean is too high, so the interval
    reaches from the one less half of the winner's own interval to the higher of the two plus half of it. Two halves in
    place of fifths vary less among equal checkpoints, are .06 too low where one of ten is .3 better, and their interval
    held in 92.6 % there (tests/benchmarks/bench_decision.py has the coverage).

    With several people the prompts that would tell are those with the same people: what these prefer does not fall with
    prompts. Its part of the variance over people is what is left without the two-way residual, over all differences.

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
    means = values(parts, np.ones((1, prompts)))[0]
    if np.isnan(means).any():
        raise ValueError("a checkpoint has no value, or none that can be compared with the others'")
    drawn = _draws(parts, resampling)
    winner = int(np.flatnonzero(is_tied(means, parts))[0])
    left_out = LeftOut.of(parts)
    half = half_width(*left_out.uncertainty(), _TWO_SIDED)
    tests = [_Test.of(k, means, drawn, left_out) for k in range(checkpoints)]
    value = _cross_fitted(parts, resampling.seed)
    best_of = np.nanargmax(drawn[np.isfinite(drawn).any(axis=1)], axis=1)
    return Best(
        means,
        means - half,
        means + half,
        tuple(k for k, test in enumerate(tests) if test.keeps(_TIE * np.abs(means).max())),
        winner,
        value,
        value - float(half[winner]),
        max(value, float(means[winner])) + float(half[winner]),
        np.bincount(best_of, minlength=checkpoints) / len(best_of),
        prompts,
        {float(least): _prompts_to_tell(tests, float(least), prompts) for least in differences},
        _together(means, drawn, left_out),
        people_of(parts),
    )


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
    return half_width(*LeftOut.of(parts).uncertainty(), _TWO_SIDED)


def is_tied(means: Array, parts: Sequence[Part] = ()) -> NDArray[np.bool_]:
    """Which means are the highest, up to the rounding of sums of so large values."""
    size = max([float(np.abs(means).max()), *(float(np.abs(part.sums).max()) for part in parts)])
    return np.asarray(means >= means.max() - _TIE * size)


def _draws(parts: Sequence[Part], resampling: Resampling) -> Array:
    """The checkpoints' values with prompts, and evaluators where there are several, drawn anew."""
    _, prompts, checkpoints = parts[0].sums.shape
    both = crossed_draws(prompts, people_of(parts), resampling)
    return both.figures(
        lambda weights: values(parts, weights[:, :prompts], weights[:, prompts:]), numbers=max(16, 4 * checkpoints)
    )


@dataclass(frozen=True)
class _Test:
    """Is some other checkpoint better than this one?

    Attributes
    ----------
    ahead : ndarray, shape (checkpoints - 1,)
        By how much each of the others is.
    less : LeftOut
        Of these differences.
    critical : float
        How many standard errors tell, in the normal distribution.
    """

    ahead: Array
    less: LeftOut
    critical: float

    @staticmethod
    def of(k: int, means: Array, drawn: Array, left_out: LeftOut) -> "_Test":
        others = np.delete(np.arange(len(means)), k)
        ahead = means[others] - means[k]
        critical = max(_quantile_of_largest(drawn[:, others] - drawn[:, [k]] - ahead), 0.0)
        if len(left_out.of_prompts) < _FEW_PROMPTS:
            critical = max(critical, _dunnett(len(others)))
        return _Test(ahead, left_out.less(list(others), k), critical)

    def keeps(self, rounding: float) -> bool:
        """Whether none is told to be better."""
        return bool((self.ahead <= half_width(*self.less.uncertainty(), self.critical) + rounding).all())

    def tells(self, prompts: float, tastes: float) -> float:
        """The largest difference that so many prompts tell from 0 in 80 % of cases."""
        error, freedom = self.less.uncertainty(prompts, tastes)
        return float((half_width(error, freedom, self.critical) + _POWER * error).max())


def _prompts_to_tell(tests: Sequence[_Test], least: float, prompts: int) -> int:
    """So many that each checkpoint is told from one that is better by the least difference in 80 % of cases."""
    tastes, are_told = _tastes(tests, prompts)
    found = _enough(tests, least, tastes)
    return found if found != NEVER or are_told else _enough(tests, least, 0.0)


def _tastes(tests: Sequence[_Test], prompts: int) -> tuple[float, bool]:
    """The variance of a difference by what these people prefer, and whether it is told from none (F test)."""
    of_people = tests[0].less.of_people
    if of_people is None:
        return 0.0, False
    by_people = float(np.mean([test.less.by_people for test in tests]))
    noise = float(np.mean([test.less.noise for test in tests]))
    freedom = (len(of_people) - 1) * (len(tests) - 1)
    is_told = by_people > noise * float(stats.f.ppf(CONFIDENCE, freedom, freedom * (prompts - 1)))
    return max(by_people - noise, 0.0), is_told


def _enough(tests: Sequence[_Test], least: float, tastes: float) -> int:
    def beyond(log: float) -> float:
        return max(test.tells(float(np.exp(log)), tastes) for test in tests) - least

    few, many = np.log(FEWEST_PROMPTS), np.log(_MOST_PROMPTS)
    if beyond(few) <= 0:
        return FEWEST_PROMPTS
    if beyond(many) > 0:
        return NEVER
    return int(np.ceil(np.exp(optimize.brentq(beyond, few, many, xtol=1e-6))))


@cache
def _dunnett(others: int) -> float:
    """The 95 % quantile of the largest of so many differences from one, all equally sure (Dunnett, 1955)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)

    def beyond(value: float) -> float:
        inside = stats.norm.cdf(np.sqrt(2) * value + nodes) ** others
        return float(inside @ weights / weights.sum()) - CONFIDENCE

    return float(optimize.brentq(beyond, 0.0, 10.0))


def _together(means: Array, drawn: Array, left_out: LeftOut) -> Array:
    """Half widths of simultaneous intervals of the means themselves."""
    return half_width(*left_out.uncertainty(), _quantile_of_largest(np.abs(drawn - means)))


def _quantile_of_largest(noise: Array) -> float:
    """The 95 % quantile over draws of the largest value, each in its own standard deviations about 0."""
    error = np.sqrt(np.nanmean(noise**2, axis=0))
    is_noise = error > _TIE * np.nanmax(np.abs(noise), initial=0.0)
    surest = np.max(np.divide(noise, error, out=np.zeros_like(noise), where=is_noise), axis=1)
    return float(np.nanquantile(surest, CONFIDENCE))


def _cross_fitted(parts: Sequence[Part], seed: int) -> float:
    """What the fifth of the prompts that did not choose makes of what the others chose, over many ways to deal them."""
    rng = np.random.default_rng([seed % 2**63, 1])
    prompts = parts[0].sums.shape[1]
    folds = np.zeros((REPEATS, FOLDS, prompts))
    for repeat in folds:
        repeat[np.arange(prompts) % FOLDS, rng.permutation(prompts)] = 1
    held = folds.reshape(-1, prompts)
    chosen, valued = values(parts, 1 - held), values(parts, held)
    known = np.flatnonzero(np.isfinite(chosen).any(axis=1))
    found, weight = valued[known, np.nanargmax(chosen[known], axis=1)], held[known].sum(axis=1)
    is_there = np.isfinite(found)
    return float(np.average(found[is_there], weights=weight[is_there])) if is_there.any() else float("nan")
