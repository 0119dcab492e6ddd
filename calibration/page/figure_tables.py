"""The numbers behind every figure of the report, as tables for CSV files."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from calibration.page.figures import fitted_folds, known_thresholds, reliability_bins, score_range, separates
from calibration.page.gallery import disagreements
from calibration.page.grade_figures import GradeRow, reference_metric, rows_against_mean, rows_against_person
from calibration.report.anonymous import fewest_ratings
from calibration.report.build import Calibration
from calibration.report.schema.document import Metric, Report


def figure_tables(calibration: Calibration) -> dict[str, pd.DataFrame]:
    """What the report's figures draw, a table a kind of figure.

    Parameters
    ----------
    calibration : Calibration
        What `calibration.report.build.calibrate` gave.

    Returns
    -------
    dict of str to DataFrame
        By file name; a table without rows keeps its columns:

        - ``figure_grades_against_person.csv``: task, name, kind (person, simulated, average, metric, fold,
          constant),
          held_out (of a fold), grade, constant_grade, skill;
        - ``figure_grades_against_mean.csv``: the same without folds;
        - ``figure_scores.csv``: task, metric, item, score, mean_rating, n_ratings, level: every item, drawn or not
          (for evaluators, those whose mean does not tell one what the other answered);
        - ``figure_confusion.csv``: task, metric, level, rating, count, share_of_level;
        - ``figure_thresholds.csv``: task, metric, held_out (empty for the fit on everyone), boundary, threshold,
          within_scores;
        - ``figure_reliability.csv``: task, metric, predicted, observed, low, high, n;
        - ``figure_disagreements.csv``: task, metric, side, rank, item, score, level, mean_rating, n_ratings.

    Examples
    --------
    >>> from calibration.pipeline import calibrate_tables
    >>> ratings = pd.DataFrame({"item": list("abab"), "evaluator": list("xxyy"), "rating": [1, 5, 2, 5]})
    >>> scores = pd.DataFrame({"item": ["a", "b"], "ssim": [0.1, 0.9]})
    >>> figure_tables(calibrate_tables(ratings, scores))["figure_scores.csv"]["level"].tolist()
    [2, 5]
    """
    report = calibration.model
    grades = ["task", "name", "kind", "held_out", "grade", "constant_grade", "skill"]
    k = report.settings.k
    return {
        "figure_grades_against_person.csv": _table(_against_person(report), grades),
        "figure_grades_against_mean.csv": _table(
            ({"task": name} | _grade(row) for name, task in report.tasks.items() for row in rows_against_mean(task, k)),
            [name for name in grades if name != "held_out"],
        ),
        "figure_scores.csv": calibration.points[calibration.points["n_ratings"] >= fewest_ratings(report.for_raters)],
        "figure_confusion.csv": _table(
            _confusion(report), ["task", "metric", "level", "rating", "count", "share_of_level"]
        ),
        "figure_thresholds.csv": _table(
            _thresholds(report, calibration.points),
            ["task", "metric", "held_out", "boundary", "threshold", "within_scores"],
        ),
        "figure_reliability.csv": _table(
            (
                {"task": task, "metric": metric, **one._asdict()}
                for task, metric, entry in _metrics(report)
                for one in reliability_bins(entry)
            ),
            ["task", "metric", "predicted", "observed", "low", "high", "n"],
        ),
        "figure_disagreements.csv": _table(
            _disagreements(report, calibration.points),
            ["task", "metric", "side", "rank", "item", "score", "level", "mean_rating", "n_ratings"],
        ),
    }


def _against_person(report: Report) -> Iterator[dict[str, Any]]:
    for name, task in report.tasks.items():
        for row in rows_against_person(task):
            yield {"task": name} | _grade(row)
            for held_out, grade in row.folds:
                yield {"task": name, "name": row.name, "kind": "fold", "held_out": held_out, "grade": grade}
        if reference := reference_metric(task):
            constant = reference.cross_validation.constant_mean
            yield {"task": name, "kind": "constant", "grade": constant, "constant_grade": constant, "skill": 0.0}


def _grade(row: GradeRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "kind": row.kind,
        "grade": row.grade,
        "constant_grade": row.constant,
        "skill": row.skill,
    }


def _confusion(report: Report) -> Iterator[dict[str, Any]]:
    for task, metric, entry in _metrics(report):
        for level, counts in enumerate(entry.cross_validation.confusion, 1):
            total = sum(counts)
            for rating, count in enumerate(counts, 1):
                share = count / total if total else None
                cell = {"level": level, "rating": rating, "count": count, "share_of_level": share}
                yield {"task": task, "metric": metric, **cell}


def _thresholds(report: Report, drawn: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for task, metric, points in _drawn(report, drawn):
        entry = report.tasks[task].metrics[metric]
        low, high = score_range(points)
        fits = [("", known_thresholds(entry.buckets))]
        fits += [(fold.held_out, known_thresholds(fold)) for fold in fitted_folds(entry)]
        for held_out, thresholds in fits:
            for place, value in enumerate(thresholds, 1):
                yield {
                    "task": task,
                    "metric": metric,
                    "held_out": held_out,
                    "boundary": f"{place}|{place + 1}",
                    "threshold": value,
                    "within_scores": separates(value, entry.direction, low, high),
                }


def _disagreements(report: Report, drawn: pd.DataFrame) -> Iterator[dict[str, Any]]:
    fewest, scale = fewest_ratings(report.for_raters), report.settings.scale.scale()
    for task, metric, points in _drawn(report, drawn):
        for side, found in zip(
            ("too high", "too low"),
            disagreements(points, fewest=fewest, scale=scale),
            strict=True,
        ):
            for rank, one in enumerate(found, 1):
                yield {"task": task, "metric": metric, "side": side, "rank": rank, **vars(one)}


def _metrics(report: Report) -> Iterator[tuple[str, str, Metric]]:
    for task, content in report.tasks.items():
        for metric, entry in content.metrics.items():
            yield task, metric, entry


def _drawn(report: Report, drawn: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """The points of every task and metric that has any, in the report's order."""
    groups = dict(iter(drawn.groupby(["task", "metric"], sort=False)))
    for task, metric, _ in _metrics(report):
        if (task, metric) in groups:
            yield task, metric, groups[task, metric]


def _table(rows: Iterator[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=columns)
