"""The table of what was asked: the question and the words for the levels of each task, in all their versions."""

from collections.abc import Collection
from datetime import datetime

import pandas as pd

from calibration.scale import LIKERT, Scale
from calibration.tables.cells import first_row, numbers_of, of_table, refuse_empty, row_in
from calibration.tables.reading import require_columns, text_cells
from metrics.errors import InputError
from metrics.text import listed, quoted


def level_columns(scale: Scale) -> tuple[str, ...]:
    """The columns of the words for the levels, from the lowest.

    Examples
    --------
    >>> level_columns(LIKERT)
    ('level_1', 'level_2', 'level_3', 'level_4', 'level_5')
    """
    return tuple(f"level_{number}" for number in range(1, scale.count + 1))


LEVELS = level_columns(LIKERT)
"""Those of the usual scale."""

_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def check_wordings(
    raw: pd.DataFrame,
    where: str = "the wordings table",
    tasks: Collection[str] | None = None,
    scale: Scale = LIKERT,
) -> pd.DataFrame:
    """Check a table of what was asked: a row for each wording of each task.

    Parameters
    ----------
    raw : DataFrame
        task, question, level_1, level_2, ... (the levels' words), show_references and show_prompt (true or false),
        ratings (how many were given under these words) and, optionally, asked_from (a date, or date and time, in ISO
        form) and note. Several rows of one task are its history in order; the last one is the present wording.
    where : str
        What messages call the table.
    tasks : collection of str, optional
        The tasks that there are ratings of; a wording under which ratings were given must be of one of them.
    scale : Scale
        Whose levels the ratings are.

    Returns
    -------
    DataFrame
        These columns, text but for show_references, show_prompt (bool) and ratings (int), in the same order.

    Raises
    ------
    InputError
        For a missing column, an empty question or word, a cell that is not what its column holds, a task that nobody
        rated, or a later wording of a task that does not say from when it was asked.

    Examples
    --------
    >>> row = {"task": "look", "question": "How good?", "show_references": "no", "show_prompt": "no", "ratings": "9"}
    >>> words = dict(zip(LEVELS, ["Bad", "Poor", "Fair", "Good", "Excellent"], strict=True))
    >>> check_wordings(pd.DataFrame([row | words]))["ratings"].tolist()
    [9]
    """
    levels = level_columns(scale)
    require_columns(raw, ("task", "question", *levels, "show_references", "show_prompt", "ratings"), where)
    where = of_table(where, raw)
    frame = text_cells(raw.reset_index(drop=True))
    for column in ("asked_from", "note"):
        frame[column] = frame[column] if column in frame.columns else ""
    refuse_empty(frame, ("task", "question", *levels), where)
    for column in ("show_references", "show_prompt"):
        frame[column] = _truths(frame, column, where)
    numbers, bad = numbers_of(frame["ratings"])
    bad |= (numbers < 0) | (numbers % 1 != 0)
    if bad.any():
        row = first_row(bad)
        raise InputError(
            f"{row_in(where, row)}: the number of ratings is '{frame['ratings'][row]}'; write a whole number "
            "from 0 on: how many were given under these words."
        )
    frame["ratings"] = numbers.astype(int)
    _refuse_no_dates(frame, where)
    has_ratings = frame["ratings"] > 0
    unclear = frame.duplicated("task") & (frame["asked_from"] == "") & has_ratings
    if unclear.any():
        row = first_row(unclear)
        raise InputError(
            f"{row_in(where, row)}: the task '{frame['task'][row]}' stands there again, without asked_from; "
            "say from when it was asked in these words, or keep one row."
        )
    strange = has_ratings & ~frame["task"].isin(list(frame["task"] if tasks is None else tasks))
    if strange.any():
        row = first_row(strange)
        known = listed(quoted(sorted(tasks or ())))
        raise InputError(
            f"{row_in(where, row)}: nobody rated the task '{frame['task'][row]}'; name tasks as the ratings "
            f"do: {known}."
        )
    return frame[["task", "question", *levels, "show_references", "show_prompt", "asked_from", "ratings", "note"]]


def _truths(frame: pd.DataFrame, column: str, where: str) -> pd.Series:
    found = frame[column].str.lower().map(_TRUTHS)
    if found.isna().any():
        row = first_row(found.isna())
        raise InputError(f"{row_in(where, row)}: {column} is '{frame[column][row]}'; write true or false.")
    return found.astype(bool)


def _refuse_no_dates(frame: pd.DataFrame, where: str) -> None:
    for row, text in enumerate(frame["asked_from"]):
        try:
            if text:
                datetime.fromisoformat(text)
        except ValueError as error:
            raise InputError(
                f"{row_in(where, row)}: asked_from is '{text}', which is no date such as 2026-03-01 or "
                "2026-03-01T09:30; write it so, or leave the first one of a task empty."
            ) from error
