"""What keeps the server from saving: said once in the terminal, and on the owner's page until it is over."""

import sys
import threading
from datetime import datetime


class Trouble:
    """The present trouble, if there is one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.words = ""

    def say(self, words: str) -> None:
        """Note a trouble, and print it unless it is the one that was printed last."""
        with self._lock:
            is_new, self.words = words != self.words, words
        if is_new:
            print(f"{datetime.now():%H:%M:%S}  {words}", file=sys.stderr, flush=True)

    def is_over(self) -> None:
        """Something was saved again."""
        if not self.words:
            return
        with self._lock:
            was, self.words = self.words, ""
        if was:
            print(f"{datetime.now():%H:%M:%S}  Ratings are saved again.", file=sys.stderr, flush=True)
