"""MLflow: runs of a database (mlflow.db) or of a folder of files (mlruns), through its own client.

A database is copied before it is opened, since MLflow brings it to its newest layout then. A picture's step stands in
its file name alone. MLflow keeps infinity as the largest number there is.
"""

import math
import re
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse
from urllib.request import url2pathname

from metrics.errors import InputError
from metrics.files import read_regular_file, reason
from study.runs.trackers.earlier import Earlier, plan
from study.runs.trackers.kept import FILE, MOST_KEPT, Written, restored, visible
from study.runs.trackers.packages import apart
from study.runs.trackers.pictures import inside, numbered, picture_bytes, suffix_of, unreadable
from study.runs.types import RECORD, Exported, Mark, Scalar, TrackedImage, TrackedRun

DATABASE = "mlflow.db"
ARTIFACTS = "artifacts"
EXPERIMENT = "humangrade"
_RUN, _SHA256 = f"{RECORD}.run", f"{RECORD}.sha256"  # tags of an export of ours
_FINISHED = "FINISHED"
_AT_ONCE = 1000  # metrics in a call of log_batch
_PARAMS_AT_ONCE = 100
_LONGEST_PARAM = 6000
_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9_\-. :/]")
_PICTURE = re.compile(
    r"(?P<key>.+?)(?P<sign>[+%])step(?P=sign)(?P<step>-?\d{1,18})(?P=sign)timestamp(?P=sign)(?P<time>\d{1,18})(?P=sign)"
)
_SMALL = re.compile(r"[+%]compressed\.webp$")
_THUMBNAIL = 256
_SQLITE = b"SQLite format 3\0"


@dataclass(frozen=True)
class _Place:
    """What is opened, and the folder that its artifacts must not leave."""

    address: str
    folder: Path
    is_file: bool


def read(source: str | Path) -> list[TrackedRun]:
    """The runs of an MLflow database, of a folder that holds mlflow.db, or of a folder mlruns.

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
    top = Path(str(source).removeprefix("sqlite:///"))
    if not top.exists():
        raise InputError(f"{top} is not there; name a file mlflow.db, or a folder mlruns.")
    found: list[TrackedRun] = apart("mlflow", "mlflow:read_here", str(top.resolve()))
    return found


def write(runs: Sequence[TrackedRun], place: str | Path) -> Exported:
    """Write the runs into PLACE/mlflow.db and PLACE/artifacts, which `mlflow server` shows.

    An older export of a run, or one that was stopped, is deleted as MLflow does it: it can be restored.

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
    done: Exported = apart("mlflow", "mlflow:write_here", (list(runs), str(Path(place).resolve())))
    return done


def safe(name: str) -> str:
    """A metric's name as MLflow takes it: letters, digits and a few signs, and no path that leads elsewhere.

    Examples
    --------
    >>> safe("loss (é)"), safe("../a"), safe("train/loss")
    ('loss ___', '__/a', 'train/loss')
    """
    parts = [
        "_" * len(part) if part.strip(".") == "" else part for part in _NOT_ALLOWED.sub("_", name).split("/") if part
    ]
    return "/".join(parts).strip() or "_"


def _safe_key(name: str) -> str:
    """A picture's key as log_image takes it: as a metric's, without colons."""
    return safe(name).replace(":", "_")


def read_here(source: str) -> list[TrackedRun]:
    """As `read`, in this process."""
    from mlflow import MlflowClient
    from mlflow.entities import ViewType
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    with tempfile.TemporaryDirectory(prefix="humangrade-") as copy:
        place = _opened(Path(source), Path(copy))
        try:
            client = MlflowClient(tracking_uri=place.address)
            experiments = [
                one.experiment_id for one in _pages(client.search_experiments, view_type=ViewType.ACTIVE_ONLY)
            ]
            runs = list(_pages(client.search_runs, experiment_ids=experiments, order_by=["attributes.start_time ASC"]))
            found = [_run(client, run, place) for run in runs]
        except (MlflowException, SQLAlchemyError, OSError, ValueError) as error:
            raise InputError(
                f"{source} cannot be read as MLflow's ({str(error).strip().splitlines()[0][:300]}); check the path."
            ) from error
    if not found:
        raise InputError(f"{source} holds no run of MLflow; name a file mlflow.db, or a folder mlruns.")
    return found


def _opened(source: Path, copy: Path) -> _Place:
    """The address under which a client reads what is there, without changing it."""
    database = source / DATABASE if source.is_dir() and (source / DATABASE).is_file() else source
    if database.is_dir():
        if not any((each / "meta.yaml").is_file() for each in database.iterdir() if each.is_dir()):
            raise InputError(f"{source} holds neither {DATABASE} nor runs of MLflow; name one, or a folder mlruns.")
        shutil.copytree(database, copy / "mlruns", ignore=_not_needed)
        return _Place((copy / "mlruns").as_uri(), database, False)
    if not database.is_file():  # a pipe would be waited for
        raise InputError(f"{source} is no file; name a file mlflow.db, or a folder mlruns.")
    with database.open("rb") as file:
        if file.read(len(_SQLITE)) != _SQLITE:
            raise InputError(f"{source} is no SQLite database; name a file mlflow.db, or a folder mlruns.")
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as theirs:
            tables = {name for (name,) in theirs.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not {"experiments", "runs", "metrics", "alembic_version"} <= tables:
                raise InputError(f"{source} is no database of MLflow; name a file mlflow.db, or a folder mlruns.")
            with closing(sqlite3.connect(copy / DATABASE)) as ours:
                theirs.backup(ours)
    except sqlite3.Error as error:
        raise unreadable(source, error, "restore the file") from error
    return _Place(f"sqlite:///{copy / DATABASE}", database.parent, True)


def _not_needed(folder: str, names: list[str]) -> list[str]:
    """What of a folder of files need not be copied: pictures and models, links, wherever they lead, and pipes."""
    if Path(folder).name in ("artifacts", "models"):
        return names
    paths = [Path(folder) / name for name in names]
    return [path.name for path in paths if path.is_symlink() or not (path.is_dir() or path.is_file())]


def _pages(search: Any, **asked: Any) -> Iterator[Any]:
    token = None
    while True:
        page = search(max_results=1000, page_token=token, **asked)
        yield from page
        token = page.token
        if not token:
            return


def _run(client: Any, run: Any, place: _Place) -> TrackedRun:
    run_id = run.info.run_id
    name = run.info.run_name or run_id
    notes: list[str] = []
    scalars = []
    for metric in sorted(run.data.metrics):
        history = client.get_metric_history(run_id, metric)
        history.sort(key=lambda one: (one.step, one.timestamp))  # stable: what is alike stays in the store's order
        scalars += [Scalar(metric, int(one.step), _value(one.value, place.is_file)) for one in history]
    artifacts = _artifacts(run.info.artifact_uri, run_id, place)
    images, kept = [], None
    if artifacts is not None:
        images = list(_images(artifacts))
        path = inside(artifacts, FILE)
        kept = None if path is None else read_regular_file(path, MOST_KEPT).decode(errors="replace")
    elif run.data.tags.get("mlflow.loggedImages"):
        notes.append(f"{name}: its pictures are not below {place.folder}, so they are left out.")
    config = {key: _setting(value) for key, value in run.data.params.items()}
    found = restored(TrackedRun(name, config, tuple(scalars), numbered(images), "mlflow", run_id, tuple(notes)), kept)
    ours = _mark(run)
    return replace(found, mark=replace(ours, is_whole=ours.is_whole and found.mark is not None)) if ours else found


def _mark(run: Any) -> Mark | None:
    """The mark of an export of ours, which is there before anything else of it; its status tells of its end."""
    tags = run.data.tags
    return Mark(tags[_RUN], tags.get(_SHA256, ""), run.info.status == _FINISHED) if _RUN in tags else None


def _value(value: float, is_database: bool) -> float:
    if is_database and abs(value) == sys.float_info.max:
        return math.copysign(math.inf, value)
    return float(value)


def _setting(text: str) -> Any:
    """A parameter, which MLflow keeps as text: a number where it reads as one."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"True": True, "False": False, "None": None}.get(text, text)


def _artifacts(address: str, run_id: str, place: _Place) -> Path | None:
    """The folder of a run's artifacts, below the source's: where its address says, or where it was moved to."""
    top = place.folder.resolve()
    parsed = urlparse(address)
    if parsed.scheme in ("file", "") and parsed.netloc in ("", "localhost"):
        path = Path(url2pathname(unquote(parsed.path)) if parsed.scheme else address).resolve()
        if path.is_dir() and path.is_relative_to(top):
            return path
    if not re.fullmatch(r"[\w-]+", run_id):
        return None
    for pattern in (f"{run_id}/artifacts", f"*/{run_id}/artifacts", f"*/*/{run_id}/artifacts"):
        for path in sorted(top.glob(pattern)):
            if path.is_dir() and path.resolve().is_relative_to(top):
                return path.resolve()
    return None


def _images(artifacts: Path) -> Iterator[TrackedImage]:
    """What log_image wrote: key, step and time stand in the file's name, and beside each lies a smaller copy."""
    folder = artifacts / "images"
    if not folder.is_dir():
        return
    named = []
    for path in folder.iterdir():
        found = None if _SMALL.search(path.name) else _PICTURE.match(path.name)
        if found is not None and inside(folder, path.name) is not None:
            named.append((int(found["step"]), int(found["time"]), path.name, found, path))
    for step, _, _, found, path in sorted(named, key=lambda one: one[:3]):
        yield TrackedImage(found["key"].replace("~" if found["sign"] == "+" else "#", "/"), step, 0, path)


def write_here(asked: tuple[list[TrackedRun], str]) -> Exported:
    """As `write`, in this process."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    runs, place = asked[0], Path(asked[1])
    try:
        place.mkdir(parents=True, exist_ok=True)
        client = MlflowClient(tracking_uri=f"sqlite:///{place / DATABASE}")
        experiment = client.get_experiment_by_name(EXPERIMENT)
        own = (
            client.create_experiment(EXPERIMENT, artifact_location=(place / ARTIFACTS).as_uri())
            if experiment is None
            else experiment.experiment_id
        )
        there = _pages(client.search_runs, experiment_ids=[own], order_by=["attributes.start_time ASC"])
        planned = plan(runs, [Earlier(run.info.run_id, mark) for run in there if (mark := _mark(run))])
        for run in planned.runs:
            _write(client, own, run)
        for run_id in planned.old:
            client.delete_run(run_id)
    except OSError as error:
        raise InputError(f"{place} cannot be written ({reason(error)}); make room, or choose another place.") from error
    except (MlflowException, SQLAlchemyError) as error:
        raise InputError(
            f"{place} cannot be written as MLflow's ({str(error).strip().splitlines()[0][:300]}); choose another place."
        ) from error
    return planned.done


def _write(client: Any, experiment: str, run: TrackedRun) -> None:
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    written = Written(run, safe, _safe_key)
    start = int(time.time() * 1000)
    tags = {_RUN: written.mark.run, _SHA256: written.mark.sha256}
    run_id = client.create_run(experiment, start_time=start, run_name=run.name, tags=tags).info.run_id
    try:
        _fill(client, run_id, run, written, start)
    except BaseException:
        with suppress(MlflowException, SQLAlchemyError, OSError):
            client.set_terminated(run_id, "FAILED")
        raise
    client.set_terminated(run_id, _FINISHED)


def _fill(client: Any, run_id: str, run: TrackedRun, written: Written, start: int) -> None:
    """Write all of a run into the one that was made for it."""
    from mlflow.entities import Metric, Param

    # another time for each: MLflow takes two values that are alike in step, time and number for one
    metrics = [Metric(written.curve(one), one.value, start + at, one.step) for at, one in enumerate(run.scalars)]
    for at in range(0, len(metrics), _AT_ONCE):
        client.log_batch(run_id, metrics=metrics[at : at + _AT_ONCE])
    params = {safe(name)[:250]: str(value)[:_LONGEST_PARAM] for name, value in visible(run).items()}
    listed = [Param(name, value) for name, value in params.items()]
    for at in range(0, len(listed), _PARAMS_AT_ONCE):
        client.log_batch(run_id, params=listed[at : at + _PARAMS_AT_ONCE])
    with tempfile.TemporaryDirectory(prefix="humangrade-") as name:
        folder = Path(name)
        (folder / FILE).write_text(written.text(), encoding="utf-8")
        clock = count(start)
        for image in sorted(run.images, key=lambda one: one.index):
            _write_picture(folder / "images", written.key(image).replace("/", "~"), image, next(clock))
        client.log_artifacts(run_id, str(folder))
    if run.images:
        client.set_tag(run_id, "mlflow.loggedImages", "True")


def _write_picture(folder: Path, key: str, image: TrackedImage, at: int) -> None:
    """A picture as log_image would name it, but with the bytes that it has; and the smaller copy that lists show."""
    import io
    import uuid

    from PIL import Image

    folder.mkdir(exist_ok=True)
    content = picture_bytes(image.picture)
    name = f"{key}+step+{image.step}+timestamp+{at}+{uuid.uuid4()}"
    (folder / f"{name}{suffix_of(content) or '.png'}").write_bytes(content)
    try:
        with Image.open(io.BytesIO(content)) as picture:
            picture.thumbnail((_THUMBNAIL, _THUMBNAIL))
            picture.convert("RGB").save(folder / f"{name}+compressed.webp")
    except OSError:  # what cannot be decoded has no smaller copy
        return
