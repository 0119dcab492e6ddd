"""The checkpoints by step, with those that may be the best marked, drawn on given axes."""

from typing import TYPE_CHECKING

import numpy as np

from calibration.decision.best_words import best_by, short_names, shown
from calibration.decision.found import StudyBest
from calibration.plots import CONSTANT, METRIC, PEOPLE
from calibration.scale import LIKERT, Scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_LABELS = 24


def plot_best(found: StudyBest, scale: Scale = LIKERT, ax: "Axes | None" = None) -> "Axes":
    """Means of the checkpoints with intervals that hold all of them at once, and the winner's value.

    Parameters
    ----------
    found : StudyBest
        What `StudyTables.best` gave.
    scale : Scale
        Of the ratings, in whose numbers values by people are drawn.
    ax : matplotlib Axes, optional
        To draw on; new ones unless given.

    Returns
    -------
    Axes
        By step where all checkpoints have one, else by their order. Filled: may be the best.
    """
    if ax is None:
        from matplotlib import pyplot

        ax = pyplot.subplots(figsize=(7.2, 4.4), layout="constrained")[1]
    best = found.best
    steps = np.array([one.step for one in found.checkpoints])
    is_by_step = bool(np.isfinite(steps).all() and len(set(steps)) == len(steps))
    places = steps if is_by_step else np.arange(len(steps))
    values = np.array([shown(float(mean), found, scale) for mean in best.means])
    ends = np.array([[shown(float(mean + sign * half), found, scale) for sign in (-1, 1)]
                     for mean, half in zip(best.means, best.together, strict=True)])  # fmt: skip
    ends.sort(axis=1)
    may = np.isin(np.arange(len(steps)), best.may_be_best)
    ax.plot(places, values, color=CONSTANT, linewidth=1, alpha=0.5, zorder=1)
    for which, colour, face, label in (
        (may, METRIC, METRIC, "may be the best"),
        (~may, CONSTANT, "white", "is not the best"),
    ):
        if which.any():
            reach = np.abs(ends[which].T - values[which])
            ax.errorbar(
                *(places[which], values[which], reach),
                fmt="o", color=colour, markerfacecolor=face, capsize=3, label=label, zorder=2,
            )  # fmt: skip
    ax.plot(
        *(places[[best.winner]], [shown(best.value, found, scale)]),
        "D", color=PEOPLE, markersize=7, label="the winner's value to quote", zorder=3,
    )  # fmt: skip
    names = short_names(found.checkpoints)
    if not is_by_step:
        ax.set_xticks(places, names, rotation=30 if max(map(len, names)) > 6 else 0, ha="right")
    elif len(names) <= _MOST_LABELS // 2:
        ax.set_xticks(places, [f"{step:,.0f}" for step in steps])
    by_epoch = all(one.is_by_epoch for one in found.checkpoints)
    ax.set_xlabel(("epoch" if by_epoch else "step") if is_by_step else "checkpoint")
    way = "lower is better" if found.is_turned else "higher is better"
    ax.set_ylabel(f"{best_by(found).split(' (which')[0]}\n{way}")
    ax.set_title(
        f"By {best_by(found)}\n95 % intervals that hold all means at once; checkpoints are told apart by pairs,\n"
        "prompt by prompt, which their own intervals do not show",
        fontsize="small",
    )
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize="small", loc="best")
    return ax
