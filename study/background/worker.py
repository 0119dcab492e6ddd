"""A process that is asked again and again: what looks at a study takes nothing from those who rate.

`study.background.job.Job` is for what is made once; a `Worker` keeps what it has read for the next question, runs at
the lowest priority, and ends by itself once nobody has asked for some minutes. Questions and answers are lines of JSON;
see `study.background.answering` for the other side.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

from metrics.errors import InputError
from study.background.beside import TROUBLE, start_beside

MOST_WAITING = 1000
"""Questions that a process has not answered yet."""

BUSY = "Too much is being asked at once; try again in a moment."
ENDED = "The server is being stopped."


class WorkerGone(RuntimeError):
    """There is no answer, for no fault of the question; the message is for whoever asked."""


class Worker:
    """One such process, started at the first question, and anew where it has ended.

    Parameters
    ----------
    module : str
        What is run; its other side is `study.background.answering.Answering`.
    told : mapping
        What it is told at its start, JSON.
    """

    def __init__(self, module: str, told: dict[str, Any]):
        self._module, self._told = module, told
        self._lock = threading.Lock()
        self._running: _Running | None = None
        self._asked = 0
        self._is_closed = False

    def ask(self, what: str, **details: Any) -> "Future[Any]":
        """Ask; gives the future answer, JSON, or InputError with what is wrong, or `WorkerGone`. It never waits."""
        future: Future[Any] = Future()
        self._ask({"ask": what, "with": details}, future)
        return future

    def close(self) -> None:
        """End the process; who waits gets `WorkerGone`."""
        with self._lock:
            self._is_closed = True
            running = self._running
        if running is not None:
            running.process.kill()
            running.over.wait(5)

    def _ask(self, question: dict[str, Any], future: "Future[Any]") -> None:
        trouble = ""
        with self._lock:
            self._asked += 1
            if self._is_closed:
                trouble = ENDED
            elif self._running is not None and len(self._running.waiting) >= MOST_WAITING:
                trouble = BUSY
            else:
                if self._running is None:
                    self._running = _Running(start_beside(self._module, self._told), self._at_end)
                self._running.send(self._asked, question, future)
        if trouble:
            _refuse(future, WorkerGone(trouble))

    def _at_end(self, ended: "_Running", code: int) -> None:
        """Ask again what reached a process that ended by itself meanwhile; after a fault say so."""
        with self._lock:
            if self._running is ended:
                self._running = None
            lost = list(ended.waiting.values())
            ended.waiting.clear()
        if lost and code and not self._is_closed:
            print(f"{self._module} ended with {code}, and with it what it was asked.", file=sys.stderr, flush=True)
        for question, future in lost:
            if code or self._is_closed:
                _refuse(future, WorkerGone(ENDED if self._is_closed else TROUBLE))
            else:
                self._ask(question, future)


class _Running:
    """A running process with the questions that it has not answered yet."""

    def __init__(self, process: "subprocess.Popen[str]", at_end: Callable[["_Running", int], None]):
        self.process = process
        self.waiting: dict[int, tuple[dict[str, Any], Future[Any]]] = {}
        self.over = threading.Event()
        self._lines: SimpleQueue[str | None] = SimpleQueue()  # a pipe is full where the process gets no time
        for target, arguments in ((self._write, ()), (self._follow, (at_end,))):
            threading.Thread(target=target, args=arguments, daemon=True).start()

    def send(self, number: int, question: dict[str, Any], future: "Future[Any]") -> None:
        """Hand a question to the thread that writes."""
        self.waiting[number] = (question, future)
        self._lines.put(json.dumps({"id": number, **question}) + "\n")

    def _write(self) -> None:
        assert self.process.stdin is not None
        with suppress(OSError), self.process.stdin:  # it may end at any time
            while line := self._lines.get():
                self.process.stdin.write(line)
                self.process.stdin.flush()

    def _follow(self, at_end: Callable[["_Running", int], None]) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            try:
                said = json.loads(line)
                _, future = self.waiting.pop(said["id"])
            except (ValueError, TypeError, KeyError):
                continue  # something that a library printed
            if not future.set_running_or_notify_cancel():
                continue
            if "answer" in said:
                future.set_result(said["answer"])
            else:
                refused = said.get("refused")
                future.set_exception(InputError(refused) if refused else WorkerGone(TROUBLE))
        code = self.process.wait()
        self.process.stdout.close()
        self._lines.put(None)
        self.over.set()
        at_end(self, code)


def _refuse(future: "Future[Any]", why: Exception) -> None:
    if future.set_running_or_notify_cancel():
        future.set_exception(why)
