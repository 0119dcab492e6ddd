"""The database file: private, durable, refused where it is not ours, and shared between processes."""

import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from metrics.errors import InputError
from study.store.store import Store, sqlite_url
from tests.study.stores import events, filled, given_ratings, ids

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ratings.sqlite"


@pytest.fixture
def store(path):
    store = filled(path)
    yield store
    store.close()


@pytest.fixture
def ann(store):
    return store.evaluators()[0].id


def test_the_file_is_private_and_durable(store, ann, path):
    store.rate(ann, ids(store, ann)[0], 3, "c1")
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}
    with store._write() as connection:
        settings = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in PRAGMAS}
    assert settings == PRAGMAS
    assert store._database.raw().isolation_level is None  # else Python begins transactions of its own


PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}


def test_closing_leaves_one_file(store, ann, path):
    store.rate(ann, ids(store, ann)[0], 3, "c1")
    store.close()
    assert [file.name for file in path.parent.iterdir()] == ["ratings.sqlite"]


def test_what_is_no_database_is_refused_and_not_touched(tmp_path):
    for content in (b"hello" * 500, b"SQLite format 3\x00" + b"\xff" * 500):
        (tmp_path / "noise.sqlite").write_bytes(content)
        with pytest.raises(InputError, match="cannot be opened"):
            Store(sqlite_url(tmp_path / "noise.sqlite"))
        assert (tmp_path / "noise.sqlite").read_bytes() == content
    with pytest.raises(InputError, match=r"cannot be opened .No such file"):
        Store(sqlite_url(tmp_path / "missing" / "ratings.sqlite"))
    with pytest.raises(InputError, match="cannot be opened"):
        Store(sqlite_url(tmp_path))


# another process


RATE_ALL = """
import sys, time
from study.store.store import Store, sqlite_url
from metrics.engine.types import Score, SetScore
from contextlib import closing
from pathlib import Path
store = Store(sqlite_url(Path(sys.argv[1])))
ann = store.evaluators()[0].id
print("ready", flush=True)
for turn in range(int(sys.argv[2])):
    for one in store.assignments(ann):
        store.rate(ann, one.public_id, 1 + turn % 5, f"{turn}-{one.public_id}")
        time.sleep(0.002)
"""


def test_another_process_reads_and_imports_while_one_rates(store, path):
    bob = store.evaluators()[1]
    with subprocess.Popen(
        [sys.executable, "-c", RATE_ALL, str(path), "30"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        process.stdout.readline()
        imports = 0
        while process.poll() is None:
            row = {"item": f"new-{imports}.png", "evaluator": "bob", "task": "aesthetic", "rating": 1 + imports % 5}
            store.import_rows([row])
            imports += 1
            assert len(store.ratings_table()) >= imports
        assert process.returncode == 0
    assert imports > 3, "no import got its turn"
    assert set(given_ratings(store, store.evaluators()[0].id).values()) == {5}
    assert sum(rating is not None for rating in given_ratings(store, bob.id).values()) == imports
    assert len(events(store)) == 30 * 12 + imports


def test_the_file_alone_holds_every_rating_while_it_is_open(store, ann, path, tmp_path):
    for number, target in enumerate(ids(store, ann)):
        store.rate(ann, target, 3, f"c{number}")
    (tmp_path / "copy").mkdir()
    copy = tmp_path / "copy" / "ratings.sqlite"
    copy.write_bytes(path.read_bytes())
    with closing(Store(sqlite_url(copy))) as copied:
        assert len(copied.ratings_table()) == len(ids(store, ann))


def test_a_database_that_cannot_be_written_can_be_read(store, ann, path, monkeypatch):
    store.rate(ann, ids(store, ann)[0], 3, "c1")
    store.close()
    before = path.read_bytes()
    monkeypatch.setattr("study.store.sqlite.os.access", lambda place, mode: False)
    with closing(Store(sqlite_url(path))) as archived:
        assert archived.ratings_table()["rating"].tolist() == [3]
        with pytest.raises(InputError, match="readonly"):
            archived.rate(ann, ids(archived, ann)[1], 3, "c2")
    assert path.read_bytes() == before and [file.name for file in path.parent.iterdir()] == ["ratings.sqlite"]
