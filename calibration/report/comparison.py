"""What the report says of metrics beside each other, and of one metric as a judge of pairs and of models."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from calibration.comparison.metric_comparison import compare_metrics, comparison_entry
from calibration.comparison.model_order import model_order, model_order_entry
from calibration.comparison.pairwise_accuracy import cross_validated_accuracy
from calibration.comparison.sorting import sorting, sorting_entry
from calibration.core.ratings import Ratings, ScoredTask
from calibration.metric.alternatives import compare_mappings
from calibration.metric.telecom import significance_entry, telecom_entry

MOST_METRICS = 20
"""More metrics than these are not compared pair by pair; the best by their correlation are."""


def comparison(
    metrics: Mapping[str, ScoredTask], ratings: Ratings, entries: Mapping[str, Any]
) -> dict[str, Any] | None:
    """The entry ``comparison`` of a task: every metric against every other.

    Parameters
    ----------
    metrics : mapping of str to ScoredTask
        Each metric.
    ratings : Ratings
        Of all items of the task.
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
    signs = {name: 1 if metrics[name].direction == "higher" else -1 for name in known}
    ranked = sorted(known, key=lambda name: -entries[name]["spearman"] * signs[name])
    chosen = [name for name in entries if name in ranked[:MOST_METRICS]]
    found = compare_metrics(
        {name: metrics[name].aligned for name in chosen},
        {name: metrics[name].direction for name in chosen},
        ratings.target,
        ratings.clusters,
        seed=ratings.resampling.seed,
    )
    entry = comparison_entry(found) | {"left_out": len(known) - len(chosen)}
    for pair in entry["pairs"]:
        pair["p1401"] = significance_entry(*(entries[pair[side]]["telecom"] for side in ("first", "second")))
    return entry


def judging_entries(task: ScoredTask, is_in_full: bool = True) -> dict[str, Any]:
    """The entries ``pairwise_accuracy``, ``sorting``, ``models``, ``alternatives`` and ``telecom`` of a metric.

    Parameters
    ----------
    task : ScoredTask
        The metric and the people.
    is_in_full : bool
        Whether other mappings are tried.

    Returns
    -------
    dict
        None for what cannot be told: fewer than two items or models.
    """
    ratings, seed = task.ratings, task.ratings.resampling.seed
    if len(task.scores) < 2:
        return {"pairwise_accuracy": None, "sorting": None, "models": None, "alternatives": None, "telecom": None}
    accuracy = cross_validated_accuracy(task.better, ratings.target, ratings.clusters, seed=seed)
    models, order = ratings.groupings.get("model"), None
    if models is not None:
        prompts = ratings.groupings.get("prompt")
        order = model_order(task.scores, ratings.target, models, prompts, task.direction, ratings.resampling)
    return {
        "pairwise_accuracy": accuracy._asdict(),
        "sorting": sorting_entry(sorting(task.better, ratings.values, ratings.clusters, seed)),
        "models": None if order is None else model_order_entry(order),
        "alternatives": compare_mappings(task) if is_in_full else None,
        "telecom": telecom_entry(task),
    }


def _finite(value: float | None) -> bool:
    return value is not None and bool(np.isfinite(value))
