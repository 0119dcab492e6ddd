"""Finding the images of a study, and refusing those that would spoil it."""

import hashlib
import io
import struct
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import ExifTags, Image, ImageSequence

from metrics.errors import InputError

KINDS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
_OTHER_KINDS = {
    *(".tif", ".tiff", ".bmp", ".gif", ".apng", ".jpe", ".jfif", ".jp2", ".jxl", ".heic", ".heif", ".avif", ".svg"),
    *(".ppm", ".pgm", ".pnm", ".tga", ".ico", ".exr", ".hdr", ".psd", ".dng", ".cr2", ".nef", ".arw"),
}
_TURNED = "turned"
_NAMED = 10  # how many culprits a message names


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

    A file whose name claims another of the three kinds than it is (a PNG called ``.jpg``) is fine: browsers and
    metrics look at the content.

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
        Naming the files that cannot be decoded and those that are byte-identical copies of another.
    """
    from rich.progress import track

    with ThreadPoolExecutor() as pool, warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # what is too large is an error of its own
        checked = pool.map(_check, paths)
        results = list(track(checked, "Checking images", total=len(paths), transient=True, disable=len(paths) < 50))
    problems = []
    broken = [path for path, digest in zip(paths, results, strict=True) if digest is None]
    if broken:
        problems.append(f"{_listed(broken, folder)}: cannot be decoded; replace or remove.")
    turned = [path for path, digest in zip(paths, results, strict=True) if digest == _TURNED]
    if turned:
        problems.append(
            f"{_listed(turned, folder)}: WebP turned by EXIF, which browsers show unturned and metrics see turned; "
            "save upright, or as PNG."
        )
    first: dict[str, Path] = {}
    copies = []
    for path, digest in zip(paths, results, strict=True):
        original = path if digest in (None, _TURNED) else first.setdefault(str(digest), path)
        if original is not path:
            copies.append(f"{_name(path, folder)} (same as {_name(original, folder)})")
    if copies and refuse_copies:
        problems.append(f"{_first(copies)}: byte-identical copies; remove them, or the same image is rated twice.")
    if problems:
        raise InputError(" ".join(problems))


def files_below(folder: Path, above: frozenset[Path] = frozenset()) -> Iterator[Path]:
    """All files below a folder that are not hidden, through links too, but never around in a circle."""
    here = folder.resolve()
    if here in above:
        return
    for entry in folder.iterdir():
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from files_below(entry, above | {here})
        elif entry.is_file() or entry.is_symlink():  # a link to nothing is found here, and refused when it is decoded
            yield entry


def is_plain(name: str) -> bool:
    r"""Whether a CSV cell gives the name back: no control characters, undecodable bytes or outer spaces.

    Examples
    --------
    >>> is_plain("a b"), is_plain("a\x1b"), is_plain(" a")
    (True, False, False)
    """
    return name == name.strip() and not any(unicodedata.category(sign) in ("Cc", "Cs") for sign in name)


def _check(path: Path) -> str | None:
    """The sha256 of an image; None where it cannot be decoded in full, `_TURNED` for a WebP with an orientation."""
    try:
        data = path.read_bytes()
        with Image.open(io.BytesIO(data), formats=sorted(set(KINDS.values()))) as image:
            for frame in ImageSequence.Iterator(image):
                frame.load()
            if image.format == "WEBP" and image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
                return _TURNED
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError):
        return None
    return hashlib.sha256(data).hexdigest()


def _listed(paths: Sequence[Path], folder: Path) -> str:
    return _first([_name(path, folder) for path in paths])


def _name(path: Path, folder: Path) -> str:
    """A file's name for a message, whatever bytes it has."""
    name = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)
    return name if is_plain(name) else ascii(name)


def _first(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
