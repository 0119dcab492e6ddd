"""Opening a study's database: connections that are durable and do not get in each other's way."""

import os
import secrets
import shutil
import sqlite3
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, insert, inspect, make_url, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from metrics.errors import InputError
from study import schema
from study.database_file import DatabaseFile, DatabaseGone, has_log, leave_mark, log_of, mark, refuse_foreign_log
from study.schema import meta
from study.scratch import Scratch

_BEGIN = "begin"  # the execution option that holds SQLite's words for a new transaction


def sqlite_url(path: Path) -> URL:
    """The address of a SQLite file, whatever its path holds.

    Examples
    --------
    >>> sqlite_url(Path("who?/ratings.sqlite")).database
    'who?/ratings.sqlite'
    """
    return URL.create("sqlite", database=str(path))


@dataclass(frozen=True)
class Database:
    """An opened database.

    Attributes
    ----------
    engine : Engine
        For readers.
    writer : Connection
        The one connection that writes; its transactions lock SQLite's file from their beginning, so that what they
        read is still true when they write, also where another process writes.
    owner_token : str
        The secret part of the owner's link.
    file : DatabaseFile or None
        Of SQLite; None for another kind of database, and for one that lives in memory.
    is_read_only : bool
        Nothing can be written.
    copy : Scratch or None
        What is to be cleaned up at the end.
    """

    engine: Engine
    writer: Connection
    owner_token: str
    file: DatabaseFile | None
    is_read_only: bool = False
    copy: Scratch | None = None


def open_database(url: str | URL, create: bool = False, watch: bool = False) -> Database:
    """Open a study's database.

    Parameters
    ----------
    url : str or URL
        For SQLAlchemy.
    create : bool
        Make the tables where the database is new; otherwise one without tables is refused.
    watch : bool
        Open it to be read beside the process that writes.

    Returns
    -------
    Database

    Notes
    -----
    A SQLite file that cannot be written is opened to be read, so that an archived study can be exported.

    Raises
    ------
    InputError
        Where the file cannot be opened, is no database or an empty one, has a log beside it that belongs to another
        database, or was made by another version of humangrade.
    """
    url = make_url(url)
    path = Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None
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


def _open_to_write(url: URL, path: Path | None, create: bool = False) -> Database:
    """Open a database, or make it; a SQLite file is at `path`."""
    engine = create_engine(url)
    try:
        if url.get_backend_name() == "sqlite":
            if path is not None and create:
                path.touch(mode=0o600)
            event.listen(engine, "connect", _configure_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        file = None if path is None else DatabaseFile(path)
        writer = engine.connect().execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
        try:
            with writer.begin():
                owner_token = _prepare(writer, url.database, create)
            if file is not None:
                file.check()
                file.note_commit()
            return Database(engine, writer, owner_token, file)
        except BaseException:
            writer.close()
            raise
    except (OSError, DBAPIError, DatabaseGone) as error:
        engine.dispose()
        reason = error.orig if isinstance(error, DBAPIError) else getattr(error, "strerror", None) or error
        raise _unusable(url.database, reason) from error
    except InputError:
        engine.dispose()
        raise


def _unusable(name: object, reason: object) -> InputError:
    return InputError(f"The study's database {name} cannot be opened ({reason}); check the file, or restore it.")


def _is_read_only(path: Path) -> bool:
    """Whether a database is there that cannot be written: the file, or the folder for the files beside it."""
    return not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))


def _open_to_read(path: Path, is_still: bool) -> Database:
    """Open a database to be read: as it lies there, like an archive, or while another process writes.

    Every attempt to write is SQLite's error. An archive whose log was not brought into it, as after a crash, is read
    from a copy, in which SQLite can do that.
    """
    if is_still and has_log(path):
        return _open_copy(path)
    address = f"{path.resolve().as_uri()}?mode=ro{'&immutable=1' if is_still else ''}"
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(address, uri=True, check_same_thread=False))
    file = None if is_still else DatabaseFile(path)
    try:
        reader = engine.connect()
        known = dict(reader.execute(select(meta.c.key, meta.c.value)).all())
        reader.rollback()
    except DBAPIError as error:
        engine.dispose()
        raise InputError(
            f"The study's database {path} cannot be read ({error.orig}); check the file, or restore it."
        ) from error
    if known.get("schema") != schema.VERSION:
        reader.close()
        engine.dispose()
        raise InputError(
            f"The study's database {path} has the layout {known.get('schema')} and cannot be written; copy the "
            "study to a place where it can be brought up to date."
        )
    return Database(engine, reader, known["owner_token"], file, is_read_only=True)


def _open_copy(path: Path) -> Database:
    copy = Scratch()
    place = copy.place(path.name)
    try:
        for _ in range(20):  # the two are of one moment, unless somebody writes
            shutil.copyfile(path, place)
            shutil.copyfile(log_of(path), log_of(place))
            try:
                refuse_foreign_log(place)
                break
            except InputError:
                continue
        else:
            refuse_foreign_log(place)
        opened = _open_to_write(sqlite_url(place), place)
    except OSError as error:
        copy.cleanup()
        raise _unusable(path, error.strerror or error) from error
    except BaseException:
        copy.cleanup()
        raise
    return replace(opened, file=None, is_read_only=True, copy=copy)


def _prepare(connection: Connection, name: str | None, create: bool) -> str:
    """Check the layout, or make it; tell the owner's token."""
    known: dict[str, str] = {}
    if inspect(connection).has_table(meta.name):
        known = dict(connection.execute(select(meta.c.key, meta.c.value)).all())
        if known.get("schema") == "1":
            _upgrade_from_1(connection)
            known["schema"] = "2"
        if known.get("schema") == "2":
            _upgrade_from_2(connection)
            known["schema"] = "3"
        if known.get("schema") != schema.VERSION:
            raise InputError(
                f"The study's database {name} has the layout {known.get('schema')}, this humangrade reads "
                f"{schema.VERSION}; use the version of humangrade that made it."
            )
    elif create:
        schema.metadata.create_all(connection)
        leave_mark(connection, mark(connection))
        known = {"schema": schema.VERSION, "owner_token": secrets.token_urlsafe(16)}
        connection.execute(insert(meta), [{"key": key, "value": value} for key, value in known.items()])
    else:
        raise InputError(
            f"The database {name} holds no study (its tables are missing); restore it from a copy, or make a new study "
            "with humangrade init."
        )
    return known["owner_token"]


def _upgrade_from_1(connection: Connection) -> None:
    """Layout 2 adds the notes on scores, and intervals and notes to set_scores; nothing that was there changes."""
    schema.score_notes.create(connection)
    for column, kind in (("low", "FLOAT"), ("high", "FLOAT"), ("note", "VARCHAR")):
        connection.exec_driver_sql(f"ALTER TABLE set_scores ADD COLUMN {column} {kind}")
    _note_layout(connection, "2")


def _upgrade_from_2(connection: Connection) -> None:
    """Layout 3 adds the words that were asked, to which every rating points, and the history of the study."""
    schema.wordings.create(connection)
    schema.history.create(connection)
    for table in ("ratings", "rating_events"):
        connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN wording_id INTEGER REFERENCES wordings (id)")
    leave_mark(connection, mark(connection))
    _note_layout(connection, "3")


def _note_layout(connection: Connection, version: str) -> None:
    connection.execute(update(meta).where(meta.c.key == "schema").values(value=version))


def _configure_sqlite(connection: Any, _: ConnectionPoolEntry) -> None:
    """Durable and concurrent: a COMMIT is on disk before it returns, and readers do not wait for the writer.

    The log is brought into the database after every COMMIT, so that the file alone holds all ratings.
    """
    connection.isolation_level = None  # transactions begin where SQLAlchemy begins them, not at Python's discretion
    pragmas = ("busy_timeout=10000", "journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=1", "foreign_keys=ON")
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))
