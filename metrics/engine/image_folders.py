"""Finding the image files of a folder, the same way for every command."""

import os
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

from metrics.engine.images import SUFFIXES
from metrics.errors import InputError

OTHER_KINDS = {  # images all the same, so they are named and not passed over
    *(".apng", ".jpe", ".jp2", ".jxl", ".heic", ".heif", ".avif", ".svg", ".ppm", ".pgm", ".pnm", ".tga", ".ico"),
    *(".exr", ".hdr", ".psd", ".dng", ".cr2", ".nef", ".arw"),
}
MOST_FILES = 1_000_000  # below a folder of images
_SYSTEM = {"@eadir", "__macosx", "#recycle", "$recycle.bin", "system volume information", "thumbs.db", "desktop.ini"}
_NAMED, _MANY = 3, 10  # names in a note, and in an error


def files_below(folder: Path, left_out: list[Path] | None = None) -> Iterator[Path]:
    """All files below a folder that are not hidden, through links too, but never around in a circle.

    Parameters
    ----------
    folder : Path
        Where to begin.
    left_out : list of Path, optional
        Takes what was passed over: hidden files and folders, and those in which systems keep thumbnails.

    Raises
    ------
    OSError
        Where a folder cannot be read.
    InputError
        For more than a million files and folders, as where a link leads out into the whole disk.
    """
    seen = 0
    waiting: list[tuple[Path, frozenset[tuple[int, int]]]] = [(folder, frozenset())]
    while waiting:
        place, above = waiting.pop()
        found = place.stat()
        here = (found.st_dev, found.st_ino)
        if here in above:
            continue
        for entry in place.iterdir():
            seen += 1
            if seen > MOST_FILES:
                raise InputError(
                    f"{folder} holds more than {MOST_FILES:,} files, with what links in it lead to; name a folder of "
                    "images only."
                )
            if entry.name.startswith(".") or entry.name.lower() in _SYSTEM:
                if left_out is not None:
                    left_out.append(entry)
                continue
            if entry.is_dir():
                waiting.append((entry, above | {here}))
            elif entry.is_file() or entry.is_symlink():  # a link to nothing is refused when it is decoded
                yield entry


def image_files(folder: Path) -> list[Path]:
    """The files in a folder and its sub-folders whose suffix is an image's, in the order of their names.

    Links are followed. Hidden files, and what systems put beside images, are passed over; files of kinds that are not
    read (AVIF, HEIC, JPEG XL) are among the images, so that they are named when they are opened.

    Raises
    ------
    InputError
        Where the folder is missing or cannot be read.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; name the folder of images.")
    try:
        found = sorted(files_below(folder))
    except OSError as error:
        raise InputError(f"{error.filename} cannot be read ({error.strerror}); check its permissions.") from error
    return [path for path in found if path.suffix.lower() in SUFFIXES | OTHER_KINDS]


def images_below(folder: Path) -> list[Path]:
    """As `image_files`, for what is scored.

    Raises
    ------
    InputError
        As there, and where the folder holds no image, or some with names that a table cannot hold.
    """
    images = image_files(folder)
    if not images:
        raise InputError(f"{folder} holds no image (PNG, JPEG, WebP, GIF, BMP or TIFF); name the folder of images.")
    awkward = [path for path in images if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in str(path))]
    if awkward:
        names = first_names([f"{str(path)!a}" for path in awkward])
        raise InputError(
            f"{names}: a control character, or bytes that are no text, in the name, which no table can hold; rename."
        )
    return images


def first_names(names: Sequence[str]) -> str:
    """The first ten names, and how many more there are.

    Examples
    --------
    >>> first_names([str(number) for number in range(12)])
    '0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more'
    """
    return ", ".join(names[:_MANY]) + (f" and {len(names) - _MANY} more" if len(names) > _MANY else "")


def folder_notes(folder: Path, images: Sequence[Path]) -> list[str]:
    """What is to be known of how a folder was read.

    Parameters
    ----------
    folder : Path
        The folder.
    images : sequence of Path
        The images found in it.

    Returns
    -------
    list of str
        A sentence on what was left out, and one on images deeper than MODEL/CHECKPOINT/FILE.
    """
    notes, left_out = [], list[Path]()
    for _ in files_below(folder, left_out):
        pass
    if left_out:
        notes.append(f"{folder}: hidden files and what systems keep there were left out: {_listed(left_out, folder)}.")
    deep = [path for path in images if len(path.relative_to(folder).parts) > 3]
    if deep:
        notes.append(
            f"{len(deep)} of {len(images)} images lie deeper than MODEL/CHECKPOINT/FILE and count as one set with the "
            f"others of their first two folders: {_listed(deep, folder)}. An items.csv beside the images can say "
            "otherwise."
        )
    return notes


def _listed(paths: Sequence[Path], folder: Path) -> str:
    names = [os.fsencode(path.relative_to(folder)).decode("utf-8", "replace") for path in sorted(paths)[:_NAMED]]
    plain = ["".join(sign if sign.isprintable() else "?" for sign in name) for name in names]
    return ", ".join(plain) + (f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else "")
