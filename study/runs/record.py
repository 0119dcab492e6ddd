"""What of a study the record of runs lacks: images by their content, scores, and scores of sets."""

import json
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from calibration.tables.checking import check_items
from calibration.tables.reading import read_table
from metrics.engine.images import MOST_BYTES
from metrics.engine.run import Progress, Silent
from metrics.errors import InputError
from metrics.files import digest_of
from metrics.text import counted
from study.folder.recorded_prompts import keep_prompts, plain_rows
from study.folder.study import ITEMS, Study
from study.store.run_cells import canonical, is_unknown, whole

SOURCE = "study"

_SETTLED_SECONDS = 3.0  # a file that is younger may be written again within the same tick of its clock
_SHOWN_FROM = 500  # files to read: fewer take no time
_DRAWN = ("recipe", "base", "scheduler")
"""Columns that `humangrade generate` writes; only beside them do others have its meaning."""
_RECIPE = ("lora_scale", "steps", "guidance", "width", "height", "scheduler", "clip_skip", "dtype", "base")
_AS_THEY_ARE = ("model", "checkpoint", "kind", "subject", "prompt", "negative", "group", "seed")
_COUNTS = {"epoch": "epoch", "training_images": "n_training_images"}
_OF_DRAWN = ("layers_in_file", "layers_applied", "width", "height")
_COMPARED = (
    *("path", "sha256", *_AS_THEY_ARE, "step", *_COUNTS.values(), "recipe", "checkpoint_file", "checkpoint_sha256"),
    *_OF_DRAWN[:2],
)
_NO_LONGER = "the study has no score of it any more"


Row = Mapping[str, Any]


@dataclass(frozen=True)
class Recorded:
    """What of a study was new to the record of runs.

    Attributes
    ----------
    images : int
        New images; a new description of an image that was there counts too.
    values, set_values : int
        New or changed values.
    removed : int
        Items that are none of the study's any more.
    notes : tuple of str
        What a reader of the figures should know.
    """

    images: int = 0
    values: int = 0
    set_values: int = 0
    removed: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Known:
    """What counts in the record of runs, as `RunStore` gives it."""

    images: pd.DataFrame
    values: pd.DataFrame
    set_values: pd.DataFrame
    places: pd.DataFrame


@dataclass(frozen=True)
class New:
    """What the record of runs lacks of a study, as `RunStore` takes it, and what it has."""

    images: pd.DataFrame
    values: pd.DataFrame
    set_values: pd.DataFrame
    gone: list[str]
    notes: list[str]
    record: Known

    def __bool__(self) -> bool:
        return bool(len(self.images) or len(self.values) or len(self.set_values) or self.gone)


def record_study(study: Study, prompts: Mapping[str, str] | None = None, progress: Progress | None = None) -> Recorded:
    """Take what is new in a study into its record of runs; the study may be served meanwhile.

    Only what is new is written, and only files are read whose size or time of change differ from when they were read.

    Parameters
    ----------
    study : Study
        An opened study that can be written.
    prompts : mapping of str to str, optional
        By item, where `humangrade track` learnt them of a trainer's file; they stay known. What items.csv says wins.
    progress : Progress, optional
        Told of every file that is read.

    Returns
    -------
    Recorded

    Raises
    ------
    InputError
        For a step that is no whole number.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image
    >>> from study import create_study
    >>> with TemporaryDirectory() as place:
    ...     (Path(place) / "anna" / "300").mkdir(parents=True)
    ...     Image.new("RGB", (32, 32), "white").save(Path(place) / "anna" / "300" / "a.png")
    ...     study = create_study(Path(place) / "study", place, tasks=["aesthetic"], evaluators=["ann"])
    ...     record_study(study).images, record_study(study).images
    ...     study.store.runs.checkpoints()[["model", "checkpoint", "step"]].values.tolist()
    ...     study.close()
    (1, 0)
    [['anna', '300', 300]]
    """
    new, runs = find_new(study, prompts=prompts, progress=progress), study.store.runs
    images = runs.add_images(new.images, SOURCE)
    removed = runs.remove_items(new.gone)
    return Recorded(images, runs.add_values(new.values), runs.add_set_values(new.set_values), removed, tuple(new.notes))


def find_new(
    study: Study,
    read_files: bool = True,
    prompts: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> New:
    """What the record of runs lacks of a study.

    Parameters
    ----------
    study : Study
    read_files : bool
        Read the files that are new or changed; without that their contents are taken for unknown, and as they were.
    prompts, progress
        See `record_study`.

    Raises
    ------
    InputError
        For a step that is no whole number.
    """
    rows = plain_rows(study.items)
    told, notes = image_rows(study, rows)
    runs = study.store.runs
    record = Known(runs.images(), runs.values(), runs.set_values(), runs.places())
    known = {row["item"]: row for row in plain_rows(record.images) if row["item"]}
    places = {row["item"]: row for row in plain_rows(record.places) if row["item"]}
    keep_prompts(told, known, prompts or {})
    unread = _add_contents(study, told, places, read_files, progress or Silent())
    if unread:
        notes.append(
            f"{counted(unread, 'image file')} of the study cannot be read, so what is in "
            f"{'it' if unread == 1 else 'them'} is not recorded."
        )
    changed = [row for row in told if _differs(row, known.get(row["item"]), places.get(row["item"]), read_files)]
    scores, values = study.scores(), record.values
    stale = _stale(scores, values, changed, known)
    if stale:
        notes.append(
            f"Since the last record {counted(len(stale), 'image')} changed, the first: '{stale[0]}', while the scores "
            "stayed; humangrade score makes them anew."
        )
    others = values[~values["item"].isin([row["item"] for row in changed])]
    new_values = _new_values(scores, others, {row["item"] for row in told})
    sets = _new_set_values(study.set_scores(), record.set_values, told)
    return New(pd.DataFrame(changed), new_values, sets, _gone(study, places), notes, record)


def image_rows(study: Study, rows: Sequence[Row]) -> tuple[list[dict[str, Any]], list[str]]:
    """What items.csv says of each image, as the record takes it, without contents; and what is to be known.

    A checkpoint without a step whose name is a whole number has that as its step.

    Raises
    ------
    InputError
        For a step that is no whole number.
    """
    is_drawn = all(name in study.items.columns for name in _DRAWN)
    with_step = {_checkpoint(row) for row in rows if not is_unknown(row.get("step"))}
    notes, left_out = [], dict.fromkeys(_COUNTS, 0)
    found = []
    for row in rows:
        told: dict[str, Any] = {"item": row["item"], "path": row["image"]}
        told |= {name: row.get(name, "") for name in _AS_THEY_ARE}
        told["step"] = _step(study, row, _checkpoint(row) in with_step)
        for name, called in _COUNTS.items():
            try:
                told[called] = whole(row.get(name), name)
            except InputError:
                told[called] = None
                left_out[name] += 1
        told |= {"checkpoint_file": row.get("file", "") if is_drawn else ""}
        told |= {"checkpoint_sha256": row.get("lora_sha256", "") if is_drawn else ""}
        told |= {name: whole(row.get(name), name) if is_drawn else None for name in _OF_DRAWN}
        told["recipe"] = recipe_text(row) if is_drawn else ""
        found.append(told)
    for name, count in left_out.items():
        if count:
            notes.append(
                f"In {counted(count, 'row')} of {ITEMS} the column {name} holds what is no whole number; the record "
                "leaves it out."
            )
    return found, notes


def _step(study: Study, row: Row, is_told: bool) -> int | None:
    try:
        step = whole(row.get("step"), "step")
    except InputError:
        raise InputError(
            f"{study.folder / ITEMS}: the item '{row['item']}' has the step '{row['step']}', and a step is a whole "
            "number; correct it, or leave it empty where the checkpoint's name is the step."
        ) from None
    if step is not None or is_told or row.get("kind") == "base":
        return step
    try:
        return whole(row.get("checkpoint"), "step")
    except InputError:
        return None


def _checkpoint(row: Row) -> tuple[str, str]:
    return row.get("model", ""), row.get("checkpoint", "")


def recipe_text(row: Row) -> str:
    """How an image was drawn, but for its checkpoint, prompt and seed, with the digest of all of it."""
    known = {name: row[name] for name in _RECIPE if row.get(name)}
    known |= {"identity": row["recipe"]} if row.get("recipe") else {}
    return canonical(json.dumps(known)) if known else ""


def _add_contents(
    study: Study,
    told: Sequence[dict[str, Any]],
    places: Mapping[str, dict[str, Any]],
    read_files: bool,
    progress: Progress,
) -> int:
    """Add each file's sha256, size and time; those that are as they were when they were recorded are not read.

    Returns how many could not be read.
    """
    to_read: list[tuple[Path, dict[str, Any]]] = []
    for row in told:
        path, was = study.folder / str(row["path"]), places.get(str(row["item"]), {})
        row["sha256"] = was.get("sha256") or ""
        row |= {"size": was.get("size"), "mtime_ns": was.get("mtime_ns")}
        try:
            stat = os.stat(path)  # noqa: PTH116 (Path.stat raises for long paths)
        except (OSError, ValueError):
            to_read += [] if row["sha256"] else [(path, row)]
            continue
        as_it_was = (was.get("size"), was.get("mtime_ns")) == (stat.st_size, stat.st_mtime_ns)
        if not (as_it_was and row["sha256"]):
            is_settled = abs(time.time() - stat.st_mtime) > _SETTLED_SECONDS
            row |= {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns if is_settled else None}
            to_read.append((path, row))
    if not read_files:
        return 0
    if len(to_read) >= _SHOWN_FROM:
        progress.start("Reading files", len(to_read))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        contents = pool.map(_content, [path for path, _ in to_read])
        for (_, row), content in zip(to_read, contents, strict=True):
            row["sha256"] = content
            if len(to_read) >= _SHOWN_FROM:
                progress.advance(1)
    return sum(not row["sha256"] for _, row in to_read)


def _content(path: Path) -> str:
    try:
        return digest_of(path, MOST_BYTES)
    except OSError:
        return ""


def _differs(row: Row, known: Row | None, place: Row | None, with_stat: bool) -> bool:
    if known is None or place is None or any(row[name] != known[name] for name in _COMPARED):
        return True
    return with_stat and any(row[name] != place[name] for name in ("size", "mtime_ns"))


def _stale(scores: pd.DataFrame, known: pd.DataFrame, changed: Sequence[Row], before: Mapping[str, Row]) -> list[str]:
    """Items whose content is another than was recorded, and a score the same."""
    was = {row["item"]: before[row["item"]]["sha256"] for row in changed if row["item"] in before}
    other = [row["item"] for row in changed if was.get(row["item"]) and row["sha256"] != was[row["item"]]]
    both = scores[scores["item"].isin(other)].merge(known, on=["item", "metric"])
    return sorted(both["item"][both["score_x"] == both["score_y"]].unique())


def _new_values(scores: pd.DataFrame, known: pd.DataFrame, items: set[str]) -> pd.DataFrame:
    """Scores that the record has not, or otherwise, and the end of those that were left out when a metric came anew."""
    scores = scores[scores["item"].isin(items)]
    both = scores.merge(known, on=["item", "metric"], how="outer", suffixes=("", "_known"), indicator="where")
    is_same = (both["score"] == both["score_known"]) | (both["score"].isna() & both["score_known"].isna())
    for name in ("signature", "note"):
        is_same &= both[name] == both[f"{name}_known"]
    new = both[(both["where"] != "right_only") & ~is_same]
    left_out = (both["where"] == "right_only") & both["score_known"].notna() & both["item"].isin(items)
    ended = both[left_out & both["metric"].isin(scores["metric"].unique())]
    ended = ended.assign(score=float("nan"), signature="", note=_NO_LONGER)
    columns = ["item", "metric", "score", "signature", "note"]
    return pd.concat([new[columns], ended[columns]], ignore_index=True) if len(ended) else new[columns]


def _new_set_values(sets: pd.DataFrame, known: pd.DataFrame, told: Sequence[Row]) -> pd.DataFrame:
    """Scores of whole checkpoints that the record has not, or otherwise; those of single prompts stay in the study."""
    pairs = dict.fromkeys((str(row["model"]), str(row["checkpoint"])) for row in told)
    named = {"/".join(filter(None, pair)) or "all": pair for pair in pairs}
    sets = sets[sets["set"].isin(named)]
    table = sets.drop(columns="set").assign(
        model=[named[name][0] for name in sets["set"]], checkpoint=[named[name][1] for name in sets["set"]], group=""
    )
    table = table.assign(note=table["note"].fillna(""))
    if table.empty:
        return table
    keys, figures = ["model", "checkpoint", "group", "metric"], ["score", "low", "high", "n"]
    both = table.merge(known[[*keys, *figures, "signature", "note"]], on=keys, how="left", suffixes=("", "_known"))
    is_same = pd.Series(True, index=both.index)
    for name in figures:
        mine, theirs = (pd.to_numeric(both[each]).astype(float) for each in (name, f"{name}_known"))
        is_same &= (mine == theirs) | (mine.isna() & theirs.isna())
    for name in ("signature", "note"):
        is_same &= both[name] == both[f"{name}_known"]
    return both.loc[~is_same, [*keys, *figures, "signature", "note"]]


def _gone(study: Study, places: Mapping[str, Any]) -> list[str]:
    """Recorded items that items.csv has no more; it is read again, for an opened study may be old."""
    gone = set(places) - set(study.items["item"])
    if gone:
        raw, source = read_table(study.folder / ITEMS)
        gone -= set(check_items(raw, source.path).frame["item"])
    return sorted(gone)
