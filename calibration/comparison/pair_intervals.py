"""How far figures that count pairs of images would move with other images, and with other people."""

import numpy as np
from numpy.typing import NDArray

from calibration.comparison.pairwise_accuracy import CrossValidatedAccuracy, chosen_items
from calibration.core.grades import Array, sample_scores
from calibration.core.intervals import Interval, group_codes, left_out, percentiles, with_other_people
from calibration.core.ratings import ScoredTask
from calibration.core.resampling import group_draws
from calibration.core.ties import TOLERANCE, as_equals

NAMES = ("pairwise_accuracy", "kendall")
_Rows = NDArray[np.intp] | slice
_NUMBERS = 4  # for each image of a draw


def pair_intervals(task: ScoredTask, accuracy: CrossValidatedAccuracy) -> dict[str, dict[str, Interval]] | None:
    """Intervals of a metric's pairwise accuracy and of Kendall's tau-b with the mean rating.

    Parameters
    ----------
    task : ScoredTask
    accuracy : CrossValidatedAccuracy
        Of its scores, the better end up, and mean ratings, with the same seed.

    Returns
    -------
    dict or None
        Under ``these`` and ``people_like_these`` (for three evaluators or more) an interval each for
        ``pairwise_accuracy`` and, up to 2,048 items, ``kendall``. None without draws or pairs.

    Notes
    -----
    A draw in which image i counts w_i times has the accuracy sum w_i w_j right_ij / sum w_i w_j over pairs i < j. The
    epsilon is held: at the one that makes the accuracy greatest, the accuracy hardly depends on it. The draws are moved
    by what choosing epsilon on the same images flattered the accuracy by.

    Examples
    --------
    >>> from calibration.core.ratings import Ratings
    >>> from calibration.core.resampling import Resampling
    >>> from calibration.comparison.pairwise_accuracy import cross_validated_accuracy
    >>> rng = np.random.default_rng(0)
    >>> quality = rng.normal(size=100)
    >>> ratings = np.clip(np.round(2 + quality[:, None] + rng.normal(size=(100, 4))), 0, 4) / 4
    >>> task = ScoredTask.of(quality, Ratings(ratings, resampling=Resampling(200)))
    >>> found = pair_intervals(task, cross_validated_accuracy(quality, ratings.mean(axis=1)))
    >>> low, high = found["these"]["kendall"]
    >>> low < 0.66 < high
    True
    """
    of, resampling = task.ratings, task.ratings.resampling
    if resampling.draws < 2 or not np.isfinite(accuracy.accuracy):
        return None
    known = chosen_items(task.scores, of.target, resampling.seed)
    names = NAMES if len(known) == int((~np.isnan(of.values)).any(axis=1).sum()) else NAMES[:1]
    scores, ratings = as_equals(task.better[known]), of.values[known]
    groups = group_codes(None if of.clusters is None else of.clusters[known], len(known))
    moved = {"pairwise_accuracy": accuracy.accuracy - accuracy.in_sample, "kendall": 0.0}

    order = _Order(scores, accuracy.epsilon)
    everyone = _Pairs(order, sample_scores(ratings))
    drawn = group_draws(groups, resampling).figures(everyone.figures, _NUMBERS)
    over_items = {name: drawn[name] + moved[name] for name in names}
    found: dict[str, dict[str, Interval]] = {"these": {name: percentiles(over_items[name]) for name in names}}
    people, one = ratings.shape[1], np.ones((1, len(known)))
    if people > 2:
        estimate = everyone.figures(one)
        without = [everyone.of(sample_scores(np.delete(ratings, each, axis=1))) for each in left_out(people)]
        found["people_like_these"] = {
            name: with_other_people(
                float(estimate[name][0]) + moved[name],
                over_items[name],
                np.array([each[name] for each in without]) + moved[name],
                people,
                -1.0 if name == "kendall" else 0.0,
            )
            for name in names
        }
    return found


class _Order:
    """How the scores order every pair of items, and which pairs they tie."""

    def __init__(self, scores: Array, epsilon: float):
        ahead = np.subtract.outer(scores, scores)
        self.sign = np.sign(ahead).astype(np.int8)
        self.close = np.abs(ahead) <= epsilon + TOLERANCE * np.abs(scores).max(initial=0.0)
        np.fill_diagonal(self.close, False)
        self.apart = np.where(self.close, np.int8(0), self.sign)
        self.ties = _Ties(scores)


class _Pairs:
    """Every pair of items, twice: is it right, and do scores and ratings have it in the same order?"""

    def __init__(self, order: _Order, target: Array):
        self._order, self._target = order, _Target(target)
        everything = slice(None)
        right, agree = self._judged(self._target, everything)
        self._right, self._agree = right.astype(np.float32), agree.astype(np.float32)
        known = self._target.known
        self._sums = _twice(right, known, everything), _twice(agree, known, everything)

    def figures(self, weights: Array) -> dict[str, Array]:
        """Pairwise accuracy and tau-b, each of shape (weightings,); nan where there is none."""
        w = weights * self._target.known
        single = w.astype(np.float32)  # whole numbers, whose sums float32 holds exactly
        right, agree = (np.einsum("wi,wi->w", single @ each, w) for each in (self._right, self._agree))
        return self._shares(right, agree, w, self._target)

    def of(self, target: Array) -> dict[str, float]:
        """The figures with other ratings, each item once; pairs of items whose ratings stay are not looked at."""
        new, old = _Target(target), self._target
        rows = np.flatnonzero((new.values != old.values) | (new.known != old.known))
        sums = np.array(self._sums)
        for sign, each in ((-1, old), (1, new)):
            sums += [sign * _twice(judged, each.known, rows) for judged in self._judged(each, rows)]
        right, agree = sums[:, None].astype(float)
        figures = self._shares(right, agree, new.known[None].astype(float), new)
        return {name: float(figure[0]) for name, figure in figures.items()}

    def _judged(self, target: "_Target", rows: _Rows) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
        """Whether the pairs of these items with all are right, and 1 or -1 where in the same or the other order."""
        own = target.ranks[rows, None]
        preferred = (own > target.ranks).view(np.int8) - (own < target.ranks).view(np.int8)
        right = (self._order.apart[rows] * preferred > 0) | (self._order.close[rows] & (preferred == 0))
        return right.view(np.int8), self._order.sign[rows] * preferred

    def _shares(self, right: Array, agree: Array, w: Array, target: "_Target") -> dict[str, Array]:
        total = w.sum(axis=1) ** 2
        pairs = total - (w * w).sum(axis=1)
        varied = np.prod([total - ties.squares(w) for ties in (self._order.ties, target.ties)], axis=0)
        return {
            "pairwise_accuracy": np.divide(right, pairs, out=np.full(len(w), np.nan), where=pairs > 0),
            "kendall": np.divide(agree, np.sqrt(varied), out=np.full(len(w), np.nan), where=varied > 0),
        }


class _Target:
    """Mean ratings: which are known, and how they rank."""

    def __init__(self, target: Array):
        self.known = ~np.isnan(target)
        self.values = as_equals(np.where(self.known, target, 0.0)).astype(np.float64)
        self.ranks = np.unique(self.values, return_inverse=True)[1].astype(np.int32)
        self.ties = _Ties(self.values)


def _twice(judged: NDArray[np.int8], known: NDArray[np.bool_], rows: _Rows) -> int:
    """The sum over ordered pairs of known items of which one, or both, are among the rows of what is judged."""
    own = known[rows]
    of_all = judged.sum(axis=0, dtype=np.int64) if own.all() else judged[own].sum(axis=0, dtype=np.int64)
    if isinstance(rows, slice):
        return int(of_all[known].sum())
    inside = np.zeros(len(known), dtype=bool)
    inside[rows] = True
    return int(2 * of_all[known].sum() - of_all[known & inside].sum())


class _Ties:
    """Which values are equal."""

    def __init__(self, values: Array):
        self._order = np.argsort(values, kind="stable")
        self._starts = np.flatnonzero(np.diff(values[self._order], prepend=-np.inf))

    def squares(self, weights: Array) -> Array:
        """The sum over each value of the square of its weight, shape (weightings,)."""
        return np.asarray((np.add.reduceat(weights[:, self._order], self._starts, axis=1) ** 2).sum(axis=1))
