"""Rounds of a study: images that were added after others were rated, and old ones that are asked again beside them."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain, product, zip_longest
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from calibration.tables.checking import records
from metrics.errors import InputError
from study.assignment.order import plan_assignments, random_generator
from study.store.records import AskedItem

ADDED = "added_in_round"
"""Column of items.csv: the round in which an image came to the study; empty for those that were there at first."""

AGAIN = "asked_again_in_rounds"
"""Column of items.csv: the later rounds in which an image is asked again, separated by ';'."""

T = TypeVar("T")


def latest_round(items: pd.DataFrame) -> int:
    """The number of the last round; 1 for a study to which nothing was added.

    Examples
    --------
    >>> latest_round(pd.DataFrame({"item": ["a", "b"], "added_in_round": ["", "2"]}))
    2
    """
    return max(chain([1], *([added, *again] for added, again in _rounds(items).values())))


def plan_rounds(
    items: pd.DataFrame, tasks: Sequence[str], evaluators: Sequence[str], seed: int, asked: Sequence[AskedItem]
) -> list[dict[str, Any]]:
    """Plan what every evaluator rates in every round.

    Parameters
    ----------
    items : DataFrame
        As `study.assignment.order.plan_assignments` takes them and, where images were added, the columns `ADDED` and
        `AGAIN`.
    tasks, evaluators, seed
        As there.
    asked : sequence of AskedItem
        What evaluators were given so far.

    Returns
    -------
    list of dict
        evaluator, task, item, repeat, round and position (from 0, counted over all rounds), with what was given
        already. In a later round its new images and its anchors stand in one random order. An anchor is asked of those
        who rated it in an earlier round, as a repeat, and, as a first answer, of those who joined in this round; who
        joins later is asked for the images of the rounds before as anchors only. What an evaluator's round holds of
        anchors is settled once.

    Raises
    ------
    InputError
        Where a cell of the two columns is no round.

    Examples
    --------
    >>> items = pd.DataFrame({"item": ["a", "b", "c"], "added_in_round": ["", "", "2"]})
    >>> items["asked_again_in_rounds"] = ["2", "", ""]
    >>> before = [AskedItem("ann", "look", item, 1, 0, is_rated=True) for item in "ab"]
    >>> plan = plan_rounds(items, ["look"], ["ann", "bob"], 0, before)
    >>> sorted((row["evaluator"], row["item"], row["repeat"]) for row in plan if row["round"] == 2)
    [('ann', 'a', 1), ('ann', 'c', 0), ('bob', 'a', 0), ('bob', 'c', 0)]
    """
    last = latest_round(items)
    if last == 1:
        return plan_assignments(items, tasks, evaluators, seed)
    rounds = _rounds(items)
    known = {one.item for one in asked}
    of_evaluator: dict[str, list[AskedItem]] = defaultdict(list)
    for one in asked:
        of_evaluator[one.evaluator].append(one)
    # a row that was put into items.csv by hand belongs to the round in which it is first asked
    added = {item: last if of == 1 and item not in known else of for item, (of, _) in rounds.items()}
    plan: list[dict[str, Any]] = []
    for evaluator in evaluators:
        own = of_evaluator[evaluator]
        begun = {one.round for one in own}
        first, position = min(begun, default=last), 0
        for number in range(first, last + 1):
            chosen = {item for item, (_, again) in rounds.items() if number in again}
            anchors = {} if number in begun else _anchors(chosen, tasks, own, number)
            asked_again = {item for _, item in anchors}
            is_mine = [added[item] == number or item in asked_again for item in items["item"]]
            purpose = "order" if number == 1 else f"order-{number}"
            for row in plan_assignments(items[is_mine], tasks, [evaluator], seed, purpose):
                repeat = anchors.get((row["task"], row["item"]), None if row["item"] in asked_again else 0)
                if repeat is not None:
                    plan.append(row | {"repeat": repeat, "round": number, "position": position})
                    position += 1
    return plan


def _anchors(
    chosen: set[str], tasks: Sequence[str], own: Sequence[AskedItem], number: int
) -> dict[tuple[str, str], int]:
    """What an evaluator is asked of a round's anchors: by task and item, the number of the repeat."""
    if not own:
        return dict.fromkeys(product(tasks, chosen), 0)
    given: dict[tuple[str, str], int] = {}
    for one in own:
        given[one.task, one.item] = max(given.get((one.task, one.item), 0), one.repeat + 1)
    return {
        (one.task, one.item): given[one.task, one.item]
        for one in own
        if one.is_rated and one.round < number and one.item in chosen
    }


def choose_anchors(
    items: pd.DataFrame, rated: Iterable[str], share: float, seed: int, number: int, least: int = 0
) -> list[str]:
    """Which rated images are asked again, balanced over models, and within each over its checkpoints.

    Parameters
    ----------
    items : DataFrame
        item and, where known, model, checkpoint and task.
    rated : iterable of str
        The items that have ratings.
    share : float
        Of these, from 0 to 1, rounded up; of each task's own where items are rated in one task only.
    seed, number : int
        The choice follows from the seed and the number of the round.
    least : int
        So many at least, as far as there are so many; of each task's own like the share.

    Returns
    -------
    list of str
        In the order of `items`.

    Examples
    --------
    >>> items = pd.DataFrame({"item": list("abcdef"), "model": list("mmmmnn"), "checkpoint": list("112212")})
    >>> chosen = choose_anchors(items, "abcdef", 0.3, 0, 2)
    >>> sorted(items.set_index("item").loc[chosen, "model"])
    ['m', 'n']
    """
    pool = items[items["item"].isin(set(rated))].fillna("")
    tasks = pool["task"] if "task" in pool.columns else pd.Series("", index=pool.index)
    chosen: set[str] = set()
    for task, group in pool.groupby(tasks, sort=True):
        rng = random_generator(seed, "anchors", str(number), str(task))
        wanted = max(math.ceil(share * len(group) - 1e-9), least)
        chosen.update(
            _balanced(group, [name for name in ("model", "checkpoint") if name in group.columns], rng)[:wanted]
        )
    return [item for item in items["item"] if item in chosen]


def _balanced(items: pd.DataFrame, columns: Sequence[str], rng: np.random.Generator) -> list[str]:
    """All items in an order of which every beginning is balanced over the columns' values, the first column first."""
    if not columns:
        return [str(item) for item in rng.permutation(sorted(items["item"]))]
    groups = [_balanced(group, columns[1:], rng) for _, group in items.groupby(columns[0], sort=True)]
    return _in_turn([groups[place] for place in rng.permutation(len(groups))])


def _in_turn(lists: Iterable[Sequence[T]]) -> list[T]:
    """One of each, then the second of each, and so on.

    Examples
    --------
    >>> _in_turn([[1, 2, 3], [7], [8, 9]])
    [1, 7, 8, 2, 9, 3]
    """
    nothing = object()
    return [each for turn in zip_longest(*lists, fillvalue=nothing) for each in turn if each is not nothing]  # type: ignore[misc]


def _rounds(items: pd.DataFrame) -> dict[str, tuple[int, tuple[int, ...]]]:
    """By item: the round in which it came, and those in which it is asked again."""
    empty = pd.Series("", index=items.index)
    columns = {name: items[name] if name in items.columns else empty for name in (ADDED, AGAIN)}
    return {
        row["item"]: (
            _round(row["added"] or "1", row["item"], ADDED),
            tuple(_round(part, row["item"], AGAIN) for part in row["again"].split(";") if part.strip()),
        )
        for row in records(pd.DataFrame({"item": items["item"], "added": columns[ADDED], "again": columns[AGAIN]}))
    }


def _round(cell: str, item: str, column: str) -> int:
    if not (cell.strip().isascii() and cell.strip().isdigit() and 1 <= int(cell) <= 9999):
        raise InputError(
            f"items.csv has '{cell}' in the column {column} of '{item}', which holds numbers of rounds as humangrade "
            "add writes them; put the cell back."
        )
    return int(cell)
