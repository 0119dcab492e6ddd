"""95 % intervals from draws: for other images with the same people, and for other images with other people."""

from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from calibration.core.grades import Array

CONFIDENCE = 0.95
_MOST_FOR_PAIRS = 12  # with more evaluators than these the jackknife needs no correction


class Interval(NamedTuple):
    """Made so that it holds the true value in 95 of 100 studies of the kind in question."""

    low: float
    high: float


UNKNOWN = Interval(float("nan"), float("nan"))


def percentiles(drawn: Array) -> Interval:
    """The interval that holds the middle 95 % of the draws that have a value.

    Examples
    --------
    >>> low, high = percentiles(np.arange(41.0))
    >>> round(low, 6), round(high, 6)
    (1.0, 39.0)
    """
    known = drawn[np.isfinite(drawn)]
    if not len(known):
        return UNKNOWN
    low, high = np.quantile(known, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(float(low), float(high))


def left_out(people: int) -> list[tuple[int, ...]]:
    """Whom to leave out, one after the other, for `with_other_people`: each evaluator, then each two of them.

    Examples
    --------
    >>> left_out(3)
    [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2)]
    """
    two = combinations(range(people), 2) if people <= _MOST_FOR_PAIRS else ()
    return [*((each,) for each in range(people)), *two]


def with_other_people(
    estimate: float,
    over_items: Array,
    without: Array,
    people: int,
    least: float = -np.inf,
    most: float = 1.0,
    without_in_draws: Array | None = None,
    shares: Array | None = None,
    held: float = 1.0,
) -> Interval:
    """The interval of a figure for other images and other evaluators.

    Parameters
    ----------
    estimate : float
        The figure.
    over_items : ndarray, shape (draws,)
        The figure in bootstrap draws of the images.
    without : ndarray
        The figure without each of `left_out(people)`; each evaluator is enough with `without_in_draws`.
    people : int
        How many evaluators there are.
    least, most : float
        Ends of the figure's range.
    without_in_draws : ndarray, shape (draws, people), optional
        The figure without each evaluator in some draws of the images: says how much of the variance stands in both
        parts.
    shares : ndarray, shape (people,), optional
        Each evaluator's part of the figure, where it is a weighted mean over them; equal parts unless given.
    held : float
        By how much the evaluators' variance is larger than the figures without each of them show, because something
        was held that other evaluators would change.

    Returns
    -------
    Interval
        NaN where the estimate, or the figure without some evaluator, has no value.

    Notes
    -----
    The variance over images is that of the draws. The variance over evaluators is the jackknife's, (E - 1) / E times
    the sum of squares of the leave-one-out figures about their mean. With few evaluators it is too large for figures
    about pairs of people, by what Efron and Stein's leave-two-out correction estimates; that estimate is rough, so a
    third of it is taken off, and at most a third of the variance.

    What is peculiar to one person's view of one image moves the figure with either, and stands in both variances. Where
    `without_in_draws` is given, it is taken off once, as with errors clustered two ways (Cameron, Gelbach and Miller),
    and the other correction is not used: the jackknife's variance grows by just that much when the images are drawn.

    With parts w_e the jackknife's variance is the sum of (1 - w_e) times the squares about the mean by the weights
    1 - w_e, which is the one above where parts are equal, and E is 1 / the sum of w_e squared.

    The interval is the estimate -+ t times the root of the sum over images and evaluators, t with Satterthwaite's
    degrees of freedom for such a sum (E - 1 for the evaluators' part). tests/benchmarks/bench_coverage.py measures
    what comes of it.

    References
    ----------
    Tukey, J. W. (1958). Bias and confidence in not-quite large samples. Efron, B. and Stein, C. (1981). The jackknife
    estimate of variance. Satterthwaite, F. E. (1946). An approximate distribution of estimates of variance components.
    Cameron, A. C., Gelbach, J. B. and Miller, D. L. (2011). Robust inference with multiway clustering.

    Examples
    --------
    >>> with_other_people(0.5, np.array([0.5, 0.5]), np.full(6, 0.5), 3)
    Interval(low=0.5, high=0.5)
    """
    drawn = over_items[np.isfinite(over_items)]
    if not np.isfinite(estimate) or not len(drawn) or people < 3 or not np.isfinite(without[:people]).all():
        return UNKNOWN
    items = float(np.var(drawn))
    parts = np.full(people, 1 / people) if shares is None else shares / shares.sum()
    if without_in_draws is None:
        evaluators = _evaluators_variance(estimate, without, parts)
    else:
        evaluators = _evaluators_variance_alone(without[:people], without_in_draws, items, parts)
    evaluators *= held
    total = items + evaluators
    if total == 0:
        return Interval(estimate, estimate)
    freedom = total**2 / max(evaluators**2 / (1 / float(parts @ parts) - 1), 1e-300)
    half = float(special.stdtrit(min(freedom, 1e6), (1 + CONFIDENCE) / 2) * np.sqrt(total))
    return Interval(max(estimate - half, least), min(estimate + half, most))


def _jackknife(without: Array, parts: Array) -> Array:
    """The variance over evaluators from figures without each, (..., people)."""
    weights = 1 - parts
    about = without - (without @ weights / weights.sum())[..., None]
    return np.asarray(about**2 @ weights)


def _evaluators_variance(estimate: float, without: Array, parts: Array) -> float:
    """See the notes of `with_other_people`."""
    people = len(parts)
    one, two = without[:people], without[people:]
    jackknife = float(_jackknife(one, parts))
    if not len(two) or not np.isfinite(two).all():
        return jackknife
    first, second = np.array(list(combinations(range(people), 2))).T
    together = people * estimate - (people - 1) * (one[first] + one[second]) + (people - 2) * two
    correction = float(np.sum((together - together.mean()) ** 2)) / (people * (people + 1))
    return jackknife - min(correction, jackknife) / 3


def _evaluators_variance_alone(without: Array, without_in_draws: Array, items: float, parts: Array) -> float:
    """The jackknife's variance less what the images' holds as well."""
    jackknife = float(_jackknife(without, parts))
    known = without_in_draws[np.isfinite(without_in_draws).all(axis=1)]
    if not len(known):
        return jackknife
    drawn = float(_jackknife(known, parts).mean())
    return jackknife - float(np.clip(drawn - jackknife, 0.0, min(items, jackknife)))


def group_codes(groups: ArrayLike | None, count: int) -> NDArray[np.intp]:
    """Each item's group as a number from 0; every item is its own where there are no groups.

    Examples
    --------
    >>> group_codes(["b", "a", "b"], 3).tolist(), group_codes(None, 2).tolist()
    ([1, 0, 1], [0, 1])
    """
    if groups is None:
        return np.arange(count)
    return np.asarray(np.unique(np.asarray(groups), return_inverse=True)[1].reshape(-1))
