"""The process in which a tracker's package works; see `study.runs.trackers.packages.apart`."""

import importlib
import pickle
import sys
from pathlib import Path

from metrics.errors import InputError


def main() -> None:
    """Do what is asked in the folder that is named, and leave the result there."""
    work, place = sys.argv[1], Path(sys.argv[2])
    module, _, function = work.partition(":")
    argument = pickle.loads((place / "asked").read_bytes())
    try:
        result = "done", getattr(importlib.import_module(f"study.runs.trackers.{module}"), function)(argument)
    except InputError as error:
        result = "refused", ValueError.__str__(error)
    unfinished = place / "unfinished"
    unfinished.write_bytes(pickle.dumps(result))
    unfinished.replace(place / "result")


if __name__ == "__main__":
    main()
