"""The figures of one metric: score against rating, confusion matrix, and thresholds across folds."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from calibration.figure_style import ROW_HEIGHT, Figure, base_layout, label, name_axis, plain, vertical_line
from calibration.score_digits import digits_for

MOST_POINTS = 2000
"""How many items a scatter plot draws at most."""

_SYMBOLS = ("circle", "square", "diamond", "triangle-up")


def score_scatter(points: pd.DataFrame, metric: dict[str, Any], seed: int) -> Figure:
    """A metric's score against the mean rating, with the thresholds and the mapped level as a step line.

    Parameters
    ----------
    points : DataFrame
        item, score, mean_rating and n_ratings of one task and metric, at least one row.
    metric : dict
        The metric's entry in the report, with a mapping.
    seed : int
        For the sample of `MOST_POINTS` items that is drawn where there are more.

    Returns
    -------
    Figure
    """
    low, high = score_range(points)
    shown = sample(points, seed)
    edges, levels = steps(metric["buckets"]["thresholds"], metric["direction"], low, high)
    left, right = _axis_range(low, high)
    digits = digits_for(low, high)
    x, y = [left], [levels[0]]
    for edge, level in zip(edges, levels[1:], strict=True):
        x += [edge, edge]
        y += [y[-1], level]
    data = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "an item",
            "x": [float(f"{value:.{digits + 2}g}") for value in shown["score"]],
            "y": [round(value, 3) for value in shown["mean_rating"]],
            "text": [plain(item) for item in shown["item"]],
            "customdata": shown["n_ratings"].tolist(),
            "hovertemplate": f"%{{text}}<br>score %{{x:.{digits}g}}<br>"
            "mean rating %{y:.2f} of %{customdata}<extra></extra>",
            "marker": {"color": "--metric", "size": 7, "opacity": 0.4, "line": {"width": 0}},
        },
        {
            "type": "scatter",
            "mode": "lines",
            "name": "the mapped level",
            "x": [*x, right],
            "y": [*y, y[-1]],
            "hoverinfo": "skip",
            "line": {"color": "--ink", "width": 2.5},
        },
    ]
    layout = base_layout(360)
    layout["xaxis"] |= {"title": {"text": label(metric["title"])}, "range": [left, right]}
    layout["yaxis"] |= {"title": {"text": "mean rating"}, "range": [0.75, 5.25], "dtick": 1}
    layout["margin"]["t"] = 36
    layout["shapes"] = [vertical_line(edge) for edge in edges]
    layout["annotations"] = _edge_labels(edges, levels, right - left)
    return {"data": data, "layout": layout}


def confusion_heatmap(confusion: list[list[int]]) -> Figure:
    """How often each mapped level (rows, as shares of the row) met each held-out rating (columns).

    Parameters
    ----------
    confusion : list of 5 lists of 5 ints
        Rows are levels, columns ratings.

    Returns
    -------
    Figure
    """
    totals = [sum(row) for row in confusion]
    share = [
        [100 * count / total if total else None for count in row] for row, total in zip(confusion, totals, strict=True)
    ]
    texts = [
        [f"{value:.0f}%<br>{count:,}" if value is not None else "" for value, count in zip(*rows, strict=True)]
        for rows in zip(share, confusion, strict=True)
    ]
    places = [1, 2, 3, 4, 5]
    data = [
        {
            "type": "heatmap",
            "x": places,
            "y": places,
            "z": share,
            "text": texts,
            "customdata": [
                [f"{count:,} of {total:,}" for count in row] for row, total in zip(confusion, totals, strict=True)
            ],
            "texttemplate": "%{text}",
            "textfont": {"size": 11},
            "hovertemplate": "level %{y}, rating %{x}<br>%{customdata} (%{z:.1f}%)<extra></extra>",
            "zmin": 0,
            "zmax": 100,
            "colorscale": [[0, "--heat-low"], [0.5, "--heat-middle"], [1, "--heat-high"]],
            "showscale": False,
            "xgap": 2,
            "ygap": 2,
        }
    ]
    layout = base_layout(360)
    layout["xaxis"] |= {"title": {"text": "held-out person's rating"}, "tickvals": places, "showgrid": False}
    layout["yaxis"] |= {
        "tickvals": places,
        "ticktext": [
            f"level {place}<br>{f'n = {total:,}' if total else 'never'}"
            for place, total in zip(places, totals, strict=True)
        ],
        "showgrid": False,
    }
    for axis in ("xaxis", "yaxis"):
        layout[axis] |= {"range": [0.5, 5.5], "fixedrange": True, "zeroline": False}
    layout["shapes"] = [
        {
            "type": "rect",
            "x0": place - 0.49,
            "x1": place + 0.49,
            "y0": place - 0.49,
            "y1": place + 0.49,
            "line": {"color": "--ink", "width": 1.5},
        }
        for place in places
    ]
    return {"data": data, "layout": layout}


def fold_thresholds(metric: dict[str, Any], low: float, high: float) -> Figure | None:
    """The four thresholds of every fold on the score's axis; hollow where they lie beyond the scores there are.

    Parameters
    ----------
    metric : dict
        The metric's entry in the report.
    low, high : float
        The range of the scores.

    Returns
    -------
    Figure or None
        None where no fold has thresholds.
    """
    folds = [fold for fold in metric["cross_validation"]["folds"] if fold["thresholds"][0] is not None]
    if not folds:
        return None
    data = []
    for number, symbol in enumerate(_SYMBOLS):
        values = [fold["thresholds"][number] for fold in folds]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": f"{number + 1}|{number + 2}",
                "x": values,
                "y": [row + 0.12 * (number - 1.5) for row in range(len(folds))],
                "text": [plain(fold["held_out"]) for fold in folds],
                "hovertemplate": f"without %{{text}}<br>threshold {number + 1}|{number + 2}: "
                f"%{{x:.{digits_for(low, high)}g}}<extra></extra>",
                "marker": {
                    "color": f"--threshold-{number + 1}",
                    "size": 9,
                    "symbol": [
                        symbol if separates(value, metric["direction"], low, high) else f"{symbol}-open"
                        for value in values
                    ],
                },
            }
        )
    layout = base_layout(120 + (ROW_HEIGHT + 6) * len(folds), legend=True)
    layout["xaxis"] |= {"title": {"text": label(metric["title"])}, "range": list(_axis_range(low, high))}
    layout["yaxis"] |= name_axis([fold["held_out"] for fold in folds])
    edges, _ = steps(metric["buckets"]["thresholds"], metric["direction"], low, high)
    layout["shapes"] = [vertical_line(edge) for edge in edges]
    return {"data": data, "layout": layout}


def score_range(points: pd.DataFrame) -> tuple[float, float]:
    """The least and the greatest score."""
    return float(points["score"].min()), float(points["score"].max())


def sample(points: pd.DataFrame, seed: int) -> pd.DataFrame:
    """All points, or `MOST_POINTS` of them drawn by the seed, in their order."""
    if len(points) <= MOST_POINTS:
        return points
    chosen = np.random.default_rng(abs(seed)).choice(len(points), MOST_POINTS, replace=False)
    return points.iloc[np.sort(chosen)]


def steps(thresholds: Sequence[float], direction: str, low: float, high: float) -> tuple[list[float], list[int]]:
    """The mapping from left to right: where the level changes within the scores there are, and the levels.

    Parameters
    ----------
    thresholds : sequence of 4 floats
        As the report gives them.
    direction : {"higher", "lower"}
        Which way the metric points.
    low, high : float
        The range of the scores; a threshold that separates none of them is no edge.

    Returns
    -------
    edges : list of float
        Ascending.
    levels : list of int
        One more than edges.

    Examples
    --------
    >>> steps([-1, 20, 20, 30], "higher", 0, 40)
    ([20, 30], [2, 4, 5])
    >>> steps([30, 20, 20, -1], "lower", 0, 40)
    ([20, 30], [4, 2, 1])
    """
    edges = sorted({value for value in thresholds if separates(value, direction, low, high)})
    if direction == "higher":
        after = [sum(value <= edge for value in thresholds) for edge in edges]
        return edges, [1 + count for count in [sum(value < low for value in thresholds), *after]]
    before = [sum(value >= edge for value in thresholds) for edge in edges]
    return edges, [1 + count for count in [*before, sum(value > high for value in thresholds)]]


def separates(threshold: float, direction: str, low: float, high: float) -> bool:
    """Whether scores from low to high lie on both sides of a threshold; the threshold itself counts as worse."""
    return low <= threshold < high if direction == "higher" else low < threshold <= high


def _edge_labels(edges: list[float], levels: list[int], width: float) -> list[dict[str, Any]]:
    """'3|4' above each threshold; a label that would run into the one before it stands a line higher."""
    labels: list[dict[str, Any]] = []
    for edge, before, after in zip(edges, levels, levels[1:], strict=False):
        is_near = bool(labels) and edge - labels[-1]["x"] < 0.08 * width
        labels.append(
            {
                "x": edge,
                "y": 1,
                "yref": "paper",
                "yanchor": "bottom",
                "yshift": 13 if is_near and not labels[-1]["yshift"] else 0,
                "text": f"{before}|{after}",
                "showarrow": False,
                "font": {"size": 11, "color": "--muted"},
            }
        )
    return labels


def _axis_range(low: float, high: float) -> tuple[float, float]:
    """The score's axis, wide enough for the thresholds that lie 5 % beyond the data."""
    margin = 0.08 * ((high - low) or abs(low) or 1.0)
    return low - margin, high + margin
