"""A safetensors file's header: which tensors it holds and what its metadata say, without reading the tensors."""

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metrics.errors import InputError

MAX_HEADER = 64 * 2**20
"""Bytes; 2,000 tensors and the tags of 10,000 pictures take less than one million."""
MOST_TENSORS = 100_000
_MOST_SIZES = 16  # of one tensor's shape
_WIDTHS = {"BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F16": 2, "BF16": 2, "I16": 2, "U16": 2}
_WIDTHS |= {"F32": 4, "I32": 4, "U32": 4, "F64": 8, "I64": 8, "U64": 8}
_SCALARS = {"F16": "<e", "F32": "<f", "F64": "<d", "I8": "<b", "U8": "<B", "I16": "<h", "U16": "<H"}
_SCALARS |= {"I32": "<i", "U32": "<I", "I64": "<q", "U64": "<Q"}


@dataclass(frozen=True)
class Tensor:
    """What a header says of one tensor: its dtype by safetensors' name, its shape, its place in the file in bytes."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Header:
    """What a safetensors file holds."""

    path: Path
    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Each tensor's shape."""
        return {key: tensor.shape for key, tensor in self.tensors.items()}

    def scalars(self, keys: list[str]) -> dict[str, float]:
        """The values of tensors that hold one number.

        Raises
        ------
        InputError
            For a tensor of several numbers, or of a type without a number's width.
        """
        values = {}
        with self.path.open("rb") as file:
            for key in keys:
                tensor = self.tensors[key]
                if math.prod(tensor.shape) != 1 or tensor.dtype not in {*_SCALARS, "BF16"}:
                    raise InputError(f"{self.path}: '{key}' is {tensor.dtype} of shape {tensor.shape}, not one number.")
                file.seek(tensor.start)
                content = file.read(tensor.end - tensor.start)
                if tensor.dtype == "BF16":  # the upper half of a float32
                    values[key] = float(struct.unpack("<f", b"\0\0" + content)[0])
                else:
                    values[key] = float(struct.unpack(_SCALARS[tensor.dtype], content)[0])
        return values


def read_header(path: Path) -> Header:
    """Read and check a safetensors file's header.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Header

    Raises
    ------
    InputError
        If the file cannot be read, is no safetensors file, or is shorter than its header says.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "a.safetensors")
    ...     text = b'{"w": {"dtype": "F16", "shape": [2, 1], "data_offsets": [0, 4]}}'
    ...     _ = path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(4))
    ...     read_header(path).shapes
    {'w': (2, 1)}
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(8)
            length = int.from_bytes(start, "little")
            if len(start) < 8 or length > min(MAX_HEADER, size - 8):
                raise InputError(f"{path} is no safetensors file, or it was not written to its end.")
            text = file.read(length)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from None
    try:
        content = json.loads(text)
        if len(content) > MOST_TENSORS:
            raise InputError(f"{path} names {len(content):,} tensors; {MOST_TENSORS:,} are the most.")
        metadata = content.pop("__metadata__", {}) or {}
        tensors = {key: _tensor(value, 8 + length) for key, value in content.items()}
        if not all(isinstance(value, str) for value in metadata.values()):
            raise ValueError("metadata that are no text")
    except InputError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise InputError(f"{path} is no safetensors file: its header cannot be read.") from None
    if max((tensor.end for tensor in tensors.values()), default=8 + length) > size:
        raise InputError(f"{path} is shorter than its header says: it was not written, or not copied, to its end.")
    return Header(path, tensors, metadata)


def _tensor(value: dict[str, Any], base: int) -> Tensor:
    start, end = value["data_offsets"]
    shape = tuple(value["shape"])
    if len(shape) > _MOST_SIZES:  # their product alone may take for ever
        raise ValueError("sizes")
    if not all(type(number) is int and 0 <= number < 2**63 for number in (*shape, start, end)):
        raise ValueError("numbers")
    width = _WIDTHS.get(value["dtype"])
    if width is not None and end - start != width * math.prod(shape):
        raise ValueError("a tensor's shape and its bytes")
    return Tensor(value["dtype"], shape, base + start, base + end)
