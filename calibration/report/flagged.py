"""The results with and without the evaluators whom screening names; nobody is dropped silently."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from calibration.core.crossvalidation import cross_validate
from calibration.core.evaluator_weights import best_constant
from calibration.core.grades import sample_scores
from calibration.people.agreement import correlations, krippendorff_alpha
from calibration.people.screening import Flag
from calibration.report.task_data import TaskData
from metrics.known import Direction


def without_flagged(
    task: TaskData,
    flags: list[Flag],
    scores: Mapping[str, pd.Series],
    directions: Mapping[str, Direction],
    entries: Mapping[str, Any],
) -> dict[str, Any] | None:
    """The entry ``without_flagged`` of a task.

    Parameters
    ----------
    task : TaskData
        The people.
    flags : list of Flag
        What `calibration.people.screening.screen` found.
    scores : mapping of str to Series
        Each metric's scores by item.
    directions : mapping of str to {"higher", "lower"}
        Which way each metric points.
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
    if not columns or len(task.evaluators) - len(columns) < 2:
        return None
    others = np.delete(task.ratings, columns, axis=1)
    rated = (~np.isnan(others)).any(axis=1)
    found: dict[str, Any] = {
        "left_out": [task.evaluators[column] for column in columns],
        "alpha": krippendorff_alpha(task.ratings, "ordinal"),
        "alpha_without": krippendorff_alpha(others, "ordinal"),
        "metrics": {},
    }
    for name, entry in entries.items():
        aligned = scores[name].reindex(task.items).to_numpy(dtype=float)
        known = ~np.isnan(aligned) & rated
        result = cross_validate(
            aligned[known],
            others[known],
            task.k,
            directions[name],
            best_constant(others[known], task.k, task.scale),
            task.scale,
        )
        found["metrics"][name] = {
            "skill": entry["cross_validation"]["skill"],
            "skill_without": result.metric_skill,
            "person_skill": entry["cross_validation"]["person_skill"],
            "person_skill_without": result.person_skill,
            "spearman": entry["spearman"],
            "spearman_without": correlations(aligned[known], sample_scores(others[known])).spearman,
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
