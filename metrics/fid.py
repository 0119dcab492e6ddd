"""The Frechet distance between two sets of features, and the statistics that it rests on.

FID is this distance on Inception features (Heusel et al., 2017). With C_a = A^T A and C_b = B^T B the distance is

    |mu_a - mu_b|^2 + tr C_a + tr C_b - 2 tr (C_a C_b)^(1/2),   and   tr (C_a C_b)^(1/2) = the nuclear norm of A B^T,

so no matrix square root is taken: with few images A and B are the centred features themselves, and A B^T is small.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from metrics.errors import InputError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class FeatureStatistics:
    """What is kept of a set of features; two such merge into that of the union.

    Attributes
    ----------
    n : int
        How many images.
    mean : ndarray, shape (d,)
        Their mean.
    scatter : ndarray, shape (d, d)
        The sum of the outer products of the centred features: (n - 1) times the covariance.
    """

    n: int
    mean: Array
    scatter: Array

    @classmethod
    def of(cls, features: ArrayLike) -> "FeatureStatistics":
        """The statistics of features of shape (n, d)."""
        values = _checked(features)
        mean = values.mean(axis=0)
        centred = values - mean
        return cls(len(values), mean, centred.T @ centred)

    def merge(self, other: "FeatureStatistics") -> "FeatureStatistics":
        """The statistics of both sets together (Chan, Golub and LeVeque, 1983).

        Examples
        --------
        >>> features = np.random.default_rng(0).normal(size=(10, 3))
        >>> merged = FeatureStatistics.of(features[:4]).merge(FeatureStatistics.of(features[4:]))
        >>> bool(np.allclose(merged.scatter, FeatureStatistics.of(features).scatter))
        True
        """
        n = self.n + other.n
        step = other.mean - self.mean
        scatter = self.scatter + other.scatter + np.outer(step, step) * (self.n * other.n / n)
        return FeatureStatistics(n, self.mean + step * (other.n / n), scatter)

    @property
    def covariance(self) -> Array:
        """The unbiased covariance, shape (d, d)."""
        return self.scatter / (self.n - 1)


def frechet_distance(features_a: ArrayLike, features_b: ArrayLike) -> float:
    """The Frechet distance between two sets of features.

    Parameters
    ----------
    features_a, features_b : array_like, shapes (n, d) and (m, d)
        At least two images each.

    Returns
    -------
    float
        At least 0, in squared units of the features; biased upwards when images are few.

    Raises
    ------
    InputError
        For fewer than two images, features that are not finite, or different numbers of dimensions.

    Notes
    -----
    Where n * m <= d^2 it comes from the singular values of the n x m product of the centred features, otherwise from
    the eigenvalues of the product of the covariances, brought into symmetric form by a Cholesky factor.

    Examples
    --------
    >>> features = np.random.default_rng(0).normal(size=(20, 5))
    >>> round(frechet_distance(features, features + 2.0), 9)
    20.0
    """
    a, b = _checked(features_a), _checked(features_b)
    if a.shape[1] != b.shape[1]:
        raise InputError(
            f"The features have {a.shape[1]} and {b.shape[1]} dimensions; both must come from one extractor."
        )
    if len(a) * len(b) > a.shape[1] ** 2:
        return frechet_distance_of(FeatureStatistics.of(a), FeatureStatistics.of(b))
    mean_a, mean_b = a.mean(axis=0), b.mean(axis=0)
    root_a = (a - mean_a) / np.sqrt(len(a) - 1)
    root_b = (b - mean_b) / np.sqrt(len(b) - 1)
    overlap = linalg.svdvals(root_a @ root_b.T).sum()
    return _distance(mean_a - mean_b, np.sum(root_a**2) + np.sum(root_b**2), overlap)


def frechet_distance_of(a: FeatureStatistics, b: FeatureStatistics) -> float:
    """The Frechet distance between two sets of which only the statistics are known.

    Parameters
    ----------
    a, b : FeatureStatistics
        Of the same number of dimensions.

    Returns
    -------
    float
        As `frechet_distance`.
    """
    first, second = a.covariance, b.covariance
    try:
        root = linalg.cholesky(first)  # first = root^T root
    except linalg.LinAlgError:  # fewer images than dimensions: the covariance is singular
        values, vectors = linalg.eigh(first)
        root = np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T
    eigenvalues = linalg.eigvalsh(root @ second @ root.T)
    overlap = np.sqrt(np.maximum(eigenvalues, 0.0)).sum()
    return _distance(a.mean - b.mean, np.trace(first) + np.trace(second), overlap)


def _distance(step: Array, traces: float, overlap: float) -> float:
    return max(float(step @ step + traces - 2.0 * overlap), 0.0)


def _checked(features: ArrayLike) -> Array:
    values = np.asarray(features, dtype=np.float64)
    if values.ndim != 2 or len(values) < 2:
        raise InputError(
            f"Features must have the shape (images, dimensions) with two images or more, not {values.shape}."
        )
    if not np.isfinite(values).all():
        raise InputError("The features hold values that are not finite; the extractor or its input is broken.")
    return values
