"""What the gate and the best checkpoint take from a study: its record of runs, after what is new was recorded."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from calibration.core.resampling import RESAMPLING, Resampling
from calibration.decision.from_tables import StudyTables
from metrics.engine.run import Progress
from metrics.text import counted, listed
from study.folder.study import Study
from study.runs.record import New, find_new, record_study

_COLUMNS = ("model", "checkpoint", "step", "epoch", "kind", "subject", "prompt", "negative", "group", "seed")


@dataclass(frozen=True)
class Standing:
    """What counts of a study now, as `study.store.runs.RunStore` gives it.

    Attributes
    ----------
    images, values, set_values : DataFrame
        As the record's; an image that the record lacks has a negative image_id, and no moment.
    new : New
        What the record lacks, which is among them.
    """

    images: pd.DataFrame
    values: pd.DataFrame
    set_values: pd.DataFrame
    new: New


def study_tables(
    study: Study,
    task: str = "",
    lower_is_better: Sequence[str] = (),
    higher_is_better: Sequence[str] = (),
    resampling: Resampling = RESAMPLING,
    is_recorded: bool = False,
    progress: Progress | None = None,
) -> StudyTables:
    """A study's images with their checkpoints, scores and ratings, checked, as its record of runs has them.

    What is new in the study is recorded first, also beside a server. An image outside the study, such as one that
    `humangrade track` found in a trainer's folder, has its path as its item. A study that is only read is not changed:
    what is new in it counts without being recorded, and a note says so.

    Parameters
    ----------
    study : Study
    task : str
        Whose ratings count; may be left out where there is one task.
    lower_is_better, higher_is_better : sequence of str
        Metrics whose direction is not known.
    resampling : Resampling
    is_recorded : bool
        Nothing is new since the caller recorded it; it is not looked for again.
    progress : Progress, optional
        Told of every new file that is read.

    Returns
    -------
    StudyTables

    Raises
    ------
    InputError
        Where the study's images name no checkpoints or a step that is no whole number, or several tasks were rated
        and none is named.
    """
    notes: tuple[str, ...] = ()
    if study.store.is_read_only:
        found = as_it_stands(study)
        images, values = last_of_each(found.images), found.values
        notes = (*found.new.notes, *_not_recorded(found.new))
    else:
        notes = () if is_recorded else record_study(study, progress=progress).notes
        images, values = last_of_each(study.store.runs.images()), study.store.runs.values()
    return StudyTables(
        items_of(images, study),
        scores_of(values, images),
        study.ratings(),
        task,
        study.config.scale,
        lower_is_better,
        higher_is_better,
        resampling,
        notes=notes,
    )


def as_it_stands(study: Study) -> Standing:
    """The record of runs with what it lacks of the study, without recording that and without reading images.

    Of files that are not in the record as they are now the content is unknown, or taken for what it was.

    Raises
    ------
    InputError
        For a step that is no whole number.
    """
    new = find_new(study, read_files=False)
    images, values, sets = new.record.images, new.record.values, new.record.set_values
    if not new:
        return Standing(images, values, sets, new)
    told = new.images.drop(columns=["size", "mtime_ns"], errors="ignore")
    told = told.assign(image_id=-1 - np.arange(len(told)))
    changed = [*new.gone, *(told["item"] if len(told) else ())]
    images = _with(images[~images["item"].isin(changed)], told)
    numbers = images[images["item"] != ""].set_index("item")["image_id"]
    fresh = new.values.assign(image_id=new.values["item"].map(numbers).astype("Int64"))
    kept = values[values["image_id"].isin(images["image_id"])]
    again = pd.MultiIndex.from_frame(kept[["image_id", "metric"]]).isin(
        pd.MultiIndex.from_frame(fresh[["image_id", "metric"]])
    )
    return Standing(images, _with(kept[~again], fresh), _with_sets(sets, new.set_values), new)


def _with(known: pd.DataFrame, more: pd.DataFrame) -> pd.DataFrame:
    """Rows of one kind with more of them, in the columns and types of the first."""
    if more.empty:
        return known.reset_index(drop=True)
    rows = more.reindex(columns=known.columns)
    for name, kind in known.dtypes.items():
        cells = rows[name]
        is_number = pd.api.types.is_numeric_dtype(kind)
        rows[name] = cells.astype(kind) if is_number else cells.astype(object).where(cells.notna(), "")
    return pd.concat([known, rows], ignore_index=True) if len(known) else rows.reset_index(drop=True)


def _with_sets(known: pd.DataFrame, more: pd.DataFrame) -> pd.DataFrame:
    """The last value of each checkpoint, group and metric; one that is new has its checkpoint's step elsewhere."""
    both = _with(known, more)
    return both.drop_duplicates(["model", "checkpoint", "group", "metric"], keep="last", ignore_index=True)


def _not_recorded(new: New) -> list[str]:
    """What is to be known of a study that is only read."""
    if not new:
        return []
    kinds = ((len(new.images), "image"), (len(new.values) + len(new.set_values), "score"))
    said = [counted(number, noun) for number, noun in kinds if number] or ["what left it"]
    return [
        f"The study is only read here, so what is new in it ({listed(said)}) was not recorded; it counts all the same."
    ]


def last_of_each(images: pd.DataFrame) -> pd.DataFrame:
    """Without pictures outside the study of a prompt and seed that is there again, as where a training was resumed.

    The study's item counts, or else the picture that was recorded last.
    """
    of = ["model", "checkpoint", "subject", "prompt", "negative", "group", "seed"]
    in_order = images.sort_values("item", key=lambda items: items != "", kind="stable")
    again = in_order.duplicated(of, keep="last").reindex(images.index)
    is_known = (images["prompt"] != "") & (images["seed"] != "")
    return images[~(again & is_known & (images["item"] == ""))].reset_index(drop=True)


def items_of(images: pd.DataFrame, study: Study) -> pd.DataFrame:
    """The images as an items table, the study's in its order; columns in which nothing is known are left out."""
    order = {item: place for place, item in enumerate(study.items["item"])}
    images = images.sort_values("item", key=lambda names: names.map(order), kind="stable", ignore_index=True)
    table = pd.DataFrame({"item": _names(images)})
    for name in _COLUMNS:
        cells = images[name].astype(object).where(images[name].notna(), "").map(str)
        if (cells != "").any():
            table[name] = cells
    return table


def scores_of(values: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """The values as a scores table."""
    named = images.assign(item=_names(images))[["image_id", "item"]]
    found = values.drop(columns="item").merge(named, on="image_id")
    return found[["item", "metric", "score", "signature", "note"]].sort_values(["metric", "item"], ignore_index=True)


def _names(images: pd.DataFrame) -> pd.Series:
    """What an image is called: its item, or outside the study its path."""
    return images["item"].where(images["item"] != "", images["path"])
