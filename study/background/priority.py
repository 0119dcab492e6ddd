"""How a process makes way for the one that serves: it runs where nothing else would, unless it is starved."""

import os
import time
from contextlib import suppress

PATIENCE_SECONDS = 60
_LEAST_SHARE = 0.25  # of a processor; with less for so long, a process is starved


def take_lowest_priority() -> None:
    """Run only where nothing else would."""
    if hasattr(os, "nice"):
        os.nice(19 - os.nice(0))
    if hasattr(os, "sched_setscheduler"):
        with suppress(OSError):  # not allowed here; nice is what there is
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def is_starved(began: float, used: float) -> bool:
    """Whether work has had next to nothing for a minute, beside other work that never rests.

    Parameters
    ----------
    began : float
        When it began, by `time.monotonic`.
    used : float
        What `time.process_time` was then.
    """
    passed = time.monotonic() - began
    return passed >= PATIENCE_SECONDS and time.process_time() - used < _LEAST_SHARE * passed


def ask_for_more() -> None:
    """Be at least as nice allows."""
    if hasattr(os, "sched_setscheduler"):
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
