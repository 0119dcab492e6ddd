"""Making a study from a folder of images."""

import errno
import re
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Sequence, Set
from contextlib import closing
from numbers import Integral
from pathlib import Path

import pandas as pd
from sqlalchemy.exc import DBAPIError

from calibration.scale import LIKERT, Scale
from calibration.tables.checking import check_items
from calibration.tables.reading import read_table
from calibration.tables.writing import csv_text
from metrics.engine.image_folders import first_names
from metrics.errors import InputError, parameter
from metrics.files import make_folders, not_written, remove_empty
from metrics.text import is_plain, names_of
from study.assignment.order import split_items
from study.folder.config import (
    FILE_NAME,
    StudyConfig,
    TaskConfig,
    dump_config,
    page_scale,
    preset,
    refuse_password,
)
from study.folder.images import check_images, find_images
from study.folder.prompts import with_prompts
from study.folder.references import own_reference_cells, reference_cells, relative_path
from study.folder.study import DATABASE, ITEMS, LEFT_OPEN, Study, check_item_columns, open_study
from study.generation.samples import Samples, read_samples
from study.store.postgresql import drop_study, refuse_study
from study.store.store import Store, sqlite_url

UNWRITTEN = (OSError, DBAPIError)  # what a disk raises that is full or may not be written, through files and database


def create_study(
    folder: str | Path,
    images: str | Path,
    references: str | Path | None = None,
    tasks: str | Sequence[str] = ("similarity", "aesthetic"),
    evaluators: int | str | Sequence[str] = 5,
    split: bool = False,
    title: str | None = None,
    seed: int = 0,
    share_report: bool = False,
    database: str | None = None,
    scale: str | Scale | Sequence[float] | None = None,
    prompts: str | Path | None = None,
) -> Study:
    """Make a study and open it; on any error nothing is left behind.

    Parameters
    ----------
    folder : str or Path
        Where the study shall stand; it must not hold one yet.
    images : str or Path
        The generated images, read with their sub-folders: MODEL/CHECKPOINT/FILE, MODEL/FILE or FILE, or as a trainer's
        samples (`study.generation.samples.read_samples`). They are not copied. An items.csv in it (a column image,
        relative to it, and any of item, subject, model, checkpoint, prompt, seed, references, the last relative to it
        as well, and rate: 1 or 0, whether people rate it) adds what it says, and wins.
    references : str or Path, optional
        Reference photos: one of the same name for each image, or a flat folder that goes with every image, or a
        sub-folder for each subject, which is the item's subject or a folder in the image's path. Metrics use them, and
        raters see them in tasks that show them.
    tasks : str or sequence of str
        Names, or the one name; similarity, aesthetic and alignment have questions of their own.
    evaluators : int, str or sequence of str
        How many, or their names, or the one name.
    split : bool
        Each image is rated in one task only, balanced over models.
    title, seed, share_report, database
        As in study.yaml.
    scale : str, Scale or sequence of float, optional
        The levels' numbers, ``"0-4"``, ``"0,0.5,1"`` or ``[0, 0.5, 1]``; 1 to 5 unless given. See
        `study.folder.config.preset` for their words.
    prompts : str or Path, optional
        The images' prompts; see `study.folder.prompts.with_prompts`.

    Returns
    -------
    Study
        With every assignment made.

    Raises
    ------
    InputError
        For a folder that holds a study already, and for images, references, tasks or names that cannot be used.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image
    >>> with TemporaryDirectory() as place:
    ...     Image.new("RGB", (32, 32), "white").save(Path(place) / "a.png")
    ...     study = create_study(Path(place) / "study", place, tasks=["aesthetic"], evaluators=["ann", "bob"])
    ...     [one.name for one in study.store.evaluators()], study.items["item"].tolist()
    ...     study.close()
    (['ann', 'bob'], ['a.png'])
    """
    folder, images = Path(folder), Path(images)
    if folder.is_symlink() and not folder.exists():
        raise InputError(f"{folder} is a link that leads nowhere; name a new folder.")
    names = evaluator_names(evaluators)
    may_have_references = references is not None or (images / ITEMS).is_file()
    asked = _asked(names_of(tasks, "tasks"), LIKERT if scale is None else page_scale(scale), may_have_references)
    config = _config(title or folder.resolve().name, asked, seed, share_report, database)
    taken = [name for name in (FILE_NAME, ITEMS, DATABASE, *LEFT_OPEN) if (folder / name).exists()]
    if taken:
        raise InputError(f"{folder} holds {taken[0]} already; name a new folder, or remove the old study first.")
    items = items_of(images, folder)
    if prompts is not None:
        below = [relative_path(folder / image, images) for image in items["image"]]
        items = with_prompts(items, Path(prompts), below)
    if references is not None:
        found = reference_cells(items, Path(references), images, folder)
        own = items["references"] if "references" in items.columns else pd.Series("", index=items.index)
        items["references"] = own.where(own != "", found)
    if split:
        items["task"] = split_items(items, list(config.tasks), seed)
    check_item_columns(items, config, str(images))
    _write(folder, config, items, names)
    return open_study(folder)


def evaluator_names(evaluators: int | str | Sequence[str]) -> list[str]:
    """The names of so many evaluators, or of these, checked; InputError where one cannot be used."""
    if not isinstance(evaluators, (str, Sequence)) and isinstance(evaluators, Integral):
        evaluators = int(evaluators)
        if not 1 <= evaluators <= 1000:
            raise InputError(f"{parameter('evaluators')} is {evaluators}; a study has from 1 to 1000 of them.")
        return [f"evaluator-{number}" for number in range(1, evaluators + 1)]
    names = [" ".join(unicodedata.normalize("NFC", name).split()) for name in names_of(evaluators, "evaluators")]
    if not names or not all(names):
        raise InputError(
            f"{parameter('evaluators')} has an empty name; name each evaluator, or say how many there are."
        )
    awkward = [name for name in names if not is_plain(name)]
    if awkward:
        raise InputError(
            f"{parameter('evaluators')} has the name {awkward[0]!a} with a control character; leave that out."
        )
    alike = [name.casefold() for name in names]
    twice = [name for name, key in zip(names, alike, strict=True) if alike.count(key) > 1]
    if twice:
        raise InputError(
            f"{parameter('evaluators')} names '{twice[0]}' twice; every evaluator needs a name of their own."
        )
    return names


def _asked(tasks: Sequence[str], scale: Scale, has_references: bool) -> dict[str, TaskConfig]:
    """The questions of the tasks that the user named."""
    bad = [task for task in tasks if not re.fullmatch(r"[\w-]+", task)]
    if bad:
        raise InputError(f"{parameter('tasks')} names '{bad[0]}'; a task's name has letters, digits, '-' and '_' only.")
    if not tasks:
        raise InputError(f"{parameter('tasks')} is empty; name at least one task.")
    if len(set(tasks)) < len(tasks):
        raise InputError(f"{parameter('tasks')} names a task twice; name each once.")
    asked = {task: preset(task, scale) for task in tasks}
    needy = [task for task, config in asked.items() if config.show_references]
    if needy and not has_references:
        raise InputError(
            f"The task {needy[0]} shows reference photos; name their folder with {parameter('references')}, "
            f"or leave the task out with {parameter('tasks')}."
        )
    return asked


def _config(
    title: str, asked: dict[str, TaskConfig], seed: int, share_report: bool, database: str | None
) -> StudyConfig:
    if not title.strip() or not all(map(is_plain, title.strip().splitlines())):
        raise InputError(f"{parameter('title')} is {title!a}; it needs words, without control characters.")
    try:
        if database is not None:
            refuse_password(database)
    except ValueError as error:
        raise InputError(f"{parameter('database')}: {error}") from None
    return StudyConfig(title=title, seed=seed, share_report=share_report, database=database, tasks=asked)


def items_of(images: Path, folder: Path, known: Set[Path] = frozenset()) -> pd.DataFrame:
    """The items table: a row for each image, with what its path and the folder's own items.csv say of it.

    Parameters
    ----------
    images : Path
        The folder of images.
    folder : Path
        The study's, to which paths in the table are relative.
    known : set of Path
        Images that have no row in it, resolved; they are not looked at.
    """
    has_table = (images / ITEMS).is_file()
    paths = find_images(images)
    samples = Samples() if has_table else read_samples(images, paths)
    paths = [path for path in paths if path not in samples.left_out]
    is_new = [path.resolve() not in known for path in paths] if known else [True] * len(paths)
    check_images([path for path, new in zip(paths, is_new, strict=True) if new], images)
    places = place_cells([path.relative_to(images) for path in paths])
    rows = [
        {
            "item": path.relative_to(images).as_posix(),
            "image": relative_path(path, folder),
            **samples.cells.get(path, place),
        }
        for path, place in zip(paths, places, strict=True)
    ]
    items = pd.DataFrame(rows).fillna("")
    if has_table:
        items = with_own_table(items, images, folder)
    return items[is_new].reset_index(drop=True)


def place_cells(paths: Sequence[Path]) -> list[dict[str, str]]:
    """What the places of images say of them: model and checkpoint.

    A checkpoint is the number at the end of its folder's name. Names of one model that would come to the same number,
    and names whose number is only a part of one (``lr1e-4``, ``v2``), stay as they are.

    Parameters
    ----------
    paths : sequence of Path
        MODEL/CHECKPOINT/FILE, MODEL/FILE or FILE.

    Examples
    --------
    >>> place_cells([Path("anna/step-300/1.png"), Path("1.png")])
    [{'model': 'anna', 'checkpoint': '300'}, {}]
    >>> [cells["checkpoint"] for cells in place_cells([Path("m/0.5/a.png"), Path("m/lr1e-4/a.png")])]
    ['0.5', 'lr1e-4']
    """
    folders = {path.parts[:2] for path in paths if len(path.parts) > 2}
    numbers = {place: _checkpoint(place[1]) for place in folders}
    taken = Counter((model, numbers[model, name]) for model, name in folders)
    cells = []
    for path in paths:
        found = {}
        if len(path.parts) > 1:
            found["model"] = path.parts[0]
        if len(path.parts) > 2:
            model, name = path.parts[:2]
            number = numbers[model, name]
            found["checkpoint"] = number if taken[model, number] == 1 else name
        cells.append(found)
    return cells


def _checkpoint(folder: str) -> str:
    """The number at the end of a folder's name, or the name."""
    if re.search(r"\d[eE][-+]?\d+$", folder):
        return folder
    number = re.search(r"(?:^|[-_ =]|[A-Za-z]{2,})(\d+(?:\.\d+)?)$", folder)
    return number.group(1) if number else folder


def with_own_table(items: pd.DataFrame, images: Path, folder: Path) -> pd.DataFrame:
    """Add what an items.csv beside the images says; its cells win where they are not empty."""
    where = str(images / ITEMS)
    table, _ = read_table(images / ITEMS)
    if "image" not in table.columns:
        raise InputError(f"{where} has no column 'image'; it needs one with each image's path, relative to its folder.")
    table = table.replace("\r\n?", "\n", regex=True)  # a lone carriage return would end a row of CSV
    own = table.assign(image=[relative_path(images / path, folder) for path in table["image"]])
    strange = table["image"][~own["image"].isin(items["image"])]
    if len(strange):
        rows = [f"'{name}' (row {row + 2})" for row, name in zip(strange.index, strange, strict=True)]
        raise InputError(f"{where}: there is no image {first_names(rows)}; correct or remove the rows.")
    for column in {"image", "item"} & set(own.columns):
        twice = own[column][own[column].duplicated() & (own[column] != "")]
        if len(twice):
            row, name = twice.index[0] + 2, table[column][twice.index[0]]
            raise InputError(f"{where}, row {row}: the {column} '{name}' stands there twice; keep one row.")
    if "references" in own.columns:
        own["references"] = own_reference_cells(table["references"], images, folder, where)
    own = own.set_index("image")
    both = items.set_index("image")
    for column in own.columns:
        cells = own[column][own[column] != ""].reindex(both.index)
        both[column] = cells.fillna(both[column] if column in both.columns else "")
    merged = both.reset_index()
    return check_items(merged[["item", *(name for name in merged.columns if name != "item")]], where).frame


def _write(folder: Path, config: StudyConfig, items: pd.DataFrame, evaluators: list[str]) -> None:
    """Make and open the whole study beside its place, then move it there; study.yaml, which makes it one, last."""
    made: list[Path] = []
    moved: list[Path] = []
    files = (ITEMS, FILE_NAME) if config.database else (ITEMS, DATABASE, FILE_NAME)
    if config.database:
        refuse_study(config.database)
    try:
        made = make_folders(folder)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".partial-") as name:
            stage = Path(name)
            (stage / ITEMS).write_text(csv_text(items), encoding="utf-8", newline="")
            (stage / FILE_NAME).write_text(dump_config(config), encoding="utf-8")
            with closing(Store(config.database or sqlite_url(stage / DATABASE), create=True)) as store:
                store.add_evaluators(evaluators)
            with closing(open_study(stage)) as study:
                study.sync_assignments()
            for file in files:
                (stage / file).rename(folder / file)
                moved.append(folder / file)
    except UNWRITTEN as error:
        raise not_made(folder, error) from error
    finally:
        if len(moved) < len(files):
            for place in moved:
                place.unlink()
            remove_empty(made)
            if config.database:
                drop_study(config.database)


def not_made(folder: Path, error: Exception) -> InputError:
    """What is to be raised where a study's folder could not be written, for one of `UNWRITTEN`."""
    if isinstance(error, DBAPIError):
        is_full = "full" in str(error.orig)
        error = OSError(errno.ENOSPC if is_full else errno.EIO, f"its database: {error.orig}")
    return not_written(folder, error) if isinstance(error, OSError) else InputError(str(error))
