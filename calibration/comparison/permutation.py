"""The permutation test of two dependent correlations: would they differ as much if the metrics' scores were swapped?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from calibration.core.grades import Array
from calibration.core.resampling import PERMUTATIONS, Draws, Resampling, generator, in_few
from calibration.core.ties import as_equals

Statistic = Literal["spearman", "pearson", "kendall"]

NAN = float("nan")
MOST_CLUSTERS = 4096
_TIE = 1e-12  # two differences of correlations closer than this are equal


class PermutationTest(NamedTuple):
    """The difference of two correlations, how often chance gives one as large, and on how many items."""

    difference: float
    p: float
    n: int


def permutation_both(
    scores_a: ArrayLike,
    scores_b: ArrayLike,
    target: ArrayLike,
    clusters: ArrayLike | None = None,
    models: ArrayLike | None = None,
    statistic: Statistic = "spearman",
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> PermutationTest:
    """Test whether two metrics correlate alike with people, by swapping their scores.

    Parameters
    ----------
    scores_a, scores_b : array_like, shape (items,)
        Of the two metrics, both with the better end up; NaN where missing.
    target : array_like, shape (items,)
        The mean ratings. Items without all three drop out.
    clusters : array_like, shape (items,), optional
        Which images belong together (one prompt, one subject) and are swapped together; each by itself unless given.
    models : array_like, shape (items,), optional
        Which generator made each image; all images of a model are swapped together, on top of the clusters' swaps.
        That matters where clusters and models cross (every model drew every prompt).
    statistic : {"spearman", "pearson", "kendall"}
        The correlation; Kendall's is tau-b and takes a sort for every permutation.
    permutations, seed : int
        How many, and the seed of their draws.

    Returns
    -------
    PermutationTest
        The difference a - b, its two-sided p and the number of items; NaN where a correlation is undefined.

    Notes
    -----
    Both metrics' scores are standardised first (ranks for Spearman and Kendall), or swapping would mix units. If the
    metrics are equally good, a swap changes nothing but chance: p = (1 + #{|delta*| >= |delta|}) / (1 + permutations).
    A swapped Spearman is the correlation of the swapped ranks, not ranked again: all of a permutation's sums are
    then linear in the swaps, and one matrix product gives them all. More than 4,096 clusters are put together at random
    into 4,096: swapping larger parts is as exact.

    The test rests on this: of two equally good metrics, nothing is changed by swapping a cluster's scores. Errors that
    a metric makes for a whole prompt need the prompts as clusters; swapping models as well then takes such an error
    apart and finds differences that are none too often. Errors for a whole model are no chance here but part of what is
    tested: the answer is about these models (tests/benchmarks/bench_metric_comparison.py has the figures).

    References
    ----------
    Deutsch, D., Dror, R. & Roth, D. (2021). A statistical analysis of summarization evaluation metrics using resampling
    methods. TACL 9, PERM-BOTH.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> people = rng.normal(size=200)
    >>> good, poor = people + rng.normal(size=200), people + 3 * rng.normal(size=200)
    >>> permutation_both(good, poor, people).p < 0.01
    True
    """
    values = np.asarray(target, dtype=float)
    pair = Pair.of(np.asarray(scores_a, dtype=float), np.asarray(scores_b, dtype=float), values, statistic)
    if pair is None:
        known = ~np.isnan(np.stack([np.asarray(each, dtype=float) for each in (scores_a, scores_b, target)]))
        return PermutationTest(NAN, NAN, int(known.all(axis=0).sum()))
    swaps = Swaps(len(values), clusters, models)
    (p,) = p_values([pair], swaps, statistic, permutations, seed)
    return PermutationTest(pair.r_a - pair.r_b, float(p), len(pair.items))


@dataclass(frozen=True)
class Pair:
    """Two metrics and people on the items that all three know, standardised.

    Attributes
    ----------
    items : ndarray of int, shape (n,)
        Which items these are.
    a, b, target : ndarray, shape (n,)
        The metrics' scores and the mean ratings, with mean 0 and standard deviation 1.
    r_a, r_b : float
        The metrics' correlations with people.
    """

    items: NDArray[np.intp]
    a: Array
    b: Array
    target: Array
    r_a: float
    r_b: float

    @classmethod
    def of(cls, a: Array, b: Array, target: Array, statistic: Statistic) -> "Pair | None":
        """None where a correlation is undefined."""
        items = np.flatnonzero(~(np.isnan(a) | np.isnan(b) | np.isnan(target)))
        standard = [_standardised(each[items], statistic) for each in (a, b, target)]
        x, y, t = standard
        if x is None or y is None or t is None:
            return None
        return cls(items, x, y, t, _correlation(x, t, statistic), _correlation(y, t, statistic))


class Swaps:
    """Which items have their two scores swapped: clusters at random, and models on top of that."""

    def __init__(self, count: int, clusters: ArrayLike | None, models: ArrayLike | None):
        cluster = np.arange(count) if clusters is None else np.unique(np.asarray(clusters), return_inverse=True)[1]
        cluster = in_few(cluster, MOST_CLUSTERS)
        model = np.zeros(count, dtype=int) if models is None else np.unique(np.asarray(models), return_inverse=True)[1]
        self._models = int(model.max(initial=0)) + 1
        cells, self.cell = np.unique(cluster * self._models + model, return_inverse=True)
        self._cluster, self._model = cells // self._models, cells % self._models
        self.cells = len(cells)

    def draws(self, permutations: Resampling) -> Draws:
        """Whether each cell is swapped, in each permutation."""
        return Draws(self.cells, permutations.draws, lambda size: self._blocks(permutations, size))

    def _blocks(self, permutations: Resampling, size: int) -> Iterator[NDArray[np.bool_]]:
        clusters, rng = int(self._cluster.max(initial=0)) + 1, generator(permutations.seed)
        for start in range(0, permutations.draws, size):
            count = min(size, permutations.draws - start)
            swapped = rng.integers(0, 2, (count, clusters), dtype=bool)[:, self._cluster]
            if self._models > 1:
                swapped ^= rng.integers(0, 2, (count, self._models), dtype=bool)[:, self._model]
            yield swapped


def p_values(pairs: list[Pair], swaps: Swaps, statistic: Statistic, permutations: int, seed: int) -> Array:
    """The two-sided p-value of each pair's difference, all with the same swaps; see `permutation_both`."""
    if not pairs:
        return np.empty(0)
    observed = np.abs([pair.r_a - pair.r_b for pair in pairs])
    changes = np.empty((0, 0)) if statistic == "kendall" else _changes(pairs, swaps)

    def as_far_apart(swapped: NDArray[np.bool_]) -> Array:
        if statistic == "kendall":
            drawn = np.array([_kendall_differences(pair, swapped[:, swaps.cell[pair.items]]) for pair in pairs]).T
        else:
            drawn = _differences(pairs, (swapped.astype(float) @ changes).reshape(len(swapped), 3, len(pairs)))
        far = ~(np.abs(drawn) < observed - _TIE)  # an undefined correlation counts as extreme
        return np.asarray(far.sum(axis=0, keepdims=True))

    counts = swaps.draws(Resampling(permutations, seed)).figures(as_far_apart, numbers=1)
    return np.asarray((1 + counts.sum(axis=0)) / (1 + permutations))


def _changes(pairs: list[Pair], swaps: Swaps) -> Array:
    """What a swap of each cell adds to a's mean, mean square and covariance with people; (cells, 3 x pairs)."""
    columns = []
    for weigh in (lambda pair: pair.b - pair.a, lambda pair: pair.b**2 - pair.a**2, _covariance_change):
        for pair in pairs:
            sums = np.bincount(swaps.cell[pair.items], weights=weigh(pair), minlength=swaps.cells)
            columns.append(sums / len(pair.items))
    return np.stack(columns, axis=1)


def _covariance_change(pair: Pair) -> Array:
    return np.asarray((pair.b - pair.a) * pair.target)


def _differences(pairs: list[Pair], moved: Array) -> Array:
    """The swapped correlations' differences, (permutations, pairs), from what the swaps add to a's moments."""
    mean, square, covariance = moved[:, 0], moved[:, 1], moved[:, 2]
    r_a, r_b = np.array([pair.r_a for pair in pairs]), np.array([pair.r_b for pair in pairs])
    spread_a, spread_b = 1 + square - mean**2, 1 - square - mean**2
    with np.errstate(invalid="ignore", divide="ignore"):
        swapped_a = np.where(spread_a > _TIE, (r_a + covariance) / np.sqrt(spread_a), NAN)
        swapped_b = np.where(spread_b > _TIE, (r_b - covariance) / np.sqrt(spread_b), NAN)
    return np.asarray(swapped_a - swapped_b)


def _kendall_differences(pair: Pair, swapped: NDArray[np.bool_]) -> list[float]:
    return [
        _correlation(np.where(row, pair.b, pair.a), pair.target, "kendall")
        - _correlation(np.where(row, pair.a, pair.b), pair.target, "kendall")
        for row in swapped
    ]


def correlation_with(scores: Array, target: Array, statistic: Statistic) -> float:
    """The correlation on the items that both know; NaN where it is undefined.

    Examples
    --------
    >>> correlation_with(np.array([1.0, 2.0, np.nan]), np.array([5.0, 4.0, 3.0]), "kendall")
    -1.0
    """
    known = ~(np.isnan(scores) | np.isnan(target))
    x, y = _standardised(scores[known], statistic), _standardised(target[known], statistic)
    return NAN if x is None or y is None else _correlation(x, y, statistic)


def _standardised(values: Array, statistic: Statistic) -> Array | None:
    """With mean 0 and standard deviation 1, after ranking unless for Pearson; None where all are equal."""
    equal = as_equals(values)
    if len(equal) < 2 or np.ptp(equal) == 0:
        return None
    ranked = equal if statistic == "pearson" else stats.rankdata(equal)
    centred = ranked - ranked.mean()
    return np.asarray(centred / np.sqrt(np.mean(centred**2)))


def _correlation(x: Array, y: Array, statistic: Statistic) -> float:
    """Of standardised values."""
    return float(stats.kendalltau(x, y).statistic) if statistic == "kendall" else float(np.mean(x * y))
