"""The gate on each new checkpoint, once: the record knows what was judged; changed images are judged again."""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from calibration.decision.checkpoints import BASE, Checkpoint, Checkpoints
from calibration.decision.from_tables import StudyTables
from calibration.decision.sets import SetMetrics
from metrics.errors import InputError
from metrics.text import counted, listed
from study.folder.study import Study
from study.runs.alerts import gate_report, gate_settings
from study.runs.baselines import TAKEN, named_checkpoint
from study.runs.reading import study_tables

REFUSED = "refused"
"""The verdict of a gate that could not be judged."""

_BY, _DONE = "track", "done"
_IMAGE = ["prompt", "negative", "seed", "sha256"]
_VALUE = ["image_id", "metric", "score", "signature"]
_NO_PROMPTS = (
    "the prompts of the images are not known, so there is neither gate nor best; name the trainer's file of prompts "
    "with --prompts."
)
_NO_SEEDS = (
    "the seeds of the images are not known, so each step may have another noise: trend and gallery show them, and "
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


@dataclass(frozen=True)
class Question:
    """What new checkpoints are asked.

    Attributes
    ----------
    metrics : sequence of str
        Which decide; all that have scores unless given. FID and KID are tried where they are named.
    against : str
        ``previous``, ``best``, the name of a checkpoint or of a baseline.
    task : str
        Whose ratings give people's points.
    reference : str
        The set of real images that FID and KID compare with; "" for the reference photos.
    """

    metrics: Sequence[str] = ()
    against: str = "previous"
    task: str = ""
    reference: str = ""

    def told(self, study: Study) -> dict[str, Any]:
        """It as the record keeps it: the same for the same question, with what a baseline's name stands for now."""
        stands_for = "" if self.against in TAKEN else study.store.runs.baseline(self.against) or ""
        told = {"against": self.against, "task": self.task, "metrics": sorted(self.metrics)}
        return told | {"stands_for": stands_for, "reference": self.reference}


def judge_new(
    study: Study,
    question: Question = Question(),
    tell: Callable[[GateRecord], None] = lambda record: None,
    sets: SetMetrics | None = None,
    unfinished: Collection[str] = (),
) -> Judged:
    """Judge each checkpoint that was not asked this with the images that it has now.

    One that was refused is judged again once its scores have changed. The last checkpoint of a run waits while it has
    fewer images than the one before: they are perhaps being drawn.

    Parameters
    ----------
    study : Study
        What is new in it was recorded.
    question : Question
    tell : callable
        Takes each record before it is stored; where the computer stops between the two, it is told again.
    sets : SetMetrics, optional
        What gives FID and KID.
    unfinished : collection of str
        Checkpoints, MODEL/CHECKPOINT, whose images are still being written: no gate is judged with some of them.

    Raises
    ------
    InputError
        Where there is no checkpoint or baseline of the name to judge against, or several tasks and none is named.
    """
    found, images = Judged(), study.store.runs.images()
    states = images[(images["model"] != "") & (images["checkpoint"] != "")].groupby(["model", "checkpoint"])
    groups = {f"{model}/{name}": rows for (model, name), rows in states}
    asked = question.told(study)
    pending, otherwise = _pending(study, groups, asked)
    unknown: dict[str, dict[str, None]] = {}  # why, and the models, each once
    for name in list(pending):
        rows = groups[name]
        if (rows["prompt"] == "").all() or (rows["seed"] == "").any():
            why = _NO_SEEDS if (rows["seed"] == "").any() else _NO_PROMPTS
            unknown.setdefault(why, {})[str(rows["model"].iloc[0])] = None
            del pending[name]
    found.notes += [f"{listed(list(models))}: {why}" for why, models in unknown.items()]
    if not pending:
        return found
    checkpoints, due = Checkpoints(_as_items(images)), []
    for one in checkpoints.all:
        if str(one) in pending and (why := _must_wait(one, checkpoints, groups, question.against)):
            found.notes.append(why)
        elif str(one) in pending and not _is_unfinished(one, checkpoints, unfinished, question.against):
            due.append(one)
    if not due:
        return found
    found.notes += checkpoints.on_order(due)
    tables, values = study_tables(study, question.task, is_recorded=True), study.store.runs.values()
    tables.sets = sets
    judged_again = []
    for one in due:
        baseline = _baseline(one, study, tables, question.against)
        if baseline == str(one):
            continue
        state = pending[str(one)]
        names, constant = _that_vary(one, question.metrics, images, values)
        if constant:
            is_one = len(constant) == 1
            found.notes.append(
                f"{listed(constant)} {'is' if is_one else 'are'} the same on all images of {one.model}, so "
                f"{'it does' if is_one else 'they do'} not count."
            )
        record, notes = _gate(one, baseline, tables, names, _digest([str(one), json.dumps(asked), *state.values()]))
        found.notes += notes
        tell(record)
        settings = {"by": _BY} | asked | state
        study.store.runs.add_gate_run(record.candidate, record.baseline, record.verdict, settings, record.result)
        found.records.append(record)
        judged_again += [str(one)] if str(one) in otherwise else []
    if judged_again:
        verb = "was" if len(judged_again) == 1 else "were"
        found.notes.append(
            f"{listed(judged_again, most=3)} {verb} judged before, by other metrics or against another checkpoint; "
            "these are further gates on the same images."
        )
    return found


def _pending(
    study: Study, groups: Mapping[str, pd.DataFrame], asked: Mapping[str, Any]
) -> tuple[dict[str, dict[str, str]], set[str]]:
    """The checkpoints that were not asked this as they are now, each with the digests of its images and their values.

    And those of them that were judged as they are now, but asked something else.
    """
    runs = study.store.runs.gate_runs()
    judged: dict[tuple[str, str], str] = {}
    otherwise: set[tuple[str, str]] = set()
    for candidate, verdict, settings in zip(runs["candidate"], runs["verdict"], runs["settings"], strict=True):
        if settings.get("by") != _BY:
            continue
        state = candidate, settings["images"]
        if any(settings.get(name, "") != value for name, value in asked.items()):
            otherwise |= {state} if verdict != REFUSED else set()
        else:
            judged[state] = settings["values"] if verdict == REFUSED else _DONE
    states = {name: _digest(rows[_IMAGE]) for name, rows in groups.items() if (rows["kind"] != BASE).any()}
    new = {name: images for name, images in states.items() if judged.get((name, images)) != _DONE}
    if not new:
        return {}, set()
    values, pending = study.store.runs.values(), {}
    for name, state_of in new.items():
        of = _digest(values[values["image_id"].isin(groups[name]["image_id"])][_VALUE])
        if judged.get((name, state_of)) != of:
            pending[name] = {"images": state_of, "values": of}
    return pending, {name for name, images in new.items() if (name, images) in otherwise}


def _as_items(images: pd.DataFrame) -> pd.DataFrame:
    """The record's images as an items table, which tells checkpoints and their order."""
    known = {
        name: images[name].astype(object).where(images[name].notna(), "").astype(str) for name in ("step", "epoch")
    }
    return images.assign(item=images["image_id"].astype(str), **known)


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


def _is_unfinished(one: Checkpoint, checkpoints: Checkpoints, unfinished: Collection[str], against: str) -> bool:
    """Whether images of a checkpoint, or of what it is judged against, are still being written."""
    others = checkpoints.all
    if against == "previous":
        try:
            others = [checkpoints.previous(one)]
        except InputError:
            others = []
    return bool({str(each) for each in [one, *others]} & set(unfinished))


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


def _gate(
    one: Checkpoint, baseline: str, tables: StudyTables, metrics: Sequence[str], key: str
) -> tuple[GateRecord, list[str]]:
    """The record of a gate, and notes; where sets cannot be compared, the other metrics decide."""
    known = () if tables.sets is None else tables.sets.names
    others = [name for name in metrics if name not in known]
    notes: list[str] = []
    for names in [metrics, others] if 0 < len(others) < len(metrics) else [metrics]:
        try:
            found = tables.gate(str(one), baseline, names, option="metric")  # one that is named alone decides
        except InputError as error:
            reason = error.for_command_line()
            notes.append(f"{one} is judged by {listed(others)} alone: {reason}")
            continue
        settings = gate_settings(baseline, list(names), "", {}, False, tables.resampling)
        report = gate_report(found, tables, settings)
        told = report.candidate, report.baseline, report.verdict, report.sentence
        return GateRecord(*told, report.model_dump(), key), notes
    return GateRecord(str(one), baseline, REFUSED, f"{one} is not judged: {reason}", {"reason": reason}, key), []


def _digest(rows: pd.DataFrame | Sequence[str]) -> str:
    """What differs once any of these does; rows in whatever order."""
    if isinstance(rows, pd.DataFrame):
        rows = sorted(json.dumps([str(cell) for cell in row]) for row in rows.itertuples(index=False))
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()
