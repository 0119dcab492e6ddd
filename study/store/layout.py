"""Which layout a database has, and making or bringing it to that of today."""

import secrets
from collections.abc import Callable

from sqlalchemy import Connection, delete, insert, inspect, select

from metrics.errors import InputError, either
from study.store import schema
from study.store.migrations import migrate
from study.store.run_tables import metadata
from study.store.schema import layout, meta

SINCE_ALEMBIC = "4 or later"
"""What earlier versions of humangrade, which know no other place, read as the layout, and refuse."""


def prepare(connection: Connection, name: str, create: bool, keep_copy: Callable[[int], None]) -> str:
    """Make a new database's tables, or bring an earlier layout's up to date; tells the owner's token.

    Parameters
    ----------
    connection : Connection
        In a transaction during which nobody else writes.
    name : str
        The database's, for messages.
    create : bool
        Make the tables where there are none.
    keep_copy : callable
        Told an earlier layout before anything is changed.

    Raises
    ------
    InputError
        Where there is no study, or one of another layout that this version cannot read.
    """
    found = layout_of(connection)
    if found == "" and create:
        metadata.create_all(connection)
        rows = {"schema": SINCE_ALEMBIC, "owner_token": secrets.token_urlsafe(16)}
        connection.execute(insert(meta), [{"key": key, "value": value} for key, value in rows.items()])
        _note(connection)
    elif found == "":
        raise InputError(
            f"The database {name} holds no study (its tables are missing); restore it from a copy, or make a new study "
            f"with {either('study.create_study', 'humangrade init')}."
        )
    else:
        number = checked(found, name)
        if number < schema.VERSION:
            keep_copy(number)
            migrate(connection, number, schema.VERSION)
            _note(connection)
    return owner_token(connection)


def layout_of(connection: Connection) -> str:
    """A database's layout; empty where it holds no study's tables."""
    inspector = inspect(connection)
    if inspector.has_table(layout.name) and (found := connection.scalar(select(layout.c.version_num))):
        return str(found)
    if not inspector.has_table(meta.name):
        return ""
    return str(connection.scalar(select(meta.c.value).where(meta.c.key == "schema")))


def checked(found: str, name: str) -> int:
    """A layout as a number; raises InputError where this version of humangrade does not know it."""
    if found.isdecimal() and 1 <= int(found) <= schema.VERSION:
        return int(found)
    if found.isdecimal():
        raise InputError(
            f"The study's database {name} has the layout {found}, made by a newer humangrade, and this one reads up to "
            f"{schema.VERSION}; use the version of humangrade that made it, or a later one."
        )
    raise InputError(f"The database {name} has the layout {found}, which is none of humangrade's; restore the study's.")


def owner_token(connection: Connection) -> str:
    """The secret part of the owner's link."""
    return str(connection.scalar(select(meta.c.value).where(meta.c.key == "owner_token")))


def _note(connection: Connection) -> None:
    connection.execute(delete(layout))
    connection.execute(insert(layout).values(version_num=str(schema.VERSION)))
