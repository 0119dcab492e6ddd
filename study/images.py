"""Finding the images of a study, and refusing those that would spoil it."""

import errno
import hashlib
import threading
import unicodedata
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageSequence

from metrics.errors import InputError
from metrics.files import read_regular_file
from metrics.image_folders import OTHER_KINDS, files_below
from metrics.image_guard import CostlyMetadata, open_image, orientation
from metrics.images import MOST_PIXELS, SUFFIXES

MOST_BYTES = 100_000_000  # of one image: it goes to the raters' browsers, and through the server's memory
MOST_FRAMES = 1000
MOST_FRAME_PIXELS = 500_000_000  # of all frames of an animation together

KINDS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
_OTHER_KINDS = (SUFFIXES | OTHER_KINDS) - KINDS.keys()
_NAMED = 10  # how many culprits a message names
_WORKERS = 8
_LARGE = 10_000_000  # pixels; of larger images one at a time is decoded
_one_at_a_time = threading.Lock()

# What is wrong with an image, and what to do, in the order in which messages say it
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
_PROBLEMS = (_BROKEN, _NO_FILE, _TOO_LARGE, _TOO_WIDE, _TOO_LONG, _COSTLY, _TURNED)


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
        PNG, JPEG and WebP files.

    Raises
    ------
    InputError
        Where the folder is missing, holds no image, or holds images of a kind that browsers do not show reliably or
        of a name that a table cannot hold.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; name the folder of images.")
    try:
        files = sorted(files_below(folder))
    except OSError as error:
        raise InputError(f"{error.filename} cannot be read ({error.strerror}); check its permissions.") from error
    strange = [path for path in files if path.suffix.lower() in _OTHER_KINDS]
    if strange:
        raise InputError(
            f"{_listed(strange, folder)}: not PNG, JPEG or WebP, which every browser shows; convert to PNG."
        )
    images = [path for path in files if path.suffix.lower() in KINDS]
    awkward = [path for path in images if not all(map(is_plain, path.relative_to(folder).parts))]
    if awkward:
        raise InputError(
            f"{_listed(awkward, folder)}: a name with a control character, or with a space at its beginning or end; "
            "rename."
        )
    if not images:
        raise InputError(f"{folder} holds no PNG, JPEG or WebP image; name the folder of images.")
    return images


def check_images(paths: Sequence[Path], folder: Path, refuse_copies: bool = True) -> None:
    """Decode every image fully, and compare all by content.

    Refused are also images of more than 100 MB or 100 million pixels, and animations of more than 1,000 frames or 500
    million pixels in all. A file whose name claims another of the three kinds than it is (a PNG called ``.jpg``) is
    fine: browsers and metrics look at the content.

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
        Naming the files that cannot be decoded or are too large, and byte-identical copies of another.
    """
    from rich.progress import track

    with ThreadPoolExecutor(_WORKERS) as pool, warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # what is too large is an error of its own
        checked = pool.map(_check, paths)
        results = list(track(checked, "Checking images", total=len(paths), transient=True, disable=len(paths) < 50))
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
        problems.append(f"{_first(copies)}: byte-identical copies; remove them, or the same image is rated twice.")
    if problems:
        raise InputError(" ".join(problems))


def read_picture(path: Path) -> bytes:
    """The bytes of a study's image; raises OSError where by now it is no file, or one of more than 100 MB."""
    return read_regular_file(path, MOST_BYTES)


def is_plain(name: str) -> bool:
    r"""Whether a CSV cell gives the name back: no control characters, undecodable bytes or outer spaces.

    Examples
    --------
    >>> is_plain("a b"), is_plain("a\x1b"), is_plain(" a")
    (True, False, False)
    """
    return name == name.strip() and not any(unicodedata.category(sign) in ("Cc", "Cs") for sign in name)


def _check(path: Path) -> _Checked:
    """Decode an image in full: all frames of an animation, since browsers show them all."""
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
    except OSError as error:
        return _Checked(problem={errno.EFBIG: _TOO_LARGE, errno.EINVAL: _NO_FILE}.get(error.errno or 0, _BROKEN))
    except Exception:  # a decoder raises anything where a file is damaged in its own way
        return _Checked(problem=_BROKEN)
    return _Checked(digest=hashlib.sha256(data).hexdigest())


def _listed(paths: Sequence[Path], folder: Path) -> str:
    return _first([_name(path, folder) for path in paths])


def _name(path: Path, folder: Path) -> str:
    """A file's name for a message, whatever bytes it has."""
    name = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)
    return name if is_plain(name) else ascii(name)


def _first(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
