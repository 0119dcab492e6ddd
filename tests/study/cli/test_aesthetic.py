"""humangrade aesthetic: from a folder of images to a head that scores them; mistakes in one sentence."""

import os
import re
import signal
import subprocess
import time

import numpy as np
import pandas as pd
import pytest

from calibration.aesthetic.embeddings import read_embeddings, write_embeddings
from metrics.networks.aesthetic_head import head_details, predict, read_head, write_head
from tests.calibration.aesthetic.made import made_embeddings, made_votes
from tests.metrics.tiny_clip import register, save_tiny
from tests.study.command import command_line, environment, run_cli
from tests.study.conftest import save_image

QUICK = ("--epochs", "2", "--seeds", "1", "--hidden", "8", "--batch-size", "64")


@pytest.fixture
def cli(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "160")
    return lambda *arguments: run_cli(monkeypatch, capsys, *arguments)


@pytest.fixture
def data(tmp_path):
    return made_data(tmp_path)


def made_data(tmp_path):
    """AVA's own format, and embeddings of the same images."""
    votes = made_votes(600, groups=100)
    lines = [
        f"{row} {int(name)} {' '.join(map(str, counts.astype(int)))} 0 0 {group[1:]}"
        for row, (name, counts, group) in enumerate(zip(votes.images, votes.counts, votes.groups, strict=True))
    ]
    (tmp_path / "AVA.txt").write_text("\n".join(lines) + "\n")
    rows, _ = made_embeddings(votes.means, dimensions=16)
    files = [f"{int(name)}.jpg" for name in votes.images]
    write_embeddings(tmp_path / "emb", [rows], files, "ViT-L-14/openai", "made")
    return tmp_path


def train(cli, data, *more, out="head.safetensors"):
    votes = () if "--ratings" in more else ("--votes", data / "AVA.txt")
    return cli("aesthetic", "train", *votes, "--embeddings", data / "emb", "--out", data / out, *more)


def test_training_writes_a_head_with_card_pictures_and_test_images(cli, data):
    code, out, err = train(cli, data, "--balance", "sqrt", *QUICK)
    assert code == 0, err
    assert "600 images have votes" in out and "balanced" in out and "Take " in out
    names = {path.name for path in data.iterdir()} - {"AVA.txt", "emb"}
    recommended = re.search(r"Take ([a-z-]+):", out)[1]
    assert f"({recommended}), and its card" in out
    stem = ("head.safetensors", "head-others", "head.md", "head-test.txt", "head-training.png", "head-answers.png")
    assert names == set(stem)
    details = head_details(data / "head.safetensors")
    assert details["training"]["kind"] == recommended and details["training"]["votes"] == "AVA.txt"
    assert len(details["metrics"]["spearman"]) == 3 and f"kind:{recommended}" in details["signature"]
    others = {path.stem: head_details(path) for path in (data / "head-others").iterdir()}
    assert set(others) | {recommended} == {"ridge", "ridge-matched", "plain", "plain-matched", "balanced"}
    assert all(about["training"]["kind"] == name for name, about in others.items())
    balanced = {**others, recommended: details}["balanced"]
    assert balanced["training"]["balance"] == "sqrt" and "One answer for all images" in out
    head = read_head(data / "head.safetensors")
    embeddings = read_embeddings(data / "emb")
    assert np.corrcoef(predict(head, embeddings.rows), made_votes(600).means)[0, 1] > 0.6
    code, out, _ = cli(
        *("aesthetic", "evaluate", "--head", data / "head.safetensors", "--votes", data / "AVA.txt"),
        *("--embeddings", data / "emb", "--out", data / "ev"),
    )
    tested = len((data / "head-test.txt").read_text().split())
    assert code == 0 and f"On {tested} images" in out and "flatters" not in out
    assert {path.name for path in (data / "ev").iterdir()} == {
        *("evaluation.csv", "answers.png", "tenths-head.safetensors.csv", "curve-head.safetensors.csv")
    }


def test_what_a_network_is_that_got_no_better_than_its_start_is_true(cli, data):
    code, out, err = train(cli, data, "--balance", "inverse", *QUICK, "--learning-rate", "5")  # learns nothing
    assert code == 0, err
    assert "'plain' got no better than its start" in out and "and is that start: ridge." in out
    assert "'balanced' got no better than its start" in out and "count as they do for it, not ridge." in out
    files = {path.stem: path for path in (data / "head-others").iterdir()}
    files[head_details(data / "head.safetensors")["training"]["kind"]] = data / "head.safetensors"
    rows = read_embeddings(data / "emb").rows
    answers = {name: predict(read_head(files[name]), rows) for name in ("ridge", "plain", "balanced")}
    assert np.abs(answers["plain"] - answers["ridge"]).max() < 1e-4
    assert np.abs(answers["balanced"] - answers["ridge"]).max() > 0.1


@pytest.mark.parametrize("kind", ["ridge-matched", "plain-matched", "emd"])
def test_other_heads_are_written_and_answer_alike(cli, data, kind):
    more = ("--loss", "emd", "--write", "plain") if kind == "emd" else ("--write", kind)
    assert train(cli, data, *more, *QUICK)[0] == 0
    head = read_head(data / "head.safetensors")
    answers = predict(head, read_embeddings(data / "emb").rows)
    assert bool(head.levels) == (kind == "emd") and np.corrcoef(answers, made_votes(600).means)[0, 1] > 0.6


def test_the_same_seed_gives_the_same_file(cli, data):
    for name in ("a.safetensors", "b.safetensors"):
        assert train(cli, data, *QUICK, out=name)[0] == 0
    assert (data / "a.safetensors").read_bytes() == (data / "b.safetensors").read_bytes()


def test_the_official_list_is_the_test(cli, data):
    (data / "list.jpgl").write_text("".join(f"{number}\n" for number in range(100)))
    code, out, _ = train(cli, data, "--test-list", data / "list.jpgl", *QUICK)
    assert code == 0 and "100 to test" in out
    assert head_details(data / "head.safetensors")["training"]["split"].startswith("list-list.jpgl-")


def test_a_head_is_moved_by_few_ratings(cli, data):
    train(cli, data, "--write", "ridge", *QUICK)
    rng = np.random.default_rng(0)
    taste = read_embeddings(data / "emb").rows[:120] @ rng.normal(size=16)
    levels = np.clip(np.round(3 + 1.2 * (taste - taste.mean()) / taste.std()), 1, 5).astype(int)
    rows = [f"{number},{rater},t,{level}" for number, level in enumerate(levels) for rater in "ab"]
    (data / "ratings.csv").write_text("item,evaluator,task,rating\n" + "\n".join(rows) + "\n")
    more = ("--ratings", data / "ratings.csv", "--start", data / "head.safetensors")
    code, out, err = train(cli, data, *more, out="mine.safetensors")
    assert code == 0, err
    assert "Fine-tuning raises" in out and "120 images" in out and "holds for new images of these prompts" in out
    details = head_details(data / "mine.safetensors")
    assert details["ratings_mark"] == read_head(data / "mine.safetensors").ratings_mark != ""
    assert details["trained_on"] == ["AVA.txt", "ratings.csv"] and details["training"]["start"] == "head.safetensors"


def test_prompts_are_left_out_together_where_a_column_names_them(cli, data):
    train(cli, data, "--write", "ridge", *QUICK)
    rng = np.random.default_rng(0)
    liking = np.repeat(rng.integers(1, 6, 20), 6)
    rows = [f"{number},{rater},{level},p{number // 6}" for number, level in enumerate(liking) for rater in "ab"]
    (data / "ratings.csv").write_text("item,evaluator,rating,scene\n" + "\n".join(rows) + "\n")
    more = ("--ratings", data / "ratings.csv", "--start", data / "head.safetensors", "--group", "scene")
    code, out, err = train(cli, data, *more, out="mine.safetensors")
    assert code == 0, err
    assert "not shown to raise" in out and "This holds for new scenes." in out and "strictness of 2 people" in out
    old, new = (read_head(data / name) for name in ("head.safetensors", "mine.safetensors"))
    rows = read_embeddings(data / "emb").rows
    assert np.corrcoef(predict(old, rows), predict(new, rows))[0, 1] == pytest.approx(1)
    assert "new scenes" in head_details(data / "mine.safetensors")["training"]["split"]


def test_the_prompts_of_an_exported_study_are_left_out_together(cli, data):
    train(cli, data, "--write", "ridge", *QUICK)
    rng = np.random.default_rng(0)
    liking = np.repeat(rng.integers(1, 6, 20), 6)
    (data / "export").mkdir()
    rows = [f"{number},{rater},aesthetic,{level}" for number, level in enumerate(liking) for rater in "ab"]
    (data / "export" / "ratings.csv").write_text("item,evaluator,task,rating\n" + "\n".join(rows) + "\n")
    items = [f"{number},{number}.png,prompt {number // 6}" for number in range(120)]
    (data / "export" / "items.csv").write_text("item,image,prompt\n" + "\n".join(items) + "\n")
    more = ("--ratings", data / "export" / "ratings.csv", "--start", data / "head.safetensors")
    code, out, err = train(cli, data, *more, out="mine.safetensors")
    assert code == 0, err
    assert "This holds for new prompts." in out and "items.csv tells what belongs to the items" in out


def test_predictions_say_what_they_are_on(cli, data):
    votes = made_votes(600, groups=100)
    lines = [f"{int(name)},{(mean - 1) / 9}" for name, mean in zip(votes.images, votes.means, strict=True)]
    (data / "p.csv").write_text("image_id,prediction\n" + "\n".join(lines) + "\n")
    arguments = ("aesthetic", "evaluate", "--votes", data / "AVA.txt", "--predictions", data / "p.csv")
    code, _, err = cli(*arguments)
    assert code == 2 and "--predictions-scale" in err and err.count("\n") == 1
    code, _, err = cli(*arguments, "--predictions-scale", "0-1", "--out", data / "ev")
    assert code == 0, err
    assert pd.read_csv(data / "ev" / "evaluation.csv")["mae"][0] == "0.000 (0.000 to 0.000)"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--group", "prompt"), "leave --group out"),
        (("--items", "x.csv"), "leave --items out"),
        (("--out", "head.pth"), "must end in .safetensors"),
        (("--write", "balanced"), "--write balanced needs --balance"),
        (("--write", "plain-matched", "--loss", "emd"), "another loss than emd"),
        (("--hidden", "many"), "--hidden is 'many'"),
        (("--start", "x"), "--start is the head that --ratings"),
        (("--ratings", "x"), "name one of the two"),
        (("--scale", "five"), "--scale is 'five'"),
        (("--scale", "1-5"), "has votes on 1-10, and --scale says 1-5"),
        (("--test-list", "nothing"), "nothing cannot be read"),
        (("--learning-rate", "0"), "the learning rate above 0"),
        (("--learning-rate", "nan"), "the learning rate above 0"),
    ],
)
def test_mistakes_are_one_sentence(cli, data, more, said):
    arguments = ["--votes", data / "AVA.txt", "--embeddings", data / "emb", "--out", data / "h.safetensors"]
    code, _, err = cli("aesthetic", "train", *arguments, *QUICK, *more)
    assert code == 2 and said in err and err.count("\n") == 1
    assert not (data / "h.safetensors").exists()


@pytest.mark.parametrize("more", [("--epochs", "2"), ("--write", "ridge"), ("--test-list", "list.txt")])
def test_options_that_change_nothing_are_refused(cli, data, more):
    (data / "ratings.csv").write_text("item,evaluator,rating\n1,a,3\n")
    code, _, err = train(cli, data, "--ratings", data / "ratings.csv", *more)
    assert code == 2 and f"has nothing to do with {more[0]}; leave it out." in err


def test_votes_that_are_all_the_same_are_refused(cli, data):
    lines = [f"{int(name)},5.0,1-10" for name in made_votes(600, groups=100).images]
    (data / "means.csv").write_text("image,mean,scale\n" + "\n".join(lines) + "\n")
    arguments = ("--votes", data / "means.csv", "--embeddings", data / "emb", *QUICK)
    code, _, err = cli("aesthetic", "train", *arguments, "--out", data / "head.safetensors")
    assert code == 2 and "The images to train on all have the same mean, 5 on 1-10" in err
    assert not (data / "head.safetensors").exists()


def test_votes_and_embeddings_of_other_images_are_refused(cli, data):
    lines = [f"{number} {999000 + number} 1 1 1 1 1 1 1 1 1 1 0 0 5" for number in range(60)]
    (data / "AVA.txt").write_text("\n".join(lines[:9]) + "\n")
    assert "votes on 9 images only" in train(cli, data, *QUICK)[2]
    (data / "AVA.txt").write_text("\n".join(lines) + "\n")
    code, _, err = train(cli, data, *QUICK)
    assert code == 2 and "only 0 have embeddings" in err and "'999000'" in err and "0.jpg" in err


def test_a_file_that_is_no_head_is_refused(cli, data):
    (data / "junk.pt").write_text("junk\n")
    code, _, err = cli(
        *("aesthetic", "evaluate", "--head", data / "junk.pt", "--votes", data / "AVA.txt"),
        *("--embeddings", data / "emb"),
    )
    assert code == 2 and "no file of weights" in err and err.count("\n") == 1


def test_a_head_of_another_encoder_is_refused(cli, data):
    write_head(data / "other.safetensors", [(np.ones((1, 16)), np.zeros(1))], "none", "ViT-B-32/openai", signature="s")
    code, _, err = cli(
        *("aesthetic", "evaluate", "--head", data / "other.safetensors", "--votes", data / "AVA.txt"),
        *("--embeddings", data / "emb"),
    )
    assert code == 2 and "ViT-B-32/openai" in err and "ViT-L-14/openai" in err


@pytest.mark.process
def test_a_training_on_changed_votes_does_not_go_on(cli, data):
    command = command_line(
        *("aesthetic", "train", "--votes", data / "AVA.txt", "--embeddings", data / "emb"),
        *("--out", data / "head.safetensors", "--epochs", "3000", "--patience", "3000", "--hidden", "8"),
    )
    running = subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while not (data / "head-checkpoints" / "plain-0.pt").exists():
            assert time.monotonic() < deadline and running.poll() is None
            time.sleep(0.1)
    finally:
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
    lines = (data / "AVA.txt").read_text().splitlines()
    (data / "AVA.txt").write_text("\n".join(lines[:-1]) + "\n")
    code, _, err = train(cli, data, "--epochs", "3000", "--patience", "3000", "--hidden", "8")
    assert code == 2 and "other data or options; remove it" in err


def test_embed_train_and_score(cli, tmp_path, monkeypatch):
    register(monkeypatch)
    monkeypatch.setenv("HUMANGRADE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HUMANGRADE_WEIGHTS", str(tmp_path / "weights"))
    folder = tmp_path / "images"
    for number in range(60):
        save_image(folder / f"{number}.png", number)
    (folder / "broken.png").write_bytes(b"broken")
    (folder / "twin.png").write_bytes((folder / "3.png").read_bytes())
    save_tiny(tmp_path / "tiny.safetensors")
    assert cli("weights", "add", "clip/tiny/openai", tmp_path / "tiny.safetensors")[0] == 0
    clip = ("--model", "tiny", "--pretrained", "openai")
    code, out, err = cli("aesthetic", "embed", "--images", folder, "--out", tmp_path / "emb", *clip)
    assert code == 3, err
    assert "broken.png" in out and "the same content as 3.png" in out
    embeddings = read_embeddings(tmp_path / "emb")
    assert len(embeddings) == 60 and embeddings.backbone == "tiny/openai"
    code, again, _ = cli("aesthetic", "embed", "--images", folder, "--out", tmp_path / "emb", *clip)
    assert code == 3 and "61/61" in out and "61/61" not in again  # only the broken file is tried again
    assert read_embeddings(tmp_path / "emb").sha256 == embeddings.sha256
    means = embeddings.rows @ np.random.default_rng(0).normal(size=16)
    means = 5 + (means - means.mean()) / means.std()
    rows = [f"{file},{mean},1-10" for file, mean in zip(embeddings.files, means, strict=True)]
    (tmp_path / "votes.csv").write_text("image,mean,scale\n" + "\n".join(rows) + "\n")
    head = ("--out", tmp_path / "head.safetensors", "--embeddings", tmp_path / "emb", "--votes", tmp_path / "votes.csv")
    code, _, err = cli("aesthetic", "train", *head, "--write", "ridge", *QUICK)
    assert code == 0, err
    code, _, err = cli(
        *("score", "--images", folder, "--metrics", "aesthetic", "--clip-model", "tiny", "--clip-pretrained", "openai"),
        *("--head", tmp_path / "head.safetensors", "--out", tmp_path / "scores.csv"),
    )
    assert code == 3, err
    table = pd.read_csv(tmp_path / "scores.csv").set_index("item")
    scores = table["score"]
    assert not table["signature"].dropna().str.contains("ratings:").any()
    expected = predict(read_head(tmp_path / "head.safetensors"), embeddings.rows)
    np.testing.assert_allclose(scores[embeddings.files], expected, rtol=1e-6)
    code, _, err = cli(
        "score",
        "--images",
        folder,
        "--metrics",
        "aesthetic",
        "--head",
        tmp_path / "head.safetensors",
        "--out",
        tmp_path / "scores.csv",
    )
    assert code == 2 and err.count("\n") == 1
