"""Figures as JSON has them."""

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from study.dashboard.types import Number


def number(value: float | None) -> Number:
    """A figure, or None where it is not finite.

    Examples
    --------
    >>> number(0.5), number(float("nan"))
    (0.5, None)
    """
    return None if value is None or not math.isfinite(value) else float(value)


def numbers(values: ArrayLike) -> list[Number]:
    """Each figure, or None where it is not finite.

    Examples
    --------
    >>> numbers([0.5, float("nan")])
    [0.5, None]
    """
    column = np.asarray(values, dtype=float)
    found: list[Number] = column.tolist()
    for place in np.flatnonzero(~np.isfinite(column)):
        found[place] = None
    return found


def whole(value: object) -> int | None:
    """A whole number, or None where it is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> whole(pd.NA), whole(300)
    (None, 300)
    """
    return int(value) if isinstance(value, int | np.integer) else None


def first_known(values: Iterable[object]) -> int | None:
    """The first whole number of a column, or None where it has none."""
    return next((found for value in values if (found := whole(value)) is not None), None)
