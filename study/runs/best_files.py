"""What `humangrade best` prints and writes beside its sentences: a table, JSON, and a picture by step."""

import io
import json
import math
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from calibration.decision.best import NEVER
from calibration.decision.best_words import best_lines, short_names, shown
from calibration.decision.figure import plot_best
from calibration.decision.found import StudyBest
from calibration.decision.words import number
from calibration.report.schema.base import Count, Finite, Limits, Section
from calibration.scale import Scale

if TYPE_CHECKING:
    from rich.table import Table


class CheckpointValue(Section):
    """A checkpoint's place among the others."""

    checkpoint: str
    step: Finite | None = Field(description="null where it is not known.")
    epoch: Finite | None = Field(
        description="Where the order is by epochs, since not all have a step; step is null then."
    )
    mean: Finite = Field(description="In the metric's units, or by people the scale's numbers.")
    interval: Limits = Field(description="95 %, of this checkpoint alone.")
    interval_of_all: Limits = Field(description="Intervals that hold all checkpoints' means at once in 95 % of cases.")
    may_be_best: bool
    came_out_best: Finite = Field(description="In how many draws of prompts; a picture, no probability of being best.")


class BestReport(Section):
    """Which checkpoints may be the best."""

    layout: Literal["humangrade.best/1"] = Field(alias="schema", description="The layout of this file.")
    by: str = Field(description="A metric, 'people', or both: 'METRIC+people'.")
    sorts: Literal["yes", "with care", "no"] | None = Field(
        description="Whether the metric sorts this study's images as people do; null where these ratings do not tell."
    )
    sentences: list[str]
    winner: str
    value: Finite = Field(description="Of the highest mean, without what chance adds to it by being chosen.")
    value_interval: Limits = Field(description="95 %.")
    may_be_best: list[str] = Field(description="These hold the best with 95 % confidence.")
    prompts: Count
    images: Count
    prompts_to_tell: list[tuple[float, int | None]] = Field(
        description="Pairs: a difference between checkpoints, and how many prompts, rated by the same people where "
        "people rated, would tell it in 80 % of cases; null where people differ too much for any number of them."
    )
    checkpoints: list[CheckpointValue]
    notes: list[str]


def best_report(found: StudyBest, scale: Scale) -> BestReport:
    """What was found, as its file holds it.

    Parameters
    ----------
    found : StudyBest
    scale : Scale
        Of the ratings.

    Returns
    -------
    BestReport
    """
    best, names = found.best, [str(one) for one in found.checkpoints]
    rows = [
        CheckpointValue(
            checkpoint=names[k],
            step=one.step if math.isfinite(one.step) and not one.is_by_epoch else None,
            epoch=one.step if one.is_by_epoch else None,
            mean=shown(float(best.means[k]), found, scale),
            interval=_limits(best.low[k], best.high[k], found, scale),
            interval_of_all=_limits(best.means[k] - best.together[k], best.means[k] + best.together[k], found, scale),
            may_be_best=k in best.may_be_best,
            came_out_best=float(best.chance[k]),
        )
        for k, one in enumerate(found.checkpoints)
    ]
    return BestReport(
        schema="humangrade.best/1",
        by=found.by,
        sorts=found.agreement.sorts if found.agreement else None,
        sentences=best_lines(found, scale),
        winner=names[best.winner],
        value=shown(best.value, found, scale),
        value_interval=_limits(best.value_low, best.value_high, found, scale),
        may_be_best=[names[k] for k in best.may_be_best],
        prompts=best.prompts,
        images=found.images,
        prompts_to_tell=[
            (least, None if prompts == NEVER else prompts) for least, prompts in best.prompts_to_tell.items()
        ],
        checkpoints=rows,
        notes=[str(note) for note in found.notes],
    )


def best_json(found: StudyBest, scale: Scale) -> str:
    """`best_report` as text."""
    return json.dumps(best_report(found, scale).model_dump(), indent=1, ensure_ascii=False) + "\n"


def best_table(found: StudyBest, scale: Scale) -> "Table":
    """A row a checkpoint, for the terminal."""
    from rich.markup import escape

    from study.terminal import numbers_table

    table = numbers_table("checkpoint", "mean", "95 % interval", "may be the best")
    table.columns[0].justify, table.columns[0].overflow = "left", "fold"
    for name, one in zip(short_names(found.checkpoints), best_report(found, scale).checkpoints, strict=True):
        low, high = one.interval
        interval = "" if low is None or high is None else f"{number(low)} to {number(high)}"
        table.add_row(escape(name), number(one.mean), interval, "yes" if one.may_be_best else "")
    return table


def best_picture(found: StudyBest, scale: Scale, kind: str) -> bytes:
    """The picture as a file of a kind, "png" or "svg"; the same input gives the same bytes."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"svg.hashsalt": "humangrade", "svg.fonttype": "none"}):
        sheet = Figure(figsize=(7.2, 4.4), layout="constrained")
        plot_best(found, scale, sheet.subplots())
        buffer = io.BytesIO()
        metadata: dict[str, Any] = {"Date": None} if kind == "svg" else {"Software": None}
        sheet.savefig(buffer, format=kind, dpi=150, metadata=metadata)
    return buffer.getvalue()


def _limits(low: float, high: float, found: StudyBest, scale: Scale) -> list[float | None]:
    ends = sorted(shown(float(end), found, scale) for end in (low, high))
    return [end if math.isfinite(end) else None for end in ends]
