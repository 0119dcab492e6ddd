"""The bucket mapping by trying every possibility: the slow truth that the exact fit is held against."""

from itertools import combinations_with_replacement

import numpy as np

LEVELS = np.linspace(0, 1, 5)


def least_loss(scores, ratings, k, direction) -> float:
    """The least mean loss over all monotone assignments of levels to distinct scores."""
    scores = np.asarray(scores, dtype=float)
    values = np.unique(scores) if direction == "higher" else np.unique(scores)[::-1]
    groups = np.array([np.flatnonzero(values == score)[0] for score in scores])
    count = int((~np.isnan(ratings)).sum())
    best = np.inf
    for levels in combinations_with_replacement(range(5), len(values)):  # non-decreasing
        answers = LEVELS[np.array(levels)][groups]
        best = min(best, np.nansum(np.abs(answers[:, None] - ratings) ** k))
    return best / count


def loss_of(mapping, scores, ratings, k) -> float:
    """The mean loss of a mapping, computed from the levels that it gives."""
    answers = LEVELS[mapping.levels(scores) - 1]
    return np.nansum(np.abs(answers[:, None] - ratings) ** k) / (~np.isnan(ratings)).sum()
