"""What the reports of planned studies will show: a few such studies are simulated, and the report's own functions run.

A plan that reckoned with formulas of its own would promise intervals that the report does not draw, and numbers of
images of which the report says that no metric can be judged by them. So the widths come from
`calibration.metric.bootstrap.metric_intervals`, and whether a metric can be judged at all from the figures and limits
by which `calibration.verdict.judge` refuses. Sizes and panels between and beyond the simulated ones follow from a
surface that falls with the number of images and with that of evaluators.
"""

import re
import zlib
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np
from scipy import optimize, stats

from calibration.core.crossvalidation import cross_validate
from calibration.core.grades import Array
from calibration.core.intervals import CONFIDENCE, UNKNOWN, Interval, left_out, percentiles, with_other_people
from calibration.core.item_folds import item_folds
from calibration.core.ratings import Ratings, ScoredTask
from calibration.core.resampling import Drawn, Resampling
from calibration.metric.bootstrap import metric_intervals
from calibration.people.agreement import interval_alpha, krippendorff_alpha
from calibration.people.strictness import without_strictness
from calibration.people.variance import ComponentSums, many_intraclass_correlations
from calibration.people.worth_intervals import worth_intervals
from calibration.planning.alike import DesignEffects
from calibration.planning.model import Statistic, latent_ratings
from calibration.planning.study import PlannedStudy
from calibration.scale import LIKERT
from calibration.verdict.judge import CHANCE, LEAST_ITEMS

Kind = Literal["these", "people_like_these"]

KINDS: tuple[Kind, ...] = ("these", "people_like_these")
_SIZES = (50, 200, 800)
_PANELS = {2: 8, 3: 20, 5: 16, 10: 6, 25: 4}
"""Evaluators: how many studies of each size, for the widths; large panels are more alike than small ones."""
_DRAWS = 100
_JUDGED_STUDIES = 24
_JUDGES = (2, 3, 5, 10)
_LADDER = tuple(round(LEAST_ITEMS * step) for step in (1, 1.25, 1.6, 2, 2.5, 3.2, 4, 6, 8, 12, 16, 32))
MOST_JUDGED = _LADDER[-1]
"""Images; where these are too few to be judged, more are not tried."""

_FEW = 100  # images on which an interval may be narrower than many images let expect
_ANY = 0.5  # a metric's correlation, where only what people are worth matters


def simulate(study: PlannedStudy, people: int, images: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """One study such as is planned.

    Parameters
    ----------
    study : PlannedStudy
        What it is like; the design effect is left to the number of images.
    people, images : int
        How many.
    rng : Generator
        Of the draws.

    Returns
    -------
    scores : ndarray, shape (images, metrics)
    ratings : ndarray, shape (images, evaluators)
        On the unit scale.

    Notes
    -----
    As in `calibration.planning.model`. Where the study has people, each evaluator is one of them, drawn with
    replacement. Else all are equally reliable, and where they are of different strictness, each has a normal constant
    added to the variable behind their ratings, and the cuts are moved apart until all ratings have the stated shares.

    Examples
    --------
    >>> scores, ratings = simulate(PlannedStudy(0.5, (0.6,)), 3, 2000, np.random.default_rng(0))
    >>> scores.shape, ratings.shape, round(float(np.corrcoef(ratings[:, 0], ratings[:, 1])[0, 1]), 1)
    ((2000, 1), (2000, 3), 0.5)
    """
    metrics = len(study.correlations)
    matrix = np.eye(1 + metrics)
    matrix[0, 1:] = matrix[1:, 0] = study.correlations
    if metrics == 2:
        matrix[1, 2] = matrix[2, 1] = study.together
    drawn = rng.normal(size=(images, 1 + metrics)) @ np.linalg.cholesky(matrix).T
    if study.people:
        panel = rng.integers(len(study.people), size=people)
        return drawn[:, 1:], np.column_stack([study.people[one].rate(drawn[:, 0], rng) for one in panel])
    cuts, loading = latent_ratings(study.icc, tuple(study.levels))
    between = study.strictness / (1 - study.strictness)
    latent = loading * drawn[:, :1] + np.sqrt(1 - loading**2) * rng.normal(size=(images, people))
    latent += np.sqrt(between) * rng.normal(size=people)
    levels = np.searchsorted(cuts * np.sqrt(1 + between), latent)
    return drawn[:, 1:], LIKERT.of_levels(levels + 1.0)


def can_be_judged(scores: Array, ratings: Array, seed: int = 0) -> bool:
    """Whether the report would judge how a metric sorts images, or say that it cannot be judged by these people.

    Parameters
    ----------
    scores : ndarray, shape (items,)
        Finite scores.
    ratings : ndarray, shape (items, evaluators)
        Unit scale, NaN where missing.
    seed : int
        Of the folds.

    Returns
    -------
    bool

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> scores, ratings = simulate(PlannedStudy(0.5, (0.6,)), 3, 100, rng)
    >>> can_be_judged(scores[:, 0], ratings), can_be_judged(scores[:19, 0], ratings[:19])
    (True, False)
    """
    if len(scores) < LEAST_ITEMS or ratings.shape[1] < 2:
        return False
    if not krippendorff_alpha(ratings, "ordinal") >= CHANCE:
        folds = item_folds(np.arange(len(scores)), seed=seed)
        if not interval_alpha(without_strictness(ratings, folds)) >= CHANCE:
            return False
    return bool(np.isfinite(cross_validate(scores, ratings).metric_skill))


@dataclass(frozen=True)
class Surface:
    """The width of an interval, by the numbers of images n and of evaluators E.

    Attributes
    ----------
    of_images : ndarray, shape (9,)
        The squared width for these evaluators: the parts of 1/n, 1/n^2 and 1/(n + 100), of the same over E, and over
        E^2. All fall like 1/n in the end; the others make it fall faster or slower on few images.
    of_people : ndarray, shape (4,)
        What people like these add: the parts of 1/E, t^2/E, 1/(n E) and t^2/(n E), t being Student's with E - 1
        degrees of freedom, by which an interval grows where few people show how people differ. Zeros for these.
    fewest : int
        Evaluators; with fewer the report gives no such interval.
    """

    of_images: Array
    of_people: Array
    fewest: int

    def __call__(self, images: Array, people: int) -> Array:
        """From end to end; NaN where the report gives no such interval."""
        images = np.asarray(images, dtype=float)
        if people < self.fewest:
            return np.full(images.shape, np.nan)
        squared = _image_terms(images, people) @ self.of_images + _people_terms(images, people) @ self.of_people
        return np.asarray(np.sqrt(squared))


def _image_terms(images: Array, people: Array | int) -> Array:
    terms = np.stack([1 / images, 1 / images**2, 1 / (images + _FEW)], axis=-1)
    each = (1.0 / np.asarray(people, dtype=float) + np.zeros(images.shape))[..., None]
    return np.concatenate([terms, terms * each, terms * each**2], axis=-1)


def _people_terms(images: Array, people: Array | int) -> Array:
    people = np.maximum(np.asarray(people, dtype=float), 2) + np.zeros(images.shape)
    squared = stats.t.ppf((1 + CONFIDENCE) / 2, people - 1) ** 2
    return np.stack([1 / people, squared / people, 1 / (people * images), squared / (people * images)], axis=-1)


def width_surfaces(study: PlannedStudy) -> dict[tuple[str, Kind], Surface]:
    """How wide the report's intervals of a metric's figures come out, on average over studies such as is planned.

    Parameters
    ----------
    study : PlannedStudy
        With one metric; the design effects are left to the number of images.

    Returns
    -------
    dict of (figure, kind) to Surface
        For ``grade``, ``skill`` and ``spearman``, or ``pearson`` where that is the study's statistic.

    Examples
    --------
    >>> surfaces = width_surfaces(PlannedStudy(0.5, (0.6,)))
    >>> these, others = (surfaces["skill", kind](np.array([300.0]), 3)[0] for kind in KINDS)
    >>> bool(others > these)
    True
    """
    return _surfaces(_alike(study, study.correlations[:1], study.statistic))


def icc_surfaces(study: PlannedStudy) -> dict[tuple[str, Kind], Surface]:
    """The same of the intraclass correlation of one rating, ICC(2, 1), with or without a metric.

    Examples
    --------
    >>> surfaces = icc_surfaces(PlannedStudy(0.5))
    >>> [bool(surfaces["icc", kind](np.array([300.0]), 2)[0] > 0) for kind in KINDS]
    [True, False]
    """
    return _surfaces(_alike(study, ()))


@lru_cache(maxsize=64)
def _surfaces(study: PlannedStudy) -> dict[tuple[str, Kind], Surface]:
    of = _widths if study.correlations else _icc_widths
    sizes, means = [], []
    for people, studies in _PANELS.items():
        for images in _SIZES:
            rng = _generator(study, people, images)
            drawn = [of(*simulate(study, people, images, rng), study.statistic) for _ in range(studies)]
            sizes.append((images, people))
            means.append({each: _mean([widths[each] for widths in drawn]) for each in drawn[0]})
    images, people = np.array(sizes, dtype=float).T
    figures = dict.fromkeys(figure for figure, _ in means[0])
    found: dict[tuple[str, Kind], Surface] = {}
    for figure in figures:
        these, others = (np.array([widths[figure, kind] for widths in means]) for kind in KINDS)
        found |= _fitted(figure, images, people, these, others)
    return found


def _mean(widths: list[float]) -> float:
    known = [width for width in widths if np.isfinite(width)]
    return float(np.mean(known)) if known else float("nan")


def _fitted(figure: str, images: Array, people: Array, these: Array, others: Array) -> dict[tuple[str, Kind], Surface]:
    """The surfaces through mean widths; no part is negative, so neither images nor people make an interval wider.

    People like these are never known better than these: what they add is fitted to what is left of their widths.
    """
    of_images = _nonnegative(_image_terms(images, people), these**2, these**2)
    left = others**2 - _image_terms(images, people) @ of_images
    of_people = _nonnegative(_people_terms(images, people), left, others**2)
    return {
        (figure, "these"): Surface(of_images, np.zeros(len(of_people)), 2),
        (figure, "people_like_these"): Surface(of_images, of_people, 3),
    }


def _nonnegative(terms: Array, values: Array, size: Array) -> Array:
    """Parts, at least 0, of which the terms make up the values; errors count by the size of what they are part of."""
    known = np.isfinite(values) & (size > 0)
    if not known.any():
        return np.full(terms.shape[1], np.nan)
    return np.asarray(optimize.nnls(terms[known] / size[known, None], values[known] / size[known])[0])


def _widths(scores: Array, ratings: Array, statistic: Statistic) -> dict[tuple[str, Kind], float]:
    """Of the intervals that the report gives of one simulated study's metric; NaN for those that it does not give."""
    task = ScoredTask.of(scores[:, 0], Ratings(ratings, resampling=Resampling(_DRAWS)))
    found = metric_intervals(task)
    worth = (worth_intervals(task) if statistic == "pearson" else None) or {}
    widths = {}
    for kind in KINDS:
        known = ({} if found is None else getattr(found, kind)) | worth.get(kind, {})
        for figure in (statistic, "grade", "skill"):
            low, high = known.get(figure, (np.nan, np.nan))
            widths[figure, kind] = high - low
    return widths


def _icc_widths(scores: Array, ratings: Array, statistic: Statistic) -> dict[tuple[str, Kind], float]:
    found = icc_intervals(ratings, _DRAWS)
    return {("icc", kind): float(np.ptp(found[kind])) for kind in KINDS}


def icc_intervals(ratings: Array, draws: int = 1000, seed: int = 0) -> dict[Kind, Interval]:
    """The intervals of ICC(2, 1) alone; `calibration.people.agreement_intervals` gives the same among many figures.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Unit scale, NaN where missing, by two evaluators or more.
    draws, seed : int
        As there.

    Returns
    -------
    dict of kind to Interval
        NaN for people like these with two evaluators.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> _, ratings = simulate(PlannedStudy(0.5), 4, 100, rng)
    >>> low, high = icc_intervals(ratings)["people_like_these"]
    >>> low < 0.5 < high
    True
    """
    items, people = Drawn(ratings), ratings.shape[1]
    everyone = items.counts[None, :]
    sums = ComponentSums(items.ratings)
    drawn = items.draws(Resampling(draws, seed)).figures(lambda weights: _icc(sums, weights))
    without = [_icc(ComponentSums(np.delete(items.ratings, each, axis=1)), everyone)[0] for each in left_out(people)]
    others = with_other_people(float(_icc(sums, everyone)[0]), drawn, np.array(without), people, 0.0)
    return {"these": percentiles(drawn), "people_like_these": others if people > 2 else UNKNOWN}


def _icc(sums: ComponentSums, weights: Array) -> Array:
    return many_intraclass_correlations(sums.components(weights))["icc2"]


def fewest_judged(study: PlannedStudy, people: int) -> float:
    """The fewest images on which the report judges a metric in nearly every such study.

    Parameters
    ----------
    study : PlannedStudy
        Its metrics do not matter.
    people : int
        How many evaluators.

    Returns
    -------
    float
        Where at most one of 24 simulated studies could not be judged; one of a few sizes from 20 to `MOST_JUDGED`,
        times the design effect. NaN where these do not suffice: then people agree too little, or are too different.
        Panels of two, three, five and ten are simulated; any other counts as the next smaller one, and none needs more
        images than a smaller one.

    Examples
    --------
    >>> fewest_judged(PlannedStudy(0.1), 3), fewest_judged(PlannedStudy(0.8), 3)
    (nan, 20.0)
    """
    if people < _JUDGES[0]:
        return float("nan")
    alike = _alike(study, (_ANY,))
    fewest = np.fmin.reduce([_fewest_judged(alike, panel) for panel in _JUDGES if panel <= people])
    return float(np.ceil(study.design_effects.agreement * fewest))


@lru_cache(maxsize=128)
def _fewest_judged(study: PlannedStudy, people: int) -> float:
    return next((float(images) for images in _LADDER if _are_judged(study, people, images)), float("nan"))


def _are_judged(study: PlannedStudy, people: int, images: int) -> bool:
    """Whether nearly all simulated studies can be judged; ends with the second that cannot."""
    rng = _generator(study, people, images)
    refused = 0
    for _ in range(_JUDGED_STUDIES):
        scores, ratings = simulate(study, people, images, rng)
        refused += not can_be_judged(scores[:, 0], ratings)
        if refused > 1:
            return False
    return True


def _alike(study: PlannedStudy, correlations: tuple[float, ...], statistic: Statistic = "spearman") -> PlannedStudy:
    """The same for all plans whose simulated studies are alike: of one metric and independent images."""
    effects = DesignEffects()
    return replace(study, correlations=correlations, between=None, design_effects=effects, statistic=statistic)


def _generator(study: PlannedStudy, *sizes: int) -> np.random.Generator:
    """The same draws for the same plan, also where another processor gives its figures other last digits."""
    plan = re.sub(r"\d+\.\d+(e-?\d+)?", lambda found: f"{float(found[0]):.6g}", repr(study))
    return np.random.default_rng([zlib.crc32(plan.encode()), *sizes])
