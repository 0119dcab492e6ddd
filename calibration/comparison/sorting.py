"""Does a metric sort images as well as a person does? Both are set against the mean of the same other people.

For each evaluator in turn the target is the mean rating by the others. Of all pairs of images that this target tells
apart, how many does the metric put in its order, and how many the evaluator? A pair that either calls equal counts as
half right, so a constant answer has .5, and a scale of five levels is no better and no worse than a guess between two
images of one level. Strictness, which is the same for every image, moves neither.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from calibration.core.evaluator_weights import evaluator_shares
from calibration.core.grades import Array, leave_one_out_scores
from calibration.core.intervals import CONFIDENCE, Interval, group_codes
from calibration.core.resampling import sampled
from calibration.core.ties import as_equals

MARGIN = 0.05
"""A loss of pairwise accuracy that does not matter, at most."""

SHARE = 0.25
"""Nor may it be more than this share of what the evaluators have above .5: what a guess has."""

MOST_ITEMS = 2048
NAMES = ("metric", "person", "difference")
_EFFORT = 2**25  # pairs of images, over all evaluators, that are looked at


@dataclass(frozen=True)
class Sorting:
    """A metric and the evaluators as sorters of images.

    Attributes
    ----------
    metric, person, difference : float
        Pairwise accuracies of metric and evaluator against the mean of the other evaluators, and the first minus the
        second; means over the evaluators, who weigh as `calibration.core.evaluator_weights.evaluator_shares` has it.
    these, people_like_these : dict of str to Interval
        Of each; for other images, and for other images and other evaluators (empty for fewer than three).
    compared, evaluators : int
        How many evaluators could be compared with, and how many rated a scored image at all.
    n_items : int
        On how many images.
    """

    metric: float
    person: float
    difference: float
    these: dict[str, Interval]
    people_like_these: dict[str, Interval]
    compared: int
    evaluators: int
    n_items: int

    @property
    def margin(self) -> float:
        """The loss that does not matter: .05, or a quarter of what a person is better than a guess."""
        return float(min(MARGIN, SHARE * max(self.person - 0.5, 0.0)))


def sorting(scores: Array, ratings: Array, clusters: ArrayLike | None = None, seed: int = 0) -> Sorting | None:
    """Compare a metric with the evaluators as sorters of images.

    Parameters
    ----------
    scores : ndarray, shape (items,)
        Finite, higher is better (negate them otherwise).
    ratings : ndarray, shape (items, evaluators)
        Unit scale, NaN where missing.
    clusters : array_like, shape (items,), optional
        Which images belong together; each by itself unless given.
    seed : int
        Of the images that are drawn where there are more than 2,048, or fewer for many evaluators.

    Returns
    -------
    Sorting or None
        None where nobody else's mean tells two images apart, or all images belong together.

    Notes
    -----
    With T, X and Y the signs of the differences of target, scores and the evaluator's ratings between images i and j,
    the metric's accuracy is 1/2 + sum T X / (2 sum abs(T)), the evaluator's 1/2 + sum T Y / (2 sum abs(T)). The
    variance over images is that of the images' influences on this ratio (the delta method), summed by clusters. The
    variance over evaluators is s^2 / E for E evaluators who weigh alike; it holds some of the images' variance again,
    so the interval is rather too wide. Both are added, and t has Satterthwaite's degrees of freedom.

    References
    ----------
    Satterthwaite, F. E. (1946). An approximate distribution of estimates of variance components.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> quality = rng.normal(size=200)
    >>> ratings = np.clip(np.round(2 + quality[:, None] + rng.normal(size=(200, 5))), 0, 4) / 4
    >>> found = sorting(quality, ratings)
    >>> found.compared, round(found.metric, 2), round(found.person, 2), found.these["difference"].low > 0
    (5, 0.87, 0.72, True)
    """
    evaluators = int((~np.isnan(ratings)).any(axis=0).sum())
    chosen = _chosen(ratings, seed)
    scores, ratings = as_equals(scores)[chosen], ratings[chosen]
    groups = group_codes(None if clusters is None else np.asarray(clusters)[chosen], len(chosen))
    number = int(groups.max()) + 1 if len(groups) else 0
    others, shares = leave_one_out_scores(ratings), evaluator_shares(ratings)
    figures, influences, weights = [], [], []
    used = np.zeros(len(scores), dtype=bool)
    for one in range(ratings.shape[1]):
        rows = np.flatnonzero(~np.isnan(ratings[:, one]) & ~np.isnan(others[:, one]))
        found = _against(scores[rows], ratings[rows, one], as_equals(others[rows, one])) if len(rows) > 1 else None
        if found is not None:
            figure, influence = found
            by_group = np.zeros((number, len(NAMES)))
            np.add.at(by_group, groups[rows], influence)
            figures.append(figure)
            influences.append(by_group)
            weights.append(float(shares[one]))
            used[rows] = True
    if not figures or number < 2:
        return None
    return _joined(np.array(figures), np.array(influences), np.array(weights), evaluators, int(used.sum()))


def sorting_entry(found: Sorting | None) -> dict[str, Any] | None:
    """What the report says.

    Parameters
    ----------
    found : Sorting or None
        What `sorting` found.

    Returns
    -------
    dict or None
        ``metric``, ``person``, ``difference``, ``margin``, ``compared``, ``evaluators``, ``n_items``, and under
        ``these`` and ``people_like_these`` (None for fewer than three evaluators) the interval of each of the first
        three.
    """
    if found is None:
        return None
    return {
        **{name: getattr(found, name) for name in (*NAMES, "margin", "compared", "evaluators", "n_items")},
        **{kind: getattr(found, kind) or None for kind in ("these", "people_like_these")},
    }


def _chosen(ratings: Array, seed: int) -> NDArray[np.intp]:
    """The images that are looked at: all, or so many by chance that their pairs can be counted for every evaluator."""
    known = np.flatnonzero((~np.isnan(ratings)).sum(axis=1) >= 2)
    pairs = float(((~np.isnan(ratings[known])).sum(axis=0).astype(float) ** 2).sum())
    most = min(MOST_ITEMS, int(len(known) * np.sqrt(min(1.0, _EFFORT / max(pairs, 1.0)))))
    return sampled(known, most, seed)


def _against(scores: Array, own: Array, target: Array) -> tuple[Array, Array] | None:
    """The three figures against one target, and each image's influence on them; None where the target is constant."""
    order = _signs(target)
    pairs = np.abs(order).sum(axis=1, dtype=np.int64).astype(float)
    total = pairs.sum()
    if total == 0:
        return None
    right = np.column_stack([(order * _signs(each)).sum(axis=1, dtype=np.int64) for each in (scores, own)]) / 2
    right = np.column_stack([right, right[:, 0] - right[:, 1]])
    ahead = right.sum(axis=0) / total
    influence = 2 * (right - ahead * pairs[:, None]) / total
    return ahead + np.array([0.5, 0.5, 0.0]), influence


def _signs(values: Array) -> NDArray[np.int8]:
    """-1, 0 or 1 for every two values."""
    ranks = np.unique(values, return_inverse=True)[1].reshape(-1).astype(np.int32)
    return np.sign(np.subtract.outer(ranks, ranks)).astype(np.int8)


def _joined(figures: Array, influences: Array, weights: Array, evaluators: int, items: int) -> Sorting:
    """Means over evaluators with their intervals; figures (E, 3), influences (E, groups, 3), weights (E,)."""
    shares = weights / weights.sum()
    estimate = shares @ figures
    groups = influences.shape[1]
    over_items = groups / (groups - 1) * (np.einsum("e,egf->gf", shares, influences) ** 2).sum(axis=0)
    limits = [(0.0, 1.0), (0.0, 1.0), (-1.0, 1.0)]
    these = {
        name: _interval(float(estimate[at]), float(over_items[at]), groups - 1.0, limits[at])
        for at, name in enumerate(NAMES)
    }
    others: dict[str, Interval] = {}
    if len(figures) > 2:
        effective = 1.0 / float((shares**2).sum())  # as many evaluators of equal weight would be as sure
        between = effective / (effective - 1) * ((shares[:, None] * (figures - estimate)) ** 2).sum(axis=0)
        total = over_items + between
        freedom = total**2 / np.maximum(between**2 / max(effective - 1, 1.0) + over_items**2 / (groups - 1), 1e-300)
        others = {
            name: _interval(float(estimate[at]), float(total[at]), float(freedom[at]), limits[at])
            for at, name in enumerate(NAMES)
        }
    first, second, third = (float(each) for each in estimate)
    return Sorting(first, second, third, these, others, len(figures), evaluators, items)


def _interval(estimate: float, variance: float, freedom: float, limits: tuple[float, float]) -> Interval:
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, max(freedom, 1.0)) * np.sqrt(variance))
    return Interval(max(estimate - half, limits[0]), min(estimate + half, limits[1]))
