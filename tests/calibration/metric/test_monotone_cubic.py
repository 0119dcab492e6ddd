"""The best cubic that never falls: least squares where that does not fall, against SLSQP and NNLS where it does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize, nnls

from calibration.metric.monotone_cubic import fit_monotone_cubic


def data(seed, kind):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=25)
    shape = {"rising": 2 * scores, "falling": -scores, "wavy": np.sin(4 * scores), "noise": 0 * scores}[kind]
    return scores, shape + 0.5 * rng.normal(size=25)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["rising", "falling", "wavy", "noise"]))
def test_it_never_falls_and_nothing_that_does_not_fall_is_nearer(seed, kind):
    scores, target = data(seed, kind)
    fit = fit_monotone_cubic(scores, target)
    assert np.diff(fit.predict(np.linspace(scores.min(), scores.max(), 400))).min() > -1e-7
    t = (scores - scores.min()) / np.ptp(scores)
    design, grid = np.vander(t, 4, increasing=True), np.linspace(0, 1, 101)

    def rising(c):
        return c[1] + 2 * c[2] * grid + 3 * c[3] * grid**2

    def loss(c):
        return np.sum((design @ c - target) ** 2)

    options = {"maxiter": 300, "ftol": 1e-12}
    start = [target.mean(), 0.1, 0.0, 0.0]
    rival = minimize(loss, start, constraints={"type": "ineq", "fun": rising}, method="SLSQP", options=options)
    assert np.sum((fit.predict(scores) - target) ** 2) <= rival.fun * (1 + 1e-4)


def test_where_least_squares_rises_it_is_least_squares():
    scores = np.linspace(-1, 2, 40)
    target = 2 + 0.5 * scores + 0.3 * scores**3
    assert fit_monotone_cubic(scores, target).predict(scores) == pytest.approx(target, abs=1e-9)


def test_weights_are_repeated_items_and_the_ends_hold_beyond_the_range():
    scores, target = data(1, "wavy")
    weights = np.arange(25) % 3 + 1.0
    weighted = fit_monotone_cubic(scores, target, weights)
    repeated = fit_monotone_cubic(np.repeat(scores, weights.astype(int)), np.repeat(target, weights.astype(int)))
    assert weighted.predict(scores) == pytest.approx(repeated.predict(scores), abs=1e-9)
    assert weighted.predict([1e9]) == weighted.predict([scores.max()])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["falling", "wavy", "noise"]))
def test_no_sum_of_rising_shapes_is_nearer(seed, kind):
    scores, target = data(seed, kind)
    t = (scores - scores.min()) / np.ptp(scores)
    roots = np.linspace(0, 1, 101)
    shapes = np.column_stack([np.ones(len(t)), -np.ones(len(t)), t**2 / 2 - t**3 / 3, (t[:, None] - roots) ** 3])
    _, rest = nnls(shapes, target)
    assert np.sum((fit_monotone_cubic(scores, target).predict(scores) - target) ** 2) <= rest**2 * (1 + 1e-9) + 1e-12


@pytest.mark.parametrize("scores", [[], [1.0], [2.0, 2.0, 2.0]])
def test_where_there_is_none(scores):
    assert fit_monotone_cubic(np.array(scores), np.zeros(len(scores))) is None
