"""Evaluators whose ratings deserve a look: unrelated to the others', against them, all the same, or copied.

Nobody is left out because of it; the report names them, and says with which figure.
"""

import warnings
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from calibration.comparison.correlation_tests import holm
from calibration.grades import Array, leave_one_out_scores
from calibration.intervals import group_codes, item_draws
from calibration.weighted import Order, correlation

SIGNIFICANCE = 0.05
LEAST_ITEMS = 20
_NOTICEABLE = 0.05  # among very many items even a dependence that nobody would notice is significant
_DRAWS = 200
_DRAWS_OF_MANY = 100  # with more than ten evaluators
_WEAK = 0.05  # a correlation of others that is not above this predicts nothing
_SPEARMAN = 1.03  # how much more Fisher's z of Spearman's correlation spreads than Pearson's (Fieller et al. 1957)
_ALMOST_ONE = 1 - 1e-9
_ROUNDING = 1e-9
_HARDLY = 0.2  # of the median of the others' correlations: less is hardly any relation, however sure it is


class Flag(NamedTuple):
    """What was noticed: the evaluators' columns and a sentence about them."""

    evaluators: tuple[int, ...]
    sentence: str


def screen(ratings: Array, names: list[str], seed: int = 0, groups: ArrayLike | None = None) -> list[Flag]:
    """Find evaluators to look at.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Any scale, NaN where missing.
    names : list of str
        The evaluators.
    seed : int
        Of the bootstrap behind the tests.
    groups : array_like, shape (items,), optional
        Which images belong together: whole groups are drawn.

    Returns
    -------
    list of Flag
        At most one false alarm in twenty studies for each of the last two kinds.

    Notes
    -----
    *All the same*: an evaluator gave one rating to 20 images or more, on which the means of the others differ.

    *Unrelated or against*: an evaluator's Spearman correlation with the mean of the others is not above 0 (one-sided, p
    of .05 or more), or is less than a fifth of the median of the others' own such correlations, and is lower than that
    median by more than chance has it (Fisher's z, Bonferroni over evaluators), on 20 items or more: where people agree
    little on few images, nobody can be told from the others. The fifth is for many images, among which one random
    evaluator in twenty would pass the first test by chance. Or it lies below 0 (one-sided, Holm's correction).

    *Dependent*: if one quality of the images were all that evaluators share, their correlations would be products,
    r_ij = l_i l_j, so that r_ij = r_ik r_jl / r_kl for any two others k, l. A pair is named where its correlation lies
    above the median of these predictions by more than chance has it (the difference over its bootstrap standard error,
    Student's t by the number of groups, Bonferroni over pairs) and by .05 or more. It takes four evaluators, and 20
    items that both rated.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> ratings = rng.normal(size=(200, 1)) + rng.normal(size=(200, 5))
    >>> ratings[:, 4] = rng.normal(size=200)
    >>> [flag.evaluators for flag in screen(ratings, list("abcde"))]
    [(4,)]
    """
    codes = None if groups is None else group_codes(groups, len(ratings))
    compared = _beside_the_others(ratings)
    return [
        *_all_the_same(compared, names),
        *_unrelated(compared, names, seed, codes),
        *_dependent(ratings, names, seed, codes),
    ]


class _Beside(NamedTuple):
    """One evaluator's ratings, and the others' mean, of the items (a mask) that somebody else rated too."""

    column: int
    items: NDArray[np.bool_]
    own: Array
    mean: Array


def _beside_the_others(ratings: Array) -> list[_Beside]:
    """Those with enough such items, on which the others' mean differs."""
    found = []
    for column, mean in enumerate(leave_one_out_scores(ratings).T):
        both = ~(np.isnan(ratings[:, column]) | np.isnan(mean))
        if both.sum() >= LEAST_ITEMS and np.ptp(mean[both]) > 0:
            found.append(_Beside(column, both, ratings[both, column], mean[both]))
    return found


def _all_the_same(compared: list[_Beside], names: list[str]) -> list[Flag]:
    words = "images the same rating, although the others' ratings of them differ."
    return [
        Flag((column,), f"{names[column]} gave {len(own)} {words}")
        for column, _, own, _ in compared
        if np.ptp(own) == 0
    ]


def _unrelated(compared: list[_Beside], names: list[str], seed: int, groups: NDArray[np.intp] | None) -> list[Flag]:
    found: list[tuple[int, float, float, float]] = []
    for column, items, own, mean in compared:
        if np.ptp(own) == 0:
            continue
        result = stats.spearmanr(own, mean, alternative="greater")
        rho, p, error = float(result.statistic), float(result.pvalue), _SPEARMAN / np.sqrt(len(own) - 3)
        if groups is not None:
            p, error = _grouped(own, mean, rho, groups[items], seed)
        found.append((column, rho, p, error))
    flags: list[Flag] = []
    against = holm(np.array([1.0 - p for _, _, p, _ in found]))
    limit = float(stats.norm.isf(SIGNIFICANCE / max(len(found), 1)))
    for place, ((column, rho, p, error), inverted) in enumerate(zip(found, against, strict=True)):
        usual = float(np.median([other for i, (_, other, _, _) in enumerate(found) if i != place] or [0.0]))
        behind = float(np.diff(np.arctanh(np.clip([rho, usual], -_ALMOST_ONE, _ALMOST_ONE)))[0])
        if inverted < SIGNIFICANCE:
            if len(names) == 2:
                one, other = names
                words = "rated against each other; perhaps one of them read the scale the other way round"
                return [Flag((0, 1), f"{one} and {other} {words} (Spearman {rho:.2f}).")]
            words = "rated against the others; perhaps the scale was read the other way round"
        elif (p >= SIGNIFICANCE or rho < _HARDLY * usual) and behind > limit * error:
            words = "rated with hardly any relation to the others"
        else:
            continue
        flags.append(Flag((column,), f"{names[column]} {words} (Spearman {rho:.2f} with their mean)."))
    return flags


def _grouped(own: Array, mean: Array, rho: float, groups: NDArray[np.intp], seed: int) -> tuple[float, float]:
    """The one-sided p of a rank correlation, and the standard error of its Fisher's z, when whole groups are drawn."""
    x, y = Order(own), Order(mean)
    codes = group_codes(groups, len(own))
    weights = np.concatenate(list(item_draws(codes, _DRAWS, _DRAWS, np.random.default_rng(seed % 2**63))))
    drawn = [correlation(x.ranks(weight), y.ranks(weight), weight) for weight in weights]
    error = float(np.nanstd(drawn)) if np.isfinite(drawn).any() else 0.0
    if error == 0:
        return (0.0 if rho > 0 else 1.0), 0.0
    return float(stats.norm.sf(rho / error)), error / max(1 - rho**2, 1 - _ALMOST_ONE)


def _dependent(ratings: Array, names: list[str], seed: int, groups: NDArray[np.intp] | None) -> list[Flag]:
    several = (~np.isnan(ratings)).sum(axis=1) > 1
    ratings = ratings[several]
    if len(ratings) < LEAST_ITEMS:
        return []
    rated = [column[~np.isnan(column)] for column in ratings.T]
    varied = np.flatnonzero([len(own) > 0 and np.ptp(own) > 0 for own in rated])
    if len(varied) < 4:
        return []
    correlations = _Correlations(ratings[:, varied])
    every = correlations.of(np.ones(len(ratings)))
    excess = _excess(every)
    rng = np.random.default_rng(seed % 2**63)
    codes = group_codes(None if groups is None else groups[several], len(ratings))
    number = int(codes.max()) + 1
    if number < 2:
        return []
    draws = _DRAWS if len(varied) <= 10 else _DRAWS_OF_MANY
    drawn = [_excess(correlations.of(weights[0])) for weights in item_draws(codes, draws, 1, rng)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # pairs that no others predict are nan
        errors = np.nanstd(drawn, axis=0)
    pairs = list(combinations(range(len(varied)), 2))
    # of few groups a standard error is rough, and a bootstrap's too small
    limit = float(stats.t.isf(SIGNIFICANCE / len(pairs), number - 1)) * np.sqrt(number / (number - 1))
    flags = []
    for i, j in pairs:
        if excess[i, j] > max(_NOTICEABLE, limit * errors[i, j]):
            a, b = int(varied[i]), int(varied[j])
            r = float(every[i, j])
            flags.append(
                Flag(
                    (a, b),
                    f"{names[a]} and {names[b]} rated more alike than the images explain (correlation {r:.2f}, where "
                    f"{r - excess[i, j]:.2f} is expected from how each goes with the others); they may not be "
                    "independent.",
                )
            )
    return flags


class _Correlations:
    """Pearson's r of every two evaluators on the items that both rated, for weighted items; nan for too few."""

    def __init__(self, ratings: Array):
        self._known = (~np.isnan(ratings)).astype(float)
        self._values = np.nan_to_num(ratings - np.nanmean(ratings, axis=0))
        self._enough = self._known.T @ self._known >= LEAST_ITEMS

    def of(self, weights: Array) -> Array:
        known, values = self._known, self._values
        heavy = weights[:, None] * values
        n, sums = (weights[:, None] * known).T @ known, heavy.T @ known
        squares, products = (heavy * values).T @ known, heavy.T @ values
        with np.errstate(invalid="ignore", divide="ignore"):
            spread = squares - sums**2 / n
            r = (products - sums * sums.T / n) / np.sqrt(spread * spread.T)
        return np.where(self._enough & (spread > _ROUNDING) & (spread.T > _ROUNDING), r, np.nan)


def _excess(correlations: Array) -> Array:
    """How far each correlation lies above the median of what the others predict for it; nan where nothing does."""
    count = len(correlations)
    found = np.full((count, count), np.nan)
    first, second = np.triu_indices(count, 1)
    usable = (correlations > _WEAK) & ~np.eye(count, dtype=bool)
    pairs = np.arange(len(first))
    known = np.repeat(usable[None], len(pairs), axis=0)
    for one in (first, second):
        known[pairs, one] = False
        known[pairs, :, one] = False
    predicted = correlations[first][:, :, None] * correlations[second][:, None, :]
    predicted /= np.where(usable, correlations, 1.0)
    ordered = np.sort(np.where(known, predicted, np.inf).reshape(len(pairs), -1), axis=1)
    number = known.sum(axis=(1, 2))
    with np.errstate(invalid="ignore"):
        middle = (ordered[pairs, np.maximum(number - 1, 0) // 2] + ordered[pairs, number // 2]) / 2
    found[first, second] = found[second, first] = np.where(number > 0, correlations[first, second] - middle, np.nan)
    return found
