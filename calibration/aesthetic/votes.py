"""What people voted: a histogram for each image, on the scale of 1 to 10 that AVA uses.

Files that are read:

- ``AVA.txt``: lines of index, image id, votes for 1 to 10, two tags, challenge, separated by blanks;
- CSV with a column of counts for each level: TANet's ``score2`` to ``score11`` (for 1 to 10), ``c1`` to ``c5`` as
  KonIQ-10k has them, or 5 or 10 columns with another name for counts (`vote_tables.COUNTS`) and consecutive numbers.
  Columns with other names are counts only where a column of means beside them says so;
- CSV with one column ``mean``, ``mean_vote``, ``MOS`` or ``mos``, of which only the mean is known. Its scale stands in
  a column ``scale`` ("1-5"), or must be said;
- humangrade's own ratings, a row for each item and evaluator.

Levels 1 to 5, and means on any other scale, are spread over the same scale: 1 + (level - 1) * 9 / 4.
"""

import hashlib
import io
import re
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration.aesthetic.rated import counted_ratings, with_items
from calibration.aesthetic.scale import HIGHEST, LOWEST, TEN, Scale, agreed_scale, told_scale
from calibration.aesthetic.vote_tables import (
    MEAN,
    NEGATIVE,
    Groups,
    counted_means,
    counts_beside,
    groups_of,
    image_column,
    image_name,
    item_groups,
    numbers_of,
    with_known_names,
)
from calibration.tables.reading import MOST_BYTES, decoded, is_parquet, table_of
from metrics.errors import InputError, parameter
from metrics.files import read_input
from metrics.text import pasted

AVA_MIDDLE = 5.0
_AVA_COLUMNS = 15
__all__ = ["AVA_MIDDLE", "Votes", "image_name", "levels", "read_votes"]


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


def read_votes(
    path: Path,
    task: str | None = None,
    scale: Scale | None = None,
    group: str | None = None,
    items: Path | None = None,
) -> Votes:
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
    items : Path, optional
        Of humangrade's own ratings, the table of the items, which tells their prompts; one called items.csv beside
        the ratings is found.

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
    if path.is_dir():
        is_study = (path / "study.yaml").is_file()
        advice = f"write its tables with humangrade export {pasted(path)} --out DIR, and name DIR/ratings.csv"
        raise InputError(f"{path} is a {'study' if is_study else 'folder'}; {advice if is_study else 'name a file'}.")
    data = read_input(path, MOST_BYTES, "name the file with the votes")
    sha256 = hashlib.sha256(data).hexdigest()
    text = "" if is_parquet(path) else decoded(path, data, "name the votes' file")
    first = text.lstrip().split("\n", 1)[0]
    if not first and not is_parquet(path):
        raise InputError(f"{path} is empty; name the file with the votes.")
    if re.fullmatch(r"[-\d\s]+", first):
        if group is not None or items is not None:
            option = parameter("group" if group is not None else "items")
            raise InputError(f"{path} is AVA.txt, whose groups are its challenges; leave {option} out.")
        images, counts, challenges = _ava(path, text)
        return _checked(path, sha256, images, counts, None, ("challenge", challenges), agreed_scale(path, TEN, scale))
    table = with_known_names(table_of(path, data))
    if {"item", "evaluator", "rating"} <= set(table.columns):
        told = agreed_scale(path, Scale(1, 5), scale)
        rated, counts, means, notes, mark = counted_ratings(path, table, task)
        names = np.array([image_name(item) for item in rated], dtype=str)
        joined, of_items = with_items(path, table, items, group)
        found = _checked(path, sha256, names, counts, means, item_groups(path, joined, rated, group), told)
        return replace(found, notes=(*notes, *of_items), ratings_mark=mark)
    if items is not None:
        raise InputError(
            f"{path} holds no ratings by people, whose items {items} could tell of; leave {parameter('items')} out."
        )
    images = image_column(path, table)
    groups = groups_of(path, table, group)
    mean = next((name for name in MEAN if name in table.columns), None)
    columns = counts_beside(path, table, images, mean)
    if columns:
        counted = agreed_scale(path, Scale(1, len(columns)), scale)
        return _checked(path, sha256, images, numbers_of(path, table, columns), None, groups, counted)
    if mean is None:
        raise InputError(
            f"{path} has the columns {', '.join(map(str, table.columns))}; votes are AVA.txt, a column of counts for "
            "each level (score1, score2, ...), a column 'mean', or humangrade's ratings."
        )
    means = numbers_of(path, table, [mean], -np.inf)[:, 0]
    told = agreed_scale(path, told_scale(path, table.get("scale", ())), scale)
    if told is None:
        raise InputError(
            f"{path} has means in the column {mean} and does not tell on which scale; say it with "
            f"{parameter('scale')}, for instance 1-5 or 1-10."
        )
    return _checked(path, sha256, images, None, means, groups, told)


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
        f"1 to 10, two tags, challenge; {NEGATIVE}); mend the line or remove it."
    )


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
        means = counted_means(counts) if means is None else means
    assert means is not None
    for row in np.flatnonzero(pd.Series(images).duplicated()):
        keep[row] = False
        left_out.append(f"{images[row]}: named again")
    outside = np.flatnonzero(keep & ((means < scale.low) | (means > scale.high)))
    if len(outside):
        raise InputError(
            f"{path}: the mean vote of {images[outside[0]]} is {means[outside[0]]:g}, which is not on the scale "
            f"{scale}; mend it, or say another {parameter('scale')}."
        )
    if not keep.any():
        raise InputError(f"{path} holds no votes; name the file with the votes.")
    spread = np.clip(scale.to_ten(means), LOWEST, HIGHEST)  # of (1, 10, ...) sums may miss an end by a rounding
    votes = Votes(images, spread, counts, groups[1], path.name, sha256, tuple(left_out), scale, groups[0])
    return votes.take(np.flatnonzero(keep))
