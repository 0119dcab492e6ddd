"""The two figures 'Skill at a glance': grades of people and metrics on one axis, like compared with like."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from calibration.figure_style import ROW_HEIGHT, Figure, base_layout, is_simulated, name_axis, plain, plain_axis


@dataclass(frozen=True)
class _Row:
    """One evaluator or metric in a figure of grades."""

    label: str
    grade: float
    is_metric: bool
    constant: float | None = None
    folds: tuple[float, ...] = ()


def reference_metric(task: dict[str, Any]) -> dict[str, Any] | None:
    """The metric whose cross-validation rests on the most items; it gives people's grades and the constant's line.

    People are graded on the items that a metric scored, so with gaps in the scores their grades differ a little from
    metric to metric.

    Returns
    -------
    dict or None
        None where no metric could be cross-validated.
    """
    return _widest(task, lambda entry: entry["cross_validation"]["constant_mean"])


def grades_against_person(task: dict[str, Any]) -> Figure | None:
    """People and metrics, each graded against the other evaluators one by one.

    Parameters
    ----------
    task : dict
        A task of the report.

    Returns
    -------
    Figure or None
        None where no metric could be cross-validated.
    """
    reference = reference_metric(task)
    if reference is None:
        return None
    rows = [
        _Row(name, pair["person_grade"], False)
        for name, pair in reference["cross_validation"]["against_people"].items()
        if pair["person_grade"] is not None
    ]
    for entry in task["metrics"].values():
        validation = entry["cross_validation"]
        if validation["grade_mean"] is not None:
            folds = tuple(fold["grade"] for fold in validation["folds"] if fold["grade"] is not None)
            rows.append(_Row(entry["title"], validation["grade_mean"], True, validation["constant_mean"], folds))
    return _grades(rows, reference["cross_validation"]["constant_mean"], "grade (one person)")


def grades_against_mean(task: dict[str, Any], k: float) -> Figure | None:
    """People graded against the mean of the others, and metrics against the mean of all people.

    Parameters
    ----------
    task : dict
        A task of the report.
    k : float
        The report's exponent.

    Returns
    -------
    Figure or None
        None where there is no grade at all.
    """
    grades = {name: entry["grade"][f"{k:g}"] for name, entry in task["evaluators"].items()}
    rows = [_Row(name, grade, False) for name, grade in grades.items() if grade is not None]
    rows += [
        _Row(entry["title"], entry["buckets"]["grade"], True, entry["constant"]["grade"])
        for entry in task["metrics"].values()
        if entry["buckets"]["grade"] is not None
    ]
    reference = _widest(task, lambda entry: entry["constant"]["grade"])
    constant = reference["constant"]["grade"] if reference else None
    return _grades(rows, constant, "grade (mean of people)") if rows else None


def _widest(task: dict[str, Any], value: Callable[[dict[str, Any]], float | None]) -> dict[str, Any] | None:
    """The metric with the most items among those that have the value."""
    known = [entry for entry in task["metrics"].values() if value(entry) is not None]
    return max(known, key=lambda entry: entry["n_items"], default=None)


def _grades(rows: list[_Row], constant: float | None, title: str) -> Figure:
    """All rows, best on top; the constant as a dashed line and skill on the upper axis."""
    rows = sorted(rows, key=lambda row: -row.grade)
    numbered = list(enumerate(rows))
    people = [row.grade for row in rows if not row.is_metric]
    folds = [(grade, place, row.label) for place, row in numbered for grade in row.folds]
    constants = [(row.constant, place, row.label) for place, row in numbered if row.constant is not None]
    persons = [(row.grade, place, row.label) for place, row in numbered if not row.is_metric]
    metrics = [(row.grade, place, row.label) for place, row in numbered if row.is_metric]
    data = [
        _markers("its folds", folds, "--metric", size=5, opacity=0.4),
        _markers("person", [dot for dot in persons if not is_simulated(dot[2])], "--people"),
        _markers("simulated", [dot for dot in persons if is_simulated(dot[2])], "--people", "circle-open"),
        _markers("metric", metrics, "--metric", "diamond"),
    ]
    if len({value for value, _, _ in constants}) > 1:
        data.append(_markers("its own constant", constants, "--constant", "line-ns-open", size=10))
    known = [grade for trace in data for grade in trace["x"]] + ([] if constant is None else [constant])
    low = min(known) - 0.03 * (1.0 - min(known)) - 0.005
    layout = base_layout(150 + ROW_HEIGHT * len(rows), legend=True)
    layout["xaxis"] |= {"title": {"text": title}, "range": [low, 1.005], "fixedrange": True}
    layout["yaxis"] |= name_axis([row.label for row in rows], [row.is_metric for row in rows])
    if len(people) > 1:
        layout["shapes"] = [_band(min(people), max(people))]
    if constant is not None:
        data.append(_constant_line(constant, len(rows)))
        if constant < 1:
            data.append({"type": "scatter", "x": [0], "y": [0], "xaxis": "x2", "opacity": 0, "hoverinfo": "skip"})
            data[-1]["showlegend"] = False
            layout["xaxis2"] = _skill_axis([(edge - constant) / (1 - constant) for edge in (low, 1.005)])
            layout["margin"]["t"] = 46
    return {"data": [trace for trace in data if trace["x"]], "layout": layout}


def _markers(
    name: str,
    dots: list[tuple[float, int, str]],
    color: str,
    symbol: str = "circle",
    size: int = 10,
    opacity: float = 1,
) -> dict[str, Any]:
    """A trace of (grade, row, label) dots."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [grade for grade, _, _ in dots],
        "y": [row for _, row, _ in dots],
        "text": [plain(label) for _, _, label in dots],
        "hovertemplate": "%{text}: %{x:.3f}" + f"<extra>{name}</extra>",
        "marker": {
            "color": color,
            "symbol": symbol,
            "size": size,
            "opacity": opacity,
            "line": {"width": 2 if symbol.endswith("open") else 0, "color": color},
        },
    }


def _constant_line(constant: float, n_rows: int) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": f"constant ({constant:.2f})",
        "x": [constant, constant],
        "y": [-0.6, n_rows - 0.4],
        "hoverinfo": "skip",
        "line": {"color": "--constant", "width": 2, "dash": "dash"},
    }


def _skill_axis(limits: list[float]) -> dict[str, Any]:
    """The upper axis, on which the constant is 0 and a perfect answer 1."""
    return plain_axis() | {
        "title": {"text": "skill"},
        "overlaying": "x",
        "side": "top",
        "range": limits,
        "tickmode": "auto",
        "nticks": 6,
        "fixedrange": True,
        "showgrid": False,
        "zeroline": False,
    }


def _band(low: float, high: float) -> dict[str, Any]:
    """The range of people's grades."""
    return {
        "type": "rect",
        "layer": "below",
        "x0": low,
        "x1": high,
        "y0": 0,
        "y1": 1,
        "yref": "paper",
        "line": {"width": 0},
        "fillcolor": "--people-band",
    }
