"""Mappings fitted many at a time are those that `BucketFitter` fits one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.core.buckets import BucketFitter
from calibration.core.many_mappings import TIE, ScoreOrder, level_costs
from calibration.scale import LIKERT


def case(seed, count, people, ties, gaps):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=count)
    ratings = rng.integers(0, 5, (count, people)) / 4
    if gaps:
        ratings[rng.random(ratings.shape) < 0.3] = np.nan
    return (np.round(scores) if ties else scores), ratings, rng


cases = st.tuples(st.integers(0, 10**6), st.integers(1, 25), st.integers(1, 4), st.booleans(), st.booleans())


@settings(max_examples=80, deadline=None)
@given(cases, st.sampled_from([1.0, 1.5, 2.0]), st.sampled_from(["higher", "lower"]))
def test_for_k_of_one_or_more_the_levels_are_the_fitters(drawn, k, direction):
    scores, ratings, _ = case(*drawn)
    mapping = BucketFitter(scores, ratings, k, direction).fit()
    if mapping is None:
        return
    order = ScoreOrder(scores, direction)
    costs = level_costs(ratings, k).sum(axis=1)[order.order]
    steps = ((costs[:, at] - costs[:, at + 1])[None] for at in range(len(LIKERT.unit) - 1))
    levels = order.levels(steps, np.array([TIE * (1 + ratings.size)]))[0]
    assert (levels + 1 == mapping.levels(scores)[order.order]).all()


@settings(max_examples=80, deadline=None)
@given(cases, st.sampled_from([0.3, 0.5, 1.0, 2.0]), st.sampled_from(["higher", "lower"]))
def test_for_any_k_the_loss_is_the_fitters(drawn, k, direction):
    scores, ratings, rng = case(*drawn)
    order = ScoreOrder(scores, direction)
    costs = level_costs(ratings, k)
    weights = np.stack([np.ones(len(scores)), rng.integers(0, 4, len(scores))])
    variants = costs.sum(axis=1)[order.order][None] * weights[:, order.order, None]
    levels = order.levels_of_any_costs(variants)
    for row, weight in zip(levels, weights, strict=True):
        rows = np.repeat(np.arange(len(scores)), weight.astype(int))
        mapping = BucketFitter(scores[rows], ratings[rows], k, direction).fit() if len(rows) else None
        if mapping is None:
            continue
        by_item = np.empty(len(scores))
        by_item[order.order] = row / 4
        assert (np.diff(row) >= 0).all()
        assert np.nanmean(np.abs(by_item[rows][:, None] - ratings[rows]) ** k) == pytest.approx(mapping.loss, abs=1e-9)


def test_equal_scores_have_one_level():
    order = ScoreOrder(np.array([1.0, 1.0, 2.0]), "higher")
    costs = level_costs(LIKERT.to_unit([[1], [5], [5]]), 0.5).sum(axis=1)[None]
    assert order.levels_of_any_costs(costs)[0].tolist() in ([0, 0, 4], [4, 4, 4])
