"""Proportional-odds regression of ratings on scores, with a ridge penalty, by Fisher scoring."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from calibration.core.grades import Array
from calibration.scale import LIKERT, Scale

_ROUNDS = 100
_CLOSE = 1e-10  # the gain in log-likelihood per rating below which nothing more is to be had
_LEAST = 1e-12  # the least probability of a level
_BLOCK = 2**15  # items that are fitted together


@dataclass(frozen=True)
class Ordinal:
    """P(rating <= l) = 1 / (1 + exp(features @ coefficients - cuts[l])).

    Attributes
    ----------
    coefficients : ndarray, shape (features,)
        Positive where a larger feature goes with higher ratings.
    cuts : ndarray, shape (levels - 1,)
        Ascending.
    """

    coefficients: Array
    cuts: Array

    def cumulative(self, features: Array) -> Array:
        """P(rating <= l) for every level but the highest; shape (items, levels - 1)."""
        return _logistic(self.cuts[None, :] - (features @ self.coefficients)[:, None])

    def probabilities(self, features: Array) -> Array:
        """The distribution over the levels; shape (items, levels)."""
        return _shares(self.cumulative(features))


def level_counts(ratings: Array, scale: Scale = LIKERT) -> Array:
    """How many evaluators gave each item each of the levels.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Unit scale, NaN where missing; a rating between two levels (the mean of a double vote) counts as the nearest.
    scale : Scale
        Whose levels the ratings are.

    Returns
    -------
    ndarray of float, shape (items, levels)

    Examples
    --------
    >>> level_counts(np.array([[0.0, 1.0, np.nan, 1.0]])).tolist()
    [[1.0, 0.0, 0.0, 0.0, 2.0]]
    """
    nearest = np.rint(ratings * (scale.count - 1))
    return np.stack([(nearest == level).sum(axis=1) for level in range(scale.count)], axis=1).astype(float)


def fit_ordinal(features: Array, counts: Array, penalty: float = 1.0, prior: float = 1.0) -> Ordinal:
    """Fit a proportional-odds model.

    Parameters
    ----------
    features : ndarray, shape (items, features)
        Finite; standardised, or the penalty means another thing for each.
    counts : ndarray, shape (items, levels)
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
    (fit,) = fit_ordinals([features], [counts], penalty, prior)
    return fit


def fit_ordinals(
    features: Sequence[Array], counts: Sequence[Array], penalty: float = 1.0, prior: float = 1.0
) -> list[Ordinal]:
    """`fit_ordinal` for many sets of items, all at once: much quicker where each is small.

    Parameters
    ----------
    features, counts : sequence of ndarray
        Of each set, as in `fit_ordinal`; all with as many features.
    penalty, prior : float
        As in `fit_ordinal`.

    Returns
    -------
    list of Ordinal

    Examples
    --------
    >>> counts = np.array([[3.0, 1, 0, 0, 0], [1, 2, 1, 0, 0], [0, 1, 1, 1, 1], [0, 0, 0, 1, 3]])
    >>> x = np.array([[-1.0], [-0.5], [0.5], [1.0]])
    >>> one, other = fit_ordinals([x, x[1:]], [counts, counts[1:]])
    >>> bool(np.isclose(other.coefficients, fit_ordinal(x[1:], counts[1:]).coefficients).all())
    True
    """
    size = max(1, _BLOCK // (1 + max((len(each) for each in counts), default=0)))
    return [
        fit
        for start in range(0, len(counts), size)
        for fit in _fitted(features[start : start + size], counts[start : start + size], penalty, prior)
    ]


def _fitted(features: Sequence[Array], counts: Sequence[Array], penalty: float, prior: float) -> Iterator[Ordinal]:
    """The fits of sets that are in memory together."""
    width, levels = features[0].shape[1], counts[0].shape[1]
    used = [each.sum(axis=1) > 0 for each in counts]
    most = 1 + max(int(each.sum()) for each in used)
    # items that a set lacks count nothing; the made-up rating is the last of each
    x, y = np.zeros((len(counts), most, width)), np.zeros((len(counts), most, levels))
    for place, (own, given, chosen) in enumerate(zip(features, counts, used, strict=True)):
        x[place, : chosen.sum()], y[place, : chosen.sum()] = own[chosen], given[chosen]
    y[:, -1] = prior / levels
    total = y.sum(axis=(1, 2))
    cuts = np.tile(np.linspace(-2.0, 2.0, levels - 1), (len(counts), 1))
    some = total > 0
    below = np.clip(y[some].sum(axis=1).cumsum(axis=1)[:, :-1] / total[some, None], 1e-3, 1 - 1e-3)
    cuts[some] = np.log(below / (1 - below)) + np.arange(levels - 1) * 1e-3
    state = np.concatenate([cuts, np.zeros((len(counts), width))], axis=1)
    _climb(state, x, y, penalty, _CLOSE * total)
    for row in state:
        yield Ordinal(row[levels - 1 :], row[: levels - 1])


def _climb(state: Array, features: Array, counts: Array, penalty: float, close: Array) -> None:
    """Fisher scoring from a state (cuts, then coefficients), which is overwritten, row by row until it gains little."""
    value, below = _values(state, features, counts, penalty)
    open_, cuts = np.arange(len(state)), counts.shape[2] - 1
    for _ in range(_ROUNDS):
        if not len(open_):
            return
        everything = len(open_) == len(state)
        x, y = (features, counts) if everything else (features[open_], counts[open_])
        gradient, information = _derivatives(state[open_], below[open_], x, y, penalty)
        step = np.linalg.solve(information + 1e-10 * np.eye(state.shape[1]), gradient[:, :, None])[:, :, 0]
        gain, size, left = np.zeros(len(open_)), 1.0, np.arange(len(open_))
        while len(left) and size > 1e-6:  # a step that gains nothing is halved
            rows = open_[left]
            trial = state[rows] + size * step[left]
            own = (x, y) if len(left) == len(open_) else (x[left], y[left])
            reached, shares = _values(trial, *own, penalty)
            better = (np.diff(trial[:, :cuts], axis=1) > 0).all(axis=1) & (reached >= value[rows])
            rows = rows[better]
            gain[left[better]] = reached[better] - value[rows]
            state[rows], value[rows], below[rows] = trial[better], reached[better], shares[better]
            left, size = left[~better], size / 2
        gain[left] = -np.inf
        open_ = open_[gain > close[open_]]


def _values(state: Array, features: Array, counts: Array, penalty: float) -> tuple[Array, Array]:
    """The penalised log-likelihoods, and P(rating <= l) of every item."""
    cuts, coefficients = np.split(state, [counts.shape[2] - 1], axis=1)
    along = (features @ coefficients[:, :, None])[:, :, 0]
    below = _logistic(cuts[:, None, :] - along[:, :, None])
    shares = np.maximum(_shares(below), _LEAST)
    found = np.sum(counts * np.log(shares), axis=(1, 2)) - penalty / 2 * (coefficients**2).sum(axis=1)
    return found, below


def _derivatives(state: Array, below: Array, features: Array, counts: Array, penalty: float) -> tuple[Array, Array]:
    """The gradients and the expected information, by cuts, then coefficients."""
    width, cuts = features.shape[2], counts.shape[2] - 1
    density = below * (1 - below)
    shares = np.maximum(_shares(below), _LEAST)
    ratio = counts / shares
    slope = density * (ratio[..., :-1] - ratio[..., 1:])
    total = counts.sum(axis=2, keepdims=True)
    own = total * density**2 * (1 / shares[..., :-1] + 1 / shares[..., 1:])
    next_to = -total * density[..., :-1] * density[..., 1:] / shares[..., 1:-1]
    by_cut = own.copy()
    by_cut[..., :-1] += next_to
    by_cut[..., 1:] += next_to
    information = np.zeros((len(state), cuts + width, cuts + width))
    at, after = np.arange(cuts), np.arange(cuts - 1)
    information[:, at, at] = own.sum(axis=1)
    information[:, after, after + 1] = information[:, after + 1, after] = next_to.sum(axis=1)
    mixed = -by_cut.transpose(0, 2, 1) @ features
    information[:, :cuts, cuts:] = mixed
    information[:, cuts:, :cuts] = mixed.transpose(0, 2, 1)
    weighted = features * by_cut.sum(axis=2)[..., None]
    information[:, cuts:, cuts:] = weighted.transpose(0, 2, 1) @ features + penalty * np.eye(width)
    pulled = (features.transpose(0, 2, 1) @ slope.sum(axis=2)[..., None])[:, :, 0]
    gradient = np.concatenate([slope.sum(axis=1), -pulled - penalty * state[:, cuts:]], axis=1)
    return gradient, information


def _shares(below: Array) -> Array:
    """The chances of the levels, from those of each level or less along the last axis."""
    shares = np.empty((*below.shape[:-1], below.shape[-1] + 1))
    shares[..., 0] = below[..., 0]
    np.subtract(below[..., 1:], below[..., :-1], out=shares[..., 1:-1])
    np.subtract(1.0, below[..., -1], out=shares[..., -1])
    return shares


def _logistic(x: Array) -> Array:
    return 0.5 * (1.0 + np.tanh(x / 2))
