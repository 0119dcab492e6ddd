"""Small pictures and folders for the tests of a study's data."""

import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from study.folder.create import create_study
from study.folder.study import Study


def picture(seed: int = 0, width: int = 24, height: int = 16, mode: str = "RGB") -> Image.Image:
    """Random colours, which no codec leaves as they are by chance."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 4), dtype=np.uint8)
    return Image.fromarray(pixels, "RGBA").convert(mode)


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    """The bytes of an image file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def write_images(folder: Path, names: Iterable[str], seed: int = 0) -> Path:
    """A folder with a picture of its own under each name."""
    kinds = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(picture(seed + number), kinds[path.suffix.lower()]))
    return folder


def listing(folder: Path) -> dict[str, bytes | None]:
    """All that stands below a folder, hidden files too, with the files' content."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def plain_study(folder: Path, images: int = 6, **options) -> Study:
    """A study of two models' images in the task aesthetic, without references."""
    write_images(folder / "images", [f"model-{number % 2}/{number}.png" for number in range(images)])
    options = {"tasks": ("aesthetic",), "evaluators": ("ann", "bob")} | options
    return create_study(folder / "study", folder / "images", **options)
