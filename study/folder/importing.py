"""Bringing ratings and scores from files into a study."""

from pathlib import Path
from typing import Any

import pandas as pd

from calibration.scale import Scale
from calibration.settings import Duplicates
from calibration.tables.checking import check_ratings, check_scores, records
from calibration.tables.reading import ColumnMap, read_table
from metrics.errors import InputError, parameter
from metrics.text import counted
from study.folder.config import FILE_NAME
from study.folder.study import ITEMS, Study

_LARGEST_WHOLE = 2**31 - 1  # what an integer column of any database holds


def import_files(
    study: Study,
    ratings: Path | None = None,
    scores: Path | None = None,
    columns: str | None = None,
    task: str | None = None,
    duplicates: Duplicates = "error",
) -> list[str]:
    """Read, check and import; either all of it arrives or nothing does.

    Parameters
    ----------
    study : Study
        Where the rows go.
    ratings, scores : Path, optional
        CSV or Parquet; at least one.
    columns : str, optional
        ``ours=theirs,...`` for foreign column names.
    task : str, optional
        The task of all ratings where the file has no task column.
    duplicates : {"error", "first", "last", "mean"}
        What to do where a person rated an item twice; a mean may be no level of the study's scale, so it is refused.

    Returns
    -------
    list of str
        What was done and what was left out, a sentence each.

    Raises
    ------
    InputError
        For a file, cell, item or task that cannot be used.
    """
    if ratings is None and scores is None:
        raise InputError(
            f"There is nothing to import; give {parameter('ratings')} FILE, {parameter('scores')} FILE or both."
        )
    if duplicates == "mean":
        raise InputError(
            f"A study holds levels of its scale, so {parameter('duplicates')} mean cannot be imported; "
            "say first or last."
        )
    column_map = ColumnMap.parse(columns)
    tables, lines = {}, []
    if ratings is not None:
        frame, source = read_table(ratings, column_map)
        if "task" not in frame.columns:
            task = task or _only_task(study)
        checked = check_ratings(frame, source.path, task, duplicates, keep_repeats=True, scale=study.config.scale)
        tables["ratings"] = checked.frame
        lines += [f"{source.path}: {note}" for note in checked.notes]
    if scores is not None:
        frame, source = read_table(scores, column_map)
        checked = check_scores(frame, source.path)
        tables["scores"] = checked.frame
        lines += [f"{source.path}: {note}" for note in checked.notes]
    column_map.check_used()
    new = dict(zip(("ratings", "scores"), import_tables(study, **tables), strict=True))
    return [*lines, *(_imported(name[:-1], len(table), new[name]) for name, table in tables.items())]


def _imported(noun: str, count: int, new: int) -> str:
    """What became of so many rows.

    Examples
    --------
    >>> _imported("rating", 5, 5), _imported("rating", 5, 2)
    ('Imported 5 ratings.', 'Imported 2 ratings; the other 3 were there already.')
    """
    if new == count:
        return f"Imported {counted(count, noun)}."
    return f"Imported {counted(new, noun)}; the other {count - new:,} were there already."


def _only_task(study: Study) -> str | None:
    """The study's task where it has but one."""
    tasks = list(study.config.tasks)
    return tasks[0] if len(tasks) == 1 else None


def import_tables(
    study: Study, ratings: pd.DataFrame | None = None, scores: pd.DataFrame | None = None
) -> tuple[int, int]:
    """Import ratings and scores, all or none; evaluators that are missing get links of their own.

    Parameters
    ----------
    study : Study
        Where the rows go.
    ratings : DataFrame, optional
        item, evaluator, task, rating and, optionally, rated_at, response_ms, position, repeat, round.
    scores : DataFrame, optional
        item, metric, score and, optionally, signature.

    Returns
    -------
    ratings, scores : int
        How many were new; what is there already with the same value stays.

    Raises
    ------
    InputError
        For tables that `calibration.tables.checking` refuses, items or tasks that the study does not have, whole
        numbers that are none, and values that differ from those it has already; nothing is imported then.
    """
    rating_rows: list[dict[str, Any]] = []
    score_rows: list[dict[str, Any]] = []
    if ratings is not None:
        checked = check_ratings(ratings, keep_repeats=True, scale=study.config.scale).frame
        _refuse_strangers(checked["item"], study.items["item"], "item", f"the study's {ITEMS} lacks")
        _refuse_strangers(checked["task"], pd.Series(list(study.config.tasks)), "task", f"{FILE_NAME} lacks")
        rating_rows = _rating_rows(checked, study.config.scale)
    if scores is not None:
        checked = check_scores(scores).frame
        _refuse_strangers(checked["item"], study.items["item"], "item", f"the study's {ITEMS} lacks")
        score_rows = records(checked)
    study.store.record_wordings(study.config.tasks)
    return study.store.import_rows(rating_rows, score_rows)


def _rating_rows(ratings: pd.DataFrame, scale: Scale) -> list[dict[str, Any]]:
    """Rows with plain Python values, and None in every cell that is empty."""
    known = dict(zip(scale.values, scale.numbers, strict=True))
    numbers = pd.Series([known[rating] for rating in ratings["rating"]], index=ratings.index, dtype=object)
    rows = records(ratings[["item", "evaluator", "task"]].assign(rating=numbers))
    if "rated_at" in ratings.columns:
        for row, cell in zip(rows, ratings["rated_at"], strict=True):
            row["rated_at"] = cell or None
    for column in ("response_ms", "position", "repeat", "round"):
        if column in ratings.columns:
            for row, cell in zip(rows, ratings[column], strict=True):
                row[column] = _whole(cell, column)
    return _numbered_by_round(rows) if "round" in ratings.columns else rows


def _numbered_by_round(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with a number of the repeat of its own for what a person rated again in a later round."""
    taken: dict[tuple[str, str, str], set[int]] = {}
    for row in sorted(rows, key=lambda row: row.get("round") or 1):
        own = taken.setdefault((row["evaluator"], row["task"], row["item"]), set())
        repeat = row.get("repeat") or 0
        row["repeat"] = repeat if repeat not in own else max(own) + 1
        own.add(row["repeat"])
    return rows


def _whole(cell: str, column: str) -> int | None:
    """A cell as a whole number from 0 to 2^31 - 1; None where it is empty."""
    if cell.lower() in ("", "nan", "na", "<na>", "none", "null"):
        return None
    try:
        number = float(cell)
    except ValueError:
        number = -1
    if not (0 <= number <= _LARGEST_WHOLE and number % 1 == 0):
        raise InputError(
            f"The ratings have '{cell}' in the column {column}, which holds whole numbers; correct or empty the cell."
        )
    return int(number)


def _refuse_strangers(values: pd.Series, known: pd.Series, noun: str, what: str) -> None:
    strange = list(dict.fromkeys(values[~values.isin(known)]))
    if strange:
        named = ", ".join(f"'{value}'" for value in strange[:3])
        raise InputError(f"{counted(len(strange), noun)} that {what}, the first: {named}; nothing was imported.")
