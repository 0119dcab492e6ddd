"""gate and best from the command line, on a study of ten checkpoints whose truth is known."""

import json
import re
import shutil
from contextlib import closing

import pandas as pd
import pytest
from junitparser import JUnitXml

from study.folder.study import open_study
from study.runs.alerts import GateReport
from study.runs.best_files import BestReport
from tests.study.command import free_port, run_cli, serving
from tests.study.runs.made import BEST, CHECKPOINTS, checkpoints, write_study


@pytest.fixture(autouse=True)
def not_on_github(monkeypatch):
    """These tests may run in GitHub Actions themselves."""
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def cli(monkeypatch, capsys):
    return lambda *arguments: run_cli(monkeypatch, capsys, *arguments)


@pytest.fixture(scope="module")
def rated(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("rated"), *checkpoints())


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """The same without ratings, of three checkpoints, and by two metrics."""
    items, _, scores = checkpoints()
    kept = items[items["checkpoint"].isin([300, 1800, 2100])]
    scores = scores[scores["item"].isin(kept["item"]) & (scores["metric"] != "fair")]
    return write_study(tmp_path_factory.mktemp("bare"), kept, None, scores)


def last_line(out: str) -> str:
    return [line for line in out.splitlines() if line][-1]


def test_what_is_worse_in_truth_is_caught_and_what_is_better_is_not(cli, rated):
    code, out, err = cli("gate", rated, "--candidate", "300", "--against", BEST)
    assert (code, err) == (1, "")
    assert last_line(out).startswith(
        "worse lora/300 is worse than lora/2100 by fair (which is not shown to sort images"
    )
    code, out, _ = cli("gate", rated, "--candidate", BEST, "--against", "300", "--metric", "good,people")
    assert (
        code == 0 and last_line(out) == "not worse lora/2100 is not worse than lora/300 by good and people's ratings."
    )
    code, out, _ = cli(
        "gate", rated, "--candidate", "300", "--against", "best", "--primary", "good", "--metric", "good"
    )
    assert code == 1 and "p-values are adjusted for that" in out and "with the baseline being the best of 9" in out


def test_cannot_tell_ends_well_unless_it_is_strict(cli, rated):
    """In truth 2400 is .03 below 2100."""
    asked = ("gate", rated, "--candidate", "2400", "--against", "previous", "--metric", "people")
    code, out, _ = cli(*asked)
    assert code == 0
    found = re.fullmatch(
        r"cannot tell Whether lora/2400 is worse than lora/2100 cannot be told by people's ratings: about (\d+) images "
        r"of (\d+) prompts usually would, and there are 40 of 20\.",
        last_line(out),
    )
    assert int(found[1]) == 2 * int(found[2]) > 40
    assert cli(*asked, "--strict")[0] == 4


def test_best_holds_the_true_best(cli, rated, tmp_path):
    for by in ("people", "good", "good+people", "fair+people"):
        code, out, err = cli("best", rated, "--metric", by, "--json", tmp_path / "b.json")
        assert (code, err) == (0, "")
        report = BestReport.model_validate_json((tmp_path / "b.json").read_text(encoding="utf-8"))
        assert report.by == by and f"lora/{BEST}" in report.may_be_best and "lora/300" not in report.may_be_best
        assert (report.images, report.prompts, len(report.checkpoints)) == (400, 20, 10)
        for said in report.sentences:
            assert said in out
        rows = {line.split()[0]: line.split()[-1] for line in out.splitlines() if re.match(r" \d{3,4} ", line)}
        assert list(rows) == list(CHECKPOINTS)
        assert {name for name, cell in rows.items() if cell == "yes"} == {
            name.removeprefix("lora/") for name in report.may_be_best
        }
        for row in report.checkpoints:
            low, high = row.interval
            assert low < row.mean < high and row.interval_of_all[0] < low < high < row.interval_of_all[1]
    code, out, _ = cli("best", rated)
    assert code == 0 and out.startswith("By people's ratings, the best of 10 checkpoints of lora may be any of these ")


def test_best_without_ratings_and_by_what_is_lower(cli, bare, tmp_path):
    """`good` taken as a distance: then 300 is the best, whose values are the lowest."""
    file = tmp_path / "b.json"
    code, out, _ = cli("best", bare, "--metric", "good", "--lower-is-better", "good", "--json", file)
    report = BestReport.model_validate_json(file.read_text(encoding="utf-8"))
    assert code == 0 and report.winner == "lora/300" and report.sorts is None
    scores = checkpoints()[2]
    own = scores[(scores["metric"] == "good") & scores["item"].str.startswith("lora/300/")]["score"].mean()
    assert report.checkpoints[0].mean == pytest.approx(own)
    assert report.sentences[0] == "By good, 300 is the best of 3 checkpoints of lora (95 % confidence)."
    assert report.sentences[1].startswith("The lowest mean is 300's, ") and report.sentences[1] in out


@pytest.mark.parametrize(("name", "start"), [("b.png", b"\x89PNG"), ("b.svg", b"<?xml")])
def test_best_draws_a_picture(cli, bare, tmp_path, name, start):
    pictures = []
    for _ in range(2):
        code, out, _ = cli("best", bare, "--metric", "good", "--figure", tmp_path / name)
        assert code == 0 and f"Written: {tmp_path / name}" in out
        pictures.append((tmp_path / name).read_bytes())
    assert pictures[0] == pictures[1] and pictures[0].startswith(start)
    assert name.endswith("png") or b"may be the best" in pictures[0]


def test_files_and_the_record(cli, rated, tmp_path):
    before = _gate_runs(rated)
    out_folder, junit, file = tmp_path / "out", tmp_path / "j.xml", tmp_path / "g.json"
    asked = (
        "--candidate",
        "300",
        "--against",
        "best",
        "--primary",
        "good",
        "--least-drop",
        "good=.2",
        "--seed",
        "3",
        "--metric",
        "good,noise",
    )
    code, out, _ = cli("gate", rated, *asked, "--out", out_folder, "--junit", junit, "--json", file)
    assert code == 1
    assert sorted(path.name for path in out_folder.iterdir()) == ["gate.json", "gate.xml", "worst_pairs.html"]
    report = GateReport.model_validate_json(file.read_text(encoding="utf-8"))
    assert (out_folder / "gate.json").read_text(encoding="utf-8") == file.read_text(encoding="utf-8")
    assert (out_folder / "gate.xml").read_bytes() == junit.read_bytes()
    assert next(iter(JUnitXml.fromfile(str(junit)))).failures == 2
    settings = report.settings
    assert (settings.against, settings.primary, settings.least_drops, settings.seed) == (
        "best",
        "good",
        {"good": 0.2},
        3,
    )
    assert {one.metric: one.least_drop for one in report.metrics}["good"] == 0.2
    assert "a drop counts from 0.2 on, as stated" in out
    runs = _gate_runs(rated)
    assert len(runs) == len(before) + 1 and runs.iloc[-1]["verdict"] == "worse"
    again = cli("gate", rated, *asked, "--json", tmp_path / "again.json")
    assert again[0] == 1 and (tmp_path / "again.json").read_bytes() == file.read_bytes()


def _gate_runs(folder) -> pd.DataFrame:
    with closing(open_study(folder)) as opened:
        return opened.store.runs.gate_runs()


def test_on_github_there_are_annotations_and_a_summary(cli, rated, tmp_path, monkeypatch):
    asked = ("gate", rated, "--candidate", "300", "--against", BEST, "--metric", "good")
    assert "::" not in cli(*asked)[1]
    assert "::error title=" in cli(*asked, "--github")[1]
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    code, out, _ = cli(*asked)
    lines = [line for line in out.splitlines() if line.startswith("::")]
    assert code == 1 and len(lines) == 2
    assert lines[0] == "::error title=humangrade gate%3A worse::lora/300 is worse than lora/2100 by good."
    assert (tmp_path / "summary.md").read_text(encoding="utf-8").startswith("### ❌ lora/300 is worse than lora/2100")
    assert "::" not in cli(*asked, "--no-github")[1]


@pytest.mark.process
def test_gate_and_best_work_beside_a_server(cli, rated, tmp_path):
    with serving("serve", rated, "--port", free_port(), cwd=tmp_path, until="rate/?key="):
        code, _, err = cli("gate", rated, "--candidate", "300", "--against", BEST, "--metric", "good")
        assert (code, err) == (1, "")
        code, _, err = cli("best", rated, "--metric", "good")
        assert (code, err) == (0, "")
    assert _gate_runs(rated).iloc[-1]["candidate"] == "lora/300"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--metric", "lpips"), "There are no scores by 'lpips'; the study has scores by good and noise."),
        (("--primary", "lpips"), "There is no metric 'lpips' here to decide; the metrics are good, noise."),
        (("--least-drop", "good"), "--least-drop is 'good'; write METRIC=VALUE, such as --least-drop lpips=0.02."),
        (("--least-drop", "good=x"), "--least-drop is 'good=x'; write METRIC=VALUE"),
        (("--least-drop", "good=nan"), "--least-drop is 'good=nan'; write METRIC=VALUE"),
        (("--least-drop", "=1"), "--least-drop is '=1'; write METRIC=VALUE"),
        (("--least-drop", "good=0"), "--least-drop of good is 0; a drop is a number above 0"),
        (("--least-drop", "good=-1"), "--least-drop of good is -1; a drop is a number above 0"),
        (
            ("--least-drop", "lpips=1"),
            "--least-drop names 'lpips', by which nothing is judged here; the gate judges by",
        ),
        (("--least-drop", "good=1", "--least-drop", "good=2"), "--least-drop names good twice; say it once."),
        (("--metric", "fid"), "fid"),  # no weights here, or no reference photos
        (("--reference-set", "nowhere"), "--reference-set is nowhere, and there is nothing of that name; correct it."),
        (("--metric", ","), "--metric is empty; name at least one"),
        (("--metric", "people"), "There are no ratings yet; judge by metrics alone, or let people rate."),
        (("--task", "look"), "Nobody has rated 'look'; leave --task out to judge by metrics alone."),
        (("--lower-is-better", "lpips"), "--lower-is-better names 'lpips', but the scores have no such metric"),
        (("--candidate", "900"), "no checkpoint '900'; the checkpoints are lora/300, lora/1800 and lora/2100."),
        (("--candidate", "2100"), "lora/2100 is both candidate and baseline; name two checkpoints."),
        (("--against", "best"), "Say by which metric (--primary); the study has scores by good and noise."),
        (("--against", "previous"), "There is no checkpoint before lora/300; name the one to compare it with."),
        (("--json", "nowhere/g.json"), "--json is nowhere/g.json, and there is no folder nowhere; make it, or"),
        (("--junit", "."), "--junit is ., which is a folder; name a file in it."),
        (
            ("--out", "nowhere/out"),
            "--out is nowhere/out, and there is no folder nowhere; make it, or correct the path.",
        ),
    ],
)
def test_what_cannot_be_judged_is_one_sentence(cli, bare, monkeypatch, tmp_path, arguments, words):
    monkeypatch.chdir(tmp_path)
    before = len(_gate_runs(bare))
    code, out, err = cli("gate", bare, "--candidate", "300", "--against", "2100", *arguments)
    assert (code, out) == (2, "") and err.startswith("humangrade: ") and err.count("\n") == 1
    assert words in err
    assert len(_gate_runs(bare)) == before and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Say by which metric (--metric); the study has scores by good and noise."),
        (("--metric", "lpips"), "There are no scores by 'lpips'; the study has scores by good and noise."),
        (("--metric", "good+ben"), "'good+ben' is no measure; say METRIC, people or METRIC+people."),
        (("--metric", "people"), "There are no ratings yet; say by which metric, or let people rate."),
        (("--metric", "good", "--run", "anna"), "There is no run 'anna'; the runs are lora."),
        (("--figure", "b.gif"), "--figure is b.gif; name a .png or an .svg."),
        (("--figure", "nowhere/b.png"), "--figure is nowhere/b.png, and there is no folder nowhere"),
    ],
)
def test_what_has_no_best_is_one_sentence(cli, bare, monkeypatch, tmp_path, arguments, words):
    monkeypatch.chdir(tmp_path)
    code, out, err = cli("best", bare, *arguments)
    assert (code, out) == (2, "") and err.startswith("humangrade: ") and err.count("\n") == 1
    assert words in err


def test_studies_that_cannot_be_judged(cli, tmp_path):
    items, _, scores = checkpoints()
    kept = items[items["checkpoint"].isin([300, 600])]
    scores = scores[scores["item"].isin(kept["item"]) & (scores["metric"] == "good")]
    gate, best = ("--candidate", "600", "--against", "300"), ()

    def refused(name, table, given, words, which=("gate", "best")):
        (tmp_path / name).mkdir()
        folder = write_study(tmp_path / name, table, None, given)
        for command, options in (("gate", gate), ("best", best)):
            if command in which:
                code, out, err = cli(command, folder, *options)
                assert (code, out, err.count("\n")) == (2, "", 1) and words in err, err

    refused("prompts", kept.drop(columns="prompt"), scores, "humangrade track STUDY RUN_DIR --prompts FILE, or add")
    refused(
        "neither", kept.drop(columns=["prompt", "seed"]), scores, "without a fixed seed each step has another noise"
    )
    refused("seeds", kept.drop(columns="seed"), scores, "It is not known with which seed each image of lora/")
    refused(
        "scores",
        kept,
        None,
        "Neither scores nor ratings are there of lora/600 and lora/300; run humangrade score",
        ["gate"],
    )
    refused("none", kept, None, "Say by which metric (--metric); the study has scores by none yet.", ["best"])
    one = kept[kept["checkpoint"] == 300]
    refused("one", one, scores[scores["item"].isin(one["item"])], "no checkpoint '600'; the checkpoint", ["gate"])
    refused(
        "alone", one, scores[scores["item"].isin(one["item"])], "lora/300 is the only checkpoint of its run", ["best"]
    )
    few = kept[kept["prompt"].isin([f"prompt {k}" for k in range(4)])]
    refused("few", few, scores[scores["item"].isin(few["item"])], "share 4 prompts with values by good", ["best"])
    for command, options in (("gate", gate), ("best", best)):
        code, out, err = cli(command, tmp_path, *options)
        assert (code, out) == (2, "") and "holds no study (study.yaml is missing)" in err


def test_base_alone_and_several_runs(cli, tmp_path):
    """One checkpoint and its base: the base is the previous one and the best other one; two runs are told apart."""
    items, _, scores = checkpoints()
    kept = items[items["checkpoint"].isin([300, 2100])].copy()
    kept["kind"] = kept["checkpoint"].map({2100: "base", 300: ""})
    kept["model"] = kept["checkpoint"].map({2100: "base", 300: "lora"})
    kept["checkpoint"] = kept["checkpoint"].map({2100: "0", 300: "300"})
    scores = scores[scores["item"].isin(kept["item"]) & (scores["metric"] == "good")]
    folder = write_study(tmp_path, kept, None, scores)
    for against in ("best", "previous", "base"):
        code, out, _ = cli("gate", folder, "--candidate", "lora", "--against", against)
        assert code == 1 and last_line(out) == "worse lora/300 is worse than base/0 by good."
    code, _, err = cli("gate", folder, "--candidate", "base", "--against", "best")
    assert code == 2 and "base/0 is what the others were trained from; name the checkpoint to compare it with." in err
    (tmp_path / "two").mkdir()
    two = items[items["checkpoint"].isin([300, 600])]
    both = pd.concat([two, two.assign(model="ben", item="ben/" + two["item"], image="ben/" + two["image"])])
    folder = write_study(tmp_path / "two", both)
    code, _, err = cli("best", folder)
    assert code == 2 and "The study has 2 runs: ben and lora; say which with --run." in err
    code, _, err = cli("gate", folder, "--candidate", "300", "--against", "previous")
    assert code == 2 and "There are 2 checkpoints '300': ben/300 and lora/300; name one." in err


def test_a_baseline_has_a_name(cli, rated, tmp_path):
    shutil.copytree(rated.parent, tmp_path / "copy")
    folder = tmp_path / "copy" / "study"
    cli("gate", folder, "--candidate", "300", "--against", BEST, "--metric", "good")
    with closing(open_study(folder)) as opened:
        opened.store.runs.set_baseline("production", f"lora/{BEST}")
    code, out, _ = cli("gate", folder, "--candidate", "300", "--against", "production", "--metric", "good")
    assert code == 1 and last_line(out) == "worse lora/300 is worse than lora/2100 by good."
    result = json.loads(_text(_gate_runs(folder).iloc[-1]["settings"]))
    assert result["against"] == "production"


def _text(value) -> str:
    return value if isinstance(value, str) else json.dumps(value)
