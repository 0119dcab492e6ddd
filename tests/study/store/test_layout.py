"""A database of an earlier layout is brought up to date, with a copy kept; one of a later layout is refused."""

import sqlite3
import stat
from contextlib import closing

import pandas as pd
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from calibration.scale import Scale
from metrics.engine.types import Score, SetScore
from metrics.errors import InputError
from study.store import run_tables, schema
from study.store.migrations import FOLDER
from study.store.store import LockedError, Store, sqlite_url
from tests.study.layouts import make_database
from tests.study.stores import events, filled

EARLIER = range(1, schema.VERSION)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ratings.sqlite"


def set_layout(store, number: int) -> None:
    with store._write() as connection:
        connection.execute(schema.layout.update().values(version_num=str(number)))


def drop_record_of_runs(connection) -> None:
    """Make it a database of before layout 7."""
    for table in reversed(run_tables.TABLES):
        table.drop(connection)


def rows(path, query: str) -> list:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def dump(path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def test_the_migrations_lead_to_todays_layout():
    assert ScriptDirectory(str(FOLDER)).get_heads() == [str(schema.VERSION)]


@pytest.mark.parametrize("number", EARLIER)
def test_an_earlier_layout_is_brought_up_to_date_and_keeps_its_ratings(path, number):
    make_database(path, number)
    with closing(Store(sqlite_url(path))) as store:
        table = store.ratings_table()
        assert table[["item", "evaluator", "rating", "response_ms"]].values.tolist() == [["a.png", "ann", 4, 500]]
        assert (store.owner_token, store.evaluator_by_token("token-of-bob").name) == ("token-of-owner", "bob")
        store.save_scores(
            [
                Score("a.png", "lpips", 0.1, "metric:lpips"),
                Score("b.png", "lpips", None, "metric:lpips", "no reference"),
            ],
            [SetScore("all", "lpips", 0.1, 1, "metric:lpips", 0.0, 0.2)],
        )
        assert store.scores_table()["note"].tolist() == ["", "no reference", ""]
        assert store.set_scores_table()["high"].tolist() == [0.2]
        store.rate(1, "public-2", 5, "c3")
        assert [event[1:] for event in events(store)] == [("c1", 2), ("c2", 4), ("c3", 5)]
        with store._database.engine.connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
    fresh = path.with_name("fresh.sqlite")
    filled(fresh).close()
    for table in schema.metadata.tables:
        for pragma in ("table_info", "foreign_key_list"):
            assert [row[1:4] for row in rows(path, f"PRAGMA {pragma}({table})")] == [
                row[1:4] for row in rows(fresh, f"PRAGMA {pragma}({table})")
            ]
    with closing(Store(sqlite_url(path))) as store:
        assert len(store.ratings_table()) == 2


@pytest.mark.parametrize("number", [3, 4])
def test_what_the_third_layout_knew_is_kept(path, number):
    make_database(path, number)
    with closing(Store(sqlite_url(path))) as store:
        assert store.saw_report() == {"bob"} and store.has_seen_report(2) and not store.has_seen_report(1)
        asked = [(one.question, one.ratings, one.scale.numbers) for one in store.wordings()]
        assert asked == [("How good?", 1, (1, 2, 3, 4, 5))]
        assert store.history() == [("t", "Something was done.")]
        store.rate(2, "public-3", 2, "c3")
        with pytest.raises(LockedError):
            store.rate(2, "public-3", 3, "c4")
    assert rows(path, "SELECT count(*) FROM meta WHERE key LIKE 'report%'") == [(0,)]


def test_assignments_of_before_are_of_the_first_round(database):
    store = filled(database)
    table, before = store.ratings_table(), [store.assignments(one.id) for one in store.evaluators()]
    with store._write() as connection:  # as layout 5 had it
        drop_record_of_runs(connection)
        connection.exec_driver_sql("ALTER TABLE assignments DROP COLUMN round")
        connection.execute(schema.layout.update().values(version_num="5"))
    store.close()
    with closing(Store(database)) as again:
        assert [again.assignments(one.id) for one in again.evaluators()] == before
        assert {one.round for own in before for one in own} == {1} and again.ratings_table().equals(table)
        again.add_assignments([{"evaluator": "ann", "task": "aesthetic", "item": "z.png", "position": 0, "round": 2}])
        assert again.assignments(1)[-1].round == 2


@pytest.mark.parametrize("number", EARLIER)
def test_a_copy_of_the_earlier_layout_stays_beside_it(path, number):
    make_database(path, number)
    before = dump(path)
    Store(sqlite_url(path)).close()
    copy = path.with_name(f"ratings.sqlite.layout-{number}")
    assert dump(copy) == before
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert sorted(file.name for file in path.parent.iterdir()) == [path.name, copy.name]
    made = copy.stat().st_mtime_ns
    Store(sqlite_url(path)).close()
    assert copy.stat().st_mtime_ns == made  # once


def test_a_study_of_before_the_record_of_runs_gets_an_empty_one(database):
    store = filled(database)
    before = store.ratings_table()
    with store._write() as connection:  # as layout 6 had it
        drop_record_of_runs(connection)
        connection.execute(schema.layout.update().values(version_num="6"))
    store.close()
    with closing(Store(database)) as again:
        assert again.runs.images().empty and again.ratings_table().equals(before)
        with again._database.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, schema.metadata) == []
        assert again.runs.add_images(pd.DataFrame({"item": ["a.png"], "prompt": "sks"})) == 1


@pytest.mark.postgresql
def test_the_fourth_layout_in_postgresql_is_brought_up_to_date(postgresql_url):
    store = filled(postgresql_url)
    first, second = store.assignments(1)[:2]
    store.rate(1, first.public_id, 4, "c1")
    with store._write() as connection:
        drop_record_of_runs(connection)
        for change in (
            "ALTER TABLE wordings DROP COLUMN scale",
            "ALTER TABLE assignments DROP COLUMN round",
            "ALTER TABLE ratings ALTER rating TYPE integer",
            "ALTER TABLE rating_events ALTER rating TYPE integer",
        ):
            connection.exec_driver_sql(change)
        connection.execute(schema.layout.update().values(version_num="4"))
    store.close()
    with closing(Store(postgresql_url, scale=Scale((0.5, 1, 4)))) as store:
        store.rate(1, second.public_id, 0.5, "c2")
        assert sorted(store.ratings_table()["rating"]) == [0.5, 4]
        assert [event[1:] for event in events(store)] == [("c1", 4), ("c2", 0.5)]
        with store._database.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, schema.metadata) == []
    with closing(Store(postgresql_url)) as store:
        assert store.assignments(1)[0].rating == 4 and type(store.assignments(1)[0].rating) is int


def test_where_it_fails_nothing_has_changed(path, monkeypatch):
    make_database(path, 3)
    before = dump(path)

    def fail(connection, layout, to):
        connection.exec_driver_sql("DROP TABLE ratings")
        raise InputError("it failed")

    monkeypatch.setattr("study.store.layout.migrate", fail)
    with pytest.raises(InputError, match="it failed"):
        Store(sqlite_url(path))
    assert dump(path) == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_an_archive_of_an_earlier_layout_is_read_from_a_copy(path, monkeypatch):
    make_database(path, 2)
    before = path.read_bytes()
    monkeypatch.setattr("study.store.sqlite._is_read_only", lambda place: True)
    with closing(Store(sqlite_url(path))) as archived:
        assert archived.is_read_only and archived.ratings_table()["rating"].tolist() == [4]
    assert path.read_bytes() == before and [file.name for file in path.parent.iterdir()] == [path.name]


def test_who_only_watches_changes_no_layout(path):
    make_database(path, 3)
    before = path.read_bytes()
    with pytest.raises(InputError, match="has the layout 3; open the study to be written first"):
        Store(sqlite_url(path), watch=True)
    assert path.read_bytes() == before


def test_a_newer_layout_is_refused_and_not_touched(database):
    store = filled(database)
    set_layout(store, schema.VERSION + 1)
    before = events(store), store.ratings_table().to_csv()
    words = (
        rf"has the layout {schema.VERSION + 1}, made by a newer humangrade, and this one reads up to {schema.VERSION};"
    )
    for watch in (False, True):
        with pytest.raises(InputError, match=words):
            Store(database, watch=watch)
    assert (events(store), store.ratings_table().to_csv()) == before
    set_layout(store, schema.VERSION)
    store.close()
    Store(database).close()


def test_earlier_versions_of_humangrade_refuse_todays(path):
    """They compare this cell with their own layout."""
    filled(path).close()
    assert rows(path, "SELECT value FROM meta WHERE key = 'schema'") == [("4 or later",)]


def test_a_foreign_database_with_a_table_of_the_same_name(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE meta (key TEXT, value TEXT)")
    with pytest.raises(InputError, match="has the layout None, which is none of humangrade's"):
        Store(sqlite_url(path))


def test_answers_on_other_axes_are_beside_those_to_the_tasks_own_question(database):
    """Nothing asks further questions yet; the layout has room for them, and what there is stays as it was."""
    store = filled(database)
    first = store.assignments(1)[0]
    answer = {"assignment_id": first.id, "rated_at": "2026-11-29T00:00:00.000+00:00", "rating": 5}
    with store._write() as connection:
        connection.execute(schema.ratings.insert().values(axis="sharpness", **answer))
        connection.execute(schema.rating_events.insert().values(axis="sharpness", client_id="x", **answer))
    assert len(store.assignments(1)) == 12 and store.assignment(1, first.public_id).rating is None
    assert store.ratings_table().empty and store.rated_counts() == {} and store.progress()[0].done == 0
    store.rate(1, first.public_id, 2, "c1")
    store.rate(1, first.public_id, 3, "c2")
    assert store.ratings_table()["rating"].tolist() == [3] and store.progress()[0].done == 1
    assert store.import_rows([{"item": first.item, "evaluator": "ann", "task": first.task, "rating": 3}]) == (0, 0)
    with store._read() as connection:
        kept = connection.execute(schema.ratings.select().order_by(schema.ratings.c.axis)).all()
    assert [(row.axis, row.rating) for row in kept] == [("", 3), ("sharpness", 5)]
    assert store.withdraw("ann")[0] == 2
    store.close()
