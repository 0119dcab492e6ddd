"""Reading .npy and .npz files of others: no pickle, and nothing is made that is larger than what the file holds.

`numpy.load` takes a header's word for an array's size, and unpacks all that an archive says it holds. Here the size is
checked first, against the file and against a limit.
"""

import math
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # as numpy packs; others could ask for much memory to unpack
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read_npy(path: Path) -> NDArray:
    """The array of an .npy file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    ndarray

    Raises
    ------
    OSError
        Where it cannot be read.
    ValueError
        Where it is no .npy file, is not as long as its header says, or holds Python objects.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(Path(folder) / "a.npy", np.arange(3))
    ...     read_npy(Path(folder) / "a.npy")
    array([0, 1, 2])
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        return _values(file, *_header(file, size))


def check_npy(path: Path) -> None:
    """Raise what `read_npy` raises, without reading the values."""
    with path.open("rb") as file:
        _header(file, os.fstat(file.fileno()).st_size)


def map_npy(path: Path) -> NDArray:
    """The array of an .npy file as a memory map that cannot be written; raises what `read_npy` raises."""
    check_npy(path)
    return np.lib.format.open_memmap(path, mode="r")


def read_npz(file: IO[bytes], largest: Mapping[str, int] | None, needed: bool = True) -> dict[str, NDArray]:
    """The arrays of an .npz file, or some of them.

    Parameters
    ----------
    file : binary file
        Open for reading; it can be sought in.
    largest : mapping of str to int, or None
        The arrays to read, and the most bytes that each may take, unpacked and with its header; None reads all, which
        may take as many as the file.
    needed : bool
        Whether an array that is larger raises; otherwise it counts as missing.

    Returns
    -------
    dict of str to ndarray
        Those that are there.

    Raises
    ------
    ValueError
        Where it is no .npz file, or an array is damaged, too large, or holds Python objects.

    Examples
    --------
    >>> import io
    >>> file = io.BytesIO()
    >>> np.savez(file, a=np.zeros(2), b=np.zeros(2000))
    >>> read_npz(file, {"a": 1000, "c": 1000})
    {'a': array([0., 0.])}
    >>> read_npz(file, {"b": 1000})
    Traceback (most recent call last):
    ValueError: its array b takes 16,128 bytes, and 1,000 are the most
    """
    found = {}
    try:
        with zipfile.ZipFile(file) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            if largest is None:
                largest = dict.fromkeys(members, file.seek(0, os.SEEK_END))
            for name in largest:
                info = members.get(name)
                if info is None:
                    continue
                if info.file_size > largest[name]:
                    if needed:
                        raise ValueError(
                            f"its array {name} takes {info.file_size:,} bytes, and {largest[name]:,} are the most"
                        )
                    continue
                if info.compress_type not in _PACKED:
                    raise ValueError(f"its array {name} is packed in another way than numpy packs")
                with archive.open(info) as member:
                    found[name] = _values(member, *_header(member, info.file_size))
    except ValueError:
        raise
    except Exception as error:  # zipfile raises anything on a damaged archive
        raise ValueError(_words(error)) from error
    return found


def _header(file: IO[bytes], size: int) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, order and type of an .npy file of so many bytes, whose values are then next."""
    try:
        version = np.lib.format.read_magic(file)
        if version not in _HEADERS:
            raise ValueError(f"it has the .npy version {version[0]}.{version[1]}, which is not read here")
        shape, is_fortran, dtype = _HEADERS[version](file)
    except (ValueError, OSError):
        raise
    except Exception as error:  # the header is Python's words for a dict, and reading it raises what Python raises
        raise ValueError(f"its header cannot be read ({_words(error)})") from error
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are not read")
    held = size - file.tell()
    if any(length < 0 for length in shape) or math.prod(shape) * dtype.itemsize != held:
        raise ValueError(f"it holds {held:,} bytes of values, which is not what its header says")
    return shape, is_fortran, dtype


def _values(file: IO[bytes], shape: tuple[int, ...], is_fortran: bool, dtype: np.dtype) -> NDArray:
    values = np.empty(math.prod(shape) * dtype.itemsize, dtype=np.uint8)
    done = 0
    view = memoryview(values)  # type: ignore[arg-type]
    while done < len(values):
        count = file.readinto(view[done:])  # type: ignore[attr-defined]
        if not count:
            raise ValueError("it ends before its array does")
        done += count
    return np.ndarray(shape, dtype, values, order="F" if is_fortran else "C")


def _words(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
