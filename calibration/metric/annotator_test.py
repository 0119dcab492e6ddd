"""The alternative annotator test: may a metric take an evaluator's place?

Each evaluator in turn is set beside the candidate: on every item, who lies nearer to the other evaluators? The
candidate wins against an evaluator if it is nearer at least as often, but for epsilon, the advantage that it is granted
for being cheap; it passes if it wins against half of them. A constant answer can pass as well, so its result belongs
beside the candidate's.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from calibration.comparison.correlation_tests import benjamini_yekutieli
from calibration.core.evaluator_weights import evaluator_shares, is_known, trust, weighted_mean
from calibration.core.grades import Array

EPSILON = 0.15
"""Between .1 for crowd workers and .2 for experts, as its authors recommend for trained people."""

SIGNIFICANCE = 0.05
LEAST_ITEMS = 30
_TIE = 1e-9


@dataclass(frozen=True)
class AnnotatorTest:
    """What the test found.

    Attributes
    ----------
    advantages : ndarray, shape (evaluators,)
        How often the candidate is at least as near to the others as the evaluator is; NaN below 30 items, and for an
        evaluator of whom too little is known to be compared with.
    p : ndarray, shape (evaluators,)
        Of the claim that the candidate comes up to the evaluator but for epsilon, adjusted by Benjamini and Yekutieli.
    epsilon : float
        The advantage granted.
    weights : ndarray, shape (evaluators,)
        How much each weighs in the means over them.
    """

    advantages: Array
    p: Array
    epsilon: float
    weights: Array

    @property
    def winning_rate(self) -> float:
        """The share of evaluators that the candidate wins against; NaN where none could be tested."""
        return weighted_mean(np.where(np.isnan(self.p), np.nan, self.p < SIGNIFICANCE), self.weights)

    @property
    def advantage(self) -> float:
        """The average advantage probability; .5 or more for one as good as the evaluators (draws count for both)."""
        return weighted_mean(self.advantages, self.weights)

    @property
    def passes(self) -> bool | None:
        """Whether it wins against half of the evaluators; None where none could be tested."""
        return None if np.isnan(self.winning_rate) else self.winning_rate >= 0.5 - _TIE


def alternative_annotator_test(
    candidate: Array, ratings: Array, epsilon: float = EPSILON, k: float = 1.0
) -> AnnotatorTest:
    """Test whether a candidate may take an evaluator's place.

    Parameters
    ----------
    candidate : ndarray, shape (items,) or (items, evaluators)
        Answers on the unit scale, NaN where missing; column e holds those that never saw evaluator e.
    ratings : ndarray, shape (items, evaluators)
        Unit scale, NaN where missing.
    epsilon : float
        In [0, 1).
    k : float
        The exponent of the distance: how near an answer is to the others is minus the mean of |answer - other|^k.

    Returns
    -------
    AnnotatorTest

    Notes
    -----
    With W_f the share of items where the candidate is at least as near to the other evaluators as evaluator j is, and
    W_h the share where j is at least as near, the test is of W_f > W_h - epsilon: a one-sided t-test of the items'
    differences. It takes 30 items for an evaluator, and at least one other evaluator on each. Calderon et al. use
    minus the root of the mean squared difference for ratings; here it is the distance of our grades. The others of an
    item, and the evaluators won against, weigh as in `calibration.core.evaluator_weights`.

    References
    ----------
    Calderon, N., Reichart, R. and Dror, R. (2025). The alternative annotator test for LLM-as-a-judge: how to
    statistically justify replacing human annotators with LLMs. ACL.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> quality = rng.normal(size=200)
    >>> ratings = np.clip(np.round(2 + quality[:, None] + rng.normal(size=(200, 4))), 0, 4) / 4
    >>> alternative_annotator_test(np.clip(2 + quality, 0, 4) / 4, ratings).winning_rate
    1.0
    """
    people = ratings.shape[1]
    answers = np.broadcast_to(candidate[:, None], ratings.shape) if candidate.ndim == 1 else candidate
    advantages, p = np.full(people, np.nan), np.full(people, np.nan)
    known, shares = trust(ratings), evaluator_shares(ratings)
    for one in np.flatnonzero(is_known(shares)).tolist():
        rows = np.flatnonzero(~np.isnan(ratings[:, one]) & ~np.isnan(answers[:, one]))
        others, weights = np.delete(ratings[rows], one, axis=1), np.delete(known, one)
        given = (~np.isnan(others) * weights).sum(axis=1)
        rows, others, given = rows[given > 0], others[given > 0], given[given > 0]
        if len(rows) < LEAST_ITEMS:
            continue
        mine, theirs = (
            np.nansum(np.abs(each[rows, one, None] - others) ** k * weights, axis=1) / given
            for each in (answers, ratings)
        )
        candidate_wins, person_wins = mine <= theirs + _TIE, theirs <= mine + _TIE
        advantages[one] = candidate_wins.mean()
        behind = person_wins.astype(float) - candidate_wins
        if np.ptp(behind) == 0:
            p[one] = 0.0 if behind[0] < epsilon else 1.0
        else:
            t = (behind.mean() - epsilon) / np.sqrt(behind.var(ddof=1) / len(behind))
            p[one] = special.stdtr(len(behind) - 1, t)
    return AnnotatorTest(advantages, benjamini_yekutieli(p), epsilon, shares)


def annotator_test_entry(candidate: Array, constant: float, ratings: Array, k: float = 1.0) -> dict[str, Any] | None:
    """What the report says: the candidate's result beside that of a constant answer.

    Parameters
    ----------
    candidate : ndarray, shape (items,) or (items, evaluators)
        Answers on the unit scale.
    constant : float
        The constant answer, on the unit scale; it is tried on the candidate's items.
    ratings : ndarray, shape (items, evaluators)
        Unit scale, NaN where missing.
    k : float
        The exponent of the distance.

    Returns
    -------
    dict or None
        ``winning_rate``, ``advantage``, ``epsilon``, ``passes``, ``constant_winning_rate``, ``constant_passes`` and
        ``sentence``. None with fewer than three evaluators, or where none could be tested.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> quality = rng.normal(size=200)
    >>> ratings = np.clip(np.round(2 + 2 * quality[:, None] + 0.5 * rng.normal(size=(200, 4))), 0, 4) / 4
    >>> annotator_test_entry(np.clip(2 + 2 * quality, 0, 4) / 4, 0.5, ratings)["sentence"]
    'It passes, and a constant answer does not. The test grants a metric an advantage.'
    """
    if is_known(evaluator_shares(ratings)).sum() < 3:
        return None
    everywhere = np.where(np.isnan(candidate), np.nan, constant)
    found, beside = (alternative_annotator_test(each, ratings, EPSILON, k) for each in (candidate, everywhere))
    if found.passes is None:
        return None
    return {
        "winning_rate": found.winning_rate,
        "advantage": found.advantage,
        "epsilon": EPSILON,
        "passes": found.passes,
        "constant_winning_rate": beside.winning_rate,
        "constant_passes": beside.passes,
        "sentence": _sentence(found.passes, bool(beside.passes)),
    }


def _sentence(passes: bool, constant_passes: bool) -> str:
    if passes and constant_passes:
        return "It passes, but so does a constant answer: with people who agree so little the test says nothing here."
    if passes:
        return "It passes, and a constant answer does not. The test grants a metric an advantage."
    if constant_passes:
        return "It does not pass, although a constant answer does."
    return "It does not pass, nor does a constant answer."
