"""Opening a study's database, SQLite's file or PostgreSQL, and what the two do differently."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, func, make_url, select
from sqlalchemy.exc import ArgumentError

from metrics.errors import InputError
from study.store.records import NotSaved
from study.store.schema import meta


class Database(ABC):
    """An opened database.

    Everything but reading is done by one thread at a time: `study.store.access` holds a lock.

    Parameters
    ----------
    name : str
        For messages; it holds no password.
    engine : Engine
        For readers, each with a connection of its own.
    writer : Connection
        The one connection that writes.
    owner_token : str
        The secret part of the owner's link.
    is_read_only : bool
        Nothing can be written.
    """

    identity: tuple[int, int] | None = None
    """Device and inode of the file; None where there is none at a place of the user's."""

    def __init__(self, name: str, engine: Engine, writer: Connection, owner_token: str, is_read_only: bool = False):
        self.name = name
        self.engine = engine
        self.writer = writer
        self.owner_token = owner_token
        self.is_read_only = is_read_only
        self.changes_seen = -1
        """What `changes_elsewhere` was while the last transaction of ours was committed."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[Connection]:
        """The writing connection, committed at the end.

        From beginning to end nobody else writes, also in other processes: what is read in it is still true when it is
        committed.
        """

    @abstractmethod
    def changes_elsewhere(self) -> int:
        """A number that differs once another connection than the writer has changed the database."""

    @abstractmethod
    def in_words(self, error: BaseException) -> NotSaved:
        """An error of the driver in plain words."""

    def check(self) -> None:  # noqa: B027 (a kind may have nothing to check)
        """Raise DatabaseGone where what is open is not what stands at its address any more."""

    @contextmanager
    def reader(self) -> Iterator[Connection]:
        """A connection of its own, to read."""
        self.check()
        with self.engine.connect() as connection:
            yield connection

    def snapshot(self) -> Connection:
        """A reader's connection that sees what is committed now, and nothing that comes later."""
        self.check()
        connection = self.engine.connect()
        connection.execute(select(func.count()).select_from(meta))
        return connection

    def begin_wiping(self) -> None:  # noqa: B027 (a kind may have nothing to do)
        """What is deleted from now on shall be gone from the files as well."""

    @abstractmethod
    def wipe(self) -> bool:
        """Have what was deleted gone from the files; whether that was possible at once."""

    def close(self) -> None:
        """Close all connections."""
        self.writer.close()
        self.engine.dispose()


def open_database(url: str | URL, create: bool = False, watch: bool = False) -> Database:
    """Open a study's database.

    Parameters
    ----------
    url : str or URL
        ``sqlite:///FILE`` or ``postgresql://USER@HOST/NAME``.
    create : bool
        Make the tables where the database is new; otherwise one without tables is refused.
    watch : bool
        Open it to be read beside the process that writes.

    Returns
    -------
    Database

    Raises
    ------
    InputError
        Where it cannot be opened, holds no study, or was made by a newer version of humangrade.
    """
    from study.store.postgresql import open_postgresql
    from study.store.sqlite import open_sqlite

    try:
        url = make_url(url)
    except ArgumentError:
        raise InputError("The database's address cannot be read; it looks like postgresql://USER@HOST/NAME.") from None
    backend = url.get_backend_name()
    if backend == "sqlite":
        return open_sqlite(url, create, watch)
    if backend == "postgresql":
        return open_postgresql(url, create, watch)
    raise InputError(f"A study's database is SQLite's file or PostgreSQL, not {backend}.")


def sqlite_url(path: Path) -> URL:
    """The address of a SQLite file, whatever its path holds.

    Examples
    --------
    >>> sqlite_url(Path("who?/ratings.sqlite")).database
    'who?/ratings.sqlite'
    """
    return URL.create("sqlite", database=str(path))
