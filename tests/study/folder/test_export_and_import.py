"""A study's tables out and in: nothing is lost, nothing is doubled, nothing arrives by half."""

import io
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.engine.types import SetScore
from metrics.errors import InputError
from study.folder.create import create_study
from study.folder.exporting import COLUMNS, export_tables, table_files
from study.folder.importing import import_files, import_tables
from tests.study.samples import plain_study, write_images

TASKS = ("aesthetic", "realism")
NAMES = ("model-0/0.png", "model-1/1.png", "model-0/2.png", "model-1/3, x.png", "NA.png", "ü.png")
EVALUATORS = ("ann", "007", 'Zoë "Z", jr.')


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("study") / "images", NAMES)


@pytest.fixture(scope="module")
def new_study(images):
    """A function that makes a fresh study from the same images, and closes it at the end."""
    made = []

    def make(**options):
        options = {"tasks": TASKS, "evaluators": EVALUATORS, "title": "same", **options}
        study = create_study(images.parent / f"study-{len(made)}", images, **options)
        made.append(study)
        return study

    yield make
    for study in made:
        study.close()


@pytest.fixture
def study(new_study):
    return new_study()


def rate(study, answers: dict[tuple[int, int], tuple[int, int | None]]) -> None:
    """Rate: {(evaluator, place in the session): (rating, milliseconds)}."""
    people = study.store.evaluators()
    for (person, place), (rating, milliseconds) in answers.items():
        one = study.store.assignments(people[person].id)[place]
        study.store.rate(people[person].id, one.public_id, rating, f"{person}-{place}", milliseconds)


def ratings(*rows: tuple, columns=("item", "evaluator", "task", "rating"), **more) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(columns)).assign(**more)


def state(study) -> tuple:
    people = study.store.evaluators()
    return people, [study.store.assignments(one.id) for one in people], table_files(study)


def refuses(study, match: str, **tables) -> None:
    """Nothing may change where an import is refused."""
    before = state(study)
    with pytest.raises(InputError, match=match):
        import_tables(study, **tables)
    assert state(study) == before


# there and back


ANSWERS = st.dictionaries(
    st.tuples(st.integers(0, 2), st.integers(0, 11)),
    st.tuples(st.integers(1, 5), st.none() | st.integers(0, 10**7)),
    min_size=1,
)
SCORES = st.dictionaries(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(["psnr", "my metric, v2"])),
    st.tuples(
        st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300),
        st.text("ab|, ").map(str.strip),
    ),
)


@settings(deadline=None, max_examples=40)
@given(ANSWERS, SCORES, st.booleans())
def test_export_and_import_into_a_fresh_study_gives_the_same_files(new_study, answers, scores, same_people):
    first = new_study()
    rate(first, answers)
    first.store.import_rows(
        scores=[
            {"item": item, "metric": metric, "score": score, "signature": signature}
            for (item, metric), (score, signature) in scores.items()
        ]
    )
    out = first.folder / "out"
    export_tables(first, out)
    second = new_study() if same_people else new_study(evaluators=["somebody else"], seed=5)
    for _ in range(2):  # the second time changes nothing
        import_files(second, out / "ratings.csv", out / "scores.csv")
        export_tables(second, second.folder / "out")
        for name in ("items.csv", "ratings.csv", "scores.csv"):  # the words were asked at other times
            assert (second.folder / "out" / name).read_bytes() == (out / name).read_bytes()


def test_the_files_of_a_study(study, tmp_path):
    rate(study, {(0, 0): (4, 1500)})
    paths = export_tables(study, tmp_path / "new" / "out")
    assert [path.name for path in paths] == ["items.csv", "ratings.csv", "scores.csv", "wordings.csv"]
    table = pd.read_csv(paths[1])
    assert list(table) == ["item", "evaluator", "task", "rating", "rated_at", "response_ms", "position", "repeat"]
    assert table[["evaluator", "task", "rating", "response_ms", "position", "repeat"]].values.tolist() == [
        ["ann", "aesthetic", 4, 1500, 0, 0]
    ]
    assert paths[0].read_text() == (study.folder / "items.csv").read_text()
    assert paths[2].read_text() == "item,metric,score,signature,note\n"


def test_each_file_has_the_columns_that_are_named_for_it(study, tmp_path):
    rate(study, {(0, 0): (4, 1500)})
    scores = [{"item": NAMES[0], "metric": "m", "score": 0.5, "signature": ""}]
    study.store.import_rows(scores=scores)
    study.store.save_scores([], [SetScore("model-0", "fid", 3.5, 2, "metric: fid", 1.0, 6.0, "few")])
    files = table_files(study)
    assert {name.removesuffix(".csv") for name in files} == {"items", *COLUMNS}
    for name, columns in COLUMNS.items():
        table = pd.read_csv(io.StringIO(files[f"{name}.csv"]))
        assert tuple(table) == columns and len(table) >= 1


def test_an_export_does_not_depend_on_the_order_of_rating(new_study):
    answers = {(person, place): (1 + place % 5, 100) for person in range(3) for place in range(4)}
    exported = []
    for ordered in (answers, dict(reversed(answers.items()))):
        study = new_study()
        rate(study, ordered)
        table = study.store.ratings_table().drop(columns="rated_at")
        exported.append(table.to_csv())
    assert exported[0] == exported[1]


def test_export_to_where_nothing_can_be_written(study, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        export_tables(study, tmp_path / "file" / "out")


# what an import takes


def test_only_what_was_rated_is_imported_and_the_rest_is_still_to_do(study):
    import_tables(study, ratings((NAMES[0], "ann", "realism", 2)))
    assert [(one.task, one.done, one.total) for one in study.store.progress() if one.evaluator == "ann"] == [
        ("aesthetic", 0, 6),
        ("realism", 1, 6),
    ]


def test_new_evaluators_get_links_and_after_syncing_the_rest_to_rate(study):
    import_tables(study, ratings((NAMES[0], "eve", "realism", 2)))
    eve = study.store.evaluators()[-1]
    assert eve.name == "eve" and study.store.evaluator_by_token(eve.token) == eve
    assert len(study.store.assignments(eve.id)) == 1
    study.sync_assignments()
    assert len(study.store.assignments(eve.id)) == 12


def test_foreign_frames_with_floats_and_missing_cells(study):
    table = ratings(
        (NAMES[0], "ann", "realism", 2.0, 1200.0, None, np.nan),
        (NAMES[1], "ann", "realism", 3.0, np.nan, "2024-05-01", 7.0),
        (NAMES[2], "ann", "realism", np.nan, 5.0, "2024-05-01", 8.0),
        (NAMES[3], "ann", "realism", 5.0, None, "", None),
        columns=("item", "evaluator", "task", "rating", "response_ms", "rated_at", "position"),
        mood="ignored",
    )
    import_tables(study, table)
    found = study.store.ratings_table().set_index("item")
    assert found["rating"].to_dict() == {NAMES[0]: 2, NAMES[1]: 3, NAMES[3]: 5}
    assert found.loc[NAMES[0], "response_ms"] == 1200 and found["response_ms"].isna().sum() == 2
    assert found.loc[NAMES[1], ["rated_at", "position"]].tolist() == ["2024-05-01", 7]
    assert found["rated_at"].isna().sum() == 2


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, "", "NA", "nan", pd.NaT])
def test_every_way_to_leave_a_cell_empty(study, missing):
    table = ratings((NAMES[0], "ann", "realism", 2)).astype(object)
    for column in ("response_ms", "position", "repeat"):
        table[column] = pd.Series([missing], dtype=object)
    import_tables(study, table)
    (row,) = study.store.ratings_table().to_dict("records")
    assert pd.isna(row["response_ms"]) and row["repeat"] == 0


@pytest.mark.parametrize("dtype", ["int8", "float32", "Int64", "object", "string", "category"])
def test_ratings_of_any_type(study, dtype):
    table = ratings((NAMES[0], "ann", "realism", 2), (NAMES[1], "ann", "realism", 5))
    import_tables(study, table.assign(rating=table["rating"].astype(dtype)))
    assert study.store.ratings_table()["rating"].sum() == 7


def test_repeats_are_kept_apart(study):
    columns = ("item", "evaluator", "task", "rating", "repeat")
    import_tables(
        study, ratings((NAMES[0], "ann", "realism", 2, 0), (NAMES[0], "ann", "realism", 4, 1), columns=columns)
    )
    assert study.store.ratings_table()["rating"].tolist() == [2, 4]


def test_scores_with_a_signature_extra_columns_and_gaps(study):
    table = pd.DataFrame(
        {
            "item": NAMES[:3],
            "metric": "psnr",
            "score": [30.5, None, math.pi],
            "signature": ["a", "a", None],
            "mood": "x",
        }
    )
    import_tables(study, scores=table)
    assert study.store.scores_table().values.tolist() == [
        [NAMES[0], "psnr", 30.5, "a", ""],
        [NAMES[2], "psnr", math.pi, "", ""],
    ]


# what an import refuses


GOOD_SCORES = pd.DataFrame({"item": [NAMES[0]], "metric": ["psnr"], "score": [30.0]})


@pytest.mark.parametrize(
    ("row", "match"),
    [
        (("gone.png", "new", "realism", 2), r"1 item that the study's items\.csv lacks, the first: 'gone\.png'; noth"),
        ((NAMES[1], "new", "mood", 2), r"1 task that study\.yaml lacks, the first: 'mood'"),
        ((NAMES[1], "new", "realism", 6), "the row with the index 1: the rating '6' is not a whole number from 1 to 5"),
        ((NAMES[1], "new", "realism", 2.5), r"the rating '2\.5' is not a whole number"),
        ((NAMES[1], "new", "realism", float("inf")), "is not a whole number"),
        ((NAMES[1], "", "realism", 2), "the evaluator is empty"),
        ((NAMES[1], None, "realism", 2), "the evaluator is empty"),
        ((NAMES[0], "ann", "realism", 3), "given more than once"),
        ((NAMES[0], "007", "realism", 3), "1 rating differs"),
    ],
)
def test_one_bad_rating_keeps_everything_out(study, row, match):
    import_tables(study, ratings((NAMES[0], "007", "realism", 5)))
    refuses(study, match, ratings=ratings((NAMES[0], "ann", "realism", 1), row), scores=GOOD_SCORES)


@pytest.mark.parametrize(
    ("row", "match"),
    [
        (("gone.png", "psnr", 2.0), r"1 item that the study's items\.csv lacks"),
        ((NAMES[1], "psnr", "high"), "the row with the index 1: the score 'high'"),
        ((NAMES[1], "psnr", float("inf")), "is not a finite number"),
        ((NAMES[1], "", 2.0), "the metric is empty"),
        ((NAMES[0], "psnr", 31.0), "two different scores"),
        ((NAMES[0], "ssim", 0.5), "1 score differs"),
    ],
)
def test_one_bad_score_keeps_everything_out(study, row, match):
    import_tables(study, scores=pd.DataFrame({"item": [NAMES[0]], "metric": ["ssim"], "score": [0.25]}))
    scores = pd.DataFrame([(NAMES[0], "psnr", 30.0), row], columns=["item", "metric", "score"])
    refuses(study, match, ratings=ratings((NAMES[0], "new", "realism", 1)), scores=scores)


@pytest.mark.parametrize("value", [-1, 1.5, "soon", "1e400", "inf", 2**31, 10**30])
@pytest.mark.parametrize("column", ["response_ms", "position", "repeat"])
def test_whole_numbers_that_are_none(study, column, value):
    table = ratings((NAMES[0], "ann", "realism", 2)).assign(**{column: pd.Series([value], dtype=object)})
    refuses(study, f"in the column {column}, which holds whole numbers", ratings=table, scores=GOOD_SCORES)


@pytest.mark.parametrize("column", ["item", "evaluator", "rating"])
def test_a_missing_column(study, column):
    table = ratings((NAMES[0], "ann", "realism", 2)).drop(columns=column)
    refuses(study, f"no column '{column}'", ratings=table)


# files


def test_files_in_which_a_score_is_wrong_bring_no_ratings(study, tmp_path):
    ratings((NAMES[0], "new", "realism", 2)).to_csv(tmp_path / "r.csv", index=False)
    pd.DataFrame({"item": ["gone.png"], "psnr": [1.0]}).to_csv(tmp_path / "s.csv", index=False)
    before = state(study)
    with pytest.raises(InputError, match="nothing was imported"):
        import_files(study, tmp_path / "r.csv", tmp_path / "s.csv")
    assert state(study) == before


def test_foreign_columns_a_missing_task_and_wide_scores(tmp_path):
    study = plain_study(tmp_path)
    items = list(study.items["item"])
    pd.DataFrame({"worker": [7, 8], "answer": [2, 3], "item": items[:2]}).to_parquet(tmp_path / "r.parquet")
    pd.DataFrame({"item": items, "psnr": 30.5, "niqe": [4.0, None, 5, 6, 7, 8]}).to_csv(tmp_path / "s.csv", index=False)
    lines = import_files(study, tmp_path / "r.parquet", tmp_path / "s.csv", columns="evaluator=worker,rating=answer")
    assert lines[-2:] == ["Imported 2 ratings.", "Imported 11 scores."]
    assert set(study.store.ratings_table()["task"]) == {"aesthetic"}
    study.close()


def test_nothing_to_import_and_means(study, tmp_path):
    with pytest.raises(InputError, match="nothing to import"):
        import_files(study)
    with pytest.raises(InputError, match="levels of its scale"):
        import_files(study, tmp_path / "r.csv", duplicates="mean")
