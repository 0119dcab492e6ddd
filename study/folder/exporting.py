"""A study's tables out to CSV files: which files an export has, and which columns."""

import hashlib
from pathlib import Path

import pandas as pd

from calibration.scale import LIKERT, Scale
from calibration.tables.wordings import level_columns
from calibration.tables.writing import csv_text
from metrics.files import write_together
from study.folder.study import Study

_WORDS = level_columns(LIKERT)

COLUMNS: dict[str, tuple[str, ...]] = {
    "ratings": ("item", "evaluator", "task", "rating", "rated_at", "response_ms", "position", "repeat"),
    "scores": ("item", "metric", "score", "signature", "note"),
    "set_scores": ("set", "metric", "score", "n", "signature", "low", "high", "note"),
    "wordings": (
        *("task", "question", *_WORDS, "show_references", "show_prompt"),
        *("asked_from", "ratings", "note", "scale"),
    ),
}
"""Of each file, in their order, on the usual scale; items.csv has those of the study's own table. A new one has to come
out of the store's table of the same name (`study.store.store`), or of `study.store.wording.Wording.row`."""

OF_LATER_ROUNDS = "round"
"""The last column of the ratings where images were added to a study."""


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
    return {f"{name}.csv": csv_text(_with_columns(name, table, study.config.scale)) for name, table in tables.items()}


def _with_columns(name: str, table: pd.DataFrame, scale: Scale) -> pd.DataFrame:
    if name not in COLUMNS:
        return table
    columns = [*COLUMNS[name], *([OF_LATER_ROUNDS] if name == "ratings" and OF_LATER_ROUNDS in table.columns else [])]
    if name == "wordings":
        at = columns.index(_WORDS[0])
        columns[at : at + len(_WORDS)] = level_columns(scale)
    return pd.DataFrame(columns=columns) if table.empty else table[columns]


def _without_names(ratings: pd.DataFrame, names: list[str], secret: str) -> pd.DataFrame:
    """Ratings by evaluator-1, evaluator-2 and so on; without the secret nobody can tell who is who."""
    order = sorted(names, key=lambda name: hashlib.blake2b(name.encode(), key=secret.encode()).digest())
    called = {name: f"evaluator-{number}" for number, name in enumerate(order, 1)}
    shown = ratings.assign(evaluator=ratings["evaluator"].map(called))
    numbers = shown["evaluator"].str.removeprefix("evaluator-").astype(int)
    return shown.assign(_number=numbers).sort_values(["_number", "task", "item"], kind="stable").drop(columns="_number")
