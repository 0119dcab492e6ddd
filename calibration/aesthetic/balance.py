"""How much each image counts in training, so that few images at the ends of the scale weigh as much as many inside.

Mean votes crowd around 5.4. With every image counting the same, a head learns the middle well and answers nothing
else. Three remedies from the literature on imbalanced regression: counting an image by the inverse of how many share
its vote, by the square root of that, or by the inverse of a smoothed count (label distribution smoothing; Yang et al.,
Delving into Deep Imbalanced Regression, ICML 2021).
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter1d

from calibration.aesthetic.scale import HIGHEST, LOWEST

Balance = Literal["none", "inverse", "sqrt", "lds"]
WIDTH = 0.1
SMOOTHING = 2.0
MOST = 20.0
BINS = round((HIGHEST - LOWEST) / WIDTH) + 1
_EXACT = 6  # decimals of a bin's width; 1.3 is a sum of roundings, and belongs to the bin that begins with it


def vote_bins(means: ArrayLike) -> NDArray[np.intp]:
    """The bin of each mean vote, from 0: 0.1 wide, its lower end included.

    Examples
    --------
    >>> vote_bins([1.0, 1.1, 1.2, 1.3, 1.35, 10.0]).tolist()
    [0, 1, 2, 3, 3, 90]
    """
    values = np.asarray(means, dtype=np.float64)
    return np.floor(np.round((values - LOWEST) / WIDTH, _EXACT)).astype(np.intp)


def balance_weights(means: ArrayLike, balance: Balance) -> NDArray[np.float64]:
    """The weight of each image.

    Parameters
    ----------
    means : array_like, shape (n,)
        Mean votes, from 1 to 10.
    balance : {"none", "inverse", "sqrt", "lds"}
        All the same; 1 / count, 1 / sqrt(count), or 1 / smoothed count of the images in the same bin of votes. Bins
        are 0.1 wide, counts are smoothed by a Gaussian of two bins.

    Returns
    -------
    ndarray, shape (n,)
        With mean 1. None is more than 20 times the median, so that a single odd image does not lead.

    Examples
    --------
    >>> balance_weights([5.0, 5.0, 5.0, 5.0, 9.0], "inverse").round(2)
    array([0.62, 0.62, 0.62, 0.62, 2.5 ])
    >>> balance_weights([5.0, 5.0, 5.0, 5.0, 9.0], "sqrt").round(2)
    array([0.83, 0.83, 0.83, 0.83, 1.67])
    """
    values = np.asarray(means, dtype=np.float64)
    if balance == "none":
        return np.ones(len(values))
    bins = vote_bins(values)
    counts = np.bincount(bins, minlength=BINS).astype(np.float64)
    if balance == "lds":
        counts = gaussian_filter1d(counts, SMOOTHING, mode="reflect")  # nobody could vote beyond the ends
    weights = 1.0 / counts[bins]
    if balance == "sqrt":
        weights = np.sqrt(weights)
    weights = np.minimum(weights, MOST * np.median(weights))
    return weights / weights.mean()
