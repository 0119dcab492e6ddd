"""The one owner of SQL: evaluators, assignments, ratings and scores of a study.

One connection writes, behind a lock; readers have their own. `rate` returns after COMMIT, and a client id makes a
retry harmless. A transaction is committed only into the database file that stands at its path. Where several servers
have the study, one of them writes at a time.
"""

import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, bindparam, delete, func, insert, select, update

from calibration.scale import LIKERT, Scale
from metrics.text import counted
from study.folder.config import TaskConfig
from study.store import schema
from study.store.access import Access
from study.store.database import sqlite_url
from study.store.importing import Row, import_ratings, import_scores
from study.store.progress_counts import Answered, ProgressCounts
from study.store.records import (
    AskedItem,
    Assignment,
    ConflictError,
    Evaluator,
    LockedError,
    NotSaved,
    Progress,
    SavedRating,
    StaleError,
    UnknownAssignment,
)
from study.store.rows import ASSIGNMENT_KEY, add_evaluators, answered_by, new_assignment, next_positions, now
from study.store.runs import RunStore
from study.store.schema import OWN, assignments, evaluators, history, rating_events, ratings, wordings
from study.store.scores import imported_metrics, refuse_imported, replace_scores, scores_query
from study.store.withdraw import withdraw
from study.store.wording import (
    Wording,
    note_history,
    present,
    read_wordings,
    record,
    record_missing,
    refuse_ratings_on_another,
)

if TYPE_CHECKING:
    import pandas as pd

    from metrics.engine.types import Score, SetScore

__all__ = [
    "AskedItem",
    "Assignment",
    "ConflictError",
    "Evaluator",
    "LockedError",
    "NotSaved",
    "Progress",
    "SavedRating",
    "StaleError",
    "Store",
    "UnknownAssignment",
    "sqlite_url",
]


class Store(Access):
    """A study's database.

    Parameters
    ----------
    url : str or URL
        ``postgresql://USER@HOST/NAME``, or a SQLite file's (see `sqlite_url`).
    create : bool
        Make the tables where the database is new; otherwise an empty one is refused.
    watch : bool
        Only read, beside the process that writes.
    scale : Scale
        On which people answer; no other answer is taken.

    Raises
    ------
    InputError
        Where the database cannot be opened, or was made by another version of humangrade.
    """

    def __init__(self, url: str | URL, create: bool = False, watch: bool = False, scale: Scale = LIKERT):
        super().__init__(url, create, watch)
        self.scale = scale
        self._counts = ProgressCounts()
        self._one_count = threading.Lock()

    @property
    def runs(self) -> RunStore:
        """The record of runs: what was trained, drawn and measured; see `study.store.runs`."""
        return RunStore(self._read, lambda: self._write(answered=()))

    # people

    def add_evaluators(self, names: Iterable[str]) -> list[Evaluator]:
        """Add evaluators, each with a link of their own; those that are there already stay as they are."""
        names = list(dict.fromkeys(names))
        with self._write() as connection:
            add_evaluators(connection, names)
        by_name = {evaluator.name: evaluator for evaluator in self.evaluators()}
        return [by_name[name] for name in names]

    def evaluators(self) -> list[Evaluator]:
        """All evaluators in the order in which they were added."""
        with self._read() as connection:
            return [Evaluator(*row) for row in connection.execute(_PEOPLE.order_by(evaluators.c.id))]

    def evaluator_by_token(self, token: str) -> Evaluator | None:
        """The evaluator whose link this is."""
        with self._read() as connection:
            row = connection.execute(_PEOPLE.where(evaluators.c.token == token)).one_or_none()
        return Evaluator(*row) if row else None

    # what is to be rated

    def add_assignments(self, rows: Iterable[Mapping[str, Any]], note: str = "") -> int:
        """Add assignments that are not there yet; an evaluator who has some already gets them after those.

        Parameters
        ----------
        rows : iterable of mappings
            evaluator (name), task, item, position and, optionally, repeat and round.
        note : str
            For the study's history, where any is new.

        Returns
        -------
        int
            How many were new.
        """
        with self._write() as connection:
            ids = dict(connection.execute(select(evaluators.c.name, evaluators.c.id)).all())
            known = {tuple(row) for row in connection.execute(select(*ASSIGNMENT_KEY))}
            start = next_positions(connection)
            new = []
            for row in rows:
                key = (ids[row["evaluator"]], row["task"], row["item"], row.get("repeat", 0))
                if key not in known:
                    known.add(key)
                    place = start.get(key[0], 0) + row["position"]
                    new.append(new_assignment(key, place, row.get("round", 1)))
            if new:
                connection.execute(insert(assignments), new)
                if note:
                    note_history(connection, note)
        return len(new)

    def assigned_items(self) -> set[str]:
        """All items that somebody was given to rate."""
        with self._read() as connection:
            return set(connection.scalars(select(assignments.c.item).distinct()))

    def asked_items(self) -> list[AskedItem]:
        """Everything that anybody was given to rate, evaluator by evaluator and by position."""
        a = assignments.c
        columns = (evaluators.c.name, a.task, a.item, a.round, a.repeat, ratings.c.rating.is_not(None))
        query = select(*columns).select_from(assignments.join(evaluators).outerjoin(ratings, answered_by()))
        query = query.order_by(evaluators.c.id, a.position, a.id)
        with self._read() as connection:
            return [AskedItem(*row) for row in connection.execute(query)]

    def rated_counts(self) -> dict[tuple[str, str], int]:
        """How many ratings there are of each task and item."""
        columns = (assignments.c.task, assignments.c.item)
        query = select(*columns, func.count()).join_from(ratings, assignments, answered_by()).group_by(*columns)
        with self._read() as connection:
            return {(row[0], row[1]): row[2] for row in connection.execute(query)}

    def remove_unrated(self, items: Iterable[str], tasks: Iterable[str]) -> None:
        """Take away assignments without a rating whose item or task is none of these."""
        items, tasks = set(items), set(tasks)
        query = select(assignments.c.id, assignments.c.item, assignments.c.task).outerjoin(ratings)
        with self._write() as connection:
            unrated = connection.execute(query.where(ratings.c.assignment_id.is_(None))).all()
            gone = [{"gone": row.id} for row in unrated if row.item not in items or row.task not in tasks]
            if gone:
                connection.execute(delete(assignments).where(assignments.c.id == bindparam("gone")), gone)

    def assignments(self, evaluator_id: int) -> list[Assignment]:
        """One evaluator's assignments with the ratings so far: round by round, in each task by task and by position."""
        a = assignments.c
        begins = func.min(a.position).over(partition_by=a.task)
        order = (a.round, begins, a.task, a.position, a.id)
        query = _assignment_query().where(a.evaluator_id == evaluator_id).order_by(*order)
        with self._read() as connection:
            return [Assignment(*row) for row in connection.execute(query)]

    def assignment(self, evaluator_id: int, public_id: str) -> Assignment | None:
        """One assignment by its public id; None where it is another evaluator's."""
        query = _assignment_query().where(
            assignments.c.public_id == public_id, assignments.c.evaluator_id == evaluator_id
        )
        with self._read() as connection:
            row = connection.execute(query).one_or_none()
        return Assignment(*row) if row else None

    def session_state(self, evaluator_id: int) -> str:
        """Something that differs once an evaluator's assignments, answers or what is asked have changed."""
        own = select(assignments.c.id).where(assignments.c.evaluator_id == evaluator_id)
        events = rating_events.c
        query = select(
            select(func.count()).select_from(own.subquery()).scalar_subquery(),
            select(func.count()).where(ratings.c.assignment_id.in_(own)).scalar_subquery(),
            select(func.max(events.id)).where(events.assignment_id.in_(own)).scalar_subquery(),
            select(func.max(wordings.c.id)).scalar_subquery(),
            select(evaluators.c.report_seen_at).where(evaluators.c.id == evaluator_id).scalar_subquery(),
        )
        with self._read() as connection:
            return re.sub(r"[^0-9A-Za-z]+", "-", "-".join(str(value) for value in connection.execute(query).one()))

    # ratings

    def rate(
        self,
        evaluator_id: int,
        public_id: str,
        rating: int | float,
        client_id: str,
        response_ms: int | None = None,
        expected: tuple[int | float | None] | None = None,
    ) -> SavedRating:
        """Save a rating, new or changed; returns after COMMIT.

        Parameters
        ----------
        evaluator_id : int
            Who rates.
        public_id : str
            What is rated.
        rating : int or float
            A level of the scale, in its own numbers.
        client_id : str
            Chosen by the client for this answer; the same answer sent again with it changes nothing and is answered
            alike.
        response_ms : int, optional
            The time from the image's appearance to the answer.
        expected : tuple of one number or None, optional
            The answer that is believed to be there, None for none; unless given, any may be there.

        Raises
        ------
        ValueError
            For a rating that is none of the scale's.
        UnknownAssignment
            Where the evaluator has no such assignment.
        ConflictError
            Where the client id was used before for another answer.
        StaleError
            Where another answer is there than expected, and another than this one.
        LockedError
            Where the evaluator has seen the report and would change an answer.
        """
        if not self.scale.is_level(rating):
            raise ValueError(f"a rating is {self.scale.answer}, not {rating!r}")
        answered: list[Answered] = []
        with self._write(answered) as connection:
            target = connection.execute(
                select(assignments.c.id, assignments.c.task).where(
                    assignments.c.public_id == public_id, assignments.c.evaluator_id == evaluator_id
                )
            ).one_or_none()
            if target is None:
                raise UnknownAssignment(public_id)
            assignment_id = target.id
            before = connection.execute(
                select(rating_events).where(rating_events.c.client_id == client_id)
            ).one_or_none()
            if before is not None:
                if (before.assignment_id, before.axis, before.rating) != (assignment_id, OWN, rating):
                    raise ConflictError(f"the client id {client_id!r} belongs to another answer")
                return SavedRating(public_id, before.rating, before.rated_at, client_id)
            old = _rating(connection, assignment_id)
            there = None if old is None else old.rating
            if expected is not None and there not in (*expected, rating):
                raise StaleError(there)
            if there not in (None, rating) and _has_seen_report(connection, evaluator_id):
                raise LockedError(there)
            answer = {"rating": rating, "rated_at": now(), "response_ms": response_ms}
            answer["wording_id"] = present(connection, target.task, self.scale)
            connection.execute(insert(rating_events).values(assignment_id=assignment_id, client_id=client_id, **answer))
            _set_rating(connection, assignment_id, answer)
            replaced = None if old is None else old.response_ms
            answered.append(
                Answered(evaluator_id, target.task, str(answer["rated_at"]), response_ms, old is not None, replaced)
            )
        return SavedRating(public_id, rating, str(answer["rated_at"]), client_id)

    def note_report_seen(self, evaluator_id: int) -> None:
        """From now on this evaluator's answers stay as they are: they were given before others' were seen."""
        if self.has_seen_report(evaluator_id):
            return
        first = (evaluators.c.id == evaluator_id) & evaluators.c.report_seen_at.is_(None)
        with self._write(answered=()) as connection:
            connection.execute(update(evaluators).where(first).values(report_seen_at=now()))

    def has_seen_report(self, evaluator_id: int) -> bool:
        """Whether an evaluator has seen the report."""
        with self._read() as connection:
            return _has_seen_report(connection, evaluator_id)

    def saw_report(self) -> set[str]:
        """The names of the evaluators who have seen the report."""
        with self._read() as connection:
            return set(connection.scalars(select(evaluators.c.name).where(evaluators.c.report_seen_at.is_not(None))))

    def progress(self) -> list[Progress]:
        """How far each evaluator is in each task, in the order of evaluators and of their tasks."""
        with self._lock:
            known = self._counts.progress(self._changes_elsewhere())
        if known is not None:
            self.check_file()
            return known
        with self._one_count:
            with self._lock:
                of = self._changes_elsewhere()
                self._counts.begin()
                snapshot = self._snapshot()
            with snapshot as connection:
                groups = self._counts.read(connection)
            with self._lock:
                return self._counts.take(groups, of)

    def ratings_table(self) -> "pd.DataFrame":
        """All ratings, a row each: item, evaluator, task, rating, rated_at, response_ms, position, repeat.

        A study to which images were added has a column round as well.
        """
        a = assignments.c
        columns = (a.item, evaluators.c.name.label("evaluator"), a.task, ratings.c.rating, ratings.c.rated_at)
        with self._read() as connection:
            rounds = connection.scalar(select(func.max(a.round)))
        query = (
            select(*columns, ratings.c.response_ms, a.position, a.repeat, *([a.round] if (rounds or 1) > 1 else []))
            .join_from(ratings, assignments, answered_by())
            .join(evaluators)
            .order_by(evaluators.c.name, a.task, a.item, a.repeat)
        )
        return self._frame(query).astype({"response_ms": "Int64"})

    def scores_table(self) -> "pd.DataFrame":
        """All scores: item, metric, score (missing where an item could not be scored), signature, note."""
        return self._frame(scores_query()).fillna({"note": ""}).astype({"score": float})

    def set_scores_table(self) -> "pd.DataFrame":
        """All scores of sets of images: set, metric, score, n, signature, low, high, note."""
        return self._frame(select(schema.set_scores).order_by(schema.set_scores.c.metric, schema.set_scores.c.set))

    def save_scores(
        self, rows: "Sequence[Score]", set_rows: "Sequence[SetScore]" = (), also: Sequence[str] = ()
    ) -> None:
        """Put the scores of one or more metrics in the place of those they had; see `study.store.scores`."""
        with self._write() as connection:
            replace_scores(connection, rows, set_rows, also)

    def imported_metrics(self) -> list[str]:
        """The metrics of which there are imported scores, which `save_scores` does not replace."""
        with self._read() as connection:
            return imported_metrics(connection)

    def refuse_imported(self, metrics: Iterable[str]) -> None:
        """Raise InputError where `save_scores` would refuse one of these metrics."""
        with self._read() as connection:
            refuse_imported(connection, metrics)

    # import

    def import_rows(self, ratings: Iterable[Row] = (), scores: Iterable[Row] = ()) -> tuple[int, int]:
        """Take ratings and scores over from elsewhere: all of them, in one transaction, or none.

        What is there already with the same value stays as it is.

        Parameters
        ----------
        ratings : iterable of mappings
            item, evaluator, task, rating and, optionally, rated_at, response_ms, position, repeat, round. Evaluators
            and assignments that are missing are made.
        scores : iterable of mappings
            item, metric, score and, optionally, signature.

        Returns
        -------
        ratings, scores : int
            How many were new.

        Raises
        ------
        InputError
            Where a rating or a score has another value already; nothing is changed then.
        """
        with self._write() as connection:
            return import_ratings(connection, ratings, self.scale), import_scores(connection, scores)

    # what was asked, and what was done

    def wordings(self) -> list[Wording]:
        """What the evaluators were asked, in all its versions, in the order in which they were asked."""
        with self._read() as connection:
            return read_wordings(connection)

    def refuse_ratings_on_another_scale(self) -> None:
        """Raise InputError where ratings were given on another scale than `scale`."""
        with self._read() as connection:
            refuse_ratings_on_another(connection, self.scale)

    def record_missing_wordings(self, tasks: Mapping[str, TaskConfig]) -> None:
        """Take today's words as asked where none are recorded; see `study.store.wording.record_missing`."""
        known = {wording.task: wording.scale for wording in self.wordings()}  # the last of each task
        rated = {task for task, _ in self.rated_counts()} & set(tasks)
        is_on_another = any(known.get(name, self.scale) != self.scale for name in tasks)
        if not known or not rated <= set(known) or is_on_another:
            with self._write() as connection:
                record_missing(connection, tasks, rated_only=True)

    def record_wordings(self, tasks: Mapping[str, TaskConfig], reword: bool = False) -> None:
        """Make these the words that are asked; InputError where that is refused: see `study.store.wording.record`."""
        with self._write() as connection:
            record(connection, tasks, reword)

    def history(self) -> list[tuple[str, str]]:
        """When what was done to the study besides rating, in order."""
        with self._read() as connection:
            rows = connection.execute(select(history.c.at, history.c.what).order_by(history.c.id))
            return [(row.at, row.what) for row in rows]

    def withdraw(self, name: str) -> tuple[int, bool]:
        """Delete an evaluator with all ratings, their history, the assignments and the link, from the file as well.

        Returns
        -------
        deleted : int
            How many ratings were deleted.
        is_wiped : bool
            Whether nothing of them is in the database's files any more; a program that reads it holds that up.

        Raises
        ------
        InputError
            Where nobody has this name.
        """
        with self._lock:
            self._database.begin_wiping()
        with self._write() as connection:
            deleted = withdraw(connection, name)
            note_history(connection, f"One evaluator's data was withdrawn: {counted(deleted, 'rating')} with its link.")
        return deleted, self._wipe()

    def _committed(self, answered: Sequence[Answered] | None, changes_elsewhere: int) -> None:
        if answered is None or not self._counts.is_of(changes_elsewhere):
            self._counts.forget()
        for answer in answered or ():
            self._counts.note(answer)

    def _frame(self, query: Any) -> "pd.DataFrame":
        import pandas as pd

        with self._read() as connection:
            result = connection.execute(query)
            rows = list(map(tuple, result.all()))  # pandas is slow with SQLAlchemy's own
            return pd.DataFrame(rows, columns=list(result.keys()))


_PEOPLE = select(evaluators.c.id, evaluators.c.name, evaluators.c.token)


def _assignment_query() -> Any:
    a = assignments.c
    columns = (a.id, a.public_id, a.evaluator_id, a.task, a.item, a.position, a.repeat, ratings.c.rating, a.round)
    return select(*columns).select_from(assignments.outerjoin(ratings, answered_by()))


def _set_rating(connection: Connection, assignment_id: int, answer: dict[str, Any]) -> None:
    own = (ratings.c.assignment_id == assignment_id) & (ratings.c.axis == OWN)
    if connection.execute(update(ratings).where(own).values(answer)).rowcount == 0:
        connection.execute(insert(ratings).values(assignment_id=assignment_id, **answer))


def _has_seen_report(connection: Connection, evaluator_id: int) -> bool:
    return connection.scalar(select(evaluators.c.report_seen_at).where(evaluators.c.id == evaluator_id)) is not None


def _rating(connection: Connection, assignment_id: int) -> Any:
    """The answer that is there, with its response time; None where there is none."""
    r = ratings.c
    query = select(r.rating, r.response_ms).where(r.assignment_id == assignment_id, r.axis == OWN)
    return connection.execute(query).one_or_none()
