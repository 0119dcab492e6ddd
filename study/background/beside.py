"""How a process is started beside the server: one thread for arithmetic, pipes both ways, no Ctrl-C of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TROUBLE = "It could not be made, and is tried again; the server's terminal says what happened."
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def start_beside(module: str, told: Mapping[str, Any]) -> "subprocess.Popen[str]":
    """A running process; the end of the pipe to its standard input tells it that this process is gone.

    Parameters
    ----------
    module : str
        What is run.
    told : mapping
        Its one argument, as JSON.
    """
    return subprocess.Popen(
        [sys.executable, "-m", module, json.dumps(told)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        cwd=Path(__file__).resolve().parents[2],
        env=os.environ | _ONE_THREAD,
        start_new_session=True,  # a Ctrl-C in the terminal is for the server, which ends it
    )
