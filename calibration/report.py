"""The report as one dictionary: everything that report.json, report.html and the CSV files say comes from here.

The schema is ``humangrade.report/1``. All values are strict JSON: what cannot be computed is None, with the reason in
the `notes` beside it.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from calibration.agreement import correlations, krippendorff_alpha
from calibration.buckets import BucketFitter
from calibration.crossvalidation import CrossValidation, Fold, cross_validate
from calibration.grades import (
    Array,
    distance_grade,
    evaluator_grades,
    mean_or_nan,
    person_to_person_grades,
    sample_scores,
    unit_scale,
)
from calibration.reading import Source
from calibration.tables import Duplicates
from calibration.verdicts import task_verdict, verdict
from metrics import __version__
from metrics.errors import InputError
from metrics.registry import Direction, find_metric

SCHEMA = "humangrade.report/1"
FEW_ITEMS = 100


@dataclass(frozen=True)
class Settings:
    """What the user chose; stands in the report as it is.

    Attributes
    ----------
    k : float
        The exponent of the distance in grades and buckets, above 0.
    seed : int
        For the sample of points that large scatter plots show.
    lower_is_better : tuple of str
        Metrics for which lower is better, whatever the metrics package says.
    duplicates, min_ratings, map, task
        How the tables were read.
    """

    k: float = 1.0
    seed: int = 0
    lower_is_better: tuple[str, ...] = ()
    duplicates: Duplicates = "error"
    min_ratings: int = 0
    map: str | None = None
    task: str | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.k) and self.k > 0):
            raise InputError(
                f"--k is {self.k:g}, but the exponent of the distance must be above 0; the usual choice is 1."
            )


@dataclass(frozen=True)
class Calibration:
    """A finished calibration.

    Attributes
    ----------
    report : dict
        The whole report, strict JSON.
    points : DataFrame
        task, metric, item, score, mean_rating (1..5), n_ratings and level: what the scatter plots draw.
    """

    report: dict[str, Any]
    points: pd.DataFrame = field(repr=False)


def calibrate(
    ratings: pd.DataFrame,
    scores: pd.DataFrame | None = None,
    settings: Settings | None = None,
    inputs: Mapping[str, Source] | None = None,
    notes: Sequence[str] = (),
) -> Calibration:
    """Calibrate every metric against the people, task by task.

    Parameters
    ----------
    ratings : DataFrame
        item, evaluator, task, rating as `calibration.tables.check_ratings` gives them: one row for each rating that
        counts.
    scores : DataFrame, optional
        item, metric, score as `calibration.tables.check_scores` gives them; without it only the people are graded.
    settings : Settings, optional
        The exponent k and the choices made in reading.
    inputs : mapping of str to Source, optional
        Where the tables came from.
    notes : sequence of str
        What was left out in reading.

    Returns
    -------
    Calibration

    Raises
    ------
    InputError
        Where `lower_is_better` names a metric that is not there.

    Examples
    --------
    >>> ratings = pd.DataFrame({"item": list("abab"), "evaluator": list("xxyy"), "task": "look"})
    >>> ratings["rating"] = [1, 5, 2, 5]
    >>> scores = pd.DataFrame({"item": ["a", "b"], "metric": "ssim", "score": [0.1, 0.9]})
    >>> report = calibrate(ratings, scores).report
    >>> report["tasks"]["look"]["metrics"]["ssim"]["cross_validation"]["grade_mean"]
    0.875
    """
    settings = settings or Settings()
    if scores is None:
        scores = pd.DataFrame({"item": [], "metric": [], "score": []})
    names = sorted(scores["metric"].unique(), key=natural_order)
    directions, direction_notes = _directions(names, settings.lower_is_better)
    by_metric = {str(name): group.set_index("item")["score"] for name, group in scores.groupby("metric")}
    signatures = _signatures(scores)
    tasks, points = {}, []
    for name, rows in ratings.groupby("task", sort=False):
        evaluators = sorted(rows["evaluator"].unique(), key=natural_order)
        items, matrix = _matrix(rows, evaluators)
        task = _people(matrix, evaluators, settings.k)
        for metric in names:
            entry, drawn = _metric(by_metric[metric], items, matrix, evaluators, directions[metric], settings)
            entry["title"] = _title(metric)
            entry["signatures"] = signatures.get(metric, [])
            entry["notes"][:0] = direction_notes.get(metric, [])
            task["metrics"][metric] = entry
            if drawn is not None:
                points.append(drawn.assign(task=name, metric=metric))
        if not names:
            task["notes"].append("There are no scores, so no metric is judged.")
        tasks[str(name)] = task
    columns = ["task", "metric", "item", "score", "mean_rating", "n_ratings", "level"]
    report = {
        "schema": SCHEMA,
        "version": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "settings": asdict(settings),
        "inputs": {name: asdict(source) for name, source in (inputs or {}).items()},
        "notes": list(notes),
        "tasks": tasks,
    }
    table = pd.concat(points, ignore_index=True)[columns] if points else pd.DataFrame(columns=columns)
    return Calibration(_with_verdicts(_strict(report)), table)


def _with_verdicts(report: dict[str, Any]) -> dict[str, Any]:
    for task in report["tasks"].values():
        task["verdict"] = task_verdict(task)
        for metric in task["metrics"].values():
            metric["verdict"] = verdict(metric, task["n_evaluators"])
    return report


def natural_order(name: str) -> list[tuple[int, int, str]]:
    """A sort key that puts 'p2' before 'p10'.

    Examples
    --------
    >>> sorted(["p10", "p2"], key=natural_order)
    ['p2', 'p10']
    """
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", str(name)) if part]


def _people(matrix: Array, evaluators: list[str], k: float) -> dict[str, Any]:
    """The part of a task that needs no metric."""
    exponents = sorted({1.0, 2.0, k})
    grades = {f"{exponent:g}": evaluator_grades(matrix, exponent) for exponent in exponents}
    rated = ~np.isnan(matrix)
    people = {}
    notes: list[str] = []
    for index, name in enumerate(evaluators):
        own = matrix[rated[:, index], index]
        shared = int((rated[:, index] & (rated.sum(axis=1) >= 2)).sum())
        remarks = []
        if len(evaluators) > 1 and not shared:
            remarks.append("Shares no item with another evaluator, so there is no grade.")
        if np.ptp(own) == 0:
            remarks.append(f"Gave the rating {own[0] * 4 + 1:g} to every item.")
        people[name] = {
            "n": len(own),
            "n_shared": shared,
            "mean": float(own.mean()),
            "std": float(own.std()),
            "grade": {exponent: values[index] for exponent, values in grades.items()},
            "notes": remarks,
        }
        notes += [f"{name}: {remark}" for remark in remarks]
    alphas: dict[str, float] = {
        level: krippendorff_alpha(matrix, level) for level in ("nominal", "ordinal", "interval")
    }
    if len(evaluators) == 1:
        notes.append(
            f"Only one evaluator ({evaluators[0]}) rated this task, so people cannot be graded and no metric can be "
            "cross-validated; have at least two people rate the same items."
        )
    elif np.isnan(alphas["nominal"]):
        reason = "no item was rated by two" if not (rated.sum(axis=1) >= 2).any() else "all ratings are equal"
        notes.append(f"Krippendorff's alpha is not defined: {reason}.")
    if len(matrix) < FEW_ITEMS:
        notes.append(
            f"Only {len(matrix)} items were rated: the mapping is fitted on the same few, which flatters every metric; "
            f"rate {FEW_ITEMS} or more before you rely on a verdict."
        )
    return {
        "n_items": len(matrix),
        "n_evaluators": len(evaluators),
        "n_ratings": int(rated.sum()),
        "evaluators": people,
        "agreement": {
            "krippendorff_alpha": alphas,
            "person_to_person_grade": mean_or_nan(person_to_person_grades(matrix, k)),
        },
        "metrics": {},
        "notes": notes,
    }


def _metric(
    scores: pd.Series, items: pd.Index, matrix: Array, evaluators: list[str], direction: Direction, settings: Settings
) -> tuple[dict[str, Any], pd.DataFrame | None]:
    """One metric in one task, and the points to draw (None where it scored nothing that was rated)."""
    aligned = scores.reindex(items)
    scored = aligned.notna().to_numpy()
    values, ratings = aligned.to_numpy(dtype=float)[scored], matrix[scored]
    notes = []
    if not scored.all():
        notes.append(
            f"{int((~scored).sum()):,} of {len(items):,} rated items have no score by this metric and do not count."
        )
    target = sample_scores(ratings)
    found = correlations(values, target)
    if len(values) < 2:
        notes.append("Fewer than two rated items have a score, so there is no correlation.")
    elif np.ptp(values) == 0:
        notes.append(
            f"Gave the same score ({values[0]:g}) to every item: no correlation, and the mapping is a constant."
        )
    elif np.ptp(target) == 0:
        notes.append("People's mean rating is the same for every item, so there is no correlation.")
    entry: dict[str, Any] = {
        "direction": direction,
        "n_items": len(values),
        "pearson": found.pearson,
        "spearman": found.spearman,
        "kendall": found.kendall,
    }
    fitter = BucketFitter(values, ratings, settings.k, direction)
    mapping, constant = fitter.fit(), fitter.best_constant()
    points = None
    if mapping is None or constant is None:
        entry["buckets"] = {"thresholds": [None] * 4, "loss": None, "grade": None, "levels_used": 0}
        entry["constant"] = {"level": None, "grade": None}
    else:
        levels = mapping.levels(values)
        grade, _ = distance_grade(unit_scale(levels), target, settings.k)
        constant_grade, _ = distance_grade(np.full(len(target), (constant - 1) / 4), target, settings.k)
        used = len(np.unique(levels))
        entry["buckets"] = {
            "thresholds": list(mapping.thresholds),
            "loss": mapping.loss,
            "grade": grade,
            "levels_used": used,
        }
        entry["constant"] = {"level": constant, "grade": constant_grade}
        points = pd.DataFrame(
            {
                "item": items[scored],
                "score": values,
                "mean_rating": target * 4 + 1,
                "n_ratings": (~np.isnan(ratings)).sum(axis=1),
                "level": levels,
            }
        )
    result = cross_validate(values, ratings, settings.k, direction)
    entry["cross_validation"] = _cross_validation(result, evaluators, notes)
    entry["notes"] = notes
    return entry, points


def _cross_validation(result: CrossValidation, evaluators: list[str], notes: list[str]) -> dict[str, Any]:
    compared = {name: result.against_evaluator(index) for index, name in enumerate(evaluators)}
    if len(evaluators) > 1:
        empty = [evaluators[fold.held_out] for fold in result.folds if np.isnan(fold.grade)]
        if empty:
            notes.append(f"No grade in the fold of {', '.join(empty)}: no scored item rated, or by nobody else.")
    if np.isnan(result.metric_skill):
        perfect = result.constant_mean >= 1
        reason = "one constant answer is right for every rating" if perfect else "no evaluator could be held out"
        notes.append(f"There is no skill: {reason}.")
    elif np.isnan(result.person_skill):
        notes.append("No two evaluators rated the same scored item, so there is no person to compare with.")
    return {
        "folds": [_fold(fold, evaluators) for fold in result.folds],
        "grade_mean": result.grade_mean,
        "grade_std": result.grade_std,
        "constant_mean": result.constant_mean,
        "person_mean": result.person_mean,
        "skill": result.metric_skill,
        "person_skill": result.person_skill,
        "against_people": {
            name: {"person_grade": person, "metric_grade": metric} for name, (person, metric) in compared.items()
        },
        "confusion": result.confusion.tolist(),
    }


def _fold(fold: Fold, evaluators: list[str]) -> dict[str, Any]:
    return {
        "held_out": evaluators[fold.held_out],
        "n_ratings": fold.n_ratings,
        "thresholds": list(fold.mapping.thresholds) if fold.mapping else [None] * 4,
        "train_loss": fold.mapping.loss if fold.mapping else None,
        "grade": fold.grade,
        "constant_grade": fold.constant_grade,
        "person_grade": fold.person_grade,
    }


def _matrix(rows: pd.DataFrame, evaluators: list[str]) -> tuple[pd.Index, Array]:
    """The items of a task and their ratings on the unit scale, shape (items, evaluators)."""
    item_codes, items = pd.factorize(rows["item"])
    columns = pd.Index(evaluators).get_indexer(pd.Index(rows["evaluator"]))
    matrix = np.full((len(items), len(evaluators)), np.nan)
    matrix[item_codes, columns] = unit_scale(rows["rating"])
    return pd.Index(items), matrix


def _directions(names: Iterable[str], lower: Sequence[str]) -> tuple[dict[str, Direction], dict[str, list[str]]]:
    """Which way each metric points, and a note where that was assumed."""
    names = list(names)
    by_fold = {name.casefold(): name for name in names}
    unknown = [name for name in lower if name.casefold() not in by_fold]
    if unknown:
        there = ", ".join(names) or "none"
        raise InputError(
            f"--lower-is-better names '{unknown[0]}', but the scores have no such metric; they have {there}."
        )
    chosen = {by_fold[name.casefold()] for name in lower}
    directions: dict[str, Direction] = {}
    notes = {}
    for name in names:
        known = find_metric(name)
        directions[name] = "lower" if name in chosen else known.direction if known else "higher"
        if known is None and name not in chosen:
            notes[name] = [f"Assumed that higher is better; if lower is, say --lower-is-better {name}."]
    return directions, notes


def _signatures(scores: pd.DataFrame) -> dict[str, list[str]]:
    """The different signatures of each metric's scores, where the table has them."""
    if "signature" not in scores.columns:
        return {}
    return {str(name): sorted(filter(None, group.unique())) for name, group in scores.groupby("metric")["signature"]}


def _title(name: str) -> str:
    """The metric's name as people know it, keeping what the table's name adds."""
    known = find_metric(name)
    plain = "".join(character for character in name.lower() if character.isalnum())
    return known.title if known and plain == known.key else name


def _strict(value: Any) -> Any:
    """The same structure in strict JSON types: NaN becomes None, numpy numbers Python's; floats keep 12 digits."""
    if isinstance(value, dict):
        return {str(key): _strict(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(entry) for entry in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.12g}") if math.isfinite(value) else None
    return value
