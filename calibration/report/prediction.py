"""What the report says of predictions: from one metric, and from several together."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from calibration.comparison.combination import MOST_METRICS, combination_entry, combine_metrics
from calibration.core.grades import Array, sample_scores
from calibration.people.agreement import correlations
from calibration.prediction.cross_prediction import cross_predict
from calibration.prediction.predictor import Predictor, fit_predictor, predictor_entry
from calibration.prediction.reliability import reliability_entry
from calibration.report.task_data import TaskData
from metrics.known import Direction

MOST_IN_FULL = 40
"""Of so many metrics, at most, other mappings are tried and a predictor is fitted in each task."""

NO_PREDICTION: dict[str, Any] = {"predictor": None, "reliability": None}
_MOSTLY = 0.9  # a metric that scored a smaller share of the items is left out of combinations


def in_full(scores: Mapping[str, pd.Series], task: TaskData) -> set[str]:
    """The metrics of which other mappings are tried and predictors fitted: those that follow people most closely.

    Parameters
    ----------
    scores : mapping of str to Series
        Each metric's scores by item.
    task : TaskData
        The people.

    Returns
    -------
    set of str
        All of them, or the 40 whose rank correlations with the mean ratings are farthest from 0.

    Examples
    --------
    >>> in_full({"clip": pd.Series([1.0, 2.0], index=["a", "b"])}, TaskData(pd.Index(["a", "b"]), [], np.zeros((2, 0))))
    {'clip'}
    """
    if len(scores) <= MOST_IN_FULL:
        return set(scores)
    target = sample_scores(task.ratings)
    rho = {
        name: abs(
            np.nan_to_num(correlations(*_known(values.reindex(task.items).to_numpy(dtype=float), target)).spearman)
        )
        for name, values in scores.items()
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


def _known(values: Array, target: Array) -> tuple[Array, Array]:
    known = ~np.isnan(values)
    return values[known], target[known]


def prediction(
    name: str, scores: pd.Series, task: TaskData, direction: Direction, signatures: Sequence[str] = ()
) -> tuple[dict[str, Any], Predictor | None]:
    """A metric as a predictor of people's ratings.

    Parameters
    ----------
    name : str
        The metric.
    scores : Series
        Its scores by item.
    task : TaskData
        The people.
    direction : {"higher", "lower"}
        Which way it points.
    signatures : sequence of str
        Of its scores.

    Returns
    -------
    entries : dict
        ``predictor`` and ``reliability``; see `calibration.prediction.predictor.predictor_entry` and
        `calibration.prediction.reliability.reliability_entry`. None where there is too little to predict from.
    predictor : Predictor or None
        For `humangrade predict`.
    """
    aligned = scores.reindex(task.items)
    scored = aligned.notna().to_numpy()
    values, ratings, groups = aligned.to_numpy(dtype=float)[scored], task.ratings[scored], task.groups(scored)
    if len(values) < 2 or np.ptp(values) == 0:
        return NO_PREDICTION, None
    crossed = cross_predict(values, ratings, direction, groups, seed=task.seed, scale=task.scale)
    predictor = fit_predictor(
        values,
        ratings,
        direction,
        groups,
        task.seed,
        k=task.k,
        metric=name,
        signatures=signatures,
        crossed=crossed,
        scale=task.scale,
    )
    if crossed is None or predictor is None:
        return NO_PREDICTION, None
    found = {
        "predictor": predictor_entry(predictor),
        "reliability": reliability_entry(crossed, draws=task.draws, seed=task.seed),
    }
    return found, predictor


def combination(
    task: TaskData, scores: Mapping[str, pd.Series], directions: Mapping[str, Direction], entries: Mapping[str, Any]
) -> dict[str, Any] | None:
    """The entry ``combination`` of a task: the metrics together against the best one alone.

    Parameters
    ----------
    task : TaskData
        The people.
    scores : mapping of str to Series
        Each metric's scores by item.
    directions : mapping of str to {"higher", "lower"}
        Which way each metric points.
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
    given = {name: scores[name].reindex(task.items).to_numpy(dtype=float) for name in usable}
    found = combine_metrics(
        {name: given[name] for name in _scored_together(given, _MOSTLY * widest)},
        task.ratings,
        directions,
        task.groups(),
        draws=task.draws,
        seed=task.seed,
        k=task.k,
        constant=task.constant(task.k),
        scale=task.scale,
    )
    return combination_entry(found)


def _scored_together(given: Mapping[str, Array], least: float) -> list[str]:
    """The metrics to combine: all, or of many those, the fullest first, that leave so many items with every score."""
    if len(given) <= MOST_METRICS:
        return list(given)
    known = {name: np.isfinite(values) for name, values in given.items()}
    kept: set[str] = set()
    together: Any = True
    for name in sorted(given, key=lambda name: -int(known[name].sum())):
        if (together & known[name]).sum() >= least:
            together = together & known[name]
            kept.add(name)
    return [name for name in given if name in kept]
