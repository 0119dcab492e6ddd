"""TensorBoard's event files, read record by record and written at once.

TensorBoard's own readers keep a sample: 4 pictures of a tag, 10 in its server. Here every record counts.
"""

import os
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count, groupby, islice
from pathlib import Path
from typing import Any

from metrics.errors import InputError
from metrics.files import reason
from study.folder.images import MOST_BYTES
from study.generation.file_names import safe_name
from study.runs.trackers.earlier import mark_of
from study.runs.trackers.kept import Written, mark_in, restored, visible
from study.runs.trackers.packages import refuse_missing
from study.runs.trackers.pictures import numbered, picture_bytes, write_parts
from study.runs.types import Exported, Mark, Part, Scalar, TrackedImage, TrackedRun

MOST_FILES = 100_000
_KEPT_TAG = "humangrade/run"
_FILE = "events.out.tfevents.0000000001.humangrade"
_SESSION = "_hparams_/session_start_info"
_TIMED = re.compile(r"\d{10}(\.\d+)?")  # the folder that torch's add_hparams makes below a run's
_MOST_CHECKED = 1_000_000  # bytes: the checksum in Python takes .1 s a megabyte, and pictures have their own


@dataclass
class _Session:
    """What the event files of one folder hold."""

    first: str = ""  # the first one's name, which has a time and a machine in it
    scalars: list[Scalar] = field(default_factory=list)
    images: list[TrackedImage] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    kept: str | None = None
    notes: list[str] = field(default_factory=list)


def read(source: str | Path) -> list[TrackedRun]:
    """The runs below a folder of event files, a folder a run; or the run of one file.

    Parameters
    ----------
    source : str or Path

    Returns
    -------
    list of TrackedRun

    Raises
    ------
    InputError
        Where there are no event files, or none can be read.
    """
    refuse_missing("tensorboard")
    top = Path(source)
    if not top.exists():
        raise InputError(f"{top} is not there; name a folder of TensorBoard's event files.")
    sessions: dict[Path, _Session] = {}
    for path in _event_files(top):
        _read_file(path, sessions.setdefault(path.parent, _Session(path.name)))
    if not sessions:
        raise InputError(f"{top} holds no event files of TensorBoard (their names have tfevents in them).")
    for folder in sorted(sessions, key=lambda each: -len(each.parts)):
        parent = sessions.get(folder.parent)
        if parent is not None and _TIMED.fullmatch(folder.name) and sessions[folder].config:
            own = sessions.pop(folder)
            parent.config = own.config | parent.config
            parent.scalars += own.scalars
            parent.notes += own.notes
    return [_run(folder, session, top) for folder, session in sessions.items()]


def write(runs: Sequence[TrackedRun], place: str | Path) -> Exported:
    """Write each run's event file into a folder of its own; an older export of the same run is replaced.

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
        Where it cannot be written.
    """
    refuse_missing("tensorboard")
    done = Exported()
    taken: set[Path] = set()
    for run in runs:
        mark = mark_of(run)
        path, before = _file_of(run.name, mark, Path(place), taken)
        taken.add(path)
        if before == mark:
            done.known.append(run.name)
            continue
        write_parts(path, (_framed(event) for event in _events(replace(run, mark=mark))))
        (done.written if before is None else done.replaced).append(run.name)
    return done


def _file_of(name: str, mark: Mark, place: Path, taken: set[Path]) -> tuple[Path, Mark | None]:
    """Where a run's file is, or is to be, and the mark of its earlier export: no other run's file is written over."""
    for number in count(1):
        path = place / (safe_name(name) if number == 1 else f"{safe_name(name)}_{number}") / _FILE
        there = _mark_of_file(path)
        if path not in taken and (there is None or there.run == mark.run):
            return path, there
    raise AssertionError


def _mark_of_file(path: Path) -> Mark | None:
    """The mark of an export in its first records; None where there is none."""
    if not path.is_file():
        return None
    session = _Session()
    _read_file(path, session, most=2)
    return mark_in(session.kept)


def _event_files(top: Path) -> Iterator[Path]:
    if top.is_file():
        yield top
        return
    count = 0
    for folder, folders, names in os.walk(top):
        folders.sort()
        for name in sorted(names):
            path = Path(folder) / name
            if "tfevents" in name and path.is_file() and not path.is_symlink():
                count += 1
                if count > MOST_FILES:
                    raise InputError(f"{top} holds more than {MOST_FILES:,} event files; name a folder in it.")
                yield path


def _read_file(path: Path, session: _Session, most: int | None = None) -> None:
    """Take what a file's records hold, or the first of them."""
    from google.protobuf.message import DecodeError
    from tensorboard.compat.proto import event_pb2

    plugins: dict[str, str] = {}
    try:
        for start, body in islice(_records(path, session.notes), most):
            event = event_pb2.Event.FromString(body)
            if event.session_log.status == event_pb2.SessionLog.START and event.step:
                # a resumed run writes these steps anew
                session.scalars = [one for one in session.scalars if one.step < event.step]
                session.images = [one for one in session.images if one.step < event.step]
            for value in event.summary.value:
                plugin = plugins.setdefault(value.tag, value.metadata.plugin_data.plugin_name)
                _take(value, plugin, int(event.step), session, (path, start, body))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({reason(error)}); check the folder.") from error
    except DecodeError:
        session.notes.append(f"{path} is damaged in a record; what stands before it is read.")


def _take(value: Any, plugin: str, step: int, session: _Session, record: tuple[Path, int, bytes]) -> None:
    """Put one value of a record where it belongs."""
    kind = value.WhichOneof("value")
    if value.tag == _SESSION:
        session.config |= _settings(value.metadata.plugin_data.content)
    elif kind == "simple_value":
        session.scalars.append(Scalar(value.tag, step, float(value.simple_value)))
    elif kind == "image":
        session.images.append(_image(value.tag, step, value.image.encoded_image_string, record))
    elif kind == "tensor" and plugin == "scalars":
        session.scalars.append(Scalar(value.tag, step, _number(value.tensor)))
    elif kind == "tensor" and plugin == "images":
        for content in value.tensor.string_val[2:]:  # the first two are width and height
            session.images.append(_image(value.tag, step, content, record))
    elif kind == "tensor" and value.tag == _KEPT_TAG and value.tensor.string_val:
        session.kept = value.tensor.string_val[0].decode(errors="replace")


def _image(key: str, step: int, content: bytes, record: tuple[Path, int, bytes]) -> TrackedImage:
    path, start, body = record
    return TrackedImage(key, step, 0, Part(path, start + body.find(content), len(content)))


def _number(tensor: Any) -> float:
    """A tensor's one number; NaN where it holds none, or several."""
    from tensorboard.util.tensor_util import make_ndarray

    if any(dim.size != 1 for dim in tensor.tensor_shape.dim):  # one number may stand for as many as memory lacks
        return float("nan")
    try:
        return float(make_ndarray(tensor).item())
    except (ValueError, TypeError):
        return float("nan")


def _settings(content: bytes) -> dict[str, Any]:
    from google.protobuf.message import DecodeError
    from tensorboard.plugins.hparams import plugin_data_pb2

    try:
        given = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info.hparams
    except DecodeError:
        return {}
    found: dict[str, Any] = {}
    for name, value in given.items():
        kind = value.WhichOneof("kind")
        if kind in ("number_value", "string_value", "bool_value"):
            number = getattr(value, kind)
            found[name] = int(number) if isinstance(number, float) and number.is_integer() else number
    return found


def _run(folder: Path, session: _Session, top: Path) -> TrackedRun:
    below = folder.relative_to(top) if top.is_dir() else Path()
    name = below.as_posix() if below.parts else folder.resolve().name
    run = TrackedRun(
        name,
        session.config,
        tuple(session.scalars),
        numbered(session.images),
        "tensorboard",
        f"{session.first.partition('tfevents.')[2]}/{name}",  # of trainings whose folders are called alike
        tuple(session.notes),
    )
    return restored(run, session.kept)


def _records(path: Path, notes: list[str]) -> Iterator[tuple[int, bytes]]:
    """Where each record's content starts in a file, and the content; ends with a note where the file is cut off."""
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

    with path.open("rb") as file:
        at = 0
        while head := file.read(12):
            length, check = struct.unpack("<QI", head) if len(head) == 12 else (0, 0)
            if len(head) == 12 and (masked_crc32c(head[:8]) != check or length > MOST_BYTES + _MOST_CHECKED):
                notes.append(f"{path} is damaged at byte {at:,}; what stands before it is read.")
                return
            body, end = file.read(length), file.read(4)
            if len(head) < 12 or len(body) < length or len(end) < 4:
                notes.append(f"{path} is cut off within its last record: the run still writes, or was killed.")
                return
            if length <= _MOST_CHECKED and masked_crc32c(body) != struct.unpack("<I", end)[0]:
                notes.append(f"{path} is damaged at byte {at:,}; what stands before it is read.")
                return
            yield at + 12, body
            at += 16 + length


def _events(run: TrackedRun) -> Iterator[Any]:
    from tensorboard.compat.proto import event_pb2, summary_pb2
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.types_pb2 import DT_DOUBLE, DT_STRING

    written = Written(run)
    yield event_pb2.Event(file_version="brain.Event:2")
    about = summary_pb2.Summary(value=[_session_start(run)])
    kept = about.value.add(tag=_KEPT_TAG)
    kept.metadata.plugin_data.plugin_name = "humangrade"
    kept.tensor.CopyFrom(TensorProto(dtype=DT_STRING, string_val=[written.text().encode()]))
    yield event_pb2.Event(summary=about)
    logged: list[Scalar | TrackedImage] = [*run.scalars, *run.images]
    for step, ones in groupby(sorted(logged, key=lambda one: one.step), lambda one: one.step):
        for one in ones:
            summary = summary_pb2.Summary()
            if isinstance(one, Scalar):  # as a tensor: a simple value has half of a number's digits
                value = summary.value.add(tag=written.curve(one))
                value.metadata.plugin_data.plugin_name = "scalars"
                value.tensor.CopyFrom(TensorProto(dtype=DT_DOUBLE, double_val=[one.value]))
            else:
                value = summary.value.add(tag=written.key(one))
                value.image.CopyFrom(_encoded(picture_bytes(one.picture)))
            yield event_pb2.Event(step=step, summary=summary)


def _encoded(content: bytes) -> Any:
    import io

    from PIL import Image
    from tensorboard.compat.proto import summary_pb2

    try:
        with Image.open(io.BytesIO(content)) as image:
            width, height = image.size
    except OSError:
        width = height = 0
    return summary_pb2.Summary.Image(encoded_image_string=content, width=width, height=height, colorspace=3)


def _session_start(run: TrackedRun) -> Any:
    """The run's settings, for the tab of hyperparameters."""
    from tensorboard.compat.proto import summary_pb2
    from tensorboard.plugins.hparams import plugin_data_pb2

    start = plugin_data_pb2.SessionStartInfo()
    for name, value in visible(run).items():
        if isinstance(value, bool):
            start.hparams[name].bool_value = value
        elif isinstance(value, str):
            start.hparams[name].string_value = value
        else:
            start.hparams[name].number_value = value
    value = summary_pb2.Summary.Value(tag=_SESSION)
    value.metadata.plugin_data.plugin_name = "hparams"
    value.metadata.plugin_data.content = plugin_data_pb2.HParamsPluginData(
        version=0, session_start_info=start
    ).SerializeToString()
    return value


def _framed(event: Any) -> bytes:
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

    body = event.SerializeToString()
    head = struct.pack("<Q", len(body))
    return head + struct.pack("<I", masked_crc32c(head)) + body + struct.pack("<I", masked_crc32c(body))
