"""The process that makes thumbnails and contact strips of a served study, those that are asked for first."""

import json
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from study.background.answering import Answering
from study.dashboard.strips import LIVE_SIDE, render_strip
from study.dashboard.thumbnails import Thumbnails, missing_picture

AT_ONCE = 2
_STEP_ASIDE_SECONDS = 0.05


class PicturesOfStudy:
    """Answers the questions that `study.server.live_dashboard` asks.

    Parameters
    ----------
    index : str
        The file that `study.dashboard.figures_process` writes: which picture stands where, and which share a strip.
    """

    def __init__(self, index: str):
        self._index = Path(index)
        self._read_at: tuple[int, int] | None = None
        self._lock = threading.Lock()
        self._made = Thumbnails()
        self._pictures: dict[str, str] = {}
        self._strips: dict[str, list[str]] = {}
        self._warming: threading.Thread | None = None
        self.is_asked = lambda: False

    def thumb(self, key: str) -> dict[str, Any]:
        """The file of a thumbnail, "" where the picture cannot be shown; whether there is such a picture."""
        path = self._find(key, self._pictures)
        file = None if path is None else self._made.get(key, Path(path))
        return {"is_known": path is not None, "file": "" if file is None else str(file)}

    def strip(self, key: str) -> dict[str, Any]:
        """The file of a contact strip, likewise."""
        members = self._find(key, self._strips)
        return {"is_known": members is not None, "file": "" if members is None else str(self._strip(key, members))}

    def where(self, key: str) -> dict[str, Any]:
        """The picture itself."""
        path = self._find(key, self._pictures)
        return {"is_known": path is not None, "file": path or ""}

    def warm(self) -> None:
        """Make whatever is not there yet, while nothing is asked."""
        self._read()
        if self._warming is None or not self._warming.is_alive():
            self._warming = threading.Thread(target=self._warm, daemon=True)
            self._warming.start()

    def _warm(self) -> None:
        self._made.sweep()
        for key, members in list(self._strips.items()):
            while self.is_asked():
                time.sleep(_STEP_ASIDE_SECONDS)
            with suppress(OSError):
                self._strip(key, members)

    def _strip(self, key: str, members: list[str]) -> Path:
        file = self._made.find(key)
        return file or self._made.keep(key, render_strip([partial(self._content, one) for one in members], LIVE_SIDE))

    def _content(self, key: str) -> bytes:
        file = self._made.get(key, Path(self._pictures[key]))
        return missing_picture() if file is None else file.read_bytes()

    def _find(self, key: str, among: dict[str, Any]) -> Any:
        if key not in among:
            self._read()
        return among.get(key)

    def _read(self) -> None:
        """Take over what is new in the index; what was there before stays known."""
        with self._lock, suppress(OSError):
            found = self._index.stat()
            at = found.st_ino, found.st_mtime_ns
            if at != self._read_at:
                told = json.loads(self._index.read_bytes())
                self._pictures.update(told["pictures"])
                self._strips.update(told["strips"])
                self._read_at = at


if __name__ == "__main__":
    pictures = PicturesOfStudy(**json.loads(sys.argv[1]))
    questions = {"thumb": pictures.thumb, "strip": pictures.strip, "where": pictures.where, "warm": pictures.warm}
    answering = Answering(questions, dict.fromkeys(("thumb", "strip"), AT_ONCE))
    pictures.is_asked = lambda: answering.is_asked
    answering.run()
