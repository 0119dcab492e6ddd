"""The results with and without the evaluators whom screening names; nobody is dropped silently."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from calibration.core.ratings import Ratings, ScoredTask
from calibration.people.agreement import correlations, krippendorff_alpha
from calibration.people.screening import Flag


def without_flagged(
    flags: list[Flag], metrics: Mapping[str, ScoredTask], ratings: Ratings, entries: Mapping[str, Any]
) -> dict[str, Any] | None:
    """The entry ``without_flagged`` of a task.

    Parameters
    ----------
    flags : list of Flag
        What `calibration.people.screening.screen` found.
    metrics : mapping of str to ScoredTask
        Each metric.
    ratings : Ratings
        Of all items of the task.
    entries : mapping of str to dict
        The metrics' entries, for their figures with everybody.

    Returns
    -------
    dict or None
        ``left_out`` (evaluators; of a dependent pair the second), ``alpha`` and ``alpha_without`` (ordinal), and
        ``metrics``: by metric ``skill``, ``person_skill`` and ``spearman``, and the same with ``_without``. None where
        nobody was named, or fewer than two people would be left.
    """
    columns = sorted({flag.evaluators[-1] for flag in flags})
    if not columns or len(ratings.evaluators) - len(columns) < 2:
        return None
    matrix = np.delete(ratings.values, columns, axis=1)
    names = [name for column, name in enumerate(ratings.evaluators) if column not in columns]
    rated = np.asarray((~np.isnan(matrix)).any(axis=1))
    others = replace(ratings, values=matrix, evaluators=names).of(rated)
    found: dict[str, Any] = {
        "left_out": [ratings.evaluators[column] for column in columns],
        "alpha": krippendorff_alpha(ratings.values, "ordinal"),
        "alpha_without": krippendorff_alpha(matrix, "ordinal"),
        "metrics": {},
    }
    for name, entry in entries.items():
        task = ScoredTask.of(metrics[name].aligned[rated], others, metrics[name].direction)
        result = task.cross_validated()
        found["metrics"][name] = {
            "skill": entry["cross_validation"]["skill"],
            "skill_without": result.metric_skill,
            "person_skill": entry["cross_validation"]["person_skill"],
            "person_skill_without": result.person_skill,
            "spearman": entry["spearman"],
            "spearman_without": correlations(task.scores, task.ratings.target).spearman,
        }
    return found


def what_changes(without: Mapping[str, Any]) -> str:
    """One sentence on what leaving them out does to people's agreement, and where to read what it does to metrics.

    Parameters
    ----------
    without : mapping
        As `without_flagged` made it.
    """
    names = ", ".join(without["left_out"])
    figures = {"Krippendorff's ordinal alpha": (without["alpha"], without["alpha_without"])}
    skills = {(entry["person_skill"], entry["person_skill_without"]) for entry in without["metrics"].values()}
    if len(skills) == 1:  # several where metrics scored different images
        figures["the average evaluator's skill"] = skills.pop()
    changes = [
        f"{figure} is {after:.2f} in place of {before:.2f}"
        for figure, (before, after) in figures.items()
        if all(value is not None and np.isfinite(value) for value in (before, after))
        and f"{after:.2f}" != f"{before:.2f}"
    ]
    words = f": {', '.join(changes)}" if changes else ""
    return f"The results without {names} stand under 'With and without {names}'{words}."
