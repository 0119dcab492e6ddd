"""Ratings and scores from elsewhere: all of them or none."""

import pandas as pd
import pytest

from metrics.errors import InputError
from tests.study.stores import events, filled, ids


@pytest.fixture
def store(database):
    store = filled(database)
    yield store
    store.close()


@pytest.fixture
def ann(store):
    return store.evaluators()[0].id


def rating_row(number: int, rating: int, **more) -> dict:
    return {"item": f"{number}.png", "evaluator": "ann", "task": "aesthetic", "rating": rating} | more


def test_imported_ratings_keep_their_place_and_have_a_history(store, ann):
    store.import_rows([rating_row(0, 4, rated_at="2024-05-01", response_ms=12, position=3), rating_row(1, 2)])
    table = store.ratings_table().set_index("item")
    assert table.loc["0.png", ["rating", "rated_at", "response_ms", "position"]].tolist() == [4, "2024-05-01", 12, 3]
    assert pd.isna(table.loc["1.png", "rated_at"]) and table.loc["1.png", "position"] == 7
    assert [event[2] for event in events(store)] == [4, 2]
    changed = next(one for one in store.assignments(ann) if one.rating == 4)
    store.rate(ann, changed.public_id, 5, "c1")
    assert [event[2] for event in events(store)] == [4, 2, 5]


def test_the_same_import_again_changes_nothing(store):
    rows = [rating_row(0, 4, position=8), rating_row(9, 1), rating_row(9, 2, repeat=1)]
    rows.append(rating_row(3, 3) | {"evaluator": "new"})
    scores = [{"item": "0.png", "metric": "psnr", "score": 31.25, "signature": "x"}]
    store.import_rows(rows, scores)
    before, history = store.ratings_table(), events(store)
    store.import_rows(rows, scores)
    store.import_rows([{**row, "position": 1, "rated_at": "later"} for row in rows])
    assert store.ratings_table().equals(before) and events(store) == history
    assert len(store.scores_table()) == 1


def test_the_same_score_by_another_version_is_no_conflict(store):
    score = {"item": "0.png", "metric": "lpips", "score": 0.25, "signature": "metric:lpips|versions:torch-2.9"}
    store.import_rows([], [score])
    store.import_rows([], [score | {"signature": "metric:lpips|versions:torch-2.10"}])
    (row,) = store.scores_table().itertuples()
    assert row.signature == score["signature"]
    with pytest.raises(InputError, match="1 score differs"):
        store.import_rows([], [score | {"signature": "metric:lpips|net:vgg|versions:torch-2.9"}])


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
