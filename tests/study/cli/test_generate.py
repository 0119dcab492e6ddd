"""humangrade generate on the tiny pipeline: from a recipe to a folder that becomes a study; mistakes are a sentence."""

import csv
import re

import pytest

from tests.metrics.homes import empty_home
from tests.study.command import run_cli
from tests.study.generation.drawing import make_loras, tiny_folder

__all__ = ["tiny_folder"]

RECIPE = """
base: {base}
subject: Anna
prompts: ["photo of {{subject}} smiling", "photo of {{subject}} at night"]
seeds: [1, 2]
steps: 2
width: 64
height: 64
batch_size: 2
rate: 2 per checkpoint
checkpoints: ["loras/*.safetensors"]
"""


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
    assert "12 of them stand in set already; 0 are to be drawn." in out and "were measured in this folder" in out

    code, out, err = run_cli(monkeypatch, capsys, "init", "study", "--images", "set", "--evaluators", "2")
    assert code == 0, err
    with (place / "study" / "items.csv").open(newline="") as file:
        items = list(csv.DictReader(file))
    told = ("item", "model", "checkpoint", "seed", "prompt", "recipe", "layers_applied")
    assert {tuple(item[name] for name in told) for item in items} == {tuple(row[name] for name in told) for row in rows}
    code, _, err = run_cli(monkeypatch, capsys, "generate", "study", "--recipe", "recipe.yaml")
    assert code == 2 and err.startswith("humangrade: study is a study; ")


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


def test_a_checkpoint_that_does_not_fit_ends_with_2_and_the_others_are_there(place, monkeypatch, capsys):
    from safetensors.torch import load_file, save_file

    bad = place / "loras" / "anna-step00000600.safetensors"
    tensors = load_file(bad)
    save_file({name.replace("down_blocks_1", "down_blocks_7"): value for name, value in tensors.items()}, bad)
    code, out, err = run_cli(monkeypatch, capsys, "generate", "set", "--recipe", "recipe.yaml")
    assert code == 2 and err.startswith("humangrade: 1 of 3 could not be drawn with. anna/600: ")
    assert "0 of 4" in out and "Drawn: 8" in out and len(list((place / "set").rglob("*.png"))) == 8


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
    code, out, _ = run_cli(monkeypatch, capsys, "generate", "set", "--recipe", "recipe.yaml", "--dry-run")
    assert code == 0 and "It could not be drawn yet: The base model" in out


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
    assert panels == ["Options", "Try it", "Images", "People rate", "Machines score", "The judgement"]
