"""Reading tables from files: CSV or Parquet, with foreign column names mapped to ours.

Cells arrive as text with nothing interpreted, so that an evaluator called ``007`` or an item called ``NA`` stays what
it is; `calibration.tables.checking` gives them their meaning. Of a table no more is read than a study could hold.
"""

import csv
import hashlib
import io
import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from calibration.tables.cells import FROM_FILE
from calibration.tables.writing import unguarded
from metrics.errors import InputError, either, parameter
from metrics.files import read_input
from metrics.text import listed, quoted

if TYPE_CHECKING:
    import pyarrow

MOST_BYTES = 1_000_000_000  # of a file
MOST_CELLS = 100_000_000  # 12 million ratings with all that an export says of each
MOST_COLUMNS = 10_000
MOST_TEXT = 2_000_000_000  # bytes of all cells of a Parquet file, which may hold a text once and name it often
LONGEST_CELL = 1_000_000  # characters
_LONGEST_HEAD = 4_000_000  # bytes of a CSV's first line
_PART = 2**24
_INDEX = re.compile(r"__index_level_\d+__")  # what pandas calls a column of row numbers


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
                raise InputError(
                    f"{parameter('map')} has the part '{part}', which is not of the form OUR_COLUMN=THEIR_COLUMN."
                )
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
        return pd.concat([pd.DataFrame(made, index=frame.index), kept], axis=1) if made else frame

    def check_used(self) -> None:
        """Raise InputError for an entry that no file could use."""
        for index, (target, source) in enumerate(self.entries):
            mapped_twin = any(self.entries[other][0] == target for other in self.used)
            if index not in self.used and not mapped_twin:
                raise InputError(
                    f"{parameter('map')} says {target}={source}, but no table has the column '{source}'; "
                    f"the columns are {listed(quoted(self.seen), most=12)}."
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
        Where the file is missing, empty or not what its name says; and where it has more than 1 GB, 100 million cells
        or 10,000 columns, or a cell of more than a million characters.

    Notes
    -----
    A pipe is read as a file is (``--ratings <(command)``). The apostrophe that `calibration.tables.writing` sets before
    what a spreadsheet would run is taken off. Columns of a Parquet file that hold lists or structures are passed over.
    """
    path = Path(path)
    data = read_input(path, MOST_BYTES, "check the path")
    frame = table_of(path, data)
    source = Source(os.fsencode(path).decode(errors="replace"), hashlib.sha256(data).hexdigest(), len(frame))
    mapped = columns.apply(frame) if columns else frame
    mapped.attrs |= frame.attrs | {FROM_FILE: True}
    return mapped, source


def is_parquet(path: Path) -> bool:
    """Whether a file is read as Parquet, by its name."""
    return path.suffix.lower() in (".parquet", ".pq")


def table_of(path: Path, data: bytes) -> pd.DataFrame:
    """The cells of a file that was read already, as `read_table` gives them."""
    return _read_parquet(path, data) if is_parquet(path) else _read_csv(path, data)


def require_columns(frame: pd.DataFrame, names: Iterable[str], where: str) -> None:
    """Raise InputError that names the missing columns, those that there are, and the way out."""
    missing = [name for name in names if name not in frame.columns]
    if missing:
        unread = [name for name in frame.attrs.get("unread", ()) if name in missing]
        why = (
            f" that holds text or numbers (but {listed(quoted(unread), most=12)} with lists or structures)"
            if unread
            else ""
        )
        raise InputError(
            f"{where} has no column {listed(quoted(missing), 'or', most=12)}{why}; its columns are "
            f"{listed(quoted(map(str, frame.columns)), most=12)}. Say which one it is with "
            f"{_map_of(missing)}."
        )


def _map_of(missing: list[str]) -> str:
    entries = ",".join(f"{name}=COLUMN" for name in missing)
    return either(f"map='{entries}'", f"--map {entries}")


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


def decoded(path: Path, data: bytes, what: str = "save it as CSV in UTF-8, or as .parquet") -> str:
    """A text file's bytes as text, without a byte order mark; raises InputError where they are none.

    Parameters
    ----------
    path : Path
        What messages name.
    data : bytes
        The file.
    what : str
        What to do where it is no text.
    """
    refuse_no_text(path, data, what)
    return data.decode("utf-8-sig")


def refuse_no_text(path: Path, data: bytes, what: str = "save it as CSV in UTF-8, or as .parquet") -> None:
    """Raise InputError for bytes that are not UTF-8 or have a NUL among them, without ever holding the whole text."""
    if (nul := data.find(b"\0")) >= 0:
        raise InputError(f"{path} is not UTF-8 text (byte {nul} is a NUL); {what}.")
    start = 0
    try:
        while start < len(data):
            end = start + _PART
            while start < end < len(data) and data[end] & 0xC0 == 0x80 and end > start + _PART - 4:
                end -= 1  # not within a character
            data[start:end].decode()
            start = end
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text (byte {start + error.start}); {what}.") from error


def _read_csv(path: Path, data: bytes) -> pd.DataFrame:
    refuse_no_text(path, data)
    blank = re.match(rb"(?:\xef\xbb\xbf)?(?:[ \t]*[\r\n])*", data)
    start = blank.end() if blank else 0
    if not re.compile(rb"\S").search(data, start):
        raise InputError(f"{path} is empty; it needs a first line with the names of its columns.")
    head = data[start : start + _LONGEST_HEAD].decode(errors="ignore")
    try:
        separator = _separator(head)
        header = next(csv.reader(io.StringIO(head, newline=""), delimiter=separator))
        names = [unguarded(name.strip()) for name in header]
        refuse_many(path, len(names), max(data.count(b"\n"), data.count(b"\r")))
        _refuse_twins(path, names)
        content = io.BytesIO(data)
        content.seek(start)
        frame = pd.read_csv(content, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8")
    except (csv.Error, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(f"{path} is not a well-formed CSV file ({str(error).strip()}).") from error
    if frame.shape[1] != len(names):
        raise InputError(f"{path} is not a well-formed CSV file: its first line is too long, or has a stray quote.")
    if not isinstance(frame.index, pd.RangeIndex):
        raise InputError(
            f"{path} is not a well-formed CSV file: its rows have more cells than its first line has names."
        )
    frame.columns = [name or f"Unnamed: {place}" for place, name in enumerate(names)]
    if len(data) > LONGEST_CELL:
        _refuse_long(path, frame)
    return frame.apply(read_cells) if len(frame) else frame


def read_cells(column: pd.Series) -> pd.Series:
    """A column of a CSV as text is meant: without outer spaces, and without the apostrophe before a formula."""
    cells = column.fillna("").str.strip()
    quoted = cells.str.startswith("'")
    if quoted.any():
        cells = cells.where(~quoted, cells[quoted].map(unguarded))
    return cells


def refuse_many(path: Path, columns: int, rows: int) -> None:
    """Raise InputError for a table that is larger than any study."""
    if columns > MOST_COLUMNS:
        raise InputError(
            f"{path} has {columns:,} columns; leave out all but those that matter, at most {MOST_COLUMNS:,}."
        )
    if columns * rows > MOST_CELLS:
        raise InputError(
            f"{path} has {rows:,} rows of {columns:,} columns; a table may have {MOST_CELLS:,} cells, so leave "
            "out rows or columns."
        )


def _refuse_long(path: Path, frame: pd.DataFrame) -> None:
    """Raise InputError for a cell that no table of ours has."""
    for name in frame.columns:
        long = frame[name].str.len() > LONGEST_CELL
        if long.any():
            raise InputError(
                f"{path}, row {int(np.flatnonzero(long)[0]) + 2}: the cell in the column '{name[:100]}' has more than "
                f"{LONGEST_CELL:,} characters; is a quotation mark missing?"
            )


def _separator(text: str) -> str:
    """The mark that stands most often in the first line outside of quotes."""
    quoted = r'"[^"]*+(?:""[^"]*+)*+"'
    line = re.match(rf'(?:{quoted}|[^"\r\n])*+', text)
    bare = re.sub(quoted, "", line.group() if line else "")
    return max(",;\t", key=bare.count)


def _read_parquet(path: Path, data: bytes) -> pd.DataFrame:
    try:
        return _parquet_frame(path, data)
    except InputError:
        raise
    except Exception as error:  # pyarrow raises anything where a file is damaged in its own way
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path} is not a readable Parquet file ({said}); write it anew, or as CSV.") from error


def _parquet_frame(path: Path, data: bytes) -> pd.DataFrame:
    """The columns of text and numbers as text, without anything that tools left in the file beside them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    about = pq.ParquetFile(pa.BufferReader(data)).metadata
    groups = [about.row_group(number) for number in range(about.num_row_groups)]
    refuse_many(path, about.num_columns, max(about.num_rows, sum(group.num_rows for group in groups)))
    if max(0, sum(group.total_byte_size for group in groups)) > MOST_TEXT:
        raise _too_much_text(path)
    schema = pq.ParquetFile(pa.BufferReader(data), metadata=about).schema_arrow
    unread = [each.name for each in schema if pa.types.is_nested(getattr(each.type, "storage_type", each.type))]
    texts = [each.name for each in schema if _is_text(each.type)]
    file = pq.ParquetFile(pa.BufferReader(data), metadata=about, read_dictionary=texts)
    wanted = [name for name in schema.names if name not in unread and not _INDEX.fullmatch(name)]
    _refuse_twins(path, [name.strip() for name in wanted])
    if not wanted:
        raise InputError(f"{path} has no column of text or numbers; write a table with a column for each of them.")
    batches, total = [], 0
    for batch in file.iter_batches(2**20, columns=wanted, use_threads=False):
        total += sum(map(_bytes_of, batch.columns))
        if total > MOST_TEXT:
            raise _too_much_text(path)
        batches.append(batch)
    table = pa.Table.from_batches(batches, file.schema_arrow if not batches else None)
    frame = pd.DataFrame({name.strip(): _parquet_column(table.column(name)) for name in wanted})
    _refuse_long(path, frame)
    frame.attrs["unread"] = unread
    return frame


def _parquet_column(column: "pyarrow.ChunkedArray") -> pd.Series:
    """A column as text; what is stored once and named often is in memory once."""
    import pyarrow as pa

    if isinstance(column.type, pa.BaseExtensionType):
        column = column.cast(column.type.storage_type)
    if pa.types.is_dictionary(column.type) and _is_text(column.type.value_type):
        parts = [np.empty(0, dtype=object)]
        for chunk in column.chunks:
            words = [_words(value) for value in chunk.dictionary.to_pylist()]
            values = np.array([*words, ""], dtype=object)
            parts.append(values[chunk.indices.fill_null(len(words)).to_numpy(zero_copy_only=False)])
        return pd.Series(np.concatenate(parts), dtype=object)
    if pa.types.is_integer(column.type) and column.null_count:
        return _as_text(column.to_pandas(integer_object_nulls=True))
    return _as_text(column.to_pandas())


def _words(value: str | bytes | None) -> str:
    return (value.decode(errors="backslashreplace") if isinstance(value, bytes) else value or "").strip()


def _is_text(kind: Any) -> bool:
    import pyarrow.types as types

    return types.is_string(kind) or types.is_large_string(kind) or types.is_binary(kind) or types.is_large_binary(kind)


def _bytes_of(column: Any) -> int:
    """How much a column's cells come to, were each held on its own."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not (pa.types.is_dictionary(column.type) and _is_text(column.type.value_type)):
        return column.nbytes
    lengths = pc.take(pc.binary_length(column.dictionary), column.indices).cast(pa.int64())
    return column.dictionary.nbytes + column.indices.nbytes + (pc.sum(lengths).as_py() or 0)


def _too_much_text(path: Path) -> InputError:
    return InputError(
        f"{path} holds more than {MOST_TEXT / 1e9:g} GB of cells when unpacked; leave out rows or columns."
    )


def _refuse_twins(path: Path, names: list[str]) -> None:
    """Raise InputError where two columns have one name; columns without a name may be many."""
    twice = sorted(name for name, count in Counter(names).items() if name and count > 1)
    if twice:
        raise InputError(
            f"{path} has the column {listed(quoted(twice), most=12)} more than once; rename or remove one."
        )
