"""Two one-sided tests against statsmodels, and with clusters by hand."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.weightstats import ttost_paired

from calibration.metric.equivalence import MARGIN, _sentence, as_good_as_median, equivalence_test
from calibration.metric.same_target import EvaluatorsAsMetrics, SameTarget
from tests.calibration.typed import beside_the_median, scored


@pytest.mark.parametrize("shift", [-0.3, 0.0, 0.02, 0.3])
def test_equals_statsmodels(shift):
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 60))
    expected = ttost_paired(a + shift, b, -0.4, 0.4)[0]
    assert equivalence_test(a + shift - b, 0.4).p == pytest.approx(expected, rel=1e-9)


def test_clusters_by_hand():
    # Mean 2.5; residual sums -2 and 2; variance 2 / 1 * 8 / 16 = 1.
    result = equivalence_test(np.array([1.0, 2.0, 3.0, 4.0]), 5.0, ["a", "a", "b", "b"])
    assert (result.difference, result.standard_error, result.freedom) == (2.5, 1.0, 1.0)


@pytest.mark.parametrize("values", [[], [0.1], [np.nan, np.nan], [0.2, 0.2, np.nan]])
def test_degenerate(values):
    assert np.isnan(equivalence_test(np.array(values, dtype=float), 0.1).p)


def test_verdict():
    # t(.975, 4) = 2.7764: half widths .0278 and .2776.
    assert as_good_as_median(-0.02, 0.01, 4.0, 0.05) == "yes"
    assert as_good_as_median(-0.08, 0.01, 4.0, 0.05) == "no"
    assert as_good_as_median(-0.02, 0.1, 4.0, 0.05) == "cannot tell"
    assert as_good_as_median(np.nan, np.nan, np.nan, 0.05) == "cannot tell"


@pytest.mark.parametrize("noise", [0.75, 1.5])
def test_noise_is_never_as_good_as_the_median_evaluator(noise):
    """With a margin of a tenth of a rating step it is, in four of five such studies at noise 1.5."""
    answers = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        quality = rng.normal(size=(512, 1))
        ratings = (np.clip(np.rint(3 + quality + noise * rng.normal(size=(512, 5))), 1, 5) - 1) / 4
        noise_only = scored(rng.normal(size=512), ratings)
        same = EvaluatorsAsMetrics(noise_only.ratings).compare(noise_only)
        answers.append(beside_the_median(same, draws=100)["answer"])
    assert "yes" not in answers


def test_the_margin_is_a_quarter_of_what_the_median_evaluator_gains():
    gains = np.array([0.02, 0.04, 0.2])
    grades = {
        "weights": np.full(3, 1 / 3),
        "person_grades": 0.7 + gains,
        "constant_grades": np.full(3, 0.7),
        "metric_grades": 0.7 + gains,
    }
    same = SameTarget((0, 1, 2), **grades, influence=np.zeros((10, 3)))
    assert beside_the_median(same, draws=10)["margin"] == pytest.approx(0.01)
    same = SameTarget((0, 1, 2), **(grades | {"constant_grades": np.full(3, 0.8)}), influence=np.zeros((10, 3)))
    assert beside_the_median(same, draws=10)["margin"] == 0
    same = SameTarget((0, 1, 2), **(grades | {"constant_grades": np.zeros(3)}), influence=np.zeros((10, 3)))
    assert beside_the_median(same, draws=10)["margin"] == MARGIN


def test_beating_someone_who_is_no_better_than_a_constant_does_not_count():
    same = SameTarget(
        (0, 1),
        np.array([0.5, 0.5]),
        np.array([0.8, 0.8]),
        np.array([0.7, 0.75]),
        np.array([0.72, 0.72]),
        np.zeros((5, 2)),
    )
    assert (same.wins, same.wins_over_able, same.able.tolist()) == (2, 1, [False, True])


def test_without_a_margin_no_share_of_a_step_is_spoken_of():
    """The margin is none where the median evaluator does no better than a constant."""
    for answer, high, words in (
        ("yes", 0.1, "is not worse than the median evaluator"),
        ("no", -0.1, "is worse than the median evaluator"),
        ("cannot tell", 0.1, "whether it is as good as the median evaluator"),
    ):
        said = _sentence(answer, high, 0.0)
        assert words in said and "of a rating step" not in said
        assert "of a rating step" in _sentence(answer, high, 0.02)


AHEAD = np.array([0.01, 0.05, -0.02, 0.04, 0.03])


def beside_five(influence):
    """A metric that is so far ahead of five evaluators, of whom each gains .2 over a constant."""
    return SameTarget(tuple(range(5)), np.full(5, 0.2), 0.7 + AHEAD, np.full(5, 0.7), np.full(5, 0.5), influence)


def test_by_hand_where_the_evaluators_alone_vary():
    """The median of E differences varies by pi / 2 of their variance over E, on E - 1 degrees of freedom."""
    found = beside_the_median(beside_five(np.zeros((10, 5))), draws=20)
    error = np.sqrt(np.pi / 2 * np.var(AHEAD, ddof=1) / 5)
    half = stats.t.ppf(0.975, 4) * error
    assert (found["difference"], found["low"], found["high"]) == pytest.approx((0.03, 0.03 - half, 0.03 + half))
    assert found["p"] == pytest.approx(
        max(stats.t.sf((0.03 + MARGIN) / error, 4), stats.t.cdf((0.03 - MARGIN) / error, 4))
    )


@pytest.mark.parametrize("clusters", [None, np.arange(100) // 2])
def test_by_hand_where_images_and_evaluators_vary(clusters):
    """Of the images' influence, in sums over clusters, the variances add up; Satterthwaite's degrees of freedom."""
    influence = np.repeat(np.random.default_rng(0).normal(size=50), 2) * 0.0015
    influence -= influence.mean()
    found = beside_the_median(beside_five(np.tile(influence[:, None], 5)), clusters=clusters, draws=4000)
    items = np.sum(influence**2) if clusters is None else np.sum(np.bincount(clusters, influence) ** 2)
    people = np.pi / 2 * np.var(AHEAD, ddof=1) / 5
    assert 0.3 < items / people < 3  # neither could stand for both
    half = stats.t.ppf(0.975, (items + people) ** 2 / (people**2 / 4)) * np.sqrt(items + people)
    assert (found["high"] - found["low"]) / 2 == pytest.approx(half, rel=0.04)
