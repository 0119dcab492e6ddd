"""Which floats count as one value: two sums of the same numbers in another order differ in their last bits only."""

import numpy as np
from numpy.typing import NDArray

from calibration.core.grades import Array

TOLERANCE = 1e-12
"""Two values that differ by no more than this share of the larger one are equal."""


def group_starts(ascending: Array) -> NDArray[np.bool_]:
    """Where a new value begins; a value as good as equal to the first of its group belongs to the group.

    Parameters
    ----------
    ascending : ndarray, shape (n,)
        Finite values in ascending order.

    Returns
    -------
    ndarray of bool, shape (n,)

    Examples
    --------
    >>> group_starts(np.array([0.1 + 0.2, 0.3, 0.4])[[1, 0, 2]]).tolist()
    [True, False, True]
    """
    changes = np.append(np.ones(min(len(ascending), 1), dtype=bool), ascending[1:] > ascending[:-1])
    values = ascending[changes]
    reach = TOLERANCE * np.abs(values)
    starts = np.append(changes[:1], np.diff(values) > np.maximum(reach[1:], reach[:-1]))
    first = 0
    for place in np.flatnonzero(~starts).tolist():  # many values, each near the next, must not become one
        if starts[place - 1]:
            first = place - 1
        starts[place] = values[place] - values[first] > max(reach[place], reach[first])
    changes[changes] = starts
    return changes


def as_equals(values: Array) -> Array:
    """The values, those that count as one replaced by the least of them.

    Examples
    --------
    >>> np.ptp(as_equals(np.array([0.1 + 0.2, 0.3]))).item()
    0.0
    """
    order = np.argsort(values, kind="stable")
    ascending = values[order]
    starts = group_starts(ascending)
    equal = np.empty_like(ascending)
    equal[order] = ascending[starts][np.cumsum(starts) - 1]
    return equal
