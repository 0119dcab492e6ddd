"""What takes long is done in a process of its own, at the lowest priority: rating is never slowed by looking.

A process opens the study only to read it, writes its result into a file, and gives all its memory back at its end.
"""

import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from study.background.beside import TROUBLE, start_beside
from study.store.sqlite_file import Identity

Kind = Literal["report", "raters-report", "export", "nameless-export"]


class Job:
    """One such process.

    Parameters
    ----------
    kind : str
        What is made.
    folder : Path
        The study's.
    out : Path
        Where the result stands when `wait` has returned without a trouble.
    identity : tuple of int, optional
        Device and inode of the database that the server has open; another one is refused.
    at_end : callable, optional
        Called, in a thread of its own, when it is over.
    """

    def __init__(
        self,
        kind: Kind,
        folder: Path,
        out: Path,
        identity: Identity | None,
        at_end: "Callable[[Job], None] | None" = None,
    ):
        self.out = out
        self.trouble = ""
        self.is_refused = False
        self.ratings = 0
        self.share_done = 0.0
        self._kind, self._is_ended = kind, False
        self._over = threading.Event()
        told = {"kind": kind, "folder": str(folder.resolve()), "out": str(out), "identity": identity}
        self._process = start_beside("study.background.process", told)
        threading.Thread(target=self._follow, args=(at_end,), daemon=True).start()

    @property
    def is_over(self) -> bool:
        """Whether the process has ended."""
        return self._over.is_set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for its end; tells whether that came in time."""
        return self._over.wait(seconds)

    def end(self) -> None:
        """End the process, if it still runs."""
        self._is_ended = True
        self._process.kill()
        self._over.wait(5)

    def _follow(self, at_end: "Callable[[Job], None] | None") -> None:
        said: dict[str, Any] = {}
        assert self._process.stdout is not None and self._process.stdin is not None
        for line in self._process.stdout:
            try:
                said = json.loads(line)
            except ValueError:
                continue  # something that a library printed
            self.share_done = max(self.share_done, float(said.get("share_done", 0.0)))
        self._process.stdin.close()
        self._process.stdout.close()
        code = self._process.wait()
        self.ratings = int(said.get("ratings", 0))
        if code != 0 or not said.get("is_done"):
            self.is_refused = bool(said.get("trouble"))
            self.trouble = said.get("trouble") or TROUBLE
            if not self.is_refused and not self._is_ended:
                print(
                    f"The {self._kind} could not be made: its process ended with {code}.", file=sys.stderr, flush=True
                )
        self._over.set()
        if at_end is not None:
            at_end(self)
