"""Which reference photos go with which image, and how the items table says so."""

import os
from pathlib import Path

import pandas as pd

from calibration.tables.checking import records
from metrics.engine.image_folders import first_names
from metrics.errors import InputError
from study.folder.images import check_images, find_images
from study.folder.study import split_references


def reference_cells(items: pd.DataFrame, root: Path, images: Path, folder: Path) -> pd.Series:
    """Each item's photos from a folder of references.

    Parameters
    ----------
    items : DataFrame
        item, image (relative to `folder`) and, optionally, subject.
    root : Path
        Photos in sub-folders go with the items of that subject, or with the images below a folder of that name.
        Photos without sub-folders go each with the images of its own name where that holds for most images, and
        else all with every image.
    images : Path
        The folder of images.
    folder : Path
        The study's folder.

    Returns
    -------
    Series of str
        Paths relative to `folder`, ';'-separated, with the index of `items`.

    Raises
    ------
    InputError
        For photos that cannot be used, and for an item that has none or might have several subjects' photos.
    """
    if not root.is_dir():
        raise InputError(f"{root} is not a folder; name the folder of reference photos.")
    photos = find_images(root)
    check_images(photos, root, refuse_copies=False)
    places = [Path(os.path.relpath(folder.resolve() / image, images.resolve())) for image in items["image"]]
    in_root = [photo for photo in photos if photo.parent == root]
    if len(in_root) == len(photos):
        chosen = _paired(places, photos, root) or [photos] * len(items)
    elif in_root:
        raise InputError(f"{in_root[0]} lies beside the subjects' folders; put it into the folder of its subject.")
    else:
        chosen = [_subject_photos(row, place, photos, root) for row, place in zip(records(items), places, strict=True)]
    return pd.Series([_cell(each, folder) for each in chosen], index=items.index, dtype=object)


def own_reference_cells(cells: pd.Series, images: Path, folder: Path, where: str) -> list[str]:
    """The references of an items.csv beside the images, checked and relative to the study's folder.

    Raises
    ------
    InputError
        For a photo that is missing or cannot be decoded.
    """
    chosen = [[images / path for path in split_references(cell)] for cell in cells]
    missing: list[str] = []
    for number, photos in enumerate(chosen):
        missing += [f"{photo} (row {number + 2})" for photo in photos if not photo.is_file()]
    if missing:
        raise InputError(f"{where}: there is no reference photo {first_names(missing)}; correct the paths.")
    check_images(list(dict.fromkeys(photo for photos in chosen for photo in photos)), images, refuse_copies=False)
    return [_cell(photos, folder) for photos in chosen]


def relative_path(path: Path, folder: Path) -> str:
    """A path relative to the study's folder, so that both can be moved together; true behind links to folders too."""
    return Path(os.path.relpath(path.parent.resolve() / path.name, folder.resolve())).as_posix()


def _paired(places: list[Path], photos: list[Path], root: Path) -> list[list[Path]] | None:
    """Each image's photo of the same name; None where fewer than half of the images have one."""
    by_stem: dict[str, list[Path]] = {}
    for photo in photos:
        by_stem.setdefault(photo.stem, []).append(photo)
    found = [by_stem.get(place.stem, []) for place in places]
    if 2 * sum(map(bool, found)) < len(found):
        return None
    for place, pair in zip(places, found, strict=True):
        if len(pair) != 1:
            number = "several photos" if pair else "no photo"
            raise InputError(
                f"{root} has a photo of the same name for most images, but {number} for {place.as_posix()}; "
                "give each image one, or name the photos differently so that all go with every image."
            )
    return found


def _subject_photos(row: dict[str, str], place: Path, photos: list[Path], root: Path) -> list[Path]:
    subjects = {row["subject"]} if row.get("subject") else set(place.parts[:-1])
    matching = sorted({photo.relative_to(root).parts[0] for photo in photos} & subjects)
    if len(matching) > 1:
        raise InputError(
            f"The image {row['item']} lies below folders of two subjects, {matching[0]} and {matching[1]}; name its "
            "subject in the column 'subject' of an items.csv beside the images."
        )
    if not matching:
        raise InputError(
            f"The image {row['item']} belongs to no folder of {root}; name its subject in the column 'subject' "
            "of an items.csv beside the images, or put it into a folder of the subject's name."
        )
    return [photo for photo in photos if photo.relative_to(root).parts[0] == matching[0]]


def _cell(photos: list[Path], folder: Path) -> str:
    paths = [relative_path(photo, folder) for photo in photos]
    awkward = [path for path in paths if ";" in path]
    if awkward:
        raise InputError(f"{awkward[0]} has a ';' in its path, which separates references in items.csv; rename it.")
    return ";".join(paths)
