"""Reading no more of a file than can be held, JSON of others, and writing so that no half-written one is ever seen."""

import errno
import hashlib
import json
import os
import select
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from metrics.errors import InputError

SECONDS_FOR_A_WRITER = 10.0
SECONDS_OF_SILENCE = 300.0
_PART = 2**20


def read_regular_file(path: str | Path, most_bytes: int, or_pipe: bool = False) -> bytes:
    """A file's bytes, in bounded time and memory, whatever stands at its path.

    Parameters
    ----------
    path : str or Path
        The file; links are followed.
    most_bytes : int
        Larger files are refused, before they are read.
    or_pipe : bool
        Take a pipe too, as of ``<(command)``, up to the same number of bytes. Somebody must write to it within 10
        seconds, and never be silent for 5 minutes.

    Returns
    -------
    bytes

    Raises
    ------
    OSError
        With the reason in words, for a file that is missing or too large, and for what is no file: a device, a pipe,
        a folder.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     read_regular_file(write_atomically(Path(folder) / "a.txt", "text"), 100)
    b'text'
    >>> read_regular_file(os.devnull, 100)
    Traceback (most recent call last):
    OSError: [Errno 22] it is a device and no file
    """
    return b"".join(_parts(path, most_bytes, or_pipe))


def read_input(path: str | Path, most_bytes: int, advice: str) -> bytes:
    """As `read_regular_file`, also from a pipe, for a file that a user named.

    Parameters
    ----------
    path : str or Path
        The file, or a pipe.
    most_bytes : int
        Larger files are refused.
    advice : str
        What to do where it cannot be read, for instance "check the path".

    Raises
    ------
    InputError
        Where it cannot be read.
    """
    try:
        return read_regular_file(path, most_bytes, or_pipe=True)
    except OSError as error:
        told = "take a part of it" if error.errno == errno.EFBIG else advice
        raise InputError(f"{path} cannot be read ({reason(error)}); {told}.") from error


def digest_of(path: str | Path, most_bytes: int) -> str:
    """The sha256 of a file as `read_regular_file` takes it, 64 hexadecimal digits, without holding it in memory."""
    found = hashlib.sha256()
    for part in _parts(path, most_bytes, or_pipe=False, at_once=_PART):
        found.update(part)
    return found.hexdigest()


def reason(error: OSError) -> str:
    """Why a file could not be read or written, in words.

    Examples
    --------
    >>> reason(OSError(errno.ENOSPC, "No space left on device")), reason(OSError(errno.EISDIR, "Is a directory"))
    ('the disk is full', 'Is a directory')
    """
    if error.errno == errno.ENOSPC:
        return "the disk is full"
    if error.errno == getattr(errno, "EDQUOT", None):
        return "the disk is full as far as your quota goes"
    return error.strerror or str(error) or type(error).__name__


def not_written(path: str | Path, error: OSError) -> InputError:
    """What is to be raised where a file or folder cannot be written.

    Examples
    --------
    >>> str(not_written("a.csv", OSError(errno.ENOSPC, "No space left on device")))
    'a.csv cannot be written (the disk is full); make room, or choose another place.'
    """
    is_full = error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
    room = "make room, or " if is_full else ""
    return InputError(f"{path} cannot be written ({reason(error)}); {room}choose another place.")


def refuse_missing_parent(path: Path, what: str = "--out") -> None:
    """Raise InputError where the folder in which a file or a folder shall be made is not there: it may be misspelt.

    Examples
    --------
    >>> refuse_missing_parent(Path("resluts/s.csv"))
    Traceback (most recent call last):
    metrics.errors.InputError: --out is resluts/s.csv, and there is no folder resluts; make it, or correct the path.
    """
    if not path.parent.exists():
        raise InputError(f"{what} is {path}, and there is no folder {path.parent}; make it, or correct the path.")


def refuse_unwritable(path: Path) -> None:
    """Raise InputError where `write_atomically` could put no file at a path whose folder is there: before long work.

    Examples
    --------
    >>> refuse_unwritable(Path("resluts/s.csv"))
    Traceback (most recent call last):
    metrics.errors.InputError: resluts/s.csv cannot be written (No such file or directory); choose another place.
    """
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.", suffix=".tmp")
        os.close(descriptor)
        Path(name).unlink()
    except OSError as error:
        raise not_written(path, error) from error


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


def write_together(contents: Mapping[Path, str | bytes | None]) -> list[Path]:
    """Write several files that belong together: none is replaced before all stand complete beside their places.

    Parameters
    ----------
    contents : mapping of Path to str, bytes or None
        What stands where; text is written as UTF-8, and None removes what an earlier run wrote there. The files are
        replaced in this order.

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
    made: list[Path] = []
    done = False
    path = Path()
    try:
        for path in contents:
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        for path, content in contents.items():
            if content is None:
                continue
            made += make_folders(path.parent)
            mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
            descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.", suffix=".tmp")
            temporary[path] = Path(name)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
                file.flush()
                os.fsync(file.fileno())
            temporary[path].chmod(mode)
        for path, content in contents.items():
            if content is None:
                path.unlink(missing_ok=True)
            else:
                temporary[path].replace(path)
                del temporary[path]
        done = True
    except OSError as error:
        raise not_written(path, error) from error
    finally:
        for left in temporary.values():
            left.unlink(missing_ok=True)
        if not done:
            remove_empty(made)
    return [path for path, content in contents.items() if content is not None]


def make_folders(folder: Path) -> list[Path]:
    """Make a folder and those above it that are missing, however many; those that were made, the innermost first.

    Raises
    ------
    OSError
        Where one cannot be made; none is left then.
    """
    missing = []
    for place in (folder, *folder.parents):
        if place.exists():
            break
        missing.append(place)
    try:
        for place in reversed(missing):
            place.mkdir(exist_ok=True)
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    except OSError:
        remove_empty(missing)
        raise
    return missing


def remove_empty(folders: list[Path]) -> None:
    """Remove those of some folders, the innermost first, that are there and empty."""
    for place in sorted(folders, key=lambda each: -len(each.parts)):
        try:
            place.rmdir()
        except OSError:
            continue


def _parts(path: str | Path, most_bytes: int, or_pipe: bool, at_once: int | None = None) -> Iterator[bytes]:
    """A file's bytes in parts; all that its size promises in the first, or so many bytes at once."""
    try:
        found = Path(path).stat()  # a device is not even opened, which alone may have effects
        _refuse_others(found, most_bytes, or_pipe)
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except ValueError as error:  # a NUL within the path
        raise OSError(errno.EINVAL, str(error)) from error
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        found = os.fstat(descriptor)  # of what is open, if it was replaced meanwhile
        _refuse_others(found, most_bytes, or_pipe)
        if stat.S_ISFIFO(found.st_mode):
            yield from _pipe_parts(descriptor, most_bytes)
            return
        left = most_bytes
        size = at_once or found.st_size + 1
        while part := file.read(min(size, left + 1)):
            left -= len(part)
            if left < 0:
                raise _too_large(most_bytes)
            yield part
            size = at_once or _PART


def _refuse_others(found: os.stat_result, most_bytes: int, or_pipe: bool) -> None:
    """Raise OSError for what is too large, or no file."""
    mode = found.st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not (stat.S_ISREG(mode) or (or_pipe and stat.S_ISFIFO(mode))):
        kind = "pipe" if stat.S_ISFIFO(mode) else "socket" if stat.S_ISSOCK(mode) else "device"
        raise OSError(errno.EINVAL, f"it is a {kind} and no file")
    if stat.S_ISREG(mode) and found.st_size > most_bytes:
        raise _too_large(most_bytes)


def _too_large(most_bytes: int) -> OSError:
    return OSError(errno.EFBIG, f"it is larger than {most_bytes / 1e6:,g} MB")


def _pipe_parts(descriptor: int, most_bytes: int) -> Iterator[bytes]:
    """What is written to a pipe that was opened without waiting."""
    left, heard = most_bytes, time.monotonic()
    is_begun = False
    while True:
        try:
            part = os.read(descriptor, _PART)
        except BlockingIOError:  # somebody has it open, and has nothing to say yet
            if time.monotonic() - heard > SECONDS_OF_SILENCE:
                text = f"it is a pipe, and nothing came for {SECONDS_OF_SILENCE:.0f} seconds"
                raise OSError(errno.ETIMEDOUT, text) from None
            select.select([descriptor], [], [], min(1.0, SECONDS_OF_SILENCE))
            continue
        if part:
            left, heard, is_begun = left - len(part), time.monotonic(), True
            if left < 0:
                raise _too_large(most_bytes)
            yield part
        elif is_begun:
            return
        elif time.monotonic() - heard > SECONDS_FOR_A_WRITER:  # the end comes at once where nobody has begun
            text = f"it is a pipe, and nobody wrote to it for {SECONDS_FOR_A_WRITER:.0f} seconds"
            raise OSError(errno.ETIMEDOUT, text)
        else:
            time.sleep(0.02)


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
