"""`Ratings` and `ScoredTask` of arrays in one line."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from calibration.core.grades import Array
from calibration.core.ratings import Ratings, ScoredTask
from calibration.core.resampling import DRAWS, Resampling
from calibration.metric.equivalence import median_evaluator
from calibration.metric.same_target import SameTarget


def rated(
    ratings: Array,
    clusters: ArrayLike | None = None,
    together: ArrayLike | None = None,
    draws: int = DRAWS,
    seed: int = 0,
    **others: Any,
) -> Ratings:
    """Ratings of images of which some are drawn, or held out, together."""
    columns = {"drawn": clusters, "held out": together}
    groupings = {name: np.asarray(values) for name, values in columns.items() if values is not None}
    names = {"clustered_by": "drawn", "held_out_by": "held out"}
    known = {field: name for field, name in names.items() if name in groupings}
    return Ratings(ratings, resampling=Resampling(draws, seed), groupings=groupings, **known, **others)


def scored(
    scores: ArrayLike, ratings: Array, direction: Any = "higher", name: str = "", signatures: Any = (), **how: Any
) -> ScoredTask:
    """A metric's scores with such ratings."""
    return ScoredTask.of(scores, rated(ratings, **how), direction, name, signatures)


def beside_the_median(same: SameTarget, **how: Any) -> dict[str, Any] | None:
    """The comparison with the median evaluator, of ratings that it does not look at."""
    return median_evaluator(same, rated(np.zeros((len(same.influence), 1)), **how))
