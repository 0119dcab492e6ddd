"""Proportional-odds regression of ratings 1..5 on scores, with a ridge penalty, by Fisher scoring."""

from dataclasses import dataclass

import numpy as np

from calibration.grades import LEVELS, Array

COUNT = len(LEVELS)
_ROUNDS = 100
_CLOSE = 1e-10  # the gain in log-likelihood per rating below which nothing more is to be had
_LEAST = 1e-12  # the least probability of a level


@dataclass(frozen=True)
class Ordinal:
    """P(rating <= l) = 1 / (1 + exp(features @ coefficients - cuts[l])).

    Attributes
    ----------
    coefficients : ndarray, shape (features,)
        Positive where a larger feature goes with higher ratings.
    cuts : ndarray, shape (4,)
        Ascending.
    """

    coefficients: Array
    cuts: Array

    def cumulative(self, features: Array) -> Array:
        """P(rating <= l) for l = 1..4; shape (items, 4)."""
        return _logistic(self.cuts[None, :] - (features @ self.coefficients)[:, None])

    def probabilities(self, features: Array) -> Array:
        """The distribution over 1..5; shape (items, 5)."""
        return _shares(self.cumulative(features))


def level_counts(ratings: Array) -> Array:
    """How many evaluators gave each item each of the levels 1..5.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Unit scale, NaN where missing; a rating between two levels (the mean of a double vote) counts as the nearest.

    Returns
    -------
    ndarray of float, shape (items, 5)

    Examples
    --------
    >>> level_counts(np.array([[0.0, 1.0, np.nan, 1.0]])).tolist()
    [[1.0, 0.0, 0.0, 0.0, 2.0]]
    """
    nearest = np.rint(ratings * (COUNT - 1))
    return np.stack([(nearest == level).sum(axis=1) for level in range(COUNT)], axis=1).astype(float)


def fit_ordinal(features: Array, counts: Array, penalty: float = 1.0, prior: float = 1.0) -> Ordinal:
    """Fit a proportional-odds model.

    Parameters
    ----------
    features : ndarray, shape (items, features)
        Finite; standardised, or the penalty means another thing for each.
    counts : ndarray, shape (items, 5)
        How many ratings of each level an item has.
    penalty : float
        Of the ridge: half of it times the sum of squared coefficients is taken from the log-likelihood.
    prior : float
        The weight of a made-up rating at features of 0, spread evenly over the levels, which keeps the cuts finite
        where a level was never given.

    Returns
    -------
    Ordinal

    Notes
    -----
    Maximises sum over items and levels of counts * log p - penalty / 2 * |coefficients|^2. The expected information is
    used in place of the second derivative (Fisher scoring), and a step that gains nothing is halved. statsmodels'
    OrderedModel finds the same optimum without penalty; it has none to offer, takes one row for each rating, and a
    hundred times as long, which a cross-validation cannot afford.

    References
    ----------
    McCullagh, P. (1980). Regression models for ordinal data. Journal of the Royal Statistical Society B 42.

    Examples
    --------
    >>> counts = np.array([[3.0, 1, 0, 0, 0], [1, 2, 1, 0, 0], [0, 1, 1, 1, 1], [0, 0, 0, 1, 3]])
    >>> fit = fit_ordinal(np.array([[-1.0], [-0.5], [0.5], [1.0]]), counts)
    >>> bool(fit.coefficients[0] > 0), bool((np.diff(fit.cuts) > 0).all())
    (True, True)
    """
    width = features.shape[1]
    features = np.vstack([features, np.zeros((1, width))])
    counts = np.vstack([counts, np.full((1, COUNT), prior / COUNT)])
    known = counts.sum(axis=1) > 0
    features, counts = features[known], counts[known]
    cuts = np.linspace(-2.0, 2.0, COUNT - 1)
    if len(counts):
        below = np.clip(counts.sum(axis=0).cumsum()[:-1] / counts.sum(), 1e-3, 1 - 1e-3)
        cuts = np.log(below / (1 - below)) + np.arange(COUNT - 1) * 1e-3
    fit, found = Ordinal(np.zeros(width), cuts), -np.inf
    for _ in range(_ROUNDS):
        value, gradient, information = _derivatives(fit, features, counts, penalty)
        step = np.linalg.solve(information + 1e-10 * np.eye(len(information)), gradient)
        found, size = value, 1.0
        while size > 1e-6:
            trial = Ordinal(
                fit.coefficients + size * step[COUNT - 1 :],
                fit.cuts + size * step[: COUNT - 1],
            )
            if (np.diff(trial.cuts) > 0).all() and _value(trial, features, counts, penalty) >= value:
                break
            size /= 2
        else:
            break
        fit = trial
        if _value(fit, features, counts, penalty) - found <= _CLOSE * counts.sum():
            break
    return fit


def _value(fit: Ordinal, features: Array, counts: Array, penalty: float) -> float:
    shares = np.maximum(fit.probabilities(features), _LEAST)
    return float(np.sum(counts * np.log(shares)) - penalty / 2 * fit.coefficients @ fit.coefficients)


def _derivatives(fit: Ordinal, features: Array, counts: Array, penalty: float) -> tuple[float, Array, Array]:
    """The penalised log-likelihood, its gradient and the expected information, by cuts, then coefficients."""
    below = fit.cumulative(features)
    density = below * (1 - below)
    shares = np.maximum(_shares(below), _LEAST)
    ratio = counts / shares
    slope = density * (ratio[:, :-1] - ratio[:, 1:])
    total = counts.sum(axis=1, keepdims=True)
    own = total * density**2 * (1 / shares[:, :-1] + 1 / shares[:, 1:])
    next_to = -total * density[:, :-1] * density[:, 1:] / shares[:, 1:-1]
    by_cut = own.copy()
    by_cut[:, :-1] += next_to
    by_cut[:, 1:] += next_to
    between = np.diag(own.sum(axis=0)) + np.diag(next_to.sum(axis=0), 1) + np.diag(next_to.sum(axis=0), -1)
    mixed = -by_cut.T @ features
    of_features = (features * by_cut.sum(axis=1)[:, None]).T @ features + penalty * np.eye(features.shape[1])
    gradient = np.concatenate([slope.sum(axis=0), -features.T @ slope.sum(axis=1) - penalty * fit.coefficients])
    value = float(np.sum(counts * np.log(shares)) - penalty / 2 * fit.coefficients @ fit.coefficients)
    return value, gradient, np.block([[between, mixed], [mixed.T, of_features]])


def _shares(below: Array) -> Array:
    return np.diff(below, axis=1, prepend=0.0, append=1.0)


def _logistic(x: Array) -> Array:
    return 0.5 * (1.0 + np.tanh(x / 2))
