"""Runs between a study's record and trackers, both ways.

What is exported is there again when it is imported into another study: see `study.runs.trackers.manifest`. Runs that
others logged give their curves and pictures; a picture's caption, or else its key, is its prompt, and without a seed
it counts for trends and galleries alone.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from metrics.errors import InputError
from metrics.files import make_folders, not_written
from metrics.text import counted, listed, quoted
from study.folder.serving_lock import only_one
from study.folder.study import Study
from study.generation.file_names import safe_name
from study.generation.layouts import checkpoint_name
from study.runs.record import record_study
from study.runs.trackers import manifest as kept
from study.runs.trackers.earlier import digest_of
from study.runs.trackers.export import Export
from study.runs.trackers.packages import refuse_missing
from study.runs.trackers.plain import plain_name, plain_settings, plain_text
from study.runs.trackers.run_names import id_of, names_for, source_of
from study.runs.trackers.stored import Content, content_of, stored
from study.runs.types import RECORD, Exported, Scalar, TrackedImage, TrackedRun

Tracker = Literal["mlflow", "tensorboard", "wandb", "trackio"]
_NUMBERED = re.compile(r"(\d+): (.+)", re.DOTALL)  # captions of diffusers' examples
_STEPS = range(-(2**63), 2**63)
_NAMED = 5
_LOCK = ".exporting"


@dataclass
class Imported:
    """What an import added.

    Attributes
    ----------
    runs : list of str
        Those that were taken over.
    known : list of str
        Those that were imported before, as they are.
    scalars, images, values : int
        How many were new.
    notes : list of str
        What is to be known of them.
    """

    runs: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    scalars: int = 0
    images: int = 0
    values: int = 0
    notes: list[str] = field(default_factory=list)


def read_tracker(tracker: Tracker, source: str | Path) -> list[TrackedRun]:
    """The runs that a tracker holds; see the `read` of its module in `study.runs.trackers`."""
    found: list[TrackedRun] = import_module(f"study.runs.trackers.{tracker}").read(source)
    return found


def write_tracker(tracker: Tracker, runs: Sequence[TrackedRun], place: str | Path) -> Exported:
    """Write runs as a tracker holds them, what is there as it is now not again; see the `write` of its module.

    Raises
    ------
    InputError
        Where they cannot be written, or another process exports into the place.
    """
    refuse_missing(tracker)
    place = Path(place)
    try:
        make_folders(place)
    except OSError as error:
        raise not_written(place, error) from error
    taken = "is being exported into by another process; wait for its end"
    with only_one(place / _LOCK, lambda: taken, "so nothing can be exported; choose another place"):
        done: Exported = import_module(f"study.runs.trackers.{tracker}").write(runs, place)
    return done


def import_runs(study: Study, runs: Sequence[TrackedRun], advance: Callable[[int], None] = lambda _: None) -> Imported:
    """Take runs over into a study's record; what was imported before is passed over.

    Parameters
    ----------
    study : Study
    runs : sequence of TrackedRun
    advance : callable
        Called with 1 after each run.

    Returns
    -------
    Imported
        An export of ours that was stopped is none of its runs, and a note says so.

    Raises
    ------
    InputError
        Where a run cannot be taken over; those before it are.
    """
    done = Imported()
    record_study(study)  # what is its own is known again by its content
    done.notes += [
        f"{run.name}: not all of what was exported is there, so the run is left out; export it again into that place."
        for run in runs
        if run.mark is not None and not run.mark.is_whole
    ]
    whole = [run for run in runs if run.mark is None or run.mark.is_whole]
    runs = [replace(run, config=plain_settings(run.config)) for run in whole]
    for run, name in zip(runs, names_for(study, runs), strict=True):
        _import(study, run, name, done)
        done.notes += run.notes
        advance(1)
    if any(not one.seed for run in runs if RECORD not in run.config for one in run.images):
        done.notes.append(
            "Pictures without a seed differ in their noise from step to step: they count for trends and galleries, "
            "not for gate and best."
        )
    return done


def _import(study: Study, run: TrackedRun, name: str, done: Imported) -> None:
    record = study.store.runs
    manifest = kept.manifest_of(run)
    contents = [content_of(image) for image in run.images]
    digest = digest_of(run, [content.sha256 for content in contents])
    if record.is_imported(run.source, id_of(run), digest):
        done.known.append(name)
        return
    source = source_of(run)
    config = {key: value for key, value in run.config.items() if key != RECORD}
    about: dict[str, Any] = {"model": name, "config": json.dumps(config) if config else ""}
    if manifest is not None:
        about |= {"subject": manifest.subject, "n_training_images": manifest.n_training_images}
        about["config"] = json.dumps(config) if manifest.has_config else ""
        source = manifest.source
    if not _is_described(record.runs(), about):
        record.add_runs(pd.DataFrame([about]), source)
    if manifest is None:
        done.images += _add_foreign(study, run, name, contents, done.notes, source)
        done.scalars += _add_scalars(study, name, [(one, one.name, source) for one in run.scalars], done.notes)
    else:
        _add_own(study, run, name, contents, manifest, done)
    record.add_import(run.source, id_of(run), digest)
    done.runs.append(name)


def _is_described(runs: pd.DataFrame, about: dict[str, Any]) -> bool:
    """Whether the record says all of this of a run."""
    known = runs[runs["model"] == about["model"]].to_dict("records")
    if not known:
        return False
    same = {
        name: known[0][name] == value for name, value in about.items() if name != "config" and value not in (None, "")
    }
    return all(same.values()) and _parsed(known[0]["config"]) == _parsed(about["config"])


def _parsed(text: str) -> Any:
    return json.loads(text) if text else None


def _add_scalars(study: Study, run: str, scalars: Sequence[tuple[Scalar, str, str]], notes: list[str]) -> int:
    """Add points of curves, each with its name and whose word it is; gives how many were new."""
    by_source: dict[str, list[tuple[str, str, int, float, str]]] = {}
    beyond = 0
    for one, name, source in scalars:
        if one.step not in _STEPS:
            beyond += 1
            continue
        row = (run, plain_name(name), one.step, one.value, plain_name(one.axis))
        by_source.setdefault(source, []).append(row)
    if beyond:
        notes.append(f"{run}: {counted(beyond, 'value')} beyond any step that a database holds are left out.")
    return sum(
        study.store.runs.add_scalars(pd.DataFrame(rows, columns=["model", "metric", "step", "value", "axis"]), source)
        for source, rows in by_source.items()
    )


def _add_foreign(
    study: Study, run: TrackedRun, name: str, contents: Sequence[Content], notes: list[str], source: str
) -> int:
    """Add pictures that somebody else logged."""
    several = {one.key for one in run.images if one.index > 0}
    rows, unusable = [], {}
    for image, content in zip(run.images, contents, strict=True):
        if content.trouble or image.step not in _STEPS:
            unusable[f"{image.key} at step {image.step}"] = content.trouble or "is at no step that a database holds"
            continue
        checkpoint = checkpoint_name(image.step, None)
        stem = f"{image.key}_{image.index}" if image.key in several else image.key
        path = stored(study.folder, name, checkpoint, stem, image, content)
        prompt = _prompt(image, image.key in several)
        rows.append(
            {"model": name, "checkpoint": checkpoint, "step": image.step, "prompt": prompt, "path": path}
            | {"seed": "" if image.seed is None else str(image.seed), "sha256": content.sha256}
            | {"width": content.size[0], "height": content.size[1]}
        )
    _say_unusable(name, unusable, notes)
    return study.store.runs.add_images(pd.DataFrame(rows), source) if rows else 0


def _prompt(image: TrackedImage, is_one_of_several: bool) -> str:
    """The prompt of a picture that somebody else logged: its caption, or what it is filed under."""
    caption = plain_text(image.caption).strip()
    found = _NUMBERED.fullmatch(caption)
    if found is not None and int(found[1]) == image.index:
        return found[2].strip()
    return caption or (f"{plain_text(image.key)} [{image.index}]" if is_one_of_several else plain_text(image.key))


def _say_unusable(name: str, unusable: dict[str, str], notes: list[str]) -> None:
    if unusable:
        told = listed([f"{what} {why}" for what, why in unusable.items()], most=_NAMED)
        notes.append(f"{name}: {counted(len(unusable), 'picture')} left out: {told}.")


def _add_own(
    study: Study, run: TrackedRun, name: str, contents: Sequence[Content], manifest: kept.Manifest, done: Imported
) -> None:
    """Add a run that was exported from a record: all that was recorded of it."""
    record = study.store.runs
    numbers = _add_own_images(study, run, name, contents, manifest, done)
    curves: dict[tuple[str, int], float] = {}
    for one in run.scalars:
        curves.setdefault((one.name, one.step), one.value)
    lacking = 0
    rows: list[dict[str, Any]] = []
    for value in manifest.values:
        at = manifest.checkpoints[manifest.images[value.image].checkpoint].at
        number = numbers.get(value.image)
        if number is None or (value.curve is not None and (value.curve, at) not in curves):
            lacking += 1
            continue
        score = None if value.curve is None else curves[value.curve, at]
        signature = manifest.signatures[value.signature]
        rows.append({"image_id": number, "metric": value.metric, "score": score, "signature": signature})
        rows[-1]["note"] = value.note
    done.values += record.add_values(pd.DataFrame(rows)) if rows else 0
    rows = []
    for each in manifest.sets:
        checkpoint = manifest.checkpoints[each.checkpoint]
        told = {"score": each.curve, "low": f"{each.curve}/low" if each.has_low else None}
        told |= {"high": f"{each.curve}/high" if each.has_high else None}
        found = {what: None if curve is None else curves.get((curve, checkpoint.at)) for what, curve in told.items()}
        if each.curve is not None and found["score"] is None:
            lacking += 1
            continue
        rows.append({"model": name, "checkpoint": checkpoint.name, "group": each.group, "metric": each.metric})
        rows[-1] |= {"n": each.n, "note": each.note, "signature": manifest.signatures[each.signature], **found}
    done.values += record.add_set_values(pd.DataFrame(rows)) if rows else 0
    theirs = {(one.name, one.axis): (one.metric, one.source) for one in manifest.curves}
    scalars = [(one, *theirs[one.name, one.axis]) for one in run.scalars if (one.name, one.axis) in theirs]
    done.scalars += _add_scalars(study, name, scalars, done.notes)
    if lacking:
        done.notes.append(f"{name}: {counted(lacking, 'value')} that the export named are not in it any more.")


def _add_own_images(
    study: Study, run: TrackedRun, name: str, contents: Sequence[Content], manifest: kept.Manifest, done: Imported
) -> dict[int, int]:
    """Add the pictures of a run that was exported; gives the record's number of each by the manifest's."""
    record = study.store.runs
    pictures = {
        (one.key, one.index, one.step): (one, content) for one, content in zip(run.images, contents, strict=True)
    }
    known = _numbered(record.images())
    rows, unusable, paths = [], {}, {}
    numbers: dict[int, int] = {}
    for number, image in enumerate(manifest.images):
        checkpoint = manifest.checkpoints[image.checkpoint]
        prompt = manifest.prompts[image.prompt]
        recipe = "" if image.recipe is None else manifest.recipes[image.recipe]
        told = (prompt.text, prompt.negative, prompt.group, image.seed, recipe, image.sha256)
        there = known.get((name, checkpoint.name, *told))
        if there is not None:
            numbers[number] = there
            continue
        found, content = pictures.get((image.key, image.index, checkpoint.at), (None, Content(trouble="is not there")))
        if found is None or content.trouble:
            unusable[f"{image.key} of {checkpoint.name}"] = content.trouble
            continue
        stem = f"{image.key}_s{safe_name(image.seed)}" if image.seed else f"{image.key}_i{image.index}"
        paths[number] = stored(study.folder, name, checkpoint.name, stem, found, content)
        rows.append(
            {"model": name, "subject": manifest.subject, "n_training_images": manifest.n_training_images}
            | {"checkpoint": checkpoint.name, "step": checkpoint.step, "epoch": checkpoint.epoch}
            | {"kind": checkpoint.kind, "checkpoint_file": checkpoint.file, "checkpoint_sha256": checkpoint.sha256}
            | {"layers_in_file": checkpoint.layers_in_file, "layers_applied": checkpoint.layers_applied}
            | dict(zip(("prompt", "negative", "group", "seed", "recipe", "sha256"), told, strict=True))
            | {"path": paths[number], "width": image.width, "height": image.height, "sha256": content.sha256}
        )
    done.images += record.add_images(pd.DataFrame(rows), manifest.source) if rows else 0
    _say_unusable(name, unusable, done.notes)
    if paths:
        standing = record.places()
        at = dict(zip(standing["path"], standing["image_id"], strict=True))
        numbers |= {number: int(at[path]) for number, path in paths.items()}
    return numbers


_TOLD = ("prompt", "negative", "group", "seed", "recipe", "sha256")


def _numbered(images: pd.DataFrame) -> dict[tuple[Any, ...], int]:
    """The record's images by all that tells them apart."""
    columns = ["model", "checkpoint", *_TOLD]
    rows = images[columns].itertuples(index=False, name=None)
    return dict(zip(rows, map(int, images["image_id"]), strict=True))


def export_runs(study: Study, names: Sequence[str] = ()) -> tuple[list[TrackedRun], list[str]]:
    """A study's runs as trackers take them: their settings, curves, pictures by prompt and step, and values.

    A picture's key is its prompt's number (p000), and its values are the curve images/METRIC/p000_s42; those of sets
    are sets/METRIC, with /low, /high and /n. A curve METRIC/mean is of the pictures of each checkpoint.

    Parameters
    ----------
    study : Study
    names : sequence of str
        Which; all where none is named.

    Returns
    -------
    runs : list of TrackedRun
    notes : list of str
        On pictures that are not there any more.

    Raises
    ------
    InputError
        Where the record has no such run, or none at all.
    """
    record, notes = study.store.runs, []
    if study.store.is_read_only:
        notes.append(f"{study.folder} is only read, so what is new in it since it was recorded is not exported.")
    else:
        notes += record_study(study).notes
    runs = record.runs()
    runs = runs[runs["model"] != ""]  # images of no model
    known = list(runs["model"])
    unknown = [name for name in names if name not in known]
    if unknown or not known:
        there = f"it has {listed(quoted(known), most=20)}" if known else "it has none"
        raise InputError(
            f"The record of {study.folder} has no run{f' {unknown[0]!r}' if unknown else ''}; {there}. Runs come from "
            "the columns model and checkpoint of items.csv, from humangrade track and from humangrade runs import."
        )
    tables = {
        "images": record.images(),
        "values": record.values(),
        "sets": record.set_values(),
        "scalars": record.scalars(),
        "checkpoints": record.checkpoints(),
    }
    tables["values"] = tables["values"].merge(tables["images"][["image_id", "model"]], on="image_id")
    found = []
    for row in runs.to_dict("records"):
        if not names or row["model"] in names:
            own = {what: table[table["model"] == row["model"]] for what, table in tables.items()}
            found.append(Export(study.folder.absolute(), row, own, notes).run())  # trackers work in another folder
    return found, notes
