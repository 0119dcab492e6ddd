"""Halves of a group, a person's own answers, and what noise takes from a correlation."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.people.consistency import (
    disattenuated,
    own_consistency,
    reliability_of_mean,
    spearman_brown,
    split_half,
)
from calibration.people.variance import intraclass_correlations, variance_components
from calibration.pipeline import calibrate_tables
from calibration.settings import Settings


def study(people, images=4000, seed=0, noise=1.0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(images, 1)) + noise * rng.normal(size=(images, people))


@pytest.mark.parametrize(("people", "halves"), [(2, 0.5), (4, 2 / 3), (5, 2 / 3), (12, 6 / 7)])
def test_halves_correlate_as_spearman_and_brown_say(people, halves):
    """With signal and noise of equal variance a mean of m ratings has the reliability m / (m + 1)."""
    ratings = study(people)
    assert split_half(ratings) == pytest.approx(halves, abs=0.03)
    assert reliability_of_mean(ratings) == pytest.approx(people / (people + 1), abs=0.03)


def test_the_stepped_up_halves_are_the_icc_of_the_mean():
    ratings = study(6)
    found = intraclass_correlations(variance_components(ratings))
    assert reliability_of_mean(ratings) == pytest.approx(found["icc3k"], abs=0.01)


def test_two_evaluators_are_two_halves():
    ratings = study(2, images=30)
    assert split_half(ratings) == pytest.approx(np.corrcoef(ratings.T)[0, 1])


@settings(max_examples=30)
@given(st.integers(1, 9), st.integers(0, 100))
def test_gaps_and_constants_do_no_harm(people, seed):
    rng = np.random.default_rng(seed)
    ratings = rng.integers(1, 3, (4, people)).astype(float)
    ratings[rng.random(ratings.shape) < 0.5] = np.nan
    assert np.isnan(split_half(ratings)) or -1 - 1e-9 <= split_half(ratings, seed) <= 1 + 1e-9


def test_a_seed_draws_the_same_splits():
    ratings = study(14, images=40)
    assert split_half(ratings, 1) == split_half(ratings, 1) != split_half(ratings, 2)


@given(st.floats(-0.9, 1.0), st.floats(0.1, 10.0))
def test_spearman_brown_goes_back(reliability, factor):
    stepped = spearman_brown(reliability, factor)
    if np.isfinite(stepped) and stepped > -10:
        assert spearman_brown(stepped, 1 / factor) == pytest.approx(reliability, abs=1e-6)


def test_disattenuation_finds_the_correlation_with_the_truth():
    rng = np.random.default_rng(3)
    truth = rng.normal(size=20_000)
    ratings = truth[:, None] + 2 * rng.normal(size=(20_000, 5))
    scores = truth + rng.normal(size=20_000)
    seen = np.corrcoef(scores, ratings.mean(axis=1))[0, 1]
    assert disattenuated(seen, reliability_of_mean(ratings)) == pytest.approx(
        np.corrcoef(scores, truth)[0, 1], abs=0.02
    )
    assert np.isnan(disattenuated(0.5, 0.0)) and np.isnan(disattenuated(0.5, float("nan")))


def twice():
    rows = [("a", 1, 0), ("a", 2, 1), ("b", 4, 0), ("b", 4, 1), ("c", 5, 0), ("c", 3, 2), ("d", 2, 0)]
    table = pd.DataFrame(rows, columns=["item", "rating", "repeat"]).assign(evaluator="anna", task="look")
    ben = table[table["repeat"] == 0].assign(evaluator="ben")
    return pd.concat([table, ben], ignore_index=True)


def test_own_consistency_by_hand():
    """Distances on the unit scale: 1/4, 0, 1/2."""
    found = own_consistency(twice())
    assert list(found.index) == ["anna"]
    assert found.loc["anna", "n"] == 3
    assert found.loc["anna", "grade"] == pytest.approx(1 - 0.25)
    assert found.loc["anna", "exact"] == pytest.approx(1 / 3)
    assert found.loc["anna", "correlation"] == pytest.approx(np.corrcoef([1, 4, 5], [2, 4, 3])[0, 1])
    assert own_consistency(twice()[lambda rows: rows["repeat"] == 0]).empty


def test_the_report_tells_it_and_counts_the_first_rating_only():
    task = calibrate_tables(twice(), settings=Settings(draws=0)).report["tasks"]["look"]
    assert task["n_ratings"] == 8
    assert task["reliability_of_people"]["own_consistency"]["anna"]["grade"] == pytest.approx(0.75)
    without = twice()[lambda rows: rows["repeat"] == 0].drop(columns="repeat")
    task = calibrate_tables(without, settings=Settings(draws=0)).report["tasks"]["look"]
    assert task["reliability_of_people"]["own_consistency"] is None
