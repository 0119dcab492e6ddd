"""Pairwise accuracy: of two images, does the metric say which one people prefer, or that they prefer neither?

People's mean ratings are often equal, a metric's scores hardly ever. So a metric may call two images equal as well:
where its scores differ by no more than epsilon, the one number that is chosen from the data (tie calibration).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.core.grades import Array
from calibration.core.item_folds import item_folds
from calibration.core.resampling import sampled
from calibration.core.ties import TOLERANCE

MOST_ITEMS = 2048
FOLDS = 5
NAN = float("nan")


class TieCalibration(NamedTuple):
    """The epsilon that makes the accuracy greatest, the least of equals, and that accuracy; NaN without pairs."""

    epsilon: float
    accuracy: float


class CrossValidatedAccuracy(NamedTuple):
    """Pairwise accuracy on images on which epsilon was not chosen; NaN where there are no pairs.

    Attributes
    ----------
    accuracy : float
        With each fold's epsilon chosen on the other folds.
    without_ties : float
        With epsilon 0, on the same pairs.
    all_tied : float
        Of calling every pair equal: the share of people's ties among the same pairs.
    epsilon, in_sample : float
        Chosen on all images, and the accuracy on those.
    """

    accuracy: float
    without_ties: float
    all_tied: float
    epsilon: float
    in_sample: float


def pairwise_accuracy(
    scores: ArrayLike,
    target: ArrayLike,
    epsilon: float = 0.0,
    target_tie: float = 0.0,
    groups: ArrayLike | None = None,
) -> float:
    """The share of pairs that the metric orders, or calls equal, as people do.

    Parameters
    ----------
    scores : array_like, shape (items,)
        Higher is better (negate them otherwise); NaN where missing.
    target : array_like, shape (items,)
        The mean ratings; NaN where missing. Items without both drop out.
    epsilon : float
        Scores that differ by no more are equal; 0 or more.
    target_tie : float
        Ratings that differ by no more are equal; 0 or more.
    groups : array_like, shape (items,), optional
        The prompt of each item: only items of one group are paired, and the accuracy is the mean over the groups that
        have a pair. Without, all pairs count alike.

    Returns
    -------
    float
        In [0, 1]; NaN where there is no pair.

    Notes
    -----
    acc_eq = (concordant + tied for both) / all pairs. Differences that are equal but for rounding count as equal.

    References
    ----------
    Deutsch, D., Foster, G. & Freitag, M. (2023). Ties matter: meta-evaluating modern metrics with pairwise accuracy and
    tie calibration. EMNLP.

    Examples
    --------
    >>> pairwise_accuracy([2, 1, 1.5, 5, 3], [1, 2, 2, 3, 4])
    0.6
    """
    pairs = _Pairs.of(scores, target, target_tie, groups)
    return pairs.accuracy(epsilon) if pairs.number else NAN


def calibrate_ties(
    scores: ArrayLike, target: ArrayLike, target_tie: float = 0.0, groups: ArrayLike | None = None
) -> TieCalibration:
    """Choose the epsilon below which a metric's scores count as equal.

    Parameters
    ----------
    scores, target, target_tie, groups
        See `pairwise_accuracy`.

    Returns
    -------
    TieCalibration
        Exact: 0 and every difference of two scores are tried, in O(n^2 log n) for n items.

    Examples
    --------
    >>> calibrate_ties([2, 1, 1.5, 5, 3], [1, 2, 2, 3, 4])
    TieCalibration(epsilon=0.5, accuracy=0.7)
    """
    pairs = _Pairs.of(scores, target, target_tie, groups)
    return pairs.calibrate() if pairs.number else TieCalibration(NAN, NAN)


def cross_validated_accuracy(
    scores: ArrayLike,
    target: ArrayLike,
    clusters: ArrayLike | None = None,
    folds: int = FOLDS,
    seed: int = 0,
    target_tie: float = 0.0,
    groups: ArrayLike | None = None,
) -> CrossValidatedAccuracy:
    """Pairwise accuracy with epsilon chosen on other images.

    Parameters
    ----------
    scores, target, target_tie, groups
        See `pairwise_accuracy`.
    clusters : array_like, shape (items,), optional
        Which images belong together and stay in one fold; the groups, or else each by itself, unless given.
    folds : int
        How many; fewer where there are fewer clusters.
    seed : int
        Of the assignment to folds, and of the 2,048 items that are drawn where there are more and no groups.

    Returns
    -------
    CrossValidatedAccuracy
        The folds' accuracies are weighted by their pairs, or, with groups, by the groups that have one.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> people = np.round(rng.normal(size=100))
    >>> found = cross_validated_accuracy(people + rng.normal(size=100) / 4, people)
    >>> found.accuracy > found.without_ties
    True
    """
    x, y = np.asarray(scores, dtype=float), np.asarray(target, dtype=float)
    together = groups if clusters is None else clusters
    cluster = np.arange(len(x)) if together is None else np.unique(np.asarray(together), return_inverse=True)[1]
    group = None if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    known = np.flatnonzero(~(np.isnan(x) | np.isnan(y))) if groups is not None else chosen_items(x, y, seed)
    x, y, cluster = x[known], y[known], cluster[known]
    group = None if group is None else group[known]
    fold = item_folds(cluster, folds, seed)
    pairs = _Pairs.of(x, y, target_tie, group)
    sums, weight = np.zeros(3), 0
    for held_out in np.unique(fold):
        train, test = pairs.among(fold != held_out), pairs.among(fold == held_out)
        if train.number and test.number:
            epsilon = train.calibrate().epsilon
            sums += test.number * np.array([test.accuracy(each) for each in (epsilon, 0.0, np.inf)])
            weight += test.number
    accuracy, without_ties, all_tied = sums / weight if weight else np.full(3, NAN)
    chosen = pairs.calibrate() if pairs.number else TieCalibration(NAN, NAN)
    return CrossValidatedAccuracy(
        float(accuracy), float(without_ties), float(all_tied), chosen.epsilon, chosen.accuracy
    )


def chosen_items(scores: Array, target: Array, seed: int = 0) -> NDArray[np.intp]:
    """Which items are paired: those with both, or 2,048 of them by chance where there are more.

    Examples
    --------
    >>> chosen_items(np.array([1.0, np.nan, 3.0]), np.ones(3)).tolist()
    [0, 2]
    """
    return sampled(np.flatnonzero(~(np.isnan(scores) | np.isnan(target))), MOST_ITEMS, seed)


@dataclass(frozen=True)
class _Pairs:
    """Pairs of items, each once, in the order of how far their scores lie apart."""

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    gaps: Array  # between the scores, ascending
    alike: NDArray[np.bool_]  # people and scores differ, in the same direction
    tied: NDArray[np.bool_]  # people's ratings are equal
    group: NDArray[np.intp] | None  # None where all pairs count alike
    tolerance: float

    @classmethod
    def of(cls, scores: ArrayLike, target: ArrayLike, target_tie: float, groups: ArrayLike | None) -> "_Pairs":
        x, y = np.asarray(scores, dtype=float), np.asarray(target, dtype=float)
        group = np.zeros(len(x), dtype=int) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
        items = np.flatnonzero(~(np.isnan(x) | np.isnan(y)))
        items = items[np.argsort(group[items], kind="stable")]
        x, y, places = x[items], y[items], _within(group[items])
        order = np.argsort(np.abs(x[places[0]] - x[places[1]]))
        first, second = (each[order] for each in places)
        ahead, preferred = x[first] - x[second], y[first] - y[second]
        gaps = np.abs(ahead)
        tied = np.abs(preferred) <= target_tie + _rounding(y)
        alike = ~tied & (gaps > _rounding(x)) & ((ahead > 0) == (preferred > 0))
        own = None if groups is None else group[items[first]]
        return cls(items[first], items[second], gaps, alike, tied, own, _rounding(x))

    def among(self, items: NDArray[np.bool_]) -> "_Pairs":
        """The pairs of which both items are among these."""
        kept = items[self.first] & items[self.second]
        return _Pairs(
            self.first[kept],
            self.second[kept],
            self.gaps[kept],
            self.alike[kept],
            self.tied[kept],
            None if self.group is None else self.group[kept],
            self.tolerance,
        )

    @property
    def number(self) -> int:
        """How many pairs, or groups that have one."""
        return len(self.gaps) if self.group is None else len(np.unique(self.group))

    def _shares(self) -> Array:
        """What each pair counts for; they sum to 1."""
        if self.group is None:
            return np.full(len(self.gaps), 1.0 / len(self.gaps))
        return np.asarray(1.0 / (self.number * np.bincount(self.group)[self.group]))

    def accuracy(self, epsilon: float) -> float:
        """The share of pairs that are right."""
        equal = int(np.searchsorted(self.gaps, epsilon + self.tolerance, side="right"))
        right = np.concatenate([self.tied[:equal], self.alike[equal:]])
        return float(right.mean() if self.group is None else self._shares()[right].sum())

    def calibrate(self) -> TieCalibration:
        """Once its gap is within epsilon, a pair that people tie becomes right, and one in the right order wrong."""
        gained = np.cumsum(self._shares() * (self.tied.astype(np.int8) - self.alike))
        ends = np.flatnonzero(np.append(np.diff(self.gaps) > self.tolerance, True))
        epsilons, gains = np.append(0.0, self.gaps[ends]), np.append(0.0, gained[ends])
        if self.gaps[0] <= self.tolerance:  # epsilon 0 ties some already
            epsilons, gains = np.append(0.0, epsilons[2:]), gains[1:]
        best = int(np.flatnonzero(gains >= gains.max() - TOLERANCE)[0])
        return TieCalibration(float(epsilons[best]), self.accuracy(float(epsilons[best])))


def _within(group: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The two items of every pair within a group; the groups are ascending numbers."""
    ends = np.searchsorted(group, group, side="right")
    partners = ends - np.arange(len(group)) - 1
    first = np.repeat(np.arange(len(group)), partners)
    before = np.repeat(np.cumsum(partners) - partners, partners)
    return first, np.arange(len(first)) - before + first + 1


def _rounding(values: Array) -> float:
    """How far two differences of these values may lie apart through rounding."""
    return float(TOLERANCE * np.abs(values).max(initial=0.0))
