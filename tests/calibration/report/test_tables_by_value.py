"""Every column of every CSV table, read back and held against the place in report.json where its value stands."""

import csv
import json

import pandas as pd
import pytest

from calibration.pipeline import calibrate_tables
from calibration.report_folder import write_report
from calibration.settings import Settings
from tests.calibration.simulated_studies import study

KINDS = ("these", "people_like_these")
EVALUATORS = {name: name for name in ("n", "n_shared", "weight", "mean", "std")} | {
    "grade_k1": "grade.1",
    "grade_k2": "grade.2",
    "strictness": "strictness",
    "strictness_low": "strictness_interval.0",
    "strictness_high": "strictness_interval.1",
    "grade_without_strictness": "grade_without_strictness",
}
THRESHOLDS = {f"threshold_{number}": f"thresholds.{number - 1}" for number in range(1, 5)}
METRICS = (
    {name: name for name in ("direction", "n_items", "pearson", "spearman", "spearman_p", "kendall")}
    | {column: f"buckets.{path}" for column, path in THRESHOLDS.items()}
    | {
        "loss": "buckets.loss",
        "grade_against_mean": "buckets.grade",
        "constant_level": "constant.level",
        "constant_grade_against_mean": "constant.grade",
        "rater_equivalents": "rater_equivalents",
        "disattenuated": "disattenuated",
        "weighted_kappa": "kappa.metric",
        "random_p": "baselines.random_p",
        "unseen_grade": "unseen.unseen_grade",
        "optimism": "unseen.optimism",
        "unseen_skill": "unseen.unseen_skill",
    }
    | {
        f"{name}_{end}_{kind}": f"intervals.{kind}.{name}.{place}"
        for kind in KINDS
        for name in ("spearman", "grade", "skill", "person_skill", "advantage", "rater_equivalents")
        for place, end in enumerate(("low", "high"))
    }
    | {
        name: f"cross_validation.{name}"
        for name in ("grade_mean", "grade_std", "constant_mean", "person_mean", "skill", "person_skill")
    }
    | {f"sorting_{name}": f"sorting.{name}" for name in ("metric", "person", "difference")}
    | {
        "sorting_difference_low": "sorting.WHOSE.difference.0",
        "sorting_difference_high": "sorting.WHOSE.difference.1",
    }
    | {f"{name}_without_strictness": f"without_strictness.{name}" for name in ("grade", "skill", "person_skill")}
    | {"sorts": "verdict.sorts.answer", "predicts": "verdict.predicts.answer", "verdict": "verdict.sentence"}
)
FOLDS = {name: name for name in ("n_ratings", "train_loss", "grade", "constant_grade", "person_grade")} | THRESHOLDS
PAIRS = {name: name for name in ("first", "second", "n", "difference", "p", "p_holm", "p_by", "williams_p")} | {
    f"p1401_{test}_p": f"p1401.{test}" for test in ("plcc", "rmse", "outlier_ratio")
}
SETS = ("set", "metric", "score", "n", "low", "high", "signature", "note")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The folder of a report on two tasks: one of five evaluators, one of two, of whom nothing follows for others."""
    first, second = study("twins", 1), study("pair", 3)
    tables = [first.ratings, second.ratings.assign(task="feel")]
    sets = pd.DataFrame(
        [("m0", "fid", 12.5, 40, None, 14.5, "a|b", ""), ("m1", "kid", 0.25, 41, 0.125, 0.375, "", "few")],
        columns=list(SETS),
    )
    scores = pd.concat([first.scores, second.scores.assign(metric="other")]).drop_duplicates(["item", "metric"])
    calibration = calibrate_tables(pd.concat(tables), scores, first.items, Settings(draws=40), set_scores=sets)
    folder = tmp_path_factory.mktemp("written") / "report"
    write_report(calibration, folder)
    return folder, json.loads((folder / "report.json").read_text())


def rows_of(folder, name):
    with (folder / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def at(value, path):
    """What stands there, None where something on the way is null."""
    for part in path.split("."):
        if value is None:
            return None
        value = value.get(part) if isinstance(value, dict) else value[int(part)]
    return value


def check(rows, expected, columns, filled=()):
    """Cell by cell; a column is empty everywhere only where it is said to be."""
    assert rows and len(rows) == len(expected)
    assert all(list(row) == columns for row in rows)
    for row, given in zip(rows, expected, strict=True):
        for column in columns:
            cell, value = row[column], given[column]
            if value is None:
                assert cell == "", (column, cell)
            elif isinstance(value, float):
                assert float(cell) == value, (column, cell, value)
            else:
                assert cell == str(value), (column, cell, value)
    assert {column for column in columns if not any(row[column] for row in rows)} <= set(filled)


def test_evaluators(written):
    folder, report = written
    expected = [
        {"task": task, "evaluator": name} | {column: at(entry, path) for column, path in EVALUATORS.items()}
        for task, content in report["tasks"].items()
        for name, entry in content["evaluators"].items()
    ]
    assert len({row["n"] for row in expected}) > 1 and len(report["tasks"]) == 2
    check(rows_of(folder, "evaluators.csv"), expected, ["task", "evaluator", *EVALUATORS])


def metrics(report):
    for task, content in report["tasks"].items():
        for name, entry in content["metrics"].items():
            yield task, name, entry


def test_metrics(written):
    folder, report = written
    expected = []
    for task, name, entry in metrics(report):
        whose = KINDS[1] if entry["sorting"] and entry["sorting"][KINDS[1]] else KINDS[0]
        found = {column: at(entry, path.replace("WHOSE", whose)) for column, path in METRICS.items()}
        expected.append({"task": task, "metric": name} | found)
    rows = rows_of(folder, "metrics.csv")
    check(rows, expected, ["task", "metric", *METRICS])
    # no two columns of figures say the same, or one in the other's place would not be seen
    columns = {column: tuple(row[column] for row in rows) for column in METRICS}
    named = {}
    for column, cells in columns.items():
        named.setdefault(cells, []).append(column)
    alike = [names for names in named.values() if len(names) > 1]
    assert all(set(names) <= {f"threshold_{number}" for number in range(1, 5)} for names in alike), alike


def test_folds(written):
    folder, report = written
    expected = [
        {"task": task, "metric": name, "held_out": fold["held_out"]}
        | {column: at(fold, path) for column, path in FOLDS.items()}
        for task, name, entry in metrics(report)
        for fold in entry["cross_validation"]["folds"]
    ]
    check(rows_of(folder, "folds.csv"), expected, ["task", "metric", "held_out", *FOLDS])


def test_comparison(written):
    folder, report = written
    expected = [
        {"task": task} | {column: at(pair, path) for column, path in PAIRS.items()}
        for task, content in report["tasks"].items()
        for pair in (content["comparison"] or {"pairs": []})["pairs"]
    ]
    check(rows_of(folder, "comparison.csv"), expected, ["task", *PAIRS])


def test_sets_of_images(written):
    folder, report = written
    assert [row["low"] for row in report["set_scores"]] == [None, 0.125]
    columns = [*SETS, "title", "guides_say"]
    expected = [
        {column: None if row[column] == "" else row[column] for column in columns} for row in report["set_scores"]
    ]
    check(rows_of(folder, "set_scores.csv"), expected, columns)
    assert [(row["title"], row["guides_say"]) for row in expected] == [("FID", "good"), ("KID", None)]


def test_the_figures_grades_confusion_and_thresholds(written):
    folder, report = written
    tasks = report["tasks"]
    grades = rows_of(folder, "figure_grades_against_person.csv")
    by_title = {(task, entry["title"]): entry["cross_validation"] for task, _, entry in metrics(report)}
    of_metrics = [row for row in grades if row["kind"] == "metric"]
    assert {(row["task"], row["name"]) for row in of_metrics} == set(by_title)
    for row in of_metrics:
        found = by_title[row["task"], row["name"]]
        assert (float(row["grade"]), float(row["constant_grade"])) == (found["grade_mean"], found["constant_mean"])
        assert float(row["skill"]) == pytest.approx(found["skill"], abs=1e-12)
    for row in grades:
        if row["kind"] == "fold":
            folds = by_title[row["task"], row["name"]]["folds"]
            assert float(row["grade"]) == {fold["held_out"]: fold["grade"] for fold in folds}[row["held_out"]]
    for row in rows_of(folder, "figure_grades_against_mean.csv"):
        entries = {entry["title"]: entry for entry in tasks[row["task"]]["metrics"].values()}
        person = tasks[row["task"]]["evaluators"].get(row["name"])
        entry = entries.get(row["name"])
        assert float(row["grade"]) == (entry["buckets"]["grade"] if entry else person["grade"]["1"])
    confusion = rows_of(folder, "figure_confusion.csv")
    for row in confusion:
        counts = tasks[row["task"]]["metrics"][row["metric"]]["cross_validation"]["confusion"][int(row["level"]) - 1]
        assert int(row["count"]) == counts[int(row["rating"]) - 1]
        assert (
            row["share_of_level"] == ""
            if not sum(counts)
            else float(row["share_of_level"]) == pytest.approx(int(row["count"]) / sum(counts))
        )
    assert len(confusion) == 25 * len(by_title)
    thresholds = rows_of(folder, "figure_thresholds.csv")
    for row in thresholds:
        entry = tasks[row["task"]]["metrics"][row["metric"]]
        fits = {fold["held_out"]: fold["thresholds"] for fold in entry["cross_validation"]["folds"]}
        fits[""] = entry["buckets"]["thresholds"]
        assert float(row["threshold"]) == fits[row["held_out"]][int(row["boundary"][0]) - 1]
    assert len({(row["metric"], row["held_out"]) for row in thresholds}) > len(by_title)


def test_the_figures_points(written):
    """Their mean rating, number of ratings and level, by hand from the study's tables."""
    folder, report = written
    made = study("twins", 1)
    wide = made.ratings.pivot(index="item", columns="evaluator", values="rating")
    scores = made.scores.set_index(["item", "metric"])["score"]
    points = [row for row in rows_of(folder, "figure_scores.csv") if row["task"] == "look" and row["metric"] != "other"]
    assert len(points) > 50
    for row in points:
        assert float(row["score"]) == scores[row["item"], row["metric"]]
        assert int(row["n_ratings"]) == wide.loc[row["item"]].notna().sum()
        assert float(row["mean_rating"]) == pytest.approx(wide.loc[row["item"]].mean())
        entry = report["tasks"]["look"]["metrics"][row["metric"]]
        above = [
            float(row["score"]) > each if entry["direction"] == "higher" else float(row["score"]) < each
            for each in entry["buckets"]["thresholds"]
        ]
        assert int(row["level"]) == 1 + sum(above)
    known = {(row["task"], row["metric"], row["item"]): row for row in rows_of(folder, "figure_scores.csv")}
    worst = rows_of(folder, "figure_disagreements.csv")
    assert {row["side"] for row in worst} == {"too high", "too low"}
    for row in worst:
        point = known[row["task"], row["metric"], row["item"]]
        names = ("score", "level", "mean_rating", "n_ratings")
        assert [float(row[name]) for name in names] == [float(point[name]) for name in names]
        apart = float(row["level"]) - float(row["mean_rating"])
        assert (apart > 0) == (row["side"] == "too high")


def test_the_figures_reliability(written):
    folder, report = written
    bins = {name: name for name in ("predicted", "observed")} | {"low": "interval.0", "high": "interval.1", "n": "n"}
    expected = [
        {"task": task, "metric": name} | {column: at(one, path) for column, path in bins.items()}
        for task, name, entry in metrics(report)
        for one in (entry["reliability"] or {"bins": []})["bins"]
        if one["predicted"] is not None and one["observed"] is not None
    ]
    check(rows_of(folder, "figure_reliability.csv"), expected, ["task", "metric", *bins])
