"""A study on a scale of its own, from init to the report: tables and figures are in its numbers, without being told."""

import json
from contextlib import closing

import numpy as np
import pandas as pd
import pytest

from calibration.page.methods_text import methods_paragraph
from calibration.planning.pilot import pilot_of
from calibration.scale import Scale
from calibration.settings import Settings
from metrics.errors import InputError
from study.calibrating import calibrate_study
from study.folder.create import create_study
from study.folder.exporting import export_tables
from study.folder.importing import import_files
from study.folder.study import open_study
from tests.study.command import run_cli
from tests.study.samples import write_images

ITEMS = [f"{model}/{number}.png" for model in "ab" for number in range(15)]
EVALUATORS = ("ann", "bob", "cleo")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("own-scale") / "images", ITEMS)


@pytest.fixture
def make(images, tmp_path):
    """A function that makes a study on a scale, with the same answers at the same places of it, and scores."""
    made = []

    def make(scale, count=None):
        study = create_study(
            tmp_path / f"study-{len(made)}", images, tasks=["aesthetic"], evaluators=EVALUATORS, scale=scale
        )
        made.append(study)
        numbers = study.config.scale.numbers
        rng = np.random.default_rng(7)
        truth = rng.uniform(0, len(numbers) - 1, len(ITEMS))
        rows = [
            (item, who, "aesthetic", numbers[int(np.clip(np.rint(value + rng.normal(0, 0.7)), 0, len(numbers) - 1))])
            for item, value in zip(ITEMS, truth, strict=True)
            for who in EVALUATORS
        ]
        ratings, scores = tmp_path / "ratings.csv", tmp_path / "scores.csv"
        pd.DataFrame(rows, columns=["item", "evaluator", "task", "rating"]).to_csv(ratings, index=False)
        metric = truth + rng.normal(0, 1, len(truth))
        pd.DataFrame({"item": ITEMS, "metric": "m", "score": metric}).to_csv(scores, index=False)
        import_files(study, ratings, scores)
        return study

    yield make
    for study in made:
        study.close()


@pytest.fixture
def cli(monkeypatch, capsys):
    return lambda *arguments: run_cli(monkeypatch, capsys, *arguments)


def no_traceback(outcome, *words):
    code, _, err = outcome
    assert code == 2 and "Traceback" not in err and all(word in err for word in words), err


@pytest.mark.parametrize(
    ("scale", "words"),
    [
        (None, ["Bad", "Poor", "Fair", "Good", "Excellent"]),
        ("0-4", ["Bad", "Poor", "Fair", "Good", "Excellent"]),
        ("1-7", ["Bad", "2", "3", "Fair", "5", "6", "Excellent"]),
        ("0,0.5,1", ["Bad", "Fair", "Excellent"]),
        ("0-10", ["Bad", "1", "2", "3", "4", "Fair", "6", "7", "8", "9", "Excellent"]),
    ],
)
def test_init_writes_a_scale_and_its_words(cli, images, tmp_path, scale, words):
    given = [] if scale is None else ["--scale", scale]
    code, out, _ = cli("init", tmp_path / "study", "--images", images, "--evaluators", "ann", *given)
    assert code == 0 and ("called by their numbers" in out) == ("2" in words or "6" in words)
    with closing(open_study(tmp_path / "study")) as study:
        assert study.config.tasks["aesthetic"].levels == words
        assert study.config.scale == Scale.parse(scale or "1-5")
        assert [one.scale for one in study.store.wordings()] == [study.config.scale]


@pytest.mark.parametrize(("scale", "words"), [("0-100/5", "range that is cut"), ("0-11", "has 12"), ("x", "'x'")])
def test_init_refuses_what_no_page_can_ask(cli, images, tmp_path, scale, words):
    no_traceback(cli("init", tmp_path / "study", "--images", images, "--scale", scale), words)
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize(("scale", "cells"), [("0-4", set("01234")), ("0,0.5,1", {"0", "0.5", "1", "0.0", "1.0"})])
def test_tables_go_out_and_in_in_the_scales_numbers(make, images, tmp_path, scale, cells):
    study = make(scale)
    export_tables(study, tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "ratings.csv", dtype=str)
    assert set(table["rating"]) <= cells and set(table["rating"].astype(float)) == set(study.config.scale.values)
    wordings = pd.read_csv(tmp_path / "out" / "wordings.csv", dtype=str)
    assert wordings["scale"].tolist() == [",".join(study.config.scale.names)]
    with closing(create_study(tmp_path / "new", images, tasks=["aesthetic"], evaluators=1, scale=scale)) as fresh:
        import_files(fresh, tmp_path / "out" / "ratings.csv")
        columns = ["item", "evaluator", "rating"]
        assert fresh.store.ratings_table()[columns].equals(study.store.ratings_table()[columns])
    with closing(create_study(tmp_path / "other", images, tasks=["aesthetic"], evaluators=1, scale="1-3")) as other:
        with pytest.raises(InputError, match="is not a whole number from 1 to 3"):
            import_files(other, tmp_path / "out" / "ratings.csv")
        assert other.store.ratings_table().empty


def test_the_report_of_0_to_4_is_that_of_1_to_5_in_other_numbers(make):
    usual, shifted = (calibrate_study(make(scale), Settings(draws=20)).report for scale in (None, "0-4"))
    assert shifted["settings"]["scale"]["values"] == [0, 1, 2, 3, 4]
    for task in (usual["tasks"]["aesthetic"], shifted["tasks"]["aesthetic"]):
        assert task["n_ratings"] == 90
    of_usual, of_shifted = (one["tasks"]["aesthetic"]["metrics"]["m"] for one in (usual, shifted))
    assert of_usual["cross_validation"] == of_shifted["cross_validation"]
    assert of_usual["spearman"] == of_shifted["spearman"]


def test_the_methods_paragraph_names_levels_as_people_saw_them(make):
    text = methods_paragraph(calibrate_study(make("0-4"), Settings(draws=0)).model)
    assert "90 ratings from 0 (Bad) to 4 (Excellent) of 30 items" in text
    assert "answered with 0 (Bad), 1 (Poor), 2 (Fair), 3 (Good) or 4 (Excellent)" in text


def test_report_reads_the_scale_from_the_study(cli, make, tmp_path):
    folder = make("1-7").folder
    code, _, _ = cli("report", folder, "--out", tmp_path / "report", "--draws", "0")
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert code == 0 and report["settings"]["scale"]["values"] == [1, 2, 3, 4, 5, 6, 7]
    assert report["tasks"]["aesthetic"]["asked"]["levels"] == ["Bad", "2", "3", "Fair", "5", "6", "Excellent"]
    page = (tmp_path / "report" / "report.html").read_text()
    assert "90 ratings from 1 (Bad) to 7 (Excellent)" in page
    assert "answered with 1 (Bad), 2, 3, 4 (Fair), 5, 6 or 7 (Excellent)" in page
    scores = tmp_path / "new.csv"
    pd.DataFrame({"item": ["x"], "m": [5.0]}).to_csv(scores, index=False)
    code, _, _ = cli("predict", tmp_path / "report", "--metric", "m", "--scores", scores, "--out", tmp_path / "p.csv")
    predicted = pd.read_csv(tmp_path / "p.csv").iloc[0]
    assert code == 0 and 5 < predicted["mean"] <= 7 and 1 <= predicted["low"] <= predicted["high"] <= 7


class TestAPlan:
    def test_of_0_to_4_is_that_of_1_to_5(self, make):
        plans = []
        for scale in ("1-5", "0-4"):
            study = make(scale)
            tables = study.tables()
            found = pilot_of(tables["ratings"], tables["scores"], tables["items"], scale=study.config.scale)
            assert found.scale == study.config.scale
            plans.append(found.study)
        assert plans[0] == plans[1]

    def test_of_other_than_five_levels_is_refused(self, cli, make):
        folder = make("1-7").folder
        words = "The pilot's scale, 1 to 7, has 7 levels, and a plan reckons with 5", "State --icc instead"
        no_traceback(cli("plan", folder), *words)

    def test_names_its_scale(self, cli, make, tmp_path):
        folder = make("0-4").folder
        options = ("--images", "50", "--evaluators", "3", "--width", ".3")
        code, out, _ = cli("plan", folder, *options)
        assert code == 0 and "ratings 0 to 4 in " in out
        ratings = tmp_path / "ratings.csv"
        code, other, _ = cli(
            "plan", "--ratings", ratings, "--scores", tmp_path / "scores.csv", "--scale", "0-4", *options
        )
        assert (
            code == 0
            and out.split("Assumed", 1)[1].split("for images")[0] == other.split("Assumed", 1)[1].split("for images")[0]
        )
        no_traceback(cli("plan", "--ratings", ratings, *options), "is not a whole number from 1 to 5")
        no_traceback(cli("plan", folder, "--scale", "0-4"), "--scale and the study")
