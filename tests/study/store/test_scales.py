"""A store on another scale than 1 to 5, in both kinds of database: answers in the scale's own numbers."""

from contextlib import closing

import pytest

from calibration.scale import Scale
from metrics.errors import InputError
from study.folder.config import preset
from study.store.store import NotSaved, StaleError, Store
from tests.study.stores import ROWS, events

FROM_ZERO, FRACTIONS = Scale.parse("0-4"), Scale((0, 0.5, 1))


@pytest.fixture
def make(database):
    """A function that makes the store on a scale, or opens it again."""
    opened = []

    def make(scale, create=True):
        store = Store(database, create=create, scale=scale)
        opened.append(store)
        if create:
            store.add_evaluators(["ann", "bob"])
            store.add_assignments(ROWS)
            store.record_wordings({"aesthetic": preset("aesthetic", scale), "similarity": preset("similarity", scale)})
        return store

    yield make
    for store in opened:
        store.close()


def public(store, place=0):
    return store.assignments(1)[place].public_id


@pytest.mark.parametrize(("scale", "given"), [(FROM_ZERO, [0, 4, 2]), (FRACTIONS, [0.5, 0, 1]), (FRACTIONS, [1, 0, 0])])
def test_answers_come_back_as_they_were_given(make, scale, given):
    store = make(scale)
    for place, rating in enumerate(given):
        saved = store.rate(1, public(store, place), rating, f"c{place}")
        assert saved == store.rate(1, public(store, place), rating, f"c{place}")
    found = [store.assignment(1, public(store, place)).rating for place in range(3)]
    assert found == given and [type(one) for one in found] == [type(one) for one in given]
    assert sorted(store.ratings_table()["rating"]) == sorted(given)
    assert [rating for _, _, rating in events(store)] == given


def test_zero_is_an_answer_and_not_none(make):
    store = make(FROM_ZERO)
    store.rate(1, public(store), 0, "c1", expected=(None,))
    with pytest.raises(StaleError) as stale:
        store.rate(1, public(store), 3, "c2", expected=(None,))
    assert stale.value.rating == 0 and store.progress()[0].done == 1
    store.rate(1, public(store), 3, "c3", expected=(0,))
    store.rate(1, public(store), 0, "c4", expected=(3,))
    assert store.ratings_table()["rating"].tolist() == [0]


@pytest.mark.parametrize(
    ("scale", "rating", "words"),
    [
        (FROM_ZERO, 5, "a whole number from 0 to 4, not 5"),
        (FROM_ZERO, 1.5, "a whole number from 0 to 4"),
        (FROM_ZERO, False, "a whole number from 0 to 4"),
        (FRACTIONS, 0.25, "one of 0, 0.5 and 1, not 0.25"),
        (FRACTIONS, 5, "one of 0, 0.5 and 1"),
    ],
)
def test_what_is_no_level_is_taken_nowhere(make, scale, rating, words):
    store = make(scale)
    with pytest.raises(ValueError, match=words):
        store.rate(1, public(store), rating, "c1")
    with pytest.raises(InputError, match=r"answered with .*; nothing was imported"):
        store.import_rows([{"item": "0.png", "evaluator": "ann", "task": "aesthetic", "rating": rating}])
    assert events(store) == [] and store.ratings_table().empty


def test_imported_ratings_are_compared_in_the_scales_numbers(make):
    store = make(FRACTIONS)
    row = {"item": "0.png", "evaluator": "ann", "task": "aesthetic", "rating": 0.5}
    assert [store.import_rows([row])[0] for _ in range(2)] == [1, 0]
    with pytest.raises(InputError, match="1 rating differs"):
        store.import_rows([row | {"rating": 1}])
    assert store.ratings_table()["rating"].tolist() == [0.5]


def test_who_has_the_study_open_on_the_scale_of_before_saves_nothing(make):
    """study.yaml's scale may be changed until the first rating, also while a server of PostgreSQL's still runs."""
    before = make(FROM_ZERO)
    with closing(make(Scale.parse("1-5"), create=False)) as now:
        now.record_wordings({name: preset(name) for name in ("aesthetic", "similarity")})
        with pytest.raises(NotSaved, match="is asked on 1 to 5 now, and here still on 0 to 4, so nothing is saved"):
            before.rate(1, public(before), 0, "c1")
        with pytest.raises(NotSaved, match="start humangrade again"):
            before.import_rows([{"item": "0.png", "evaluator": "ann", "task": "aesthetic", "rating": 0}])
        now.rate(1, public(now), 5, "c2")
        assert [event[1:] for event in events(now)] == [("c2", 5)]


def test_a_changed_word_is_told_by_the_number_of_its_level(make):
    store = make(FROM_ZERO)
    tasks = {"aesthetic": preset("aesthetic", FROM_ZERO), "similarity": preset("similarity", FROM_ZERO)}
    assignment = next(one for one in store.assignments(1) if one.task == "aesthetic")
    store.rate(1, assignment.public_id, 0, "c1")
    words = ["Awful", "Poor", "Fair", "Good", "Excellent"]
    tasks["aesthetic"] = tasks["aesthetic"].model_copy(update={"levels": words})
    with pytest.raises(InputError, match=r"\(0 was 'Bad' and is 'Awful'\)"):
        store.record_wordings(tasks)
    store.record_wordings(tasks, reword=True)
    assert store.history()[-1][1].endswith("after 1 rating: 0 was 'Bad' and is 'Awful'.")
