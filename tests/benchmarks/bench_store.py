"""Fifty people rating at once: the store with its one writer, against fifty SQLite connections of their own.

Run: python -m tests.benchmarks.bench_store [SECONDS]
"""

import random
import secrets
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from study.store.store import NotSaved, Store, sqlite_url
from tests.benchmarks.arguments import parser

WRITERS = 50
PER_SECOND = 5
ITEMS = 60


def filled(path: Path) -> Store:
    """A store in which every writer has something to rate."""
    store = Store(sqlite_url(path), create=True)
    names = [f"rater-{number:02}" for number in range(WRITERS)]
    store.add_evaluators(names)
    store.add_assignments(
        {"evaluator": name, "task": "look", "item": f"{item}.png", "position": item}
        for name in names
        for item in range(ITEMS)
    )
    return store


def one_store(store: Store, _: Path) -> Callable[[], Store]:
    """Every writer uses the one store, as the server's threads do."""
    return lambda: store


def own_stores(_: Store, path: Path) -> Callable[[], Store]:
    """Every writer opens the database anew: the same work, but SQLite alone lets one write at a time."""
    return lambda: Store(sqlite_url(path))


def measure(way: Callable[[Store, Path], Callable[[], Store]], seconds: float) -> np.ndarray:
    """The time of each rating in milliseconds; each writer pauses at random between two, on average 1/5 s."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ratings.sqlite"
        store = filled(path)
        connect = way(store, path)
        evaluators = [evaluator.id for evaluator in store.evaluators()]
        public_ids = {one: [each.public_id for each in store.assignments(one)] for one in evaluators}
        times: list[float] = []
        errors: list[Exception] = []
        start = threading.Barrier(WRITERS)

        def work(evaluator: int) -> None:
            rng = random.Random(evaluator)
            mine = connect()
            start.wait()
            end = time.perf_counter() + seconds
            while time.perf_counter() < end:
                time.sleep(rng.expovariate(PER_SECOND))
                public_id, client_id = rng.choice(public_ids[evaluator]), secrets.token_urlsafe(12)
                began = time.perf_counter()
                try:
                    mine.rate(evaluator, public_id, rng.randint(1, 5), client_id)
                except NotSaved as error:
                    errors.append(error)
                times.append(1000 * (time.perf_counter() - began))
            if mine is not store:
                mine.close()

        threads = [threading.Thread(target=work, args=(evaluator,)) for evaluator in evaluators]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        store.close()
        with sqlite3.connect(path) as connection:
            (kept,) = connection.execute("SELECT count(*) FROM rating_events").fetchone()
        connection.close()
        if kept != len(times) - len(errors):
            raise RuntimeError(f"{len(times) - len(errors)} ratings were acknowledged, but {kept} are kept")
        print(f"  {len(times)} ratings in {seconds:g} s, {len(errors)} failed", file=sys.stderr)
        return np.array(times)


def main() -> None:
    """Print the median, the 95th and the 99th percentile of both ways, and how they compare."""
    arguments = parser(__doc__)
    arguments.add_argument("SECONDS", nargs="?", type=float, default=10, help="how long people rate; 10 unless told")
    seconds = arguments.parse_args().SECONDS
    print(f"{WRITERS} writers, about {PER_SECOND} ratings a second each: milliseconds from the call to after COMMIT")
    print(f"{'':>26}{'p50':>10}{'p95':>10}{'p99':>10}")
    rows = []
    for name, way in (("one store", one_store), ("connections of their own", own_stores)):
        rows.append(np.percentile(measure(way, seconds), [50, 95, 99]))
        print(f"{name:>26}" + "".join(f"{value:10.2f}" for value in rows[-1]))
    print(f"{'ratio':>26}" + "".join(f"{value:10.1f}" for value in rows[1] / rows[0]))


if __name__ == "__main__":
    main()
