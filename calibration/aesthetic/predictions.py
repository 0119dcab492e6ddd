"""Another model's answers from a CSV, to be evaluated beside our heads."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration.aesthetic.votes import image_name
from metrics.errors import InputError

_IMAGE = ("image_id", "image_name", "image", "item", "id")
_ANSWER = ("predicted_mean", "prediction", "predicted", "score", "answer")


def read_predictions(path: Path) -> dict[str, float]:
    """Answers by the images' names.

    Parameters
    ----------
    path : Path
        A CSV with a column image_id, image_name, image, item or id, and a column predicted_mean, prediction,
        predicted, score or answer.

    Returns
    -------
    dict of str to float

    Raises
    ------
    InputError
        Where the file cannot be read, lacks a column, or holds an answer that is no number; with the line.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise InputError(f"{path} cannot be read as a table ({str(error).splitlines()[0]}); save it as CSV.") from error
    image, answer = (next((name for name in names if name in table.columns), None) for names in (_IMAGE, _ANSWER))
    if image is None or answer is None:
        raise InputError(
            f"{path} has the columns {', '.join(map(str, table.columns))}; predictions need image_id and prediction."
        )
    values: NDArray[np.float64] = np.asarray(pd.to_numeric(table[answer], errors="coerce"), dtype=np.float64)
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        raise InputError(f"{path}, line {wrong[0] + 2}: '{table[answer].iloc[wrong[0]]}' is no number; mend the line.")
    return dict(zip(map(image_name, table[image]), values.tolist(), strict=True))
