"""From tables or files to a finished calibration: read, check, calibrate."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd

from calibration.notes import Named, Note
from calibration.progress import OnProgress
from calibration.report.anonymous import without_names
from calibration.report.build import Calibration, calibrate
from calibration.settings import Reading, Settings
from calibration.tables.checking import (
    check_items,
    check_ratings,
    check_scores,
    check_set_scores,
    tasks_of,
)
from calibration.tables.reading import ColumnMap, Source, read_table
from calibration.tables.wordings import check_wordings
from metrics.errors import InputError, either, parameter
from metrics.text import counted

_TEMPLATE = either("map='item=TEMPLATE'", "--map item=TEMPLATE")


def calibrate_files(
    ratings: str | Path,
    scores: str | Path | None = None,
    items: str | Path | None = None,
    settings: Settings | None = None,
    set_scores: str | Path | None = None,
    show_progress: bool = False,
    wordings: str | Path | None = None,
    reading: Reading | None = None,
) -> Calibration:
    """Calibrate from CSV or Parquet files.

    Parameters
    ----------
    ratings, scores, items : str or Path
        The tables; without scores only the people are graded. Images that the items table names, relative to its
        folder, are shown in the page.
    settings : Settings, optional
        How people and metrics are judged.
    set_scores : str or Path, optional
        Scores of sets of images, which the report shows beside the rest.
    show_progress : bool
        Show a bar in the terminal while metrics are judged.
    wordings : str or Path, optional
        What was asked, word for word.
    reading : Reading, optional
        How the tables are read; `Reading.map` renames columns in all files.

    Returns
    -------
    Calibration

    Raises
    ------
    InputError
        For a file or a cell that cannot be used; the message names it.
    """
    reading = reading or Reading()
    if scores is not None and os.path.realpath(ratings) == os.path.realpath(scores):
        raise InputError(
            f"{ratings} was given both as ratings and as scores; give the scores' own table with "
            f"{parameter('scores')}, or leave {parameter('scores')} out where there is none."
        )
    columns = ColumnMap.parse(reading.map)
    paths = {"ratings": ratings, "scores": scores, "items": items, "set_scores": set_scores, "wordings": wordings}
    read = {name: read_table(path, columns) for name, path in paths.items() if path is not None}
    columns.check_used()
    tables = {name: table for name, (table, _) in read.items()}
    sources = {name: source for name, (_, source) in read.items()}
    calibration = calibrate_tables(
        tables["ratings"],
        tables.get("scores"),
        tables.get("items"),
        settings,
        sources,
        tables.get("set_scores"),
        show_progress,
        wordings=tables.get("wordings"),
        reading=reading,
    )
    if items is None or "image" not in tables["items"].columns:
        return calibration
    folder = Path(items).parent
    known = tables["items"][tables["items"]["image"] != ""]
    images = {item: folder / image for item, image in zip(known["item"], known["image"], strict=True)}
    return replace(calibration, images=images)


def calibrate_tables(
    ratings: pd.DataFrame,
    scores: pd.DataFrame | None = None,
    items: pd.DataFrame | None = None,
    settings: Settings | None = None,
    sources: Mapping[str, Source] | None = None,
    set_scores: pd.DataFrame | None = None,
    show_progress: bool = False,
    *,
    wordings: pd.DataFrame | None = None,
    for_raters: bool = False,
    reading: Reading | None = None,
    on_progress: OnProgress | None = None,
) -> Calibration:
    """Calibrate from DataFrames with our column names; see `calibration.tables.checking` for what they must hold.

    Parameters
    ----------
    ratings, scores, items : DataFrame
        The tables; without scores only the people are graded.
    settings : Settings, optional
        How people and metrics are judged.
    sources : mapping of str to Source, optional
        Where the tables came from; messages and the report name the files.
    set_scores : DataFrame, optional
        Scores of sets of images; see `calibration.tables.checking.check_set_scores`.
    show_progress : bool
        Show a bar in the terminal while metrics are judged.
    wordings : DataFrame, optional
        What was asked, word for word; see `calibration.tables.wordings.check_wordings`.
    for_raters : bool
        Make the report for the evaluators themselves: without their names, and without anything about a single one.
    reading : Reading, optional
        How the tables are read. Its map is applied here unless `sources` are given, which stand for tables that were
        read by it.
    on_progress : callable, optional
        Called with (done, of) while people and metrics are judged; see `calibration.report.build.calibrate`.

    Returns
    -------
    Calibration

    Raises
    ------
    InputError
        For a table or a cell that cannot be used.

    Examples
    --------
    >>> ratings = pd.DataFrame({"item": list("abab"), "evaluator": list("xxyy"), "rating": [1, 5, 2, 5]})
    >>> scores = pd.DataFrame({"item": ["a", "b"], "ssim": [0.1, 0.9]})
    >>> calibrate_tables(ratings, scores).report["tasks"]["rating"]["metrics"]["ssim"]["spearman"]
    1.0
    """
    settings, reading = settings or Settings(), reading or Reading()
    if reading.map and not sources:  # tables that were read from files are mapped already
        columns = ColumnMap.parse(reading.map)
        ratings = columns.apply(ratings)
        others = (scores, items, set_scores, wordings)
        scores, items, set_scores, wordings = (each if each is None else columns.apply(each) for each in others)
        columns.check_used()
    where = {name: f"the {name} table" for name in ("ratings", "scores", "items", "set_scores", "wordings")}
    where |= {name: source.path for name, source in (sources or {}).items()}
    if for_raters and "evaluator" in ratings.columns:
        ratings = without_names(ratings, settings.seed)
    how = (ratings, where["ratings"], reading.task, reading.duplicates, reading.min_ratings)
    rated = check_ratings(*how, for_raters=for_raters, scale=settings.scale)
    notes: list[Note] = [f"Ratings: {note}" for note in rated.notes]
    scored = remarks = None
    if scores is not None:
        table = check_scores(scores, where["scores"])
        scored, remarks = table.frame, table.remarks
        notes += [f"Scores: {note}" for note in table.notes]
        unscored = table.remarks.groupby("metric").size().drop(scored["metric"].unique(), errors="ignore")
        notes += [
            Named("Scores: ", str(metric), f" scored none of {counted(int(n), 'item')}.")
            for metric, n in unscored.items()
        ]
        notes += _strangers(scored["item"], rated.frame["item"], "scored item", "was not rated", "were not rated")
    table_of_items = None if items is None else check_items(items, where["items"]).frame
    known = None if table_of_items is None else table_of_items["item"]
    if scored is not None:
        _refuse_other_names(rated.frame["item"], scored["item"], known, where)
    if known is not None:
        notes += _strangers(
            rated.frame["item"], known, "rated item", "is not in the items table", "are not in the items table"
        )
    asked = None
    if wordings is not None:
        asked = check_wordings(wordings, where["wordings"], tasks_of(ratings, reading.task), settings.scale)
    sets = None if set_scores is None else check_set_scores(set_scores, where["set_scores"])
    repeats = None
    if {"repeat", "round"} & set(rated.frame.columns):
        every = check_ratings(*how, keep_repeats=True, scale=settings.scale)
        repeats = every.frame
    return calibrate(
        *(rated.frame, scored, settings, sources, notes, remarks, sets, table_of_items, repeats, show_progress),
        wordings=asked,
        for_raters=for_raters,
        reading=reading,
        on_progress=on_progress,
    )


def _refuse_other_names(rated: pd.Series, scored: pd.Series, known: pd.Series | None, where: Mapping[str, str]) -> None:
    """Raise InputError where ratings and scores share no item, unless the items table knows both sides' names."""
    if scored.empty or _share(scored, rated):
        return
    if known is not None and _share(rated, known) and _share(scored, known):
        return
    raise InputError(
        f"{where['ratings']} and {where['scores']} share no item: the first that was rated is '{rated.iloc[0]}', the "
        f"first with a score '{scored.iloc[0]}'; name items alike in both, by editing one or with "
        f"{_TEMPLATE}."
    )


def _share(some: pd.Series, others: pd.Series) -> bool:
    """Whether any value is in both; `Series.isin` takes seconds for a million strings."""
    return not set(some).isdisjoint(others)


def _strangers(some: pd.Series, known: pd.Series, noun: str, one: str, many: str) -> list[str]:
    """A note on the items of one table that another lacks."""
    missing = pd.Index(some.unique()).difference(pd.Index(known.unique()))
    if not len(missing):
        return []
    return [f"{counted(len(missing), noun)} {one if len(missing) == 1 else many}, the first: {missing[0]}."]
