"""Answers that crowd in the middle: how much they do, and a monotone map that spreads them as the votes are spread.

Minimising the squared error condenses: an answer that correlates with the votes by r has r times their standard
deviation. A map of the answers' quantiles to the votes' gives the spread back and leaves every rank as it was; it is
what any balancing of the training data has to beat.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metrics.networks.aesthetic_head import Layer

NARROW = 0.5
CROWDED = 0.95
_KNOTS = 33


@dataclass(frozen=True, eq=False)
class QuantileMatch:
    """A piecewise linear map that never falls.

    Attributes
    ----------
    answers, votes : ndarray, shape (knots,)
        Where its corners are; beyond them it goes on as in its first and last piece.
    """

    answers: NDArray[np.float64]
    votes: NDArray[np.float64]

    def __call__(self, answers: ArrayLike) -> NDArray[np.float64]:
        """Mapped answers."""
        x = np.asarray(answers, dtype=np.float64)
        slopes = np.diff(self.votes) / np.diff(self.answers)
        inside = np.interp(x, self.answers, self.votes)
        below, above = np.minimum(x - self.answers[0], 0.0), np.maximum(x - self.answers[-1], 0.0)
        return inside + below * slopes[0] + above * slopes[-1]

    def layers(self) -> list[Layer]:
        """The map as two layers with max(0, .) between them: from one number to one number."""
        slopes = np.diff(self.votes) / np.diff(self.answers)
        turns = np.diff(slopes)
        # the first piece takes two units, x - a0 and a0 - x; each corner inside adds one
        first = np.concatenate([[1.0, -1.0], np.ones(len(turns))])[:, None]
        bias = np.concatenate([[-self.answers[0], self.answers[0]], -self.answers[1:-1]])
        last = np.concatenate([[slopes[0], -slopes[0]], turns])[None, :]
        return [(first, bias), (last, np.array([self.votes[0]]))]


def match_quantiles(answers: ArrayLike, votes: ArrayLike, knots: int = _KNOTS) -> QuantileMatch:
    """The map that gives answers the distribution of the votes.

    Parameters
    ----------
    answers, votes : array_like, shapes (n,) and (m,)
        On images that were not trained on.
    knots : int
        How many quantiles are matched; fewer where answers coincide.

    Returns
    -------
    QuantileMatch

    Examples
    --------
    >>> votes = np.linspace(1, 10, 1001)
    >>> spread = match_quantiles(5 + (votes - 5) / 2, votes)
    >>> spread([3.0, 5.5, 7.5]).round(2)
    array([ 1.,  6., 10.])
    """
    x, y = (np.sort(np.asarray(values, dtype=np.float64)) for values in (answers, votes))
    count = max(2, min(knots, min(len(x), len(y)) // 10))
    shares = (np.arange(count) + 0.5) / count
    corners = np.quantile(x, shares), np.quantile(y, shares)
    keep = np.concatenate([[True], np.diff(corners[0]) > 1e-9 * max(1.0, float(np.ptp(x)))])
    if keep.sum() < 2:
        return QuantileMatch(np.array([x.mean(), x.mean() + 1.0]), np.array([y.mean(), y.mean()]))
    return QuantileMatch(corners[0][keep], corners[1][keep])


def spread_ratio(answers: ArrayLike, votes: ArrayLike) -> float:
    """The answers' standard deviation divided by the votes'; nan where all votes are the same.

    Examples
    --------
    >>> spread_ratio([4.0, 5.0, 6.0], [3.0, 5.0, 7.0])
    0.5
    """
    spread = float(np.std(np.asarray(votes)))
    return float(np.std(np.asarray(answers))) / spread if spread > 0 else float("nan")


def alarms(answers: ArrayLike, votes: ArrayLike) -> list[str]:
    """Sentences that say that answers are condensed; none where they are not.

    Parameters
    ----------
    answers, votes : array_like, shape (n,)
        Of the same images.
    """
    x, y = np.asarray(answers, dtype=np.float64), np.asarray(votes, dtype=np.float64)
    found = []
    if spread_ratio(x, y) < NARROW:
        found.append(f"The answers spread only {spread_ratio(x, y):.2f} times as wide as the votes.")
    low, high = y.min() + 0.4 * np.ptp(y), y.min() + 0.6 * np.ptp(y)
    share = float(np.mean((x >= low) & (x <= high)))
    if share >= CROWDED:
        found.append(
            f"{share:.0%} of the answers lie in the middle fifth of the votes' range ({low:.1f} to {high:.1f})."
        )
    return found
