"""Bias and inconsistency: the model's own data, what ITU-T P.910 makes of them, and the collapse."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.core.resampling import Resampling
from calibration.people.p910 import alternating_projection
from calibration.people.recovery import recover_scores, recovery_entry
from calibration.scale import LIKERT
from tests.calibration.typed import rated


def model(images, bias, noise, seed=0, quality_std=1.0):
    rng = np.random.default_rng(seed)
    quality = rng.normal(3, quality_std, size=images)
    return quality, quality[:, None] + np.asarray(bias) + rng.normal(size=(images, len(bias))) * np.asarray(noise)


def likert(images, people, seed):
    rng = np.random.default_rng(seed)
    quality = rng.normal(3, 1, size=images)
    noise = rng.normal(size=(images, people)) * rng.uniform(0.5, 1, people)
    return quality, LIKERT.to_unit(np.clip(np.rint(quality[:, None] + rng.normal(0, 0.4, people) + noise), 1, 5))


BIAS, NOISE = [0.4, 0.1, -0.2, 0.0, -0.3], [0.3, 0.5, 0.7, 0.9, 1.1]


def test_the_models_parameters_come_back():
    _, ratings = model(3000, BIAS, NOISE)
    found = recover_scores(ratings, resampling=Resampling(40))
    assert found.converged
    assert found.bias == pytest.approx(BIAS, abs=0.05)
    assert found.inconsistency == pytest.approx(NOISE, abs=0.05)
    assert found.quality_variance == pytest.approx(1.0, abs=0.08)
    for value, (low, high) in zip(found.inconsistency, found.inconsistency_intervals, strict=True):
        assert low < value < high and high - low < 0.2


def test_with_a_third_of_the_ratings_missing_as_well():
    quality, ratings = model(3000, BIAS, NOISE, seed=1)
    ratings[np.random.default_rng(2).random(ratings.shape) < 0.33] = np.nan
    found = recover_scores(ratings, resampling=Resampling(0))
    assert found.inconsistency == pytest.approx(NOISE, abs=0.07)
    known = ~np.isnan(found.scores)
    plain = np.nanmean(ratings[known], axis=1)
    assert np.corrcoef(found.scores[known], quality[known])[0, 1] > np.corrcoef(plain, quality[known])[0, 1] + 0.02


def test_the_standard_errors_are_those_of_the_scores():
    quality, ratings = model(4000, BIAS, NOISE, seed=3)
    found = recover_scores(ratings, resampling=Resampling(0))
    assert np.std((found.scores - quality) / found.standard_errors) == pytest.approx(1.0, abs=0.05)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.floats(-2, 2), st.integers(0, 3))
def test_a_constant_added_to_one_evaluator_moves_their_bias_only(seed, shift, who):
    _, ratings = model(60, [0.0] * 4, [0.5, 0.6, 0.7, 0.8], seed)
    moved = ratings.copy()
    moved[:, who] += shift
    before, after = recover_scores(ratings, resampling=Resampling(0)), recover_scores(moved, resampling=Resampling(0))
    expected = before.bias + np.where(np.arange(4) == who, shift, 0.0) - shift / 4
    assert after.bias == pytest.approx(expected, abs=1e-3)
    assert after.inconsistency == pytest.approx(before.inconsistency, abs=1e-3)


def test_with_many_evaluators_both_methods_agree():
    rng = np.random.default_rng(4)
    noise = rng.uniform(0.5, 1.0, 40)
    _, ratings = model(300, np.zeros(40), noise, seed=5)
    ours, projected = recover_scores(ratings, resampling=Resampling(0)), alternating_projection(ratings)
    assert projected.collapsed is None
    assert ours.scores == pytest.approx(projected.scores, abs=0.05)
    assert ours.inconsistency == pytest.approx(projected.inconsistency, abs=0.05)
    assert projected.standard_errors == pytest.approx(ours.standard_errors, rel=0.05)


def test_projection_by_hand_where_two_evaluators_differ_by_their_bias_only():
    found = alternating_projection(np.array([[1.0, 2.0], [4.0, 5.0]]))
    assert found.scores == pytest.approx([1.5, 4.5]) and found.bias == pytest.approx([-0.5, 0.5])
    assert found.inconsistency == pytest.approx([0.0, 0.0], abs=1e-9)


def test_one_round_of_the_projection_by_hand():
    """Three images, means 2, 3, 4: biases 1/3, -1/3; the residuals' deviations weigh the next scores."""
    ratings = np.array([[2.0, 2.0], [4.0, 2.0], [4.0, 4.0]])
    left = ratings - [[2.0], [3.0], [4.0]] - np.array([1 / 3, -1 / 3])
    weights = 1 / left.var(axis=0)
    expected = ((ratings - [1 / 3, -1 / 3]) * weights).sum(axis=1) / weights.sum()
    found = alternating_projection(ratings)
    assert weights[0] == pytest.approx(weights[1]) and found.scores == pytest.approx(expected)


def test_projection_often_collapses_with_five_evaluators_and_ours_never():
    collapsed, worse = 0, 0
    for seed in range(40):
        quality, ratings = likert(128, 5, seed)
        projected, ours = alternating_projection(ratings), recover_scores(ratings, resampling=Resampling(0))
        weights = 1 / ours.inconsistency**2
        assert weights.max() < 0.8 * weights.sum()
        if projected.collapsed is not None:
            collapsed += 1
            own = ratings[:, projected.collapsed] - projected.bias[projected.collapsed]
            assert projected.scores == pytest.approx(own, abs=1e-4)
            correlations = [np.corrcoef(each, quality)[0, 1] for each in (projected.scores, ours.scores)]
            worse += correlations[0] < correlations[1]
    assert 18 <= collapsed <= 36 and worse == collapsed


def test_tifa160_collapses_onto_one_of_the_dependent_pair(shared):
    table = pd.read_csv(shared / "data" / "tifa160" / "ratings_as_published.csv")
    ratings = table.pivot(index="item", columns="worker_id", values="answer")
    entry = recovery_entry(rated(LIKERT.to_unit(ratings), evaluators=[str(name) for name in ratings.columns], draws=20))
    assert entry["collapsed_onto"] in ("4375840905", "4375843592")
    assert entry["collapsed_onto"] in entry["sentence"] and "must not be used" in entry["sentence"]
    assert entry["correlation"] > 0.99
    assert min(one["inconsistency"] for one in entry["evaluators"].values()) > 0.4


@pytest.mark.parametrize(
    "ratings",
    [
        np.full((30, 3), 0.5),
        np.random.default_rng(0).random((30, 1)),
        np.random.default_rng(0).random((10, 3)),
        np.where(np.eye(30, 3, dtype=bool), 0.5, np.nan),
        np.column_stack([np.random.default_rng(0).random((30, 2)), np.full(30, np.nan)]),
    ],
)
def test_where_there_is_nothing_to_recover(ratings):
    assert (
        recover_scores(ratings) is None
        and recovery_entry(rated(ratings, evaluators=list("abc")[: ratings.shape[1]])) is None
    )


def test_an_evaluator_who_never_varies_and_the_same_draws_for_a_seed():
    _, ratings = likert(60, 4, 0)
    ratings[:, 2] = 0.5
    first, again, other = (
        recovery_entry(rated(ratings, evaluators=list("abcd"), draws=30, seed=seed)) for seed in (1, 1, 2)
    )
    assert first == again != other
    assert first["evaluators"]["c"]["inconsistency"] > 0


def test_by_hand_where_the_parameters_come_to_rest():
    """One more round of what the notes describe changes nothing: five ratings more say that all are alike."""
    _, ratings = model(30, [0.3, 0.0, -0.3], [0.3, 0.6, 0.9], seed=6)
    found = recover_scores(ratings, resampling=Resampling(0))
    assert found.converged
    variance, bias = found.inconsistency**2, ratings.mean(axis=0)
    spread = 1 / (1 / found.quality_variance + (1 / variance).sum())
    quality = ((ratings - bias) / variance).sum(axis=1) * spread
    assert found.bias == pytest.approx(bias - bias.mean(), abs=1e-4)
    assert found.quality_variance == pytest.approx(np.mean(quality**2) + spread, rel=1e-3)
    sums = ((ratings - bias - quality[:, None]) ** 2).sum(axis=0) + 30 * spread
    assert variance == pytest.approx((sums + 5 * sums.sum() / 90) / 35, rel=1e-3)


def test_intervals_are_in_rating_points_as_the_figures_are():
    _, ratings = likert(60, 4, 2)
    found, entry = (
        recover_scores(ratings, resampling=Resampling(50, 1)),
        recovery_entry(rated(ratings, evaluators=list("abcd"), draws=50, seed=1)),
    )
    for column, name in enumerate("abcd"):
        one = entry["evaluators"][name]
        assert one["bias"] == 4 * found.bias[column] and one["inconsistency"] == 4 * found.inconsistency[column]
        assert (one["bias_low"], one["bias_high"]) == tuple(4 * each for each in found.bias_intervals[column])
        spread = tuple(4 * each for each in found.inconsistency_intervals[column])
        assert (one["inconsistency_low"], one["inconsistency_high"]) == spread
        assert one["bias_low"] < one["bias"] < one["bias_high"]
