"""The Frechet distance between two sets of features, and the statistics that it rests on.

FID is this distance on Inception features (Heusel et al., 2017): that of the two normal distributions with the sets'
means and covariances. With a root A of a covariance (A^T A is the covariance), and likewise B, it is

    |mu_a - mu_b|^2 + tr A^T A + tr B^T B - 2 |A B^T|_*,   |.|_* the sum of the singular values,

so no matrix square root is taken. With few images their centred features are a root, and A B^T is small.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from metrics.errors import InputError

Array = NDArray[np.float64]
_CHUNK = 1024
_DIRECTLY = 512
_TOLERATED = 1e-7  # relative error of a distance by eigenvalues


class Rows(Protocol):
    """Features of shape (n, d), read when they are asked for: an array, or rows of a file."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: Any, /) -> NDArray:
        """Rows by a slice or an array of numbers."""


@dataclass(frozen=True)
class Gaussian:
    """What the distance takes of a set: a mean, and a root of the covariance.

    Attributes
    ----------
    mean : ndarray, shape (d,)
        The mean.
    root : ndarray, shape (r, d)
        root.T @ root is the covariance; r is at most d, and n for n images.
    """

    mean: Array
    root: Array

    @classmethod
    def of(cls, features: Rows) -> "Gaussian":
        """From features of shape (n, d), two or more."""
        first = read_features(features, slice(0, 1))
        if len(features) > first.shape[1]:
            return FeatureStatistics.of(features).gaussian
        values = read_features(features, slice(None))
        _two_or_more(len(values))
        mean = values.mean(axis=0)
        return cls(mean, (values - mean) / np.sqrt(len(values) - 1))

    @classmethod
    def of_covariance(cls, mean: Array, covariance: Array) -> "Gaussian":
        """From a mean and a covariance, which may be singular."""
        try:
            return cls(mean, linalg.cholesky(covariance))
        except linalg.LinAlgError:
            values, vectors = linalg.eigh(covariance)
            positive = values > values[-1] * len(values) * np.finfo(float).eps
            positive[-1] = True  # a row of zeros for images that are all alike
            return cls(mean, np.sqrt(np.maximum(values[positive], 0.0))[:, None] * vectors.T[positive])


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

    def __repr__(self) -> str:
        return f"FeatureStatistics(n={self.n}, dimensions={len(self.mean)})"

    @classmethod
    def of(cls, features: Rows) -> "FeatureStatistics":
        """The statistics of features of shape (n, d), two or more, a part of them in memory at a time."""
        n = len(features)
        _two_or_more(n)
        parts = chunks(features)
        first = next(parts)
        origin = first.mean(axis=0)  # near the mean, so that little is lost when the mean's part is taken off
        total, scatter = np.zeros_like(origin), np.zeros((len(origin), len(origin)))
        for part in chain((first,), parts):
            shifted = part - origin
            total += shifted.sum(axis=0)
            scatter += shifted.T @ shifted
        scatter -= np.outer(total, total / n)
        return cls(n, origin + total / n, scatter)

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

    def without(self, part: "FeatureStatistics") -> "FeatureStatistics":
        """The statistics of what stays when a part is taken out: the reverse of `merge`."""
        n = self.n - part.n
        mean = (self.n * self.mean - part.n * part.mean) / n
        step = part.mean - mean
        scatter = self.scatter - part.scatter - np.outer(step, step) * (n * part.n / self.n)
        return FeatureStatistics(n, mean, scatter)

    @property
    def covariance(self) -> Array:
        """The unbiased covariance, shape (d, d)."""
        return self.scatter / (self.n - 1)

    @property
    def gaussian(self) -> Gaussian:
        """The normal distribution of this mean and covariance."""
        return Gaussian.of_covariance(self.mean, self.covariance)


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
    With n <= d the root of the covariance is the centred features themselves, otherwise its Cholesky factor. The
    singular values of the roots' product are computed as such where a root has 512 rows at most, and where that is not
    exact enough, as with features of low rank; otherwise by the eigenvalues of the product with its transpose.

    Examples
    --------
    >>> features = np.random.default_rng(0).normal(size=(20, 5))
    >>> round(frechet_distance(features, features + 2.0), 9)
    20.0
    """
    a, b = np.asarray(features_a), np.asarray(features_b)
    return distance(Gaussian.of(a), Gaussian.of(b))


def distance(a: Gaussian, b: Gaussian) -> float:
    """The Frechet distance between two normal distributions; raises InputError for different numbers of dimensions."""
    if len(a.mean) != len(b.mean):
        raise InputError(
            f"The features have {len(a.mean)} and {len(b.mean)} dimensions; both must come from one extractor."
        )
    product = a.root @ b.root.T if len(a.root) <= len(b.root) else b.root @ a.root.T
    if is_small(product):
        singular = linalg.svdvals(product, check_finite=False)
        return distance_of_overlap(a, b, float(singular.sum()))
    squares = np.maximum(linalg.eigvalsh(product @ product.T, overwrite_a=True, check_finite=False), 0.0)
    found = distance_of_overlap(a, b, float(np.sqrt(squares).sum()))
    # each square is wrong by about the rounding of the largest, which the roots of small ones magnify
    wrong = 4.0 * np.finfo(float).eps * squares[-1]
    error = 2.0 * np.sum(np.minimum(np.sqrt(wrong), wrong / (2.0 * np.sqrt(np.maximum(squares, wrong)))))
    if error <= _TOLERATED * found:
        return found
    return distance_of_overlap(a, b, float(linalg.svdvals(product, check_finite=False).sum()))


def distance_of_overlap(a: Gaussian, b: Gaussian, overlap: float) -> float:
    """The distance, given the sum of the singular values of A B^T; never below 0."""
    step = a.mean - b.mean
    spread = np.vdot(a.root, a.root) + np.vdot(b.root, b.root)
    return max(float(step @ step + spread - 2.0 * overlap), 0.0)


def is_small(product: Array) -> bool:
    """Whether singular values are taken directly; otherwise as roots of eigenvalues, which is faster and less exact."""
    return min(product.shape) <= _DIRECTLY


def chunks(features: Rows) -> Iterator[Array]:
    """Features a part at a time, checked."""
    for start in range(0, len(features), _CHUNK):
        yield read_features(features, slice(start, start + _CHUNK))


def read_features(features: Rows, index: slice | NDArray[np.int64]) -> Array:
    """Some rows as float64; raises InputError for a wrong shape and for values that are not finite."""
    values = np.asarray(features[index], dtype=np.float64)
    if values.ndim != 2:
        raise InputError(f"Features must have the shape (images, dimensions), not {values.shape}.")
    if not np.isfinite(values).all():
        raise InputError("The features hold values that are not finite; the extractor or its input is broken.")
    return values


def _two_or_more(n: int) -> None:
    if n < 2:
        raise InputError(f"A set of {n} has no covariance; it needs two images or more.")
