"""The prompts that a study's items.csv does not say and its record of runs knows."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from study.folder.study import Study
from study.store.run_cells import cells_of


def with_known_prompts(study: Study) -> pd.DataFrame:
    """The study's items with the prompts that items.csv does not say and the record knows; see `study.runs.record`.

    Parameters
    ----------
    study : Study

    Returns
    -------
    DataFrame
    """
    items = study.items
    images = study.store.runs.images()
    known = {row["item"]: row for row in plain_rows(images[(images["item"] != "") & (images["prompt"] != "")])}
    if not known:
        return items
    told = [
        {name: row.get(name, "") for name in ("item", "model", "checkpoint", "prompt")} | {"path": row["image"]}
        for row in plain_rows(items)
    ]
    keep_prompts(told, known, {})
    return items.assign(prompt=[row["prompt"] for row in told])


def keep_prompts(
    told: Sequence[dict[str, Any]], known: Mapping[str, Mapping[str, Any]], given: Mapping[str, str]
) -> None:
    """The prompts that items.csv does not say: as they are given, or were recorded of the same place and checkpoint."""
    for row in told:
        if row["prompt"]:
            continue
        was = known.get(row["item"])
        is_same = was is not None and all(was[name] == row[name] for name in ("path", "model", "checkpoint"))
        row["prompt"] = given.get(row["item"]) or (was["prompt"] if was is not None and is_same else "")


def plain_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows, with None for what is missing."""
    names = list(map(str, frame.columns))
    columns = [[None if cell is pd.NA or cell != cell else cell for cell in cells_of(frame[name])] for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
