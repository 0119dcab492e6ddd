"""The alternative annotator test, with the constant beside it; the median evaluator."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from calibration.comparison.correlation_tests import benjamini_yekutieli
from calibration.metric.annotator_test import EPSILON, AnnotatorTest, alternative_annotator_test, annotator_test_entry
from calibration.metric.equivalence import as_good_as_median, two_one_sided
from calibration.metric.same_target import EvaluatorsAsMetrics
from tests.calibration.typed import beside_the_median, scored


def study(seed, images=200, people=5, noise=1.0, spread=1.0):
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=images)
    answers = 2 + spread * quality[:, None] + noise * rng.normal(size=(images, people))
    return quality, np.clip(np.round(answers), 0, 4) / 4


def test_by_hand():
    """Sixty items of one pattern: the candidate is nearer to the others than a and c, b is in the middle itself."""
    ratings = np.tile([0.0, 0.5, 1.0], (60, 1))
    ratings[:2] = [[0.5, 0.5, 0.5]] * 2  # so that the differences vary
    found = alternative_annotator_test(np.full(60, 0.5), ratings)
    assert found.advantages.tolist() == [1.0, 1.0, 1.0]
    behind = [np.r_[0.0, 0.0, -np.ones(58)], np.zeros(60), np.r_[0.0, 0.0, -np.ones(58)]]
    raw = [stats.ttest_1samp(behind[0], EPSILON, alternative="less").pvalue, 0.0]
    assert found.p == pytest.approx(benjamini_yekutieli(np.array([raw[0], 0.0, raw[0]])))
    assert found.winning_rate == 1.0 and found.passes


def test_ties_count_for_both():
    ratings = np.tile([0.25, 0.5, 0.75], (40, 1))
    found = alternative_annotator_test(ratings[:, 0], ratings)
    assert found.advantages[0] == 1.0 and found.p[0] == 0.0  # as good as itself, and epsilon is granted
    assert alternative_annotator_test(ratings[:, 0], ratings, epsilon=0.0).p[0] == 1.0


def test_a_sixth_evaluator_stands_where_people_stand():
    advantages, mirrored = [], []
    for seed in range(40):
        _, ratings = study(seed, people=6, images=100)
        sixth = alternative_annotator_test(ratings[:, 5], ratings[:, :5], k=1.0).advantages
        advantages.append(sixth.mean())
        # the same question asked the other way round: how often each evaluator is at least as near as the sixth
        distance = [np.abs(ratings[:, [one]] - np.delete(ratings[:, :5], one, 1)).mean(1) for one in range(5)]
        theirs = [np.abs(ratings[:, [5]] - np.delete(ratings[:, :5], one, 1)).mean(1) for one in range(5)]
        mirrored.append(np.mean([(d <= t + 1e-9).mean() for d, t in zip(distance, theirs, strict=True)]))
    difference = np.array(advantages) - mirrored
    assert abs(difference.mean()) < 3 * difference.std() / np.sqrt(40)


def test_the_truth_wins_and_noise_does_not():
    quality, ratings = study(0, spread=1.5, noise=0.5)
    good = alternative_annotator_test(np.clip(np.round(2 + 1.5 * quality), 0, 4) / 4, ratings)
    noise = alternative_annotator_test(np.random.default_rng(1).random(200), ratings)
    assert good.winning_rate == 1.0 and good.advantage > 0.6
    assert noise.winning_rate == 0.0 and noise.advantage < 0.3 and noise.passes is False


def test_a_constant_passes_where_people_agree_little():
    _, ratings = study(1, spread=0.3, noise=1.0)
    entry = annotator_test_entry(ratings[:, 0] * 0 + 0.5, np.full(200, 0.5), ratings)
    assert entry["constant_passes"] and "so does a constant" in entry["sentence"]


def test_too_few_items_or_evaluators():
    _, ratings = study(2, images=29)
    assert annotator_test_entry(ratings[:, 0], ratings[:, 1], ratings) is None
    _, ratings = study(2, people=2)
    assert annotator_test_entry(ratings[:, 0], ratings[:, 1], ratings) is None
    found = alternative_annotator_test(np.full(40, np.nan), study(3, images=40)[1])
    assert found.passes is None and np.isnan(found.advantage)


def test_gaps_are_left_out():
    quality, ratings = study(4, images=400)
    ratings[np.random.default_rng(5).random(ratings.shape) < 0.4] = np.nan
    answers = np.tile(np.clip(2 + quality, 0, 4)[:, None] / 4, (1, 5))
    answers[:100] = np.nan
    assert alternative_annotator_test(answers, ratings).winning_rate == 1.0


def compared(scores, ratings):
    task = scored(scores, ratings)
    return EvaluatorsAsMetrics(task.ratings).compare(task)


def test_the_median_evaluator_is_matched_by_the_truth_and_not_by_noise():
    quality, ratings = study(6, images=600)
    assert beside_the_median(compared(quality, ratings))["answer"] == "yes"
    _, ratings = study(6, images=600, noise=0.5)
    far = beside_the_median(compared(np.random.default_rng(7).normal(size=600), ratings))
    assert far["answer"] == "no" and far["high"] < -far["margin"] and 0 < far["margin"] < 0.025
    assert f"more than {4 * far['margin']:.3f} of a rating step worse" in far["sentence"]  # four steps span a grade


def test_few_images_cannot_tell_and_a_sixth_evaluator_is_hardly_ever_refused():
    answers = []
    for seed in range(30):
        _, ratings = study(seed, images=60, people=6)
        answers.append(beside_the_median(compared(ratings[:, 5], ratings[:, :5]), draws=200)["answer"])
    assert answers.count("no") <= 3 and answers.count("cannot tell") > 10


def test_clusters_and_seeds():
    quality, ratings = study(8, images=100)
    quality, ratings = np.repeat(quality, 4), np.repeat(ratings, 4, axis=0)
    same, prompts = compared(quality + np.random.default_rng(9).normal(size=400) * 1e-9, ratings), np.arange(400) // 4
    alone, together = beside_the_median(same), beside_the_median(same, clusters=prompts)
    assert together["high"] - together["low"] > alone["high"] - alone["low"]
    assert beside_the_median(same, seed=3) == beside_the_median(same, seed=3)
    assert same.influence.sum(axis=0) == pytest.approx(np.zeros(5), abs=1e-12)
    assert beside_the_median(same, draws=0) is None


def test_the_two_tests_and_the_interval_agree():
    """p < .025 in the test of 'not worse by the margin' is the 95 % interval above -margin."""
    for difference in (-0.05, -0.01, 0.0, 0.03):
        is_above = stats.t.sf((difference + 0.025) / 0.01, 6) < 0.025
        assert (as_good_as_median(difference, 0.01, 6, 0.025) == "yes") == is_above
    assert np.isnan(two_one_sided(0.0, 0.0, 3, 0.1))


def test_the_p_values_are_adjusted_for_the_number_of_evaluators():
    """A candidate about as good as people but for what is granted: p values between the certain and the hopeless."""
    _, ratings = study(11, images=60, people=6)
    candidate, people = ratings[:, 5], ratings[:, :5]
    raw = []
    for one in range(5):
        others = np.delete(people, one, axis=1)
        mine, theirs = (np.abs(each[:, None] - others).mean(axis=1) for each in (candidate, people[:, one]))
        behind = (theirs <= mine + 1e-9).astype(float) - (mine <= theirs + 1e-9)
        raw.append(stats.ttest_1samp(behind, 0.15, alternative="less").pvalue)
    assert sum(1e-4 < p < 0.5 for p in raw) >= 3
    expected = multipletests(raw, method="fdr_by")[1]
    found = alternative_annotator_test(candidate, people)
    assert found.p == pytest.approx(expected, rel=1e-6) and found.epsilon == 0.15
    assert any(p < 0.05 <= q for p, q in zip(raw, expected, strict=True)) or not np.allclose(raw, expected, rtol=0.5)


@pytest.mark.parametrize(("p", "passes"), [([0.01, 0.04, 0.06, 0.9], True), ([0.01, 0.06, 0.06, 0.9], False)])
def test_half_of_the_evaluators_are_enough(p, passes):
    found = AnnotatorTest(np.full(4, 0.5), np.array(p), EPSILON, np.full(4, 0.25))
    assert found.passes is passes
