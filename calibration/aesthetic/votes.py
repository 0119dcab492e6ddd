"""What people voted: a histogram for each image, on the scale of 1 to 10 that AVA uses.

Files that are read:

- ``AVA.txt``: lines of index, image id, votes for 1 to 10, two tags, challenge, separated by blanks;
- CSV with a column of counts for each level: TANet's ``score2`` to ``score11`` (for 1 to 10), ``c1`` to ``c5`` as
  KonIQ-10k has them, or 5 or 10 columns with another name for counts (`COUNTS`) and consecutive numbers. Columns with
  other names are counts only where a column of means beside them says so;
- CSV with one column ``mean``, ``mean_vote``, ``MOS`` or ``mos``, of which only the mean is known. Its scale stands in
  a column ``scale`` ("1-5"), or must be said;
- humangrade's own ratings, a row for each item and evaluator.

Levels 1 to 5, and means on any other scale, are spread over the same scale: 1 + (level - 1) * 9 / 4.
"""

import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration.aesthetic.rated import counted_ratings
from calibration.aesthetic.scale import HIGHEST, LOWEST, TEN, Scale, parse_scale
from calibration.reading import MOST_BYTES, decoded, read_cells, refuse_many
from calibration.tables_out import unguarded
from metrics.errors import InputError
from metrics.files import read_input
from metrics.images import SUFFIXES

AVA_MIDDLE = 5.0
_AVA_COLUMNS = 15
_IMAGE = ("image_id", "image_name", "image", "item", "id", "name", "ID")
_GROUP = ("challenge", "tag3", "group", "prompt", "subject")
_MEAN = ("mean", "mean_vote", "MOS", "mos")
COUNTS = ("", "c", "count", "counts", "level", "n", "rating", "ratings", "score", "scores", "vote", "votes")
_ROUNDED = 0.051  # a mean written with one decimal is up to .05 off
Groups = NDArray[np.str_] | None
_NEGATIVE = "a count of votes is 0 or more"


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
        Which challenge an image was entered in, or what prompt it was made from: images of one are alike, and are
        kept on one side of a split.
    source, sha256 : str
        The file, and its content.
    left_out : tuple of str
        A line for each image that is not used, with the reason.
    scale : Scale
        What the votes were given on, before they were spread over 1 to 10.
    group_name : str
        The column that the groups are from; "" where there are none.
    notes : tuple of str
        Sentences on how the means were made.
    ratings_mark : str
        Of humangrade's own ratings, what tells them again; "" of other votes.
    """

    images: NDArray[np.str_]
    means: NDArray[np.float64]
    counts: NDArray[np.float64] | None
    groups: NDArray[np.str_] | None
    source: str
    sha256: str
    left_out: tuple[str, ...] = ()
    scale: Scale = TEN
    group_name: str = ""
    notes: tuple[str, ...] = ()
    ratings_mark: str = ""

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def distributions(self) -> NDArray[np.float64] | None:
        """Each image's counts divided by their sum; shape (n, levels)."""
        return None if self.counts is None else self.counts / self.counts.sum(axis=1, keepdims=True)

    @property
    def middle(self) -> float:
        """Where good begins, on 1 to 10: above 5 by AVA's convention, on other scales above their own middle."""
        return AVA_MIDDLE if self.scale == TEN else (LOWEST + HIGHEST) / 2

    def take(self, rows: NDArray[np.intp]) -> "Votes":
        """The votes of some of the images, in the order given."""
        return replace(
            self,
            images=self.images[rows],
            means=self.means[rows],
            counts=None if self.counts is None else self.counts[rows],
            groups=None if self.groups is None else self.groups[rows],
        )


def levels(count: int) -> NDArray[np.float64]:
    """Where so many levels lie on the scale from 1 to 10.

    Examples
    --------
    >>> levels(5)
    array([ 1.  ,  3.25,  5.5 ,  7.75, 10.  ])
    """
    return np.linspace(LOWEST, HIGHEST, count)


def read_votes(path: Path, task: str | None = None, scale: Scale | None = None, group: str | None = None) -> Votes:
    """Read a file of votes, in any of the forms that the module names.

    Parameters
    ----------
    path : Path
        The file.
    task : str, optional
        Of ratings in several tasks, the one that counts.
    scale : Scale, optional
        What means were given on; needed where the file has means alone and no column ``scale``.
    group : str, optional
        The column whose images belong together; unless given, challenge, tag3, group, prompt or subject.

    Returns
    -------
    Votes
        Images without a vote, and every image but the first of those with the same name, are left out and listed.

    Raises
    ------
    InputError
        Where the file cannot be read, has another form, holds something that is no count, counts that contradict the
        means beside them, means whose scale is not told, or no such group; with the line.
    """
    data = read_input(path, MOST_BYTES, "name the file with the votes")
    text = decoded(path, data, "name the votes' file")
    first = text.lstrip().split("\n", 1)[0]
    if not first:
        raise InputError(f"{path} is empty; name the file with the votes.")
    sha256 = hashlib.sha256(data).hexdigest()
    if re.fullmatch(r"[-\d\s]+", first):
        if group is not None:
            raise InputError(f"{path} is AVA.txt, whose groups are its challenges; leave --group out.")
        images, counts, challenges = _ava(path, text)
        return _checked(path, sha256, images, counts, None, ("challenge", challenges), _agreed(path, TEN, scale))
    table = _table(path, text)
    if {"item", "evaluator", "rating"} <= set(table.columns):
        told = _agreed(path, Scale(1, 5), scale)
        items, counts, means, notes, mark = counted_ratings(path, table, task)
        names = np.array([image_name(item) for item in items], dtype=str)
        found = _checked(path, sha256, names, counts, means, _item_groups(path, table, items, group), told)
        return replace(found, notes=notes, ratings_mark=mark)
    images = _column(path, table, _IMAGE)
    groups = _groups(path, table, group)
    mean = next((name for name in _MEAN if name in table.columns), None)
    columns = _counts_beside(path, table, images, mean)
    if columns:
        counted = _agreed(path, Scale(1, len(columns)), scale)
        return _checked(path, sha256, images, _numbers(path, table, columns), None, groups, counted)
    if mean is None:
        raise InputError(
            f"{path} has the columns {', '.join(map(str, table.columns))}; votes are AVA.txt, a column of counts for "
            "each level (score1, score2, ...), a column 'mean', or humangrade's ratings."
        )
    means = _numbers(path, table, [mean], -np.inf)[:, 0]
    told = _agreed(path, _told_scale(path, table), scale)
    if told is None:
        raise InputError(
            f"{path} has means in the column {mean} and does not tell on which scale; say it with --scale, for "
            "instance --scale 1-5 or --scale 1-10."
        )
    return _checked(path, sha256, images, None, means, groups, told)


def image_name(file: str) -> str:
    """A file's path without the suffix of an image; anything else as it is.

    Examples
    --------
    >>> image_name("model/953.jpg"), image_name("sd1.5")
    ('model/953', 'sd1.5')
    """
    path = PurePosixPath(file)
    return str(path.with_suffix("")) if path.suffix.lower() in SUFFIXES else file


def _ava(path: Path, text: str) -> tuple[NDArray[np.str_], NDArray[np.float64], NDArray[np.str_]]:
    try:
        values = np.loadtxt(io.StringIO(text), dtype=np.int64, ndmin=2)
    except ValueError:
        values = np.empty((0, 0), dtype=np.int64)
    if values.shape[1] != _AVA_COLUMNS:
        for number, line in enumerate(text.splitlines(), start=1):
            parts = line.split()
            fits = len(parts) == _AVA_COLUMNS and all(part.isdecimal() and len(part) < 19 for part in parts)
            if parts and not fits:
                raise _no_ava(path, number, line)
        raise InputError(f"{path} is not AVA.txt, whose lines have 15 whole numbers; name the votes' file.")
    if (values[:, 2:12] < 0).any():
        for number, line in enumerate(text.splitlines(), start=1):
            if any(part.startswith("-") for part in line.split()[2:12]):
                raise _no_ava(path, number, line)
    return values[:, 1].astype(str), values[:, 2:12].astype(np.float64), values[:, 14].astype(str)


def _no_ava(path: Path, number: int, line: str) -> InputError:
    return InputError(
        f"{path}, line {number}: '{line[:80]}' is not AVA.txt's 15 whole numbers (index, image, votes for "
        f"1 to 10, two tags, challenge; {_NEGATIVE}); mend the line or remove it."
    )


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


def _level_columns(columns: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Columns that may be counts: 5 or 10 whose names end in consecutive numbers, from 1 or, as TANet's, from 2."""
    by_prefix: dict[str, dict[int, str]] = {}
    for name in columns:
        if found := re.fullmatch(r"(.*?)(\d{1,9})", name):
            by_prefix.setdefault(found[1], {})[int(found[2])] = name
    families = []
    for prefix, numbered in by_prefix.items():
        for start, count in ((2, 10), (1, 10), (1, 5)):
            wanted = range(start, start + count)
            if set(numbered) == set(wanted) and not prefix.startswith("tag"):
                families.append((prefix, [numbered[number] for number in wanted]))
    return families


def _counts_beside(path: Path, table: pd.DataFrame, images: NDArray[np.str_], mean: str | None) -> list[str]:
    """The columns of counts: by their name, or because the mean beside them is theirs.

    Raises
    ------
    InputError
        Where columns that are named like counts contradict the mean, and where nothing says what numbered ones are.
    """
    families = _level_columns(list(table.columns))
    named = [columns for prefix, columns in families if prefix.lower().rstrip("_- .") in COUNTS]
    if mean is None:
        if families and not named:
            columns = families[0][1]
            raise InputError(
                f"{path}: nothing says that {columns[0]} to {columns[-1]} are counts of votes; if they are, call them "
                f"count1 to count{len(columns)}."
            )
        return named[0] if named else []
    means = pd.to_numeric(table[mean], errors="coerce").to_numpy(dtype=np.float64)
    for columns in named:
        counts = _numbers(path, table, columns)
        counted = _counted_means(counts)
        wrong = np.flatnonzero(np.abs(counted - means) > _ROUNDED)
        if len(wrong):
            row = wrong[0]
            raise InputError(
                f"{path}, line {row + 2}: by the counts {columns[0]} to {columns[-1]} the mean of {images[row]} is "
                f"{counted[row]:.3g}, and the column {mean} says {means[row]:.3g}; remove the column or columns that "
                "are no votes."
            )
        return columns
    for _, columns in families:
        numbers = table[columns].apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
        if (numbers >= 0).all() and (np.abs(_counted_means(numbers) - means) <= _ROUNDED).all():
            return columns
    return []


def _counted_means(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean level of each image, from 1 on; nan without votes."""
    with np.errstate(invalid="ignore"):
        return counts @ np.arange(1.0, counts.shape[1] + 1) / counts.sum(axis=1)


def _told_scale(path: Path, table: pd.DataFrame) -> Scale | None:
    """What a column ``scale`` says."""
    if "scale" not in table.columns or not len(table):
        return None
    said = sorted({value.strip() for value in table["scale"]})
    if len(said) > 1:
        raise InputError(f"{path} has means on several scales ({', '.join(said[:3])}); bring them to one.")
    return parse_scale(said[0], f"{path}: the column scale")


def _agreed(path: Path, told: Scale | None, said: Scale | None) -> Scale | None:
    """The scale that the file tells, or else the one that was said; raises InputError where they differ."""
    if told is not None and said is not None and told != said:
        raise InputError(f"{path} has votes on {told}, and --scale says {said}; leave --scale out, or mend the file.")
    return told or said


def _numbers(path: Path, table: pd.DataFrame, columns: Sequence[str], least: float = 0.0) -> NDArray[np.float64]:
    values = table[list(columns)].apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    wrong = np.argwhere(~(np.isfinite(values) & (values >= least)))
    if len(wrong):
        row, column = wrong[0]
        kind = f"is no number of {least:g} or more ({_NEGATIVE})" if least == 0 else "is no number"
        raise InputError(
            f"{path}, line {row + 2}: '{table[columns[column]].iloc[row]}' in the column {columns[column]} {kind}; "
            "mend it or remove the line."
        )
    return values


def _groups(path: Path, table: pd.DataFrame, group: str | None) -> tuple[str, NDArray[np.str_] | None]:
    """The column that tells which rows belong together, and its values; a row without one is for itself."""
    if group is not None and group not in table.columns:
        raise InputError(f"{path} has no column '{group}'; --group names one of {', '.join(table.columns)}.")
    name = group or next((name for name in _GROUP if name in table.columns), None)
    if name is None:
        return "", None
    values = [value.strip() or f"row {row}" for row, value in enumerate(table[name])]
    return name, np.array(values, dtype=str)


def _item_groups(path: Path, table: pd.DataFrame, items: list[str], group: str | None) -> tuple[str, Groups]:
    """The same for ratings: of each item; raises InputError for an item in two groups."""
    name, values = _groups(path, table, group)
    if values is None:
        return "", None
    found: dict[str, str] = {}
    for row, (item, value, cell) in enumerate(zip(table["item"], values, table[name], strict=True)):
        value = value if cell.strip() else f"item {item}"
        if found.setdefault(item, value) != value:
            raise InputError(
                f"{path}, line {table.index[row] + 2}: {item} has the {name} '{value[:80]}', and '{found[item][:80]}' "
                "before; mend one of the two."
            )
    return name, np.array([found[item] for item in items], dtype=str)


def _checked(
    path: Path,
    sha256: str,
    images: NDArray[np.str_],
    counts: NDArray[np.float64] | None,
    means: NDArray[np.float64] | None,
    groups: tuple[str, Groups],
    scale: Scale | None,
) -> Votes:
    assert scale is not None
    left_out = []
    keep = np.ones(len(images), dtype=bool)
    if counts is not None:
        for row in np.flatnonzero(counts.sum(axis=1) == 0):
            keep[row] = False
            left_out.append(f"{images[row]}: no votes")
        means = _counted_means(counts) if means is None else means
    assert means is not None
    for row in np.flatnonzero(pd.Series(images).duplicated()):
        keep[row] = False
        left_out.append(f"{images[row]}: named again")
    outside = np.flatnonzero(keep & ((means < scale.low) | (means > scale.high)))
    if len(outside):
        raise InputError(
            f"{path}: the mean vote of {images[outside[0]]} is {means[outside[0]]:g}, which is not on the scale "
            f"{scale}; mend it, or say another --scale."
        )
    if not keep.any():
        raise InputError(f"{path} holds no votes; name the file with the votes.")
    spread = np.clip(scale.to_ten(means), LOWEST, HIGHEST)  # of (1, 10, ...) sums may miss an end by a rounding
    votes = Votes(images, spread, counts, groups[1], path.name, sha256, tuple(left_out), scale, groups[0])
    return votes.take(np.flatnonzero(keep))
