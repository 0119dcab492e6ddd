"""A study in SQLite's file: durable, not in anybody's way, and committed only into the file that stands at its path."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from metrics.errors import InputError
from study.store import schema
from study.store.database import Database, sqlite_url
from study.store.layout import checked, layout_of, owner_token, prepare
from study.store.records import NotSaved
from study.store.scratch import Scratch
from study.store.sqlite_file import (
    DatabaseFile,
    DatabaseGone,
    has_log,
    leave_mark,
    log_of,
    mark,
    not_saved,
    refuse_foreign_log,
)

_BUSY_MS = 10_000
_BEGIN = "begin"  # the execution option that holds SQLite's words for a new transaction


class SQLite(Database):
    """See `Database`.

    Parameters
    ----------
    name, engine, writer, owner_token, is_read_only
        See `Database`; the writer's transactions lock the file from their beginning.
    file : DatabaseFile, optional
        None for a database that lives in memory, or that is a copy of ours.
    copy : Scratch, optional
        What is to be cleaned up at the end.
    """

    def __init__(
        self,
        name: str,
        engine: Engine,
        writer: Connection,
        owner_token: str,
        is_read_only: bool = False,
        file: DatabaseFile | None = None,
        copy: Scratch | None = None,
    ):
        super().__init__(name, engine, writer, owner_token, is_read_only)
        self._file, self._copy = file, copy
        self._commits = 0

    @property
    def identity(self) -> tuple[int, int] | None:  # type: ignore[override]
        """See `Database.identity`."""
        return None if self._file is None else self._file.identity

    def check(self) -> None:
        """See `Database.check`."""
        if self._file is not None:
            self._file.check()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """See `Database.transaction`."""
        file = self._file
        if file is not None and file.was_touched():
            now = int(self.raw().execute("PRAGMA user_version").fetchone()[0])
            if self._bring_log_in():
                file.note_reached(now)
        with self.writer.begin():
            before = mark(self.writer) if file is not None else 0
            yield self.writer
            new = leave_mark(self.writer, before) if file is not None else 0
            seen = self.changes_elsewhere()  # here, while nobody else can write
            if file is not None:
                file.check(before, seen == self.changes_seen)
        if file is not None:
            file.check()
            file.note_commit(new, self._bring_log_in())
        self._commits += 1
        self.changes_seen = seen

    def changes_elsewhere(self) -> int:
        """See `Database.changes_elsewhere`."""
        if self._file is None:
            return self._commits  # not known, so every change counts
        return int(self.raw().execute("PRAGMA data_version").fetchone()[0])

    def in_words(self, error: BaseException) -> NotSaved:
        """See `Database.in_words`."""
        return not_saved(error, self.name)

    def begin_wiping(self) -> None:
        """See `Database.begin_wiping`."""
        if self._file is not None:
            self.raw().execute("PRAGMA secure_delete=ON")

    def wipe(self) -> bool:
        """Write the file anew without what was deleted, and empty its log; a program that reads it holds that up."""
        if self._file is None:
            return True
        self.raw().execute("PRAGMA busy_timeout=100")  # nobody's rating waits longer for this
        try:
            self.raw().execute("VACUUM")
            is_wiped = self._bring_log_in("TRUNCATE")
        except sqlite3.OperationalError:
            is_wiped = False
        finally:
            self.raw().execute(f"PRAGMA busy_timeout={_BUSY_MS}")
        self._file.note_commit()
        return is_wiped

    def close(self) -> None:
        """See `Database.close`."""
        super().close()
        if self._file is not None and not self.is_read_only:
            self._file.set_log_aside()
        if self._copy is not None:
            self._copy.cleanup()

    def raw(self) -> Any:
        """The writer's own connection, outside any transaction."""
        return self.writer.connection.dbapi_connection

    def _bring_log_in(self, how: str = "PASSIVE") -> bool:
        """Bring SQLite's log into the file; whether all of it is there now, which a reader may hold up."""
        is_busy, logged, brought_in = self.raw().execute(f"PRAGMA wal_checkpoint({how})").fetchone()
        return not is_busy and logged == brought_in


def open_sqlite(url: URL, create: bool = False, watch: bool = False) -> SQLite:
    """Open a SQLite file; see `study.store.database.open_database`.

    Notes
    -----
    One that cannot be written is opened to be read, so that an archived study can be exported. One of an earlier layout
    is brought up to date, and its copy stays beside it (``ratings.sqlite.layout-3``).

    Raises
    ------
    InputError
        Where the file cannot be opened, is no database or an empty one, has a log beside it that belongs to another
        database, or was made by a newer version of humangrade.
    """
    path = Path(url.database) if url.database else None
    if path is not None and not create and not path.is_file():
        raise _unusable(path, "it is a folder" if path.is_dir() else "No such file")
    if path is not None and path.is_file():
        if not create and path.stat().st_size == 0:
            raise InputError(
                f"The study's database {path} is empty (0 bytes), so its links and ratings are not in it; restore it "
                "from a copy."
            )
        refuse_foreign_log(path)
        if watch or _is_read_only(path):
            return _open_to_read(path, is_still=not watch)
    return _open_to_write(url, path, create)


def _open_to_write(
    url: URL, path: Path | None, create: bool = False, copy_of: Path | None = None, scratch: Scratch | None = None
) -> SQLite:
    """Open a database, or make it, at `path`; `scratch` is where it lies, if it is a copy that is only read."""
    name, engine = str(copy_of or url.database), create_engine(url)
    try:
        if path is not None and create:
            path.touch(mode=0o600)
        event.listen(engine, "connect", _configure)
        event.listen(engine, "begin", _begin)
        file = None if path is None else DatabaseFile(path)
        writer = engine.connect().execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
        try:
            with _copy_beside(None if scratch else path) as keep_copy, writer.begin():
                before = layout_of(writer)
                token = prepare(writer, name, create, keep_copy)
                if before != str(schema.VERSION):
                    leave_mark(writer, mark(writer))
            if file is not None:
                file.check()
                file.note_commit()
        except BaseException:
            writer.close()
            raise
        if scratch is not None:
            return SQLite(name, engine, writer, token, is_read_only=True, copy=scratch)
        return SQLite(name, engine, writer, token, file=file)
    except (OSError, sqlite3.Error, DBAPIError, DatabaseGone) as error:
        engine.dispose()
        reason = error.orig if isinstance(error, DBAPIError) else getattr(error, "strerror", None) or error
        raise _unusable(name, reason) from error
    except InputError:
        engine.dispose()
        raise


def _unusable(name: object, reason: object) -> InputError:
    return InputError(f"The study's database {name} cannot be opened ({reason}); check the file, or restore it.")


def _is_read_only(path: Path) -> bool:
    """Whether a database is there that cannot be written: the file, or the folder for the files beside it."""
    return not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))


def _open_to_read(path: Path, is_still: bool) -> SQLite:
    """Open a database to be read: as it lies there, like an archive, or while another process writes.

    Every attempt to write is SQLite's error. An archive whose log was not brought into it, as after a crash, or of an
    earlier layout, is read from a copy, in which SQLite can do that.
    """
    if is_still and has_log(path):
        return _open_copy(path)
    address = f"{path.resolve().as_uri()}?mode=ro{'&immutable=1' if is_still else ''}"
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(address, uri=True, check_same_thread=False))
    file = None if is_still else DatabaseFile(path)
    try:
        reader = engine.connect()
        with reader.begin():
            number = checked(layout_of(reader), str(path))
            token = owner_token(reader)
    except (DBAPIError, InputError) as error:
        engine.dispose()
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"The study's database {path} cannot be read ({error.orig}); check the file, or restore it."
        ) from error
    opened = SQLite(str(path), engine, reader, token, is_read_only=True, file=file)
    if number == schema.VERSION:
        return opened
    opened.close()
    if is_still:
        return _open_copy(path)
    raise InputError(f"The study's database {path} has the layout {number}; open the study to be written first.")


def _open_copy(path: Path) -> SQLite:
    """Open a copy of a database, to be read."""
    scratch = Scratch()
    place = scratch.place(path.name)
    try:
        for _ in range(20):  # file and log are of one moment, unless somebody writes
            shutil.copyfile(path, place)
            with suppress(FileNotFoundError):
                shutil.copyfile(log_of(path), log_of(place))
            try:
                refuse_foreign_log(place)
                break
            except InputError:
                continue
        else:
            refuse_foreign_log(place)
        return _open_to_write(sqlite_url(place), place, copy_of=path, scratch=scratch)
    except OSError as error:
        scratch.cleanup()
        raise _unusable(path, error.strerror or error) from error
    except BaseException:
        scratch.cleanup()
        raise


@contextmanager
def _copy_beside(path: Path | None) -> Iterator[Any]:
    """Gives a function that copies the database at `path`, of the layout that it is told, beside it.

    It is to be called while the database is locked and not changed yet. Where what follows fails, no copy stays.
    """
    made: list[Path] = []

    def keep_copy(number: int) -> None:
        if path is None:
            return
        place = path.with_name(f"{path.name}.layout-{number}")
        partial = place.with_name(f".{place.name}.partial")
        made.extend((partial, place))
        partial.unlink(missing_ok=True)
        partial.touch(mode=0o600)
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(partial)) as target:
            source.backup(target)
        partial.replace(place)

    try:
        yield keep_copy
    except BaseException:
        for place in made:
            with suppress(OSError):
                place.unlink()
        raise


def _configure(connection: Any, _: ConnectionPoolEntry) -> None:
    """Durable and concurrent: a COMMIT is on disk before it returns, and readers do not wait for the writer.

    The log is brought into the database after every COMMIT, so that the file alone holds all ratings.
    """
    connection.isolation_level = None  # transactions begin where SQLAlchemy begins them, not at Python's discretion
    settings = (
        f"busy_timeout={_BUSY_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "wal_autocheckpoint=1",
        "foreign_keys=ON",
    )
    for setting in settings:
        connection.execute(f"PRAGMA {setting}")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))
