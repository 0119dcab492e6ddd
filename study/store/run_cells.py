"""The cells of a table that is to be recorded, whatever kind of table it is: text, whole numbers, numbers, JSON."""

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from metrics.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

_SMALL = {"n_training_images", "training_images", "layers_in_file", "layers_applied", "width", "height", "n"}
"""Whole numbers of 32 bits in PostgreSQL."""

_MOST_BYTES = {"model": 1000, "metric": 1000, "axis": 500, "item": 2500, "path": 2500}
"""Of text that PostgreSQL keeps in an index."""


class Cells:
    """The columns of a DataFrame as lists of Python's own kinds; a column that is absent is unknown in every row.

    Parameters
    ----------
    frame : DataFrame

    Examples
    --------
    >>> import pandas as pd
    >>> cells = Cells(pd.DataFrame({"seed": [7.0, None], "step": ["300", ""]}))
    >>> cells.text("seed"), cells.whole("step"), cells.number("score")
    (['7', ''], [300, None], [None, None])
    """

    def __init__(self, frame: "pd.DataFrame"):
        self._frame = frame

    def __len__(self) -> int:
        return len(self._frame)

    def has(self, name: str) -> bool:
        """Whether there is such a column."""
        return name in self._frame.columns

    def text(self, name: str) -> list[str]:
        """A column's text; "" where it is unknown.

        Raises
        ------
        InputError
            For text that no database can hold, such as a file's name that is not UTF-8.
        """
        return [_text(cell, name) for cell in self._cells(name)]

    def whole(self, name: str) -> list[int | None]:
        """A column's whole numbers; None where they are unknown.

        Raises
        ------
        InputError
            For what is no whole number.
        """
        return [whole(cell, name) for cell in self._cells(name)]

    def number(self, name: str) -> list[float | None]:
        """A column's numbers; None where they are unknown or not a number (NaN).

        Raises
        ------
        InputError
            For what is none.
        """
        return [_number(cell, name) for cell in self._cells(name)]

    def _cells(self, name: str) -> list[Any]:
        return cells_of(self._frame[name]) if name in self._frame.columns else [None] * len(self._frame)


def cells_of(column: "pd.Series") -> list[Any]:
    """A column's cells; pandas' own lists of text are slow.

    Examples
    --------
    >>> import pandas as pd
    >>> cells_of(pd.Series([1, None], dtype="Int64"))
    [1, <NA>]
    """
    cells: list[Any] = column.to_numpy(dtype=object).tolist()
    return cells


def is_unknown(cell: Any) -> bool:
    """Whether a cell says nothing: None, "", or not a number.

    Examples
    --------
    >>> import pandas as pd
    >>> [is_unknown(cell) for cell in (None, " ", float("nan"), pd.NA, 0, "no")]
    [True, True, True, True, False, False]
    """
    if cell is None or isinstance(cell, str):
        return not (cell or "").strip()
    return bool(cell != cell) if isinstance(cell, float) else type(cell).__name__ in ("NAType", "NaTType")


def whole(cell: Any, what: str) -> int | None:
    """A cell as a whole number; None where it is unknown.

    Raises
    ------
    InputError
        Where it is something else.

    Examples
    --------
    >>> whole("300.0", "step"), whole(300, "step"), whole("", "step")
    (300, 300, None)
    >>> whole("1.5k", "step")
    Traceback (most recent call last):
        ...
    metrics.errors.InputError: A step is a whole number, not '1.5k'; correct it, or leave it empty.
    """
    if is_unknown(cell):
        return None
    try:
        is_plain = isinstance(cell, int) or str(cell).strip().isdecimal()
        return _in_bounds(int(cell) if is_plain else _integral(float(cell)), 2**31 if what in _SMALL else 2**63)
    except (TypeError, ValueError, OverflowError):
        raise InputError(
            f"{_a(what)} is a whole number, not '{str(cell)[:40]}'; correct it, or leave it empty."
        ) from None


def canonical(text: str) -> str:
    """JSON in the one form of which a digest is made; "" stays "".

    Raises
    ------
    InputError
        Where it is no JSON.

    Examples
    --------
    >>> canonical('{"steps": 30, "size": [64, 64]}')
    '{"size":[64,64],"steps":30}'
    """
    if not text:
        return ""
    try:
        return json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
    except ValueError:
        raise InputError(f"A recipe or configuration is JSON, not '{text[:40]}'.") from None


def as_json(value: Mapping[str, Any]) -> str:
    """A mapping as JSON that every program reads: NumPy's numbers as numbers, what is no number or has no end as null.

    Examples
    --------
    >>> import numpy as np
    >>> as_json({"p": np.float64(0.5), "least": float("nan"), "names": ("a", "b")})
    '{"p":0.5,"least":null,"names":["a","b"]}'
    """
    return json.dumps(_plain(value), separators=(",", ":"), allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _integral(value: float) -> int:
    if not value.is_integer():
        raise ValueError
    return int(value)


def _in_bounds(value: int, end: int) -> int:
    if not -end <= value < end:  # what a database holds
        raise OverflowError
    return value


def _number(cell: Any, name: str) -> float | None:
    if is_unknown(cell):
        return None
    try:
        found = float(cell)
    except (TypeError, ValueError):
        raise InputError(f"{_a(name)} is a number, not '{cell}'; correct it, or leave it empty.") from None
    return None if found != found else found


def _a(what: str) -> str:
    name = what.replace("_", " ")
    return f"{'An' if name[0] in 'aeiou' else 'A'} {name}"


def _text(cell: Any, name: str) -> str:
    if isinstance(cell, str):
        try:
            size = len(cell.encode())
        except UnicodeEncodeError:
            raise InputError(
                f"{_a(name)} is text, and {cell!r} is none that can be kept (it is not UTF-8); rename it."
            ) from None
        if "\0" in cell:
            raise InputError(f"{_a(name)} is text, and {cell[:40]!r} has a NUL in it; correct it.")
        if size > _MOST_BYTES.get(name, size):
            most = _MOST_BYTES[name]
            raise InputError(f"{_a(name)} has at most {most:,} bytes, and '{cell[:40]}...' has {size:,}; shorten it.")
        return cell
    if is_unknown(cell):
        return ""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)
