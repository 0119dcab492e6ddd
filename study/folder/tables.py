"""A study's tables out to CSV files, and tables in."""

import hashlib
from pathlib import Path
from typing import Any

import pandas as pd

from calibration.tables.checking import check_ratings, check_scores, records
from calibration.tables.writing import csv_text
from metrics.errors import InputError
from metrics.files import write_together
from metrics.text import counted
from study.folder.config import FILE_NAME
from study.folder.study import ITEMS, Study

_LARGEST_WHOLE = 2**31 - 1  # what an integer column of any database holds


def export_tables(study: Study, out: str | Path, without_names: bool = False) -> list[Path]:
    """Write items.csv, ratings.csv, scores.csv, wordings.csv and, where there are any, set_scores.csv, all or none.

    Parameters
    ----------
    study : Study
        What is exported; rows come in an order that does not depend on when they were rated.
    out : str or Path
        The folder; image paths in items.csv stay relative to the study's folder.
    without_names : bool
        Call the evaluators evaluator-1, evaluator-2 and so on, in an order that follows nothing and is the same in
        every export of the study.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    InputError
        Where the folder cannot be written.
    """
    contents = table_files(study, without_names)
    return write_together({Path(out) / name: content for name, content in contents.items()})


def table_files(study: Study, without_names: bool = False) -> dict[str, str]:
    """The exported files' names and contents."""
    tables = study.tables() | {"wordings": study.asked()}
    if tables["set_scores"].empty:
        del tables["set_scores"]
    if without_names:
        names = [evaluator.name for evaluator in study.store.evaluators()]
        tables["ratings"] = _without_names(tables["ratings"], names, study.store.owner_token)
    return {f"{name}.csv": csv_text(table) for name, table in tables.items()}


def _without_names(ratings: pd.DataFrame, names: list[str], secret: str) -> pd.DataFrame:
    """Ratings by evaluator-1, evaluator-2 and so on; without the secret nobody can tell who is who."""
    order = sorted(names, key=lambda name: hashlib.blake2b(name.encode(), key=secret.encode()).digest())
    called = {name: f"evaluator-{number}" for number, name in enumerate(order, 1)}
    shown = ratings.assign(evaluator=ratings["evaluator"].map(called))
    numbers = shown["evaluator"].str.removeprefix("evaluator-").astype(int)
    return shown.assign(_number=numbers).sort_values(["_number", "task", "item"], kind="stable").drop(columns="_number")


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
        checked = check_ratings(ratings, keep_repeats=True).frame
        _refuse_strangers(checked["item"], study.items["item"], "item", f"the study's {ITEMS} lacks")
        _refuse_strangers(checked["task"], pd.Series(list(study.config.tasks)), "task", f"{FILE_NAME} lacks")
        rating_rows = _rating_rows(checked)
    if scores is not None:
        checked = check_scores(scores).frame
        _refuse_strangers(checked["item"], study.items["item"], "item", f"the study's {ITEMS} lacks")
        score_rows = records(checked)
    study.store.record_wordings(study.config.tasks)
    return study.store.import_rows(rating_rows, score_rows)


def _rating_rows(ratings: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows with plain Python values, and None in every cell that is empty."""
    rows = records(ratings[["item", "evaluator", "task"]].assign(rating=ratings["rating"].astype(int).astype(object)))
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
