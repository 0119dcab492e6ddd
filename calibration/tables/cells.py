"""Cells of text tables: as numbers, and where they stand in the file."""

import re

import pandas as pd

from metrics.errors import InputError

_COMMA = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?")
FROM_FILE = "humangrade_file"  # in a table's attrs: that it was read from a file
_LARGEST = 1e300  # beyond it sums and differences of two numbers leave the floats


def numbers_of(column: pd.Series, allow_missing: bool = False) -> tuple[pd.Series, pd.Series]:
    """The cells as floats, and which of them are no finite numbers (empty and 'nan' cells may pass as missing).

    Examples
    --------
    >>> numbers, bad = numbers_of(pd.Series(["1", "x", ""]), allow_missing=True)
    >>> numbers.tolist(), bad.tolist()
    ([1.0, nan, nan], [False, True, False])
    """
    numbers = pd.to_numeric(column.where(column != "", None), errors="coerce").astype(float)
    finite = numbers.abs() <= _LARGEST
    absent = column.str.lower().isin(["", "nan", "na", "none", "null"])
    return numbers.where(finite), ~finite & ~(absent & allow_missing)


def comma_hint(cell: str) -> str:
    """What to do about a cell that is a number with a decimal comma; nothing for any other cell.

    Examples
    --------
    >>> comma_hint("0,71"), comma_hint("good")
    (' (a decimal comma: write 0.71)', '')
    """
    return f" (a decimal comma: write {cell.replace(',', '.')})" if _COMMA.fullmatch(cell.strip()) else ""


def refuse_empty(frame: pd.DataFrame, names: tuple[str, ...], where: str) -> None:
    """Raise InputError for a row without one of the names."""
    for name in names:
        empty = frame[name] == ""
        if empty.any():
            raise InputError(f"{row_in(where, first_row(empty))}: the {name} is empty; every row needs one.")


def refuse_twice(frame: pd.DataFrame, where: str) -> None:
    """Raise InputError for an item that stands in two rows."""
    twice = frame["item"].duplicated()
    if twice.any():
        row = first_row(twice)
        item = frame["item"][row]
        raise InputError(f"{row_in(where, row)}: the item '{item}' stands there twice; keep one row.")


def first_row(rows: pd.Series) -> int:
    """The index of the first row that is True."""
    return int(rows[rows].index[0])


class TableName(str):
    """What messages call a table, with the index of its rows; None where it was read from a file."""

    labels: pd.Index | None = None


def of_table(where: str, raw: pd.DataFrame) -> TableName:
    """What messages call a table, so that `row_in` knows whether its rows are a file's or a notebook's."""
    name = TableName(where)
    name.labels = None if raw.attrs.get(FROM_FILE) else raw.index
    return name


def row_in(where: str, place: int) -> str:
    """A row of a table, counted from 0, as people find it: in a file by its line, in a DataFrame by its index.

    A file's header is row 1.

    Examples
    --------
    >>> row_in("ratings.csv", 0)
    'ratings.csv, row 2'
    >>> row_in(of_table("the ratings table", pd.DataFrame({"item": ["a", "b"]}, index=[7, 9])), 1)
    'the ratings table, the row with the index 9'
    >>> row_in(of_table("the ratings table", pd.DataFrame({"item": ["a", "b"]}, index=["x", "x"])), 1)
    "the ratings table, the row with the index 'x', at position 1"
    """
    labels = where.labels if isinstance(where, TableName) else None
    if labels is None:
        return f"{where}, row {place + 2}"
    label = f"'{labels[place]}'" if isinstance(labels[place], str) else str(labels[place])
    at = "" if labels.is_unique else f", at position {place}"
    return f"{where}, the row with the index {label}{at}"
