"""What a study's tables say of each metric: its scores, which way it points, and how it goes with people's ratings."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from calibration.core.grades import Array
from calibration.core.item_folds import groupings_of
from calibration.core.ratings import Ratings, ScoredTask
from calibration.core.resampling import RESAMPLING, Resampling
from calibration.decision.agreement import Agreement, agreement
from calibration.decision.checkpoints import Checkpoints
from calibration.decision.found import PEOPLE
from calibration.decision.slope import Slope, levelled, slope_on_people
from calibration.metric.facts import directions_of, signatures_of
from calibration.scale import LIKERT, Scale
from metrics.engine.signature import identity_of
from metrics.errors import InputError, parameter
from metrics.text import listed, natural_order, quoted


class Measures:
    """A study's metrics and ratings, checked.

    Parameters
    ----------
    items, scores : DataFrame
        As `calibration.read_items` and `calibration.read_scores` give them; scores may have a column signature.
    ratings : DataFrame, optional
        As `calibration.read_ratings` gives them.
    task : str
        Whose ratings count; may be left out where there is one task.
    scale : Scale
        Of the ratings.
    lower_is_better, higher_is_better : sequence of str
        Metrics whose direction is not known.
    resampling : Resampling
        Of all draws.
    notes : sequence of str
        What is to be known of the tables; it stands first among the notes of every result.

    Raises
    ------
    InputError
        Where the items name no checkpoints, or several tasks were rated and none is named.
    """

    def __init__(
        self,
        items: pd.DataFrame,
        scores: pd.DataFrame,
        ratings: pd.DataFrame | None = None,
        task: str = "",
        scale: Scale = LIKERT,
        lower_is_better: Sequence[str] = (),
        higher_is_better: Sequence[str] = (),
        resampling: Resampling = RESAMPLING,
        notes: Sequence[str] = (),
    ):
        self.checkpoints = Checkpoints(items)
        self.notes = tuple(notes)
        self.resampling = resampling
        self._scores = scores[scores["score"].notna()]
        self.metrics = sorted(map(str, self._scores["metric"].unique()), key=natural_order)
        signatures = signatures_of(self._scores)
        self.told = {"lower": list(lower_is_better), "higher": list(higher_is_better)}  # directions that were given
        self.directions, self._notes = directions_of(self.metrics, lower_is_better, higher_is_better, signatures)
        self._agreements: dict[str, Agreement] = {}
        self._slopes: dict[str, Slope | None] = {}
        self._items, self._scale = items, scale
        self._prompts = items.set_index("item")["prompt"] if "prompt" in items.columns else None
        self.task, self._ratings = _one_task(ratings, task)
        has_others = self._ratings is not None and ratings is not None and len(ratings) > len(self._ratings)
        self._task_among_others = self.task if has_others else ""
        self._cube: pd.DataFrame | None = None
        self._leniency: Array = np.zeros(0)
        if self._ratings is not None:
            self._cube, self._leniency = opinions(self._ratings, scale)

    def scores_of(self, metric: str) -> pd.Series:
        """A metric's scores by item; of people the mean ratings without the evaluators' strictness."""
        if metric == PEOPLE and self._cube is not None:
            steps = self._cube.mean(axis=1)
            return pd.Series(self._scale.from_unit(steps * self._scale.step), steps.index)
        return self._rows_of(metric)["score"]

    def made_by(self, metric: str, items: Iterable[str]) -> list[str]:
        """In which different ways these images' scores were made: other versions of packages are no other way."""
        rows = self._rows_of(metric)
        if "signature" not in rows.columns:
            return []
        some = rows.loc[rows.index.isin(list(items)), "signature"].fillna("").astype(str)
        return sorted({identity_of(each) for each in some.unique()})

    def _rows_of(self, metric: str) -> pd.DataFrame:
        rows = self._scores[self._scores["metric"] == metric]
        return rows.drop_duplicates("item").set_index("item")

    def _rated_scores(self, metric: str) -> pd.Series:
        """The scores by which ratings are matched: those made in the way that most were."""
        rows = self._rows_of(metric)
        if "signature" not in rows.columns:
            return rows["score"]
        ways = rows["signature"].fillna("").astype(str).map(identity_of)
        return rows["score"][ways == ways.value_counts().index[0]]

    def slope(self, metric: str) -> Slope | None:
        """The metric's slope on people, in its units a rating step; None where there are too few ratings."""
        if metric not in self._slopes:
            self._slopes[metric] = self._slope(metric)
        return self._slopes[metric]

    def _slope(self, metric: str) -> Slope | None:
        if self._cube is None:
            return None
        scores = self._rated_scores(metric).reindex(self._cube.index).to_numpy(dtype=float)
        sign = 1.0 if self.directions[metric] == "higher" else -1.0
        prompts = None
        if self._prompts is not None:
            named = self._prompts.reindex(self._cube.index).fillna("")
            prompts = np.where(named != "", named, self._cube.index)
        return slope_on_people(sign * scores, self._cube.to_numpy(dtype=float), prompts, self.resampling)

    def agreement(self, metric: str) -> Agreement:
        """Whether the metric sorts images, and ranks checkpoints, as people do; the first call takes a second.

        Raises
        ------
        InputError
            For a metric that has no scores here.
        """
        if metric not in self._agreements:
            self._refuse_unknown([metric])
            found = Agreement(metric)
            if self._people is not None:
                task = ScoredTask.of(
                    self._rated_scores(metric).reindex(self._people.items),
                    self._people,
                    self.directions[metric],
                    metric,
                )
                found = agreement(task, self._people)
            self._agreements[metric] = found
        return self._agreements[metric]

    @cached_property
    def _people(self) -> Ratings | None:
        """The task's ratings as a report judges metrics by them, with checkpoints in the place of models."""
        if self._ratings is None:
            return None
        rows = self._ratings.drop_duplicates(["item", "evaluator"])
        checkpoints = rows["item"].map(self.checkpoints.of_item)
        rows = rows[checkpoints.notna()]
        evaluators = sorted(map(str, rows["evaluator"].unique()), key=natural_order)
        groupings = groupings_of(self._items[self._items["item"].isin(rows["item"])])
        groupings["model"] = checkpoints[checkpoints.notna()].map(str).set_axis(rows["item"]).groupby(level=0).first()
        return Ratings.of_table(rows, evaluators, groupings, self._scale, resampling=self.resampling)

    def _refuse_unknown(self, metrics: Sequence[str], others: Sequence[str] = ()) -> None:
        """Raise InputError for a metric that has no scores here, and is none of the others."""
        strange = [name for name in metrics if name not in self.metrics and name not in others]
        if strange:
            known = listed(self.metrics) if self.metrics else "none yet"
            raise InputError(f"There are no scores by {listed(quoted(strange))}; the study has scores by {known}.")

    def slope_to_use(self, metric: str, items: Iterable[str]) -> Slope | None:
        """The slope, where differences of the metric may be said in people's points.

        A metric that sorts less well than a person may still have a clear slope: noise makes its interval wider and
        its points no less true. Where the order of the images is no better than chance, a clear slope is chance as
        well, and where it ranks checkpoints against people, points would have the wrong sign: there are none then.
        Nor are there where these images' scores were made in another way than most.
        """
        if self._cube is None or self.made_by(metric, items) != self.made_by(metric, self._rated_scores(metric).index):
            return None
        found = self.slope(metric)
        return None if found is None or self.agreement(metric).sorts == "no" else found


class Opinions(NamedTuple):
    """What people think of images.

    Attributes
    ----------
    steps : DataFrame
        A row an item and a column an evaluator: rating steps above the lowest level, without the evaluators'
        strictness; NaN where missing.
    leniency : ndarray, shape (evaluators,)
        By how many steps each gives more than the others, which was taken out.
    """

    steps: pd.DataFrame
    leniency: Array


def opinions(ratings: pd.DataFrame, scale: Scale = LIKERT) -> Opinions:
    """What people think of each image, without their strictness.

    Parameters
    ----------
    ratings : DataFrame
        One task's: item, evaluator, rating; of several by one person of one image the first counts.
    scale : Scale

    Returns
    -------
    Opinions

    Examples
    --------
    >>> rows = [("a", "ann", 1), ("b", "ann", 3), ("a", "bob", 2), ("b", "bob", 4)]
    >>> found = opinions(pd.DataFrame(rows, columns=["item", "evaluator", "rating"]))
    >>> found.steps.loc["a"].round(9).tolist(), found.leniency.round(9).tolist()
    ([0.5, 0.5], [-0.5, 0.5])
    """
    first = ratings.drop_duplicates(["item", "evaluator"])
    wide = first.pivot(index="item", columns="evaluator", values="rating")
    given = scale.to_unit(wide) * (1 / scale.step)
    steps = levelled(given)
    return Opinions(pd.DataFrame(steps, index=wide.index, columns=wide.columns), np.nanmean(given - steps, axis=0))


def _one_task(ratings: pd.DataFrame | None, task: str) -> tuple[str, pd.DataFrame | None]:
    if ratings is None or ratings.empty:
        if task:
            raise InputError(f"Nobody has rated '{task}'; leave {parameter('task')} out to judge by metrics alone.")
        return "", None
    tasks = [str(name) for name in ratings["task"].unique()] if "task" in ratings.columns else [""]
    if task and task not in tasks:
        raise InputError(f"There is no task '{task}'; people rated {listed(quoted(tasks))}.")
    if not task and len(tasks) > 1:
        raise InputError(f"People rated {listed(quoted(tasks))}; say whose ratings count with {parameter('task')}.")
    name = task or tasks[0]
    return name, ratings if "task" not in ratings.columns else ratings[ratings["task"].astype(str) == name]
