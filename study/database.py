"""Opening a study's database: connections that are durable and do not get in each other's way."""

import os
import secrets
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, insert, inspect, make_url, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from metrics.errors import InputError
from study import schema
from study.schema import meta

_BEGIN = "begin"  # the execution option that holds SQLite's words for a new transaction


def sqlite_url(path: Path) -> URL:
    """The address of a SQLite file, whatever its path holds.

    Examples
    --------
    >>> sqlite_url(Path("who?/ratings.sqlite")).database
    'who?/ratings.sqlite'
    """
    return URL.create("sqlite", database=str(path))


def open_database(url: str | URL) -> tuple[Engine, Connection, str]:
    """Open a study's database, making its tables where it is new.

    Parameters
    ----------
    url : str or URL
        For SQLAlchemy.

    Returns
    -------
    engine : Engine
        For readers.
    writer : Connection
        The one connection that writes; its transactions lock SQLite's file from their beginning, so that what they
        read is still true when they write, also where another process writes.
    owner_token : str
        The secret part of the owner's link.

    Notes
    -----
    A SQLite file that cannot be written is opened to be read, so that an archived study can be exported.

    Raises
    ------
    InputError
        Where the file cannot be opened, is no database, or was made by another version of humangrade.
    """
    url = make_url(url)
    is_sqlite = url.get_backend_name() == "sqlite"
    if is_sqlite and url.database and _is_read_only(Path(url.database)):
        return _open_to_read(url)
    engine = create_engine(url)
    try:
        if is_sqlite:
            if url.database:
                Path(url.database).touch(mode=0o600)
            event.listen(engine, "connect", _configure_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        writer = engine.connect().execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
        try:
            with writer.begin():
                return engine, writer, _prepare(writer, url.database)
        except BaseException:
            writer.close()
            raise
    except (OSError, DBAPIError) as error:
        engine.dispose()
        reason = error.orig if isinstance(error, DBAPIError) else error.strerror
        raise InputError(
            f"The study's database {url.database} cannot be opened ({reason}); check the file, or restore it."
        ) from error
    except InputError:
        engine.dispose()
        raise


def _is_read_only(path: Path) -> bool:
    """Whether a database is there that cannot be written: the file, or the folder for the files beside it."""
    return path.is_file() and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))


def _open_to_read(url: URL) -> tuple[Engine, Connection, str]:
    """Open a database that nobody can change, as an archive is; every attempt to write is SQLite's error."""
    address = f"{Path(url.database or '').resolve().as_uri()}?mode=ro&immutable=1"
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(address, uri=True, check_same_thread=False))
    try:
        reader = engine.connect()
        known = dict(reader.execute(select(meta.c.key, meta.c.value)).all())
        reader.rollback()
    except DBAPIError as error:
        engine.dispose()
        raise InputError(
            f"The study's database {url.database} cannot be read ({error.orig}); check the file, or restore it."
        ) from error
    if known.get("schema") != schema.VERSION:
        reader.close()
        engine.dispose()
        raise InputError(
            f"The study's database {url.database} has the layout {known.get('schema')} and cannot be written; copy the "
            "study to a place where it can be brought up to date."
        )
    return engine, reader, known["owner_token"]


def _prepare(connection: Connection, name: str | None) -> str:
    """Check the layout, or make it; tell the owner's token."""
    known: dict[str, str] = {}
    if inspect(connection).has_table(meta.name):
        known = dict(connection.execute(select(meta.c.key, meta.c.value)).all())
        if known.get("schema") == "1":
            _upgrade_from_1(connection)
            known["schema"] = schema.VERSION
        if known.get("schema") != schema.VERSION:
            raise InputError(
                f"The study's database {name} has the layout {known.get('schema')}, this humangrade reads "
                f"{schema.VERSION}; use the version of humangrade that made it."
            )
    else:
        schema.metadata.create_all(connection)
        known = {"schema": schema.VERSION, "owner_token": secrets.token_urlsafe(16)}
        connection.execute(insert(meta), [{"key": key, "value": value} for key, value in known.items()])
    return known["owner_token"]


def _upgrade_from_1(connection: Connection) -> None:
    """Layout 2 adds the notes on scores, and intervals and notes to set_scores; nothing that was there changes."""
    schema.score_notes.create(connection)
    for column, kind in (("low", "FLOAT"), ("high", "FLOAT"), ("note", "VARCHAR")):
        connection.exec_driver_sql(f"ALTER TABLE set_scores ADD COLUMN {column} {kind}")
    connection.execute(update(meta).where(meta.c.key == "schema").values(value=schema.VERSION))


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
