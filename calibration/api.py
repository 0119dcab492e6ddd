"""What a notebook needs to judge: tables in, a calibration out, and predictions by it; its tables are in `tidy`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from calibration.pipeline import calibrate_files, calibrate_tables
from calibration.report.build import Calibration, calibration_given
from calibration.scale import LIKERT, Scale, scale_given
from calibration.settings import Duplicates, Reading, Settings
from calibration.tables.checking import check_items, check_ratings, check_scores
from calibration.tables.given import Source, map_text, refuse_no_table, tables_given
from metrics.errors import InputError, parameter
from metrics.text import listed, quoted


def read_ratings(
    source: Source,
    *,
    map: str | Mapping[str, str] | None = None,
    task: str | None = None,
    duplicates: Duplicates = "error",
    min_ratings: int = 0,
    scale: Scale | str = LIKERT,
) -> pd.DataFrame:
    """Read and check a table of ratings.

    Parameters
    ----------
    source : path or DataFrame
        item, evaluator and rating; optionally task and repeat.
    map : str, optional
        Which foreign column is which of ours, as ``item=image,evaluator=worker`` or a dictionary of these.
    task : str, optional
        The one task to keep, or the name of the task of a table that names none.
    duplicates : {"error", "first", "last", "mean"}
        What to do where a person rated an item twice.
    min_ratings : int
        Evaluators with fewer ratings are left out.
    scale : Scale
        On which people answered; see `calibration.scale.Scale`. It may be written, as ``"1-7"``.

    Returns
    -------
    DataFrame
        item, evaluator, task, rating (in the scale's numbers), one row for each rating that counts; ``attrs["notes"]``
        says what was left out.

    Raises
    ------
    InputError
        For a column that is missing or a cell that cannot be; the message names it.

    Examples
    --------
    >>> table = pd.DataFrame({"image": list("abab"), "who": list("xxyy"), "rating": [1, 5, 2, 5]})
    >>> read_ratings(table, map="item=image,evaluator=who")["rating"].tolist()
    [1.0, 5.0, 2.0, 5.0]
    """
    reading = Reading(duplicates=duplicates, min_ratings=min_ratings, map=map_text(map), task=task)
    frame, where = _table(source, reading.map, "ratings")
    checked = check_ratings(
        frame, where, reading.task, reading.duplicates, reading.min_ratings, scale=scale_given(scale)
    )
    return _noted(checked.frame, checked.notes)


def read_scores(source: Source, *, map: str | Mapping[str, str] | None = None) -> pd.DataFrame:
    """Read and check a table of scores, long (item, metric, score) or with a column for each metric.

    Parameters
    ----------
    source : path or DataFrame
        The table.
    map : str, optional
        As in `read_ratings`.

    Returns
    -------
    DataFrame
        item, metric, score; ``attrs["notes"]`` says what was left out.

    Raises
    ------
    InputError
        For a column that is missing or a cell that cannot be.

    Examples
    --------
    >>> read_scores(pd.DataFrame({"item": ["a", "b"], "ssim": [0.1, 0.9]}))["metric"].tolist()
    ['ssim', 'ssim']
    """
    checked = check_scores(*_table(source, map, "scores"))
    return _noted(checked.frame, checked.notes)


def read_items(source: Source, *, map: str | Mapping[str, str] | None = None) -> pd.DataFrame:
    """Read and check a table of items: item and, where known, prompt, subject and model.

    Raises
    ------
    InputError
        For a column that is missing, or an item that stands there twice.

    Examples
    --------
    >>> read_items(pd.DataFrame({"item": ["a", "b"], "prompt": ["fox", "fox"]})).shape
    (2, 2)
    """
    return check_items(*_table(source, map, "items")).frame


def calibrate(
    ratings: Source,
    scores: Source | None = None,
    items: Source | None = None,
    *,
    k: float = 1.0,
    seed: int = 0,
    draws: int = Settings.draws,
    lower_is_better: str | Sequence[str] = (),
    higher_is_better: str | Sequence[str] = (),
    scale: Scale | str = LIKERT,
    map: str | Mapping[str, str] | None = None,
    task: str | None = None,
    duplicates: Duplicates = "error",
    min_ratings: int = 0,
    show_progress: bool = False,
) -> Calibration:
    """Grade people and metrics by one formula, task by task.

    Parameters
    ----------
    ratings, scores, items : path or DataFrame
        All of them files, or all of them tables; without scores only the people are graded.
    k, seed, draws, lower_is_better, higher_is_better, scale
        How people and metrics are judged; see `calibration.settings.Settings`. A scale may be written, as ``"1-7"``;
        one metric's name stands for itself.
    map, task, duplicates, min_ratings
        How tables are read; see `calibration.settings.Reading`. A map may be a dictionary, ours to theirs.
    show_progress : bool
        Show a bar in the terminal.

    Returns
    -------
    Calibration
        ``report`` holds everything, as report.json does; `agreement`, `evaluators`, `metric_figures`, `compare`,
        `answers` and `predict` make tables of it, `calibration.report_folder.write_report` the folder with the page.

    Raises
    ------
    InputError
        For a table or a setting that cannot be used.

    Examples
    --------
    >>> ratings = pd.DataFrame({"item": list("abab"), "evaluator": list("xxyy"), "rating": [1, 5, 2, 5]})
    >>> calibrate(ratings, pd.DataFrame({"item": ["a", "b"], "ssim": [0.1, 0.9]}), draws=0)
    Calibration of 1 task: rating (2 items, 2 evaluators, 4 ratings; metrics ssim)
    """
    settings = Settings(k, seed, draws, _names(lower_is_better), _names(higher_is_better), scale_given(scale))
    reading = Reading(duplicates=duplicates, min_ratings=min_ratings, map=map_text(map), task=task)
    named: dict[str, Any] = {"ratings": ratings, "scores": scores, "items": items}
    given = {name: table for name, table in named.items() if name == "ratings" or table is not None}
    for name, table in given.items():
        refuse_no_table(name, table)
    frames = [isinstance(table, pd.DataFrame) for table in given.values()]
    if all(frames):
        return calibrate_tables(**named, settings=settings, show_progress=show_progress, reading=reading)
    if any(frames):
        raise InputError("Some tables are files and others are DataFrames; read all of them, or none.")
    return calibrate_files(**named, settings=settings, show_progress=show_progress, reading=reading)


def predict(judged: Calibration, metric: str, scores: Any, task: str | None = None) -> pd.DataFrame:
    """What people would say of new images, from a metric's scores of them.

    Parameters
    ----------
    judged : Calibration
    metric : str
        Its name in the report.
    scores : array_like, shape (n,)
        Finite scores, computed as those of the report were; a Series keeps its index.
    task : str, optional
        Needed where the metric was judged in several tasks.

    Returns
    -------
    DataFrame
        In the scale's numbers, with the index of `scores`; see `calibration.prediction.predictor.Predictor.predict`.

    Raises
    ------
    InputError
        Where there is no predictor of that metric, or scores are not numbers.

    Examples
    --------
    >>> ratings = pd.DataFrame({"item": list("abcd") * 2, "evaluator": list("xxxxyyyy"), "rating": [1, 2, 4, 5] * 2})
    >>> judged = calibrate(ratings, pd.DataFrame({"item": list("abcd"), "ssim": [0.1, 0.3, 0.7, 0.9]}), draws=0)
    >>> predict(judged, "ssim", [0.2])["level"].tolist()
    [1]
    """
    judged = calibration_given(judged)
    found = {of: one for of, one in judged.predictors if one.metric == metric and task in (None, of)}
    if not found:
        tasks = judged.report["tasks"]
        if task is not None and task not in tasks:
            raise InputError(f"There is no task '{task}'; the tasks are {listed(quoted(tasks))}.")
        where = "" if task is None else f" in the task '{task}'"
        known = sorted({one.metric for of, one in judged.predictors if task in (None, of)})
        raise InputError(f"There is no predictor of '{metric}'{where}; there are {listed(quoted(known)) or 'none'}.")
    if len(found) > 1:
        raise InputError(
            f"'{metric}' was judged in the tasks {listed(quoted(found))}; choose one with {parameter('task')}."
        )
    try:
        values = np.asarray(scores, dtype=float)
    except (TypeError, ValueError):
        values = np.array([np.nan])
    if values.ndim != 1 or not np.isfinite(values).all():
        raise InputError(
            f"{parameter('scores')} are finite numbers, one an image; give the column of them, as table['score']."
        )
    predictor = next(iter(found.values()))
    return predictor.predict(pd.Series(values, scores.index) if isinstance(scores, pd.Series) else values)


def _table(source: Source, columns: str | Mapping[str, str] | None, name: str) -> tuple[pd.DataFrame, str]:
    """The table with our column names, and what messages call it."""
    refuse_no_table(name, source)
    found = tables_given({name: source}, columns)[name]
    assert found is not None
    return found


def _names(given: str | Sequence[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _noted(frame: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    frame.attrs["notes"] = notes
    return frame
