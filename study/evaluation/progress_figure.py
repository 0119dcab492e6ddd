"""How a metric goes over training: a line a model, with intervals, and the base as a dashed line."""

from collections.abc import Sequence
from itertools import cycle

from calibration.page.figure_style import COLOURS, Figure, Scale, canvas, label
from study.evaluation.types import Evaluation, Measured
from study.evaluation.words import estimate

MOST_MODELS = 6
_LINES = ("metric", "people", "threshold-1", "threshold-3", "threshold-4", "constant")
_SYMBOLS = (("o", "●"), ("s", "■"), ("D", "◆"), ("^", "▲"), ("v", "▼"), ("P", "✚"))


def models_over_steps(found: Evaluation) -> list[str]:
    """The models with two checkpoints or more at different steps, the first six."""
    steps: dict[str, set[float]] = {}
    for one in found.sets:
        if not one.is_base and one.step is not None:
            steps.setdefault(one.model, set()).add(one.step)
    return [model for model, known in steps.items() if len(known) > 1][:MOST_MODELS]


def over_training(found: Evaluation, metric: Measured, prefix: str) -> Figure | None:
    """A metric's figures by step.

    Parameters
    ----------
    found : Evaluation
        What was found.
    metric : Measured
        The metric.
    prefix : str
        What the ids of this figure start with.

    Returns
    -------
    Figure or None
        None where no model has two checkpoints.
    """
    models = models_over_steps(found)
    shown = [
        (
            model,
            [
                (one.step, figure)
                for one in found.sets
                if one.model == model and not one.is_base and one.step is not None
                if (figure := found.figure(one.name, metric.name))
            ],
        )
        for model in models
    ]
    shown = [(model, points) for model, points in shown if len(points) > 1]
    if not shown:
        return None
    bases = [figure for one in found.sets if one.is_base and (figure := found.figure(one.name, metric.name))]
    figures = [figure for _, points in shown for _, figure in points] + bases
    ends = [end for one in figures for end in (one.value, one.low, one.high) if end is not None]
    height, steps = Scale(min(ends), max(ends)), Scale(*_range([step for _, points in shown for step, _ in points]))
    legend = []
    with canvas(220, left=58, top=14, bottom=42) as drawn:
        axes = drawn.axes
        axes.set_xlim(-0.04, 1.04)
        axes.set_ylim(-0.1, 1.12)  # a bar that reaches the frame looks cut off
        places, texts = height.ticks()
        axes.set_yticks(places, [drawn.text(text) for text in texts])
        axes.grid(axis="y", color=COLOURS["rule"], linewidth=1)
        for base in bases[:1] if len(bases) == 1 else []:
            axes.axhline(float(height.place(base.value)), color=COLOURS["muted"], linestyle=(0, (5, 3)), linewidth=1.4)
            legend.append(("muted", "┄", f"the base ({estimate(base)})"))
        for (model, points), colour, (symbol, sign) in zip(shown, cycle(_LINES), cycle(_SYMBOLS), strict=False):
            at = [float(steps.place(step)) for step, _ in points]
            axes.plot(at, height.place([one.value for _, one in points]), color=COLOURS[colour], linewidth=1.6)
            for place, (_, one) in zip(at, points, strict=True):
                if one.low is not None and one.high is not None:
                    axes.plot([place] * 2, height.place([one.low, one.high]), color=COLOURS[colour], linewidth=1.2)
            titles = [f"{one.set}: {estimate(one)}" for _, one in points]
            drawn.markers(at, height.place([one.value for _, one in points]), colour, symbol, 7, titles=titles)
            if model:
                legend.append((colour, sign, label(model, 40)))
        drawn.ticks(*steps.ticks(), "step")
        svg = drawn.finish(prefix, f"{metric.title} by step")
    return Figure(svg, tuple(legend))


def _range(values: Sequence[float]) -> tuple[float, float]:
    return min(values), max(values)
