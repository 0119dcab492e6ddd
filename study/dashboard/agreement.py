"""How each metric goes with people: whether it sorts as they do, and their points beside its axis, as in the gate."""

from calibration.decision.agreement import Agreement
from calibration.decision.from_tables import StudyTables
from calibration.decision.slope import FEWEST_ITEMS
from calibration.decision.words import agreement_sentence, number
from calibration.metric.facts import titles_of
from metrics.errors import InputError
from study.dashboard.answer_types import Agreements, MetricAgreement, PointsAxis
from study.dashboard.snapshot import Snapshot
from study.dashboard.trends import trends


def agreement(found: Snapshot, task: str = "") -> Agreements:
    """Whether each metric sorts the study's images as people do; half a second a metric the first time.

    Parameters
    ----------
    found : Snapshot
    task : str
        Whose ratings count; the first that was rated unless given.
    """
    chosen = found.task_of(task)
    return found.once(("agreement", chosen), lambda: _agreement(found, chosen))


def agreements(found: Snapshot, task: str) -> dict[str, Agreement]:
    """What is known of each metric of single images as a sorter; nothing where nobody has rated the task."""
    if task not in found.tasks:
        return {}
    try:
        tables = found.tables(task)
    except InputError:
        return {}
    return {name: tables.agreement(name) for name in tables.metrics if name in found.values}


def _agreement(found: Snapshot, task: str) -> Agreements:
    if not task:
        return {"task": "", "metrics": {}, "refused": ""}
    try:
        tables = found.tables(task)
    except InputError as error:
        return {"task": task, "metrics": {}, "refused": error.for_command_line()}
    titles = titles_of(found.directions)
    named = [name for name in tables.metrics if name in found.values]
    return {"task": task, "metrics": {name: _of(found, tables, name, titles[name]) for name in named}, "refused": ""}


def _of(found: Snapshot, tables: StudyTables, metric: str, title: str) -> MetricAgreement:
    known = tables.agreement(metric)
    axis, why = _axis(found, tables, metric, title)
    return {
        "sorts": known.sorts,
        "sentence": agreement_sentence(known, title),
        "points_axis": axis,
        "why": why,
    }


def _axis(found: Snapshot, tables: StudyTables, metric: str, title: str) -> tuple[PointsAxis | None, str]:
    slope = tables.slope_to_use(metric, tables.scores_of(metric).index)
    if slope is None:
        if tables.agreement(metric).sorts == "no":
            return None, f"{title} has no axis of people's points, because it does not go with them."
        if tables.slope(metric) is None:
            return None, (
                f"{title} has no axis of people's points: that takes {FEWEST_ITEMS} images with its score and ratings "
                "by two people who agree."
            )
        return None, f"{title} has no axis of people's points: its scores were made in different ways."
    if not slope.is_clear:
        return None, (
            f"{title} has no axis of people's points: how it moves with their opinion is not clear from "
            f"{slope.items:,} rated images."
        )
    lines = next((each["lines"] for each in trends(found)["metrics"] if each["name"] == metric), [])
    first = next((line["points"][0] for line in lines), None)
    if first is None or first["value"] is None:
        return None, f"{title} has no line, so no axis of people's points."
    sign = 1.0 if tables.directions[metric] == "higher" else -1.0
    low, high = sorted((sign / slope.low, sign / slope.high))
    name = found.shown.checkpoints[first["checkpoint"]]["shown"]
    words = (
        f"People's points, in rating steps above or below {name}: where people's opinion of an image rises by one "
        f"step, {title} {'rises' if sign > 0 else 'falls'} by {number(slope.value)} (95 % interval "
        f"{number(slope.low)} to {number(slope.high)}), from {slope.items:,} rated images."
    )
    return {"per_unit": sign / slope.value, "low": low, "high": high, "at": first["value"], "words": words}, ""
