"""A small store for the tests, and what can be asked of it."""

from pathlib import Path

from sqlalchemy import select

from study.store.schema import rating_events
from study.store.store import Store, sqlite_url

ROWS = [
    {"evaluator": name, "task": task, "item": f"{number}.png", "position": position * 6 + number}
    for name in ("ann", "bob")
    for position, task in enumerate(("similarity", "aesthetic"))
    for number in range(6)
]


def filled(database: Path | str) -> Store:
    store = Store(sqlite_url(database) if isinstance(database, Path) else database, create=True)
    store.add_evaluators(["ann", "bob"])
    store.add_assignments(ROWS)
    return store


def ids(store, evaluator: int) -> list[str]:
    return [one.public_id for one in store.assignments(evaluator)]


def given_ratings(store, evaluator: int) -> dict[str, int | None]:
    return {one.public_id: one.rating for one in store.assignments(evaluator)}


def events(store) -> list[tuple]:
    e = rating_events.c
    with store._read() as connection:
        return [tuple(row) for row in connection.execute(select(e.assignment_id, e.client_id, e.rating).order_by(e.id))]
