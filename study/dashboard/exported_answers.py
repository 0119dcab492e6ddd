"""Which of the figures stand in an exported file, since nothing can be computed there."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import permutations
from typing import Any

from metrics.errors import InputError
from study.dashboard.answers import address, answer
from study.dashboard.best import choices
from study.dashboard.recipe import recipe
from study.dashboard.snapshot import Snapshot

MOST_BEST = 150
MOST_PAIRS = 600
MOST_RUN_PAIRS = 60
MOST_RECIPES = 20_000

Given = dict[str, str]


@dataclass(frozen=True)
class Listed:
    """What is computed for a file.

    Attributes
    ----------
    addresses : list of tuple
        Name, parameters, and the same with those that the page leaves out where it takes the usual.
    notes : tuple of str
        What there are too many of.
    """

    addresses: list[tuple[str, Given, list[Given]]]
    notes: tuple[str, ...]


def listed_addresses(taken: Snapshot) -> Listed:
    """The figures that a file holds: all but comparisons of any two checkpoints, of which there are too many."""
    tasks = taken.tasks or [""]
    notes = []
    found: list[tuple[str, Given, list[Given]]] = [("alerts", {}, []), ("trends", {}, [])]  # the lines of all tasks
    found += [("agreement", {"task": task}, [{}] if task == tasks[0] else []) for task in tasks]
    best, all_best = _best(taken, tasks)
    found += best
    pairs = _pairs(taken)
    for task in tasks:
        usual = {"task": ""} if task == tasks[0] else {}
        for left, right in pairs[:MOST_PAIRS]:
            given = {"left": str(left), "right": str(right), "task": task}
            found.append(("compare", given, [given | usual] if usual else []))
        runs = [place for place, run in enumerate(taken.shown.runs) if not run["is_base"]]
        for left, right in list(permutations(runs, 2))[:MOST_RUN_PAIRS]:
            given = {"left_run": str(left), "right_run": str(right), "task": task}
            found.append(("compare", given, [given | usual] if usual else []))
    if len(best) < all_best:
        notes.append(f"Of {all_best:,} choices of Best {len(best):,} are in this file; all are in the live dashboard.")
    if len(taken.shown.checkpoints) > 2:
        notes.append(
            "Each checkpoint is compared with the base of its run, the one before it and the one that may be the best; "
            "of any other two this file shows pictures and plain differences, and the live dashboard their intervals."
        )
    return Listed(found, tuple(notes))


def answers_of(taken: Snapshot, listed: Listed, on_progress: Callable[[], None]) -> dict[str, Any]:
    """What each address answers, by the address as the page writes it."""
    found: dict[str, Any] = {}
    for name, given, also in listed.addresses:
        content = _answer(taken, name, given)
        for each in (given, *also):  # without a task Best names the others in its headline
            found[address(name, each)] = _answer(taken, name, each) if name == "best" else content
        on_progress()
    version = taken.data()["version"]
    for place in range(min(len(taken.images), MOST_RECIPES)):
        found[address(f"recipe/{place}", {"version": version})] = recipe(taken, place)
    return found


def _answer(taken: Snapshot, name: str, given: Given) -> dict[str, Any]:
    try:
        return answer(taken, name, given)
    except InputError as error:  # one that the live page would show in words
        return {"refused": error.for_command_line(), "version": taken.data()["version"]}


def _best(taken: Snapshot, tasks: list[str]) -> tuple[list[tuple[str, Given, list[Given]]], int]:
    """The usual run by everything, then the others by the usual, then whatever is left; and how many there are."""
    asked = choices(taken)
    runs = asked["runs"] or [""]
    order = [
        *((by, run) for run in runs[:1] for by in ("", *asked["by"])),
        *((by, run) for run in runs[1:] for by in ("", *asked["by"][:1])),
        *((by, run) for run in runs[1:] for by in asked["by"][1:]),
    ]
    found = []
    for by, run in order:
        for task in tasks:
            given = {"by": by, "run": run, "task": task}
            also = []
            for left_out in ({"run": ""}, {"task": ""}, {"run": "", "task": ""}):
                is_usual = ("run" not in left_out or run == runs[0]) and ("task" not in left_out or task == tasks[0])
                if is_usual:
                    also.append(given | left_out)
            found.append(("best", given, also))
    return found[:MOST_BEST], len(found)


def _pairs(taken: Snapshot) -> list[tuple[int, int]]:
    """Each checkpoint with its run's base, the one before it and the one that may be the best, both ways round."""
    winner = answer(taken, "best", {}).get("winner")
    found: dict[tuple[int, int], None] = {}
    before: dict[int, int] = {}
    for place, one in enumerate(taken.shown.checkpoints):
        base = taken.shown.runs[one["run"]]["base"]
        others = [base, before.get(one["run"]), winner["checkpoint"] if winner else None]
        before[one["run"]] = place
        for other in others:
            if other is not None and other != place:
                found[other, place] = found[place, other] = None
    return list(found)
