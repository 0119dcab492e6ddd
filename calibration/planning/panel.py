"""The evaluators of a pilot, each with how reliably and how strictly they rate: from whom planned panels are drawn."""

from typing import NamedTuple

import numpy as np

from calibration.core.evaluator_weights import trust
from calibration.core.grades import Array
from calibration.core.resampling import generator
from calibration.people.variance import ComponentSums
from calibration.planning.model import latent_ratings
from calibration.scale import LIKERT

_LEAST_TRUST = 0.5  # whoever rated fewer images is not described by them
_FEWEST = 3  # two people's agreement does not say which of them is the more reliable
_SWEEPS = 50
_GROUPS = 20  # of images, each left out once
_RELIABLE = (0.05, 0.98)  # the correlations with the images' true scores that are taken for possible


class Evaluator(NamedTuple):
    """How one person rates.

    Attributes
    ----------
    reliability : float
        The share of the variance of their ratings that comes from the images' true scores, in (0, 1).
    levels : tuple of 5 floats
        The shares of their ratings 1 to 5, by which strict people differ from lenient ones.
    """

    reliability: float
    levels: tuple[float, ...]

    def rate(self, quality: Array, rng: np.random.Generator) -> Array:
        """Their ratings of images with these true scores, on the unit scale."""
        cuts, loading = latent_ratings(self.reliability, self.levels)
        latent = loading * quality + np.sqrt(1 - loading**2) * rng.normal(size=len(quality))
        return LIKERT.of_levels(np.searchsorted(cuts, latent) + 1.0)


def evaluators_of(ratings: Array, seed: int = 0) -> tuple[Evaluator, ...]:
    """Describe the evaluators of a pilot, so that panels drawn from them differ as much as other such people do.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Unit scale, NaN where missing.
    seed : int
        Of the groups of images by which reliabilities are shrunk.

    Returns
    -------
    tuple of Evaluator
        Those whose answers differ; empty where fewer than three have rated enough images in common to be told apart.

    Notes
    -----
    With r_ij the correlation of two evaluators' ratings over the images that both rated, reliabilities are the squares
    of the l_i for which the sum of n_ij (r_ij - l_i l_j)^2 is least: a factor model with one factor. Both these and the
    cumulative shares of levels vary between people and by the luck of the images; deviations from the mean are
    multiplied so that their variance becomes the one between people: for the levels the variance component of the
    evaluators, for the l_i the variance less a jackknife's over groups of images.

    References
    ----------
    Harman, H. H. and Jones, W. H. (1966). Factor analysis by minimizing residuals (minres). Psychometrika 31, 351-368.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> quality = rng.normal(size=20000)
    >>> people = [Evaluator(reliability, (0.1, 0.2, 0.4, 0.2, 0.1)) for reliability in (0.3, 0.6, 0.6)]
    >>> ratings = np.column_stack([person.rate(quality, rng) for person in people])
    >>> [round(person.reliability, 1) for person in evaluators_of(ratings)]
    [0.3, 0.6, 0.6]
    """
    ratings = ratings[:, (trust(ratings) >= _LEAST_TRUST) & (np.nanmax(ratings, axis=0) > np.nanmin(ratings, axis=0))]
    if ratings.shape[1] < _FEWEST:
        return ()
    loadings, by_luck = _loadings(ratings, seed)
    if not np.isfinite(loadings).all() or not np.isfinite(by_luck):
        return ()
    loadings = _with_variance(loadings, float(np.var(loadings, ddof=1)) - by_luck)
    reliability = np.clip(loadings, *_RELIABLE) ** 2
    levels = _level_shares(ratings)
    return tuple(
        Evaluator(float(one), tuple(map(float, shares))) for one, shares in zip(reliability, levels, strict=True)
    )


def _loadings(ratings: Array, seed: int) -> tuple[Array, float]:
    """Each evaluator's correlation with the true scores, by the pairs' correlations; and their variance by luck."""
    known = ~np.isnan(ratings)
    y, rated = np.where(known, ratings - 0.5, 0.0), known.astype(float)
    groups = np.array_split(generator(seed).permutation(len(ratings)), min(_GROUPS, len(ratings)))
    parts = np.array([_sums_of_pairs(y[group], rated[group]) for group in groups])
    whole = parts.sum(axis=0)
    values = _one_factor(*_correlations(whole[None] - np.concatenate([np.zeros_like(parts[:1]), parts])))
    found, without = values[0], values[1:]
    variances = (len(groups) - 1) * np.var(without, axis=0)
    return found, float(np.mean(variances))


def _sums_of_pairs(y: Array, rated: Array) -> Array:
    """Of each pair of evaluators: images that both rated, the first's sum and sum of squares there, and of products."""
    return np.stack([rated.T @ rated, y.T @ rated, (y**2).T @ rated, y.T @ y])


def _correlations(sums: Array) -> tuple[Array, Array]:
    """From `_sums_of_pairs`, (sets, 4, evaluators, evaluators): correlations, and how many images they are of."""
    shared, first, squares, products = np.moveaxis(sums, 1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = first / shared
        variance = squares / shared - mean**2
        found = (products / shared - mean * np.swapaxes(mean, 1, 2)) / np.sqrt(variance * np.swapaxes(variance, 1, 2))
    weights = np.where(np.isfinite(found) & ~np.eye(found.shape[-1], dtype=bool), shared, 0.0)
    return np.where(weights > 0, found, 0.0), weights


def _one_factor(correlations: Array, weights: Array) -> Array:
    """The l that minimise the weighted squares of correlation - l l', by turns for each evaluator.

    Both of shape (..., evaluators, evaluators), the weights 0 on the diagonal; NaN for who shares nothing.
    """
    start = np.sum(weights * correlations, axis=(-1, -2)) / np.maximum(np.sum(weights, axis=(-1, -2)), 1e-300)
    values = np.repeat(np.sqrt(np.maximum(start, 0.01))[..., None], correlations.shape[-1], axis=-1)
    for _ in range(_SWEEPS):
        for one in range(values.shape[-1]):
            norm = np.sum(weights[..., one, :] * values**2, axis=-1)
            with np.errstate(invalid="ignore", divide="ignore"):
                best = np.sum(weights[..., one, :] * correlations[..., one, :] * values, axis=-1) / norm
            values[..., one] = np.clip(best, 0.01, 1.0)
    return values


def _level_shares(ratings: Array) -> Array:
    """Each evaluator's shares of the levels, (evaluators, 5), as far apart as people are."""
    known = ~np.isnan(ratings)
    above = []
    for cut in (0.125, 0.375, 0.625, 0.875):
        is_above = np.where(known, ratings > cut, np.nan)
        between = ComponentSums(is_above).components(np.ones((1, len(ratings))))["evaluators"][0]
        above.append(np.clip(_with_variance(np.nanmean(is_above, axis=0), float(np.nan_to_num(between))), 0.0, 1.0))
    # each cut was moved by itself, so that a lower one may have come out below a higher one
    falling = np.minimum.accumulate(np.array(above), axis=0)
    return -np.diff(np.vstack([np.ones(len(falling[0])), falling, np.zeros(len(falling[0]))]), axis=0).T


def _with_variance(values: Array, variance: float) -> Array:
    """The same about their mean, with another variance of those drawn from them; not moved where all are equal."""
    now = np.var(values)
    factor = np.sqrt(max(variance, 0.0) / now) if now > 0 else 0.0
    return np.asarray(values.mean() + factor * (values - values.mean()))
