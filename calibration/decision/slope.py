"""A metric's units in people's points: by how much it moves where people's opinion moves by one step.

A mapping of scores to ratings cannot say it: fitted between images, it shrinks a shift of a whole set towards nothing
(regression dilution), by the square of the metric's correlation with people. What says it is the slope of the metric on
what people think, which is known up to the noise of their ratings.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from calibration.core.grades import Array
from calibration.core.intervals import group_codes
from calibration.core.resampling import RESAMPLING, Resampling, group_draws
from calibration.people.strictness import strictness
from calibration.people.variance import ComponentSums

FEWEST_ITEMS = 20
"""Images with a score and with ratings by two people, without which no slope is fitted."""


@dataclass(frozen=True)
class Slope:
    """How a metric moves with people's opinion.

    Attributes
    ----------
    value : float
        The metric's change (better up) where the opinion that many people would have of an image rises by one step.
    low, high : float
        Its 95 % interval.
    draws : ndarray, shape (draws,)
        The same slope on images drawn with replacement, spread as far as so few groups of them ask for; NaN where it is
        undefined there.
    items : int
        Images that it rests on.
    """

    value: float
    low: float
    high: float
    draws: Array
    items: int

    @property
    def is_clear(self) -> bool:
        """Whether the interval lies above 0, so that a difference may be divided by it."""
        return self.low > 0

    def points(self, difference: ArrayLike) -> Array:
        """Differences of the metric as steps of people's scale."""
        return np.asarray(difference, dtype=float) / self.value


def slope_on_people(
    scores: ArrayLike, ratings: ArrayLike, clusters: ArrayLike | None = None, resampling: Resampling = RESAMPLING
) -> Slope | None:
    """The slope of a metric on people's true opinion of an image.

    Parameters
    ----------
    scores : array_like, shape (items,)
        The metric's, the better end up; NaN where missing.
    ratings : array_like, shape (items, evaluators)
        In the steps of their scale, NaN where missing.
    clusters : array_like, shape (items,), optional
        Images of one prompt or subject, which are drawn together.
    resampling : Resampling
        Of the bootstrap.

    Returns
    -------
    Slope or None
        None where it cannot be told: fewer than 20 images with both, or people who do not agree at all.

    Notes
    -----
    With score = a + b q + noise and rating = q + strictness + noise, Cov(score, mean rating) = b Var(q), and Var(q) is
    the variance component of images (`calibration.people.variance`): b is their ratio. A regression on the mean rating
    itself would divide by Var(q) and the ratings' noise, and be too flat. It rests on this: that what moves a whole
    checkpoint moves the metric as the differences between images do.

    Draws of G groups spread too little where G is small (of 5 prompts their interval holds the slope in 86 %): they are
    spread by sqrt(G / (G - 1)) and by what Student's t with G - 1 degrees of freedom is wider than the normal
    distribution.

    References
    ----------
    Fuller, W. A. (1987). Measurement Error Models, chapter 1.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> opinion = rng.normal(size=400)
    >>> ratings = opinion[:, None] + rng.normal(size=(400, 3))
    >>> slope = slope_on_people(2 * opinion + rng.normal(size=400), ratings)
    >>> round(slope.value, 1), slope.low < 2 < slope.high
    (1.9, True)
    """
    values, given = np.asarray(scores, dtype=float), np.asarray(ratings, dtype=float)
    both = ~np.isnan(values) & (~np.isnan(given)).any(axis=1)
    values, given = values[both], given[both]
    if ((~np.isnan(given)).sum(axis=1) >= 2).sum() < FEWEST_ITEMS:
        return None
    groups = group_codes(None if clusters is None else np.asarray(clusters)[both], len(values))
    means = np.nanmean(levelled(given), axis=1)
    parts = ComponentSums(given)
    found = _slopes(values, means, parts, np.ones((1, len(values))))[0]
    if not np.isfinite(found):
        return None
    drawn = group_draws(groups, resampling).figures(lambda weights: _slopes(values, means, parts, weights))
    drawn = found + _few(int(groups.max()) + 1) * (drawn - found)
    known = drawn[np.isfinite(drawn)]
    if len(known) < 0.9 * resampling.draws:  # where people hardly agree, the slope may be anything
        return Slope(float(found), -np.inf, np.inf, drawn, len(values))
    low, high = np.quantile(known, [0.025, 0.975])
    return Slope(float(found), float(low), float(high), drawn, len(values))


def _few(groups: int) -> float:
    """How much farther draws of so few groups have to spread; of one nothing is known."""
    if groups < 2:
        return float("nan")
    return float(np.sqrt(groups / (groups - 1)) * stats.t.ppf(0.975, groups - 1) / stats.norm.ppf(0.975))


def levelled(ratings: Array) -> Array:
    """Ratings with each evaluator's strictness taken away, which matters where not all rate all.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        In any units, NaN where missing.

    Examples
    --------
    >>> levelled(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, np.nan]])).tolist()
    [[1.5, 1.5], [3.5, 3.5], [5.5, nan]]
    """
    return np.asarray(ratings + np.nan_to_num(strictness(ratings).values))


def _slopes(scores: Array, means: Array, parts: ComponentSums, weights: Array) -> Array:
    """Cov(score, mean rating) / Var(images), for each row of weights; NaN where that variance is not above 0."""
    total = weights.sum(axis=1)
    x, y = scores - scores.mean(), means - means.mean()
    covariance = (weights @ (x * y) - (weights @ x) * (weights @ y) / total) / (total - 1)
    variance = parts.components(weights)["items"]
    return np.divide(covariance, variance, out=np.full(len(weights), np.nan), where=variance > 1e-9)
