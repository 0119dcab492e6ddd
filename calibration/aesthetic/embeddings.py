"""CLIP embeddings of many images in a folder: read from the disk as they are needed.

The folder holds ``embeddings.npy`` (float32, a row for each image, of unit length), ``images.csv`` (file and sha256 of
the image in each row), ``skipped.csv`` (files without a row, with the reason) and ``embeddings.json`` (the CLIP model,
the signature of the features, and the sha256 of the first two files).
"""

import errno
import hashlib
import io
import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration.aesthetic.votes import image_name
from calibration.tables.reading import MOST_BYTES, read_cells
from calibration.tables.writing import csv_text
from metrics.engine.arrays import map_npy
from metrics.errors import InputError
from metrics.files import make_folders, not_written, parse_json, read_regular_file, reason, remove_empty
from metrics.networks.aesthetic_head import TOLERANCE

CHUNK = 2**14
_LONGEST_ABOUT, _LONGEST_LINE = 2**20, 2**13  # bytes; a path has 4,096 at most
_ROWS, _IMAGES, _SKIPPED, _ABOUT = "embeddings.npy", "images.csv", "skipped.csv", "embeddings.json"


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Embeddings on disk.

    Attributes
    ----------
    folder : Path
        Where they are.
    rows : ndarray, shape (n, d)
        float32, of unit length; a memory map.
    files, sha256s : list of str
        The image of each row: its path below the folder of images, and its content.
    backbone : str
        The CLIP model, as MODEL/PRETRAINED.
    signature : str
        All that the embeddings depend on.
    sha256 : str
        Of rows and images together.
    """

    folder: Path
    rows: NDArray[np.float32]
    files: list[str]
    sha256s: list[str]
    backbone: str
    signature: str
    sha256: str

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def _places(self) -> dict[str, int]:
        """Rows by the images' paths, their paths without suffix, and their names where those are unique."""
        paths = [image_name(file) for file in self.files]
        names = [PurePosixPath(path).name for path in paths]
        counts = Counter(names)
        places = {name: row for row, name in enumerate(names) if counts[name] == 1}
        return places | {path: row for row, path in enumerate(paths)}

    def find(self, images: Iterable[str]) -> NDArray[np.intp]:
        """The rows of images by their names; -1 where there is none."""
        return np.array([self._places.get(name, -1) for name in images], dtype=np.intp)


def write_embeddings(
    folder: Path,
    rows: Iterable[NDArray[np.floating]],
    files: Sequence[str],
    backbone: str,
    signature: str,
    sha256s: Sequence[str] | None = None,
    skipped: Sequence[tuple[str, str]] = (),
) -> Path:
    """Write a folder of embeddings, whole or not at all.

    Parameters
    ----------
    folder : Path
        Must not be there yet, or hold embeddings, which are replaced.
    rows : iterable of ndarray, shapes (k, d)
        The embeddings in parts, in the order of the files; they are never all in memory.
    files : sequence of str
        The images' paths.
    backbone : str
        The CLIP model, as MODEL/PRETRAINED.
    signature : str
        What the embeddings depend on.
    sha256s : sequence of str, optional
        The images' contents, where they are known.
    skipped : sequence of (str, str)
        Files without a row, and why.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InputError
        Where the folder is something else, cannot be written, or a row is not of unit length.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as place:
    ...     folder = write_embeddings(Path(place) / "e", [np.eye(2)], ["a.jpg", "b.jpg"], "ViT-L-14/openai", "made")
    ...     len(read_embeddings(folder)), read_embeddings(folder).find(["b", "c"]).tolist()
    (2, [1, -1])
    """
    check_target(folder)
    try:
        made_above = make_folders(folder.parent)
    except OSError as error:
        raise not_written(folder, error) from error
    is_written = False
    try:
        _write(folder, rows, files, list(sha256s or [""] * len(files)), skipped, (backbone, signature))
        is_written = True
    except OSError as error:
        raise not_written(folder, error) from error
    finally:
        if not is_written:
            remove_empty(made_above)
    return folder


def _write(
    folder: Path,
    rows: Iterable[NDArray[np.floating]],
    files: Sequence[str],
    sha256s: Sequence[str],
    skipped: Sequence[tuple[str, str]],
    made_by: tuple[str, str],
) -> None:
    with tempfile.TemporaryDirectory(prefix=f".{folder.name[:40]}.", dir=folder.parent) as name:
        made = Path(name) / "new"
        made.mkdir()
        with _Rows(made / _ROWS, len(files)) as out:
            for part in rows:
                out.append(_checked(part, files[out.count : out.count + len(part)]))
        table = pd.DataFrame({"file": list(files), "sha256": sha256s})
        passed_over = pd.DataFrame(skipped, columns=["file", "reason"])
        for file, content in ((_IMAGES, csv_text(table)), (_SKIPPED, csv_text(passed_over))):
            (made / file).write_text(content, encoding="utf-8", newline="")
        about = {"backbone": made_by[0], "signature": made_by[1], "sha256": _digest(made)}
        (made / _ABOUT).write_text(json.dumps({"format": 1, **about}, indent=1) + "\n", encoding="utf-8")
        if folder.exists():
            folder.rename(Path(name) / "old")
        made.rename(folder)


def check_target(folder: Path) -> None:
    """Raise InputError where a folder of embeddings cannot be written: it is a file, or holds other things."""
    if folder.is_dir() and (not any(folder.iterdir()) or (folder / _ABOUT).is_file()):
        return
    if folder.exists():
        raise InputError(f"{folder} is there already and holds no embeddings; choose another place.")


def read_embeddings(folder: Path) -> Embeddings:
    """Open a folder of embeddings.

    Raises
    ------
    InputError
        Where it holds none, or they were changed or damaged since they were written.
    """
    try:
        for name in (_ABOUT, _ROWS, _IMAGES):  # numpy would wait for a pipe
            if not (folder / name).is_file():
                raise FileNotFoundError(errno.ENOENT, f"there is no file {name}")
        about = parse_json(read_regular_file(folder / _ABOUT, _LONGEST_ABOUT))
        rows = map_npy(folder / _ROWS)
        if rows.ndim != 2 or rows.dtype != np.float32:
            raise ValueError(f"{_ROWS} is no table of float32 numbers")
        content = read_regular_file(folder / _IMAGES, min(MOST_BYTES, (len(rows) + 1) * _LONGEST_LINE))
        table = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
        if list(table) != ["file", "sha256"]:
            raise ValueError(f"{_IMAGES} has no columns file and sha256")
        table = table.apply(read_cells) if len(table) else table
        digest = _digest(folder)
    except (OSError, ValueError) as error:
        why = reason(error) if isinstance(error, OSError) else str(error)
        raise InputError(
            f"{folder} holds no embeddings that can be read ({why}); make them with humangrade aesthetic embed."
        ) from error
    known = about if isinstance(about, dict) else {}
    if (
        known.get("format") != 1
        or not all(isinstance(known.get(name), str) for name in ("backbone", "signature"))
        or len(table) != len(rows)
        or known.get("sha256") != digest
    ):
        raise InputError(f"The embeddings in {folder} are not as they were written; make them anew.")
    return Embeddings(
        folder,
        rows,
        table["file"].tolist(),
        table["sha256"].tolist(),
        known["backbone"],
        known["signature"],
        digest,
    )


def _checked(part: NDArray[np.floating], files: Sequence[str]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(np.asarray(part, dtype=np.float64), axis=1)
    wrong = np.flatnonzero(~(np.abs(lengths - 1) <= TOLERANCE))
    if len(wrong):
        raise InputError(
            f"The embedding of {files[wrong[0]]} has the length {lengths[wrong[0]]:.4g}, not 1; divide embeddings by "
            "their length."
        )
    return np.asarray(part, dtype=np.float32)


class _Rows:
    """An .npy file that grows by parts until it has as many rows as were said.

    It is written and not mapped: on a full disk a write is refused, where a map ends the process.
    """

    def __init__(self, path: Path, total: int):
        self._file, self._total = path.open("wb"), total
        self._width: int | None = None
        self.count = 0

    def __enter__(self) -> "_Rows":
        return self

    def append(self, part: NDArray[np.float32]) -> None:
        if self._width is None:
            self._width = part.shape[1]
            header = {"descr": "<f4", "fortran_order": False, "shape": (self._total, self._width)}
            np.lib.format.write_array_header_1_0(self._file, header)
        elif part.shape[1] != self._width:
            raise ValueError(f"rows of {part.shape[1]} numbers after rows of {self._width}")
        self._file.write(np.ascontiguousarray(part, dtype="<f4").data)
        self.count += len(part)

    def __exit__(self, kind: type | None, *_: object) -> None:
        self._file.close()
        if kind is None and (self._width is None or self.count != self._total):
            raise ValueError(f"{self.count} rows for {self._total} images")


def _digest(folder: Path) -> str:
    found = hashlib.sha256()
    for name in (_ROWS, _IMAGES):
        with (folder / name).open("rb") as file:
            while part := file.read(2**22):
                found.update(part)
    return found.hexdigest()
