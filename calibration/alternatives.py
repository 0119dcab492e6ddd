"""Other ways to turn scores into ratings, all tried on the same people and images, new to every one of them."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from calibration.buckets import BucketFitter
from calibration.crossed_folds import FOLDS, HeldOut, crossed_folds
from calibration.crossvalidation import skill
from calibration.evaluator_weights import best_constant, pair_weights, trust, weighted_mean
from calibration.grades import LEVELS, Array, person_to_person_grades, sample_scores, unit_scale
from calibration.intervals import CONFIDENCE, group_codes
from calibration.monotone_cubic import fit_monotone_cubic
from calibration.prediction.ordinal import fit_ordinal, level_counts
from metrics.registry import Direction

EXACT = "exact mapping"
_MOST_ITEMS = 20_000

_Answers = Callable[[Array, Array, Array, float], Array]
"""From training scores (higher is better), their ratings, new scores and k: the answers on the unit scale."""


def compare_mappings(
    scores: Array,
    ratings: Array,
    k: float = 1.0,
    direction: Direction = "higher",
    clusters: ArrayLike | None = None,
    folds: int = FOLDS,
    seed: int = 0,
    constant: int | None = None,
) -> list[dict[str, Any]] | None:
    """Grade several mappings of one metric on unseen people's ratings of unseen images.

    Parameters
    ----------
    scores : ndarray, shape (items,)
        Finite scores.
    ratings : ndarray, shape (items, evaluators)
        Unit scale, NaN where missing.
    k : float
        The exponent of the distance, above 0.
    direction : {"higher", "lower"}
        Which way the metric points.
    clusters : array_like, shape (items,), optional
        Which images belong together, and are held out together.
    folds : int
        Of items and of evaluators; see `calibration.crossed_folds.crossed_folds`.
    seed : int
        Of the folds, and of the sample where there are more than 20,000 items.
    constant : int, optional
        The task's best constant, 1..5; that of these ratings unless given.

    Returns
    -------
    list of dict or None
        For each mapping ``mapping``, ``grade`` (against one held-out person, over the items that somebody else rated
        too), ``skill`` (over the best constant), ``levels_used``, and ``difference`` (its grade minus the exact
        mapping's) with its 95 % interval ``low``, ``high`` for other images. None for fewer than two evaluators or
        clusters, or where all scores are equal.

    Notes
    -----
    *Exact mapping*: `calibration.buckets`. *Isotonic*: the least-squares curve that does not fall, to the nearest
    rating. *Proportional odds*: `calibration.prediction.ordinal`, the rating of least expected distance. *Monotone
    cubic*: `calibration.monotone_cubic`, to the nearest rating. *Quintiles*: the training scores' fifths become 1 to
    5. *Best constant*: the task's one. A *person*'s own ratings stand beside them. The interval
    takes the clusters' sums of weighted differences as independent (Student's t, clusters - 1 degrees of freedom).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> quality = rng.normal(size=200)
    >>> ratings = np.clip(np.round(2 + quality[:, None] + rng.normal(size=(200, 4))), 0, 4) / 4
    >>> rows = compare_mappings(quality, ratings)
    >>> [row["mapping"] for row in rows[:3]]
    ['exact mapping', 'isotonic regression', 'proportional odds']
    """
    if len(scores) > _MOST_ITEMS:
        chosen = np.sort(np.random.default_rng(seed % 2**63).choice(len(scores), _MOST_ITEMS, replace=False))
        scores, ratings = scores[chosen], ratings[chosen]
        clusters = None if clusters is None else np.asarray(clusters)[chosen]
    if len(scores) < 2 or np.ptp(scores) == 0 or (~np.isnan(ratings)).any(axis=0).sum() < 2:
        return None
    cells = crossed_folds(ratings, clusters, folds, seed)
    if not cells:
        return None
    level = best_constant(ratings, k) if constant is None else constant
    if level is None:
        return None
    signed = scores if direction == "higher" else -scores
    answers = {name: _unseen(signed, ratings, cells, method, k) for name, method in _METHODS.items()}
    answers[_CONSTANT] = np.where(np.isnan(answers[EXACT]), np.nan, unit_scale(level))
    weights = _rating_weights(ratings, ~np.isnan(next(iter(answers.values()))))
    if not weights.any():
        return None
    apart = {name: np.nan_to_num(np.abs(each - ratings) ** k) * weights for name, each in answers.items()}
    grades = {name: float(1.0 - each.sum()) for name, each in apart.items()}
    person = _person_grade(ratings, weights, k)
    groups = group_codes(clusters, len(scores))
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


def _unseen(scores: Array, ratings: Array, cells: list[HeldOut], method: _Answers, k: float) -> Array:
    """The method's answers for each item and evaluator, found on other items by other evaluators."""
    answers = np.full(ratings.shape, np.nan)
    for cell in cells:
        training = ratings[np.ix_(~cell.items, cell.others)]
        rated = (~np.isnan(training)).any(axis=1)
        if rated.any():
            found = method(scores[~cell.items][rated], training[rated], scores[cell.items], k)
            answers[np.ix_(cell.items, cell.people)] = found[:, None]
    return answers


def _exact(scores: Array, ratings: Array, new: Array, k: float) -> Array:
    mapping = BucketFitter(scores, ratings, k).fit()
    assert mapping is not None
    return np.asarray((mapping.levels(new) - 1) / 4)


def _isotonic(scores: Array, ratings: Array, new: Array, k: float) -> Array:
    from sklearn.isotonic import IsotonicRegression

    counts = (~np.isnan(ratings)).sum(axis=1)
    fit = IsotonicRegression(out_of_bounds="clip").fit(scores, sample_scores(ratings), sample_weight=counts)
    return _nearest(fit.predict(new))


def _odds(scores: Array, ratings: Array, new: Array, k: float) -> Array:
    middle, spread = scores.mean(), scores.std() or 1.0
    fit = fit_ordinal(((scores - middle) / spread)[:, None], level_counts(ratings))
    chances = fit.probabilities(((new - middle) / spread)[:, None])
    expected = chances @ np.abs(LEVELS[:, None] - LEVELS[None, :]) ** k
    return np.asarray(LEVELS[expected.argmin(axis=1)])


def _cubic(scores: Array, ratings: Array, new: Array, k: float) -> Array:
    counts = (~np.isnan(ratings)).sum(axis=1).astype(float)
    fit = fit_monotone_cubic(scores, sample_scores(ratings), counts)
    return _one_level(ratings, new, k) if fit is None else _nearest(fit.predict(new))


def _quintiles(scores: Array, ratings: Array, new: Array, k: float) -> Array:
    edges = np.quantile(scores, [0.2, 0.4, 0.6, 0.8])
    return np.asarray(LEVELS[np.searchsorted(edges, new, side="left")])


def _one_level(ratings: Array, new: Array, k: float) -> Array:
    """For scores that are all equal: the level of least distance."""
    costs = np.nansum(np.abs(ratings[:, :, None] - LEVELS) ** k, axis=(0, 1))
    return np.full(len(new), LEVELS[costs.argmin()])


_CONSTANT = "best constant"
_METHODS: dict[str, _Answers] = {
    EXACT: _exact,
    "isotonic regression": _isotonic,
    "proportional odds": _odds,
    "monotone cubic": _cubic,
    "quintiles": _quintiles,
}


def _nearest(values: Array) -> Array:
    return np.asarray(np.clip(np.rint(values * 4), 0, 4) / 4)


def _rating_weights(ratings: Array, answered: NDArray[np.bool_]) -> Array:
    """How much each rating counts by `calibration.evaluator_weights`, over its pairs; sums to 1."""
    rated = (~np.isnan(ratings) & answered).astype(float)
    known = trust(ratings)
    weights = rated * known * ((rated @ known)[:, None] - known)
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
