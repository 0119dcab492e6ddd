"""Figures of a head: against SciPy, a published model's own, and people; intervals that cover."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from calibration.aesthetic.evaluation import comparison, evaluate, people
from calibration.aesthetic.scale import TEN, Scale
from calibration.aesthetic.votes import Votes, read_votes
from metrics.errors import InputError
from tests.calibration.aesthetic.made import made_votes


def means_only(means, groups=None):
    names = np.array([str(number) for number in range(len(means))])
    return Votes(names, np.asarray(means, dtype=float), None, groups, "made", "")


def test_a_published_models_figures_come_out(shared):
    path = shared / "data" / "ava_votes" / "nima_vgg16_predictions.csv"
    found = evaluate("NIMA", pd.read_csv(path)["predicted_mean"], read_votes(path, scale=TEN))
    # shared/data/README.md
    assert found.n == 12_818 and round(found.pearson.value, 3) == 0.637 and round(found.spearman.value, 3) == 0.622
    assert round(found.accuracy.value, 3) == 0.777 and round(found.mae.value, 3) == 0.435
    assert found.spearman.low < 0.622 < found.spearman.high and found.spread_ratio.value < 0.8


def test_people_predict_people(shared):
    votes = read_votes(shared / "data" / "ava_votes" / "AVA_excerpt.txt")
    found = people(votes)
    # the issue's: .45, .725 and .990; five votes come out at .74 on these images
    assert found["one"] == pytest.approx(0.45, abs=0.02) and found["five"] == pytest.approx(0.74, abs=0.02)
    assert found["ceiling"] == pytest.approx(0.990, abs=0.001)
    with pytest.raises(InputError, match="six votes"):
        people(means_only([1, 2]))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 10), st.integers(1, 10)), min_size=5, max_size=60))
def test_correlations_and_errors_equal_scipys(pairs):
    x, y = np.array(pairs, dtype=float).T
    if len(set(x)) < 2 or len(set(y)) < 2:
        return
    found = evaluate("h", x, means_only(y), training_means=y)
    assert found.spearman.value == pytest.approx(stats.spearmanr(x, y).statistic)
    assert found.pearson.value == pytest.approx(stats.pearsonr(x, y).statistic)
    assert found.mae.value == pytest.approx(np.abs(x - y).mean())
    assert found.spread_ratio.value == pytest.approx(x.std() / y.std())
    assert found.accuracy.value == pytest.approx(((x > 5) == (y > 5)).mean())
    bins = [np.abs(x - y)[(y >= low) & (y < high)] for low, high in ((0, 4), (4, 5), (5, 6), (6, 7), (7, 11))]
    assert found.balanced_mae.value == pytest.approx(np.mean([part.mean() for part in bins if len(part)]))
    assert found.tenths["n"].sum() == found.shots["n"].sum() == found.curve["n"].sum() == len(x)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_weighted_figures_are_those_of_images_drawn_so_often(seed):
    from calibration.aesthetic.evaluation import HeadFigures

    rng = np.random.default_rng(seed)
    x, y = rng.integers(1, 8, (2, 30)).astype(float)
    w = rng.integers(0, 4, 30)
    if len(set(np.repeat(x, w))) < 2 or len(set(np.repeat(y, w))) < 2:
        return
    weighted = HeadFigures(x, means_only(y), None)(w.astype(float))
    repeated = np.repeat(x, w), np.repeat(y, w)
    plain = HeadFigures(repeated[0], means_only(repeated[1]), None)(np.ones(w.sum()))
    np.testing.assert_allclose(weighted[:-1], plain[:-1], atol=1e-12)
    assert weighted[0] == pytest.approx(stats.spearmanr(*repeated).statistic)


def test_emd_by_hand():
    counts = np.array([[1.0, 0, 0, 0, 0], [0, 0, 1.0, 1.0, 0]])
    votes = Votes(np.array(["a", "b"]), np.array([1.0, 6.6]), counts, None, "made", "")
    found = evaluate("h", [1.0, 6.0], votes, distributions=[[0, 1, 0, 0, 0], [0, 0, 0.5, 0.5, 0]])
    assert found.emd.value == pytest.approx((np.sqrt(1 / 5) + 0) / 2)
    with pytest.raises(InputError, match="other levels"):
        evaluate("h", [1.0, 6.0], votes, distributions=np.full((2, 10), 0.1))


def test_intervals_cover_what_other_images_would_show():
    rng = np.random.default_rng(0)
    covered = []
    for seed in range(60):
        groups = rng.integers(0, 40, 300)
        shared_part = rng.normal(size=40)[groups]
        y = 5.4 + 0.5 * shared_part + 0.5 * rng.normal(size=300)
        x = y + 0.4 * rng.normal(size=40)[groups] + 0.4 * rng.normal(size=300)
        found = evaluate("h", x, means_only(np.clip(y, 1, 10), groups.astype(str)), seed=seed)
        true = np.sqrt(0.5 / (0.5 + 0.32))
        covered.append(found.pearson.low < true < found.pearson.high)
    assert np.mean(covered) > 0.9


def test_bias_by_tenth_and_by_shots():
    y = np.concatenate([np.full(50, 2.05), np.full(50, 5.55), np.full(50, 8.05)])
    trained_on = np.concatenate([np.full(5, 2.05), np.full(500, 5.55), np.full(50, 8.05)])
    found = evaluate("h", 5.5 + (y - 5.5) / 2, means_only(y), training_means=trained_on)
    shots = found.shots.set_index("shots")
    assert shots["n"].tolist() == [50, 50, 50]
    assert shots.loc["few", "bias"] == pytest.approx(1.725) and shots.loc["medium", "bias"] == pytest.approx(-1.275)
    tenths = found.tenths
    assert tenths.loc[tenths["n"] > 0, "trained_on"].tolist() == [5, 500, 50]
    assert tenths.loc[1, "bias"] == pytest.approx(1.725)


def test_answers_that_are_no_numbers_are_refused():
    with pytest.raises(InputError, match="finite answers"):
        evaluate("h", [1.0, np.nan], means_only([1, 2]))
    with pytest.raises(InputError, match="3 images take as many answers"):
        evaluate("h", [1.0, 2.0], means_only([1, 2, 3]))


def test_what_is_not_known_of_the_training_is_not_told():
    found = evaluate("h", [2.0, 3.0, 4.0], means_only([2, 3, 5]))
    assert found.tenths["trained_on"].isna().all() and found.shots.empty


def test_constant_answers_have_no_correlation():
    found = evaluate("h", [5.0, 5.0, 5.0, 5.0], means_only([2, 3, 5, 6]))
    assert np.isnan(found.spearman).all() and found.spread_ratio.value == 0 and found.mae.value == 1.5


@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_challenges_have_a_sentence_and_no_interval(count):
    rng = np.random.default_rng(0)
    y = np.clip(rng.normal(5.4, 0.7, 60), 1, 10)
    votes = replace(means_only(y, np.arange(60).astype(str)), groups=(np.arange(60) % count).astype(str))
    found = evaluate("h", y + rng.normal(size=60), replace(votes, group_name="challenge"))
    assert np.isnan(found.spearman.low) and np.isfinite(found.spearman.value)
    few = "1 challenge" if count == 1 else f"{count} challenges"
    assert found.extent.startswith(f"On 60 images of {few}: fewer than 6 challenges are too few")
    assert "(no interval)" in comparison([found]).loc[0, "spearman"]


def test_intervals_stay_where_the_figures_can_lie():
    rng = np.random.default_rng(0)
    y = rng.normal(5.4, 0.7, 12)
    found = evaluate("h", y + 0.02 * rng.normal(size=12), means_only(np.clip(y, 1, 10)))
    assert 0 < found.spearman.low < found.spearman.value <= found.spearman.high <= 1
    assert found.mae.low > 0 and found.accuracy.high <= 1 and found.extent.startswith("On 12 images; below each")


def test_ratings_are_judged_at_their_own_middle():
    votes = means_only([1 + (mean - 1) * 9 / 4 for mean in (2.0, 2.9, 3.1, 4.0)])
    five = replace(votes, scale=Scale(1, 5))
    answers = [5.2, 5.4, 5.6, 5.8]  # 5.2 and 5.4 are below the middle of 1 to 5, which is 5.5
    assert evaluate("h", answers, five).accuracy.value == 1.0
    assert evaluate("h", answers, votes).accuracy.value == 0.75  # 2.9 is 5.275, above AVA's 5; 2.0 is below
    assert "the middle, 3 on 1-5." in evaluate("h", answers, five).constant


def test_what_a_constant_comes_to_stands_beside_accuracy():
    found = evaluate("h", [6.0, 7.0, 5.5, 4.0], means_only([6.0, 7.0, 8.0, 4.0]))
    assert found.constant.startswith("One answer for all images has an accuracy of 0.750 and an MAE of 1.250;")


def test_a_mean_at_an_edge_is_not_below_it_for_a_rounding():
    y = [1 + 3 * 0.1 * 10 - 1e-13, 2.0]
    from calibration.aesthetic.evaluation import HeadFigures

    exact = HeadFigures(np.array([3.0, 3.0]), means_only([4.0, 2.0]), None)(np.ones(2))
    assert HeadFigures(np.array([3.0, 3.0]), means_only(y), None)(np.ones(2)) == pytest.approx(exact, nan_ok=True)


def test_an_order_that_is_not_told_from_chance_is_said_so_and_no_other():
    rng = np.random.default_rng(0)
    said = 0
    for seed in range(100):
        votes = made_votes(60, seed, groups=0)
        noise = evaluate("h", rng.normal(5, 1, 60), votes)
        sentence = [each for each in noise.alarms if "not told from chance" in each]
        assert bool(sentence) == (noise.spearman.low <= 0 <= noise.spearman.high)
        said += bool(sentence)
    assert said >= 88  # 95 are expected
    votes = made_votes(60, groups=0)
    assert not any("chance" in each for each in evaluate("h", votes.means, votes).alarms)
    assert any("against people's" in each for each in evaluate("h", -votes.means, votes).alarms)
    assert any("so it has no order" in each for each in evaluate("h", np.full(60, 5.0), votes).alarms)


def test_votes_that_are_all_the_same_are_refused():
    with pytest.raises(InputError, match="all 20 images have the same mean vote, 5 on 1-10"):
        evaluate("h", np.arange(20.0), means_only(np.full(20, 5.0), np.arange(20).astype(str)))
