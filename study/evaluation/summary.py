"""The evaluation as JSON and as CSV tables."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from calibration.tables.writing import csv_text
from metrics import __version__
from metrics.errors import InputError
from metrics.text import listed
from study.evaluation.figures import Figure
from study.evaluation.run import EvaluationSettings
from study.evaluation.types import Evaluation, Measured
from study.evaluation.words import cautions, how_nearness, in_short, on_chance, on_copies

_FAMILY = "humangrade.evaluation/"
SCHEMA = f"{_FAMILY}1"
_JSON = "evaluation.json"
FILES = ("figures.csv", "differences.csv", "images.csv", _JSON, "evaluation.html")
SHOWN = 4
"""Pictures at each end of a metric."""


def as_dict(found: Evaluation, settings: EvaluationSettings) -> dict[str, Any]:
    """All figures and sentences; what could not be computed is None.

    Parameters
    ----------
    found : Evaluation
        What `study.evaluation.run.evaluate` gave.
    settings : EvaluationSettings
        How.

    Returns
    -------
    dict
        What stands in evaluation.json.
    """
    return {
        "schema": SCHEMA,
        "version": __version__,
        "seed": settings.seed,
        "in_short": in_short(found),
        "cautions": cautions(found),
        "notes": found.notes,
        "sets": [
            {
                "set": one.name,
                "model": one.model,
                "checkpoint": one.checkpoint,
                "step": one.step,
                "training_images": one.training_images,
                "is_base": one.is_base,
                "base": one.base or None,
                "images": one.images,
                "prompts": one.prompts,
                "seeds": one.seeds,
                "sizes": one.sizes,
            }
            for one in found.sets
        ],
        "references": found.references,
        "metrics": [
            {"metric": one.name, "title": one.title, "says": one.says, "better": one.better, "scores": one.scores}
            for one in found.metrics
        ],
        "left_out": found.left_out,
        "figures": figures_table(found).astype(object).where(lambda cells: cells.notna(), None).to_dict("records"),
        "differences": differences_table(found)
        .astype(object)
        .where(lambda cells: cells.notna(), None)
        .to_dict("records"),
        "fid_by_chance": {
            "figures": [{"set": name, **vars(one)} for name, one in found.chance.items()],
            "sentences": on_chance(found),
        },
        "among_references": found.among_references,
        "pictures": {
            metric.name: {"best": best, "worst": worst}
            for metric in found.metrics
            if metric.scores == "image"
            for best, worst in [ends(found, metric)]
        },
        "copies": {
            "measured_by": found.nearness_by or None,
            "how": how_nearness(found) or None,
            "sentences": on_copies(found),
            "images": [
                {
                    "item": one.item,
                    "reference": one.reference.name,
                    "distance": one.distance,
                    "copy_distance": one.copy_distance,
                    "photo_distance": one.photo_distance,
                    "is_mirrored": one.is_mirrored,
                    "is_copy": one.is_copy,
                    "is_near": one.is_near,
                }
                for one in found.nearness.nearest
            ],
            "references_alike": [[one.name, other.name] for one, other in found.nearness.twins],
        },
        "skipped": {str(path): reason for path, reason in found.result.skipped.items()},
    }


def check_out(folder: Path) -> None:
    """Raise InputError where a folder holds files of other origin under the names of an evaluation's.

    An earlier evaluation may be written over; evaluation.json tells that there was one.
    """
    try:
        with (folder / _JSON).open(encoding="utf-8") as file:
            is_ours = _FAMILY in file.read(200)
    except (OSError, ValueError):
        is_ours = False
    taken = [name for name in FILES if (folder / name).exists()]
    if taken and not is_ours:
        raise InputError(
            f"--out is {folder}, and {listed(taken)} there {'was' if len(taken) == 1 else 'were'} not written by "
            "evaluate; name another folder."
        )


def files_of(found: Evaluation, settings: EvaluationSettings, page: str) -> Mapping[str, str]:
    """The files of an evaluation, by name."""
    text = json.dumps(as_dict(found, settings), indent=1, ensure_ascii=False, allow_nan=False)
    tables = (figures_table(found), differences_table(found), images_table(found))
    return dict(zip(FILES, (*map(csv_text, tables), text + "\n", page), strict=True))


def figures_table(found: Evaluation) -> pd.DataFrame:
    """A row for each set and metric: value, interval, images, over what it is, what guides say, a note, copies."""
    rows = [
        (
            one.set,
            one.metric,
            one.value,
            one.low,
            one.high,
            one.n,
            one.over,
            found.guides.get((one.set, one.metric), ""),
            one.note,
            *_without_copies(found, one),
        )
        for one in found.figures
    ]
    columns = ["set", "metric", "value", "low", "high", "n", "over", "guides_say", "note"]
    columns += ["copies", "value_without_copies"]
    numbers = ("value", "low", "high", "value_without_copies")
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(numbers, float))


def _without_copies(found: Evaluation, figure: Figure) -> tuple[int, float | None]:
    """How many copies of reference photos a figure counts, and its value without them, where it counts any."""
    count, without = found.without_copies.get((figure.set, figure.metric), (0, None))
    return count, None if without is None else without.value


def differences_table(found: Evaluation) -> pd.DataFrame:
    """A row for each set, other set and metric: the set's figure less the other's, over the pairs that both have."""
    rows = [
        (one.set, one.other, one.metric, one.value, one.low, one.high, one.pairs, one.over, one.is_apart)
        for one in found.differences
    ]
    columns = ["set", "other", "metric", "value", "low", "high", "pairs", "over", "is_apart"]
    return pd.DataFrame(rows, columns=columns).astype({"value": float, "low": float, "high": float})


def images_table(found: Evaluation) -> pd.DataFrame:
    """A row for each image: its set, prompt and seed, a column for each metric, and the nearest reference."""
    nearest = {one.item: one for one in found.nearness.nearest}
    rows = []
    for one in found.pictures:
        row: dict[str, Any] = {"item": one.item, "set": one.set, "prompt": one.prompt, "seed": one.seed}
        row |= {
            metric.name: found.scores[metric.name].get(one.item) for metric in found.metrics if metric.scores == "image"
        }
        if nearest:
            mine = nearest.get(one.item)
            row |= {
                "nearest_reference": mine.reference.name if mine else "",
                "distance": mine.distance if mine else None,
                "copy_distance": mine.copy_distance if mine else None,
                "found": "" if mine is None else "copy" if mine.is_copy else "near" if mine.is_near else "",
            }
        rows.append(row)
    return pd.DataFrame(rows)


def ends(found: Evaluation, metric: Measured) -> tuple[list[str], list[str]]:
    """The best and the worst images by a metric, those of the base left out where there are others."""
    bases = {one.name for one in found.sets if one.is_base}
    scores = found.scores[metric.name]
    mine = [one for one in found.pictures if one.item in scores and one.set not in bases]
    sign = -1.0 if metric.better == "higher" else 1.0
    order = [one.item for one in sorted(mine, key=lambda one: (sign * scores[one.item], one.item))]
    count = min(SHOWN, len(order) // 2)
    return order[:count], order[::-1][:count]
