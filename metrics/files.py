"""Writing files so that no half-written one is ever seen, and reading JSON of others."""

import errno
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from metrics.errors import InputError


def write_atomically(path: str | Path, content: str | bytes) -> Path:
    """Write a file as a whole or not at all: to a temporary file beside it, synced, then renamed.

    Parameters
    ----------
    path : str or Path
        Where the file shall stand; missing folders above it are made.
    content : str or bytes
        Text is written as UTF-8.

    Returns
    -------
    Path
        The path written.

    Raises
    ------
    InputError
        Where the folder or file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomically(Path(folder) / "new" / "a.txt", "text").read_text()
    'text'
    """
    return write_together({Path(path): content})[0]


def write_together(contents: Mapping[Path, str | bytes]) -> list[Path]:
    """Write several files that belong together: none is replaced before all stand complete beside their places.

    Parameters
    ----------
    contents : mapping of Path to str or bytes
        What stands where; text is written as UTF-8. The files are replaced in this order.

    Returns
    -------
    list of Path
        The paths written.

    Raises
    ------
    InputError
        Where a folder or file cannot be written; then all files are as they were, unless the disk fails between two
        renames.
    """
    temporary: dict[Path, Path] = {}
    path = Path()
    try:
        for path in contents:
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
            descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
            temporary[path] = Path(name)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
                file.flush()
                os.fsync(file.fileno())
            temporary[path].chmod(mode)
        for path in contents:
            temporary[path].replace(path)
            del temporary[path]
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror or error}); choose another place.") from error
    finally:
        for left in temporary.values():
            left.unlink(missing_ok=True)
    return list(contents)


def parse_json(text: str | bytes) -> Any:
    """As `json.loads`, but everything that it cannot read is a ValueError, too deep a nesting too.

    Examples
    --------
    >>> parse_json('{"a": 1}')
    {'a': 1}
    >>> parse_json("[" * 100_000)
    Traceback (most recent call last):
    ValueError: it is nested too deeply
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _umask() -> int:
    """The process's umask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
