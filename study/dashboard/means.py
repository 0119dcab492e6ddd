"""A checkpoint's mean by a metric or by people, with the interval that best has of it."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from calibration.core.grades import Array
from calibration.core.intervals import group_codes
from calibration.decision.best import FEWEST_PROMPTS, Part, own_half_width, part_of
from calibration.decision.parts import values as values_of
from study.dashboard.snapshot import Snapshot

Figure = tuple[float, float, float, int]
"""A mean, the ends of its interval, and how many images it is of."""


def prompt_clusters(found: Snapshot) -> tuple[NDArray[np.intp], bool]:
    """Each image's prompt as a number, an image whose prompt is not known being one of its own; and if all are known.

    Groups of prompts are not asked: the same text under another group is the same prompt.
    """
    images = found.images
    named = [
        f"{prompt}\n{negative}" if prompt else f"\n\n{place}"
        for place, (prompt, negative) in enumerate(zip(images["prompt"], images["negative"], strict=True))
    ]
    return group_codes(named, len(named)), bool((images["prompt"] != "").all())


def mean_of(values: Array, clusters: NDArray[np.intp]) -> Figure | None:
    """The mean over clusters of the clusters' means, with its interval; None without any value.

    Examples
    --------
    >>> mean_of(np.array([1.0, 3.0, 2.0, np.nan]), np.array([0, 0, 1, 2]))
    (2.0, nan, nan, 3)
    """
    known = np.isfinite(values)
    if not known.any():
        return None
    codes = np.unique(clusters[known], return_inverse=True)[1].reshape(-1)
    means = np.bincount(codes, weights=values[known]) / np.bincount(codes)
    half = float(own_half_width([part_of(means[:, None])])[0]) if len(means) >= FEWEST_PROMPTS else np.nan
    mean = float(means.mean())
    return mean, mean - half, mean + half, int(known.sum())


def people_means(
    steps: Array, leniency: Array, prompts: NDArray[np.intp], checkpoints: NDArray[np.intp]
) -> dict[int, Figure]:
    """What people think of each checkpoint's images, for other prompts and other people like these.

    Parameters
    ----------
    steps, leniency
        As `calibration.decision.measures.opinions` gives them, a row an image.
    prompts, checkpoints : ndarray of int, shape (images,)
        Each image's.

    Returns
    -------
    dict of int to Figure
        By checkpoint, in rating steps; none of one without ratings. Where some images were not rated, checkpoints that
        share prompts, be it through others, are compared on the same prompts, as in best.
    """
    rated = np.isfinite(steps).any(axis=1)
    steps, prompts, checkpoints = steps[rated], prompts[rated], checkpoints[rated]
    found: dict[int, Figure] = {}
    if not rated.any():
        return found
    places, of = np.unique(checkpoints, return_inverse=True)
    codes = np.unique(prompts, return_inverse=True)[1].reshape(-1)
    shared = np.zeros((len(places), int(codes.max()) + 1))
    np.add.at(shared, (of, codes), 1)
    together = connected_components(shared @ shared.T)[1]
    for group in range(int(together.max()) + 1):
        mine = together[of] == group
        columns = np.flatnonzero(together == group)
        part = _part(steps[mine], leniency, codes[mine], np.searchsorted(columns, of[mine]))
        means = values_of([part], np.ones((1, part.sums.shape[1])))[0]
        halves = own_half_width([part]) if part.sums.shape[1] >= FEWEST_PROMPTS else np.full(len(columns), np.nan)
        for mean, half, column in zip(means, halves, columns, strict=True):
            width = half if (shared[column] > 0).sum() >= FEWEST_PROMPTS else np.nan
            images = int((of == column).sum())
            found[int(places[column])] = (float(mean), float(mean - width), float(mean + width), images)
    return found


def _part(steps: Array, leniency: Array, prompts: NDArray[np.intp], checkpoints: NDArray[np.intp]) -> Part:
    """Sums and counts of ratings, (images, evaluators), of those who rated any of them."""
    who = np.isfinite(steps).any(axis=0)
    steps, prompts = steps[:, who], np.unique(prompts, return_inverse=True)[1].reshape(-1)
    sums, counts = np.zeros((2, steps.shape[1], int(prompts.max()) + 1, int(checkpoints.max()) + 1))
    known = np.isfinite(steps)
    for place in range(steps.shape[1]):
        cells = prompts[known[:, place]], checkpoints[known[:, place]]
        np.add.at(sums[place], cells, steps[known[:, place], place])
        np.add.at(counts[place], cells, 1)
    return Part(sums, counts, leniency[who])
