"""How steady people are: each with themselves, where images came twice, and the group's mean with another group's."""

from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from calibration.core.grades import Array
from calibration.core.resampling import generator
from calibration.scale import LIKERT, Scale

NAN = float("nan")
_MOST_SPLITS = 500
_LEAST_REPEATS = 2
_ROUNDING = 1e-12
_BLOCK = 2**20  # sums of splits and items that are made at once
_KEPT = 2**23  # of these, kept for many weightings


def split_half(ratings: Array, seed: int = 0) -> float:
    """The correlation of the mean ratings by two halves of the evaluators, averaged over ways to halve them.

    A way weighs by the items that both halves rated.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Any scale, NaN where missing.
    seed : int
        Of the 500 splits that are drawn where there are more; all of them otherwise.

    Returns
    -------
    float
        Pearson's r in [-1, 1]. With an odd number of evaluators one sits out of each split. NaN for one evaluator, or
        where no two halves rated the same items.

    Examples
    --------
    >>> split_half(np.array([[1.0, 2.0], [2.0, 3.0], [5.0, 6.0]]))
    1.0
    """
    return float(Halves(ratings, seed).correlation(np.ones((1, len(ratings))))[0])


class Halves:
    """The means of many pairs of halves of the evaluators, for many weightings of the items.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Any scale, NaN where missing.
    seed, most : int
        At most so many ways to halve the evaluators are drawn.
    """

    def __init__(self, ratings: Array, seed: int = 0, most: int = _MOST_SPLITS):
        splits = _splits(ratings.shape[1], seed, most)
        chosen = np.zeros((ratings.shape[1], 2 * len(splits)))
        for place, half in enumerate(half for split in splits for half in split):
            chosen[half, place] = 1.0
        rated = ~np.isnan(ratings)
        number = rated.astype(float) @ chosen
        sums = np.where(rated, ratings, 0.0) @ chosen
        means = np.divide(sums, number, out=np.full(number.shape, NAN), where=number > 0).T
        self._halves = means[::2], means[1::2]
        size = max(1, _BLOCK // max(1, 6 * len(ratings)))
        parts = [slice(start, start + size) for start in range(0, len(splits), size)]
        kept = 6 * len(ratings) * len(splits) <= _KEPT
        self._products = [self._products_of(part) for part in parts] if kept else None
        self._parts = parts

    def _products_of(self, part: slice) -> tuple[Array, Array, Array]:
        """1, x, y, x^2, y^2 and x y of each split, (items, 6 x splits), and the sums of squares of x and of y."""
        x, y = (half[part] for half in self._halves)
        both = ~(np.isnan(x) | np.isnan(y))
        number = np.maximum(both.sum(axis=1, keepdims=True), 1)
        x, y = (np.where(both, side, 0.0) for side in (x, y))
        x, y = (np.where(both, side - side.sum(axis=1, keepdims=True) / number, 0.0) for side in (x, y))
        products = np.stack([both, x, y, x * x, y * y, x * y], axis=2)
        return (
            products.transpose(1, 0, 2).reshape(both.shape[1], -1),
            products[:, :, 3].sum(1),
            products[:, :, 4].sum(1),
        )

    def correlation(self, weights: Array) -> Array:
        """Pearson's r of the halves' means, averaged over the splits, shape (weightings,); nan where there is none.

        Parameters
        ----------
        weights : ndarray, shape (weightings, items)
            How often each item counts.

        Examples
        --------
        >>> halves = Halves(np.array([[1.0, 2.0], [2.0, 3.0], [5.0, 0.0]]))
        >>> halves.correlation(np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]])).round(2).tolist()
        [1.0, -0.84]
        """
        total, number = np.zeros(len(weights)), np.zeros(len(weights))
        for products, xx, yy in self._products or map(self._products_of, self._parts):
            sums = (weights @ products).reshape(len(weights), -1, 6)
            r = _correlations(sums, xx, yy)
            known = np.where(np.isfinite(r), sums[:, :, 0], 0.0)
            total += (np.nan_to_num(r) * known).sum(axis=1)
            number += known.sum(axis=1)
        return np.divide(total, number, out=np.full(len(weights), NAN), where=number > 0)


def spearman_brown(reliability: ArrayLike, factor: float) -> Array:
    """The reliability of a mean of `factor` times as many ratings.

    Parameters
    ----------
    reliability : array_like
        In (-1, 1].
    factor : float
        Above 0.

    Returns
    -------
    ndarray
        factor r / (1 + (factor - 1) r); NaN where that has no value.

    References
    ----------
    Spearman, C. (1910). Correlation calculated from faulty data. Brown, W. (1910). Some experimental results in the
    correlation of mental abilities.

    Examples
    --------
    >>> spearman_brown([0.5, 1.0], 2).round(4).tolist()
    [0.6667, 1.0]
    """
    r = np.asarray(reliability, dtype=float)
    scale = 1.0 + (factor - 1.0) * r
    return np.divide(factor * r, scale, out=np.full(r.shape, NAN), where=scale > 0)


def reliability_of_mean(ratings: Array, seed: int = 0) -> float:
    """How the mean of these evaluators would correlate with the mean of as many others: split halves stepped up.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Any scale, NaN where missing.
    seed : int
        As in `split_half`.

    Returns
    -------
    float
        At most 1; NaN where `split_half` has no value.

    Examples
    --------
    >>> reliability_of_mean(np.array([[1.0, 2.0], [2.0, 3.0], [5.0, 6.0]]))
    1.0
    """
    people = ratings.shape[1]
    return float(spearman_brown(split_half(ratings, seed), people / (people // 2))) if people > 1 else NAN


def disattenuated(correlation: float, reliability: float) -> float:
    """A correlation with people's mean as it would be with a mean of endlessly many.

    Parameters
    ----------
    correlation : float
        Of a metric with the mean rating, in [-1, 1].
    reliability : float
        Of the mean rating, in (0, 1].

    Returns
    -------
    float
        correlation / sqrt(reliability), which chance can carry beyond 1; NaN where the reliability is not above 0.

    References
    ----------
    Spearman, C. (1904). The proof and measurement of association between two things.

    Examples
    --------
    >>> disattenuated(0.6, 0.81)
    0.6666666666666666
    """
    return correlation / float(np.sqrt(reliability)) if reliability > 0 else NAN


def own_consistency(ratings: pd.DataFrame, scale: Scale = LIKERT) -> pd.DataFrame:
    """How alike each evaluator rated what they saw twice.

    Parameters
    ----------
    ratings : DataFrame
        item, evaluator, rating (in the scale's numbers) and repeat or round of one task; the first two answers to an
        item are compared.
    scale : Scale
        Whose levels the ratings are.

    Returns
    -------
    DataFrame
        By evaluator: n (items rated twice), grade (1 minus the mean distance on the unit scale), exact (the share of
        equal answers) and correlation (Pearson's; NaN where an answer never varied).

    Examples
    --------
    >>> table = pd.DataFrame({"item": list("aabb"), "rating": [1, 2, 5, 5], "repeat": [0, 1, 0, 1]})
    >>> own_consistency(table.assign(evaluator="anna")).loc["anna", ["n", "grade", "exact"]].tolist()
    [2.0, 0.875, 0.5]
    """
    order = {
        f"_{name}": pd.to_numeric(ratings[name], errors="coerce").fillna(0)
        for name in ("round", "repeat")
        if name in ratings.columns
    }
    ordered = ratings.assign(**order).sort_values(list(order), kind="stable")
    ordered["_turn"] = ordered.groupby(["evaluator", "item"]).cumcount()
    turns = ordered[ordered["_turn"] < _LEAST_REPEATS].pivot(
        index=["evaluator", "item"], columns="_turn", values="rating"
    )
    columns = ["n", "grade", "exact", "correlation"]
    if 1 not in turns.columns:
        return pd.DataFrame(columns=columns, dtype=float)
    twice = turns.dropna()
    rows = {}
    for name, own in twice.groupby(level="evaluator", sort=False):
        first, second = scale.to_unit(own[0]), scale.to_unit(own[1])
        apart = np.abs(first - second)
        varied = len(own) > 1 and np.ptp(first) > 0 and np.ptp(second) > 0
        r = float(np.corrcoef(first, second)[0, 1]) if varied else NAN
        rows[str(name)] = (float(len(own)), float(1.0 - apart.mean()), float((apart == 0).mean()), r)
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def _splits(people: int, seed: int, most: int) -> list[tuple[list[int], list[int]]]:
    """Two halves of the evaluators, in all ways or in many."""
    half = people // 2
    if not half:
        return []
    if comb(people, half) * comb(people - half, half) // 2 <= most:
        return [
            (list(one), list(other))
            for one in combinations(range(people), half)
            for other in combinations([each for each in range(people) if each not in one], half)
            if one < other
        ]
    rng = generator(seed)
    drawn = (rng.permutation(people) for _ in range(most))
    return [(order[:half].tolist(), order[half : 2 * half].tolist()) for order in drawn]


def _correlations(sums: Array, squares: Array, other_squares: Array) -> Array:
    """Pearson's r for each weighting and split, from weighted sums; nan where either side does not vary."""
    n, sx, sy, xx, yy, xy = np.moveaxis(sums, 2, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        own, other = xx - sx * sx / n, yy - sy * sy / n
        r = (xy - sx * sy / n) / np.sqrt(own * other)
        varied = (own > _ROUNDING * squares) & (other > _ROUNDING * other_squares)
    return np.where(varied, np.clip(r, -1.0, 1.0), NAN)
