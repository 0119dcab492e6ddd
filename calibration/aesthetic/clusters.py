"""Intervals of figures over images that are alike in clusters: challenges, prompts, or each image for itself.

A figure is computed again without each cluster in turn (the jackknife). The spread of these, and Student's t with one
degree of freedom less than there are clusters, or fewer, make an interval that stays wide enough where clusters are
few; a percentile bootstrap's does not. Of more than `BLOCKS` clusters, as many blocks of clusters are left out in turn.
"""

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from calibration.core.resampling import generator

Array = NDArray[np.float64]
FEWEST_CLUSTERS = 6
BLOCKS = 100
_CAUTION = 0.85  # the kurtosis of few values is mostly too small


Kind = Literal["plain", "correlation", "positive", "share"]
_FARTHEST = 600.0  # exp of more is no number
_SMALLEST = 1e-12  # a figure at the end of its range stays there
# where a figure scatters evenly, the way back, and how much longer distances are there
_WAYS: dict[str, tuple[Callable[[float], float], Callable[[float], float], Callable[[float], float]]] = {
    "plain": (lambda x: x, lambda x: x, lambda x: 1.0),
    "correlation": (math.atanh, math.tanh, lambda x: 1 / (1 - x**2)),
    "positive": (math.log, math.exp, lambda x: 1 / x),
    "share": (special.logit, special.expit, lambda x: 1 / (x * (1 - x))),
}
_ENDS = {"plain": (-np.inf, np.inf), "correlation": (-1.0, 1.0), "positive": (0.0, np.inf), "share": (0.0, 1.0)}


class Interval(NamedTuple):
    """A figure and its 95 % interval; the ends are nan where there are too few clusters for one."""

    value: float
    low: float
    high: float


def cluster_codes(groups: ArrayLike | None, count: int) -> NDArray[np.intp]:
    """The number of each image's cluster, from 0; each image for itself where there are no groups."""
    return np.arange(count) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]


def left_out_figures(
    figures: Callable[[Array], ArrayLike], clusters: NDArray[np.intp], seed: int = 0
) -> tuple[Array, Array]:
    """Figures of all images, and without each cluster or block of clusters.

    Parameters
    ----------
    figures : callable
        From a weight for each image, 0 or 1, to figures of shape (k,).
    clusters : ndarray of int, shape (n,)
        From 0 on.
    seed : int
        Of the blocks.

    Returns
    -------
    whole, without : ndarray, shapes (k,) and (blocks, k)
        No rows where there are too few clusters for an interval.
    """
    count = int(clusters.max()) + 1
    block = generator(seed).permutation(count) % BLOCKS if count > BLOCKS else np.arange(count)
    of = block[clusters]
    whole = np.asarray(figures(np.ones(len(clusters))), dtype=np.float64)
    if count < FEWEST_CLUSTERS:
        return whole, np.empty((0, len(whole)))
    return whole, np.array([figures((of != number).astype(float)) for number in range(min(count, BLOCKS))])


def jackknife_interval(
    whole: float, without: ArrayLike, clusters: int, kind: Kind = "plain", level: float = 0.95
) -> Interval:
    """A figure's interval from its values without each block.

    Parameters
    ----------
    whole : float
        Of all images.
    without : array_like, shape (blocks,)
        Without each block.
    clusters : int
        How many there are; below `FEWEST_CLUSTERS` the ends are nan.
    kind : {"plain", "correlation", "positive", "share"}
        Where the figure can lie. The interval is made where the figure scatters evenly: of a correlation's inverse
        hyperbolic tangent, of a positive figure's logarithm, of a share's logit. So it never leaves that range. Errors
        are skewed all the same, and take one degree of freedom less.
    level : float
        How often such an interval shall hold the true figure.

    Examples
    --------
    >>> values = np.array([3.0, 5.0, 4.0, 6.0, 2.0, 4.0])
    >>> without = [np.delete(values, place).mean() for place in range(6)]
    >>> [round(part, 3) for part in jackknife_interval(4.0, without, 6)]
    [4.0, 2.516, 5.484]
    >>> [round(part, 3) for part in jackknife_interval(4.0, without, 6, "positive")]
    [4.0, 2.679, 5.972]
    """
    parts = np.asarray(without, dtype=np.float64)
    known = parts[np.isfinite(parts)]
    if clusters < FEWEST_CLUSTERS or len(known) < FEWEST_CLUSTERS or not np.isfinite(whole):
        return Interval(float(whole), np.nan, np.nan)
    (there, back, longer), (least, most) = _WAYS[kind], _ENDS[kind]
    apart, blocks = known - whole, len(known)
    inside = min(max(float(whole), least + _SMALLEST), most - _SMALLEST)
    error = np.sqrt((blocks - 1) / blocks * np.sum(apart**2)) * longer(inside)
    reach = min(_quantile(apart, level, blocks - (2 if kind == "positive" else 1)) * error, _FARTHEST)
    low, high = float(back(there(inside) - reach)), float(back(there(inside) + reach))
    return Interval(float(whole), min(low, float(whole)), max(high, float(whole)))


def _quantile(apart: Array, level: float, most: int) -> float:
    """Student's t, with fewer degrees of freedom than `most` where a few blocks make most of the spread.

    A variance of n values whose kurtosis is k scatters like one of 2 n / (k - 1) normal ones.
    """
    blocks, squares = len(apart), np.mean(apart**2)
    kurtosis = np.mean(apart**4) / squares**2 * blocks / (blocks - 1) if squares > 0 else 1.0
    known = _CAUTION * 2 * (blocks - 1) / max(float(kurtosis) - 1, 0.1)
    return float(stats.t.ppf((1 + level) / 2, min(most, max(known, 2.0))))
