"""items.csv of a folder of drawn images: our rows, with the columns and rows that its owner added kept."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from metrics.errors import InputError
from metrics.files import read_regular_file, reason

COLUMNS = (
    *("image", "item", "model", "checkpoint", "step", "epoch", "training_images", "kind", "file", "lora_sha256"),
    *("lora_scale", "layers_in_file", "layers_applied", "subject", "prompt", "prompt_number", "group", "negative"),
    *("seed", "steps", "guidance", "width", "height", "scheduler", "clip_skip", "dtype", "base", "rate", "recipe"),
)
_OURS = {"image", "item", "recipe"}  # a table without these was written by somebody else
_MOST_BYTES = 2**31


@dataclass(frozen=True)
class Added:
    """What somebody added to our table.

    Attributes
    ----------
    columns : tuple of str
        Their own, such as ``references`` or ``task``.
    cells : dict of str to dict
        What stands in these, by image.
    rows : list of dict
        Images that were not drawn here.
    """

    columns: tuple[str, ...] = ()
    cells: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    rows: tuple[Mapping[str, str], ...] = ()


def read_added(path: Path) -> Added:
    """What stands in an items.csv that is not ours; nothing where there is no file.

    Raises
    ------
    InputError
        Where the table is not ours at all, and would be lost if ours took its place.
    """
    try:
        text = read_regular_file(path, _MOST_BYTES).decode("utf-8-sig")
        table = csv.DictReader(io.StringIO(text), strict=True)
        columns = tuple(table.fieldnames or ())
        rows = list(table)
    except FileNotFoundError:
        return Added()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({reason(error)}); check the folder.") from error
    except (UnicodeDecodeError, csv.Error):
        columns, rows = (), []
    if not columns or len(set(columns)) < len(columns) or not _OURS.issubset(columns) or any(map(_is_ragged, rows)):
        raise InputError(
            f"{path} was not written by humangrade, or was saved in another form since; it is not overwritten. Name "
            "another folder for the images, or move it elsewhere."
        )
    own = tuple(name for name in columns if name not in COLUMNS)
    return Added(
        own,
        {row["image"]: {name: row[name] for name in own} for row in rows if own},
        tuple(row for row in rows if not row["recipe"]),
    )


def _is_ragged(row: Mapping[Any, Any]) -> bool:
    """Whether a row has more or fewer cells than there are columns."""
    return None in row or None in row.values()


def table_of(rows: Iterable[Mapping[str, Any]], added: Added) -> str:
    r"""The table as text: our rows with the cells that were added to them, then the rows that were added.

    Examples
    --------
    >>> added = Added(("task",), {"a.png": {"task": "look"}})
    >>> text = table_of([{"image": "a.png", "seed": 1}, {"image": "b.png"}], added)
    >>> [(row["image"], row["seed"], row["task"]) for row in csv.DictReader(io.StringIO(text))]
    [('a.png', '1', 'look'), ('b.png', '', '')]
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, (*COLUMNS, *added.columns), restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    ours = set()
    for row in rows:
        ours.add(row["image"])
        writer.writerow({**row, **added.cells.get(row["image"], {})})
    writer.writerows(row for row in added.rows if row["image"] not in ours)
    return text.getvalue()
