"""Adding images to a study whose first ones are rated already: a new round, with old images among the new ones.

Checkpoints that are rated in different rounds, perhaps by different people, are comparable only as far as it is known
how the rounds differ. So a share of the rated images, the anchors, is asked again.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from calibration.people.rounds import LEAST_IMAGES
from calibration.tables.checking import check_items
from calibration.tables.reading import read_table
from metrics.engine.image_folders import first_names
from metrics.errors import InputError, parameter
from metrics.text import counted
from study.assignment.order import plan_assignments, split_items
from study.assignment.rounds import ADDED, AGAIN, choose_anchors, latest_round
from study.folder.create import evaluator_names, items_of
from study.folder.references import reference_cells
from study.folder.serving_lock import only_server
from study.folder.study import ITEMS, Study, check_item_columns, copies
from study.store.records import AssignmentNames

ANCHORS = 0.10
"""The share of the rated images that is asked again, unless said otherwise; and as many as the report needs."""

_OTHERWISE = "stop it, add the images, and serve again"  # than to be served


@dataclass(frozen=True)
class Growth:
    """What was added to a study.

    Attributes
    ----------
    round : int
        The round in which the new images are rated.
    images : tuple of str
        The new items.
    anchors : tuple of str
        The old items that are asked again in this round.
    asked : dict of str to int
        By evaluator: how many images they have to rate more, over all tasks.
    saw_report : tuple of str
        Who gets nothing more to rate, having seen the report.
    for_rating : int
        How many of the new images people are asked about.
    rated : int
        How many old images could have been asked again; where each is in one task only, in the task with the fewest.
    fewest_anchors : int
        How many are; of the same tasks the fewest.
    """

    round: int
    images: tuple[str, ...]
    anchors: tuple[str, ...]
    asked: dict[str, int]
    saw_report: tuple[str, ...]
    for_rating: int
    rated: int
    fewest_anchors: int

    @property
    def sentences(self) -> list[str]:
        """What was done, in words."""
        new = f"{counted(len(self.images), 'image')} added"
        if self.for_rating < len(self.images):
            new += f", {self.for_rating:,} of them for rating,"
        if not self.images:
            said = ["No image is new; what was left to give to evaluators is given."]
        elif self.round == 1:
            said = [f"{new.rstrip(',')}; nothing was rated yet, so there is one round."]
        elif self.anchors:
            count = len(self.anchors)
            said = [
                f"{new} as round {self.round}; {count:,} that {'was' if count == 1 else 'were'} rated before "
                f"{'is' if count == 1 else 'are'} asked again among them"
                + (", to tell what the round changes." if self.fewest_anchors >= LEAST_IMAGES else f". {self._too_few}")
            ]
        else:
            said = [
                f"{new} as round {self.round}; none that was rated before is asked again, so what the round "
                "changes cannot be told."
            ]
        said += [f"{name}: {counted(number, 'image')} more to rate." for name, number in self.asked.items()]
        if self.saw_report:
            said.append(f"Nothing further to rate for {', '.join(self.saw_report)}: they have seen the report.")
        return said

    @property
    def _too_few(self) -> str:
        """That the anchors do not suffice, and what would have."""
        said = (
            f"That is too few to tell what the round changes: it takes {LEAST_IMAGES} in each task, and there "
            f"{'is' if self.fewest_anchors == 1 else 'are'} {self.fewest_anchors}"
        )
        if self.rated < LEAST_IMAGES:
            return f"{said} of {self.rated} that were rated."
        share = math.ceil(100 * LEAST_IMAGES / self.rated) / 100
        return f"{said}; next time a share of {share:g} (--anchors) would do."


def add_images(
    study: Study,
    images: str | Path,
    anchors: float | None = None,
    seed: int | None = None,
    *,
    references: str | Path | None = None,
    evaluators: str | Sequence[str] = (),
) -> Growth:
    """Add the images of a folder that a study has not yet, to be rated in a round of their own.

    Parameters
    ----------
    study : Study
        An opened study that no server has; its table of items is the new one afterwards.
    images : str or Path
        A folder as `study.folder.create.create_study` takes it. It may be the same folder with more images in it, or
        another one; images that are items already are passed over.
    anchors : float, optional
        The share of the rated images, from 0 to 1, that is asked again among the new ones: of everybody who rated
        them, and of those who join now. Balanced over models and checkpoints. Unless given a tenth, and of each task
        five images at least, fewer of which tell nothing of the round.
    seed : int, optional
        For the choice of anchors; the study's unless given.
    references : str or Path, optional
        Reference photos of the new images. Without it they have those that all images of their subject have already.
    evaluators : str or sequence of str
        Names of people, or the one name, who join in this round; they rate its images and anchors, and not
        the rounds before.

    Returns
    -------
    Growth
        Where nothing is rated yet, the images join the first round.

    Raises
    ------
    InputError
        Where a server has the study, the folder holds nothing new, or an image cannot be used; the study is as it was
        then.

    Notes
    -----
    What is there stays: items with their cells, assignments, ratings. items.csv is replaced at once, and names the
    round and its anchors in two columns; the assignments are made from these in one transaction. Where the computer
    stops between the two, the next call, or serving the study, makes them.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image
    >>> from study.folder.create import create_study
    >>> with TemporaryDirectory() as place:
    ...     for name, colour in (("a", "red"), ("b", "green")):
    ...         Image.new("RGB", (32, 32), colour).save(Path(place) / f"{name}.png")
    ...     study = create_study(Path(place) / "study", place, tasks=["look"], evaluators=["ann"])
    ...     for one in study.store.assignments(1):  # the rating page does this
    ...         saved = study.store.rate(1, one.public_id, 3, one.item)
    ...     Image.new("RGB", (32, 32), "blue").save(Path(place) / "c.png")
    ...     grown = add_images(study, place)
    ...     study.close()
    >>> grown.round, grown.images, len(grown.anchors), grown.asked
    (2, ('c.png',), 2, {'ann': 3})
    """
    images = Path(images)
    names = evaluator_names(evaluators) if evaluators else []
    _refuse_to_grow(study, anchors)
    with only_server(study.folder, _OTHERWISE):
        table, source = read_table(study.folder / ITEMS)  # as it is now that nobody else can change it
        old = check_items(table, source.path).frame
        new = _new_items(study, old, images)
        rated = {item for _, item in study.store.rated_counts()}
        number, chosen = latest_round(old), []
        if len(new):
            new = _with_photos(new, old, study, images, None if references is None else Path(references))
            new = _with_tasks(new, old, study)
            if rated:
                number += 1
                share, least = (ANCHORS, LEAST_IMAGES) if anchors is None else (anchors, 0)
                seed = study.config.seed if seed is None else seed
                chosen = choose_anchors(old, rated, share, seed, number, least)
            joined = _joined(old, new, number, chosen)
            check_item_columns(joined, study.config, str(images / ITEMS))
            study.write_items(joined)
        before = {one.key for one in study.store.asked_items()}
        study.store.add_evaluators(names)
        made = study.sync_assignments(_note(number, len(new), len(chosen)))
        if not made and not len(new):
            raise InputError(f"{images} holds no image that the study lacks; draw or copy new ones into it first.")
    return _growth(study, number, before, new, old[old["item"].isin(rated)])


def check_can_grow(study: Study, anchors: float | None = None) -> None:
    """Raise InputError where images could not be added as the study stands now, before they are made at great length.

    Parameters
    ----------
    study : Study
    anchors : float, optional
        As `add_images` takes it.
    """
    _refuse_to_grow(study, anchors)
    with only_server(study.folder, _OTHERWISE):
        return


def _refuse_to_grow(study: Study, anchors: float | None) -> None:
    if anchors is not None and not 0 <= anchors <= 1:
        raise InputError(f"{parameter('anchors')} is {anchors:g}; it is a share from 0 to 1, such as 0.1 for a tenth.")
    if study.store.is_read_only:
        raise InputError(f"{study.folder} cannot be written, so nothing can be added; make it writable, or copy it.")


def _new_items(study: Study, old: pd.DataFrame, images: Path) -> pd.DataFrame:
    """The rows of images that the study lacks."""
    known = {(study.folder / image).resolve(): item for item, image in zip(old["item"], old["image"], strict=True)}
    new = items_of(images, study.folder, known.keys())
    places = {item: (study.folder / image).resolve() for item, image in zip(new["item"], new["image"], strict=True)}
    alike = list(copies(list(places.values()), [path for path in known if path.is_file()]))
    same = {path: original for path, original in alike if places.get(known[original]) == path}  # a copy of the folder
    others = [f"{path} (same as {original})" for path, original in alike if path not in same]
    if others:
        raise InputError(
            f"{first_names(others)}: byte-identical copies of images that the study has; remove them, or the same "
            "image is rated twice."
        )
    new = new[pd.Series([places[item] not in same for item in new["item"]], index=new.index, dtype=bool)]
    taken = [f"'{item}'" for item in new["item"][new["item"].isin(old["item"])]]
    if taken:
        raise InputError(
            f"{images} has other images under names of items that the study has: {first_names(taken)}; rename the new "
            "images, or their folders."
        )
    return new.reset_index(drop=True)


def _with_photos(
    new: pd.DataFrame, old: pd.DataFrame, study: Study, images: Path, references: Path | None
) -> pd.DataFrame:
    """The new rows with reference photos, where the study shows any, or has any for metrics."""
    own = new["references"] if "references" in new.columns else pd.Series("", index=new.index)
    if references is not None:
        found = reference_cells(new, references, images, study.folder)
    else:
        found = pd.Series(known_photos(new, old), index=new.index, dtype=object)
    shows = any(task.show_references for task in study.config.tasks.values())
    if not shows and (found == "").all():
        return new
    new = new.assign(references=own.where(own != "", found))
    lacking = new["item"][(new["references"] == "") & new["item"].isin(_asked(new, study))]
    if shows and len(lacking):
        raise InputError(
            f"{counted(len(lacking), 'new image')} {'has' if len(lacking) == 1 else 'have'} no reference photos, the "
            f"first: '{lacking.iloc[0]}'; name their folder with {parameter('references')}."
        )
    return new


def known_photos(new: pd.DataFrame, old: pd.DataFrame) -> list[str]:
    """For each new item the photos that all old ones of its subject have, or all old ones; "" where they differ."""
    cells = old["references"] if "references" in old.columns else pd.Series("", index=old.index)
    for_all = cells.iloc[0] if cells.nunique() == 1 else ""
    by = next((name for name in ("subject", "model") if name in new.columns and name in old.columns), None)
    if by is None:
        return [for_all] * len(new)
    of_group = {name: group.iloc[0] for name, group in cells.groupby(old[by]) if name and group.nunique() == 1}
    return [of_group.get(name, for_all) for name in new[by]]


def _with_tasks(new: pd.DataFrame, old: pd.DataFrame, study: Study) -> pd.DataFrame:
    """The new rows, each in one task only where that holds for all old ones."""
    if "task" in new.columns or "task" not in old.columns:
        return new
    if (old["task"][old["item"].isin(_asked(old, study))] == "").any():
        return new
    return new.assign(task=split_items(new, list(study.config.tasks), study.config.seed))


def _asked(items: pd.DataFrame, study: Study) -> set[str]:
    """The items that people are asked about."""
    return {row["item"] for row in plan_assignments(items, list(study.config.tasks), ["anybody"], study.config.seed)}


def _joined(old: pd.DataFrame, new: pd.DataFrame, number: int, anchors: Sequence[str]) -> pd.DataFrame:
    """The table of items with the new rows at its end."""
    if number > 1:
        again = old[AGAIN] if AGAIN in old.columns else pd.Series("", index=old.index)
        is_anchor = old["item"].isin(anchors)
        marked = again.where(~is_anchor, (again + ";").str.lstrip(";") + str(number))
        old = old.assign(**{ADDED: old.get(ADDED, ""), AGAIN: marked})
        new = new.assign(**{ADDED: str(number), AGAIN: ""})
    return pd.concat([old, new], ignore_index=True).fillna("")


def _note(number: int, images: int, anchors: int) -> str:
    if not images:
        return f"Round {number}: what was left to give was given."
    return f"Round {number}: {counted(images, 'image')} added, {anchors} of those rated before asked again."


def _growth(study: Study, number: int, before: set[AssignmentNames], new: pd.DataFrame, rated: pd.DataFrame) -> Growth:
    """What is there now that was not."""
    asked: dict[str, int] = {}
    for one in study.store.asked_items():
        if one.key not in before:
            asked[one.evaluator] = asked.get(one.evaluator, 0) + 1
    items = study.items
    again = items[AGAIN] if AGAIN in items.columns else pd.Series("", index=items.index)
    anchors = items["item"][[str(number) in cell.split(";") for cell in again]]
    tasks = rated["task"] if "task" in rated.columns else pd.Series("", index=rated.index)
    by_task = rated["item"].isin(anchors).groupby(tasks).agg(["sum", "size"])
    return Growth(
        number,
        tuple(new["item"]),
        tuple(anchors),
        asked,
        tuple(sorted(study.store.saw_report())),
        len(_asked(new, study)) if len(new) else 0,
        int(by_task["size"].min()) if len(by_task) else 0,
        int(by_task["sum"].min()) if len(by_task) else 0,
    )
