"""The bucket mapping by trying every possibility: the slow truth that the exact fit is held against."""

from functools import cache
from itertools import combinations_with_replacement

import numpy as np

LEVELS = np.linspace(0, 1, 5)


@cache
def assignments(count):
    """All ways to give levels to so many distinct scores that never fall; shape (ways, scores)."""
    return np.array(list(combinations_with_replacement(range(5), count)))


def least_loss(scores, ratings, k, direction, weights=None) -> float:
    """The least mean loss over all monotone assignments of levels to distinct scores."""
    scores = np.asarray(scores, dtype=float)
    weights = np.ones(len(scores)) if weights is None else weights
    values, groups = np.unique(scores if direction == "higher" else -scores, return_inverse=True)
    costs = np.nansum(np.abs(LEVELS[:, None, None] - ratings) ** k, axis=2) * weights  # of each level on each item
    by_group = np.stack([np.bincount(groups, row, minlength=len(values)) for row in costs])
    ways = assignments(len(values))
    return by_group[ways, np.arange(len(values))].sum(axis=1).min() / (weights[:, None] * ~np.isnan(ratings)).sum()


def loss_of(mapping, scores, ratings, k, weights=None) -> float:
    """The mean loss of a mapping, computed from the levels that it gives."""
    weights = np.ones(len(scores)) if weights is None else weights
    answers = LEVELS[mapping.levels(scores) - 1]
    costs = np.abs(answers[:, None] - ratings) ** k * weights[:, None]
    return np.nansum(costs) / (weights[:, None] * ~np.isnan(ratings)).sum()
