"""What the user chose: how tables are read, and how people and metrics are judged."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from calibration.core.resampling import DRAWS
from calibration.scale import LIKERT, Scale
from metrics.errors import InputError, parameter

MOST_DRAWS = 100_000
_LARGEST_K = 10  # with a larger exponent only ratings at opposite ends of the scale differ noticeably

Duplicates = Literal["error", "first", "last", "mean"]


@dataclass(frozen=True)
class Reading:
    """How tables are read; stands in the report as it is.

    Attributes
    ----------
    duplicates : {"error", "first", "last", "mean"}
        What to do where a person rated an item twice within a task and repeat.
    min_ratings : int
        Evaluators with fewer ratings, over all tasks, are left out.
    map : str, optional
        Which columns of files are ours, as ``item=image,evaluator=worker``; see `calibration.tables.reading.ColumnMap`.
    task : str, optional
        The one task to judge, or the name of the task of a table that names none.

    Raises
    ------
    InputError
        For a value that is none of these.

    Examples
    --------
    >>> Reading(min_ratings=-1)
    Traceback (most recent call last):
    ...
    metrics.errors.InputError: min_ratings is -1; it is a whole number, 0 or more.
    """

    duplicates: Duplicates = "error"
    min_ratings: int = 0
    map: str | None = None
    task: str | None = None

    def __post_init__(self) -> None:
        if self.duplicates not in get_args(Duplicates):
            raise InputError(f"{parameter('duplicates')} is '{self.duplicates}'; it is error, first, last or mean.")
        _refuse_no_count("min_ratings", self.min_ratings)
        object.__setattr__(self, "min_ratings", int(self.min_ratings))
        for name in ("map", "task"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, str) and value.strip()):
                raise InputError(f"{parameter(name)} is {value!r}; it is a text that is not empty, or left out.")


@dataclass(frozen=True)
class Settings:
    """How people and metrics are judged; stands in the report as it is.

    Attributes
    ----------
    k : float
        The exponent of the distance in grades and buckets, above 0 and at most 10.
    seed : int
        For everything that is drawn: bootstrap samples, permutations, folds, screening, and the points of large
        scatter plots.
    draws : int
        Of the bootstrap, 1000 unless said otherwise, at most 100,000; 0 for a report without intervals. With fewer than
        100 the intervals' ends are hardly more than a guess, and the command line refuses them.
    lower_is_better, higher_is_better : tuple of str
        Metrics for which lower or higher is better, whatever the metrics package says.
    scale : Scale
        On which people answered.

    Raises
    ------
    InputError
        For a value that is none of these.

    Examples
    --------
    >>> Settings(draws=-5)
    Traceback (most recent call last):
    ...
    metrics.errors.InputError: draws is -5; it is a whole number, 0 or more.
    """

    k: float = 1.0
    seed: int = 0
    draws: int = DRAWS
    lower_is_better: tuple[str, ...] = ()
    higher_is_better: tuple[str, ...] = ()
    scale: Scale = LIKERT

    def __post_init__(self) -> None:
        if not (_is_number(self.k) and 0 < self.k <= _LARGEST_K):
            shown = f"{self.k:g}" if _is_number(self.k) else repr(self.k)
            raise InputError(
                f"{parameter('k')} is {shown}, but the exponent of the distance must be above 0 and at most "
                f"{_LARGEST_K}; the usual choice is 1."
            )
        _refuse_no_count("draws", self.draws)
        if self.draws > MOST_DRAWS:
            raise InputError(f"{parameter('draws')} is {self.draws:,}; the bootstrap takes at most {MOST_DRAWS:,}.")
        if not _is_whole(self.seed):
            raise InputError(f"{parameter('seed')} is {self.seed!r}; it is a whole number.")
        for name, kind in (("k", float), ("draws", int), ("seed", int)):
            if isinstance(getattr(self, name), np.generic):  # as NumPy gives it, which JSON does not know
                object.__setattr__(self, name, kind(getattr(self, name)))
        for name in ("lower_is_better", "higher_is_better"):
            value = getattr(self, name)
            if isinstance(value, str) or not all(isinstance(each, str) for each in value):
                raise InputError(f"{parameter(name)} is {value!r}; it is a tuple of the metrics' names.")
            object.__setattr__(self, name, tuple(value))
        if not isinstance(self.scale, Scale):
            raise InputError(f"{parameter('scale')} is {self.scale!r}; make one with calibration.scale.Scale.")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _refuse_no_count(name: str, value: Any) -> None:
    if not (_is_whole(value) and value >= 0):
        raise InputError(f"{parameter(name)} is {value!r}; it is a whole number, 0 or more.")
