"""People's ratings by image, and how far a metric's order of the images is from theirs."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from calibration.core.grades import Array
from calibration.decision.measures import opinions
from calibration.scale import Scale
from metrics.known import Direction


def by_image(ratings: pd.DataFrame, items: Sequence[str], scale: Scale) -> tuple[Array, Array, Array]:
    """People's opinions of images, each evaluator's strictness taken away, as gate and best have them.

    Parameters
    ----------
    ratings : DataFrame
        One task's: item, evaluator, rating.
    items : sequence of str
    scale : Scale

    Returns
    -------
    mean : ndarray, shape (items,)
        In the scale's numbers; NaN where nobody rated.
    n : ndarray, shape (items,)
        How many people rated it.
    sd : ndarray, shape (items,)
        The standard deviation among people (n - 1), their disagreement; NaN for fewer than two.

    Examples
    --------
    >>> from calibration.scale import LIKERT
    >>> rows = [("a", "ann", 2), ("b", "ann", 4), ("a", "bob", 3), ("b", "bob", 3)]
    >>> given = pd.DataFrame(rows, columns=["item", "evaluator", "rating"])
    >>> mean, n, sd = by_image(given, ["a", "b", "c"], LIKERT)
    >>> mean.tolist(), n.tolist(), [round(float(each), 3) for each in sd]
    ([2.5, 3.5, nan], [2.0, 2.0, 0.0], [0.707, 0.707, nan])
    """
    table = opinions(ratings, scale).steps.reindex(list(items))
    steps = table.mean(axis=1).to_numpy(dtype=float)
    spread = table.std(axis=1, ddof=1).to_numpy(dtype=float) * scale.width
    return scale.from_unit(steps * scale.step), table.notna().sum(axis=1).to_numpy(dtype=float), spread


def gap(scores: Array, means: Array, direction: Direction) -> Array:
    """An image's standing by a metric minus its standing by people, among the images that have both.

    Parameters
    ----------
    scores, means : ndarray, shape (images,)
        NaN where missing.
    direction : {"higher", "lower"}
        Of the metric.

    Returns
    -------
    ndarray, shape (images,)
        Within -1 to 1: above 0 where the metric thinks better of it than people do. NaN where one of the two is
        missing, or only one image has both.

    Examples
    --------
    >>> gap(np.array([1.0, 2.0, 3.0, np.nan]), np.array([4.0, 2.0, 3.0, 1.0]), "higher").tolist()
    [-1.0, 0.5, 0.5, nan]
    """
    found = np.full(len(scores), np.nan)
    both = np.isfinite(scores) & np.isfinite(means)
    if both.sum() > 1:
        turned = scores[both] if direction == "higher" else -scores[both]
        found[both] = (stats.rankdata(turned) - stats.rankdata(means[both])) / (both.sum() - 1)
    return found
