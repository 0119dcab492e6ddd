"""What is computed with, made once and handed on: people's ratings of a task's items, and one metric's scores of them.

Arithmetic takes arrays; what stands above it takes these, so that what belongs to a rating (its scale, which images
belong together, what is drawn) travels with it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from calibration.core.crossvalidation import CrossValidation, NewItems, cross_validate
from calibration.core.evaluator_weights import best_constant
from calibration.core.grades import Array, sample_scores
from calibration.core.item_folds import FEWEST_GROUPS, clusters_of, item_folds
from calibration.core.resampling import RESAMPLING, Resampling
from calibration.scale import LIKERT, Scale
from metrics.known import Direction

Made = TypeVar("Made")


@dataclass(frozen=True, eq=False)
class Ratings:
    """The people's side of a task, and how it is judged.

    Attributes
    ----------
    values : ndarray, shape (items, evaluators)
        Unit scale, NaN where missing.
    scale : Scale
        Whose levels the ratings are.
    k : float
        The exponent of the distance, above 0.
    resampling : Resampling
        How many bootstrap draws, and the seed of all that is random.
    groupings : mapping of str to ndarray, shape (items,)
        By column of the items table (prompt, subject, model): each item's value.
    clustered_by : str, optional
        The grouping whose items are drawn together; each item by itself unless given.
    held_out_by : str, optional
        The grouping whose items are held out together, and between which scores are permuted.
    items : Index
        Their names; numbers unless given.
    evaluators : sequence of str
        The columns' names; numbers unless given.

    Examples
    --------
    >>> ratings = Ratings(np.array([[0.0, 0.25], [0.25, 0.25], [1.0, 0.5]]), groupings={"prompt": np.array([7, 7, 8])})
    >>> ratings.constant(), ratings.target.tolist(), ratings.clusters
    (2, [0.125, 0.25, 0.75], None)
    >>> replace(ratings, clustered_by="prompt").clusters.tolist()
    [7, 7, 8]
    """

    values: Array = field(repr=False)
    scale: Scale = LIKERT
    k: float = 1.0
    resampling: Resampling = RESAMPLING
    groupings: Mapping[str, NDArray[Any]] = field(default_factory=dict, repr=False)
    clustered_by: str | None = None
    held_out_by: str | None = None
    items: pd.Index = None  # type: ignore[assignment]
    evaluators: Sequence[str] = None  # type: ignore[assignment]
    _made: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        count, people = self.values.shape
        if self.items is None:
            object.__setattr__(self, "items", pd.RangeIndex(count))
        if self.evaluators is None:
            object.__setattr__(self, "evaluators", [str(column) for column in range(people)])

    @classmethod
    def of_table(
        cls,
        rows: pd.DataFrame,
        evaluators: Sequence[str],
        groupings: Mapping[str, pd.Series],
        scale: Scale = LIKERT,
        k: float = 1.0,
        resampling: Resampling = RESAMPLING,
    ) -> "Ratings":
        """A task from the rows of its ratings.

        Parameters
        ----------
        rows : DataFrame
            item, evaluator and rating (in the scale's numbers), each pair once.
        evaluators : sequence of str
            The order of the columns.
        groupings : mapping of str to Series
            As `calibration.core.item_folds.groupings_of` finds them; an item that is not there is a group of its own.
        scale, k, resampling
            See `Ratings`.

        Returns
        -------
        Ratings
            Its items in the order of their names, so that the order of the rows changes nothing. What belongs together
            is that of one prompt, or else of one subject, where there are enough of them.

        Examples
        --------
        >>> rows = pd.DataFrame({"item": ["a", "a"], "evaluator": ["x", "y"], "rating": [1, 5]})
        >>> Ratings.of_table(rows, ["x", "y"], {}).values.tolist()
        [[0.0, 1.0]]
        """
        codes, names = pd.factorize(rows["item"], sort=True)
        matrix = np.full((len(names), len(evaluators)), np.nan)
        matrix[codes, pd.Index(evaluators).get_indexer(pd.Index(rows["evaluator"]))] = scale.to_unit(rows["rating"])
        items = pd.Index(names)
        aligned = {
            name: values.reindex(items).fillna(pd.Series(items, index=items)).to_numpy(dtype=object)
            for name, values in groupings.items()
        }
        own = {name: values[values.index.isin(items)] for name, values in groupings.items()}
        together = clusters_of(own, FEWEST_GROUPS)
        return cls(matrix, scale, k, resampling, aligned, clusters_of(own), together, items, list(evaluators))

    @property
    def clusters(self) -> NDArray[Any] | None:
        """What is drawn together, by item; None where each item stands for itself."""
        return self._of(self.clustered_by)

    @property
    def held_together(self) -> NDArray[Any] | None:
        """What is held out together, by item; None where each item stands for itself."""
        return self._of(self.held_out_by)

    def _of(self, name: str | None) -> NDArray[Any] | None:
        return None if name is None else self.groupings[name]

    @cached_property
    def target(self) -> Array:
        """Each item's mean rating, on the unit scale; NaN where it has none."""
        return sample_scores(self.values)

    @cached_property
    def folds(self) -> NDArray[np.intp]:
        """Which items are held out together, as numbers from 0."""
        groups = self.held_together
        return item_folds(np.arange(len(self.values)) if groups is None else groups, seed=self.resampling.seed)

    def constant(self, k: float | None = None) -> int | None:
        """The level, from 1, that is the best constant answer for these ratings; None where there are none.

        Where a metric left the worst images out, the level that is best for all would be beaten by one that knows
        nothing: so it is asked of the ratings of the images that were scored.
        """
        exponent = self.k if k is None else k
        key = "constant", exponent
        if key not in self._made:
            self._made[key] = best_constant(self.values, exponent, self.scale)
        found: int | None = self._made[key]
        return found

    def once(self, make: Callable[["Ratings"], Made]) -> Made:
        """What is made of these ratings alone, made once: metrics that scored the same items share it."""
        if make not in self._made:
            self._made[make] = make(self)
        found: Made = self._made[make]
        return found

    def of(self, chosen: NDArray[np.bool_]) -> "Ratings":
        """Those of some items; the same object for the same items.

        Examples
        --------
        >>> ratings = Ratings(np.array([[0.0], [0.5], [1.0]]))
        >>> some = ratings.of(np.array([True, False, True]))
        >>> some.values.tolist(), some is ratings.of(np.array([True, False, True]))
        ([[0.0], [1.0]], True)
        """
        if chosen.all():
            return self
        key = chosen.tobytes()
        if key not in self._made:
            groupings = {name: values[chosen] for name, values in self.groupings.items()}
            self._made[key] = replace(self, values=self.values[chosen], groupings=groupings, items=self.items[chosen])
        found: Ratings = self._made[key]
        return found


@dataclass(frozen=True, eq=False)
class ScoredTask:
    """One metric's scores of rated items, and their ratings.

    Attributes
    ----------
    scores : ndarray, shape (scored items,)
        Finite.
    ratings : Ratings
        Of the same items.
    direction : {"higher", "lower"}
        Which way the metric points.
    name : str
        The metric.
    signatures : sequence of str
        The different ones that its scores carry.
    is_scored : ndarray of bool, shape (items,)
        Which of the task's items these are.
    n_scores : int
        How many items the metric scored, whether they were rated or not.
    """

    scores: Array = field(repr=False)
    ratings: Ratings
    direction: Direction
    name: str
    signatures: Sequence[str]
    is_scored: NDArray[np.bool_] = field(repr=False)
    n_scores: int

    @classmethod
    def of(
        cls,
        scores: ArrayLike,
        ratings: Ratings,
        direction: Direction = "higher",
        name: str = "",
        signatures: Sequence[str] = (),
        n_scores: int | None = None,
    ) -> "ScoredTask":
        """From scores of all items of the task.

        Parameters
        ----------
        scores : array_like, shape (items,)
            NaN where there is none.
        ratings : Ratings
            Of all items.
        direction, name, signatures, n_scores
            See `ScoredTask`; all scores that are there are counted unless told.

        Examples
        --------
        >>> task = ScoredTask.of([3.0, np.nan, 1.0], Ratings(np.array([[0.0], [0.5], [1.0]])), "lower")
        >>> task.scores.tolist(), task.better.tolist(), task.ratings.values.tolist(), task.aligned.tolist()
        ([3.0, 1.0], [-3.0, -1.0], [[0.0], [1.0]], [3.0, nan, 1.0])
        """
        values = np.asarray(scores, dtype=float)
        known = np.isfinite(values)
        count = int(known.sum()) if n_scores is None else n_scores
        return cls(values[known], ratings.of(known), direction, name, signatures, known, count)

    @property
    def better(self) -> Array:
        """The scores, turned round where lower is better."""
        return self.scores if self.direction == "higher" else -self.scores

    @property
    def aligned(self) -> Array:
        """The scores of all items of the task, NaN where there is none."""
        values = np.full(len(self.is_scored), np.nan)
        values[self.is_scored] = self.scores
        return values

    def with_ratings(self, ratings: Ratings) -> "ScoredTask":
        """The same scores with other ratings of all items of the task."""
        return self.of(self.aligned, ratings, self.direction, self.name, self.signatures, self.n_scores)

    def cross_validated(self, k: float | None = None) -> CrossValidation:
        """The cross-validation over evaluators, with the ratings' k unless told."""
        ratings, exponent = self.ratings, self.ratings.k if k is None else k
        constant = ratings.constant(exponent)
        return cross_validate(self.scores, ratings.values, exponent, self.direction, constant, ratings.scale)

    def on_new_items(self, folds: NDArray[np.intp] | None = None) -> NewItems:
        """The mappings fitted on all folds but one, by the ratings' folds unless told."""
        ratings = self.ratings
        held = ratings.folds if folds is None else folds
        return NewItems(self.scores, ratings.values, held, ratings.k, self.direction, ratings.scale)
