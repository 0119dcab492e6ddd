"""Who rates what, and in which order: random, different for each evaluator, and reproducible from the seed."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd


def plan_assignments(
    items: pd.DataFrame, tasks: Sequence[str], evaluators: Sequence[str], seed: int, purpose: str = "order"
) -> list[dict[str, Any]]:
    """Plan every evaluator's session.

    Parameters
    ----------
    items : DataFrame
        A column item; optional task: an item with a task is rated in that one only, others in all; optional rate:
        see `is_asked`.
    tasks : sequence of str
        In the order in which they are rated; they are kept apart.
    evaluators : sequence of str
        Names.
    seed : int
        The same seed, names and items give the same plan; one evaluator's order does not depend on who else rates.
    purpose : str
        Another one gives another order.

    Returns
    -------
    list of dict
        evaluator, task, item, position (from 0, counted over all tasks).

    Examples
    --------
    >>> items = pd.DataFrame({"item": ["a", "b", "c"]})
    >>> plan = plan_assignments(items, ["look"], ["ann"], seed=0)
    >>> sorted(row["item"] for row in plan), [row["position"] for row in plan]
    (['a', 'b', 'c'], [0, 1, 2])
    """
    items = items[is_asked(items)]
    own = items["task"] if "task" in items.columns else pd.Series("", index=items.index)
    shares = {task: sorted(items["item"][(own == task) | (own == "")]) for task in tasks}
    plan = []
    for evaluator in evaluators:
        position = 0
        for task, share in shares.items():
            for index in random_generator(seed, purpose, evaluator, task).permutation(len(share)):
                plan.append({"evaluator": evaluator, "task": task, "item": share[index], "position": position})
                position += 1
    return plan


ASKED = {"": True, "1": True, "yes": True, "true": True, "0": False, "no": False, "false": False}
"""What a cell of the column rate may say, in any case: whether people are asked about the item."""


def is_asked(items: pd.DataFrame) -> pd.Series:
    """Whether people are to rate each item: its cell in the column rate is none of 0, no and false.

    Parameters
    ----------
    items : DataFrame
        Optional rate: which images of a large set people are asked about; metrics score all.

    Returns
    -------
    Series of bool
        With the index of `items`.

    Examples
    --------
    >>> is_asked(pd.DataFrame({"item": ["a", "b", "c"], "rate": ["1", "No", ""]})).tolist()
    [True, False, True]
    """
    if "rate" not in items.columns:
        return pd.Series(True, index=items.index)
    return items["rate"].map(lambda cell: ASKED.get(str(cell).strip().lower(), True)).astype(bool)


def split_items(items: pd.DataFrame, tasks: Sequence[str], seed: int) -> pd.Series:
    """Deal the items to the tasks, balanced to within one item over all and within each model.

    Parameters
    ----------
    items : DataFrame
        A column item; optional model; optional rate: items that nobody is asked about get no task.
    tasks : sequence of str
        Names.
    seed : int
        For the shuffle.

    Returns
    -------
    Series of str
        Each item's task, with the index of `items`.

    Examples
    --------
    >>> items = pd.DataFrame({"item": list("abcd"), "model": list("mmnn")})
    >>> sorted(split_items(items, ["look", "likeness"], seed=0))
    ['likeness', 'likeness', 'look', 'look']
    """
    models = items["model"] if "model" in items.columns else pd.Series("", index=items.index)
    own = pd.Series("", index=items.index)
    asked = is_asked(items)
    dealt = 0
    for model in sorted(set(models)):
        group = items[(models == model) & asked].sort_values("item").index
        for index in random_generator(seed, "split", model).permutation(group):
            own[index] = tasks[dealt % len(tasks)]  # one deal over all models keeps both balances
            dealt += 1
    return own


def random_generator(seed: int, *purpose: str) -> np.random.Generator:
    """A generator for one purpose, the same on every machine and in every process."""
    digest = hashlib.sha256("\x1f".join([str(seed), *purpose]).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))
