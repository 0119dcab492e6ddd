"""What the gate and the best checkpoint take from a study: its record of runs, after what is new was recorded."""

from collections.abc import Sequence

import pandas as pd

from calibration.core.resampling import RESAMPLING, Resampling
from calibration.decision.from_tables import StudyTables
from metrics.engine.run import Progress
from metrics.text import counted, listed
from study.folder.study import Study
from study.runs.record import find_new, record_study, with_known_prompts

_COLUMNS = ("model", "checkpoint", "step", "epoch", "kind", "subject", "prompt", "negative", "group", "seed")


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
    items, scores, notes = _only_read(study) if study.store.is_read_only else _recorded(study, is_recorded, progress)
    return StudyTables(
        items,
        scores,
        study.ratings(),
        task,
        study.config.scale,
        lower_is_better,
        higher_is_better,
        resampling,
        notes=notes,
    )


def _recorded(
    study: Study, is_recorded: bool, progress: Progress | None
) -> tuple[pd.DataFrame, pd.DataFrame, tuple[str, ...]]:
    """Items, scores and notes from the record of runs alone."""
    notes = () if is_recorded else record_study(study, progress=progress).notes
    images, values = last_of_each(study.store.runs.images()), study.store.runs.values()
    return _items(images, study), _scores(values, images), notes


def _only_read(study: Study) -> tuple[pd.DataFrame, pd.DataFrame, tuple[str, ...]]:
    """The same where nothing can be recorded: the study's own as they stand there, and the record's from elsewhere."""
    new = find_new(study, read_files=False)
    images, values = last_of_each(study.store.runs.images()), study.store.runs.values()
    elsewhere = images[images["item"] == ""]
    own = with_known_prompts(study)
    items = pd.concat([own, _items(elsewhere, study)]).fillna("") if len(elsewhere) else own
    there = _scores(values[values["image_id"].isin(elsewhere["image_id"])], elsewhere)
    scores = pd.concat([study.scores(), there]) if len(there) else study.scores()
    if not new:
        return items, scores, tuple(new.notes)
    kinds = ((len(new.images), "image"), (len(new.values) + len(new.set_values), "score"))
    said = [counted(number, noun) for number, noun in kinds if number] or ["what left it"]
    words = (
        f"The study is only read here, so what is new in it ({listed(said)}) was not recorded; it counts all the same."
    )
    return items, scores, (*new.notes, words)


def last_of_each(images: pd.DataFrame) -> pd.DataFrame:
    """Without pictures outside the study of a prompt and seed that is there again, as where a training was resumed.

    The study's item counts, or else the picture that was recorded last.
    """
    of = ["model", "checkpoint", "subject", "prompt", "negative", "group", "seed"]
    in_order = images.sort_values("item", key=lambda items: items != "", kind="stable")
    again = in_order.duplicated(of, keep="last").reindex(images.index)
    is_known = (images["prompt"] != "") & (images["seed"] != "")
    return images[~(again & is_known & (images["item"] == ""))].reset_index(drop=True)


def _items(images: pd.DataFrame, study: Study) -> pd.DataFrame:
    """The images as an items table, the study's in its order; columns in which nothing is known are left out."""
    order = {item: place for place, item in enumerate(study.items["item"])}
    images = images.sort_values("item", key=lambda names: names.map(order), kind="stable", ignore_index=True)
    table = pd.DataFrame({"item": _names(images)})
    for name in _COLUMNS:
        cells = images[name].astype(object).where(images[name].notna(), "").map(str)
        if (cells != "").any():
            table[name] = cells
    return table


def _scores(values: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """The values as a scores table."""
    named = images.assign(item=_names(images))[["image_id", "item"]]
    found = values.drop(columns="item").merge(named, on="image_id")
    return found[["item", "metric", "score", "signature", "note"]].sort_values(["metric", "item"], ignore_index=True)


def _names(images: pd.DataFrame) -> pd.Series:
    """What an image is called: its item, or outside the study its path."""
    return images["item"].where(images["item"] != "", images["path"])
