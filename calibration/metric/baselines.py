"""What a grade is worth: the same grade for random scores, for a constant, for a person, and for the mean of people.

A metric is graded twice. Against *one person*, as `calibration.core.crossvalidation` does. Against *the mean of the
others*: the evaluators without the one left out, on the items that this one rated as well, so that the one left out
can be graded on the same items against the same people.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from calibration.core.buckets import BucketFitter
from calibration.core.crossvalidation import CrossValidation
from calibration.core.evaluator_weights import evaluator_shares, rating_weights, trust, weighted_mean
from calibration.core.grades import Array, distance_grade, evaluator_grades, leave_one_out_scores
from calibration.core.intervals import group_codes
from calibration.core.many_mappings import TIE, ScoreOrder, level_costs
from calibration.core.ratings import Ratings, ScoredTask
from calibration.core.resampling import MANY_ITEMS, PERMUTATIONS, STEPS, Draws, generator, given_draws
from calibration.core.ties import as_equals
from metrics.known import Direction

HIGH = 0.95
_FEWEST = 50
_EFFORT = 2**25  # permutations x items x evaluators that are spent, at most
_NUMBERS = 64  # for each item of a permutation


@dataclass(frozen=True)
class Grades:
    """Grades against one person and against the mean of the others; arrays for many permutations, else numbers."""

    one_person: Any
    mean_of_others: Any


@dataclass(frozen=True)
class _Taker:
    """An evaluator on their items: places, costs (items, levels), weights; and where others' means are known."""

    rows: NDArray[np.intp] | slice
    costs: Array
    weights: Array
    known: NDArray[np.intp] | slice
    others: Array


class RandomScores:
    """What a metric's scores reach when they are dealt to the items by chance.

    Parameters
    ----------
    ratings : Ratings
        Of the items that have a score. Scores are dealt between what is held out together: every group gets the scores
        of one group, some of them twice where that one is smaller, so that scores that are alike within groups have as
        much luck as they would. Where groups differ much in size, or scores are not alike within them, p comes out too
        large rather than too small.
    permutations : int, optional
        How often the scores are dealt; fewer where there are very many ratings. 1,000 unless told, or none where
        nothing is drawn.
    """

    def __init__(self, ratings: Ratings, permutations: int | None = None):
        if permutations is None:
            permutations = PERMUTATIONS if ratings.resampling.draws else 0
        self._ratings, self._k, self._seed, self._scale = (
            ratings.values,
            ratings.k,
            ratings.resampling.seed,
            ratings.scale,
        )
        groups, size = ratings.held_together, ratings.values.size
        self._groups = None if groups is None else group_codes(groups, len(ratings.values))
        self._count = min(permutations, max(_FEWEST, _EFFORT // max(size, 1)))
        self._known: dict[bytes, Grades] = {}
        self._dealing: NDArray[np.intp] | None = None
        self._kept: tuple[list[_Taker], Array, Array] | None = None

    def grades(self, scores: Array, direction: Direction = "higher") -> Grades:
        """The grades of each permutation; without groups, metrics with the same pattern of equal scores share them.

        Parameters
        ----------
        scores : ndarray, shape (items,)
            Finite scores.
        direction : {"higher", "lower"}
            Which way the metric points.

        Returns
        -------
        Grades
            Arrays of shape (permutations,).

        Examples
        --------
        >>> rng = np.random.default_rng(0)
        >>> ratings = Ratings(rng.integers(0, 5, (40, 3)) / 4)
        >>> by_chance = RandomScores(ratings, 200).grades(rng.normal(size=40)).one_person
        >>> len(by_chance), bool(abs(by_chance.mean() - 0.7) < 0.05)
        (200, True)
        """
        order = ScoreOrder(scores, direction)
        key = order.starts.tobytes() + (b"" if self._groups is None else order.order.tobytes())
        if key not in self._known:
            place_of = np.empty(len(scores), dtype=np.intp)
            place_of[order.order] = np.arange(len(scores))
            if self._count:
                found = self._permutations().figures(lambda givers: self._dealt(order, place_of[givers]), _NUMBERS)
            else:
                found = np.empty(0), np.empty(0)
            self._known[key] = Grades(*found)
        return self._known[key]

    def spearman_p(self, scores: Array, target: Array, direction: Direction = "higher") -> float:
        """How often scores so dealt follow people's order as closely as these do, counting these.

        Parameters
        ----------
        scores, target : ndarray, shape (items,)
            Finite scores and mean ratings.
        direction : {"higher", "lower"}
            Which way the metric points.

        Returns
        -------
        float
            One-sided, in (0, 1]; NaN without permutations, or where either is constant.

        Examples
        --------
        >>> ratings = np.repeat(np.linspace(0, 1, 20)[:, None], 2, axis=1)
        >>> RandomScores(Ratings(ratings), 99).spearman_p(np.arange(20.0), ratings[:, 0])
        0.01
        """
        x = stats.rankdata(as_equals(scores if direction == "higher" else -scores))
        y = stats.rankdata(as_equals(target))
        if not self._count or np.ptp(x) == 0 or np.ptp(y) == 0:
            return float("nan")
        y = y - y.mean()

        def followed(givers: NDArray[np.intp]) -> Array:
            dealt = x[givers]
            dealt = dealt - dealt.mean(axis=1, keepdims=True)
            spread = np.sqrt((dealt**2).sum(axis=1))
            return np.divide(dealt @ y, spread, out=np.zeros(len(dealt)), where=spread > 0)

        reached = self._permutations().figures(followed)
        own = float((x - x.mean()) @ y) / float(np.sqrt(((x - x.mean()) ** 2).sum()))
        return (1 + int((reached >= own - TIE).sum())) / (1 + len(reached))

    def _permutations(self) -> Draws:
        """Of each item, whose score it gets."""
        return given_draws(self._givers())

    def _givers(self) -> NDArray[np.intp]:
        """Row by row, whose score each item gets; shape (permutations, items)."""
        if self._dealing is None:
            rng, n = generator(self._seed), len(self._ratings)
            if self._groups is None:
                rows = [rng.permutation(n) for _ in range(self._count)]
            else:
                members = np.split(np.argsort(self._groups, kind="stable"), np.cumsum(np.bincount(self._groups))[:-1])
                rows = [self._from_groups(members, rng) for _ in range(self._count)]
            self._dealing = np.array(rows, dtype=np.intp).reshape(self._count, n)
        return self._dealing

    def _from_groups(self, members: list[NDArray[np.intp]], rng: np.random.Generator) -> NDArray[np.intp]:
        givers = np.empty(len(self._ratings), dtype=np.intp)
        for takers, giver in zip(members, rng.permutation(len(members)).tolist(), strict=True):
            givers[takers] = np.resize(rng.permutation(members[giver]), len(takers))
        return givers

    def _people(self) -> tuple[list[_Taker], Array, Array]:
        """What every shuffle needs of the people: each one's own, what all cost, and how much each weighs."""
        if self._kept is None:
            ratings, k = self._ratings, self._k
            rated = ~np.isnan(ratings)
            others, weights = leave_one_out_scores(ratings), rating_weights(rated, trust(ratings))
            every_cost, takers = np.zeros((len(ratings), self._scale.count)), []
            for out in range(ratings.shape[1]):
                rows = slice(None) if rated[:, out].all() else np.flatnonzero(rated[:, out])
                costs = level_costs(ratings[rows, out][:, None], k, self._scale)[:, 0]
                every_cost[rows] += costs
                target = others[rows, out]
                known = ~np.isnan(target)
                takers.append(
                    _Taker(
                        rows,
                        costs,
                        weights[rows, out],
                        slice(None) if known.all() else np.flatnonzero(known),
                        target[known],
                    )
                )
            self._kept = takers, every_cost, evaluator_shares(ratings)
        return self._kept

    def _dealt(self, order: ScoreOrder, places: NDArray[np.intp]) -> tuple[Array, Array]:
        """The two grades where, row by row, each item gets the score at this place of the order."""
        k, top, (variants, n) = self._k, self._scale.count - 1, places.shape
        takers, every_cost, shares = self._people()
        tolerance = np.full(variants, TIE * (1.0 + n))
        size = n
        if n > MANY_ITEMS and k >= 1:  # of so many items, neighbours in the order share their level
            starts = order.steps(STEPS)
            size = len(starts)
            places = np.repeat(np.arange(size), np.diff(np.append(starts, n)))[places]
            order = ScoreOrder(np.arange(size, dtype=float), "higher")
        shape = variants, size
        flat = places + size * np.arange(variants)[:, None]
        counted = np.bincount(flat.ravel(), minlength=variants * size).reshape(shape).astype(float)
        has_gaps = bool((counted == 0).any())

        def by_place(values: Array, at: NDArray[np.intp]) -> Array:
            summed = np.bincount(at.ravel(), np.tile(values, variants), minlength=variants * size)
            return np.asarray(summed, dtype=np.float64).reshape(shape)

        every_step = [by_place(every_cost[:, at] - every_cost[:, at + 1], flat) for at in range(top)]
        total, weight = np.zeros(variants), 0.0
        to_mean = np.full((variants, len(takers)), np.nan)
        ratings = sum(len(each.costs) for each in takers)
        for out, taker in enumerate(takers):
            if ratings == len(taker.costs):
                continue
            own = flat[:, taker.rows]
            if k >= 1:
                steps = (
                    every - by_place(taker.costs[:, at] - taker.costs[:, at + 1], own)
                    for at, every in enumerate(every_step)
                )
                ordered = order.levels(steps, tolerance, counted if has_gaps else None)
            else:
                training = every_cost.copy()
                training[taker.rows] -= taker.costs
                ordered = order.levels_of_any_costs(np.stack([by_place(cost, flat) for cost in training.T], axis=2))
            levels = np.take(ordered.ravel(), own)
            total += np.take(taker.costs, levels + (top + 1) * np.arange(levels.shape[1])) @ taker.weights
            weight += float(taker.weights.sum())
            if len(taker.others):
                apart = np.abs(levels[:, taker.known] / top - taker.others)
                to_mean[:, out] = 1.0 - (apart if k == 1 else apart**k).mean(axis=1)
        to_one = 1.0 - total / weight if weight > 0 else np.full(variants, np.nan)
        found = ~np.isnan(to_mean).all(axis=0) & (shares > 0)
        if not found.any():
            return to_one, np.full(variants, np.nan)
        return to_one, to_mean[:, found] @ shares[found] / shares[found].sum()


def metric_grades(task: ScoredTask) -> Grades:
    """A metric's two grades, its mapping fitted without the evaluator left out, on the same items.

    Parameters
    ----------
    task : ScoredTask

    Returns
    -------
    Grades
        NaN where no two evaluators share an item.

    Examples
    --------
    >>> metric_grades(ScoredTask.of([1.0, 2.0], Ratings(np.array([[0.0, 0.0], [1.0, 0.5]]))))
    Grades(one_person=0.75, mean_of_others=1.0)
    """
    return Grades(task.cross_validated().grade_mean, _against_mean(task)[0])


def baselines(task: ScoredTask, result: CrossValidation, by_chance: RandomScores) -> dict[str, Any]:
    """A metric's grades beside those of a constant, of random scores, of a person and of the mean of people.

    Parameters
    ----------
    task : ScoredTask
    result : CrossValidation
        Of the same scores and ratings.
    by_chance : RandomScores
        Of the same ratings.

    Returns
    -------
    dict
        Against one held-out person: ``metric``, ``constant``, ``person``, ``mean_of_others`` (what the mean of all
        others reaches, a ceiling for any metric that is fitted to people), ``random_mean`` and ``random_high`` (the
        mean and the 95th percentile of random scores), ``random_p`` (how often random scores do as well, counting the
        metric itself) and ``permutations``. Under ``against_mean_of_others`` the same against the mean of the
        evaluators other than the one left out, whose own grade there is ``person``.
    """
    dealt, ratings = by_chance.grades(task.scores, task.direction), task.ratings.values
    to_mean, constant_to_mean = _against_mean(task)
    person = weighted_mean(evaluator_grades(ratings, task.ratings.k), evaluator_shares(ratings))
    return {
        "metric": result.grade_mean,
        "constant": result.constant_mean,
        "person": result.person_mean,
        "mean_of_others": person,
        **_by_chance(dealt.one_person, result.grade_mean),
        "against_mean_of_others": {
            "metric": to_mean,
            "constant": constant_to_mean,
            "person": person,
            **_by_chance(dealt.mean_of_others, to_mean),
        },
    }


def _by_chance(dealt: Array, grade: float) -> dict[str, Any]:
    if not len(dealt) or np.isnan(grade) or np.isnan(dealt).any():
        return {"random_mean": np.nan, "random_high": np.nan, "random_p": np.nan, "permutations": len(dealt)}
    as_good = int((dealt >= grade - TIE).sum())
    return {
        "random_mean": float(dealt.mean()),
        "random_high": float(np.quantile(dealt, HIGH)),
        "random_p": (1 + as_good) / (1 + len(dealt)),
        "permutations": len(dealt),
    }


def _against_mean(task: ScoredTask) -> tuple[float, float]:
    """The grades of the mapping and of the constant against the mean of those that the mapping was fitted on."""
    scores, ratings, k, scale = task.scores, task.ratings.values, task.ratings.k, task.ratings.scale
    fitter, others = BucketFitter(scores, ratings, k, task.direction, scale=scale), leave_one_out_scores(ratings)
    level = task.ratings.constant()
    metric, beside = np.full((2, ratings.shape[1]), np.nan)
    for out in range(ratings.shape[1]):
        mapping = fitter.fit(without=out)
        if mapping is not None and level is not None:
            target = np.where(np.isnan(ratings[:, out]), np.nan, others[:, out])
            metric[out] = distance_grade(scale.of_levels(mapping.levels(scores)), target, k)[0]
            beside[out] = distance_grade(np.full(len(target), scale.of_levels(level)), target, k)[0]
    shares = evaluator_shares(ratings)
    return weighted_mean(metric, shares), weighted_mean(beside, shares)
