"""Intervals of figures over images that are alike in clusters: challenges, prompts, or each image for itself.

A figure is computed again without each cluster in turn (the jackknife). The spread of these, and Student's t with one
degree of freedom less than there are clusters, or fewer, make an interval that stays wide enough where clusters are
few; a percentile bootstrap's does not. Of more than `BLOCKS` clusters, as many blocks of clusters are left out in turn.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

Array = NDArray[np.float64]
FEWEST_CLUSTERS = 6
BLOCKS = 100
_CAUTION = 0.85  # the kurtosis of few values is mostly too small


Kind = Literal["plain", "correlation", "positive", "share"]
_SMALLEST = 1e-9  # a figure at the end of its range stays there
_WAYS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "plain": (lambda x: x, lambda x: x),
    "correlation": (lambda x: np.arctanh(np.clip(x, _SMALLEST - 1, 1 - _SMALLEST)), np.tanh),
    "positive": (lambda x: np.log(np.maximum(x, _SMALLEST)), np.exp),
    "share": (lambda x: special.logit(np.clip(x, _SMALLEST, 1 - _SMALLEST)), special.expit),
}


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
    """
    count = int(clusters.max()) + 1
    block = np.random.default_rng(seed).permutation(count) % BLOCKS if count > BLOCKS else np.arange(count)
    of = block[clusters]
    whole = np.asarray(figures(np.ones(len(clusters))), dtype=np.float64)
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
        hyperbolic tangent, of a positive figure's logarithm, of a share's logit. So it never leaves that range.
    level : float
        How often such an interval shall hold the true figure.

    Examples
    --------
    >>> values = np.array([3.0, 5.0, 4.0, 6.0, 2.0, 4.0])
    >>> without = [np.delete(values, place).mean() for place in range(6)]
    >>> [round(part, 3) for part in jackknife_interval(4.0, without, 6)]
    [4.0, 2.516, 5.484]
    >>> [round(part, 3) for part in jackknife_interval(4.0, without, 6, "positive")]
    [4.0, 2.756, 5.805]
    """
    parts = np.asarray(without, dtype=np.float64)
    known = parts[np.isfinite(parts)]
    if clusters < FEWEST_CLUSTERS or len(known) < FEWEST_CLUSTERS or not np.isfinite(whole):
        return Interval(float(whole), np.nan, np.nan)
    there, back = _WAYS[kind]
    blocks, moved = len(known), there(known)
    middle = float(there(np.array([whole]))[0])
    apart = moved - middle
    reach = _quantile(apart, level) * np.sqrt((blocks - 1) / blocks * np.sum(apart**2))
    low, high = back(np.array([middle - reach, middle + reach]))
    return Interval(float(whole), float(min(low, whole)), float(max(high, whole)))


def _quantile(apart: Array, level: float) -> float:
    """Student's t, with fewer degrees of freedom where a few blocks make most of the spread.

    A variance of n values whose kurtosis is k scatters like one of 2 n / (k - 1) normal ones.
    """
    blocks, squares = len(apart), np.mean(apart**2)
    kurtosis = np.mean(apart**4) / squares**2 * blocks / (blocks - 1) if squares > 0 else 1.0
    known = _CAUTION * 2 * (blocks - 1) / max(float(kurtosis) - 1, 0.1)
    return float(stats.t.ppf((1 + level) / 2, min(blocks - 1, max(known, 2.0))))
