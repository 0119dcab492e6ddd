"""The report as one HTML page that opens offline: verdicts first, then why.

The page is a template over the report's dictionary; style, script, plotly.js and the figures' data are inlined, and
its content security policy forbids the browser any request.
"""

import json
from pathlib import Path, PurePath, PureWindowsPath
from typing import Any

import pandas as pd

from calibration import explanations
from calibration.figure_style import Figure, is_simulated
from calibration.figures import (
    confusion_heatmap,
    fold_thresholds,
    sample,
    score_range,
    score_scatter,
)
from calibration.grade_figures import grades_against_mean, grades_against_person
from calibration.report import Calibration, natural_order
from calibration.score_digits import digits_for, score_text
from calibration.verdicts import LEAST_ITEMS
from metrics.bands import CAVEAT
from metrics.scoring import PROMPT

_TEMPLATES = Path(__file__).parent / "templates"

_KINDS = {
    "none": "no use",
    "below": "below people",
    "within": "among people",
    "stand-in": "stand-in",
    "unknown": "not judged",
}


def render_html(calibration: Calibration) -> str:
    """The report as one HTML document without any outside reference.

    Parameters
    ----------
    calibration : Calibration
        What `calibration.report.calibrate` gave.

    Returns
    -------
    str
        The page, about 5 MB, nearly all of it plotly.js.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["signed"] = explanations.number
    environment.filters["threshold"] = score_text
    environment.filters["thousands"] = "{:,}".format
    environment.tests["simulated"] = is_simulated
    report = calibration.report
    figures: dict[str, Figure] = {}
    tasks = [
        _task(name, task, f"task{number}", calibration, figures)
        for number, (name, task) in enumerate(report["tasks"].items(), 1)
    ]
    return environment.get_template("report.html.j2").render(
        report=report,
        tasks=tasks,
        notes=_notes(report),
        kinds=_KINDS,
        least_items=LEAST_ITEMS,
        sets=sorted(
            (row for row in report["set_scores"] if row["note"] != PROMPT),
            key=lambda row: (row["set"] == "all", natural_order(row["set"])),
        ),
        guides=CAVEAT,
        clusters=report["clusters"],
        simulated=sorted(
            {name for task in report["tasks"].values() for name in task["evaluators"] if is_simulated(name)}
        ),
        inputs={role: source | {"file": _file_name(source["path"])} for role, source in report["inputs"].items()},
        style=Markup(_read("report.css")),
        script=Markup(_read("report.js")),
        plotly=Markup(get_plotlyjs()),
        figures=Markup(_script_json(figures)),
    )


def _task(
    name: str, task: dict[str, Any], task_id: str, calibration: Calibration, figures: dict[str, Figure]
) -> dict[str, Any]:
    """What the template needs of a task; its figures are added to `figures`."""
    k, seed = calibration.report["settings"]["k"], calibration.report["settings"]["seed"]
    all_points = calibration.points
    of_task = dict(iter(all_points[all_points["task"] == name].groupby("metric")))
    ranked = sorted(task["metrics"].items(), key=lambda item: _rank(item[1]))
    return {
        "id": task_id,
        "name": name,
        "content": task,
        "why_skill": explanations.why_skill(task),
        "caution": explanations.caution(task),
        "alpha": explanations.of_alpha(task),
        "person": _shown(
            figures, f"{task_id}-person", grades_against_person(task), explanations.of_grades_against_person(task)
        ),
        "mean": _shown(
            figures, f"{task_id}-mean", grades_against_mean(task, k), explanations.of_grades_against_mean(task, k)
        ),
        "metrics": [
            _metric(metric, entry, f"{task_id}-metric{number}", of_task.get(metric), seed, figures)
            | {"is_first": number == 1}
            for number, (metric, entry) in enumerate(ranked, 1)
        ],
    }


def _metric(
    name: str,
    entry: dict[str, Any],
    metric_id: str,
    points: pd.DataFrame | None,
    seed: int,
    figures: dict[str, Figure],
) -> dict[str, Any]:
    """What the template needs of a metric; without points there is nothing to draw."""
    shown: dict[str, Any] = {
        "id": metric_id,
        "name": name,
        "entry": entry,
        "scatter": None,
        "confusion": None,
        "folds": None,
    }
    shown["figures"] = _figures(entry)
    if points is None:
        return shown
    low, high = score_range(points)
    drawn = min(len(points), len(sample(points, seed)))
    confusion = explanations.of_confusion(entry)
    heatmap = confusion_heatmap(entry["cross_validation"]["confusion"]) if confusion else None
    return shown | {
        "digits": digits_for(low, high),
        "scatter": _shown(
            figures,
            f"{metric_id}-scatter",
            score_scatter(points, entry, seed),
            explanations.of_scatter(entry, low, high, drawn),
        ),
        "confusion": _shown(figures, f"{metric_id}-confusion", heatmap, confusion),
        "folds": _shown(
            figures,
            f"{metric_id}-folds",
            fold_thresholds(entry, low, high),
            explanations.of_folds(entry, low, high),
        ),
    }


def _figures(entry: dict[str, Any]) -> list[tuple[str, str, float | None]]:
    """The figures that have intervals: name, words, value."""
    validation = entry["cross_validation"]
    skills = validation["skill"], validation["person_skill"]
    return [
        ("spearman", "Spearman correlation with the mean rating", entry["spearman"]),
        ("grade", "Grade against one person", validation["grade_mean"]),
        ("skill", "Skill", skills[0]),
        ("person_skill", "The average evaluator's skill", skills[1]),
        ("advantage", "Advantage: skill minus the evaluator's", None if None in skills else skills[0] - skills[1]),
    ]


def _shown(
    figures: dict[str, Figure], figure_id: str, figure: Figure | None, words: explanations.Explanation | None
) -> dict[str, Any] | None:
    """Keep a figure under its id, and say how high it is and what it means; None where there is none."""
    if figure is None or words is None:
        return None
    figures[figure_id] = figure
    return {"id": figure_id, "height": figure["layout"]["height"], "words": words}


def _rank(entry: dict[str, Any]) -> tuple[bool, float]:
    """Best skill first, unknown skill last."""
    skill = entry["cross_validation"]["skill"]
    return skill is None, -(skill or 0.0)


def _notes(report: dict[str, Any]) -> list[tuple[str, str]]:
    """All notes as (text, whom it concerns), each text once."""
    concerned: dict[str, dict[str, list[str]]] = {text: {} for text in report["notes"]}
    for name, task in report["tasks"].items():
        for text in task["notes"]:
            concerned.setdefault(text, {}).setdefault(name, [])
        for entry in task["metrics"].values():
            for text in entry["notes"]:
                concerned.setdefault(text, {}).setdefault(name, []).append(entry["title"])
    return [(text, _places(places, len(report["tasks"]))) for text, places in concerned.items()]


def _places(metrics: dict[str, list[str]], n_tasks: int) -> str:
    """Tasks and their metrics in words; the tasks are left out where it is the same in all of them."""
    lists = list(metrics.values())
    if len(lists) == n_tasks and all(names == lists[0] for names in lists):
        return ", ".join(lists[0])
    return "; ".join(f"{task}: {', '.join(names)}" if names else task for task, names in metrics.items())


def _file_name(path: str) -> str:
    """The last part of a path of any system."""
    return PureWindowsPath(path).name if "\\" in path else PurePath(path).name


def _script_json(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _read(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")
