"""Weights of evaluators and the best constant: equal where everybody rated everything, small where little is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.core.evaluator_weights import (
    best_constant,
    constant_costs,
    evaluator_shares,
    is_known,
    pair_weights,
    trust,
    weighted_mean,
    weighted_median,
)
from calibration.scale import LIKERT


def gappy(count, people, seed, share):
    rng = np.random.default_rng(seed)
    ratings = rng.integers(0, 5, (count, people)) / 4
    ratings[rng.random(ratings.shape) > share] = np.nan
    return ratings


def test_all_weigh_the_same_where_everybody_rated_everything():
    assert evaluator_shares(gappy(30, 7, 0, 1.1)) == pytest.approx(np.full(7, 1 / 7))


def test_a_rating_that_nobody_else_gave_an_image_of_adds_no_trust():
    ratings = np.full((40, 3), np.nan)
    ratings[:20, :2], ratings[20:, 2] = 0.5, 0.5
    assert trust(ratings).tolist() == [0.5, 0.5, 0.0]
    assert evaluator_shares(ratings).tolist() == [0.5, 0.5, 0.0]


def test_one_rating_among_hundreds_weighs_next_to_nothing():
    ratings = gappy(300, 4, 1, 1.1)
    ratings[1:, 3] = np.nan
    shares = evaluator_shares(ratings)
    assert 0 < shares[3] < 2e-4 and is_known(shares).tolist() == [True, True, True, False]


@given(st.integers(2, 40), st.integers(2, 6), st.integers(0, 10**6), st.sampled_from([0.2, 0.6, 1.1]))
def test_weights_are_those_of_the_definition(count, people, seed, share):
    ratings = gappy(count, people, seed, share)
    given_to = ~np.isnan(ratings)
    known = [sum(given_to[item, e] and given_to[item].sum() > 1 for item in range(count)) for e in range(people)]
    weights = np.array(
        [
            [
                0.0
                if a == b
                else (given_to[:, a] & given_to[:, b]).sum() * known[a] * known[b] / (known[a] + 20) / (known[b] + 20)
                for a in range(people)
            ]
            for b in range(people)
        ]
    )
    assert pair_weights(ratings) * weights.sum() == pytest.approx(weights)


@given(st.integers(2, 30), st.integers(2, 5), st.integers(0, 10**6), st.sampled_from([0.5, 1.0, 2.0]), st.booleans())
def test_the_best_constant_has_the_best_grade_over_pairs(count, people, seed, k, gaps):
    ratings = gappy(count, people, seed, 0.6 if gaps else 1.1)
    rated = ~np.isnan(ratings)
    if not (rated.sum(axis=1) > 1).any():
        return
    grades = []
    for level in LIKERT.unit:
        grades.append(weighted_mean(_by_pair(ratings, rated, level, k), pair_weights(ratings)))
    assert constant_costs(ratings, k) == pytest.approx(np.array(grades))
    assert best_constant(ratings, k) == 1 + int(np.flatnonzero(np.array(grades) <= min(grades) + 1e-9)[0])


def _by_pair(ratings, rated, level, k):
    people = ratings.shape[1]
    found = np.full((people, people), np.nan)
    for p in range(people):
        for e in range(people):
            both = rated[:, p] & rated[:, e]
            if both.any():
                found[p, e] = np.mean(np.abs(level - ratings[both, e]) ** k)
    return found


def test_best_constant_is_the_median_for_k_1_and_near_the_mean_for_k_2():
    ratings = np.repeat(LIKERT.to_unit([[1, 1, 1, 5, 5]]).T, 2, axis=1)
    assert (best_constant(ratings, 1), best_constant(ratings, 2)) == (1, 3)
    assert best_constant(ratings[:, :1]) == 1  # one evaluator alone
    assert best_constant(np.full((2, 2), np.nan)) is None


def test_a_stray_rating_does_not_turn_the_constant_over():
    ratings = LIKERT.to_unit(np.array([[2, 2, np.nan]] * 41 + [[4, 4, np.nan]] * 38 + [[4, 4, 5]]))
    assert best_constant(ratings[:, :2]) == best_constant(ratings) == 2


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=9))
def test_a_median_of_equal_weights_is_numpys(values):
    assert weighted_median(np.array(values, dtype=float), np.ones(len(values))) == np.median(values)


def test_a_weighted_median_is_that_of_repeated_values():
    rng = np.random.default_rng(3)
    values, times = rng.normal(size=(5, 8)), rng.integers(1, 5, 8)
    expected = np.median(np.repeat(values, times, axis=1), axis=1)
    assert weighted_median(values, times.astype(float)) == pytest.approx(expected)
