"""What the report says of predictions: from one metric, and from several together."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from calibration.comparison.combination import combination_entry, combine_metrics
from calibration.prediction.cross_prediction import cross_predict
from calibration.prediction.predictor import Predictor, fit_predictor, predictor_entry
from calibration.prediction.reliability import reliability_entry
from calibration.report_comparison import MOST_METRICS
from calibration.task_data import TaskData
from metrics.registry import Direction

_MOSTLY = 0.9  # a metric that scored a smaller share of the items is left out of combinations


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
    nothing = {"predictor": None, "reliability": None}
    if len(values) < 2 or np.ptp(values) == 0:
        return nothing, None
    crossed = cross_predict(values, ratings, direction, groups, seed=task.seed)
    predictor = fit_predictor(
        values, ratings, direction, groups, task.seed, k=task.k, metric=name, signatures=signatures, crossed=crossed
    )
    if crossed is None or predictor is None:
        return nothing, None
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
        that the widest one scored are left out, and all but the 20 whose correlations are farthest from 0.
    """
    widest = max((entry["n_items"] for entry in entries.values()), default=0)
    usable = [name for name, entry in entries.items() if entry["n_scores"] > 1 and entry["n_items"] >= _MOSTLY * widest]
    ranked = sorted(usable, key=lambda name: -abs(np.nan_to_num(entries[name]["spearman"])))[:MOST_METRICS]
    found = combine_metrics(
        {name: scores[name].reindex(task.items).to_numpy(dtype=float) for name in usable if name in ranked},
        task.ratings,
        directions,
        task.groups(),
        draws=task.draws,
        seed=task.seed,
        k=task.k,
        constant=task.constant(task.k),
    )
    return combination_entry(found)
