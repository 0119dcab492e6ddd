"""A small store for the tests, and what can be asked of it."""

import sqlite3
from pathlib import Path

from study.store import Store, sqlite_url

ROWS = [
    {"evaluator": name, "task": task, "item": f"{number}.png", "position": position * 6 + number}
    for name in ("ann", "bob")
    for position, task in enumerate(("similarity", "aesthetic"))
    for number in range(6)
]


def filled(path: Path) -> Store:
    store = Store(sqlite_url(path), create=True)
    store.add_evaluators(["ann", "bob"])
    store.add_assignments(ROWS)
    return store


def ids(store, evaluator: int) -> list[str]:
    return [one.public_id for one in store.assignments(evaluator)]


def given_ratings(store, evaluator: int) -> dict[str, int | None]:
    return {one.public_id: one.rating for one in store.assignments(evaluator)}


def events(path: Path) -> list[tuple]:
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT assignment_id, client_id, rating FROM rating_events ORDER BY id").fetchall()
    connection.close()
    return rows
