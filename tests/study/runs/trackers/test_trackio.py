"""Trackio's databases, as its own client writes them."""

import json
import shutil
import sqlite3
from contextlib import closing

import pytest

from metrics.errors import InputError
from study.runs.trackers import trackio
from study.runs.types import Scalar, TrackedRun
from tests.study.runs.trackers.examples import assert_same, example, pictures


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """What was written: the runs and their place."""
    folder = tmp_path_factory.mktemp("trackio")
    many = tuple(Scalar("many", step, step * 1.1) for step in range(10_000))
    runs = [example(), example("../../up"), TrackedRun("many", {}, many)]
    trackio.write(runs, folder / "out")
    return runs, folder / "out"


@pytest.fixture
def copy(written, tmp_path):
    """The database, in a folder of its own to be changed."""
    shutil.copytree(written[1], tmp_path / "copy")
    return tmp_path / "copy" / "humangrade.db"


def change(database, sql, *values):
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(sql, values)


def test_runs_are_the_same_after_a_round_trip(written):
    runs, place = written
    found = {run.name: run for run in trackio.read(place)}
    for run in runs:
        assert_same(found[run.name], run)
    assert not [path for path in place.parent.rglob("*.png") if not path.is_relative_to(place / "media" / "humangrade")]


def test_a_database_alone_is_read_and_not_changed(copy):
    before = copy.read_bytes()
    assert len(trackio.read(copy)) == 3
    assert copy.read_bytes() == before


def test_what_others_logged_is_read_as_it_is(copy):
    change(copy, "DELETE FROM metrics")
    change(copy, "DELETE FROM configs")
    row = {"loss": 0.5, "bad": "NaN", "worse": "-Infinity", "__step": 7, "said": "words", "is": True}
    for _ in range(2):
        change(
            copy,
            "INSERT INTO metrics (timestamp, run_id, run_name, step, metrics) VALUES ('', 'r', 'lora', 300, ?)",
            json.dumps(row),
        )
    config = json.dumps({"rank": 4, "_Username": "x"})
    change(copy, "INSERT INTO configs (run_id, run_name, config, created_at) VALUES ('r', 'lora', ?, '')", config)
    (run,) = trackio.read(copy)
    assert (run.name, run.external_id, run.config) == ("lora", "r", {"rank": 4})
    told = [(one.name, one.step, repr(one.value)) for one in run.scalars]
    row = [("loss", 300, "0.5"), ("bad", 300, "nan"), ("worse", 300, "-inf"), ("step", 300, "7.0")]
    assert told == row * 2  # a step that was logged twice is there twice


@pytest.mark.parametrize("path", ["../../secret.png", "/etc/passwd", "humangrade/nothing.png", "a\0b", "x" * 5000])
def test_a_path_that_leads_out_of_the_media_gives_no_picture(copy, path):
    (copy.parent.parent / "secret.png").write_bytes(b"secret")
    before = {run.name: run for run in trackio.read(copy)}["many"]
    medium = json.dumps({"stolen": {"_type": "trackio.image", "file_path": path}})
    change(
        copy,
        "INSERT INTO metrics (timestamp, run_id, run_name, step, metrics) VALUES ('', ?, 'many', 0, ?)",
        before.external_id,
        medium,
    )
    run = {run.name: run for run in trackio.read(copy)}["many"]
    assert not pictures(run) and "1 pictures that the database names are not" in run.notes[0]


def test_rows_that_cannot_be_read_are_said(copy):
    change(copy, "UPDATE metrics SET metrics = '{\"many\": 1' WHERE run_name = 'many' AND step < 3")
    run = {run.name: run for run in trackio.read(copy)}["many"]
    assert len(run.scalars) == 9997 and "3 rows" in run.notes[0]


def test_what_is_none_of_trackios_is_said(copy, tmp_path):
    with pytest.raises(InputError, match="is not there"):
        trackio.read(tmp_path / "nothing")
    with pytest.raises(InputError, match="holds no run of Trackio"):
        trackio.read(tmp_path)
    whole = copy.read_bytes()
    copy.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="cannot be read"):
        trackio.read(copy)
    copy.write_bytes(b"no database at all")
    with pytest.raises(InputError, match="cannot be read"):
        trackio.read(copy)
    copy.unlink()
    change(copy, "CREATE TABLE metrics (id INTEGER)")
    with pytest.raises(InputError, match="is no database of Trackio"):
        trackio.read(copy)


def test_a_view_in_the_place_of_the_table_is_refused(copy):
    change(copy, "ALTER TABLE metrics RENAME TO others")
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT i AS id, '' AS run_id"
    change(copy, f"CREATE VIEW metrics AS {endless}, '' AS run_name, 0 AS step, '' AS metrics FROM n")
    with pytest.raises(InputError, match="is no database of Trackio"):
        trackio.read(copy)
