"""Bringing ratings and scores from files into a study."""

from pathlib import Path

from calibration.settings import Duplicates
from calibration.tables.checking import check_ratings, check_scores
from calibration.tables.reading import ColumnMap, read_table
from metrics.errors import InputError
from metrics.text import counted
from study.folder.study import Study
from study.folder.tables import import_tables


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
        raise InputError("There is nothing to import; give --ratings FILE, --scores FILE or both.")
    if duplicates == "mean":
        raise InputError(
            "A study holds levels of its scale, so --duplicates mean cannot be imported; say first or last."
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
