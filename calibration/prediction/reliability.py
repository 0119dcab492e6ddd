"""Whether predicted ratings can be taken at their word: reliability diagram, calibration error, proper scores."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.core.grades import Array
from calibration.core.intervals import UNKNOWN, Interval, group_codes, percentiles
from calibration.core.resampling import RESAMPLING, Draws, Resampling, signs_and_draws
from calibration.prediction.cross_prediction import CrossPrediction

BINS = 10


@dataclass(frozen=True)
class Bin:
    """Items whose predicted mean ratings are alike; ratings as level numbers, from 1."""

    n: int
    predicted: float
    observed: float
    interval: Interval


@dataclass(frozen=True)
class Reliability:
    """How predictions of unseen ratings compare with the ratings.

    Attributes
    ----------
    bins : tuple of Bin
        By predicted mean, about equally many items in each; the interval of the observed mean is from a bootstrap of
        the images (their clusters).
    error : float
        Expected calibration error in rating points: mean over items of abs(observed - predicted) of their bin.
    error_by_chance : float
        What `error` would be on average if predictions were right: it is above 0 by chance.
    error_p : float
        How often it would then be as large.
    error_excess : float
        `error` less `error_by_chance`, at least 0.
    rps, climatology_rps, rps_skill : float
        Ranked probability score in rating points, that of the marginal distribution, and 1 - their ratio.
    log_loss, climatology_log_loss : float
        In nats a rating.
    n_items, n_ratings : int
        What they rest on.
    """

    bins: tuple[Bin, ...]
    error: float
    error_by_chance: float
    error_p: float
    error_excess: float
    rps: float
    climatology_rps: float
    rps_skill: float
    log_loss: float
    climatology_log_loss: float
    n_items: int
    n_ratings: int


def ranked_probability_scores(probabilities: Array, levels: NDArray[np.int_]) -> Array:
    """How far distributions lie from the levels that came.

    Parameters
    ----------
    probabilities : ndarray, shape (n, levels)
    levels : ndarray of int, shape (n,)
        Level numbers, from 1.

    Returns
    -------
    ndarray, shape (n,)
        sum over every level l but the highest of (P(rating <= l) - [level <= l])^2, in rating points: 0 is perfect, and
        a certain wrong answer scores its distance.

    References
    ----------
    Epstein, E. S. (1969). A scoring system for probability forecasts of ranked categories.

    Examples
    --------
    >>> ranked_probability_scores(np.array([[0, 0, 0, 0, 1.0], [0.2] * 5]), np.array([2, 3])).round(3).tolist()
    [3.0, 0.4]
    """
    below = probabilities.cumsum(axis=1)[:, :-1]
    return np.asarray(np.sum((below - (levels[:, None] <= np.arange(1, probabilities.shape[1]))) ** 2, axis=1))


def reliability(found: CrossPrediction, resampling: Resampling = RESAMPLING, bins: int = BINS) -> Reliability | None:
    """Compare what was predicted without seeing person or image with the ratings.

    Parameters
    ----------
    found : CrossPrediction
        From `calibration.prediction.cross_prediction.cross_predict`.
    resampling : Resampling
        No draws leave intervals, chance and p unknown (NaN).
    bins : int
        How many, at most; fewer where there are fewer than five items for each.

    Returns
    -------
    Reliability or None
        None where nothing was predicted.

    Notes
    -----
    An item's observed mean is over the evaluators whose ratings were predicted, its predicted mean over the same
    predictions. The error by chance is what is left when the signs of the items' differences are drawn anew, those of a
    cluster together, so that ratings of one image or prompt being alike counts. (Drawing ratings from the predicted
    distributions would take them for independent, and expect too little.) In simulated right predictions p < .05 comes
    in 4 to 6 % of studies; with differences taken about their bin's mean first, in 8 to 9 %. Curves that were fitted to
    the same study, as the report's are, fail less often than that.
    Predictions come from several folds and from the kind of curve that did best in them; the latter is one choice of
    seven, and flatters next to nothing.

    References
    ----------
    Broecker, J. and Smith, L. A. (2007). Increasing the reliability of reliability diagrams. Romano, J. P. (1989).
    Bootstrap and randomization tests of some nonparametric hypotheses.

    Examples
    --------
    >>> from calibration.core.ratings import Ratings, ScoredTask
    >>> from calibration.prediction.cross_prediction import cross_predict
    >>> rng = np.random.default_rng(0)
    >>> quality = rng.normal(size=300)
    >>> ratings = np.clip(np.rint(2 + quality[:, None] + rng.normal(size=(300, 4))), 0, 4) / 4
    >>> result = reliability(cross_predict(ScoredTask.of(quality, Ratings(ratings))))
    >>> result.error < 0.2, result.error_p > 0.05, result.rps_skill > 0.3
    (True, True, True)
    """
    known = ~np.isnan(found.ratings) & ~np.isnan(found.probabilities[:, :, 0])
    if not known.any():
        return None
    draws, steps = resampling.draws, np.arange(1.0, found.probabilities.shape[2] + 1)
    levels = np.rint(found.ratings[known] * (len(steps) - 1)).astype(int) + 1
    scores = [_proper(each[known], levels) for each in (found.probabilities, found.climatology)]
    (rps, loss), (climatology_rps, climatology_loss) = scores
    rows = known.any(axis=1)
    weights = known[rows] / known[rows].sum(axis=1, keepdims=True)
    predicted = np.sum(weights * np.where(known[rows], found.probabilities[rows] @ steps, 0.0), axis=1)
    observed = 1 + (len(steps) - 1) * np.sum(weights * np.where(known[rows], found.ratings[rows], 0.0), axis=1)
    groups = group_codes(None if found.clusters is None else np.asarray(found.clusters)[rows], int(rows.sum()))
    bin_of = _bins(predicted, bins)
    count = int(bin_of.max()) + 1
    signs, counts = signs_and_draws(groups, resampling)
    error = _error(bin_of, (observed - predicted)[None, :])[0]
    by_chance = signs.figures(lambda each: _error(bin_of, each * (observed - predicted)), numbers=1)
    expected = float(by_chance.mean()) if draws else float("nan")
    intervals = _bin_intervals(bin_of, observed, counts if draws and groups.max() else None)
    means = [np.bincount(bin_of, values) / np.bincount(bin_of) for values in (predicted, observed)]
    return Reliability(
        bins=tuple(
            Bin(int(np.sum(bin_of == b)), float(means[0][b]), float(means[1][b]), intervals[b]) for b in range(count)
        ),
        error=float(error),
        error_by_chance=expected,
        error_p=float((1 + np.sum(by_chance >= error - 1e-12)) / (1 + draws)) if draws else float("nan"),
        error_excess=max(float(error) - expected, 0.0) if draws else float("nan"),
        rps=rps,
        climatology_rps=climatology_rps,
        rps_skill=1 - rps / climatology_rps,
        log_loss=loss,
        climatology_log_loss=climatology_loss,
        n_items=int(rows.sum()),
        n_ratings=int(known.sum()),
    )


def reliability_entry(
    found: CrossPrediction | None, resampling: Resampling = RESAMPLING, bins: int = BINS
) -> dict[str, Any] | None:
    """`reliability` for the report: a dictionary of plain numbers; None where there is nothing to say."""
    result = None if found is None else reliability(found, resampling, bins)
    if result is None:
        return None
    return asdict(result) | {
        "bins": [
            {"n": each.n, "predicted": each.predicted, "observed": each.observed, "interval": list(each.interval)}
            for each in result.bins
        ]
    }


def _proper(probabilities: Array, levels: NDArray[np.int_]) -> tuple[float, float]:
    """The mean ranked probability score, and the mean log loss."""
    of_level = probabilities[np.arange(len(levels)), levels - 1]
    return float(ranked_probability_scores(probabilities, levels).mean()), float(-np.log(of_level).mean())


def _bins(predicted: Array, bins: int) -> NDArray[np.intp]:
    """Each item's bin, from 0: about equally many in each, equal predictions together."""
    wanted = max(1, min(bins, len(predicted) // 5))
    rounded = np.round(predicted, 9)
    edges = np.quantile(rounded, np.arange(1, wanted) / wanted, method="lower")
    placed = np.searchsorted(edges, rounded, side="left")
    return np.asarray(np.unique(placed, return_inverse=True)[1])


def _error(bin_of: NDArray[np.intp], differences: Array) -> Array:
    """The calibration error of each row of differences."""
    sums = differences @ np.eye(int(bin_of.max()) + 1)[bin_of]
    return np.asarray(np.abs(sums).sum(axis=1) / len(bin_of))


def _bin_intervals(bin_of: NDArray[np.intp], observed: Array, draws: Draws | None) -> list[Interval]:
    """Of each bin's observed mean, over draws of the images."""
    count = int(bin_of.max()) + 1
    if draws is None:
        return [UNKNOWN] * count
    member = np.eye(count)[bin_of]
    total, size = draws.figures(lambda counts: (counts @ (member * observed[:, None]), counts @ member), numbers=1)
    drawn = np.divide(total, size, out=np.full(total.shape, np.nan), where=size > 0)
    return [percentiles(drawn[:, each]) for each in range(count)]
