"""The gate's three answers, its rules and its refusals."""

import numpy as np
import pytest

from calibration.core.resampling import Resampling
from calibration.decision.gate import LEAST_DROP, MetricGate, Pairs, Sets, gate
from calibration.decision.slope import slope_on_people
from metrics.errors import InputError
from metrics.sets.paired_sets import PairedSets, paired_sets

PROMPTS = np.repeat(np.arange(40), 2)


def scores(drop: float, noise: float = 0.3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    baseline = rng.normal(size=80)
    return baseline - drop + noise * rng.normal(size=80), baseline


def pairs(drop: float, name: str = "m", **more: object) -> Pairs:
    noise = more.pop("noise", 0.3)
    candidate, baseline = scores(drop, noise, seed=len(name))
    return Pairs(name, "higher", candidate, baseline, PROMPTS, **more)


def test_three_answers():
    assert gate([pairs(0.5)]).verdict == "worse"
    assert gate([pairs(0.0)]).verdict == "not worse"
    assert gate([pairs(-0.5)]).verdict == "not worse"
    assert gate([pairs(0.0, noise=1.5)]).verdict == "cannot tell"


def test_a_small_but_certain_drop_is_not_worse():
    """Significant and far above the least drop of .2 standard deviations: no alarm."""
    one = gate([pairs(0.05, noise=0.02)]).metrics[0]
    assert one.adjusted_p < 0.001
    assert one.verdict == "not worse"
    assert one.drop.unit == "standard deviations"


def test_lower_is_better_turns_the_sign():
    candidate, baseline = scores(-0.5)
    found = gate([Pairs("lpips", "lower", candidate, baseline, PROMPTS)]).metrics[0]
    assert found.verdict == "worse"
    assert found.flips.mean == pytest.approx(-(candidate - baseline).mean())


def test_stated_least_drop_is_in_the_metrics_units():
    one = gate([pairs(0.5, least_drop=0.9)]).metrics[0]
    assert (one.drop.least, one.drop.unit) == (0.9, "the metric's units")
    assert one.verdict == "not worse"
    assert one.estimate == one.flips.mean


def test_points_are_differences_over_the_slope():
    rng = np.random.default_rng(1)
    opinion = rng.normal(size=300)
    slope = slope_on_people(2 * opinion + rng.normal(size=300), opinion[:, None] + rng.normal(size=(300, 4)))
    one = gate([pairs(0.5, slope=slope)]).metrics[0]
    assert (one.drop.least, one.drop.unit) == (LEAST_DROP, "rating steps")
    assert one.estimate == pytest.approx(one.flips.mean / slope.value)
    # the slope's own uncertainty widens the interval
    assert one.estimate_low < one.low / slope.value
    assert one.estimate_low < one.estimate < one.estimate_high


def test_a_slope_that_may_be_nothing_gives_no_points():
    rng = np.random.default_rng(2)
    slope = slope_on_people(rng.normal(size=300), rng.normal(size=(300, 1)) + rng.normal(size=(300, 4)))
    assert slope is not None and not slope.is_clear
    assert gate([pairs(0.5, slope=slope)]).metrics[0].drop.unit == "standard deviations"


def test_slope_does_not_flatten_with_the_ratings_noise():
    """A regression on the mean of three noisy ratings gives 2 x .75; people's true opinion gives 2."""
    rng = np.random.default_rng(3)
    opinion = rng.normal(size=4000)
    ratings = opinion[:, None] + rng.normal(size=(4000, 3))
    scored = 2 * opinion + rng.normal(size=4000)
    assert np.polyfit(ratings.mean(axis=1), scored, 1)[0] == pytest.approx(1.5, abs=0.05)
    assert slope_on_people(scored, ratings, resampling=Resampling(200)).value == pytest.approx(2, abs=0.07)


def test_slope_of_ratings_that_are_missing_at_random_from_strict_people():
    rng = np.random.default_rng(4)
    opinion = rng.normal(size=3000)
    ratings = opinion[:, None] + rng.normal(0, 1.5, 6) + 0.7 * rng.normal(size=(3000, 6))
    ratings[rng.random(ratings.shape) < 0.6] = np.nan
    scored = 2 * opinion + rng.normal(size=3000)
    assert slope_on_people(scored, ratings, resampling=Resampling(200)).value == pytest.approx(2, abs=0.1)


def test_slope_of_few_prompts_is_less_sure():
    """By draws of 5 prompts alone its interval held the truth in 86 %."""
    held = []
    for seed in range(120):
        rng = np.random.default_rng(seed)
        prompts = np.arange(100) % 5
        opinion = 0.6 * rng.normal(size=5)[prompts] + 0.8 * rng.normal(size=100)
        ratings = opinion[:, None] + rng.normal(size=(100, 4))
        scored = opinion + rng.normal(size=100)
        slope = slope_on_people(scored, ratings, prompts, Resampling(200, seed))
        held.append(slope.low <= 1 <= slope.high)
    assert np.mean(held) > 0.92


def test_slope_of_one_prompt_is_not_clear():
    rng = np.random.default_rng(0)
    opinion = rng.normal(size=60)
    slope = slope_on_people(opinion, opinion[:, None] + rng.normal(size=(60, 3)), np.zeros(60), Resampling(200))
    assert not slope.is_clear


def test_few_images_give_no_slope():
    ratings = np.random.default_rng(0).normal(size=(19, 3))
    assert slope_on_people(np.arange(19.0), ratings) is None


def test_primary_metric_decides_alone_and_unadjusted():
    found = gate([pairs(0.0, "first"), pairs(0.5, "second"), pairs(0.5, "third one")], primary="first")
    assert found.verdict == "not worse"
    first, second, third = found.metrics
    assert first.adjusted_p == first.p
    assert second.verdict == third.verdict == "worse"
    assert second.adjusted_p >= second.p


def test_without_primary_any_metric_alarms_and_p_values_are_adjusted():
    found = gate([pairs(0.0, "a"), pairs(0.5, "bb")])
    assert found.verdict == "worse"
    assert found.metrics[1].adjusted_p == pytest.approx(min(1, found.metrics[1].p * 2 * 1.5))


def test_unknown_primary():
    with pytest.raises(InputError, match="no metric 'x' here to decide; the metrics are a, bb"):
        gate([pairs(0, "a"), pairs(0, "bb")], primary="x")


def test_missing_pairs_count_and_more_than_one_in_twenty_refuse():
    candidate, baseline = scores(0.5)
    candidate[:4] = np.nan
    found = gate([Pairs("m", "higher", candidate, baseline, PROMPTS)]).metrics[0]
    assert (found.missing, found.flips.pairs) == (4, 76)
    candidate[:5] = np.nan
    with pytest.raises(InputError, match="m: 5 of 80 pairs lack a score, and the gate takes 5% at most"):
        gate([Pairs("m", "higher", candidate, baseline, PROMPTS)])


def test_the_same_images_are_refused():
    _, baseline = scores(0)
    with pytest.raises(InputError, match="same score on all 80 pairs"):
        gate([Pairs("m", "higher", baseline, baseline, PROMPTS)])


def test_a_baseline_without_spread_asks_for_a_least_drop():
    candidate = scores(0)[0]
    with pytest.raises(InputError, match="--least-drop m=VALUE"):
        gate([Pairs("m", "higher", candidate, np.ones(80), PROMPTS)])


def test_worst_pairs_are_those_that_dropped_most():
    candidate, baseline = scores(0.0)
    candidate[[7, 3]] = baseline[[7, 3]] - np.array([9.0, 8.0])
    worst = gate([Pairs("m", "higher", candidate, baseline, PROMPTS)]).metrics[0].worst
    assert worst[:2].tolist() == [7, 3]
    assert len(worst) == 10


def test_number_of_images_that_would_find_a_drop():
    """(2 / (1.685 + .856)) is the binding standard error for a least drop of 1, by Student's t of 39 degrees."""
    rng = np.random.default_rng(0)
    baseline = rng.normal(size=80)
    one = gate([Pairs("m", "higher", baseline + 5 * rng.normal(size=80), baseline, PROMPTS, least_drop=1.0)]).metrics[0]
    assert one.images_to_find == int(np.ceil((one.flips.deviation / 0.78713) ** 2 + 2) * 2)
    assert one.images_to_clear == int(np.ceil((one.flips.deviation * 2.87358) ** 2 + 2) * 2)


@pytest.mark.parametrize("number_of", [6, 20])
def test_as_many_images_as_are_said_to_tell_do_so(number_of):
    """Of as many more prompts: in 80 % of cases; by the normal distribution those from 6 prompts did in 60 to 65 %."""
    rng = np.random.default_rng(number_of)

    def drawn(number: int, drop: float) -> MetricGate:
        baseline = rng.normal(size=number)
        given = Pairs("m", "higher", baseline - drop + rng.normal(size=number), baseline, np.arange(number), 0.2)
        return gate([given]).metrics[0]

    first = [drawn(number_of, 0.0) for _ in range(80)]
    assert np.mean([drawn(one.images_to_find, 0.4).verdict == "worse" for one in first]) > 0.7
    assert np.mean([drawn(one.images_to_clear, 0.0).verdict == "not worse" for one in first]) > 0.7


def test_a_drop_of_the_least_one_is_one_whatever_rounding_says():
    """Scores in tenths: .3 less .2 is not quite a drop of .1 in floating point."""
    baseline = np.full(12, 0.3)
    candidate = np.where(np.arange(12) < 10, 0.2, 0.1)
    assert 0.2 - 0.3 > -0.1
    even = gate([Pairs("m", "higher", np.full(12, 0.2), baseline, np.arange(12), least_drop=0.1)]).metrics[0]
    assert even.estimate_low > -0.1 and even.verdict == "worse"
    assert gate([Pairs("m", "higher", candidate, baseline, np.arange(12), least_drop=0.1)]).verdict == "worse"
    few = gate([Pairs("m", "higher", np.where(np.arange(6) < 5, 0.2, 0.4), np.full(6, 0.3), np.arange(6), 0.1)])
    assert few.verdict == "cannot tell"


SETS = np.repeat(np.arange(20), 3)


def distances(shift: float, kind: str = "fid", seed: int = 0) -> PairedSets:
    rng = np.random.default_rng(seed)
    common = 0.6 * rng.normal(size=(20, 12))[SETS]
    new, old = (common + 0.8 * rng.normal(size=(60, 12)) for _ in range(2))
    return paired_sets(new + 0.4 + shift, old + 0.4, rng.normal(size=(300, 12)), SETS, kind)


@pytest.mark.parametrize("kind", ["fid", "kid"])
def test_two_sets_have_the_same_three_answers(kind):
    found = gate([Sets(kind, distances(0.3, kind))])
    one = found.metrics[0]
    assert found.verdict == one.verdict == "worse"
    assert one.flips.mean == -distances(0.3, kind).difference < 0
    assert (one.flips.prompts, one.flips.pairs, one.flips.is_exact, len(one.worst)) == (20, 60, False, 0)
    assert (one.low, one.high) == (-distances(0.3, kind).high, -distances(0.3, kind).low)
    assert gate([Sets(kind, distances(-0.3, kind))]).verdict == "not worse"
    assert gate([Sets(kind, distances(0.0, kind), least_drop=1e-3)]).verdict == "cannot tell"
    assert gate([Sets(kind, distances(0.3, kind), least_drop=99.0)]).verdict == "not worse"


def test_standard_deviations_of_a_set_are_those_of_a_mean():
    """The mean of values that are distances to nothing has the standard deviation of its images."""
    values = np.random.default_rng(0).normal(size=60)
    error = values.std(ddof=1) / np.sqrt(60)
    found = PairedSets(values.mean() + error, values.mean(), error, -error, 3 * error, error, error, 0.2, 60, 60, 999)
    one = gate([Sets("fid", found)]).metrics[0]
    assert one.drop.unit == "standard deviations"
    assert one.estimate == pytest.approx(-error / values.std(ddof=1))


def test_sets_are_adjusted_with_the_other_metrics():
    found = gate([Sets("fid", distances(0.3)), pairs(0.0, "a"), pairs(0.0, "bb")])
    assert found.metrics[0].adjusted_p == pytest.approx(found.metrics[0].p * 3 * (1 + 1 / 2 + 1 / 3))


def test_sets_that_say_nothing_are_refused():
    real = np.random.default_rng(1).normal(size=(100, 4))
    same = np.random.default_rng(2).normal(size=(60, 4))
    with pytest.raises(InputError, match="fid: candidate and baseline have the same score on all 60 pairs"):
        gate([Sets("fid", paired_sets(same, same, real, SETS))])
    with pytest.raises(InputError, match="fid: 4 of 64 pairs lack a score"):
        gate([Sets("fid", distances(0.3), missing=4)])
    with pytest.raises(InputError, match="FID of 40 images of 20 prompts says too little"):
        paired_sets(same[:40], same[20:], real, np.repeat(np.arange(20), 2))
