"""humangrade generate STUDY: new checkpoints beside the old ones, as a new round; others are refused."""

import csv
import shutil
from pathlib import Path

import pytest

from metrics.errors import InputError
from study import open_study
from study.folder.drawing import drawn_folder
from tests.study.command import run_cli
from tests.study.folder.test_growing import rate_all
from tests.study.generation.drawing import RECIPE, make_loras, tiny_folder
from tests.study.generation.tiny import tiny_pipeline

__all__ = ["tiny_folder"]

PEOPLE = ("ann", "bob")


@pytest.fixture(scope="module")
def rated(tiny_folder, tmp_path_factory):
    """A folder with a recipe, its images, and a study of them that is rated; the folder of a third LoRA is `later`."""
    place = tmp_path_factory.mktemp("rated")
    make_loras(place / "later", 3)
    (place / "loras").mkdir()
    for step in (300, 600):
        (place / "later" / f"anna-step{step:08}.safetensors").rename(
            place / "loras" / f"anna-step{step:08}.safetensors"
        )
    (place / "recipe.yaml").write_text(RECIPE.format(base=tiny_folder))
    with pytest.MonkeyPatch.context() as patch:
        from study.generation.draw import draw
        from study.generation.plan import make_plan
        from study.generation.recipe import load_recipe

        patch.chdir(place)
        draw(make_plan(load_recipe(place / "recipe.yaml")), place / "set")
        from study import create_study

        with create_study(place / "study", place / "set", tasks=["look"], evaluators=PEOPLE) as study:
            assert rate_all(study) == 2 * 6
    return place


@pytest.fixture
def place(rated, tmp_path, monkeypatch):
    """A copy of it, in which commands run; a third LoRA lies with the others."""
    shutil.copytree(rated, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    Path("later/anna-step00000900.safetensors").rename("loras/anna-step00000900.safetensors")
    return tmp_path


@pytest.fixture
def cli(place, monkeypatch, capsys):
    return lambda *arguments: run_cli(monkeypatch, capsys, "generate", *arguments)


def listing(place):
    """What must stay as it is where a command is refused."""
    kept = [path for path in place.rglob("*") if path.is_file() and path.suffix in (".png", ".csv", ".jsonl", ".yaml")]
    with open_study(place / "study") as study:
        return {path: path.read_bytes() for path in kept}, study.store.asked_items()


def test_a_new_checkpoint_is_drawn_and_asked_about(place, cli):
    before = {path: path.read_bytes() for path in (place / "set").rglob("*.png")}
    code, out, err = cli("study", "--recipe", "recipe.yaml", "--dry-run")
    assert code == 0, err
    assert "study is a study; its images stand in set." in out and "12 of them stand in set already; 4 are to be" in out
    assert not (place / "set/anna/900").exists()

    code, out, err = cli("study", "--recipe", "recipe.yaml", "--anchors", "0.5")
    assert code == 0, err
    assert "Drawn: 4; the other 12 were there." in out
    assert "4 images added, 2 of them for rating, as round 2; 3 that were rated before are asked again" in out
    assert "ann: 5 images more to rate." in out and out.endswith("Start it with: humangrade serve study\n")
    assert {path: path.read_bytes() for path in before} == before
    with (place / "study/items.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    new = [row for row in rows if row["added_in_round"] == "2"]
    assert [(row["checkpoint"], row["layers_applied"]) for row in new] == [("900", "16")] * 4
    assert {(row["prompt"], row["seed"]) for row in new} == {(row["prompt"], row["seed"]) for row in rows}
    assert [row["rate"] for row in new] == [row["rate"] for row in rows[:4]]
    assert len([row for row in rows if row["asked_again_in_rounds"] == "2"]) == 3
    with open_study(place / "study") as study:
        assert rate_all(study) == 2 * 5 and set(study.ratings()["round"]) == {1, 2}

    code, _, err = cli("study", "--recipe", "recipe.yaml")
    assert code == 2 and "set holds no image that the study lacks" in err


def test_a_recipe_of_the_new_checkpoint_alone_will_do(place, cli):
    recipe = (place / "recipe.yaml").read_text().replace("loras/*", "loras/*900")
    (place / "recipe.yaml").write_text(recipe)
    code, out, err = cli("study", "--recipe", "recipe.yaml")
    assert code == 0 and "Drawn: 4; the other 4 were there." in out and "as round 2" in out, err


def test_a_second_subject_gets_its_base_and_the_first_ones_is_not_drawn_again(place, cli):
    shutil.copy("loras/anna-step00000900.safetensors", "bob.safetensors")
    text = (
        (place / "recipe.yaml")
        .read_text()
        .replace(
            'checkpoints: ["loras/*.safetensors"]',
            "checkpoints:\n  - loras/*00.safetensors\n  - {path: bob.safetensors, model: bob, subject: Bob}",
        )
    )
    (place / "recipe.yaml").write_text(text)
    code, _, err = cli("study", "--recipe", "recipe.yaml")
    assert code == 0, err
    with open_study(place / "study") as study:
        new = study.items[study.items["added_in_round"] == "2"]
    assert new.groupby("model").size().to_dict() == {"anna": 4, "base-bob": 4, "bob": 4}
    assert set(new["prompt"][new["model"] == "base-bob"]) == {"photo of Bob smiling", "photo of Bob at night"}
    assert not (place / "set/base-anna").exists()


def test_images_inside_the_study_or_moved_with_it_are_found(place, cli):
    Path("elsewhere").mkdir()
    Path("study").rename("elsewhere/study")
    Path("set").rename("elsewhere/set")
    with open_study(place / "elsewhere/study") as study:
        assert drawn_folder(study) == place / "elsewhere/set"
    code, out, err = cli("elsewhere/study", "--recipe", "recipe.yaml")
    assert code == 0 and "its images stand in elsewhere/set." in out, err
    assert (place / "elsewhere/set/anna/900/p001_s2.png").is_file()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("steps: 2", "steps: 3", "base/0/p000_s1.png would be drawn otherwise than the images of study: it differs in "
         "steps (2 there, 3 wanted)"),
        ("seeds: [1, 2]", "seeds: [1, 2, 3]", "more images of base/0 than the checkpoints of study have: p000_s3.png"),
        ("seeds: [1, 2]", "seeds: [2]", "fewer images of anna/300 than the checkpoints of study have: p000_s1.png"),
        ("at night", "at noon", "prompt ('photo of Anna at night' there, 'photo of Anna at noon' wanted)"),
        ("subject: Anna", "subject: Ann", "prompt ('photo of Anna smiling' there, 'photo of Ann smiling' wanted)"),
        ("batch_size: 2", "dtype: bfloat16", "dtype ('float32' there, 'bfloat16' wanted)"),
    ],
)  # fmt: skip
def test_a_recipe_that_does_not_go_on_with_the_images_is_refused(place, cli, old, new, words):
    text = (place / "recipe.yaml").read_text()
    assert old in text
    (place / "recipe.yaml").write_text(text.replace(old, new))
    before = listing(place)
    code, _, err = cli("study", "--recipe", "recipe.yaml", "--device", "cpu")
    assert code == 2 and words in err and err.count("\n") == 1
    assert listing(place) == before


def test_a_new_run_must_have_the_same_prompts_but_for_its_words(place, cli):
    shutil.copy("loras/anna-step00000900.safetensors", "bob.safetensors")
    text = (place / "recipe.yaml").read_text().replace("loras/*.safetensors", "loras/*00.safetensors")
    text = text.replace('safetensors"]', 'safetensors", {path: bob.safetensors, model: bob, subject: Bob}]')
    (place / "recipe.yaml").write_text(text.replace("{subject} at night", "{subject} at noon"))
    before = listing(place)
    code, _, err = cli("study", "--recipe", "recipe.yaml")
    assert code == 2 and "base-anna/0/p001_s1.png would be drawn otherwise" in err and "at noon' wanted" in err
    assert listing(place) == before


def test_another_base_model_is_refused(place, cli):
    tiny_pipeline(seed=1).save_pretrained(place / "other")
    lines = (place / "recipe.yaml").read_text().splitlines()
    (place / "recipe.yaml").write_text("\n".join(line for line in lines if "base:" not in line) + "\nbase: other\n")
    before = listing(place)
    code, _, err = cli("study", "--recipe", "recipe.yaml")
    assert code == 2 and "The recipe draws with another base model than the images of study: '" in err
    assert listing(place) == before


def test_a_checkpoint_that_does_not_fit_adds_nothing(place, cli):
    from safetensors.torch import load_file, save_file

    bad = place / "loras" / "anna-step00000900.safetensors"
    save_file({name.replace("down_blocks_1", "down_blocks_7"): one for name, one in load_file(bad).items()}, bad)
    items = (place / "study/items.csv").read_bytes()
    code, _, err = cli("study", "--recipe", "recipe.yaml")
    assert code == 2 and "anna/900: " in err and "Nothing is added to study; mend the recipe" in err
    assert (place / "study/items.csv").read_bytes() == items


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["study", "--recipe", "recipe.yaml", "--anchors", "2"], "--anchors is 2; it is a share from 0 to 1"),
        (["set", "--recipe", "recipe.yaml", "--anchors", ".2"], "has nothing to do with --anchors; leave it out"),
        (["--new", "new.yaml", "--references", "photos"], "has nothing to do with --references; leave it out"),
    ],
)
def test_a_mistake_is_a_sentence_before_anything_is_drawn(place, cli, arguments, words):
    before = listing(place)
    code, _, err = cli(*arguments)
    assert code == 2 and words in err and err.count("\n") == 1
    assert listing(place) == before


def test_a_study_that_is_served_is_refused_before_anything_is_drawn(place, cli):
    from study.folder.serving_lock import only_server

    with only_server(place / "study"):
        code, _, err = cli("study", "--recipe", "recipe.yaml")
    assert code == 2 and "being served" in err and not (place / "set/anna/900").exists()


def test_a_study_without_generated_images_says_what_to_do(place, cli):
    table = place / "study/items.csv"
    table.write_text(table.read_text().replace(",recipe", ",made", 1))
    code, _, err = cli("study", "--recipe", "recipe.yaml")
    assert code == 2 and "humangrade add study --images FOLDER" in err
    table.write_text(table.read_text().replace(",made", ",recipe", 1).replace("../set/base", "../copy/base"))
    shutil.copytree("set", "copy")
    with open_study(place / "study") as study, pytest.raises(InputError, match=r"stand in \S+set and \S+copy;"):
        drawn_folder(study)
