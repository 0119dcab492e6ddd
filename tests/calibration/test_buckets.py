import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from calibration.buckets import BucketFitter, BucketMapping, fit_buckets
from calibration.grades import unit_scale
from tests.calibration.brute_force import least_loss, loss_of

NAN = float("nan")


@st.composite
def cases(draw, items=6, evaluators=3):
    """Few items, so that ties are common; ratings with gaps; both directions."""
    n, m = draw(st.integers(1, items)), draw(st.integers(1, evaluators))
    scores = draw(arrays(float, n, elements=st.sampled_from([-2.0, 0.0, 0.1, 0.3, 1e-9, 7.0])))
    ratings = draw(arrays(float, (n, m), elements=st.sampled_from([1, 2, 3, 4, 5, NAN])))
    ratings[0, 0] = draw(st.integers(1, 5))
    return scores, unit_scale(ratings), draw(st.sampled_from(["higher", "lower"]))


@settings(max_examples=1000, deadline=None)
@given(cases(), st.sampled_from([1, 2, 3, 1.5, 0.5]))
def test_equals_brute_force(case, k):
    scores, ratings, direction = case
    mapping = fit_buckets(scores, ratings, k, direction)
    truth = least_loss(scores, ratings, k, direction)
    assert mapping.loss == pytest.approx(truth, abs=1e-12)
    assert loss_of(mapping, scores, ratings, k) == pytest.approx(truth, abs=1e-12)


@settings(max_examples=300, deadline=None)
@given(cases(items=30, evaluators=5), st.sampled_from([1, 2, 0.5]))
def test_thresholds_are_ordered_and_split_no_tie(case, k):
    scores, ratings, direction = case
    mapping = fit_buckets(scores, ratings, k, direction)
    ordered = mapping.thresholds if direction == "higher" else mapping.thresholds[::-1]
    assert list(ordered) == sorted(ordered)
    assert not set(mapping.thresholds) & (set(scores) - {scores.min(), scores.max()})
    levels = mapping.levels(scores)
    by_score = sorted(zip(scores, levels, strict=True), reverse=direction == "lower")
    assert [level for _, level in by_score] == sorted(levels)


@settings(max_examples=200, deadline=None)
@given(cases(evaluators=4), st.sampled_from([1, 2]))
def test_leaving_one_out_equals_fitting_without_the_column(case, k):
    scores, ratings, direction = case
    fitter = BucketFitter(scores, ratings, k, direction)
    for column in range(ratings.shape[1]):
        others = np.delete(ratings, column, axis=1)
        assert fitter.fit(without=column) == fit_buckets(scores, others, k, direction)


@settings(max_examples=200, deadline=None)
@given(cases(items=12), st.floats(0.1, 100), st.floats(-10, 10))
def test_levels_survive_any_increasing_transformation(case, scale, shift):
    scores, ratings, direction = case
    scores = np.round(scores, 1)  # so that rounding merges no two scores
    moved = scores * scale + shift
    before, after = (fit_buckets(values, ratings, 1, direction) for values in (scores, moved))
    assert before.levels(scores).tolist() == after.levels(moved).tolist()


@given(cases())
def test_the_order_of_items_does_not_matter(case):
    scores, ratings, direction = case
    backwards = fit_buckets(scores[::-1], ratings[::-1], 1, direction)
    assert fit_buckets(scores, ratings, 1, direction) == backwards


def test_directions_mirror_each_other():
    rng = np.random.default_rng(0)
    scores, ratings = rng.normal(size=50), unit_scale(rng.integers(1, 6, (50, 4)))
    up, down = fit_buckets(scores, ratings), fit_buckets(-scores, ratings, direction="lower")
    assert down.thresholds == tuple(-threshold for threshold in up.thresholds)
    assert down.thresholds == tuple(sorted(down.thresholds, reverse=True))
    assert up.levels(scores).tolist() == down.levels(-scores).tolist()


def test_empty_outer_levels_lie_beyond_the_data():
    mapping = fit_buckets([10.0, 20.0], unit_scale([[3.0], [4.0]]))
    first, second, third, fourth = mapping.thresholds
    assert first < 10 and second < 10 and third == 15 and fourth > 20


@pytest.mark.parametrize("direction", ["higher", "lower"])
def test_scores_that_differ_in_their_last_bits_are_never_split(direction):
    """2/13 came out of two sums as 0.15384615384615383 and 0.15384615384615385."""
    sign = 1 if direction == "higher" else -1
    scores = sign * np.array([0.1, 0.15384615384615383, 0.15384615384615385, 0.2])
    mapping = fit_buckets(scores, unit_scale([[1.0], [2.0], [4.0], [5.0]]), direction=direction)
    levels = mapping.levels(scores)
    assert levels[1] == levels[2]
    assert (levels[0], levels[3]) == (1, 5)


def test_scores_that_differ_by_more_are_told_apart():
    mapping = fit_buckets([1.0, 1.0 + 1e-11], unit_scale([[1.0], [5.0]]))
    assert mapping.levels([1.0, 1.0 + 1e-11]).tolist() == [1, 5]


def test_huge_scores_do_not_overflow():
    mapping = fit_buckets([-1e300, 1e300], unit_scale([[1.0], [5.0]]))
    assert mapping.levels([-1e300, 1e300]).tolist() == [1, 5]
    assert np.isfinite(mapping.thresholds).all()


def test_equal_optima_take_the_middle_cut():
    """Items 2 and 3 are liked as much as disliked: any cut among them costs the same."""
    ratings = unit_scale([[1.0, 1.0], [1.0, 5.0], [1.0, 5.0], [5.0, 5.0]])
    assert fit_buckets([1, 2, 3, 4], ratings).thresholds == (2.5,) * 4


def test_nothing_to_fit_on():
    assert fit_buckets([1.0], np.array([[NAN]])) is None
    assert BucketFitter([1.0], np.array([[0.5]])).best_constant(without=0) is None


def test_best_constant_is_the_median_for_k_1_and_near_the_mean_for_k_2():
    ratings = unit_scale([[1, 1, 1, 5, 5]]).T
    assert BucketFitter(np.arange(5), ratings, 1).best_constant() == 1
    assert BucketFitter(np.arange(5), ratings, 2).best_constant() == 3


def test_level_counts_only_thresholds_that_are_exceeded():
    assert BucketMapping((1, 1, 2, 3), "higher", 0, 1).levels([1, 1.5, 2]).tolist() == [1, 3, 3]
