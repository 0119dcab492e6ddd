"""How far a Frechet distance can be trusted: its standard error, and what it shows where there is no difference.

Neither takes the distance's upward bias away, which with few images is most of it; the null distance says how large
the bias is. The standard error is the infinitesimal jackknife (Jaeckel, 1972), the limit that the bootstrap's comes to
for a statistic that is smooth: with T the optimal transport from one normal distribution to the other, an image x
moves the distance by

    f(x) = 2 (mu_a - mu_b) . (x - mu_a) + n / (n - 1) (|x - mu_a|^2 - (x - mu_a)^T T (x - mu_a)),

and the squared standard error is var f / n plus the same for the other set. Resampling with replacement is not used:
images that are drawn twice make a resample poorer than any sample, so that with fewer images than dimensions the whole
bootstrap distribution lies above the distance, and is too wide (tests/benchmarks/bench_fid_interval.py).
"""

from collections.abc import Iterator

import numpy as np
from scipy import linalg

from metrics.errors import InputError
from metrics.sets.frechet import (
    Array,
    FeatureStatistics,
    Gaussian,
    Rows,
    chunks,
    distance,
    is_small,
    read_features,
)

_EFFORT = 2**32  # multiplications that splits may cost together
_FEWEST, _MOST = 4, 50
_NOTHING = 1e-7  # of the largest singular value


def frechet_with_error(features_a: Rows, features_b: Rows | Gaussian) -> tuple[float, float]:
    """The Frechet distance and its standard error.

    Parameters
    ----------
    features_a : array or rows, shape (n, d)
        Two images or more.
    features_b : array or rows, shape (m, d), or Gaussian
        A Gaussian is taken as known, and then only the first set's chance counts.

    Returns
    -------
    distance : float
        As `metrics.sets.fid.frechet_distance`.
    error : float
        How much the distance would vary over other images of the same kind, as many as these.

    Raises
    ------
    InputError
        As `metrics.sets.fid.frechet_distance`.

    Examples
    --------
    >>> features = np.random.default_rng(0).normal(size=(200, 4))
    >>> found, error = frechet_with_error(features[:100], features[100:] + 1.0)
    >>> bool(found - 2 * error < 4.0 < found + 2 * error)
    True
    """
    a = Gaussian.of(features_a)
    b = features_b if isinstance(features_b, Gaussian) else Gaussian.of(features_b)
    found = distance(a, b)
    from_a, from_b = _transports(a, b)
    variance = _influence_variance(features_a, a.mean, a.mean - b.mean, from_a)
    if not isinstance(features_b, Gaussian):
        variance += _influence_variance(features_b, b.mean, b.mean - a.mean, from_b)
    return found, float(np.sqrt(variance))


def null_distance(features: Rows, n: int, splits: int | None = None, seed: int = 0) -> float:
    """The Frechet distance that two sets show which do not differ: one set of images, split in two at random.

    Parameters
    ----------
    features : array or rows, shape (N, d)
        Images of one kind, or, to judge a distance, both of its sets together.
    n : int
        How many images one part has; the other has N - n. Two at least in each.
    splits : int, optional
        How many random splits are averaged; 4 to 50 unless told, fewer where a split takes long.
    seed : int
        Of the splits.

    Returns
    -------
    float
        The mean over the splits.

    Raises
    ------
    InputError
        Where a part would have fewer than two images.

    Examples
    --------
    >>> features = np.random.default_rng(0).normal(size=(256, 2048))
    >>> round(null_distance(features, 128, splits=4), -2)
    3300.0
    """
    total = len(features)
    n = min(n, total - n)
    if n < 2:
        raise InputError(f"{total} images cannot be split into two sets of two or more, one of them of {n}.")
    dimensions = read_features(features, slice(0, 1)).shape[1]
    many = total - n > dimensions
    if splits is None:
        effort = n * n * min(total - n, dimensions) + many * dimensions**3
        splits = int(np.clip(_EFFORT // effort, _FEWEST, _MOST))
    whole = FeatureStatistics.of(features) if many else None
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(splits):
        order = rng.permutation(total)
        part = read_features(features, order[:n])
        rest = (
            Gaussian.of(read_features(features, order[n:]))
            if whole is None
            else whole.without(FeatureStatistics.of(part)).gaussian
        )
        found.append(distance(Gaussian.of(part), rest))
    return float(np.mean(found))


def null_distance_of(gaussian: Gaussian, n: int, draws: int | None = None, seed: int = 0) -> float:
    """As `null_distance`, where of the reference set only the statistics are known.

    Parameters
    ----------
    gaussian : Gaussian
        Its mean and covariance, taken as exact.
    n : int
        How many images are compared with it.
    draws : int, optional
        How many sets of n are drawn from it; 4 to 50 unless told.
    seed : int
        Of the draws.

    Returns
    -------
    float
        The mean distance of the sets from it.
    """
    rank, dimensions = gaussian.root.shape
    if draws is None:
        effort = n * rank * min(n, rank) + (n > dimensions) * dimensions**3
        draws = int(np.clip(_EFFORT // effort, _FEWEST, _MOST))
    return float(np.mean([distance(Gaussian.of(sample), gaussian) for sample in _drawn(gaussian, n, draws, seed)]))


def _drawn(gaussian: Gaussian, n: int, draws: int, seed: int) -> Iterator[Array]:
    rng = np.random.default_rng(seed)
    for _ in range(draws):
        yield gaussian.mean + rng.normal(size=(n, len(gaussian.root))) @ gaussian.root


def _transports(a: Gaussian, b: Gaussian) -> tuple[Array, Array]:
    """Roots Q (Q^T Q is the matrix) of the optimal transports from a to b and from b to a.

    With A B^T = U S V^T they are S^(-1/2) V^T B and S^(-1/2) U^T A; V^T is computed as S^(-1) U^T A B^T. Directions in
    which the overlap is next to nothing are left out.
    """
    if len(a.root) > len(b.root):
        from_b, from_a = _transports(b, a)
        return from_a, from_b
    product = a.root @ b.root.T
    if is_small(product):
        vectors, singular, _ = linalg.svd(product, full_matrices=False, check_finite=False)
    else:
        squares, vectors = linalg.eigh(product @ product.T, driver="evd", overwrite_a=True, check_finite=False)
        singular = np.sqrt(np.maximum(squares, 0.0))
    kept = (singular > _NOTHING * singular.max()) & (singular > 0.0)
    singular, vectors = singular[kept], vectors.T[kept]
    from_a = ((vectors @ product) / singular[:, None] ** 1.5) @ b.root
    return from_a, (vectors @ a.root) / np.sqrt(singular)[:, None]


def _influence_variance(features: Rows, mean: Array, step: Array, transport_root: Array) -> float:
    """Var f / n; T is transport_root.T @ transport_root."""
    n = len(features)
    values = []
    for part in chunks(features):
        x = part - mean
        spread = np.sum(x**2, axis=1) - np.sum((x @ transport_root.T) ** 2, axis=1)
        values.append(2.0 * x @ step + n / (n - 1) * spread)
    return float(np.var(np.concatenate(values), ddof=1) / n)
