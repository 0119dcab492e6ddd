"""A head of one's own evaluators: a published or trained head, moved by few ratings.

With some hundred ratings 768 weights cannot be learnt from nothing, and most of what they seem to say is chance. So
everything is pulled towards the start. First the start's answers are fitted to the ratings by a slope that is above 0
and pulled towards 1: the order stays. Then a ridge regression on the embedding answers what remains. Both are judged
on ratings that they were not fitted to, prompt by prompt where prompts are known, and only where the second orders
these better than the start, beyond chance, does it become part of the head.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.aesthetic.clusters import (
    FEWEST_CLUSTERS,
    Interval,
    cluster_codes,
    jackknife_interval,
    left_out_figures,
)
from calibration.aesthetic.ridge import fit_ridge
from calibration.aesthetic.split import refuse_constant, stratified_folds
from calibration.aesthetic.votes import Votes
from calibration.core.weighted import Order, correlation
from metrics.errors import InputError
from metrics.networks.aesthetic_head import Activation, Head, Layer, predict

Array = NDArray[np.float64]
FEWEST = 30
_FOLDS = 10
_DOUBT = 0.5  # the standard deviation, before any rating, of the slope about 1
_LEAST = 0.1  # of the slope
_ALIKE = 0.3  # Spearman with the start, below which an order counts as another, and takes more to be believed
_SURE, _SURER = 0.95, 0.999


@dataclass(frozen=True, eq=False)
class FineTuned:
    """A head moved by ratings.

    Attributes
    ----------
    layers : list of (weight, bias)
        The new head: the start on the ratings' scale, and, where that raises the order, what the embedding adds.
    activation : {"none", "relu"}
        Between its layers.
    truth : ndarray, shape (n,)
        The mean ratings.
    before : ndarray, shape (n,)
        What the old head answers for the rated images.
    scaled, moved : ndarray, shape (n,)
        What heads answer that were fitted without them: by the slope alone, and with what the embedding adds.
    ordered : ndarray, shape (n,)
        What orders images as the moved heads do: `before` and what the embedding adds to it, on the start's scale.
        Heads that were fitted without different images have different slopes and offsets, and where an offset was
        fitted to others' ratings, it is low for images that are rated high; across all of `moved` that turns the order.
    difference : Interval
        Spearman of `ordered` with the ratings, less that of `before`.
    raises : bool
        Whether the whole interval lies above 0, that of 99.9 % where hardly anything is left of the start's order;
        only then is the head the moved one.
    kept : float
        What the old head's answer counts for.
    added : float
        The standard deviation of what the embedding adds to it, over the rated images.
    """

    layers: list[Layer]
    activation: Activation
    truth: Array
    before: Array
    scaled: Array
    moved: Array
    ordered: Array
    difference: Interval
    raises: bool
    kept: float
    added: float

    @property
    def after(self) -> Array:
        """Of the head that was chosen, what it answers for images that it was not fitted to."""
        return self.moved if self.raises else self.scaled

    @property
    def order(self) -> Array:
        """Of the head that was chosen, what orders images that it was not fitted to, whatever the scale."""
        return self.ordered if self.raises else self.before


def fine_tune(
    head: Head,
    embeddings: NDArray[np.floating],
    means: ArrayLike,
    folds: ArrayLike,
    groups: ArrayLike | None = None,
) -> FineTuned:
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
        What is predicted together, by all others; the penalty is chosen by the same folds. Three or more.
    groups : array_like, shape (n,), optional
        Prompts, or whatever new images will be new in; no fold may divide one. Each image for itself unless given.

    Returns
    -------
    FineTuned

    Raises
    ------
    InputError
        For fewer than 30 images or 3 folds, ratings that are all the same, a head that answers a distribution, and what
        `metrics.networks.aesthetic_head.predict` refuses.
    """
    y, fold_of = np.asarray(means, dtype=np.float64), np.asarray(folds)
    if head.levels:
        raise InputError(
            f"The head {head.name} answers a distribution of votes; only one that answers a number can be moved."
        )
    if len(y) < FEWEST:
        raise InputError(f"Only {len(y)} rated images have embeddings; fine-tuning takes at least {FEWEST}.")
    if len(np.unique(fold_of)) < 3:
        raise InputError("Fine-tuning leaves out a part of the ratings in turn, and takes three parts or more.")
    refuse_constant(y, "The rated images")
    before = predict(head, embeddings)
    x = np.asarray(embeddings, dtype=np.float64)
    # A ridge regression turns with the axes, and its weights lie where the images are: n numbers do instead of d.
    axes = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)[2]
    turned, spread = x @ axes.T, float(x.var(axis=0).mean())
    scaled, moved, ordered = np.empty((3, len(y)))
    for fold in np.unique(fold_of):
        rest = fold_of != fold
        slope, offset = _slope(before[rest], y[rest])
        added, own = _added(turned[rest], y[rest] - slope * before[rest], fold_of[rest], spread)
        scaled[~rest] = slope * before[~rest] + offset
        moved[~rest] = slope * before[~rest] + turned[~rest] @ added + own
        ordered[~rest] = before[~rest] + (turned - turned.mean(axis=0))[~rest] @ added / slope
    level = _SURE if _spearman(before, ordered) >= _ALIKE else _SURER
    difference, surer = (_difference(before, ordered, y, groups, each) for each in (_SURE, level))
    raises = bool(surer.low > 0)
    slope, offset = _slope(before, y)
    weights = np.zeros(x.shape[1])
    if raises:
        added, offset = _added(turned, y - slope * before, fold_of, spread)
        weights = added @ axes
    layers, activation = _moved(head, slope, weights, offset)
    return FineTuned(
        layers, activation, y, before, scaled, moved, ordered, difference, raises, slope, float(np.std(x @ weights))
    )


def left_out_together(votes: Votes, seed: int) -> tuple[str, NDArray[np.intp], NDArray[np.str_] | None]:
    """What the figures will hold for, the folds that make them hold for it, and the groups.

    Parameters
    ----------
    votes : Votes
        Ratings; where their groups are fewer than an interval takes, images are left out one by one.
    seed : int
        Of the folds.

    Returns
    -------
    new_in : str
        "new prompts", or "new images of these prompts".
    folds : ndarray of int, shape (n,)
    groups : ndarray of str, shape (n,), or None
    """
    count = 0 if votes.groups is None else len(set(votes.groups.tolist()))
    if count < FEWEST_CLUSTERS:
        alone = replace(votes, groups=None)
        name = votes.group_name or "prompt"
        return f"new images of these {name}s", stratified_folds(alone, min(_FOLDS, len(votes)), seed), None
    return f"new {votes.group_name or 'group'}s", stratified_folds(votes, min(_FOLDS, count), seed), votes.groups


def fine_tuning_advice(found: FineTuned, new_in: str) -> str:
    """What fine-tuning is worth, in a few sentences.

    Parameters
    ----------
    found : FineTuned
        The heads.
    new_in : str
        What the figures hold for, as `left_out_together` says it.
    """
    before, after = _spearman(found.before, found.truth), _spearman(found.ordered, found.truth)
    change = f"{before:.3f} before, {after:.3f} after"
    if np.isfinite(found.difference.low):
        value, low, high = found.difference
        change += f", a difference of {value:+.3f} ({low:+.3f} to {high:+.3f})"
    holds = f"This holds for {new_in}."
    if new_in.startswith("new images"):
        holds += " New prompts are another question, which takes a column that names the prompts of six or more."
    if found.raises:
        return f"Fine-tuning raises the Spearman correlation with ratings that were left out: {change}. {holds}"
    return (
        f"Fine-tuning is not shown to raise the Spearman correlation with ratings that were left out: {change}. "
        f"The head that is written keeps the order of the start; only its scale is fitted. {holds}"
    )


def _slope(answers: Array, y: Array) -> tuple[float, float]:
    """What the start's answers are multiplied by, pulled towards 1 by how little the ratings say, and what is added."""
    x, about = answers - answers.mean(), y - y.mean()
    squares, products = float(x @ x), float(x @ about)
    raw = products / squares if squares > 0 else 0.0
    noise = float(np.mean((about - raw * x) ** 2)) * len(y) / max(1, len(y) - 2)
    pull = noise / _DOUBT**2
    slope = max(_LEAST, (products + pull) / (squares + pull)) if squares + pull > 0 else 1.0
    return slope, float(y.mean() - slope * answers.mean())


def _added(turned: Array, remains: Array, folds: NDArray, spread: float) -> tuple[Array, float]:
    """The embedding's weights for what the start leaves, and what is added."""
    found = fit_ridge(turned, remains, folds, scale=spread)
    return found.weights, found.intercept


def _spearman(first: Array, second: Array) -> float:
    ones = np.ones(len(first))
    return correlation(Order(first).ranks(ones), Order(second).ranks(ones), ones)


def _difference(before: Array, after: Array, y: Array, groups: ArrayLike | None, level: float) -> Interval:
    """By how much the Spearman correlation with the ratings rises."""
    orders = [Order(values) for values in (before, after, y)]

    def rise(weights: Array) -> list[float]:
        old, new, truth = (order.ranks(weights) for order in orders)
        return [correlation(new, truth, weights) - correlation(old, truth, weights)]

    clusters = cluster_codes(groups, len(y))
    whole, without = left_out_figures(rise, clusters)
    return jackknife_interval(float(whole[0]), without[:, 0], int(clusters.max()) + 1, level=level)


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
