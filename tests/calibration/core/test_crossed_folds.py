"""Crossed folds: every rating held out once, nothing of its person or cluster in training."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.core.crossed_folds import crossed_folds


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 30), st.integers(2, 8), st.integers(1, 4), st.integers(0, 10**6))
def test_every_rating_is_held_out_once_and_its_person_and_cluster_are_not_trained_on(items, people, size, seed):
    rng = np.random.default_rng(seed)
    ratings = rng.random((items, people))
    ratings[:, 0] = np.nan
    ratings[rng.random(ratings.shape) < 0.2] = np.nan
    clusters = np.arange(items) // size
    held = np.zeros(ratings.shape, dtype=int)
    cells = crossed_folds(ratings, clusters, seed=seed)
    rated = (~np.isnan(ratings)).any(axis=0)
    for cell in cells:
        held[np.ix_(cell.items, cell.people)] += 1
        assert rated.sum() == 1 or not (cell.people & cell.others).any()
        assert not set(clusters[cell.items]) & set(clusters[~cell.items])
        assert not cell.others[0] and not cell.people[0]
    if cells:
        assert (held[:, rated] == 1).all() and (held[:, ~rated] == 0).all()
    else:
        assert len(set(clusters)) < 2 or not rated.any()


def test_one_evaluator_is_fitted_on_the_other_images():
    cells = crossed_folds(np.zeros((10, 1)))
    assert len(cells) == 5 and all(cell.others.tolist() == [True] for cell in cells)
    assert crossed_folds(np.zeros((4, 2)), ["a"] * 4) == [] and crossed_folds(np.empty((0, 2))) == []
