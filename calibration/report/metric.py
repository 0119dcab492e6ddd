"""What the report says of one metric in one task."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import spearmanr

from calibration.core.buckets import BucketFitter
from calibration.core.crossvalidation import CrossValidation, Fold
from calibration.core.grades import Array, distance_grade
from calibration.core.ratings import Ratings, ScoredTask
from calibration.core.ties import as_equals
from calibration.metric.baselines import RandomScores
from calibration.metric.unscored import compare_unscored
from calibration.people.agreement import correlations
from calibration.people.consistency import disattenuated
from calibration.people.variance import rater_equivalents, reliability, variance_components
from calibration.report.comparison import judging_entries
from calibration.report.grades import against_people, grade_entries
from calibration.report.intervals import metric_interval_entry
from calibration.scale import Scale
from metrics.text import counted, spelled

_FEW_LEVELS = 3
_FEWEST_TO_COPY = 20
_COPY = 0.98
_TWIN = 0.9


def metric_entry(
    task: ScoredTask,
    ratings: Ratings,
    remarks: pd.Series | None = None,
    is_in_full: bool = True,
    for_raters: bool = False,
) -> tuple[dict[str, Any], pd.DataFrame | None]:
    """One metric in one task.

    Parameters
    ----------
    task : ScoredTask
        The metric and the people.
    ratings : Ratings
        Of all items of the task, also those that it has no score of.
    remarks : Series of str, optional
        By item: why it has no score, or what is to be known of its score.
    is_in_full : bool
        Whether other mappings are tried.
    for_raters : bool
        Whether no sentence may be about a single evaluator.

    Returns
    -------
    entry : dict
        The metric's part of the report, without title and verdict.
    points : DataFrame or None
        item, score, mean_rating, n_ratings, level to draw; None where nothing that was rated has a score.
    """
    values, own, evaluators, scale = task.scores, task.ratings, list(ratings.evaluators), ratings.scale
    found = correlations(values, own.target, task.direction)
    mapping, levels = _mapping(task)
    result = task.cross_validated()
    reason = _no_skill(result, own.values, task.n_scores)
    components = variance_components(own.values)
    entry: dict[str, Any] = {
        "direction": task.direction,
        "n_items": len(values),
        "n_scores": len(np.unique(as_equals(values))),
        "pearson": found.pearson,
        "spearman": found.spearman,
        "spearman_p": _order_p(found.spearman_p, task),
        "kendall": found.kendall,
        **mapping,
        "cross_validation": _cross_validation(result, evaluators, scale) | {"no_skill_because": reason},
        **grade_entries(task, result),
        **judging_entries(task, is_in_full),
        "rater_equivalents": rater_equivalents(values, own.values, components),
        "disattenuated": disattenuated(found.pearson, reliability(components)),
        "notes": [
            *_coverage_notes(task.is_scored, None if remarks is None else remarks.reindex(ratings.items).fillna("")),
            *_correlation_notes(values, own.target),
            *_fold_notes(result, evaluators, for_raters),
            *_level_notes(levels, scale),
            *_copy_notes(values, own.values, evaluators, for_raters),
            *([reason] if reason else []),
        ],
    }
    entry["unscored"] = _unscored(task, ratings)
    entry["intervals"] = None if reason else metric_interval_entry(task, entry)
    if levels is None:
        return entry, None
    points = {
        "item": own.items,
        "score": values,
        "mean_rating": scale.from_unit(own.target),
        "n_ratings": (~np.isnan(own.values)).sum(axis=1),
        "level": levels,
    }
    return entry, pd.DataFrame(points)


def _unscored(task: ScoredTask, ratings: Ratings) -> dict[str, Any] | None:
    """How the images without a score were rated beside the others."""
    found = compare_unscored(ratings.scale.from_unit(ratings.target), task.is_scored, ratings.clusters)
    return None if found is None else asdict(found) | {"differs": found.differs}


def _order_p(p: float, task: ScoredTask) -> float:
    """The one-sided p of the rank correlation; by dealing scores between groups where images belong together."""
    if task.ratings.held_out_by is None or np.isnan(p):
        return p
    dealt = task.ratings.once(RandomScores).spearman_p(task.scores, task.ratings.target, task.direction)
    return p if np.isnan(dealt) else dealt


def _mapping(task: ScoredTask) -> tuple[dict[str, Any], NDArray[np.int_] | None]:
    """The mapping fitted on everyone and the constant, graded against the mean of people, and each item's level."""
    values, ratings, target = task.scores, task.ratings, task.ratings.target
    fitter = BucketFitter(values, ratings.values, ratings.k, task.direction, scale=ratings.scale)
    mapping, constant = fitter.fit(with_optimal=True), ratings.constant()
    if mapping is None or constant is None:
        cuts = fitter.scale.count - 1
        nothing = {"thresholds": [None] * cuts, "optimal": [[None] * 2] * cuts}
        nothing |= {"loss": None, "grade": None, "levels_used": 0}
        return {"buckets": nothing, "constant": {"level": None, "grade": None}}, None
    levels = mapping.levels(values)
    grade, _ = distance_grade(fitter.scale.of_levels(levels), target, fitter.k)
    constant_grade, _ = distance_grade(np.full(len(target), fitter.scale.of_levels(constant)), target, fitter.k)
    buckets = {
        "thresholds": list(mapping.thresholds),
        "optimal": [list(interval) for interval in mapping.optimal],
        "loss": mapping.loss,
        "grade": grade,
        "levels_used": len(np.unique(levels)),
    }
    return {"buckets": buckets, "constant": {"level": constant, "grade": constant_grade}}, levels


def _cross_validation(result: CrossValidation, evaluators: list[str], scale: Scale) -> dict[str, Any]:
    return {
        "folds": [_fold(fold, evaluators, scale) for fold in result.folds],
        "grade_mean": result.grade_mean,
        "grade_std": result.grade_std,
        "constant_mean": result.constant_mean,
        "person_mean": result.person_mean,
        "skill": result.metric_skill,
        "person_skill": result.person_skill,
        "weights": dict(zip(evaluators, result.weights.sum(axis=1).tolist(), strict=True)),
        "against_people": against_people(result, evaluators),
        "confusion": result.confusion.tolist(),
    }


def _fold(fold: Fold, evaluators: list[str], scale: Scale) -> dict[str, Any]:
    return {
        "held_out": evaluators[fold.held_out],
        "n_ratings": fold.n_ratings,
        "thresholds": list(fold.mapping.thresholds) if fold.mapping else [None] * (scale.count - 1),
        "train_loss": fold.mapping.loss if fold.mapping else None,
        "grade": fold.grade,
        "constant_grade": fold.constant_grade,
        "person_grade": fold.person_grade,
    }


def _no_skill(result: CrossValidation, ratings: Array, n_scores: int) -> str | None:
    """Why there is no skill, as a sentence; None where there is one."""
    if not np.isnan(result.metric_skill):
        return None
    if not len(ratings):
        return f"It scored {counted(n_scores, 'item')}, and nobody rated any of them in this task."
    if not np.isnan(result.constant_mean):
        return "There is no skill: one constant answer is right for every rating."
    if (~np.isnan(ratings)).any(axis=0).sum() == 1:
        return "Only one evaluator rated items that have a score, so nobody could be held out."
    return "No two evaluators rated the same scored item, so there is no person to compare with."


def _coverage_notes(scored: NDArray[np.bool_], remarks: pd.Series | None) -> list[str]:
    """How many rated items have no score, and what is to be known of the others' scores."""
    notes = []
    if not scored.all():
        reasons = _tally(remarks, ~scored)
        notes.append(
            f"{int((~scored).sum()):,} of {len(scored):,} rated items have no score by this metric and do not count"
            f"{f' ({reasons})' if reasons else ''}."
        )
    if caveats := _tally(remarks, scored, several=True):
        notes.append(f"Of the {int(scored.sum()):,} scored items: {caveats}.")
    return notes


def _correlation_notes(values: Array, target: Array) -> list[str]:
    """Why there is no correlation."""
    if len(values) < 2:
        return ["Fewer than two rated items have a score, so there is no correlation."]
    if np.ptp(as_equals(values)) == 0:
        return [f"Gave the same score ({values[0]:g}) to every item: no correlation, and the mapping is a constant."]
    if np.ptp(target) == 0:
        return ["People's mean rating is the same for every item, so there is no correlation."]
    return []


def _fold_notes(result: CrossValidation, evaluators: list[str], for_raters: bool) -> list[str]:
    """Whose fold has no grade, where others have."""
    empty = [evaluators[fold.held_out] for fold in result.folds if np.isnan(fold.grade)]
    if not empty or len(empty) == len(evaluators):
        return []
    whose = ", ".join(empty)
    if for_raters:
        whose = f"{len(empty)} of the {len(evaluators)} evaluators"
    return [f"No grade in the fold of {whose}: nobody else rated a scored item that they rated."]


def _level_notes(levels: NDArray[np.int_] | None, scale: Scale) -> list[str]:
    """A warning where the mapping stays in the middle of the scale."""
    used = np.unique(levels) if levels is not None else np.empty(0)
    if not 1 < len(used) < _FEW_LEVELS or {1, scale.count} & set(used.tolist()):
        return []
    return [
        f"The mapping uses only {len(used)} of the {spelled(scale.count)} levels: it answers near the middle and risks "
        "little."
    ]


def _copy_notes(values: Array, ratings: Array, evaluators: list[str], for_raters: bool) -> list[str]:
    """Whose ratings the scores are, or nearly so; then they are no independent measure of people's."""
    for column, name in enumerate(evaluators):
        rows = ~np.isnan(ratings[:, column])
        own = ratings[rows, column]
        if rows.sum() < _FEWEST_TO_COPY or np.ptp(own) == 0 or np.ptp(values[rows]) == 0:
            continue
        if abs(spearmanr(values[rows], own).statistic) >= _COPY and not _has_twin(ratings, column):
            whose = "one evaluator" if for_raters else name
            return [
                f"Its scores follow the ratings of {whose} all but exactly; if they come from them, it looks better "
                "here than it is."
            ]
    return []


def _has_twin(ratings: Array, column: int) -> bool:
    """Whether another evaluator follows this one nearly as closely, as where all agree."""
    for other in np.delete(np.arange(ratings.shape[1]), column).tolist():
        both = ~np.isnan(ratings[:, [column, other]]).any(axis=1)
        pair = ratings[both][:, [column, other]]
        if len(pair) > 1 and np.ptp(pair, axis=0).all() and spearmanr(pair).statistic >= _TWIN:
            return True
    return False


def _tally(remarks: pd.Series | None, chosen: NDArray[np.bool_], several: bool = False) -> str:
    """How often each remark was made of the chosen items, the most frequent first; `several` to a cell."""
    if remarks is None:
        return ""
    some = remarks[chosen]
    some = some[some != ""]
    counts = (some.str.split("; ").explode() if several else some).value_counts()
    return ", ".join(f"{count:,} {remark}" for remark, count in counts.items())
