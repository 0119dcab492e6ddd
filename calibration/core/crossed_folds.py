"""Folds over evaluators and images at once: a model is tried on people and images that are both new to it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.core.grades import Array
from calibration.core.intervals import group_codes
from calibration.core.item_folds import item_folds

FOLDS = 5


class HeldOut(NamedTuple):
    """One cell that is held out: boolean masks of its items, its evaluators, and of the evaluators to fit on."""

    items: NDArray[np.bool_]
    people: NDArray[np.bool_]
    others: NDArray[np.bool_]


def crossed_folds(
    ratings: Array, clusters: ArrayLike | None = None, folds: int = FOLDS, seed: int = 0
) -> list[HeldOut]:
    """Deal items and evaluators into folds, and pair every fold of the one with every fold of the other.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Unit scale, NaN where missing.
    clusters : array_like, shape (items,), optional
        Which images belong together; a cluster is never split.
    folds : int
        How many of items, and of evaluators, at most.
    seed : int
        Of the dealing.

    Returns
    -------
    list of HeldOut
        Evaluators who rated nothing are in no cell. One evaluator alone is fitted on their own ratings of the other
        images. Empty where there are fewer than two clusters or no ratings.

    Examples
    --------
    >>> cells = crossed_folds(np.zeros((10, 3)), folds=5)
    >>> len(cells), int(sum(np.outer(cell.items, cell.people).sum() for cell in cells))
    (15, 30)
    """
    rated = (~np.isnan(ratings)).any(axis=0)
    codes = group_codes(clusters, len(ratings))
    if not rated.any() or len(np.unique(codes)) < 2:
        return []
    of_items = item_folds(codes, folds, seed)
    of_people = np.full(ratings.shape[1], -1)
    of_people[rated] = item_folds(np.flatnonzero(rated), folds, seed)
    alone = rated.sum() == 1
    cells = []
    for fold in range(int(of_items.max()) + 1):
        for panel in range(int(of_people.max()) + 1):
            people = of_people == panel
            cells.append(HeldOut(of_items == fold, people, people if alone else rated & ~people))
    return cells
