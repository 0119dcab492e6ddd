"""What the report says of metrics beside each other, and of one metric as a judge of pairs and of models."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration.comparison.metric_comparison import compare_metrics, comparison_entry
from calibration.comparison.model_order import model_order, model_order_entry
from calibration.comparison.pairwise_accuracy import cross_validated_accuracy
from calibration.comparison.sorting import sorting, sorting_entry
from calibration.core.grades import Array, sample_scores
from calibration.metric.alternatives import compare_mappings
from calibration.metric.telecom import significance_entry, telecom_entry
from calibration.report.task_data import TaskData
from metrics.known import Direction

MOST_METRICS = 20
"""More metrics than these are not compared pair by pair; the best by their correlation are."""


def comparison(
    task: TaskData, scores: Mapping[str, pd.Series], directions: Mapping[str, Direction], entries: Mapping[str, Any]
) -> dict[str, Any] | None:
    """The entry ``comparison`` of a task: every metric against every other.

    Parameters
    ----------
    task : TaskData
        The people.
    scores : mapping of str to Series
        Each metric's scores by item.
    directions : mapping of str to {"higher", "lower"}
        Which way each metric points.
    entries : mapping of str to dict
        The metrics' entries, with their ``spearman``.

    Returns
    -------
    dict or None
        See `calibration.comparison.metric_comparison.comparison_entry`, with ``p1401`` in each pair (the p-values of
        `calibration.metric.telecom.significance`) and ``left_out``: how many metrics were not compared. None where
        fewer than two have a correlation.
    """
    known = [name for name, entry in entries.items() if _finite(entry["spearman"])]
    if len(known) < 2:
        return None
    ranked = sorted(known, key=lambda name: -entries[name]["spearman"] * (1 if directions[name] == "higher" else -1))
    chosen = [name for name in entries if name in ranked[:MOST_METRICS]]
    found = compare_metrics(
        {name: scores[name].reindex(task.items).to_numpy(dtype=float) for name in chosen},
        directions,
        sample_scores(task.ratings),
        task.groups(),
        seed=task.seed,
    )
    entry = comparison_entry(found) | {"left_out": len(known) - len(chosen)}
    for pair in entry["pairs"]:
        pair["p1401"] = significance_entry(*(entries[pair[side]]["telecom"] for side in ("first", "second")))
    return entry


def judging_entries(
    scores: Array, scored: NDArray[np.bool_], task: TaskData, direction: Direction, is_in_full: bool = True
) -> dict[str, Any]:
    """The entries ``pairwise_accuracy``, ``sorting``, ``models``, ``alternatives`` and ``telecom`` of a metric.

    Parameters
    ----------
    scores : ndarray, shape (scored items,)
        Finite scores.
    scored : ndarray of bool, shape (items,)
        Which of the task's items they belong to.
    task : TaskData
        The people.
    direction : {"higher", "lower"}
        Which way the metric points.
    is_in_full : bool
        Whether other mappings are tried.

    Returns
    -------
    dict
        None for what cannot be told: fewer than two items or models.
    """
    ratings, groups = task.ratings[scored], task.groups(scored)
    target = sample_scores(ratings)
    if len(scores) < 2:
        return {"pairwise_accuracy": None, "sorting": None, "models": None, "alternatives": None, "telecom": None}
    signed = scores if direction == "higher" else -scores
    accuracy = cross_validated_accuracy(signed, target, groups, seed=task.seed)
    models, order = task.groupings.get("model"), None
    if models is not None:
        prompts = task.groupings.get("prompt")
        order = model_order(
            scores,
            target,
            models[scored],
            None if prompts is None else prompts[scored],
            direction,
            task.draws,
            task.seed,
        )
    return {
        "pairwise_accuracy": accuracy._asdict(),
        "sorting": sorting_entry(sorting(signed, ratings, groups, task.seed)),
        "models": None if order is None else model_order_entry(order),
        "alternatives": compare_mappings(
            scores,
            ratings,
            task.k,
            direction,
            groups,
            seed=task.seed,
            constant=task.constant(task.k, scored),
            scale=task.scale,
        )
        if is_in_full
        else None,
        "telecom": telecom_entry(scores, ratings, direction, task.scale),
    }


def _finite(value: float | None) -> bool:
    return value is not None and bool(np.isfinite(value))
