"""What the report says of one metric in one task, and what each metric is called and which way it points."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from calibration.agreement import correlations
from calibration.buckets import BucketFitter
from calibration.crossvalidation import CrossValidation, Fold, cross_validate
from calibration.grades import Array, distance_grade, sample_scores, unit_scale
from metrics.errors import InputError
from metrics.registry import Direction, find_metric


def metric_entry(
    scores: pd.Series,
    items: pd.Index,
    matrix: Array,
    evaluators: list[str],
    direction: Direction,
    k: float,
    remarks: pd.Series | None = None,
) -> tuple[dict[str, Any], pd.DataFrame | None]:
    """One metric in one task.

    Parameters
    ----------
    scores : Series
        The metric's scores by item.
    items : Index
        The rated items: the rows of `matrix`.
    matrix : ndarray, shape (items, evaluators)
        Ratings on the unit scale, NaN where missing.
    evaluators : list of str
        The columns' names.
    direction : {"higher", "lower"}
        Which way the metric points.
    k : float
        The exponent of the distance.
    remarks : Series of str, optional
        By item: why it has no score, or what is to be known of its score.

    Returns
    -------
    entry : dict
        The metric's part of the report, without title and verdict.
    points : DataFrame or None
        item, score, mean_rating, n_ratings, level to draw; None where nothing that was rated has a score.
    """
    aligned = scores.reindex(items)
    scored = aligned.notna().to_numpy()
    values, ratings = aligned.to_numpy(dtype=float)[scored], matrix[scored]
    remarked = (pd.Series(dtype=str) if remarks is None else remarks).reindex(items).fillna("")
    notes = []
    if not scored.all():
        reasons = _tally(remarked[~scored])
        notes.append(
            f"{int((~scored).sum()):,} of {len(items):,} rated items have no score by this metric and do not count"
            f"{f' ({reasons})' if reasons else ''}."
        )
    if caveats := _tally(remarked[scored]):
        notes.append(f"Of the {int(scored.sum()):,} scored items: {caveats}.")
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
    fitter = BucketFitter(values, ratings, k, direction)
    mapping, constant = fitter.fit(), fitter.best_constant()
    points = None
    if mapping is None or constant is None:
        entry["buckets"] = {"thresholds": [None] * 4, "loss": None, "grade": None, "levels_used": 0}
        entry["constant"] = {"level": None, "grade": None}
    else:
        levels = mapping.levels(values)
        grade, _ = distance_grade(unit_scale(levels), target, k)
        constant_grade, _ = distance_grade(np.full(len(target), (constant - 1) / 4), target, k)
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
    result = cross_validate(values, ratings, k, direction)
    entry["cross_validation"] = _cross_validation(result, evaluators, notes)
    entry["notes"] = notes
    return entry, points


def directions_of(
    names: Iterable[str], lower: Sequence[str], signatures: Mapping[str, Sequence[str]] | None = None
) -> tuple[dict[str, Direction], dict[str, list[str]]]:
    """Which way each metric points, and a note where that was assumed.

    What the user says counts first, then what the metric's signature says (``better:lower``), then what is known of it.
    """
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
        told = _told_by((signatures or {}).get(name, ()))
        directions[name] = "lower" if name in chosen else told or (known.direction if known else "higher")
        if known is None and told is None and name not in chosen:
            notes[name] = [f"Assumed that higher is better; if lower is, say --lower-is-better {name}."]
    return directions, notes


def _told_by(signatures: Sequence[str]) -> Direction | None:
    """The direction that all signatures give, as plug-ins' do."""
    parts = {part for one in signatures for part in one.split("|")}
    told = parts & {"better:lower", "better:higher"}
    if len(told) != 1:
        return None
    return "lower" if "better:lower" in told else "higher"


def _tally(remarks: pd.Series) -> str:
    """How often each remark was made, the most frequent first."""
    counts = remarks[remarks != ""].value_counts()
    return ", ".join(f"{count:,} {remark}" for remark, count in counts.items())


def signatures_of(scores: pd.DataFrame) -> dict[str, list[str]]:
    """The different signatures of each metric's scores, where the table has them."""
    if "signature" not in scores.columns:
        return {}
    return {str(name): sorted(filter(None, group.unique())) for name, group in scores.groupby("metric")["signature"]}


def title_of(name: str) -> str:
    """The metric's name as people know it, keeping what the table's name adds."""
    known = find_metric(name)
    plain = "".join(character for character in name.lower() if character.isalnum())
    return known.title if known and plain == known.key else name


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
