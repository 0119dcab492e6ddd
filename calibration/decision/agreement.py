"""Does a metric sort images, and rank checkpoints, as people do? What the gate and the best checkpoint ask of it.

They never ask whether it predicts a rating: a shift of a whole checkpoint is told by a metric that sorts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from calibration.comparison.model_order import Estimate
from calibration.core.intervals import UNKNOWN, Interval
from calibration.core.ratings import Ratings, ScoredTask
from calibration.people.agreement import krippendorff_alpha
from calibration.report.build import strict_json
from calibration.report.metric import metric_entry
from calibration.report.strictness import add_people, fair_ratings
from calibration.verdict.claims import Answer, ClaimName, Verdict
from calibration.verdict.judge import judge

Sorts = Literal["yes", "with care", "no"]
Reason = Literal["", "people rated its images", "ranks checkpoints as people do"] | ClaimName

_CLAIMS: tuple[ClaimName, ...] = (  # in the order in which `calibration.verdict.judge` asks
    "a metric can be graded",
    "enough images",
    "scores differ",
    "people tell images apart",
    "evaluators rated common images",
    "people agree",
    "order above chance",
    "sorts as well as a person",
    "order's interval above 0",
    "mean ratings are comparable",
    "tells one model's images apart",
)
_NAN = float("nan")


@dataclass(frozen=True)
class Agreement:
    """What is known of a metric as a sorter, from the ratings of the study's own images.

    Attributes
    ----------
    metric : str
    sorts : {"yes", "with care", "no"} or None
        The report's answer to whether it sorts images as people do, with checkpoints in the place of models; "no" as
        well where it clearly ranks the checkpoints against people. None where it is not calibrated: too few ratings, or
        people who agree too little.
    because : str
        The claim that fails where the answer is not "yes"; "" where it is.
    answer : {"yes", "with care", "no", "unknown"}
        The report's answer alone.
    accuracy, person : float
        Of the pairs of images that the mean of the other people tells apart, how many the metric, and one person, put
        in its order, a tie counting half. NaN where not known.
    accuracy_interval, person_interval, difference_interval : Interval
        95 %, of the metric, the person, and the first minus the second; for people like these, or for these where they
        are fewer than three.
    margin : float
        The loss against a person that does not matter.
    images, evaluators : int
        How many were rated and scored; who rated them.
    checkpoints : tuple of str
        Whose images these are.
    within, between : Estimate or None
        The correlation of scores with ratings within checkpoints, and that of the checkpoints' means, better up; None
        for one checkpoint.
    told_apart, told_apart_alike : int
        Pairs of checkpoints that people tell apart, and how many of them the metric orders alike.
    """

    metric: str
    sorts: Sorts | None = None
    because: Reason = "people rated its images"
    answer: Answer = "unknown"
    accuracy: float = _NAN
    accuracy_interval: Interval = UNKNOWN
    person: float = _NAN
    person_interval: Interval = UNKNOWN
    difference_interval: Interval = UNKNOWN
    margin: float = _NAN
    images: int = 0
    evaluators: int = 0
    checkpoints: tuple[str, ...] = ()
    within: Estimate | None = None
    between: Estimate | None = None
    told_apart: int = 0
    told_apart_alike: int = 0

    @property
    def is_simpson(self) -> bool:
        """Whether it clearly sorts one checkpoint's images one way, and ranks checkpoints the other way."""
        if self.within is None or self.between is None:
            return False
        return self.within.is_clear and self.between.is_clear and self.within.value * self.between.value < 0

    @property
    def is_of_one_checkpoint(self) -> bool:
        """Whether images of one checkpoint only were rated.

        Then nothing says that what moves a whole checkpoint moves the metric as what moves one image does.
        """
        return len(self.checkpoints) == 1


def agreement(task: ScoredTask, ratings: Ratings) -> Agreement:
    """Judge a metric as a sorter.

    Parameters
    ----------
    task : ScoredTask
        The metric's scores, and people's ratings of the scored images.
    ratings : Ratings
        Of all images that were rated; their grouping ``model`` is each one's checkpoint.

    Returns
    -------
    Agreement

    Notes
    -----
    The answer is that of `calibration.verdict.judge`, from the figures of the report, so that gate and report never say
    two things; only that checkpoints stand where the report has models. Its rule asks of a metric that ranks the
    checkpoints whether it tells one checkpoint's images apart too. Simpson's paradox the other way round, a metric that
    sorts each checkpoint's images and ranks the checkpoints against people, would hardly show in the accuracy over all
    images, and here it decides: what is clearly against people between checkpoints
    (`calibration.comparison.model_order.Estimate.is_clear`) is a "no".

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> quality = rng.normal(size=200)
    >>> ratings = np.clip(np.round(2 + quality[:, None] + rng.normal(size=(200, 4))), 0, 4) / 4
    >>> people = Ratings(ratings, groupings={"model": np.repeat("600", 200)})
    >>> found = agreement(ScoredTask.of(quality + 0.3 * rng.normal(size=200), people), people)
    >>> found.sorts, found.accuracy > found.person, found.is_of_one_checkpoint
    ('yes', True, True)
    """
    if not len(task.scores):
        return Agreement(task.name)
    entry, found = _judged(task, ratings)
    models, evaluators = entry["models"], int((~np.isnan(task.ratings.values)).any(axis=0).sum())
    between = _estimate(models, "between")
    sorts: Sorts | None = None if found.sorts == "unknown" else found.sorts
    because = _because(found)
    if between is not None and between.is_clear and between.value < 0 and sorts is not None:
        sorts, because = "no", "ranks checkpoints as people do"
    return Agreement(
        metric=task.name,
        sorts=sorts,
        because=because,
        answer=found.sorts,
        **_accuracies(entry["sorting"]),
        images=len(task.scores),
        evaluators=evaluators,
        checkpoints=tuple(dict.fromkeys(task.ratings.groupings["model"].tolist())),
        within=_estimate(models, "within"),
        between=between,
        told_apart=models["told_apart"] if models else 0,
        told_apart_alike=models["told_apart_alike"] if models else 0,
    )


def _judged(task: ScoredTask, ratings: Ratings) -> tuple[dict[str, Any], Verdict]:
    """The metric's entry of a report on these ratings, and what is judged of it."""
    people = ratings.once(_people)
    entry, _ = metric_entry(task, ratings, is_in_full=False)
    known: dict[str, Any] = strict_json(entry | {"title": task.name})
    return known, judge(known, people["alpha"], people["strictness"], ratings.scale.step)


def _people(ratings: Ratings) -> dict[str, Any]:
    """What the judgement asks of the people."""
    entry: dict[str, Any] = {"evaluators": {name: {} for name in ratings.evaluators}}
    add_people(entry, ratings, fair_ratings(ratings))
    found: dict[str, Any] = strict_json(entry | {"alpha": krippendorff_alpha(ratings.values, "ordinal")})
    return found


def _because(found: Verdict) -> Reason:
    """The first claim that keeps the answer from being yes."""
    if found.sorts == "yes":
        return ""
    for name in _CLAIMS:
        if found.fails(name) and not (name == "people agree" and found.holds("people agree but for strictness")):
            return name
    return "sorts as well as a person"  # nobody to compare it with


def _accuracies(entry: Mapping[str, Any] | None) -> dict[str, Any]:
    if entry is None:
        return {}
    intervals = {
        name: Interval(*(_NAN if limit is None else limit for limit in limits))
        for name, limits in (entry["people_like_these"] or entry["these"]).items()
    }
    return {
        "accuracy": entry["metric"],
        "person": entry["person"],
        "margin": entry["margin"],
        "accuracy_interval": intervals["metric"],
        "person_interval": intervals["person"],
        "difference_interval": intervals["difference"],
    }


def _estimate(models: Mapping[str, Any] | None, name: str) -> Estimate | None:
    if models is None:
        return None
    return Estimate(*(_NAN if models[name][part] is None else models[name][part] for part in Estimate._fields))
