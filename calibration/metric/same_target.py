"""Metric against person with the same target and the same noise.

The raw ratings of a person and the mapped scores of a metric are not alike: the mapping was fitted to come close, and
stays near the middle where it knows little, which pays; a person was never told to. Here every evaluator is treated as
if their ratings were a metric's scores: mapped by buckets that were fitted on the ratings of third people, of other
images. Metric and person are then graded on the same unseen images against the same people, neither of whom either
mapping has seen. A metric that is no better and no worse than one more evaluator wins half of its comparisons.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from calibration.core.crossvalidation import NewItems, skill
from calibration.core.evaluator_weights import evaluator_shares, is_known, pair_weights, weighted_mean
from calibration.core.grades import Array
from calibration.core.ratings import Ratings, ScoredTask
from calibration.core.resampling import sampled

MOST_EVALUATORS = 25

FEWEST_RATINGS = 30
"""Of fewer, where they are not half of the images, no mapping of an evaluator is like one of a metric."""

LEAST_SHARE = 0.5
"""Where those of whom enough is known weigh less than this among all evaluators, they do not stand for them."""


@dataclass(frozen=True)
class SameTarget:
    """A metric beside evaluators who are treated as metrics; grades are against one person on unseen images.

    Attributes
    ----------
    evaluators : tuple of int
        The columns compared.
    weights : ndarray, shape (compared,)
        How much each weighs in a mean over them; sums to 1.
    metric_grades, person_grades, constant_grades : ndarray, shape (compared,)
        Against the same other evaluators, on the same items: of the metric, of each evaluator, of the best constant.
    influence : ndarray, shape (items, compared)
        How far each item carries the metric's grade minus the evaluator's from its mean; sums to 0 over the items.
    """

    evaluators: tuple[int, ...]
    weights: Array = field(repr=False)
    metric_grades: Array = field(repr=False)
    person_grades: Array = field(repr=False)
    constant_grades: Array = field(repr=False)
    influence: Array = field(repr=False)

    @property
    def is_compared(self) -> NDArray[np.bool_]:
        """With whom the metric is compared: of whom enough is known."""
        return np.asarray(~np.isnan(self.ahead) & is_known(np.where(np.isnan(self.ahead), 0.0, self.weights)))

    @property
    def ahead(self) -> Array:
        """The metric's grade minus each evaluator's; shape (compared,)."""
        return np.round(self.metric_grades - self.person_grades, 12)

    @property
    def wins(self) -> int:
        """Against how many evaluators the metric is better; a draw counts half, rounded down in the sum."""
        return _wins(self.ahead[self.is_compared])

    @property
    def able(self) -> NDArray[np.bool_]:
        """Who is better than the best constant, mapped as a metric is; beating anybody else means nothing."""
        return np.asarray(self.is_compared & (np.round(self.person_grades - self.constant_grades, 12) > 0))

    @property
    def wins_over_able(self) -> int:
        """As `wins`, over those alone."""
        return _wins(self.ahead[self.able])

    @property
    def compared(self) -> int:
        """How many evaluators were compared with."""
        return int(self.is_compared.sum())

    @property
    def advantage(self) -> float:
        """The metric's grade minus the person's, averaged over evaluators."""
        return weighted_mean(self.metric_grades - self.person_grades, self.weights)

    @property
    def metric_skill(self) -> float:
        """The metric's skill over the constant."""
        return skill(weighted_mean(self.metric_grades, self.weights), weighted_mean(self.constant_grades, self.weights))

    @property
    def person_skill(self) -> float:
        """The mean evaluator's skill over the constant, mapped as a metric is."""
        return skill(weighted_mean(self.person_grades, self.weights), weighted_mean(self.constant_grades, self.weights))


def _wins(ahead: Array) -> int:
    return int((ahead > 0).sum() + (ahead == 0).sum() // 2)


class EvaluatorsAsMetrics:
    """Every evaluator as if their ratings were a metric's scores, for metrics to be compared with.

    Parameters
    ----------
    ratings : Ratings
        Of the items that have a score. Of more than 25 evaluators, where enough is known of them, 25 are chosen.
    """

    def __init__(self, ratings: Ratings):
        self._of, matrix = ratings, ratings.values
        people, shares = matrix.shape[1], evaluator_shares(matrix)
        known = (~np.isnan(matrix)).sum(axis=0) >= min(FEWEST_RATINGS, len(matrix) / 2)
        if people > MOST_EVALUATORS:
            known &= is_known(shares)
        if shares[known].sum() < LEAST_SHARE:
            known &= False  # three of forty who happen to share some images are not the average evaluator
        chosen = sampled(np.flatnonzero(known), MOST_EVALUATORS, ratings.resampling.seed)
        level, scale = ratings.constant(), ratings.scale
        self._chosen, self._constant = chosen, np.nan if level is None else float(scale.of_levels(level))
        self._weights = pair_weights(matrix)
        self._levels: list[Array] = []
        for one in chosen.tolist() if people > 2 else ():
            own, others = ~np.isnan(matrix[:, one]), np.setdiff1d(chosen, [one]).tolist()
            levels = np.full(matrix.shape, np.nan)
            mapped = NewItems(matrix[own, one], matrix[own], ratings.folds[own], ratings.k, "higher", scale)
            levels[own] = mapped.levels(without=one, of=others)
            self._levels.append(levels[:, others])

    def compare(self, task: ScoredTask, unseen: NewItems | None = None) -> SameTarget | None:
        """A metric beside the evaluators, all mapped alike and graded against the same people on unseen images.

        Parameters
        ----------
        task : ScoredTask
            The metric, with the ratings of these evaluators.
        unseen : NewItems, optional
            The metric's mappings, where they are fitted already: of these scores, ratings and folds.

        Returns
        -------
        SameTarget or None
            None for fewer than three evaluators, or where most of them rated too few images.

        Examples
        --------
        >>> rng = np.random.default_rng(0)
        >>> quality = rng.normal(size=300)
        >>> ratings = np.clip(np.round(2 + quality[:, None] + rng.normal(size=(300, 4))), 0, 4) / 4
        >>> people = Ratings(ratings)
        >>> perfect = EvaluatorsAsMetrics(people).compare(ScoredTask.of(quality, people))
        >>> perfect.wins, perfect.compared
        (4, 4)
        """
        if not self._levels:
            return None
        ratings, k, scale = self._of.values, self._of.k, self._of.scale
        people = ratings.shape[1]
        metric, person, constant = (np.full((people, people), np.nan) for _ in range(3))
        influence = np.zeros((len(ratings), len(self._chosen)))
        weights = np.zeros((people, people))
        mapped = unseen or task.on_new_items()
        for place, (one, by_person) in enumerate(zip(self._chosen.tolist(), self._levels, strict=True)):
            others = np.setdiff1d(self._chosen, [one])
            third = ratings[:, others]
            by_metric = mapped.levels(without=one, of=others.tolist())[:, others]
            answered = ~np.isnan(by_person) & ~np.isnan(by_metric) & ~np.isnan(third)
            for column, other in enumerate(others.tolist()):
                rows = answered[:, column]
                if rows.any() and self._weights[one, other] > 0:
                    own = third[rows, column]
                    mapped_levels = by_metric[rows, column], by_person[rows, column]
                    answers = *map(scale.of_levels, mapped_levels), self._constant
                    distances = [np.abs(each - own) ** k for each in answers]
                    for grades, distance in zip((metric, person, constant), distances, strict=True):
                        grades[one, other] = 1.0 - distance.mean()
                    weights[one, other] = self._weights[one, other]
                    ahead = distances[1] - distances[0]
                    influence[rows, place] += weights[one, other] * (ahead - ahead.mean()) / rows.sum()
            influence[:, place] /= max(weights[one].sum(), 1e-300)
        by_metric, by_person, level = (
            np.array([weighted_mean(grades[one], weights[one]) for one in self._chosen])
            for grades in (metric, person, constant)
        )
        shares = weights.sum(axis=1)[self._chosen]
        shares = shares / max(shares.sum(), 1e-300)
        return SameTarget(tuple(self._chosen.tolist()), shares, by_metric, by_person, level, influence)
