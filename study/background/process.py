"""The process that `study.background.job` starts; it says on its standard output, in lines of JSON, how far it is."""

import gzip
import json
import os
import sys
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

from metrics.errors import InputError
from study.background.priority import PATIENCE_SECONDS, ask_for_more, is_starved, take_lowest_priority

LIVE_DRAWS = 200
"""Of the bootstrap in a report that somebody waits for; `humangrade report` draws 1,000 times."""


def main() -> None:
    """Make what the first argument asks for; InputError is said as a trouble, anything else is a traceback."""
    asked = json.loads(sys.argv[1])
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    take_lowest_priority()
    threading.Thread(target=_ask_for_more_where_starved, daemon=True).start()
    try:
        ratings = _make(**asked)
    except InputError as error:
        _say(trouble=str(error))
        sys.exit(2)
    _say(is_done=True, share_done=1.0, ratings=ratings)


def _make(kind: str, folder: str, out: str, identity: list[int] | None) -> int:
    """Make it, and tell of how many ratings."""
    from study.folder.study import DATABASE, open_study
    from study.store.sqlite_file import DatabaseGone
    from study.store.sqlite_file import identity as identity_of

    if identity is not None and identity_of(Path(folder) / DATABASE) != tuple(identity):
        raise DatabaseGone(f"{Path(folder) / DATABASE} is not the file that the server has open; start it again.")
    study = open_study(folder, watch=True)
    place = Path(out)
    if kind in ("export", "nameless-export"):
        from study.folder.exporting import table_files

        with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, content in table_files(study, without_names=kind == "nameless-export").items():
                packed.writestr(name, content)
        return 0
    from calibration.page.html import render_html
    from calibration.settings import Settings
    from study.calibrating import calibrate_study

    calibration = calibrate_study(
        study, Settings(draws=LIVE_DRAWS), for_raters=kind == "raters-report", on_progress=_progress
    )
    page = render_html(calibration, calibration.images).encode()
    place.write_bytes(gzip.compress(page, 6))
    return sum(int(task["n_ratings"]) for task in calibration.report["tasks"].values())


def _progress(done: int, of: int) -> None:
    _say(share_done=0.95 * done / max(of, 1))


def _say(**words: Any) -> None:
    print(json.dumps(words), flush=True)


def _ask_for_more_where_starved() -> None:
    began, used = time.monotonic(), time.process_time()
    time.sleep(PATIENCE_SECONDS)
    if is_starved(began, used):
        ask_for_more()


def _end_with_the_server() -> None:
    """The standard input ends with the process at its other end, also where that was killed."""
    while os.read(0, 1024):  # not through sys.stdin, whose lock would be held when this process ends by itself
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
