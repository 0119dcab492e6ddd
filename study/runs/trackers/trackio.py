"""Trackio: its SQLite databases, read as they are, and written by its own client without a network."""

import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from metrics.errors import InputError
from metrics.files import parse_json, reason
from study.generation.file_names import safe_name
from study.runs.trackers.earlier import Earlier, plan
from study.runs.trackers.kept import Written, number_of, restored, visible
from study.runs.trackers.packages import apart, refuse_missing
from study.runs.trackers.pictures import inside, numbered, picture_bytes, suffix_of, unreadable
from study.runs.types import RECORD, Exported, Scalar, TrackedImage, TrackedRun

PROJECT = "humangrade"
_RESERVED = {f"__{name}": name for name in ("project", "run", "timestamp", "step", "time", "metrics")}
_NEEDED = {"run_name", "step", "metrics"}


@dataclass
class _Logged:
    """What a database holds of a run."""

    name: str
    run_id: str
    config: dict[str, Any] = field(default_factory=dict)
    scalars: list[Scalar] = field(default_factory=list)
    images: list[TrackedImage] = field(default_factory=list)
    missing: int = 0
    unread: int = 0


def read(source: str | Path) -> list[TrackedRun]:
    """The runs of a project's database, or of all databases in a folder of Trackio's.

    Parameters
    ----------
    source : str or Path

    Returns
    -------
    list of TrackedRun

    Raises
    ------
    InputError
        Where there are none, or they cannot be read.
    """
    refuse_missing("trackio")
    top = Path(source)
    if not top.exists():
        raise InputError(f"{top} is not there; name a .db file of Trackio, or its folder.")
    files = sorted(top.glob("*.db")) if top.is_dir() else [top]
    found = [run for path in files for run in _read_database(path)]
    if not found:
        raise InputError(f"{top} holds no run of Trackio; name a .db file, or the folder that TRACKIO_DIR names.")
    return found


def write(runs: Sequence[TrackedRun], place: str | Path) -> Exported:
    """Write the runs into the project humangrade below PLACE, which `TRACKIO_DIR=PLACE trackio show` shows.

    An older export of a run, or one that was stopped, is removed.

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
    folder = Path(place).resolve()
    done: Exported = apart(
        "trackio",
        "trackio:write_here",
        (list(runs), str(folder)),
        {"TRACKIO_DIR": str(folder), "TRACKIO_STORAGE_MODE": "sqlite"},
    )
    return done


def _read_database(path: Path) -> list[TrackedRun]:
    runs: dict[str, _Logged] = {}
    media = path.parent / "media"
    if not path.is_file():  # a pipe would be waited for
        raise InputError(f"{path} is no file; name a .db file of Trackio, or its folder.")
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            columns = {row[1] for row in database.execute("PRAGMA table_info(metrics)")}
            is_table = database.execute(
                "SELECT 1 FROM sqlite_master WHERE name = 'metrics' AND type = 'table'"
            ).fetchone()
            if not columns >= _NEEDED or not is_table:  # a view may go on for ever
                raise InputError(f"{path} is no database of Trackio; name a .db file of it.")
            key = "run_id" if "run_id" in columns else "run_name"
            for run_id, name, step, text in database.execute(
                f"SELECT {key}, run_name, step, metrics FROM metrics ORDER BY id"
            ):
                own = str(run_id) if run_id != name else f"{path.stem}/{name}"  # of projects with runs called alike
                _take(runs.setdefault(str(run_id), _Logged(str(name), own)), step, text, media)
            for run_id, text in _configs(database):
                if run_id in runs and isinstance(config := _parsed(text), dict):
                    runs[run_id].config = {name: value for name, value in config.items() if not name.startswith("_")}
    except sqlite3.Error as error:
        raise unreadable(path, error, "restore the file, or copy it to this machine") from error
    return [_run(logged) for logged in runs.values()]


def _is_table(database: sqlite3.Connection, name: str) -> bool:
    query = "SELECT 1 FROM sqlite_master WHERE name = ? AND type = 'table'"
    return database.execute(query, (name,)).fetchone() is not None


def _configs(database: sqlite3.Connection) -> Iterator[tuple[str, Any]]:
    columns = {row[1] for row in database.execute("PRAGMA table_info(configs)")}
    if _is_table(database, "configs") and {"id", "run_name", "config"} <= columns:
        key = "run_id" if "run_id" in columns else "run_name"
        for run_id, text in database.execute(f"SELECT {key}, config FROM configs ORDER BY id"):
            yield str(run_id), text


def _take(logged: _Logged, step: Any, text: Any, media: Path) -> None:
    row = _parsed(text)
    if not isinstance(row, dict) or not isinstance(step, int):
        logged.unread += 1
        return
    for written, value in row.items():
        name = str(_RESERVED.get(written, written))
        if (number := number_of(value)) is not None:
            logged.scalars.append(Scalar(name, step, number))
        elif isinstance(value, dict) and value.get("_type") == "trackio.image":
            path = inside(media, str(value.get("file_path")))
            if path is None:
                logged.missing += 1
            else:
                caption = value.get("caption")
                said = caption if isinstance(caption, str) else ""
                logged.images.append(TrackedImage(name, step, 0, path, None, said))


def _parsed(text: Any) -> Any:
    try:
        return parse_json(text)
    except (ValueError, TypeError):
        return None


def _run(logged: _Logged) -> TrackedRun:
    notes = []
    if logged.missing:
        notes.append(f"{logged.name}: {logged.missing} pictures that the database names are not in its folder media.")
    if logged.unread:
        notes.append(f"{logged.name}: {logged.unread} rows of the database cannot be read.")
    config = dict(logged.config)
    kept = config.pop(RECORD, None)
    run = TrackedRun(
        logged.name,
        config,
        tuple(logged.scalars),
        numbered(logged.images),
        "trackio",
        logged.run_id,
        tuple(notes),
    )
    count = len(logged.scalars) + len(logged.images) + logged.missing
    return restored(run, kept if isinstance(kept, str) else None, count)


def write_here(asked: tuple[list[TrackedRun], str]) -> Exported:
    """As `write`, in this process, whose environment names the folder."""
    runs, place = asked[0], Path(asked[1])
    try:
        place.mkdir(parents=True, exist_ok=True)
        there = _ours(place)
        planned = plan(runs, [Earlier(run.external_id, run.mark) for run in there.values() if run.mark])
        with tempfile.TemporaryDirectory(prefix="humangrade-") as name:
            for run in planned.runs:
                _write(run, Path(name))
        _check(planned.runs, place)
        for run_id in planned.old:
            _remove(there[run_id], place)
    except OSError as error:
        raise InputError(f"{place} cannot be written ({reason(error)}); make room, or choose another place.") from error
    return planned.done


def _ours(place: Path) -> dict[str, TrackedRun]:
    """The exports of ours below a place, by what Trackio tells runs apart by."""
    path = place / f"{PROJECT}.db"
    return {run.external_id: run for run in (_read_database(path) if path.is_file() else ()) if run.mark}


def _remove(run: TrackedRun, place: Path) -> None:
    """Remove a run with its pictures, which the client leaves."""
    from trackio.sqlite_storage import SQLiteStorage

    if not SQLiteStorage.delete_run(PROJECT, safe_name(run.name), run_id=run.external_id):
        raise InputError(
            f"{place}: the older export of the run '{run.name}' cannot be removed; delete it in Trackio, or choose "
            "another place."
        )
    for image in run.images:
        if isinstance(image.picture, Path):
            image.picture.unlink(missing_ok=True)


def _safe(name: str) -> str:
    """A name that Trackio does not rename."""
    return f"-{name}" if name.startswith("__") or name in _RESERVED.values() or not name else name


def _write(run: TrackedRun, folder: Path) -> None:
    import trackio

    written = Written(run, _safe, _safe)
    client = trackio.init(
        project=PROJECT,
        name=safe_name(run.name),  # Trackio makes a folder of the name, wherever it leads
        config={name: value for name, value in visible(run).items() if not name.startswith("_")}
        | {RECORD: written.text()},
        auto_log_gpu=False,
        auto_log_cpu=False,
        embed=False,
    )
    for step, row in _rows(run, written):
        client.log(row, step=step)
    for number, image in enumerate(sorted(run.images, key=lambda one: (one.step, one.index))):
        content = picture_bytes(image.picture)
        path = folder / f"{number}{suffix_of(content) or '.png'}"
        path.write_bytes(content)
        client.log({written.key(image): trackio.Image(path, caption=image.caption or None)}, step=image.step)
        path.unlink()
    if not run.scalars and not run.images:
        client.log({}, step=0)  # a run without a row is none to Trackio
    client.finish()


def _rows(run: TrackedRun, written: Written) -> Iterator[tuple[int, dict[str, float]]]:
    """The values of each step together, and in another row where a name repeats."""
    rows: dict[int, list[dict[str, float]]] = {}
    for one in run.scalars:
        name, at = written.curve(one), rows.setdefault(one.step, [])
        row = next((each for each in at if name not in each), None)
        if row is None:
            row = {}
            at.append(row)
        row[name] = one.value
    for step in sorted(rows):
        for row in rows[step]:
            yield step, row


def _check(runs: Sequence[TrackedRun], place: Path) -> None:
    """Raise InputError where the database lacks a value: the client warns of what it cannot write, and goes on."""
    there = {run.mark for run in _ours(place).values()} if runs else set()
    lacking = [run for run in runs if run.mark not in there]
    if lacking:
        raise InputError(
            f"Trackio did not write all of the run '{lacking[0].name}' to {place}; make room, or choose another place, "
            "and export again."
        )
