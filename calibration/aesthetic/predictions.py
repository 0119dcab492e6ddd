"""Another model's answers from a CSV, to be evaluated beside our heads."""

import csv
import io
import math
from pathlib import Path
from typing import TYPE_CHECKING

from calibration.aesthetic.scale import Scale, agreed_scale, told_scale
from calibration.aesthetic.vote_tables import image_name
from calibration.tables.reading import MOST_BYTES, decoded
from calibration.tables.writing import unguarded
from metrics.errors import InputError, parameter
from metrics.files import read_input

if TYPE_CHECKING:
    from _csv import Reader

_IMAGE = ("image_id", "image_name", "image", "item", "id")
_ANSWER = ("predicted_mean", "prediction", "predicted", "score", "answer")


def read_predictions(path: Path, scale: Scale | None = None) -> dict[str, float]:
    """Answers by the images' names, spread over the scale from 1 to 10 as votes are.

    Parameters
    ----------
    path : Path
        A CSV with a column image_id, image_name, image, item or id, and a column predicted_mean, prediction,
        predicted, score or answer. A column scale ("0-1", "1-5") tells what the answers are on.
    scale : Scale, optional
        What they are on where the file does not tell it.

    Returns
    -------
    dict of str to float

    Raises
    ------
    InputError
        Where the file cannot be read or holds no answers, lacks a column, has a line with more or fewer cells than
        columns, an image without a name or with two answers, or an answer that is no number, with the line; and where
        nobody tells the scale, or no answer lies on it.
    """
    what = "name a CSV of predictions"
    text = decoded(path, read_input(path, MOST_BYTES, what), what)
    try:
        answers, cells = _answers(path, csv.reader(io.StringIO(text), skipinitialspace=True))
    except csv.Error as error:
        raise InputError(f"{path} is not a well-formed CSV file ({error}); {what}.") from error
    told = agreed_scale(path, told_scale(path, cells), scale, "predictions", parameter("predictions_scale"))
    if told is None:
        raise InputError(
            f"{path} has predictions and does not tell on which scale; say it with "
            f"{parameter('predictions_scale')}, for instance 1-10 or 0-1, or in a column 'scale'."
        )
    if not any(told.low <= answer <= told.high for answer in answers.values()):
        raise InputError(
            f"{path}: not one of the predictions lies on the scale {told}; they are from {min(answers.values()):.4g} "
            f"to {max(answers.values()):.4g}. Say another {parameter('predictions_scale')}."
        )
    return dict(zip(answers, told.to_ten(list(answers.values())).tolist(), strict=True))


def _answers(path: Path, reader: "Reader") -> tuple[dict[str, float], set[str]]:
    """The answers as they stand, and the cells of the column scale."""
    columns = [unguarded(name.strip()) for name in next(reader, [])]
    image, answer = (next((name for name in names if name in columns), None) for names in (_IMAGE, _ANSWER))
    if image is None or answer is None:
        raise InputError(
            f"{path} has the columns {', '.join(columns) or '(none)'}; predictions need image_id and prediction, "
            "separated by commas."
        )
    found: dict[str, float] = {}
    scales: set[str] = set()
    for cells in filter(None, reader):
        line = f"{path}, line {reader.line_num}"
        if len(cells) != len(columns):
            raise InputError(f"{line}: {len(cells)} cells for {len(columns)} columns; mend the line.")
        name, value = image_name(unguarded(cells[columns.index(image)].strip())), _number(cells[columns.index(answer)])
        if not name:
            raise InputError(f"{line}: the image has no name; mend the line.")
        if not math.isfinite(value):
            raise InputError(f"{line}: '{cells[columns.index(answer)]}' is no number; mend the line.")
        if name in found:
            raise InputError(f"{line}: {name} has an answer already; keep one of the two.")
        found[name] = value
        if "scale" in columns:
            scales.add(cells[columns.index("scale")])
    if not found:
        raise InputError(f"{path} holds no predictions; name a CSV with a line for each image.")
    return found, scales


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
