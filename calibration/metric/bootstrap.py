"""How far a metric's figures would move with other images, and with other people: a bootstrap that refits the mapping.

Two questions are kept apart. *These evaluators*: images are drawn anew (whole clusters of them, where images of one
prompt or subject are alike), the people stay. *People like these*: evaluators are drawn anew as well, so that the
interval also holds for a study with other people; with few evaluators it is much wider, and resampling images alone
would cover far less than it says.

Every draw does what the report does: it fits the bucket mapping without each evaluator in turn, and grades it on the
one left out. All draws are computed together: a mapping's cuts are argmins of sums over the sorted images, so a draw
is nothing but other weights in those sums.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.core.evaluator_weights import best_constant, evaluator_shares, is_known, rating_weights
from calibration.core.grades import Array
from calibration.core.intervals import Interval, group_codes, percentiles, with_other_people
from calibration.core.leave_one_out import WithoutEach
from calibration.core.many_mappings import ScoreOrder
from calibration.core.ratings import ScoredTask
from calibration.core.resampling import FEWEST_DRAWS, MANY_ITEMS, STEPS, Draws, group_draws
from calibration.core.ties import group_starts
from calibration.people.pair_grades import PairGrades, one_less
from calibration.scale import LIKERT, Scale
from metrics.known import Direction

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
_MAPPED = ("grade", "skill", "kappa")  # those that mappings take part in
_EFFORT = 2**30  # draws x images x evaluators that are spent on a metric, at most
_NUMBERS = 32  # for each image of a draw: so few draws at once that the processor keeps them close


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


def metric_intervals(task: ScoredTask) -> Intervals | None:
    """Intervals of a metric's figures.

    Parameters
    ----------
    task : ScoredTask
        The metric's scores, and the ratings with what is drawn.

    Returns
    -------
    Intervals or None
        Of: ``spearman`` with the mean rating; ``grade``, ``constant`` and ``person``, against one person; ``skill``
        and ``person_skill``; ``advantage``, the first minus the second; ``kappa``, weighted, of the metric's levels
        and held-out people's ratings. None where there are fewer than two items or evaluators.

    Notes
    -----
    Fewer draws are made, but 100, where there are very many images. Of more than 20,000 neighbours in the order of
    scores, in 4,096 groups, share their level in the draws, and their rank; it moves no bound by .001 (a test holds
    it), and the figures themselves are not grouped.

    A mapping that is refitted to drawn images knows some of them twice or more, which flatters it; so the draws are
    moved until their mean is the figure itself.

    For people like these, see `calibration.core.intervals.with_other_people`, with each evaluator left out of the sums
    in every draw. The mappings are held meanwhile: a mapping refitted without one evaluator more jumps where two cuts
    are nearly as good, and such jumps, squared, are no estimate of how far other evaluators would move the figure. What
    holding them hides is made good by (E / (E - 1)) squared in the evaluators' variance.

    Examples
    --------
    >>> from calibration.core.ratings import Ratings
    >>> from calibration.core.resampling import Resampling
    >>> rng = np.random.default_rng(0)
    >>> quality = rng.normal(size=200)
    >>> ratings = np.clip(np.round(2 + quality[:, None] + rng.normal(size=(200, 4))), 0, 4) / 4
    >>> people = Ratings(ratings, resampling=Resampling(200))
    >>> found = metric_intervals(ScoredTask.of(quality + rng.normal(size=200), people))
    >>> these, others = found.these["skill"], found.people_like_these["skill"]
    >>> others.high - others.low > these.high - these.low
    True
    """
    values, of, resampling = task.scores, task.ratings, task.ratings.resampling
    ratings = of.values[:, (~np.isnan(of.values)).any(axis=0)]
    people = ratings.shape[1]
    if len(values) < 2 or people < 2 or resampling.draws < 2:
        return None
    resampling = resampling.of_items(len(values)).at_most(max(_EFFORT // ratings.size, FEWEST_DRAWS))
    groups = group_codes(of.clusters, len(values))
    study = _Study(values, ratings, of.k, task.direction, of.constant(), of.scale)
    estimate, without = study.statistics(np.ones((1, len(values))), ranked=1)
    drawn, in_draws = study.draw(group_draws(groups, resampling))
    over_items = {name: _about(drawn[name], estimate[name], _RANGES[name]) for name in STATISTICS}
    these = {name: percentiles(over_items[name]) for name in STATISTICS}
    others: dict[str, Interval] = {}
    shares = evaluator_shares(ratings)
    if is_known(shares).sum() > 2:
        taking_part = shares > 0
        people = 1 / float(shares @ shares)
        for name in STATISTICS:
            others[name] = with_other_people(
                float(estimate[name][0]),
                over_items[name],
                without[name][0, taking_part],
                int(taking_part.sum()),
                *_RANGES[name],
                in_draws[name][:, taking_part],
                shares[taking_part],
                (people / (people - 1)) ** 2 if name in _MAPPED else 1.0,
            )
    return Intervals(these, others, resampling.draws, int(groups.max()) + 1)


def _about(drawn: Array, estimate: Array, limits: tuple[float, float]) -> Array:
    """The draws moved until their mean is the estimate, within the figure's range."""
    known = np.isfinite(drawn)
    return np.clip(drawn + estimate - drawn[known].mean(), *limits) if known.any() else drawn


def _jackknives(people: int, draws: int) -> int:
    """In how many draws of the images each evaluator is left out: enough for a variance that is only taken off."""
    return max(2, min(120, draws // 2) // people)


class _Study:
    """One metric's scores and ratings, from which the figures of many weighted studies are computed at once.

    A grade is 1 minus a sum over pairs of evaluators, divided by the pairs' weights; without an evaluator the same sums
    are short of that evaluator's row and column. So one pass over the evaluators gives the figures with everybody and
    without each, and neither time nor memory grows with the square of their number.
    """

    def __init__(
        self,
        scores: Array,
        ratings: Array,
        k: float,
        direction: Direction,
        constant: int | None = None,
        scale: Scale = LIKERT,
    ):
        self._top = scale.count - 1
        self._scores = ScoreOrder(scores, direction)
        self._order = self._scores.order
        self._ratings = ratings[self._order]
        self._rated = (~np.isnan(self._ratings)).astype(float)
        level = best_constant(ratings, k, scale) if constant is None else constant
        pairs = PairGrades(self._ratings, k)
        self._trust, self._shared, self._apart = pairs.trust, pairs.shared, pairs.apart
        self._raters = self._rated @ self._trust
        self._fits = WithoutEach(self._scores, self._ratings, k, scale)
        self._sums = np.nan_to_num(self._ratings).sum(axis=1)
        self._powers = [self._powers_of(out) for out in range(ratings.shape[1])]
        at_level = np.abs(np.nan_to_num(self._ratings) - scale.of_levels(level or 1)) ** k * self._rated
        self._at_level = _pairs_of(at_level, self._rated, self._trust)
        self._targets: dict[int | None, tuple[NDArray[np.intp], NDArray[np.intp]]] = {}

    def draw(self, draws: Draws) -> tuple[dict[str, Array], dict[str, Array]]:
        """The figures of studies in which images are drawn, and those without each evaluator.

        Rank correlations without each evaluator are in the first studies only.
        """
        n, people = self._rated.shape
        if n > MANY_ITEMS:
            self._scores = self._scores.in_steps(STEPS)
            self._fits = self._fits.of(self._scores)
        everybody, without = draws.figures(self.statistics, _NUMBERS, in_threads=True)
        first = draws.first(_jackknives(people, draws.count))
        without["spearman"][: first.count] = first.figures(self._ranks_without_each, _NUMBERS, in_threads=True)
        return everybody, without

    def statistics(self, items: Array, ranked: int = 0) -> tuple[dict[str, Array], dict[str, Array]]:
        """The figures of studies in which images count so often, (B, n), and those without each evaluator.

        Parameters
        ----------
        items : ndarray, shape (B, n)
            How often each image counts.
        ranked : int
            In how many of the studies, from the first, rank correlations without each evaluator are wanted; they cost
            a sort for each, and are NaN in the others.

        Returns
        -------
        everybody : dict of str to ndarray, shape (B,)
        without_each : dict of str to ndarray, shape (B, evaluators)
        """
        w = items[:, self._order].astype(float, copy=False)
        people = self._rated.shape[1]
        columns, own = np.zeros((2, len(w), people))
        by_all, moments = np.zeros(w.shape), np.zeros((people, len(w), 6))
        for out, (rater, levels) in enumerate(zip(self._fits.raters, self._fits.levels(w), strict=True)):
            own_weights = w[:, rater.rows]
            distance = np.take(rater.costs, levels + (self._top + 1) * np.arange(levels.shape[1]))
            distance *= own_weights * self._trust[out]
            columns[:, out] = distance @ (self._raters[rater.rows] - self._trust[out])
            own[:, out] = distance.sum(axis=1)
            by_all[:, rater.rows] += distance
            moments[out] = _moments(own_weights, levels, *self._powers[out])
        rows = (by_all @ self._rated - own) * self._trust
        shared, apart = w @ self._shared, w @ self._apart
        constant_columns, constant_rows = w @ self._at_level[0], w @ self._at_level[1]
        sums = {"grade": (columns, rows), "constant": (constant_columns, constant_rows), "person": (apart, apart)}
        everybody, without = _with_and_without(moments.sum(axis=0), moments.sum(axis=0) - moments, shared, sums)
        everybody["spearman"] = self._spearman(w)
        without["spearman"] = np.full((len(w), people), np.nan)
        if ranked:
            without["spearman"][:ranked] = self._ranks_without_each(items[:ranked])
        return everybody, without

    def _ranks_without_each(self, items: Array) -> Array:
        """The rank correlations without each evaluator, (B, evaluators)."""
        w = items[:, self._order].astype(float, copy=False)
        return np.stack([self._spearman(w, out) for out in range(self._rated.shape[1])], axis=1)

    def _powers_of(self, out: int) -> tuple[Array, Array]:
        """Which of an evaluator's ratings another rated too; and 1, the rating, its square; of those they rated."""
        rows = self._fits.raters[out].rows
        answer = np.rint(self._ratings[rows, out] * self._top)
        several = (self._rated[rows].sum(axis=1) > 1).astype(float)
        return several, np.column_stack([np.ones(len(answer)), answer, answer**2])

    def _spearman(self, w: Array, without: int | None = None) -> Array:
        """The rank correlation of score and mean rating, by everybody or without one evaluator."""
        rated = self._rated.sum(axis=1) - (0 if without is None else self._rated[:, without])
        order, starts = self._target(rated, without)
        weights = np.where(rated > 0, w, 0.0)
        target = np.empty_like(weights)
        target[:, order] = _mean_ranks(weights[:, order], starts)
        return _correlations(_mean_ranks(weights, self._scores.starts), target, weights)

    def _target(self, rated: Array, without: int | None) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The order of the images by their mean rating, and where equal ones begin."""
        if without not in self._targets:
            total = self._sums - (0 if without is None else np.nan_to_num(self._ratings[:, without]))
            mean = np.round(np.divide(total, rated, out=np.zeros(len(total)), where=rated > 0), 12)
            order = np.argsort(mean, kind="stable")
            self._targets[without] = order, np.flatnonzero(group_starts(np.asarray(mean[order], dtype=np.float64)))
        return self._targets[without]


def _moments(weights: Array, levels: NDArray[np.int8], several: Array, powers: Array) -> Array:
    """Sums over what one evaluator and another rated: 1, rating, its square, level, level x rating, its square."""
    counted = weights * several
    times = counted * levels
    return np.column_stack([counted @ powers, times @ powers[:, :2], (times * levels).sum(axis=1)])


def _pairs_of(values: Array, rated: Array, known: Array) -> tuple[Array, Array]:
    """Of one number a rating: each evaluator's, and that of the others of the image, by the pairs' weights; (n, E)."""
    weighted = values * known
    of_others = (weighted.sum(axis=1, keepdims=True) - weighted) * known * rated
    return values * rating_weights(rated, known), of_others


def _with_and_without(
    moments: Array, moments_without: Array, shared: Array, sums: dict[str, tuple[Array, Array]]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """The figures of everybody, (B,), and without each evaluator, (B, E), from each one's columns and rows of pairs."""
    weight, weight_without = _totals(shared, shared)
    everybody, without = {}, {}
    for name, (columns, rows) in sums.items():
        total, total_without = _totals(columns, rows)
        everybody[name] = one_less(total, weight)
        without[name] = one_less(total_without, weight_without)
    for figures, of_levels in ((everybody, moments), (without, moments_without.transpose(1, 0, 2))):
        figures["kappa"] = np.where(np.isfinite(figures["grade"]), _kappa(of_levels), np.nan)
        base = figures["constant"]
        with np.errstate(invalid="ignore", divide="ignore"):
            for name, grade in (("skill", "grade"), ("person_skill", "person")):
                figures[name] = np.where(base < 1, (figures[grade] - base) / (1 - base), np.nan)
        figures["advantage"] = figures["skill"] - figures["person_skill"]
    return everybody, without


def _totals(columns: Array, rows: Array) -> tuple[Array, Array]:
    """The sum over all pairs, (B,), and over those without each evaluator, (B, E)."""
    total = columns.sum(axis=1)
    return total, total[:, None] - columns - rows


def _kappa(moments: Array) -> Array:
    """Cohen's kappa with squared weights, from `_moments`; nan where nothing differs."""
    n, rating, ratings_squared, level, both, levels_squared = np.moveaxis(moments, -1, 0)
    apart = levels_squared - 2 * both + ratings_squared
    expected = n * (levels_squared + ratings_squared) - 2 * level * rating
    return np.asarray(1.0 - np.divide(n * apart, expected, out=np.full(n.shape, np.nan), where=expected > 1e-9))


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
