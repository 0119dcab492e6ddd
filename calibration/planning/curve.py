"""The plan's figure: power and the width of an interval against the number of images, a curve for each panel."""

import io
from collections.abc import Sequence

import numpy as np

from calibration.planning.plan import Figure as PlannedFigure
from calibration.planning.plan import plan_power, plan_width
from calibration.planning.simulated_reports import KINDS
from calibration.planning.study import PlannedStudy
from calibration.planning.summary import Plan, short

_POINTS = 60
_COLOURS = ("#1b6ca8", "#c8553d", "#3c8d5a", "#7a5195", "#8a6d1f", "#4a4a4a")
_DASHES = ("-", "--", ":")


def plan_svg(plan: Plan) -> str:
    """Draw a plan.

    Parameters
    ----------
    plan : Plan
        From `calibration.planning.summary.make_plan`.

    Returns
    -------
    str
        An SVG: power (with metrics) and the widths of the interval of skill, or without metrics of the intraclass
        correlation, for these evaluators and for people like these, by images; a curve for each number of evaluators,
        a dotted line for the goal. The same plan gives the same bytes.

    Examples
    --------
    >>> from calibration.planning.summary import make_plan
    >>> plan_svg(make_plan(PlannedStudy(0.5), [5], [128, 512])).startswith("<?xml")
    True
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    study, people = plan.study, sorted(set(plan.grid["evaluators"]))
    images = _images(plan)
    drawn: list[tuple[str, str, float, np.ndarray]] = []
    if study.correlations:
        power = plan_power(study, people, images)["power"].to_numpy()
        drawn.append((_power_title(study), "power", plan.power, power))
    planned: PlannedFigure = "skill" if study.correlations else "icc"
    title = "A metric's skill" if study.correlations else "Intraclass correlation"
    for kind in KINDS:
        width = plan_width(study, planned, people, images, kind)["width"].to_numpy()
        whose = "these evaluators" if kind == "these" else "people like these"
        drawn.append((f"{title}, {whose}", "width of the 95 % interval", plan.width, width))
    with matplotlib.rc_context({"svg.hashsalt": "humangrade", "font.size": 9, "axes.titlesize": 10}):
        figure = Figure(figsize=(4.2 * len(drawn), 3.4), layout="constrained")
        FigureCanvasSVG(figure)
        for place, (title, label, goal, values) in enumerate(drawn):
            axes = figure.add_subplot(1, len(drawn), place + 1)
            for number, (count, curve) in enumerate(zip(people, values.reshape(len(people), -1), strict=True)):
                style = _DASHES[number // len(_COLOURS) % len(_DASHES)]
                name = f"{count} evaluator{'' if count == 1 else 's'}"
                axes.plot(images, curve, style, color=_COLOURS[number % len(_COLOURS)], label=name)
            axes.axhline(goal, color="#777777", linewidth=0.8, linestyle=":")
            axes.set_xscale("log", base=2)
            axes.set_xticks(_ticks(images), [f"{tick:,}" for tick in _ticks(images)])
            axes.minorticks_off()
            axes.set_ylim(0, 1 if label == "power" else None)
            axes.set_title(title)
            axes.set_xlabel("images")
            axes.set_ylabel(label)
            axes.spines[["top", "right"]].set_visible(False)
            axes.legend(frameon=False)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def _images(plan: Plan) -> list[int]:
    """Where the curves are computed: evenly in the logarithm, over the sizes asked for and a little beyond."""
    low, high = plan.grid["images"].min(), plan.grid["images"].max()
    if low == high:
        low, high = max(10, low // 4), min(1_000_000, high * 4)
    return sorted({int(count) for count in np.rint(np.geomspace(low, high, _POINTS))})


def _ticks(images: Sequence[int]) -> list[int]:
    """At most seven, from the first on by a factor that is a power of 2."""
    doublings = max(1, int(np.ceil(np.log2(images[-1] / images[0]) / 6)))
    count = int(np.log2(images[-1] / images[0]) / doublings + 1e-9) + 1
    return [images[0] * 2 ** (doublings * step) for step in range(count)]


def _power_title(study: PlannedStudy) -> str:
    values = [short(value) for value in study.correlations]
    return f"To tell {values[0]} from {values[1]}" if len(values) == 2 else f"To tell {values[0]} from 0"
