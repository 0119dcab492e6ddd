"""By how much images of one prompt or subject being alike multiplies the variances of a report's figures."""

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from scipy import stats

from calibration.core.buckets import fit_buckets
from calibration.core.evaluator_weights import best_constant
from calibration.core.grades import Array
from calibration.people.variance import variance_components
from calibration.scale import LIKERT
from metrics.errors import InputError


@dataclass(frozen=True)
class DesignEffects:
    """The variance of a figure with images that are alike, over that with as many independent ones; at least 1.

    Attributes
    ----------
    correlation : float
        Of a metric's correlation with people, and of the difference of two.
    grade, skill : float
        Of a metric's grade against a person, and of its gain over the best constant.
    agreement : float
        Of the intraclass correlation of one rating.

    Raises
    ------
    InputError
        For values below 1, or without an end.
    """

    correlation: float = 1.0
    grade: float = 1.0
    skill: float = 1.0
    agreement: float = 1.0

    def __post_init__(self) -> None:
        for value in self.all():
            if not 1 <= value < np.inf:
                raise InputError(f"The design effect is {value:g}; it must be at least 1.")

    @classmethod
    def same(cls, value: float) -> "DesignEffects":
        """One for all figures."""
        return cls(*[value] * len(fields(cls)))

    def all(self) -> tuple[float, ...]:
        """The values, in the order of the attributes."""
        return self.correlation, self.grade, self.skill, self.agreement

    def of(self, figure: str) -> float:
        """That of one of the plan's figures: spearman, pearson, grade, skill or icc."""
        names = {"spearman": "correlation", "pearson": "correlation", "icc": "agreement"}
        return float(getattr(self, names.get(figure, figure)))


def design_effects(ratings: Array, columns: list[Array], clusters: pd.Series) -> DesignEffects:
    """Estimate the design effects from a pilot.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Unit scale, NaN where missing.
    columns : list of ndarray, shape (items,)
        Scores of no metric, one or two, higher is better, NaN where missing; of several the greatest effect counts.
    clusters : Series
        The prompt or subject of each item.

    Returns
    -------
    DesignEffects

    Notes
    -----
    A figure is nearly a mean over images of its influence function; its variance with clusters is that of the
    clusters' sums. The mapping behind grades is taken as fixed, as small errors of an optimum do not move a grade.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> prompt = np.repeat(np.arange(100), 5)
    >>> liking = rng.normal(size=100)[prompt]
    >>> ratings = np.clip(np.rint(2 + liking[:, None] + 0.5 * rng.normal(size=(500, 3))), 0, 4) / 4
    >>> found = design_effects(ratings, [liking + rng.normal(size=500)], pd.Series(prompt))
    >>> found.agreement > 2, found.agreement > found.correlation
    (True, True)
    """
    codes = np.asarray(pd.factorize(clusters)[0])
    count = np.sum(~np.isnan(ratings), axis=1)
    mean = np.divide(np.nansum(ratings, axis=1), count, out=np.full(len(ratings), np.nan), where=count > 0)
    known = (~np.isnan(np.array([*columns, mean])).any(axis=0)) & (codes >= 0)
    correlation, grade, skill = [], [], []
    for values in columns:
        correlation.append(_rank_influence(values[known], mean[known]))
        of_grade, of_skill = _grade_influences(values[known], ratings[known])
        grade.append(of_grade)
        skill.append(of_skill)
    if len(correlation) == 2:
        correlation.append(correlation[0] - correlation[1])
    paired = (count >= 2) & (codes >= 0)
    return DesignEffects(
        _effect(correlation, codes[known]),
        _effect(grade, codes[known]),
        _effect(skill, codes[known]),
        _effect([_agreement_influence(ratings[paired])], codes[paired]),
    )


def _effect(parts: list[Array], codes: Array) -> float:
    """How many times greater the variance of the clusters' sums is than that of independent images'; the greatest."""
    effects = [1.0]
    count = codes.max(initial=-1) + 1
    for part in parts:
        centred = part - part.mean()
        if count > 1 and np.any(centred):
            sums = np.bincount(codes, centred)
            effects.append(float(np.sum(sums**2) / np.sum(centred**2) * count / (count - 1)))
    return max(effects)


def _rank_influence(x: Array, y: Array) -> Array:
    """What each image adds to Spearman's correlation: by its own ranks, and by moving the ranks of others."""
    u, v = (_standard(np.asarray(stats.rankdata(values))) for values in (x, y))
    return np.asarray(u * v + np.sqrt(12) * (_mean_above(x, v) + _mean_above(y, u)))


def _grade_influences(scores: Array, ratings: Array) -> tuple[Array, Array]:
    """What each image adds to a metric's grade, and to its skill: by how far its answer and the constant's lie off."""
    mapping, constant = fit_buckets(scores, ratings), best_constant(ratings)
    assert mapping is not None and constant is not None
    answers = LIKERT.of_levels(mapping.levels(scores))
    off = np.nanmean(np.abs(ratings - answers[:, None]), axis=1)
    of_constant = np.nanmean(np.abs(ratings - LIKERT.unit[constant - 1]), axis=1)
    total = of_constant.mean()
    return -off, -off if total == 0 else (off.mean() / total * of_constant - off) / total


def _agreement_influence(ratings: Array) -> Array:
    """What each image adds to ICC(2, 1): by its mean rating's distance from all others', and by its ratings' spread."""
    components = variance_components(ratings)
    if components is None:
        return np.zeros(len(ratings))
    n = np.sum(~np.isnan(ratings), axis=1)
    mean = np.nanmean(ratings, axis=1)
    between, within = (mean - mean.mean()) ** 2, np.nansum((ratings - mean[:, None]) ** 2, axis=1) / (n - 1)
    items, everything = components.items, components.items + components.evaluators + components.residual
    if everything == 0:
        return np.zeros(len(ratings))
    of_items = between - within / n
    return np.asarray(of_items / everything - items / everything**2 * (of_items + within))


def _standard(values: Array) -> Array:
    return np.asarray((values - values.mean()) / values.std())


def _mean_above(values: Array, weights: Array) -> Array:
    """Of each value: the sum of the weights at greater values, and half of those at equal ones, over their number."""
    places = np.unique(values, return_inverse=True)[1]
    at = np.bincount(places, weights)
    return np.asarray((np.cumsum(at[::-1])[::-1] - at / 2)[places] / len(values))
