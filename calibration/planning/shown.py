"""What the reports of planned studies will show: a few such studies are simulated, and the report's own functions run.

A plan that reckoned with formulas of its own would promise intervals that the report does not draw, and numbers of
images of which the report says that no metric can be judged by them. So the widths come from
`calibration.bootstrap.metric_intervals`, and whether a metric can be judged at all from the figures and limits by which
`calibration.verdicts` refuses. Sizes between and beyond the simulated ones follow from a curve; panels that are too
large to be simulated follow from the largest one that is.
"""

import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from scipy import optimize, stats

from calibration.bootstrap import metric_intervals
from calibration.crossvalidation import cross_validate
from calibration.grades import Array, unit_scale
from calibration.intervals import CONFIDENCE
from calibration.item_folds import item_folds
from calibration.people.agreement import interval_alpha, krippendorff_alpha
from calibration.people.agreement_intervals import agreement_intervals
from calibration.people.strictness import without_strictness
from calibration.people.worth_intervals import worth_intervals
from calibration.planning.model import Statistic, latent_ratings
from calibration.planning.study import PlannedStudy
from calibration.verdicts import CHANCE, LEAST_ITEMS

Kind = Literal["these", "people_like_these"]

KINDS: tuple[Kind, ...] = ("these", "people_like_these")
_SIZES = (60, 600)
_STUDIES = 8  # of each size, for the widths
_JUDGED_STUDIES = 24
_MOST_JUDGES = 5  # of more evaluators the report says it less often, so that as many err on the safe side
_DRAWS = 100
_LADDER = tuple(round(LEAST_ITEMS * step) for step in (1, 1.25, 1.6, 2, 2.5, 3.2, 4, 6, 8, 12, 16, 32))
MOST_JUDGED = _LADDER[-1]
"""Images; where these are too few to be judged, more are not tried."""

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
    As in `calibration.planning.model`; where evaluators are of different strictness, each has a normal constant added
    to the variable behind their ratings, and the cuts are moved apart until all ratings have the stated shares again.

    Examples
    --------
    >>> scores, ratings = simulate(PlannedStudy(0.5, (0.6,)), 3, 2000, np.random.default_rng(0))
    >>> scores.shape, ratings.shape, round(float(np.corrcoef(ratings[:, 0], ratings[:, 1])[0, 1]), 1)
    ((2000, 1), (2000, 3), 0.5)
    """
    cuts, loading = latent_ratings(study.icc, tuple(study.levels))
    between = study.strictness / (1 - study.strictness)
    metrics = len(study.correlations)
    matrix = np.eye(1 + metrics)
    matrix[0, 1:] = matrix[1:, 0] = study.correlations
    if metrics == 2:
        matrix[1, 2] = matrix[2, 1] = study.together
    drawn = rng.normal(size=(images, 1 + metrics)) @ np.linalg.cholesky(matrix).T
    latent = loading * drawn[:, :1] + np.sqrt(1 - loading**2) * rng.normal(size=(images, people))
    latent += np.sqrt(between) * rng.normal(size=people)
    levels = np.searchsorted(cuts * np.sqrt(1 + between), latent)
    return drawn[:, 1:], np.asarray(unit_scale(levels + 1.0))


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


def most_simulated(figure: str) -> int:
    """The largest panel that is simulated for a figure's intervals."""
    return 5 if figure == "icc" else 10


@dataclass(frozen=True)
class Curve:
    """The width of an interval, by the number of images: the root of a sum of their inverse powers.

    Attributes
    ----------
    parts : ndarray, shape (3,)
        Of the squared width: what no images lessen, what falls with the images, and with their square (mappings that
        are fitted to few images are fitted less well).
    """

    parts: Array

    def __call__(self, images: Array) -> Array:
        """From end to end; NaN where the report gives no such interval."""
        return np.asarray(np.sqrt(np.power.outer(np.asarray(images, dtype=float), [0.0, -1.0, -2.0]) @ self.parts))

    def for_more_people(self, few: int, many: int, images_share: float) -> "Curve":
        """The same with a larger panel.

        Who rates counts for less by the number of evaluators, and is known better with more degrees of freedom; the
        images' part is multiplied by what the model of `calibration.planning.model` says.
        """
        ends = stats.t.ppf((1 + CONFIDENCE) / 2, np.array([few, many]) - 1)
        people_share = few / many * (ends[1] / ends[0]) ** 2
        return Curve(self.parts * np.array([people_share, images_share, images_share]))


def width_curves(study: PlannedStudy, people: int) -> dict[tuple[str, Kind], Curve]:
    """How wide the report's intervals of a metric's figures come out, on average over studies such as is planned.

    Parameters
    ----------
    study : PlannedStudy
        With one metric; the design effect is left to the number of images.
    people : int
        From 1 to `most_simulated`.

    Returns
    -------
    dict of (figure, kind) to Curve
        For ``grade``, ``skill`` and ``spearman``, or ``pearson`` where that is the study's statistic; NaN where the
        report gives no such interval, as for people like these with two evaluators.

    Examples
    --------
    >>> curves = width_curves(PlannedStudy(0.5, (0.6,)), 3)
    >>> bool(curves["skill", "people_like_these"](300) > curves["skill", "these"](300))
    True
    """
    return _width_curves(_alike(study, study.correlations[:1], study.statistic), people)


def icc_curves(study: PlannedStudy, people: int) -> dict[tuple[str, Kind], Curve]:
    """The same of the intraclass correlation of one rating, ICC(2, 1), with or without a metric.

    Examples
    --------
    >>> curves = icc_curves(PlannedStudy(0.5), 2)
    >>> bool(curves["icc", "these"](300) > 0), bool(np.isnan(curves["icc", "people_like_these"](300)))
    (True, True)
    """
    return _width_curves(_alike(study, ()), people)


@lru_cache(maxsize=64)
def _width_curves(study: PlannedStudy, people: int) -> dict[tuple[str, Kind], Curve]:
    rng = _generator(study, people)
    sizes = np.repeat(_SIZES, _STUDIES)
    drawn = []
    for images in sizes.tolist():
        scores, ratings = simulate(study, people, images, rng)
        drawn.append(_widths(scores, ratings, study.statistic) if study.correlations else _icc_widths(ratings))
    return {each: Curve(_fitted(sizes, np.array([widths[each] for widths in drawn]), each[1])) for each in drawn[0]}


def _widths(scores: Array, ratings: Array, statistic: Statistic) -> dict[tuple[str, Kind], float]:
    """Of the intervals that the report gives of one simulated study's metric; NaN for those that it does not give."""
    found = metric_intervals(scores[:, 0], ratings, draws=_DRAWS)
    worth = (worth_intervals(scores[:, 0], ratings, draws=_DRAWS) if statistic == "pearson" else None) or {}
    widths = {}
    for kind in KINDS:
        known = ({} if found is None else getattr(found, kind)) | worth.get(kind, {})
        for figure in (statistic, "grade", "skill"):
            low, high = known.get(figure, (np.nan, np.nan))
            widths[figure, kind] = high - low
    return widths


def _icc_widths(ratings: Array) -> dict[tuple[str, Kind], float]:
    found = agreement_intervals(ratings, draws=_DRAWS) or {}
    unknown = (np.nan, np.nan)
    return {("icc", kind): float(np.ptp(found.get(kind, {}).get("icc2", unknown))) for kind in KINDS}


def _fitted(sizes: Array, widths: Array, kind: Kind) -> Array:
    """The parts of the curve through the mean widths; only people like these have a part that images do not lessen."""
    counts = np.array([images for images in np.unique(sizes) if np.isfinite(widths[sizes == images]).any()])
    if not len(counts):
        return np.full(3, np.nan)
    means = np.array([np.nanmean(widths[sizes == images]) for images in counts])
    powers = np.power.outer(counts.astype(float), [0.0, -1.0, -2.0])
    powers[:, 0 if kind == "these" else 2] = 0.0
    # relative errors count alike, and no part is negative: neither images nor people make an interval wider
    return np.asarray(optimize.nnls(powers / means[:, None] ** 2, np.ones(len(counts)))[0])


def fewest_judged(study: PlannedStudy, people: int) -> float:
    """The fewest images on which the report judges a metric in nearly every such study.

    Parameters
    ----------
    study : PlannedStudy
        Its metrics do not matter.
    people : int
        How many evaluators; more than five count as five.

    Returns
    -------
    float
        Where at most one of 24 simulated studies could not be judged; one of a few sizes from 20 to `MOST_JUDGED`,
        times the design effect. NaN where these do not suffice: then people agree too little, or are too different.

    Examples
    --------
    >>> fewest_judged(PlannedStudy(0.1), 3), fewest_judged(PlannedStudy(0.8), 3)
    (nan, 20.0)
    """
    if people < 2:
        return float("nan")
    alike = _alike(study, (_ANY,))
    return float(np.ceil(study.design_effect * _fewest_judged(alike, min(people, _MOST_JUDGES))))


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
    levels = tuple(study.levels)
    return PlannedStudy(study.icc, correlations, levels=levels, strictness=study.strictness, statistic=statistic)


def _generator(study: PlannedStudy, *sizes: int) -> np.random.Generator:
    """The same draws for the same plan."""
    return np.random.default_rng([zlib.crc32(repr(study).encode()), *sizes])
