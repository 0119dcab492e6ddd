"""The figures of one metric: score against rating, thresholds across folds, and reliability; and what they rest on."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from calibration.core.resampling import generator
from calibration.page.figure_style import COLOURS, ROW_HEIGHT, Figure, Scale, canvas, label, label_width
from calibration.page.score_digits import digits_for, score_text
from calibration.report.schema.document import Metric
from calibration.report.schema.metric import Buckets, Fold
from calibration.scale import LIKERT
from calibration.scale import Scale as AnswerScale

MOST_POINTS = 2000
"""How many items a scatter plot draws at most."""

MOST_FOLDS = 40
"""How many folds the figure of thresholds draws at most."""

MOST_TITLES = 12
"""With more folds than these, thresholds have no tooltip: they would make the page large, and stand in the table."""

_SYMBOLS = ("o", "s", "D", "^")
_SIGNS = ("●", "■", "◆", "▲")


def score_scatter(
    points: pd.DataFrame, metric: Metric, seed: int, most: int, prefix: str, levels_of: AnswerScale = LIKERT
) -> Figure:
    """A metric's score against the mean rating, with the thresholds and the mapped level as a step line.

    Parameters
    ----------
    points : DataFrame
        item, score, mean_rating of one task and metric, at least one row.
    metric : Metric
        The metric's entry in the report, with a mapping.
    seed : int
        For the sample of `most` items that is drawn where there are more.
    most : int
        How many items are drawn at most.
    prefix : str
        What the ids of this figure start with.
    levels_of : calibration.scale.Scale
        On which people answered.

    Returns
    -------
    Figure
    """
    low, high = score_range(points)
    scale = Scale(low, high)
    shown = sample(points, seed, most)
    edges, levels = steps(known_thresholds(metric.buckets), metric.direction, low, high)
    places = scale.place(edges)
    with canvas(300, left=24, top=52, bottom=42) as drawn:
        axes = drawn.axes
        axes.set_xlim(-0.08, 1.08)
        margin = 0.2 * levels_of.width
        axes.set_ylim(levels_of.low - margin, levels_of.high + margin)
        axes.set_yticks(levels_of.values, levels_of.names)
        axes.grid(axis="y", color=COLOURS["rule"], linewidth=1)
        drawn.ticks(*scale.ticks(), label(metric.title, 48))
        drawn.markers(scale.place(shown["score"]), shown["mean_rating"], "metric", "o", 6, 0.35)
        line = [-0.08, *np.repeat(places, 2), 1.08]
        heights = np.repeat([levels_of.values[level - 1] for level in levels], 2)
        axes.plot(line, heights, color=COLOURS["ink"], linewidth=2.2, zorder=4)
        for place in places:
            drawn.upright(place)
        _edge_labels(drawn, places.tolist(), levels, levels_of)
        axes.text(-0.05, 1.13, "mean rating", transform=axes.transAxes, color=COLOURS["muted"], ha="left")
        svg = drawn.finish(prefix, f"{metric.title}: score against people's mean rating")
    threshold = [("muted", "┊", "a threshold")] if edges else []
    return Figure(svg, (("metric", "●", "an item"), ("ink", "━", "the mapped level"), *threshold))


def fold_thresholds(
    metric: Metric, low: float, high: float, prefix: str, levels_of: AnswerScale = LIKERT
) -> Figure | None:
    """The thresholds of every fold on the score's axis; hollow where they lie beyond the scores there are.

    Parameters
    ----------
    metric : Metric
        The metric's entry in the report.
    low, high : float
        The range of the scores.
    prefix : str
        What the ids of this figure start with.

    Returns
    -------
    Figure or None
        None where no fold has thresholds.
    """
    folds = fitted_folds(metric)[:MOST_FOLDS]
    if not folds:
        return None
    scale, digits = Scale(low, high), digits_for(low, high)
    between = [f"{lower}|{upper}" for lower, upper in pairwise(levels_of.names)]
    names, fitted = [fold.held_out for fold in folds], [known_thresholds(fold) for fold in folds]
    with canvas(70 + (ROW_HEIGHT + 6) * len(folds), left=label_width(names), bottom=44) as drawn:
        drawn.axes.set_xlim(-0.09, 1.09)
        drawn.rows(names)
        drawn.ticks(*scale.ticks(), label(metric.title, 40))
        edges, _ = steps(known_thresholds(metric.buckets), metric.direction, low, high)
        for place in scale.place(edges):
            drawn.upright(place)
        hollow_marks = False
        for number in range(levels_of.count - 1):
            symbol, kind = _SYMBOLS[number % 4], f"threshold-{number % 4 + 1}"
            values = [thresholds[number] for thresholds in fitted]
            within = np.array([separates(value, metric.direction, low, high) for value in values])
            hollow_marks |= not within.all()
            y = np.arange(len(folds)) + 0.48 / (levels_of.count - 1) * (number - levels_of.count / 2 + 1)
            for chosen, hollow in ((within, False), (~within, True)):
                drawn.markers(
                    scale.place(np.array(values)[chosen]),
                    y[chosen],
                    *(kind, symbol, 6.5 if symbol == "D" else 7.5),
                    hollow=hollow,
                    titles=[
                        f"without {names[row]}, {between[number]}: {score_text(values[row], digits)}"
                        for row in np.flatnonzero(chosen)
                        if len(folds) <= MOST_TITLES
                    ],
                )
        svg = drawn.finish(prefix, f"{metric.title}: thresholds without each evaluator in turn")
    legend = [(f"threshold-{place % 4 + 1}", _SIGNS[place % 4], words) for place, words in enumerate(between)]
    beyond = [("muted", "○", "beyond the scores")] if hollow_marks else []
    return Figure(svg, (*legend, *beyond, ("muted", "┊", "fitted on everyone")))


def reliability_diagram(metric: Metric, prefix: str, levels_of: AnswerScale = LIKERT) -> Figure | None:
    """What was predicted against what people said, in bins with their intervals.

    Parameters
    ----------
    metric : Metric
        The metric's entry in the report.
    prefix : str
        What the ids of this figure start with.

    Returns
    -------
    Figure or None
        None where the entry has no bins.
    """
    bins = reliability_bins(metric)
    if not bins:
        return None
    low, high = 1.0, float(levels_of.count)
    margin = 0.04 * (high - low)

    def said(place: float) -> str:
        return f"{levels_of.from_unit((place - low) / (high - low)):.2f}"

    with canvas(300, left=40, top=34, bottom=42, right=70) as drawn:
        axes = drawn.axes
        axes.set_xlim(low - margin, high + margin)
        axes.set_ylim(low - margin, high + margin)
        ticks = np.linspace(low, high, levels_of.count).tolist()
        axes.set_yticks(ticks, levels_of.names)
        axes.grid(color=COLOURS["rule"], linewidth=1)
        drawn.ticks(ticks, levels_of.names, "predicted")
        axes.plot([low, high], [low, high], color=COLOURS["constant"], linestyle=(0, (5, 3)), linewidth=1.6)
        for one in bins:
            if one.low is not None and one.high is not None:
                axes.plot([one.predicted] * 2, [one.low, one.high], color=COLOURS["metric"], linewidth=1.6)
        drawn.markers(
            [one.predicted for one in bins],
            [one.observed for one in bins],
            *("metric", "o", 8),
            titles=[f"predicted {said(one.predicted)}, observed {said(one.observed)}, n = {one.n}" for one in bins],
        )
        axes.text(0, 1.05, "observed", transform=axes.transAxes, color=COLOURS["muted"], ha="left")
        svg = drawn.finish(prefix, f"{metric.title}: predicted against observed")
    return Figure(svg, (("metric", "●", "a bin, with its interval"), ("constant", "┆", "as predicted")))


class ReliabilityBin(NamedTuple):
    """A dot of the reliability diagram: predicted against observed, the interval of the latter, and how many images."""

    predicted: float
    observed: float
    low: float | None
    high: float | None
    n: int


def reliability_bins(metric: Metric) -> list[ReliabilityBin]:
    """The bins that have both numbers."""
    return [
        ReliabilityBin(one.predicted, one.observed, one.interval[0], one.interval[1], one.n)
        for one in (metric.reliability.bins if metric.reliability else [])
        if one.predicted is not None and one.observed is not None
    ]


def fitted_folds(metric: Metric) -> list[Fold]:
    """The folds in which a mapping could be fitted."""
    return [fold for fold in metric.cross_validation.folds if known_thresholds(fold)]


def known_thresholds(found: Buckets | Fold) -> list[float]:
    """The thresholds of a mapping; empty where none could be fitted."""
    return [value for value in found.thresholds if value is not None]


def score_range(points: pd.DataFrame) -> tuple[float, float]:
    """The least and the greatest score."""
    return float(points["score"].min()), float(points["score"].max())


def sample(points: pd.DataFrame, seed: int, most: int = MOST_POINTS) -> pd.DataFrame:
    """All points, or `most` of them drawn by the seed, in their order."""
    if len(points) <= most:
        return points
    chosen = generator(abs(seed)).choice(len(points), most, replace=False)
    return points.iloc[np.sort(chosen)]


def steps(thresholds: Sequence[float], direction: str, low: float, high: float) -> tuple[list[float], list[int]]:
    """The mapping from left to right: where the level changes within the scores there are, and the levels.

    Parameters
    ----------
    thresholds : sequence of float
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


def _edge_labels(drawn: Any, places: list[float], levels: list[int], levels_of: AnswerScale) -> None:
    """'3|4' above each threshold, either way; a label that would run into the one before it stands a line higher."""
    last, raised, names = -1.0, False, levels_of.names
    for place, before, after in zip(places, levels, levels[1:], strict=False):
        raised = place - last < 0.09 and not raised
        last = place
        drawn.axes.text(
            *(place, 1.07 if raised else 1.015, f"{names[min(before, after) - 1]}|{names[max(before, after) - 1]}"),
            transform=drawn.axes.get_xaxis_transform(),
            color=COLOURS["muted"],
            ha="center",
        )
