"""What somebody may have put into a tracker's files: it is left out, or refused in a sentence, and takes no time."""

import json
import os
import sqlite3
import struct
import zlib
from contextlib import closing

import pytest
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_DOUBLE, DT_STRING

from metrics.errors import InputError
from study.runs.trackers import mlflow, tensorboard, trackio, wandb
from study.runs.trackers.run_names import source_of
from tests.study.runs.trackers.examples import picture

NEEDS_PIPES = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no such pipes here")


def events(folder, *summaries, end="1700000000.host.1.0"):
    """An event file with a value a step."""
    folder.mkdir(parents=True, exist_ok=True)
    told = [event_pb2.Event(step=step, summary=one) for step, one in enumerate(summaries)]
    (folder / f"events.out.tfevents.{end}").write_bytes(b"".join(map(tensorboard._framed, told)))


def scalar(value):
    return summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag="loss", simple_value=value)])


def tensor(shape, **content):
    dims = [TensorShapeProto.Dim(size=size) for size in shape]
    made = summary_pb2.Summary.Value(
        tag="giant", tensor=TensorProto(tensor_shape=TensorShapeProto(dim=dims), **content)
    )
    made.metadata.plugin_data.plugin_name = "scalars"
    return summary_pb2.Summary(value=[made])


@pytest.mark.parametrize(
    ("shape", "content"),
    [
        ((2**40,), {"dtype": DT_DOUBLE, "double_val": [1.0]}),
        ((2**20, 2**20), {"dtype": DT_STRING, "string_val": [b"x"]}),
        ((-1, -1), {"dtype": DT_DOUBLE, "double_val": [1.0]}),
    ],
)
def test_a_giant_tensor_of_one_number_is_no_number(tmp_path, shape, content):
    events(tmp_path / "run", scalar(0.5), tensor(shape, **content), scalar(0.25))
    (run,) = tensorboard.read(tmp_path)
    assert [one.value for one in run.scalars if one.name == "loss"] == [0.5, 0.25]
    assert [repr(one.value) for one in run.scalars if one.name == "giant"] == ["nan"]


def test_folders_of_events_that_are_called_alike_are_two_runs(tmp_path):
    for number, name in enumerate("ab"):
        events(tmp_path / name / "logs", scalar(number), end=f"170000000{number}.host.1.0")
    runs = [run for name in "ab" for run in tensorboard.read(tmp_path / name / "logs")]
    assert [run.name for run in runs] == ["logs", "logs"] and len(set(map(source_of, runs))) == 2
    # one that has grown, elsewhere by now, is the same run
    events(tmp_path / "c" / "logs", scalar(0), scalar(1), end="1700000000.host.1.0")
    assert source_of(tensorboard.read(tmp_path / "c")[0]) == source_of(runs[0])


def trackio_database(path, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE metrics (id INTEGER PRIMARY KEY, run_name TEXT, step INTEGER, metrics TEXT)")
        database.executemany("INSERT INTO metrics (run_name, step, metrics) VALUES (?, ?, ?)", rows)
    return path


def test_projects_of_trackio_with_a_run_of_one_name_have_two(tmp_path):
    for name in ("cats", "dogs"):
        trackio_database(tmp_path / f"{name}.db", ("first", 1, '{"loss": 1}'))
    runs = trackio.read(tmp_path)
    assert [run.name for run in runs] == ["first", "first"] and len(set(map(source_of, runs))) == 2


def test_a_folder_of_pictures_that_is_a_link_leads_out(tmp_path):
    (tmp_path / "secret.png").write_bytes(picture(1))
    medium = {"_type": "trackio.image", "file_path": "secret.png"}
    path = trackio_database(tmp_path / "trackio" / "p.db", ("r", 1, json.dumps({"stolen": medium})))
    (path.parent / "media").symlink_to(tmp_path)
    (run,) = trackio.read(path)
    assert not run.images and "1 pictures" in run.notes[0]
    log(tmp_path / "offline-run-1-abc", [history(1, stolen={"_type": "image-file", "path": "secret.png"})])
    (tmp_path / "offline-run-1-abc" / "files").symlink_to(tmp_path)
    (run,) = wandb.read_here(str(tmp_path / "offline-run-1-abc"))
    assert not run.images and any("1 pictures" in note for note in run.notes)


def log(folder, records):
    """A log of W&B in one block."""
    folder.mkdir(parents=True, exist_ok=True)
    bodies = [record.SerializeToString() for record in records]
    pieces = [struct.pack("<IHB", zlib.crc32(body, zlib.crc32(b"\x01")), len(body), 1) + body for body in bodies]
    (folder / "run-abc.wandb").write_bytes(struct.pack("<4sHB", b":W&B", 0xBEE1, 0) + b"".join(pieces))


def history(step, **values):
    from wandb.proto import wandb_internal_pb2 as messages

    record = messages.Record()
    for name, value in {"_step": step, **values}.items():
        item = record.history.item.add()
        item.key, item.value_json = name, json.dumps(value)
    return record


def test_names_within_names_without_an_end_are_left_out(tmp_path):
    deep = history(2)
    item = deep.history.item.add()
    item.nested_key.extend(["k"] * 3000)
    item.value_json = "1"
    nested = history(3)
    item = nested.history.item.add()
    item.key, item.value_json = "nested", '{"k":' * 400 + "1" + "}" * 400
    log(tmp_path / "run", [history(1, loss=0.5), deep, nested, history(4, loss=0.25)])
    (run,) = wandb.read_here(str(tmp_path))
    assert [(one.name, one.step, one.value) for one in run.scalars] == [("loss", 1, 0.5), ("loss", 4, 0.25)]


@NEEDS_PIPES
def test_a_pipe_is_not_waited_for(tmp_path):
    for name, reads in (("p.db", trackio.read), ("mlflow.db", mlflow.read_here)):
        os.mkfifo(tmp_path / name)
        with pytest.raises(InputError, match=f"{name} is no file; name a"):
            reads(str(tmp_path / name))


@NEEDS_PIPES
def test_a_pipe_among_mlflows_files_is_passed_over(tmp_path):
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=(tmp_path / "mlruns").as_uri())
    run = client.create_run("0", run_name="lora")
    client.log_metric(run.info.run_id, "loss", 0.5)
    os.mkfifo(tmp_path / "mlruns" / "0" / "pipe")
    (found,) = mlflow.read_here(str(tmp_path / "mlruns"))
    assert found.name == "lora" and [one.value for one in found.scalars] == [0.5]


def test_a_locked_database_is_not_said_to_be_broken(tmp_path):
    path = trackio_database(tmp_path / "p.db", ("r", 1, '{"loss": 1}'))
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("BEGIN EXCLUSIVE")
        with pytest.raises(InputError, match=r"locked.*end the program that writes to it"):
            trackio.read(path)
