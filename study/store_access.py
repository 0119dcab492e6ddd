"""Reading and writing a study's database: one connection writes, behind a lock, and readers have their own.

A transaction is committed only into the database file that stands at its path; see `study.database_file`.
"""

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, func, make_url, select
from sqlalchemy.exc import DBAPIError

from study.database import open_database
from study.database_file import NotSaved, leave_mark, mark, not_saved
from study.progress_counts import Answered
from study.schema import meta

WIPE_SECONDS = 10.0


class Access:
    """An opened database, from which `study.store.Store` is built.

    Parameters
    ----------
    url, create, watch
        See `study.store.Store`.
    """

    def __init__(self, url: str | URL, create: bool = False, watch: bool = False):
        self._lock = threading.Lock()
        self._database = open_database(url, create, watch)
        self._engine, self._writer = self._database.engine, self._database.writer
        self._name = str(make_url(url).database)
        self._commits = 0
        self._changes_seen = -1

    @property
    def owner_token(self) -> str:
        """The secret part of the owner's link."""
        return self._database.owner_token

    @property
    def is_read_only(self) -> bool:
        """Whether nothing can be written, as in an archive."""
        return self._database.is_read_only

    @property
    def identity(self) -> tuple[int, int] | None:
        """Device and inode of the database's file; None where it is none."""
        return None if self._database.file is None else self._database.file.identity

    def check_file(self) -> None:
        """Raise DatabaseGone where the database's file is not the one at its path any more."""
        if self._database.file is not None:
            self._database.file.check()

    def version(self) -> tuple[int, int]:
        """Something that differs once anybody, in this process or another, has changed the tables of the study."""
        with self._lock:
            return self._commits, self._changes_elsewhere()

    def close(self) -> None:
        """Close all connections; the store is of no use afterwards."""
        self._writer.close()
        self._engine.dispose()
        if self._database.file is not None and not self.is_read_only:
            self._database.file.set_log_aside()
        if self._database.copy is not None:
            self._database.copy.cleanup()

    @contextmanager
    def _write(self, answered: Sequence[Answered] | None = None) -> Iterator[Connection]:
        """The one writing connection, in a transaction that is committed at the end.

        `answered` says of a transaction that it does nothing to the tables but these answers, once it is through.
        """
        file = self._database.file
        with self._lock:
            if self.is_read_only:
                raise NotSaved(f"{self._name} is readonly, so nothing is saved; make it and its folder writable.")
            try:
                if file is not None and file.was_touched():
                    now = int(self._raw().execute("PRAGMA user_version").fetchone()[0])
                    if self._bring_log_in():
                        file.note_reached(now)
                with self._writer.begin():
                    before = mark(self._writer) if file is not None else 0
                    yield self._writer
                    if file is not None:
                        new = leave_mark(self._writer, before)
                        seen = self._changes_elsewhere()  # here, while nobody else can write
                        file.check(before, seen == self._changes_seen)
                if file is not None:
                    file.check()
                    file.note_commit(new, self._bring_log_in())
                    self._changes_seen = seen
            except DBAPIError as error:
                raise not_saved(error.orig or error, self._name) from error
            except sqlite3.Error as error:
                raise not_saved(error, self._name) from error
            if answered is None or answered:
                self._commits += 1
            self._committed(answered)

    def _committed(self, answered: Sequence[Answered] | None) -> None:
        """Called after every COMMIT of ours, behind the lock."""

    def _bring_log_in(self, how: str = "PASSIVE") -> bool:
        """Bring SQLite's log into the file; whether all of it is there now, which a reader may hold up."""
        is_busy, logged, brought_in = self._raw().execute(f"PRAGMA wal_checkpoint({how})").fetchone()
        return not is_busy and logged == brought_in

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        """A connection of its own for a reader."""
        self.check_file()
        try:
            with self._engine.connect() as connection:
                yield connection
        except DBAPIError as error:
            raise not_saved(error.orig or error, self._name) from error

    def _snapshot(self) -> Connection:
        """A reader's connection that sees what is committed now, and nothing that comes later."""
        self.check_file()
        connection = self._engine.connect()
        connection.execute(select(func.count()).select_from(meta))
        return connection

    def _changes_elsewhere(self) -> int:
        """A number that differs once another connection than the writer has changed the database."""
        if self._database.file is None:
            return self._commits  # not known, so every change counts
        return int(self._raw().execute("PRAGMA data_version").fetchone()[0])

    def _raw(self) -> Any:
        """The writer's own connection, outside any transaction."""
        return self._writer.connection.dbapi_connection

    def _wipe(self) -> bool:
        """Write the file anew without what was deleted, and empty its log; whether that was possible in ten seconds."""
        assert self._database.file is not None
        end = time.monotonic() + WIPE_SECONDS
        while time.monotonic() < end:
            with self._lock:
                self._raw().execute("PRAGMA busy_timeout=100")  # nobody's rating waits longer for this
                try:
                    self._raw().execute("VACUUM")
                    is_wiped = self._bring_log_in("TRUNCATE")
                except sqlite3.OperationalError:
                    is_wiped = False
                finally:
                    self._raw().execute("PRAGMA busy_timeout=10000")
                self._database.file.note_commit()
            if is_wiped:
                return True
            time.sleep(0.1)
        return False
