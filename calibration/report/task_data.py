"""One task of a study as the report computes with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration.core.evaluator_weights import best_constant
from calibration.core.grades import Array
from calibration.core.item_folds import FEWEST_GROUPS, clusters_of, item_folds
from calibration.metric.baselines import PERMUTATIONS, RandomScores
from calibration.metric.same_target import EvaluatorsAsMetrics
from calibration.people.worth_intervals import Worth
from calibration.scale import LIKERT, Scale


@dataclass(frozen=True)
class TaskData:
    """The people's side of a task, and how it is to be judged.

    Attributes
    ----------
    items : Index
        The rated items.
    evaluators : list of str
        Who rated them.
    ratings : ndarray, shape (items, evaluators)
        Unit scale, NaN where missing.
    groupings : mapping of str to ndarray, shape (items,)
        By column of the items table (prompt, subject, model): each item's value.
    clusters : str or None
        The grouping whose items are drawn together.
    together : str or None
        The grouping whose items are held out together, and between which scores are dealt by chance.
    k : float
        The exponent of the distance.
    draws, seed : int
        Of the bootstrap and of everything else that is random.
    for_raters : bool
        Whether no sentence may be about a single evaluator.
    scale : Scale
        Whose levels the ratings are.
    """

    items: pd.Index
    evaluators: list[str]
    ratings: Array
    groupings: Mapping[str, NDArray[np.object_]] = field(default_factory=dict)
    clusters: str | None = None
    together: str | None = None
    k: float = 1.0
    draws: int = 0
    seed: int = 0
    for_raters: bool = False
    scale: Scale = LIKERT
    _by_chance: dict[bytes, RandomScores] = field(default_factory=dict, repr=False)
    _worth: dict[bytes, Worth] = field(default_factory=dict, repr=False)
    _as_metrics: dict[bytes, EvaluatorsAsMetrics] = field(default_factory=dict, repr=False)
    _constants: dict[tuple[float, bytes], int | None] = field(default_factory=dict, repr=False)

    def groups(self, chosen: NDArray[np.bool_] | None = None) -> NDArray[np.object_] | None:
        """The clusters of the items, or of those chosen; None where each item stands for itself."""
        return self._of(self.clusters, chosen)

    def held_together(self, chosen: NDArray[np.bool_] | None = None) -> NDArray[np.object_] | None:
        """What `together` groups; None where each item stands for itself."""
        return self._of(self.together, chosen)

    def _of(self, name: str | None, chosen: NDArray[np.bool_] | None) -> NDArray[np.object_] | None:
        if name is None:
            return None
        return self.groupings[name] if chosen is None else self.groupings[name][chosen]

    def constant(self, k: float, scored: NDArray[np.bool_] | None = None) -> int | None:
        """The best constant level, from 1, fixed on all ratings of the task, or of the images that a metric scored.

        Where a metric left the worst images out, the level that is best for all would be beaten by one that knows
        nothing. None where there are no ratings.
        """
        key = k, b"" if scored is None or scored.all() else scored.tobytes()
        if key not in self._constants:
            self._constants[key] = best_constant(self.ratings if not key[1] else self.ratings[scored], k, self.scale)
        return self._constants[key]

    def by_chance(self, scored: NDArray[np.bool_]) -> RandomScores:
        """What random scores of these items reach; metrics that scored the same items share it."""
        key = scored.tobytes()
        if key not in self._by_chance:
            permutations = PERMUTATIONS if self.draws else 0
            self._by_chance[key] = RandomScores(
                self.ratings[scored], self.k, permutations, self.seed, self.held_together(scored), self.scale
            )
        return self._by_chance[key]

    def worth(self, scored: NDArray[np.bool_]) -> Worth:
        """What intervals of a metric's worth need of the people; metrics that scored the same items share it."""
        key = scored.tobytes()
        if key not in self._worth:
            self._worth[key] = Worth(self.ratings[scored], self.groups(scored), self.draws, self.seed)
        return self._worth[key]

    def folds(self, scored: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Which of the scored items are held out together."""
        groups = self.held_together(scored)
        return item_folds(np.arange(int(scored.sum())) if groups is None else groups, seed=self.seed)

    def as_metrics(self, scored: NDArray[np.bool_]) -> EvaluatorsAsMetrics:
        """The evaluators as metrics on these items; metrics that scored the same items share them."""
        key = scored.tobytes()
        if key not in self._as_metrics:
            self._as_metrics[key] = EvaluatorsAsMetrics(
                self.ratings[scored],
                self.folds(scored),
                self.k,
                self.seed,
                self.constant(self.k, scored),
                self.scale,
            )
        return self._as_metrics[key]


def task_data(
    rows: pd.DataFrame,
    evaluators: Sequence[str],
    groupings: Mapping[str, pd.Series],
    k: float = 1.0,
    draws: int = 0,
    seed: int = 0,
    for_raters: bool = False,
    scale: Scale = LIKERT,
) -> TaskData:
    """A task from the rows of its ratings.

    Parameters
    ----------
    rows : DataFrame
        item, evaluator and rating (in the scale's numbers), each pair once.
    evaluators : sequence of str
        The order of the columns.
    groupings : mapping of str to Series
        As `calibration.core.item_folds.groupings_of` finds them; an item that is not there is a group of its own.
    k, draws, seed, for_raters, scale
        See `TaskData`.

    Returns
    -------
    TaskData
        Its items in the order of their names, so that the order of the rows changes nothing.

    Examples
    --------
    >>> rows = pd.DataFrame({"item": ["a", "a"], "evaluator": ["x", "y"], "rating": [1, 5]})
    >>> task_data(rows, ["x", "y"], {}).ratings.tolist()
    [[0.0, 1.0]]
    """
    codes, items = pd.factorize(rows["item"], sort=True)
    matrix = np.full((len(items), len(evaluators)), np.nan)
    matrix[codes, pd.Index(evaluators).get_indexer(pd.Index(rows["evaluator"]))] = scale.to_unit(rows["rating"])
    index = pd.Index(items)
    aligned = {
        name: values.reindex(index).fillna(pd.Series(index, index=index)).to_numpy(dtype=object)
        for name, values in groupings.items()
    }
    own = {name: values[values.index.isin(index)] for name, values in groupings.items()}
    together = clusters_of(own, FEWEST_GROUPS)
    return TaskData(
        index, list(evaluators), matrix, aligned, clusters_of(own), together, k, draws, seed, for_raters, scale
    )
