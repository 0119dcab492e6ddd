"""Making a study from a folder of images."""

import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from calibration.reading import read_table
from calibration.tables import check_items, records
from metrics.errors import InputError
from study.assignments import split_items
from study.config import FILE_NAME, StudyConfig, dump_config, preset
from study.folder import DATABASE, ITEMS, Study, check_item_columns, open_study
from study.images import check_images, find_images
from study.store import Store


def create_study(
    folder: str | Path,
    images: str | Path,
    references: str | Path | None = None,
    tasks: Sequence[str] = ("similarity", "aesthetic"),
    evaluators: int | Sequence[str] = 5,
    split: bool = False,
    title: str | None = None,
    seed: int = 0,
    share_report: bool = False,
) -> Study:
    """Make a study and open it; on any error nothing is left behind.

    Parameters
    ----------
    folder : str or Path
        Where the study shall stand; it must not hold one yet.
    images : str or Path
        The generated images, read with their sub-folders: MODEL/CHECKPOINT/FILE, MODEL/FILE or FILE. They are not
        copied. An items.csv in it (a column image, relative to it, and any of item, subject, model, checkpoint,
        prompt, seed, references) adds what it says.
    references : str or Path, optional
        Reference photos: one of the same name for each image, or a flat folder that goes with every image, or a
        sub-folder for each subject, which is the item's subject or a folder in the item's path.
    tasks : sequence of str
        Names; similarity, aesthetic and alignment have questions of their own.
    evaluators : int or sequence of str
        How many, or their names.
    split : bool
        Each image is rated in one task only, balanced over models.
    title, seed, share_report
        As in study.yaml.

    Returns
    -------
    Study
        With every assignment made.

    Raises
    ------
    InputError
        For a folder that holds a study already, and for images, references, tasks or names that cannot be used.
    """
    folder, images = Path(folder), Path(images)
    names = _evaluator_names(evaluators)
    config = _config(title or folder.resolve().name, tasks, seed, share_report, references is not None)
    taken = [name for name in (FILE_NAME, ITEMS, DATABASE) if (folder / name).exists()]
    if taken:
        raise InputError(f"{folder} holds {taken[0]} already; name a new folder, or remove the old study first.")
    items = _items(images, folder)
    if references is not None and any(task.show_references for task in config.tasks.values()):
        items["references"] = _references(items, Path(references), folder)
    if split:
        items["task"] = split_items(items, list(config.tasks), seed)
    check_item_columns(items, config, str(images))
    _write(folder, config, items, names)
    study = open_study(folder)
    study.sync_assignments()
    return study


def _evaluator_names(evaluators: int | Sequence[str]) -> list[str]:
    if isinstance(evaluators, int):
        if not 1 <= evaluators <= 1000:
            raise InputError(f"--evaluators is {evaluators}; a study has from 1 to 1000 of them.")
        return [f"evaluator-{number}" for number in range(1, evaluators + 1)]
    twice = sorted({name for name in evaluators if list(evaluators).count(name) > 1})
    if twice:
        raise InputError(f"--evaluators names '{twice[0]}' twice; every evaluator needs a name of their own.")
    return list(evaluators)


def _config(title: str, tasks: Sequence[str], seed: int, share_report: bool, has_references: bool) -> StudyConfig:
    bad = [task for task in tasks if not re.fullmatch(r"[\w-]+", task)]
    if bad:
        raise InputError(f"--tasks names '{bad[0]}'; a task's name has letters, digits, '-' and '_' only.")
    if len(set(tasks)) < len(tasks):
        raise InputError("--tasks names a task twice; name each once.")
    asked = {task: preset(task) for task in tasks}
    needy = [task for task, config in asked.items() if config.show_references]
    if needy and not has_references:
        raise InputError(
            f"The task {needy[0]} shows reference photos; name their folder with --references, "
            "or leave the task out with --tasks."
        )
    return StudyConfig(title=title, seed=seed, share_report=share_report, tasks=asked)


def _items(images: Path, folder: Path) -> pd.DataFrame:
    """The items table: a row for each image, with what its path and the folder's own items.csv say of it."""
    paths = find_images(images)
    check_images(paths, images)
    rows = []
    for path in paths:
        relative = path.relative_to(images)
        row = {"item": relative.as_posix(), "image": _relative(path, folder)}
        if len(relative.parts) > 1:
            row["model"] = relative.parts[0]
        if len(relative.parts) > 2:
            number = re.search(r"(\d+)$", relative.parts[1])
            row["checkpoint"] = number.group(1) if number else relative.parts[1]
        rows.append(row)
    items = pd.DataFrame(rows).fillna("")
    return _with_own_table(items, images, folder) if (images / ITEMS).is_file() else items


def _with_own_table(items: pd.DataFrame, images: Path, folder: Path) -> pd.DataFrame:
    """Add what an items.csv beside the images says; its columns win."""
    where = str(images / ITEMS)
    table, _ = read_table(images / ITEMS)
    if "image" not in table.columns:
        raise InputError(f"{where} has no column 'image'; it needs one with each image's path, relative to its folder.")
    table["image"] = [_relative(images / path, folder) for path in table["image"]]
    strange = table["image"][~table["image"].isin(items["image"])]
    if len(strange):
        raise InputError(
            f"{where}, row {strange.index[0] + 2}: there is no image '{strange.iloc[0]}'; correct or remove the row."
        )
    if table["image"].duplicated().any():
        row = table["image"][table["image"].duplicated()].index[0]
        raise InputError(f"{where}, row {row + 2}: the image stands there twice; keep one row.")
    if "references" in table.columns:
        joined = table["references"].str.split(";")
        table["references"] = [";".join(_relative(images / path, folder) for path in each if path) for each in joined]
    both = items.set_index("image")
    own = table.set_index("image")
    for column in own.columns:
        both[column] = own[column].reindex(both.index).fillna(both[column] if column in both.columns else "")
    merged = both.reset_index()
    return check_items(merged[["item", *(name for name in merged.columns if name != "item")]], where).frame


def _references(items: pd.DataFrame, root: Path, folder: Path) -> pd.Series:
    """Each item's reference photos, ';'-separated, relative to the study's folder."""
    photos = find_images(root)
    awkward = [photo for photo in photos if ";" in str(photo)]
    if awkward:
        raise InputError(f"{awkward[0]} has a ';' in its path, which separates references in items.csv; rename it.")
    flat = [photo for photo in photos if photo.parent == root]
    if len(flat) == len(photos):
        by_stem: dict[str, list[Path]] = {}
        for photo in photos:
            by_stem.setdefault(photo.stem, []).append(photo)
        stems = [Path(item).stem for item in items["item"]]
        paired = len(photos) > 1 and all(len(by_stem.get(stem, [])) == 1 for stem in stems)
        chosen = [by_stem[stem] for stem in stems] if paired else [photos] * len(items)
    else:
        if flat:
            raise InputError(f"{flat[0]} lies beside the subjects' folders; put it into the folder of its subject.")
        chosen = [_subject_photos(row, photos, root) for row in records(items)]
    return pd.Series([";".join(_relative(photo, folder) for photo in each) for each in chosen], index=items.index)


def _subject_photos(row: dict[str, str], photos: list[Path], root: Path) -> list[Path]:
    subjects = {row["subject"]} if row.get("subject") else set(Path(row["item"]).parts[:-1])
    found = [photo for photo in photos if photo.relative_to(root).parts[0] in subjects]
    if not found:
        raise InputError(
            f"The image {row['item']} belongs to no folder of {root}; name its subject in the column 'subject' "
            "of an items.csv beside the images, or put it into a folder of the subject's name."
        )
    return found


def _relative(path: Path, folder: Path) -> str:
    """A path relative to the study's folder, so that both can be moved together."""
    return Path(os.path.relpath(path, folder)).as_posix()


def _write(folder: Path, config: StudyConfig, items: pd.DataFrame, evaluators: list[str]) -> None:
    """Write the three files beside their place and move them there; study.yaml, which makes it a study, last."""
    is_new = not folder.exists()
    stage = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(dir=folder, prefix=".partial-"))
        items.to_csv(stage / ITEMS, index=False, lineterminator="\n")
        (stage / FILE_NAME).write_text(dump_config(config), encoding="utf-8")
        store = Store(f"sqlite:///{stage / DATABASE}")
        store.add_evaluators(evaluators)
        store.close()
        for name in (ITEMS, DATABASE, FILE_NAME):
            (stage / name).rename(folder / name)
    except OSError as error:
        raise InputError(f"{folder} cannot be written ({error.strerror or error}); choose another place.") from error
    finally:
        if stage is not None:
            shutil.rmtree(stage)
        if is_new and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
