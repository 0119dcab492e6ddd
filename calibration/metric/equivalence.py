"""Is a metric as good as the median evaluator? Two one-sided tests, and an answer that may be 'cannot tell'."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student

from calibration.core.evaluator_weights import weighted_median
from calibration.core.grades import Array
from calibration.core.intervals import CONFIDENCE, group_codes
from calibration.core.ratings import Ratings
from calibration.core.resampling import group_draws
from calibration.metric.same_target import SameTarget
from calibration.scale import LIKERT

Answer = Literal["yes", "no", "cannot tell"]

MARGIN = 0.1 * LIKERT.step
"""A difference of grades that does not matter, at most: a tenth of the step between two ratings."""

SHARE = 0.25
"""Nor may it be more than this share of what the median evaluator is better than a constant answer."""

_NOTHING = 0.001  # of a rating step; a smaller margin is none


@dataclass(frozen=True)
class Equivalence:
    """The result of two one-sided tests; every field is NaN where it cannot be known."""

    difference: float
    standard_error: float
    freedom: float
    p: float


def equivalence_test(differences: Array, margin: float, clusters: ArrayLike | None = None) -> Equivalence:
    """Two one-sided tests that a mean paired difference lies within (-margin, margin).

    Parameters
    ----------
    differences : ndarray of float, shape (items,)
        Metric minus evaluator, item by item; NaN where either is missing.
    margin : float
        The largest difference that does not matter, above 0, in the unit of the differences.
    clusters : array_like, shape (items,), optional
        The group of each item; without it every item is its own group.

    Returns
    -------
    Equivalence
        Mean difference, its standard error, degrees of freedom (groups - 1) and the larger of the two p-values.

    Notes
    -----
    With G groups, residual sums S_g and n items, the variance of the mean is G / (G - 1) * sum S_g^2 / n^2.
    With one item a group this is the paired t-test. Evaluators are held fixed.

    References
    ----------
    Schuirmann, D. J. (1987). A comparison of the two one-sided tests procedure and the power approach for assessing the
    equivalence of average bioavailability. Journal of Pharmacokinetics and Biopharmaceutics 15, 657-680.

    Examples
    --------
    >>> round(equivalence_test(np.array([-1.0, 0.0, 1.0]), 2.0).p, 4)
    0.0371
    """
    present = np.isfinite(differences)
    values = differences[present]
    labels = np.arange(values.size) if clusters is None else np.asarray(clusters)[present]
    groups, group = np.unique(labels, return_inverse=True)
    if groups.size < 2:
        return Equivalence(float(values.mean()) if values.size else np.nan, np.nan, np.nan, np.nan)
    mean = float(values.mean())
    sums = np.bincount(group, weights=values - mean)
    freedom = float(groups.size - 1)
    error = float(np.sqrt(groups.size / freedom * (sums**2).sum()) / values.size)
    return Equivalence(mean, error, freedom, two_one_sided(mean, error, freedom, margin))


def two_one_sided(difference: float, standard_error: float, freedom: float, margin: float) -> float:
    """The p-value of the claim that a difference lies within (-margin, margin): the larger of two one-sided ones.

    Returns
    -------
    float
        NaN for a standard error of 0.

    Examples
    --------
    >>> round(two_one_sided(0.0, 0.01, 4.0, 0.05), 4)
    0.0037
    """
    if not standard_error > 0:
        return float("nan")
    from_below = student.sf((difference + margin) / standard_error, freedom)
    from_above = student.cdf((difference - margin) / standard_error, freedom)
    return float(max(from_below, from_above))


def as_good_as_median(difference: float, standard_error: float, freedom: float, margin: float = MARGIN) -> Answer:
    """Read the answer off the 95 % t interval of metric minus median evaluator.

    Parameters
    ----------
    difference, standard_error, freedom : float
        The standard error and its degrees of freedom must carry the uncertainty of the evaluators.
    margin : float
        The largest difference that does not matter.

    Returns
    -------
    {"yes", "no", "cannot tell"}
        "yes" where the whole interval lies above -margin, "no" where it lies below, else "cannot tell".

    Examples
    --------
    >>> as_good_as_median(0.0, 0.01, 4.0, 0.05), as_good_as_median(0.0, 0.1, 4.0, 0.05)
    ('yes', 'cannot tell')
    """
    half = student.ppf((1 + CONFIDENCE) / 2, freedom) * standard_error if standard_error > 0 else 0.0
    if difference - half > -margin:
        return "yes"
    return "no" if difference + half < -margin else "cannot tell"


def median_evaluator(same: SameTarget, ratings: Ratings) -> dict[str, Any] | None:
    """Compare a metric with the median evaluator, both mapped alike and graded against the same people on new images.

    Parameters
    ----------
    same : SameTarget
        What `calibration.metric.same_target.EvaluatorsAsMetrics.compare` found.
    ratings : Ratings
        Of the same items.

    Returns
    -------
    dict or None
        ``answer`` ("yes", "no", "cannot tell"), ``difference`` (the metric's grade minus the median evaluator's), its
        interval ``low`` and ``high`` for people like these, ``margin``, ``p`` (of the claim that they differ by less
        than the margin) and ``sentence``. None for fewer than three evaluators, or without draws.

    Notes
    -----
    The median of the differences varies with the images (bootstrap of the items' influence on each difference, the
    mappings held) and with the evaluators: for E differences of standard deviation s the median's standard error is
    about sqrt(pi / 2) s / sqrt(E). The degrees of freedom are Satterthwaite's, E - 1 for the evaluators' part. Where
    evaluators weigh differently (`calibration.core.evaluator_weights`), median and s are weighted and E is 1 / sum of
    the squared weights.

    The margin is a tenth of a rating step, or a quarter of the median evaluator's gain over the best constant where
    that is less: where people agree little their whole gain may be within a tenth of a step, and a constant with it.

    Examples
    --------
    >>> from calibration.core.ratings import ScoredTask
    >>> from calibration.metric.same_target import EvaluatorsAsMetrics
    >>> rng = np.random.default_rng(0)
    >>> quality = rng.normal(size=300)
    >>> ratings = np.clip(np.round(2 + quality[:, None] + rng.normal(size=(300, 5))), 0, 4) / 4
    >>> people = Ratings(ratings)
    >>> median_evaluator(EvaluatorsAsMetrics(people).compare(ScoredTask.of(quality, people)), people)["answer"]
    'yes'
    """
    known = same.is_compared
    if known.sum() < 3 or ratings.resampling.draws < 2:
        return None
    ahead = (same.metric_grades - same.person_grades)[known]
    weights = same.weights[known] / same.weights[known].sum()
    people = 1 / float(weights @ weights)
    n = len(same.influence)
    drawn = group_draws(group_codes(ratings.clusters, n), ratings.resampling.of_items(n))
    items = float(np.var(drawn.figures(lambda w: weighted_median(ahead + w @ same.influence[:, known], weights))))
    spread = float(weights @ (ahead - weights @ ahead) ** 2) * people / (people - 1)
    evaluators = np.pi / 2 * spread / people
    gain = float(weighted_median((same.person_grades - same.constant_grades)[known], weights))
    margin = min(0.1 * ratings.scale.step, max(SHARE * gain, 0.0))
    difference, error = float(weighted_median(ahead, weights)), float(np.sqrt(items + evaluators))
    freedom = min((items + evaluators) ** 2 / max(evaluators**2 / (people - 1), 1e-300), 1e6)
    answer = as_good_as_median(difference, error, freedom, margin)
    half = float(student.ppf((1 + CONFIDENCE) / 2, freedom)) * error if error > 0 else 0.0
    return {
        "answer": answer,
        "difference": difference,
        "low": difference - half,
        "high": difference + half,
        "margin": margin,
        "p": two_one_sided(difference, error, freedom, margin),
        "sentence": _sentence(answer, difference + half, margin / ratings.scale.step),
    }


def _sentence(answer: Answer, high: float, steps_behind: float) -> str:
    if steps_behind < _NOTHING:
        said = {"yes": "is not worse than", "no": "is worse than"}
        if answer in said:
            return f"On new images it {said[answer]} the median evaluator, mapped alike."
        return (
            "These data do not show whether it is as good as the median evaluator, who does no better than a constant."
        )
    steps = f"{steps_behind:.2g} of a rating step"
    if answer == "yes":
        return f"On new images it is at most {steps} worse than the median evaluator, mapped alike."
    if answer == "no":
        return f"On new images it is more than {steps} worse than the median evaluator, mapped alike."
    if high < 0:
        return (
            "On new images it is worse than the median evaluator, mapped alike; whether by more than "
            f"{steps}, these data do not show."
        )
    return f"These data do not show whether it comes within {steps} of the median evaluator."
