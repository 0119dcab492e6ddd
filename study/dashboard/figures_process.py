"""The process that computes what the dashboard of a served study shows; it writes each answer into a file.

It only reads the study, and keeps the last two snapshots of it: the one that is being shown, and the next.
"""

import gzip
import hashlib
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from study.background.answering import Answering
from study.dashboard.answer_types import Recipe
from study.dashboard.answers import answer
from study.dashboard.recipe import recipe
from study.dashboard.snapshot import Snapshot, snapshot
from study.dashboard.strips import LIVE_SIDE, plan_strips
from study.folder.looking import open_to_look
from study.folder.study import DATABASE
from study.store.sqlite_file import DatabaseGone
from study.store.sqlite_file import identity as identity_of


class Figures:
    """Answers the questions that `study.server.live_dashboard` asks.

    Parameters
    ----------
    folder : str
        The study's.
    out : str
        The folder of the files.
    index : str
        The file that says which picture stands where, and which share a strip; see `study.dashboard.pictures_process`.
    identity : list of int, optional
        Device and inode of the database that the server has open; another one is refused.
    """

    def __init__(self, folder: str, out: str, index: str, identity: list[int] | None):
        self._folder, self._out, self._index, self._identity = Path(folder), Path(out), Path(index), identity
        self._snapshots: dict[str, Snapshot] = {}

    def snapshot(self) -> dict[str, str]:
        """Read the study as it is now; gives its version, and the files of `data` and `strips`."""
        database = self._folder / DATABASE
        if self._identity is not None and identity_of(database) != tuple(self._identity):
            raise DatabaseGone(f"{database} is not the file that the server has open; start it again.")
        with open_to_look(self._folder) as study:
            taken = snapshot(study)
        data = taken.data()
        version = data["version"]
        self._snapshots = dict([*self._snapshots.items(), (version, taken)][-2:])
        strips = plan_strips(data["images"])
        thumbs, pictures = data["images"]["thumb"], taken.pictures
        files = dict(zip(pictures.keys, map(str, pictures.files), strict=True))
        files |= {one.key: str(one.path) for one in pictures.references}
        index = {
            "pictures": files,
            "strips": {strip.key: [thumbs[place] for place in strip.places] for strip in strips},
        }
        self._write(self._index, json.dumps(index).encode())
        rows = [strip.row(f"strips/{strip.key}.webp", LIVE_SIDE) for strip in strips]
        return {
            "version": version,
            "data": self._write_answer(f"{version} data", data),
            "strips": self._write_answer(f"{version} strips", rows),
        }

    def answer(self, version: str, name: str, given: dict[str, str]) -> dict[str, str]:
        """The file of an address's answer; "" where the version is neither of the last two."""
        taken = self._taken(version)
        if taken is None:
            return {"file": ""}
        found = answer(taken, name, given)
        return {"file": self._write_answer(f"{version} {name} {sorted(given.items())}", found)}

    def recipe(self, version: str, place: int) -> Recipe | None:
        """How an image was made; None where there is no such image in this version."""
        taken = self._taken(version)
        if taken is None or not 0 <= place < len(taken.images):
            return None
        return recipe(taken, place)

    def _taken(self, version: str) -> Snapshot | None:
        """A snapshot of a version; this process may have been started anew since it was taken."""
        if not self._snapshots:
            self.snapshot()
        return self._snapshots.get(version)

    def _write_answer(self, called: str, content: Any) -> str:
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        name = f"{hashlib.sha256(called.encode(errors='surrogatepass')).hexdigest()[:32]}.json.gz"
        return self._write(self._out / name, gzip.compress(text.encode(errors="replace"), 5))

    def _write(self, place: Path, content: bytes) -> str:
        with suppress(FileExistsError):
            place.parent.mkdir(mode=0o700)  # the system may have swept it away: a study is served for weeks
        unfinished = place.with_name(f"{place.name}.partial")
        unfinished.write_bytes(content)
        unfinished.replace(place)
        return str(place)


if __name__ == "__main__":
    figures = Figures(**json.loads(sys.argv[1]))
    answers = {"snapshot": figures.snapshot, "answer": figures.answer, "recipe": figures.recipe}
    Answering(answers, {"recipe": 1}).run()
