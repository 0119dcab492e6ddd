"""humangrade score: into a study, into a file; what is left out, skipped, replaced, and said."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from rich.console import Console

from calibration.tables.checking import check_scores
from calibration.tables.reading import read_table
from metrics.engine.cache import FeatureCache
from metrics.engine.run import RunResult
from metrics.engine.types import Score, Scored, SetScore
from metrics.errors import InputError
from study.cli.score_tables import print_scores
from study.folder.score_items import folder_collection
from study.scoring import _csv
from tests.metrics.random_inception import random_inception
from tests.study.command import command_line, environment, run_cli
from tests.study.conftest import save_image


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """No weights and an empty cache."""
    for name in ("HUMANGRADE_WEIGHTS", "TORCH_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "weights"))
    monkeypatch.setenv("HUMANGRADE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("COLUMNS", "160")


@pytest.fixture
def cli(monkeypatch, capsys):
    return lambda *arguments: run_cli(monkeypatch, capsys, *arguments)


@pytest.fixture
def squeeze(shared, tmp_path):
    (tmp_path / "weights").mkdir()
    weights = shared / "weights"
    (tmp_path / "weights" / "lpips-squeeze.pth").write_bytes((weights / "squeezenet1_1_features.pth").read_bytes())


@pytest.fixture
def images(tmp_path):
    for number in range(6):
        save_image(tmp_path / "images" / f"model-{number % 2}" / "300" / f"{number}.png", number)
    return tmp_path / "images"


WITHOUT_TORCH = """
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ImportError("torch was imported")

sys.meta_path.insert(0, Refuse())
from study.cli import main
main()
"""


def table(path):
    return pd.read_csv(path, keep_default_na=False)


def test_a_study_gets_scores_set_scores_and_notes(make_study, cli, squeeze):
    study = make_study()
    code, out, err = cli("score", study.folder, "--metrics", "lpips,sharpness,diversity", "--lpips-net", "squeeze")
    assert code == 0, err
    scores, sets = study.store.scores_table(), study.store.set_scores_table()
    assert scores.groupby("metric").size().to_dict() == {"lpips": 12, "lpips_min": 12, "sharpness": 12}
    assert scores["score"].notna().all() and scores["signature"].str.startswith("metric:").all()
    both = scores.pivot(index="item", columns="metric", values="score")
    assert (both["lpips_min"] <= both["lpips"]).all()
    diversity = sets[(sets["metric"] == "diversity")]
    assert len(diversity) == 3 and (diversity["n"] == 4).all() and (diversity["score"] > 0).all()
    lpips = sets[sets["metric"] == "lpips"].set_index("set")
    assert (
        lpips.loc["all", "n"] == 12 and lpips.loc["all", "low"] < lpips.loc["all", "score"] < lpips.loc["all", "high"]
    )
    assert "weak" not in out and "rules of thumb" not in out  # guides presume 20 images
    assert "Features computed: 26;" in out.replace("\n", " ")


@pytest.mark.parametrize(("images", "is_said"), [(19, False), (20, True)])
def test_what_guides_say_stands_beside_sets_of_as_many_images_as_they_presume(capsys, images, is_said):
    found = RunResult({"fid": Scored([], [SetScore("anna", "fid", 5.0, images, "s")])})
    print_scores(found, Console(width=120))
    out = capsys.readouterr().out
    assert "anna" in out and ("excellent" in out) == ("rules of thumb" in out) == is_said


def test_a_second_run_computes_nothing_and_gives_the_same(make_study, cli, squeeze):
    study = make_study()
    arguments = ("score", study.folder, "--metrics", "lpips,contrast", "--lpips-net", "squeeze")
    cli(*arguments)
    before = study.store.scores_table()
    code, out, _ = cli(*arguments, "--batch-size", "3")
    assert code == 0 and "Features computed: 0;" in out
    pd.testing.assert_frame_equal(study.store.scores_table(), before)


def test_a_cached_second_run_loads_no_torch(images, tmp_path, cli, squeeze):
    arguments = ["score", "--images", images, "--references", images, "--out", tmp_path / "scores.csv"]
    arguments += ["--metrics", "lpips,diversity,sharpness", "--lpips-net", "squeeze"]
    assert cli(*arguments)[0] == 0
    before = (tmp_path / "scores.csv").read_bytes()
    code = f"import sys; sys.argv = ['humangrade', *{[str(argument) for argument in arguments]!r}]\n{WITHOUT_TORCH}"
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "torch" not in done.stdout and (tmp_path / "scores.csv").read_bytes() == before


def test_other_options_give_other_signatures_and_replace_the_scores(make_study, cli, squeeze):
    study = make_study()
    arguments = ("score", study.folder, "--metrics", "lpips", "--lpips-net", "squeeze")
    cli(*arguments)
    first = study.store.scores_table()
    cli(*arguments, "--lpips-size", "64")
    second = study.store.scores_table()
    assert len(first) == len(second) and not set(first["signature"]) & set(second["signature"])


def test_rows_of_an_earlier_run_do_not_stay(make_study, cli, squeeze):
    study = make_study()
    items = study.items["item"]
    names = ("contrast", "lpips", "lpips_min", "exposure")
    study.store.save_scores([], [SetScore("gone", name, 0.5, 2, f"metric:{name}") for name in names])
    for item in items[1:]:
        study.image_path(item).write_bytes(b"broken")
    assert cli("score", study.folder, "--metrics", "contrast,lpips", "--lpips-net", "squeeze")[0] == 3
    assert study.store.set_scores_table().query("set == 'gone'")["metric"].tolist() == ["exposure"]


def test_without_weights_a_metric_refuses_and_says_what_to_do(make_study, cli):
    study = make_study()
    code, _, err = cli("score", study.folder, "--metrics", "similarity")
    assert code == 2 and err.count("\n") == 1
    assert "20180402-114759-vggface2.pt" in err and "humangrade weights fetch facenet-vggface2" in err
    assert study.store.scores_table().empty


def test_without_names_everything_that_can_be_computed_is(make_study, cli):
    study = make_study()
    code, out, _ = cli("score", study.folder)
    assert code == 0
    assert sorted(study.store.scores_table()["metric"].unique()) == ["contrast", "exposure", "sharpness"]
    assert "no weights (lpips-alex)" in out and re.search(r"Left out clip_score\b.*: no prompts", out)


def test_a_broken_image_is_named_and_skipped_with_exit_code_3(make_study, cli):
    study = make_study()
    path = study.image_path(study.items["item"][4])
    path.write_bytes(path.read_bytes()[:100])
    code, out, _ = cli("score", study.folder, "--metrics", "contrast")
    assert code == 3 and path.name in out and "cannot be decoded" in out
    scores = study.store.scores_table().set_index("item")
    assert scores["score"].isna().sum() == 1 and scores.loc[study.items["item"][4], "note"] == "unreadable image"


def test_a_missing_image_stops_before_anything_is_computed(make_study, cli):
    study = make_study()
    study.image_path(study.items["item"][0]).unlink()
    code, _, err = cli("score", study.folder, "--metrics", "contrast")
    assert code == 2 and "cannot be found" in err and study.store.scores_table().empty


def test_imported_scores_are_not_replaced(make_study, cli, tmp_path):
    study = make_study()
    pd.DataFrame({"item": study.items["item"], "contrast": 0.1}).to_csv(tmp_path / "own.csv", index=False)
    cli("import", study.folder, "--scores", tmp_path / "own.csv")
    code, _, err = cli("score", study.folder, "--metrics", "contrast")
    assert code == 2 and "imported scores of contrast" in err
    code, out, _ = cli("score", study.folder)
    assert code == 0 and "Left out contrast: the study holds imported scores of it" in out
    scores = study.store.scores_table().set_index("metric")["score"]
    assert (scores["contrast"] == 0.1).all() and scores.index.nunique() == 3


def test_a_folder_gives_a_table_and_a_table_of_sets(images, tmp_path, cli):
    (tmp_path / "prompts.txt").write_text("a portrait\n")
    (tmp_path / "out").mkdir()
    code, _, err = cli(
        *("score", "--images", images, "--prompts", tmp_path / "prompts.txt", "--metrics", "contrast,exposure"),
        *("--out", tmp_path / "out" / "scores.csv"),
    )
    assert code == 0, err
    scores, sets = table(tmp_path / "out" / "scores.csv"), table(tmp_path / "out" / "set_scores.csv")
    assert list(scores) == ["item", "metric", "score", "signature", "note"] and len(scores) == 12
    assert sorted(sets["set"].unique()) == ["all", "model-0/300", "model-1/300"]


def test_odd_images_are_scored_or_named(tmp_path, cli):
    folder = tmp_path / "images"
    folder.mkdir()
    Image.new("CMYK", (40, 40)).save(folder / "cmyk.jpg")
    Image.fromarray(np.full((40, 40), 40000, dtype=np.uint16)).save(folder / "sixteen.png")
    Image.new("RGBA", (40, 40), (0, 0, 0, 0)).save(folder / "clear.png")
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    frames[0].save(folder / "moving.gif", save_all=True, append_images=frames[1:])
    (folder / "empty.png").write_bytes(b"")
    (folder / "words.jpg").write_text("not an image")
    (folder / "readme.txt").write_text("passed over")
    code, out, _ = cli("score", "--images", folder, "--metrics", "exposure", "--out", tmp_path / "s.csv")
    scores = table(tmp_path / "s.csv").set_index("item")
    assert code == 3 and "empty.png" in out and "words.jpg" in out and "readme" not in out
    assert scores.loc[["empty.png", "words.jpg"], "note"].tolist() == ["unreadable image"] * 2
    assert scores.loc[["cmyk.jpg", "sixteen.png", "moving.gif"], "score"].astype(float).notna().all()
    assert float(scores.loc["clear.png", "score"]) == 0  # white


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("p.csv", "item,prompt\nmodel-0/300/0.png,a cat\nmodel-1/300/1.png,a dog\n", ["a cat", "a dog", ""]),
        ("p.txt", "one\ntwo\nthree\nfour\nfive\nsix\n", ["one", "four", "two"]),
    ],
)
def test_prompts_from_a_table_or_a_line_each(images, tmp_path, name, text, expected):
    from study.folder.score_items import folder_collection

    (tmp_path / name).write_text(text)
    prompts = {item.item: item.prompt for item in folder_collection(images, prompts=tmp_path / name).items}
    assert [prompts[f"model-{model}/300/{number}.png"] for model, number in ((0, 0), (1, 1), (0, 2))] == expected


MISTAKES = [
    ((), "name one of the two"),
    (("st", "--images", "images"), "name one of the two"),
    (("--images", "images"), "needs --out"),
    (("--images", "images", "--out", "images"), "is a folder"),
    (("st", "--out", "x.csv"), "--out goes with --images"),
    (("--images", "nothing", "--out", "x.csv"), "is not a folder"),
    (("--images", "images", "--out", "x.csv", "--metrics", "nonsense"), "no metric 'nonsense'"),
    (("--images", "images", "--out", "x.csv", "--lpips-size", "big"), "--lpips-size is big"),
    (("--images", "images", "--out", "x.csv", "--device", "tpu"), "--device is tpu"),
    (("--images", "images", "--out", "x.csv", "--metrics", "sharpness", "--device", "cuda9"), "--device is cuda9"),
    (("--images", "images", "--out", "x.csv", "--device", "cuda:99"), "no such device"),
    (("--images", "images", "--out", "x.csv", "--precision", "float16", "--device", "cpu"), "needs a GPU"),
    (("--images", "images", "--out", "x.csv", "--prompts", "two.txt"), "2 prompts for 6 images"),
    (("--images", "images", "--out", "x.csv", "--prompts", "other.csv"), "names none of the images"),
    (("--images", "images", "--out", "x.csv", "--prompts", "none.csv"), "no column 'prompt'"),
]


@pytest.mark.parametrize(("arguments", "said"), MISTAKES)
def test_mistakes_are_one_sentence_and_exit_code_2(images, tmp_path, monkeypatch, cli, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two.txt").write_text("one\ntwo\n")
    (tmp_path / "other.csv").write_text("item,prompt\nx.png,a\n")
    (tmp_path / "none.csv").write_text("item,words\nx.png,a\n")
    code, _, err = cli("score", *arguments)
    assert code == 2 and said in err and err.count("\n") == 1, err
    assert not (tmp_path / "x.csv").exists()


@pytest.mark.process
def test_ctrl_c_keeps_what_is_done_and_the_next_run_goes_on(tmp_path):
    folder = tmp_path / "images"
    for number in range(300):
        save_image(folder / f"{number}.png", number)
        Image.open(folder / f"{number}.png").resize((700, 700)).save(folder / f"{number}.png")
    arguments = ("score", "--images", folder, "--metrics", "sharpness", "--out", "s.csv", "--workers", "1")
    process = subprocess.Popen(
        command_line(*arguments), cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True
    )
    cache = tmp_path / "cache"
    while not list(cache.glob("*/*/*.npy")):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    done = len(list(cache.glob("*/*/*.npy")))
    assert process.returncode == 130 and "the same command goes on" in said and "Traceback" not in said
    assert 0 < done < 300 and not (tmp_path / "s.csv").exists()
    again = subprocess.run(command_line(*arguments), cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert again.returncode == 0 and f"Features computed: {300 - done};" in again.stdout
    assert len(table(tmp_path / "s.csv")) == 300


# sets


@pytest.fixture(scope="module")
def inception(tmp_path_factory):
    """A folder with random weights of the Inception network."""
    folder = tmp_path_factory.mktemp("weights")
    torch.save(random_inception(), folder / "inception-fid.pth")
    return folder


def test_saved_statistics_give_the_fid_of_the_images_they_were_made_of(images, tmp_path, cli, inception, monkeypatch):
    monkeypatch.setenv("HUMANGRADE_WEIGHTS", str(inception))
    photos = tmp_path / "photos"
    for number in range(8):
        save_image(photos / f"{number}.png", 100 + number)
    code, out, err = cli("statistics", "--images", photos, "--out", tmp_path / "ref.npz")
    assert code == 0 and "Written" in out, err
    found = {}
    for name, reference in (("folder", photos), ("file", tmp_path / "ref.npz")):
        code, out, err = cli(
            *("score", "--images", images, "--metrics", "fid,kid", "--reference-set", reference),
            *("--out", tmp_path / f"{name}.csv"),
        )
        assert code == 0 and "fewer than 2,048 images" in out, err
        sets = table(tmp_path / f"set_{name}.csv")
        found[name] = sets[sets["metric"] == "fid"].set_index("set")["score"]
        assert ("kid" in set(sets["metric"])) == (name == "folder")
    assert (found["folder"] > 0).all()
    np.testing.assert_allclose(found["file"], found["folder"], rtol=1e-6)


def test_statistics_name_what_cannot_be_read(tmp_path, cli, inception, monkeypatch):
    monkeypatch.setenv("HUMANGRADE_WEIGHTS", str(inception))
    for number in range(3):
        save_image(tmp_path / "photos" / f"{number}.png", number)
    (tmp_path / "photos" / "broken.png").write_bytes(b"x")
    code, out, _ = cli("statistics", "--images", tmp_path / "photos", "--out", tmp_path / "ref.npz")
    assert code == 3 and "broken.png" in out and (tmp_path / "ref.npz").is_file()
    (tmp_path / "photos" / "0.png").unlink()
    (tmp_path / "photos" / "1.png").unlink()
    code, _, err = cli("statistics", "--images", tmp_path / "photos", "--out", tmp_path / "one.npz")
    assert code == 2 and err.count("\n") == 1 and not (tmp_path / "one.npz").exists()


# the report


def test_the_report_tells_of_scores_that_are_missing_and_shows_the_sets(make_study, cli, tmp_path, squeeze):
    study = make_study(tasks=("aesthetic",))
    for number, evaluator in enumerate(study.store.evaluators()):
        for place, one in enumerate(study.store.assignments(evaluator.id)):
            study.store.rate(evaluator.id, one.public_id, 1 + (place + number) % 5, f"{number}-{place}")
    path = study.image_path(study.items["item"][0])
    path.write_bytes(path.read_bytes()[:90])
    cli("score", study.folder, "--metrics", "contrast,diversity", "--lpips-net", "squeeze")
    code, _, err = cli("report", study.folder, "--out", tmp_path / "report")
    assert code == 0, err
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    notes = report["tasks"]["aesthetic"]["metrics"]["contrast"]["notes"]
    assert "1 of 12 rated items have no score by this metric and do not count (1 unreadable image)." in notes
    sets = {(row["metric"], row["set"]) for row in report["set_scores"]}
    assert ("contrast", "all") in sets and len([name for name, _ in sets if name == "diversity"]) == 3
    page = (tmp_path / "report" / "report.html").read_text()
    assert "Sets of images" in page and (tmp_path / "report" / "set_scores.csv").is_file()


# the lists


def test_metrics_lists_what_there_is_and_whether_weights_are_here(cli, squeeze):
    code, out, _ = cli("metrics")
    assert code == 0
    for name in ("similarity", "aesthetic", "lpips", "clip_score", "diversity", "fid", "kid", "Zhang et al. 2018"):
        assert name in out
    assert "facenet-vggface2 missing" in out


def test_the_cache_is_shown_and_pruned(images, tmp_path, cli):
    cli("score", "--images", images, "--metrics", "contrast,exposure", "--out", tmp_path / "s.csv")
    out = cli("cache")[1]
    assert "features:contrast" in out and "features:exposure" in out and " 6 " in out
    assert "Removed" in cli("cache", "--prune", "--only", "contrast")[1]
    assert [entry.signature.split("|")[0] for entry in FeatureCache(tmp_path / "cache").entries()] == [
        "features:exposure"
    ]
    code, _, err = cli("cache", "--only", "x")
    assert code == 2 and "add --prune" in err


def test_lines_of_prompts_follow_the_natural_order_of_names(tmp_path):
    for number in (1, 2, 10):
        save_image(tmp_path / "images" / f"{number}.png", number)
    (tmp_path / "p.txt").write_text("one\ntwo\nten\n")
    items = folder_collection(tmp_path / "images", prompts=tmp_path / "p.txt").items
    assert {item.item: item.prompt for item in items} == {"1.png": "one", "2.png": "two", "10.png": "ten"}


def test_a_metric_that_fails_leaves_the_rows_of_those_before(images, tmp_path, cli, squeeze, monkeypatch):
    def fail(self, items, features):
        raise InputError("It does not work.")

    monkeypatch.setattr("metrics.image.lpips.Lpips.score", fail)
    arguments = ("--images", images, "--references", images, "--out", tmp_path / "s.csv", "--lpips-net", "squeeze")
    code, _, err = cli("score", *arguments, "--metrics", "contrast,lpips")
    assert code == 2 and "It does not work." in err
    assert set(table(tmp_path / "s.csv")["metric"]) == {"contrast"}


def test_scores_are_csv(images, tmp_path, cli):
    code, _, err = cli("score", "--images", images, "--metrics", "contrast", "--out", tmp_path / "s.parquet")
    assert code == 2 and "end in .csv" in err


def test_imported_lpips_min_leaves_lpips_out(make_study, cli, squeeze, tmp_path):
    study = make_study()
    (tmp_path / "s.csv").write_text(f"item,metric,score\n{study.items['item'][0]},lpips_min,0.5\n")
    assert cli("import", study.folder, "--scores", tmp_path / "s.csv")[0] == 0
    code, out, err = cli("score", study.folder, "--lpips-net", "squeeze")
    assert code == 0, err
    assert "Left out lpips: the study holds imported scores" in out
    code, _, err = cli("score", study.folder, "--metrics", "lpips", "--lpips-net", "squeeze")
    assert code == 2 and "imported" in err


def test_a_clip_model_without_a_published_head_leaves_the_aesthetic_out(images, tmp_path, cli):
    clip = ("--clip-model", "ViT-B-32", "--clip-pretrained", "laion2b_s34b_b79k")
    code, out, err = cli("score", "--images", images, "--out", tmp_path / "s.csv", *clip)
    assert code == 0, err
    assert "Left out aesthetic: no published head fits ViT-B-32/laion2b_s34b_b79k" in out


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--metrics", ","), "--metrics is empty"),
        (("--metrics", "lpips", "--lpips-size", "²"), "--lpips-size is ²"),
        (("--prompts", "no-item.csv"), "has no column 'item'"),
        (("--prompts", "typo.csv"), "'zzz.jpg', which is none of the images"),
    ],
)
def test_more_mistakes(images, tmp_path, monkeypatch, cli, more, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "no-item.csv").write_text("file,prompt\na,b\n")
    (tmp_path / "typo.csv").write_text("item,prompt\nzzz.jpg,a cat\nmodel-0/300/0.png,a dog\n")
    code, _, err = cli("score", "--images", images, "--out", tmp_path / "s.csv", *more)
    assert code == 2 and said in err and err.count("\n") == 1 and not (tmp_path / "s.csv").exists()


def test_both_files_are_named_and_neither_is_written_where_one_cannot_be(images, tmp_path, cli):
    (tmp_path / "set_s.csv").mkdir()
    arguments = ("score", "--images", images, "--metrics", "contrast", "--out", tmp_path / "s.csv")
    code, _, err = cli(*arguments)
    assert code == 2 and "set_s.csv cannot be written" in err and not (tmp_path / "s.csv").exists()
    (tmp_path / "set_s.csv").rmdir()
    assert "set_s.csv" in cli(*arguments)[1].replace("\n", "")


def test_a_pipe_with_an_images_name_is_passed_over(images, tmp_path, cli):
    os.mkfifo(images / "pipe.png")
    code, _, err = cli("score", "--images", images, "--metrics", "contrast", "--out", tmp_path / "s.csv")
    assert code == 0, err


def test_the_faces_probability_is_a_column_that_the_report_reads_over(tmp_path):
    rows = [Score("a", "similarity", 0.5, "s", "", 0.99), Score("b", "similarity", None, "s", "no face")]
    text = _csv(rows, Score._fields)
    assert text.splitlines()[:2] == ["item,metric,score,signature,note,face_probability", "a,similarity,0.5,s,,0.99"]
    assert "face_probability" not in _csv([rows[1]], Score._fields)
    (tmp_path / "scores.csv").write_text(text, encoding="utf-8")
    read, _ = read_table(tmp_path / "scores.csv")
    assert check_scores(read, "scores.csv").frame["metric"].tolist() == ["similarity"]
