"""What a metric of another package holds: its networks' weights, its tables of numbers, and files that it names."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

_DEPTH = 30  # of objects within objects; more is no metric


def held_digest(metric: Any) -> str | None:
    """The sha256 of all numbers and files that an object holds, wherever in it they are; None where there are none.

    A module's state_dict does not do: packages keep networks in lists, and statistics as attributes or as a file's
    path that is read when the metric is called.

    Parameters
    ----------
    metric : object
        As its package made it.

    Returns
    -------
    str or None
        The first 12 hexadecimal digits.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> held_digest(SimpleNamespace(parts=[np.zeros(2)])) == held_digest(SimpleNamespace(parts=[np.ones(2)]))
    False
    >>> held_digest(SimpleNamespace(size=2)) is None
    True
    """
    sha256 = hashlib.sha256()
    count = 0
    for name, data in _held(metric, "", set(), 0):
        sha256.update(f"{name} {len(data)} ".encode())
        sha256.update(data)
        count += 1
    return sha256.hexdigest()[:12] if count else None


def _held(value: Any, name: str, seen: set[int], depth: int) -> Iterator[tuple[str, bytes]]:
    """The name and the bytes of each array, tensor and file below an object, each object once."""
    if depth > _DEPTH or value is None or isinstance(value, (bool, int, float, complex, bytes, type, ModuleType)):
        return
    if isinstance(value, (str, Path)):
        if data := _file(value):
            yield name, data
        return
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, np.ndarray):
        if value.dtype != object:
            yield f"{name} {value.dtype} {value.shape}", np.ascontiguousarray(value).tobytes()
    elif (tensor := _tensor(value)) is not None:
        yield f"{name} {value.dtype} {tuple(value.shape)}", tensor
    elif isinstance(value, Mapping):
        for key in value:
            yield from _held(value[key], f"{name}.{key}" if isinstance(key, str) else name, seen, depth + 1)
    elif isinstance(value, (list, tuple)):
        for number, each in enumerate(value):
            yield from _held(each, f"{name}[{number}]", seen, depth + 1)
    elif hasattr(value, "__dict__") and not hasattr(value, "__code__"):
        for key in list(vars(value)):
            yield from _held(vars(value)[key], f"{name}.{key}", seen, depth + 1)


def _tensor(value: Any) -> bytes | None:
    import torch

    if not isinstance(value, torch.Tensor) or value.is_meta:
        return None
    return value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()


def _file(path: str | Path) -> bytes | None:
    """The sha256 of a file by its path; None where the text is none."""
    try:
        if isinstance(path, str) and ("\n" in path or len(path) > 1000 or not Path(path).suffix):
            return None
        if not Path(path).is_file():
            return None
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except (OSError, ValueError):
        return None
