"""What the report says of predictions: from one metric, and from several together."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from calibration.comparison.combination import MOST_METRICS, combination_entry, combine_metrics
from calibration.core.ratings import Ratings, ScoredTask
from calibration.people.agreement import correlations
from calibration.prediction.cross_prediction import cross_predict
from calibration.prediction.predictor import Predictor, fit_predictor, predictor_entry
from calibration.prediction.reliability import reliability_entry

MOST_IN_FULL = 40
"""Of so many metrics, at most, other mappings are tried and a predictor is fitted in each task."""

NO_PREDICTION: dict[str, Any] = {"predictor": None, "reliability": None}
_MOSTLY = 0.9  # a metric that scored a smaller share of the items is left out of combinations


def in_full(metrics: Mapping[str, ScoredTask]) -> set[str]:
    """The metrics of which other mappings are tried and predictors fitted: those that follow people most closely.

    Parameters
    ----------
    metrics : mapping of str to ScoredTask
        Each metric.

    Returns
    -------
    set of str
        All of them, or the 40 whose rank correlations with the mean ratings are farthest from 0.

    Examples
    --------
    >>> in_full({"clip": ScoredTask.of([1.0, 2.0], Ratings(np.zeros((2, 0))))})
    {'clip'}
    """
    if len(metrics) <= MOST_IN_FULL:
        return set(metrics)
    rho = {
        name: abs(np.nan_to_num(correlations(task.scores, task.ratings.target).spearman))
        for name, task in metrics.items()
    }
    return set(sorted(rho, key=lambda name: -rho[name])[:MOST_IN_FULL])


def in_full_note(metrics: int) -> list[str]:
    """What is left out of a task with so many metrics, as a sentence.

    Examples
    --------
    >>> in_full_note(300)[0].split(",")[0]
    'Of the 300 metrics'
    """
    if metrics <= MOST_IN_FULL:
        return []
    return [
        f"Of the {metrics} metrics, other mappings were tried and a predictor fitted only for the {MOST_IN_FULL} whose "
        "rank correlations with people's mean ratings are farthest from 0; all else is there of every one."
    ]


def prediction(task: ScoredTask) -> tuple[dict[str, Any], Predictor | None]:
    """A metric as a predictor of people's ratings.

    Parameters
    ----------
    task : ScoredTask
        The metric and the people.

    Returns
    -------
    entries : dict
        ``predictor`` and ``reliability``; see `calibration.prediction.predictor.predictor_entry` and
        `calibration.prediction.reliability.reliability_entry`. None where there is too little to predict from.
    predictor : Predictor or None
        For `humangrade predict`.
    """
    if len(task.scores) < 2 or np.ptp(task.scores) == 0:
        return NO_PREDICTION, None
    crossed = cross_predict(task)
    predictor = fit_predictor(task, crossed=crossed)
    if crossed is None or predictor is None:
        return NO_PREDICTION, None
    found = {
        "predictor": predictor_entry(predictor),
        "reliability": reliability_entry(crossed, task.ratings.resampling),
    }
    return found, predictor


def combination(
    metrics: Mapping[str, ScoredTask], ratings: Ratings, entries: Mapping[str, Any]
) -> dict[str, Any] | None:
    """The entry ``combination`` of a task: the metrics together against the best one alone.

    Parameters
    ----------
    metrics : mapping of str to ScoredTask
        Each metric.
    ratings : Ratings
        Of all items of the task.
    entries : mapping of str to dict
        The metrics' entries, with ``n_items``, ``n_scores`` and ``spearman``.

    Returns
    -------
    dict or None
        See `calibration.comparison.combination.combination_entry`. Metrics that scored less than 90 % of the items
        that the widest one scored are left out; of more than 20, so are those that would leave less than this of the
        items with a score of every one.
    """
    widest = max((entry["n_items"] for entry in entries.values()), default=0)
    usable = [name for name, entry in entries.items() if entry["n_scores"] > 1 and entry["n_items"] >= _MOSTLY * widest]
    given = {name: metrics[name] for name in usable}
    chosen = {name: given[name] for name in _scored_together(given, _MOSTLY * widest)}
    return combination_entry(combine_metrics(chosen, ratings))


def _scored_together(given: Mapping[str, ScoredTask], least: float) -> list[str]:
    """The metrics to combine: all, or of many those, the fullest first, that leave so many items with every score."""
    if len(given) <= MOST_METRICS:
        return list(given)
    known = {name: task.is_scored for name, task in given.items()}
    kept: set[str] = set()
    together: Any = True
    for name in sorted(given, key=lambda name: -int(known[name].sum())):
        if (together & known[name]).sum() >= least:
            together = together & known[name]
            kept.add(name)
    return [name for name in given if name in kept]
