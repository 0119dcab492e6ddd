"""Tables as CSV that a spreadsheet may open: no cell of ours is run as a formula.

A text cell that begins with =, +, -, @, a tab or a carriage return is a formula to a spreadsheet, unless it is a
number, and what stands there came from people: an item, an evaluator, a prompt. Such a cell is written with an
apostrophe before it, and `calibration.tables.reading` takes one off again. Both look behind apostrophes that are there
already, so that what was written is what is read, whatever it was.
"""

import re

import pandas as pd

_SIGNS = "'=+-@\t\r"
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def guarded(text: str) -> str:
    """A cell as it is written: with an apostrophe where it would be run as a formula.

    Examples
    --------
    >>> [guarded(text) for text in ("=1+1", "'=y", "-5", "+49 170", "a=b")]
    ["'=1+1", "''=y", '-5', "'+49 170", 'a=b']
    """
    return f"'{text}" if _is_formula(text) else text


def unguarded(text: str) -> str:
    """What `guarded` was given.

    Examples
    --------
    >>> [unguarded(text) for text in ("'=1+1", "''=y", "-5", "it's", "'-5")]
    ['=1+1', "'=y", '-5', "it's", "'-5"]
    """
    return text[1:] if text.startswith("'") and _is_formula(text) else text


def csv_text(frame: pd.DataFrame, float_format: str | None = None) -> str:
    """A table as CSV, with the cells and the names of columns guarded; unknown values are empty cells.

    Parameters
    ----------
    frame : DataFrame
        Its index is not written.
    float_format : str, optional
        For instance ``"%.6g"``; all digits otherwise.

    Returns
    -------
    str
        Lines end in a line feed.

    Examples
    --------
    >>> print(csv_text(pd.DataFrame({"item": ["@x", "y"], "score": [-0.5, None]})), end="")
    item,score
    '@x,-0.5
    y,
    """
    columns = {}
    for place in range(frame.shape[1]):
        column = frame.iloc[:, place]
        if not (pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_datetime64_any_dtype(column.dtype)):
            cells = column.to_numpy(dtype=object).tolist()
            if any(isinstance(cell, str) and _is_formula(cell) for cell in cells):
                cells = [guarded(cell) if isinstance(cell, str) else cell for cell in cells]
                column = pd.Series(cells, index=column.index, dtype=object)
        columns[place] = column
    made = pd.DataFrame(columns, index=frame.index)
    made.columns = pd.Index([guarded(str(name)) for name in frame.columns], dtype=object)
    return made.to_csv(index=False, lineterminator="\n", float_format=float_format)


def _is_formula(text: str) -> bool:
    """Whether a spreadsheet would run the cell, apostrophes before it aside."""
    if not text or text[0] not in _SIGNS:
        return False
    found = _FORMULA.match(text)
    return found is not None and not _NUMBER.fullmatch(text, found.end() - 1)
