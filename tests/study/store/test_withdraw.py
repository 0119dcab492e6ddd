"""A person's data can be withdrawn, and is gone from the file; exports can leave names out."""

import json
import sqlite3
from contextlib import closing

import pandas as pd
import pytest
from starlette.testclient import TestClient

from metrics.errors import InputError
from study.folder.exporting import export_tables, table_files
from study.folder.study import open_study
from study.folder.withdrawing import withdraw_evaluator
from study.server.app import create_app
from tests.study.command import run_command

NAME = "Wilhelmina-Zyx"


@pytest.fixture
def study(make_study):
    study = make_study(images=4, references=0, tasks=("aesthetic",), evaluators=("ann", NAME, "bob"), share_report=True)
    for evaluator in study.store.evaluators():
        for number, one in enumerate(study.store.assignments(evaluator.id)):
            study.store.rate(evaluator.id, one.public_id, 1 + number % 5, f"{evaluator.name}-{number}")
    yield study
    study.close()


def test_nothing_of_the_person_is_left_and_the_history_says_so(study):
    gone = next(one for one in study.store.evaluators() if one.name == NAME)
    study.store.note_report_seen(gone.id)
    client = TestClient(create_app(study))
    assert client.get(f"/api/rater/{gone.token}/session").status_code == 200
    words = withdraw_evaluator(study, NAME, ask=False)
    assert words.startswith(
        f"Deleted 4 ratings by {NAME}, with their history and the link. Exports, reports and copies"
    )
    assert set(study.store.ratings_table()["evaluator"]) == {"ann", "bob"}
    assert [(one.evaluator, one.done) for one in study.store.progress()] == [("ann", 4), ("bob", 4)]
    assert client.get(f"/api/rater/{gone.token}/session").status_code == 404
    assert client.put(f"/api/rater/{gone.token}/ratings/x", json={}).status_code == 404
    ((_, what),) = study.store.history()
    assert what == "One evaluator's data was withdrawn: 4 ratings with its link."
    study.close()
    content = b"".join(file.read_bytes() for file in study.folder.iterdir())
    assert NAME.encode() not in content and gone.token.encode() not in content
    assert b"ann" in content
    with closing(open_study(study.folder)) as again:
        again.sync_assignments()
        assert [one.name for one in again.store.evaluators()] == ["ann", "bob"]


def test_a_reader_that_keeps_old_pages_is_said(study, monkeypatch):
    monkeypatch.setattr("study.store.access.WIPE_SECONDS", 0.5)
    with closing(sqlite3.connect(study.folder / "ratings.sqlite")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM ratings").fetchone()
        words = withdraw_evaluator(study, NAME, ask=False)
    assert "Another program was reading the database all the time, so its file may hold traces of them until" in words
    study.close()
    assert NAME.encode() not in b"".join(file.read_bytes() for file in study.folder.iterdir())


def test_a_copy_of_an_earlier_layout_is_named(study):
    (study.folder / "ratings.sqlite.layout-3").touch()
    words = withdraw_evaluator(study, NAME, ask=False)
    assert words.endswith("delete those too. The study's folder has such a copy: ratings.sqlite.layout-3.")


def test_an_unknown_name_changes_nothing(study):
    with pytest.raises(InputError, match=f"has no evaluator 'Wilhelmina'; did you mean '{NAME}'"):
        study.store.withdraw("Wilhelmina")
    with pytest.raises(InputError, match="has no evaluator 'x'; it has ann"):
        study.store.withdraw("x")
    assert len(study.store.ratings_table()) == 12


@pytest.mark.process
def test_the_command_asks_unless_told(study):
    study.close()
    refused = run_command("withdraw", study.folder, NAME, cwd=study.folder)
    assert refused.returncode == 2
    assert (
        f"Delete 4 ratings by {NAME}, with their history and the link, for good? There is no terminal" in refused.stderr
    )
    done = run_command("withdraw", study.folder, NAME, "--yes", cwd=study.folder)
    assert (done.returncode, done.stdout[:18]) == (0, "Deleted 4 ratings ")


def test_an_export_without_names(study, tmp_path):
    named = pd.read_csv(tmp_path / "a" / export_tables(study, tmp_path / "a")[1].name)
    for file in export_tables(study, tmp_path / "b", without_names=True):
        assert NAME not in file.read_text()
    nameless = pd.read_csv(tmp_path / "b" / "ratings.csv")
    assert sorted(nameless["evaluator"].unique()) == ["evaluator-1", "evaluator-2", "evaluator-3"]
    key = ["item", "rating", "rated_at"]
    assert nameless[key].sort_values(key).values.tolist() == named[key].sort_values(key).values.tolist()
    assert table_files(study, without_names=True) == table_files(study, without_names=True)


def test_no_order_of_names_or_of_joining_shows_through(make_study):
    orders = set()
    for _ in range(12):
        study = make_study(images=1, references=0, tasks=("aesthetic",), evaluators=("a", "b", "c"))
        for rating, evaluator in enumerate(study.store.evaluators(), 1):
            (one,) = study.store.assignments(evaluator.id)
            study.store.rate(evaluator.id, one.public_id, rating, "c" + evaluator.name)
        rows = [row.split(",") for row in table_files(study, without_names=True)["ratings.csv"].splitlines()[1:]]
        orders.add(tuple(row[3] for row in rows))
        study.close()
    assert len(orders) > 1


def test_who_saw_the_report_is_given_nothing_more(study):
    ann = study.store.evaluators()[0]
    study.store.note_report_seen(ann.id)
    table = study.folder / "items.csv"
    head, first, *rest = table.read_text().splitlines()
    cells = dict(zip(head.split(","), first.split(","), strict=True))
    new = ",".join("new" if name == "item" else cell for name, cell in cells.items())
    table.write_text("\n".join([head, first, *rest, new]) + "\n")
    study.close()
    with closing(open_study(study.folder)) as again:
        again.sync_assignments()
        assert {one.evaluator: one.total for one in again.store.progress()} == {"ann": 4, NAME: 5, "bob": 5}


def test_a_download_without_names(study):
    client = TestClient(create_app(study))
    answer = client.get(f"/api/owner/{study.store.owner_token}/export.zip?names=0")
    assert answer.headers["content-disposition"].endswith('humangrade-export-without-names.zip"')
    assert json.dumps(NAME).encode() not in answer.content
