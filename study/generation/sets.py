"""A folder of drawn images: PNG files that say what they are, items.csv, and how each was made.

An image is finished when its line stands in `PROVENANCE`: first the file, whole, then its line. items.csv is made of
the lines, so what it lists is there.
"""

import hashlib
import json
import os
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from statistics import median
from typing import Any, TypeGuard

from filelock import FileLock, Timeout

from metrics.engine.image_folders import image_files
from metrics.errors import InputError
from metrics.files import not_written, parse_json, reason, write_atomically
from study.generation.image_files import Wanted, png, survey
from study.generation.items_table import read_added, table_of
from study.generation.painter import Drawn

ITEMS = "items.csv"
PROVENANCE = "provenance.jsonl"
LOCKS = ".drawing"
_RECENT = 64  # images whose seconds count
_LONGEST_NAME = 255  # bytes, as file systems have it


class ImageSet:
    """The folder of images, for several processes at once.

    Parameters
    ----------
    folder : Path
        Made where it is missing.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        try:
            (folder / LOCKS).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise not_written(folder, error) from error
        self._lines_lock = FileLock(folder / LOCKS / "lines.lock", thread_local=False)
        self._lines: dict[str, dict[str, Any]] = {}
        self._damaged: set[str] = set()
        self._read = 0  # bytes
        self._reading = threading.Lock()  # a thread writes while another looks what is left

    def refresh(self) -> None:
        """Read the lines that were added since, by whichever process."""
        with self._reading:
            content = _content(self.folder / PROVENANCE, self._read)
            whole = content[: content.rfind(b"\n") + 1]
            self._read += len(whole)
            for line in _parsed(whole):
                self._lines[line["image"]] = line
                self._damaged.discard(line["image"])  # drawn again

    def lines(self) -> dict[str, dict[str, Any]]:
        """The line of each finished image whose file is there, by its path below the folder; the last one counts."""
        self.refresh()
        with self._reading:
            known = {name: line for name, line in self._lines.items() if name not in self._damaged}
        return {name: line for name, line in known.items() if (self.folder / name).is_file()}

    def is_finished(self, wanted: Wanted) -> bool:
        """Whether an image stands there whole with its line, as `refresh` and `check` read it last."""
        if wanted.name in self._damaged:
            return False
        line = self._lines.get(wanted.name, {})
        return line.get("identity") == wanted.digest and (self.folder / wanted.name).is_file()

    def check(self, wanted: Sequence[Wanted]) -> list[str]:
        """Compare what stands there with what is wanted; what is damaged is not finished from now on.

        Returns
        -------
        list of str
            Images that are not what was written, by their paths below the folder.

        Raises
        ------
        InputError
            Where other pictures stand under the names of some, which all are named, or another items.csv: nothing is
            overwritten.
        """
        try:
            damaged = survey(self.folder, wanted, self._lines)
            read_added(self.folder / ITEMS)
        except InputError:
            self.tidy()
            raise
        with self._reading:
            self._damaged = set(damaged)
        return damaged

    def add(self, pairs: Sequence[tuple[Wanted, Drawn]], how: Mapping[str, Any]) -> None:
        """Write images, and then their lines.

        Parameters
        ----------
        pairs : sequence of (Wanted, Drawn)
        how : mapping
            Device, attention and versions.

        Raises
        ------
        InputError
            Where the disk is full or cannot be written.
        """
        _remove_unfinished([self.folder / wanted.name for wanted, _ in pairs])
        lines = []
        for wanted, drawn in pairs:
            content = png(drawn.pixels, wanted.identity)
            write_atomically(self.folder / wanted.name, content)
            lines.append(json.dumps(_line(wanted, drawn, content, how), ensure_ascii=True))
        with self._lines_lock:
            _append(self.folder / PROVENANCE, lines)

    def write_items(self, wanted: Sequence[Wanted]) -> dict[str, dict[str, Any]]:
        """Write items.csv of the finished images: those wanted in their order, then others that were drawn before.

        What does not decide a picture (subject, group, rate) is as the recipe says it now. Columns and rows that
        somebody added to the table stay; another table is not overwritten, see `study.generation.items_table`.

        Returns
        -------
        dict
            The lines, by image.
        """
        with self._lines_lock:  # the last to write has read all lines
            lines = self.lines()
            rows = []
            for one in wanted:
                line = lines.get(one.name)
                if line is not None and line.get("identity") == one.digest:
                    was = line["row"]
                    rows.append(row(one, was.get("layers_in_file"), was.get("layers_applied")))
            ours = {one.name for one in wanted}
            rows += [line["row"] for name, line in lines.items() if name not in ours]
            _remove_unfinished([self.folder / ITEMS])
            write_atomically(self.folder / ITEMS, table_of(rows, read_added(self.folder / ITEMS)))
        return lines

    def tidy(self) -> None:
        """Remove the folder of locks where nobody holds one, with those of processes that were killed."""
        try:
            for path in (self.folder / LOCKS).glob("*.lock"):
                if path.name != "lines.lock":
                    _remove_unheld(path)
            left = [path for path in (self.folder / LOCKS).iterdir() if path.name != "lines.lock"]
            if not left:
                (self.folder / LOCKS / "lines.lock").unlink(missing_ok=True)
                (self.folder / LOCKS).rmdir()
        except OSError:  # another process has just come
            return


def seconds_per_image(folder: Path) -> float | None:
    """How long an image took of those drawn last in a folder, the median; None where none was."""
    lines = list(_parsed(_content(folder / PROVENANCE, 0)))[-_RECENT:]
    found = [line["seconds"] for line in lines if isinstance(line.get("seconds"), (int, float))]
    return median(found) if found else None


def known_lines(folder: Path) -> dict[str, dict[str, Any]]:
    """The line of each image that was drawn into a folder, by its path below it; nothing is made or locked."""
    return {line["image"]: line for line in _parsed(_content(folder / PROVENANCE, 0))}


def other_images(folder: Path, names: Collection[str]) -> list[str]:
    """Images that stand in a folder and were not drawn into it, by their paths below it.

    Parameters
    ----------
    folder : Path
        It may be missing.
    names : collection of str
        What is drawn there now, by the paths below it.
    """
    if not folder.is_dir():
        return []
    found = [path.relative_to(folder).as_posix() for path in image_files(folder)]
    drawn = known_lines(folder).keys()
    return [name for name in found if name not in names and name not in drawn]


def row(wanted: Wanted, layers_in_file: int | None, layers_applied: int | None) -> dict[str, Any]:
    """An image's row of items.csv."""
    image, told = wanted.image, wanted.identity
    checkpoint, lora = image.checkpoint, wanted.identity["lora"] or {}
    return {
        "image": wanted.name,
        "item": wanted.name,
        "model": checkpoint.model,
        "checkpoint": checkpoint.name,
        "step": checkpoint.step,
        "epoch": checkpoint.epoch,
        "training_images": checkpoint.n_training_images,
        "kind": checkpoint.kind,
        "file": checkpoint.path.name if checkpoint.path is not None else "",
        "lora_sha256": lora.get("sha256", ""),
        "lora_scale": lora.get("scale"),
        "layers_in_file": layers_in_file,
        "layers_applied": layers_applied,
        "subject": checkpoint.subject,
        "prompt": image.prompt,
        "prompt_number": image.prompt_number,
        "group": image.group,
        "negative": image.negative,
        "seed": image.seed,
        "steps": image.steps,
        "guidance": image.guidance,
        "width": image.width,
        "height": image.height,
        "scheduler": told["scheduler"]["class"],
        "clip_skip": image.clip_skip,
        "dtype": told["dtype"],
        "base": wanted.base.label,
        "rate": int(image.rate),
        "recipe": wanted.digest,
    }


def _line(wanted: Wanted, drawn: Drawn, content: bytes, how: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "image": wanted.name,
        "identity": wanted.digest,
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
        "problem": drawn.problem,
        "notes": list(drawn.applied.notes),
        "batch_size": drawn.batch_size,
        "seconds": round(drawn.seconds, 4),
        **how,
        "row": row(wanted, drawn.applied.layers_in_file, drawn.applied.layers_applied),
    }


def _remove_unheld(path: Path) -> None:
    """Remove a lock's file, unless another process holds it."""
    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return
    path.unlink(missing_ok=True)
    lock.release()


def _remove_unfinished(paths: Sequence[Path]) -> None:
    """Remove what a process that was killed had begun to write; whoever calls holds the lock of these files."""
    for folder in {path.parent for path in paths}:
        names = {path.name for path in paths if path.parent == folder}
        for left in folder.glob(".*.tmp"):
            if left.name.removeprefix(".").rsplit(".", 2)[0] in names:
                left.unlink(missing_ok=True)


def _content(path: Path, start: int) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path} is no file; move it elsewhere.")
        with path.open("rb") as file:
            file.seek(start)
            return file.read()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise InputError(f"{path} cannot be read ({reason(error)}); check the folder.") from error


def _parsed(content: bytes) -> Iterator[dict[str, Any]]:
    """The lines that are whole: a crash may have cut one off anywhere."""
    for text in content.split(b"\n"):
        try:
            line = parse_json(text) if text else None
        except ValueError:
            continue
        if _is_line(line):
            yield line


def _is_line(line: object) -> TypeGuard[dict[str, Any]]:
    """Whether something is a line as `_line` makes it, and not what somebody else made of it."""
    if not isinstance(line, dict) or not isinstance(line.get("image"), str) or not isinstance(line.get("row"), dict):
        return False
    place = PurePosixPath(line["image"])
    is_below = not place.is_absolute() and ".." not in place.parts and "\0" not in line["image"]
    notes, cells = line.get("notes", []), line["row"].values()
    return (
        is_below
        and all(len(part.encode(errors="replace")) <= _LONGEST_NAME for part in place.parts)
        and line["row"].get("image") == line["image"]
        and isinstance(line.get("problem", ""), str)
        and isinstance(notes, list)
        and all(isinstance(note, str) for note in notes)
        and all(cell is None or isinstance(cell, str | int | float) for cell in cells)
    )


def _append(path: Path, lines: Sequence[str]) -> None:
    """Add lines; one that a crash left without its end is ended first."""
    try:
        with path.open("ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    file.write(b"\n")
            file.write("".join(f"{line}\n" for line in lines).encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise not_written(path, error) from error
