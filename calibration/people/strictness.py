"""How strict each evaluator is, and ratings from which that has been taken off.

Strictness is the same for every image: whoever rates all of them half a step lower than the others do is half a step
strict, and sorts them no worse for it. It is an additive effect, by least squares over images and evaluators, so it
compares evaluators who rated different images by the images that they share with others.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from calibration.core.grades import Array
from calibration.core.intervals import CONFIDENCE, UNKNOWN, Interval, group_codes

_TINY = 1e-10
_FEW_IMAGES = 30


@dataclass(frozen=True)
class Strictness:
    """Each evaluator's strictness on the unit scale; above 0 for one who rates lower than the others do.

    Attributes
    ----------
    values : ndarray, shape (evaluators,)
        They sum to 0 over evaluators who can be compared; NaN for one who shares no image with another.
    covariance : ndarray, shape (evaluators, evaluators)
        For other images rated by these evaluators; NaN with the values.
    freedom : float
        Groups of images minus 1, or what ratings are left beyond images and evaluators where that is less.
    p_of_model : float
        Of the claim that all are equally strict, by the F test of noise that is the same everywhere.
    islands : int
        How many sets of evaluators there are between whom no image, by way of others, makes a link; strictness is
        compared within each only.
    """

    values: Array
    covariance: Array
    freedom: float
    islands: int
    p_of_model: float = 0.0

    @property
    def intervals(self) -> list[Interval]:
        """The 95 % t intervals."""
        if not self.freedom > 0:
            return [UNKNOWN] * len(self.values)
        halves = stats.t.ppf((1 + CONFIDENCE) / 2, self.freedom) * np.sqrt(np.clip(np.diag(self.covariance), 0, None))
        return [
            Interval(float(value - half), float(value + half)) for value, half in zip(self.values, halves, strict=True)
        ]

    @property
    def spread(self) -> float:
        """The standard deviation of strictness among people like these, what chance makes of it taken off.

        The variance of the values less their mean sampling variance, and 0 where that is more; NaN for one evaluator.
        """
        known = np.isfinite(self.values)
        if self.islands != 1 or known.sum() < 2 or not np.isfinite(self.covariance[np.ix_(known, known)]).all():
            return float("nan")
        count = int(known.sum())
        sampling = float(np.trace(self.covariance[np.ix_(known, known)])) / (count - 1)
        return float(np.sqrt(max(float(np.var(self.values[known], ddof=1)) - sampling, 0.0)))

    @property
    def p(self) -> float:
        """Of the claim that all are equally strict; NaN where it cannot be tested.

        The larger one of Hotelling's T squared, which allows for noise that differs between people and images, and the
        F test of the model, which holds where each evaluator rated few images and the first does not.
        """
        known = np.flatnonzero(np.isfinite(self.values))
        count = len(known) - 1
        left = self.freedom - count + 1
        if self.islands != 1 or count < 1 or not left > 0:
            return float("nan")
        against = known[:-1]  # the last follows from the sum
        covariance = self.covariance[np.ix_(against, against)]
        if not np.isfinite(covariance).all() or np.linalg.matrix_rank(covariance) < count:
            return float("nan")
        squared = float(self.values[against] @ np.linalg.solve(covariance, self.values[against]))
        return max(float(stats.f.sf(squared * left / (count * self.freedom), count, left)), self.p_of_model)


def strictness(ratings: Array, clusters: ArrayLike | None = None) -> Strictness:
    """Estimate each evaluator's strictness.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Unit scale, NaN where missing.
    clusters : array_like, shape (items,), optional
        Which images belong together; each by itself unless given.

    Returns
    -------
    Strictness

    Notes
    -----
    The model is rating = worth of the image - strictness of the evaluator + noise, fitted by least squares to all
    ratings of images that two or more rated. With everybody rating everything an evaluator's strictness is the mean of
    all ratings minus their own. The covariance is the sandwich with one residual sum a group of images, times
    G / (G - 1) for G groups, so noise may differ between evaluators and images. Of evaluators who rated fewer than 30
    images it comes out too small; so no variance of theirs is taken to be less than with noise that is the same
    everywhere, estimated from what is left beyond images and evaluators. It says how far other images would move the
    values; the evaluators are the ones whose strictness is asked for.

    Examples
    --------
    >>> found = strictness(np.array([[0.0, 0.25], [0.5, 1.0], [0.5, np.nan], [0.25, 0.5]]))
    >>> found.values.round(3).tolist()
    [0.167, -0.167]
    """
    people = ratings.shape[1]
    shared = (~np.isnan(ratings)).sum(axis=1) >= 2
    rated = (~np.isnan(ratings[shared])).astype(float)
    lower = -np.nan_to_num(ratings[shared])
    counts = rated.sum(axis=1)
    groups = group_codes(None if clusters is None else np.asarray(clusters)[shared], int(shared.sum()))
    number = int(groups.max()) + 1 if len(groups) else 0
    # the images' worth taken out, the normal equations of the evaluators are a graph's Laplacian
    laplacian = np.diag(rated.sum(axis=0)) - rated.T @ (rated / counts[:, None])
    inverse = np.linalg.pinv(laplacian, rcond=_TINY, hermitian=True) if number else np.zeros((people, people))
    worth = (lower.sum(axis=1) / counts)[:, None]
    values = inverse @ ((lower - worth) * rated).sum(axis=0)
    left = (lower - values) * rated
    left = (left - (left.sum(axis=1) / counts)[:, None]) * rated
    by_group = np.zeros((number, people))
    np.add.at(by_group, groups, left)
    moved = by_group @ inverse
    covariance = moved.T @ moved * (number / (number - 1)) if number > 1 else np.full((people, people), np.nan)
    islands = _islands(laplacian)
    differing = people - len(np.unique(islands))
    beyond = float(rated.sum()) - len(rated) - differing
    noise = float((left**2).sum()) / beyond if beyond > 0 else np.nan
    explained = float(values @ laplacian @ values)
    p_of_model = np.nan
    if differing > 0 and beyond > 0:
        p_of_model = float(stats.f.sf(explained / differing / noise, differing, beyond)) if noise > _TINY else 0.0
        own, least = np.diag(covariance), noise * np.diag(inverse)
        too_small = (own > 0) & (least > own) & (rated.sum(axis=0) < _FEW_IMAGES)
        wider = np.sqrt(np.where(too_small, least / np.where(own > 0, own, 1.0), 1.0))
        covariance = covariance * wider * wider[:, None]
    alone = np.bincount(islands, minlength=people)[islands] < 2
    values = np.where(alone, np.nan, values)
    covariance = np.where(alone[:, None] | alone[None, :], np.nan, covariance)
    freedom = min(float(number - 1), beyond)
    return Strictness(values, covariance, freedom, len(np.unique(islands[~alone])), p_of_model)


def without_strictness(ratings: Array, folds: NDArray[np.intp], clusters: ArrayLike | None = None) -> Array:
    """Ratings moved by each evaluator's strictness, which is estimated on other images.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Unit scale, NaN where missing.
    folds : ndarray of int, shape (items,)
        Which images are held out together, as `calibration.core.item_folds.item_folds` deals them.
    clusters : array_like, shape (items,), optional
        As in `strictness`.

    Returns
    -------
    ndarray, shape (items, evaluators)
        rating + strictness, the strictness estimated on the images of the other folds, so that no rating has moved
        itself towards the others. What leaves the scale is put on its end, for nobody could answer more. A rating by
        an evaluator who shares no image of the other folds with another is left as it is.

    Examples
    --------
    >>> ratings = np.array([[0.0, 0.5], [0.25, 0.75], [0.5, 1.0], [0.0, 0.5]])
    >>> without_strictness(ratings, np.array([0, 0, 1, 1])).round(6).tolist()
    [[0.25, 0.25], [0.5, 0.5], [0.75, 0.75], [0.25, 0.25]]
    """
    moved = np.full(ratings.shape, np.nan)
    for fold in np.unique(folds):
        new = folds == fold
        found = strictness(ratings[~new], None if clusters is None else np.asarray(clusters)[~new])
        moved[new] = np.clip(ratings[new] + np.nan_to_num(found.values), 0.0, 1.0)
    return moved


def _islands(laplacian: Array) -> NDArray[np.intp]:
    """The number of each evaluator's island."""
    from scipy.sparse.csgraph import connected_components

    return np.asarray(connected_components(np.abs(laplacian) > _TINY, directed=False)[1], dtype=np.intp)
