"""The sign-flip test and its interval, against SciPy's permutation test and by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from calibration.decision.sign_flips import sign_flips


def test_p_values_are_scipys_exact_ones():
    rng = np.random.default_rng(3)
    differences = rng.normal(0.3, 1, 9)
    flips = sign_flips(differences, np.arange(9))
    for alternative, ours in (("less", flips.p_below()), ("greater", flips.p_above())):
        theirs = stats.permutation_test(
            (differences,), np.mean, permutation_type="samples", alternative=alternative, n_resamples=np.inf
        )
        assert ours == pytest.approx(theirs.pvalue, abs=1e-12)
    assert flips.is_exact


def test_all_images_of_a_prompt_are_flipped_together():
    """Two equal differences of a prompt are one observation: 5 prompts can give no p below 1/32."""
    flips = sign_flips(np.repeat([-1.0, -1.1, -0.9, -1.2, -0.8], 4), np.repeat(np.arange(5), 4))
    assert (flips.prompts, flips.pairs) == (5, 20)
    assert flips.p_below() == 1 / 32


def test_prompts_count_alike_however_many_seeds_they_have():
    flips = sign_flips([1.0, 1.0, 1.0, -1.0], ["a", "a", "a", "b"])
    assert flips.mean == 0


@given(st.lists(st.floats(-10, 10), min_size=6, max_size=9), st.floats(-3, 3))
def test_interval_is_the_test_turned_round(values, shift):
    flips = sign_flips(values, np.arange(len(values)))
    low, high = flips.interval()
    moved = sign_flips(np.asarray(values) - shift, np.arange(len(values)))
    refused = min(moved.p_below(), moved.p_above()) <= 0.025
    margin = 1e-6 * (1 + np.abs(values).max())
    if shift < low - margin or shift > high + margin:
        assert refused
    if low + margin < shift < high - margin:
        assert not refused


def test_drawn_flips_come_near_the_normal_ones():
    rng = np.random.default_rng(5)
    differences = rng.normal(-0.2, 1, 60)
    flips = sign_flips(differences, np.arange(60))
    theirs = stats.ttest_1samp(differences, 0, alternative="less")
    assert not flips.is_exact
    assert flips.p_below() == pytest.approx(theirs.pvalue, abs=0.02)
    low, high = flips.interval()
    expected = stats.t.interval(0.95, 59, differences.mean(), stats.sem(differences))
    assert (low, high) == pytest.approx(expected, abs=0.04)


def test_the_same_seed_gives_the_same_flips():
    differences = np.random.default_rng(0).normal(size=30)
    first, again, other = (sign_flips(differences, np.arange(30), seed).interval() for seed in (4, 4, 5))
    assert first == again != other


def test_too_few_prompts_refuse_nothing():
    assert sign_flips([-1.0] * 5, np.arange(5)).interval() == (-np.inf, np.inf)
    assert sign_flips([-1.0, -2.0, -3.0, -4.0, -5.0, -6.0], np.arange(6)).interval() == (-6.0, -1.0)


@pytest.mark.parametrize("values", [[], [np.nan, 1.0], [np.inf]])
def test_what_has_no_differences_is_refused(values):
    with pytest.raises(ValueError, match="finite"):
        sign_flips(values, np.arange(len(values)))
