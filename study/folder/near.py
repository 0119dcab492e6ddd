"""Studies that stand beside a folder of images and have these."""

import csv
import os
from pathlib import Path

from study.folder.config import FILE_NAME

_ITEMS = "items.csv"
_MOST = 200  # folders that are looked into
_MOST_BYTES = 20_000_000


def studies_near(images: Path) -> list[Path]:
    """The studies in the current folder, or in that around the images, whose images stand in a folder.

    Parameters
    ----------
    images : Path

    Returns
    -------
    list of Path
        As a command run from here would name them.
    """
    around = {place.resolve(): place for place in (Path(), images.parent)}
    found: dict[Path, Path] = {}
    for place in around.values():
        try:
            folders = [place, *sorted(each for each in place.iterdir() if each.is_dir())][:_MOST]
        except OSError:
            continue
        for folder in folders:
            if (folder / FILE_NAME).is_file() and _has(folder, images.resolve()):
                found.setdefault(folder.resolve(), folder)
    return list(found.values())


def _has(study: Path, images: Path) -> bool:
    """Whether a study's table names an image below a folder."""
    table = study / _ITEMS
    try:
        if table.stat().st_size > _MOST_BYTES:
            return False
        with table.open(newline="", encoding="utf-8") as file:
            cells = {row.get("image") or "" for row in csv.DictReader(file)}
    except (OSError, ValueError, csv.Error):
        return False
    root = study.resolve()
    return any(cell and Path(os.path.normpath(root / cell)).is_relative_to(images) for cell in cells)
