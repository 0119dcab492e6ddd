"""Taking ratings and scores over from elsewhere, within one transaction of the store."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from calibration.scale import Scale
from metrics.engine.signature import identity_of
from metrics.errors import InputError
from study.store.rows import ASSIGNMENT_KEY, AssignmentKey, add_evaluators, new_assignment, next_positions, now
from study.store.schema import OWN, assignments, rating_events, ratings, scores
from study.store.wording import present

Row = Mapping[str, Any]


def import_ratings(connection: Connection, rows: Iterable[Row], scale: Scale) -> int:
    """Insert ratings with the evaluators and assignments that they lack; raises InputError for other values.

    Every rating is a level of the scale.

    Returns how many were new.
    """
    rows = list(rows)
    strange = next((row for row in rows if not scale.is_level(row["rating"])), None)
    if strange is not None:
        raise InputError(
            f"The rating of '{strange['item']}' by {strange['evaluator']} is {strange['rating']!r}, but the study is "
            f"answered with {scale.answer}; nothing was imported."
        )
    ids = add_evaluators(connection, (row["evaluator"] for row in rows))
    keyed = [((ids[row["evaluator"]], row["task"], row["item"], row.get("repeat") or 0), row) for row in rows]
    numbers = _assignments_of(connection, keyed)
    own = select(ratings.c.assignment_id, ratings.c.rating).where(ratings.c.axis == OWN)
    rated = dict(connection.execute(own).all())
    new: dict[int, Row] = {}
    conflicts = []
    for key, row in keyed:
        number = numbers[key]
        if number not in rated:
            rated[number] = row["rating"]
            new[number] = row
        elif rated[number] != row["rating"]:
            conflicts.append(f"'{row['item']}' by {row['evaluator']} in {row['task']}")
    if conflicts:
        raise _conflict(conflicts, "rating")
    if new:
        _insert_ratings(connection, new, scale)
    return len(new)


def import_scores(connection: Connection, rows: Iterable[Row]) -> int:
    """Insert scores; raises InputError for other values. Returns how many were new."""
    known = {(row.item, row.metric): (row.score, row.signature) for row in connection.execute(select(scores))}
    new, conflicts = [], []
    for row in rows:
        key = (row["item"], row["metric"])
        value = (float(row["score"]), row.get("signature") or "")
        if key not in known:
            known[key] = value
            new.append({"item": key[0], "metric": key[1], "score": value[0], "signature": value[1]})
        elif known[key][0] != value[0] or identity_of(known[key][1]) != identity_of(value[1]):
            conflicts.append(f"'{key[0]}' by {key[1]}")
    if conflicts:
        raise _conflict(conflicts, "score")
    if new:
        connection.execute(insert(scores), new)
    return len(new)


def _assignments_of(connection: Connection, keyed: Sequence[tuple[AssignmentKey, Row]]) -> dict[AssignmentKey, int]:
    """The ids of all assignments by their keys, after adding those that the rows lack."""
    query = select(*ASSIGNMENT_KEY, assignments.c.id)
    known = {tuple(row[:-1]): row[-1] for row in connection.execute(query)}
    free = next_positions(connection)
    missing: dict[AssignmentKey, dict[str, Any]] = {}
    for key, row in keyed:
        if key not in known and key not in missing:
            position = row.get("position")
            if position is None:
                position = free.get(key[0], 0)
            free[key[0]] = max(free.get(key[0], 0), position + 1)
            missing[key] = new_assignment(key, position, row.get("round") or 1)
    if not missing:
        return known
    connection.execute(insert(assignments), list(missing.values()))
    return {tuple(row[:-1]): row[-1] for row in connection.execute(query)}


def _insert_ratings(connection: Connection, new: Mapping[int, Row], scale: Scale) -> None:
    """Write ratings and their history, and move the assignments to where, and in which round, they were rated."""
    asked = {task: present(connection, task, scale) for task in {row["task"] for row in new.values()}}
    values: list[dict[str, Any]] = [
        {"assignment_id": number, "wording_id": asked[row["task"]]}
        | {name: row.get(name) for name in ("rating", "rated_at", "response_ms")}
        for number, row in new.items()
    ]
    connection.execute(insert(ratings), values)
    moment = now()
    events = [
        value | {"rated_at": value["rated_at"] or moment, "client_id": f"import-{secrets.token_urlsafe(12)}"}
        for value in values
    ]
    connection.execute(insert(rating_events), events)
    for column in ("position", "round"):
        known = [{"number": number, "known": row[column]} for number, row in new.items() if row.get(column) is not None]
        if known:
            by_number = assignments.c.id == bindparam("number")
            connection.execute(update(assignments).where(by_number).values({column: bindparam("known")}), known)


def _conflict(conflicts: Sequence[str], noun: str) -> InputError:
    return InputError(
        f"{len(conflicts)} {noun}{'s differ' if len(conflicts) > 1 else ' differs'} from what the study has already, "
        f"the first: {'; '.join(conflicts[:3])}; nothing was imported. Remove them from the file, or use a new study."
    )
