"""A study's images and scores in the record of runs: only what is new, and what changed is there twice."""

import os
import shutil
import time
from contextlib import closing

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import func, select

from metrics.engine.types import Score, SetScore
from metrics.errors import InputError
from study.folder.create import create_study
from study.folder.study import open_study
from study.generation.items_table import COLUMNS
from study.runs import record
from study.runs.record import record_study
from study.store import run_tables
from tests.study.conftest import save_image

LPIPS = "metric:lpips"


@pytest.fixture
def study(tmp_path):
    """Two checkpoints of a run (the later one comes first) and the base, two prompts each, drawn long ago."""
    rows = []
    for number, checkpoint in enumerate(("base", "anna/900", "anna/10000")):
        model, _, name = checkpoint.partition("/")
        for k, prompt in enumerate(("a dog", "a cat")):
            path = tmp_path / "images" / checkpoint / f"{k}.png"
            save_image(path, 10 * number + k)
            os.utime(path, (1_700_000_000, 1_700_000_000 + number))
            rows.append({"item": f"{checkpoint}/{k}.png", "image": f"{checkpoint}/{k}.png", "model": model})
            rows[-1] |= {"checkpoint": name, "prompt": prompt, "seed": str(k), "kind": "" if name else "base"}
    pd.DataFrame(rows).to_csv(tmp_path / "images" / "items.csv", index=False)
    with closing(
        create_study(tmp_path / "study", tmp_path / "images", tasks=["aesthetic"], evaluators=["ann"])
    ) as opened:
        yield opened


def score(study, value: float = 0.5, metric: str = "lpips", signature: str = LPIPS, items=None) -> None:
    items = study.items["item"] if items is None else items
    study.store.save_scores([Score(item, metric, value + k, signature) for k, item in enumerate(items)])


def count(study, table) -> int:
    with study.store._read() as connection:
        return connection.scalar(select(func.count()).select_from(table))


def replace(study, item: str, seed: int, when: float | None = None) -> None:
    path = study.image_path(item)
    save_image(path, seed)
    os.utime(path, (when or 1_710_000_000,) * 2)


def is_nothing_new(study) -> bool:
    before = [count(study, table) for table in run_tables.TABLES]
    found = record_study(study)
    return [count(study, table) for table in run_tables.TABLES] == before and not any(
        (found.images, found.values, found.set_values, found.removed, found.notes)
    )


def test_images_are_recorded_once_by_their_content(study):
    assert record_study(study).images == 6 and is_nothing_new(study)
    images = study.store.runs.images()
    assert images["item"].tolist() == study.items["item"].tolist()
    assert images["path"].tolist() == study.items["image"].tolist()
    assert images["sha256"].str.len().eq(64).all() and images["sha256"].is_unique
    for name in ("model", "checkpoint", "prompt", "seed", "kind"):
        assert images[name].tolist() == study.items[name].tolist(), name
    assert study.store.runs.runs()["source"].unique().tolist() == ["study"]


def test_a_checkpoint_that_is_called_like_a_step_has_that_step(study):
    """Steps sort as numbers; the base has none, and stands first where checkpoints are compared."""
    record_study(study)
    kept = study.store.runs.checkpoints()
    assert kept[kept["model"] == "anna"]["step"].tolist() == [900, 10000]
    assert kept[kept["model"] == "base"]["step"].isna().all()


def test_steps_of_the_table_come_before_names(study):
    study.write_items(study.items.assign(step=["2.0", "2", "1", "", "", ""]))
    record_study(study)
    kept = study.store.runs.images().set_index("item")["step"]
    assert kept[["anna/900/0.png", "anna/10000/0.png", "anna/10000/1.png"]].tolist() == [1, 2, 2]
    assert pd.isna(kept["anna/900/1.png"])


def test_a_step_that_is_no_whole_number_is_refused_in_a_sentence(study):
    study.write_items(study.items.assign(step=["10k", "10k", "900", "900", "0", "0"]))
    words = r"items.csv: the item 'anna/10000/0.png' has the step '10k', and a step is a whole number; correct it"
    with pytest.raises(InputError, match=words):
        record_study(study)
    assert study.store.runs.images().empty


def test_what_does_not_decide_is_left_out_with_a_note(study):
    study.write_items(study.items.assign(epoch=["", "", "1", "1", "1.5", "last"], training_images="about 20", file="x"))
    found = record_study(study)
    images = study.store.runs.images()
    assert images["epoch"].dropna().tolist() == [1, 1] and images["n_training_images"].isna().all()
    assert (images["checkpoint_file"] == "").all()  # in a table of one's own, file is anything
    assert found.notes == (
        "In 2 rows of items.csv the column epoch holds what is no whole number; the record leaves it out.",
        "In 6 rows of items.csv the column training_images holds what is no whole number; the record leaves it out.",
    )


def test_a_table_with_a_prompt_and_checkpoints_alone_is_enough(study):
    study.write_items(study.items[["item", "image", "checkpoint", "prompt"]])
    assert record_study(study).images == 6 and is_nothing_new(study)
    with study.store._read() as connection:
        assert set(connection.scalars(select(run_tables.images.c.seed))) == {None}


def test_what_was_drawn_is_recorded_with_its_recipe(study):
    row = dict.fromkeys(COLUMNS, "") | {"model": "anna", "checkpoint": "anna-900", "step": "900", "epoch": "9"}
    row |= {"training_images": "20", "kind": "lora", "file": "anna.safetensors", "lora_sha256": "f1", "seed": "7"}
    row |= {"lora_scale": "1.0", "layers_in_file": "12", "layers_applied": "11", "subject": "dog", "prompt": "sks"}
    row |= {"group": "held out", "negative": "blurry", "steps": "30", "guidance": "7.5", "width": "64", "height": "48"}
    row |= {"scheduler": "DDIM", "dtype": "float32", "base": "tiny", "rate": "1", "recipe": "d1"}
    row |= {"image": study.items["image"][2], "item": study.items["item"][2]}
    study.write_items(pd.DataFrame([row]))
    assert record_study(study).images == 1 and is_nothing_new(study)
    told = study.store.runs.images().iloc[0].to_dict()
    for name in ("model", "checkpoint", "kind", "subject", "prompt", "group", "negative", "seed"):
        assert told[name] == row[name]
    numbers = ("step", "epoch", "n_training_images", "layers_in_file", "layers_applied", "width", "height")
    assert [told[name] for name in numbers] == [900, 9, 20, 12, 11, 64, 48]
    assert (told["checkpoint_file"], told["checkpoint_sha256"]) == ("anna.safetensors", "f1")
    assert told["recipe"] == (
        '{"base":"tiny","dtype":"float32","guidance":"7.5","height":"48","identity":"d1","lora_scale":"1.0",'
        '"scheduler":"DDIM","steps":"30","width":"64"}'
    )


def test_unchanged_files_are_not_read_again(study, monkeypatch):
    read = []
    monkeypatch.setattr(record, "_content", lambda path: read.append(path.name) or f"content of {path}")
    record_study(study)
    assert len(read) == 6
    record_study(study)
    assert len(read) == 6
    replace(study, "base/0.png", 99)
    record_study(study)
    assert read[6:] == ["0.png"]
    record_study(study)
    assert len(read) == 7


def test_a_file_that_may_be_written_again_within_the_tick_of_its_clock_is_read_again(study, monkeypatch):
    replace(study, "base/0.png", 98, time.time())
    record_study(study)
    replace(study, "base/0.png", 99, time.time())
    assert record_study(study).images == 1  # its size is likely the same, and its time may be
    later = time.time() + 60
    monkeypatch.setattr(record.time, "time", lambda: later)
    record_study(study)
    assert is_nothing_new(study)
    monkeypatch.setattr(record, "_content", lambda path: pytest.fail("it was read"))
    assert is_nothing_new(study)


def test_another_content_under_an_item_is_a_new_image_and_the_old_one_stays(study):
    score(study)
    record_study(study)
    before = study.store.runs.images()
    replace(study, "anna/900/0.png", 99)
    found = record_study(study)
    assert found.images == 1 and found.values == 1
    assert found.notes == (
        "Since the last record 1 image changed, the first: 'anna/900/0.png', while the scores stayed; humangrade score "
        "makes them anew.",
    )
    assert is_nothing_new(study)
    after = study.store.runs.images()
    changed = before["sha256"].ne(after.set_index("item").loc[before["item"], "sha256"].to_numpy())
    assert before["item"][changed].tolist() == ["anna/900/0.png"] and count(study, run_tables.images) == 7
    score(study, 7.5)
    assert record_study(study).values == 6 and len(study.store.runs.values()) == 6


def test_an_image_that_changed_and_was_scored_anew_is_no_note(study):
    score(study)
    record_study(study)
    replace(study, "anna/900/0.png", 99)
    score(study, 7.5)
    found = record_study(study)
    assert (found.images, found.values, found.notes) == (1, 6, ()) and is_nothing_new(study)


def test_a_missing_file_counts_as_it_was_and_one_that_never_was_there_is_noted(study, tmp_path):
    study.image_path("base/0.png").rename(tmp_path / "kept.png")
    words = "1 image file of the study cannot be read, so what is in it is not recorded."
    assert record_study(study).notes == (words,) and record_study(study).images == 0
    assert study.store.runs.images().set_index("item")["sha256"]["base/0.png"] == ""
    shutil.copy(tmp_path / "kept.png", study.image_path("base/0.png"))
    os.utime(study.image_path("base/0.png"), (1_700_000_000,) * 2)
    assert record_study(study).images == 1
    known = study.store.runs.images()
    study.image_path("base/0.png").unlink()
    assert is_nothing_new(study) and study.store.runs.images().equals(known)


def test_scores_are_recorded_with_signature_and_note(study):
    rows = [Score(item, "lpips", 0.5, LPIPS) for item in study.items["item"][:3]]
    rows.append(Score(study.items["item"][3], "lpips", None, LPIPS, "no references"))
    study.store.save_scores(rows)
    assert record_study(study).values == 4 and is_nothing_new(study)
    columns = ["item", "metric", "score", "signature", "note"]
    pd.testing.assert_frame_equal(study.store.runs.values()[columns], study.scores()[columns], check_dtype=False)
    score(study, 0.25)
    assert record_study(study).values == 6
    pd.testing.assert_frame_equal(study.store.runs.values()[columns], study.scores()[columns], check_dtype=False)
    score(study, 0.25, signature="metric:lpips|vgg")
    score(study, 3, "contrast")
    assert record_study(study).values == 12
    pd.testing.assert_frame_equal(study.store.runs.values()[columns], study.scores()[columns], check_dtype=False)
    assert count(study, run_tables.metric_values) == 4 + 6 + 12


def test_a_score_that_was_not_made_again_with_its_metric_ends(study):
    """Else one image would keep the score of another network."""
    score(study)
    record_study(study)
    score(study, signature="metric:lpips|vgg", items=study.items["item"][1:])
    record_study(study)
    values = study.store.runs.values().set_index("item")
    assert set(values["signature"].drop(study.items["item"][0])) == {"metric:lpips|vgg"}
    assert np.isnan(values["score"][study.items["item"][0]])
    assert values["note"][study.items["item"][0]] == "the study has no score of it any more"
    assert is_nothing_new(study)


def test_values_that_others_recorded_of_a_studys_image_stay(study):
    record_study(study)
    study.store.runs.add_values(pd.DataFrame({"item": ["base/0.png"], "metric": "from wandb", "score": 3.0}))
    score(study)
    record_study(study)
    assert study.store.runs.values().query("metric == 'from wandb'")["score"].tolist() == [3.0]


def test_scores_of_whole_checkpoints_are_recorded(study):
    sets = [SetScore("anna/900", "fid", 40.0, 2, "metric:fid", 38.0, 42.0, "few images")]
    sets += [SetScore("base", "fid", 50.0, 2, "metric:fid"), SetScore("anna/900: a dog", "fid", 1.0, 2, "metric:fid")]
    study.store.save_scores([], sets)
    assert record_study(study).set_values == 2 and is_nothing_new(study)
    found = study.store.runs.set_values().set_index(["model", "checkpoint"])
    figures = ["score", "low", "high", "n", "signature", "note"]
    assert found.loc[("anna", "900"), figures].tolist() == [40.0, 38.0, 42.0, 2, "metric:fid", "few images"]
    assert found.loc[("base", ""), "score"] == 50 and found.loc[("base", ""), ["low", "high"]].isna().all()
    study.store.save_scores([], [sets[0]._replace(score=41.0), sets[1]])
    assert record_study(study).set_values == 1 and study.store.runs.set_values()["score"].tolist() == [50, 41]


def test_images_that_leave_the_table_do_not_count(study):
    score(study)
    record_study(study)
    study.write_items(study.items.iloc[1:])
    assert record_study(study).removed == 1 and is_nothing_new(study)
    assert len(study.store.runs.images()) == len(study.store.runs.values()) == 5


def test_who_opened_the_study_before_it_grew_takes_nothing_away(study):
    with closing(open_study(study.folder)) as old:
        row = study.items.iloc[[0]].assign(item="new.png", image="base/1.png")
        study.write_items(pd.concat([study.items, row]))
        record_study(study)
        assert is_nothing_new(old)


def test_a_correction_of_the_table_is_a_new_description(study):
    score(study)
    record_study(study)
    study.write_items(study.items.assign(prompt=study.items["prompt"].replace("a dog", "a sks dog")))
    found = record_study(study)
    assert (found.images, found.values, found.notes) == (3, 3, ())
    assert set(study.store.runs.images()["prompt"]) == {"a sks dog", "a cat"} and len(study.store.runs.values()) == 6


def test_many_files_that_are_read_show_how_far_it_is(study, monkeypatch):
    shown = []

    class Seen:
        def start(self, title, total):
            shown.append((title, total))

        def advance(self, count):
            shown.append(count)

    monkeypatch.setattr(record, "_SHOWN_FROM", 6)
    assert record_study(study, progress=Seen()).images == 6
    assert shown == [("Reading files", 6), 1, 1, 1, 1, 1, 1]
    replace(study, study.items["item"][0], 77)
    record_study(study, progress=Seen())  # one file: no bar
    assert len(shown) == 7
