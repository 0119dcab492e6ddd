"""The tables of the calibration: ratings, scores and items, checked and in one form.

Each function takes text cells as `calibration.tables.reading.read_table` gives them (or any DataFrame) and returns the
table in long form, with its extra columns kept, and with notes: sentences about what was left out or
assumed.
"""

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from calibration.scale import LIKERT, Scale
from calibration.settings import Duplicates
from calibration.tables.cells import comma_hint, first_row, numbers_of, of_table, refuse_empty, refuse_twice, row_in
from calibration.tables.reading import require_columns, text_cells
from calibration.tables.wide_scores import long_form
from metrics.engine.signature import identity_of
from metrics.errors import InputError, either, parameter
from metrics.text import counted, listed, quoted

DEFAULT_TASK = "rating"
_CHOICES = either("duplicates='first', 'last' or 'mean'", "--duplicates first, last or mean")


@dataclass(frozen=True)
class Table:
    """A checked table with the notes that its reading gave rise to.

    Attributes
    ----------
    frame : DataFrame
        The rows that count.
    notes : list of str
        Sentences about the table.
    remarks : DataFrame
        Of a scores table: item, metric and what its column note says of the score, or of why there is none.
    """

    frame: pd.DataFrame
    notes: list[str] = field(default_factory=list)
    remarks: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame({"item": [], "metric": [], "note": []}, dtype=str)
    )


def check_ratings(
    raw: pd.DataFrame,
    where: str = "the ratings table",
    task: str | None = None,
    duplicates: Duplicates = "error",
    min_ratings: int = 0,
    keep_repeats: bool = False,
    for_raters: bool = False,
    scale: Scale = LIKERT,
) -> Table:
    """Check a ratings table and bring it into one form.

    Parameters
    ----------
    raw : DataFrame
        Columns item, evaluator, rating; optional task, repeat, round and others. A round is a whole number from 1, 1
        where the cell is empty; the same person may have rated an image once in every round.
    where : str
        What messages call the table.
    task : str, optional
        The task of every row where the table has no task column; where it has one, only this task is kept.
    duplicates : {"error", "first", "last", "mean"}
        What to do where a person rated an item twice within a task, round and repeat.
    min_ratings : int
        Evaluators with fewer ratings in the table, over all tasks, are left out.
    keep_repeats : bool
        Keep the later ones of intended repeats (a `repeat` column) and of rounds (a `round` column); the calibration
        grades the first only.
    for_raters : bool
        Name no evaluator in the notes.
    scale : Scale
        On which people answered.

    Returns
    -------
    Table
        item, evaluator, task (str) and rating (float, in the scale's numbers; one of its levels unless averaged), one
        row for each that counts.

    Raises
    ------
    InputError
        For a missing column, an empty name, a rating that is not on the scale, duplicates (unless told
        what to do), or where no rating is left.

    Notes
    -----
    Rows without a rating are left out and counted.
    """
    require_columns(raw, ("item", "evaluator", "rating"), where)
    where = of_table(where, raw)
    frame = text_cells(raw.reset_index(drop=True))
    notes: list[str] = []
    given = frame.loc[frame["rating"] != "", "evaluator"].value_counts()
    frame = _with_task(frame, task, where)
    refuse_empty(frame, ("item", "evaluator", "task"), where)
    empty = frame["rating"] == ""
    if empty.any():
        notes.append(f"{counted(int(empty.sum()), 'row')} without a rating left out.")
        frame = frame[~empty]
    frame = frame.assign(rating=_ratings_on(scale, frame["rating"], where))
    if "round" in frame.columns:
        frame = frame.assign(round=_rounds(frame["round"], where))
    frame = _enough_ratings(frame, given, min_ratings, where, notes, for_raters)
    frame = _without_duplicates(frame, duplicates, where, notes)
    if not keep_repeats:
        frame = _first_answers(frame, notes)
    if frame.empty:
        raise InputError(f"{where} has no rating to work with; check the file, and what leaves ratings out.")
    return Table(frame.reset_index(drop=True), notes)


def check_scores(raw: pd.DataFrame, where: str = "the scores table") -> Table:
    """Check a scores table, long (item, metric, score) or wide (item and a column a metric).

    Parameters
    ----------
    raw : DataFrame
        In wide form each named column whose cells are numbers (or empty) is a metric. A long table may have a column
        note: what is to be known of a score, or why a cell is empty.
    where : str
        What messages call the table.

    Returns
    -------
    Table
        item, metric (str), score (finite float), and the extra columns of a long table.

    Raises
    ------
    InputError
        For a missing column, a score that is no finite number, or two different scores of one item by one metric.
    """
    require_columns(raw, ("item",), where)
    where = of_table(where, raw)
    frame = text_cells(raw.reset_index(drop=True))
    notes: list[str] = []
    if "metric" in frame.columns or "score" in frame.columns:
        require_columns(frame, ("metric", "score"), where)
    else:
        frame = long_form(frame, where, notes)
    refuse_empty(frame, ("item", "metric"), where)
    numbers, bad = numbers_of(frame["score"], allow_missing=True)
    if bad.any():
        row = first_row(bad)
        raise InputError(
            f"{row_in(where, row)}: the score '{frame['score'][row]}'{comma_hint(frame['score'][row])} of "
            f"'{frame['item'][row]}' by {frame['metric'][row]} is not a finite number of at most 1e150; correct it, or "
            "leave the cell empty for no score."
        )
    frame = frame.assign(score=numbers)
    missing = frame["score"].isna()
    if "note" not in frame.columns:
        frame = frame.assign(note="")
    unexplained = missing & (frame["note"] == "")
    if unexplained.any():
        notes.append(f"{counted(int(unexplained.sum()), 'empty score')} left out.")
    remarks = frame.loc[frame["note"] != "", ["item", "metric", "note"]]
    frame = frame[~missing].drop(columns="note")
    made_by = frame["signature"].map(identity_of) if "signature" in frame.columns else ""  # other versions alone: one
    frame = frame[~frame[["item", "metric", "score"]].assign(made_by=made_by).duplicated()]
    twice = frame.duplicated(["item", "metric"], keep=False)
    if twice.any():
        first = frame[twice].drop_duplicates(["item", "metric"])
        examples = "; ".join(
            f"'{item}' by {metric}" for item, metric in first[["item", "metric"]].head(3).itertuples(index=False)
        )
        raise InputError(
            f"{where} gives two different scores (or signatures) for {counted(len(first), 'item')} by one metric, "
            f"the first: {examples}; keep one row for each item and metric."
        )
    return Table(frame.reset_index(drop=True), notes, remarks.reset_index(drop=True))


def check_set_scores(raw: pd.DataFrame, where: str = "the table of set scores") -> pd.DataFrame:
    """Check a table of scores of sets of images.

    Parameters
    ----------
    raw : DataFrame
        set, metric, score, n and, optionally, low and high (the bounds of an interval), signature and note.
    where : str
        What messages call the table.

    Returns
    -------
    DataFrame
        These columns; bounds that are not known are NaN, n is a whole number.

    Raises
    ------
    InputError
        For a missing column or a cell that is not a finite number.
    """
    require_columns(raw, ("set", "metric", "score", "n"), where)
    where = of_table(where, raw)
    frame = text_cells(raw.reset_index(drop=True))
    refuse_empty(frame, ("set", "metric"), where)
    for column, may_miss in (("score", False), ("n", False), ("low", True), ("high", True)):
        cells = frame[column] if column in frame.columns else pd.Series("", index=frame.index)
        numbers, bad = numbers_of(cells, allow_missing=may_miss)
        if bad.any():
            row = first_row(bad)
            raise InputError(
                f"{row_in(where, row)}: the {column} '{cells[row]}'{comma_hint(cells[row])} of "
                f"'{frame['set'][row]}' by {frame['metric'][row]} is not a finite number; correct it."
            )
        frame[column] = numbers
    for column in ("signature", "note"):
        frame[column] = frame[column] if column in frame.columns else ""
    return frame[["set", "metric", "score", "n", "low", "high", "signature", "note"]].astype({"n": int})


def check_items(raw: pd.DataFrame, where: str = "the items table") -> Table:
    """Check an items table: a column item, each named once.

    Raises
    ------
    InputError
        For a missing column, an empty name or an item that stands there twice.
    """
    require_columns(raw, ("item",), where)
    where = of_table(where, raw)
    frame = text_cells(raw.reset_index(drop=True))
    refuse_empty(frame, ("item",), where)
    refuse_twice(frame, where)
    return Table(frame)


def tasks_of(raw: pd.DataFrame, task: str | None = None) -> list[str]:
    """The tasks of a ratings table; `task` names the one of a table without that column.

    Examples
    --------
    >>> tasks_of(pd.DataFrame({"task": ["look", "feel", "look"]})), tasks_of(pd.DataFrame({"item": ["a"]}))
    (['look', 'feel'], ['rating'])
    """
    return list(text_cells(raw[["task"]])["task"].unique()) if "task" in raw.columns else [task or DEFAULT_TASK]


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The table's rows, each as a dictionary.

    Examples
    --------
    >>> records(pd.DataFrame({"item": ["a"]}))
    [{'item': 'a'}]
    """
    return [dict(zip(map(str, frame.columns), row, strict=True)) for row in frame.itertuples(index=False, name=None)]


def _with_task(frame: pd.DataFrame, task: str | None, where: str) -> pd.DataFrame:
    if "task" not in frame.columns:
        return frame.assign(task=task or DEFAULT_TASK)
    if task is None:
        return frame
    kept = frame[frame["task"] == task]
    if kept.empty:
        tasks = listed(quoted(sorted(set(frame["task"]))))
        raise InputError(f"{where} has no rating in the task '{task}'; its tasks are {tasks}.")
    return kept


def _ratings_on(scale: Scale, column: pd.Series, where: str) -> pd.Series:
    numbers, bad = numbers_of(column)
    bad |= ~scale.allows(numbers)
    if bad.any():
        row = first_row(bad)
        others = f" (and {int(bad.sum()) - 1} more like it)" if bad.sum() > 1 else ""
        raise InputError(
            f"{row_in(where, row)}: the rating '{column[row]}'{comma_hint(column[row])} is not "
            f"{scale.answer}{others}; correct it, or leave the cell empty for a missing rating."
        )
    return numbers


def _enough_ratings(
    frame: pd.DataFrame, given: pd.Series, min_ratings: int, where: str, notes: list[str], for_raters: bool
) -> pd.DataFrame:
    """The rows of those who gave enough ratings, `given` being each evaluator's number over all tasks."""
    few = {name: int(given[name]) for name in sorted(set(frame["evaluator"])) if given[name] < min_ratings}
    if not few:
        return frame
    named = "" if for_raters else ": " + ", ".join(f"{evaluator} ({count})" for evaluator, count in few.items())
    if len(few) == frame["evaluator"].nunique():
        raise InputError(
            f"{where}: nobody gave {min_ratings} ratings, the most is {max(few.values())}; lower "
            f"{parameter('min_ratings')} to that or less."
        )
    notes.append(f"{counted(len(few), 'evaluator')} with fewer than {min_ratings} ratings left out{named}.")
    return frame[~frame["evaluator"].isin(list(few))]


def _without_duplicates(frame: pd.DataFrame, duplicates: Duplicates, where: str, notes: list[str]) -> pd.DataFrame:
    key = ["item", "evaluator", "task"]
    repeated = [*key, *(name for name in ("round", "repeat") if name in frame.columns)]
    twice = frame.duplicated(repeated, keep=False)
    if twice.any():
        groups = frame[twice].drop_duplicates(repeated)
        if duplicates == "error":
            examples = "; ".join(
                f"'{row.item}' by {row.evaluator} in {row.task}" for row in groups.head(3).itertuples(index=False)
            )
            raise InputError(
                f"{where} has {counted(len(groups), 'rating')} given more than once, the first: {examples}; "
                f"say what to do with {_CHOICES}."
            )
        if duplicates == "mean":
            means = frame.groupby(repeated, sort=False)["rating"].transform("mean")
            frame = frame.assign(rating=means)
        frame = frame.drop_duplicates(repeated, keep="last" if duplicates == "last" else "first")
        notes.append(f"{counted(len(groups), 'rating')} given more than once; used: {duplicates}.")
    return frame


def _first_answers(frame: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Of what a person was asked again, in the same round or in a later one, the first answer."""
    order = [name for name in ("round", "repeat") if name in frame.columns]
    if not order:
        return frame
    numbers = {f"_{name}": pd.to_numeric(frame[name], errors="coerce").fillna(0) for name in order}
    ordered = frame.assign(**numbers).sort_values(list(numbers), kind="stable")
    key = ["item", "evaluator", "task"]
    once = ordered.drop_duplicates(key)
    again = ordered.drop(once.index)
    later = 0
    if "round" in order and len(again):
        first = once.set_index(key)["_round"].reindex(pd.MultiIndex.from_frame(again[key])).to_numpy()
        later = int((again["_round"].to_numpy() > first).sum())
    if len(again) > later:
        notes.append(f"{counted(len(again) - later, 'intended repeat')} left out; the first rating counts.")
    if later:
        notes.append(
            f"{counted(later, 'rating')} of images that the same person had rated in an earlier round left out of all "
            "grades; the first rating counts, and the others tell what a round changes."
        )
    return once.sort_index().drop(columns=list(numbers))


def _rounds(column: pd.Series, where: str) -> pd.Series:
    """The rounds as whole numbers from 1."""
    numbers, bad = numbers_of(column.where(column != "", "1"))
    bad |= (numbers < 1) | (numbers % 1 != 0)
    if bad.any():
        row = first_row(bad)
        raise InputError(
            f"{row_in(where, row)}: the round '{column[row]}'{comma_hint(column[row])} is not a whole number "
            "from 1; correct it, or give the column another name where it says something else."
        )
    return numbers.astype(int).astype(str)
