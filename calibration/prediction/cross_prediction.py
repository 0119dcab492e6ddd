"""From a score to a distribution over the levels: the candidates, and what each says of unseen people and images."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import isotonic_regression

from calibration.core.crossed_folds import crossed_folds
from calibration.core.grades import Array
from calibration.core.ratings import ScoredTask
from calibration.core.resampling import sampled
from calibration.core.ties import as_equals
from calibration.prediction.ordinal import Ordinal, fit_ordinals, level_counts
from calibration.scale import Scale
from metrics.known import Direction

Family = Literal["isotonic", "proportional_odds"]
SHRINKAGES = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
MOST_ITEMS = 20_000
MARGINAL = "isotonic 100 %"
"""The candidate that does not look at the score."""
_ODDS_SHRINKAGE = 0.01
_KNOTS = 65  # of a smooth curve, at quantiles of the scores and again at even distances


@dataclass(frozen=True)
class Curve:
    """How the distribution over the levels follows the score.

    Attributes
    ----------
    family : {"isotonic", "proportional_odds"}
        How it was fitted.
    shrinkage : float
        The share of the marginal distribution that is mixed in, so that no level has probability 0.
    knots : tuple of float
        Scores, ascending.
    cumulative : tuple of 4-tuples
        P(rating <= l) for every level but the highest, at each knot; straight lines between, constant outside.
    """

    family: Family
    shrinkage: float
    knots: tuple[float, ...]
    cumulative: tuple[tuple[float, ...], ...]

    def probabilities(self, scores: Array) -> Array:
        """P(rating = 1), ..., P(rating = 5); shape (scores, 5).

        Examples
        --------
        >>> curve = Curve("isotonic", 0.1, (0.0, 1.0), ((0.4, 0.6, 0.8, 0.9), (0.0, 0.2, 0.4, 0.5)))
        >>> curve.probabilities(np.array([0.5])).round(3).tolist()
        [[0.2, 0.2, 0.2, 0.1, 0.3]]
        """
        below = [np.interp(scores, self.knots, values) for values in zip(*self.cumulative, strict=True)]
        return np.diff(np.stack(below, axis=1), axis=1, prepend=0.0, append=1.0)


@dataclass(frozen=True)
class CrossPrediction:
    """What is predicted for every rating by curves that saw neither the person nor the image.

    Attributes
    ----------
    scores, ratings, clusters, direction
        What was given, without the items that have no score or rating; a sample of 20,000 where there are more.
    curve : Curve
        The best kind of curve, fitted on everything.
    log_losses : dict of str to float
        Of each candidate on unseen ratings, in nats a rating.
    probabilities, climatology : ndarray, shape (items, evaluators, 5)
        By the best candidate, and by the marginal distribution of the same training ratings; NaN where there was
        nothing to fit on.
    """

    scores: Array = field(repr=False)
    ratings: Array = field(repr=False)
    clusters: ArrayLike | None = field(repr=False)
    direction: Direction
    curve: Curve = field(repr=False)
    log_losses: dict[str, float]
    probabilities: Array = field(repr=False)
    climatology: Array = field(repr=False)


def cross_predict(task: ScoredTask, folds: int = 5) -> CrossPrediction | None:
    """Choose the kind of curve by its log loss on unseen people's ratings of unseen images.

    Parameters
    ----------
    task : ScoredTask
        A better score never goes with lower ratings. What is drawn together is held out together.
    folds : int
        Of items and of evaluators; see `calibration.core.crossed_folds.crossed_folds`.

    Returns
    -------
    CrossPrediction or None
        None where fewer than two items (or clusters of them) have score and rating.

    Notes
    -----
    Candidates are proportional odds, with 1 % of the marginal distribution mixed in, and isotonic regression of each
    P(rating <= l), with 2 % to 100 % of it. The isotonic fits share their weights and so never cross.

    Examples
    --------
    >>> from calibration.core.ratings import Ratings
    >>> ratings = np.repeat(np.tile([0.0, 0.25, 0.75, 1.0], 10)[:, None], 3, axis=1)
    >>> found = cross_predict(ScoredTask.of(np.tile([1.0, 2.0, 3.0, 4.0], 10), Ratings(ratings)))
    >>> found.curve.family, found.log_losses["isotonic 2 %"] < 0.1
    ('isotonic', True)
    """
    of, direction, seed, scale = task.ratings, task.direction, task.ratings.resampling.seed, task.ratings.scale
    usable = sampled(np.flatnonzero(~np.isnan(of.values).all(axis=1)), MOST_ITEMS, seed)
    values, ratings = as_equals(task.scores[usable]), of.values[usable]
    clusters = None if of.clusters is None else of.clusters[usable]
    folded = crossed_folds(ratings, clusters, folds, seed)
    parts = [(values[~held.items], ratings[np.ix_(~held.items, held.others)]) for held in folded]
    *by_cell, final = _candidates([*parts, (values, ratings)], direction, scale)
    cells = [(held, curves) for held, curves in zip(folded, by_cell, strict=True) if curves is not None]
    if not cells or final is None:
        return None
    names = final.names
    sums, count = dict.fromkeys(names, 0.0), 0
    for held, curves in cells:
        counts = level_counts(ratings[np.ix_(held.items, held.people)], scale)
        count += int(counts.sum())
        for name, shares in curves.probabilities(names, values[held.items]).items():
            sums[name] -= float(np.sum(counts * np.log(shares)))
    losses = {name: total / count if count else float("nan") for name, total in sums.items()}
    best = min(names, key=lambda name: losses[name])
    shape = (*ratings.shape, scale.count)
    probabilities, climatology = np.full(shape, np.nan), np.full(shape, np.nan)
    for held, curves in cells:
        where, found = np.ix_(held.items, held.people), curves.probabilities([best, MARGINAL], values[held.items])
        probabilities[where], climatology[where] = found[best][:, None, :], found[MARGINAL][:, None, :]
    curve = final.curve(best)
    return CrossPrediction(values, ratings, clusters, direction, curve, losses, probabilities, climatology)


_ISOTONIC = {f"isotonic {100 * part:.0f} %": part for part in SHRINKAGES}
_ODDS = "proportional odds"


class _Steps(NamedTuple):
    """P(rating <= l) for every level but the highest, at scores, before the marginal distribution is mixed in."""

    knots: Array
    below: Array


class _Candidates(NamedTuple):
    """What was fitted to one part of the ratings; no proportional odds where its scores were all equal."""

    isotonic: _Steps
    odds: _Steps | None
    marginal: Array

    @property
    def names(self) -> list[str]:
        return [*_ISOTONIC, *([] if self.odds is None else [_ODDS])]

    def _of(self, name: str) -> tuple[Family, float, _Steps]:
        """The candidate of that name; the marginal where the scores were all equal."""
        if name == _ODDS and self.odds is not None:
            return "proportional_odds", _ODDS_SHRINKAGE, self.odds
        return "isotonic", _ISOTONIC.get(name, 1.0), self.isotonic

    def curve(self, name: str) -> Curve:
        family, part, (knots, below) = self._of(name)
        cumulative = (1 - part) * below + part * self.marginal
        return Curve(family, part, tuple(knots.tolist()), tuple(tuple(row) for row in cumulative.tolist()))

    def probabilities(self, names: Sequence[str], scores: Array) -> dict[str, Array]:
        """P(rating = l) for every level by each candidate; shape (scores, levels)."""
        read: dict[Family, Array] = {}
        found = {}
        for name in names:
            family, part, (knots, below) = self._of(name)
            if family not in read:
                read[family] = np.stack([np.interp(scores, knots, column) for column in below.T], axis=1)
            mixed = (1 - part) * read[family] + part * self.marginal
            found[name] = np.diff(mixed, axis=1, prepend=0.0, append=1.0)
        return found


def _candidates(parts: Sequence[tuple[Array, Array]], direction: Direction, scale: Scale) -> list[_Candidates | None]:
    """All candidates fitted to each part's scores and ratings; None where there is no rating."""
    counted = [_counted(scores, ratings, scale) for scores, ratings in parts]
    odds = _odds_steps([each for each in counted if each is not None and _differ(each.knots)], direction)
    found: list[_Candidates | None] = []
    for each in counted:
        if each is None:
            found.append(None)
            continue
        total = each.counts.sum(axis=1)
        below = np.stack(
            [
                isotonic_regression(share, weights=total, increasing=direction == "lower").x
                for share in (each.counts.cumsum(axis=1)[:, :-1] / total[:, None]).T
            ],
            axis=1,
        )
        kept = _corners(below)
        steps = _Steps(each.knots[kept], below[kept])
        found.append(_Candidates(steps, next(odds) if _differ(each.knots) else None, each.marginal))
    return found


class _Counted(NamedTuple):
    """Different scores, ascending; how often each level was given to each; and to all of them, cumulated."""

    knots: Array
    counts: Array
    marginal: Array


def _counted(scores: Array, ratings: Array, scale: Scale) -> _Counted | None:
    counts = level_counts(ratings, scale)
    rated = counts.sum(axis=1) > 0
    if not rated.any():
        return None
    knots, place = np.unique(scores[rated], return_inverse=True)
    by_score = np.stack([np.bincount(place, each, len(knots)) for each in counts[rated].T], axis=1).astype(np.float64)
    return _Counted(knots, by_score, ((by_score.sum(axis=0) + 1) / (by_score.sum() + scale.count)).cumsum()[:-1])


def _differ(knots: Array) -> bool:
    return len(knots) > 1 and float(np.std(knots / max(1.0, np.abs(knots).max()))) > 0


def _odds_steps(parts: Sequence[_Counted], direction: Direction) -> Iterator[_Steps]:
    """Proportional odds of each part; a slope against the metric's direction is taken for none."""
    sign = 1.0 if direction == "higher" else -1.0
    sizes = [max(1.0, float(np.abs(part.knots).max())) for part in parts]
    scales = []
    for part, size in zip(parts, sizes, strict=True):
        scaled, weights = part.knots / size, part.counts.sum(axis=1) / part.counts.sum()
        middle = float(weights @ scaled)
        scales.append((middle, float(np.sqrt(weights @ (scaled - middle) ** 2)) or 1.0))
    features = [
        sign * (part.knots / size - middle)[:, None] / spread
        for part, size, (middle, spread) in zip(parts, sizes, scales, strict=True)
    ]
    fits = fit_ordinals(features, [part.counts for part in parts])
    against = [place for place, fit in enumerate(fits) if fit.coefficients[0] < 0]
    flat = fit_ordinals([features[place][:, :0] for place in against], [parts[place].counts for place in against])
    for place, fit in zip(against, flat, strict=True):
        fits[place] = Ordinal(np.zeros(1), fit.cuts)
    for part, size, (middle, spread), fit in zip(parts, sizes, scales, fits, strict=True):
        scaled, places = part.knots / size, np.linspace(0, 1, _KNOTS)
        even = scaled[0] + places * (scaled[-1] - scaled[0])
        chosen = np.unique(np.concatenate([np.quantile(scaled, places), even]) * size)
        along = sign * (chosen / size - middle) / spread * fit.coefficients[0]
        below = 0.5 * (1 + np.tanh((fit.cuts[None, :] - along[:, None]) / 2))
        yield _Steps(chosen, below)


def _corners(below: Array) -> Sequence[int]:
    """The knots where a step function ends or begins, and the two ends."""
    changes = np.any(np.diff(below, axis=0) != 0, axis=1)
    kept = np.append(changes, True) | np.append(True, changes)
    return np.flatnonzero(kept).tolist()
