"""The one owner of SQL: evaluators, assignments, ratings and scores of a study.

One connection writes, behind a lock; readers have their own. `rate` returns after COMMIT, and a client id makes a
retry harmless.
"""

import secrets
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, create_engine, event, func, insert, make_url, select, update
from sqlalchemy.pool import ConnectionPoolEntry

from metrics.errors import InputError
from study import schema
from study.schema import assignments, evaluators, meta, rating_events, ratings

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Evaluator:
    """A person who rates; the token is the secret part of the private link."""

    id: int
    name: str
    token: str


@dataclass(frozen=True)
class Assignment:
    """One item to rate by one evaluator in one task; `public_id` is all that a browser learns of it."""

    id: int
    public_id: str
    evaluator_id: int
    task: str
    item: str
    position: int
    repeat: int
    rating: int | None


@dataclass(frozen=True)
class SavedRating:
    """A rating as it was committed (`rated_at`: ISO 8601, UTC)."""

    public_id: str
    rating: int
    rated_at: str
    client_id: str


@dataclass(frozen=True)
class Progress:
    """How far an evaluator is in a task."""

    evaluator: str
    task: str
    done: int
    total: int
    last_rated_at: str | None
    median_response_ms: float | None


class UnknownAssignment(LookupError):
    """The evaluator has no assignment of this public id."""


class ConflictError(ValueError):
    """A client id was used again for another answer."""


class Store:
    """A study's database.

    Parameters
    ----------
    url : str
        A SQLAlchemy URL; tables that are missing are made.

    Raises
    ------
    InputError
        Where the database was made by another version of humangrade.
    """

    def __init__(self, url: str):
        self._lock = threading.Lock()
        sqlite = make_url(url).get_backend_name() == "sqlite"
        if sqlite and (path := make_url(url).database):
            Path(path).touch(mode=0o600)
        self._engine = create_engine(url)
        if sqlite:
            event.listen(self._engine, "connect", _configure_sqlite)
        schema.metadata.create_all(self._engine)
        self._writer = self._engine.connect()
        with self._write() as connection:
            known = dict(connection.execute(select(meta.c.key, meta.c.value)).tuples().all())
            if not known:
                known = {"schema": schema.VERSION, "owner_token": secrets.token_urlsafe(16)}
                connection.execute(insert(meta), [{"key": key, "value": value} for key, value in known.items()])
        if known["schema"] != schema.VERSION:
            self.close()
            raise InputError(
                f"The study's database has the layout {known['schema']}, this humangrade reads {schema.VERSION}; "
                "use the version of humangrade that made it."
            )
        self.owner_token = known["owner_token"]

    def close(self) -> None:
        """Close all connections; the store is of no use afterwards."""
        self._writer.close()
        self._engine.dispose()

    # people

    def add_evaluators(self, names: Iterable[str]) -> list[Evaluator]:
        """Add evaluators, each with a link of their own; those that are there already stay as they are."""
        names = list(dict.fromkeys(names))
        with self._write() as connection:
            _add_evaluators(connection, names)
        by_name = {evaluator.name: evaluator for evaluator in self.evaluators()}
        return [by_name[name] for name in names]

    def evaluators(self) -> list[Evaluator]:
        """All evaluators in the order in which they were added."""
        with self._engine.connect() as connection:
            return [Evaluator(*row) for row in connection.execute(select(evaluators).order_by(evaluators.c.id))]

    def evaluator_by_token(self, token: str) -> Evaluator | None:
        """The evaluator whose link this is."""
        with self._engine.connect() as connection:
            row = connection.execute(select(evaluators).where(evaluators.c.token == token)).one_or_none()
        return Evaluator(*row) if row else None

    # what is to be rated

    def add_assignments(self, rows: Iterable[Mapping[str, Any]]) -> int:
        """Add assignments that are not there yet.

        Parameters
        ----------
        rows : iterable of mappings
            evaluator (name), task, item, position and, optionally, repeat.

        Returns
        -------
        int
            How many were new.
        """
        with self._write() as connection:
            ids = _evaluator_ids(connection)
            known = {tuple(row) for row in connection.execute(select(*_ASSIGNMENT_KEY))}
            new = []
            for row in rows:
                key = (ids[row["evaluator"]], row["task"], row["item"], row.get("repeat", 0))
                if key not in known:
                    known.add(key)
                    new.append(_new_assignment(key, row["position"]))
            if new:
                connection.execute(insert(assignments), new)
        return len(new)

    def assignments(self, evaluator_id: int) -> list[Assignment]:
        """One evaluator's assignments in the order in which they are rated, with the ratings so far."""
        query = _assignment_query().where(assignments.c.evaluator_id == evaluator_id)
        with self._engine.connect() as connection:
            return [
                Assignment(*row) for row in connection.execute(query.order_by(assignments.c.position, assignments.c.id))
            ]

    def assignment(self, evaluator_id: int, public_id: str) -> Assignment | None:
        """One assignment by its public id; None where it is another evaluator's."""
        query = _assignment_query().where(
            assignments.c.public_id == public_id, assignments.c.evaluator_id == evaluator_id
        )
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return Assignment(*row) if row else None

    # ratings

    def rate(
        self, evaluator_id: int, public_id: str, rating: int, client_id: str, response_ms: int | None = None
    ) -> SavedRating:
        """Save a rating, new or changed; returns after COMMIT.

        Parameters
        ----------
        evaluator_id : int
            Who rates.
        public_id : str
            What is rated.
        rating : int
            1..5.
        client_id : str
            Chosen by the client for this answer; the same answer sent again with it changes nothing and is answered
            alike.
        response_ms : int, optional
            The time from the image's appearance to the answer.

        Raises
        ------
        ValueError
            For a rating outside 1..5.
        UnknownAssignment
            Where the evaluator has no such assignment.
        ConflictError
            Where the client id was used before for another answer.
        """
        if rating not in (1, 2, 3, 4, 5):
            raise ValueError(f"a rating is a whole number from 1 to 5, not {rating!r}")
        with self._write() as connection:
            assignment_id = connection.scalar(
                select(assignments.c.id).where(
                    assignments.c.public_id == public_id, assignments.c.evaluator_id == evaluator_id
                )
            )
            if assignment_id is None:
                raise UnknownAssignment(public_id)
            before = connection.execute(
                select(rating_events).where(rating_events.c.client_id == client_id)
            ).one_or_none()
            if before is not None:
                if (before.assignment_id, before.rating) != (assignment_id, rating):
                    raise ConflictError(f"the client id {client_id!r} belongs to another answer")
                return SavedRating(public_id, before.rating, before.rated_at, client_id)
            answer = {"rating": rating, "rated_at": _now(), "response_ms": response_ms}
            connection.execute(insert(rating_events).values(assignment_id=assignment_id, client_id=client_id, **answer))
            _set_rating(connection, assignment_id, answer)
        return SavedRating(public_id, rating, str(answer["rated_at"]), client_id)

    def progress(self) -> list[Progress]:
        """How far each evaluator is in each task, in the order of evaluators and of their tasks."""
        query = (
            select(evaluators.c.name, assignments.c.task, ratings.c.rating, ratings.c.rated_at, ratings.c.response_ms)
            .join_from(evaluators, assignments)
            .outerjoin(ratings)
            .order_by(evaluators.c.id, assignments.c.position, assignments.c.id)
        )
        groups: dict[tuple[str, str], list[Any]] = {}
        with self._engine.connect() as connection:
            for row in connection.execute(query):
                groups.setdefault((row.name, row.task), []).append(row)
        return [_progress(name, task, rows) for (name, task), rows in groups.items()]

    def ratings_table(self) -> "pd.DataFrame":
        """All ratings in DESIGN's form: item, evaluator, task, rating, rated_at, response_ms, position, repeat."""
        a = assignments.c
        columns = (a.item, evaluators.c.name.label("evaluator"), a.task, ratings.c.rating, ratings.c.rated_at)
        query = (
            select(*columns, ratings.c.response_ms, a.position, a.repeat)
            .join_from(ratings, assignments)
            .join(evaluators)
            .order_by(evaluators.c.name, a.task, a.item, a.repeat)
        )
        return self._frame(query).astype({"response_ms": "Int64"})

    def scores_table(self) -> "pd.DataFrame":
        """All scores: item, metric, score, signature."""
        return self._frame(select(schema.scores).order_by(schema.scores.c.metric, schema.scores.c.item))

    def set_scores_table(self) -> "pd.DataFrame":
        """All scores of sets of images: set, metric, score, n, signature."""
        return self._frame(select(schema.set_scores).order_by(schema.set_scores.c.metric, schema.set_scores.c.set))

    # import

    def import_ratings(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take ratings over from elsewhere, in one transaction; the same rating again changes nothing.

        Parameters
        ----------
        rows : iterable of mappings
            item, evaluator, task, rating and, optionally, rated_at, response_ms, position, repeat. Evaluators and
            assignments that are missing are made.

        Raises
        ------
        InputError
            Where an item has another rating already; nothing is changed then.
        """
        rows = list(rows)
        with self._write() as connection:
            _add_evaluators(connection, dict.fromkeys(row["evaluator"] for row in rows))
            ids = _evaluator_ids(connection)
            known = {tuple(row[:-1]): row[-1] for row in connection.execute(select(*_ASSIGNMENT_KEY, assignments.c.id))}
            rated = dict(connection.execute(select(ratings.c.assignment_id, ratings.c.rating)).tuples().all())
            last = connection.scalar(select(func.max(assignments.c.position))) or 0
            conflicts = []
            for number, row in enumerate(rows):
                key = (ids[row["evaluator"]], row["task"], row["item"], row.get("repeat") or 0)
                position = row.get("position")
                if key not in known:
                    new = _new_assignment(key, last + 1 + number if position is None else position)
                    known[key] = _insert(connection, new)
                elif position is not None:
                    connection.execute(
                        update(assignments).where(assignments.c.id == known[key]).values(position=position)
                    )
                before = rated.get(known[key])
                if before is None:
                    answer = {name: row.get(name) for name in ("rating", "rated_at", "response_ms")}
                    connection.execute(insert(ratings).values(assignment_id=known[key], **answer))
                    rated[known[key]] = row["rating"]
                elif before != row["rating"]:
                    conflicts.append(f"'{row['item']}' by {row['evaluator']} in {row['task']}")
            if conflicts:
                raise _conflict(conflicts, "rating")

    def import_scores(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take scores over, in one transaction: item, metric, score and, optionally, signature.

        Raises
        ------
        InputError
            Where an item has another score by the metric already; nothing is changed then.
        """
        table = schema.scores
        with self._write() as connection:
            known = {(row.item, row.metric): (row.score, row.signature) for row in connection.execute(select(table))}
            new, conflicts = [], []
            for row in rows:
                key = (row["item"], row["metric"])
                value = (float(row["score"]), row.get("signature") or "")
                if key not in known:
                    known[key] = value
                    new.append({"item": key[0], "metric": key[1], "score": value[0], "signature": value[1]})
                elif known[key] != value:
                    conflicts.append(f"'{key[0]}' by {key[1]}")
            if conflicts:
                raise _conflict(conflicts, "score")
            if new:
                connection.execute(insert(table), new)

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        """The one writing connection, in a transaction that is committed at the end."""
        with self._lock, self._writer.begin():
            yield self._writer

    def _frame(self, query: Any) -> "pd.DataFrame":
        import pandas as pd

        with self._engine.connect() as connection:
            result = connection.execute(query)
            return pd.DataFrame(result.all(), columns=list(result.keys()))


_ASSIGNMENT_KEY = (assignments.c.evaluator_id, assignments.c.task, assignments.c.item, assignments.c.repeat)


def _assignment_query() -> Any:
    a = assignments.c
    columns = (a.id, a.public_id, a.evaluator_id, a.task, a.item, a.position, a.repeat, ratings.c.rating)
    return select(*columns).select_from(assignments.outerjoin(ratings))


def _configure_sqlite(connection: Any, _: ConnectionPoolEntry) -> None:
    """Durable and concurrent: a COMMIT is on disk before it returns, and readers do not wait for the writer."""
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
        connection.execute(f"PRAGMA {pragma}")


def _add_evaluators(connection: Connection, names: Iterable[str]) -> None:
    known = _evaluator_ids(connection)
    new = [{"name": name, "token": secrets.token_urlsafe(16)} for name in names if name not in known]
    if new:
        connection.execute(insert(evaluators), new)


def _evaluator_ids(connection: Connection) -> dict[str, int]:
    return dict(connection.execute(select(evaluators.c.name, evaluators.c.id)).tuples().all())


def _new_assignment(key: tuple[int, str, str, int], position: int) -> dict[str, Any]:
    names = ("evaluator_id", "task", "item", "repeat")
    return dict(zip(names, key, strict=True)) | {"position": position, "public_id": secrets.token_urlsafe(12)}


def _insert(connection: Connection, assignment: dict[str, Any]) -> int:
    """Insert one assignment and tell its id."""
    key = connection.execute(insert(assignments).values(assignment)).inserted_primary_key
    assert key is not None  # every table has one
    return int(key[0])


def _set_rating(connection: Connection, assignment_id: int, answer: dict[str, Any]) -> None:
    changed = connection.execute(update(ratings).where(ratings.c.assignment_id == assignment_id).values(answer))
    if changed.rowcount == 0:
        connection.execute(insert(ratings).values(assignment_id=assignment_id, **answer))


def _progress(name: str, task: str, rows: list[Any]) -> Progress:
    from statistics import median

    times = [row.response_ms for row in rows if row.response_ms is not None]
    dates = [row.rated_at for row in rows if row.rated_at is not None]
    done = sum(row.rating is not None for row in rows)
    return Progress(name, task, done, len(rows), max(dates, default=None), median(times) if times else None)


def _conflict(conflicts: list[str], noun: str) -> InputError:
    return InputError(
        f"{len(conflicts)} {noun}{'s' if len(conflicts) > 1 else ''} differ from what the study has already, "
        f"the first: {'; '.join(conflicts[:3])}; nothing was imported. Remove them from the file, or use a new study."
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
