"""Finding the images of a study, and refusing those that would spoil it."""

import errno
import hashlib
import sys
import threading
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PIL import Image, ImageSequence, UnidentifiedImageError

from metrics.engine.image_folders import OTHER_KINDS, first_names, image_files
from metrics.engine.image_guard import CostlyMetadata, open_image, orientation
from metrics.engine.images import FORMATS, MOST_PIXELS, SUFFIXES
from metrics.errors import InputError
from metrics.files import read_regular_file
from metrics.text import is_plain

MOST_BYTES = 100_000_000  # of one image: it goes to the raters' browsers, and through the server's memory
MOST_FRAMES = 1000
MOST_FRAME_PIXELS = 500_000_000  # of all frames of an animation together

KINDS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
_OTHER_KINDS = (SUFFIXES | OTHER_KINDS) - KINDS.keys()
_WORKERS = 8
_LARGE = 10_000_000  # pixels; of larger images one at a time is decoded
_one_at_a_time = threading.Lock()

# What is wrong with an image, and what to do, in the order in which messages say it
_AWKWARD = "a name with a control character, or with a space at its beginning or end; rename."
_OTHER = "not PNG, JPEG or WebP, which every browser shows; convert to PNG."
_BROKEN = "cannot be decoded; replace or remove."
_NO_FILE = "a pipe or a device and no image file; replace or remove."
_TOO_LARGE = f"larger than {MOST_BYTES / 1e6:.0f} MB; save smaller, for instance as JPEG."
_TOO_WIDE = f"more than {MOST_PIXELS / 1e6:.0f} million pixels; save smaller."
_TOO_LONG = (
    f"an animation of more than {MOST_FRAMES:,} frames, or of more than {MOST_FRAME_PIXELS / 1e6:.0f} million pixels "
    "in all; save shorter or smaller."
)
_COSTLY = "metadata made to cost memory or time; save anew without it."
_TURNED = "WebP turned by EXIF, which browsers show unturned and metrics see turned; save upright, or as PNG."
_PROBLEMS = (_AWKWARD, _OTHER, _BROKEN, _NO_FILE, _TOO_LARGE, _TOO_WIDE, _TOO_LONG, _COSTLY, _TURNED)


@dataclass(frozen=True)
class _Checked:
    """What the check of an image found: the sha256 of its bytes, or what is wrong."""

    digest: str = ""
    problem: str = ""


def find_images(folder: Path) -> list[Path]:
    """All images below a folder, in the order of their names; hidden files and folders are passed over.

    Parameters
    ----------
    folder : Path
        Searched with its sub-folders; links are followed.

    Returns
    -------
    list of Path
        Of all kinds that `humangrade score` finds; `check_images` says which of them cannot be shown.

    Raises
    ------
    InputError
        Where the folder is missing, cannot be read, or holds no image.
    """
    images = image_files(folder)
    if not images:
        raise InputError(f"{folder} holds no PNG, JPEG or WebP image; name the folder of images.")
    return images


def check_images(paths: Sequence[Path], folder: Path, refuse_copies: bool = True) -> None:
    """Decode every image fully, and compare all by content.

    Refused are also images of more than 100 MB or 100 million pixels, and animations of more than 1,000 frames or 500
    million pixels in all. A file whose name claims another of the three kinds than it is (a PNG called ``.jpg``, a
    JPEG called ``.heic``) is fine: browsers and metrics look at the content.

    Parameters
    ----------
    paths : sequence of Path
        Image files below `folder`.
    folder : Path
        What messages name the files relative to.
    refuse_copies : bool
        Refuse byte-identical copies as well.

    Raises
    ------
    InputError
        Naming all files that cannot be shown or decoded, that are too large or have names that a table cannot hold, and
        byte-identical copies of another.
    """
    from rich.progress import track

    with ThreadPoolExecutor(_WORKERS) as pool, warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # what is too large is an error of its own
        checked = pool.map(partial(_check, folder), paths)
        is_hidden = len(paths) < 50 or not sys.stdout.isatty()  # rich takes a notebook for a terminal, and warns
        results = list(track(checked, "Checking images", total=len(paths), transient=True, disable=is_hidden))
    problems = []
    for problem in _PROBLEMS:
        culprits = [path for path, found in zip(paths, results, strict=True) if found.problem == problem]
        if culprits:
            problems.append(f"{_listed(culprits, folder)}: {problem}")
    first: dict[str, Path] = {}
    copies = []
    for path, found in zip(paths, results, strict=True):
        original = path if found.problem else first.setdefault(found.digest, path)
        if original is not path:
            copies.append(f"{_name(path, folder)} (same as {_name(original, folder)})")
    if copies and refuse_copies:
        problems.append(f"{first_names(copies)}: byte-identical copies; remove them, or the same image is rated twice.")
    if problems:
        raise InputError(" ".join(problems))


def read_picture(path: Path) -> bytes:
    """The bytes of a study's image; raises OSError where by now it is no file, or one of more than 100 MB."""
    return read_regular_file(path, MOST_BYTES)


def _check(folder: Path, path: Path) -> _Checked:
    """Decode an image in full: all frames of an animation, since browsers show them all."""
    below = path.relative_to(folder) if path.is_relative_to(folder) else Path(path.name)
    if not all(map(is_plain, below.parts)):
        return _Checked(problem=_AWKWARD)
    try:
        data = read_picture(path)
        with open_image(data, tuple(sorted(set(KINDS.values())))) as image:
            size = image.width * image.height
            if size > MOST_PIXELS:
                return _Checked(problem=_TOO_WIDE)
            with _one_at_a_time if size > _LARGE else nullcontext():
                for number, frame in enumerate(ImageSequence.Iterator(image), 1):
                    if number > 1 and (number > MOST_FRAMES or number * size > MOST_FRAME_PIXELS):
                        return _Checked(problem=_TOO_LONG)
                    frame.load()
            if image.format == "WEBP" and orientation(image) != 1:
                return _Checked(problem=_TURNED)
    except Image.DecompressionBombError:
        return _Checked(problem=_TOO_WIDE)
    except CostlyMetadata:
        return _Checked(problem=_COSTLY)
    except UnidentifiedImageError:
        return _Checked(problem=_OTHER if path.suffix.lower() in _OTHER_KINDS or _is_other_kind(data) else _BROKEN)
    except OSError as error:
        return _Checked(problem={errno.EFBIG: _TOO_LARGE, errno.EINVAL: _NO_FILE}.get(error.errno or 0, _BROKEN))
    except Exception:  # a decoder raises anything where a file is damaged in its own way
        return _Checked(problem=_BROKEN)
    return _Checked(digest=hashlib.sha256(data).hexdigest())


def _is_other_kind(data: bytes) -> bool:
    """Whether a file is an image that metrics read and browsers may not show."""
    try:
        with open_image(data, FORMATS):
            return True
    except Exception:  # what is no image raises anything
        return False


def _listed(paths: Sequence[Path], folder: Path) -> str:
    return first_names([_name(path, folder) for path in paths])


def _name(path: Path, folder: Path) -> str:
    """A file's name for a message, whatever bytes it has."""
    name = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)
    return name if is_plain(name) else ascii(name)
