"""Writing a calibration to a folder: report.json, report.html and CSV tables."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from calibration.page.figure_tables import figure_tables
from calibration.page.html import render_html
from calibration.prediction import predictor_file
from calibration.report import Calibration
from calibration.tables_out import csv_text
from metrics.files import write_together


def write_report(calibration: Calibration, out: str | Path) -> list[Path]:
    """Write the report's files, all or none; the page is replaced last.

    Parameters
    ----------
    calibration : Calibration
        What `calibration.report.calibrate` gave.
    out : str or Path
        The folder; it is made where it is missing, and files of these names in it are replaced.

    Returns
    -------
    list of Path
        The HTML page first, then report.json and the tables.

    Raises
    ------
    InputError
        Where the folder cannot be written.
    """
    out = Path(out)
    contents: dict[str, str | None] = {
        "report.html": render_html(calibration, calibration.images),
        "report.json": json.dumps(calibration.report, indent=2, ensure_ascii=False, allow_nan=False) + "\n",
        "evaluators.csv": csv_text(evaluator_rows(calibration.report)),
        "metrics.csv": csv_text(metric_rows(calibration.report)),
        "folds.csv": csv_text(fold_rows(calibration.report)),
        "comparison.csv": csv_text(comparison_rows(calibration.report)),
    }
    verdicts = {
        name: {
            metric: {part: entry["verdict"][part] for part in ("kind", "sentence")}
            for metric, entry in task["metrics"].items()
        }
        for name, task in calibration.report["tasks"].items()
    }
    document = predictor_file.predictors_document(calibration.predictors, verdicts)
    contents[predictor_file.NAME] = predictor_file.json_text(document)
    contents |= {name: csv_text(table) for name, table in figure_tables(calibration).items()}
    sets = calibration.report["set_scores"]
    contents["set_scores.csv"] = csv_text(pd.DataFrame(sets)) if sets else None  # of an earlier report, it goes
    return write_together({out / name: content for name, content in reversed(contents.items())})[::-1]


def evaluator_rows(report: dict[str, Any]) -> pd.DataFrame:
    """A row for each task and evaluator: n, weight, mean, std (unit scale), the grade for each k, and strictness."""
    columns = ["task", "evaluator", "n", "n_shared", "weight", "mean", "std"]
    rows = [
        {
            "task": task,
            "evaluator": evaluator,
            **{name: entry[name] for name in columns[2:]},
            **{f"grade_k{k}": grade for k, grade in entry["grade"].items()},
            **_strictness(entry),
        }
        for task, content in report["tasks"].items()
        for evaluator, entry in content["evaluators"].items()
    ]
    return pd.DataFrame(rows, columns=None if rows else columns)


def metric_rows(report: dict[str, Any]) -> pd.DataFrame:
    """A row for each task and metric: correlations, the mapping, the cross-validated grades, skill and verdict."""
    columns = ["task", "metric", "direction", "n_items", "pearson", "spearman", "spearman_p", "kendall"]
    rows = []
    for task, metric, entry in _metrics(report):
        validation = entry["cross_validation"]
        rows.append(
            {
                **dict(zip(columns, [task, metric, *(entry[name] for name in columns[2:])], strict=True)),
                **_thresholds(entry["buckets"]["thresholds"]),
                "loss": entry["buckets"]["loss"],
                "grade_against_mean": entry["buckets"]["grade"],
                "constant_level": entry["constant"]["level"],
                "constant_grade_against_mean": entry["constant"]["grade"],
                "rater_equivalents": entry["rater_equivalents"],
                "disattenuated": entry["disattenuated"],
                "weighted_kappa": entry["kappa"]["metric"],
                "random_p": (entry["baselines"] or {}).get("random_p"),
                **{name: (entry["unseen"] or {}).get(name) for name in ("unseen_grade", "optimism", "unseen_skill")},
                **_limits(entry["intervals"]),
                **{
                    name: validation[name]
                    for name in ("grade_mean", "grade_std", "constant_mean", "person_mean", "skill", "person_skill")
                },
                **_sorting(entry["sorting"]),
                **{
                    f"{name}_without_strictness": (entry["without_strictness"] or {}).get(name)
                    for name in ("grade", "skill", "person_skill")
                },
                "sorts": entry["verdict"]["sorts"]["answer"],
                "predicts": entry["verdict"]["predicts"]["answer"],
                "verdict": entry["verdict"]["sentence"],
            }
        )
    return pd.DataFrame(rows, columns=None if rows else columns)


def fold_rows(report: dict[str, Any]) -> pd.DataFrame:
    """A row for each task, metric and held-out evaluator."""
    columns = ["task", "metric", "held_out", "n_ratings", "train_loss", "grade", "constant_grade", "person_grade"]
    rows = []
    for task, metric, entry in _metrics(report):
        for fold in entry["cross_validation"]["folds"]:
            rows.append(
                {"task": task, "metric": metric, **{name: fold[name] for name in columns[2:]}}
                | _thresholds(fold["thresholds"])
            )
    return pd.DataFrame(rows, columns=None if rows else columns)


def comparison_rows(report: dict[str, Any]) -> pd.DataFrame:
    """A row for each task and two metrics: the difference of their correlations with people, and p-values."""
    columns = ["first", "second", "n", "difference", "p", "p_holm", "p_by", "williams_p"]
    tests = ["plcc", "rmse", "outlier_ratio"]
    rows = [
        {"task": task, **pair} | {f"p1401_{test}_p": (pair["p1401"] or {}).get(test) for test in tests}
        for task, content in report["tasks"].items()
        for pair in (content["comparison"] or {"pairs": []})["pairs"]
    ]
    return pd.DataFrame(rows, columns=["task", *columns, *(f"p1401_{test}_p" for test in tests)])


def _metrics(report: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (task, metric, entry)
        for task, content in report["tasks"].items()
        for metric, entry in content["metrics"].items()
    ]


def _limits(intervals: dict[str, Any] | None) -> dict[str, float | None]:
    """The limits of every interval, for these evaluators and for people like these."""
    found: dict[str, float | None] = {}
    for kind in ("these", "people_like_these"):
        of_kind = (intervals or {}).get(kind) or {}
        for name in ("spearman", "grade", "skill", "person_skill", "advantage", "rater_equivalents"):
            low, high = of_kind.get(name) or (None, None)
            found |= {f"{name}_low_{kind}": low, f"{name}_high_{kind}": high}
    return found


def _sorting(found: dict[str, Any] | None) -> dict[str, float | None]:
    """Metric and person as sorters of images, and the interval of the difference on which the verdict rests."""
    intervals = (found or {}).get("people_like_these") or (found or {}).get("these") or {}
    low, high = intervals.get("difference") or (None, None)
    figures = {f"sorting_{name}": (found or {}).get(name) for name in ("metric", "person", "difference")}
    return figures | {"sorting_difference_low": low, "sorting_difference_high": high}


def _strictness(entry: dict[str, Any]) -> dict[str, float | None]:
    """An evaluator's strictness with its interval, on the unit scale, and the grade without it; empty for one alone."""
    low, high = entry.get("strictness_interval") or (None, None)
    return {
        "strictness": entry.get("strictness"),
        "strictness_low": low,
        "strictness_high": high,
        "grade_without_strictness": entry.get("grade_without_strictness"),
    }


def _thresholds(values: list[float | None]) -> dict[str, float | None]:
    return {f"threshold_{number}": value for number, value in enumerate(values, 1)}
