"""The notes of a report for the page: each once, and those that differ in a name only as one that lists the names."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from calibration.report.schema.document import Report

STANDS_FOR = "NAME"
_ABOUT = re.compile(r"(?:Scores: |Ratings: )?")


class Note(NamedTuple):
    """A note: whom it concerns, in words (empty for all), and what it says."""

    concerned: str
    text: str


def all_notes(report: Report) -> list[Note]:
    """All notes of a report, in their order.

    Parameters
    ----------
    report : Report

    Returns
    -------
    list of Note
        A text that several notes share but for the name of the metric, or of the evaluator with whom it begins, is
        there once: with NAME in the name's place, and the names in what it concerns.

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
    metrics = {name for task in tasks.values() for name in task.metrics}
    found = _merged(((text, "") for text in report.notes), metrics)
    by_text: dict[tuple[str, bool], dict[str, list[str]]] = {}
    for task_name, task in tasks.items():
        for text in task.notes:
            by_text.setdefault((text, False), {}).setdefault(task_name, [])
        for name, entry in task.metrics.items():
            for text in entry.notes:
                without = _without(text, name)
                by_text.setdefault((without or text, without is not None), {}).setdefault(task_name, []).append(
                    entry.title
                )
    alone = {key: places for key, places in by_text.items() if not any(places.values())}
    people = {name for task in tasks.values() for name in task.evaluators}
    found += _merged(((text, _places(places, len(tasks))) for (text, _), places in alone.items()), people)
    names = {entry.title: name for task in tasks.values() for name, entry in task.metrics.items()}
    for (text, is_open), places in by_text.items():
        if (text, is_open) in alone:
            continue
        titles = list(dict.fromkeys(title for each in places.values() for title in each))
        if is_open:
            text = _closed(text, [names[title] for title in titles])
        found.append(Note(_places(places, len(tasks)), text))
    return found


def notes_of_people(notes: Sequence[str], evaluators: Iterable[str]) -> list[str]:
    """A task's own notes for the top of its page: those that differ only in the evaluator are one.

    Examples
    --------
    >>> notes_of_people(["e1: Gave 3 to all.", "Few.", "e2: Gave 3 to all."], ["e1", "e2"])
    ['e1, e2: Gave 3 to all.', 'Few.']
    """
    merged = _merged(((text, "") for text in notes), set(evaluators))
    return [f"{note.concerned}: {note.text}" if note.concerned else note.text for note in merged]


def _merged(notes: Iterable[tuple[str, str]], names: set[str]) -> list[Note]:
    """Notes (text, place), those with the same place that begin with one of the names and go on alike as one."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for text, place in notes:
        start = _ABOUT.match(text)
        assert start is not None
        name, rest = _beginning(text[start.end() :], names)
        groups.setdefault((start.group() if name else "", rest if name else text, place), []).append(name)
    found = []
    for (opening, rest, place), who in groups.items():
        if not who[0]:
            found += [Note(place, rest)] * len(who[:1])
        elif len(who) == 1:
            found.append(Note(place, f"{opening}{who[0]}{rest}"))
        else:
            listed = ", ".join(dict.fromkeys(who))
            text = rest[2:] if rest.startswith(": ") else f"{STANDS_FOR}{rest} ({STANDS_FOR}: each of these.)"
            found.append(Note("; ".join(filter(None, [place, listed])), f"{opening}{text}"))
    return found


def _beginning(text: str, names: set[str]) -> tuple[str, str]:
    """The longest of the names with which a text begins, and the rest; an empty name where there is none."""
    for place in [match.start() for match in re.finditer(r"[: ]", text)][::-1]:
        if text[:place] in names:
            return text[:place], text[place:]
    return "", text


def _without(text: str, name: str) -> str | None:
    """A metric's note with a gap where its own name stands, None where it does not stand there once."""
    places = [match.span() for match in re.finditer(rf"(?<!\S){re.escape(name)}(?=[\s.,;:)]|$)", text)]
    if len(places) != 1:
        return None
    start, end = places[0]
    return f"{text[:start]}\0{text[end:]}"


def _closed(text: str, names: Sequence[str]) -> str:
    """The note with its name again, or, for several, with NAME."""
    if len(names) == 1:
        return text.replace("\0", names[0])
    return f"{text.replace(chr(0), STANDS_FOR).rstrip('.')} (for {STANDS_FOR} put each of these)."


def _places(metrics: Mapping[str, list[str]], n_tasks: int) -> str:
    """Tasks and their metrics in words; the tasks are left out where it is the same in all of them."""
    lists = list(metrics.values())
    if len(lists) == n_tasks and all(names == lists[0] for names in lists):
        return ", ".join(lists[0])
    return "; ".join(f"{task}: {', '.join(names)}" if names else task for task, names in metrics.items())
