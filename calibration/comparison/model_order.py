"""Does a metric rank the generator models as people do, and does it tell good from poor images of one model?

The two are different questions: a metric may know which generator is better and nothing about one generator's images,
or the other way round. Where the answers point in opposite directions (Simpson's paradox), the correlation over all
images means neither.
"""

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from calibration.comparison.model_correlations import SAME, Figures, ModelStudy
from calibration.core.grades import Array, mean_or_nan
from calibration.core.item_folds import FEWEST_CLUSTERS
from calibration.core.resampling import RESAMPLING, Resampling
from calibration.core.ties import as_equals
from metrics.known import Direction

CONFIDENCE = 0.95
NOTICEABLE = 0.1
NAN = float("nan")


class Estimate(NamedTuple):
    """A correlation with its 95 % interval; NaN where undefined."""

    value: float
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        """Whether it is .1 or more from 0 and its interval does not hold 0."""
        return abs(self.value) >= NOTICEABLE and (self.low > 0 or self.high < 0)


@dataclass(frozen=True)
class ModelMean:
    """One generator: how many images count, their mean score and rating, and its rank by each (1 is best)."""

    model: str
    n: int
    score: float
    rating: float
    rank_by_metric: float
    rank_by_people: float


@dataclass(frozen=True)
class ModelOrder:
    """A metric against people, within and between generators. Correlations are in the metric's direction.

    Attributes
    ----------
    n : int
        How many images count.
    models : tuple of ModelMean
        The best by people first.
    overall : Estimate
        Spearman's correlation over all images.
    within : Estimate
        The correlation of score and rating ranks after each model's mean of them is taken away.
    within_mean : float
        The mean of the models' own Spearman correlations, weighted by their images.
    between : Estimate
        Pearson's correlation of the models' mean scores with their mean ratings.
    tau : float
        Kendall's tau-b between the models' two rankings.
    pairs, alike : int
        How many pairs of models there are, and how many the metric orders as people do.
    told_apart, told_apart_alike : int
        Of the pairs whose difference in people's ratings is clear, and how many of those it orders alike.
    soft_accuracy : float
        Soft pairwise accuracy, in [0, 1]: over pairs, the mean of 1 - |how sure people are - how sure the metric is|.
    simpson : tuple of str
        Which of "between" and "overall" clearly point the other way than `within` clearly does; empty for none.
    draws : int
        How many bootstrap draws the intervals rest on; none where there are fewer than ten prompts, or images.
    """

    n: int
    models: tuple[ModelMean, ...]
    overall: Estimate
    within: Estimate
    within_mean: float
    between: Estimate
    tau: float
    pairs: int
    alike: int
    told_apart: int
    told_apart_alike: int
    soft_accuracy: float
    simpson: tuple[str, ...]
    draws: int

    @property
    def sentences(self) -> list[str]:
        """What a reader should know: the order of the models, and Simpson's paradox where there is one."""
        return [self.order_sentence, *([self.simpson_sentence] if self.simpson_sentence else [])]

    @property
    def order_sentence(self) -> str:
        """How far the metric orders the models as people do."""
        if not self.told_apart:
            return "These ratings do not tell any two models apart, so the metric's order of them cannot be judged."
        if self.told_apart == 1:
            alike = "alike" if self.told_apart_alike else "otherwise"
            return f"People tell one pair of models apart; the metric orders it {alike}."
        return (
            f"Of the {self.told_apart} pairs of models that people tell apart, the metric orders "
            f"{self.told_apart_alike} alike."
        )

    @property
    def simpson_sentence(self) -> str | None:
        """Simpson's paradox in words; None where there is none."""
        if not self.simpson:
            return None
        up, down = ("higher", "lower") if self.within.value > 0 else ("lower", "higher")
        words = {
            "between": f"models with better scores are rated {down} (correlation {self.between.value:.2f})",
            "overall": f"over all images better scores go with {down} ratings ({self.overall.value:.2f})",
        }
        return (
            f"Simpson's paradox: within a model, images with better scores are rated {up} (correlation "
            f"{self.within.value:.2f}), but {' and '.join(words[name] for name in self.simpson)}."
        )


def model_order(
    scores: ArrayLike,
    target: ArrayLike,
    models: ArrayLike,
    prompts: ArrayLike | None = None,
    direction: Direction = "higher",
    resampling: Resampling = RESAMPLING,
) -> ModelOrder | None:
    """A metric against people within and between generator models.

    Parameters
    ----------
    scores : array_like, shape (items,)
        NaN where missing.
    target : array_like, shape (items,)
        The mean ratings, NaN where missing. Items without both, or without a model, drop out.
    models : array_like, shape (items,)
        Which generator made each image.
    prompts : array_like, shape (items,), optional
        Each image's prompt: whole prompts are drawn in the bootstrap, so that models are compared on the same ones. An
        image without one is drawn by itself.
    direction : {"higher", "lower"}
        Which way the metric points.
    resampling : Resampling
        Of the prompts.

    Returns
    -------
    ModelOrder or None
        None for fewer than two models.

    Notes
    -----
    There are intervals, and pairs of models told apart, from ten prompts on (ten images without prompts).
    Intervals are percentiles of the draws, in which images keep the ranks that they have in the whole study. Two models
    are told apart where one is ahead in at least 97.5 % of the draws. How sure people, or the metric, are of a pair is
    the share of draws in which the first model is ahead; Thompson et al. take p-values of permutation tests instead.

    References
    ----------
    Simpson, E. H. (1951). The interpretation of interaction in contingency tables. JRSS B 13. Thompson, B., Mathur, N.,
    Deutsch, D. & Khayrallah, H. (2024). Improving statistical significance in human evaluation of automatic metrics via
    soft pairwise accuracy. WMT.

    Examples
    --------
    >>> found = model_order([3, 2, 1, 7, 6, 5], [1, 2, 3, 4, 5, 6], list("aaabbb"))
    >>> round(found.overall.value, 2), round(found.within.value, 2), found.alike
    (0.54, -1.0, 1)
    """
    study = ModelStudy.of(scores, target, models, prompts, direction)
    if study is None:
        return None
    estimate = study.figures(np.ones((1, study.clusters)))
    resampling = resampling if study.clusters >= FEWEST_CLUSTERS else resampling.at_most(0)
    drawn = study.draw(resampling)
    overall, within, between = (
        _estimate(getattr(estimate, name)[0], getattr(drawn, name)) for name in ("overall", "within", "between")
    )
    order = _pair_orders(estimate, drawn)
    opposed = {"between": between, "overall": overall}
    return ModelOrder(
        n=len(study.score),
        models=_means(study),
        overall=overall,
        within=within,
        within_mean=study.within_mean(),
        between=between,
        tau=float(stats.kendalltau(as_equals(estimate.scores[0]), as_equals(estimate.ratings[0])).statistic),
        simpson=tuple(name for name, other in opposed.items() if _are_opposed(within, other)),
        draws=resampling.draws,
        **order,
    )


def model_order_entry(order: ModelOrder) -> dict[str, Any]:
    """The findings as plain values for the report, sentences included; None for what is unknown.

    Examples
    --------
    >>> found = model_order([1, 1, 1, 1], [1, 2, 3, 4], list("aabb"))
    >>> entry = model_order_entry(found)
    >>> entry["within"]["value"], entry["models"][0]["model"], entry["told_apart"]
    (None, 'b', 0)
    """
    estimates = {name: getattr(order, name)._asdict() for name in ("overall", "within", "between")}
    words = {"sentences": order.sentences, "simpson_sentence": order.simpson_sentence}
    entry: dict[str, Any] = asdict(order) | estimates | {"simpson": list(order.simpson), **words}
    entry["models"] = list(entry["models"])
    for part in (entry, *estimates.values()):
        part.update({key: None for key, value in part.items() if isinstance(value, float) and np.isnan(value)})
    return entry


def _means(study: ModelStudy) -> tuple[ModelMean, ...]:
    counts = np.bincount(study.model)
    scores, ratings = (np.bincount(study.model, each) / counts for each in (study.score, study.rating))
    by_metric, by_people = (stats.rankdata(-as_equals(each)) for each in (scores, ratings))
    order = np.lexsort((by_metric, by_people))
    columns = (counts, study.sign * scores, ratings, by_metric, by_people)
    return tuple(ModelMean(study.names[at], *(column[at].item() for column in columns)) for at in order)


def _pair_orders(estimate: Figures, drawn: Figures) -> dict[str, Any]:
    """How pairs of models are ordered by people and by the metric."""
    alike, clear, clear_alike = 0, 0, 0
    soft: list[float] = []
    count = estimate.scores.shape[1]
    for at in range(count - 1):
        (people, sure), (metric, metric_sure) = (
            (_order(own[0, at] - own[0, at + 1 :]), _share_ahead(each[:, at, None] - each[:, at + 1 :]))
            for own, each in ((estimate.ratings, drawn.ratings), (estimate.scores, drawn.scores))
        )
        same = people * metric > 0
        is_clear = (np.abs(2 * sure - 1) >= CONFIDENCE) & (people != 0)
        alike, clear, clear_alike = alike + same.sum(), clear + is_clear.sum(), clear_alike + (same & is_clear).sum()
        soft.extend(1 - np.abs(sure - metric_sure))
    return {
        "pairs": count * (count - 1) // 2,
        "alike": int(alike),
        "told_apart": int(clear),
        "told_apart_alike": int(clear_alike),
        "soft_accuracy": mean_or_nan(soft) if len(drawn.scores) else NAN,
    }


def _order(differences: Array) -> Array:
    return np.where(np.abs(differences) > SAME, np.sign(differences), 0.0)


def _share_ahead(differences: Array) -> Array:
    """In which share of the draws the difference is positive, ties counting half; of shape (draws, pairs)."""
    known = ~np.isnan(differences)
    signs = np.where(known, _order(differences), 0.0)
    return 0.5 + 0.5 * signs.sum(axis=0) / np.maximum(known.sum(axis=0), 1)


def _estimate(value: float, drawn: Array) -> Estimate:
    known = drawn[~np.isnan(drawn)]
    if np.isnan(value) or not len(known):
        return Estimate(float(value), NAN, NAN)
    low, high = np.quantile(known, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Estimate(float(value), float(low), float(high))


def _are_opposed(one: Estimate, other: Estimate) -> bool:
    return one.is_clear and other.is_clear and one.value * other.value < 0
