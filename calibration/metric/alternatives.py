"""Other ways to turn scores into ratings, all tried on the same people and images, new to every one of them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import isotonic_regression

from calibration.core.buckets import BucketFitter
from calibration.core.crossed_folds import FOLDS, HeldOut, crossed_folds
from calibration.core.crossvalidation import skill
from calibration.core.evaluator_weights import pair_weights, rating_weights, trust, weighted_mean
from calibration.core.grades import Array, person_to_person_grades, sample_scores
from calibration.core.intervals import CONFIDENCE, group_codes
from calibration.core.ratings import ScoredTask
from calibration.core.resampling import sampled
from calibration.core.ties import as_equals
from calibration.metric.monotone_cubic import fit_monotone_cubic
from calibration.prediction.ordinal import fit_ordinals, level_counts
from calibration.scale import Scale

EXACT = "exact mapping"
_MOST_ITEMS = 20_000


class _Training(NamedTuple):
    """What a mapping is fitted on, and the scores of the items that are held out; higher is better.

    Attributes
    ----------
    scores, ratings : ndarray
        Of the items that somebody rated.
    counts : ndarray, shape (items, levels)
        How many evaluators gave each item each level.
    number, means : ndarray, shape (items,)
        Of each item's ratings.
    new : ndarray
        The scores to answer for.
    scale : Scale
        Of the ratings.
    """

    scores: Array
    ratings: Array
    counts: Array
    number: Array
    means: Array
    new: Array
    scale: Scale


_Answers = Callable[[Sequence[_Training], float], Iterable[Array]]
"""From what each cell is fitted on, and k: the answers for its new scores, on the unit scale."""


def compare_mappings(task: ScoredTask, folds: int = FOLDS) -> list[dict[str, Any]] | None:
    """Grade several mappings of one metric on unseen people's ratings of unseen images.

    Parameters
    ----------
    task : ScoredTask
        Of more than 20,000 items so many are tried, by chance. What is drawn together is held out together.
    folds : int
        Of items and of evaluators; see `calibration.core.crossed_folds.crossed_folds`.

    Returns
    -------
    list of dict or None
        For each mapping ``mapping``, ``grade`` (against one held-out person, over the items that somebody else rated
        too), ``skill`` (over the best constant), ``levels_used``, and ``difference`` (its grade minus the exact
        mapping's) with its 95 % interval ``low``, ``high`` for other images. None for fewer than two evaluators or
        clusters, or where all scores are equal.

    Notes
    -----
    *Exact mapping*: `calibration.core.buckets`. *Isotonic*: the least-squares curve that does not fall, to the nearest
    rating. *Proportional odds*: `calibration.prediction.ordinal`, the rating of least expected distance. *Monotone
    cubic*: `calibration.metric.monotone_cubic`, to the nearest rating. *Quintiles*: the training scores' fifths become
    the levels, or as many equal parts as the scale has levels. *Best constant*: the task's one. A *person*'s own
    ratings stand beside them. The interval takes the clusters' sums of weighted differences as
    independent (Student's t, clusters - 1 degrees of freedom).

    Examples
    --------
    >>> from calibration.core.ratings import Ratings
    >>> rng = np.random.default_rng(0)
    >>> quality = rng.normal(size=200)
    >>> ratings = np.clip(np.round(2 + quality[:, None] + rng.normal(size=(200, 4))), 0, 4) / 4
    >>> rows = compare_mappings(ScoredTask.of(quality, Ratings(ratings)))
    >>> [row["mapping"] for row in rows[:3]]
    ['exact mapping', 'isotonic regression', 'proportional odds']
    """
    signed, of, k, scale = task.better, task.ratings, task.ratings.k, task.ratings.scale
    ratings, clusters, seed = of.values, of.clusters, of.resampling.seed
    if len(signed) > _MOST_ITEMS:
        chosen = sampled(np.arange(len(signed)), _MOST_ITEMS, seed)
        signed, ratings = signed[chosen], ratings[chosen]
        clusters = None if clusters is None else np.asarray(clusters)[chosen]
    if len(signed) < 2 or np.ptp(signed) == 0 or (~np.isnan(ratings)).any(axis=0).sum() < 2:
        return None
    cells = crossed_folds(ratings, clusters, folds, seed)
    if not cells:
        return None
    level = of.constant()
    if level is None:
        return None
    known = [(cell, found) for cell in cells if (found := _training(signed, ratings, cell, scale)) is not None]
    answers = {name: _unseen(ratings, known, method, k) for name, method in _METHODS.items()}
    answers[_CONSTANT] = np.where(np.isnan(answers[EXACT]), np.nan, scale.of_levels(level))
    weights = _rating_weights(ratings, ~np.isnan(next(iter(answers.values()))))
    if not weights.any():
        return None
    apart = {name: np.nan_to_num(np.abs(each - ratings) ** k) * weights for name, each in answers.items()}
    grades = {name: float(1.0 - each.sum()) for name, each in apart.items()}
    person = _person_grade(ratings, weights, k)
    groups = group_codes(clusters, len(signed))
    rows = [
        {
            "mapping": name,
            "grade": grades[name],
            "skill": skill(grades[name], grades[_CONSTANT]),
            "levels_used": len(np.unique(answers[name][weights > 0].round(6))),
            **_difference(apart[EXACT] - each, weights, groups, name == EXACT),
        }
        for name, each in apart.items()
    ]
    nothing = {"levels_used": None, "difference": None, "low": None, "high": None}
    return [*rows, {"mapping": "one person", "grade": person, "skill": skill(person, grades[_CONSTANT]), **nothing}]


def _training(scores: Array, ratings: Array, cell: HeldOut, scale: Scale) -> _Training | None:
    """What other evaluators said of other items; None where that is nothing."""
    training = ratings[np.ix_(~cell.items, cell.others)]
    rated = (~np.isnan(training)).any(axis=1)
    if not rated.any():
        return None
    training = training[rated]
    number = (~np.isnan(training)).sum(axis=1).astype(float)
    means, new = sample_scores(training), scores[cell.items]
    counts = level_counts(training, scale)
    return _Training(scores[~cell.items][rated], training, counts, number, means, new, scale)


def _unseen(ratings: Array, known: Sequence[tuple[HeldOut, _Training]], method: _Answers, k: float) -> Array:
    """The method's answers for each item and evaluator, found on other items by other evaluators."""
    answers = np.full(ratings.shape, np.nan)
    for (cell, _), found in zip(known, method([each for _, each in known], k), strict=True):
        answers[np.ix_(cell.items, cell.people)] = found[:, None]
    return answers


def _exact(cells: Sequence[_Training], k: float) -> Iterator[Array]:
    for cell in cells:
        mapping = BucketFitter(cell.scores, cell.ratings, k, scale=cell.scale).fit()
        assert mapping is not None
        yield cell.scale.of_levels(mapping.levels(cell.new))


def _isotonic(cells: Sequence[_Training], k: float) -> Iterator[Array]:
    for cell in cells:
        scores, place = np.unique(as_equals(cell.scores), return_inverse=True)
        weights = np.bincount(place, cell.number)
        means = np.bincount(place, cell.number * cell.means) / weights
        yield _nearest(np.interp(cell.new, scores, isotonic_regression(means, weights=weights).x), cell.scale)


def _odds(cells: Sequence[_Training], k: float) -> Iterator[Array]:
    scales = [(cell.scores.mean(), cell.scores.std() or 1.0) for cell in cells]
    features = [((cell.scores - at) / spread)[:, None] for cell, (at, spread) in zip(cells, scales, strict=True)]
    fits = fit_ordinals(features, [cell.counts for cell in cells])
    for cell, (at, spread), fit in zip(cells, scales, fits, strict=True):
        apart = np.abs(np.subtract.outer(cell.scale.unit, cell.scale.unit)) ** k
        expected = fit.probabilities(((cell.new - at) / spread)[:, None]) @ apart
        yield np.asarray(cell.scale.unit[expected.argmin(axis=1)])


def _cubic(cells: Sequence[_Training], k: float) -> Iterator[Array]:
    for cell in cells:
        fit = fit_monotone_cubic(cell.scores, cell.means, cell.number)
        yield _one_level(cell, k) if fit is None else _nearest(fit.predict(cell.new), cell.scale)


def _quintiles(cells: Sequence[_Training], k: float) -> Iterator[Array]:
    for cell in cells:
        edges = np.quantile(cell.scores, np.arange(1, cell.scale.count) / cell.scale.count)
        yield np.asarray(cell.scale.unit[np.searchsorted(edges, cell.new, side="left")])


def _one_level(cell: _Training, k: float) -> Array:
    """For scores that are all equal: the level of least distance."""
    costs = np.nansum(np.abs(cell.ratings[:, :, None] - cell.scale.unit) ** k, axis=(0, 1))
    return np.full(len(cell.new), cell.scale.unit[costs.argmin()])


_CONSTANT = "best constant"
_METHODS: dict[str, _Answers] = {
    EXACT: _exact,
    "isotonic regression": _isotonic,
    "proportional odds": _odds,
    "monotone cubic": _cubic,
    "quintiles": _quintiles,
}


def _nearest(values: Array, scale: Scale) -> Array:
    top = scale.count - 1
    return np.asarray(np.clip(np.rint(values * top), 0, top) / top)


def _rating_weights(ratings: Array, answered: NDArray[np.bool_]) -> Array:
    """How much each rating counts by `calibration.core.evaluator_weights`, over its pairs; sums to 1."""
    weights = rating_weights(~np.isnan(ratings) & answered, trust(ratings))
    return np.asarray(weights / max(float(weights.sum()), 1e-300))


def _person_grade(ratings: Array, weights: Array, k: float) -> float:
    """One person's grade against one other on the items that count."""
    used = np.where(weights > 0, ratings, np.nan)
    return weighted_mean(person_to_person_grades(used, k), pair_weights(used))


def _difference(gain: Array, weights: Array, groups: NDArray[np.intp], is_exact: bool) -> dict[str, float | None]:
    """The difference of two grades with its interval, from the clusters' sums."""
    if is_exact:
        return {"difference": None, "low": None, "high": None}
    total = float(gain.sum())
    sums = np.bincount(groups, gain.sum(axis=1)) - total * np.bincount(groups, weights.sum(axis=1))
    count = len(sums)
    error = float(np.sqrt(count / (count - 1) * np.sum(sums**2)))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, count - 1)) * error
    return {"difference": total, "low": total - half, "high": total + half}
