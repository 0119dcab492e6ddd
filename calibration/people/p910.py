"""ITU-T P.910's recovery of quality, bias and inconsistency by alternating projection, and whether it collapsed.

Every evaluator's inconsistency is estimated from the scores that it helps to weigh. With many evaluators that works;
with few, the one who happens to lie nearest the mean gains weight, which brings the scores nearer still, until the
scores are that person's ratings and the inconsistency is 0. It is kept to compare with, and `collapsed` says when
not to believe it; `calibration.people.recovery` does not have that mode.
"""

from dataclasses import dataclass

import numpy as np

from calibration.core.grades import Array

_CLOSE = 1e-8
_MOST_ROUNDS = 10_000
_LEAST_SPREAD = 1e-12
ALMOST_ALL = 0.9
"""With this share of all weight an evaluator has become the score."""


@dataclass(frozen=True)
class Projection:
    """What alternating projection found.

    Attributes
    ----------
    scores : ndarray, shape (items,)
        The recovered quality, in units of the ratings; NaN for items without a rating.
    standard_errors : ndarray, shape (items,)
        1 / sqrt(sum of 1 / inconsistency^2 over the item's evaluators).
    bias, inconsistency : ndarray, shape (evaluators,)
        Biases sum to 0.
    rounds : int
        How many it took.
    """

    scores: Array
    standard_errors: Array
    bias: Array
    inconsistency: Array
    rounds: int

    @property
    def weights(self) -> Array:
        """Each evaluator's share of the weight, summing to 1."""
        weights = 1.0 / np.maximum(self.inconsistency, _LEAST_SPREAD) ** 2
        return np.asarray(weights / weights.sum())

    @property
    def collapsed(self) -> int | None:
        """The column of the evaluator who became the score; None where nobody did."""
        most = int(self.weights.argmax())
        return most if len(self.weights) > 1 and self.weights[most] >= ALMOST_ALL else None


def alternating_projection(ratings: Array, counts: Array | None = None) -> Projection:
    """Quality, bias and inconsistency after ITU-T P.910, Annex E.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Any scale, NaN where missing; every evaluator rated at least one item.
    counts : ndarray, shape (items,), optional
        How many items with just these ratings each row stands for; one unless given.

    Returns
    -------
    Projection

    Notes
    -----
    The model is u_es = psi_s + Delta_e + v_e X with X standard normal. From psi = the items' means, in turn:
    Delta_e = mean over items of u_es - psi_s (less the mean of all Delta), v_e = the standard deviation of
    u_es - psi_s - Delta_e, psi_s = the mean of u_es - Delta_e weighted by 1 / v_e^2; until psi moves by less than 1e-8.

    References
    ----------
    ITU-T P.910 (2023), Annex E. Li, Z., Bampis, C. G., Krasula, L., Janowski, L. and Katsavounidis, I. (2020). A simple
    model for subject behavior in subjective experiments.

    Examples
    --------
    >>> found = alternating_projection(np.array([[1.0, 2.0], [3.0, 4.0], [2.0, 3.0]]))
    >>> found.scores.round(6).tolist(), found.bias.round(6).tolist()
    ([1.5, 3.5, 2.5], [-0.5, 0.5])
    """
    known = ~np.isnan(ratings)
    filled = np.where(known, ratings, 0.0)
    times = np.ones(len(ratings)) if counts is None else counts
    per_item, per_evaluator = known.sum(axis=1), times @ known
    rated = per_item > 0
    psi = np.divide(filled.sum(axis=1), per_item, out=np.zeros(len(ratings)), where=rated)
    weight = np.zeros_like(psi)
    bias = spread = np.zeros(ratings.shape[1])
    rounds = 0
    while rounds < _MOST_ROUNDS:
        rounds += 1
        apart = np.where(known, filled - psi[:, None], 0.0)
        bias = times @ apart / per_evaluator
        bias = bias - bias.mean()
        left = np.where(known, apart - bias, 0.0)
        middle = times @ left / per_evaluator
        spread = np.sqrt(np.maximum(times @ left**2 / per_evaluator - middle**2, _LEAST_SPREAD**2))
        by_evaluator = known / spread**2
        weight = by_evaluator.sum(axis=1)
        before, psi = psi, np.divide(((filled - bias) * by_evaluator).sum(axis=1), weight, out=psi * 0.0, where=rated)
        if np.sqrt(times @ (psi - before) ** 2) < _CLOSE:
            break
    errors = np.divide(1.0, np.sqrt(weight), out=np.full(len(psi), np.nan), where=rated)
    return Projection(np.where(rated, psi, np.nan), errors, bias, spread, rounds)
