"""One server for a study: a lock that the system takes away when its process ends, however it ends."""

import os
from collections.abc import Iterator
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
    lock = FileLock(path, mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(f"{folder} is being served already{_by_whom(path)}; {otherwise}.") from None
    except OSError as error:
        raise InputError(
            f"{folder} cannot be written ({error.strerror or error}), so no rating could be saved; copy the study to a "
            "place that can be written."
        ) from error
    try:
        yield ServingLock(path)
    finally:
        with suppress(OSError):
            path.with_name(f"{NAME}-at").unlink(missing_ok=True)
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


def _by_whom(path: Path) -> str:
    try:
        address, process = path.with_name(f"{NAME}-at").read_text(encoding="utf-8").split()
    except (OSError, ValueError):
        return ""
    return f" at {address} (process {process})"
