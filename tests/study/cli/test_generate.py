"""humangrade generate on the tiny pipeline: from a recipe to a folder that becomes a study; mistakes are a sentence."""

import csv
import re

import pytest

from tests.metrics.homes import empty_home
from tests.study.command import run_cli
from tests.study.generation.drawing import RECIPE, make_loras, tiny_folder

__all__ = ["tiny_folder"]


@pytest.fixture
def place(tiny_folder, tmp_path, monkeypatch):
    """A folder with a recipe of two LoRAs, in which commands run."""
    monkeypatch.chdir(tmp_path)
    make_loras(tmp_path / "loras", 2)
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(base=tiny_folder))
    return tmp_path


def test_a_recipe_becomes_a_folder_and_then_a_study(place, monkeypatch, capsys):
    code, out, err = run_cli(monkeypatch, capsys, "generate", "set", "--recipe", "recipe.yaml", "--dry-run")
    assert code == 0 and out.startswith("12 images: 4 of the base model") and "base/0: the base model" in out, err
    assert not (place / "set").exists()

    code, out, err = run_cli(monkeypatch, capsys, "generate", "set", "--recipe", "recipe.yaml")
    assert code == 0, err
    assert re.findall(r"^ *(\S+/\S+) +(\d+)(?: +(\d+) +(\d+))? *$", out, re.M) == [
        ("base/0", "4", "", ""),
        ("anna/300", "4", "16", "16"),
        ("anna/600", "4", "16", "16"),
    ]
    assert "Drawn: 12; the other 0 were there." in out
    with (place / "set" / "items.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["subject"] for row in rows] == ["Anna"] * 12 and sum(row["rate"] == "1" for row in rows) == 6
    assert {row["prompt"] for row in rows} == {"photo of Anna smiling", "photo of Anna at night"}

    code, out, _ = run_cli(monkeypatch, capsys, "generate", "set", "--recipe", "recipe.yaml")
    assert code == 0 and "Drawn: 0; the other 12 were there." in out
    code, out, _ = run_cli(monkeypatch, capsys, "generate", "set", "--recipe", "recipe.yaml", "--dry-run")
    assert "12 of them stand in set already; 0 are to be drawn." in out
    assert "Time:" not in out and "Disk:" not in out  # of nothing
    (place / "set" / "base" / "0" / "p000_s1.png").unlink()
    code, out, _ = run_cli(monkeypatch, capsys, "generate", "set", "--recipe", "recipe.yaml", "--dry-run")
    assert "were measured in this folder" in out and "Disk: about 1 MB" in out
    assert run_cli(monkeypatch, capsys, "generate", "set", "--recipe", "recipe.yaml")[0] == 0

    code, out, err = run_cli(monkeypatch, capsys, "init", "study", "--images", "set", "--evaluators", "2")
    assert code == 0, err
    with (place / "study" / "items.csv").open(newline="") as file:
        items = list(csv.DictReader(file))
    told = ("item", "model", "checkpoint", "seed", "prompt", "recipe", "layers_applied")
    assert {tuple(item[name] for name in told) for item in items} == {tuple(row[name] for name in told) for row in rows}


@pytest.mark.parametrize("preset", [(), ("--preset", "person-likeness")])
def test_a_new_recipe_is_written_once(tmp_path, monkeypatch, capsys, preset):
    monkeypatch.chdir(tmp_path)
    code, out, err = run_cli(monkeypatch, capsys, "generate", "--new", "recipe.yaml", *preset)
    assert code == 0 and "Edit it, then: humangrade generate FOLDER --recipe recipe.yaml" in out, err
    before = (tmp_path / "recipe.yaml").read_bytes()
    code, _, err = run_cli(monkeypatch, capsys, "generate", "--new", "recipe.yaml", *preset)
    assert code == 2 and "recipe.yaml is there already" in err and (tmp_path / "recipe.yaml").read_bytes() == before
    code, _, err = run_cli(monkeypatch, capsys, "generate", "--new", "other.yaml", "--preset", "nobody")
    assert code == 2 and "nobody" in err and not (tmp_path / "other.yaml").exists()


def spoilt(folder):
    """Files that cannot be used, each in its way, beside a good LoRA of step 300, and a word of each one's reason."""
    import torch
    from safetensors.torch import load_file, save_file

    good = folder / "anna-step00000300.safetensors"
    tensors = load_file(good)
    first = next(name for name in tensors if name.endswith("lora_up.weight"))
    renamed = {name.replace("down_blocks_1", "down_blocks_7"): value for name, value in tensors.items()}
    save_file(renamed, folder / "a.safetensors")
    save_file(tensors | {first: torch.full_like(tensors[first], torch.nan)}, folder / "b.safetensors")
    wide = {name: value.repeat(1, 2) if "down.weight" in name else value for name, value in tensors.items()}
    save_file({name: value.contiguous() for name, value in wide.items()}, folder / "c.safetensors")
    save_file({"lora_unet_mid_block_attentions_0_proj_in.hada_w1_a": torch.ones(2, 2)}, folder / "d.safetensors")
    save_file({}, folder / "e.safetensors")
    (folder / "f.safetensors").write_bytes(good.read_bytes()[:-9])
    (folder / "g.safetensors").write_bytes(b"")
    return {
        "a": "names modules of the unet that the base model does not have",
        "b": "holds values that are not finite",
        "c": "has other sizes than the base model's unet",
        "d": "is a LoHa",
        "e": "is empty: it holds no tensor",
        "f": "is shorter than its header says",
        "g": "is no safetensors file",
    }


@pytest.mark.parametrize("door", ["loras", "loras/*.safetensors"])
def test_all_that_cannot_be_used_is_named_and_the_rest_is_drawn(place, monkeypatch, capsys, door):
    (place / "loras" / "anna-step00000600.safetensors").unlink()
    reasons = spoilt(place / "loras")
    recipe = place / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("loras/*.safetensors", door))
    code, out, err = run_cli(monkeypatch, capsys, "generate", "set", "--recipe", "recipe.yaml", "--dry-run")
    assert (code, err) == (3, "") and out.startswith("8 images: 4 of the base model as step 0, and 4 of each of 1 ")
    told = [line for line in out.splitlines() if line.startswith("  ")]
    assert len(told) == 7 and "7 checkpoints cannot be used:" in out
    for name, reason in reasons.items():
        assert sum(f"{name}.safetensors {reason}" in line for line in told) == 1, name

    code, out, err = run_cli(monkeypatch, capsys, "generate", "set", "--recipe", "recipe.yaml")
    assert (code, err) == (3, "")
    assert [line for line in out.splitlines() if ".safetensors" in line] == told
    assert "Drawn: 8" in out and len(list((place / "set").rglob("*.png"))) == 8

    (place / "loras" / "anna-step00000300.safetensors").unlink()
    for more in ([], ["--dry-run"]):
        code, out, err = run_cli(monkeypatch, capsys, "generate", "other", "--recipe", "recipe.yaml", *more)
        assert code == 2 and all(f"{name}.safetensors {reason}" in err for name, reason in reasons.items())
        assert not out.strip() and not (place / "other").exists()


@pytest.mark.parametrize("name", ["a", "b", "c", "d", "e", "f", "g"])
def test_what_a_recipe_names_alone_and_cannot_be_used_is_an_error_at_once(place, monkeypatch, capsys, name):
    reasons = spoilt(place / "loras")
    recipe = place / "recipe.yaml"
    good = "loras/anna-step*.safetensors"
    recipe.write_text(recipe.read_text().replace('"loras/*.safetensors"', f'"{good}", "loras/{name}.safetensors"'))
    for more in ([], ["--dry-run"]):
        code, _, err = run_cli(monkeypatch, capsys, "generate", "set", "--recipe", "recipe.yaml", *more)
        assert code == 2 and f"{name}.safetensors {reasons[name]}" in err and not (place / "set").exists()


def test_one_file_in_two_entries_is_said(place, monkeypatch, capsys):
    copy = place / "copies" / "mine.safetensors"
    copy.parent.mkdir()
    copy.write_bytes((place / "loras" / "anna-step00000300.safetensors").read_bytes())
    recipe = place / "recipe.yaml"
    before = recipe.read_text()
    words = "anna/300 and mine/last are the same file, and are drawn and rated twice"
    for entry, is_said in (("copies", True), ("{path: copies, scale: 0.5}", False)):
        recipe.write_text(before.replace('"loras/*.safetensors"', f'"loras/*.safetensors", {entry}'))
        code, out, err = run_cli(monkeypatch, capsys, "generate", "set", "--recipe", "recipe.yaml", "--dry-run")
        assert code == 0 and (words in out) == is_said, err


def test_what_is_excluded_is_not_in_the_way(place, monkeypatch, capsys):
    spoilt(place / "loras")
    recipe = place / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace('"loras/*.safetensors"', '{path: loras, exclude: "[a-g].*"}'))
    code, out, err = run_cli(monkeypatch, capsys, "generate", "set", "--recipe", "recipe.yaml", "--dry-run")
    assert code == 0 and out.startswith("12 images:"), err


def test_a_damaged_image_is_counted_as_left_and_drawn_again(place, monkeypatch, capsys):
    run_cli(monkeypatch, capsys, "generate", "set", "--recipe", "recipe.yaml")
    image = place / "set" / "anna" / "300" / "p001_s2.png"
    whole = image.read_bytes()
    image.write_bytes(whole[: len(whole) // 2])
    code, out, _ = run_cli(monkeypatch, capsys, "generate", "set", "--recipe", "recipe.yaml", "--dry-run")
    assert code == 0 and "11 of them stand in set already; 1 are to be drawn." in out
    assert "1 image is not what was written (damaged or changed)" in out and image.read_bytes() != whole
    code, out, _ = run_cli(monkeypatch, capsys, "generate", "set", "--recipe", "recipe.yaml")
    assert code == 0 and "drawn again: anna/300/p001_s2.png." in out and image.read_bytes() == whole
    assert "Make a study of it with: humangrade init" in out and "humangrade add STUDY --images set" in out


def test_after_more_is_drawn_for_a_study_the_next_command_adds_it(place, monkeypatch, capsys):
    code, out, _ = run_cli(monkeypatch, capsys, "generate", "set", "--recipe", "recipe.yaml")
    assert "humangrade init STUDY --images set" in out and "humangrade add" not in out
    run_cli(monkeypatch, capsys, "init", "study", "--images", "set", "--evaluators", "2")
    make_loras(place / "loras", 3)
    code, out, _ = run_cli(monkeypatch, capsys, "generate", "set", "--recipe", "recipe.yaml")
    assert code == 0 and "Add what is new to the study with: humangrade add study --images set" in out
    assert "humangrade init" not in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Drawing needs a folder and a recipe"),
        (["set"], "Drawing needs a folder and a recipe"),
        (["set", "--recipe", "recipe.yaml", "--preset", "person-likeness"], "--preset goes with --new"),
        (["set", "--new", "other.yaml"], "--new writes a recipe and draws nothing"),
        (["--new", "other.yaml", "--batch-size", "2"], "has nothing to do with --batch-size"),
        (["set", "--recipe", "none.yaml"], "none.yaml"),
        (["recipe.yaml", "--recipe", "recipe.yaml"], "recipe.yaml is a file; name a folder"),
        (["no/set", "--recipe", "recipe.yaml"], "there is no folder no; make it"),
        (["set", "--recipe", "recipe.yaml", "--device", "gpu"], "--device is gpu; it is one of auto, cpu"),
        (["set", "--recipe", "recipe.yaml", "--device", "cpu", "--offload"], "there is no GPU; leave it out"),
        (["set", "--recipe", "recipe.yaml", "--device", "cpu", "--dtype", "float16"], "float16 needs a GPU"),
    ],
)
def test_a_mistake_is_a_sentence(place, monkeypatch, capsys, arguments, words):
    code, _, err = run_cli(monkeypatch, capsys, "generate", *arguments)
    assert code == 2 and words in err and err.count("\n") == 1
    assert not list(place.rglob("*.png"))


def test_a_base_model_that_is_not_here_says_how_to_get_it(place, monkeypatch, capsys, tmp_path_factory):
    empty_home(tmp_path_factory.mktemp("home"), monkeypatch)
    recipe = place / "recipe.yaml"
    lines = [line for line in recipe.read_text().splitlines() if not line.startswith("base:")]
    recipe.write_text("\n".join(lines))
    code, _, err = run_cli(monkeypatch, capsys, "generate", "set", "--recipe", "recipe.yaml")
    name = "stable-diffusion-v1-5/stable-diffusion-v1-5"
    assert code == 2
    assert f"The base model {name} is not on this machine; get it with humangrade weights fetch {name}" in err
    assert not (place / "set").exists()
    code, out, err = run_cli(monkeypatch, capsys, "generate", "set", "--recipe", "recipe.yaml", "--dry-run")
    assert code == 2 and "It could not be drawn yet: The base model" in err and out.startswith("12 images:")


def test_ctrl_c_says_what_is_kept(place, monkeypatch, capsys):
    from study.generation.painter import Painter

    original, calls = Painter.draw, []

    def stopped(self, batch):
        calls.append(batch)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(self, batch)

    monkeypatch.setattr(Painter, "draw", stopped)
    code, _, err = run_cli(monkeypatch, capsys, "generate", "set", "--recipe", "recipe.yaml")
    assert code == 130 and err.startswith("Stopped; what is done is kept, and the same command goes on from there.")
    assert len(list((place / "set").rglob("*.png"))) == 4


def test_what_another_process_draws_is_left_to_it_and_no_study_is_made_yet(place, monkeypatch, capsys):
    from study.generation.draw import _Run

    original = _Run._lock
    monkeypatch.setattr(_Run, "_lock", lambda run, batch: batch[0].checkpoint.name != "600" and original(run, batch))
    code, out, _ = run_cli(monkeypatch, capsys, "generate", "set", "--recipe", "recipe.yaml")
    assert code == 0 and "4 images are left to another process that draws into this folder." in out
    assert "Drawn: 8" in out and "humangrade init" not in out and "humangrade add" not in out


def test_where_nothing_was_drawn_no_bar_stays(place, monkeypatch, capsys):
    from study.generation.painter import Painter, Unusable

    def refused(self, batch):
        raise Unusable("the file is another one now.")

    run_cli(monkeypatch, capsys, "generate", "set", "--recipe", "recipe.yaml")
    for image in (place / "set" / "anna" / "600").iterdir():
        image.unlink()
    monkeypatch.setattr(Painter, "draw", refused)
    code, out, _ = run_cli(monkeypatch, capsys, "generate", "set", "--recipe", "recipe.yaml")
    assert code == 3 and "anna/600: the file is another one now." in out and "Drawing" not in out


def test_images_with_a_problem_are_named(place, monkeypatch, capsys):
    import study.generation.painter as painting

    original = painting._eight_bits

    def black(values, is_withheld):
        return original(values * 0, True)

    monkeypatch.setattr(painting, "_eight_bits", black)
    code, out, _ = run_cli(monkeypatch, capsys, "generate", "set", "--recipe", "recipe.yaml")
    assert code == 0 and "12 black: the model's safety checker withheld it: base/0/p000_s1.png," in out
    assert "and 2 more" in out


def test_help_begins_with_images(monkeypatch, capsys):
    _, out, _ = run_cli(monkeypatch, capsys, "--help")
    panels = re.findall(r"─ ([A-Z][\w ]+) ─", out)
    assert panels == [
        "Options",
        "Try it",
        "Images",
        "People rate",
        "Machines score",
        "Runs and decisions",
        "The judgement",
    ]


def test_pictures_of_other_origin_in_the_folder_are_said_before_anything_is_drawn(place, monkeypatch, capsys):
    """Photos among the images would be rated, and evaluated as a set of their own."""
    (place / "photos").mkdir()
    for name in ("a.jpg", "b.JPG", "c.heic", "text.txt"):
        (place / "photos" / name).write_bytes(b"x")
    said = "Note: photos holds 3 images that were not drawn here (a.jpg, b.JPG, c.heic); init, add and evaluate take"
    for more in (("--dry-run",), ()):
        code, out, err = run_cli(monkeypatch, capsys, "generate", "photos", "--recipe", "recipe.yaml", *more)
        assert code == 0 and out.startswith(said), err
    assert "set" not in {path.name for path in place.iterdir()}
    code, out, _ = run_cli(monkeypatch, capsys, "generate", "set", "--recipe", "recipe.yaml")
    assert code == 0 and "not drawn here" not in out
    recipe = place / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("seeds: [1, 2]", "seeds: [1]"))
    code, out, _ = run_cli(monkeypatch, capsys, "generate", "set", "--recipe", "recipe.yaml")
    assert code == 0 and "not drawn here" not in out  # what an earlier recipe drew is no stranger


def test_commands_to_copy_hold_for_names_with_spaces(place, monkeypatch, capsys):
    import shlex

    code, out, err = run_cli(monkeypatch, capsys, "generate", "my images of Jo's", "--recipe", "recipe.yaml")
    assert code == 0, err
    (command,) = re.findall(r"Make a study of it with: (.+)", out)
    program, *words = shlex.split(command)
    assert program == "humangrade" and words[-1] == "my images of Jo's"
    assert run_cli(monkeypatch, capsys, *["my study" if word == "STUDY" else word for word in words])[0] == 0
    code, out, err = run_cli(monkeypatch, capsys, "generate", "my images of Jo's", "--recipe", "recipe.yaml")
    (command,) = re.findall(r"Add what is new to the study with: (.+)", out)
    assert shlex.split(command) == ["humangrade", "add", "my study", "--images", "my images of Jo's"]


def test_a_refused_recipe_leaves_nothing_in_the_folder(place, monkeypatch, capsys):
    """`evaluate` would name a folder of locks among what it leaves out."""
    assert run_cli(monkeypatch, capsys, "generate", "set", "--recipe", "recipe.yaml")[0] == 0
    before = sorted(path.name for path in (place / "set").iterdir())
    recipe = place / "recipe.yaml"
    recipe.write_text(re.sub(r"steps: \d+", "steps: 7", recipe.read_text()))
    code, _, err = run_cli(monkeypatch, capsys, "generate", "set", "--recipe", "recipe.yaml")
    assert code == 2 and "drawn by another recipe" in err
    assert sorted(path.name for path in (place / "set").iterdir()) == before
