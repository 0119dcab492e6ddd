import io
import json
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from calibration.pipeline import calibrate_tables
from calibration.report.csv_tables import (
    agreement_rows,
    evaluator_rows,
    fold_rows,
    metric_rows,
    model_order_rows,
)
from calibration.report.schema.document import Report
from calibration.report_folder import write_report
from calibration.settings import Settings
from calibration.tables.writing import csv_text
from metrics.errors import InputError
from metrics.text import spelled
from study.cli.report_summary import print_summary
from tests.calibration.golden.studies import STUDIES, whole

RATINGS = pd.DataFrame(
    {"item": list("abcabcabc"), "evaluator": list("xxxyyyzzz"), "rating": [1, 3, 5, 2, 3, 4, 1, 4, 5]}
)
SCORES = pd.DataFrame({"item": list("abc"), "ssim": [0.1, 0.5, 0.9], "[b]flat[/]": [7, 7, 7]})


@pytest.fixture(scope="module")
def calibration():
    return calibrate_tables(RATINGS, SCORES)


def test_files_that_say_the_same(calibration, tmp_path):
    paths = write_report(calibration, tmp_path / "new" / "report")
    names = ["report.html", "report.json", "evaluators.csv", "metrics.csv", "folds.csv", "comparison.csv"]
    names += ["agreement.csv", "model_order.csv", "predictor.json"]
    assert [path.name for path in paths[:9]] == names
    assert all(path.name.startswith("figure_") for path in paths[9:]) and len(paths) == 16
    report = json.loads(paths[1].read_text(), parse_constant=lambda name: pytest.fail(f"{name} in the JSON"))
    assert report == calibration.report
    evaluators, metrics, folds = (pd.read_csv(path) for path in paths[2:5])
    task = report["tasks"]["rating"]
    assert evaluators["grade_k1"].tolist() == [entry["grade"]["1"] for entry in task["evaluators"].values()]
    for name in ("strictness", "grade_without_strictness"):
        assert evaluators[name].tolist() == [entry[name] for entry in task["evaluators"].values()]
    assert metrics["sorts"].tolist() == [entry["verdict"]["sorts"]["answer"] for entry in task["metrics"].values()]
    assert set(metrics["metric"]) == {"ssim", "[b]flat[/]"}
    assert len(folds) == 6
    ssim = metrics.set_index("metric").loc["ssim"]
    assert ssim["skill"] == task["metrics"]["ssim"]["cross_validation"]["skill"]
    assert ssim["threshold_1"] == task["metrics"]["ssim"]["buckets"]["thresholds"][0]
    assert "nan" not in paths[3].read_text().lower()


def test_rows_of_a_report_without_metrics():
    report = calibrate_tables(RATINGS).model
    assert len(evaluator_rows(report)) == 3
    for frame in (metric_rows(report), fold_rows(report), model_order_rows(report)):
        assert frame.empty
        assert "metric" in frame.columns


def by_statistic(task):
    """What report.json says of each figure of agreement."""
    agreement, people = task["agreement"], task["reliability_of_people"]
    return {
        **agreement["krippendorff_alpha"],
        **(agreement["icc"] or dict.fromkeys(f"icc{form}" for form in ("1", "2", "3", "1k", "2k", "3k"))),
        "kendall_w": agreement["kendall_w"],
        **{name: people[name] for name in ("split_half", "spearman_brown", "correlation_ceiling")},
        **people["ceiling"],
    }


def read_back(frame):
    """The table as a program reads the CSV; an empty cell is None."""
    table = pd.read_csv(io.StringIO(csv_text(frame))).astype(object)
    return table.where(table.notna(), None).to_dict("records")


@pytest.mark.parametrize("name", STUDIES)
def test_agreement_as_a_table(name):
    report = whole(name)
    rows = read_back(agreement_rows(Report.model_validate(report)))
    assert [row["task"] for row in rows] == [task for task in report["tasks"] for _ in range(15)]
    for task_name, task in report["tasks"].items():
        own = {row["statistic"]: row for row in rows if row["task"] == task_name}
        assert {statistic: row["value"] for statistic, row in own.items()} == by_statistic(task)
        intervals = task["agreement"]["intervals"]["people_like_these"]
        for statistic, row in own.items():
            assert [row["low"], row["high"]] == intervals[statistic]
            assert row["people"] == ("people_like_these" if row["low"] is not None else None)
            assert (row["n"], row["evaluators"], row["ratings"]) == (
                task["n_items"],
                task["n_evaluators"],
                task["n_ratings"],
            )


def test_whose_interval_of_agreement_it_is():
    two, alone = RATINGS[RATINGS["evaluator"] != "z"], RATINGS[RATINGS["evaluator"] == "x"]
    report = calibrate_tables(two, settings=Settings(draws=20)).report
    (row, *_) = agreement_rows(Report.model_validate(report)).to_dict("records")
    assert row["people"] == "these"
    assert [row["low"], row["high"]] == report["tasks"]["rating"]["agreement"]["intervals"]["these"]["nominal"]
    without = agreement_rows(calibrate_tables(alone).model)
    assert without[["value", "low", "high", "people"]].isna().all(axis=None) and (without["n"] == 3).all()


@pytest.mark.parametrize(("name", "rows"), [("checkpoints", 2 * 3), ("tifa160", 3 * 5), ("strict", 0)])
def test_the_order_of_models_as_a_table(name, rows):
    report = whole(name)
    found = read_back(model_order_rows(Report.model_validate(report)))
    expected = [
        {
            "task": task_name,
            "metric": metric,
            "model": one["model"],
            "n": one["n"],
            "mean_rating": 1 + 4 * one["rating"],
            "rank_by_people": one["rank_by_people"],
            "mean_score": one["score"],
            "rank_by_metric": one["rank_by_metric"],
        }
        for task_name, task in report["tasks"].items()
        for metric, entry in task["metrics"].items()
        for one in (entry["models"] or {"models": []})["models"]
    ]
    assert found == expected and len(found) == rows


def test_nothing_is_left_where_it_cannot_be_written(calibration, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="cannot be written"):
        write_report(calibration, tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "mine"


def test_a_report_is_written_as_a_whole_or_not_at_all(calibration, tmp_path):
    write_report(calibration, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    (tmp_path / "metrics.csv").unlink()
    (tmp_path / "metrics.csv").mkdir()
    with pytest.raises(InputError, match=r"metrics\.csv cannot be written \(Is a directory\)"):
        write_report(calibrate_tables(RATINGS), tmp_path)
    (tmp_path / "metrics.csv").rmdir()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        name: content for name, content in before.items() if name != "metrics.csv"
    }


def test_the_summary_names_everything_and_reads_no_markup_from_names(calibration, tmp_path):
    out = io.StringIO()
    print_summary(
        calibration.report, [tmp_path / "report.html", tmp_path / "report.json"], Console(file=out, width=140)
    )
    text = out.getvalue()
    assert "[b]flat[/]" in text
    assert "SSIM" in text
    assert "Only 3 items were rated" in text
    assert str(tmp_path / "report.html") in text
    assert "nan" not in text.lower().replace("nan-", "")


def test_long_names_are_told_apart_in_a_narrow_terminal():
    names = ["clip_score_vit_b32", "clip_score_vit_l14"]
    out = io.StringIO()
    report = calibrate_tables(RATINGS, SCORES.assign(**{name: [1, 2, 3] for name in names})).report
    print_summary(report, [Path("report.html")], Console(file=out, width=80))
    table = out.getvalue().split("- ")[0]
    assert "…" not in table
    assert "b32" in table and "l14" in table


def test_numbers_in_words():
    assert [spelled(number) for number in (0, 1, 12, 13)] == ["no", "one", "twelve", "13"]
