"""Temporary folders that carry their process's number, so that the next one can sweep up after one that was killed."""

import os
import re
import shutil
import tempfile
from pathlib import Path

PREFIX = "humangrade-"


def scratch_folder() -> "tempfile.TemporaryDirectory[str]":
    """A temporary folder of this process; `cleanup` removes it."""
    return tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-")


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
