"""humangrade aesthetic evaluate: on which images, against which votes, and what would flatter a head."""

import re

import pandas as pd
import pytest

from calibration.aesthetic.embeddings import write_embeddings
from tests.calibration.aesthetic.made import made_embeddings, made_votes
from tests.study.cli.test_aesthetic import QUICK, made_data, train
from tests.study.command import run_cli


@pytest.fixture
def cli(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "160")
    return lambda *arguments: run_cli(monkeypatch, capsys, *arguments)


@pytest.fixture
def data(tmp_path):
    return made_data(tmp_path)


def test_a_head_judged_by_its_training_images_is_warned_of(cli, data):
    train(cli, data, "--write", "ridge", *QUICK)
    code, out, _ = cli(
        *("aesthetic", "evaluate", "--head", data / "head.safetensors", "--votes", data / "AVA.txt"),
        *("--embeddings", data / "emb", "--all"),
    )
    tested = len((data / "head-test.txt").read_text().split())
    code_of_two, two, _ = cli(
        *("aesthetic", "evaluate", "--head", data / "head.safetensors", "--votes", data / "AVA.txt"),
        *("--head", data / "head-others" / "plain.safetensors", "--embeddings", data / "emb", "--out", data / "ev"),
    )
    assert code_of_two == 0 and "plain.safetensors less head.safetensors: spearman " in two
    assert (data / "ev" / "pairs.csv").is_file()
    assert code == 0 and f"was trained on {600 - tested} of these 600 images" in out
    code, other, _ = cli(
        *("aesthetic", "evaluate", "--head", data / "head-others" / "plain.safetensors", "--votes", data / "AVA.txt"),
        *("--embeddings", data / "emb"),
    )
    assert code == 0 and f"On {tested} images" in other and "flatters" not in other


def test_an_image_under_two_names_is_not_learnt_and_tested(cli, data):
    votes = made_votes(600, groups=100)
    rows, _ = made_embeddings(votes.means, dimensions=16)
    files = [f"{int(name)}.jpg" for name in votes.images]
    copies = [f"copy{int(name)}.jpg" for name in votes.images]
    write_embeddings(data / "emb", [rows, rows], files + copies, "ViT-L-14/openai", "made")
    lines = [f"{name},{mean:.4f}" for name, mean in zip(files + copies, [*votes.means, *votes.means], strict=True)]
    (data / "means.csv").write_text("image,mean\n" + "\n".join(lines) + "\n")
    arguments = ("--votes", data / "means.csv", "--scale", "1-10", "--embeddings", data / "emb")
    code, out, err = cli("aesthetic", "train", *arguments, *QUICK, "--out", data / "head.safetensors")
    assert code == 0, err
    assert "Images that are there under two names, and are used once: 600 (copy0 is 0, " in out
    tested = (data / "head-test.txt").read_text().split()
    code, out, _ = cli("aesthetic", "evaluate", *arguments, "--head", data / "head.safetensors")
    assert code == 0 and f"On {len(tested)} images" in out and "flatters" not in out


def test_a_head_of_distributions_is_judged_by_votes_on_other_levels(cli, data):
    assert train(cli, data, "--loss", "emd", "--write", "plain", *QUICK)[0] == 0
    votes = made_votes(600, groups=100)
    names = [str(int(name)) for name in votes.images]
    lines = [f"{name},{mean}" for name, mean in zip(names, votes.means, strict=True)]
    (data / "means.csv").write_text("image,mean,scale\n" + "\n".join(f"{line},1-10" for line in lines) + "\n")
    five = votes.counts.reshape(600, 5, 2).sum(axis=2).astype(int).tolist()
    lines = [f"{name},{','.join(map(str, row))}" for name, row in zip(names, five, strict=True)]
    (data / "five.csv").write_text("image,c1,c2,c3,c4,c5\n" + "\n".join(lines) + "\n")
    for file in ("means.csv", "five.csv", "AVA.txt"):
        code, out, err = cli(
            *("aesthetic", "evaluate", "--head", data / "head.safetensors", "--votes", data / file),
            *("--embeddings", data / "emb"),
        )
        assert code == 0, err
        said = f"answers how votes lie on 10 levels, and {file} does not tell that" in out
        assert said == ("\n emd " not in out) == (file != "AVA.txt")


def test_a_test_of_one_challenge_has_no_interval(cli, data):
    lines = [line.split() for line in (data / "AVA.txt").read_text().splitlines()]
    alone = [line[1] for line in lines if line[-1] == "7"]
    (data / "list.txt").write_text("\n".join(alone) + "\n")
    train(cli, data, "--write", "ridge", *QUICK)
    code, out, _ = cli(
        *("aesthetic", "evaluate", "--head", data / "head.safetensors", "--votes", data / "AVA.txt"),
        *("--embeddings", data / "emb", "--test-list", data / "list.txt"),
    )
    assert (
        code == 0
        and f"On {len(alone)} images of 1 challenge: fewer than 6" in out
        and " to " not in out.split("On ")[0]
    )


def test_one_changed_line_does_not_hide_what_a_head_was_trained_on(cli, data):
    train(cli, data, "--write", "ridge", *QUICK)
    tested = len((data / "head-test.txt").read_text().split())
    lines = (data / "AVA.txt").read_text().splitlines()
    (data / "own.txt").write_text("\n".join(lines[1:]) + "\n")  # another name, another hash, the same images but one
    (data / "moved.safetensors").write_bytes((data / "head.safetensors").read_bytes())
    code, out, _ = cli(
        *("aesthetic", "evaluate", "--head", data / "moved.safetensors", "--votes", data / "own.txt"),
        *("--embeddings", data / "emb", "--all"),
    )
    found = re.search(r"was trained on (\d+) of these 599 images", out)
    assert code == 0 and found and int(found[1]) in (600 - tested, 599 - tested)


def test_predictions_of_one_name_in_two_folders_are_both_judged(cli, data):
    votes = made_votes(600, groups=100)
    for folder, shift in (("a", 0.0), ("b", 0.5)):
        (data / folder).mkdir()
        lines = [f"{int(name)},{mean + shift}" for name, mean in zip(votes.images, votes.means, strict=True)]
        (data / folder / "p.csv").write_text("image_id,prediction\n" + "\n".join(lines) + "\n")
    code, _, err = cli(
        *("aesthetic", "evaluate", "--votes", data / "AVA.txt", "--predictions-scale", "1-10", "--out", data / "ev"),
        *("--predictions", data / "a" / "p.csv", "--predictions", data / "b" / "p.csv"),
    )
    assert code == 0, err
    found = pd.read_csv(data / "ev" / "evaluation.csv")
    assert found["mae"].tolist() == ["0.000 (0.000 to 0.000)", "0.500 (0.500 to 0.500)"]
