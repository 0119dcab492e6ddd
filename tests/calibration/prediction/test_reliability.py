"""Reliability: hand-worked scores, an error that is 0 but for chance where predictions are right, and real data."""

import json
import warnings

import numpy as np
import pytest

from calibration.core.resampling import Resampling
from calibration.prediction.cross_prediction import CrossPrediction, Curve, cross_predict
from calibration.prediction.reliability import ranked_probability_scores, reliability, reliability_entry
from tests.calibration.prediction.test_predictor import study, tifa160
from tests.calibration.typed import scored


def predicted(probabilities, ratings, clusters=None):
    """A cross-prediction that says the same to every evaluator; the climatology is uniform."""
    shape = (*ratings.shape, 5)
    curve = Curve("isotonic", 1.0, (0.0,), ((0.2, 0.4, 0.6, 0.8),))
    every = np.broadcast_to(probabilities[:, None, :], shape)
    return CrossPrediction(
        np.arange(len(ratings)) * 1.0, ratings, clusters, "higher", curve, {}, every, np.full(shape, 0.2)
    )


def right_predictions(images, people, seed, size=1):
    """Answers that come from the distributions predicted; images of a cluster, and all people, err alike."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.ones(5), size=images)
    draws = np.repeat(rng.random(-(-images // size)), size)[:images, None]
    own = rng.random((images, people))
    mixed = np.where(rng.random((images, people)) < 0.5, draws, own)
    levels = (mixed[:, :, None] > shares.cumsum(axis=1)[:, None, :-1]).sum(axis=2)
    return predicted(shares, levels / 4, np.arange(images) // size)


def test_ranked_probability_scores_worked_by_hand():
    shares = np.array([[0.1, 0.2, 0.4, 0.2, 0.1], [0, 0, 1, 0, 0], [0.5, 0, 0, 0, 0.5]])
    # cumulative .1 .3 .7 .9 against 0 1 1 1: .01 + .49 + .09 + .01
    assert ranked_probability_scores(shares, np.array([2, 5, 1])) == pytest.approx([0.6, 2.0, 1.0])


def test_it_is_the_integral_over_thresholds_that_an_ensemble_score_gives():
    # an ensemble's CRPS is mean |x - y| - mean |x - x'| / 2 (Gneiting & Raftery 2007, eq. 21)
    rng = np.random.default_rng(0)
    members = rng.integers(1, 6, size=(50, 8))
    observed = rng.integers(1, 6, size=50)
    shares = np.stack([(members == level).mean(axis=1) for level in range(1, 6)], axis=1)
    apart = np.abs(members[:, :, None] - members[:, None, :]).mean(axis=(1, 2))
    expected = np.abs(members - observed[:, None]).mean(axis=1) - apart / 2
    assert ranked_probability_scores(shares, observed) == pytest.approx(expected)


def test_a_hand_worked_diagram():
    low, high = np.array([0.5, 0.5, 0, 0, 0]), np.array([0, 0, 0, 0.5, 0.5])
    ratings = np.array([[0.0, 0.25]] * 5 + [[1.0, 1.0]] * 5)
    found = reliability(predicted(np.array([low] * 5 + [high] * 5), ratings), bins=2, resampling=Resampling(0))
    assert [(each.n, each.predicted, each.observed) for each in found.bins] == [(5, 1.5, 1.5), (5, 4.5, 5.0)]
    assert found.error == pytest.approx(0.25) and np.isnan([found.error_by_chance, found.error_p]).all()
    assert found.rps == pytest.approx(0.25) and found.log_loss == pytest.approx(np.log(2))
    assert found.climatology_log_loss == pytest.approx(np.log(5))
    uniform = ranked_probability_scores(np.full((4, 5), 0.2), np.array([1, 2, 5, 5])).mean()
    assert found.rps_skill == pytest.approx(1 - 0.25 / uniform)


def test_right_predictions_err_by_chance_only():
    found = [reliability(right_predictions(120, 4, seed, size=4), resampling=Resampling(200)) for seed in range(120)]
    assert 0.005 <= np.mean([each.error_p < 0.05 for each in found]) <= 0.1
    assert np.mean([each.error for each in found]) == pytest.approx(
        np.mean([each.error_by_chance for each in found]), rel=0.1
    )
    held = [each.interval.low <= each.predicted <= each.interval.high for one in found for each in one.bins]
    assert 0.85 < np.mean(held) < 0.97


def test_wrong_predictions_are_found():
    right = right_predictions(300, 4, 0)
    wrong = predicted(0.5 * right.probabilities[:, 0] + 0.5 * np.array([1.0, 0, 0, 0, 0]), right.ratings)
    found = reliability(wrong, resampling=Resampling(300))
    assert found.error == pytest.approx(1.0, abs=0.15) and found.error_p < 0.01 and found.error_excess > 0.7
    assert all(each.observed > each.predicted for each in found.bins)
    assert found.rps > reliability(right, resampling=Resampling(0)).rps


def test_the_same_seed_gives_the_same_figures_and_all_items_are_in_a_bin():
    crossed = cross_predict(scored(*study(203, 4, 0), "higher"))
    first, again = (reliability(crossed, resampling=Resampling(100, -3)) for _ in range(2))
    assert first == again
    assert sum(each.n for each in first.bins) == first.n_items == 203 and first.n_ratings == 812
    sizes = [each.n for each in first.bins]
    assert len(sizes) == 10 and max(sizes) - min(sizes) <= 3
    assert [each.predicted for each in first.bins] == sorted(each.predicted for each in first.bins)


@pytest.mark.parametrize(
    ("scores", "ratings"),
    [([1.0, 2.0], [[0.0], [1.0]]), ([3.0] * 6, [[0.0, 1.0]] * 6), (list(range(8)), [[0.5, np.nan]] * 8)],
)
def test_degenerate_studies_give_figures_without_a_warning(scores, ratings):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        entry = reliability_entry(cross_predict(scored(scores, np.array(ratings), "higher")), resampling=Resampling(50))
    assert entry["n_items"] == len(scores) and len(entry["bins"]) == 1
    json.dumps(entry)
    assert reliability_entry(None) is None


def test_tifa160(shared):
    scores, ratings, clusters = tifa160(shared)
    skills = {}
    for name in ("clipscore_vitb32", "tifa_mplug-large"):
        found = reliability(
            cross_predict(scored(scores[name], ratings, "higher", clusters=clusters)), resampling=Resampling(300)
        )
        skills[name] = round(found.rps_skill, 2)
        assert found.error < 0.12 and found.error_p > 0.05
    assert skills == {"clipscore_vitb32": 0.03, "tifa_mplug-large": 0.18}
