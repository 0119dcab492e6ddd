"""Rated images without a score, beside the others: a metric that fails where images are bad looks good."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from calibration.core.grades import Array
from calibration.core.intervals import CONFIDENCE, group_codes

NOTICEABLE = 0.1
"""Rating points; a smaller difference is not worth words, however sure it is."""


@dataclass(frozen=True)
class Unscored:
    """The images that a metric left out beside those that it scored.

    Attributes
    ----------
    n_scored, n_unscored : int
        How many rated images there are of each.
    mean_scored, mean_unscored : float
        Their mean ratings, 1..5: the mean over images of each image's mean rating.
    low, high : float
        The 95 % interval of the second less the first; NaN where there are too few to tell.
    """

    n_scored: int
    n_unscored: int
    mean_scored: float
    mean_unscored: float
    low: float
    high: float

    @property
    def differs(self) -> bool:
        """Whether the images left out are rated differently, by more than chance and by more than `NOTICEABLE`."""
        return (self.low > 0 or self.high < 0) and abs(self.mean_unscored - self.mean_scored) >= NOTICEABLE


def compare_unscored(mean_ratings: ArrayLike, scored: ArrayLike, groups: ArrayLike | None = None) -> Unscored | None:
    """Compare the ratings of the images that a metric left out with those of the others.

    Parameters
    ----------
    mean_ratings : array_like, shape (items,)
        Each image's mean rating, 1..5.
    scored : array_like of bool, shape (items,)
        Whether the metric has a score of it.
    groups : array_like, shape (items,), optional
        Which images belong together (one prompt, one subject); each by itself unless given.

    Returns
    -------
    Unscored or None
        None where all images are scored, or none is.

    Notes
    -----
    The difference of two means, its standard error from the sums of the images' influence within groups (Liang and
    Zeger's robust variance, times G / (G - 1) for G groups), and Student's t with as many degrees of freedom as the
    smaller side has groups, less one. Without groups this is close to Welch's interval.

    References
    ----------
    Liang, K.-Y. and Zeger, S. L. (1986). Longitudinal data analysis using generalized linear models. Biometrika 73.

    Examples
    --------
    >>> found = compare_unscored([4, 5, 4, 5, 1, 2, 1, 2], [True] * 4 + [False] * 4)
    >>> found.mean_scored, found.mean_unscored, found.differs
    (4.5, 1.5, True)
    """
    y, chosen = np.asarray(mean_ratings, dtype=float), np.asarray(scored, dtype=bool)
    n, left_out = int(chosen.sum()), int((~chosen).sum())
    if not n or not left_out:
        return None
    first, second = float(y[chosen].mean()), float(y[~chosen].mean())
    codes = group_codes(groups, len(y))
    influence: Array = np.where(chosen, -(y - first) / n, (y - second) / left_out)
    sums = np.bincount(codes, influence)
    freedom = min(len(np.unique(codes[chosen])), len(np.unique(codes[~chosen]))) - 1
    if freedom < 1:
        return Unscored(n, left_out, first, second, float("nan"), float("nan"))
    error = np.sqrt((sums**2).sum() * len(sums) / (len(sums) - 1))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom) * error)
    return Unscored(n, left_out, first, second, second - first - half, second - first + half)
