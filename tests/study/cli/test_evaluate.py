"""humangrade evaluate: a folder or a recipe in, one folder out; what cannot be computed is said in a sentence."""

import json
import re

import pytest

from metrics.errors import InputError
from tests.metrics.homes import empty_home
from tests.metrics.pictures import noise
from tests.study.command import run_cli
from tests.study.evaluation.made import write_generated
from tests.study.generation.drawing import make_loras, tiny_folder

__all__ = ["tiny_folder"]

FILES = ["differences.csv", "evaluation.html", "evaluation.json", "figures.csv", "images.csv"]
RECIPE = """
base: {base}
subject: Anna
prompts: ["photo of {{subject}} smiling", "photo of {{subject}} at night"]
seeds: [1, 2]
steps: 1
width: 64
height: 64
checkpoints: ["loras/*.safetensors"]
"""


@pytest.fixture
def cli(tmp_path, monkeypatch, capsys):
    """Commands in a folder with images and photos, and without any weights."""
    empty_home(tmp_path, monkeypatch)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    write_generated(
        tmp_path / "images", lambda number, prompt, seed: noise(100 * number + 10 * prompt + seed), prompts=2
    )
    (tmp_path / "photos").mkdir()
    for seed in (997, 998, 999):
        noise(seed).save(tmp_path / "photos" / f"{seed}.png")
    return lambda *arguments: run_cli(monkeypatch, capsys, "evaluate", *arguments)


def spoil(lora):
    """Name layers that the model has not."""
    from safetensors.torch import load_file, save_file

    tensors = load_file(lora)
    save_file({name.replace("down_blocks_1", "down_blocks_7"): value for name, value in tensors.items()}, lora)


def told(folder):
    return json.loads((folder / "out" / "evaluation.json").read_text())


def test_named_metrics_are_computed_into_the_folder(cli, tmp_path):
    given = ("--images", "images", "--references", "photos", "--out", "out", "--metrics", "contrast,sharpness")
    code, out, err = cli(*given)
    assert code == 0, err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == FILES
    assert "Note: All sets have fewer than 20 images (4)" in out and "Written: out/figures.csv" in out
    found = told(tmp_path)
    assert {row["metric"] for row in found["figures"]} == {"contrast", "sharpness"} and found["left_out"] == {}
    assert {(row["set"], row["other"]) for row in found["differences"]} >= {
        ("anna/300", "base/0"),
        ("anna/600", "base/0"),
    }
    assert cli(*given, "--base", "anna/300")[0] == 0
    assert [row["set"] for row in told(tmp_path)["sets"] if row["is_base"]] == ["anna/300"]


def test_without_any_weights_nothing_is_computed_and_each_metric_says_what_it_needs(cli, tmp_path):
    code, _, err = cli("--images", "images", "--references", "photos", "--out", "out")
    assert code == 2 and err.startswith("humangrade: Nothing can be computed: ") and err.count("\n") == 1
    for name in ("similarity", "clip_i", "lpips", "clip_score", "aesthetic", "diversity", "fid", "kid"):
        assert re.search(rf"\b{name}\b[^:;]*: no weights \(", err), name
    assert "fid and kid: no weights (inception-fid)" in err and not (tmp_path / "out").exists()
    weights = err.split("Get the weights with humangrade weights fetch ")[1].strip().rstrip(".").split()
    assert err.count("weights fetch") == 1 and len(set(weights)) == len(weights)
    assert {"facenet-vggface2", "lpips-alex", "inception-fid"} <= set(weights)


def test_nothing_is_drawn_where_nothing_could_be_computed(cli, tmp_path, tiny_folder, monkeypatch):
    """Said before hours of drawing, and not after."""
    make_loras(tmp_path / "loras", 2)
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(base=tiny_folder))
    monkeypatch.setattr("study.generation.draw.draw", None)
    given = ("--recipe", "recipe.yaml", "--out", "out")
    for more, said in (
        (("--references", "photos"), "Nothing can be computed: "),
        (("--metrics", "clip_i"), "humangrade weights fetch clip/ViT-L-14/openai"),
        (
            ("--metrics", "contrast", "--base", "other/0"),
            "--base is other/0, and the recipe makes no such set; it makes",
        ),
        (("--metrics", "contrast", "--references", "nowhere"), "nowhere is not a folder"),
        (("--metrics", "contrast", "--prompts", "nowhere"), "--prompts is nowhere, and there is nothing"),
    ):
        code, _, err = cli(*given, *more)
        assert code == 2 and said in err and err.count("\n") == 1 and not (tmp_path / "out").exists(), (more, err)


def test_why_checkpoints_could_not_be_drawn_with_is_said_also_where_the_evaluation_then_fails(
    cli, tmp_path, tiny_folder, monkeypatch
):
    make_loras(tmp_path / "loras", 2)
    spoil(tmp_path / "loras" / "anna-step00000600.safetensors")
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(base=tiny_folder))

    def fails(*given, **more):
        raise InputError("Nothing can be computed.")

    monkeypatch.setattr("study.evaluation.run.score_items", fails)
    code, out, err = cli("--recipe", "recipe.yaml", "--out", "out", "--metrics", "contrast")
    assert code == 2 and "Nothing can be computed" in err
    assert "Note: 1 of 3 could not be drawn with. anna/600: " in out


def test_what_could_be_computed_is_and_the_rest_is_left_out(cli, tmp_path, shared, monkeypatch):
    (tmp_path / "weights").mkdir()
    network = (shared / "weights" / "squeezenet1_1_features.pth").read_bytes()
    (tmp_path / "weights" / "lpips-squeeze.pth").write_bytes(network)
    monkeypatch.setenv("HUMANGRADE_WEIGHTS", str(tmp_path / "weights"))
    given = ("--images", "images", "--references", "photos", "--out", "out", "--lpips-net", "squeeze")
    code, out, err = cli(*given)
    assert code == 0, err
    assert "Left out fid and kid: no weights (inception-fid)\n" in out and out.count("humangrade weights fetch") == 1
    assert {row["metric"] for row in told(tmp_path)["figures"]} == {"lpips", "lpips_min", "diversity"}
    assert told(tmp_path)["left_out"].keys() == {
        "similarity",
        "clip_i",
        "clip_score",
        "aesthetic",
        "diversity_clip",
        "fid",
        "kid",
    }
    assert "None of 12 images is as near to a reference photo as a copy of it." in out
    first = (tmp_path / "out" / "evaluation.html").read_bytes()
    monkeypatch.setattr("metrics.engine.extraction.run_extractor", None)  # everything comes from the cache
    assert cli(*given)[0] == 0 and (tmp_path / "out" / "evaluation.html").read_bytes() == first


def test_without_references_what_needs_none_is_computed(cli, tmp_path):
    code, out, err = cli("--images", "images", "--out", "out", "--metrics", "contrast")
    assert code == 0 and "There are no reference photos, so likeness and copies are not measured" in out, err
    assert told(tmp_path)["copies"]["images"] == []


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_evaluated(cli, tmp_path):
    (tmp_path / "images" / "anna" / "300" / "p000_s1.png").write_bytes(b"no image")
    code, out, _ = cli("--images", "images", "--out", "out", "--metrics", "contrast")
    assert code == 3 and "Skipped 1 file that cannot be scored" in out and "p000_s1.png" in out
    figures = {row["set"]: row["n"] for row in told(tmp_path)["figures"]}
    assert figures == {"base/0": 4, "anna/300": 3, "anna/600": 4}
    assert "Note: 1 of 12 images cannot be read and has no score." in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("--out", "out"),
            "evaluate needs a folder of images with --images, or a recipe with --recipe; name one of the two.",
        ),
        (("--images", "images", "--recipe", "r.yaml", "--out", "out"), "name one of the two."),
        (("--images", "nowhere", "--out", "out"), "nowhere is not a folder"),
        (("--images", "images", "--out", "no/where"), "--out is no/where, and there is no folder no"),
        (("--images", "images", "--out", "photos/997.png"), "--out is photos/997.png, which is a file"),
        (("--images", "images", "--out", "out", "--metrics", "lips"), "There is no metric 'lips'; did you mean lpips?"),
        (
            ("--images", "images", "--out", "out", "--metrics", "contrast", "--base", "anna"),
            "--base is anna, and there is no",
        ),
        (("--images", "images", "--out", "out", "--real", "nowhere"), "--real is nowhere, and there is nothing"),
        (
            ("--images", "images", "--out", "out", "--metrics", "contrast", "--real", "photos"),
            "--real is for fid and kid",
        ),
        (
            ("--images", "images", "--out", "out", "--metrics", "contrast", "--lpips-net", "vgg"),
            "--lpips-net is for lpips and diversity",
        ),
        (("--images", "images", "--out", "out", "--metrics", "fid"), "inception-fid"),
        (("--recipe", "nowhere.yaml", "--out", "out"), "nowhere.yaml"),
    ],
)
def test_mistakes_are_a_sentence(cli, tmp_path, arguments, said):
    code, _, err = cli(*arguments)
    assert code == 2 and said in err and err.startswith("humangrade: ") and err.count("\n") == 1
    assert not (tmp_path / "out" / "evaluation.html").exists()


def test_from_a_recipe_to_the_page(cli, tmp_path, tiny_folder):
    make_loras(tmp_path / "loras", 2)
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(base=tiny_folder))
    given = ("--recipe", "recipe.yaml", "--references", "photos", "--out", "out", "--metrics", "contrast,exposure")
    code, out, err = cli(*given)
    assert code == 0, err
    assert "Drawn: 12; the other 0 were there." in out and "Make a study" not in out
    found = told(tmp_path)
    assert [(row["set"], row["images"], row["base"]) for row in found["sets"]] == [
        ("base/0", 4, None),
        ("anna/300", 4, "base/0"),
        ("anna/600", 4, "base/0"),
    ]
    pairs = {(row["set"], row["metric"]): row["pairs"] for row in found["differences"] if row["other"] == "base/0"}
    assert pairs == dict.fromkeys(
        [(name, metric) for name in ("anna/300", "anna/600") for metric in ("contrast", "exposure")], 4
    )
    code, out, _ = cli(*given)
    assert code == 0 and "Drawn: 0; the other 12 were there." in out and told(tmp_path) == found


def test_a_checkpoint_that_cannot_be_drawn_with_is_said_and_the_others_are_evaluated(cli, tmp_path, tiny_folder):
    make_loras(tmp_path / "loras", 2)
    spoil(tmp_path / "loras" / "anna-step00000600.safetensors")
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(base=tiny_folder))
    code, out, err = cli("--recipe", "recipe.yaml", "--out", "out", "--metrics", "contrast")
    assert code == 3 and "Note: 1 of 3 could not be drawn with. anna/600: " in out, err
    assert [row["set"] for row in told(tmp_path)["sets"]] == ["base/0", "anna/300"]
    assert told(tmp_path)["cautions"][0].startswith("1 of 3 could not be drawn with. anna/600: ")


def test_a_base_that_is_not_here_is_said_and_nothing_before_it(cli, tmp_path):
    make_loras(tmp_path / "loras", 1)
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(base="someone/some-model"))
    code, out, err = cli("--recipe", "recipe.yaml", "--out", "out", "--metrics", "contrast")
    assert code == 2 and err.startswith("humangrade: The base model someone/some-model is not on this machine")
    assert out == ""


def test_the_terminal_has_a_line_a_set_and_says_over_what_intervals_are(cli, tmp_path, monkeypatch):
    """Also in 80 columns, with names as people give them."""
    monkeypatch.setenv("COLUMNS", "80")
    given = ("--images", "images", "--out", "out", "--metrics", "contrast")
    code, out, err = cli(*given)  # four images a set: no intervals
    assert code == 0 and "Intervals over" not in out and re.search(r"\n *Contrast +\n", out), err
    sets = (("base", "0"), *(("anna portrait v2", str(step)) for step in (300, 1200)))
    write_generated(tmp_path / "images", lambda *place: noise(sum(place)), sets=sets, prompts=3)
    code, out, err = cli(*given)
    assert code == 0 and re.search(r"\n *Contrast, over images +\n", out), err
    assert re.search(r"\n +anna portrait v2/1200 +6 +0\.\d+ +0\.\d+ to 0\.\d+ +−?0", out), out
    assert "over images for other seeds of these." in out


@pytest.mark.parametrize("name", ["images.csv", "evaluation.json"])
def test_files_of_other_origin_in_the_folder_are_not_written_over(cli, tmp_path, name):
    given = ("--images", "images", "--out", "out", "--metrics", "contrast")
    assert cli(*given)[0] == cli(*given)[0] == 0  # its own may be
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / name).write_text('{"mine": 1}')
    code, out, err = cli(*given[:3], "mine", *given[4:])
    assert code == 2 and out == "" and sorted(path.name for path in (tmp_path / "mine").iterdir()) == [name]
    assert err == f"humangrade: --out is mine, and {name} there was not written by evaluate; name another folder.\n"
