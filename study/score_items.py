"""What is scored: a study's items, or a folder of images with its references and prompts."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from rich.progress import track

from calibration.reading import MOST_BYTES, decoded, read_table
from calibration.report import natural_order
from calibration.tables import check_items, counted, records
from metrics.errors import InputError
from metrics.files import read_input
from metrics.images import ImageSource, UnreadableImage, images_below
from metrics.scoring import Item
from study.create import place_cells
from study.folder import Study, split_references
from study.references import reference_cells


@dataclass(frozen=True)
class Collection:
    """What is scored, and the files that could not be read at all, each with the reason."""

    items: list[Item]
    unreadable: dict[Path, str]


def study_collection(study: Study) -> Collection:
    """A study's items.

    Raises
    ------
    InputError
        Where an image file that items.csv names is missing.
    """
    study.check_complete()
    return _collection(records(study.items), study.folder)


def folder_collection(images: Path, references: Path | None = None, prompts: Path | None = None) -> Collection:
    """The images below a folder.

    Parameters
    ----------
    images : Path
        Read with its sub-folders: MODEL/CHECKPOINT/FILE, MODEL/FILE or FILE.
    references : Path, optional
        Photos, as `study.references.reference_cells` takes them.
    prompts : Path, optional
        A table (CSV or Parquet) of item (the image's path below the folder) and prompt, or a text file with one prompt
        a line, in the natural order of the images' names (2.png before 10.png), or with a single prompt for all.

    Raises
    ------
    InputError
        For a folder without images, references that fit no image, and prompts that leave the images unclear.
    """
    names = [path.relative_to(images) for path in images_below(images)]
    rows = [
        {"item": name.as_posix(), "image": name.as_posix(), **place}
        for name, place in zip(names, place_cells(names), strict=True)
    ]
    items = pd.DataFrame(rows).fillna("")
    if references is not None:
        items["references"] = reference_cells(items, references, images, images)
    if prompts is not None:
        items["prompt"] = _prompts(prompts, list(items["item"]))
    return _collection(records(items), images)


def _collection(rows: Sequence[Mapping[str, str]], folder: Path) -> Collection:
    photos = {row["item"]: [folder / path for path in split_references(row.get("references", ""))] for row in rows}
    paths = [folder / row["image"] for row in rows] + [path for each in photos.values() for path in each]
    sources, unreadable = read_sources(list(dict.fromkeys(paths)))
    items = [
        Item(
            row["item"],
            sources[folder / row["image"]],
            tuple(sources[path] for path in photos[row["item"]] if path in sources),
            row.get("prompt", ""),
            "/".join(filter(None, (row.get("model"), row.get("checkpoint")))) or "all",
        )
        for row in rows
        if folder / row["image"] in sources
    ]
    return Collection(items, unreadable)


def read_sources(paths: Sequence[Path]) -> tuple[dict[Path, ImageSource], dict[Path, str]]:
    """The files' contents by their sha256, and those that could not be read, each with the reason."""
    sources, unreadable = {}, {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(_source, paths)
        shown = track(found, "Reading files", total=len(paths), transient=True, disable=len(paths) < 2000)
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


def _prompts(path: Path, items: list[str]) -> list[str]:
    """Each item's prompt."""
    if path.suffix.lower() == ".txt":
        return _prompt_lines(path, items)
    raw, _ = read_table(path)
    if "item" not in raw.columns:
        raise InputError(f"{path} has no column 'item', which names the images; give the columns item and prompt.")
    table = check_items(raw, str(path)).frame
    if "prompt" not in table.columns:
        raise InputError(
            f"{path} has no column 'prompt'; give the columns item and prompt, or a text file, a line each."
        )
    by_item = dict(zip(table["item"], table["prompt"], strict=True))
    lacking = [item for item in items if item not in by_item]
    if len(lacking) == len(items):
        raise InputError(f"{path} names none of the images as an item; it must name them as '{items[0]}'.")
    strange = [item for item in by_item if item not in set(items)]
    if strange and lacking:
        raise InputError(
            f"{path} names '{strange[0]}', which is none of the images, and has no prompt for '{lacking[0]}'; correct "
            "the names."
        )
    return [by_item.get(item, "") for item in items]


def _prompt_lines(path: Path, items: list[str]) -> list[str]:
    text = decoded(path, read_input(path, MOST_BYTES, "check the path"), "save it as UTF-8")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) == 1:
        return lines * len(items)
    if len(lines) != len(items):
        raise InputError(
            f"{path} has {counted(len(lines), 'prompt')} for {counted(len(items), 'image')}; give one line an image, "
            "one line for all, or a table of item and prompt."
        )
    in_order = dict(zip(sorted(items, key=natural_order), lines, strict=True))  # 2.png before 10.png
    return [in_order[item] for item in items]
