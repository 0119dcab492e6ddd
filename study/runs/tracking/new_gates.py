"""The gate on each new checkpoint, once: the record knows what was judged; changed images are judged again."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from calibration.decision.checkpoints import BASE, Checkpoint, Checkpoints
from calibration.decision.from_tables import StudyTables
from metrics.errors import InputError
from metrics.text import counted
from study.folder.study import Study
from study.runs.alerts import gate_report, gate_settings
from study.runs.baselines import named_checkpoint
from study.runs.reading import study_tables

REFUSED = "refused"
"""The verdict of a gate that could not be judged."""

_BY, _DONE = "track", "done"
_IMAGE = ["prompt", "negative", "seed", "sha256"]
_VALUE = ["image_id", "metric", "score", "signature"]
_NO_PROMPTS = (
    "the prompts of its images are not known, so there is neither gate nor best; name the trainer's file of prompts "
    "with --prompts."
)
_NO_SEEDS = (
    "the seeds of its images are not known, so each step may have another noise: trend and gallery show them, and "
    "there is neither gate nor best. Sample with fixed seeds (--d in kohya's prompts), or draw the checkpoints with "
    "humangrade generate."
)


@dataclass(frozen=True)
class GateRecord:
    """A gate as it is recorded, and told.

    Attributes
    ----------
    candidate, baseline : str
        MODEL/CHECKPOINT.
    verdict : str
        As `calibration.decision.gate.Gate` has it, or `REFUSED`.
    sentence : str
        The answer, or why there is none.
    result : dict
        Plain JSON: the gate's report, or the reason.
    key : str
        The same for the same candidate, images and question in a study.
    """

    candidate: str
    baseline: str
    verdict: str
    sentence: str
    result: Mapping[str, Any]
    key: str

    def alert(self, study: Path) -> dict[str, Any]:
        """What a file of alerts and a webhook get; chat services show `text`, and `key` tells what was told before."""
        told = {"text": self.sentence, "study": str(study), "verdict": self.verdict, "candidate": self.candidate}
        key = _digest([str(study.resolve()), self.key])
        return told | {"baseline": self.baseline, "key": key, "gate": dict(self.result)}


@dataclass
class Judged:
    """What `judge_new` did, and what is to be known of what it did not judge."""

    records: list[GateRecord] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def judge_new(
    study: Study,
    metrics: Sequence[str] = (),
    against: str = "previous",
    task: str = "",
    tell: Callable[[GateRecord], None] = lambda record: None,
) -> Judged:
    """Judge each checkpoint that was not judged with the images that it has now.

    One that was refused is judged again once its scores have changed. The last checkpoint of a run waits while it has
    fewer images than the one before: they are perhaps being drawn.

    Parameters
    ----------
    study : Study
        What is new in it is recorded.
    metrics : sequence of str
        Which decide; all that have scores unless given.
    against : str
        ``previous``, ``best``, the name of a checkpoint or of a baseline.
    task : str
        Whose ratings give people's points.
    tell : callable
        Takes each record before it is stored; where the computer stops between the two, it is told again.

    Raises
    ------
    InputError
        Where there is no checkpoint or baseline of the name to judge against, or several tasks and none is named.
    """
    found, images = Judged(), study.store.runs.images()
    states = images[(images["model"] != "") & (images["checkpoint"] != "")].groupby(["model", "checkpoint"])
    groups = {f"{model}/{name}": rows for (model, name), rows in states}
    pending = _pending(study, groups)
    for name in list(pending):
        rows = groups[name]
        if (rows["prompt"] == "").all() or (rows["seed"] == "").any():
            why = _NO_SEEDS if (rows["seed"] == "").any() else _NO_PROMPTS
            found.notes.append(f"{rows['model'].iloc[0]}: {why}")
            del pending[name]
    if not pending:
        return found
    checkpoints, due = Checkpoints(_as_items(images)), []
    for one in checkpoints.all:
        if str(one) in pending and (why := _must_wait(one, checkpoints, groups, against)):
            found.notes.append(why)
        elif str(one) in pending:
            due.append(one)
    if not due:
        return found
    tables, values = study_tables(study, task), study.store.runs.values()
    asked = {"by": _BY, "against": against, "task": task, "metrics": list(metrics)}
    for one in due:
        baseline = _baseline(one, study, tables, against)
        if baseline == str(one):
            continue
        names, constant = _that_vary(one, metrics, images, values)
        found.notes += [f"{name} is the same on all images of {one.model}, so it does not count." for name in constant]
        record = _gate(one, baseline, tables, names, _digest([str(one), against, task, pending[str(one)]["images"]]))
        tell(record)
        settings = asked | pending[str(one)]
        study.store.runs.add_gate_run(record.candidate, record.baseline, record.verdict, settings, record.result)
        found.records.append(record)
    return found


def _pending(study: Study, groups: Mapping[str, pd.DataFrame]) -> dict[str, dict[str, str]]:
    """The checkpoints that were not judged as they are now, each with the digests of its images and their values."""
    runs, judged = study.store.runs.gate_runs(), {}
    for candidate, verdict, settings in zip(runs["candidate"], runs["verdict"], runs["settings"], strict=True):
        if settings.get("by") == _BY:
            judged[candidate, settings["images"]] = settings["values"] if verdict == REFUSED else _DONE
    states = {name: _digest(rows[_IMAGE]) for name, rows in groups.items() if (rows["kind"] != BASE).any()}
    new = {name: images for name, images in states.items() if judged.get((name, images)) != _DONE}
    if not new:
        return {}
    values, pending = study.store.runs.values(), {}
    for name, state in new.items():
        of = _digest(values[values["image_id"].isin(groups[name]["image_id"])][_VALUE])
        if judged.get((name, state)) != of:
            pending[name] = {"images": state, "values": of}
    return pending


def _as_items(images: pd.DataFrame) -> pd.DataFrame:
    """The record's images as an items table, which tells checkpoints and their order."""
    steps = images["step"].astype(object).where(images["step"].notna(), "").astype(str)
    return images.assign(item=images["image_id"].astype(str), step=steps)


def _must_wait(one: Checkpoint, checkpoints: Checkpoints, groups: Mapping[str, pd.DataFrame], against: str) -> str:
    """Why a checkpoint is not judged yet: it is the first, or the last with its images still coming; else ""."""
    try:
        before = checkpoints.previous(one)
    except InputError:
        return f"{one} is the first checkpoint of its run; gates begin with the next." if against == "previous" else ""
    there, wanted = (
        set(zip(groups[str(each)]["prompt"], groups[str(each)]["seed"], strict=True)) for each in (one, before)
    )
    if one != checkpoints.runs()[one.model][-1] or len(there) >= len(wanted):
        return ""
    return (
        f"{one} has {counted(len(there), 'image')} so far, and {before} has {len(wanted):,}; its gate waits for the "
        "rest, or for the next checkpoint."
    )


def _baseline(one: Checkpoint, study: Study, tables: StudyTables, against: str) -> str:
    """The name to judge by, one checkpoint's or ``best``."""
    if against == "best":
        return against
    if against == "previous":
        return str(tables.checkpoints.previous(one))
    return str(named_checkpoint(study, tables, against)[0])


def _that_vary(
    one: Checkpoint, metrics: Sequence[str], images: pd.DataFrame, values: pd.DataFrame
) -> tuple[Sequence[str], list[str]]:
    """The metrics that were named, without those that gave all images of the run one score, and these.

    They were named for scoring; a gate that is asked for a metric which sees no difference refuses it.
    """
    mine = values[values["image_id"].isin(images["image_id"][images["model"] == one.model])].dropna(subset="score")
    kinds = mine.groupby("metric")["score"].nunique()
    constant = [name for name in metrics if kinds.get(name, 0) == 1]
    names = [name for name in metrics if name not in constant]
    return (names, constant) if names else (metrics, [])


def _gate(one: Checkpoint, baseline: str, tables: StudyTables, metrics: Sequence[str], key: str) -> GateRecord:
    try:
        found = tables.gate(str(one), baseline, metrics)
    except InputError as error:
        reason = error.for_command_line().replace("--primary", "--metric")  # one that is named alone decides
        return GateRecord(str(one), baseline, REFUSED, f"{one} is not judged: {reason}", {"reason": reason}, key)
    settings = gate_settings(baseline, list(metrics), "", {}, False, tables.resampling)
    report = gate_report(found, tables, settings)
    return GateRecord(report.candidate, report.baseline, report.verdict, report.sentence, report.model_dump(), key)


def _digest(rows: pd.DataFrame | Sequence[str]) -> str:
    """What differs once any of these does; rows in whatever order."""
    if isinstance(rows, pd.DataFrame):
        rows = sorted(json.dumps([str(cell) for cell in row]) for row in rows.itertuples(index=False))
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()
