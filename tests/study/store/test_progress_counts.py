"""Progress is kept up to date answer by answer, and equals what the database holds, whoever writes."""

import random
import threading
from statistics import median

import pytest

from study.store.store import Store
from tests.study.stores import filled, ids


@pytest.fixture
def store(database):
    store = filled(database)
    yield store
    store.close()


def by_hand(store):
    """Progress from the table of ratings."""
    table = store.ratings_table()
    rows = []
    for one in store.evaluators():
        for task in ("similarity", "aesthetic"):
            own = table[(table["evaluator"] == one.name) & (table["task"] == task)]
            total = sum(each.task == task for each in store.assignments(one.id))
            times = own["response_ms"].dropna().tolist()
            last = max(own["rated_at"].dropna(), default=None)
            rows.append((one.name, task, len(own), total, last, median(times) if times else None))
    return [row for row in rows if row[3]]


def kept(store):
    return [(p.evaluator, p.task, p.done, p.total, p.last_rated_at, p.median_response_ms) for p in store.progress()]


def test_a_long_session_of_answers_and_changes(store):
    rng = random.Random(0)
    people = [(one.id, ids(store, one.id)) for one in store.evaluators()]
    assert kept(store) == by_hand(store)
    for number in range(150):
        evaluator, mine = rng.choice(people)
        store.rate(evaluator, rng.choice(mine), rng.randint(1, 5), f"c{number}", rng.choice([None, 5, 10, 10, 900]))
        if number % 7 == 0:
            assert kept(store) == by_hand(store)
    assert kept(store) == by_hand(store)


def test_an_answer_sent_twice_counts_once(store):
    ann = store.evaluators()[0].id
    store.progress()
    for _ in range(3):
        store.rate(ann, ids(store, ann)[0], 3, "same", 700)
    assert kept(store) == by_hand(store)


def test_other_changes_count(store, database):
    ann = store.evaluators()[0].id
    store.progress()
    store.import_rows([{"item": "9.png", "evaluator": "cleo", "task": "aesthetic", "rating": 2}])
    assert kept(store) == by_hand(store)
    store.withdraw("bob")
    assert kept(store) == by_hand(store)
    other = Store(database)
    other.rate(ann, ids(other, ann)[3], 1, "elsewhere", 40)
    assert kept(store) == by_hand(store)
    store.rate(ann, ids(store, ann)[4], 1, "here", 50)
    assert kept(store) == by_hand(store)
    other.close()


def test_an_answer_after_somebody_elses_changes_is_saved_and_counted(store, database):
    """Counts of another state of the database once made a saved rating an error."""
    store.progress()
    other = Store(database)
    other.import_rows(
        [
            {"item": "9.png", "evaluator": "zed", "task": "aesthetic", "rating": 2, "response_ms": 5},
            {"item": "1.png", "evaluator": "ann", "task": "aesthetic", "rating": 2, "response_ms": 999_999},
        ]
    )
    other.close()
    zed = next(one for one in store.evaluators() if one.name == "zed")
    store.rate(zed.id, ids(store, zed.id)[0], 4, "z", 10)
    ann = store.evaluators()[0].id
    target = next(one for one in store.assignments(ann) if one.item == "1.png" and one.task == "aesthetic")
    store.rate(ann, target.public_id, 5, "a", 10)
    assert kept(store) == by_hand(store)


def test_answers_that_come_while_it_is_read_are_not_missed(store, monkeypatch):
    """The count begins with what was committed; one answer arrives during the reading, one before it is kept."""
    ann = store.evaluators()[0].id
    mine = ids(store, ann)
    store.rate(ann, mine[0], 1, "before", 10)
    read, reading, go_on = store._counts.read, threading.Event(), threading.Event()

    def slow(connection):
        reading.set()
        assert go_on.wait(20)
        return read(connection)

    monkeypatch.setattr(store._counts, "read", slow)
    store._counts.forget()
    thread = threading.Thread(target=store.progress)
    thread.start()
    assert reading.wait(20)
    store.rate(ann, mine[1], 2, "during", 20)
    store.rate(ann, mine[0], 3, "changed", 30)
    go_on.set()
    thread.join()
    monkeypatch.setattr(store._counts, "read", None)  # must not be read again
    assert kept(store) == by_hand(store)


def test_it_is_not_read_again_for_answers(store, monkeypatch):
    ann = store.evaluators()[0].id
    store.progress()
    monkeypatch.setattr(store._counts, "read", None)
    for number, one in enumerate(ids(store, ann)):
        store.rate(ann, one, 3, f"c{number}", number)
        assert store.progress()[0].done + store.progress()[1].done == number + 1
