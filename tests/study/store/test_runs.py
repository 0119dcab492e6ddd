"""The record of runs: what is told twice is there once, what changes is there twice, and nothing is ever lost."""

import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import event, func, select

from metrics.errors import InputError
from study.store import run_tables
from study.store.records import NotSaved
from study.store.store import Store
from tests.study.stores import filled

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def store(database):
    with closing(filled(database)) as opened:
        yield opened


@pytest.fixture
def runs(store):
    return store.runs


def drawn(steps=(300, 10000, 900), prompts=("a dog", "a cat"), seeds=("1", "2"), **more) -> pd.DataFrame:
    """Images of checkpoints as they are told, content by content."""
    rows = [
        {"model": "anna", "checkpoint": f"s{step}", "step": step, "prompt": prompt, "seed": seed}
        for step in steps
        for prompt in prompts
        for seed in seeds
    ]
    table = pd.DataFrame(rows).assign(**more)
    table["item"] = [f"{number}.png" for number in range(len(table))]
    table["sha256"] = [f"c{number}" for number in range(len(table))]
    return table


def values(items, metric="lpips", scores=0.5, signature="metric:lpips", note="") -> pd.DataFrame:
    return pd.DataFrame(
        {"item": items, "metric": metric, "score": scores, "signature": signature, "note": note},
        index=range(len(items)),
    )


def count(store, table) -> int:
    with store._read() as connection:
        return connection.scalar(select(func.count()).select_from(table))


@contextmanager
def statements(store):
    """What the database is told."""
    said: list[str] = []

    def note(_, __, statement, *rest):
        said.append(statement)

    event.listen(store._database.engine, "before_cursor_execute", note)
    yield said
    event.remove(store._database.engine, "before_cursor_execute", note)


def test_what_is_told_of_images_comes_back(runs):
    told = {
        "item": "x/1.png",
        "path": "images/x/1.png",
        "sha256": "c1",
        "model": "anna",
        "subject": "dog",
        "n_training_images": 20,
        "checkpoint": "anna-000300",
        "step": 300,
        "epoch": 3,
        "kind": "lora",
        "prompt": "a sks dog",
        "negative": "blurry",
        "group": "held out",
        "seed": "7",
        "recipe": '{"guidance":7.5,"steps":30}',
        "width": 64,
        "height": 48,
    }
    beside = {"checkpoint_file": "a.safetensors", "checkpoint_sha256": "f1", "layers_in_file": 9, "layers_applied": 8}
    assert runs.add_images(pd.DataFrame([told | beside]), "study") == 1
    images = runs.images()
    assert {name: images[name][0] for name in told} == told
    assert set(told) | set(beside) | {"image_id", "recorded_at"} == set(images.columns)
    kept = runs.checkpoints().iloc[0]
    assert {name: kept[name] for name in beside} == beside
    assert runs.runs()[["model", "subject", "n_training_images", "source"]].values.tolist() == [
        ["anna", "dog", 20, "study"]
    ]


def test_what_is_unknown_is_empty_text_or_missing(store):
    assert store.runs.add_images(pd.DataFrame({"item": ["a.png", "b.png"], "seed": [None, np.nan], "step": ["", None]}))
    images = store.runs.images()
    text = ["path", "sha256", "model", "subject", "checkpoint", "kind", "prompt", "negative", "group", "seed", "recipe"]
    assert (images[text] == "").all(axis=None)
    assert images[["step", "epoch", "n_training_images"]].isna().all(axis=None)
    assert {str(images[name].dtype) for name in ("step", "epoch", "n_training_images")} == {"Int64"}
    with store._read() as connection:
        assert connection.scalars(select(run_tables.images.c.seed)).all() == [None, None]


def test_an_empty_record_has_all_its_tables_and_columns(runs):
    assert runs.images().empty and runs.images()["step"].dtype == "Int64"
    assert list(runs.values().columns) == ["image_id", "item", "metric", "score", "signature", "note"]
    for frame in (runs.set_values(), runs.scalars(), runs.runs(), runs.checkpoints(), runs.gate_runs(), runs.places()):
        assert frame.empty and len(frame.columns) > 5
    assert runs.baseline("production") is None


def test_told_again_nothing_is_new(store, runs):
    table = drawn(recipe='{"steps": 30}')
    before = runs.add_images(table), runs.images()
    assert runs.add_images(table.assign(recipe='{ "steps":30 }')) == 0
    assert before[0] == 12 and runs.images().equals(before[1])
    assert count(store, run_tables.recipes) == 1 and count(store, run_tables.prompts) == 2
    assert count(store, run_tables.checkpoints) == 3 and count(store, run_tables.places) == 12


def test_steps_are_whole_numbers_and_sort_as_such(runs):
    runs.add_images(drawn().assign(step=lambda table: table["step"].map(lambda step: f"{step}.0")))
    assert runs.checkpoints()["step"].tolist() == [300, 900, 10000]
    assert runs.images().sort_values("step", kind="stable")["step"].drop_duplicates().tolist() == [300, 900, 10000]


@pytest.mark.parametrize("step", ["1.5k", "300.5", 0.5, "last", "inf", "1e30", 2**63])
def test_a_step_that_is_no_whole_number_is_refused_and_nothing_is_added(store, step):
    table = drawn().astype({"step": object})
    table.loc[5, "step"] = step
    with pytest.raises(InputError, match=f"A step is a whole number, not '{step}'; correct it, or leave it empty"):
        store.runs.add_images(table)
    assert [count(store, table) for table in run_tables.TABLES] == [0] * len(run_tables.TABLES)


@pytest.mark.parametrize(
    ("column", "cell", "words"),
    [
        ("prompt", "a\0dog", "A prompt is text, and .* has a NUL in it"),
        ("path", "sample/\udcff.png", "A path is text, and .* is none that can be kept"),
        ("recipe", "steps: 30", "A recipe or configuration is JSON, not 'steps: 30'"),
        ("n_training_images", 2**31, "n training images is a whole number, not '2147483648'"),
        ("width", 2**40, "A width is a whole number, not '1099511627776'"),
        ("model", "m\u732b" * 300, "A model has at most 1,000 bytes, and .* has 1,200; shorten it"),
    ],
)
def test_what_no_database_holds_is_refused_in_words(store, column, cell, words):
    with pytest.raises(InputError, match=words):
        store.runs.add_images(drawn().assign(**{column: pd.Series([cell] * 12, dtype=object)}))
    assert [count(store, table) for table in run_tables.TABLES] == [0] * len(run_tables.TABLES)


def test_a_score_is_a_number(runs):
    runs.add_images(drawn((300,)))
    with pytest.raises(InputError, match="A score is a number, not 'high'"):
        runs.add_values(values(["0.png"], scores="high"))


def test_seeds_are_names_of_a_noise_however_large(runs):
    runs.add_images(drawn((300,), ("a dog",), (2**64 - 1, 7)))
    assert runs.images()["seed"].tolist() == ["18446744073709551615", "7"]


def test_another_content_of_an_item_is_a_new_image_and_the_old_one_stays(store, runs):
    table = drawn((300,))
    runs.add_images(table)
    runs.add_values(values(table["item"]))
    before = runs.images()
    other = table.assign(sha256=[f"d{number}" for number in range(4)])
    assert runs.add_images(other.iloc[:2]) == 2
    after = runs.images()
    assert sorted(after["item"]) == sorted(table["item"]) and sorted(after["sha256"]) == ["c2", "c3", "d0", "d1"]
    assert count(store, run_tables.images) == 6
    assert runs.values()["item"].tolist() == ["2.png", "3.png"]  # the new ones were not measured yet
    assert runs.add_images(table) == 0  # as it was before
    assert runs.images().sort_values("item", ignore_index=True).equals(before)
    assert len(runs.values()) == 4 and count(store, run_tables.metric_values) == 4


def test_an_item_that_is_described_otherwise_counts_as_described_last(store, runs):
    runs.add_images(drawn((300,)))
    assert runs.add_images(drawn((300,)).assign(step=600, checkpoint="s600")) == 4
    assert set(runs.images()["checkpoint"]) == {"s600"} and count(store, run_tables.images) == 8
    runs.add_images(drawn((300,)))
    assert set(runs.images()["checkpoint"]) == {"s300"} and count(store, run_tables.images) == 8
    kept = runs.checkpoints().set_index("checkpoint")["step"]
    assert kept.to_dict() == {"s300": 300, "s600": 600}
    runs.add_images(drawn((300,)).assign(step=400))
    runs.add_images(drawn((300,)))
    assert runs.checkpoints().set_index("checkpoint")["step"]["s300"] == 300  # and not what was written last


def test_items_with_the_same_content_are_images_of_their_own(runs):
    """A broken checkpoint draws black pictures, and nobody knows the seeds."""
    black = drawn((300,), ("a dog",)).drop(columns="seed").assign(sha256="black")
    assert runs.add_images(black) == 2 and runs.add_images(black) == 0
    assert runs.images()["item"].tolist() == ["0.png", "1.png"] and runs.images()["image_id"].is_unique
    runs.add_values(values(["0.png"]))
    assert runs.values()["item"].tolist() == ["0.png"]
    assert runs.add_images(black.assign(item=["0.png", "other.png"])) == 1
    assert runs.images()["item"].tolist() == ["0.png", "1.png", "other.png"]


def test_an_image_outside_the_study_is_known_by_its_content(runs):
    outside = drawn((300,)).drop(columns="item").assign(path=[f"run/sample/{number}.png" for number in range(4)])
    assert runs.add_images(outside) == 4
    assert runs.add_images(outside.assign(path=[f"moved/{number}.png" for number in range(4)])) == 0
    assert runs.images()["path"].tolist() == [f"moved/{number}.png" for number in range(4)]
    unread = pd.DataFrame({"path": ["x.png", "y.png"], "model": "anna"})
    assert runs.add_images(unread) == 2 and runs.add_images(unread) == 0
    assert runs.images()["path"].tolist()[4:] == ["x.png", "y.png"]
    runs.add_values(values(["-"]).drop(columns="item").assign(path="x.png"))
    assert len(runs.values()) == 1 and runs.values()["item"].tolist() == [""]


@pytest.mark.parametrize("first", ["items", "paths"])
def test_an_image_in_the_study_and_outside_it_is_one(runs, first):
    """A trainer's sample folder is tracked, and the study was made of its images; what is known of them differs."""
    items = drawn((300,)).assign(n_training_images=20, kind="lora")
    paths = drawn((300, 900)).drop(columns="item").assign(path=[f"sample/{number}.png" for number in range(8)])
    for table in (items, paths) if first == "items" else (paths, items):
        runs.add_images(table)
    images = runs.images()
    assert sorted(images["item"]) == ["", "", "", "", "0.png", "1.png", "2.png", "3.png"]
    assert sorted(images["sha256"]) == [f"c{number}" for number in range(8)]
    assert runs.checkpoints()["kind"].tolist() == ["lora", ""]  # what is known, whoever said it
    assert runs.runs()["n_training_images"].tolist() == [20]


def test_an_item_that_left_the_study_does_not_count_until_it_is_back(store, runs):
    table = drawn((300,))
    runs.add_images(table)
    runs.add_values(values(table["item"]))
    assert runs.remove_items(["0.png", "never.png"]) == 1 and runs.remove_items(["0.png"]) == 0
    assert "0.png" not in set(runs.images()["item"]) and len(runs.values()) == 3
    assert runs.add_images(table) == 0 and len(runs.images()) == 4 and len(runs.values()) == 4
    assert count(store, run_tables.images) == 4


def test_the_last_value_counts_and_the_same_is_not_new(store, runs):
    runs.add_images(drawn((300,)))
    items = ["0.png", "1.png"]
    assert runs.add_values(values(items, scores=[0.5, np.nan], note=["", "no face"])) == 2
    assert runs.add_values(values(items, scores=[0.5, np.nan], note=["", "no face"])) == 0
    assert runs.add_values(values(items, scores=[0.25, 0.75])) == 2
    assert runs.add_values(values(items, scores=[0.25, 0.75], signature="metric:lpips 2")) == 2
    assert runs.add_values(values(items, "fid", scores=[0.25, 0.75])) == 2
    found = runs.values()
    assert found["score"].tolist() == [0.25, 0.75] * 2 and found["metric"].tolist() == ["fid"] * 2 + ["lpips"] * 2
    assert set(found["signature"][2:]) == {"metric:lpips 2"} and count(store, run_tables.metric_values) == 8
    assert runs.add_values(values(items, scores=[None, 0.75], signature="metric:lpips 2")) == 1
    assert np.isnan(runs.values()["score"][2])
    by_number = values(items).drop(columns="item").assign(image_id=runs.images()["image_id"][:2], score=9.0)
    assert runs.add_values(by_number) == 2


@pytest.mark.parametrize("about", [{"item": "x.png"}, {"path": "x.png"}, {"image_id": 77}])
def test_a_value_of_no_image_is_refused_and_none_is_added(runs, about):
    runs.add_images(drawn((300,)))
    table = pd.concat([values(["0.png"]), values(["-"]).drop(columns="item").assign(**about)])
    with pytest.raises(InputError, match=r"The record of runs has no image '(x.png|77)'; add the images first"):
        runs.add_values(table)
    assert runs.values().empty


def test_values_of_sets_belong_to_a_checkpoint_and_a_group_of_prompts(runs):
    runs.add_images(drawn())
    told = pd.DataFrame({"model": "anna", "checkpoint": ["s300", "s900"], "metric": "fid", "score": [40.0, 30.5]})
    told = told.assign(low=[38.0, np.nan], high=[42.0, None], n=[4, None], signature="metric:fid")
    assert runs.add_set_values(told) == 2 and runs.add_set_values(told) == 0
    assert runs.add_set_values(told.assign(group="held out")) == 2
    assert runs.add_set_values(told.iloc[:1].assign(score=39.0)) == 1
    found = runs.set_values().set_index(["group", "checkpoint"])
    assert found["score"].to_dict() == {
        ("", "s300"): 39.0,
        ("", "s900"): 30.5,
        ("held out", "s300"): 40.0,
        ("held out", "s900"): 30.5,
    }
    assert found.loc[("", "s300"), ["step", "low", "high", "n"]].tolist() == [300, 38.0, 42.0, 4]
    assert found.loc[("", "s900"), ["low", "high", "n"]].isna().all()
    assert runs.add_set_values(told.iloc[:1].assign(checkpoint="s1200")) == 1  # without images yet


def test_each_step_of_a_curve_may_come_twice(runs):
    """Under gradient accumulation trackers have a step twice, and a resumed run has it again."""
    told = pd.DataFrame(
        {"model": "anna", "metric": "loss", "step": [1, 1, 2, 2, 3], "value": [0.9, 0.8, 0.7, 0.7, None]}
    )
    assert runs.add_scalars(told, "tensorboard") == 5
    assert runs.add_scalars(told, "tensorboard") == 0
    grown = pd.concat([told, told.assign(step=10000)])
    assert runs.add_scalars(grown, "tensorboard") == 5
    assert runs.add_scalars(told.iloc[[1]], "tensorboard") == 0  # only what is new in it, and it is not
    assert runs.add_scalars(told.iloc[[0]].assign(value=0.1), "tensorboard") == 1
    assert runs.add_scalars(told.assign(axis="epoch"), "tensorboard") == 5
    assert runs.add_scalars(told, "wandb") == 5
    curve = runs.scalars().query("source == 'tensorboard' and axis == ''")
    assert curve[["step", "ordinal"]].values.tolist() == [
        *([1, 0], [1, 1], [1, 2], [2, 0], [2, 1], [3, 0], [10000, 0], [10000, 1], [10000, 2], [10000, 3], [10000, 4])
    ]
    assert curve["value"].tolist()[:5] == [0.9, 0.8, 0.1, 0.7, 0.7] and np.isnan(curve["value"].iloc[5])
    assert runs.runs()["source"].tolist() == ["tensorboard"]
    with pytest.raises(InputError, match="has no step"):
        runs.add_scalars(told.drop(columns="step"), "wandb")


def test_curves_and_values_of_sets_are_known_however_their_run_is_described(runs):
    """What a tracker gives again after more became known of the run is not new."""
    curve = pd.DataFrame({"model": "anna", "metric": "loss", "step": range(3), "value": 0.5})
    sets = pd.DataFrame({"model": ["anna"], "checkpoint": "s300", "metric": "fid", "score": 40.0})
    runs.add_images(drawn((300,)))
    assert runs.add_scalars(curve, "mlflow") == 3 and runs.add_set_values(sets) == 1
    runs.add_runs(pd.DataFrame({"model": ["anna"], "config": '{"rank":16}'}))
    runs.add_images(drawn((300,), subject="dog", kind="lora"))
    assert runs.add_scalars(curve, "mlflow") == 0 and runs.add_set_values(sets) == 0
    assert runs.add_scalars(curve.assign(value=0.25), "mlflow") == 3
    assert runs.scalars()["ordinal"].tolist() == [0, 1] * 3


def test_runs_are_told_what_is_known_of_them(runs):
    config = '{"rank": 16, "lr": 0.0001}'
    assert runs.add_runs(pd.DataFrame({"model": ["anna"], "config": config}), "kohya") == 1
    assert runs.add_runs(pd.DataFrame({"model": ["anna"], "config": config}), "kohya") == 0
    runs.add_images(drawn(n_training_images=20))
    found = runs.runs().iloc[0]
    assert (found["n_training_images"], found["config"]) == (20, '{"lr":0.0001,"rank":16}') and len(runs.runs()) == 1
    with pytest.raises(InputError, match="is JSON, not 'rank: 16'"):
        runs.add_runs(pd.DataFrame({"model": ["anna"], "config": "rank: 16"}))


def test_what_was_imported_is_known(runs):
    assert not runs.is_imported("mlflow", "run-1", "f1")
    assert runs.add_import("mlflow", "run-1", "f1") and not runs.add_import("mlflow", "run-1", "f1")
    assert runs.add_import("mlflow", "run-1", "f2") and runs.add_import("wandb", "run-1", "f1")
    assert runs.is_imported("mlflow", "run-1", "f1") and not runs.is_imported("mlflow", "run-1", "f3")


def test_what_gates_said_is_kept(runs):
    settings, result = {"strict": True, "primary": None}, {"p": np.float64(0.03), "low": float("-inf"), "worst": (1, 2)}
    first = runs.add_gate_run("anna/s900", "anna/s300", "worse", settings, result)
    second = runs.add_gate_run("anna/s900", "anna/s300", "cannot tell", {}, {})
    found = runs.gate_runs()
    assert found["id"].tolist() == [first, second] and found["verdict"].tolist() == ["worse", "cannot tell"]
    assert found["settings"][0] == settings and found["result"][0] == {"p": 0.03, "low": None, "worst": [1, 2]}


def test_a_baseline_is_what_was_set_last(store, runs):
    runs.add_images(drawn())
    runs.set_baseline("production", "anna/s300", "ann")
    runs.set_baseline("production", "anna/s900", "ann")
    runs.set_baseline("other", "anna/s300")
    assert (runs.baseline("production"), runs.baseline("other")) == ("anna/s900", "anna/s300")
    with pytest.raises(InputError, match="no checkpoint 'anna/s3' among its 3 checkpoints"):
        runs.set_baseline("production", "anna/s3")
    assert count(store, run_tables.baselines) == 3


def test_nothing_that_was_recorded_is_changed_or_deleted(store, runs):
    tables = [table.name for table in run_tables.TABLES]
    with statements(store) as said:
        for table in (drawn(), drawn().assign(sha256="d"), drawn(n_training_images=3, recipe="{}"), drawn()):
            runs.add_images(table)
            runs.add_values(values(table["item"], scores=range(len(table))))
            runs.add_values(values(table["item"]))
            runs.add_set_values(table[["model", "checkpoint"]].assign(metric="fid", score=range(len(table))))
            runs.add_scalars(table[["model", "step"]].assign(metric="loss", value=0.5), "mlflow")
            runs.add_runs(table[["model"]], "mlflow")
            runs.remove_items(table["item"])
            runs.set_baseline("production", "anna/s300")
            runs.add_gate_run("a", "b", "worse", {}, {})
            runs.add_import("mlflow", "x", "y")
    told = [statement.split() for statement in said]
    assert {words[2] for words in told if words[0] == "INSERT"} == set(tables)
    assert not [words for words in told if words[0] not in ("INSERT", "SELECT", "UPDATE", "PRAGMA", "BEGIN")]
    assert {words[1] for words in told if words[0] == "UPDATE"} <= {"meta"}  # where PostgreSQL counts changes


def test_withdrawing_a_persons_data_is_not_hindered(store, runs):
    runs.add_images(drawn())
    runs.set_baseline("production", "anna/s300", "ann")
    runs.set_baseline("other", "anna/s300", "bob")
    store.withdraw("ann")
    with store._read() as connection:
        assert sorted(connection.scalars(select(run_tables.baselines.c.by))) == ["", "bob"]
    assert runs.baseline("production") == "anna/s300" and len(runs.images()) == 12


def test_recording_changes_nothing_of_the_ratings_and_no_report(store, runs):
    store.progress()
    version = store.version()
    runs.add_images(drawn())
    assert store.version() == version and len(store.progress()) == 4


def test_many_values_are_a_few_statements(store, runs):
    table = drawn(range(100), [f"prompt {number}" for number in range(20)], range(5))
    with statements(store) as said:
        assert runs.add_images(table) == 10_000
        assert runs.add_values(values(table["item"], scores=np.arange(10_000) / 7)) == 10_000
        assert runs.add_values(values(table["item"], scores=np.arange(10_000) / 7)) == 0
    assert len(said) < 400
    assert len(runs.images()) == 10_000 and runs.values()["score"].sum() == pytest.approx(sum(range(10_000)) / 7)


def test_it_can_be_read_beside_who_writes(store, runs, database):
    with closing(Store(database, watch=True)) as watching:
        assert watching.runs.images().empty
        runs.add_images(drawn())
        runs.add_values(values(["0.png"]))
        assert len(watching.runs.images()) == 12 and len(watching.runs.values()) == 1
        with pytest.raises(NotSaved, match="readonly"):
            watching.runs.add_images(drawn())


ADD = """
import sys, time
import pandas as pd
from study.store.store import Store
store, own = Store(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
for step in range(8):
    rows = pd.DataFrame({"model": "anna", "checkpoint": f"s{step}", "step": step, "prompt": ["a", "b", "c"]})
    rows["seed"] = "1"
    both = rows.assign(path=[f"sample/{step}-{k}.png" for k in range(3)], sha256=[f"{step}-{k}" for k in range(3)])
    store.runs.add_images(both)
    store.runs.add_values(both[["path"]].assign(metric="lpips", score=0.5))
    mine = rows.assign(item=[f"{own}-{step}-{k}" for k in range(3)], model=own, sha256=own)
    store.runs.add_images(mine)
    store.runs.add_values(mine[["item"]].assign(metric="lpips", score=0.5))
    store.runs.add_scalars(rows.iloc[:1].assign(metric="loss", value=0.5), "mlflow")
    store.runs.add_import("mlflow", str(step), "x")
store.close()
"""


@pytest.mark.process
def test_two_processes_that_add_at_once_lose_and_double_nothing(store, runs, database):
    line = [sys.executable, "-c", ADD, database]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    processes = [subprocess.Popen([*line, own], **pipes) for own in ("one", "other")]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=300)
    assert [process.returncode for process in processes] == [0, 0]
    images = runs.images()
    assert images.groupby("model").size().to_dict() == {"anna": 24, "one": 24, "other": 24}
    numbers = {table.name: count(store, table) for table in run_tables.TABLES}
    assert numbers["images"] == numbers["metric_values"] == numbers["places"] == len(runs.values()) == 72
    assert numbers["runs"] == 3 and numbers["checkpoints"] == 24 and numbers["prompts"] == 3
    assert numbers["scalars"] == numbers["imports"] == 8
