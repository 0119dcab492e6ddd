"""What the dashboard of a served study shows: at once the last figures, and newer ones once they are made.

Everything is computed in two processes at the lowest priority, one for figures and one for pictures, so that nobody
who rates waits for somebody who looks. What was made is kept, and shared by all who ask for the same.
"""

import threading
import time
from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from metrics.errors import InputError
from study.background.worker import Worker, WorkerGone
from study.folder.config import FILE_NAME
from study.folder.study import ITEMS, Study
from study.server.live_report import pause
from study.store.scratch import Scratch

MOST_ANSWERS = 200
MADE_AGAIN = 8
"""Answers that are made anew with new figures before these are shown, those that were asked for last."""

NEWER = "Pictures of the study have changed since these figures were made; load the page again in a moment."
Given = tuple[tuple[str, str], ...]


@dataclass
class _Shown:
    """The figures that are being shown: JSON in gzip."""

    version: str
    data: bytes
    strips: bytes
    of: object
    answers: "OrderedDict[tuple[str, Given], Future[bytes]]" = field(default_factory=OrderedDict)


class LiveDashboard:
    """The figures and pictures of a served study.

    Parameters
    ----------
    study : Study
        An opened study.
    """

    def __init__(self, study: Study):
        self._study = study
        self._folder = Scratch()
        out, index = str(self._folder.path), str(self._folder.place("index.json"))
        told = {"folder": str(study.folder.resolve()), "out": out, "index": index, "identity": study.store.identity}
        self._figures = Worker("study.dashboard.figures_process", told)
        self._pictures = Worker("study.dashboard.pictures_process", {"index": index})
        self._lock = threading.Lock()
        self._shown: _Shown | None = None
        self._coming: Future[_Shown] | None = None
        self._not_before = 0.0
        self._trouble: Exception | None = None
        self._trouble_of: object = None
        self._is_outdated = False
        self._known: OrderedDict[tuple[str, str], Path] = OrderedDict()

    def shown(self) -> "Future[_Shown]":
        """The figures that are shown, and newer ones as soon as they are made, where the study has changed."""
        of = self._state()
        with self._lock:
            is_current = self._shown is not None and self._shown.of == of and not self._is_outdated
            is_refused = self._trouble is not None and self._trouble_of == of
            is_due = time.monotonic() >= self._not_before
            if self._coming is None and not is_current and not is_refused and (is_due or self._shown is None):
                self._coming = Future()
                self._is_outdated = False
                threading.Thread(target=self._make, args=(of, self._coming), daemon=True).start()
            if self._shown is not None:
                return _done(self._shown)
            if self._coming is not None:
                return self._coming
            assert self._trouble is not None
            failed: Future[_Shown] = Future()
            failed.set_exception(self._trouble)
            return failed

    def answer(self, shown: _Shown, name: str, given: Given) -> "Future[bytes]":
        """What an address answers of some figures, JSON in gzip; whoever asks for the same gets the same."""
        key = (name, given)
        with self._lock:
            known = shown.answers.get(key)
            if known is not None and not (known.done() and known.exception()):
                shown.answers.move_to_end(key)
                return known
            found: Future[bytes] = Future()
            shown.answers[key] = found
            while len(shown.answers) > MOST_ANSWERS:
                shown.answers.popitem(last=False)
        asked = self._figures.ask("answer", version=shown.version, name=name, given=dict(given))
        asked.add_done_callback(lambda done: self._hand_on(done, found))
        return found

    @property
    def trouble(self) -> str:
        """Why no newer figures than those that are shown could be made; "" where nothing is wrong."""
        with self._lock:
            found = self._trouble
        return found.for_command_line() if isinstance(found, InputError) else str(found) if found else ""

    def renew(self) -> None:
        """Make newer figures as soon as it is time, though the database has not changed: pictures have."""
        with self._lock:
            self._is_outdated = True

    def recipe(self, version: str, place: int) -> "Future[Any]":
        """How an image was made; None where there is no such image in this version."""
        return self._figures.ask("recipe", version=version, place=place)

    def picture(self, kind: str, key: str) -> "Future[dict[str, Any]]":
        """The file of a picture: ``{"is_known", "file"}``, "" where there is none to show.

        Parameters
        ----------
        kind : {"thumb", "strip", "where"}
            Small, many in a strip, or the picture itself.
        key : str
            32 hexadecimal digits.
        """
        with self._lock:
            file = self._known.get((kind, key))
        if file is not None and file.exists():
            return _done({"is_known": True, "file": str(file)})
        asked = self._pictures.ask(kind, key=key)
        asked.add_done_callback(lambda done: self._note(kind, key, done))
        return asked

    def close(self) -> None:
        """End both processes, and remove what was kept for them."""
        self._figures.close()
        self._pictures.close()
        self._folder.cleanup()

    def _state(self) -> object:
        """Something that differs once the study has changed."""
        files = []
        for name in (ITEMS, FILE_NAME):
            try:
                stat = (self._study.folder / name).stat()
                files.append((stat.st_ino, stat.st_mtime_ns, stat.st_size))
            except OSError:
                files.append((0, 0, 0))
        return self._study.store.version(), tuple(files)

    def _make(self, of: object, coming: "Future[_Shown]") -> None:
        """Take new figures, and with them what was asked for last; then show them."""
        began = time.monotonic()
        trouble: Exception | None = None
        shown: _Shown | None = None
        try:
            told = self._figures.ask("snapshot").result()
            shown = _Shown(told["version"], _read(told["data"]), _read(told["strips"]), of)
            with self._lock:
                before = self._shown
                again = list(before.answers)[-MADE_AGAIN:] if before is not None else []
            if before is not None and before.version == shown.version:
                shown.answers = before.answers
            else:
                for future in [self.answer(shown, *key) for key in again]:
                    future.exception()  # waits
            self._pictures.ask("warm")
        except Exception as error:  # what the study, or the process, has to say
            trouble = error
        now = time.monotonic()
        with self._lock:
            self._not_before = now + pause(now - began)
            self._coming = None
            self._trouble = trouble
            self._trouble_of = of if trouble is not None and not isinstance(trouble, WorkerGone) else None
            if shown is not None and trouble is None:
                self._shown = shown
        if trouble is None and shown is not None:
            coming.set_result(shown)
        else:
            coming.set_exception(trouble or WorkerGone(""))

    def _hand_on(self, done: "Future[Any]", found: "Future[bytes]") -> None:
        """Make bytes of the file that a process names; one that was started anew may have found other pictures."""
        try:
            file = done.result()["file"]
            if not file:
                self.renew()
                raise WorkerGone(NEWER)
            found.set_result(_read(file))
        except BaseException as error:
            found.set_exception(error)

    def _note(self, kind: str, key: str, done: "Future[Any]") -> None:
        if done.cancelled() or done.exception() or not done.result()["file"]:
            return
        with self._lock:
            self._known[kind, key] = Path(done.result()["file"])
            while len(self._known) > 50_000:
                self._known.popitem(last=False)


def _read(file: str) -> bytes:
    """A file of an answer, which nobody else reads any more."""
    path = Path(file)
    content = path.read_bytes()
    path.unlink(missing_ok=True)
    return content


def _done(result: Any) -> "Future[Any]":
    found: Future[Any] = Future()
    found.set_result(result)
    return found
