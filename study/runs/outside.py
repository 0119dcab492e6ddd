"""The record's images outside the study: samples that `humangrade track` found in runs' folders."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from metrics.engine.images import ImageSource
from metrics.engine.types import Item
from study.folder.growing import known_photos
from study.folder.score_items import read_sources
from study.folder.study import Study, split_references

Photos = Mapping[str, Sequence[Path]]
"""Reference photos by subject or run; under "" those that go with every image."""


def outside_images(study: Study) -> pd.DataFrame:
    """The record's images that are none of the study's items and whose files are there.

    Parameters
    ----------
    study : Study

    Returns
    -------
    DataFrame
        As `study.store.runs.RunStore.images` gives them; ``path`` is from here, and ``place`` as it is recorded.
    """
    images = study.store.runs.images()
    others = images[(images["item"] == "") | ~images["item"].isin(study.items["item"])]
    others = others.assign(place=others["path"], path=[study.folder / path for path in others["path"]])
    there = [sha256 != "" and path.is_file() for path, sha256 in zip(others["path"], others["sha256"], strict=True)]
    return others[pd.Series(there, index=others.index, dtype=bool)]


def photos_of(others: pd.DataFrame, study: Study, photos: Photos | None) -> list[dict[Path, ImageSource]]:
    """Each image's reference photos.

    Parameters
    ----------
    others : DataFrame
        subject and model, as `outside_images` gives them.
    study : Study
    photos : mapping, optional
        Without it each has those that all images of its subject or run in the study have.
    """
    if photos is not None:
        named = zip(others["subject"], others["model"], strict=True)
        paths = [
            list(photos.get(subject or model) or photos.get(model) or photos.get("", ())) for subject, model in named
        ]
    else:
        asked = others[[name for name in ("subject", "model") if (others[name] != "").any()]]
        paths = [[study.folder / path for path in split_references(cell)] for cell in known_photos(asked, study.items)]
    sources, _ = read_sources(list(dict.fromkeys(path for each in paths for path in each)))
    return [{path: sources[path] for path in each if path in sources} for each in paths]


def items_of(others: pd.DataFrame, of: Sequence[Mapping[Path, ImageSource]], names: Sequence[str]) -> list[Item]:
    """The images as metrics take them.

    Parameters
    ----------
    others : DataFrame
        As `outside_images` gives them.
    of : sequence of mapping
        The photos of each, as `photos_of` gives them.
    names : sequence of str
        What each is called.
    """
    sets = others["model"] + "/" + others["checkpoint"]
    told = zip(names, others["path"], others["sha256"], of, others["prompt"], sets, strict=True)
    return [
        Item(name, ImageSource(path, sha256), tuple(photos.values()), prompt, one_set)
        for name, path, sha256, photos, prompt, one_set in told
    ]
