"""A folder of drawn images: PNG files that say what they are, items.csv, and how each was made.

An image is finished when its line stands in `PROVENANCE`: first the file, whole, then its line. items.csv is made of
the lines, so what it lists is there.
"""

import csv
import io
import json
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from metrics.errors import InputError
from metrics.files import not_written, parse_json, reason, write_atomically
from study.generation import identity as identities
from study.generation.base_models import BaseModel
from study.generation.painter import Drawn
from study.generation.types import ImageRecipe

ITEMS = "items.csv"
PROVENANCE = "provenance.jsonl"
LOCKS = ".drawing"
COLUMNS = (
    *("image", "item", "model", "checkpoint", "step", "epoch", "training_images", "kind", "file", "lora_sha256"),
    *("lora_scale", "layers_in_file", "layers_applied", "subject", "prompt", "prompt_number", "group", "negative"),
    *("seed", "steps", "guidance", "width", "height", "scheduler", "clip_skip", "dtype", "base", "rate", "recipe"),
)
_RECIPE, _IDENTITY = "humangrade.recipe", "humangrade.identity"  # texts in the PNG
_RECENT = 64  # images whose seconds count
_LEVEL = 6  # of zlib: fixed, so that the same image is the same file


@dataclass(frozen=True)
class Wanted:
    """An image that is to be there.

    Attributes
    ----------
    image : ImageRecipe
    identity : dict
        See `study.generation.identity`.
    base : BaseModel
        The model that draws it, without a LoRA.
    """

    image: ImageRecipe
    identity: Mapping[str, Any]
    base: BaseModel

    @property
    def name(self) -> str:
        """Its path below the folder."""
        return self.image.file.as_posix()

    @property
    def file_digest(self) -> str:
        """The sha256 of its checkpoint's file, or of a whole model's files; "" for the base."""
        lora = self.identity["lora"]
        if lora is not None:
            return str(lora["sha256"])
        return self.base.identity.get("sha256", "") if self.image.checkpoint.kind == "model" else ""

    @cached_property
    def digest(self) -> str:
        """The sha256 of its identity."""
        return identities.digest(self.identity)


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

    def lines(self) -> dict[str, dict[str, Any]]:
        """The line of each finished image whose file is there, by its path below the folder; the last one counts."""
        self.refresh()
        with self._reading:
            known = dict(self._lines)
        return {name: line for name, line in known.items() if (self.folder / name).is_file()}

    def is_finished(self, wanted: Wanted) -> bool:
        """Whether an image stands there with its line, as `refresh` read it last."""
        line = self._lines.get(wanted.name, {})
        return line.get("identity") == wanted.digest and (self.folder / wanted.name).is_file()

    def check(self, wanted: Sequence[Wanted]) -> None:
        """Compare what stands there with what is wanted.

        Raises
        ------
        InputError
            Where another picture stands under the name of one: nothing is overwritten.
        """
        for one in wanted:
            path = self.folder / one.name
            if not path.exists():
                continue
            there = read_recipe(path)
            if there is None:
                raise InputError(
                    f"{path} is there, and was not drawn by humangrade; name another folder, nothing is overwritten."
                )
            if identities.digest(there) != one.digest:
                told = ", ".join(identities.differences(there, one.identity))
                raise InputError(
                    f"{path} is there, drawn by another recipe: it differs in {told}. Name another folder, or remove "
                    "the image; nothing is overwritten."
                )

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
        for wanted, drawn in pairs:
            write_atomically(self.folder / wanted.name, png(drawn.pixels, wanted.identity))
        lines = [json.dumps(_line(wanted, drawn, how), ensure_ascii=True) for wanted, drawn in pairs]
        with self._lines_lock:
            _append(self.folder / PROVENANCE, lines)

    def write_items(self, wanted: Sequence[Wanted]) -> dict[str, dict[str, Any]]:
        """Write items.csv of the finished images: those wanted in their order, then others that were drawn before.

        What does not decide a picture (subject, group, rate) is as the recipe says it now.

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
            write_atomically(self.folder / ITEMS, _table(rows))
        return lines

    def tidy(self) -> None:
        """Remove the folder of locks where nobody holds one."""
        try:
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


def png(pixels: NDArray[np.uint8], identity: Mapping[str, Any]) -> bytes:
    """An image as a PNG file with its identity in its text; the same for the same pixels and identity."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    texts = PngInfo()
    texts.add_text(_IDENTITY, identities.digest(identity))
    texts.add_text(_RECIPE, identities.canonical(identity))
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", pnginfo=texts, compress_level=_LEVEL)
    return file.getvalue()


def read_recipe(path: Path) -> dict[str, Any] | None:
    """The identity that a PNG file says of itself; None where it says none.

    Raises
    ------
    InputError
        Where the file cannot be read.
    """
    from PIL import Image

    try:
        with Image.open(path, formats=["PNG"]) as image:
            text = image.info.get(_RECIPE)
            found = parse_json(text) if isinstance(text, str) else None
    except OSError as error:
        if error.errno is None:  # no image: Pillow's own errors are OSErrors without a number
            return None
        raise InputError(f"{path} cannot be read ({reason(error)}); check the folder.") from error
    except Exception:  # a damaged file makes Pillow raise anything
        return None
    return found if isinstance(found, dict) else None


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


def _table(rows: Iterable[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _line(wanted: Wanted, drawn: Drawn, how: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "image": wanted.name,
        "identity": wanted.digest,
        "problem": drawn.problem,
        "notes": list(drawn.applied.notes),
        "batch_size": drawn.batch_size,
        "seconds": round(drawn.seconds, 4),
        **how,
        "row": row(wanted, drawn.applied.layers_in_file, drawn.applied.layers_applied),
    }


def _remove_unfinished(paths: Sequence[Path]) -> None:
    """Remove what a process that was killed had begun to write; whoever calls holds the lock of these files."""
    for folder in {path.parent for path in paths}:
        names = {path.name for path in paths if path.parent == folder}
        for left in folder.glob(".*.tmp"):
            if left.name.removeprefix(".").rsplit(".", 2)[0] in names:
                left.unlink(missing_ok=True)


def _content(path: Path, start: int) -> bytes:
    try:
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
        if isinstance(line, dict) and isinstance(line.get("image"), str) and isinstance(line.get("row"), dict):
            yield line


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
