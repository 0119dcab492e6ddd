"""What people voted: a histogram for each image, on the scale of 1 to 10 that AVA uses.

Files that are read:

- ``AVA.txt``: lines of index, image id, votes for 1 to 10, two tags, challenge, separated by blanks;
- CSV with a column for each level: TANet's ``score2`` to ``score11`` (for 1 to 10), ``c1`` to ``c5`` as KonIQ-10k has
  them, or any name that ends in consecutive numbers;
- CSV with one column ``mean``, ``mean_vote``, ``MOS`` or ``mos``, of which only the mean is known;
- humangrade's own ratings, a row for each item and evaluator.

Levels 1 to 5 are spread over the same scale: 1 + (level - 1) * 9 / 4.
"""

import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration.reading import MOST_BYTES, decoded, read_cells, refuse_many
from calibration.tables_out import unguarded
from metrics.errors import InputError
from metrics.files import read_input
from metrics.images import SUFFIXES

LOWEST, HIGHEST = 1.0, 10.0
_AVA_COLUMNS = 15
_IMAGE = ("image_id", "image_name", "image", "item", "id", "name", "ID")
_GROUP = ("challenge", "tag3", "group", "prompt", "subject")
_MEAN = ("mean", "mean_vote", "MOS", "mos")


@dataclass(frozen=True, eq=False)
class Votes:
    """Votes of people on images.

    Attributes
    ----------
    images : ndarray of str, shape (n,)
        What the images are called: a file's name without its suffix, as in AVA, or an item.
    means : ndarray, shape (n,)
        The mean vote, from 1 to 10.
    counts : ndarray, shape (n, levels), optional
        How often each level was voted for; None where only means are known.
    groups : ndarray of str, shape (n,), optional
        Which challenge an image was entered in: images of one are alike, and are kept on one side of a split.
    source, sha256 : str
        The file, and its content.
    left_out : tuple of str
        A line for each image that is not used, with the reason.
    """

    images: NDArray[np.str_]
    means: NDArray[np.float64]
    counts: NDArray[np.float64] | None
    groups: NDArray[np.str_] | None
    source: str
    sha256: str
    left_out: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def distributions(self) -> NDArray[np.float64] | None:
        """Each image's counts divided by their sum; shape (n, levels)."""
        return None if self.counts is None else self.counts / self.counts.sum(axis=1, keepdims=True)

    def take(self, rows: NDArray[np.intp]) -> "Votes":
        """The votes of some of the images, in the order given."""
        return Votes(
            self.images[rows],
            self.means[rows],
            None if self.counts is None else self.counts[rows],
            None if self.groups is None else self.groups[rows],
            self.source,
            self.sha256,
            self.left_out,
        )


def levels(count: int) -> NDArray[np.float64]:
    """Where so many levels lie on the scale from 1 to 10.

    Examples
    --------
    >>> levels(5)
    array([ 1.  ,  3.25,  5.5 ,  7.75, 10.  ])
    """
    return np.linspace(LOWEST, HIGHEST, count)


def read_votes(path: Path, task: str | None = None) -> Votes:
    """Read a file of votes, in any of the forms that the module names.

    Parameters
    ----------
    path : Path
        The file.
    task : str, optional
        Of ratings in several tasks, the one that counts.

    Returns
    -------
    Votes
        Images without a vote, and every image but the first of those with the same name, are left out and listed.

    Raises
    ------
    InputError
        Where the file cannot be read, has another form, or holds something that is no count; with the line.
    """
    data = read_input(path, MOST_BYTES, "name the file with the votes")
    text = decoded(path, data, "name the votes' file")
    first = text.lstrip().split("\n", 1)[0]
    if not first:
        raise InputError(f"{path} is empty; name the file with the votes.")
    sha256 = hashlib.sha256(data).hexdigest()
    if re.fullmatch(r"[\d\s]+", first):
        return _checked(path, sha256, *_ava(path, text))
    table = _table(path, text)
    if {"item", "evaluator", "rating"} <= set(table.columns):
        images, counts = _ratings(path, table, task)
        return _checked(path, sha256, images, counts, None, None)
    images = _column(path, table, _IMAGE)
    group = [name for name in _GROUP if name in table.columns]
    groups: NDArray[np.str_] | None = np.array(table[group[0]].tolist(), dtype=str) if group else None
    columns = _level_columns(list(table.columns))
    if columns:
        return _checked(path, sha256, images, _numbers(path, table, columns), None, groups)
    mean = next((name for name in _MEAN if name in table.columns), None)
    if mean is None:
        raise InputError(
            f"{path} has the columns {', '.join(map(str, table.columns))}; votes are AVA.txt, a column of counts for "
            "each level (score1, score2, ...), a column 'mean', or humangrade's ratings."
        )
    return _checked(path, sha256, images, None, _numbers(path, table, [mean])[:, 0], groups)


def image_name(file: str) -> str:
    """A file's path without the suffix of an image; anything else as it is.

    Examples
    --------
    >>> image_name("model/953.jpg"), image_name("sd1.5")
    ('model/953', 'sd1.5')
    """
    path = PurePosixPath(file)
    return str(path.with_suffix("")) if path.suffix.lower() in SUFFIXES else file


def _ava(path: Path, text: str) -> tuple[NDArray[np.str_], NDArray[np.float64], None, NDArray[np.str_]]:
    try:
        values = np.loadtxt(io.StringIO(text), dtype=np.int64, ndmin=2)
    except ValueError:
        values = np.empty((0, 0), dtype=np.int64)
    if values.shape[1] != _AVA_COLUMNS:
        for number, line in enumerate(text.splitlines(), start=1):
            parts = line.split()
            fits = len(parts) == _AVA_COLUMNS and all(part.isdecimal() and len(part) < 19 for part in parts)
            if parts and not fits:
                raise InputError(
                    f"{path}, line {number}: '{line[:80]}' is not AVA.txt's 15 whole numbers (index, image, votes for "
                    "1 to 10, two tags, challenge); mend the line or remove it."
                )
        raise InputError(f"{path} is not AVA.txt, whose lines have 15 whole numbers; name the votes' file.")
    return values[:, 1].astype(str), values[:, 2:12].astype(np.float64), None, values[:, 14].astype(str)


def _table(path: Path, text: str) -> pd.DataFrame:
    refuse_many(path, text.split("\n", 1)[0].count(",") + 1, max(text.count("\n"), text.count("\r")))
    try:
        table = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False, skipinitialspace=True)
    except (ValueError, pd.errors.ParserError) as error:
        raise InputError(f"{path} cannot be read as a table ({str(error).splitlines()[0]}); save it as CSV.") from error
    table.columns = [unguarded(str(name).strip()) for name in table.columns]
    return table.apply(read_cells) if len(table) else table


def _column(path: Path, table: pd.DataFrame, names: Sequence[str]) -> NDArray[np.str_]:
    for name in names:
        if name in table.columns:
            return np.array([image_name(value.strip()) for value in table[name]], dtype=str)
    raise InputError(f"{path} has no column that names the images; call one of its columns image_id.")


def _level_columns(columns: Sequence[str]) -> list[str]:
    """The columns of counts: 5 or 10 whose names end in consecutive numbers, from 1 or, as in TANet's files, from 2."""
    by_prefix: dict[str, dict[int, str]] = {}
    for name in columns:
        if found := re.fullmatch(r"(.*?)(\d{1,9})", name):
            by_prefix.setdefault(found[1], {})[int(found[2])] = name
    for prefix, numbered in by_prefix.items():
        for start, count in ((2, 10), (1, 10), (1, 5)):
            wanted = range(start, start + count)
            if set(numbered) == set(wanted) and not prefix.startswith("tag"):
                return [numbered[number] for number in wanted]
    return []


def _numbers(path: Path, table: pd.DataFrame, columns: Sequence[str]) -> NDArray[np.float64]:
    values = table[list(columns)].apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    wrong = np.argwhere(~(np.isfinite(values) & (values >= 0)))
    if len(wrong):
        row, column = wrong[0]
        raise InputError(
            f"{path}, line {row + 2}: '{table[columns[column]].iloc[row]}' in the column {columns[column]} is no "
            "number of 0 or more; mend it or remove the line."
        )
    return values


def _ratings(path: Path, table: pd.DataFrame, task: str | None) -> tuple[NDArray[np.str_], NDArray[np.float64]]:
    tasks = sorted(set(table["task"])) if "task" in table.columns else []
    if task is not None and task not in tasks:
        raise InputError(f"{path} has no ratings of the task '{task}'; it has {', '.join(tasks) or 'no task column'}.")
    if task is None and len(tasks) > 1:
        raise InputError(f"{path} has ratings of several tasks ({', '.join(tasks)}); choose one with --task.")
    if task is not None:
        table = table[table["task"] == task]
    wrong = np.flatnonzero(~table["rating"].isin(list("12345")))
    if len(wrong):
        raise InputError(
            f"{path}, line {table.index[wrong[0]] + 2}: the rating '{table['rating'].iloc[wrong[0]]}' is not a whole "
            "number from 1 to 5; mend it or remove the line."
        )
    counts = pd.crosstab(table["item"], table["rating"]).reindex(columns=list("12345"), fill_value=0)
    return np.array([image_name(item) for item in counts.index], dtype=str), counts.to_numpy(dtype=np.float64)


def _checked(
    path: Path,
    sha256: str,
    images: NDArray[np.str_],
    counts: NDArray[np.float64] | None,
    means: NDArray[np.float64] | None,
    groups: NDArray[np.str_] | None,
) -> Votes:
    left_out = []
    keep = np.ones(len(images), dtype=bool)
    if counts is not None:
        for row in np.flatnonzero(counts.sum(axis=1) == 0):
            keep[row] = False
            left_out.append(f"{images[row]}: no votes")
        with np.errstate(invalid="ignore"):
            means = counts @ levels(counts.shape[1]) / counts.sum(axis=1)
    assert means is not None
    for row in np.flatnonzero(pd.Series(images).duplicated()):
        keep[row] = False
        left_out.append(f"{images[row]}: named again")
    outside = np.flatnonzero(keep & ((means < LOWEST) | (means > HIGHEST)))
    if len(outside):
        raise InputError(
            f"{path}: the mean vote of {images[outside[0]]} is {means[outside[0]]:g}; means must lie between 1 and 10."
        )
    if not keep.any():
        raise InputError(f"{path} holds no votes; name the file with the votes.")
    votes = Votes(images, means, counts, groups, path.name, sha256, tuple(left_out))
    return votes.take(np.flatnonzero(keep))
