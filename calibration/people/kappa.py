"""Cohen's kappa: agreement on the very rating, beyond what the frequencies of the ratings give by chance."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.core.evaluator_weights import pair_weights, weighted_mean
from calibration.core.grades import Array
from calibration.people.pair_grades import shared_ratings
from calibration.scale import LIKERT, Scale

NAN = float("nan")


def kappa(confusion: NDArray[np.int_], is_weighted: bool = True) -> float:
    """Cohen's kappa of a table of counts.

    Parameters
    ----------
    confusion : ndarray of int, shape (levels, levels)
        Rows are one side's answers, columns the other's.
    is_weighted : bool
        Weigh a difference of d levels by d squared; else every difference alike.

    Returns
    -------
    float
        At most 1; 0 is what chance gives. NaN for an empty table, or where both sides gave one and the same answer.

    Notes
    -----
    1 - sum(w o) / sum(w e), with o the counts and e those expected from the margins.

    References
    ----------
    Cohen, J. (1968). Weighted kappa.

    Examples
    --------
    >>> kappa(np.array([[4, 0], [0, 4]])), kappa(np.array([[2, 2], [2, 2]]))
    (1.0, 0.0)
    """
    return float(kappas(np.asarray(confusion, dtype=float)[None], is_weighted)[0])


def kappas(tables: Array, is_weighted: bool = True) -> Array:
    """Cohen's kappas of many tables of counts, which need not be whole.

    Parameters
    ----------
    tables : ndarray, shape (tables, levels, levels)
        As in `kappa`.
    is_weighted : bool
        As in `kappa`.

    Returns
    -------
    ndarray, shape (tables,)
        As in `kappa`.

    Examples
    --------
    >>> kappas(np.array([[[4.0, 0.0], [0.0, 4.0]], [[2.0, 2.0], [2.0, 2.0]]])).tolist()
    [1.0, 0.0]
    """
    apart = np.subtract.outer(np.arange(tables.shape[1]), np.arange(tables.shape[1]))
    weights = apart**2 if is_weighted else (apart != 0).astype(int)
    observed = tables.sum(axis=(1, 2)) * (weights * tables).sum(axis=(1, 2))
    expected = np.einsum("ti,tj,ij->t", tables.sum(axis=2), tables.sum(axis=1), weights)
    return 1.0 - np.divide(observed, expected, out=np.full(len(tables), NAN), where=expected > 0)


def pair_kappas(ratings: Array, names: Sequence[str], scale: Scale = LIKERT) -> list[dict[str, Any]]:
    """The kappas of every two evaluators on the items that both rated.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Unit scale, NaN where missing; a rating between two levels counts as the nearest.
    names : sequence of str
        The evaluators.
    scale : Scale
        Whose levels the ratings are.

    Returns
    -------
    list of dict
        ``first``, ``second``, ``n`` (items that both rated), ``kappa`` and ``weighted_kappa`` (quadratic weights).

    Examples
    --------
    >>> pair_kappas(np.array([[0.0, 0.0], [1.0, 1.0]]), ["anna", "ben"])[0]["kappa"]
    1.0
    """
    people, levels = ratings.shape[1], scale.count
    items, one, other = shared_ratings(ratings)
    second, first = np.tril_indices(people, -1)
    answers = np.rint(np.nan_to_num(ratings) * (levels - 1)).astype(np.intp)
    cells = (answers[items, one] * levels + answers[items, other]) + levels**2 * (other * (other - 1) // 2 + one)
    tables = np.bincount(cells, minlength=levels**2 * len(first)).reshape(-1, levels, levels).astype(float)
    shared = tables.sum(axis=(1, 2)).astype(int)
    of_all = (kappas(tables, is_weighted=False).tolist(), kappas(tables).tolist())
    return [
        {"first": names[a], "second": names[b], "n": n, "kappa": plain, "weighted_kappa": weighted}
        for a, b, n, plain, weighted in zip(first.tolist(), second.tolist(), shared.tolist(), *of_all, strict=True)
    ]


def mean_pair_kappa(pairs: Sequence[dict[str, Any]], ratings: Array) -> float:
    """The mean weighted kappa of two people, over the pairs that have one.

    Parameters
    ----------
    pairs : sequence of dict
        From `pair_kappas`.
    ratings : ndarray, shape (items, evaluators)
        The same; a pair weighs as in `calibration.core.evaluator_weights.pair_weights`.

    Returns
    -------
    float

    Examples
    --------
    >>> ratings = np.array([[0.0, 0.0, 1.0], [1.0, 1.0, 0.0]])
    >>> round(mean_pair_kappa(pair_kappas(ratings, ["anna", "ben", "cleo"]), ratings), 3)
    -0.333
    """
    kappas = np.array([pair["weighted_kappa"] for pair in pairs])
    return weighted_mean(kappas, pair_weights(ratings)[np.tril_indices(ratings.shape[1], -1)])
