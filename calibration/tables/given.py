"""Tables as a program gives them: DataFrames, or the files that hold them."""

import os
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from calibration.tables.reading import ColumnMap, read_table
from metrics.errors import InputError, parameter

Source = str | os.PathLike[str] | pd.DataFrame
"""A table, or the CSV or Parquet file that holds it."""


def refuse_no_table(name: str, given: object) -> None:
    """Raise InputError for what is neither a table nor the path of one.

    Parameters
    ----------
    name : str
        The parameter that it was given as.
    given : object
        What was given.

    Examples
    --------
    >>> refuse_no_table("ratings", "ratings.csv")
    >>> refuse_no_table("ratings", [1, 2])
    Traceback (most recent call last):
    ...
    metrics.errors.InputError: ratings is of type list; give a DataFrame, or the path of a CSV or Parquet file.
    """
    if not isinstance(given, (str, os.PathLike, pd.DataFrame)):
        what = "None" if given is None else f"of type {type(given).__name__}"
        raise InputError(f"{parameter(name)} is {what}; give a DataFrame, or the path of a CSV or Parquet file.")


def tables_given(
    given: Mapping[str, Source | None], columns: str | Mapping[str, str] | None = None
) -> dict[str, tuple[pd.DataFrame, str] | None]:
    """The tables with our column names, and what messages call each.

    Parameters
    ----------
    given : mapping
        Each table, or its file, by the name of its parameter; None where there is none.
    columns : str or mapping, optional
        The map of columns, as in `map_text`; each entry must be of use for one of the tables.

    Returns
    -------
    dict
        The table and its file's path, or 'the ratings table' and its like; None where there is none.

    Raises
    ------
    InputError
        For what is no table, a file that cannot be read, and a map that no table can use.
    """
    mapped = ColumnMap.parse(map_text(columns))
    found: dict[str, tuple[pd.DataFrame, str] | None] = {}
    for name, source in given.items():
        if source is None:
            found[name] = None
            continue
        refuse_no_table(name, source)
        if isinstance(source, pd.DataFrame):
            found[name] = mapped.apply(source), f"the {name} table"
        else:
            found[name] = read_table(Path(source), mapped)[0], str(source)
    mapped.check_used()
    return found


def map_text(given: str | Mapping[str, str] | None) -> str | None:
    """A map of columns as the command line writes it.

    Examples
    --------
    >>> map_text({"item": "image", "evaluator": "who"})
    'item=image,evaluator=who'
    """
    return ",".join(f"{ours}={theirs}" for ours, theirs in given.items()) if isinstance(given, Mapping) else given
