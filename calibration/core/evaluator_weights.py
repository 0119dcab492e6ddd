"""How much each evaluator weighs in an average over people: by what is known of them.

A pair of evaluators weighs as much as images both rated, so that every two ratings of one image count alike, times the
trust in each of the two: n / (n + 20) for one who rated n images that somebody else rated too. One stray rating among
hundreds then moves nothing, and where everybody rated everything all weigh the same. The best constant, with which
every skill begins, is the level that is best by the same weights.
"""

import numpy as np
from numpy.typing import NDArray

from calibration.core.grades import Array
from calibration.scale import LIKERT, Scale

HALF_TRUST = 20.0
"""Of so many ratings, that others gave as well, an evaluator is trusted by half."""

LEAST_SHARE = 0.5
"""An evaluator with less than this part of an equal share is not compared with: too little is known of them."""

_TIE = 1e-12


def trust(ratings: Array, counts: Array | None = None) -> Array:
    """How far each evaluator's ratings are trusted: n / (n + 20).

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Unit scale, NaN where missing.
    counts : ndarray, shape (items,), optional
        How many items each row stands for; one unless given.

    Returns
    -------
    ndarray, shape (evaluators,)
        In [0, 1); n counts the items that at least one other evaluator rated.

    Notes
    -----
    The form is that of a credibility factor, or of a mean shrunk towards what is expected of anybody.

    References
    ----------
    Buehlmann, H. (1967). Experience rating and credibility. ASTIN Bulletin 4, 199-207.

    Examples
    --------
    >>> trust(np.array([[0.0, 0.5, np.nan]] * 20)).tolist()
    [0.5, 0.5, 0.0]
    """
    rated = ~np.isnan(ratings)
    several = rated[rated.sum(axis=1) >= 2]
    shared = several.sum(axis=0) if counts is None else counts[rated.sum(axis=1) >= 2] @ several
    return np.asarray(shared / (shared + HALF_TRUST))


def pair_weights(ratings: Array, counts: Array | None = None, both: Array | None = None) -> Array:
    """How much each pair of evaluators weighs: the items that both rated, times the trust in both.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Unit scale, NaN where missing.
    counts : ndarray, shape (items,), optional
        How many items each row stands for; one unless given.
    both : ndarray, shape (evaluators, evaluators), optional
        How many items each two rated, where `rated_both` told it already.

    Returns
    -------
    ndarray, shape (evaluators, evaluators)
        Symmetric, 0 on the diagonal; sums to 1, or to 0 where no two rated a common item.

    Examples
    --------
    >>> pair_weights(np.zeros((9, 3))).round(3).tolist()
    [[0.0, 0.167, 0.167], [0.167, 0.0, 0.167], [0.167, 0.167, 0.0]]
    """
    known = trust(ratings, counts)
    weights = (rated_both(ratings, counts) if both is None else both) * known * known[:, None]
    np.fill_diagonal(weights, 0.0)
    return np.asarray(weights / max(float(weights.sum()), 1e-300))


def rated_both(ratings: Array, counts: Array | None = None) -> Array:
    """How many items each two evaluators both rated, and on the diagonal each one; (evaluators, evaluators).

    Examples
    --------
    >>> rated_both(np.array([[0.0, 0.5], [1.0, np.nan]])).tolist()
    [[2.0, 1.0], [1.0, 1.0]]
    """
    rated = (~np.isnan(ratings)).astype(float)
    return np.asarray(rated.T @ (rated if counts is None else rated * counts[:, None]))


def rating_weights(rated: NDArray[np.bool_] | Array, known: Array) -> Array:
    """How much each rating weighs in a mean over pairs: the trust in its evaluator times that in the item's others.

    Parameters
    ----------
    rated : ndarray, shape (items, evaluators)
        Whether each evaluator rated each item, as booleans or as 0 and 1.
    known : ndarray, shape (evaluators,)
        From `trust`.

    Returns
    -------
    ndarray, shape (items, evaluators)
        0 where there is no rating, or no other; summed over items, the rows of `pair_weights` before they sum to 1.

    Examples
    --------
    >>> rating_weights(np.array([[True, True], [True, False]]), np.array([0.5, 0.25])).tolist()
    [[0.125, 0.125], [0.0, 0.0]]
    """
    return np.asarray(rated * known * ((rated @ known)[:, None] - known))


def evaluator_shares(ratings: Array, counts: Array | None = None) -> Array:
    """Each evaluator's part of an average over people: the sum of their pairs' weights.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Unit scale, NaN where missing.
    counts : ndarray, shape (items,), optional
        How many items each row stands for; one unless given.

    Returns
    -------
    ndarray, shape (evaluators,)
        Sums to 1, or to 0 where no two rated a common item.

    Examples
    --------
    >>> evaluator_shares(np.zeros((9, 4))).tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    return np.asarray(pair_weights(ratings, counts).sum(axis=1))


def is_known(shares: Array) -> NDArray[np.bool_]:
    """Of whom enough is known to be compared with: half of an equal share or more.

    Examples
    --------
    >>> is_known(np.array([0.4, 0.4, 0.2])).tolist(), is_known(np.array([0.45, 0.45, 0.1])).tolist()
    ([True, True, True], [True, True, False])
    """
    taking_part = int((shares > 0).sum())
    return np.asarray((shares > 0) & (shares * taking_part >= LEAST_SHARE * shares.sum()))


def best_constant(ratings: Array, k: float = 1.0, scale: Scale = LIKERT) -> int | None:
    """The one level whose grade against one person is best, in the mean over pairs of evaluators.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        All ratings of a task; unit scale, NaN where missing.
    k : float
        The exponent of the distance, above 0.
    scale : Scale
        Whose levels the ratings are.

    Returns
    -------
    int or None
        The level's number, from 1; the lowest of equals. Where no two evaluators rated a common item, the best for all
        ratings; None where there is none.

    Examples
    --------
    >>> best_constant(np.array([[0.0, 0.25], [0.25, 0.25], [1.0, 0.5]]))
    2
    """
    costs = constant_costs(ratings, k, scale)
    if costs is None:
        return None
    return int(np.flatnonzero(costs <= costs.min() + _TIE)[0]) + 1


def constant_costs(ratings: Array, k: float = 1.0, scale: Scale = LIKERT) -> Array | None:
    """What each level costs: the weighted mean over pairs of its distance to one person's ratings; shape (levels,).

    Examples
    --------
    >>> constant_costs(np.array([[0.0, 0.0], [1.0, 1.0]])).tolist()
    [0.5, 0.5, 0.5, 0.5, 0.5]
    """
    rated = ~np.isnan(ratings)
    if not rated.any():
        return None
    known = trust(ratings)
    weights = rating_weights(rated, known)
    if not weights.max() > 0:
        weights = rated.astype(float)
    filled = np.nan_to_num(ratings)
    costs = np.array([np.sum(weights * np.abs(filled - level) ** k) for level in scale.unit])
    return np.asarray(costs / weights.sum())


def weighted_mean(values: Array, weights: Array) -> float:
    """The mean of the values that are known, by weights of the same shape; NaN where none has any.

    Examples
    --------
    >>> weighted_mean(np.array([1.0, np.nan, 4.0]), np.array([2.0, 5.0, 1.0]))
    2.0
    >>> weighted_mean(np.array([1.0]), np.array([0.0]))
    nan
    """
    known = ~np.isnan(values) & (weights > 0)
    total = float(weights[known].sum())
    return float(values[known] @ weights[known]) / total if total > 0 else float("nan")


def weighted_median(values: Array, weights: Array) -> Array:
    """The median of each row's values, each counting by its weight; the middle of the two where half lies below one.

    Parameters
    ----------
    values : ndarray, shape (..., n)
        Finite.
    weights : ndarray, shape (n,)
        0 or more, not all 0.

    Returns
    -------
    ndarray, shape (...,)

    Examples
    --------
    >>> weighted_median(np.array([[1.0, 2.0, 9.0], [1.0, 9.0, 2.0]]), np.array([1.0, 1.0, 2.0])).tolist()
    [5.5, 2.0]
    """
    order = np.argsort(values, axis=-1, kind="stable")
    ordered = np.take_along_axis(values, order, axis=-1)
    below = np.cumsum((weights / weights.sum())[order], axis=-1)
    lower = np.argmax(below >= 0.5 - _TIE, axis=-1)[..., None]
    upper = np.argmax(below > 0.5 + _TIE, axis=-1)[..., None]
    middles = [np.take_along_axis(ordered, place, axis=-1)[..., 0] for place in (lower, upper)]
    return np.asarray((middles[0] + middles[1]) / 2)
