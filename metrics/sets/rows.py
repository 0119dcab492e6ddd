"""Features of many images on disk, read by row number, so that few are in memory at once."""

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metrics.errors import InputError
from metrics.files import reason


class RowFile:
    """Rows of one length as float32 in a temporary file, which is gone when it is closed.

    Examples
    --------
    >>> with RowFile() as file:
    ...     file.append([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    ...     len(file), file.read([2, 0])
    (3, array([[5., 6.],
           [1., 2.]], dtype=float32))
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="humangrade-")  # noqa: SIM115 - closed by __exit__
        self._rows = 0
        self._dimensions: int | None = None

    def __enter__(self) -> "RowFile":
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return self._rows

    def append(self, rows: Iterable[Any]) -> None:
        """Add rows at the end; raises InputError where they have another length, or the disk is full."""
        for row in rows:
            values = np.ascontiguousarray(row, dtype=np.float32).ravel()
            if self._dimensions is None:
                self._dimensions = len(values)
            if len(values) != self._dimensions:
                raise InputError(
                    f"Features of {self._dimensions} and of {len(values)} dimensions cannot be compared; they come "
                    "from different extractors."
                )
            try:
                self._file.seek(self._rows * values.nbytes)
                self._file.write(values.data)
            except OSError as error:
                raise InputError(
                    f"The temporary folder {tempfile.gettempdir()} cannot hold the features ({reason(error)}); "
                    "free some space, or set TMPDIR to another folder."
                ) from error
            self._rows += 1

    def read(self, numbers: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float32]:
        """Rows by their numbers, shape (len(numbers), dimensions)."""
        out = np.empty((len(numbers), self._dimensions or 0), dtype=np.float32)
        for place, number in enumerate(numbers):
            self._file.seek(int(number) * out.itemsize * out.shape[1])
            if self._file.readinto(out[place].data) != out.itemsize * out.shape[1]:
                raise IndexError(f"row {number} of {self._rows}")
        return out


@dataclass(frozen=True, eq=False)
class RowSet:
    """Some rows of a file, in an order of their own; reads as an array does.

    Attributes
    ----------
    file : RowFile
        The file.
    numbers : ndarray of int
        Which rows.
    """

    file: RowFile
    numbers: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: Any) -> NDArray[np.float32]:
        """Rows by a slice or an array of places."""
        return self.file.read(self.numbers[index])
