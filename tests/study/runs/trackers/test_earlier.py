"""Exporting again: what is there stays, what is older is replaced, and what was stopped is never taken for whole."""

import pickle
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from importlib import import_module

import pytest
from PIL import Image

from metrics.errors import InputError
from study.folder.create import create_study
from study.runs.exchange import import_runs, read_tracker, write_tracker
from study.runs.trackers.packages import _environment
from study.runs.types import Scalar, TrackedImage, TrackedRun
from tests.study.runs.trackers.examples import assert_same, picture

TRACKERS = ("mlflow", "tensorboard", "wandb", "trackio")
STOPPED = """
import os, pickle, sys, time
from importlib import import_module

def stop(*_):
    time.sleep(3)  # Trackio's client has sent what came before by then
    os._exit(9)

module = import_module(f"study.runs.trackers.{sys.argv[1]}")
setattr(module, sys.argv[2], stop)
module.write_here((pickle.load(open(sys.argv[3], "rb")), sys.argv[4]))
"""
AT_A_PICTURE = {"mlflow": "_write_picture", "wandb": "_media", "trackio": "picture_bytes"}


def run(name="anna", points=3, of="", seed=0):
    """A run with curves and pictures; `of` tells one study's run of a name from another's."""
    scalars = [Scalar(f"loss {number}", step, step / 7) for step in range(points) for number in range(2)]
    images = [TrackedImage("p000", step, 0, picture(seed + step), 7, "a cat") for step in range(2)]
    return TrackedRun(name, {"lr": 0.1}, tuple(scalars), tuple(images), "study", f"{name}{of}")


def read(tracker, place):
    """The runs that are there, as the process of the test reads them."""
    module = import_module(f"study.runs.trackers.{tracker}")
    return getattr(module, "read_here", module.read)(place)


@pytest.mark.parametrize("tracker", TRACKERS)
def test_exporting_again_adds_what_is_new(tmp_path, tracker):
    first = [run(), run("bob/2"), run("bob_2")]
    done = write_tracker(tracker, first, tmp_path / "out")
    assert (done.written, done.replaced, done.known) == (["anna", "bob/2", "bob_2"], [], [])
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.png")}
    grown = [run(points=5), run("bob_2"), run("cleo"), run(of=" of another study", seed=50)]
    done = write_tracker(tracker, grown, tmp_path / "out")
    assert (done.written, done.replaced, done.known) == (["cleo", "anna"], ["anna"], ["bob_2"])
    found = sorted(read(tracker, tmp_path / "out"), key=lambda one: (one.name, len(one.scalars)))
    wanted = [grown[3], grown[0], first[1], first[2], grown[2]]
    for one, other in zip(found, wanted, strict=True):
        assert_same(one, other)
        assert one.mark.is_whole
    copies = {"tensorboard": 0, "trackio": 1, "wandb": 2}  # MLflow keeps what it deletes until it is told otherwise
    if tracker in copies:
        assert len(list((tmp_path / "out").rglob("*.png"))) == 10 * copies[tracker]
    assert not [path for path in files if path.exists() and path.stat().st_mtime_ns != files[path]]


@pytest.mark.parametrize("tracker", AT_A_PICTURE)
def test_an_export_that_was_stopped_is_left_out_and_then_replaced(tmp_path, tracker):
    (tmp_path / "runs").write_bytes(pickle.dumps([run()]))
    (tmp_path / "out").mkdir()
    write_tracker(tracker, [run("bob")], tmp_path / "out")
    stopped = [sys.executable, "-c", STOPPED, tracker, AT_A_PICTURE[tracker], tmp_path / "runs", tmp_path / "out"]
    of_trackio = {"TRACKIO_DIR": str(tmp_path / "out"), "TRACKIO_STORAGE_MODE": "sqlite"}
    ended = subprocess.run(list(map(str, stopped)), cwd=tmp_path, env=_environment(of_trackio), capture_output=True)
    assert ended.returncode == 9, ended.stderr
    there = {one.name: one for one in read(tracker, tmp_path / "out")}
    (name,) = set(there) - {"bob"}  # W&B's log had not even that
    assert name == "anna" or (tracker == "wandb" and not there[name].scalars)
    assert not there[name].mark.is_whole and there["bob"].mark.is_whole
    (tmp_path / "images").mkdir()
    Image.new("RGB", (32, 32)).save(tmp_path / "images" / "a.png")
    with closing(create_study(tmp_path / "study", tmp_path / "images", tasks=["fun"], evaluators=1)) as study:
        done = import_runs(study, list(there.values()))
        assert done.runs == ["bob"] and set(study.store.runs.runs()["model"]) == {"", "bob"}
        assert done.notes[0] == (
            f"{name}: not all of what was exported is there, so the run is left out; export it again into that place."
        )
    done = write_tracker(tracker, [run(), run("bob")], tmp_path / "out")
    assert (done.written, done.replaced, done.known) == ([], ["anna"], ["bob"])
    found = {one.name: one for one in read(tracker, tmp_path / "out")}
    assert_same(found["anna"], run())
    assert len(found) == 2 and found["anna"].mark.is_whole


def test_an_error_within_mlflow_ends_the_run_as_failed(tmp_path, monkeypatch):
    from mlflow import MlflowClient

    from study.runs.trackers import mlflow

    def is_full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(mlflow, "_write_picture", is_full)
    with pytest.raises(InputError, match="cannot be written"):
        mlflow.write_here(([run()], str(tmp_path)))
    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert [one.info.status for one in client.search_runs(["1"])] == ["FAILED"]


def test_a_file_of_events_is_written_over_by_its_own_run_alone(tmp_path):
    write_tracker("tensorboard", [run("a/1")], tmp_path)
    write_tracker("tensorboard", [run("a_1")], tmp_path)  # alone, it would have the same folder
    write_tracker("tensorboard", [replace(run("a/1"), config={})], tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a_1", "a_1_2"]
    assert {one.name: one.config for one in read_tracker("tensorboard", tmp_path)} == {"a/1": {}, "a_1": {"lr": 0.1}}


def test_one_process_exports_into_a_place(tmp_path):
    from filelock import FileLock

    with FileLock(tmp_path / ".exporting"), pytest.raises(InputError, match="is being exported into by another"):
        write_tracker("tensorboard", [run()], tmp_path)
    assert write_tracker("tensorboard", [run()], tmp_path).written == ["anna"]
