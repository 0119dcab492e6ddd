"""Scores with a column for each metric, brought into long form."""

import re

import pandas as pd

from calibration.tables.cells import comma_hint, first_row, numbers_of, refuse_twice, row_in
from metrics.errors import InputError

_ITEM_COLUMNS = {"item", "image", "subject", "model", "checkpoint", "prompt", "seed", "references"}
_NO_NAME = re.compile(r"(Unnamed: \d+(_level_\d+)?)?")


def long_form(frame: pd.DataFrame, where: str, notes: list[str]) -> pd.DataFrame:
    """A row for each item and metric.

    Parameters
    ----------
    frame : DataFrame
        Text cells: item, and a column for each metric. What describes the item, columns of words, and columns without
        a name (the row numbers that pandas writes and reads as 'Unnamed: 0') are no metrics.
    where : str
        What messages call the table.
    notes : list of str
        Gets a sentence for the columns that were not read, unless they describe the item.

    Returns
    -------
    DataFrame
        item, metric and score as text.

    Raises
    ------
    InputError
        Where no column is a metric, an item stands there twice, or a column of numbers has a cell that is none.
    """
    refuse_twice(frame, where)
    candidates = [name for name in frame.columns if name not in _ITEM_COLUMNS]
    named = [name for name in candidates if not _NO_NAME.fullmatch(name)]
    metrics = [name for name in named if _is_metric(frame, name, where)]
    if not metrics:
        raise InputError(
            f"{where} has no scores: it needs the columns metric and score, or a column of numbers for each metric."
        )
    if len(named) < len(candidates):
        notes.append("A column without a name, such as the row numbers that pandas writes, is no metric.")
    words = [name for name in named if name not in metrics]
    if words:
        notes.append(f"Columns that are not all numbers are no metrics and were not read: {', '.join(words)}.")
    return frame.melt(id_vars="item", value_vars=metrics, var_name="metric", value_name="score")


def _is_metric(frame: pd.DataFrame, name: str, where: str) -> bool:
    """Whether a column holds numbers; where most of its cells do, the others are mistakes and not words."""
    _, bad = numbers_of(frame[name], allow_missing=True)
    if not bad.any():
        return True
    numeric = pd.to_numeric(frame[name], errors="coerce").notna()
    row = first_row(bad)
    hint = comma_hint(frame[name][row])
    if not hint and numeric.sum() <= (bad & ~numeric).sum():
        return False
    raise InputError(
        f"{row_in(where, row)}: the score '{frame[name][row]}'{hint} of '{frame['item'][row]}' by {name} is "
        "not a finite number of at most 1e150; correct it, leave the cell empty for no score, or take the "
        "column out if it is no metric."
    )
