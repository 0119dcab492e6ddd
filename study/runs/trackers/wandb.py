"""Weights & Biases: offline runs, read from their log and written by its own client without a network.

A run's log (.wandb) is a LevelDB log of protobuf records. Since W&B 0.31 its package has no reader of it any more.
"""

import json
import os
import shutil
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from metrics.errors import InputError
from metrics.files import parse_json, read_regular_file, reason, write_atomically
from study.runs.trackers.earlier import Earlier, plan
from study.runs.trackers.kept import FILE, MOST_KEPT, Written, mark_in, number_of, restored, visible
from study.runs.trackers.packages import apart
from study.runs.trackers.pictures import inside, numbered, picture_bytes, suffix_of
from study.runs.trackers.plain import plain_settings
from study.runs.types import Exported, Mark, Scalar, TrackedImage, TrackedRun

_HEAD = struct.Struct("<4sHB")  # the log's: its name, a number, a version
_BLOCK = 32_768
_PIECE = struct.Struct("<IHB")  # of a record: checksum, length, kind
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
MOST_RECORD = 268_435_456  # bytes
_MARK = "humangrade_mark.json"
_MOST_MARK = 1000  # bytes
_MOST_DEEP = 100  # names within names
_STEP = "humangrade/step"  # the axis of what we write, since W&B's own steps cannot repeat
_AXIS = "humangrade/step/"  # and of curves with an axis of their own


@dataclass
class _Log:
    """What a run's log holds."""

    run_id: str = ""
    name: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    axes: dict[str, str] = field(default_factory=dict)
    globs: list[tuple[str, str]] = field(default_factory=list)
    rows: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    is_ended: bool = False

    def axis(self, name: str) -> str:
        """The metric by which a metric goes, as define_metric says; "" where it says nothing."""
        if name in self.axes:
            return self.axes[name]
        return next((axis for start, axis in self.globs if name.startswith(start) and name != axis), "")


def read(source: str | Path) -> list[TrackedRun]:
    """The runs in a .wandb file, in a run's folder, or in a folder of runs (wandb/offline-run-*).

    Parameters
    ----------
    source : str or Path

    Returns
    -------
    list of TrackedRun

    Raises
    ------
    InputError
        Where there are none, or a file is none of W&B's.
    """
    top = Path(source)
    if not top.exists():
        raise InputError(f"{top} is not there; name a .wandb file, or the folder wandb of a training.")
    found: list[TrackedRun] = apart("wandb", "wandb:read_here", str(top.resolve()))
    return found


def write(runs: Sequence[TrackedRun], place: str | Path) -> Exported:
    """Write the runs as offline runs below PLACE/wandb, which `wandb sync` sends where it is wanted.

    The folder of an older export of a run, or of one that was stopped, is removed; what was sent of it stays.

    Parameters
    ----------
    runs : sequence of TrackedRun
    place : str or Path

    Returns
    -------
    Exported

    Raises
    ------
    InputError
        Where they cannot be written.
    """
    done: Exported = apart("wandb", "wandb:write_here", (list(runs), str(Path(place).resolve())))
    return done


def read_here(source: str) -> list[TrackedRun]:
    """As `read`, in this process."""
    top = Path(source)
    if top.is_file():
        files = [top]
    else:
        files = sorted(path for path in top.rglob("run-*.wandb") if path.is_file() and not path.is_symlink())
    if not files:
        raise InputError(f"{top} holds no .wandb file; name the folder wandb of a training that ran offline.")
    found: dict[str, TrackedRun] = {}
    for path in files:
        run = _read_log(path)
        before = found.get(run.external_id)
        if before is not None:  # resumed: the same run in another folder
            run = replace(
                run,
                scalars=before.scalars + run.scalars,
                images=numbered(before.images + run.images),
                notes=before.notes + run.notes,
            )
        found[run.external_id] = run
    return list(found.values())


def _read_log(path: Path) -> TrackedRun:
    from google.protobuf.message import DecodeError
    from wandb.proto import wandb_internal_pb2 as messages

    log = _Log()
    try:
        for body in _records(path, log.notes):
            _take(messages.Record.FromString(body), log)
    except DecodeError:
        log.notes.append(f"{path} is damaged in a record; what stands before it is read.")
    except OSError as error:
        raise InputError(f"{path} cannot be read ({reason(error)}); check the folder.") from error
    if not log.is_ended and not log.notes:
        log.notes.append(f"{path} has no record of its end: the run still writes, or was killed.")
    run_id = log.run_id or path.stem.removeprefix("run-")
    scalars, images = _logged(log, path.parent / "files")
    run = TrackedRun(
        log.name or run_id,
        log.config,
        tuple(scalars),
        numbered(images),
        "wandb",
        run_id,
        tuple(dict.fromkeys(log.notes)),
    )
    run = restored(run, _kept(path))
    ours = _mark(path)
    return run if ours is None else replace(run, mark=replace(ours, is_whole=log.is_ended and ours.is_whole))


def _kept(log: Path) -> str | None:
    """What an export of ours has written beside a log, after its end."""
    path = inside(log.parent / "files", FILE)
    return None if path is None else read_regular_file(path, MOST_KEPT).decode(errors="replace")


def _mark(log: Path) -> Mark | None:
    """The mark of an export of ours, which stands beside a log before anything is in it."""
    path = inside(log.parent, _MARK)
    try:
        told = None if path is None else parse_json(read_regular_file(path, _MOST_MARK).decode())
        return None if told is None else Mark(str(told["run"]), str(told["sha256"]), mark_in(_kept(log)) is not None)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _earlier(folder: Path) -> Iterator[Earlier]:
    """The exports of ours among the runs in a folder, in the order in which they were begun."""
    for path in sorted(folder.glob("wandb/offline-run-*/run-*.wandb")):
        if mark := _mark(path):
            yield Earlier(str(path.parent), mark)


def _records(path: Path, notes: list[str]) -> Iterator[bytes]:
    """The records of a log, put together of their pieces; ends with a note where the file is cut off or damaged."""
    with path.open("rb") as file:
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size or _HEAD.unpack(head)[0] != b":W&B":
            raise InputError(f"{path} is no log of W&B: it does not begin as one; name a .wandb file.")
        size = path.stat().st_size
        at = _HEAD.size
        parts: list[bytes] = []
        while at < size:
            left = _BLOCK - at % _BLOCK
            if left < _PIECE.size:  # the end of a block is filled with zeros
                at += left
                file.seek(at)
                continue
            piece = file.read(_PIECE.size)
            check, length, kind = _PIECE.unpack(piece) if len(piece) == _PIECE.size else (0, 0, _FULL)
            if kind == 0 and length == 0 and len(piece) == _PIECE.size:
                at += left
                file.seek(at)
                continue
            body = file.read(length)
            if len(piece) < _PIECE.size or len(body) < length:
                break
            if (
                kind not in (_FULL, _FIRST, _MIDDLE, _LAST)
                or length > left - _PIECE.size
                or zlib.crc32(body, zlib.crc32(bytes([kind]))) != check
                or (kind in (_MIDDLE, _LAST)) != bool(parts)
                or sum(map(len, parts)) + length > MOST_RECORD
            ):
                notes.append(f"{path} is damaged at byte {at:,}; what stands before it is read.")
                return
            at += _PIECE.size + length
            parts.append(body)
            if kind in (_FULL, _LAST):
                yield b"".join(parts)
                parts = []
        else:
            if not parts:
                return
    notes.append(f"{path} is cut off within its last record: the run still writes, or was killed.")


def _take(record: Any, log: _Log) -> None:
    """Put one record where it belongs."""
    kind = record.WhichOneof("record_type")
    if kind == "run":
        log.run_id, log.name = record.run.run_id or log.run_id, record.run.display_name or log.name
        _update(log.config, record.run.config)
    elif kind == "config":
        _update(log.config, record.config)
    elif kind == "metric" and record.metric.step_metric:
        if record.metric.glob_name:
            log.globs.append((record.metric.glob_name.rstrip("*"), record.metric.step_metric))
        else:
            log.axes[record.metric.name] = record.metric.step_metric
    elif kind == "history":
        row: dict[str, Any] = {}
        for item in record.history.item:
            _put(row, list(item.nested_key) or [item.key], item.value_json)
        step = number_of(row.get("_step"))
        is_whole = step is not None and step.is_integer()
        log.rows.append((int(step) if step is not None and is_whole else int(record.history.step.num), row))
    elif kind == "exit":
        log.is_ended = True


def _update(config: dict[str, Any], given: Any) -> None:
    for item in given.update:
        if item.key != "_wandb" and list(item.nested_key)[:1] != ["_wandb"]:
            _put(config, list(item.nested_key) or [item.key], item.value_json)
    for item in given.remove:
        config.pop(item.key, None)


def _put(into: dict[str, Any], keys: list[str], text: str) -> None:
    if len(keys) > _MOST_DEEP:
        return
    try:
        value = parse_json(text)
    except ValueError:
        return
    if isinstance(value, dict | list):
        value = plain_settings({"": value})[""]
    for key in keys[:-1]:
        inner = into.setdefault(key, {})
        if not isinstance(inner, dict):
            return
        into = inner
    into[keys[-1]] = value


def _logged(log: _Log, files: Path) -> tuple[list[Scalar], list[TrackedImage]]:
    """The curves and pictures of all rows, on the axis that define_metric gave them."""
    scalars: list[Scalar] = []
    images: list[TrackedImage] = []
    fractional = _with_fractions(log)
    missing = 0
    for own_step, row in log.rows:
        for name, value in _leaves(row):
            if name.startswith("_") or name == _STEP or name.startswith(_AXIS):
                continue
            step, axis = own_step, log.axis(name)
            place = number_of(_at(row, axis)) if axis and axis not in fractional else None
            if place is None:
                axis = ""
            else:
                step, axis = int(place), "" if axis == _STEP else axis.removeprefix(_AXIS)
            if isinstance(value, dict):
                pictures, lost = _pictures(name, step, value, files)
                images += pictures
                missing += lost
            elif (number := number_of(value)) is not None:
                scalars.append(Scalar(name, step, number, axis))
    for axis in sorted(fractional):
        log.notes.append(f"{log.name}: what goes by {axis}, which has fractions, stands on W&B's own steps.")
    if missing:
        log.notes.append(f"{log.name}: {missing} pictures that the log names are not in the run's folder.")
    return scalars, images


def _with_fractions(log: _Log) -> set[str]:
    """The axes on which some value is no whole number, so that they are none for a curve's steps."""
    found = set()
    for axis in {*log.axes.values(), *(axis for _, axis in log.globs)}:
        places = (number_of(_at(row, axis)) for _, row in log.rows)
        if not all(place.is_integer() for place in places if place is not None):
            found.add(axis)
    return found


def _leaves(row: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in row.items():
        if isinstance(value, dict) and "_type" not in value:
            yield from _leaves(value, f"{before}{key}.")
        else:
            yield before + key, value


def _at(row: dict[str, Any], name: str) -> Any:
    if name in row:
        return row[name]
    return next((value for key, value in _leaves(row) if key == name), None)


def _pictures(key: str, step: int, value: dict[str, Any], files: Path) -> tuple[list[TrackedImage], int]:
    """The pictures of a medium, and how many of them are not there; the step is the record's, names carry another."""
    if value.get("_type") == "images/separated":
        names, captions = value.get("filenames"), value.get("captions")
    elif value.get("_type") == "image-file":
        names, captions = [value.get("path")], [value.get("caption")]
    else:
        return [], 0
    found, lost = [], 0
    for number, name in enumerate(names if isinstance(names, list) else []):
        path = inside(files, name) if isinstance(name, str) else None
        caption = captions[number] if isinstance(captions, list) and number < len(captions) else ""
        if path is None:
            lost += 1
        else:
            found.append(TrackedImage(key, step, number, path, None, caption if isinstance(caption, str) else ""))
    return found, lost


def write_here(asked: tuple[list[TrackedRun], str]) -> Exported:
    """As `write`, in this process."""
    import wandb

    runs, place = asked
    folder = Path(place)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        planned = plan(runs, list(_earlier(folder)))
        for run in planned.runs:
            _write(run, folder)
        for old in planned.old:
            shutil.rmtree(old)
    except OSError as error:
        raise InputError(f"{place} cannot be written ({reason(error)}); make room, or choose another place.") from error
    finally:
        wandb.teardown()
    return planned.done


def _safe(name: str) -> str:
    """A name that W&B takes for no one of its own."""
    return f"-{name}" if name.startswith("_") or not name else name


def _safe_key(name: str) -> str:
    """A picture's key, which becomes a part of a path, as one that leads nowhere else."""
    return _safe("/".join(part if part.strip(".") else "_" * (len(part) or 1) for part in name.split("/")))


def _write(run: TrackedRun, folder: Path) -> None:
    import wandb

    written = Written(run, _safe, _safe_key)
    settings = wandb.Settings(
        mode="offline",
        root_dir=str(folder),
        console="off",
        silent=True,
        disable_code=True,
        disable_git=True,
        save_code=False,
        x_disable_meta=True,
        x_disable_machine_info=True,
        x_disable_stats=True,
    )
    client = wandb.init(
        project="humangrade", name=run.name, config=visible(run), settings=settings, reinit="create_new"
    )
    mark = {"run": written.mark.run, "sha256": written.mark.sha256}
    write_atomically(Path(client.dir).parent / _MARK, json.dumps(mark))
    client.define_metric(_STEP)
    client.define_metric("*", step_metric=_STEP)
    for axis in sorted({one.axis for one in run.scalars if one.axis}):
        client.define_metric(_AXIS + axis)
        for name in {written.curve(one) for one in run.scalars if one.axis == axis}:
            client.define_metric(name, step_metric=_AXIS + axis)
    for (axis, step), row in _rows(run, written):
        client.log({(_AXIS + axis if axis else _STEP): step, **row})
    ordered = sorted(run.images, key=lambda one: (one.step, written.key(one), one.index))
    for step, images in groupby(ordered, lambda one: one.step):
        panels = {
            key: [_media(one, Path(client.dir).parent / "tmp", number) for number, one in enumerate(ones)]
            for key, ones in groupby(images, written.key)
        }
        client.log({_STEP: step, **panels})
    kept = Path(client.dir, FILE)
    client.finish()
    write_atomically(kept, written.text())  # last: without it the export was stopped


def _rows(run: TrackedRun, written: Written) -> Iterator[tuple[tuple[str, int], dict[str, float]]]:
    """What is logged at once: of each axis and step the values of all names, and another row where one repeats."""
    rows: dict[tuple[str, int], list[dict[str, float]]] = {}
    counts: dict[tuple[str, str, int], int] = {}
    for one in run.scalars:
        name, place = written.curve(one), (one.axis, one.step)
        ordinal = counts.get((name, *place), 0)
        counts[name, one.axis, one.step] = ordinal + 1
        at = rows.setdefault(place, [])
        if ordinal == len(at):
            at.append({})
        at[ordinal][name] = one.value
    for place in sorted(rows):
        for row in rows[place]:
            yield place, row


def _media(image: TrackedImage, folder: Path, number: int) -> Any:
    import wandb

    content = picture_bytes(image.picture)
    folder.mkdir(exist_ok=True)
    path = folder / f"{image.step}-{number}-{os.urandom(4).hex()}{suffix_of(content) or '.png'}"
    path.write_bytes(content)
    return wandb.Image(str(path), caption=image.caption or None)
