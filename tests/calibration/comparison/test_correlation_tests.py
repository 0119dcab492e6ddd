"""Published worked examples of Williams' and Fisher's tests; adjusted p-values against statsmodels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from calibration.comparison.correlation_tests import benjamini_yekutieli, fisher_z, holm, williams


@pytest.mark.parametrize(
    ("correlations", "n", "alternative", "t", "p"),
    [
        # Silver, Hittner & May (2006), the program DEPCOR, Applied Psychological Measurement 30, 152-153; as in the
        # tests of the R package cocor 1.1
        ((0.3, 0.4, 0.5), 100, "two-sided", -1.0767, 0.2843),
        # Graham & Baldwin (2014), nlp-williams: the README's example, one-sided
        ((0.65, 0.55, 0.3), 50, "greater", None, 0.20928617286753592),
        # R's psych 2.x, help of r.test: 'probability < 0.1000759'
        ((0.693458895410494, 0.695966022434845, 0.988475791500198), 5105, "two-sided", None, 0.1000759),
    ],
)
def test_williams_by_published_examples(correlations, n, alternative, t, p):
    found = williams(*correlations, n, alternative)
    assert found[1] == pytest.approx(p, abs=5e-5 if t else 1e-7)
    assert t is None or found[0] == pytest.approx(t, abs=5e-5)


def test_williams_where_nothing_is_left_to_chance():
    assert williams(0.5, 0.5, 1.0, 50) == (0.0, 1.0)
    for nothing in ((0.1, 0.2, 0.3, 3), (float("nan"), 0.2, 0.3, 50), (1.0, -1.0, -1.0, 50)):
        assert np.isnan(williams(*nothing)).all()
    t, less = williams(0.3, 0.4, 0.5, 100, "less")
    assert t < 0 and less == pytest.approx(0.2843 / 2, abs=5e-5)


def test_williams_keeps_its_level_where_correlations_are_equal():
    # people, and two metrics that are each people plus noise of one size; 4,000 studies of 60 images
    rng = np.random.default_rng(0)
    quality = rng.normal(size=(4000, 60))
    a, b = (quality + rng.normal(size=quality.shape) for _ in "ab")
    people = quality + rng.normal(size=quality.shape)

    def r(x, y):
        x, y = (each - each.mean(axis=1, keepdims=True) for each in (x, y))
        return (x * y).sum(axis=1) / np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))

    found = [williams(*each, 60)[1] for each in zip(r(people, a), r(people, b), r(a, b), strict=True)]
    assert np.mean(np.array(found) < 0.05) == pytest.approx(0.05, abs=0.01)


@pytest.mark.parametrize(
    ("first", "second", "z", "digits"),
    [
        # As in the tests of the R package cocor 1.1, from: Cohen, Cohen, West & Aiken (2003), pp. 45 and 49;
        ((0.657, 62), (0.430, 143), 2.110737, 6),
        # Guilford & Fruchter (1978), p. 164 (2.18 there, by rounding);
        ((0.92, 60), (0.82, 50), 2.19, 2),
        # Glass & Stanley (1970), p. 312 (4.40 there, by rounding)
        ((0.71, 200), (0.28, 78), 4.42, 2),
    ],
)
def test_fisher_by_published_examples(first, second, z, digits):
    assert round(fisher_z(*first, *second)[0], digits) == z


def test_fisher_p_and_where_it_is_undefined():
    # stat-help.com's spreadsheet, as in cocor's tests
    z, p = fisher_z(0.4, 100, 0.5, 100)
    assert (z, p) == (pytest.approx(-0.8751012342, abs=1e-10), pytest.approx(0.3815188256, abs=1e-10))
    assert fisher_z(0.4, 100, 0.5, 100, "less")[1] == pytest.approx(p / 2)
    for nothing in ((1.0, 50, 0.5, 50), (0.5, 3, 0.5, 50), (float("nan"), 50, 0.5, 50)):
        assert np.isnan(fisher_z(*nothing)).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.floats(0, 1), st.sampled_from([0.01, 0.05, float("nan")])), max_size=12))
def test_adjusted_p_values_are_those_of_statsmodels(p):
    known = [each for each in p if not np.isnan(each)]
    for adjust, method in ((holm, "holm"), (benjamini_yekutieli, "fdr_by")):
        found = adjust(p)
        assert np.isnan(found).tolist() == np.isnan(p).tolist()
        expected = multipletests(known, method=method)[1] if known else []
        assert found[~np.isnan(found)] == pytest.approx(np.asarray(expected), abs=1e-12)
