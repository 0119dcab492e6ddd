"""Looking at folders again and again: which files are written to their end, and passes until somebody stops them.

Files are compared by size and time of change, since not every disk (a share, a container's mount) tells of changes.
"""

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

EVERY = 10.0
"""Seconds between two looks, unless said otherwise."""

OLD = 10.0
"""Seconds after its last change from which a file counts as written at the first look already."""

Stamp = tuple[int, int]
"""A file's size and time of change in nanoseconds: another one, another content."""


def absolute(path: Path) -> str:
    """A file's path as the record has it: absolute, the folder's links followed, the file's own not."""
    return (path.parent.resolve() / path.name).as_posix()


class Settled:
    """Which files are written to their end, as far as can be seen from outside.

    A file is where it has stayed the same for two looks, or was changed last some time ago.

    Parameters
    ----------
    old : float
        Seconds.
    clock : callable
        Gives the present time in seconds.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     path = Path(place) / "a.png"
    ...     _ = path.write_bytes(b"half")
    ...     looks = Settled()
    ...     first = looks.stamp(path)
    ...     looks.next_look()
    ...     second = looks.stamp(path)
    >>> first is None, second[0]
    (True, 4)
    """

    def __init__(self, old: float = OLD, clock: Callable[[], float] = time.time):
        self._old, self._clock = old, clock
        self._before: dict[Path, Stamp] = {}
        self._now: dict[Path, Stamp] = {}

    def next_look(self) -> None:
        """What was seen so far was the look before; files that are gone are forgotten."""
        self._before, self._now = self._now, {}

    def stamp(self, path: Path, is_whole: bool = False) -> Stamp | None:
        """A file's stamp where it is, or is known to be, written to its end; None where not, or where it is no file."""
        try:
            found = os.stat(path)  # noqa: PTH116 (a name may be too long for pathlib)
        except (OSError, ValueError):
            return None
        if not stat.S_ISREG(found.st_mode):
            return None
        stamp = (found.st_size, found.st_mtime_ns)
        self._now[path] = stamp
        is_old = 0 <= self._old <= self._clock() - found.st_mtime
        return stamp if is_whole or is_old or self._before.get(path) == stamp else None


def repeat(one_pass: Callable[[], None], every: float = EVERY, sleep: Callable[[float], None] = time.sleep) -> None:
    """Call `one_pass`, and again `every` seconds after it has ended, until Ctrl-C.

    Parameters
    ----------
    one_pass : callable
        Whatever it leaves half done when it is interrupted is its own to take back; transactions are.
    every : float
        Seconds.
    sleep : callable
        Waits so many seconds.

    Examples
    --------
    >>> def stop(seconds):
    ...     raise KeyboardInterrupt
    >>> repeat(lambda: print("a pass"), 5, stop)
    a pass
    """
    try:
        while True:
            one_pass()
            sleep(every)
    except KeyboardInterrupt:
        return
