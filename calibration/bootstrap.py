"""How far a metric's figures would move with other images, and with other people: a bootstrap that refits the mapping.

Two questions are kept apart. *These evaluators*: images are drawn anew (whole clusters of them, where images of one
prompt or subject are alike), the people stay. *People like these*: evaluators are drawn anew as well, so that the
interval also holds for a study with other people; with few evaluators it is much wider, and resampling images alone
would cover far less than it says.

Every draw does what the report does: it fits the bucket mapping without each evaluator in turn, and grades it on the
one left out. All draws are computed together: a mapping's cuts are argmins of sums over the sorted images, so a draw
is nothing but other weights in those sums.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from calibration.grades import LEVELS, Array
from calibration.ties import group_starts
from metrics.registry import Direction

STATISTICS = ("spearman", "grade", "constant", "person", "skill", "person_skill", "advantage")
CONFIDENCE = 0.95
DRAWS = 1000
FEWEST_DRAWS = 100
MOST_ITEMS = 100_000
_EFFORT = 2**26  # draws x images x pairs of evaluators that are spent on a metric, at most
_BLOCK = 2**21  # image-draws that are in memory at once
_TIE = 1e-9


class Interval(NamedTuple):
    """Where a figure would lie in 95 of 100 studies of the kind in question."""

    low: float
    high: float


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
        The exponent of the distance, 1 or more; for smaller ones there are no intervals.
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
        and ``person_skill``; ``advantage``, the first minus the second. None where there are fewer than two items or
        evaluators, more than 100,000 items, or k is below 1.

    Notes
    -----
    For people like these, evaluators are drawn with the images as they are. With E evaluators that shows (E - 1) / E of
    the variance that they bring, so it is multiplied by E / (E - 1) and added to the variance over images; the
    interval is the estimate -+ t times the root of the sum, t with the degrees of freedom that Satterthwaite's formula
    gives such a sum (E - 1 for the evaluators' part). What images and evaluators bring together counts in both parts,
    so that the interval is rather too wide than too narrow (tests/benchmarks/bench_coverage.py).

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
    if not 2 <= len(values) <= MOST_ITEMS or people < 2 or k < 1 or draws < 2:
        return None
    count = int(np.clip(_EFFORT // (len(values) * people**2), FEWEST_DRAWS, draws)) if draws > FEWEST_DRAWS else draws
    groups = np.arange(len(values)) if clusters is None else np.unique(np.asarray(clusters), return_inverse=True)[1]
    study = _Study(values, ratings, k, direction)
    rng = np.random.default_rng(seed % 2**63)
    same = np.ones((count, people))
    over_items = study.draw(groups, same, rng)
    these = {name: _percentiles(over_items[name]) for name in STATISTICS}
    others: dict[str, Interval] = {}
    if people > 2:
        estimate = study.statistics(np.ones((1, len(values))), np.ones((1, people)))
        resampled = rng.multinomial(people, np.full(people, 1 / people), size=count).astype(float)
        patterns, times = np.unique(resampled, axis=0, return_counts=True)
        over_people = study.of_all_images(patterns)
        for name in STATISTICS:
            drawn = np.repeat(over_people[name], times)
            others[name] = _t_interval(float(estimate[name][0]), over_items[name], drawn, people)
    return Intervals(these, others, count, int(groups.max()) + 1)


def _percentiles(drawn: Array) -> Interval:
    known = drawn[np.isfinite(drawn)]
    if not len(known):
        return Interval(np.nan, np.nan)
    low, high = np.quantile(known, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(float(low), float(high))


def _t_interval(estimate: float, over_items: Array, over_people: Array, people: int) -> Interval:
    """See the notes of `metric_intervals`."""
    known = [drawn[np.isfinite(drawn)] for drawn in (over_items, over_people)]
    if not np.isfinite(estimate) or not all(map(len, known)):
        return Interval(np.nan, np.nan)
    items, evaluators = (float(np.var(drawn)) for drawn in known)
    evaluators *= people / (people - 1)
    total = items + evaluators
    if total == 0:
        return Interval(estimate, estimate)
    freedom = total**2 / max(evaluators**2 / (people - 1), 1e-300)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, min(freedom, 1e6)) * np.sqrt(total))
    return Interval(estimate - half, min(estimate + half, 1.0))


class _Study:
    """One metric's scores and ratings, from which the figures of many weighted studies are computed at once."""

    def __init__(self, scores: Array, ratings: Array, k: float, direction: Direction):
        order = np.argsort(scores if direction == "higher" else -scores, kind="stable")
        signed = (scores if direction == "higher" else -scores)[order]
        starts = np.flatnonzero(group_starts(signed))
        self._order = order
        self._starts = starts
        self._group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(signed))))
        self._last = np.append(starts[1:], len(signed)) - 1
        self._ratings = ratings[order]
        self._rated = (~np.isnan(self._ratings)).astype(float)
        filled = np.nan_to_num(self._ratings)
        # costs[s, e, l]: what level l costs on item s by evaluator e
        self._costs = np.abs(filled[:, :, None] - LEVELS) ** k * self._rated[:, :, None]
        self._apart = np.abs(filled[:, :, None] - filled[:, None, :]) ** k
        self._both = self._rated[:, :, None] * self._rated[:, None, :]
        self._steps = [(self._costs[:, :, at] - self._costs[:, :, at + 1]).T.copy() for at in range(len(LEVELS) - 1)]
        self._targets: dict[bytes, tuple[NDArray[np.intp], NDArray[np.intp]]] = {}

    def draw(self, groups: NDArray[np.intp], people: Array, rng: np.random.Generator) -> dict[str, Array]:
        """The figures of as many studies as `people` has rows; images are drawn by their groups."""
        parts = [self.statistics(*study) for study in self._studies(groups, people, rng)]
        return {name: np.concatenate([part[name] for part in parts]) for name in STATISTICS}

    def of_all_images(self, people: Array) -> dict[str, Array]:
        """The figures of studies of the images as they are, one for each row of evaluators' weights."""
        n = len(self._rated)
        size = max(1, _BLOCK // n)
        blocks = [people[start : start + size] for start in range(0, len(people), size)]
        parts = [self.statistics(np.ones((len(block), n)), block) for block in blocks]
        return {name: np.concatenate([part[name] for part in parts]) for name in STATISTICS}

    def _studies(
        self, groups: NDArray[np.intp], people: Array, rng: np.random.Generator
    ) -> Iterator[tuple[Array, Array]]:
        count = int(groups.max()) + 1
        size = max(1, _BLOCK // len(groups))
        for start in range(0, len(people), size):
            part = people[start : start + size]
            drawn = rng.multinomial(count, np.full(count, 1 / count), size=len(part))
            yield drawn[:, groups].astype(float), part

    def statistics(self, items: Array, people: Array) -> dict[str, Array]:
        """The figures of studies in which images and evaluators count so often; weights of shapes (B, n), (B, E)."""
        w = items[:, self._order]
        n, count = self._rated.shape
        shared = np.einsum("bs,sx->bx", w, self._both.reshape(n, -1), optimize=True).reshape(-1, count, count)
        apart = (w @ (self._apart * self._both).reshape(n, -1)).reshape(-1, count, count)
        by_level = (w @ self._costs.reshape(n, -1)).reshape(-1, count, len(LEVELS))
        metric, constant = np.zeros_like(shared), np.zeros_like(shared)
        for out in range(count):
            others = people.copy()
            others[:, out] = 0.0
            training = np.einsum("be,bel->bl", others, by_level)
            best = np.argmax(training <= training.min(axis=1, keepdims=True) + _TIE, axis=1)
            levels = self._levels(w, others)
            own = self._costs[:, out]
            distance = own[np.arange(n)[None, :], levels]
            distance *= w
            metric[:, :, out] = distance @ self._rated
            constant[:, :, out] = (w * own[:, best].T) @ self._rated
        pairs = people[:, :, None] * people[:, None, :] * (1 - np.eye(count)) * (shared > 0)
        # a fold without training ratings has no mapping: nobody else was drawn
        grades = [_mean_grade(sums, shared, pairs) for sums in (metric, constant, apart)]
        grade, base, person = grades
        with np.errstate(invalid="ignore", divide="ignore"):
            skill, person_skill = (np.where(base < 1, (each - base) / (1 - base), np.nan) for each in (grade, person))
        found = (self._spearman(w, people), grade, base, person, skill, person_skill, skill - person_skill)
        return dict(zip(STATISTICS, found, strict=True))

    def _levels(self, w: Array, people: Array) -> NDArray[np.int8]:
        """Each item's level, 0 to 4, by the mappings that fit best; shape (B, n)."""
        found = np.zeros(w.shape, dtype=np.int8)
        reached = np.zeros(len(w), dtype=np.intp)
        tolerance = _TIE * (1.0 + w.sum(axis=1))
        has_ties = len(self._last) < w.shape[1]
        drawn = np.add.reduceat(w, self._starts, axis=1) > 0 if has_ties else w > 0
        for level in range(len(LEVELS) - 1):
            running = people @ self._steps[level]
            running *= w
            np.cumsum(running, axis=1, out=running)
            if has_ties:
                running = running[:, self._last]
            reached = np.maximum(reached, _middle_cuts(running, drawn, tolerance))
            found += self._group[None, :] >= reached[:, None]
        return found

    def _spearman(self, w: Array, people: Array) -> Array:
        """The rank correlation of score and mean rating."""
        found = np.empty(len(w))
        for pattern in np.unique(people, axis=0):
            rows = np.flatnonzero((people == pattern).all(axis=1))
            order, starts = self._target(pattern)
            weights = np.where((self._rated @ pattern > 0)[None, :], w[rows], 0.0)
            target = np.empty_like(weights)
            target[:, order] = _mean_ranks(weights[:, order], starts)
            found[rows] = _correlations(_mean_ranks(weights, self._starts), target, weights)
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


def _middle_cuts(running: Array, drawn: NDArray[np.bool_], tolerance: Array) -> NDArray[np.intp]:
    """After how many scores each row is least, 0 for none; the middle one of equals among the scores drawn."""
    least = np.minimum(running.min(axis=1), 0.0) + tolerance
    best = (running <= least[:, None]) & drawn
    at_start = least >= 0.0
    count = best.sum(axis=1) + at_start
    cuts = np.where(at_start, 0, best.argmax(axis=1) + 1)
    several = np.flatnonzero(count > 1)
    if len(several):
        rank = np.cumsum(best[several], axis=1, dtype=np.int32) + at_start[several, None]
        middle = (count[several] + 1) // 2
        chosen = np.argmax(rank == middle[:, None], axis=1) + 1
        cuts[several] = np.where(at_start[several] & (middle == 1), 0, chosen)
    return cuts


def _mean_grade(sums: Array, shared: Array, pairs: Array) -> Array:
    """1 minus the mean distance of each pair of evaluators, averaged over pairs; nan where there is none."""
    distance = np.divide(sums, shared, out=np.zeros_like(sums), where=shared > 0)
    total = pairs.sum(axis=(1, 2))
    found = np.divide(
        (pairs * (1.0 - distance)).sum(axis=(1, 2)), total, out=np.full(len(total), np.nan), where=total > 0
    )
    return np.asarray(found)


def _mean_ranks(weights: Array, starts: NDArray[np.intp]) -> Array:
    """Ranks less 1/2 of items in ascending order, equal ones from each start on; shape of the weights, (B, n)."""
    shares = np.add.reduceat(weights, starts, axis=1)
    middles = np.cumsum(shares, axis=1) - shares / 2
    return np.repeat(middles, np.diff(np.append(starts, weights.shape[1])), axis=1)


def _correlations(x: Array, y: Array, w: Array) -> Array:
    """Weighted correlations, row by row; nan where one is constant."""
    total = w.sum(axis=1, keepdims=True)
    x = x - (w * x).sum(axis=1, keepdims=True) / total
    y = y - (w * y).sum(axis=1, keepdims=True) / total
    scale = np.sqrt((w * x * x).sum(axis=1) * (w * y * y).sum(axis=1))
    found = np.divide((w * x * y).sum(axis=1), scale, out=np.full(len(w), np.nan), where=scale > 0)
    return np.asarray(found)
