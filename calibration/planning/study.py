"""What a planned study is taken to be like."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import get_args

import numpy as np
from scipy import stats

from calibration.planning.alike import DesignEffects
from calibration.planning.model import Statistic
from calibration.planning.panel import Evaluator
from calibration.scale import LIKERT
from metrics.errors import InputError

ROUNDED_NORMAL = tuple(float(share) for share in np.diff(stats.norm.cdf([-np.inf, -1.5, -0.5, 0.5, 1.5, np.inf])))
"""The shares of the levels 1 to 5 where nothing else is known: those of a rounded N(3, 1)."""

LEAST_ICC = 0.01
FEWEST_IMAGES = 10
MOST_IMAGES = 1_000_000
MOST_EVALUATORS = 500


@dataclass(frozen=True)
class PlannedStudy:
    """What a planned study is taken to be like; every evaluator rates every image.

    Attributes
    ----------
    icc : float
        The correlation of two evaluators' ratings, ICC(3, 1), in [.01, .99].
    correlations : tuple of float
        Of none, one or two metrics with the images' true scores, in (-1, 1): *latent* ones, as with the mean of
        evaluators without number.
    between : float or None
        The correlation of the two metrics' scores. None for the product of the correlations, as for metrics that have
        only the truth in common; related metrics correlate higher and are told apart more easily.
    levels : tuple of float
        The shares of the ratings 1 to 5.
    strictness : float
        The share of the variance of ratings that comes from some evaluators being stricter than others, in [0, 1).
        Power does not depend on it.
    design_effects : DesignEffects
        By how much images of one prompt being alike multiplies the variances of figures.
    statistic : {"spearman", "pearson"}
        The correlation that is tested.
    people : tuple of Evaluator
        Whom panels are drawn from, for the widths of intervals and for what can be judged. Where there are none,
        evaluators are equally reliable and differ in strictness alone.

    Raises
    ------
    InputError
        For values that are out of range or contradict each other.
    """

    icc: float
    correlations: tuple[float, ...] = ()
    between: float | None = None
    levels: tuple[float, ...] = ROUNDED_NORMAL
    strictness: float = 0.0
    design_effects: DesignEffects = field(default_factory=DesignEffects)
    statistic: Statistic = "spearman"
    people: tuple[Evaluator, ...] = ()

    def __post_init__(self) -> None:
        if not LEAST_ICC <= self.icc <= 1 - LEAST_ICC:
            raise InputError(
                f"The intraclass correlation is {self.icc:g}; people who agree at all and not in everything have one "
                f"from {LEAST_ICC:g} to {1 - LEAST_ICC:g}."
            )
        if not 0 <= self.strictness < 1:
            raise InputError(f"The share of strictness is {self.strictness:g}; it must be at least 0 and below 1.")
        if self.statistic not in get_args(Statistic):
            raise InputError(f"The statistic is {self.statistic}; it must be spearman or pearson.")
        shares = np.array(self.levels)
        if len(shares) != LIKERT.count or not (shares >= 0).all() or not abs(shares.sum() - 1) <= 0.02:
            raise InputError("The shares of the levels must be five numbers, at least 0, that add up to 1.")
        if shares.max() > shares.sum() - 1e-6:
            raise InputError("The shares put all ratings at one level, which leaves nothing to agree on; spread them.")
        if len(self.correlations) > 2:
            raise InputError("A plan is for one metric or two; give one correlation or two.")
        for value in self.correlations:
            if not -1 < value < 1:
                raise InputError(f"The correlation {value:g} is impossible; it must lie between -1 and 1.")
        if self.between is not None:
            self._check_between(self.between)

    def _check_between(self, between: float) -> None:
        if len(self.correlations) != 2:
            raise InputError("The correlation between two metrics needs those of both with people; give two.")
        low, high = possible_between(*self.correlations)
        if not low < between < high:
            a, b = self.correlations
            raise InputError(
                f"Two metrics that correlate {a:g} and {b:g} with the truth cannot correlate {between:g} with each "
                f"other; it must lie between {low:.3f} and {high:.3f}."
            )

    @property
    def together(self) -> float:
        """The correlation of the two metrics' scores, stated or not."""
        return float(np.prod(self.correlations)) if self.between is None else self.between


def possible_between(a: float, b: float) -> tuple[float, float]:
    """The bounds of the correlation of two variables that correlate a and b with a third.

    Examples
    --------
    >>> low, high = possible_between(0.8, 0.6)
    >>> abs(round(low, 9)), round(high, 9)
    (0.0, 0.96)
    """
    reach = float(np.sqrt((1 - a**2) * (1 - b**2)))
    return a * b - reach, a * b + reach


def check_counts(evaluators: Sequence[int], images: Sequence[int] = (FEWEST_IMAGES,)) -> None:
    """Raise InputError for numbers of evaluators or images that a plan cannot be made for."""
    for noun, counts, least, most in (
        ("evaluators", evaluators, 1, MOST_EVALUATORS),
        ("images", images, FEWEST_IMAGES, MOST_IMAGES),
    ):
        if not len(counts):
            raise InputError(f"There is no number of {noun}; name at least one.")
        for count in counts:
            if not (least <= count <= most and count == int(count)):
                raise InputError(f"{count:g} {noun} make no study; take a whole number from {least} to {most:,}.")
