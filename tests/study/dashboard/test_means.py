"""Means and their intervals, of arrays; tests of trends hold them against best."""

import numpy as np
import pytest
from scipy import stats

from calibration.decision.slope import levelled
from study.dashboard.means import mean_of, people_means


def test_one_value_has_a_mean_and_nothing_has_none():
    assert mean_of(np.array([np.nan, 2.0]), np.array([0, 1]))[0] == 2.0
    assert mean_of(np.array([np.nan]), np.array([0])) is None


def test_equal_values_have_an_interval_of_no_width():
    value, low, high, n = mean_of(np.full(6, 0.5), np.arange(6))
    assert (value, low, high, n) == (0.5, 0.5, 0.5, 6)


def test_a_metrics_interval_is_students_over_the_prompts_means():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(12, 3))
    means = values.mean(axis=1)
    half = stats.t.ppf(0.975, 11) * means.std(ddof=1) / np.sqrt(12)
    found = mean_of(values.ravel(), np.repeat(np.arange(12), 3))
    np.testing.assert_allclose(found, [means.mean(), means.mean() - half, means.mean() + half, 36])


def opinions_of(rng, evaluators: int = 3, prompts: int = 8):
    """Two checkpoints that share prompts and a third that shares none, rated by all."""
    of = np.repeat([0, 1, 2], prompts)
    prompt = np.concatenate([np.arange(prompts), np.arange(prompts), prompts + np.arange(prompts)])
    given = rng.normal(size=(3 * prompts, 1)) + rng.normal(size=(3 * prompts, evaluators))
    steps = levelled(given)
    return steps, (given - steps)[0], prompt, of


def test_peoples_means_are_those_of_the_ratings_where_all_is_rated():
    steps, leniency, prompt, of = opinions_of(np.random.default_rng(1))
    found = people_means(steps, leniency, prompt, of)
    for at in range(3):
        assert found[at][0] == pytest.approx((steps + leniency)[of == at].mean()) and found[at][3] == 8


def test_a_checkpoint_whose_easy_prompts_were_rated_is_not_better_for_that():
    """One that is like another, of which the four easiest prompts were rated alone."""
    prompts, easy = 10, np.arange(10.0)
    steps = np.concatenate([easy, np.where(easy >= 6, easy, np.nan)])[:, None] * np.ones(3)
    found = people_means(steps, np.zeros(3), np.tile(np.arange(prompts), 2), np.repeat([0, 1], prompts))
    assert found[0][0] == pytest.approx(4.5) and found[1][0] == pytest.approx(4.5)
    assert np.isfinite(found[0][1]) and np.isnan(found[1][1])  # four prompts give no interval


def test_strictness_widens_what_other_people_would_say():
    steps, _, prompt, of = opinions_of(np.random.default_rng(2))
    narrow, wide = (people_means(steps, np.array([-1.0, 0.0, 1.0]) * size, prompt, of) for size in (0, 1))
    for at in range(3):
        assert wide[at][0] == pytest.approx(narrow[at][0])
        assert wide[at][2] - wide[at][1] > narrow[at][2] - narrow[at][1] + 1


def test_who_rated_nothing_there_and_what_nobody_rated_change_nothing():
    steps, leniency, prompt, of = opinions_of(np.random.default_rng(3))
    more = np.column_stack([steps, np.full(len(steps), np.nan)])
    more = np.vstack([more, np.full((1, more.shape[1]), np.nan)])
    found = people_means(more, np.append(leniency, 5.0), np.append(prompt, 99), np.append(of, 7))
    assert found == people_means(steps, leniency, prompt, of)
    assert people_means(np.full((2, 1), np.nan), np.zeros(1), np.array([0, 1]), np.array([0, 1])) == {}
