"""The database is the one at its path, and the log that is replayed is its own."""

import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from metrics.errors import InputError
from study.store.sqlite_file import DatabaseGone, log_of, mark_in, marks_before, refuse_foreign_log
from study.store.store import NotSaved, Store, sqlite_url
from tests.study.stores import filled, given_ratings, ids

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def path(tmp_path):
    (tmp_path / "study").mkdir()
    return tmp_path / "study" / "ratings.sqlite"


@pytest.fixture
def store(path):
    store = filled(path)
    yield store
    store.close()


def rate(store, place, rating, client="c"):
    ann = store.evaluators()[0].id
    return store.rate(ann, ids(store, ann)[place], rating, f"{client}{place}")


def copy(path, to):
    to.mkdir()
    shutil.copy(path, to / path.name)
    return to / path.name


def state(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


class TestWhileItIsOpen:
    def test_a_deleted_file_takes_no_rating_and_is_read_no_more(self, store, path):
        ann = store.evaluators()[0].id
        target = ids(store, ann)[0]
        path.unlink()
        with pytest.raises(DatabaseGone, match="was deleted or moved while it was open, so nothing is saved"):
            store.rate(ann, target, 3, "c")
        for look in (store.evaluators, store.progress, store.ratings_table, lambda: store.assignments(ann)):
            with pytest.raises(DatabaseGone):
                look()
        assert not path.exists()

    def test_a_file_put_back_goes_on(self, store, path):
        ann = store.evaluators()[0].id
        target = ids(store, ann)[0]
        path.rename(path.with_name("elsewhere"))
        with pytest.raises(DatabaseGone):
            store.rate(ann, target, 3, "c")
        path.with_name("elsewhere").rename(path)
        assert store.rate(ann, target, 3, "c").rating == 3
        assert given_ratings(store, ann)[target] == 3

    def test_another_file_at_its_place_is_left_alone(self, store, path, tmp_path):
        backup = copy(path, tmp_path / "backup")
        rate(store, 0, 3)
        ann = store.evaluators()[0].id
        target = ids(store, ann)[1]
        backup.replace(path)
        restored = path.read_bytes()
        with pytest.raises(DatabaseGone, match="was replaced by another file"):
            store.rate(ann, target, 4, "d")
        store.close()
        assert path.read_bytes() == restored
        with closing(Store(sqlite_url(path))) as again:  # the old log was set aside, not replayed
            assert len(again.ratings_table()) == 0
            rate(again, 0, 5)
            assert again.ratings_table()["rating"].tolist() == [5]

    def test_a_file_overwritten_in_its_place_takes_no_rating(self, store, path, tmp_path):
        backup = copy(path, tmp_path / "backup")
        rate(store, 0, 3)
        ann = store.evaluators()[0].id
        target = ids(store, ann)[1]
        with path.open("r+b") as file:  # as cp does it
            file.truncate()
            file.write(backup.read_bytes())
        with pytest.raises(NotSaved):
            store.rate(ann, target, 4, "d")
        store.close()
        assert path.read_bytes() == backup.read_bytes()

    @pytest.mark.parametrize("end", ["-wal", "-shm"])
    def test_without_the_files_beside_it_no_rating_is_taken(self, store, path, end):
        rate(store, 0, 3)
        ann = store.evaluators()[0].id
        target = ids(store, ann)[1]
        path.with_name(path.name + end).unlink()
        with pytest.raises(DatabaseGone, match=rf"ratings.sqlite{end} was deleted or replaced while"):
            store.rate(ann, target, 4, "d")

    def test_an_overwritten_file_stays_refused(self, store, path, tmp_path):
        old = copy(path, tmp_path / "old")
        rate(store, 0, 3)
        ann = store.evaluators()[0].id
        targets = ids(store, ann)
        shutil.copyfile(old, path)
        for number in range(4):
            with pytest.raises(DatabaseGone, match="was overwritten while it was open"):
                store.rate(ann, targets[1 + number], 4, f"d{number}")
        assert path.read_bytes() == old.read_bytes()

    def test_a_link_to_the_database_is_watched_like_the_file(self, path, tmp_path):
        filled(path).close()
        link = tmp_path / "linked" / "ratings.sqlite"
        link.parent.mkdir()
        link.symlink_to(path)
        store = Store(sqlite_url(link))
        rate(store, 0, 3)
        target = ids(store, 1)[1]
        log_of(link).unlink()
        with pytest.raises(DatabaseGone):
            store.rate(1, target, 4, "d")
        store.close()

    def test_what_another_process_writes_is_welcome(self, store, path):
        code = (
            "import sys; from pathlib import Path; from study.store.store import NotSaved, Store, sqlite_url; "
            "store = Store(sqlite_url(Path(sys.argv[1]))); store.add_evaluators(['cleo']); store.close()"
        )
        rate(store, 0, 3)
        subprocess.run([sys.executable, "-c", code, str(path)], cwd=ROOT, check=True)
        rate(store, 1, 4)
        assert [one.name for one in store.evaluators()] == ["ann", "bob", "cleo"]
        assert sorted(store.ratings_table()["rating"]) == [3, 4]

    def test_a_reader_that_holds_the_log_back_does_no_harm(self, store, path):
        with closing(sqlite3.connect(path)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM ratings").fetchone()
            code = (
                "import sys; from pathlib import Path; from study.store.store import NotSaved, Store, sqlite_url; "
                "store = Store(sqlite_url(Path(sys.argv[1]))); "
                "[store.add_evaluators([name]) for name in ('cleo', 'dora', 'eve')]; store.close()"
            )
            for place in range(3):
                rate(store, place, 3)
                subprocess.run([sys.executable, "-c", code, str(path)], cwd=ROOT, check=True)
        rate(store, 3, 3)
        assert len(store.ratings_table()) == 4

    def test_opening_while_others_rate_is_no_false_alarm(self, store, path):
        stop = threading.Event()

        def keep_rating():
            number = 0
            while not stop.is_set():
                rate(store, number % 6, 1 + number % 5, f"k{number}-")
                number += 1

        thread = threading.Thread(target=keep_rating)
        thread.start()
        try:
            for _ in range(300):
                refuse_foreign_log(path)
        finally:
            stop.set()
            thread.join()


class TestTheLog:
    def left_behind(self, path):
        """The log of a server that was killed."""
        code = (
            "import os, signal, sys; from pathlib import Path; from tests.study.stores import ids; "
            "from study.store.store import NotSaved, Store, sqlite_url; store = Store(sqlite_url(Path(sys.argv[1]))); "
            "ann = store.evaluators()[0].id; "
            "[store.rate(ann, one, 5, 'k' + one) for one in ids(store, ann)]; os.kill(os.getpid(), signal.SIGKILL)"
        )
        done = subprocess.run([sys.executable, "-c", code, str(path)], cwd=ROOT)
        assert done.returncode == -signal.SIGKILL
        assert log_of(path).stat().st_size > 0

    def test_its_own_log_is_replayed(self, path):
        filled(path).close()
        self.left_behind(path)
        assert mark_in(path) in marks_before(log_of(path))
        with closing(Store(sqlite_url(path))) as store:
            assert store.ratings_table()["rating"].tolist() == [5] * 12

    def test_a_log_whose_last_transaction_is_not_in_the_file_yet_is_its_own(self, store, path, tmp_path):
        before = path.read_bytes()
        rate(store, 0, 4)
        (tmp_path / "killed").mkdir()
        killed = tmp_path / "killed" / path.name  # between COMMIT and the log's way into the file
        killed.write_bytes(before)
        shutil.copy(log_of(path), log_of(killed))
        with closing(Store(sqlite_url(killed))) as opened:
            assert opened.ratings_table()["rating"].tolist() == [4]

    def test_a_log_beside_a_restored_file_is_refused_and_both_stay(self, path, tmp_path):
        store = filled(path)
        backup = copy(path, tmp_path / "backup")
        rate(store, 0, 1)
        store.close()
        self.left_behind(path)
        for restore in (lambda: shutil.copyfile(backup, path), lambda: backup.replace(path)):
            restore()
            before = state(path.parent)
            with pytest.raises(InputError, match=r"The log .*ratings.sqlite-wal does not belong to ratings.sqlite"):
                Store(sqlite_url(path))
            assert state(path.parent) == before
        log_of(path).rename(path.with_name("aside"))
        with closing(Store(sqlite_url(path))) as restored:
            assert len(restored.ratings_table()) == 0

    def test_a_log_of_another_study_is_refused(self, path, tmp_path):
        filled(path).close()
        (tmp_path / "other").mkdir()
        other = tmp_path / "other" / "ratings.sqlite"
        filled(other).close()
        self.left_behind(other)
        shutil.copy(log_of(other), log_of(path))
        with pytest.raises(InputError, match="does not belong to"):
            Store(sqlite_url(path))

    def test_a_rollback_journal_is_refused(self, path):
        filled(path).close()
        path.with_name("ratings.sqlite-journal").write_bytes(b"x" * 600)
        with pytest.raises(InputError, match="would be played back into it"):
            Store(sqlite_url(path))

    def test_an_archive_is_read_with_its_log(self, store, path, tmp_path, monkeypatch):
        with closing(sqlite3.connect(path)) as reader:  # holds the log back
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM ratings").fetchone()
            for place in range(4):
                rate(store, place, 3)
            archive = tmp_path / "archive" / path.name
            archive.parent.mkdir()
            shutil.copy(path, archive)
            shutil.copy(log_of(path), log_of(archive))
        before = state(archive.parent)
        monkeypatch.setattr("study.store.sqlite.os.access", lambda place, mode: False)
        with closing(Store(sqlite_url(archive))) as opened:
            assert len(opened.ratings_table()) == 4 and opened.is_read_only
            with pytest.raises(NotSaved, match=f"{archive} is readonly"):
                opened.add_evaluators(["x"])
        assert state(archive.parent) == before


class TestTroubleInWords:
    def test_an_empty_file_is_no_new_study(self, path):
        path.touch()
        with pytest.raises(InputError, match=r"is empty .0 bytes."):
            Store(sqlite_url(path))
        assert path.stat().st_size == 0 and [file.name for file in path.parent.iterdir()] == [path.name]

    def test_a_database_without_our_tables_is_no_new_study(self, path):
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE other (x)")
        with pytest.raises(InputError, match="holds no study"):
            Store(sqlite_url(path))

    def test_a_full_disk_is_called_full_and_keeps_what_was_saved(self, store):
        rate(store, 0, 3)
        pages = store._database.raw().execute("PRAGMA page_count").fetchone()[0]
        store._database.raw().execute(f"PRAGMA max_page_count={pages}")
        with pytest.raises(NotSaved, match=r"The disk that holds .* is full, so nothing is saved; make room"):
            store.import_rows(
                [{"item": f"{n}.png", "evaluator": "x" * 99, "task": "t", "rating": 1} for n in range(900)]
            )
        assert store.ratings_table()["rating"].tolist() == [3]
        store._database.raw().execute("PRAGMA max_page_count=1000000")
        rate(store, 1, 4)
        assert sorted(store.ratings_table()["rating"]) == [3, 4]

    def test_a_file_locked_by_another_program(self, store, path):
        store._database.raw().execute("PRAGMA busy_timeout=50")
        with closing(sqlite3.connect(path)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(NotSaved, match=r"keeps .* locked"):
                rate(store, 0, 3)
        rate(store, 0, 3)
