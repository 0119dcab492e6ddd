"""FID beside what chance makes of it: two random halves of the reference, at the same numbers of images.

FID of few images is far above 0 also where nothing differs, and how far depends on the numbers of images on both
sides. So both are computed at the same numbers: k images of the set against one random half of the reference, and the
other half against it.
"""

from dataclasses import dataclass

import numpy as np

from metrics.sets.frechet import Gaussian, Rows, distance, read_features

SPLITS = 20
_EFFORT = 2**33  # multiplications that the splits may cost together
_FEWEST = 4


@dataclass(frozen=True)
class Chance:
    """FID of a set and of the reference itself, each of k images against k others of the reference.

    Attributes
    ----------
    k : int
        Images on each side: half of the reference, or the whole set where it is smaller.
    fid : float
        Of k images of the set, the mean over the splits.
    halves : float
        Of k images of the reference's other half, the mean over the splits.
    low, high : float
        The least and the greatest of the latter.
    above : float
        In which share of the splits the set's is above the other half's.
    splits : int
    """

    k: int
    fid: float
    halves: float
    low: float
    high: float
    above: float
    splits: int


def fid_by_chance(images: Rows, reference: Rows, splits: int | None = None, seed: int = 0) -> Chance | None:
    """FID of a set and of random halves of its reference.

    Parameters
    ----------
    images, reference : array or rows, shapes (n, d) and (m, d)
        Inception features.
    splits : int, optional
        How many times the reference is split; 20 unless told, fewer where one takes long.
    seed : int
        Of the splits.

    Returns
    -------
    Chance or None
        None for fewer than two images, or four of the reference.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> found = fid_by_chance(rng.normal(size=(50, 16)) + 1.0, rng.normal(size=(60, 16)))
    >>> found.k, found.fid > 16 > found.high, found.above
    (30, True, 1.0)
    """
    k = min(len(images), len(reference) // 2)
    if k < 2:
        return None
    dimensions = read_features(images, slice(0, 1)).shape[1]
    if splits is None:
        effort = 2 * (k * k * min(k, dimensions) if k < dimensions else dimensions**3)
        splits = int(np.clip(_EFFORT // effort, _FEWEST, SPLITS))
    rng = np.random.default_rng(seed)
    own, halves = np.empty(splits), np.empty(splits)
    for split in range(splits):
        order = rng.permutation(len(reference))
        one = Gaussian.of(read_features(reference, order[:k]))
        halves[split] = distance(Gaussian.of(read_features(reference, order[k : 2 * k])), one)
        chosen = rng.permutation(len(images))[:k]
        own[split] = distance(Gaussian.of(read_features(images, chosen)), one)
    return Chance(
        k,
        float(own.mean()),
        float(halves.mean()),
        float(halves.min()),
        float(halves.max()),
        float(np.mean(own > halves)),
        splits,
    )
