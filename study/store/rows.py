"""Rows that more than one of the store's operations writes: evaluators and assignments."""

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, insert, select

from study.store.schema import OWN, assignments, evaluators, ratings

AssignmentKey = tuple[int, str, str, int]

ASSIGNMENT_KEY = (assignments.c.evaluator_id, assignments.c.task, assignments.c.item, assignments.c.repeat)


def add_evaluators(connection: Connection, names: Iterable[str]) -> dict[str, int]:
    """Add the evaluators that are not there yet; gives everyone's id by name."""
    known = dict(connection.execute(select(evaluators.c.name, evaluators.c.id)).all())
    new = [{"name": name, "token": secrets.token_urlsafe(16)} for name in dict.fromkeys(names) if name not in known]
    if not new:
        return known
    connection.execute(insert(evaluators), new)
    return dict(connection.execute(select(evaluators.c.name, evaluators.c.id)).all())


def next_positions(connection: Connection) -> dict[int, int]:
    """The first free position of each evaluator who has assignments, by id."""
    query = select(assignments.c.evaluator_id, func.max(assignments.c.position) + 1)
    return dict(connection.execute(query.group_by(assignments.c.evaluator_id)).all())


def new_assignment(key: AssignmentKey, position: int, of_round: int = 1) -> dict[str, Any]:
    """A row for the table of assignments, under a public id that nobody can guess."""
    names = ("evaluator_id", "task", "item", "repeat")
    own = {"position": position, "round": of_round, "public_id": secrets.token_urlsafe(12)}
    return dict(zip(names, key, strict=True)) | own


def now() -> str:
    """The moment in ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def answered_by() -> ColumnElement[bool]:
    """Joins assignments with the answers to their task's own question, and not with those on other axes."""
    return (ratings.c.assignment_id == assignments.c.id) & (ratings.c.axis == OWN)
