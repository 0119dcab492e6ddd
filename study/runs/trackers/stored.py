"""Pictures of tracked runs as files of a study."""

import hashlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from metrics.engine.images import MOST_PIXELS
from metrics.errors import InputError
from metrics.files import make_folders, not_written, reason, write_atomically
from study.generation.file_names import safe_name
from study.runs.trackers.pictures import picture_bytes, suffix_of
from study.runs.types import TrackedImage

FOLDER = "runs"
_KINDS = (".png", ".jpg", ".webp")  # which browsers show and metrics read


@dataclass(frozen=True)
class Content:
    """What is known of a picture before it is stored: why it cannot be, or what it is."""

    sha256: str = ""
    suffix: str = ""
    size: tuple[int, int] = (0, 0)
    trouble: str = ""


def content_of(image: TrackedImage) -> Content:
    """What a picture is, after its file was read to its end."""
    from PIL import Image

    try:
        content = picture_bytes(image.picture)
    except OSError as error:
        return Content(trouble=f"cannot be read ({reason(error)})")
    suffix = suffix_of(content)
    if suffix not in _KINDS:
        return Content(hashlib.sha256(content).hexdigest(), trouble="is no PNG, JPEG or WebP")
    try:
        with Image.open(BytesIO(content), formats=["PNG", "JPEG", "WEBP"]) as opened:
            size = opened.size
            if size[0] * size[1] > MOST_PIXELS:
                return Content(trouble=f"has more than {MOST_PIXELS / 1e6:.0f} million pixels")
            opened.verify()
    except Exception:  # a damaged file makes Pillow raise anything
        return Content(hashlib.sha256(content).hexdigest(), trouble="cannot be decoded")
    return Content(hashlib.sha256(content).hexdigest(), suffix, size)


def stored(study: Path, run: str, checkpoint: str, stem: str, image: TrackedImage, content: Content) -> str:
    """A picture as a file of the study, with the bytes that the tracker kept; gives its path in the study's folder.

    Raises
    ------
    InputError
        Where it cannot be written.
    """
    folder = Path(FOLDER, safe_name(run), safe_name(checkpoint))
    for end in ("", f"_{content.sha256[:8]}", f"_{content.sha256}"):
        path = folder / f"{safe_name(stem)}{end}{content.suffix}"
        whole = study / path
        if not whole.exists():
            write_atomically(_made(whole), picture_bytes(image.picture))
            return path.as_posix()
        if hashlib.sha256(whole.read_bytes()).hexdigest() == content.sha256:
            return path.as_posix()
    raise InputError(f"{study / folder} holds other pictures under the names of this run's; move them away.")


def _made(path: Path) -> Path:
    try:
        make_folders(path.parent)
    except OSError as error:
        raise not_written(path, error) from error
    return path
