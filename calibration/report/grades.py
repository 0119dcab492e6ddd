"""What the report says to put a metric's grade in its place: baselines, new images, other exponents, same target."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.core.crossvalidation import CrossValidation, NewItems, cross_validate, graded, unseen_levels
from calibration.core.grades import Array
from calibration.core.item_folds import item_folds
from calibration.metric.annotator_test import annotator_test_entry
from calibration.metric.baselines import baselines
from calibration.metric.equivalence import median_evaluator
from calibration.people.kappa import kappa, mean_pair_kappa, pair_kappas
from calibration.report.task_data import TaskData
from metrics.known import Direction

EXPONENTS = (0.5, 1.0, 2.0)
_FEWEST_ITEMS = 10


def grade_entries(
    scores: Array, scored: NDArray[np.bool_], task: TaskData, result: CrossValidation, direction: Direction
) -> dict[str, Any]:
    """The entries of a metric that put its grade in its place.

    Parameters
    ----------
    scores : ndarray, shape (scored items,)
        Finite scores.
    scored : ndarray of bool, shape (items,)
        Which of the task's items they belong to.
    task : TaskData
        The people.
    result : CrossValidation
        Of the same scores.
    direction : {"higher", "lower"}
        Which way the metric points.

    Returns
    -------
    dict
        ``baselines``, ``sensitivity`` and ``kappa``; ``unseen``, ``same_target``, ``equivalence`` and
        ``annotator_test``, which are None with fewer than ten items.
    """
    ratings = task.ratings[scored]
    found: dict[str, Any] = {
        "baselines": baselines(
            scores,
            ratings,
            result,
            task.by_chance(scored),
            task.k,
            direction,
            task.constant(task.k, scored),
            task.scale,
        )
        if len(scores)
        else None,
        "unseen": None,
        "same_target": None,
        "equivalence": None,
        "annotator_test": None,
        "sensitivity": [
            _of_exponent(
                k,
                result
                if k == task.k
                else cross_validate(scores, ratings, k, direction, task.constant(k, scored), task.scale),
            )
            for k in sorted({*EXPONENTS, task.k})
        ],
        "kappa": {
            "metric": kappa(result.confusion),
            "person": mean_pair_kappa(pair_kappas(ratings, task.evaluators, task.scale), ratings),
        },
    }
    if len(scores) < _FEWEST_ITEMS:
        return found
    folds = task.folds(scored)
    mapped = NewItems(scores, ratings, folds, task.k, direction, task.scale)
    levels = mapped.levels()
    constant = task.constant(task.k, scored)
    unseen = _unseen(levels, ratings, task, result, folds, task.together, constant)
    models = task.groupings.get("model")
    if models is not None and len(set(models[scored])) > 1:
        by_model = item_folds(models[scored], seed=task.seed)
        of_models = unseen_levels(scores, ratings, by_model, task.k, direction, task.scale)
        unseen["by_model"] = _unseen(of_models, ratings, task, result, by_model, "model", constant)
    same = task.as_metrics(scored).compare(scores, direction, mapped)
    if same is not None and same.compared:
        found["same_target"] = {
            "compared": same.compared,
            "wins": same.wins,
            "able": int(same.able.sum()),
            "wins_over_able": same.wins_over_able,
            "advantage": same.advantage,
            "skill": same.metric_skill,
            "person_skill": same.person_skill,
        }
        found["equivalence"] = median_evaluator(same, task.groups(scored), task.draws, task.seed, task.scale)
    constant = task.constant(task.k, scored)
    if constant is not None:
        found["annotator_test"] = annotator_test_entry(
            task.scale.of_levels(levels), float(task.scale.of_levels(constant)), ratings, task.k
        )
    return found | {"unseen": unseen}


def _unseen(
    levels: Array,
    ratings: Array,
    task: TaskData,
    seen: CrossValidation,
    folds: NDArray[np.intp],
    grouped_by: str | None,
    constant: int | None,
) -> dict[str, Any]:
    """The cross-validation over evaluators and items at once, beside the one over evaluators."""
    new = graded(levels, constant, ratings, task.k, task.scale)
    return {
        "grouped_by": grouped_by,
        "folds": int(folds.max()) + 1,
        "seen_grade": seen.grade_mean,
        "unseen_grade": new.grade_mean,
        "optimism": seen.grade_mean - new.grade_mean,
        "constant": new.constant_mean,
        "seen_skill": seen.metric_skill,
        "unseen_skill": new.metric_skill,
        "person_skill": new.person_skill,
        "against_people": against_people(new, task.evaluators),
    }


def against_people(result: CrossValidation, evaluators: list[str]) -> dict[str, dict[str, float]]:
    """Each evaluator, the metric and the constant, graded against the same other evaluators on the same items.

    Parameters
    ----------
    result : CrossValidation
        Of a metric.
    evaluators : list of str
        The columns' names.

    Returns
    -------
    dict
        By evaluator: ``person_grade``, ``metric_grade``, ``constant_grade``.
    """
    names = ("person_grade", "metric_grade", "constant_grade")
    return {
        evaluator: dict(zip(names, result.against_evaluator(index), strict=True))
        for index, evaluator in enumerate(evaluators)
    }


def _of_exponent(k: float, result: CrossValidation) -> dict[str, Any]:
    """The figures that depend on the exponent, for one exponent."""
    return {
        "k": k,
        "grade": result.grade_mean,
        "constant": result.constant_mean,
        "person": result.person_mean,
        "skill": result.metric_skill,
        "person_skill": result.person_skill,
    }
