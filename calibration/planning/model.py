"""The model behind a plan: what five-level ratings by some evaluators do to a metric's figures, without simulation.

An image has a true score q ~ N(0, 1). A metric's score is normal and correlates with q (the *latent* correlation). A
rating is a normal variable that correlates with q too, cut into the levels 1 to 5 where it gives the stated shares of
levels; how strongly, follows from the correlation of two evaluators' ratings.

A figure of a large study is a mean over images of its influence function, so its variance is that function's, over
the number of images. Here these variances are sums over all possible ratings and integrals over q.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np
from scipy import optimize, stats

from calibration.core.grades import Array
from calibration.scale import LIKERT

Statistic = Literal["spearman", "pearson"]

_Q = np.linspace(-8.0, 8.0, 641)
_WEIGHTS = stats.norm.pdf(_Q) / stats.norm.pdf(_Q).sum()
_NODES, _NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(16)
_NODE_WEIGHTS = _NODE_WEIGHTS / _NODE_WEIGHTS.sum()
_ROOT_12 = np.sqrt(12.0)  # one over the standard deviation of a uniform variable


class RatingModel:
    """Ratings by evaluators who all rate every image.

    Parameters
    ----------
    icc : float
        The correlation of two evaluators' ratings, in [.01, .99].
    levels : tuple of 5 floats
        The shares of the levels.
    evaluators : int
        How many, at least 1.
    """

    def __init__(self, icc: float, levels: tuple[float, ...], evaluators: int):
        self.evaluators = evaluators
        self.cuts, self.loading = latent_ratings(icc, levels)
        self.one = _level_shares(self.cuts, self.loading)

    @cached_property
    def total(self) -> Array:
        """Of the sum of an image's levels 0 to 4 the chances given q, shape (q, 4 evaluators + 1)."""
        length = (LIKERT.count - 1) * self.evaluators + 1
        spectrum = np.fft.rfft(self.one, length, axis=1) ** self.evaluators
        return np.clip(np.fft.irfft(spectrum, length, axis=1), 0.0, 1.0)

    @cached_property
    def shares(self) -> Array:
        """Of the possible mean ratings, shape (4 evaluators + 1,)."""
        return np.asarray(_WEIGHTS @ self.total)

    @cached_property
    def standard(self) -> Array:
        """The possible mean ratings, standardised."""
        means = np.arange(self.total.shape[1], dtype=float)
        means -= self.shares @ means
        return np.asarray(means / np.sqrt(self.shares @ means**2))

    @cached_property
    def rank_deviation(self) -> float:
        """The standard deviation of the mean rating's middle rank, ranks being shares of the images."""
        return float(np.sqrt((1 - np.sum(self.shares**3)) / 12))

    @cached_property
    def standard_ranks(self) -> Array:
        """The middle ranks of the possible mean ratings, standardised."""
        return np.asarray((np.cumsum(self.shares) - self.shares / 2 - 0.5) / self.rank_deviation)


@lru_cache(maxsize=64)
def latent_ratings(icc: float, levels: tuple[float, ...]) -> tuple[Array, float]:
    """Where the normal variable behind a rating is cut, and how it correlates with the true score.

    Examples
    --------
    >>> cuts, loading = latent_ratings(0.5, (0.2, 0.2, 0.2, 0.2, 0.2))
    >>> cuts.round(3).tolist(), round(loading**2, 3)
    ([-0.842, -0.253, 0.253, 0.842], 0.55)
    """
    shares = np.array(levels) / np.sum(levels)
    cuts = np.asarray(stats.norm.ppf(np.clip(np.cumsum(shares)[:-1], 0.0, 1.0)))
    variance = shares @ LIKERT.unit**2 - (shares @ LIKERT.unit) ** 2

    def excess(loading: float) -> float:
        means = _level_shares(cuts, loading) @ LIKERT.unit
        return float((_WEIGHTS @ means**2 - (_WEIGHTS @ means) ** 2) / variance - icc)

    return cuts, float(optimize.brentq(excess, 0.0, 1 - 1e-9))


def _level_shares(cuts: Array, loading: float) -> Array:
    below = stats.norm.cdf((cuts - loading * _Q[:, None]) / np.sqrt(1 - loading**2))
    return np.diff(below, axis=1, prepend=0.0, append=1.0)


@dataclass(frozen=True)
class _Influence:
    """A correlation and its influence function, product(x) * y + of_score(x) + of_mean, x a score, y a mean rating."""

    value: float
    product: Callable[[Array], Array]
    of_score: Callable[[Array], Array]
    y: Array
    of_mean: Array


def _influence(ratings: RatingModel, correlation: float, statistic: Statistic) -> _Influence:
    """Pearson's is x y - r (x^2 + y^2) / 2; in Spearman's each image also moves the ranks of all others."""
    if statistic == "pearson":
        y = ratings.standard
        value = float(correlation * (_WEIGHTS * _Q) @ (ratings.total @ y))
        return _Influence(value, lambda x: x, lambda x: -value * x**2 / 2, y, -value * y**2 / 2)
    y, deviation = ratings.standard_ranks, ratings.rank_deviation
    ranks = _ROOT_12 * (stats.norm.cdf(correlation * _Q / np.sqrt(2 - correlation**2)) - 0.5)
    weighted = _WEIGHTS * (ratings.total @ y)
    value = float(weighted @ ranks)
    spread = np.sqrt(1 - correlation**2)
    above = _ROOT_12 * (stats.norm.cdf((correlation * _Q - _Q[:, None]) / spread) @ weighted)
    at = (_WEIGHTS * ranks) @ ratings.total
    beyond = at.sum() - np.cumsum(at) + at / 2
    ties = value * (ratings.shares**2 - np.sum(ratings.shares**3)) / (8 * deviation**2)
    return _Influence(
        value,
        lambda x: _ROOT_12 * (stats.norm.cdf(x) - 0.5),
        lambda x: np.interp(x, _Q, above),
        y,
        beyond / deviation + ties - 3 * value,
    )


@dataclass(frozen=True)
class Spread:
    """Correlations with the mean rating, and how one, or the difference of two, varies.

    Attributes
    ----------
    correlations : tuple of float
        Of the one metric, or of both.
    variance : float
        Of the correlation, or of the difference, times the number of images.
    swapped : float
        Of the difference of two where their scores are swapped at random image by image, times the number of images.
    """

    correlations: tuple[float, ...]
    variance: float
    swapped: float


def correlation_spread(
    ratings: RatingModel, correlations: tuple[float, ...], between: float = 0.0, statistic: Statistic = "spearman"
) -> Spread:
    """How the correlations of one metric or two with the mean rating vary from study to study.

    Parameters
    ----------
    ratings : RatingModel
        The evaluators'.
    correlations : tuple of 1 or 2 floats
        With the true score, in (-1, 1).
    between : float
        The two metrics' correlation with each other.
    statistic : {"spearman", "pearson"}
        Which correlation with the mean rating.

    Returns
    -------
    Spread

    Notes
    -----
    Given q, a metric's score and the ratings are independent, so the mean square of the influence function falls into
    products of expectations over scores and over ratings. Swapped scores (for Spearman's: ranks, not ranked again; see
    `calibration.comparison.permutation`) have a correlation half-way, and its influence function is Pearson's.

    References
    ----------
    Steiger, J. H. and Hakstian, A. R. (1982). The asymptotic distribution of elements of a correlation matrix. British
    Journal of Mathematical and Statistical Psychology 35. (Pearson's; Spearman's is the same for ranks.)

    Examples
    --------
    >>> found = correlation_spread(RatingModel(0.5, (0.1, 0.2, 0.4, 0.2, 0.1), 5), (0.55, 0.45), 0.5)
    >>> [round(value, 3) for value in found.correlations], round(found.variance, 3), round(found.swapped, 3)
    ([0.486, 0.396], 0.828, 0.834)
    """
    terms = [_influence(ratings, correlation, statistic) for correlation in correlations]
    first, shape = correlations[0], (len(_Q), len(_NODES), len(_NODES))
    x = first * _Q[:, None, None] + np.sqrt(1 - first**2) * _NODES[:, None]
    product, score, mean = terms[0].product(x), terms[0].of_score(x), terms[0].of_mean
    common = score
    if len(terms) == 2:
        second = correlations[1]
        shared = (between - first * second) / np.sqrt((1 - first**2) * (1 - second**2))
        other = shared * _NODES[:, None] + np.sqrt(1 - shared**2) * _NODES
        other = second * _Q[:, None, None] + np.sqrt(1 - second**2) * other
        middle = (terms[0].value + terms[1].value) / 2
        common = -middle / 2 * (terms[0].product(x) ** 2 - terms[1].product(other) ** 2)
        product, score = product - terms[1].product(other), score - terms[1].of_score(other)
        mean = mean - terms[1].of_mean

    def over_scores(values: Array) -> Array:
        return np.asarray(np.broadcast_to(values, shape) @ _NODE_WEIGHTS @ _NODE_WEIGHTS)

    y = terms[0].y
    mean_y, products = ratings.total @ y, over_scores(product**2) * (ratings.total @ y**2)
    true = (
        products
        + over_scores(score**2)
        + ratings.total @ mean**2
        + 2 * over_scores(product * score) * mean_y
        + 2 * over_scores(product) * (ratings.total @ (y * mean))
        + 2 * over_scores(score) * (ratings.total @ mean)
    )
    swapped = products + over_scores(common**2) + 2 * over_scores(product * common) * mean_y
    return Spread(tuple(term.value for term in terms), float(_WEIGHTS @ true), float(_WEIGHTS @ swapped))
