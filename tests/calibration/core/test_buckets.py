import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from calibration.core.buckets import BucketFitter, BucketMapping, fit_buckets
from calibration.scale import LIKERT
from tests.calibration.brute_force import least_loss, loss_of

NAN = float("nan")


@st.composite
def cases(draw, items=6, evaluators=3):
    """Few items, so that ties are common; ratings with gaps; both directions."""
    n, m = draw(st.integers(1, items)), draw(st.integers(1, evaluators))
    scores = draw(arrays(float, n, elements=st.sampled_from([-2.0, 0.0, 0.1, 0.3, 1e-9, 7.0])))
    ratings = draw(arrays(float, (n, m), elements=st.sampled_from([1, 2, 3, 4, 5, NAN])))
    ratings[0, 0] = draw(st.integers(1, 5))
    return scores, LIKERT.to_unit(ratings), draw(st.sampled_from(["higher", "lower"]))


@settings(max_examples=1000, deadline=None)
@given(cases(), st.sampled_from([1, 2, 3, 1.5, 0.5]))
def test_equals_brute_force(case, k):
    scores, ratings, direction = case
    mapping = fit_buckets(scores, ratings, k, direction)
    truth = least_loss(scores, ratings, k, direction)
    assert mapping.loss == pytest.approx(truth, abs=1e-12)
    assert loss_of(mapping, scores, ratings, k) == pytest.approx(truth, abs=1e-12)


def test_ten_thousand_cases_with_ties_gaps_and_weights_equal_brute_force():
    """Every mapping's loss is the least of all; every threshold in its interval is as good, and none beside it is."""

    seen = 0
    for seed in range(10_000):
        rng = np.random.default_rng(seed)
        n, people = rng.integers(1, 7), rng.integers(1, 4)
        scores = rng.integers(0, rng.integers(2, 9), n) * 0.1
        ratings = rng.integers(0, 5, (n, people)) / 4
        ratings[rng.random(ratings.shape) < 0.25] = NAN
        weights = rng.integers(0, 4, n)
        k, direction = rng.choice([0.5, 1.0, 2.0]), rng.choice(["higher", "lower"])
        mapping = fit_buckets(scores, ratings, k, direction, weights)
        if mapping is None:
            assert not (weights[:, None] * ~np.isnan(ratings)).any()
            continue
        loss = loss_of(mapping, scores, ratings, k, weights)
        assert abs(loss - least_loss(scores, ratings, k, direction, weights)) < 1e-12
        assert abs(loss - mapping.loss) < 1e-12
        seen += 1
        check_intervals(mapping, scores, ratings, k, weights, loss)
    assert seen > 9000


def check_intervals(mapping, scores, ratings, k, weights, loss):
    """Thresholds are moved one at a time to every gap between scores, in order with the other three."""
    is_higher = mapping.direction == "higher"
    values = np.unique(scores)
    gaps = np.concatenate([[values[0] - 1], (values[:-1] + values[1:]) / 2, [values[-1] + 1]])
    for place, (low, high) in enumerate(mapping.optimal):
        assert low <= mapping.thresholds[place] <= high
        for gap in gaps:
            moved = list(mapping.thresholds)
            moved[place] = gap
            if moved != sorted(moved, reverse=not is_higher):
                continue
            other = BucketMapping(tuple(moved), mapping.direction, 0.0, 1)
            is_best = loss_of(other, scores, ratings, k, weights) <= loss + 1e-9
            assert is_best or not low < gap < high
            if is_best and not low < gap < high:  # then a worse place lies between it and the interval
                inside = min(max(gap, low), high)
                between = [each for each in gaps if min(gap, inside) < each < max(gap, inside)]
                tried = [(*moved[:place], each, *moved[place + 1 :]) for each in between]
                losses = [
                    loss_of(BucketMapping(each, mapping.direction, 0.0, 1), scores, ratings, k, weights)
                    for each in tried
                ]
                assert any(each > loss + 1e-9 for each in losses)


def test_weights_are_as_good_as_repeated_items():
    rng = np.random.default_rng(3)
    scores, ratings, weights = rng.normal(size=40), rng.integers(0, 5, (40, 3)) / 4, rng.integers(0, 4, 40)
    for k in (0.5, 1.0, 2.0):
        repeated = fit_buckets(np.repeat(scores, weights), np.repeat(ratings, weights, axis=0), k)
        weighted = fit_buckets(scores, ratings, k, weights=weights)
        assert weighted.loss == pytest.approx(repeated.loss, abs=1e-12)
        assert weighted.n_ratings == repeated.n_ratings


def test_the_interval_of_a_threshold_by_hand():
    """Two images at 1 and 4, both answers sure: every threshold between them is as good, and the outer levels empty."""
    mapping = fit_buckets([1.0, 4.0], LIKERT.to_unit([[2], [3]]))
    assert mapping.optimal == ((-np.inf, 1.0), (1.0, 4.0), (4.0, np.inf), (4.0, np.inf))
    lower = fit_buckets([1.0, 4.0], LIKERT.to_unit([[3], [2]]), direction="lower")
    assert lower.optimal == ((4.0, np.inf), (1.0, 4.0), (-np.inf, 1.0), (-np.inf, 1.0))


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
    scores, ratings = rng.normal(size=50), LIKERT.to_unit(rng.integers(1, 6, (50, 4)))
    up, down = fit_buckets(scores, ratings), fit_buckets(-scores, ratings, direction="lower")
    assert down.thresholds == tuple(-threshold for threshold in up.thresholds)
    assert down.thresholds == tuple(sorted(down.thresholds, reverse=True))
    assert up.levels(scores).tolist() == down.levels(-scores).tolist()


def test_empty_outer_levels_lie_beyond_the_data():
    mapping = fit_buckets([10.0, 20.0], LIKERT.to_unit([[3.0], [4.0]]))
    first, second, third, fourth = mapping.thresholds
    assert first < 10 and second < 10 and third == 15 and fourth > 20


@pytest.mark.parametrize("direction", ["higher", "lower"])
def test_scores_that_differ_in_their_last_bits_are_never_split(direction):
    """2/13 came out of two sums as 0.15384615384615383 and 0.15384615384615385."""
    sign = 1 if direction == "higher" else -1
    scores = sign * np.array([0.1, 0.15384615384615383, 0.15384615384615385, 0.2])
    mapping = fit_buckets(scores, LIKERT.to_unit([[1.0], [2.0], [4.0], [5.0]]), direction=direction)
    levels = mapping.levels(scores)
    assert levels[1] == levels[2]
    assert (levels[0], levels[3]) == (1, 5)


def test_scores_that_differ_by_more_are_told_apart():
    mapping = fit_buckets([1.0, 1.0 + 1e-11], LIKERT.to_unit([[1.0], [5.0]]))
    assert mapping.levels([1.0, 1.0 + 1e-11]).tolist() == [1, 5]


def test_huge_scores_do_not_overflow():
    mapping = fit_buckets([-1e300, 1e300], LIKERT.to_unit([[1.0], [5.0]]))
    assert mapping.levels([-1e300, 1e300]).tolist() == [1, 5]
    assert np.isfinite(mapping.thresholds).all()


def test_equal_optima_take_the_middle_cut():
    """Items 2 and 3 are liked as much as disliked: any cut among them costs the same."""
    ratings = LIKERT.to_unit([[1.0, 1.0], [1.0, 5.0], [1.0, 5.0], [5.0, 5.0]])
    assert fit_buckets([1, 2, 3, 4], ratings).thresholds == (2.5,) * 4


def test_nothing_to_fit_on():
    assert fit_buckets([1.0], np.array([[NAN]])) is None
    assert BucketFitter([1.0], np.array([[0.5]])).fit(without=0) is None


def test_level_counts_only_thresholds_that_are_exceeded():
    assert BucketMapping((1, 1, 2, 3), "higher", 0, 1).levels([1, 1.5, 2]).tolist() == [1, 3, 3]


def test_between_two_neighbouring_numbers_the_threshold_is_the_lower():
    """Their middle is no number of its own, and may round to the upper one; such neighbours are told apart near 0."""
    low, high = 3 * 5e-324, 4 * 5e-324
    assert low / 2 + high / 2 == high
    mapping = fit_buckets([low, high], LIKERT.to_unit([[1], [5]]))
    assert mapping.levels([low, high]).tolist() == [1, 5] and mapping.loss == 0
