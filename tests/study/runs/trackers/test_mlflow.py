"""MLflow's databases and folders, as its own client writes them."""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from metrics.errors import InputError
from study.runs.trackers import mlflow
from study.runs.trackers.packages import _environment
from study.runs.types import Scalar, TrackedRun
from tests.study.runs.trackers.examples import assert_same, example, pictures

LOGGING = """
import sys, math
from mlflow import MlflowClient
from mlflow.entities import Metric, Param
from PIL import Image
for address, artifacts in (("sqlite:///" + sys.argv[1] + "/mlflow.db", "file://" + sys.argv[1] + "/artifacts"),
        ("file://" + sys.argv[1] + "/mlruns", None)):
    client = MlflowClient(tracking_uri=address)
    experiment = client.create_experiment("p", artifact_location=artifacts)
    run = client.create_run(experiment, run_name="lora").info.run_id
    values = [math.nan, math.inf, -math.inf, 1 / 3, 0.5, 0.5]
    client.log_batch(run, metrics=[Metric("loss", value, 1000 + at, 3) for at, value in enumerate(values)],
        params=[Param("lr", "0.0001"), Param("rank", "4"), Param("net", "unet"), Param("fused", "True")])
    for step in (300, 1200, 600):
        client.log_image(run, Image.new("RGB", (8, 8), (step % 256, 0, 0)), key="samples/prompt 1", step=step)
    client.set_terminated(run)
"""


@pytest.fixture(scope="module")
def logged(tmp_path_factory):
    """The folder in which MLflow's client logged a run of its own, into a database and into files."""
    folder = tmp_path_factory.mktemp("mlflow")
    subprocess.run(
        [sys.executable, "-c", LOGGING, str(folder)], check=True, cwd=folder, env=_environment({}), capture_output=True
    )
    return folder


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """What was written by us: the runs and their place."""
    folder = tmp_path_factory.mktemp("written")
    many = tuple(Scalar("many", step, step * 1.1) for step in range(10_000))
    runs = [example(), TrackedRun("many", {"words": "x" * 7000}, many)]
    mlflow.write(runs, folder / "out")
    return runs, folder / "out"


def test_runs_are_the_same_after_a_round_trip(written):
    runs, place = written
    found = {run.name: run for run in mlflow.read(place)}
    for run in runs:  # the second has ten thousand values, of which a call takes one thousand
        assert_same(found[run.name], run)


def test_moved_elsewhere_the_pictures_are_found(written, tmp_path):
    runs, place = written
    shutil.copytree(place, tmp_path / "moved")
    shutil.move(place / "artifacts", place / "hidden")
    try:
        found = {run.name: run for run in mlflow.read_here(tmp_path / "moved" / "mlflow.db")}
    finally:
        shutil.move(place / "hidden", place / "artifacts")
    assert_same(found[runs[0].name], runs[0])


@pytest.mark.parametrize("source", ["mlflow.db", "mlruns"])
def test_what_the_client_logged(logged, source):
    (run,) = mlflow.read_here(logged / source)
    assert run.name == "lora" and not run.notes
    assert run.config == {"lr": 0.0001, "rank": 4, "net": "unet", "fused": True}
    values = [(one.step, repr(one.value)) for one in run.scalars]
    # two that are alike in all are kept twice; infinity is no number but the largest in a database
    assert values == [(3, text) for text in ("nan", "inf", "-inf", repr(1 / 3), "0.5", "0.5")]
    assert list(pictures(run)) == [("samples/prompt 1", step, 0) for step in (300, 600, 1200)]


def test_a_database_is_not_changed_by_reading(logged, tmp_path):
    shutil.copy(logged / "mlflow.db", tmp_path / "mlflow.db")
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database, database:
        (layout,) = database.execute("SELECT version_num FROM alembic_version").fetchone()
    before = (tmp_path / "mlflow.db").read_bytes()
    mlflow.read_here(tmp_path / "mlflow.db")
    assert (tmp_path / "mlflow.db").read_bytes() == before and layout
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]


def test_artifacts_outside_the_folder_are_not_read(logged, tmp_path):
    shutil.copy(logged / "mlflow.db", tmp_path / "mlflow.db")  # its pictures stand where they were logged
    (run,) = mlflow.read_here(tmp_path)
    assert not run.images and "are not below" in run.notes[0]


def test_links_out_of_the_artifacts_are_not_followed(logged, tmp_path):
    shutil.copytree(logged, tmp_path / "copy")
    (images,) = (tmp_path / "copy" / "artifacts").rglob("images")
    (tmp_path / "secret.png").write_bytes(b"secret")
    (images / "stolen+step+7+timestamp+1+x.png").symlink_to(tmp_path / "secret.png")
    (run,) = mlflow.read_here(tmp_path / "copy" / "mlflow.db")
    assert {one.step for one in run.images} == {300, 600, 1200}


def test_what_is_none_of_mlflows_is_said(tmp_path):
    with pytest.raises(InputError, match="is not there"):
        mlflow.read(tmp_path / "nothing")
    with pytest.raises(InputError, match=r"holds neither mlflow\.db nor runs"):
        mlflow.read_here(tmp_path)
    (tmp_path / "mlflow.db").write_bytes(b"no database")
    with pytest.raises(InputError, match="is no SQLite database"):
        mlflow.read_here(tmp_path)
    (tmp_path / "mlflow.db").unlink()
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database, database:
        database.execute("CREATE TABLE runs (id INTEGER)")
    with pytest.raises(InputError, match="is no database of MLflow"):
        mlflow.read_here(tmp_path)


def test_a_database_that_is_cut_off_is_said(logged, tmp_path):
    whole = (logged / "mlflow.db").read_bytes()
    (tmp_path / "mlflow.db").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="cannot be read"):
        mlflow.read_here(tmp_path)
