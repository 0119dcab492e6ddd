"""Sets of levels, and intervals, that hold a new person's rating as often as they say."""

import math

import numpy as np

from calibration.core.grades import Array

WHOLE = 1.0
"""The threshold with which every set holds all levels."""


def strangeness(probabilities: Array) -> Array:
    """How far from the centre of its distribution each level lies.

    Parameters
    ----------
    probabilities : ndarray, shape (n, levels)
        Distributions over the levels.

    Returns
    -------
    ndarray, shape (n, levels)
        In (0, 1). Levels are taken up one by one: first the most probable (the lower of equals), then always the more
        probable neighbour of those that are in (the lower of equals). A level's strangeness is the probability of the
        levels before it, and half of its own; so the levels up to a threshold are always next to each other.

    References
    ----------
    Lu, C., Angelopoulos, A. and Pomerantz, S. (2022). Improving trustworthiness of AI disease severity rating with
    ordinal conformal prediction sets. MICCAI.

    Examples
    --------
    >>> strangeness(np.array([[0.1, 0.5, 0.2, 0.1, 0.1]])).round(3).tolist()
    [[0.75, 0.25, 0.6, 0.85, 0.95]]
    """
    rows = np.arange(len(probabilities))
    first = last = np.argmax(probabilities, axis=1)
    found = np.empty_like(probabilities)
    found[rows, first] = probabilities[rows, first] / 2
    inside = probabilities[rows, first]
    padded = np.pad(probabilities, ((0, 0), (1, 1)), constant_values=-1.0)
    for _ in range(probabilities.shape[1] - 1):
        down = padded[rows, first] >= padded[rows, last + 2]
        first, last = np.where(down, first - 1, first), np.where(down, last, last + 1)
        level = np.where(down, first, last)
        own = probabilities[rows, level]
        found[rows, level] = inside + own / 2
        inside = inside + own
    return found


def set_threshold(by_person: list[Array], coverage: float) -> float:
    """The strangeness up to which levels are in the set, so that it holds a new person's rating often enough.

    Parameters
    ----------
    by_person : list of ndarray
        For each evaluator, the strangeness of the ratings given, by curves that saw neither person nor image.
    coverage : float
        The share of ratings to hold, in (0, 1).

    Returns
    -------
    float
        NaN with fewer than two people: nothing tells how another one differs.

    Notes
    -----
    The usual conformal quantile of all ratings is too small, for a new person differs from these as they do from each
    other. So it is tried on each person in turn with the quantile of the others, and the level of the quantile is
    raised, from `coverage`, until on the average over people the sets hold enough. Equal values count as inside,
    so ties make sets larger, never too small.

    Examples
    --------
    >>> set_threshold([np.arange(1, 100) / 100, np.arange(1, 100) / 100], 0.9)
    0.9
    """
    people = [np.sort(each) for each in by_person if len(each)]
    if len(people) < 2:
        return float("nan")
    levels = np.linspace(coverage, 1.0, 201)
    held = np.zeros(len(levels))
    for out, own in enumerate(people):
        others = np.concatenate([each for number, each in enumerate(people) if number != out])
        limits = np.quantile(others, levels, method="higher")
        held += np.searchsorted(own, limits, side="right") / len(own) / len(people)
    enough = np.flatnonzero(held >= coverage - 1e-12)
    return conformal_quantile(np.concatenate(people), float(levels[enough[0]]), WHOLE) if len(enough) else WHOLE


def conformal_quantile(values: Array, coverage: float, otherwise: float) -> float:
    """The value that a new one of their kind exceeds with probability 1 - coverage at most.

    Examples
    --------
    >>> conformal_quantile(np.arange(1.0, 10.0), 0.9, np.inf), conformal_quantile(np.ones(3), 0.9, np.inf)
    (9.0, inf)
    """
    rank = math.ceil((len(values) + 1) * coverage - 1e-9)
    return float(np.partition(values, rank - 1)[rank - 1]) if 1 <= rank <= len(values) else otherwise
