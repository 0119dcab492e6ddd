"""One quality an image, and how each evaluator turns it into answers: Samejima's graded response model.

It says how often two people who know nothing of each other give the same answer, however strict they are and wherever
the scale ends; `calibration.people.dependence` compares with it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special

from calibration.core.grades import Array

_MOST_LEVELS, _CUT = 11, 7  # more different ratings than these are cut at their quantiles
_ROUNDS, _CLOSE = 40, 2e-3
_END = 3.5  # of the qualities, in standard deviations
_FEWEST_NODES, _MOST_NODES = 21, 81
_BELIEF = 50.0  # images' worth of belief that qualities are normal
_LONGEST_STEP = 0.7
_LEAST = 1e-10
_FEW = 8  # evaluators, who often give the same answers to several images


class Levels(NamedTuple):
    """Ratings as levels from 0, each evaluator's own; -1 where missing.

    Attributes
    ----------
    codes : ndarray of int, shape (items, evaluators)
        The levels.
    counts : ndarray of int, shape (evaluators,)
        How many each evaluator used.
    values : list of ndarray
        By evaluator: the rating of each level, or where a level begins if ratings were cut.
    cut : ndarray of bool, shape (evaluators,)
        Whose ratings were cut.
    """

    codes: NDArray[np.intp]
    counts: NDArray[np.intp]
    values: list[Array]
    cut: NDArray[np.bool_]

    def of(self, columns: NDArray[np.intp]) -> "Levels":
        """The levels of some evaluators."""
        return Levels(
            self.codes[:, columns], self.counts[columns], [self.values[place] for place in columns], self.cut[columns]
        )


def levels_of(ratings: Array) -> Levels:
    """The levels that each evaluator used.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Any scale, NaN where missing; nobody without a rating.

    Returns
    -------
    Levels
        Of an evaluator with more than 11 different ratings seven of about equal size.

    Examples
    --------
    >>> levels_of(np.array([[3.0, 1.0], [5.0, np.nan]])).codes.tolist()
    [[0, 0], [1, -1]]
    """
    codes = np.full(ratings.shape, -1, dtype=np.intp)
    values, cut = [], []
    for column, own in enumerate(ratings.T):
        known = ~np.isnan(own)
        found = np.unique(own[known])
        cut.append(len(found) > _MOST_LEVELS)
        if cut[-1]:
            found = np.unique(np.quantile(own[known], np.arange(_CUT) / _CUT))
        codes[known, column] = np.maximum(np.searchsorted(found, own[known], side="right") - 1, 0)
        values.append(found)
    return Levels(codes, np.array([len(found) for found in values], dtype=np.intp), values, np.array(cut, dtype=bool))


def nodes_for(levels: Levels) -> Array:
    """Qualities at which the model is computed: the closer, the better an image's ratings tell its quality."""
    an_image = float((levels.codes >= 0).sum(axis=1).mean())
    half = np.ceil(_END * np.sqrt(1 + 2 * an_image))
    return np.linspace(-_END, _END, int(np.clip(2 * half + 1, _FEWEST_NODES, _MOST_NODES)))


class GradedResponse:
    """The model for some evaluators: thresholds and a slope each, and how qualities are spread.

    P(level <= k | q) = Phi(threshold_k - slope q).

    Parameters
    ----------
    thresholds : ndarray, shape (evaluators, most levels - 1)
        Infinite for levels that an evaluator did not use.
    slopes : ndarray, shape (evaluators,)
        How strongly each answers to quality.
    shares : ndarray, shape (nodes,)
        Of the qualities.
    nodes : ndarray, shape (nodes,)
        The qualities.

    Attributes
    ----------
    chances : ndarray, shape (evaluators, levels, nodes)
        Of each answer.
    residuals : ndarray, shape (evaluators, levels, nodes)
        How far an answer lies from what the quality lets expect: the generalised residual of ordered probit, of mean 0.
    """

    def __init__(self, thresholds: Array, slopes: Array, shares: Array, nodes: Array):
        self.thresholds, self.slopes, self.shares, self.nodes = thresholds, slopes, shares, nodes
        z = thresholds[:, :, None] - slopes[:, None, None] * nodes
        edge = np.zeros((len(slopes), 1, len(nodes)))
        self.chances = np.maximum(np.diff(np.concatenate([edge, special.ndtr(z), edge + 1], axis=1), axis=1), _LEAST)
        self.heights = np.concatenate([edge, np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi), edge], axis=1)
        self.residuals = -np.diff(self.heights, axis=1) / self.chances

    def information(self) -> Array:
        """The variance of each evaluator's residuals at each quality; shape (evaluators, nodes)."""
        return np.asarray((self.residuals**2 * self.chances).sum(axis=1))

    def qualities(self, indicators: sparse.csr_matrix) -> Array:
        """How likely each quality is, given the answers; shape (items, nodes)."""
        weights = indicators @ np.log(self.chances).reshape(-1, len(self.nodes)) + np.log(self.shares)
        weights -= weights.max(axis=1, keepdims=True)
        np.exp(weights, out=weights)
        weights /= weights.sum(axis=1, keepdims=True)
        return np.asarray(weights)


def indicators_of(levels: Levels) -> sparse.csr_matrix:
    """1 where an evaluator (in blocks of columns) gave a level; shape (items, evaluators x most levels)."""
    items, evaluators = np.nonzero(levels.codes >= 0)
    most = int(levels.counts.max())
    columns = evaluators * most + levels.codes[items, evaluators]
    shape = (len(levels.codes), len(levels.counts) * most)
    return sparse.csr_matrix((np.ones(len(items)), (items, columns)), shape=shape)


def fit(levels: Levels, nodes: Array) -> GradedResponse:
    """Fit the model by EM (Bock and Aitkin), the spread of the qualities with it.

    Parameters
    ----------
    levels : Levels
        The answers; everybody used two levels or more.
    nodes : ndarray
        The qualities at which it is computed.

    Returns
    -------
    GradedResponse
        After at most 40 rounds, which is near enough for tests that allow for estimated parameters.

    Notes
    -----
    Slopes are shrunk towards 1 as if by a normal prior of standard deviation 1; the spread of the qualities towards the
    normal by 50 images' worth. Each round takes one step of Fisher's scoring for everybody.

    References
    ----------
    Samejima, F. (1969). Estimation of latent ability using a response pattern of graded scores. Psychometrika Monograph
    17. Bock, R. D. and Aitkin, M. (1981). Marginal maximum likelihood estimation of item parameters. Psychometrika 46.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> answers = rng.normal(size=(2000, 1)) * [1.0, 1.0, 2.0] + rng.normal(size=(2000, 3))
    >>> levels = levels_of(np.digitize(answers, [-1, 0, 1]).astype(float))
    >>> fit(levels, nodes_for(levels)).slopes.round(1).tolist()
    [1.0, 1.0, 1.8]
    """
    people, most = len(levels.counts), int(levels.counts.max())
    times = np.ones(len(levels.codes))
    if people <= _FEW:
        codes, counts = np.unique(levels.codes, axis=0, return_counts=True)
        levels, times = levels._replace(codes=codes), counts.astype(float)
    known = levels.codes >= 0
    indicators = indicators_of(levels)
    transposed = sparse.csr_matrix(indicators.T.multiply(times))
    normal = np.exp(-(nodes**2) / 2)
    normal /= normal.sum()
    used = np.arange(most - 1) < levels.counts[:, None] - 1
    given = (transposed @ np.ones(len(known))).reshape(people, most)
    below = np.clip(np.cumsum(given, axis=1)[:, :-1] / given.sum(axis=1, keepdims=True), 1e-4, 1 - 1e-4)
    model = GradedResponse(
        np.where(used, special.ndtri(below) * np.sqrt(2), np.inf), np.ones(people), normal.copy(), nodes
    )
    weights = _first_guess(levels.codes, known, times, nodes)
    for round_ in range(_ROUNDS):
        if round_:
            weights = model.qualities(indicators)
        expected = (transposed @ weights).reshape(people, most, len(nodes))
        shares = model.shares if round_ < 3 else (times @ weights + _BELIEF * normal) / (times.sum() + _BELIEF)
        thresholds, slopes, step = _step(model, expected, used)
        model = GradedResponse(thresholds, slopes, shares, nodes)
        if round_ > 3 and step < _CLOSE:
            break
    return model


def _first_guess(codes: NDArray[np.intp], known: NDArray[np.bool_], times: Array, nodes: Array) -> Array:
    """Qualities from the mean of the levels, each evaluator's own mean taken off."""
    levels = np.where(known, codes, 0).astype(float)
    centred = np.where(known, levels - times @ levels / np.maximum(times @ known, 1), 0.0)
    means = centred.sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    spread = float(np.sqrt(times @ means**2 / times.sum())) or 1.0
    weights = np.exp(-((nodes - 0.9 * means[:, None] / spread) ** 2) / (2 * 0.4**2))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _step(model: GradedResponse, expected: Array, used: NDArray[np.bool_]) -> tuple[Array, Array, float]:
    """One step of Fisher's scoring: thresholds, slopes, and how far the farthest moved."""
    people, most, count = expected.shape
    slopes_by = np.zeros((people, most, count, most))
    for level in range(most - 1):
        slopes_by[:, level, :, level] = model.heights[:, level + 1]
        slopes_by[:, level + 1, :, level] = -model.heights[:, level + 1]
    slopes_by[..., most - 1] = model.residuals * model.chances * model.nodes
    gradient = np.einsum("ekg,ekgp->ep", expected / model.chances, slopes_by)
    weighted = slopes_by * (expected.sum(axis=1)[:, None] / model.chances)[..., None]
    flat = (people, most * count, most)
    information = weighted.reshape(flat).transpose(0, 2, 1) @ slopes_by.reshape(flat)
    places = np.arange(most)
    gradient[:, -1] -= model.slopes - 1.0
    information[:, -1, -1] += 1.0
    information[:, places, places] += 1e-3
    who, unused = np.nonzero(~used)
    gradient[who, unused] = 0.0
    information[who, unused] = 0.0
    information[who, :, unused] = 0.0
    information[who, unused, unused] = 1.0
    step = np.linalg.solve(information, gradient[..., None])[..., 0]
    step *= np.minimum(1.0, _LONGEST_STEP / np.maximum(np.abs(step).max(axis=1, keepdims=True), 1e-12))
    thresholds = np.where(used, model.thresholds + step[:, :-1], np.inf)
    for level in range(1, most - 1):
        thresholds[:, level] = np.maximum(thresholds[:, level], thresholds[:, level - 1] + 1e-3)
    return thresholds, model.slopes + step[:, -1], float(np.abs(step).max())
