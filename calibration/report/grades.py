"""What the report says to put a metric's grade in its place: baselines, new images, other exponents, same target."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.core.crossvalidation import CrossValidation, graded
from calibration.core.grades import Array
from calibration.core.item_folds import item_folds
from calibration.core.ratings import Ratings, ScoredTask
from calibration.metric.annotator_test import annotator_test_entry
from calibration.metric.baselines import RandomScores, baselines
from calibration.metric.equivalence import median_evaluator
from calibration.metric.same_target import EvaluatorsAsMetrics
from calibration.people.kappa import kappa, mean_pair_kappa, pair_kappas

EXPONENTS = (0.5, 1.0, 2.0)
_FEWEST_ITEMS = 10


def grade_entries(task: ScoredTask, result: CrossValidation) -> dict[str, Any]:
    """The entries of a metric that put its grade in its place.

    Parameters
    ----------
    task : ScoredTask
        The metric and the people.
    result : CrossValidation
        Of the same.

    Returns
    -------
    dict
        ``baselines``, ``sensitivity`` and ``kappa``; ``unseen``, ``same_target``, ``equivalence`` and
        ``annotator_test``, which are None with fewer than ten items.
    """
    ratings = task.ratings
    found: dict[str, Any] = {
        "baselines": baselines(task, result, ratings.once(RandomScores)) if len(task.scores) else None,
        "unseen": None,
        "same_target": None,
        "equivalence": None,
        "annotator_test": None,
        "sensitivity": [
            _of_exponent(k, result if k == ratings.k else task.cross_validated(k))
            for k in sorted({*EXPONENTS, ratings.k})
        ],
        "kappa": {
            "metric": kappa(result.confusion),
            "person": mean_pair_kappa(
                pair_kappas(ratings.values, list(ratings.evaluators), ratings.scale), ratings.values
            ),
        },
    }
    if len(task.scores) < _FEWEST_ITEMS:
        return found
    mapped = task.on_new_items()
    levels = mapped.levels()
    unseen = _unseen(levels, ratings, result, ratings.folds, ratings.held_out_by)
    models = ratings.groupings.get("model")
    if models is not None and len(set(models)) > 1:
        by_model = item_folds(models, seed=ratings.resampling.seed)
        unseen["by_model"] = _unseen(task.on_new_items(by_model).levels(), ratings, result, by_model, "model")
    same = ratings.once(EvaluatorsAsMetrics).compare(task, mapped)
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
        found["equivalence"] = median_evaluator(same, ratings)
    constant = ratings.constant()
    if constant is not None:
        answers, level = ratings.scale.of_levels(levels), float(ratings.scale.of_levels(constant))
        found["annotator_test"] = annotator_test_entry(answers, level, ratings.values, ratings.k)
    return found | {"unseen": unseen}


def _unseen(
    levels: Array, ratings: Ratings, seen: CrossValidation, folds: NDArray[np.intp], grouped_by: str | None
) -> dict[str, Any]:
    """The cross-validation over evaluators and items at once, beside the one over evaluators."""
    new = graded(levels, ratings.constant(), ratings.values, ratings.k, ratings.scale)
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
        "against_people": against_people(new, ratings.evaluators),
    }


def against_people(result: CrossValidation, evaluators: Sequence[str]) -> dict[str, dict[str, float]]:
    """Each evaluator, the metric and the constant, graded against the same other evaluators on the same items.

    Parameters
    ----------
    result : CrossValidation
        Of a metric.
    evaluators : sequence of str
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
