"""Reading tables from files: CSV or Parquet, with foreign column names mapped to ours.

Cells arrive as text with nothing interpreted, so that an evaluator called ``007`` or an item called ``NA`` stays what
it is; `calibration.tables` gives them their meaning.
"""

import csv
import hashlib
import io
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from metrics.errors import InputError


@dataclass(frozen=True)
class Source:
    """Where a table came from: the path as given (as text), the sha256 of the file's bytes, and its number of rows."""

    path: str
    sha256: str
    rows: int


@dataclass
class ColumnMap:
    """Which foreign column (or template over columns) stands for which of ours.

    Several entries may name the same target: in each file the first whose columns the file has is used. A template
    puts columns in braces, as in ``item=./stimuli/{model}/{img_id}``.

    Examples
    --------
    >>> columns = ColumnMap.parse("evaluator=worker, item={model}/{file}")
    >>> frame = pd.DataFrame({"worker": ["a"], "model": ["m"], "file": ["1.png"]})
    >>> columns.apply(frame)[["evaluator", "item"]].values.tolist()
    [['a', 'm/1.png']]
    """

    entries: list[tuple[str, str]] = field(default_factory=list)
    used: set[int] = field(default_factory=set)
    seen: list[str] = field(default_factory=list)

    @classmethod
    def parse(cls, text: str | None) -> "ColumnMap":
        """Read ``ours=theirs,ours=theirs``; raises InputError where a part has no '='."""
        entries = []
        for part in filter(None, (part.strip() for part in (text or "").split(","))):
            target, equals, source = (piece.strip() for piece in part.partition("="))
            if not (target and equals and source):
                raise InputError(f"--map has the part '{part}', which is not of the form OUR_COLUMN=THEIR_COLUMN.")
            entries.append((target, source))
        return cls(entries)

    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Rename and fill columns; what the map does not name stays as it is."""
        self.seen += [name for name in map(str, frame.columns) if name not in self.seen]
        made: dict[str, pd.Series] = {}
        consumed: set[str] = set()
        for index, (target, source) in enumerate(self.entries):
            parts = re.findall(r"\{([^{}]+)\}", source) or [source]
            if target in made or not all(part in frame.columns for part in parts):
                continue
            self.used.add(index)
            if parts == [source]:
                made[target] = frame[source]
                consumed.add(source)
            else:
                pieces = re.split(r"\{([^{}]+)\}", source)
                column = pd.Series(pieces[0], index=frame.index, dtype=object)
                for name, literal in zip(pieces[1::2], pieces[2::2], strict=True):
                    column = column + frame[name].astype(str) + literal
                made[target] = column
        kept = frame.drop(columns=[name for name in frame.columns if name in consumed or name in made])
        return pd.DataFrame(made, index=frame.index).join(kept) if made else frame

    def check_used(self) -> None:
        """Raise InputError for an entry that no file could use."""
        for index, (target, source) in enumerate(self.entries):
            mapped_twin = any(self.entries[other][0] == target for other in self.used)
            if index not in self.used and not mapped_twin:
                raise InputError(
                    f"--map says {target}={source}, but no file has the column '{source}'; "
                    f"the columns are {_listed(self.seen)}."
                )


def read_table(path: str | Path, columns: ColumnMap | None = None) -> tuple[pd.DataFrame, Source]:
    """Read a CSV (comma, semicolon or tab; UTF-8) or Parquet file as text cells.

    Parameters
    ----------
    path : str or Path
        A name ending in ``.parquet`` or ``.pq`` is read as Parquet, anything else as CSV.
    columns : ColumnMap, optional
        Renames foreign columns.

    Returns
    -------
    frame : DataFrame
        Every cell a str, stripped; missing cells are "".
    source : Source
        The file's identity for the report.

    Raises
    ------
    InputError
        Where the file is missing, empty or not what its name says.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}); check the path.") from error
    frame = _read_parquet(path, data) if path.suffix.lower() in (".parquet", ".pq") else _read_csv(path, data)
    source = Source(os.fsencode(path).decode(errors="replace"), hashlib.sha256(data).hexdigest(), len(frame))
    return (columns.apply(frame) if columns else frame), source


def require_columns(frame: pd.DataFrame, names: Iterable[str], where: str) -> None:
    """Raise InputError that names the missing columns, those that there are, and the way out."""
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise InputError(
            f"{where} has no column {_listed(missing)}; its columns are {_listed(map(str, frame.columns))}. "
            f"Say which one it is with --map {missing[0]}=COLUMN."
        )


def text_cells(frame: pd.DataFrame) -> pd.DataFrame:
    """Any DataFrame with its cells as stripped text, whole-number floats without '.0', missing cells ''.

    Examples
    --------
    >>> text_cells(pd.DataFrame({"a": [1.0, None], "b": [" x", 2]})).values.tolist()
    [['1', 'x'], ['', '2']]
    """
    return pd.DataFrame({str(name): _as_text(frame[name]) for name in frame.columns}, index=frame.index)


def _as_text(column: pd.Series) -> pd.Series:
    if pd.api.types.is_float_dtype(column.dtype):
        values = column.astype(float)
        known = values.dropna()
        if len(known) and (known % 1 == 0).all() and (known.abs() < 2**53).all():
            text = values.astype("Int64").astype("string")
        else:
            text = values.map(repr, na_action="ignore").astype("string")
    else:
        text = column.astype("string")
    return text.fillna("").str.strip().astype(object)


def _read_csv(path: Path, data: bytes) -> pd.DataFrame:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not UTF-8 text (byte {error.start}); save it as CSV in UTF-8, or as .parquet."
        ) from error
    text = re.sub(r"\A(?:[ \t]*[\r\n])+", "", text)
    if not text.strip():
        raise InputError(f"{path} is empty; it needs a first line with the names of its columns.")
    try:
        separator = _separator(text)
        header = next(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
        names = [name.strip() for name in header]
        _refuse_twins(path, names)
        frame = pd.read_csv(io.StringIO(text, newline=""), sep=separator, dtype=str, keep_default_na=False)
    except (csv.Error, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(f"{path} is not a well-formed CSV file ({str(error).strip()}).") from error
    if not isinstance(frame.index, pd.RangeIndex):
        raise InputError(
            f"{path} is not a well-formed CSV file: its rows have more cells than its first line has names."
        )
    frame.columns = [name or f"Unnamed: {place}" for place, name in enumerate(names)]
    return frame.apply(lambda column: column.fillna("").str.strip()) if len(frame) else frame


def _separator(text: str) -> str:
    """The mark that stands most often in the first line outside of quotes."""
    quoted = r'"[^"]*+(?:""[^"]*+)*+"'
    line = re.match(rf'(?:{quoted}|[^"\r\n])*+', text)
    bare = re.sub(quoted, "", line.group() if line else "")
    return max(",;\t", key=bare.count)


def _read_parquet(path: Path, data: bytes) -> pd.DataFrame:
    import pyarrow

    try:
        frame = pd.read_parquet(io.BytesIO(data))
        frame.columns = [str(name).strip() for name in frame.columns]
        _refuse_twins(path, list(frame.columns))
        return text_cells(frame)
    except InputError:
        raise
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{path} is not a readable Parquet file ({str(error).splitlines()[0]}).") from error


def _refuse_twins(path: Path, names: list[str]) -> None:
    """Raise InputError where two columns have one name; columns without a name may be many."""
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise InputError(f"{path} has the column {_listed(twice)} more than once; rename or remove one.")


def _listed(names: Iterable[str] | Sequence[str], most: int = 12) -> str:
    """Names for a message: 'a', 'b' and 'c', or the first ones and a count."""
    names = [f"'{name}'" for name in names]
    if len(names) > most:
        return ", ".join(names[:most]) + f" and {len(names) - most} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
