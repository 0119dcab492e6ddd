"""How many images and evaluators a study needs: the power of its tests and the width of its intervals, beforehand."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Literal, get_args

import numpy as np
import pandas as pd
from scipy import stats

from calibration.core.grades import Array
from calibration.planning.model import RatingModel, Spread, Statistic, correlation_spread
from calibration.planning.simulated_reports import KINDS, Kind, icc_surfaces, width_surfaces
from calibration.planning.study import FEWEST_IMAGES, MOST_IMAGES, PlannedStudy, check_counts
from metrics.errors import InputError

Figure = Literal["spearman", "pearson", "grade", "skill", "icc"]


def plan_power(
    study: PlannedStudy,
    evaluators: Sequence[int] = (5,),
    images: Sequence[int] = (128, 256, 512, 1024),
    alpha: float = 0.05,
) -> pd.DataFrame:
    """How often a study tells two metrics apart, or one metric from noise.

    Parameters
    ----------
    study : PlannedStudy
        With one correlation: of its test against 0. With two: of their difference.
    evaluators, images : sequence of int
        How many of each.
    alpha : float
        The level of the two-sided test, in (0, 1).

    Returns
    -------
    DataFrame
        evaluators, images, power (in [0, 1]); a row for each pair.

    Raises
    ------
    InputError
        For numbers of images or evaluators that are no study, for no correlation, or for two that are equal.

    Notes
    -----
    Two metrics are compared by Williams' test where the statistic is Pearson's correlation, and by the permutation test
    of `calibration.comparison.permutation` where it is Spearman's; one metric is tested by Student's t.
    The difference of the correlations is taken as normal with its true variance, and compared with the variance that
    the test reckons with. What comes out is within .03 of brute simulation (tests/benchmarks/bench_plan.py).

    References
    ----------
    Steiger, J. H. (1980). Tests for comparing elements of a correlation matrix. Psychological Bulletin 87, 245-251.

    Examples
    --------
    >>> plan_power(PlannedStudy(0.5, (0.55, 0.45), between=0.55, statistic="pearson"), images=[256, 512]).round(2)
       evaluators  images  power
    0           5     256   0.43
    1           5     512   0.71
    """
    check_counts(evaluators, images)
    _check_test(study, alpha)
    return _grid(evaluators, images, "power", lambda people: _power(study, people, alpha))


def images_for_power(
    study: PlannedStudy, evaluators: Sequence[int] = (5,), power: float = 0.8, alpha: float = 0.05
) -> pd.DataFrame:
    """The fewest images with which a test has the power asked for.

    Parameters
    ----------
    study, evaluators, alpha
        As for `plan_power`.
    power : float
        Above alpha and below 1.

    Returns
    -------
    DataFrame
        evaluators, images (NaN where a million do not suffice).

    Raises
    ------
    InputError
        As `plan_power`, and for a power out of range.

    Examples
    --------
    >>> images_for_power(PlannedStudy(0.5, (0.55, 0.45), between=0.55), [3, 5, 10])["images"].tolist()
    [847.0, 742.0, 663.0]
    """
    check_counts(evaluators)
    _check_test(study, alpha)
    if not alpha < power < 1:
        raise InputError(f"The power is {power:g}; it must lie between the test's level, {alpha:g}, and 1.")
    return _needed(evaluators, lambda people: _least(_power(study, people, alpha), power))


def plan_width(
    study: PlannedStudy,
    figure: Figure = "spearman",
    evaluators: Sequence[int] = (5,),
    images: Sequence[int] = (128, 256, 512, 1024),
    kind: Kind = "these",
) -> pd.DataFrame:
    """How wide the report's 95 % interval of a figure comes out, on average.

    Parameters
    ----------
    study : PlannedStudy
        With two correlations the width is the wider one's.
    figure : {"spearman", "pearson", "grade", "skill", "icc"}
        A metric's correlation with the mean rating; its grade (k = 1) against a held-out person; its skill, which is
        the grade's gain over the best constant; or the intraclass correlation of one rating, ICC(2, 1).
    evaluators, images : sequence of int
        How many of each.
    kind : {"these", "people_like_these"}
        Whether the interval is for other images judged by these evaluators, or by people like these.

    Returns
    -------
    DataFrame
        evaluators, images, width (from end to end; NaN where the report gives no interval: for one evaluator, and for
        people like these with two); a row a pair.

    Raises
    ------
    InputError
        For numbers of images or evaluators that are no study, or a metric's figure without a correlation.

    Notes
    -----
    The widths are those that the report's own functions give of a few simulated studies; see
    `calibration.planning.simulated_reports`. Who rates counts too in an interval for people like these, and more images
    do not lessen that. tests/benchmarks/bench_plan.py holds them against reports.

    Examples
    --------
    >>> few, many = plan_width(PlannedStudy(0.5), "icc", images=[128, 512])["width"]
    >>> bool(0.05 < many < few < 0.25)
    True
    """
    check_counts(evaluators, images)
    _check_figure(study, figure, kind)
    return _grid(evaluators, images, "width", lambda people: _width(study, figure, people, kind))


def images_for_width(
    study: PlannedStudy,
    figure: Figure = "spearman",
    evaluators: Sequence[int] = (5,),
    width: float = 0.1,
    kind: Kind = "these",
) -> pd.DataFrame:
    """The fewest images with which a figure's 95 % interval is as narrow as asked for.

    Parameters
    ----------
    study, figure, evaluators, kind
        As for `plan_width`.
    width : float
        From end to end, in (0, 1].

    Returns
    -------
    DataFrame
        evaluators, images (NaN where a million do not suffice).

    Raises
    ------
    InputError
        As `plan_width`, and for a width out of range.

    Examples
    --------
    >>> three, ten = images_for_width(PlannedStudy(0.5), "icc", [3, 10])["images"]
    >>> bool(100 < ten < three < 1000)
    True
    """
    check_counts(evaluators)
    _check_figure(study, figure, kind)
    if not 0 < width <= 1:
        raise InputError(f"The width is {width:g}; it must be above 0 and at most 1.")

    def narrowness(people: int) -> Callable[[Array], Array]:
        of_images = _width(study, figure, people, kind)
        return lambda images: -of_images(images)

    return _needed(evaluators, lambda people: _least(narrowness(people), -width))


def _check_test(study: PlannedStudy, alpha: float) -> None:
    if not 0 < alpha < 1:
        raise InputError(f"The level of the test is {alpha:g}; it must lie between 0 and 1.")
    if not study.correlations:
        raise InputError("Power is of a test of metrics; give the correlation of one or of two.")
    if len(study.correlations) == 2 and abs(np.diff(study.correlations)[0]) < 1e-9:
        raise InputError(
            f"Both metrics correlate {study.correlations[0]:g} with the truth, so there is no difference to detect; "
            "give two that differ."
        )
    if study.correlations == (0.0,):
        raise InputError("The correlation is 0, so there is nothing to detect; give the smallest that matters to you.")


def _check_figure(study: PlannedStudy, figure: Figure, kind: Kind) -> None:
    if kind not in KINDS:
        raise InputError(f"There is no interval for '{kind}'; take one of {', '.join(KINDS)}.")
    if figure not in get_args(Figure):
        raise InputError(f"There is no plan for '{figure}'; take one of {', '.join(get_args(Figure))}.")
    if figure != "icc" and not study.correlations:
        raise InputError(f"The width of a metric's {figure} needs its correlation with people; give one.")


@lru_cache(maxsize=32)
def _ratings(icc: float, levels: tuple[float, ...], people: int) -> RatingModel:
    return RatingModel(icc, levels, people)


@lru_cache(maxsize=256)
def _spread(ratings: RatingModel, correlations: tuple[float, ...], between: float, statistic: Statistic) -> Spread:
    return correlation_spread(ratings, correlations, between, statistic)


def _power(study: PlannedStudy, people: int, alpha: float) -> Callable[[Array], Array]:
    """The power by the number of images."""
    ratings = _ratings(study.icc, tuple(study.levels), people)
    spread = _spread(ratings, study.correlations, study.together, study.statistic)
    if len(study.correlations) == 2:
        a, b = spread.correlations
        shift, deviation = abs(a - b), np.sqrt(spread.variance)
        reckoned = np.sqrt(spread.swapped if study.statistic == "spearman" else _williams(a, b, study.together))
    else:
        r = abs(spread.correlations[0])
        shift, deviation = np.arctanh(r), np.sqrt(spread.variance) / (1 - r**2)

    def power(images: Array) -> Array:
        n = np.maximum(images / study.design_effects.correlation, 4.0)
        if len(study.correlations) == 2:
            limit = stats.t.isf(alpha / 2, n - 3) * reckoned / np.sqrt(n)
        else:
            t = stats.t.isf(alpha / 2, n - 2)
            limit = np.arctanh(t / np.sqrt(n - 2 + t**2))
        scale = deviation / np.sqrt(n)
        return np.asarray(stats.norm.cdf((shift - limit) / scale) + stats.norm.cdf((-shift - limit) / scale))

    return power


def _williams(a: float, b: float, between: float) -> float:
    """The variance of the difference of two correlations that Williams' test reckons with, times n."""
    determinant = 1 - a**2 - b**2 - between**2 + 2 * a * b * between
    return (2 * determinant + ((a + b) / 2) ** 2 * (1 - between) ** 3) / (1 + between)


def _width(study: PlannedStudy, figure: Figure, people: int, kind: Kind) -> Callable[[Array], Array]:
    """The width by the number of images."""
    if figure == "icc":
        surfaces = [icc_surfaces(study)[figure, kind]]
    else:
        statistic = figure if figure == "spearman" or figure == "pearson" else study.statistic
        each = [
            replace(study, correlations=(value,), between=None, statistic=statistic) for value in study.correlations
        ]
        surfaces = [width_surfaces(one)[figure, kind] for one in each]
    effect = study.design_effects.of(figure)
    return lambda images: np.max([surface(images / effect, people) for surface in surfaces], axis=0)


def _grid(
    evaluators: Sequence[int], images: Sequence[int], name: str, of: Callable[[int], Callable[[Array], Array]]
) -> pd.DataFrame:
    counts = np.array(images, dtype=float)
    values = [of(int(people))(counts) for people in evaluators]
    return pd.DataFrame(
        {
            "evaluators": np.repeat(np.array(evaluators, dtype=int), len(counts)),
            "images": np.tile(counts.astype(int), len(evaluators)),
            name: np.concatenate(values),
        }
    )


def _needed(evaluators: Sequence[int], of: Callable[[int], float]) -> pd.DataFrame:
    people = np.array(evaluators, dtype=int)
    return pd.DataFrame({"evaluators": people, "images": [of(int(count)) for count in people]}, dtype=float).astype(
        {"evaluators": int}
    )


def _least(rising: Callable[[Array], Array], target: float) -> float:
    """The least number of images for which a rising function reaches the target; NaN where none up to a million."""
    low, high = FEWEST_IMAGES - 1, MOST_IMAGES
    if not rising(np.array([high], dtype=float))[0] >= target:
        return float("nan")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if rising(np.array([middle], dtype=float))[0] >= target else (middle, high)
    return float(high)
