"""humangrade plan: from stated values, from a pilot's files or study, and mistakes in one sentence."""

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from calibration.planning.study import PlannedStudy
from metrics.errors import InputError
from study.cli.plan import plan
from study.folder.importing import import_tables
from tests.calibration.planning.conftest import no_quick_plans_are_left, quick_plans  # noqa: F401
from tests.calibration.planning.test_pilot import tables

pytestmark = pytest.mark.usefixtures("quick_plans")

app = typer.Typer()
app.command()(plan)


@pytest.fixture
def cli(monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")

    def run(*arguments):
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, (InputError, SystemExit)):
            raise result.exception
        return result

    return run


@pytest.fixture
def pilot(tmp_path):
    ratings, scores = tables(PlannedStudy(0.5, (0.7, 0.4), between=0.5), images=300)
    ratings.to_csv(tmp_path / "ratings.csv", index=False)
    scores.to_csv(tmp_path / "scores.csv", index=False)
    return ["--ratings", tmp_path / "ratings.csv", "--scores", tmp_path / "scores.csv"]


def test_stated_values_give_tables_and_a_plain_sentence(cli):
    out = cli("--icc", ".5", "--correlations", ".55,.45", "--between", ".55", "--statistic", "pearson").output
    assert "With five evaluators you need about 630 images to tell .55 from .45 with power .8." in out
    assert "Williams' test, two-sided at 5 %." in out
    assert "Assumed: intraclass correlation of one rating .5; ratings 1 to 5 in 7 24 38 24 7 %" in out
    row = next(line for line in out.splitlines() if " 2,560 " in line)
    assert row.split()[:4] == ["5", "512", "2,560", ".714"] and len(row.rstrip()) <= 80
    assert "evaluators  images  ratings  power" in out and "evaluators equally reliable, and equally strict" in out
    assert "the width of 95 % intervals, for these evaluators / for people like these" in out


def test_the_folder_holds_the_tables_and_the_figure_in_the_same_bytes(cli, tmp_path):
    files = {}
    for name in ("a", "b"):
        out = cli("--icc", ".5", "--correlations", ".3", "--evaluators", "1,5", "--out", tmp_path / name).output
        assert "Written: " in out and "──" not in out
        files[name] = {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
    assert set(files["a"]) == {"plan.csv", "needed.csv", "plan.svg"} and files["a"] == files["b"]
    grid, needed = (pd.read_csv(tmp_path / "a" / name) for name in ("plan.csv", "needed.csv"))
    assert grid["images"].tolist() == [128, 256, 512, 1024] * 2 and grid["power"].between(0, 1).all()
    assert needed["evaluators"].tolist() == [1, 5] and np.isnan(needed["width_icc"][0])


def test_a_pilot_is_read_and_what_is_stated_takes_its_place(cli, pilot):
    out = cli(*pilot).output
    assert "The pilot: 300 images, 5 evaluators." in out and "to tell m0 (" in out and "from m1 (" in out
    assert "evaluators as reliable and as strict as the pilot's" in out
    out = cli(*pilot, "--correlations", ".5,.4", "--icc", ".3").output
    assert "evaluators equally reliable" in out
    assert "one rating .3;" in out and "true score .5 and .4; between the metrics .2," in out
    assert "from .4 with power" in out
    assert "from no correlation" in cli(*pilot, "--metrics", "m1").output
    assert "of one rating" in cli(*pilot[:2]).output


def test_a_study_is_a_pilot(cli, make_study):
    study = make_study(images=24, references=0, tasks=["aesthetic"])
    folder = study.folder
    assert "is no pilot" in str(cli(folder).exception)
    items = study.items["item"].tolist()
    rows = [
        (item, name, "aesthetic", 1 + (at + (at % 6 == 0) * late) % 5)
        for late, name in enumerate(("ann", "bob"))
        for at, item in enumerate(items)
    ]
    ratings = pd.DataFrame(rows, columns=["item", "evaluator", "task", "rating"])
    scores = pd.DataFrame({"item": items, "m": [float(at % 5 + at % 2) for at in range(24)]})
    import_tables(study, ratings, scores)
    study.close()
    out = cli(folder, "--evaluators", "4").output
    assert "The pilot: 24 images, 2 evaluators." in out and "to tell m (" in out
    assert "were both given" in str(cli(folder, "--map", "a=b").exception)


def test_alike_images_are_a_design_effect(cli):
    assert "variances times 1.80" in cli("--icc", ".5", "--clusters", "5,.2").output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "state --icc"),
        (["--icc", "1"], "intraclass correlation is 1"),
        (["--icc", ".5", "--correlations", ".5,.5"], "no difference to detect"),
        (["--icc", ".5", "--correlations", ".9,.1", "--between", ".9"], "must lie between"),
        (["--icc", ".5", "--correlations", "high"], "'high', which is no number"),
        (["--icc", ".5", "--correlations", ","], "--correlations is empty"),
        (["--icc", ".5", "--levels", ".5,.5"], "five numbers"),
        (["--icc", ".5", "--evaluators", "3,2.5"], "'2.5', which is no whole number"),
        (["--icc", ".5", "--images", ",".join(map(str, range(10, 40)))], "at most 20"),
        (["--icc", ".5", "--images", "5"], "5 images make no study"),
        (["--icc", ".5", "--clusters", "5"], "--clusters is 5"),
        (["--icc", ".5", "--correlations", ".3", "--power", "1"], "power is 1"),
        (["--icc", ".5", "--width", "0"], "width is 0"),
        (["--icc", ".5", "--out", " "], "--out is empty"),
        (["--icc", ".5", "--metrics", "a"], "--metrics names metrics of a pilot"),
        (["--icc", ".5", "--metrics", "a", "--correlations", ".5"], "were both given"),
        (["--scores", "s.csv"], "needs --ratings"),
        (["nowhere"], "holds no study"),
        (["nowhere", "--ratings", "r.csv"], "were both given"),
        (["--ratings", "missing.csv"], "missing.csv"),
    ],
)
def test_mistakes_are_said_in_one_sentence(cli, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    error = cli(*arguments).exception
    assert isinstance(error, InputError)
    said = error.for_command_line()
    assert words in said and "\n" not in said
