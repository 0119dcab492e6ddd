"""create_study: what a folder of images becomes, and that nothing is left where it fails."""

import shutil
import stat
from pathlib import Path

import pandas as pd
import pytest
import yaml

from metrics.errors import InputError
from study.folder import create
from study.folder.create import create_study
from study.folder.study import open_study
from tests.study.samples import listing, plain_study, write_images

NAMES = [f"{model}/checkpoint-{step}/{number}.png" for model in "ab" for step in (300, 1500) for number in range(2)]


@pytest.fixture
def images(tmp_path):
    return write_images(tmp_path / "images", NAMES)


def rows(study) -> dict[str, dict[str, str]]:
    return {row["item"]: row for row in study.items.to_dict("records")}


def refuses(tmp_path, match: str, images="images", folder="study", **options) -> None:
    """Nothing may be left where a study is refused."""
    before = listing(tmp_path)
    with pytest.raises(InputError, match=match):
        create_study(tmp_path / folder, tmp_path / images, **{"tasks": ("aesthetic",), **options})
    assert listing(tmp_path) == before


def test_three_files_and_nothing_else(tmp_path, images):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        study = create_study("new/study", "images", tasks=["aesthetic"], evaluators=3, title="Cats: a 'study'", seed=5)
        study.close()
    assert sorted(listing(tmp_path / "new")) == ["study", *(f"study/{name}" for name in FILES)]
    assert stat.S_IMODE((tmp_path / "new/study/ratings.sqlite").stat().st_mode) == 0o600
    study = open_study(tmp_path / "new" / "study")
    assert (study.config.title, study.config.seed, list(study.config.tasks)) == ("Cats: a 'study'", 5, ["aesthetic"])
    assert [one.name for one in study.store.evaluators()] == ["evaluator-1", "evaluator-2", "evaluator-3"]
    assert [(one.done, one.total) for one in study.store.progress()] == [(0, 8)] * 3
    assert "# " in (study.folder / "study.yaml").read_text()
    study.close()


FILES = ["items.csv", "ratings.sqlite", "study.yaml"]


def test_items_say_what_the_paths_say(tmp_path, images):
    write_images(images, ["plain.png", "c/x.webp", "d/final/e/deep.jpg"], seed=50)
    found = rows(create_study(tmp_path / "study", images, tasks=["aesthetic"]))
    assert found["a/checkpoint-1500/1.png"] == {
        "item": "a/checkpoint-1500/1.png",
        "image": "../images/a/checkpoint-1500/1.png",
        "model": "a",
        "checkpoint": "1500",
    }
    assert [found[name]["model"] for name in ("plain.png", "c/x.webp", "d/final/e/deep.jpg")] == ["", "c", "d"]
    assert [found[name]["checkpoint"] for name in ("plain.png", "c/x.webp", "d/final/e/deep.jpg")] == ["", "", "final"]


def test_a_study_and_its_images_can_be_moved_together(tmp_path, images):
    create_study(tmp_path / "study", images, tasks=["aesthetic"]).close()
    (tmp_path / "away").mkdir()
    for name in ("study", "images"):
        shutil.move(tmp_path / name, tmp_path / "away" / name)
    study = open_study(tmp_path / "away" / "study")
    assert all(study.image_path(item).is_file() for item in study.items["item"])
    study.close()


@pytest.mark.parametrize("folder", ["what? 100%41 #1 & more", "über/画像", "a'b\"c", "semi;colon"])
def test_any_folder_name_will_do(tmp_path, folder):
    study = plain_study(tmp_path / folder)
    tokens = [one.token for one in study.store.evaluators()]
    study.close()
    assert sorted(listing(tmp_path / folder / "study")) == FILES
    assert {path.name for path in tmp_path.iterdir()} == {folder.split("/")[0]}
    with_tokens = open_study(tmp_path / folder / "study")
    assert [one.token for one in with_tokens.store.evaluators()] == tokens
    assert all(with_tokens.image_path(item).is_file() for item in with_tokens.items["item"])
    with_tokens.close()


def test_names_of_images_that_csv_must_quote(tmp_path):
    names = ["a, b.png", 'say "hi".png', "été/画像 1.webp", "NA.png", "007/x.png", "=1+1.png", "semi;colon.jpg"]
    write_images(tmp_path / "images", names)
    study = create_study(tmp_path / "study", tmp_path / "images", tasks=["aesthetic"])
    assert sorted(study.items["item"]) == sorted(names)
    assert all(study.image_path(name).is_file() for name in names)
    assert rows(study)["007/x.png"]["model"] == "007"
    study.close()


def test_behind_links_to_folders_paths_stay_true(tmp_path):
    write_images(tmp_path / "disk/far/away/images", ["m/1.png", "m/2.png"])
    (tmp_path / "disk/deep/er").mkdir(parents=True)
    (tmp_path / "here").symlink_to("disk/deep/er")
    (tmp_path / "pictures").symlink_to("disk/far/away/images")
    study = create_study(tmp_path / "here" / "study", tmp_path / "pictures", tasks=["aesthetic"])
    assert [study.image_path(item).is_file() for item in study.items["item"]] == [True, True]
    study.close()


def test_beside_other_files_and_inside_the_folder_of_images(tmp_path, images):
    (images / "notes.txt").write_text("mine")
    study = create_study(images, images, tasks=["aesthetic"])
    assert study.image_path(NAMES[0]) == images / NAMES[0]
    study.close()
    assert set(listing(images)) == {*NAMES, *FOLDERS, *FILES, "notes.txt"}


FOLDERS = {"a", "b", *(f"{model}/checkpoint-{step}" for model in "ab" for step in (300, 1500))}


# refusals


def test_a_folder_that_holds_a_study_or_part_of_one(tmp_path, images):
    create_study(tmp_path / "study", images, tasks=["aesthetic"]).close()
    refuses(tmp_path, "holds study.yaml already")
    (tmp_path / "study" / "study.yaml").unlink()
    refuses(tmp_path, "holds items.csv already")
    (tmp_path / "study" / "items.csv").unlink()
    refuses(tmp_path, "holds ratings.sqlite already")
    (tmp_path / "study" / "ratings.sqlite").rename(tmp_path / "study" / "ratings.sqlite-wal")
    refuses(tmp_path, "holds ratings.sqlite-wal already")


@pytest.mark.parametrize(
    ("match", "options"),
    [
        ("is not a folder", {"images": "missing"}),
        ("cannot be written", {"folder": "file.txt"}),
        ("cannot be written", {"folder": "file.txt/deeper/study"}),
        ("from 1 to 1000", {"evaluators": 0}),
        ("from 1 to 1000", {"evaluators": -3}),
        ("empty name", {"evaluators": []}),
        ("empty name", {"evaluators": ["ann", " "]}),
        ("'ann' twice", {"evaluators": ["ann", "bob", " ann "]}),
        ("'Ann' twice", {"evaluators": ["Ann", "bob", "ann"]}),
        ("twice", {"evaluators": ["Zo\u00eb", "Zoe\u0308"]}),
        (r"evaluators has the name 'a\\x1bb'", {"evaluators": ["a\x1bb"]}),
        ("title is '  '", {"title": "  "}),
        (r"title is 'x\\udcff'", {"title": "x\udcff"}),
        ("names a task twice", {"tasks": ["aesthetic", "aesthetic"]}),
        ("tasks is empty", {"tasks": []}),
        ("letters, digits", {"tasks": ["look/feel"]}),
        ("letters, digits", {"tasks": [""]}),
        ("folder with references, or leave the task out with tasks", {"tasks": ["similarity"]}),
        ("alignment has show_prompt, but 8 items have no prompt", {"tasks": ["alignment"]}),
        ("is not a folder", {"tasks": ["similarity"], "references": "missing"}),
    ],
)
def test_what_cannot_be_used(tmp_path, images, match, options):
    (tmp_path / "file.txt").write_text("a file")
    refuses(tmp_path, match, **options)
    refuses(tmp_path, match, **{"folder": "deep/er/study", **options})


def test_corrupt_images_and_copies(tmp_path, images):
    (images / "cut.png").write_bytes((images / NAMES[0]).read_bytes()[:50])
    (images / "z-copy.png").write_bytes((images / NAMES[1]).read_bytes())
    refuses(tmp_path, rf"cut\.png: cannot be decoded.* z-copy\.png \(same as {NAMES[1]}\)")


@pytest.mark.parametrize("step", ["dump_config", "open_study", "Store"])
@pytest.mark.parametrize("folder", ["study", "deep/er/study", "there"])
def test_a_failure_at_any_step_leaves_nothing(tmp_path, images, monkeypatch, step, folder):
    (tmp_path / "there").mkdir()

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(create, step, fail)
    refuses(tmp_path, "cannot be written .the disk is full", folder=folder)


@pytest.mark.parametrize("calls", [1, 2, 3])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_while_moving_leaves_nothing(tmp_path, images, monkeypatch, calls, error):
    before = listing(tmp_path)
    rename, done = Path.rename, []

    def fail_late(path, target):
        done.append(path)
        if len(done) == calls:
            raise error
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail_late)
    with pytest.raises((InputError, KeyboardInterrupt)):
        create_study(tmp_path / "deep" / "study", images, tasks=["aesthetic"])
    assert listing(tmp_path) == before


# splits, and opening


def test_a_split_gives_each_image_one_task(tmp_path, images):
    study = create_study(
        tmp_path / "study", images, tasks=["aesthetic", "realism"], evaluators=["ann", "bob"], split=True
    )
    assert study.items.groupby(["model", "task"]).size().tolist() == [2, 2, 2, 2]
    ann, bob = (study.store.assignments(one.id) for one in study.store.evaluators())
    assert {(one.task, one.item) for one in ann} == {(one.task, one.item) for one in bob}
    assert len(ann) == 8 and [one.item for one in ann] != [one.item for one in bob]
    study.close()


def test_new_items_come_after_what_is_assigned_already(tmp_path):
    study = plain_study(tmp_path)
    (ann, _) = study.store.evaluators()
    before = study.store.assignments(ann.id)
    study.close()
    table = pd.read_csv(study.folder / "items.csv", dtype=str)
    table.loc[len(table)] = {"item": "aaa", "image": table["image"][0], "model": "model-0"}
    table.to_csv(study.folder / "items.csv", index=False)
    study = open_study(study.folder)
    assert study.sync_assignments() == 2
    assert study.sync_assignments() == 0
    after = study.store.assignments(ann.id)
    assert after[:-1] == before and after[-1].item == "aaa"
    study.close()


def test_opening_what_is_no_study(tmp_path):
    with pytest.raises(InputError, match="holds no study"):
        open_study(tmp_path)
    study = plain_study(tmp_path)
    study.close()
    with pytest.raises(InputError) as refused:
        open_study(study.folder / "study.yaml")
    assert str(refused.value) == f"{study.folder / 'study.yaml'} is a file; name the study's folder ({study.folder})."
    (tmp_path / "notes.txt").write_text("no study")
    with pytest.raises(InputError, match=r"notes.txt is a file; name a study's folder\.$"):
        open_study(tmp_path / "notes.txt")
    (study.folder / "ratings.sqlite").rename(tmp_path / "aside")
    with pytest.raises(InputError, match="has no ratings"):
        open_study(study.folder)
    assert sorted(listing(study.folder)) == ["items.csv", "study.yaml"]
    (tmp_path / "aside").rename(study.folder / "ratings.sqlite")
    (study.folder / "items.csv").unlink()
    with pytest.raises(InputError, match=r"items\.csv cannot be read"):
        open_study(study.folder)


def test_an_item_that_its_table_lost(tmp_path):
    study = plain_study(tmp_path)
    with pytest.raises(InputError, match="has no item 'gone"):
        study.image_path("gone.png")
    study.close()


def test_study_yaml_says_what_each_key_does(tmp_path):
    study = plain_study(tmp_path, title="y: #1", share_report=True)
    text = (study.folder / "study.yaml").read_text()
    assert set(yaml.safe_load(text)) == {"title", "seed", "share_report", "tasks"}
    assert text.count("# ") >= 4 and yaml.safe_load(text)["title"] == "y: #1"
    study.close()


@pytest.mark.parametrize(
    ("folders", "checkpoints"),
    [
        (["0.5", "1.5", "300", "step-300x"], ["0.5", "1.5", "300", "step-300x"]),
        (["lr1e-4", "lr2e-4", "1e3", "v2"], ["lr1e-4", "lr2e-4", "1e3", "v2"]),
        (["checkpoint-300", "step_600", "epoch12", "ckpt 7"], ["300", "600", "12", "7"]),
        (["a-300", "b-300", "c-600"], ["a-300", "b-300", "600"]),
    ],
)
def test_checkpoints_are_numbers_only_where_they_stay_apart(folders, checkpoints):
    cells = create.place_cells([Path("m") / folder / "x.png" for folder in folders])
    assert [each["checkpoint"] for each in cells] == checkpoints
    assert {each["model"] for each in cells} == {"m"}
