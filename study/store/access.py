"""Reading and writing a study's database: one connection writes, behind a lock, and readers have their own."""

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError

from study.store.database import open_database
from study.store.progress_counts import Answered
from study.store.records import NotSaved

WIPE_SECONDS = 10.0


class Access:
    """An opened database, from which `study.store.store.Store` is built.

    Parameters
    ----------
    url, create, watch
        See `study.store.store.Store`.
    """

    def __init__(self, url: str | URL, create: bool = False, watch: bool = False):
        self._lock = threading.Lock()
        self._database = open_database(url, create, watch)
        self._commits = 0
        self._is_closed = False

    @property
    def owner_token(self) -> str:
        """The secret part of the owner's link."""
        return self._database.owner_token

    @property
    def name(self) -> str:
        """What the database is called in messages: a path, or an address without its password."""
        return self._database.name

    @property
    def is_read_only(self) -> bool:
        """Whether nothing can be written, as in an archive."""
        return self._database.is_read_only

    @property
    def identity(self) -> tuple[int, int] | None:
        """Device and inode of the database's file; None where it is none."""
        return self._database.identity

    def check_file(self) -> None:
        """Raise DatabaseGone where the database's file is not the one at its path any more."""
        self._database.check()

    def version(self) -> tuple[int, int]:
        """Something that differs once anybody, in this process or another, has changed the tables of the study.

        That somebody has seen the report stands in none of these, and does not count where this process notes it.
        """
        with self._lock:
            return self._commits, self._changes_elsewhere()

    def close(self) -> None:
        """Close all connections; the store is of no use afterwards."""
        self._is_closed = True
        self._database.close()

    @contextmanager
    def _write(self, answered: Sequence[Answered] | None = None) -> Iterator[Connection]:
        """The one writing connection, in a transaction that is committed at the end.

        `answered` says of a transaction that it does nothing to the tables but these answers, once it is through.
        """
        with self._lock:
            self._refuse_closed()
            if self.is_read_only:
                raise NotSaved(f"{self.name} is readonly, so nothing is saved; make it and its folder writable.")
            with self._in_words(), self._database.transaction() as connection:
                yield connection
            if answered is None or answered:
                self._commits += 1
            self._committed(answered, self._database.changes_seen)

    def _committed(self, answered: Sequence[Answered] | None, changes_elsewhere: int) -> None:
        """Called after every COMMIT of ours, behind the lock."""

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        """A connection of its own for a reader."""
        self._refuse_closed()
        with self._in_words(), self._database.reader() as connection:
            yield connection

    def _snapshot(self) -> Connection:
        """A reader's connection that sees what is committed now, and nothing that comes later."""
        self._refuse_closed()
        with self._in_words():
            return self._database.snapshot()

    def _changes_elsewhere(self) -> int:
        """A number that differs once another connection than the writer has changed the database."""
        self._refuse_closed()
        with self._in_words():
            return self._database.changes_elsewhere()

    def _refuse_closed(self) -> None:
        """Raise NotSaved where the connections were closed; SQLite's own files beside the database go with them."""
        if self._is_closed:
            raise NotSaved(f"{self.name} is closed; open the study again with open_study(FOLDER).")

    def _wipe(self) -> bool:
        """Have what was deleted gone from the files; whether that was possible in ten seconds."""
        end = time.monotonic() + WIPE_SECONDS
        while time.monotonic() < end:
            with self._lock:
                is_wiped = self._database.wipe()
            if is_wiped:
                return True
            time.sleep(0.1)
        return False

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        """The driver's errors as NotSaved."""
        try:
            yield
        except DBAPIError as error:
            raise self._database.in_words(error.orig or error) from error
        except sqlite3.Error as error:
            raise self._database.in_words(error) from error
