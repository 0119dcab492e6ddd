"""Drawn images as files: PNGs that say what they are, and which of those in a folder are what was written."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metrics.engine.image_guard import open_image
from metrics.engine.images import FORMATS, MOST_BYTES
from metrics.errors import InputError
from metrics.files import digest_of, parse_json, read_regular_file, reason
from metrics.text import counted, listed
from study.generation import identity as identities
from study.generation.base_models import BaseModel
from study.generation.types import ImageRecipe

_RECIPE, _IDENTITY = "humangrade.recipe", "humangrade.identity"  # texts in the PNG
_LEVEL = 6  # of zlib: fixed, so that the same image is the same file
_NAMED = 10


def damaged_named(names: Sequence[str]) -> str:
    """A sentence on images that are drawn again.

    Examples
    --------
    >>> damaged_named(["base/0/p000_s1.png"])
    '1 image is not what was written (damaged or changed) and is drawn again: base/0/p000_s1.png.'
    """
    verb = "is" if len(names) == 1 else "are"
    return (
        f"{counted(len(names), 'image')} {verb} not what was written (damaged or changed) and {verb} drawn again: "
        f"{listed(names, most=_NAMED)}."
    )


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
    content = _content(path)
    try:
        with open_image(content, ("PNG",)) as image:
            text = image.info.get(_RECIPE)
            found = parse_json(text) if isinstance(text, str) else None
    except Exception:  # a damaged file makes Pillow raise anything
        return None
    return found if isinstance(found, dict) else None


def survey(folder: Path, wanted: Sequence[Wanted], lines: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Those of the wanted images that stand in a folder and are not what was written; files are read and hashed.

    Parameters
    ----------
    folder : Path
    wanted : sequence of Wanted
    lines : mapping
        The line of each image that was drawn; see `study.generation.sets`.

    Returns
    -------
    list of str
        By their paths below the folder.

    Raises
    ------
    InputError
        Where other pictures stand under the names of some: all of them, with what tells them apart.
    """
    damaged, others = [], {}
    for one in wanted:
        path = folder / one.name
        if not path.exists():
            continue
        line = lines.get(one.name, {})
        is_drawn = line.get("identity") == one.digest
        if is_drawn and "sha256" in line and _has_content(path, line):
            continue
        there = read_recipe(path)
        is_whole = _is_picture(path)
        if there is None:
            if not is_drawn or is_whole:
                others[one.name] = "was not drawn by humangrade"
            else:
                damaged.append(one.name)
        elif identities.digest(there) != one.digest:
            told = ", ".join(identities.differences(there, one.identity))
            others[one.name] = f"was drawn by another recipe: it differs in {told}"
        elif is_drawn and ("sha256" in line or not is_whole):
            damaged.append(one.name)
    if others:
        raise InputError(_others_named(folder, others))
    return damaged


def _others_named(folder: Path, others: Mapping[str, str]) -> str:
    """A sentence on pictures that stand in the way, those of one reason together."""
    by_reason: dict[str, list[str]] = {}
    for name, why in others.items():
        by_reason.setdefault(why, []).append(name)
    told = []
    for why, names in by_reason.items():
        if len(names) == 1:
            told.append(f"{folder / names[0]} is there, and {why}.")
        else:
            some = listed(names, most=_NAMED)
            told.append(f"{counted(len(names), 'image')} are there of which each {why}: {some}.")
    more = f" {len(told) - _NAMED:,} more differ otherwise." if len(told) > _NAMED else ""
    which = "the image" if len(others) == 1 else "these images"
    return (
        f"{' '.join(told[:_NAMED])}{more} Name another folder than {folder}, or remove {which}; nothing is overwritten."
    )


def _has_content(path: Path, line: Mapping[str, Any]) -> bool:
    """Whether a file has the size and the sha256 that its line says."""
    try:
        return path.stat().st_size == line.get("size") and digest_of(path, MOST_BYTES) == line.get("sha256")
    except OSError as error:
        raise _unreadable(path, error) from error


def _content(path: Path) -> bytes:
    try:
        return read_regular_file(path, MOST_BYTES)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path} cannot be read ({reason(error)}); check the folder.")


def _is_picture(path: Path) -> bool:
    """Whether all of an image can be decoded."""
    content = _content(path)
    try:
        with open_image(content, FORMATS) as image:
            image.load()
    except Exception:  # a damaged file makes Pillow raise anything
        return False
    return True
