"""What is scored: a study's items, or a folder of images with its references and prompts."""

import os
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd
from rich.progress import track

from calibration.tables.checking import records
from metrics.engine.image_folders import folder_notes, images_below
from metrics.engine.images import ImageSource, UnreadableImage
from metrics.engine.types import Item
from study.folder.create import place_cells, with_own_table
from study.folder.prompts import read_prompts
from study.folder.recorded_prompts import with_known_prompts
from study.folder.references import reference_cells
from study.folder.study import ITEMS, Study, split_references


@dataclass(frozen=True)
class Collection:
    """What is scored, the files that could not be read at all, each with the reason, and what is to be known of it.

    The rows are those of the items table that the items come from, with all its columns, in the same order.
    """

    items: list[Item]
    unreadable: dict[Path, str]
    notes: list[str] = field(default_factory=list)
    rows: list[dict[str, str]] = field(default_factory=list)


def study_collection(study: Study) -> Collection:
    """A study's items, with the prompts that its record knows where items.csv does not say them.

    Raises
    ------
    InputError
        Where an image file that items.csv names is missing.
    """
    study.check_complete()
    return _collection(records(with_known_prompts(study)), study.folder)


def folder_collection(images: Path, references: Path | None = None, prompts: Path | None = None) -> Collection:
    """The images below a folder.

    Parameters
    ----------
    images : Path
        Read with its sub-folders: MODEL/CHECKPOINT/FILE, MODEL/FILE or FILE. An items.csv in it counts as it does when
        a study is made.
    references : Path, optional
        Photos, as `study.folder.references.reference_cells` takes them.
    prompts : Path, optional
        A table, a text file or a folder of captions, as `study.folder.prompts.read_prompts` takes them.

    Raises
    ------
    InputError
        For a folder without images, references that fit no image, and prompts that leave the images unclear.
    """
    paths = images_below(images)
    has_table = (images / ITEMS).is_file()
    notes = folder_notes(images, [] if has_table else paths)
    names = [path.relative_to(images) for path in paths]
    rows = [
        {"item": name.as_posix(), "image": name.as_posix(), **place}
        for name, place in zip(names, place_cells(names), strict=True)
    ]
    items = pd.DataFrame(rows).fillna("")
    if has_table:
        items = with_own_table(items, images, images)
        notes.append(f"{images / ITEMS} says what belongs to the images.")
    if references is not None:
        items["references"] = photos_of(items, references, images)
    if prompts is not None:
        below = [Path(os.path.normpath(image)).as_posix() for image in items["image"]]
        items["prompt"] = read_prompts(prompts, list(items["item"]), below)
    collection = _collection(records(items), images)
    return replace(collection, notes=notes)


def photos_of(items: pd.DataFrame, references: Path, images: Path) -> pd.Series:
    """Each image's photos, as `study.folder.references.reference_cells` gives them.

    The base model's images are of no subject where several checkpoints share them, and then have no photos where these
    are of several subjects.
    """
    nobody = pd.Series(False, index=items.index)
    if {"kind", "subject"} <= set(items.columns) and any(path.is_dir() for path in references.glob("*")):
        without = items["subject"] == ""
        if not without.all():
            nobody = (items["kind"] == "base") & without
    cells = reference_cells(items[~nobody], references, images, images)
    return cells.reindex(items.index, fill_value="")


def _collection(rows: Sequence[Mapping[str, str]], folder: Path) -> Collection:
    photos = {
        row["item"]: [_straight(folder / path) for path in split_references(row.get("references", ""))] for row in rows
    }
    paths = [folder / row["image"] for row in rows] + [path for each in photos.values() for path in each]
    sources, unreadable = read_sources(list(dict.fromkeys(paths)))
    readable = [dict(row) for row in rows if folder / row["image"] in sources]
    items = [
        Item(
            row["item"],
            sources[folder / row["image"]],
            tuple(sources[path] for path in photos[row["item"]] if path in sources),
            row.get("prompt", ""),
            "/".join(filter(None, (row.get("model"), row.get("checkpoint")))) or "all",
        )
        for row in readable
    ]
    return Collection(items, unreadable, rows=readable)


def _straight(path: Path) -> Path:
    """A path without a way up and down again, as messages name it."""
    if ".." not in path.parts:
        return path
    place = path.parent.resolve() / path.name
    return place.relative_to(Path.cwd()) if place.is_relative_to(Path.cwd()) and not path.is_absolute() else place


def read_sources(paths: Sequence[Path]) -> tuple[dict[Path, ImageSource], dict[Path, str]]:
    """The files' contents by their sha256, and those that could not be read, each with the reason."""
    sources, unreadable = {}, {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(_source, paths)
        is_hidden = len(paths) < 2000 or not sys.stdout.isatty()  # rich takes a notebook for a terminal, and warns
        shown = track(found, "Reading files", total=len(paths), transient=True, disable=is_hidden)
        for path, source in zip(paths, shown, strict=True):
            if isinstance(source, ImageSource):
                sources[path] = source
            else:
                unreadable[path] = source
    return sources, unreadable


def _source(path: Path) -> ImageSource | str:
    try:
        return ImageSource.of(path)
    except UnreadableImage as error:
        return str(error)
