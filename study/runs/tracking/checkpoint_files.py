"""The files of checkpoints beside samples: which sample was drawn with which."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from metrics.errors import InputError
from study.generation.layouts import LORA_NAMES, find_checkpoints
from study.generation.types import Checkpoint
from study.runs.watch import Settled, Stamp, absolute

File = tuple[Checkpoint, str]
"""A checkpoint, and the sha256 of its file; "" for a model of many files."""

Files = Mapping[Path, Sequence[File]]
"""By the folder that they stand in."""


def matching(row: Mapping[str, str], files: Sequence[File]) -> File | None:
    """The file that a sample was drawn with: of its step, or else its epoch, and of its run where there are several."""
    runs = {each.model for each, _ in files}
    mine = [file for file in files if len(runs) == 1 or file[0].model == row["model"]]
    for name in ("step", "epoch"):
        if row.get(name):
            alike = [file for file in mine if str(getattr(file[0], name)) == row[name]]
            return alike[0] if len(alike) == 1 else None
    return None


class CheckpointFiles:
    """The files of checkpoints beside samples; what has not changed is not read again."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[dict[Path, Stamp], list[File]]] = {}

    def beside(self, homes: Iterable[Path], settled: Settled, known: Mapping[str, str]) -> Files:
        """The checkpoints in each folder with their files' sha256, without what is still being written."""
        return {home: found for home in homes if (found := self._in(home, settled, known))}

    def _in(self, home: Path, settled: Settled, known: Mapping[str, str]) -> list[File]:
        weights = [path for part in ("*", "*/*") for path in home.glob(f"{part}.safetensors")]
        stamps = {path: stamp for path in weights if (stamp := settled.stamp(path))}
        if not stamps:
            return []
        before = self._known.get(home)
        if before is None or before[0] != stamps:
            unfinished = [path.name for path in weights if path not in stamps]
            try:
                found = find_checkpoints(str(home), Path(), unfinished).checkpoints
            except InputError:  # what stands there is none of ours
                found = []
            digests = {each.path: digest for each, digest in before[1]} if before else {}
            before = (stamps, [(each, digests.get(each.path) or _digest(each, known)) for each in found])
            self._known[home] = before
        return before[1]


def _digest(checkpoint: Checkpoint, known: Mapping[str, str]) -> str:
    """The sha256 of a checkpoint's file; "" for a model of many files."""
    place = checkpoint.path
    if place is None:
        return ""
    if said := known.get(absolute(place)):
        return said
    files = [place] if place.is_file() else [place / name for name in LORA_NAMES if (place / name).is_file()]
    try:
        with files[0].open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (IndexError, OSError):
        return ""
