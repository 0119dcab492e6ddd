"""Cells of text tables: as numbers, and where they stand in the file."""

import re

import pandas as pd

from metrics.errors import InputError

_COMMA = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?")
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
            raise InputError(f"{where}, row {row_number(first_row(empty))}: the {name} is empty; every row needs one.")


def refuse_twice(frame: pd.DataFrame, where: str) -> None:
    """Raise InputError for an item that stands in two rows."""
    twice = frame["item"].duplicated()
    if twice.any():
        row = first_row(twice)
        item = frame["item"][row]
        raise InputError(f"{where}, row {row_number(row)}: the item '{item}' stands there twice; keep one row.")


def first_row(rows: pd.Series) -> int:
    """The index of the first row that is True."""
    return int(rows[rows].index[0])


def row_number(index: int) -> int:
    """The row in the file as a person counts it: the header is row 1."""
    return index + 2
