"""Whom a pilot's ratings describe: how reliable and how strict people are, apart from the luck of the images."""

import numpy as np
import pytest

from calibration.people.variance import intraclass_correlations, variance_components
from calibration.planning.panel import Evaluator, evaluators_of
from calibration.scale import LIKERT

CUTS = np.array([-1.2, -0.4, 0.4, 1.2])
LEVELS = np.arange(1.0, 6.0)


def rated(people, images, strictness, gain, seed):
    """Ratings of people who spread their answers by a log-normal gain and are strict by a normal shift."""
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=(images, 1))
    latent = np.exp(gain * rng.normal(size=people)) * quality + strictness * rng.normal(size=people)
    return LIKERT.to_unit(np.digitize(latent + 0.75 * rng.normal(size=latent.shape), CUTS) + 1.0)


def means(people):
    return np.array([np.dot(one.levels, LEVELS) for one in people])


@pytest.mark.parametrize(("strictness", "gain"), [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.5, 0.5)])
def test_people_differ_as_much_as_they_do_and_not_by_luck(strictness, gain):
    few = [evaluators_of(rated(12, 120, strictness, gain, seed)) for seed in range(12)]
    many = evaluators_of(rated(150, 2000, strictness, gain, 99))
    for of, nothing in ((means, 0.08), (lambda people: np.sqrt([one.reliability for one in people]), 0.03)):
        found = np.sqrt(np.mean([np.var(of(people)) for people in few]))
        assert found == pytest.approx(np.std(of(many)), rel=0.25, abs=nothing)
        assert np.mean([of(people).mean() for people in few]) == pytest.approx(of(many).mean(), rel=0.1)


def test_a_panel_drawn_from_a_pilot_agrees_as_the_pilot_does():
    rng = np.random.default_rng(0)
    pilot = rated(40, 3000, 0.5, 0.3, 1)
    people = evaluators_of(pilot)
    quality = rng.normal(size=3000)
    again = np.column_stack([person.rate(quality, rng) for person in people])
    for ratings in (pilot, again):
        assert set(np.unique(ratings)) <= {0.0, 0.25, 0.5, 0.75, 1.0}
    before, after = (intraclass_correlations(variance_components(ratings)) for ratings in (pilot, again))
    assert after["icc2"] == pytest.approx(before["icc2"], abs=0.03)
    assert after["icc3"] == pytest.approx(before["icc3"], abs=0.03)


def test_whoever_rated_little_is_not_described():
    ratings = rated(4, 200, 0.3, 0.0, 2)
    ratings[8:, 3] = np.nan
    assert len(evaluators_of(ratings)) == 3
    ratings[8:, 2] = np.nan
    assert evaluators_of(ratings) == ()
    assert evaluators_of(rated(2, 200, 0.3, 0.0, 2)) == ()


def test_people_who_rated_different_images_are_described_by_those_they_share():
    ratings = rated(6, 900, 0.4, 0.0, 3)
    ratings[np.random.default_rng(0).random(ratings.shape) < 0.5] = np.nan
    people = evaluators_of(ratings)
    assert len(people) == 6 and all(sum(one.levels) == pytest.approx(1) and min(one.levels) >= 0 for one in people)


def test_someone_who_always_answers_the_same_does_not_stop_a_plan():
    ratings = rated(5, 200, 0.3, 0.0, 4)
    ratings[:, 0] = 0.5
    assert all(np.isfinite(one.reliability) for one in evaluators_of(ratings))


def test_an_evaluator_rates_by_their_own_levels():
    person = Evaluator(0.5, (0.5, 0.0, 0.0, 0.0, 0.5))
    rng = np.random.default_rng(5)
    assert set(person.rate(rng.normal(size=400), rng)) == {0.0, 1.0}
