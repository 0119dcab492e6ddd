"""The store: what is acknowledged is kept, once, and nothing else is."""

import sqlite3
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.errors import InputError
from study.store import ConflictError, Store, UnknownAssignment, sqlite_url

ROOT = Path(__file__).resolve().parents[2]
ROWS = [
    {"evaluator": name, "task": task, "item": f"{number}.png", "position": position * 6 + number}
    for name in ("ann", "bob")
    for position, task in enumerate(("similarity", "aesthetic"))
    for number in range(6)
]


def filled(path: Path) -> Store:
    store = Store(sqlite_url(path))
    store.add_evaluators(["ann", "bob"])
    store.add_assignments(ROWS)
    return store


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ratings.sqlite"


@pytest.fixture
def store(path):
    store = filled(path)
    yield store
    store.close()


@pytest.fixture
def ann(store):
    return store.evaluators()[0].id


def ids(store, evaluator: int) -> list[str]:
    return [one.public_id for one in store.assignments(evaluator)]


def given_ratings(store, evaluator: int) -> dict[str, int | None]:
    return {one.public_id: one.rating for one in store.assignments(evaluator)}


def events(path: Path) -> list[tuple]:
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT assignment_id, client_id, rating FROM rating_events ORDER BY id").fetchall()
    connection.close()
    return rows


# people and assignments


def test_evaluators_have_tokens_that_stay(store, path):
    tokens = {one.name: one.token for one in store.evaluators()}
    assert list(tokens) == ["ann", "bob"]
    assert len({*tokens.values(), store.owner_token}) == 3 and all(len(token) >= 21 for token in tokens.values())
    again = store.add_evaluators(["bob", "cid", "bob"])
    assert [one.name for one in again] == ["bob", "cid"] and again[0].token == tokens["bob"]
    owner = store.owner_token
    store.close()
    reopened = Store(sqlite_url(path))
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
    assert store.add_assignments([{**ROWS[0], "repeat": 1}, {**ROWS[0], "repeat": 1}]) == 1
    assert store.assignments(ann)[:-1] == found


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


def test_a_rating_is_saved_changed_and_remembered(store, ann, path):
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
    assert [event[1:] for event in events(path)] == [("c1", 4), ("c2", 2), ("c3", 4)]


def test_the_same_client_id_again_is_the_same_answer(store, ann, path):
    first, second = ids(store, ann)[:2]
    saved = store.rate(ann, first, 4, "c1", 1000)
    later = store.rate(ann, first, 5, "c2", 1000)
    assert [store.rate(ann, first, 4, "c1", 9999) for _ in range(4)] == [saved] * 4
    assert store.assignment(ann, first).rating == 5  # an old retry does not undo a newer answer
    for public_id, rating in ((first, 3), (second, 4), (second, 3)):
        with pytest.raises(ConflictError):
            store.rate(ann, public_id, rating, "c1")
    assert store.rate(ann, first, 5, "c2") == later
    assert len(events(path)) == 2


@pytest.mark.parametrize("rating", [0, 6, -1, 3.0, 2.5, True, "3", None, float("nan"), 10**30])
def test_a_rating_outside_1_to_5_never_reaches_sql(store, ann, path, rating):
    with pytest.raises(ValueError, match="whole number from 1 to 5"):
        store.rate(ann, ids(store, ann)[0], rating, "c1")
    assert events(path) == []


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO ratings (assignment_id, rating) VALUES (1, 6)",
        "INSERT INTO ratings (assignment_id, rating) VALUES (1, 0)",
        "INSERT INTO ratings (assignment_id, rating) VALUES (1, NULL)",
        "INSERT INTO ratings (assignment_id, rating) VALUES (999, 3)",
        "INSERT INTO rating_events (assignment_id, client_id, rating, rated_at) VALUES (1, 'x', 9, '')",
        "INSERT INTO evaluators (name, token) VALUES ('ann', 'x')",
        "INSERT INTO assignments (public_id, evaluator_id, task, item, repeat, position) "
        "SELECT 'x', evaluator_id, task, item, repeat, 0 FROM assignments LIMIT 1",
        "DELETE FROM evaluators",
    ],
)
def test_the_schema_itself_refuses(store, path, statement):
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA foreign_keys=ON")
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(statement)
    connection.close()


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
    assert [(client, rating) for _, client, rating in events(folder / "ratings.sqlite")] == [
        (f"c{number}", rating) for number, (_, rating) in enumerate(answers)
    ]
    store.close()


def test_eight_threads_at_once(store, path):
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
    assert len(events(path)) == 8 * 40


def test_the_same_answer_from_eight_threads_is_one_answer(store, ann, path):
    first = ids(store, ann)[0]
    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(lambda _: store.rate(ann, first, 3, "c1"), range(64)))
    assert len(answers) == 1 and len(events(path)) == 1


def test_a_failed_answer_does_not_spoil_the_next(store, ann):
    with pytest.raises(UnknownAssignment):
        store.rate(ann, "unknown", 3, "c1")
    assert store.rate(ann, ids(store, ann)[0], 3, "c1").rating == 3


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


# the file


def test_the_file_is_private_and_durable(store, ann, path):
    store.rate(ann, ids(store, ann)[0], 3, "c1")
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}
    with store._write() as connection:
        settings = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in PRAGMAS}
    assert settings == PRAGMAS


PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_closing_leaves_one_file(store, ann, path):
    store.rate(ann, ids(store, ann)[0], 3, "c1")
    store.close()
    assert [file.name for file in path.parent.iterdir()] == ["ratings.sqlite"]


def test_another_versions_database_is_refused_and_not_touched(store, path):
    store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE meta SET value = '2' WHERE key = 'schema'")
        connection.execute("DROP TABLE set_scores")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(InputError, match="has the layout 2, this humangrade reads 1"):
        Store(sqlite_url(path))
    assert path.read_bytes() == before


def test_what_is_no_database_is_refused_and_not_touched(tmp_path):
    for content in (b"hello" * 500, b"SQLite format 3\x00" + b"\xff" * 500):
        (tmp_path / "noise.sqlite").write_bytes(content)
        with pytest.raises(InputError, match="cannot be opened"):
            Store(sqlite_url(tmp_path / "noise.sqlite"))
        assert (tmp_path / "noise.sqlite").read_bytes() == content
    with pytest.raises(InputError, match=r"cannot be opened .No such file"):
        Store(sqlite_url(tmp_path / "missing" / "ratings.sqlite"))
    with pytest.raises(InputError, match="cannot be opened"):
        Store(sqlite_url(tmp_path))


def test_a_foreign_database_with_a_table_of_the_same_name(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE meta (key TEXT, value TEXT)")
    connection.close()
    with pytest.raises(InputError, match="has the layout None"):
        Store(sqlite_url(path))


# another process


RATE_ALL = """
import sys, time
from study.store import Store, sqlite_url
from pathlib import Path
store = Store(sqlite_url(Path(sys.argv[1])))
ann = store.evaluators()[0].id
print("ready", flush=True)
for turn in range(int(sys.argv[2])):
    for one in store.assignments(ann):
        store.rate(ann, one.public_id, 1 + turn % 5, f"{turn}-{one.public_id}")
        time.sleep(0.002)
"""


def test_another_process_reads_and_imports_while_one_rates(store, path):
    bob = store.evaluators()[1]
    with subprocess.Popen(
        [sys.executable, "-c", RATE_ALL, str(path), "30"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        process.stdout.readline()
        imports = 0
        while process.poll() is None:
            row = {"item": f"new-{imports}.png", "evaluator": "bob", "task": "aesthetic", "rating": 1 + imports % 5}
            store.import_rows([row])
            imports += 1
            assert len(store.ratings_table()) >= imports
        assert process.returncode == 0
    assert imports > 3, "no import got its turn"
    assert set(given_ratings(store, store.evaluators()[0].id).values()) == {5}
    assert sum(rating is not None for rating in given_ratings(store, bob.id).values()) == imports
    assert len(events(path)) == 30 * 12 + imports


def test_many_processes_open_a_new_database_at_once(path):
    code = (
        "import sys; from pathlib import Path; from study.store import Store, sqlite_url; "
        "store = Store(sqlite_url(Path(sys.argv[1]))); "
        "print(store.owner_token, store.add_evaluators(['ann'])[0].token)"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    printed = {process.communicate()[0] for process in processes}
    assert {process.returncode for process in processes} == {0}
    assert len(printed) == 1


# import


def rating_row(number: int, rating: int, **more) -> dict:
    return {"item": f"{number}.png", "evaluator": "ann", "task": "aesthetic", "rating": rating} | more


def test_imported_ratings_keep_their_place_and_have_a_history(store, ann, path):
    store.import_rows([rating_row(0, 4, rated_at="2024-05-01", response_ms=12, position=3), rating_row(1, 2)])
    table = store.ratings_table().set_index("item")
    assert table.loc["0.png", ["rating", "rated_at", "response_ms", "position"]].tolist() == [4, "2024-05-01", 12, 3]
    assert pd.isna(table.loc["1.png", "rated_at"]) and table.loc["1.png", "position"] == 7
    assert [event[2] for event in events(path)] == [4, 2]
    changed = next(one for one in store.assignments(ann) if one.rating == 4)
    store.rate(ann, changed.public_id, 5, "c1")
    assert [event[2] for event in events(path)] == [4, 2, 5]


def test_the_same_import_again_changes_nothing(store, path):
    rows = [rating_row(0, 4, position=8), rating_row(9, 1), rating_row(9, 2, repeat=1)]
    rows.append(rating_row(3, 3) | {"evaluator": "new"})
    scores = [{"item": "0.png", "metric": "psnr", "score": 31.25, "signature": "x"}]
    store.import_rows(rows, scores)
    before, history = store.ratings_table(), events(path)
    store.import_rows(rows, scores)
    store.import_rows([{**row, "position": 1, "rated_at": "later"} for row in rows])
    assert store.ratings_table().equals(before) and events(path) == history
    assert len(store.scores_table()) == 1


def state(store) -> tuple:
    people = store.evaluators()
    return (
        people,
        [store.assignments(one.id) for one in people],
        store.ratings_table().to_csv(),
        store.scores_table().to_csv(),
    )


@pytest.mark.parametrize(
    ("rows", "scores", "message"),
    [
        ([rating_row(0, 5)], [], r"^1 rating differs .*the first: '0\.png' by ann in aesthetic; nothing was imported"),
        ([rating_row(number, 5) for number in range(5)], [], r"^5 ratings differ .*'0\.png'.*'1\.png'.*'2\.png'[^']*$"),
        ([rating_row(9, 5), rating_row(9, 4)], [], r"^1 rating differs .*'9\.png' by ann"),
        ([], [{"item": "0.png", "metric": "psnr", "score": 2.0}], r"^1 score differs .*'0\.png' by psnr"),
        ([], [{"item": "0.png", "metric": "psnr", "score": 1.0, "signature": "other"}], "^1 score differs"),
    ],
)
def test_conflicts_change_nothing_at_all(store, rows, scores, message):
    store.import_rows(
        [rating_row(number, 1) for number in range(5)], [{"item": "0.png", "metric": "psnr", "score": 1.0}]
    )
    before = state(store)
    fresh = [rating_row(8, 3) | {"evaluator": "somebody new"}]
    new_score = [{"item": "8.png", "metric": "psnr", "score": 1.0}]
    with pytest.raises(InputError, match=message):
        store.import_rows(fresh + rows, new_score + scores)
    assert state(store) == before
    assert store.rate(store.evaluators()[0].id, ids(store, store.evaluators()[0].id)[0], 3, "c1").rating == 3


def test_scores_come_back_to_the_last_bit(store):
    values = [0.1 + 0.2, 1e-320, -1.7976931348623157e308, 3.0]
    store.import_rows(
        scores=[{"item": f"{number}", "metric": "m", "score": value} for number, value in enumerate(values)]
    )
    assert store.scores_table()["score"].tolist() == values
