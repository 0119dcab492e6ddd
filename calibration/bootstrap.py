"""How far a metric's figures would move with other images, and with other people: a bootstrap that refits the mapping.

Two questions are kept apart. *These evaluators*: images are drawn anew (whole clusters of them, where images of one
prompt or subject are alike), the people stay. *People like these*: evaluators are drawn anew as well, so that the
interval also holds for a study with other people; with few evaluators it is much wider, and resampling images alone
would cover far less than it says.

Every draw does what the report does: it fits the bucket mapping without each evaluator in turn, and grades it on the
one left out. All draws are computed together: a mapping's cuts are argmins of sums over the sorted images, so a draw
is nothing but other weights in those sums.
"""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from calibration.grades import LEVELS, Array
from calibration.intervals import Interval, group_codes, item_draws, percentiles, with_other_people
from calibration.many_mappings import TIE, ScoreOrder, level_costs
from calibration.ties import group_starts
from metrics.registry import Direction

_RANGES = {
    "spearman": (-1.0, 1.0),
    "grade": (0.0, 1.0),
    "constant": (0.0, 1.0),
    "person": (0.0, 1.0),
    "skill": (-np.inf, 1.0),
    "person_skill": (-np.inf, 1.0),
    "advantage": (-np.inf, np.inf),
    "kappa": (-1.0, 1.0),
}
STATISTICS = tuple(_RANGES)
DRAWS = 1000
FEWEST_DRAWS = 100
MOST_ITEMS = 100_000
_EFFORT = 2**28  # draws x images x pairs of evaluators that are spent on a metric, at most
_BLOCK = 2**17  # image-draws that are computed at once: what the processor keeps close
_THREADS = min(4, os.cpu_count() or 1)


@dataclass(frozen=True)
class Intervals:
    """A metric's figures with their uncertainty.

    Attributes
    ----------
    these : dict of str to Interval
        For other images, judged by these evaluators: percentiles of the draws.
    people_like_these : dict of str to Interval
        For other images and other evaluators; empty where fewer than three evaluators rated.
    draws : int
        How many there were.
    clusters : int
        How many groups of images were drawn from.
    """

    these: dict[str, Interval]
    people_like_these: dict[str, Interval]
    draws: int
    clusters: int


def metric_intervals(
    scores: ArrayLike,
    ratings: Array,
    k: float = 1.0,
    direction: Direction = "higher",
    clusters: ArrayLike | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Intervals | None:
    """Intervals of a metric's figures.

    Parameters
    ----------
    scores : array_like, shape (items,)
        Finite scores.
    ratings : ndarray, shape (items, evaluators)
        Unit scale, NaN where missing.
    k : float
        The exponent of the distance, above 0.
    direction : {"higher", "lower"}
        Which way the metric points.
    clusters : array_like, shape (items,), optional
        Which images belong together; each by itself unless given.
    draws : int
        How many studies are drawn for each question; fewer, but at least 100, where there are very many images.
    seed : int
        Of the draws.

    Returns
    -------
    Intervals or None
        Of: ``spearman`` with the mean rating; ``grade``, ``constant`` and ``person``, against one person; ``skill``
        and ``person_skill``; ``advantage``, the first minus the second; ``kappa``, weighted, of the metric's levels
        and held-out people's ratings. None where there are fewer than two items or evaluators, or more than 100,000
        items.

    Notes
    -----
    A mapping that is refitted to drawn images knows some of them twice or more, which flatters it; so the draws are
    moved until their mean is the figure itself. For people like these, see `calibration.intervals.with_other_people`,
    with each evaluator left out in some draws of the images as well.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> quality = rng.normal(size=200)
    >>> ratings = np.clip(np.round(2 + quality[:, None] + rng.normal(size=(200, 4))), 0, 4) / 4
    >>> found = metric_intervals(quality + rng.normal(size=200), ratings, draws=200)
    >>> these, others = found.these["skill"], found.people_like_these["skill"]
    >>> others.high - others.low > these.high - these.low
    True
    """
    values, rated = np.asarray(scores, dtype=float), ~np.isnan(ratings)
    ratings, rated = ratings[:, rated.any(axis=0)], rated[:, rated.any(axis=0)]
    people = ratings.shape[1]
    if not 2 <= len(values) <= MOST_ITEMS or people < 2 or draws < 2:
        return None
    count = int(np.clip(_EFFORT // (len(values) * people**2), FEWEST_DRAWS, draws)) if draws > FEWEST_DRAWS else draws
    groups = group_codes(clusters, len(values))
    study = _Study(values, ratings, k, direction)
    rng = np.random.default_rng(seed % 2**63)
    estimate = study.statistics(np.ones((1, len(values))), np.ones((1, people)))
    drawn = study.draw(groups, count, rng)
    over_items = {name: _about(drawn[name], estimate[name], _RANGES[name]) for name in STATISTICS}
    these = {name: percentiles(over_items[name]) for name in STATISTICS}
    others: dict[str, Interval] = {}
    if people > 2:
        without = study.without_each(np.ones((1, len(values))))
        several = np.concatenate(list(item_draws(groups, _jackknives(people, count), _BLOCK, rng)))
        in_draws = study.without_each(several)
        for name in STATISTICS:
            figure, one = float(estimate[name][0]), without[name][0]
            others[name] = with_other_people(figure, over_items[name], one, people, *_RANGES[name], in_draws[name])
    return Intervals(these, others, count, int(groups.max()) + 1)


def _about(drawn: Array, estimate: Array, limits: tuple[float, float]) -> Array:
    """The draws moved until their mean is the estimate, within the figure's range."""
    known = np.isfinite(drawn)
    return np.clip(drawn + estimate - drawn[known].mean(), *limits) if known.any() else drawn


def _jackknives(people: int, draws: int) -> int:
    """In how many draws of the images each evaluator is left out: enough for a variance that is only taken off."""
    return max(2, min(120, draws // 2) // people)


class _Study:
    """One metric's scores and ratings, from which the figures of many weighted studies are computed at once."""

    def __init__(self, scores: Array, ratings: Array, k: float, direction: Direction):
        self._scores = ScoreOrder(scores, direction)
        order = self._scores.order
        self._order = order
        self._k = k
        self._ratings = ratings[order]
        self._rated = (~np.isnan(self._ratings)).astype(float)
        filled = np.nan_to_num(self._ratings)
        self._costs = level_costs(self._ratings, k)
        self._apart = np.abs(filled[:, :, None] - filled[:, None, :]) ** k
        self._both = self._rated[:, :, None] * self._rated[:, None, :]
        self._steps = [(self._costs[:, :, at] - self._costs[:, :, at + 1]).T.copy() for at in range(len(LEVELS) - 1)]
        answers = np.rint(filled * (len(LEVELS) - 1))
        self._answers = [np.column_stack([np.ones(len(own)), own, own**2]) for own in answers.T]
        self._targets: dict[bytes, tuple[NDArray[np.intp], NDArray[np.intp]]] = {}

    def draw(self, groups: NDArray[np.intp], count: int, rng: np.random.Generator) -> dict[str, Array]:
        """The figures of as many studies; images are drawn by their groups."""
        people = np.ones((1, self._rated.shape[1]))
        blocks = item_draws(groups, count, max(1, _BLOCK // len(groups)), rng)
        return self._joined((block, np.repeat(people, len(block), axis=0)) for block in blocks)

    def without_each(self, items: Array) -> dict[str, Array]:
        """The figures without each evaluator, (draws, evaluators), where images count so often, (draws, images)."""
        n, count = self._rated.shape
        others, studies = 1.0 - np.eye(count), np.arange(len(items) * count)
        blocks = np.split(studies, range(max(1, _BLOCK // n), len(studies), max(1, _BLOCK // n)))
        found = self._joined((items[block // count], others[block % count]) for block in blocks)
        return {name: values.reshape(len(items), count) for name, values in found.items()}

    def _joined(self, blocks: Iterable[tuple[Array, Array]]) -> dict[str, Array]:
        """The figures of all blocks in their order, computed in threads; numpy's own would compete with these."""
        with threadpool_limits(1, "blas"), ThreadPoolExecutor(_THREADS) as pool:
            parts = list(pool.map(lambda block: self.statistics(*block), blocks))
        return {name: np.concatenate([part[name] for part in parts]) for name in STATISTICS}

    def statistics(self, items: Array, people: Array) -> dict[str, Array]:
        """The figures of studies in which images and evaluators count so often; weights of shapes (B, n), (B, E)."""
        w = items[:, self._order]
        n, count = self._rated.shape
        shared = np.einsum("bs,sx->bx", w, self._both.reshape(n, -1), optimize=True).reshape(-1, count, count)
        apart = (w @ (self._apart * self._both).reshape(n, -1)).reshape(-1, count, count)
        by_level = (w @ self._costs.reshape(n, -1)).reshape(-1, count, len(LEVELS))
        metric, constant = np.zeros_like(shared), np.zeros_like(shared)
        moments = np.zeros((len(w), 6))
        panels = people[:1] if (people == people[0]).all() else people
        for out in range(count):
            others = np.where(np.arange(count) == out, 0.0, panels)
            training = (others[:, :, None] * by_level).sum(axis=1)
            best = np.argmax(training <= training.min(axis=1, keepdims=True) + TIE, axis=1)
            levels = self._levels(w, others)
            own = self._costs[:, out]
            distance = np.take(np.ascontiguousarray(own), levels + len(LEVELS) * np.arange(n))
            distance *= w
            metric[:, :, out] = distance @ self._rated
            constants = (w @ (own[:, :, None] * self._rated[:, None, :]).reshape(n, -1)).reshape(-1, len(LEVELS), count)
            constant[:, :, out] = constants[np.arange(len(w)), best]
            moments += self._moments(w, levels, others, out) * people[:, [out]]
        pairs = people[:, :, None] * people[:, None, :] * (1 - np.eye(count)) * (shared > 0)
        # a fold without training ratings has no mapping: nobody else was drawn
        grades = [_mean_grade(sums, shared, pairs) for sums in (metric, constant, apart)]
        grade, base, person = grades
        with np.errstate(invalid="ignore", divide="ignore"):
            skill, person_skill = (np.where(base < 1, (each - base) / (1 - base), np.nan) for each in (grade, person))
        kappa = np.where(np.isfinite(grade), _kappa(moments), np.nan)
        found = (self._spearman(w, people), grade, base, person, skill, person_skill, skill - person_skill, kappa)
        return dict(zip(STATISTICS, found, strict=True))

    def _levels(self, w: Array, people: Array) -> NDArray[np.int8]:
        """Each item's level, 0 to 4, by the mappings that fit best, (B, n); people of all studies, or of each."""
        if self._k < 1:
            costs = people @ self._costs.transpose(1, 0, 2).reshape(people.shape[1], -1)
            costs = costs.reshape(len(people), w.shape[1], len(LEVELS))
            return self._scores.levels_of_any_costs(costs * w[:, :, None])
        differences = (people @ step * w for step in self._steps)
        return self._scores.levels(differences, TIE * (1.0 + w.sum(axis=1)), w)

    def _moments(self, w: Array, levels: NDArray[np.int8], others: Array, out: int) -> Array:
        """Sums over what one evaluator and another rated: 1, rating, its square, level, level x rating, its square."""
        counted = w * ((others @ self._rated.T > 0) & (self._rated[:, out] > 0))
        times = counted * levels
        return np.column_stack(
            [counted @ self._answers[out], times @ self._answers[out][:, :2], (times * levels).sum(axis=1)]
        )

    def _spearman(self, w: Array, people: Array) -> Array:
        """The rank correlation of score and mean rating."""
        found = np.empty(len(w))
        for pattern in np.unique(people, axis=0):
            rows = np.flatnonzero((people == pattern).all(axis=1))
            order, starts = self._target(pattern)
            weights = np.where((self._rated @ pattern > 0)[None, :], w[rows], 0.0)
            target = np.empty_like(weights)
            target[:, order] = _mean_ranks(weights[:, order], starts)
            found[rows] = _correlations(_mean_ranks(weights, self._scores.starts), target, weights)
        return found

    def _target(self, pattern: Array) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The order of the items by their mean rating, and where equal ones begin."""
        key = pattern.tobytes()
        if key not in self._targets:
            total = self._rated @ pattern
            mean = np.divide(np.nan_to_num(self._ratings) @ pattern, total, out=np.zeros(len(total)), where=total > 0)
            mean = np.round(mean, 12)
            order = np.argsort(mean, kind="stable")
            self._targets[key] = order, np.flatnonzero(group_starts(np.asarray(mean[order], dtype=np.float64)))
        return self._targets[key]


def _mean_grade(sums: Array, shared: Array, pairs: Array) -> Array:
    """1 minus the mean distance of each pair of evaluators, averaged over pairs; nan where there is none."""
    distance = np.divide(sums, shared, out=np.zeros_like(sums), where=shared > 0)
    total = pairs.sum(axis=(1, 2))
    found = np.divide(
        (pairs * (1.0 - distance)).sum(axis=(1, 2)), total, out=np.full(len(total), np.nan), where=total > 0
    )
    return np.asarray(found)


def _kappa(moments: Array) -> Array:
    """Cohen's kappa with squared weights, from `_Study._moments`; nan where nothing differs."""
    n, rating, ratings_squared, level, both, levels_squared = moments.T
    apart = levels_squared - 2 * both + ratings_squared
    expected = n * (levels_squared + ratings_squared) - 2 * level * rating
    return 1.0 - np.divide(n * apart, expected, out=np.full(len(n), np.nan), where=expected > 0)


def _mean_ranks(weights: Array, starts: NDArray[np.intp]) -> Array:
    """Ranks less 1/2 of items in ascending order, equal ones from each start on; shape of the weights, (B, n)."""
    shares = np.add.reduceat(weights, starts, axis=1)
    middles = np.cumsum(shares, axis=1) - shares / 2
    return np.repeat(middles, np.diff(np.append(starts, weights.shape[1])), axis=1)


def _correlations(x: Array, y: Array, w: Array) -> Array:
    """Weighted correlations, row by row; nan where one is constant."""
    total = w.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):  # a draw without a single rating
        x = x - (w * x).sum(axis=1, keepdims=True) / total
        y = y - (w * y).sum(axis=1, keepdims=True) / total
    scale = np.sqrt((w * x * x).sum(axis=1) * (w * y * y).sum(axis=1))
    found = np.divide((w * x * y).sum(axis=1), scale, out=np.full(len(w), np.nan), where=scale > 0)
    return np.asarray(found)
