"""What each address of the dashboard answers, for the live page and for the file that opens offline alike."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from metrics.errors import InputError
from metrics.text import counted

if TYPE_CHECKING:
    from study.dashboard.snapshot import Snapshot

TAKES = {
    "trends": ("task",),
    "agreement": ("task",),
    "alerts": (),
    "best": ("by", "run", "task"),
    "compare": ("left", "left_run", "right", "right_run", "task"),
}
"""The addresses whose answers are computed of a snapshot, with their parameters."""


def answer(snapshot: "Snapshot", name: str, given: Mapping[str, str]) -> dict[str, Any]:
    """What an address answers.

    Parameters
    ----------
    snapshot : Snapshot
        Of the study.
    name : str
        One of `TAKES`.
    given : mapping of str to str
        Its parameters; those left out are "".

    Returns
    -------
    dict
        JSON, with the snapshot's version.

    Raises
    ------
    InputError
        Where the study has no such task, run or checkpoint.
    """
    of = {each: given.get(each, "") for each in TAKES[name]}
    return {**_MAKERS[name](snapshot, of), "version": snapshot.data()["version"]}


def _trends(snapshot: "Snapshot", of: Mapping[str, str]) -> Mapping[str, Any]:
    from study.dashboard.trends import trends

    return trends(snapshot, of["task"])


def _agreement(snapshot: "Snapshot", of: Mapping[str, str]) -> Mapping[str, Any]:
    from study.dashboard.agreement import agreement

    return agreement(snapshot, of["task"])


def _alerts(snapshot: "Snapshot", of: Mapping[str, str]) -> Mapping[str, Any]:
    from study.dashboard.alerts import alerts

    return alerts(snapshot)


def _best(snapshot: "Snapshot", of: Mapping[str, str]) -> Mapping[str, Any]:
    from study.dashboard.best import best

    return best(snapshot, of["by"], of["run"], of["task"])


def _compare(snapshot: "Snapshot", of: Mapping[str, str]) -> Mapping[str, Any]:
    from study.dashboard.compare import compare, compare_runs

    if of["left_run"] or of["right_run"]:
        runs = len(snapshot.shown.runs)
        left, right = (_place(of[side], runs, "run") for side in ("left_run", "right_run"))
        return compare_runs(snapshot, left, right, of["task"])
    checkpoints = len(snapshot.shown.checkpoints)
    left, right = (_place(of[side], checkpoints, "checkpoint") for side in ("left", "right"))
    return compare(snapshot, left, right, of["task"])


_MAKERS: dict[str, Callable[["Snapshot", Mapping[str, str]], Mapping[str, Any]]] = {
    "trends": _trends,
    "agreement": _agreement,
    "alerts": _alerts,
    "best": _best,
    "compare": _compare,
}


def address(name: str, given: Mapping[str, str]) -> str:
    """An address as the page writes it: parameters by name, those that are "" left out.

    Examples
    --------
    >>> address("best", {"run": "anna", "by": "people", "task": ""})
    'best?by=people&run=anna'
    """
    told = [f"{key}={value}" for key, value in sorted(given.items()) if value]
    return f"{name}?{'&'.join(told)}" if told else name


def _place(text: str, number: int, noun: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 10 and int(text) < number:
        return int(text)
    raise InputError(f"There is no {noun} '{text}' among {counted(number, noun)}, which are counted from 0.")
