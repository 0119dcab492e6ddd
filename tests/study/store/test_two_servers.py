"""Two processes that have the same study: what one is told is true for both, in SQLite and in PostgreSQL."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from study.store.store import Store
from tests.study.stores import events, filled, given_ratings, ids

ROOT = Path(__file__).resolve().parents[3]

# A server: for every line with a moment and answers it gives them from that moment on, and says what became of them.
SERVE = """
import json, sys, time
from study.store.store import ConflictError, StaleError, Store, UnknownAssignment
store = Store(sys.argv[1])
print("ready", flush=True)
for line in sys.stdin:
    begin, answers = json.loads(line)
    time.sleep(max(0, begin - time.time()))
    said = []
    for evaluator, public_id, rating, client_id, expected in answers:
        try:
            saved = store.rate(evaluator, public_id, rating, client_id, expected=expected and tuple(expected))
            said.append(["saved", saved.rating, saved.rated_at])
        except (StaleError, ConflictError, UnknownAssignment) as error:
            said.append([type(error).__name__, getattr(error, "rating", None), None])
    print(json.dumps(said), flush=True)
store.close()
"""

pytestmark = pytest.mark.process


class Servers:
    def __init__(self, database: str):
        self._processes = [
            subprocess.Popen(
                [sys.executable, "-c", SERVE, database],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        for process in self._processes:
            assert process.stdout.readline() == "ready\n"

    def give(self, first: list, second: list) -> tuple[list, list]:
        """Both give their answers at once; what became of each."""
        moment = time.time() + 0.2
        for process, answers in zip(self._processes, (first, second), strict=True):
            process.stdin.write(json.dumps([moment, answers]) + "\n")
            process.stdin.flush()
        one, other = (json.loads(process.stdout.readline()) for process in self._processes)
        return one, other

    def close(self) -> None:
        for process in self._processes:
            process.stdin.close()
            process.wait(30)
            process.stdout.close()


@pytest.fixture
def store(database):
    store = filled(database)
    yield store
    store.close()


@pytest.fixture
def servers(store, database):
    servers = Servers(database)
    yield servers
    servers.close()


def rows(store, evaluator: int, rating: int, client: str, expected=None) -> list:
    return [[evaluator, one, rating, f"{client}-{one}", expected] for one in ids(store, evaluator)]


def test_of_two_conflicting_answers_one_is_taken_and_the_other_is_told_so(store, servers):
    """Both pages believe that there is no answer yet; a pair of different answers is one acknowledged and one stale."""
    for evaluator in (1, 2):
        first, second = servers.give(
            rows(store, evaluator, 2, "a", [None]), list(reversed(rows(store, evaluator, 4, "b", [None])))
        )
        kept = given_ratings(store, evaluator)
        for public_id, one, other in zip(ids(store, evaluator), first, reversed(second), strict=True):
            assert sorted((one[0], other[0])) == ["StaleError", "saved"]
            assert one[1] == other[1] == kept[public_id]
    assert len(events(store)) == 24


def test_the_same_client_id_at_both_is_one_answer(store, servers):
    for evaluator in (1, 2):
        same = rows(store, evaluator, 3, "same")
        first, second = servers.give(same, list(reversed(same)))
        assert first == list(reversed(second)) and {one[0] for one in first} == {"saved"}
        assert set(given_ratings(store, evaluator).values()) == {3}
    assert len(events(store)) == 24


def test_a_client_id_for_two_answers_is_a_conflict_wherever_it_comes(store, servers):
    """The same client id for other people's images meets in no row of theirs."""
    ann = [[1, one, 3, f"c{number}", None] for number, one in enumerate(ids(store, 1))]
    bob = [[2, one, 3, f"c{number}", None] for number, one in enumerate(ids(store, 2))]
    first, second = servers.give(ann, list(reversed(bob)))
    for one, other in zip(first, reversed(second), strict=True):
        assert sorted((one[0], other[0])) == ["ConflictError", "saved"]
    assert len(events(store)) == 12


def test_what_both_write_is_counted_and_asked_for_again(store, servers):
    before, state = store.version(), store.session_state(1)
    assert {one.done for one in store.progress()} == {0}
    servers.give(rows(store, 1, 2, "a"), rows(store, 2, 4, "b"))
    assert {one.done for one in store.progress()} == {6}
    assert store.version() != before and store.session_state(1) != state


def test_the_report_seen_at_one_locks_the_answers_at_the_other(store, database):
    other = Store(database)
    first = ids(store, 1)[0]
    store.rate(1, first, 3, "a")
    other.note_report_seen(1)
    with pytest.raises(Exception, match="the answer stays 3"):
        store.rate(1, first, 4, "b")
    assert store.saw_report() == other.saw_report() == {"ann"}
    other.close()


def test_many_processes_make_a_new_database_at_once(database):
    code = (
        "import sys; from study.store.store import Store; store = Store(sys.argv[1], create=True); "
        "print(store.owner_token, store.add_evaluators(['ann'])[0].token)"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, database], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    printed = {process.communicate()[0] for process in processes}
    assert {process.returncode for process in processes} == {0}
    assert len(printed) == 1
