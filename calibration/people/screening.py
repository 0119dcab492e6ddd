"""Evaluators whose ratings deserve a look: unrelated to the others', against them, all the same, in runs, or copied.

Nobody is left out because of it; the report names them, and says with which figure.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from calibration.comparison.correlation_tests import holm
from calibration.core.grades import Array, leave_one_out_scores
from calibration.core.intervals import group_codes
from calibration.core.resampling import Resampling, count_draws
from calibration.core.weighted import Order, correlation
from calibration.notes import Named
from calibration.people.answer_order import OrderFinding, answers_in_order
from calibration.people.dependence import Pair, dependent_pairs

SIGNIFICANCE = 0.05
LEAST_ITEMS = 20
LEAST_ITEMS_AT_AN_END = 60
_RARE = 1 / 3
# how often fair studies may name somebody, shared out so that all kinds together keep to SIGNIFICANCE
_UNRELATED, _AGAINST, _DEPENDENT, _IN_ORDER = 0.01, 0.005, 0.02, 0.01
_DRAWS = 200
_SPEARMAN = 1.03  # how much more Fisher's z of Spearman's correlation spreads than Pearson's (Fieller et al. 1957)
_ALMOST_ONE = 1 - 1e-9
_ROUNDING = 1e-9
_HARDLY = 0.2  # of the median of the others' correlations: less is hardly any relation, however sure it is


class Flag(NamedTuple):
    """What was noticed: the evaluators' columns and a note about them, which names the first of them."""

    evaluators: tuple[int, ...]
    note: Named

    @property
    def sentence(self) -> str:
        """The note's words."""
        return str(self.note)


def screen(
    ratings: Array,
    names: list[str],
    seed: int = 0,
    groups: ArrayLike | None = None,
    order: Array | None = None,
) -> list[Flag]:
    """Find evaluators to look at.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Any scale, NaN where missing.
    names : list of str
        The evaluators.
    seed : int
        Of the bootstrap and the permutations behind the tests.
    groups : array_like, shape (items,), optional
        Which images belong together: whole groups are drawn.
    order : ndarray, shape (items, evaluators), optional
        Where in their own order each evaluator rated each item, as `calibration.people.answer_order.rating_order` finds
        it; without it nobody's order is looked at.

    Returns
    -------
    list of Flag
        Of fair studies at most one in twenty has any; tests/benchmarks/bench_screening.py measures it.

    Notes
    -----
    The *others' mean* of an image is taken after each evaluator's own mean was taken off, so that it does not depend on
    how strict those are who rated the image.

    *All the same*: an evaluator gave one rating to 20 images or more, on which the means of the others differ; to 60 or
    more if it is the highest or lowest rating of all, which somebody lenient or strict gives honestly to most images.

    *Unrelated or against*: an evaluator's Spearman correlation with the mean of the others is not above 0 (one-sided, p
    of .05 or more), or is less than a fifth of the median of the others' own such correlations, and is lower than that
    median by more than chance and the differences among the others have it (Fisher's z, Bonferroni over evaluators), on
    20 items or more: where people agree little on few images, nobody can be told from the others. The fifth is for many
    images, among which one random evaluator in twenty would pass the first test by chance. Or it lies below 0
    (one-sided, Holm's correction).

    *In an order*: `calibration.people.answer_order.answers_in_order`. *Dependent*:
    `calibration.people.dependence.dependent_pairs`. What has no value is no finding.

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
    in_order = [] if order is None else answers_in_order(ratings, order, _IN_ORDER, seed)
    return [
        *_all_the_same(compared, names, ratings),
        *_unrelated(compared, names, seed, codes),
        *(Flag((each.evaluator,), _in_order(each, names[each.evaluator])) for each in in_order),
        *(
            Flag((pair.first, pair.second), _dependent(pair, names))
            for pair in dependent_pairs(ratings, codes, _DEPENDENT, seed)
        ),
    ]


class _Beside(NamedTuple):
    """One evaluator's ratings, and the others' mean, of the items (a mask) that somebody else rated too."""

    column: int
    items: NDArray[np.bool_]
    own: Array
    mean: Array


def _beside_the_others(ratings: Array) -> list[_Beside]:
    """Those with enough such items, on which the others' mean differs."""
    rated = ~np.isnan(ratings)
    sums = np.where(rated, ratings, 0.0).sum(axis=0)
    found = []
    for column, mean in enumerate(leave_one_out_scores(ratings - sums / np.maximum(rated.sum(axis=0), 1)).T):
        both = rated[:, column] & ~np.isnan(mean)
        if both.sum() >= LEAST_ITEMS and np.ptp(mean[both]) > _ROUNDING:
            found.append(_Beside(column, both, ratings[both, column], mean[both]))
    return found


def _all_the_same(compared: list[_Beside], names: list[str], ratings: Array) -> list[Flag]:
    words = "images the same rating, although the others' ratings of them differ."
    known = ratings[~np.isnan(ratings)]
    return [
        Flag((column,), Named("", names[column], f" gave {len(own)} {words}"))
        for column, _, own, _ in compared
        if np.ptp(own) == 0 and (known.min() < own[0] < known.max() or _is_rare_end(own, ratings, column))
    ]


def _is_rare_end(own: Array, ratings: Array, column: int) -> bool:
    """Whether many images got an end of the scale from one person that the others give to fewer than a third.

    Where most ratings are fives anyway, one who is a little more lenient gives nothing else and sees as much.
    """
    others = np.delete(ratings, column, axis=1)
    given = others[~np.isnan(others)]
    return len(own) >= LEAST_ITEMS_AT_AN_END and float((given == own[0]).mean()) < _RARE


class _Relation(NamedTuple):
    """An evaluator's Spearman correlation with the others' mean, p of being above 0, Fisher's z and its error."""

    column: int
    rho: float
    p: float
    z: float
    error: float
    freedom: float


def _unrelated(compared: list[_Beside], names: list[str], seed: int, groups: NDArray[np.intp] | None) -> list[Flag]:
    found = [_relation(each, seed, groups) for each in compared if np.ptp(each.own) > 0]
    found = [each for each in found if np.isfinite([each.rho, each.p, each.error]).all()]
    flags: list[Flag] = []
    against = holm(np.array([1.0 - each.p for each in found]))
    z, errors = np.array([each.z for each in found]), np.array([each.error for each in found])
    for place, (column, rho, p, own, error, freedom) in enumerate(found):
        others = np.delete(z, place)
        if against[place] < _AGAINST and rho < 0:
            if len(names) == 2:
                one, other = names
                words = "rated against each other; perhaps one of them read the scale the other way round"
                return [Flag((0, 1), Named("", one, f" and {other} {words} (Spearman {rho:.2f})."))]
            words = "rated against the others; perhaps the scale was read the other way round"
        elif (
            len(others)
            and (p >= SIGNIFICANCE or rho < _HARDLY * np.tanh(np.median(others)))
            and np.median(others) - own
            > stats.t.isf(_UNRELATED / len(found), freedom)
            * np.hypot(error, _differences(others, np.delete(errors, place)))
        ):
            words = "rated with hardly any relation to the others"
        else:
            continue
        flags.append(Flag((column,), Named("", names[column], f" {words} (Spearman {rho:.2f} with their mean).")))
    return flags


def _differences(others: Array, errors: Array) -> float:
    """How much honest evaluators differ beyond chance, as a standard deviation.

    From the middle ones of the others, whom no outlier moves, and, as if from four evaluators more, from experience:
    with people who differ in exactness by a quarter and in how far they spread their answers by a fifth, it is about
    a quarter of the median.
    """
    low, middle, high = np.quantile(others, [0.25, 0.5, 0.75])
    found = max(((high - low) / 1.349) ** 2 - float(np.median(errors)) ** 2, 0.0)
    return float(np.sqrt((len(others) * found + 4 * (0.25 * middle) ** 2) / (len(others) + 4)))


def _relation(beside: _Beside, seed: int, groups: NDArray[np.intp] | None) -> _Relation:
    column, items, own, mean = beside
    result = stats.spearmanr(own, mean, alternative="greater")
    rho, p = float(result.statistic), float(result.pvalue)
    error, freedom = _SPEARMAN / np.sqrt(len(own) - 3), float(len(own) - 3)
    if groups is not None:
        p, error, freedom = _grouped(own, mean, rho, groups[items], seed)
    return _Relation(column, rho, p, float(np.arctanh(np.clip(rho, -_ALMOST_ONE, _ALMOST_ONE))), error, freedom)


def _grouped(own: Array, mean: Array, rho: float, groups: NDArray[np.intp], seed: int) -> tuple[float, float, float]:
    """The one-sided p of a rank correlation, the standard error of its Fisher's z, and degrees of freedom, when whole
    groups are drawn; nan where one group is all there is.
    """
    codes = group_codes(groups, len(own))
    number = int(codes.max()) + 1
    if number < 2:
        return np.nan, np.nan, np.nan
    x, y = Order(own), Order(mean)

    def correlations(counts: Array) -> Array:
        return np.array([correlation(x.ranks(weight), y.ranks(weight), weight) for weight in counts[:, codes]])

    drawn = count_draws(np.ones(number), Resampling(_DRAWS, seed)).figures(correlations)
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return np.nan, np.nan, np.nan
    # of few groups a standard error is rough, and a bootstrap's too small
    error = float(np.std(drawn)) * np.sqrt(number / (number - 1))
    if error < _ROUNDING:
        return (1 - np.sign(rho)) / 2, 0.0, float(number - 1)
    p = float(stats.t.sf(rho / error, number - 1))
    return p, error / max(1 - rho**2, 1 - _ALMOST_ONE), float(number - 1)


def _in_order(found: OrderFinding, name: str) -> Named:
    p = f"p = {found.p:.4f} for all evaluators together"
    if found.kind == "runs":
        return Named(
            "",
            name,
            f" gave long runs of one answer, the longest of {found.longest}: in the order of rating, an answer "
            f"stands in a run of {found.observed:.1f} on average, where {found.expected:.1f} is expected of the same "
            f"answers to images that the others rated like these ({found.answers} images, {p}).",
        )
    return Named(
        "",
        name,
        f" answered in a pattern: in the order of rating, {found.observed:.0%} of the answers repeat the one "
        f"{found.period} before but not the one just before, where {found.expected:.0%} are expected of the same "
        f"answers to images that the others rated like these ({found.answers} images, {p}).",
    )


def _dependent(pair: Pair, names: list[str]) -> Named:
    a, b = names[pair.first], names[pair.second]
    equal = ""
    if np.isfinite(pair.equal) and np.isfinite(pair.expected_equal):
        equal = f"; {pair.equal:.0%} of these ratings are equal, where {pair.expected_equal:.0%} are expected"
    p = "p < .0001" if pair.p < 1e-4 else f"p = {pair.p:.4f}"
    instead = ""
    if pair.instead:
        c, d = (names[place] for place in pair.instead)
        instead = f" Among four evaluators it can also be {c} and {d} who are not."
    return Named(
        "",
        a,
        f" and {b} rated more alike than the images explain (correlation {pair.correlation:.2f}, where "
        f"{pair.expected:.2f} is expected from how each goes with the others, on {pair.common} images that both "
        f"rated{equal}; {p} for {pair.tested} pairs); they may not be independent, or share a taste that the others do "
        f"not have.{instead}",
    )
