"""One number from several: the mean, the median or the largest."""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

Pool = Literal["mean", "median", "max"]
_POOLS: dict[str, Callable[..., float]] = {"mean": np.mean, "median": np.median, "max": np.max}


def pooled(values: Sequence[float], how: Pool = "mean") -> float:
    """One number from one or more.

    Examples
    --------
    >>> pooled([1.0, 2.0, 6.0]), pooled([1.0, 2.0, 6.0], "median"), pooled([1.0, 2.0, 6.0], "max")
    (3.0, 2.0, 6.0)
    """
    return float(_POOLS[how](np.asarray(values, dtype=np.float64)))
