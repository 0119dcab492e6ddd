"""What the report says of how people were asked: the present words, and those before."""

from typing import Any

import pandas as pd

from calibration.report.schema.people import Asked, Wording
from calibration.tables.checking import records


def asked_entries(wordings: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """The entry ``asked`` of each task that the table knows.

    Parameters
    ----------
    wordings : DataFrame
        As `calibration.tables.wordings.check_wordings` gives it.

    Returns
    -------
    dict of str to dict
        By task: ``question``, ``levels`` (their words), ``show_references``, ``show_prompt``, ``note`` and ``ratings``
        (how many were given under these words) of the present wording, and ``earlier``: the same of each wording before
        it, in order.

    Examples
    --------
    >>> from calibration.tables.wordings import LEVELS
    >>> row = ["look", "How good?", "Bad", "Poor", "Fair", "Good", "Excellent", False, False, "", 9, ""]
    >>> columns = ["task", "question", *LEVELS, "show_references", "show_prompt", "asked_from", "ratings", "note"]
    >>> found = asked_entries(pd.DataFrame([row, [*row[:10], 2, "no change"]], columns=columns))["look"]
    >>> found["levels"][4], found["ratings"], found["note"], [one["ratings"] for one in found["earlier"]]
    ('Excellent', 2, 'no change', [9])
    """
    history: dict[str, list[dict[str, Any]]] = {}
    for row in records(wordings):
        one = {
            "question": row["question"],
            "levels": [row[name] for name in wordings.columns if name.startswith("level_")],
            **{name: row[name] for name in ("show_references", "show_prompt", "note", "ratings")},
        }
        history.setdefault(row["task"], []).append(one)
    return {task: {**present, "earlier": earlier} for task, (*earlier, present) in history.items()}


def rated_wordings(asked: Asked) -> tuple[Wording, list[Wording]]:
    """The last words under which anybody rated, and those before under which somebody did.

    Parameters
    ----------
    asked : Asked
        A task's entry ``asked``.

    Returns
    -------
    last : Wording
        The present wording where there are no ratings at all.
    before : list of Wording
        The same words are one entry with all their ratings, wherever they stand.

    Examples
    --------
    >>> words = {"levels": list("abcde"), "show_references": False, "show_prompt": False, "note": ""}
    >>> old = Wording(question="Old?", ratings=9, **words)
    >>> last, before = rated_wordings(Asked(question="New?", ratings=0, earlier=[old, old], **words))
    >>> last.question, last.ratings, before
    ('Old?', 18, [])
    """
    rated: dict[tuple[str | bool, ...], Wording] = {}
    for one in (*asked.earlier, asked):
        if one.ratings:
            known = rated.pop(words_of(one), None)
            together = one.ratings + (known.ratings if known else 0)
            rated[words_of(one)] = one.model_copy(update={"ratings": together})
    words = [*rated.values()] or [asked]
    return words[-1], words[:-1]


def words_of(one: Wording) -> tuple[str | bool, ...]:
    """All that an evaluator saw of a wording."""
    return one.question, *one.levels, one.show_references, one.show_prompt
