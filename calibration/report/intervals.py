"""The intervals of everything that the report says of a metric."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from calibration.comparison.pair_intervals import pair_intervals
from calibration.comparison.pairwise_accuracy import CrossValidatedAccuracy
from calibration.core.intervals import Interval
from calibration.core.ratings import ScoredTask
from calibration.metric.bootstrap import metric_intervals
from calibration.people.worth_intervals import Worth

KINDS = ("these", "people_like_these")


def metric_interval_entry(task: ScoredTask, entry: Mapping[str, Any]) -> dict[str, Any] | None:
    """The entry ``intervals`` of a metric.

    Parameters
    ----------
    task : ScoredTask
        The metric and the people.
    entry : mapping
        The rest of the metric's entry.

    Returns
    -------
    dict or None
        What `calibration.metric.bootstrap.metric_intervals` found, and for both questions ``pearson``,
        ``rater_equivalents``, ``disattenuated``, ``pairwise_accuracy``, ``kendall``, ``unseen_grade`` and
        ``unseen_skill``, where they are known. None without draws.

    Notes
    -----
    The figures on new images have the intervals of those on seen images, moved by the optimism.
    """
    found = metric_intervals(task)
    if found is None:
        return None
    parts = [task.ratings.once(Worth).intervals(task.scores), _of_pairs(task, entry)]
    intervals: dict[str, Any] = asdict(found) | {"clustered_by": task.ratings.clustered_by}
    for kind in KINDS:
        for part in parts:
            intervals[kind] |= (part or {}).get(kind, {})
        if task.direction == "lower":  # the report's correlations are of the scores as they are
            for name in ("spearman", "kendall"):
                if name in intervals[kind]:
                    low, high = intervals[kind][name]
                    intervals[kind][name] = Interval(-high, -low)
        intervals[kind] |= _on_new_images(intervals[kind], entry["unseen"])
    return intervals


def _of_pairs(task: ScoredTask, entry: Mapping[str, Any]) -> dict[str, dict[str, Interval]] | None:
    if entry["pairwise_accuracy"] is None:
        return None
    return pair_intervals(task, CrossValidatedAccuracy(**entry["pairwise_accuracy"]))


def _on_new_images(known: Mapping[str, Interval], unseen: Mapping[str, Any] | None) -> dict[str, Interval]:
    """The intervals of grade and skill, moved by what seeing the images flattered them by."""
    if not unseen or unseen["unseen_skill"] is None or not known:
        return {}
    moved = {}
    for name in ("grade", "skill"):
        optimism = unseen[f"seen_{name}"] - unseen[f"unseen_{name}"]
        moved[f"unseen_{name}"] = Interval(*(limit - optimism for limit in known[name]))
    return moved
