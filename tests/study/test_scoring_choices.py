"""humangrade score: what cannot be had is said at once, before an image is read; what was named is never left out."""

import re
import sys

import pandas as pd
import pytest

from tests.metrics.homes import empty_home
from tests.study.command import run_cli
from tests.study.conftest import save_image


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """Six images in the current folder, no weights, and an empty cache."""
    empty_home(tmp_path, monkeypatch)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))  # what the command looks into too is forgotten again
    for number in range(4):
        save_image(tmp_path / "images" / f"{number}.png", number)
        save_image(tmp_path / "photos" / f"photo-{number % 2}.png", 50 + number % 2)
    (tmp_path / "mine.py").write_text(
        "NAME = 'x'\n"
        "def detect(image):\n    return [(0, 0, image.width, image.height)]\n"
        "def encode(pictures):\n    return [[1.0, p.getpixel((0, 0))[0]] for p in pictures]\n"
        "def nothing(pictures):\n    return None\n"
        "def part(image):\n    return [(.1, .1, .9, .9)]\n"
        "def lazy(pictures):\n    return pictures\n"
        "encode.size = nothing.size = 32\nlazy.signature = ''\n"
    )
    yield tmp_path
    for name in ("mine",):
        sys.modules.pop(name, None)


@pytest.fixture
def cli(monkeypatch, capsys):
    return lambda *arguments: run_cli(monkeypatch, capsys, *arguments)


def refused(cli, *arguments, out="s.csv", **options):
    code, printed, err = cli("score", "--images", "images", "--out", out, *arguments)
    assert code == 2 and err.count("\n") == 1 and "Traceback" not in err + printed, err
    return err


@pytest.fixture
def unread(monkeypatch):
    """Images that must not be read."""

    def read(path):
        raise AssertionError(f"{path} was read")

    monkeypatch.setattr("study.folder.score_items._source", read)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--encoder", "bad"), "--encoder is 'bad'; say MODULE:FUNCTION"),
        (("--encoder", "mine:NAME"), "no function but of the type str"),
        (("--detector", "mine:NAME", "--metrics", "contrast"), "no function but of the type str"),
        (("--encoder", "mine:encoed"), "did you mean mine:encode?"),
        (("--encoder", "nofolder/x"), "for instance nofolder.x:encode"),
        (("--metrics", "similarity", "--encoder", "mine:lazy"), "mine:lazy is empty; it must be a text"),
        (("--metrics", "contrast", "--reference-set", "gone"), "--reference-set is gone, and there is nothing of that"),
        (("--metrics", "contrats"), "did you mean contrast?"),
        (("--metrics", "mine:encode"), "Scores by a metric of your own come in with humangrade import"),
        (("--metrics", "torchmetrics:PeakSignalNoiseRato"), "did you mean torchmetrics:PeakSignalNoiseRatio?"),
        (("--metrics", "torchmetrics:SSIM"), "did you mean torchmetrics:StructuralSimilarityIndexMeasure?"),
        (("--metrics", "lpips", "--references", "photos"), "are not on this machine"),
    ],
)
def test_what_cannot_be_had_is_said_before_an_image_is_read(cli, unread, arguments, said):
    assert said in refused(cli, *arguments)


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ("similarity", "similarity: there are no reference photos; add --references PHOTOS"),
        ("contrast,torchmetrics:PeakSignalNoiseRatio", "torchmetrics:PeakSignalNoiseRatio: there are no reference"),
        ("similarity,torchmetrics:PeakSignalNoiseRatio", "similarity, torchmetrics:PeakSignalNoiseRatio: there are"),
    ],
)
def test_a_metric_that_was_named_is_never_left_out(cli, place, metrics, said):
    assert said in refused(cli, "--metrics", metrics, "--encoder", "mine:encode", "--detector", "mine:detect")
    assert not (place / "s.csv").exists()


def test_in_a_study_the_items_table_is_named(cli, make_study):
    study = make_study(references=0, tasks=("aesthetic",))
    code, _, err = cli("score", study.folder, "--metrics", "torchmetrics:PeakSignalNoiseRatio")
    assert code == 2 and "the column 'references' of the study's items.csv" in err
    assert cli("score", study.folder)[0] == 0


def test_what_was_not_named_is_left_out_with_a_line(cli):
    code, out, _ = cli("score", "--images", "images", "--out", "s.csv")
    assert (
        code == 0
        and "Left out similarity, lpips, clip_i, fid and kid: no references" in out
        and re.search(r"Left out clip_score\b.*: no prompts", out)
    )


def test_wrong_answers_end_the_run_with_one_sentence(cli):
    named = ("--metrics", "similarity", "--references", "photos")
    said = refused(cli, *named, "--detector", "mine:detect", "--encoder", "mine:nothing")
    assert "The encoder mine:nothing answers None for" in said and "a row for each" in said
    said = refused(cli, *named, "--detector", "mine:part", "--encoder", "mine:encode")
    assert "The detector mine:part answers the box (0.1, 0.1, 0.9, 0.9)" in said and "relative" in said


def test_images_that_are_their_own_references_are_noted_once_for_all_metrics(cli):
    code, out, err = cli(
        *("score", "--images", "images", "--references", "images", "--out", "s.csv"),
        *("--detector", "mine:detect", "--encoder", "mine:encode"),
        *("--metrics", "similarity,torchmetrics:StructuralSimilarityIndexMeasure,torchmetrics:TotalVariation"),
    )
    assert code == 0, err
    assert out.count("are among their own references") == 1
    assert "similarity, torchmetrics:StructuralSimilarityIndexMeasure: 4 of 4 images are among" in out


# folders that are not there


@pytest.mark.parametrize(
    "arguments",
    [
        ("score", "--images", "images", "--metrics", "contrast", "--out", "gone/s.csv"),
        ("statistics", "--images", "images", "--out", "gone/s.npz"),
        ("report", "--ratings", "r.csv", "--out", "gone/deep"),
        ("export", "study", "--out", "gone/deep"),
        ("init", "gone/study", "--images", "images"),
        ("demo", "--folder", "gone/demo"),
        ("predict", "report", "--metric", "m", "--scores", "s.csv", "--out", "gone/p.csv"),
        ("plan", "--icc", ".5", "--out", "gone/deep"),
        ("aesthetic", "embed", "--images", "images", "--out", "gone/e"),
        ("aesthetic", "train", "--votes", "v.csv", "--embeddings", "e", "--out", "gone/h.safetensors"),
        ("aesthetic", "evaluate", "--votes", "v.csv", "--predictions", "p.csv", "--out", "gone/e"),
    ],
)
def test_a_folder_that_is_missing_is_named_and_not_made(cli, place, arguments):
    (place / "r.csv").write_text("item,evaluator,task,rating\na,x,t,3\n")
    code, _, err = cli(*arguments)
    assert code == 2 and "there is no folder gone; make it, or correct the path." in err, err
    assert not (place / "gone").exists()


def test_the_folder_that_is_asked_for_is_made(cli, place):
    (place / "r.csv").write_text("item,evaluator,task,rating\n" + "".join(f"i{n},x,t,{1 + n % 5}\n" for n in range(9)))
    assert cli("report", "--ratings", "r.csv", "--out", "new")[0] == 0
    assert (place / "new" / "report.html").is_file()


# lists and files


def test_the_lists_show_whole_names_in_80_columns(cli):
    out = cli("metrics")[1]
    for line in (
        "diversity_clip  sets",
        "sharpness",
        "  Zhang et al. 2018; weights: lpips-alex missing",
        "open to open",
    ):
        assert line in out
    cli("score", "--images", "images", "--out", "s.csv", "--metrics", "contrast")
    assert "…" not in cli("cache")[1]


def test_a_folder_is_no_file_of_weights(cli, place):
    code, _, err = cli("weights", "add", "lpips-alex", place)
    assert code == 2 and f"{place} is a folder; name the file of weights in it." in err


def test_the_csv_names_the_reason_of_each_image(cli, place):
    (place / "mine.py").write_text(
        "def detect(image):\n    return [(0, 0, image.width, image.height)]\n"
        "def encode(pictures):\n    return [[0.0, 0.0] if p.width == 96 else [1.0, 2.0] for p in pictures]\n"
    )
    code, out, _ = cli(
        *("score", "--images", "images", "--references", "photos", "--out", "s.csv", "--metrics", "similarity"),
        *("--detector", "mine:detect", "--encoder", "mine:encode"),
    )
    notes = pd.read_csv("s.csv", keep_default_na=False)["note"].tolist()
    assert code == 0 and notes.count("the encoder answers zeros, or no finite numbers, for its face") == 1
    assert "for the faces of 1 of 4 images the encoder answers zeros" in out.replace("\n", " ")
