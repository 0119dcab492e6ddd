"""Names that stand for a checkpoint: set, moved, listed, and judged against."""

import json

import pandas as pd
import pytest

from study.folder.study import open_study
from tests.study.command import run_cli
from tests.study.runs.made import checkpoints, write_study


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Three checkpoints of which 300 is the worst in truth, and 2100 the best."""
    items, _, scores = checkpoints()
    kept = items[items["checkpoint"].isin([300, 1800, 2100])]
    kept = kept.assign(model="anna")
    scores = scores[scores["item"].isin(kept["item"]) & (scores["metric"] == "good")]
    return write_study(tmp_path_factory.mktemp("named"), kept, None, scores)


@pytest.fixture
def cli(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: run_cli(monkeypatch, capsys, *arguments)


def test_a_name_is_judged_against_until_it_is_set_anew(cli, study, tmp_path):
    assert cli("baseline", study) == (0, "No baseline is set.\n", "")
    assert cli("baseline", study, "production=anna/1800")[1] == "'production' stands for anna/1800 now.\n"
    asked = ("gate", study, "--candidate", "300", "--against", "production", "--json", tmp_path / "gate.json")
    code, out, _ = cli(*asked)
    report = json.loads((tmp_path / "gate.json").read_text(encoding="utf-8"))
    assert (code, report["baseline"], report["settings"]["against"]) == (1, "anna/1800", "production")
    said = f"'production' stands for anna/1800 since {pd.Timestamp.now('UTC').date()}."
    assert said in report["notes"] and said in out
    assert report["chosen_among"] == 1
    moved = cli("baseline", study, "production=2100")[1]  # one of the two names is enough
    assert moved == "'production' stands for anna/2100 now (it was anna/1800).\n"
    cli(*asked)
    assert json.loads((tmp_path / "gate.json").read_text(encoding="utf-8"))["baseline"] == "anna/2100"
    cli("baseline", study, "last=1800")
    rows = [line.replace("│", " ").split()[:2] for line in cli("baseline", study)[1].splitlines() if "anna" in line]
    assert rows == [["production", "anna/2100"], ["last", "anna/1800"]]
    with open_study(study) as opened:  # append-only
        assert opened.store.runs.gate_runs()["baseline"].tolist() == ["anna/1800", "anna/2100"]


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("production", "'production' is no NAME=MODEL/CHECKPOINT; write for instance production=anna/900."),
        ("=300", "is no NAME=MODEL/CHECKPOINT"),
        ("best=300", "'best' means another checkpoint for each candidate"),
        ("300=anna/1800", "'300' is what a run or a checkpoint is called"),
        ("production=900", "There is no checkpoint '900'; name one of 'anna/300', 'anna/1800' and 'anna/2100'."),
        ("production=anna", "There are 3 checkpoints 'anna'; name one of 'anna/300', 'anna/1800' and 'anna/2100'."),
    ],
)
def test_bad_input_is_one_sentence(cli, study, named, words):
    code, _, err = cli("baseline", study, named)
    assert code == 2 and words in err and err.count("\n") == 1, err


def test_a_name_that_was_not_set_is_said_with_what_would_set_it(cli, study):
    code, _, err = cli("gate", study, "--candidate", "300", "--against", "staging")
    assert code == 2 and "There is no checkpoint 'staging' and no baseline of that name;" in err
    assert "humangrade baseline STUDY staging=MODEL/CHECKPOINT" in err
