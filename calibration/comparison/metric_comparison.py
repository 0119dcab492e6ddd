"""Metric against metric: which of two agrees better with people, and which these images cannot tell apart.

Two metrics score the same images, so their correlations with people are dependent: a difference is tested by swapping
the two metrics' scores (the permutation test PERM-BOTH), with Williams' t beside it. Many metrics make many pairs:
their p-values are adjusted, and what is left over sorts the metrics into groups.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import combinations
from string import ascii_lowercase
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.comparison.correlation_tests import benjamini_yekutieli, holm, williams
from calibration.comparison.permutation import PERMUTATIONS, Pair, Statistic, Swaps, correlation_with, p_values
from calibration.core.grades import Array
from metrics.known import Direction

SIGNIFICANCE = 0.05
_PERMUTATIONS_A_PAIR = 100
NAN = float("nan")


@dataclass(frozen=True)
class Comparison:
    """Two metrics: the one with the greater correlation first; unknown figures are NaN.

    Attributes
    ----------
    first, second : str
        The metrics.
    n : int
        How many items have both scores and a rating.
    difference : float
        The first's correlation minus the second's, on those items.
    p, p_holm, p_by : float
        Of the permutation test; adjusted over all pairs by Holm, and by Benjamini and Yekutieli.
    williams_p : float
        Of Williams' test of the same correlations; NaN for Kendall's tau, for which there is none.
    """

    first: str
    second: str
    n: int
    difference: float
    p: float
    p_holm: float
    p_by: float
    williams_p: float


@dataclass(frozen=True)
class Standing:
    """Where a metric stands among the others.

    Attributes
    ----------
    metric : str
    correlation : float
        With people in the metric's direction, on the items that it scored; NaN where undefined.
    letters : str
        Two metrics share a letter if and only if these data do not tell them apart; separated by commas.
    best_rank, worst_rank : int or None
        1 + how many are told to be better; how many, itself among them, are not told to be worse.
    """

    metric: str
    correlation: float
    letters: str
    best_rank: int | None
    worst_rank: int | None


@dataclass(frozen=True)
class MetricComparison:
    """All pairs of metrics, and the groups that they make, the best first."""

    statistic: Statistic
    pairs: tuple[Comparison, ...]
    groups: tuple[Standing, ...]


def compare_metrics(
    scores: Mapping[str, ArrayLike],
    directions: Mapping[str, Direction],
    target: ArrayLike,
    clusters: ArrayLike | None = None,
    models: ArrayLike | None = None,
    statistic: Statistic = "spearman",
    permutations: int | None = None,
    seed: int = 0,
    items: Literal["both", "all"] = "both",
) -> MetricComparison:
    """Compare every metric with every other.

    Parameters
    ----------
    scores : mapping of str to array_like, shape (items,)
        By metric; NaN where missing.
    directions : mapping of str to {"higher", "lower"}
        Which way each metric points.
    target : array_like, shape (items,)
        The mean ratings, NaN where missing.
    clusters, models, statistic, seed
        See `permutation_both`; all pairs are tested with the same swaps. Kendall's tau takes minutes for many metrics.
    permutations : int, optional
        1,000, or 100 for every pair if that is more: with fewer, no p could stay below .05 once Holm has multiplied it
        by the number of pairs.
    items : {"both", "all"}
        Each pair on the items that both scored, or all pairs on those that every metric scored.

    Returns
    -------
    MetricComparison
        Told apart means p below .05 after Holm's correction. A metric without a correlation stands last, without
        letters and ranks, and in no pair.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> people = rng.normal(size=300)
    >>> scores = {"poor": rng.normal(size=300), "good": people + rng.normal(size=300)}
    >>> found = compare_metrics(scores, {"poor": "higher", "good": "higher"}, people)
    >>> [(each.metric, each.letters, each.best_rank) for each in found.groups]
    [('good', 'a', 1), ('poor', 'b', 2)]
    """
    values = np.asarray(target, dtype=float)
    signed = {name: _signed(each, directions[name]) for name, each in scores.items()}
    own = {name: correlation_with(each, values, statistic) for name, each in signed.items()}
    if items == "all":
        shared = ~np.isnan([signed[name] for name in own if not np.isnan(own[name])] or [values]).any(axis=0)
        values = np.where(shared, values, NAN)
        own = {name: correlation_with(each, values, statistic) for name, each in signed.items()}
    ranked = sorted((name for name in own if not np.isnan(own[name])), key=lambda name: (-own[name], name))
    named = list(combinations(ranked, 2))
    found = [Pair.of(signed[first], signed[second], values, statistic) for first, second in named]
    p = np.full(len(named), NAN)
    known = [place for place, pair in enumerate(found) if pair is not None]
    swaps = Swaps(len(values), clusters, models)
    count = max(PERMUTATIONS, _PERMUTATIONS_A_PAIR * len(named)) if permutations is None else permutations
    p[known] = p_values([pair for pair in found if pair is not None], swaps, statistic, count, seed)
    pairs = tuple(
        _comparison(first, second, pair, statistic, *(float(each) for each in adjusted))
        for (first, second), pair, *adjusted in zip(named, found, p, holm(p), benjamini_yekutieli(p), strict=True)
    )
    return MetricComparison(statistic, pairs, tuple(_standings(ranked, own, pairs)))


def comparison_entry(comparison: MetricComparison) -> dict[str, Any]:
    """The comparison as plain values for the report; None for what is unknown.

    Examples
    --------
    >>> comparison_entry(MetricComparison("spearman", (), (Standing("m", float("nan"), "", None, None),)))["groups"]
    [{'metric': 'm', 'correlation': None, 'letters': '', 'best_rank': None, 'worst_rank': None}]
    """
    return {
        "statistic": comparison.statistic,
        "pairs": [_plain(asdict(pair)) for pair in comparison.pairs],
        "groups": [_plain(asdict(standing)) for standing in comparison.groups],
    }


def _comparison(
    first: str, second: str, pair: Pair | None, statistic: Statistic, p: float, p_holm: float, p_by: float
) -> Comparison:
    if pair is None:
        return Comparison(first, second, 0, NAN, p, p_holm, p_by, NAN)
    n, between = len(pair.items), float(np.mean(pair.a * pair.b))
    williams_p = NAN if statistic == "kendall" else williams(pair.r_a, pair.r_b, between, n)[1]
    return Comparison(first, second, n, pair.r_a - pair.r_b, p, p_holm, p_by, williams_p)


def _standings(ranked: list[str], own: dict[str, float], pairs: tuple[Comparison, ...]) -> Iterator[Standing]:
    """The metrics with a correlation in the order of rank, then those without."""
    place = {name: index for index, name in enumerate(ranked)}
    better = np.zeros((len(ranked), len(ranked)), dtype=bool)
    for pair in pairs:
        if pair.p_holm < SIGNIFICANCE:
            i, j = place[pair.first], place[pair.second]
            better[(i, j) if pair.difference > 0 else (j, i)] = True
    letters = _letters(~(better | better.T))
    for index, name in enumerate(ranked):
        best, worst = 1 + int(better[:, index].sum()), len(ranked) - int(better[index].sum())
        yield Standing(name, own[name], ",".join(letters[index]), best, worst)
    for name in own:
        if name not in place:
            yield Standing(name, NAN, "", None, None)


def _letters(alike: NDArray[np.bool_]) -> list[list[str]]:
    """A compact letter display: two share a letter if and only if they are alike; `alike` is symmetric and reflexive.

    Every pair that shares no letter yet starts a new one, which is given to all that are alike with everyone who has
    it, in order.
    """
    count = len(alike)
    letters: list[list[str]] = [[] for _ in range(count)]
    shared = np.zeros_like(alike)
    number = 0
    for i in range(count):
        for j in range(i, count):
            if shared[i, j] or not alike[i, j]:
                continue
            members = [i] if i == j else [i, j]
            for k in range(count):
                if k not in members and alike[k, members].all():
                    members.append(k)
            shared[np.ix_(members, members)] = True
            for member in members:
                letters[member].append(_letter(number))
            number += 1
    return letters


def _letter(number: int) -> str:
    """Letters from a to z, then aa, ab, ..."""
    tens, ones = divmod(number, len(ascii_lowercase))
    return (_letter(tens - 1) if tens else "") + ascii_lowercase[ones]


def _signed(scores: ArrayLike, direction: Direction) -> Array:
    values = np.asarray(scores, dtype=float)
    return values if direction == "higher" else -values


def _plain(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: None if isinstance(value, float) and np.isnan(value) else value for key, value in entry.items()}
