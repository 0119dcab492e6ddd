"""How one image was made, as far as the study knows."""

import json
from pathlib import PurePath

import pandas as pd

from metrics.errors import InputError
from study.dashboard.answer_types import Recipe
from study.dashboard.snapshot import Snapshot

_COLUMNS = (
    ("model", "run"),
    ("checkpoint", "checkpoint"),
    ("step", "step"),
    ("epoch", "epoch"),
    ("subject", "subject"),
    ("n_training_images", "training images"),
    ("prompt", "prompt"),
    ("negative", "negative prompt"),
    ("group", "group"),
    ("seed", "seed"),
    ("checkpoint_file", "file"),
    ("checkpoint_sha256", "sha256 of the file"),
    ("layers_in_file", "layers in the file"),
    ("layers_applied", "layers applied"),
    ("width", "width"),
    ("height", "height"),
    ("sha256", "sha256 of the image"),
    ("recorded_at", "recorded at"),
)


def recipe(found: Snapshot, place: int) -> Recipe:
    """How an image was made.

    Parameters
    ----------
    found : Snapshot
    place : int
        The image's.

    Returns
    -------
    Recipe

    Raises
    ------
    InputError
        Where there is no such image.
    """
    if not 0 <= place < len(found.images):
        raise InputError(f"There is no image {place}; they are numbered from 0 to {len(found.images) - 1}.")
    row = found.images.iloc[place]
    words = {said: _text(row[name]) for name, said in _COLUMNS}
    words["file"] = PurePath(words["file"]).name  # where it stood is nobody else's
    drawn = json.loads(row["recipe"]) if row["recipe"] else None
    if isinstance(drawn, dict):
        more = {str(key).replace("_", " "): _text(value) for key, value in drawn.items() if key != "identity"}
        words = {**more, **{key: value for key, value in words.items() if value}}
    return {"item": str(row["called"]), "words": {key: value for key, value in words.items() if value}, "recipe": drawn}


def _text(cell: object) -> str:
    """A cell as it is shown; "" where it is missing."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, dict | list):
        return json.dumps(cell, ensure_ascii=False)
    return "" if cell is None or pd.isna(cell) else str(cell)  # type: ignore[call-overload]
