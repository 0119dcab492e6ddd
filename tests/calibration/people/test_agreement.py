import krippendorff
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.people.agreement import _within_one, correlations, krippendorff_alpha

NAN = float("nan")

# Krippendorff, K. (2011), Computing Krippendorff's alpha-reliability, section C: four observers, twelve units, five
# values, missing data; published as .743, .815, .849 and .797, with more digits by the krippendorff library 0.9
PUBLISHED = [("nominal", 0.743421), ("ordinal", 0.815388), ("interval", 0.849107), ("ratio", 0.797403)]
KRIPPENDORFF_C = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
).T


@pytest.mark.parametrize(("level", "alpha"), PUBLISHED)
def test_krippendorffs_own_example(level, alpha):
    assert krippendorff_alpha(KRIPPENDORFF_C, level) == pytest.approx(alpha, abs=5e-7)


@given(st.integers(0, 10**6), st.integers(2, 30), st.integers(2, 6), st.sampled_from(PUBLISHED))
def test_it_is_the_krippendorff_librarys_alpha(seed, items, people, published):
    rng = np.random.default_rng(seed)
    ratings = rng.integers(1, 6, (items, people)).astype(float)
    ratings[rng.random(ratings.shape) < 0.3] = NAN
    pairable = ratings[(~np.isnan(ratings)).sum(axis=1) > 1]
    if len(np.unique(pairable[~np.isnan(pairable)])) > 1:
        expected = krippendorff.alpha(reliability_data=pairable.T, level_of_measurement=published[0])
        assert krippendorff_alpha(ratings, published[0]) == pytest.approx(expected, abs=1e-12)


def test_alpha_does_not_depend_on_items_with_one_rating():
    one = np.array([[NAN, 2.0, NAN, NAN]])
    both = np.vstack([KRIPPENDORFF_C, one])
    assert krippendorff_alpha(both, "ordinal") == pytest.approx(krippendorff_alpha(KRIPPENDORFF_C, "ordinal"))


def test_alpha_is_unknown_without_pairs_or_variety():
    assert np.isnan(krippendorff_alpha(np.array([[1.0, NAN], [NAN, 2.0]]), "nominal"))
    assert np.isnan(krippendorff_alpha(np.array([[3.0, 3.0], [3.0, 3.0]]), "interval"))


def test_tau_b_with_ties_by_hand():
    """Pairs: 5 concordant, 0 discordant, 1 tied in y only: 5 / sqrt(6 * 5)."""
    found = correlations(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 2.0, 2.0, 3.0]))
    assert found.kendall == pytest.approx(5 / np.sqrt(6 * 5))
    assert found.n == 4


def test_missing_places_drop_out():
    found = correlations(np.array([1.0, 2.0, NAN, 4.0]), np.array([1.0, 2.0, 3.0, NAN]))
    assert (found.n, found.pearson) == (2, 1.0)


@pytest.mark.parametrize("scores", [[], [1.0], [2.0, 2.0, 2.0]])
def test_undefined_correlations_are_nan_without_a_warning(scores, recwarn):
    found = correlations(np.array(scores), np.arange(len(scores), dtype=float))
    assert np.isnan([found.pearson, found.spearman, found.kendall]).all()
    assert not recwarn.list


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(1, 5)), min_size=2, max_size=20))
def test_correlations_lie_in_range_and_change_sign_with_the_score(pairs):
    x, y = np.array(pairs, dtype=float).T
    one, other = correlations(x, y), correlations(-x, y)
    for name in ("pearson", "spearman", "kendall"):
        value = getattr(one, name)
        assert np.isnan(value) or -1 <= value <= 1
        assert getattr(other, name) == pytest.approx(-value, abs=1e-12, nan_ok=True)


def test_a_correlation_without_a_value_is_not_minus_one():
    assert np.isnan(_within_one(float("nan"))) and _within_one(1 + 1e-16) == 1.0
