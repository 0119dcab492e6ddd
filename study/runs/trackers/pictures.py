"""The pictures of tracked runs as files: their bytes, what they are, and that they lie where they may."""

import os
import sqlite3
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from metrics.errors import InputError
from metrics.files import make_folders, not_written, read_regular_file
from study.folder.images import MOST_BYTES
from study.runs.types import Part, TrackedImage

_SIGNS = {b"\x89PNG\r\n\x1a\n": ".png", b"\xff\xd8\xff": ".jpg", b"GIF8": ".gif", b"BM": ".bmp"}


def picture_bytes(picture: bytes | Path | Part) -> bytes:
    """A picture's encoded content.

    Raises
    ------
    OSError
        Where its file cannot be read, or is larger than any picture of a study may be.

    Examples
    --------
    >>> picture_bytes(b"abc")
    b'abc'
    """
    if isinstance(picture, bytes):
        return picture
    if isinstance(picture, Path):
        return read_regular_file(picture, MOST_BYTES)
    with picture.path.open("rb") as file:
        file.seek(picture.start)
        content = file.read(picture.length)
    if len(content) < picture.length:
        raise OSError(f"{picture.path} has become shorter")
    return content


def suffix_of(content: bytes) -> str:
    """What a picture's file name ends in, by its first bytes; "" for what is none of those that are known.

    Examples
    --------
    >>> suffix_of(b"RIFF1234WEBPVP8 "), suffix_of(b"%PDF-1.7")
    ('.webp', '')
    """
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return ".webp"
    return next((suffix for sign, suffix in _SIGNS.items() if content.startswith(sign)), "")


def inside(folder: Path, name: str) -> Path | None:
    """A file below a folder, by the path that a tracker's record gives; None where that leads out of it, or nowhere.

    A folder that is a link itself leads out of the tracker's.

    Examples
    --------
    >>> inside(Path("/tmp"), "../etc/passwd") is None
    True
    """
    try:
        top, path = folder.resolve(), (folder / name).resolve()
        return path if path.is_relative_to(top) and path.is_file() and not folder.is_symlink() else None
    except (OSError, ValueError):  # too long, a NUL, a circle of links
        return None


def unreadable(path: Path, error: sqlite3.Error, advice: str) -> InputError:
    """What is to be raised where a tracker's database cannot be read.

    Examples
    --------
    >>> str(unreadable(Path("a.db"), sqlite3.OperationalError("database is locked"), "restore the file"))
    'a.db cannot be read (database is locked); end the program that writes to it, or copy the file and read that.'
    """
    is_locked = "locked" in str(error)
    told = "end the program that writes to it, or copy the file and read that" if is_locked else advice
    return InputError(f"{path} cannot be read ({error}); {told}.")


def numbered(images: Iterable[TrackedImage]) -> tuple[TrackedImage, ...]:
    """The same images, with an index by the order in which those of a key and step come."""
    counts: dict[tuple[str, int], int] = {}
    found = []
    for image in images:
        place = image.key, image.step
        index = counts.get(place, 0)
        counts[place] = index + 1
        found.append(replace(image, index=index))
    return tuple(found)


def write_parts(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file of many parts, which are not held together, so that no half-written one is ever seen.

    Raises
    ------
    InputError
        Where it cannot be written; the file is as it was then.
    """
    temporary = None
    try:
        make_folders(path.parent)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
        temporary = None
    except OSError as error:
        raise not_written(path, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
