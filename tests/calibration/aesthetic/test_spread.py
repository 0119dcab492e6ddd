"""The quantile match: order kept, spread restored, equal to its layers; alarms of condensed answers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from calibration.aesthetic.spread import alarms, match_quantiles, spread_ratio
from calibration.aesthetic.votes import read_votes

numbers = st.lists(st.floats(-5, 15, allow_nan=False), min_size=2, max_size=300)


@given(numbers, numbers)
def test_order_is_kept_and_the_layers_are_the_same_map(answers, votes):
    match = match_quantiles(answers, votes)
    x = np.linspace(-6, 16, 57)
    mapped = match(x)
    assert (np.diff(mapped) >= -1e-9).all()
    (weight, bias), (last, offset) = match.layers()
    by_layers = np.maximum(x[:, None] @ weight.T + bias, 0) @ last.T + offset
    slope = np.abs(np.diff(match.votes) / np.diff(match.answers)).max()
    np.testing.assert_allclose(by_layers[:, 0], mapped, atol=1e-9 * (1 + slope * 1e3))


def test_it_restores_the_spread_and_lowers_the_balanced_error_on_avas_votes(shared):
    votes = read_votes(shared / "data" / "ava_votes" / "AVA_excerpt.txt").means
    rng = np.random.default_rng(0)
    # answers as minimising squared error gives them at r = .72: the votes' regression on a noisy view of them
    seen = 0.72 * (votes - votes.mean()) + np.sqrt(1 - 0.72**2) * votes.std() * rng.normal(size=len(votes))
    answers = votes.mean() + 0.72 * seen
    half = rng.permutation(len(votes)) < len(votes) // 2
    spread = match_quantiles(answers[half], votes[half])(answers[~half])
    bins = np.digitize(votes[~half], [4, 5, 6, 7])

    def balanced(found):
        return np.mean([np.abs(found - votes[~half])[bins == place].mean() for place in range(5)])

    # the simulation: .531 -> .734 and .602 -> .511
    assert answers.std() == pytest.approx(0.531, abs=0.01) and spread.std() == pytest.approx(0.734, abs=0.02)
    assert balanced(answers[~half]) == pytest.approx(0.602, abs=0.03)
    assert balanced(spread) == pytest.approx(0.511, abs=0.03)
    assert spearmanr(spread, answers[~half]).statistic == pytest.approx(1)


def test_constant_answers_stay_constant():
    match = match_quantiles(np.full(50, 5.0), np.linspace(1, 10, 50))
    assert match([4.0, 5.0, 6.0]).tolist() == [5.5, 5.5, 5.5]


def test_condensed_answers_raise_an_alarm():
    votes = np.linspace(1, 10, 1001)
    assert alarms(votes, votes) == []
    found = alarms(5.5 + (votes - 5.5) / 10, votes)
    assert len(found) == 2 and "0.10 times" in found[0] and "100% of the answers lie in the middle fifth" in found[1]
    assert spread_ratio(votes / 2, votes) == pytest.approx(0.5)
