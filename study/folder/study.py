"""A study on disk: study.yaml, items.csv, the images, and ratings.sqlite with ratings, scores and links to rate.

Where study.yaml names a PostgreSQL database, that takes the place of ratings.sqlite.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import pandas as pd

from calibration.tables.checking import check_items, records
from calibration.tables.reading import read_table
from calibration.tables.writing import csv_text
from metrics.errors import InputError, either
from metrics.files import digest_of, write_together
from metrics.text import counted, listed, quoted
from study.assignment.order import ASKED, is_asked
from study.assignment.rounds import latest_round, plan_rounds
from study.folder.config import FILE_NAME, StudyConfig, load_config
from study.folder.images import MOST_BYTES, check_images
from study.folder.links import owner_link, rater_link
from study.store.store import Store, sqlite_url
from study.store.wording import CHANGED_SINCE, fingerprint

ITEMS = "items.csv"
DATABASE = "ratings.sqlite"
_MAKE = either("study.create_study", "humangrade init")
LEFT_OPEN = tuple(f"{DATABASE}{end}" for end in ("-wal", "-shm", "-journal"))  # SQLite's, beside an open database


@dataclass(frozen=True, repr=False)
class Study:
    """An opened study.

    Attributes
    ----------
    folder : Path
        Where it stands.
    config : StudyConfig
        study.yaml.
    items : DataFrame
        items.csv, text cells: item, image, and what describes it.
    store : Store
        The database.

    Notes
    -----
    ``with open_study(folder) as study:`` closes it at the end.
    """

    folder: Path
    config: StudyConfig
    items: pd.DataFrame
    store: Store

    def image_path(self, item: str) -> Path:
        """The image file of an item."""
        return self.folder / self._row(item)["image"]

    def reference_paths(self, item: str) -> list[Path]:
        """The reference photos that belong to an item."""
        return [self.folder / path for path in split_references(self._row(item).get("references", ""))]

    def prompt(self, item: str) -> str:
        """The prompt that an item was made from; empty where items.csv does not say."""
        return self._row(item).get("prompt", "")

    def check_complete(self) -> None:
        """Raise InputError where a rated item's row or task, or an image file, is not there, or a new image is spoilt.

        New images are decoded as `humangrade init` does it, so that nobody is asked to rate what cannot be shown.
        """
        rated = self.store.rated_counts()
        for task in dict.fromkeys(task for task, _ in rated):
            if task not in self.config.tasks:
                count = sum(number for (of, _), number in rated.items() if of == task)
                raise InputError(
                    f"{self.folder / FILE_NAME} lacks the task '{task}', of which {counted(count, 'rating')} exist; "
                    "restore its name."
                )
        gone = sorted({item for _, item in rated} - set(self._rows))
        if gone:
            raise InputError(
                f"{self.folder / ITEMS} lacks {counted(len(gone), 'item')} that evaluators have rated, the first: "
                f"'{gone[0]}'; restore the rows."
            )
        paths = [path for item in self._rows for path in (self.image_path(item), *self.reference_paths(item))]
        unique = dict.fromkeys(paths)
        missing = [path for path in unique if not os.path.isfile(path)]  # noqa: PTH113 (is_file raises for long paths)
        if missing:
            raise InputError(
                f"{counted(len(missing), 'image file')} named in {self.folder / ITEMS} cannot be found, the first: "
                f"{missing[0]}; put them back, or correct the paths."
            )
        known = self.store.assigned_items()
        new = [self.image_path(item) for item in self._asked if item not in known]
        if new:
            check_images(new, self.folder)
            self._refuse_copies(new, [self.image_path(item) for item in self._rows if item in known])

    def _refuse_copies(self, new: list[Path], known: list[Path]) -> None:
        """Raise InputError where a new image has the same bytes as one that is rated already."""
        for path, original in copies(new, known):
            raise InputError(
                f"{self.folder / ITEMS}: the new image {path} is a byte-identical copy of {original}; remove its "
                "row, or the same image is rated twice."
            )

    def sync_assignments(self, note: str = "") -> int:
        """Give every evaluator what items.csv and study.yaml ask for.

        What is rated, and the order of what is assigned, never changes; what is asked for no more and was not rated
        is taken away, also where the column rate says no by now. Who has seen the report gets nothing more: their eyes
        are not fresh any longer.

        Parameters
        ----------
        note : str
            For the study's history, where anything is added.

        Returns
        -------
        int
            How many assignments were added.
        """
        self.store.remove_unrated(self._asked, self.config.tasks)
        saw_report = self.store.saw_report()
        names = [one.name for one in self.store.evaluators() if one.name not in saw_report]
        asked = self.store.asked_items() if latest_round(self.items) > 1 else []
        plan = plan_rounds(self.items, list(self.config.tasks), names, self.config.seed, asked)
        return self.store.add_assignments(plan, note)

    def write_items(self, items: pd.DataFrame) -> None:
        """Put another items table in the place of items.csv, at once or not at all; this study has it from then on."""
        check_item_columns(items, self.config, str(self.folder / ITEMS))
        write_together({self.folder / ITEMS: csv_text(items)})
        object.__setattr__(self, "items", items)
        for known in self.__dict__.keys() - {each.name for each in fields(self)}:  # what was made of the old table
            del self.__dict__[known]

    def asked(self) -> pd.DataFrame:
        """What the evaluators were asked, with the number of ratings under each wording; see `study.store.wording`."""
        wordings = self.store.wordings()
        last = {wording.task: wording.id for wording in wordings}
        rows = []
        # a task that is asked no more, and never was answered, may have been asked on another scale
        for wording in (one for one in wordings if one.ratings or one.scale == self.config.scale):
            row, now = wording.row(), self.config.tasks.get(wording.task)
            if wording.id == last[wording.task] and now is not None and fingerprint(now) != wording.fingerprint:
                row["note"] = " ".join(filter(None, [row["note"], CHANGED_SINCE]))
            rows.append(row)
        return pd.DataFrame(rows)

    def __enter__(self) -> "Study":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        images, tasks = counted(len(self.items), "image"), listed(quoted(self.config.tasks))
        return f"Study '{self.config.title}' in {self.folder}: {images}, asked: {tasks}"

    def close(self) -> None:
        """Close the database."""
        self.store.close()

    def links(self, address: str = "http://127.0.0.1:7860") -> pd.DataFrame:
        """Everybody's private link: name, link, the owner's first.

        Parameters
        ----------
        address : str
            Where the study is served, as `humangrade serve` says it.
        """
        base = address.rstrip("/")
        rows = [("owner", owner_link(base, self.store.owner_token))]
        rows += [(one.name, rater_link(base, one.token)) for one in self.store.evaluators()]
        return pd.DataFrame(rows, columns=["name", "link"])

    def progress(self) -> pd.DataFrame:
        """How far everybody is: evaluator, task, done, total, a row each."""
        rows = [(one.evaluator, one.task, one.done, one.total) for one in self.store.progress()]
        return pd.DataFrame(rows, columns=["evaluator", "task", "done", "total"])

    def ratings(self) -> pd.DataFrame:
        """All ratings, a row each: item, evaluator, task, rating, rated_at, response_ms, position, repeat."""
        return self.store.ratings_table()

    def scores(self) -> pd.DataFrame:
        """All scores: item, metric, score (NaN where there is none), signature, note (why there is none)."""
        return self.store.scores_table()

    def set_scores(self) -> pd.DataFrame:
        """All scores of sets of images: set, metric, score, n, signature, low, high, note."""
        return self.store.set_scores_table()

    def tables(self) -> dict[str, pd.DataFrame]:
        """The study's tables as a calibration takes them: items, ratings, scores, set_scores."""
        return {
            "items": self.items,
            "ratings": self.store.ratings_table(),
            "scores": self.store.scores_table(),
            "set_scores": self.store.set_scores_table(),
        }

    @cached_property
    def _rows(self) -> dict[str, dict[str, str]]:
        return {row["item"]: row for row in records(self.items)}

    @cached_property
    def _asked(self) -> list[str]:
        """The items that people are to rate."""
        return list(self.items["item"][is_asked(self.items)])

    def _row(self, item: str) -> dict[str, str]:
        try:
            return self._rows[item]
        except KeyError:
            raise InputError(
                f"{self.folder / ITEMS} has no item '{item}', but ratings of it exist; restore its row."
            ) from None


def refuse_no_study(folder: Path) -> None:
    """Raise InputError where a folder holds no study, or is a file."""
    if folder.is_file():
        is_of_study = (folder.parent / FILE_NAME).is_file()
        told = f"name the study's folder ({folder.parent})" if is_of_study else "name a study's folder"
        raise InputError(f"{folder} is a file; {told}.")
    if not (folder / FILE_NAME).is_file():
        raise InputError(f"{folder} holds no study ({FILE_NAME} is missing); make one with {_MAKE}.")


def open_study(folder: str | Path, watch: bool = False) -> Study:
    """Open a study's folder.

    Parameters
    ----------
    folder : str or Path
        The folder that holds study.yaml.
    watch : bool
        Only read its database, beside the process that writes.

    Returns
    -------
    Study

    Raises
    ------
    InputError
        Where the folder holds no study, or a file of it has errors.

    Examples
    --------
    >>> from contextlib import closing
    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image
    >>> from study import create_study
    >>> with TemporaryDirectory() as place:
    ...     Image.new("RGB", (32, 32), "white").save(Path(place) / "a.png")
    ...     create_study(Path(place) / "study", place, tasks=["aesthetic"], evaluators=["ann"]).close()
    ...     with closing(open_study(Path(place) / "study")) as study:
    ...         list(study.config.tasks), len(study.store.ratings_table())
    (['aesthetic'], 0)
    """
    folder = Path(folder)
    refuse_no_study(folder)
    config = load_config(folder / FILE_NAME)
    raw, source = read_table(folder / ITEMS)
    items = check_items(raw, source.path).frame
    check_item_columns(items, config, source.path)
    if config.database is None and not (folder / DATABASE).is_file():
        raise InputError(f"{folder} has no {DATABASE}, which holds its links and ratings; restore it.")
    store = Store(config.database or sqlite_url(folder / DATABASE), watch=watch, scale=config.scale)
    try:
        store.refuse_ratings_on_another_scale()
        if not store.is_read_only:
            store.record_missing_wordings(config.tasks)
    except BaseException:
        store.close()
        raise
    return Study(folder, config, items, store)


def copies(new: Sequence[Path], known: Sequence[Path]) -> Iterator[tuple[Path, Path]]:
    """The new images that have the same bytes as a known one, each with that."""
    sizes = {path.stat().st_size for path in new}
    alike = [path for path in known if path.stat().st_size in sizes]
    by_content = {digest_of(path, MOST_BYTES): path for path in alike if path.stat().st_size <= MOST_BYTES}
    for path in new if by_content else ():
        if original := by_content.get(digest_of(path, MOST_BYTES)):
            yield path, original


def split_references(cell: str) -> list[str]:
    """The paths in a cell of the column references.

    Examples
    --------
    >>> split_references("photos/a.png; photos/b.png")
    ['photos/a.png', 'photos/b.png']
    """
    return [path.strip() for path in cell.split(";") if path.strip()]


def check_item_columns(items: pd.DataFrame, config: StudyConfig, where: str) -> None:
    """Raise InputError where the items table lacks what the tasks show, or names a task that there is not."""
    if "image" not in items.columns:
        raise InputError(f"{where} has no column 'image'; it holds each image's path, relative to the table's folder.")
    rated = items[is_asked(items)]
    if "rate" in items.columns:
        neither = items[~items["rate"].str.strip().str.lower().isin(ASKED)]
        if len(neither):
            first = neither.iloc[0]
            raise InputError(
                f"{where}: the item '{first['item']}' has '{first['rate']}' in the column rate, which says whether "
                "people rate it: 1 or 0, yes or no; correct it, or give the column another name."
            )
        if rated.empty and len(items):
            raise InputError(f"{where}: the column rate says of every item that nobody is to rate it; write 1 at some.")
    for task, asked in config.tasks.items():
        mine = rated[rated["task"].isin(["", task])] if "task" in rated.columns else rated
        for key, column in (("show_references", "references"), ("show_prompt", "prompt")):
            lacking = mine["item"] if column not in items.columns else mine["item"][mine[column] == ""]
            if getattr(asked, key) and len(lacking):
                raise InputError(
                    f"{where}: the task {task} has {key}, but {counted(len(lacking), 'item')} have no {column}, "
                    f"the first: '{lacking.iloc[0]}'; fill the column '{column}', or say {key}: false in {FILE_NAME}."
                )
    if "task" in items.columns:
        strange = items["item"][~items["task"].isin(["", *config.tasks])]
        if len(strange):
            known = ", ".join(config.tasks)
            raise InputError(
                f"{where}: the item '{strange.iloc[0]}' is for a task that {FILE_NAME} lacks; it has {known}."
            )
