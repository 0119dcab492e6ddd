"""The store: what is acknowledged is kept, once, and nothing else is."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from study.store.store import ConflictError, Store, UnknownAssignment
from tests.study.stores import ROWS, events, filled, given_ratings, ids


@pytest.fixture
def store(database):
    store = filled(database)
    yield store
    store.close()


@pytest.fixture
def ann(store):
    return store.evaluators()[0].id


# people and assignments


def test_evaluators_have_tokens_that_stay(store, database):
    tokens = {one.name: one.token for one in store.evaluators()}
    assert list(tokens) == ["ann", "bob"]
    assert len({*tokens.values(), store.owner_token}) == 3 and all(len(token) >= 21 for token in tokens.values())
    again = store.add_evaluators(["bob", "cid", "bob"])
    assert [one.name for one in again] == ["bob", "cid"] and again[0].token == tokens["bob"]
    owner = store.owner_token
    store.close()
    reopened = Store(database)
    assert reopened.owner_token == owner
    assert {one.name: one.token for one in reopened.evaluators()} | tokens == {
        one.name: one.token for one in reopened.evaluators()
    }
    reopened.close()


def test_a_token_opens_one_evaluators_door(store):
    for one in store.evaluators():
        assert store.evaluator_by_token(one.token) == one
    for token in ("", "nobody", store.owner_token, store.evaluators()[0].token + " ", "%", "' OR 1=1 --"):
        assert store.evaluator_by_token(token) is None


def test_assignments_in_order_and_only_once(store, ann):
    found = store.assignments(ann)
    assert [(one.task, one.item) for one in found] == [
        (task, f"{number}.png") for task in ("similarity", "aesthetic") for number in range(6)
    ]
    assert all(one.rating is None and one.repeat == 0 and one.evaluator_id == ann for one in found)
    assert len({one.public_id for one in found}) == 12 and all(len(one.public_id) >= 16 for one in found)
    assert store.add_assignments([{**row, "position": 99} for row in ROWS]) == 0
    assert store.assignments(ann) == found
    assert store.add_assignments([{**ROWS[6], "repeat": 1}, {**ROWS[6], "repeat": 1}]) == 1
    assert store.assignments(ann)[:-1] == found


def test_what_is_added_later_comes_after_the_rest_of_its_task(store, ann):
    found = store.assignments(ann)
    store.add_assignments([{**ROWS[0], "item": "new.png"}])
    after = store.assignments(ann)
    assert (after[:6], after[7:]) == (found[:6], found[6:])
    assert (after[6].task, after[6].item) == ("similarity", "new.png")


def test_what_is_asked_no_more_is_taken_away_unless_it_was_rated(store, ann):
    of_task = {
        task: [one for one in store.assignments(ann) if one.task == task] for task in ("similarity", "aesthetic")
    }
    kept = [of_task["similarity"][0], of_task["aesthetic"][5]]  # of a task and of an item that go
    for one in kept:
        store.rate(ann, one.public_id, 3, one.public_id)
    store.remove_unrated({f"{number}.png" for number in range(5)}, {"aesthetic"})
    left = {(one.task, one.item) for one in store.assignments(ann)}
    assert left == {(one.task, one.item) for one in (*kept, *of_task["aesthetic"][:5])}
    assert len(store.ratings_table()) == 2


def test_an_unknown_evaluators_assignments_are_an_error_and_none_is_added(store, ann):
    with pytest.raises(KeyError):
        store.add_assignments([{**ROWS[0], "item": "new.png"}, {**ROWS[0], "evaluator": "nobody"}])
    assert len(store.assignments(ann)) == 12


def test_another_evaluators_public_id_is_unknown(store, ann):
    bob = store.evaluators()[1].id
    foreign = ids(store, bob)[0]
    assert store.assignment(bob, foreign).public_id == foreign
    assert store.assignment(ann, foreign) is None
    assert store.assignment(ann, "") is None
    for public_id in (foreign, "", "unknown"):
        with pytest.raises(UnknownAssignment):
            store.rate(ann, public_id, 3, "c1")
    assert store.ratings_table().empty


# rating


def test_a_rating_is_saved_changed_and_remembered(store, ann):
    first = ids(store, ann)[0]
    saved = store.rate(ann, first, 4, "c1", 1234)
    assert (saved.public_id, saved.rating, saved.client_id) == (first, 4, "c1")
    assert saved.rated_at.endswith("+00:00")
    assert store.assignment(ann, first).rating == 4
    store.rate(ann, first, 2, "c2", 500)
    store.rate(ann, first, 4, "c3")
    row = store.ratings_table().to_dict("records")
    assert [(one["item"], one["evaluator"], one["task"], one["rating"]) for one in row] == [
        ("0.png", "ann", "similarity", 4)
    ]
    assert [event[1:] for event in events(store)] == [("c1", 4), ("c2", 2), ("c3", 4)]


def test_the_same_client_id_again_is_the_same_answer(store, ann):
    first, second = ids(store, ann)[:2]
    saved = store.rate(ann, first, 4, "c1", 1000)
    later = store.rate(ann, first, 5, "c2", 1000)
    assert [store.rate(ann, first, 4, "c1", 9999) for _ in range(4)] == [saved] * 4
    assert store.assignment(ann, first).rating == 5  # an old retry does not undo a newer answer
    for public_id, rating in ((first, 3), (second, 4), (second, 3)):
        with pytest.raises(ConflictError):
            store.rate(ann, public_id, rating, "c1")
    assert store.rate(ann, first, 5, "c2") == later
    assert len(events(store)) == 2


@pytest.mark.parametrize("rating", [0, 6, -1, 3.0, 2.5, True, "3", None, float("nan"), 10**30])
def test_a_rating_outside_1_to_5_never_reaches_sql(store, ann, rating):
    with pytest.raises(ValueError, match="whole number from 1 to 5"):
        store.rate(ann, ids(store, ann)[0], rating, "c1")
    assert events(store) == []


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO ratings (assignment_id, rating) VALUES (1, NULL)",
        "INSERT INTO ratings (assignment_id, rating) VALUES (999, 3)",
        "INSERT INTO ratings (assignment_id, axis, rating) VALUES (1, NULL, 3)",
        "INSERT INTO evaluators (name, token) VALUES ('ann', 'x')",
        "INSERT INTO assignments (public_id, evaluator_id, task, item, repeat, position) "
        "SELECT 'x', evaluator_id, task, item, repeat, 0 FROM assignments LIMIT 1",
        "DELETE FROM evaluators",
    ],
)
def test_the_schema_itself_refuses(store, statement):
    with store._database.engine.connect() as connection, pytest.raises(IntegrityError):
        connection.exec_driver_sql(statement)


ANSWERS = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 5)), min_size=1, max_size=12)


@settings(deadline=None, max_examples=60)
@given(ANSWERS, st.data())
def test_any_retries_equal_the_distinct_answers_in_order(tmp_path_factory, answers, data):
    folder = tmp_path_factory.mktemp("store")
    store = filled(folder / "ratings.sqlite")
    ann = store.evaluators()[0].id
    public = ids(store, ann)
    saved = {}
    for number, (place, rating) in enumerate(answers):
        saved[number] = store.rate(ann, public[place], rating, f"c{number}")
        for retry in data.draw(st.lists(st.integers(0, number), max_size=3)):
            place, rating = answers[retry]
            assert store.rate(ann, public[place], rating, f"c{retry}") == saved[retry]
    expected = {public[place]: rating for place, rating in answers}
    assert {key: value for key, value in given_ratings(store, ann).items() if value is not None} == expected
    assert [(client, rating) for _, client, rating in events(store)] == [
        (f"c{number}", rating) for number, (_, rating) in enumerate(answers)
    ]
    store.close()


def test_eight_threads_at_once(store):
    rated: dict[str, int] = {}
    barrier = threading.Barrier(8)

    def work(worker: int) -> None:
        evaluator = store.evaluators()[worker % 2].id
        mine = ids(store, evaluator)[worker // 2 * 3 : worker // 2 * 3 + 3]
        barrier.wait()
        for turn in range(40):
            public_id, rating = mine[turn % 3], 1 + (turn + worker) % 5
            answers = {store.rate(evaluator, public_id, rating, f"{worker}-{turn}") for _ in range(2)}
            assert len(answers) == 1
            assert store.assignment(evaluator, public_id).rating == rating
            rated[public_id] = rating

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    everything = {}
    for one in store.evaluators():
        everything |= given_ratings(store, one.id)
    assert everything == rated and len(rated) == 24
    assert len(events(store)) == 8 * 40


def test_the_same_answer_from_eight_threads_is_one_answer(store, ann):
    first = ids(store, ann)[0]
    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(lambda _: store.rate(ann, first, 3, "c1"), range(64)))
    assert len(answers) == 1 and len(events(store)) == 1


def test_a_failed_answer_does_not_spoil_the_next(store, ann):
    with pytest.raises(UnknownAssignment):
        store.rate(ann, "unknown", 3, "c1")
    assert store.rate(ann, ids(store, ann)[0], 3, "c1").rating == 3


def test_the_table_is_ordered_by_name_and_not_by_when_it_was_rated(store, ann):
    """Two exports are the same, and tell nothing of who rated when; names are in the order of their letters' codes."""
    (zed,) = store.add_evaluators(["Zed"])
    store.add_assignments([{**row, "evaluator": "Zed"} for row in ROWS[:6]])
    for evaluator in (ann, store.evaluators()[1].id, zed.id):
        for number, one in enumerate(reversed(ids(store, evaluator))):
            store.rate(evaluator, one, 3, f"{evaluator}-{number}")
    table = store.ratings_table()
    found = list(zip(table["evaluator"], table["task"], table["item"], strict=True))
    assert found == sorted(found) and len(found) == 30 and found[0][0] == "Zed"


def test_progress(store, ann):
    public = ids(store, ann)
    for number, milliseconds in enumerate((100, 900, None)):
        last = store.rate(ann, public[number], 3, f"c{number}", milliseconds)
    found = store.progress()
    assert [(one.evaluator, one.task, one.done, one.total) for one in found] == [
        ("ann", "similarity", 3, 6),
        ("ann", "aesthetic", 0, 6),
        ("bob", "similarity", 0, 6),
        ("bob", "aesthetic", 0, 6),
    ]
    assert (found[0].median_response_ms, found[0].last_rated_at) == (500, last.rated_at)
    assert (found[1].median_response_ms, found[1].last_rated_at) == (None, None)
