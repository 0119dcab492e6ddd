"""Each evaluator's bias and inconsistency, and the quality of images with both taken into account.

A rating is taken as r_es = mu + b_e + q_s + v_e x, q and x normal. The qualities are integrated out, not fitted, so
that no evaluator can become the score (see `calibration.people.p910` for what happens otherwise).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from calibration.core.grades import Array
from calibration.core.intervals import Interval, percentiles
from calibration.core.ratings import Ratings
from calibration.core.resampling import Drawn, Resampling, count_draws
from calibration.people.p910 import alternating_projection

DRAWS = 200
_RESAMPLING = Resampling(DRAWS)
_LEAST_ITEMS = 20
_EFFORT = 2e8  # draws x rounds x ratings, at most
_ROUNDS, _ROUNDS_OF_A_DRAW = 500, 40
_CLOSE = 1e-7
_PRIOR = 5.0  # ratings' worth of belief that an evaluator is as inconsistent as the others


@dataclass(frozen=True)
class Recovered:
    """Bias, inconsistency and quality, in units of the ratings.

    Attributes
    ----------
    scores : ndarray, shape (items,)
        mu + q: ratings less their evaluator's bias, averaged with weights 1 / inconsistency^2; NaN for items without a
        rating.
    standard_errors : ndarray, shape (items,)
        Of the scores, given biases and inconsistencies.
    bias, inconsistency : ndarray, shape (evaluators,)
        Biases sum to 0; inconsistency is the standard deviation of an evaluator's ratings about quality and bias.
    bias_intervals, inconsistency_intervals : tuple of Interval
        For other images rated by these evaluators; NaN without draws.
    quality_variance : float
        Of q.
    converged : bool
        Whether the estimates came to rest.
    """

    scores: Array
    standard_errors: Array
    bias: Array
    inconsistency: Array
    bias_intervals: tuple[Interval, ...]
    inconsistency_intervals: tuple[Interval, ...]
    quality_variance: float
    converged: bool


def recover_scores(ratings: Array, resampling: Resampling = _RESAMPLING) -> Recovered | None:
    """Recover quality, bias and inconsistency by maximum likelihood with random qualities.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Any scale, NaN where missing.
    resampling : Resampling
        Of the items; fewer draws for very many ratings.

    Returns
    -------
    Recovered or None
        None for fewer than 20 items or two evaluators, where no item has two ratings, or where an evaluator rated
        nothing.

    Notes
    -----
    EM: given the parameters, q_s is normal with precision 1 / V + sum over e of 1 / v_e^2; then b_e is the mean of
    r_es - q_s, v_e^2 that of (r_es - b_e - q_s)^2 plus q_s' variance, V that of q_s^2 plus its variance. v_e^2 is
    shrunk towards the evaluators' mean as if five more ratings had said so.

    References
    ----------
    Dempster, A. P., Laird, N. M. and Rubin, D. B. (1977). Maximum likelihood from incomplete data via the EM algorithm.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> quality = rng.normal(3, 1, size=2000)
    >>> ratings = quality[:, None] + [0.5, 0.0, -0.5] + rng.normal(size=(2000, 3)) * [0.3, 0.6, 0.9]
    >>> found = recover_scores(ratings, Resampling(0))
    >>> found.bias.round(1).tolist(), found.inconsistency.round(1).tolist()
    ([0.5, 0.0, -0.5], [0.3, 0.6, 0.9])
    """
    known = ~np.isnan(ratings)
    if len(ratings) < _LEAST_ITEMS or ratings.shape[1] < 2 or not known.any(axis=0).all():
        return None
    if known.sum(axis=1).max() < 2 or np.ptp(ratings[known]) == 0:
        return None
    kinds = Drawn(ratings)
    fit = _Fit(kinds.ratings, kinds.counts)
    bias, variance, quality, converged = fit.run(kinds.counts, fit.start(), _ROUNDS)
    precision = (known / variance).sum(axis=1)
    middle = bias.mean()
    sums = (np.where(known, ratings - (bias - middle), 0.0) / variance).sum(axis=1)
    rated = precision > 0
    scores = np.divide(sums, precision, out=np.full(len(sums), np.nan), where=rated)
    errors = np.divide(1.0, np.sqrt(precision), out=np.full(len(sums), np.nan), where=rated)
    most = int(_EFFORT // (_ROUNDS_OF_A_DRAW * kinds.ratings.size))
    biases, spreads = fit.draw((bias, variance, quality), resampling.at_most(most))
    return Recovered(
        scores,
        errors,
        bias - middle,
        np.sqrt(variance),
        tuple(percentiles(column) for column in biases.T),
        tuple(percentiles(column) for column in spreads.T),
        quality,
        converged,
    )


def recovery_entry(ratings: Ratings) -> dict[str, Any] | None:
    """What the report says of biases and inconsistencies.

    Parameters
    ----------
    ratings : Ratings
        At most 200 draws of its items are made.

    Returns
    -------
    dict or None
        ``evaluators``: by name ``bias`` and ``inconsistency`` in rating steps, each with ``_low`` and ``_high``;
        ``correlation``: of the recovered scores with the plain means; ``collapsed_onto``: whose ratings ITU-T P.910's
        alternating projection would take for the scores, or None; ``sentence``. None where `recover_scores` finds
        nothing.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> ratings = Ratings(rng.normal(size=(100, 1)) + rng.normal(size=(100, 3)), evaluators=["a", "b", "c"])
    >>> sorted(recovery_entry(ratings)["evaluators"])
    ['a', 'b', 'c']
    """
    evaluators, step = ratings.evaluators, ratings.scale.step
    found = recover_scores(ratings.values, ratings.resampling.at_most(DRAWS))
    if found is None:
        return None
    people = {}
    for column, name in enumerate(evaluators):
        bias, spread = found.bias_intervals[column], found.inconsistency_intervals[column]
        people[name] = {
            "bias": found.bias[column] / step,
            "bias_low": bias.low / step,
            "bias_high": bias.high / step,
            "inconsistency": found.inconsistency[column] / step,
            "inconsistency_low": spread.low / step,
            "inconsistency_high": spread.high / step,
        }
    plain = ratings.target
    both = ~np.isnan(plain)
    varied = np.ptp(plain[both]) > 0 and np.ptp(found.scores[both]) > 0
    r = float(np.corrcoef(plain[both], found.scores[both])[0, 1]) if varied else float("nan")
    kinds = Drawn(ratings.values)
    column_or_none = alternating_projection(kinds.ratings, kinds.counts).collapsed
    onto = None if column_or_none is None else evaluators[column_or_none]
    return {
        "evaluators": people,
        "correlation": r,
        "collapsed_onto": onto,
        "sentence": _sentence(r, onto),
    }


def _sentence(r: float, onto: str | None) -> str:
    close = f"Scores that allow for both correlate {r:.3f} with the plain means. " if np.isfinite(r) else ""
    if onto is None:
        return close + "ITU-T P.910's alternating projection does not collapse on these ratings."
    return (
        f"{close}ITU-T P.910's alternating projection must not be used on these ratings: it takes {onto}'s ratings for "
        "the truth (their inconsistency runs to 0), as it often does with few evaluators."
    )


_State = tuple[Array, Array, float]


class _Fit:
    """EM for the random-quality model, with items that count several times or not at all."""

    def __init__(self, ratings: Array, counts: Array):
        self.known = (~np.isnan(ratings)).astype(float)
        self._ratings = np.nan_to_num(ratings)
        self._counts = counts

    def start(self) -> _State:
        """The evaluators' means, and half of the variance for the quality."""
        per_evaluator = self._counts @ self.known
        bias = self._counts @ self._ratings / per_evaluator
        left = (self._ratings - bias) * self.known
        variance = float((self._counts @ left**2).sum() / per_evaluator.sum())
        return bias, np.full(len(bias), max(variance / 2, 1e-12)), max(variance / 2, 1e-12)

    def run(self, items: Array, state: _State, rounds: int) -> tuple[Array, Array, float, bool]:
        """Biases with mu, variances, the quality's variance, and whether they came to rest."""
        bias, variance, quality = state
        counts = items @ self.known
        rated = self.known.any(axis=1)
        total = float(items @ rated)
        floor = 1e-9 * max(float(variance.mean() + quality), 1e-300)
        for _ in range(rounds):
            weights = self.known / variance
            spread = 1.0 / (1.0 / quality + weights.sum(axis=1))
            q = ((self._ratings - bias) * weights).sum(axis=1) * spread
            sums = items @ ((self._ratings - q[:, None]) * self.known)
            new_bias = np.divide(sums, counts, out=bias.copy(), where=counts > 0)
            left = ((self._ratings - new_bias - q[:, None]) ** 2 + spread[:, None]) * self.known
            sums = items @ left
            pooled = sums.sum() / counts.sum()
            new_variance = np.maximum((sums + _PRIOR * pooled) / (counts + _PRIOR), floor)
            new_quality = max(float(items[rated] @ (q**2 + spread)[rated] / total), floor)
            steps = np.concatenate([new_bias - bias, new_variance - variance, [new_quality - quality]])
            bias, variance, quality = new_bias, new_variance, new_quality
            if np.abs(steps).max() < _CLOSE:
                return bias, variance, quality, True
        return bias, variance, quality, False

    def draw(self, state: _State, resampling: Resampling) -> tuple[Array, Array]:
        """Biases (summing to 0) and inconsistencies in bootstrap draws; shape (draws, evaluators)."""

        def fitted(drawn: Array) -> tuple[Array, Array]:
            biases, spreads = np.full((2, len(drawn), self.known.shape[1]), np.nan)
            for row, items in enumerate(drawn):
                if (items @ self.known > 0).all():
                    bias, variance, _, _ = self.run(items, state, _ROUNDS_OF_A_DRAW)
                    biases[row], spreads[row] = bias - bias.mean(), np.sqrt(variance)
            return biases, spreads

        return count_draws(self._counts, resampling).figures(fitted)
