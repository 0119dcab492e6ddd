"""One server for a study: a lock that the system takes away when its process ends, however it ends; one tracker too."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from metrics.errors import InputError

NAME = ".serving"


@contextmanager
def only_server(folder: Path, otherwise: str = "use that server, or stop it first") -> Iterator["ServingLock"]:
    """Be the only one who serves a study.

    Parameters
    ----------
    folder : Path
        The study's.
    otherwise : str
        What to do where another server has it, for the message.

    Yields
    ------
    ServingLock
        To be told the address, for the message to whoever comes second.

    Raises
    ------
    InputError
        Where another server has the study, or the folder cannot be written.
    """
    path = folder / NAME
    unwritable = "so no rating could be saved; copy the study to a place that can be written"
    with only_one(path, lambda: f"is being served already{_by_whom(path)}; {otherwise}", unwritable):
        try:
            yield ServingLock(path)
        finally:
            with suppress(OSError):
                path.with_name(f"{NAME}-at").unlink(missing_ok=True)


@contextmanager
def only_one(path: Path, taken: Callable[[], str], unwritable: str) -> Iterator[None]:
    """Be the only process that holds a lock file of a study's folder.

    Parameters
    ----------
    path : Path
        The file, which is gone afterwards.
    taken : callable
        Says what the folder is being used for, and what to do, where another process holds it.
    unwritable : str
        What follows where the folder cannot be written, and what to do.

    Raises
    ------
    InputError
        In both cases.
    """
    lock = FileLock(path, mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(f"{path.parent} {taken()}.") from None
    except OSError as error:
        raise InputError(f"{path.parent} cannot be written ({error.strerror or error}), {unwritable}.") from error
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        lock.release()


class ServingLock:
    """The lock of the only server."""

    def __init__(self, path: Path):
        self._path = path

    def say_where(self, address: str) -> None:
        """Tell where the study is served, for the message to whoever comes second."""
        with suppress(OSError):
            self._path.with_name(f"{NAME}-at").write_text(f"{address} {os.getpid()}", encoding="utf-8")


def served_at(folder: Path) -> str:
    """The address at which a server of this machine has a study, such as ``http://127.0.0.1:7860``; "" where none has.

    Parameters
    ----------
    folder : Path
        The study's.
    """
    address, _ = _where(folder / NAME)
    if not address:
        return ""
    lock = FileLock(folder / NAME, mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return address
    except OSError:  # nobody can serve what cannot be written
        return ""
    with suppress(OSError):
        (folder / NAME).unlink(missing_ok=True)  # it was left by one that was killed
        (folder / f"{NAME}-at").unlink(missing_ok=True)
    lock.release()
    return ""


def _where(path: Path) -> tuple[str, str]:
    """The address and the process that a server has told; "" where none has."""
    try:
        address, process = path.with_name(f"{NAME}-at").read_text(encoding="utf-8").split()
    except (OSError, ValueError):
        return "", ""
    return address, process


def _by_whom(path: Path) -> str:
    address, process = _where(path)
    return f" at {address} (process {process})" if address else ""
