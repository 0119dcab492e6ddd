"""The files of a study's images and reference photos, and the keys under which small pictures of them are kept."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from study.dashboard.thumbnails import key_of
from study.folder.study import Study, split_references


@dataclass(frozen=True)
class Photo:
    """A reference photo: its file, and its key."""

    path: Path
    key: str


@dataclass(frozen=True)
class Pictures:
    """Files and keys.

    Attributes
    ----------
    files : list of Path
        Of the images, by place.
    keys : list of str
        Of the images, 32 hexadecimal digits: another picture at the same place has another key, and of a picture that
        is recorded as it is now the key is the beginning of its sha256.
    references : list of Photo
        Each file once.
    reference_sets : list of list of int
        Which references belong together, places in `references`.
    reference_set : list of int or None
        By image its place in `reference_sets`; None where it has no reference.
    """

    files: list[Path]
    keys: list[str]
    references: list[Photo]
    reference_sets: list[list[int]]
    reference_set: list[int | None]


def pictures_of(study: Study, images: pd.DataFrame, places: pd.DataFrame) -> Pictures:
    """The files of a study's images.

    Parameters
    ----------
    study : Study
    images : DataFrame
        item, path and sha256, as in `study.store.runs.RunStore.images`.
    places : DataFrame
        What stood where when it was read, as `study.store.runs.RunStore.places` gives it.
    """
    columns = (places[name] for name in ("item", "path", "sha256", "size", "mtime_ns"))
    read = {
        (item, path): (sha256, size, time)
        for item, path, sha256, size, time in zip(*columns, strict=True)
        if not (pd.isna(size) or pd.isna(time))
    }
    files, keys = [], []
    for item, path in zip(images["item"], images["path"], strict=True):
        file = study.folder / path  # an absolute path stays what it is
        files.append(file)
        keys.append(_key(file, read.get((item, path))))
    items = study.items
    cells = dict(zip(items["item"], items["references"], strict=True)) if "references" in items.columns else {}
    photos: dict[str, int] = {}
    sets: dict[str, int] = {}
    found: list[list[int]] = []
    mine: list[int | None] = []
    for item in images["item"]:
        cell = cells.get(item, "")
        if cell and cell not in sets:
            sets[cell] = len(found)
            found.append([photos.setdefault(path, len(photos)) for path in split_references(cell)])
        mine.append(sets[cell] if cell else None)
    references = [Photo(study.folder / path, _key(study.folder / path)) for path in photos]
    return Pictures(files, keys, references, found, mine)


def _key(file: Path, read: Sequence[object] | None = None) -> str:
    """The key of a file; `read` is its sha256, size and time of change when it was read."""
    if read is not None and read[0]:
        try:
            stat = os.stat(file)  # noqa: PTH116 (Path.stat raises for long paths)
        except (OSError, ValueError):
            return key_of(file)
        if (read[1], read[2]) == (stat.st_size, stat.st_mtime_ns):
            return key_of(file, str(read[0]))
    return key_of(file)
