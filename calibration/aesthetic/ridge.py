"""The closed form: ridge regression whose penalty is chosen by cross-validation, in one pass over the embeddings.

All that is needed of n embeddings of d numbers is kept for each fold: the number of images, the sums, and the sums of
products. What a fold's images are predicted to be by the others, and the squared error of that, follow from those
sums alone, so that no penalty costs another pass.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from metrics.errors import InputError

Array = NDArray[np.float64]
PENALTIES = np.logspace(-6, 4, 41)
_PART = 2**13


@dataclass(frozen=True, eq=False)
class Ridge:
    """A linear regression.

    Attributes
    ----------
    weights : ndarray, shape (d,)
        For each number of an embedding.
    intercept : float
        What is added.
    penalty : float
        On the weights' squares, an image's share of it: the loss is the mean squared error + penalty * |weights|^2.
    errors : ndarray, shape (penalties,)
        The cross-validated mean squared error by each penalty in `PENALTIES` times the scale.
    """

    weights: Array
    intercept: float
    penalty: float
    errors: Array

    def predict(self, embeddings: NDArray[np.floating]) -> Array:
        """Answers for embeddings of shape (n, d), a part of them in memory at a time."""
        parts = [embeddings[start : start + _PART] @ self.weights for start in range(0, len(embeddings), _PART)]
        return np.concatenate(parts) + self.intercept


def fit_ridge(
    embeddings: NDArray[np.floating],
    targets: ArrayLike,
    folds: ArrayLike,
    rows: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    scale: float | None = None,
) -> Ridge:
    """Fit a ridge regression with the penalty that cross-validation finds best.

    Parameters
    ----------
    embeddings : ndarray, shape (N, d)
        May be a memory map; a part is read at a time.
    targets : array_like, shape (n,)
        What is to be answered.
    folds : array_like of int, shape (n,)
        Each image's fold; two or more.
    rows : array_like of int, shape (n,), optional
        The rows of the embeddings that the targets are of; all of them unless given.
    weights : array_like, shape (n,), optional
        How much each image counts, in the fit and in its error.
    scale : float, optional
        What the penalties in `PENALTIES` are multiples of; the mean variance of the embeddings' numbers unless given.

    Returns
    -------
    Ridge

    Raises
    ------
    InputError
        For fewer than two folds, or embeddings that are all alike.

    Notes
    -----
    Minimises mean_i w_i (y_i - b - x_i . v)^2 + penalty |v|^2. With the centred moments C and c of the images outside
    a fold, v = (C + penalty I)^-1 c, by the eigenvectors of C for all penalties at once.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(400, 3))
    >>> found = fit_ridge(x, x @ [1.0, 2.0, 3.0] + 5.0, np.arange(400) % 5)
    >>> found.weights.round(2).tolist(), round(found.intercept, 2)
    ([1.0, 2.0, 3.0], 5.0)
    """
    y = np.asarray(targets, dtype=np.float64)
    fold_of = np.asarray(folds)
    at = np.arange(len(y)) if rows is None else np.asarray(rows)
    w = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=np.float64)
    names = np.unique(fold_of)
    if len(names) < 2:
        raise InputError("Ridge regression is cross-validated, which needs two folds of images or more.")
    by_fold = [_products(embeddings, y, w, at, np.flatnonzero(fold_of == name)) for name in names]
    whole = np.sum(by_fold, axis=0)
    values, vectors, projected = _solved(whole)
    scale = values.mean() if scale is None else scale
    if not scale > 0:
        raise InputError("The embeddings are all alike; nothing can be learnt from them.")
    penalties = PENALTIES * scale
    errors = np.sum([_errors(whole - fold, fold, penalties) for fold in by_fold], axis=0) / whole[0, 0]
    best = penalties[int(np.argmin(errors))]
    found = vectors @ (projected / (values + best))
    x_mean, y_mean = whole[0, 1:-1] / whole[0, 0], whole[0, -1] / whole[0, 0]
    return Ridge(found, float(y_mean - x_mean @ found), float(best), errors)


def _products(embeddings: NDArray[np.floating], y: Array, w: Array, at: NDArray, chosen: NDArray[np.intp]) -> Array:
    """Weighted sums of the products of (1, x, y) with (1, x, y) over some images; shape (d + 2, d + 2)."""
    found = np.zeros((embeddings.shape[1] + 2,) * 2)
    for start in range(0, len(chosen), _PART):
        part = chosen[start : start + _PART]
        roots = np.sqrt(w[part])[:, None]
        table = np.column_stack([roots, embeddings[at[part]] * roots, y[part, None] * roots])
        found += table.T @ table
    return found


def _solved(sums: Array) -> tuple[Array, Array, Array]:
    """Eigenvalues and -vectors of the centred second moments, and the centred products with the targets along them."""
    moments = sums / sums[0, 0]
    mean = moments[0, 1:-1]
    values, vectors = linalg.eigh(moments[1:-1, 1:-1] - np.outer(mean, mean))
    return np.maximum(values, 0.0), vectors, vectors.T @ (moments[1:-1, -1] - mean * moments[0, -1])


def _errors(fit: Array, test: Array, penalties: Array) -> Array:
    """The summed squared error on the images of `test` after a fit to those of `fit`, by each penalty."""
    values, vectors, projected = _solved(fit)
    found = vectors @ (projected[:, None] / (values[:, None] + penalties))
    intercepts = (fit[0, -1] - fit[0, 1:-1] @ found) / fit[0, 0]
    residual = np.vstack([-intercepts, -found, np.ones(len(penalties))])  # y - b - x . v
    return np.einsum("dp,dp->p", residual, test @ residual)
