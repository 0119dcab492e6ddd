"""Pairs of evaluators who answer more alike than the images and their own ways of rating explain."""

import warnings
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from calibration.comparison.correlation_tests import holm
from calibration.core.grades import Array
from calibration.core.resampling import generator
from calibration.people.graded_response import (
    GradedResponse,
    Levels,
    fit,
    indicators_of,
    levels_of,
    nodes_for,
)

FEWEST_PEOPLE = 4
LEAST_COMMON = 20
_NOTICEABLE = 0.05  # among very many items even a dependence that nobody would notice is significant
_FEW_PEOPLE = 8  # up to so many, one pair that copies can become the quality of the images
_DENSE_PEOPLE = 64
_MOST_PEOPLE, _MOST_ITEMS = 2000, 20_000
_MOST_ROUNDS = 10
_BLOCK = 2_000_000
_UNLIKELY = 1e-9  # qualities that no item of a block has are passed over
_TIED = 1e-9


class Pair(NamedTuple):
    """Two evaluators and how alike they rated.

    Attributes
    ----------
    first, second : int
        Their columns, in this order.
    common : int
        How many items both rated.
    correlation, expected : float
        Pearson's r on these, and what the model of independent evaluators lets expect.
    equal, expected_equal : float
        The share of equal ratings, and what is expected; nan where ratings are no levels.
    p : float
        One-sided, with Holm's correction.
    tested : int
        For how many pairs.
    instead : tuple of int, optional
        With four evaluators: the other two, who explain the same correlations as well.
    """

    first: int
    second: int
    common: int
    correlation: float
    expected: float
    equal: float
    expected_equal: float
    p: float
    tested: int
    instead: tuple[int, ...] = ()


def dependent_pairs(
    ratings: Array, groups: NDArray[np.intp] | None = None, level: float = 0.05, seed: int = 0
) -> list[Pair]:
    """Find pairs who are not independent, given the images.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Any scale, NaN where missing.
    groups : ndarray of int, shape (items,), optional
        Items that belong together, as codes from 0.
    level : float
        The share of studies of independent evaluators in which any pair may be named.
    seed : int
        Of the choice of items where there are more than 20,000.

    Returns
    -------
    list of Pair
        The surest first. It takes four evaluators whose ratings vary, and 20 items (and two groups) in common.

    Notes
    -----
    Given an image's quality, independent evaluators answer independently. Each evaluator's own way (how strict, how
    exact, which levels) is fitted by a graded response model, so that two lenient people who meet at the scale's end
    are expected to agree there. For a pair, S sums over their common items the product of both's residuals, averaged
    over the qualities that all ratings of the item leave possible: Rao's score for a residual correlation, as tests of
    local dependence in item response theory use (Yen's Q3; Chen and Thissen; Glas and Suarez Falcon), here between
    raters, as indices of copying compare agreement with what a model expects (Wollack's omega). Its mean is 0 for
    independent evaluators.

    Two who copy can become the 'quality' of a small panel, and then the others' pairs stand out. So with up to eight
    people the model for a pair comes from two fits, one without each of them, and S is made insensitive to the
    estimated slopes (Neyman's C(alpha)); with more, two cannot take over, and one fit serves all. The surest pair is
    named, one of the two is left out, and all is computed anew, until nobody stands out.

    S is divided by the root of the larger of two variances: that of the items' (or groups') contributions, and that
    which the model gives. The first alone is too small now and then among hundreds of pairs, the second does not know
    of groups. Student's t with as many degrees of freedom as the pair has common items (or groups) less one gives p,
    Holm's correction over pairs. A pair's correlation must also lie .05 or more above what is expected.

    Of more than 20,000 items so many are drawn, of more than 2,000 evaluators those with the most ratings are compared.

    References
    ----------
    Yen, W. M. (1984). Effects of local item dependence on the fit and equating performance of the three-parameter
    logistic model. Applied Psychological Measurement 8. Chen, W.-H. and Thissen, D. (1997). Local dependence indexes
    for item pairs using item response theory. J. Educ. Behav. Stat. 22. Glas, C. A. W. and Suarez Falcon, J. C. (2003).
    A comparison of item-fit statistics for the three-parameter logistic model. Applied Psychological Measurement 27.
    Wollack, J. A. (1997). A nominal response model approach for detecting answer copying. Applied Psychological
    Measurement 21. Neyman, J. (1959). Optimal asymptotic tests of composite statistical hypotheses.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> ratings = np.rint(rng.normal(size=(300, 1)) + rng.normal(size=(300, 5)))
    >>> ratings[:200, 3] = ratings[:200, 1]
    >>> [(pair.first, pair.second) for pair in dependent_pairs(ratings)]
    [(1, 3)]
    """
    people = np.flatnonzero([np.isfinite(own).any() and np.nanmax(own) > np.nanmin(own) for own in ratings.T])
    if len(people) > _MOST_PEOPLE:
        many = np.argsort(-(~np.isnan(ratings[:, people])).sum(axis=0), kind="stable")[:_MOST_PEOPLE]
        people = np.sort(people[many])
    found: list[Pair] = []
    for _ in range(max(_FEW_PEOPLE, _MOST_ROUNDS)):
        if len(people) < FEWEST_PEOPLE:
            break
        named = _surest(ratings, people, groups, level, seed)
        if not named:
            break
        found += named
        people = np.setdiff1d(people, [pair.second for pair in named])
    return found


def _surest(
    ratings: Array, people: NDArray[np.intp], groups: NDArray[np.intp] | None, level: float, seed: int
) -> list[Pair]:
    """The pair that stands out most, if any; of many evaluators several, of whom nobody is in two."""
    own, codes = _shared(ratings[:, people], groups, seed)
    known = (~np.isnan(own)).astype(float)
    if not (np.triu(known.T @ known, 1) >= LEAST_COMMON).any():
        return []
    rated = np.flatnonzero([len(np.unique(column[~np.isnan(column)])) > 1 for column in own.T])
    if len(rated) < FEWEST_PEOPLE:
        return []
    own, people = own[:, rated], people[rated]
    panel = _Panel(own, codes) if len(rated) > _FEW_PEOPLE else _SmallPanel(own, codes)
    scores = panel.scores()
    z = scores.total / np.sqrt(np.maximum(scores.variance, _TIED))
    usable = (scores.common >= LEAST_COMMON) & (scores.groups > 1) & (scores.variance > _TIED)
    p = np.full(len(z), np.nan)
    p[usable] = stats.t.sf(z[usable], scores.groups[usable] - 1)
    adjusted = holm(p)
    named: list[Pair] = []
    taken: set[int] = set()
    most = 1 if len(rated) <= _FEW_PEOPLE else max(1, len(rated) // 10)
    candidates = np.flatnonzero(adjusted < level)  # nan is no candidate
    for place in candidates[np.argsort(-z[candidates], kind="stable")]:
        a, b = int(scores.first[place]), int(scores.second[place])
        if len(named) == most or {a, b} & taken:
            continue
        expected, expected_equal = panel.expected(a, b)
        common, correlation, equal = _alike(ratings[:, people[a]], ratings[:, people[b]])
        if not correlation - expected >= _NOTICEABLE:
            continue
        taken |= {a, b}
        instead = tuple(int(people[c]) for c in range(4) if c not in (a, b)) if len(rated) == FEWEST_PEOPLE else ()
        named.append(
            Pair(
                int(people[a]),
                int(people[b]),
                common,
                correlation,
                expected,
                equal if np.isfinite(expected_equal) else float("nan"),
                expected_equal,
                float(adjusted[place]),
                int(usable.sum()),
                instead,
            )
        )
    return named


def _shared(ratings: Array, groups: NDArray[np.intp] | None, seed: int) -> tuple[Array, NDArray[np.intp]]:
    """The items that two or more rated, at most 20,000 (in whole groups), in the order of their groups."""
    codes = np.arange(len(ratings)) if groups is None else groups
    chosen = np.flatnonzero((~np.isnan(ratings)).sum(axis=1) > 1)
    if len(chosen) > _MOST_ITEMS:
        dealt = generator(seed).permutation(int(codes.max()) + 1)[codes[chosen]]
        chosen = chosen[np.argsort(dealt, kind="stable")][:_MOST_ITEMS]
    chosen = chosen[np.argsort(codes[chosen], kind="stable")]
    return ratings[chosen], codes[chosen]


def _alike(one: Array, other: Array) -> tuple[int, float, float]:
    """How many items both rated, Pearson's r, and the share of equal ratings."""
    both = ~(np.isnan(one) | np.isnan(other))
    x, y = one[both], other[both]
    varied = len(x) > 1 and np.ptp(x) > 0 and np.ptp(y) > 0
    return len(x), float(np.corrcoef(x, y)[0, 1]) if varied else float("nan"), float((np.abs(x - y) < _TIED).mean())


class _Scores(NamedTuple):
    """By pair: columns, S, its variance, how many items and how many groups of items both rated."""

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    total: Array
    variance: Array
    common: Array
    groups: Array


def _starts(codes: NDArray[np.intp]) -> NDArray[np.intp]:
    """Where each group begins."""
    return np.flatnonzero(np.concatenate([[True], codes[1:] != codes[:-1]]))


def _spread(squares: ArrayLike, total: ArrayLike, number: ArrayLike) -> Array:
    """The variance of sums of independent contributions."""
    squares, total, number = (np.asarray(each, dtype=float) for each in (squares, total, number))
    return np.asarray((squares - total**2 / np.maximum(number, 1)) * number / np.maximum(number - 1, 1))


def _expected(model: GradedResponse, levels: Levels, a: int, b: int, weights: Array) -> tuple[float, float]:
    """The correlation and the share of equal ratings of two independent evaluators."""
    both = (levels.codes[:, a] >= 0) & (levels.codes[:, b] >= 0)
    shares = weights[both].mean(axis=0)
    means, spreads = [], []
    for column in (a, b):
        chances, values = model.chances[column, : levels.counts[column]], levels.values[column]
        expected = values @ chances
        means.append(expected - shares @ expected)
        spreads.append(float(shares @ (values**2 @ chances) - (shares @ expected) ** 2))
    correlation = float(shares @ (means[0] * means[1]) / np.sqrt(max(spreads[0] * spreads[1], _TIED**2)))
    if levels.cut[[a, b]].any():
        return correlation, float("nan")
    equal = 0.0
    for i, value in enumerate(levels.values[a]):
        for j in np.flatnonzero(np.abs(levels.values[b] - value) < _TIED):
            equal += float(shares @ (model.chances[a, i] * model.chances[b, j]))
    return correlation, equal


class _Panel:
    """More than a few evaluators: one model, all pairs at once, blocks of items one after the other."""

    def __init__(self, ratings: Array, codes: NDArray[np.intp]):
        self._levels = levels_of(ratings)
        self._codes = codes
        self._model = fit(self._levels, nodes_for(self._levels))
        self._weights = self._model.qualities(indicators_of(self._levels))

    def expected(self, a: int, b: int) -> tuple[float, float]:
        return _expected(self._model, self._levels, a, b, self._weights)

    def scores(self) -> _Scores:
        people = len(self._levels.counts)
        total, squares, by_model, common, number = np.zeros((5, people, people))
        information, every = self._model.information(), self._model.residuals
        for low, high, columns in self._blocks():
            codes = self._levels.codes[low:high, columns]
            known = codes >= 0
            nodes = np.flatnonzero(self._weights[low:high].max(axis=0) > _UNLIKELY)
            weights = self._weights[low:high, None, nodes]
            residuals = every[columns, np.maximum(codes, 0)][..., nodes] * known[..., None]
            products = (residuals * weights) @ residuals.transpose(0, 2, 1)
            spreads = information[columns][:, nodes] * known[..., None]
            where = np.ix_(columns, columns)
            total[where] += products.sum(axis=0)
            flat = (len(columns), -1)
            by_model[where] += (spreads * weights).transpose(1, 0, 2).reshape(flat) @ spreads.transpose(
                1, 0, 2
            ).reshape(flat).T
            rated = known.astype(float)
            common[where] += rated.T @ rated
            starts = _starts(self._codes[low:high])
            if len(starts) == high - low:
                squares[where] += (products**2).sum(axis=0)
                number[where] += rated.T @ rated
            else:
                squares[where] += (np.add.reduceat(products, starts, axis=0) ** 2).sum(axis=0)
                together = np.add.reduceat(rated[:, :, None] * rated[:, None, :], starts, axis=0)
                number[where] += (together > 0).sum(axis=0)
        first, second = np.triu_indices(people, 1)
        total, squares, by_model, common, number = (
            each[first, second] for each in (total, squares, by_model, common, number)
        )
        variance = np.maximum(_spread(squares, total, number), by_model)
        return _Scores(first, second, total, variance, common, number)

    def _blocks(self) -> list[tuple[int, int, NDArray[np.intp]]]:
        """Whole groups of items, and the evaluators who matter there."""
        people = len(self._levels.counts)
        starts = _starts(self._codes)
        ends = np.append(starts[1:], len(self._codes))
        if people > _DENSE_PEOPLE:
            columns = [
                np.flatnonzero((self._levels.codes[low:high] >= 0).any(axis=0))
                for low, high in zip(starts, ends, strict=True)
            ]
            return [block for block in zip(starts.tolist(), ends.tolist(), columns, strict=True) if len(block[2]) > 1]
        size = max(1, _BLOCK // (people * max(people, len(self._model.nodes))))
        blocks, low = [], 0
        while low < len(self._codes):
            reached = np.searchsorted(ends, low + size, side="right") - 1
            high = int(ends[max(reached, np.searchsorted(ends, low, side="right"))])
            blocks.append((low, high, np.arange(people)))
            low = high
        return blocks


class _SmallPanel:
    """A few evaluators: for each pair a model from fits without each of the two."""

    def __init__(self, ratings: Array, codes: NDArray[np.intp]):
        self._levels = levels_of(ratings)
        self._codes = codes
        self._indicators = indicators_of(self._levels)
        nodes = nodes_for(self._levels)
        everybody = np.arange(len(self._levels.counts))
        self._without = [self._fit_without(int(place), everybody, nodes) for place in everybody]

    def _fit_without(self, place: int, everybody: NDArray[np.intp], nodes: Array) -> tuple[Array, Array, Array]:
        """Thresholds and slopes (nan for who is left out), and the spread of the qualities."""
        others = np.delete(everybody, place)
        levels = self._levels.of(others)
        rated = (levels.codes >= 0).any(axis=1)
        model = fit(levels._replace(codes=levels.codes[rated]), nodes)
        thresholds = np.full((len(everybody), int(self._levels.counts.max()) - 1), np.inf)
        thresholds[others, : model.thresholds.shape[1]] = model.thresholds
        thresholds[place] = np.nan
        slopes = np.full(len(everybody), np.nan)
        slopes[others] = model.slopes
        return thresholds, slopes, model.shares

    def _model(self, a: int, b: int) -> GradedResponse:
        one, other = self._without[a], self._without[b]
        slopes, shares = other[1], other[2]
        if np.nansum(one[1] * slopes) < 0:  # qualities count from the other end
            slopes, shares = -slopes, shares[::-1]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            thresholds = np.nanmean([one[0], other[0]], axis=0)
            middle = np.nanmean([one[1], slopes], axis=0)
        nodes = nodes_for(self._levels)
        return GradedResponse(thresholds, middle, (one[2] + shares) / 2, nodes)

    def expected(self, a: int, b: int) -> tuple[float, float]:
        model = self._model(a, b)
        return _expected(model, self._levels, a, b, model.qualities(self._indicators))

    def scores(self) -> _Scores:
        pairs = list(combinations(range(len(self._levels.counts)), 2))
        rows = [self._score(a, b) for a, b in pairs]
        first, second = np.array(pairs).T
        total, variance, common, number = np.array(rows).T
        return _Scores(first, second, total, variance, common, number)

    def _score(self, a: int, b: int) -> tuple[float, float, float, float]:
        model, codes = self._model(a, b), self._levels.codes
        weights = model.qualities(self._indicators)
        known = codes >= 0
        residuals = [
            model.residuals[place, np.maximum(codes[:, place], 0)] * known[:, place, None]
            for place in range(codes.shape[1])
        ]
        products = (weights * residuals[a] * residuals[b]).sum(axis=1)
        slopes = np.column_stack([(weights * each) @ model.nodes for each in residuals])
        moments = slopes.T @ slopes
        moments += 1e-6 * np.trace(moments) / len(moments) * np.eye(len(moments)) + _TIED * np.eye(len(moments))
        left = products - slopes @ np.linalg.solve(moments, slopes.T @ products)
        both = known[:, a] & known[:, b]
        starts = _starts(self._codes)
        number = float(np.add.reduceat(both, starts).astype(bool).sum())
        sums = np.add.reduceat(left, starts)
        information = model.information()
        by_model = float((weights[both] @ (information[a] * information[b])).sum())
        total = float(sums.sum())
        return total, max(float(_spread(sums @ sums, total, number)), by_model), float(both.sum()), number
