"""Grades of people: how well each evaluator agrees with the others.

Every function takes *ratings on the unit scale*: a float array of shape (items, evaluators) in [0, 1], NaN where an
evaluator did not rate an item. A grade is 1 minus a mean distance, so 1 is perfect agreement.

The method is that of deepsense.ai, 'Diffusion models in practice, part 2: how good is your model?' (2023).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def sample_scores(ratings: Array) -> Array:
    """The mean rating of each item over the evaluators who rated it.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Unit scale, NaN where missing.

    Returns
    -------
    ndarray, shape (items,)
        In [0, 1]; NaN for an item that nobody rated.

    Examples
    --------
    >>> sample_scores(np.array([[0.0, 1.0], [0.5, np.nan]])).tolist()
    [0.5, 0.5]
    """
    rated = ~np.isnan(ratings)
    return _divide(np.where(rated, ratings, 0.0).sum(axis=1), rated.sum(axis=1))


def leave_one_out_scores(ratings: Array) -> Array:
    """Each item's sample score without one evaluator, for every evaluator.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Unit scale, NaN where missing.

    Returns
    -------
    ndarray, shape (items, evaluators)
        Column e holds the mean over the evaluators other than e; NaN where no other evaluator rated the item.

    Examples
    --------
    >>> leave_one_out_scores(np.array([[0.0, 0.5, 1.0]])).tolist()
    [[0.75, 0.5, 0.25]]
    """
    rated = ~np.isnan(ratings)
    filled = np.where(rated, ratings, 0.0)
    others = filled.sum(axis=1, keepdims=True) - filled
    return _divide(others, rated.sum(axis=1, keepdims=True) - rated)


def distance_grade(answers: Array, target: Array, k: float = 1.0) -> tuple[float, int]:
    """Grade answers against a target: g = 1 - mean |answer - target|^k.

    Parameters
    ----------
    answers, target : ndarray of the same shape
        Unit scale; only places where both are known count.
    k : float
        The exponent, above 0.

    Returns
    -------
    grade : float
        In [0, 1]; NaN where no place counts.
    n : int
        How many places counted.

    Examples
    --------
    >>> distance_grade(np.array([0.0, 1.0]), np.array([0.5, 1.0]))
    (0.75, 2)
    """
    distance = np.abs(answers - target)
    distance = distance[~np.isnan(distance)]
    if distance.size == 0:
        return float("nan"), 0
    return float(1.0 - np.mean(distance**k)), int(distance.size)


def evaluator_grades(ratings: Array, k: float = 1.0) -> Array:
    """Every evaluator's grade against the mean of the others.

    g(e) = 1 - mean over items of abs(e(s) - leave-one-out score(s))**k, over the items that e and at least one other
    rated.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Unit scale, NaN where missing.
    k : float
        The exponent, above 0.

    Returns
    -------
    ndarray, shape (evaluators,)
        In [0, 1]; NaN for an evaluator who shares no item with another.

    Examples
    --------
    >>> evaluator_grades(np.array([[0.0, 0.5], [1.0, 1.0]])).tolist()
    [0.75, 0.75]
    """
    others = leave_one_out_scores(ratings)
    return np.array([distance_grade(ratings[:, e], others[:, e], k)[0] for e in range(ratings.shape[1])])


def person_to_person_grades(ratings: Array, k: float = 1.0) -> Array:
    """The grade of each evaluator against each other one, on the items that both rated.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Unit scale, NaN where missing.
    k : float
        The exponent, above 0.

    Returns
    -------
    ndarray, shape (evaluators, evaluators)
        Symmetric; NaN on the diagonal and for a pair that shares no item.

    Examples
    --------
    >>> person_to_person_grades(np.array([[0.0, 0.5], [1.0, 1.0]])).tolist()
    [[nan, 0.75], [0.75, nan]]
    """
    rated = (~np.isnan(ratings)).astype(float)
    filled = np.nan_to_num(ratings)
    apart = [_apart_from_each(filled[:, e], rated[:, e], filled, rated, k) for e in range(ratings.shape[1])]
    both = (rated.T @ rated).astype(int)
    grades = 1.0 - _divide(np.array(apart).reshape(both.shape), both)
    np.fill_diagonal(grades, np.nan)
    return np.asarray(grades)


def mean_or_nan(values: ArrayLike) -> float:
    """The mean of the values that are known; NaN, without a warning, where none is.

    Examples
    --------
    >>> mean_or_nan([1.0, np.nan, 3.0])
    2.0
    >>> mean_or_nan([])
    nan
    """
    known = np.asarray(values, dtype=float)
    known = known[~np.isnan(known)]
    return float(known.mean()) if known.size else float("nan")


def _apart_from_each(own: Array, given: Array, filled: Array, rated: Array, k: float) -> Array:
    """The sum of one evaluator's distances to each evaluator over the items that both rated; shape (evaluators,)."""
    rows = given > 0
    return np.asarray((np.abs(filled[rows] - own[rows, None]) ** k * rated[rows]).sum(axis=0))


def _divide(numerator: Array, denominator: NDArray[np.int_]) -> Array:
    """Divide, with NaN where the denominator is 0."""
    return np.divide(numerator, denominator, out=np.full(numerator.shape, np.nan), where=denominator > 0)
