"""Figures of a calibration, each drawn on given axes, for notebooks and papers; the page has its own."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from calibration.report.build import Calibration, calibration_given
from calibration.tidy import evaluators, metric_figures
from metrics.errors import InputError, parameter
from metrics.text import listed, quoted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PEOPLE, METRIC, CONSTANT = "#1f6fa5", "#c4500a", "#6b6b6b"


def plot_grades(judged: Calibration, task: str | None = None, ax: "Axes | None" = None) -> "Axes":
    """Metrics' skill beside the average evaluator's, with 95 % intervals.

    Parameters
    ----------
    judged : Calibration
    task : str, optional
        Needed where there are several.
    ax : matplotlib Axes, optional
        To draw on; new ones unless given.

    Returns
    -------
    Axes
        One row a metric, the best on top. 0 is what a constant answer reaches, 1 is perfect.

    Raises
    ------
    InputError
        For a task that is not there, or where no metric has a skill.
    """
    name = _task(judged, task)
    table = metric_figures(judged)
    own = table[table["task"] == name].pivot(index="metric", columns="figure", values=["value", "low", "high"])
    own = own[own[("value", "skill")].notna()].sort_values(("value", "skill"))
    if own.empty:
        raise InputError(f"No metric of the task '{name}' has a skill.")
    ax = _axes(ax, len(own))
    titles = judged.report["tasks"][name]["metrics"]
    for figure, colour, label, shift in (
        ("person_skill", PEOPLE, "the average evaluator", -0.14),
        ("skill", METRIC, "the metric", 0.14),
    ):
        _dots(ax, own, figure, np.arange(len(own)) + shift, colour, label)
    ax.axvline(0.0, color=CONSTANT, linestyle="--", linewidth=1, label="a constant answer")
    ax.set_yticks(range(len(own)), [titles[metric]["title"] for metric in own.index])
    ax.set_xlabel("skill")
    ax.set_title(name)
    _legend_above(ax, len(own))
    return ax


def plot_evaluators(judged: Calibration, task: str | None = None, ax: "Axes | None" = None) -> "Axes":
    """Each evaluator's grade against the mean of the others, with its 95 % interval for other images.

    Parameters
    ----------
    judged, task, ax
        As in `plot_grades`.

    Returns
    -------
    Axes
        One row an evaluator, the best on top.

    Raises
    ------
    InputError
        For a task that is not there, or where nobody has a grade.
    """
    name = _task(judged, task)
    table = evaluators(judged)
    own = table[(table["task"] == name) & (table["figure"] == "grade") & table["value"].notna()]
    if own.empty:
        raise InputError(f"Nobody in the task '{name}' has a grade: it takes two people who rated the same images.")
    own = own.sort_values("value").set_index("evaluator")
    ax = _axes(ax, len(own))
    reach = np.abs(own[["low", "high"]].to_numpy(dtype=float).T - own["value"].to_numpy(dtype=float))
    ax.errorbar(own["value"], range(len(own)), xerr=np.nan_to_num(reach), fmt="o", color=PEOPLE)
    ax.set_yticks(range(len(own)), own.index)
    ax.set_ylim(-0.5, len(own) - 0.5)
    ax.set_xlabel("grade against the mean of the others")
    ax.set_title(name)
    return ax


def plot_scores(judged: Calibration, metric: str, task: str | None = None, ax: "Axes | None" = None) -> "Axes":
    """A metric's scores against mean ratings, with the mapping that turns a score into a rating.

    Parameters
    ----------
    judged, task, ax
        As in `plot_grades`.
    metric : str
        Its name in the report.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        For a task or a metric that is not there, or without a rated item that has a score.
    """
    name = _task(judged, task)
    points = judged.points[(judged.points["task"] == name) & (judged.points["metric"] == metric)]
    if points.empty:
        known = sorted(judged.points.loc[judged.points["task"] == name, "metric"].unique())
        raise InputError(
            f"'{metric}' has no scores of rated items in '{name}'; {listed(quoted(known)) or 'none'} have."
        )
    scale = judged.model.settings.scale.scale()
    points = points.sort_values("score")
    ax = _axes(ax)
    ax.scatter(points["score"], points["mean_rating"], s=18, alpha=0.4, color=METRIC, label="an image")
    ax.step(
        points["score"],
        scale.from_unit(scale.of_levels(points["level"])),
        where="mid",
        color="black",
        label="the mapped level",
    )
    ax.set_yticks(scale.values, scale.names)
    ax.set_xlabel(judged.report["tasks"][name]["metrics"][metric]["title"])
    ax.set_ylabel("mean rating")
    ax.legend(frameon=False)
    return ax


def _task(judged: Calibration, task: str | None) -> str:
    names = list(calibration_given(judged).report["tasks"])
    if task is None and len(names) == 1:
        return names[0]
    if task is None or task not in names:
        there = f"there are {listed(quoted(names))}; choose one with {parameter('task')}."
        raise InputError(there.capitalize() if task is None else f"There is no task '{task}'; {there}")
    return task


def _axes(ax: "Axes | None", rows: int = 0) -> "Axes":
    """Those given, or new ones, as high as so many rows ask, with room for their names."""
    if ax is not None:
        return ax
    from matplotlib import pyplot

    height = min(1.8 + 0.5 * rows, 40) if rows else 4.8
    return pyplot.subplots(figsize=(6.4, height), layout="constrained")[1]


def _legend_above(ax: Any, rows: int) -> None:
    """A legend inside the axes, above all rows; matplotlib's best place is upon the intervals."""
    height = 0.8  # inches, of three lines
    free = min(height / (ax.get_window_extent().height / ax.figure.dpi), 0.5)
    ax.set_ylim(-0.5, rows - 0.5 + rows * free / (1 - free))
    ax.legend(framealpha=1, edgecolor="none", loc="upper left")  # the constant's line passes behind it


def _dots(ax: Any, own: pd.DataFrame, figure: str, rows: Any, colour: str, label: str) -> None:
    """Values with the intervals that are known."""
    value, low, high = (own[(part, figure)].to_numpy(dtype=float) for part in ("value", "low", "high"))
    reach = np.nan_to_num(np.abs(np.stack([low, high]) - value))
    ax.errorbar(value, rows, xerr=reach, fmt="o", color=colour, label=label)
