"""A study in PostgreSQL: several servers may write, one transaction at a time, as into SQLite's file."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, insert, inspect, make_url, text
from sqlalchemy.engine import RootTransaction
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from metrics.errors import InputError
from study.folder.config import PASSWORD
from study.store import schema
from study.store.database import Database
from study.store.layout import checked, layout_of, owner_token, prepare
from study.store.records import NotSaved
from study.store.run_tables import baselines, metadata
from study.store.schema import meta

# PostgreSQL locks rows one by one, and two answers that meet in no row (the same client id in two places) would both be
# taken; one lock for all that writes, of the study's own schema, gives SQLite's order instead.
_BE_ONLY_WRITER = text("SELECT pg_advisory_xact_lock(1751217511, hashtext(current_schema()::text))")
_CHANGES = "changes"
_COUNT_CHANGE = text(
    f"UPDATE meta SET value = (value::bigint + 1)::text WHERE key = '{_CHANGES}' RETURNING value::bigint"
)
_CHANGES_SO_FAR = text(f"SELECT value::bigint FROM meta WHERE key = '{_CHANGES}'")
_SETTINGS = (
    "SET synchronous_commit = on",  # a COMMIT is on disk before it returns
    "SET lock_timeout = '10s'",
    "SET idle_in_transaction_session_timeout = '60s'",  # a server that hangs does not keep the others waiting
)


class PostgreSQL(Database):
    """See `Database`. Every transaction of ours counts itself in the database, by which others' are noticed."""

    _own = 0

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """See `Database.transaction`."""
        with self._begin():
            yield self.writer
            changes = self.writer.execute(_COUNT_CHANGE).scalar_one()
            self.changes_seen = changes - self._own - 1
        self._own += 1

    def changes_elsewhere(self) -> int:
        """See `Database.changes_elsewhere`."""
        with self.reader() as connection:
            return int(connection.execute(_CHANGES_SO_FAR).scalar_one()) - self._own

    def in_words(self, error: BaseException) -> NotSaved:
        """See `Database.in_words`."""
        code, why = getattr(error, "sqlstate", None), _first_line(error)
        if code == "55P03":
            return NotSaved(f"Another program keeps {self.name} locked, so nothing is saved; end it.")
        if code == "53100":
            return NotSaved(f"The disk that holds {self.name} is full, so nothing is saved; make room.")
        if code == "25006":
            return NotSaved(f"{self.name} is readonly, so nothing is saved; use the server that takes writing.")
        if code is None or code[:2] in ("08", "57"):
            return NotSaved(f"{self.name} does not answer ({why}), so nothing is saved; start the database again.")
        return NotSaved(f"{self.name} cannot be used ({why}), so nothing is saved; look into the database's log.")

    def wipe(self) -> bool:
        """See `Database.wipe`; PostgreSQL's own log and its archives keep what was written for as long as they are."""
        tables = ", ".join(table.name for table in (schema.evaluators, schema.assignments, baselines, *schema.ANSWERS))
        try:
            with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text(f"VACUUM (FULL) {tables}"))
        except DBAPIError:
            return False
        return True

    def _begin(self) -> RootTransaction:
        """The writer's next transaction; where the connection was lost since the last one, on a new one."""
        try:
            return self._begin_once()
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
        return self._begin_once()

    def _begin_once(self) -> RootTransaction:
        transaction = self.writer.begin()
        try:
            self.writer.execute(_BE_ONLY_WRITER)
        except BaseException:
            transaction.rollback()
            raise
        return transaction


def open_postgresql(url: URL, create: bool = False, watch: bool = False) -> Database:
    """Open a database at a PostgreSQL server; see `study.store.database.open_database`.

    The password may be libpq's: PGPASSWORD in the environment, or a password file.
    """
    engine, name = _engine(url)
    with _opening(engine, name):
        writer = engine.connect().execution_options(isolation_level="READ COMMITTED")
        try:
            with writer.begin():
                is_read_only = watch or writer.execute(text("SHOW transaction_read_only")).scalar_one() == "on"
                if is_read_only:
                    token = _look(writer, name)
                else:
                    writer.execute(_BE_ONLY_WRITER)
                    is_new = create and not inspect(writer).has_table(meta.name)
                    token = prepare(writer, name, create, lambda _: None)
                    if is_new:
                        writer.execute(insert(meta).values(key=_CHANGES, value="0"))
            return PostgreSQL(name, engine, writer, token, is_read_only)
        except BaseException:
            writer.close()
            raise


def refuse_study(address: str) -> None:
    """Raise InputError where a database holds a study, or cannot be asked."""
    engine, name = _engine(make_url(address))
    with _opening(engine, name), engine.connect() as connection:
        if layout_of(connection) != "":
            raise InputError(
                f"The database {name} holds a study already; name another, or a schema of its own in it "
                "(?options=-csearch_path%3DNAME)."
            )
    engine.dispose()


def drop_study(address: str) -> None:
    """Remove a study's tables, as of one that could not be made to its end; what cannot be reached is left."""
    engine, _ = _engine(make_url(address))
    with suppress(DBAPIError), engine.begin() as connection:
        metadata.drop_all(connection)
    engine.dispose()


def shown(url: URL) -> str:
    """A database's address for messages, without what may be secret.

    Examples
    --------
    >>> from sqlalchemy import make_url
    >>> shown(make_url("postgresql+psycopg://ann:secret@db.example:5433/study?sslpassword=hidden"))
    'postgresql://ann@db.example:5433/study'
    """
    plain = URL.create("postgresql", url.username, None, url.host, url.port, url.database)
    return plain.render_as_string()


def _engine(url: URL) -> tuple[Engine, str]:
    """What connects to a database, and its name for messages."""
    name = shown(url)
    try:
        engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            isolation_level="REPEATABLE READ",  # a reader sees one state, however much it asks
            pool_pre_ping=True,
        )
    except ImportError as error:
        raise InputError(f"{name} needs psycopg; install it with: pip install 'humangrade[postgresql]'") from error
    event.listen(engine, "connect", _configure)
    return engine, name


@contextmanager
def _opening(engine: Engine, name: str) -> Iterator[None]:
    """What goes wrong while a database is opened, in plain words, with nothing left open."""
    try:
        yield
    except DBAPIError as error:
        engine.dispose()
        raise InputError(
            f"The study's database {name} cannot be opened ({_first_line(error.orig or error)}); check its address, "
            f"that its server runs, and the password in {PASSWORD}."
        ) from error
    except BaseException:
        engine.dispose()
        raise


def _look(connection: Connection, name: str) -> str:
    """Check a database that is only read; tells the owner's token."""
    found = layout_of(connection)
    if found == "" or checked(found, name) < schema.VERSION:
        raise InputError(f"The database {name} holds no study of the present layout; open it to be written first.")
    return owner_token(connection)


def _configure(connection: Any, _: ConnectionPoolEntry) -> None:
    with connection.cursor() as cursor:
        for setting in _SETTINGS:
            cursor.execute(setting)
    connection.commit()


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
