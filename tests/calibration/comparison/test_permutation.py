"""PERM-BOTH: equal to a plain loop over permutations, exact in small cases, and what clusters and models change."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from calibration.comparison.correlation_tests import williams
from calibration.comparison.permutation import Pair, Swaps, permutation_both
from calibration.core.resampling import Resampling

CORRELATIONS = {"spearman": stats.spearmanr, "pearson": stats.pearsonr, "kendall": stats.kendalltau}


def study(count, seed=0, noise=(1.0, 2.0)):
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=count)
    a, b = (quality + size * rng.normal(size=count) for size in noise)
    return a, b, np.round(quality + rng.normal(size=count), 1)


def standard(values, statistic):
    values = np.asarray(values) if statistic == "pearson" else stats.rankdata(values)
    return (values - values.mean()) / values.std()


def correlation(x, y, statistic):
    """Of what is ranked already."""
    return stats.kendalltau(x, y).statistic if statistic == "kendall" else np.corrcoef(x, y)[0, 1]


@settings(max_examples=40, deadline=None)
@given(st.integers(8, 25), st.integers(0, 10**6), st.sampled_from(list(CORRELATIONS)), st.booleans(), st.booleans())
def test_p_is_that_of_a_plain_loop(count, seed, statistic, grouped, crossed):
    a, b, target = study(count, seed)
    a = np.round(a)
    clusters = np.random.default_rng(seed).integers(0, 5, count) if grouped else None
    models = np.arange(count) % 3 if crossed else None
    found = permutation_both(a, b, target, clusters, models, statistic, permutations=40, seed=seed)
    observed = CORRELATIONS[statistic](a, target).statistic - CORRELATIONS[statistic](b, target).statistic
    assert found.difference == pytest.approx(observed) and found.n == count
    swaps = Swaps(count, clusters, models)
    (drawn,) = swaps.draws(Resampling(40, seed)).blocks(40)
    x, y, t = (standard(each, statistic) for each in (a, b, target))
    extreme = 0
    for row in drawn[:, swaps.cell]:
        delta = correlation(np.where(row, y, x), t, statistic) - correlation(np.where(row, x, y), t, statistic)
        extreme += not abs(delta) < abs(observed) - 1e-12
    assert found.p == pytest.approx((1 + extreme) / 41)


def test_many_permutations_come_near_the_exact_p():
    a, b, target = study(9, 3)
    x, y, t = (standard(each, "pearson") for each in (a, b, target))
    observed = abs(np.mean(x * t) - np.mean(y * t))
    exact = np.mean(
        [
            abs(np.corrcoef(np.where(row, y, x), t)[0, 1] - np.corrcoef(np.where(row, x, y), t)[0, 1])
            >= observed - 1e-12
            for row in product([False, True], repeat=9)
        ]
    )
    assert permutation_both(a, b, target, statistic="pearson", permutations=20_000).p == pytest.approx(exact, abs=0.015)


def test_a_difference_is_found_and_its_sign_turns_with_the_order():
    a, b, target = study(400)
    one, other = permutation_both(a, b, target), permutation_both(b, a, target)
    assert one.p < 0.01 and other.p < 0.01
    assert one.difference == -other.difference > 0.1
    assert permutation_both(np.exp(a), b, target).p == one.p  # only ranks matter
    assert permutation_both(a, a, target) == (0.0, 1.0, 400)


def test_an_image_repeated_says_no_more_than_once():
    a, b, target = study(60, 4)
    clusters = np.repeat(np.arange(60), 8)
    repeated = [np.repeat(each, 8) for each in (a, b, target)]
    once = permutation_both(a, b, target, permutations=4000).p
    together, apart = (permutation_both(*repeated, each, permutations=4000).p for each in (clusters, None))
    assert together == pytest.approx(once, abs=0.03) and apart < together / 3


def test_equally_good_metrics_are_told_apart_in_one_of_twenty_studies():
    found = [
        permutation_both(*study(40, seed, (1.0, 1.0)), permutations=99, seed=seed).p <= 0.05 for seed in range(600)
    ]
    assert np.mean(found) == pytest.approx(0.05, abs=0.025)


def test_models_are_swapped_on_top_of_prompts():
    swaps = Swaps(12, np.repeat(np.arange(4), 3), np.tile(np.arange(3), 4))
    (drawn,) = swaps.draws(Resampling(500, 0)).blocks(500)
    crossed = drawn[:, swaps.cell].reshape(500, 4, 3)
    # a cell is its prompt's coin against its model's: in every 2 x 2 square the number of swaps is even
    assert not (crossed[:, 0, 0] ^ crossed[:, 0, 1] ^ crossed[:, 1, 0] ^ crossed[:, 1, 1]).any()
    assert crossed.mean(axis=0) == pytest.approx(np.full((4, 3), 0.5), abs=0.1)
    assert (crossed[:, 0, 0] ^ crossed[:, 1, 0]).mean() == pytest.approx(0.5, abs=0.1)  # prompts have coins
    assert (crossed[:, 0, 0] ^ crossed[:, 0, 1]).mean() == pytest.approx(0.5, abs=0.1)  # and models


def test_missing_scores_drop_out_and_what_is_undefined_is_nan():
    a, b, target = study(50)
    a[:5], b[5:8], target[8:10] = np.nan, np.nan, np.nan
    found = permutation_both(a, b, target, np.repeat(np.arange(25), 2))
    assert found.n == 40
    assert found.difference == pytest.approx(permutation_both(a[10:], b[10:], target[10:]).difference)
    for undefined in (np.zeros(50), np.full(50, np.nan)):
        assert np.isnan(permutation_both(undefined, b, target)[:2]).all()
    assert permutation_both(np.zeros(50), b, target).n == 45
    assert np.isnan(permutation_both([], [], []).p)
    assert permutation_both([1, 2], [2, 1], [1, 2]).p == 1.0


def test_the_same_seed_gives_the_same_p_and_blocks_change_little(monkeypatch):
    a, b, target = study(100, 1, (1.0, 1.2))
    first, again = (permutation_both(a, b, target, seed=seed).p for seed in (-1, -1))
    monkeypatch.setattr("calibration.core.resampling._MEMORY", 1000)
    assert first == again == pytest.approx(permutation_both(a, b, target, seed=2).p, abs=0.05)


def test_very_many_images_are_swapped_in_parts():
    a, b, target = study(20_000, 0, (1.0, 1.005))
    p = permutation_both(a, b, target, permutations=2000).p
    assert Swaps(20_000, None, None).cells == 4096
    r = np.corrcoef([stats.rankdata(each) for each in (target, a, b)])
    assert p == pytest.approx(williams(r[0, 1], r[0, 2], r[1, 2], 20_000)[1], abs=0.06)


def test_nearly_equal_scores_are_one():
    third, other = np.array([0.1 + 0.2, 0.3, 0.9]), np.array([1.0, 2.0, 3.0])
    pair = Pair.of(third, other, other, "spearman")
    assert pair.r_a == pytest.approx(stats.spearmanr([1, 1, 2], [1, 2, 3]).statistic)
