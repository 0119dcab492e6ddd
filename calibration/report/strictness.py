"""What the report says of people's strictness, and of grades with it taken off, people's and metrics' alike."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from calibration.core.evaluator_weights import evaluator_shares, is_known, pair_weights, weighted_mean
from calibration.core.grades import evaluator_grades, person_to_person_grades
from calibration.core.ratings import Ratings, ScoredTask
from calibration.people.agreement import interval_alpha
from calibration.people.strictness import Strictness, strictness, without_strictness
from calibration.scale import LIKERT
from calibration.verdict.judge import SIGNIFICANCE, STRICT


@dataclass(frozen=True)
class FairRatings:
    """A task's people with strictness taken off.

    Attributes
    ----------
    strictness : Strictness
        Estimated on all images.
    ratings : Ratings
        Each rating moved by its evaluator's strictness as the other folds' images have it.
    """

    strictness: Strictness
    ratings: Ratings


def fair_ratings(ratings: Ratings) -> FairRatings:
    """Estimate strictness, and take it off.

    Parameters
    ----------
    ratings : Ratings
        The people.

    Returns
    -------
    FairRatings
        The strictness that is shown rests on all images; what is taken off a rating, on the images of the other folds,
        so it is cross-validated: nobody's ratings were moved towards the others' by what they say themselves.
    """
    moved = without_strictness(ratings.values, ratings.folds, ratings.held_together)
    return FairRatings(strictness(ratings.values, ratings.clusters), replace(ratings, values=moved))


def add_people(entry: dict[str, Any], ratings: Ratings, fair: FairRatings) -> None:
    """Add strictness, and what grades are without it, to a task's entry.

    Parameters
    ----------
    entry : dict
        As `calibration.report.people.people_entry` made it. It gets ``strictness``: ``spread`` (the standard deviation
        among people like these, unit scale), ``p`` (that all are equally strict), ``islands`` (sets of evaluators of
        whom enough is known between which no image makes a link), ``same_people`` (whether all of these rated every
        image), ``alpha`` and
        ``alpha_without`` (interval alpha of the ratings and of those without strictness), ``person_grade`` and
        ``person_grade_without`` (one person against another) and ``sentence``. Each evaluator gets ``strictness`` and
        ``strictness_interval`` (unit scale, above 0 for who rates lower than the others do), and
        ``grade_without_strictness``, against the mean of the others, for the task's k.
    ratings : Ratings
        The people.
    fair : FairRatings
        Of the same task.
    """
    found, matrix = fair.strictness, ratings.values
    graded = evaluator_grades(fair.ratings.values, ratings.k)
    known = is_known(evaluator_shares(matrix))
    if len(ratings.evaluators) > 1:
        for column, name in enumerate(ratings.evaluators):
            entry["evaluators"][name] |= {
                "strictness": float(found.values[column]),
                "strictness_interval": list(found.intervals[column]),
                "grade_without_strictness": float(graded[column]),
            }
    entry["strictness"] = {
        "spread": found.spread,
        "p": found.p,
        "islands": strictness(matrix[:, known], ratings.clusters).islands,
        "same_people": bool((~np.isnan(matrix[:, known])).all()),
        "alpha": interval_alpha(matrix),
        "alpha_without": interval_alpha(fair.ratings.values),
        "person_grade": _person_grade(ratings),
        "person_grade_without": _person_grade(fair.ratings),
    }


def metric_without_strictness(task: ScoredTask, fair: FairRatings) -> dict[str, float] | None:
    """The entry ``without_strictness`` of a metric.

    Parameters
    ----------
    task : ScoredTask
        The metric and the people.
    fair : FairRatings
        Of the same task.

    Returns
    -------
    dict or None
        ``grade``, ``constant``, ``person``, ``skill`` and ``person_skill``: the mapping is fitted to the other
        evaluators' ratings without their strictness, and graded against the held-out one's ratings without theirs, as
        every person is and the constant, which is the level that fits these ratings without strictness best. None where
        no rated item has a score.
    """
    if not len(task.scores):
        return None
    found = task.with_ratings(fair.ratings).cross_validated()
    return {
        "grade": found.grade_mean,
        "constant": found.constant_mean,
        "person": found.person_mean,
        "skill": found.metric_skill,
        "person_skill": found.person_skill,
    }


def _person_grade(ratings: Ratings) -> float:
    """One person against another, weighed as everywhere in the report."""
    return weighted_mean(person_to_person_grades(ratings.values, ratings.k), pair_weights(ratings.values))


def strictness_sentence(entry: Mapping[str, Any], step: float = LIKERT.step) -> str:
    """What is said of people's strictness; "" where nothing is known of it.

    Parameters
    ----------
    entry : mapping
        A task's entry ``strictness``.
    step : float
        One rating step on the unit scale.

    Examples
    --------
    >>> strictness_sentence({"spread": 0.05, "p": 0.001, "islands": 1})
    'Evaluators differ in strictness with a standard deviation of 0.20 of a rating step, which is little.'
    """
    if entry["islands"] > 1:
        return (
            f"Evaluators are in {entry['islands']} sets between which no image makes a link, so strictness is compared "
            "within each set only."
        )
    spread, p = entry["spread"], entry["p"]
    if spread is None or p is None:
        return ""
    if p >= SIGNIFICANCE:
        return "These data do not show that evaluators differ in strictness."
    said = f"Evaluators differ in strictness with a standard deviation of {spread / step:.2f} of a rating step"
    if spread < step * STRICT:  # so small a shift breaks as many equal answers as it makes
        return f"{said}, which is little."
    return (
        f"{said}; with that taken off, one person against another has a grade of "
        f"{entry['person_grade_without']:.2f} in place of {entry['person_grade']:.2f}."
    )
