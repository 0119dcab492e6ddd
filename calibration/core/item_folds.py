"""Which images are held out together, and which belong together at all."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from calibration.core.resampling import generator

GROUPINGS = ("prompt", "subject", "model")
FEWEST_CLUSTERS = 10
FEWEST_GROUPS = 5


def groupings_of(items: pd.DataFrame) -> dict[str, pd.Series]:
    """The columns of an items table that say which images are of a kind.

    Parameters
    ----------
    items : DataFrame
        item; optional prompt, subject and model.

    Returns
    -------
    dict of str to Series
        By column: each item's value. A column with empty cells, or with one value only, is not there.

    Examples
    --------
    >>> items = pd.DataFrame({"item": ["a", "b"], "prompt": ["a cat", "a dog"], "model": "sd15"})
    >>> list(groupings_of(items))
    ['prompt']
    """
    found = {name: items.set_index("item")[name] for name in GROUPINGS if name in items.columns}
    return {name: values for name, values in found.items() if values.ne("").all() and values.nunique() > 1}


def clusters_of(groupings: Mapping[str, pd.Series], fewest: int = FEWEST_CLUSTERS) -> str | None:
    """Which images are drawn together for the intervals: those of one prompt, or else of one subject.

    Parameters
    ----------
    groupings : mapping of str to Series
        As `groupings_of` finds them.
    fewest : int
        How many values a grouping must have: ten to draw from; five to hold out, and to deal scores between.

    Returns
    -------
    str or None
        The grouping's name; None where neither has as many values, so that each image stands for itself.

    Examples
    --------
    >>> many = pd.Series([str(number) for number in range(10)])
    >>> clusters_of({"prompt": many[:4], "subject": many}), clusters_of({"model": many})
    ('subject', None)
    """
    for name in ("prompt", "subject"):
        if name in groupings and groupings[name].nunique() >= fewest:
            return name
    return None


def few_groups(groupings: Mapping[str, pd.Series]) -> list[str]:
    """A note where images of one prompt or subject may be alike, and there are too few of these to draw from.

    Examples
    --------
    >>> few_groups({"subject": pd.Series(["a", "b", "a"])})[0][:40]
    'The images are of 2 subjects only: inter'
    """
    if clusters_of(groupings) is not None:
        return []
    return [
        f"The images are of {groupings[name].nunique()} {name}s only: intervals take every image for independent, "
        f"which makes them too narrow where images of one {name} are alike."
        for name in ("prompt", "subject")
        if name in groupings
    ][:1]


def item_folds(groups: ArrayLike, count: int = 5, seed: int = 0) -> NDArray[np.intp]:
    """Deal groups of items into folds of about equal size.

    Parameters
    ----------
    groups : array_like, shape (items,)
        Which group each item belongs to; a group is never split.
    count : int
        How many folds, at most; no more than there are groups.
    seed : int
        Of the order in which groups of one size are dealt.

    Returns
    -------
    ndarray of int, shape (items,)
        Each item's fold, from 0.

    Examples
    --------
    >>> folds = item_folds(["a", "a", "b", "c", "c", "d"], count=3)
    >>> sorted(np.bincount(folds).tolist()), bool(folds[0] == folds[1])
    ([2, 2, 2], True)
    """
    codes, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)[1:]
    shuffled = generator(seed).permutation(len(sizes))
    largest_first = shuffled[np.argsort(-sizes[shuffled], kind="stable")]
    totals = np.zeros(max(1, min(count, len(sizes))), dtype=int)
    fold_of = np.empty(len(sizes), dtype=np.intp)
    if len(sizes) and sizes.min() == sizes.max():  # the same, without a step for each of very many
        fold_of[largest_first] = np.arange(len(sizes)) % len(totals)
        largest_first = largest_first[:0]
    for group in largest_first.tolist():
        fold_of[group] = smallest = int(totals.argmin())
        totals[smallest] += sizes[group]
    return np.asarray(fold_of[codes.reshape(-1)])
