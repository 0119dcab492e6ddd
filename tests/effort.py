"""How much work something is, whatever the machine and however busy it is."""

import hashlib
import time
from collections.abc import Callable
from typing import Any

_PIECE = bytes(2**20)


def effort(work: Callable[[], Any]) -> float:
    """The processor time of a call, in that of hashing a megabyte: thousands are seconds, and fit for no small file."""
    began = time.process_time()
    for _ in range(20):
        hashlib.sha256(_PIECE)
    piece = (time.process_time() - began) / 20
    began = time.process_time()
    work()
    return (time.process_time() - began) / piece
