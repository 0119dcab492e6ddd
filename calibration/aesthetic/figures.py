"""Two pictures: how training went, and how answers lie to votes, before and after balancing or matching."""

import io
from collections.abc import Mapping
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration.aesthetic.evaluation import Evaluation
from calibration.aesthetic.scale import HIGHEST, LOWEST

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # Okabe and Ito's, told apart by all
STYLES = ("-", "--", "-.", ":")  # lines that lie on each other stay visible
NARROWEST = 0.02
_GREY = "#777777"


def learning_curves(history: pd.DataFrame) -> bytes:
    """How loss and rank correlation went over the epochs, a line for each seed.

    Parameters
    ----------
    history : DataFrame
        network, seed, epoch, train_loss, validation_loss, validation_spearman, and perhaps kept (the best epoch).

    Returns
    -------
    bytes
        A PNG.
    """
    figure, (left, right) = _figure(2)
    for number, (network, runs) in enumerate(history.groupby("network", sort=False)):
        colour = COLOURS[number % len(COLOURS)]
        for place, (_, run) in enumerate(runs.groupby("seed")):
            label = str(network) if place == 0 else None
            left.plot(run["epoch"], run["train_loss"], color=colour, linewidth=1, linestyle=":")
            left.plot(run["epoch"], run["validation_loss"], color=colour, linewidth=1.5, label=label)
            right.plot(run["epoch"], run["validation_spearman"], color=colour, linewidth=1.5, label=label)
            best = int((run["kept"] if "kept" in run else run["validation_spearman"]).argmax())
            kept = run["epoch"].iloc[best], run["validation_spearman"].iloc[best]
            right.plot(*kept, "o", color=colour, markersize=5)
    left.set(title="Loss (dotted: training, weighted)", xlabel="epoch")
    right.set(title="Spearman on the validation images (dot: kept)", xlabel="epoch")
    low, high = right.get_ylim()
    margin = max(0.0, NARROWEST - (high - low)) / 2  # differences of a thousandth shall not look like much
    right.set_ylim(low - margin, high + margin)
    for axes in (left, right):
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(frameon=False)
    return _png(figure)


def answers_and_votes(
    evaluations: Mapping[str, Evaluation], answers: Mapping[str, NDArray[np.float64]], means: NDArray[np.float64]
) -> bytes:
    """Calibration curves, and the distribution of the answers beside that of the votes.

    Parameters
    ----------
    evaluations : mapping of str to Evaluation
        By head.
    answers : mapping of str to ndarray, shape (n,)
        By head, on the same images; these heads are drawn.
    means : ndarray, shape (n,)
        The mean votes.

    Returns
    -------
    bytes
        A PNG.
    """
    figure, (left, right) = _figure(2)
    low = max(LOWEST, float(np.floor(min(means.min(), *(values.min() for values in answers.values())))))
    high = min(HIGHEST, float(np.ceil(max(means.max(), *(values.max() for values in answers.values())))))
    left.plot([low, high], [low, high], color=_GREY, linewidth=1, linestyle="--")
    bins = np.linspace(low, high, 41)
    right.hist(means, bins=bins, color="#d9d9d9", label="votes")
    for colour, style, (name, values) in zip(cycle(COLOURS), cycle(STYLES), answers.items(), strict=False):
        curve, line = evaluations[name].curve, {"color": colour, "linestyle": style, "linewidth": 1.5}
        left.plot(curve["answer"], curve["vote"], marker="o", markersize=3, label=name, **line)
        right.stairs(np.histogram(values, bins)[0], bins, label=name, **line)
    left.set(title="Mean vote by answer (grey: equal)", xlabel="answer", ylabel="mean vote", xlim=(low, high))
    left.set_ylim(low, high)
    right.set(title="How answers and votes are spread", xlabel="answer, mean vote", ylabel="images", xlim=(low, high))
    for axes in (left, right):
        axes.legend(frameon=False)
    return _png(figure)


def _figure(count: int) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5 * count, 4), dpi=120, layout="constrained")
    axes = figure.subplots(1, count)
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
        each.grid(color="#eeeeee")
        each.set_axisbelow(True)
    return figure, axes


def _png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
