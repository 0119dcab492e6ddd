"""The columns of a table of votes: which name the images, which hold counts or means, and which tell groups.

Which columns are counts is told by their names, or by a mean beside them that is theirs, and never guessed.
"""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration.tables.cells import numbers_of as as_numbers
from metrics.engine.images import SUFFIXES
from metrics.errors import InputError, parameter

GROUP = ("challenge", "tag3", "group", "prompt", "subject")
COUNTS = ("", "c", "count", "counts", "level", "n", "rating", "ratings", "score", "scores", "vote", "votes")
MEAN = ("mean", "mean_vote", "MOS", "mos")
NEGATIVE = "a count of votes is 0 or more"
Groups = NDArray[np.str_] | None
_IMAGE = ("image_id", "image_name", "image", "item", "id", "name", "ID")
_RATED = ("item", "evaluator", "rating", "task", "scale")
_CLEAR = ("c", "count", "counts", "level", "n")  # names that nothing else has
_SHARES = 0.02  # of rounded shares the sums differ by so much
_ROUNDED = 0.051  # a mean written with one decimal is up to .05 off


def image_name(file: str) -> str:
    """A file's path without the suffix of an image; anything else as it is.

    Examples
    --------
    >>> image_name("model/953.jpg"), image_name("sd1.5")
    ('model/953', 'sd1.5')
    """
    path = PurePosixPath(file)
    return str(path.with_suffix("")) if path.suffix.lower() in SUFFIXES else file


def with_known_names(table: pd.DataFrame) -> pd.DataFrame:
    """A table whose columns have our names where they differ in capitals only: Image_ID, Mean, Prompt.

    Examples
    --------
    >>> list(with_known_names(pd.DataFrame(columns=["Image_ID", "Mean", "Colour"])))
    ['image_id', 'mean', 'Colour']
    """
    names = set(table.columns)
    known = {name.lower(): name for name in (*_IMAGE, *MEAN, *_RATED, *GROUP)}
    renamed = {
        name: known[name.lower()]
        for name in table.columns
        if name.lower() in known and known[name.lower()] not in names and name not in (*_IMAGE, *MEAN)
    }
    once = {ours: theirs for theirs, ours in renamed.items()}
    return table.rename(columns={theirs: ours for ours, theirs in once.items()})


def image_column(path: Path, table: pd.DataFrame) -> NDArray[np.str_]:
    """What the images are called; raises InputError where no column says it."""
    for name in _IMAGE:
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


def counts_beside(path: Path, table: pd.DataFrame, images: NDArray[np.str_], mean: str | None) -> list[str]:
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
        if named:
            _refuse_answers(path, table, named[0])
        return named[0] if named else []
    means = pd.to_numeric(table[mean], errors="coerce").to_numpy(dtype=np.float64)
    for columns in named:
        counts = numbers_of(path, table, columns)
        counted = counted_means(counts)
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
        if (numbers >= 0).all() and (np.abs(counted_means(numbers) - means) <= _ROUNDED).all():
            return columns
    return []


def _refuse_answers(path: Path, table: pd.DataFrame, columns: list[str]) -> None:
    """Raise InputError for columns that may as well be five people's answers, or the scores of five metrics."""
    values = numbers_of(path, table, columns)
    sums = values.sum(axis=1)
    if len(values) and np.ptp(sums) <= _SHARES * max(1.0, float(sums.max())) and sums.max() > 0:
        return  # as many votes, or shares of them, on every image
    between = f"{columns[0]} to {columns[-1]}"
    fraction = np.argwhere(values % 1 != 0)
    if len(fraction):
        row, column = fraction[0]
        raise InputError(
            f"{path}, line {row + 2}: {values[row, column]:g} is no count of votes, and {between} do not add up to the "
            "same for every image, as shares do; remove the columns that are no votes."
        )
    prefix = re.sub(r"\d+$", "", columns[0]).lower().rstrip("_- .")
    if prefix not in _CLEAR and len(values) and values.max() <= len(columns):
        raise InputError(
            f"{path}: nothing says whether {between} are counts of votes, or {len(columns)} people's answers: none is "
            f"above {len(columns)}. If they are counts, call them count1 to count{len(columns)}; answers take a row "
            "for each item and evaluator (item, evaluator, rating), or their mean."
        )


def counted_means(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean level of each image, from 1 on; nan without votes."""
    with np.errstate(invalid="ignore"):
        return counts @ np.arange(1.0, counts.shape[1] + 1) / counts.sum(axis=1)


def numbers_of(path: Path, table: pd.DataFrame, columns: Sequence[str], least: float = 0.0) -> NDArray[np.float64]:
    """Columns as numbers; raises InputError for a cell that is none, or less than the least, with its line."""
    values = np.column_stack([as_numbers(table[name])[0].to_numpy(dtype=np.float64) for name in columns])
    wrong = np.argwhere(~(np.isfinite(values) & (values >= least)))
    if len(wrong):
        row, column = wrong[0]
        kind = f"is no number of {least:g} or more ({NEGATIVE})" if least == 0 else "is no number"
        raise InputError(
            f"{path}, line {row + 2}: '{table[columns[column]].iloc[row]}' in the column {columns[column]} {kind}; "
            "mend it or remove the line."
        )
    return values


def groups_of(path: Path, table: pd.DataFrame, group: str | None) -> tuple[str, NDArray[np.str_] | None]:
    """The column that tells which rows belong together, and its values; a row without one is for itself.

    An empty column tells nothing: that of the prompts in a study that has none.
    """
    group = next((name for name in table.columns if group is not None and name.lower() == group.lower()), group)
    if group is not None and group not in table.columns:
        raise InputError(
            f"{path} has no column '{group}'; {parameter('group')} names one of {', '.join(table.columns)}."
        )
    told = [name for name in ([group] if group else GROUP) if name in table.columns and table[name].str.strip().any()]
    if group is not None and not told:
        raise InputError(
            f"{path} has nothing in the column '{group}', so it tells no groups; leave {parameter('group')} out."
        )
    if not told:
        return "", None
    name = told[0]
    values = [value.strip() or f"row {row}" for row, value in enumerate(table[name])]
    return name, np.array(values, dtype=str)


def item_groups(path: Path, table: pd.DataFrame, items: list[str], group: str | None) -> tuple[str, Groups]:
    """The same for ratings: of each item; raises InputError for an item in two groups."""
    name, values = groups_of(path, table, group)
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
