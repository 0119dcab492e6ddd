"""A head of one's own evaluators: a published or trained head, moved by few ratings.

With some hundred ratings 768 weights cannot be learnt from nothing. The head's own answer is one number more beside
the embedding, and a ridge regression learns how much of either the ratings ask for; its penalty counts for the
embedding alone. With a large penalty nothing but the scale of the head's answers changes, which is what few or
contradictory ratings lead to by themselves.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.aesthetic.ridge import fit_ridge
from metrics.aesthetic_head import Activation, Head, Layer, predict
from metrics.errors import InputError

FEWEST = 30
_OWN = 1e3  # how much longer the head's answer is than an embedding's number, so that its weight goes unpenalised


@dataclass(frozen=True, eq=False)
class FineTuned:
    """A head moved by ratings.

    Attributes
    ----------
    layers : list of (weight, bias)
        The new head.
    activation : {"none", "relu"}
        Between its layers.
    before, after : ndarray, shape (n,)
        What the old head answers for the rated images, and what new heads answer that were fitted without them.
    kept : float
        What the old head's answer counts for.
    moved : float
        The standard deviation of what the embedding adds to it, over the rated images.
    """

    layers: list[Layer]
    activation: Activation
    before: NDArray[np.float64]
    after: NDArray[np.float64]
    kept: float
    moved: float


def fine_tune(head: Head, embeddings: NDArray[np.floating], means: ArrayLike, folds: ArrayLike) -> FineTuned:
    """Fit a head to mean ratings, starting from another.

    Parameters
    ----------
    head : Head
        One that answers a number.
    embeddings : ndarray, shape (n, d)
        Of the rated images, of unit length.
    means : array_like, shape (n,)
        Their mean ratings, from 1 to 10.
    folds : array_like of int, shape (n,)
        What is predicted together, by all others.

    Returns
    -------
    FineTuned

    Raises
    ------
    InputError
        For fewer than 30 images, a head that answers a distribution, and what `metrics.aesthetic_head.predict` refuses.
    """
    y, fold_of = np.asarray(means, dtype=np.float64), np.asarray(folds)
    if head.levels:
        raise InputError(
            f"The head {head.name} answers a distribution of votes; only one that answers a number can be moved."
        )
    if len(y) < FEWEST:
        raise InputError(f"Only {len(y)} rated images have embeddings; fine-tuning takes at least {FEWEST}.")
    before = predict(head, embeddings)
    after = np.empty(len(y))
    for fold in np.unique(fold_of):
        rest = fold_of != fold
        kept, weights, bias = _fitted(before[rest], embeddings[rest], y[rest], fold_of[rest])
        after[~rest] = kept * before[~rest] + embeddings[~rest] @ weights + bias
    kept, weights, bias = _fitted(before, embeddings, y, fold_of)
    layers, activation = _moved(head, kept, weights, bias)
    return FineTuned(layers, activation, before, after, kept, float(np.std(embeddings @ weights)))


def _fitted(
    answers: NDArray[np.float64], embeddings: NDArray[np.floating], y: NDArray[np.float64], folds: NDArray
) -> tuple[float, NDArray[np.float64], float]:
    """What the answer counts for, the weights of the embedding, and what is added."""
    middle = answers.mean()
    found = fit_ridge(np.column_stack([_OWN * (answers - middle), embeddings]), y, folds, scale=_spread(embeddings))
    kept = _OWN * found.weights[0]
    return float(kept), found.weights[1:], float(found.intercept - kept * middle)


def _spread(embeddings: NDArray[np.floating]) -> float:
    return float(np.var(np.asarray(embeddings, dtype=np.float64), axis=0).mean())


def _moved(head: Head, kept: float, weights: NDArray[np.float64], bias: float) -> tuple[list[Layer], Activation]:
    """The layers of kept * head(x) + weights . x + bias."""
    if len(head.layers) == 1:
        weight, own = head.layers[0]
        return [(kept * weight + weights, kept * own + bias)], "none"
    passed = np.array([[1.0], [-1.0]])  # x . w as max(0, x . w) - max(0, -x . w), layer after layer
    first, *middle, (last, own) = head.layers
    layers: list[Layer] = [(np.vstack([first[0], passed * weights]), np.concatenate([first[1], np.zeros(2)]))]
    for weight, offset in middle:
        joined = np.zeros((len(weight) + 2, weight.shape[1] + 2))
        joined[:-2, :-2], joined[-2:, -2:] = weight, np.eye(2)
        layers.append((joined, np.concatenate([offset, np.zeros(2)])))
    layers.append((np.hstack([kept * last, passed.T]), kept * own + bias))
    return layers, "relu"
