"""The closed form against scikit-learn: weights, penalty, cross-validated error; from a memory map, by parts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge as SklearnRidge

from calibration.aesthetic import ridge
from calibration.aesthetic.ridge import PENALTIES, fit_ridge
from metrics.errors import InputError


def problem(count, d, seed, noise=2.0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, d)) * rng.uniform(0.1, 1, d) + rng.normal(size=d)
    return x, x @ rng.normal(size=d) + noise * rng.normal(size=count) + 5, rng.integers(0, 4, count)


@settings(max_examples=15, deadline=None)
@given(st.integers(40, 120), st.integers(1, 12), st.integers(0, 10**6), st.booleans())
def test_every_error_and_the_weights_equal_scikit_learns(count, d, seed, weighted):
    x, y, folds = problem(count, d, seed)
    folds[:4] = range(4)
    w = np.random.default_rng(seed).uniform(0.2, 2, count) if weighted else np.ones(count)
    found = fit_ridge(x, y, folds, weights=w)
    mean = w @ x / w.sum()
    scale = (w @ (x - mean) ** 2 / w.sum()).mean()
    errors = np.zeros(len(PENALTIES))
    for place, penalty in enumerate(PENALTIES * scale):
        for fold in range(4):
            train, test = folds != fold, folds == fold
            model = SklearnRidge(alpha=penalty * w[train].sum()).fit(x[train], y[train], sample_weight=w[train])
            errors[place] += w[test] @ (model.predict(x[test]) - y[test]) ** 2
    np.testing.assert_allclose(found.errors, errors / w.sum(), rtol=1e-6)
    assert found.penalty == pytest.approx(PENALTIES[np.argmin(found.errors)] * scale)
    whole = SklearnRidge(alpha=found.penalty * w.sum()).fit(x, y, sample_weight=w)
    np.testing.assert_allclose(found.weights, whole.coef_, atol=1e-7)
    np.testing.assert_allclose(found.predict(x), whole.predict(x), atol=1e-7)


def test_parts_of_a_memory_map_give_the_same(tmp_path, monkeypatch):
    x, y, folds = problem(300, 8, 0)
    np.save(tmp_path / "x.npy", x)
    rows = np.random.default_rng(0).permutation(300)[:200]
    expected = fit_ridge(x[rows], y[:200], folds[:200])
    monkeypatch.setattr(ridge, "_PART", 7)
    found = fit_ridge(np.load(tmp_path / "x.npy", mmap_mode="r"), y[:200], folds[:200], rows)
    np.testing.assert_allclose(found.weights, expected.weights, rtol=1e-9)


def test_noise_gets_a_large_penalty_and_a_clear_answer_a_small_one():
    x, _, folds = problem(200, 8, 1)
    noise = fit_ridge(x, np.random.default_rng(5).normal(size=200), folds).penalty
    assert noise > 100 * fit_ridge(x, x @ np.ones(8), folds).penalty


def test_what_cannot_be_learnt_from_is_refused():
    with pytest.raises(InputError, match="two folds"):
        fit_ridge(np.eye(4), np.ones(4), np.zeros(4))
    with pytest.raises(InputError, match="all alike"):
        fit_ridge(np.ones((4, 3)), np.arange(4), [0, 1, 0, 1])


def test_the_penalties_are_four_a_decade_from_a_millionth_to_ten_thousand():
    assert PENALTIES[[0, -1]] == pytest.approx([1e-6, 1e4]) and np.diff(np.log10(PENALTIES)) == pytest.approx(0.25)
