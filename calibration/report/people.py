"""What the report says of a task's people: each evaluator, and how far they agree."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from calibration.core.evaluator_weights import evaluator_shares, pair_weights, weighted_mean
from calibration.core.grades import evaluator_grades, person_to_person_grades
from calibration.core.ratings import Ratings
from calibration.core.resampling import STEPS
from calibration.notes import Named, Note
from calibration.people.agreement import krippendorff_alpha
from calibration.people.agreement_intervals import agreement_intervals, grade_intervals
from calibration.people.concordance import kendalls_w
from calibration.people.consistency import own_consistency, reliability_of_mean, split_half
from calibration.people.kappa import pair_kappas
from calibration.people.kappa_intervals import pair_kappa_intervals
from calibration.people.recovery import recovery_entry
from calibration.people.screening import Flag
from calibration.people.variance import intraclass_correlations, variance_components
from calibration.report.anonymous import is_simulated, simulated_note

FEW_ITEMS = 100


def median_response_ms(rows: pd.DataFrame) -> dict[str, float]:
    """Each evaluator's median response time, of the answers for which it is known.

    Parameters
    ----------
    rows : DataFrame
        evaluator and, where known, response_ms.

    Returns
    -------
    dict
        By evaluator, milliseconds; without those of whom nothing is known. It is shown and decides nothing: quick
        evaluators are not worse ones.

    Examples
    --------
    >>> median_response_ms(pd.DataFrame({"evaluator": ["x", "x", "y"], "response_ms": ["900", "1100", ""]}))
    {'x': 1000.0}
    """
    if "response_ms" not in rows.columns:
        return {}
    times = pd.to_numeric(rows["response_ms"], errors="coerce").astype(float)
    known = times[np.isfinite(times) & (times >= 0)]
    return {str(name): float(time) for name, time in known.groupby(rows["evaluator"]).median().items()}


def people_entry(
    ratings: Ratings,
    flags: Sequence[Flag] = (),
    repeats: pd.DataFrame | None = None,
    response_ms: Mapping[str, float] | None = None,
    for_raters: bool = False,
) -> dict[str, Any]:
    """The part of a task's report that needs no metric.

    Parameters
    ----------
    ratings : Ratings
        The people.
    flags : sequence of Flag
        Whom `calibration.people.screening.screen` names.
    repeats : DataFrame, optional
        The task's ratings with those that were asked twice, for each evaluator's own consistency.
    response_ms : mapping of str to float, optional
        As `median_response_ms` finds them.
    for_raters : bool
        Whether no sentence may be about a single evaluator.

    Returns
    -------
    dict
        Counts, evaluators, agreement, reliability, notes, and no metrics yet.
    """
    matrix, evaluators, k = ratings.values, ratings.evaluators, ratings.k
    exponents = sorted({1.0, 2.0, k})
    grades = {f"{exponent:g}": evaluator_grades(matrix, exponent) for exponent in exponents}
    rated, shares = ~np.isnan(matrix), evaluator_shares(matrix)
    people: dict[str, dict[str, Any]] = {}
    notes: list[Note] = []
    for index, name in enumerate(evaluators):
        own = matrix[rated[:, index], index]
        shared = int((rated[:, index] & (rated.sum(axis=1) >= 2)).sum())
        remarks = []
        if len(evaluators) > 1 and not shared:
            remarks.append("Shares no item with another evaluator, so there is no grade.")
        if len(own) > 1 and np.ptp(own) == 0 and not any(index in flag.evaluators for flag in flags):
            remarks.append(f"Gave the rating {ratings.scale.from_unit(own[0]):g} to every item.")
        people[name] = {
            "n": len(own),
            "n_shared": shared,
            "simulated": is_simulated(name),
            "weight": float(shares[index]),
            "mean": float(own.mean()),
            "std": float(own.std()),
            "grade": {exponent: values[index] for exponent, values in grades.items()},
            "notes": remarks,
        }
        if response_ms and name in response_ms:
            people[name]["median_response_ms"] = response_ms[name]
        if not for_raters:
            notes += [Named("", name, f": {remark}") for remark in remarks]
    if for_raters:
        notes += simulated_note(list(evaluators))
    for flag in flags:
        notes.append(flag.note)
        for index in flag.evaluators:
            people[evaluators[index]]["notes"].append(flag.sentence)
    for index, interval in enumerate(grade_intervals(ratings)):
        people[evaluators[index]]["grade_interval"] = list(interval)
    alphas: dict[str, float] = {
        level: krippendorff_alpha(matrix, level) for level in ("nominal", "ordinal", "interval")
    }
    components = variance_components(matrix)
    if len(evaluators) == 1:
        name = "" if for_raters else f" ({evaluators[0]})"
        notes.append(
            f"Only one evaluator{name} rated this task, so people cannot be graded and no metric can be "
            "cross-validated; have at least two people rate the same items."
        )
    elif np.isnan(alphas["nominal"]):
        reason = "no item was rated by two" if not (rated.sum(axis=1) >= 2).any() else "all ratings are equal"
        notes.append(f"Krippendorff's alpha is not defined: {reason}.")
    draws = ratings.resampling.draws
    if (few := ratings.resampling.of_items(len(matrix)).draws) < draws:
        notes.append(
            f"With {len(matrix):,} images, figures that need scores have intervals from {few:,} draws, not the "
            f"{draws:,} asked for, and draws and shuffles group neighbouring scores ({STEPS:,} steps); no figure "
            "itself is grouped."
        )
    if len(matrix) < FEW_ITEMS:
        were = "1 item was" if len(matrix) == 1 else f"{len(matrix)} items were"
        notes.append(
            f"Only {were} rated: the mapping is fitted on the same few, which flatters every metric; rate {FEW_ITEMS} "
            "or more before you rely on a verdict."
        )
    return {
        "n_items": len(matrix),
        "n_evaluators": len(evaluators),
        "n_ratings": int(rated.sum()),
        "evaluators": people,
        "agreement": {
            "krippendorff_alpha": alphas,
            "person_to_person_grade": weighted_mean(person_to_person_grades(matrix, k), pair_weights(matrix)),
            "icc": None if components is None else intraclass_correlations(components),
            "kendall_w": kendalls_w(matrix),
            "intervals": agreement_intervals(ratings),
        },
        "reliability_of_people": _reliability(ratings, repeats),
        "recovery": recovery_entry(ratings),
        "metrics": {},
        "notes": notes,
    }


def _reliability(ratings: Ratings, repeats: pd.DataFrame | None) -> dict[str, Any]:
    """How steady people are, and what that leaves for a metric to reach."""
    matrix, k, seed = ratings.values, ratings.k, ratings.resampling.seed
    reliability = reliability_of_mean(matrix, seed)
    consistency = None if repeats is None else own_consistency(repeats, ratings.scale).to_dict(orient="index")
    return {
        "split_half": split_half(matrix, seed),
        "spearman_brown": reliability,
        "correlation_ceiling": float(np.sqrt(reliability)) if reliability > 0 else float("nan"),
        "ceiling": {
            "person": weighted_mean(person_to_person_grades(matrix, k), pair_weights(matrix)),
            "mean_of_others": weighted_mean(evaluator_grades(matrix, k), evaluator_shares(matrix)),
        },
        "own_consistency": consistency or None,
        "pair_kappas": _pair_kappas(ratings),
    }


def _pair_kappas(ratings: Ratings) -> list[dict[str, Any]]:
    """The kappas of every two people, with intervals for other images where there are not too many."""
    found = pair_kappas(ratings.values, list(ratings.evaluators), ratings.scale)
    intervals = pair_kappa_intervals(ratings)
    if intervals is None:
        return found
    return [
        pair | {f"{name}_interval": list(limits) for name, limits in known.items()}
        for pair, known in zip(found, intervals, strict=True)
    ]
