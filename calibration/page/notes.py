"""The notes of a report for the page: each once, and those that differ in a name only as one that lists the names."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from calibration.notes import Named, Note, read
from calibration.report.schema.document import Metric, Report, Task

STANDS_FOR = "NAME"


class ShownNote(NamedTuple):
    """A note: whom it concerns, in words (empty for all), and what it says."""

    concerned: str
    text: str


def all_notes(report: Report) -> list[ShownNote]:
    """All notes of a report, in their order.

    Parameters
    ----------
    report : Report

    Returns
    -------
    list of ShownNote
        A text that several notes share but for the name of a metric or an evaluator is there once: with NAME in the
        name's place, and the names in what it concerns.

    Examples
    --------
    >>> import pandas as pd
    >>> from calibration.pipeline import calibrate_tables
    >>> ratings = pd.DataFrame({"item": list("abab"), "evaluator": list("xxyy"), "rating": [1, 5, 2, 5]})
    >>> scores = pd.DataFrame({"item": ["a", "b"], "m1": [0.1, 0.9], "m2": [1, 2]})
    >>> all_notes(calibrate_tables(ratings, scores).model)[-1].text
    'Assumed that higher is better; if lower is, say --lower-is-better NAME (for NAME put each of these).'
    """
    tasks = report.tasks
    found = _merged((note, "") for note in _notes_of(report))
    of_people: dict[Note, list[str]] = {}
    for task_name, task in tasks.items():
        for note in dict.fromkeys(_notes_of(task)):
            of_people.setdefault(note, []).append(task_name)
    found += _merged((note, _places({each: [] for each in asked}, len(tasks))) for note, asked in of_people.items())
    of_metrics: dict[tuple[str, str | None], dict[str, list[str]]] = {}
    names: dict[tuple[str, str | None], list[str]] = {}
    for task_name, task in tasks.items():
        for name, entry in task.metrics.items():
            for note in _notes_of(entry):
                key: tuple[str, str | None] = (note, None) if isinstance(note, str) else (note.before, note.after)
                of_metrics.setdefault(key, {}).setdefault(task_name, []).append(entry.title)
                names.setdefault(key, []).append(name)
    for (before, after), places in of_metrics.items():
        named = list(dict.fromkeys(names[before, after]))
        found.append(ShownNote(_places(places, len(tasks)), _with_names(before, after, named)))
    return found


def notes_of_people(task: Task) -> list[str]:
    """A task's own notes for the top of its page: those that differ only in the evaluator are one.

    Examples
    --------
    >>> from calibration.report.schema.base import NameInNote
    >>> said = {"notes": ["e1: Gave 3 to all.", "Few.", "e2: Gave 3 to all."]}
    >>> said["names_in_notes"] = [NameInNote(note=place, start=0, name=f"e{1 + place // 2}") for place in (0, 2)]
    >>> notes_of_people(Task.model_construct(**said))
    ['e1, e2: Gave 3 to all.', 'Few.']
    """
    merged = _merged((note, "") for note in _notes_of(task))
    return [f"{note.concerned}: {note.text}" if note.concerned else note.text for note in merged]


def _notes_of(section: Report | Task | Metric) -> list[Note]:
    return read(section.notes, ((one.note, one.start, one.name) for one in section.names_in_notes or ()))


def _merged(notes: Iterable[tuple[Note, str]]) -> list[ShownNote]:
    """Notes with their places; those with the same place that say the same of several names as one."""
    groups: dict[tuple[str, str | None, str], list[str]] = {}
    for note, place in notes:
        if isinstance(note, Named):
            groups.setdefault((note.before, note.after, place), []).append(note.name)
        else:
            groups.setdefault((note, None, place), [])
    found = []
    for (before, after, place), every in groups.items():
        who = list(dict.fromkeys(every))
        if after is None:
            found.append(ShownNote(place, before))
        elif len(who) == 1:
            found.append(ShownNote(place, f"{before}{who[0]}{after}"))
        else:
            listed = ", ".join(who)
            text = after[2:] if after.startswith(": ") else f"{STANDS_FOR}{after} ({STANDS_FOR}: each of these.)"
            found.append(ShownNote("; ".join(filter(None, [place, listed])), f"{before}{text}"))
    return found


def _with_names(before: str, after: str | None, names: Sequence[str]) -> str:
    """A metric's note with its name, or, for several metrics, with NAME."""
    if after is None:
        return before
    if len(names) == 1:
        return f"{before}{names[0]}{after}"
    return f"{before}{STANDS_FOR}{after}".rstrip(".") + f" (for {STANDS_FOR} put each of these)."


def _places(metrics: Mapping[str, list[str]], n_tasks: int) -> str:
    """Tasks and their metrics in words; the tasks are left out where it is the same in all of them."""
    lists = list(metrics.values())
    if len(lists) == n_tasks and all(names == lists[0] for names in lists):
        return ", ".join(lists[0])
    return "; ".join(f"{task}: {', '.join(names)}" if names else task for task, names in metrics.items())
