"""The other side of `study.background.worker`: a process that answers, in lines of JSON, what it is asked."""

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from metrics.errors import InputError
from study.background.priority import ask_for_more, is_starved, take_lowest_priority

IDLE_SECONDS = 600.0
_LOOK_SECONDS = 10.0


class Answering:
    """Answers questions until nobody has asked for a while, or the one who asks is gone.

    Parameters
    ----------
    answers : mapping of str to callable
        What a question is called, and what answers it: it takes the question's details as keywords, and returns JSON or
        raises InputError.
    at_once : mapping of str to int, optional
        Questions that do not wait behind the others, and how many of each are answered at the same time.
    idle_seconds : float
    """

    def __init__(
        self,
        answers: Mapping[str, Any],
        at_once: Mapping[str, int] | None = None,
        idle_seconds: float = IDLE_SECONDS,
    ):
        self._answers, self._idle = answers, idle_seconds
        self._pools = {name: ThreadPoolExecutor(threads) for name, threads in (at_once or {}).items()}
        self._common = ThreadPoolExecutor(1)
        self._lock = threading.Lock()
        self._open = 0
        self._last = self._began = time.monotonic()
        self._used = time.process_time()

    @property
    def is_asked(self) -> bool:
        """Whether a question waits for its answer."""
        return self._open > 0

    def run(self) -> None:
        """Read questions from the standard input until it ends."""
        take_lowest_priority()
        threading.Thread(target=self._watch, daemon=True).start()
        buffer = b""
        while part := os.read(0, 65536):  # not through sys.stdin, whose lock would be held at the end
            *lines, buffer = (buffer + part).split(b"\n")
            for line in lines:
                self._take(json.loads(line))
        os._exit(0)

    def _take(self, question: dict[str, Any]) -> None:
        with self._lock:
            if not self._open:
                self._began, self._used = time.monotonic(), time.process_time()
            self._open += 1
        self._pools.get(question["ask"], self._common).submit(self._answer, question)

    def _answer(self, question: dict[str, Any]) -> None:
        said: dict[str, Any] = {"id": question["id"]}
        try:
            said["answer"] = self._answers[question["ask"]](**question["with"])
        except InputError as error:
            said["refused"] = str(error)
        except BaseException:  # a question that fails must not take the others with it
            traceback.print_exc()
        text = json.dumps(said) + "\n"
        with self._lock:
            sys.stdout.write(text)
            sys.stdout.flush()
            self._open -= 1
            self._last = time.monotonic()

    def _watch(self) -> None:
        """End where nobody asks any more; ask for more of the machine where an answer waits in vain for it."""
        while True:
            time.sleep(min(_LOOK_SECONDS, self._idle))
            with self._lock:
                if not self._open and time.monotonic() - self._last >= self._idle:
                    os._exit(0)
                starved = self._open > 0 and is_starved(self._began, self._used)
            if starved:
                ask_for_more()
            elif not self._open:
                take_lowest_priority()
