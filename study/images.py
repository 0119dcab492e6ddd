"""Finding the images of a study, and refusing those that would spoil it."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from metrics.errors import InputError

KINDS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
_OTHER_KINDS = {".tif", ".tiff", ".bmp", ".gif", ".heic", ".heif", ".avif", ".jp2", ".ppm", ".tga", ".exr", ".psd"}
_NAMED = 10  # how many culprits a message names


def find_images(folder: Path) -> list[Path]:
    """All images below a folder, in the order of their names; hidden files and folders are passed over.

    Parameters
    ----------
    folder : Path
        Searched with its sub-folders.

    Returns
    -------
    list of Path
        PNG, JPEG and WebP files.

    Raises
    ------
    InputError
        Where the folder is missing, holds no image, or holds images of a kind that browsers do not show reliably.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; name the folder of images.")
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    strange = [path for path in files if path.suffix.lower() in _OTHER_KINDS]
    if strange:
        raise InputError(
            f"{_listed(strange, folder)}: not PNG, JPEG or WebP, which every browser shows; convert to PNG."
        )
    images = [path for path in files if path.suffix.lower() in KINDS]
    if not images:
        raise InputError(f"{folder} holds no PNG, JPEG or WebP image; name the folder of images.")
    return images


def check_images(paths: Sequence[Path], folder: Path) -> None:
    """Decode every image fully, and compare all by content.

    Parameters
    ----------
    paths : sequence of Path
        Image files below `folder`.
    folder : Path
        What messages name the files relative to.

    Raises
    ------
    InputError
        Naming the files that cannot be decoded and those that are byte-identical copies of another.
    """
    from rich.progress import track

    with ThreadPoolExecutor() as pool:
        checked = pool.map(_check, paths)
        results = list(track(checked, "Checking images", total=len(paths), transient=True, disable=len(paths) < 50))
    problems = []
    broken = [path for path, (_, sound) in zip(paths, results, strict=True) if not sound]
    if broken:
        problems.append(f"{_listed(broken, folder)}: cannot be decoded; replace or remove.")
    first: dict[str, Path] = {}
    copies = []
    for path, (digest, _) in zip(paths, results, strict=True):
        original = first.setdefault(digest, path)
        if original is not path:
            copies.append(f"{path.relative_to(folder)} (same as {original.relative_to(folder)})")
    if copies:
        named = ", ".join(copies[:_NAMED]) + (f" and {len(copies) - _NAMED} more" if len(copies) > _NAMED else "")
        problems.append(f"{named}: byte-identical copies; remove them, or the same image is rated twice.")
    if problems:
        raise InputError(" ".join(problems))


def _check(path: Path) -> tuple[str, bool]:
    """An image's sha256, and whether it decodes as the kind that its name says."""
    data = path.read_bytes()
    try:
        with Image.open(path, formats=sorted(set(KINDS.values()))) as image:
            image.load()
        sound = True
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        sound = False
    return hashlib.sha256(data).hexdigest(), sound


def _listed(paths: Sequence[Path], folder: Path) -> str:
    names = [path.relative_to(folder).as_posix() for path in paths]
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
