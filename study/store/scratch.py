"""Temporary folders that carry their process's number, so that the next one can sweep up after one that was killed."""

import os
import re
import shutil
import tempfile
from pathlib import Path

from study.store.sqlite_file import identity

PREFIX = "humangrade-"


class Scratch:
    """A temporary folder of this process; where the system swept it away, another takes its place."""

    def __init__(self) -> None:
        self._make()

    def place(self, name: str) -> Path:
        """Where a file of this name may be written."""
        if identity(self.path) != self._identity:  # gone, or somebody else's by now
            self._make()
        return self.path / name

    def cleanup(self) -> None:
        """Remove the folder with all that is in it."""
        if identity(self.path) == self._identity:
            self._folder.cleanup()

    def _make(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", ignore_cleanup_errors=True)
        self.path = Path(self._folder.name)
        self._identity = identity(self.path)


def sweep() -> None:
    """Remove the folders of processes that are gone."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}[0-9]*-*"):
        number = re.match(r"humangrade-(\d+)-", folder.name)
        if number and not folder.is_symlink() and not _is_alive(int(number[1])):
            shutil.rmtree(folder, ignore_errors=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True  # somebody else's, or not to be told
    return True
