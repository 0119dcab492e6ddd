"""Intervals for other images and other people, where the answer is known."""

import numpy as np
import pytest

from calibration.core.intervals import left_out, percentiles, with_other_people
from calibration.core.resampling import Resampling, group_draws

T_OF_5 = 2.570581835636314  # scipy.stats.t.ppf(.975, 5)


def means_over_draws(ratings, draws, seed):
    weights = next(group_draws(np.arange(len(ratings)), Resampling(draws, seed)).blocks(draws))
    return weights @ ratings / len(ratings)


def test_the_jackknife_is_exact_for_a_mean():
    """For a mean over people the jackknife's variance is that of a mean, and there is nothing to correct."""
    values = np.random.default_rng(4).normal(size=6)
    without = np.array([np.delete(values, list(each)).mean() for each in left_out(6)])
    low, high = with_other_people(values.mean(), np.full(2, values.mean()), without, 6, most=np.inf)
    half = T_OF_5 * values.std(ddof=1) / np.sqrt(6)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half))
    one, drawn = without[:6], np.repeat(without[None, :6], 4, axis=0)
    assert with_other_people(values.mean(), np.full(2, values.mean()), one, 6, most=np.inf, without_in_draws=drawn) == (
        pytest.approx((low, high))
    )


@pytest.mark.parametrize(("of_people", "of_images"), [(0.0, 0.0), (0.0, 1.0), (0.3, 0.0)])
def test_what_is_peculiar_to_a_person_and_an_image_counts_once(of_people, of_images):
    """A mean of people's means: its variance is p^2 / E + i^2 / n + 1 / (n E), and 1 / (n E) stands in both parts."""
    people, images, rng = 20, 50, np.random.default_rng(0)
    truth = of_people**2 / people + of_images**2 / images + 1 / (people * images)
    once, twice = [], []
    for seed in range(100):
        ratings = rng.normal(size=(images, people)) + of_people * rng.normal(size=people)
        ratings += of_images * rng.normal(size=(images, 1))
        by_person = means_over_draws(ratings, 200, seed)
        without = (by_person.sum(axis=1, keepdims=True) - by_person) / (people - 1)
        figure = ratings.mean()
        one = (ratings.sum() - ratings.sum(axis=0)) / (images * (people - 1))
        given = figure, by_person.mean(axis=1), one, people
        for found, drawn in ((once, without[:20]), (twice, without[:0])):
            low, high = with_other_people(*given, most=np.inf, without_in_draws=drawn)
            found.append(((high - low) / 2 / 2.0) ** 2)  # t is 2.09 at most here
    assert np.mean(once) / truth == pytest.approx(1.0, abs=0.15)
    assert (np.mean(twice) - np.mean(once)) * people * images == pytest.approx(1.0, abs=0.25)


def test_draws_without_a_value_are_left_out():
    assert percentiles(np.array([np.nan, 1.0, 1.0])) == (1.0, 1.0)
    assert np.isnan(percentiles(np.array([np.nan]))).all()
    figures, without = np.array([0.4, 0.6]), np.array([0.4, 0.5, 0.6])
    unknown = np.full((2, 3), np.nan)
    assert with_other_people(0.5, figures, without, 3, without_in_draws=unknown) == with_other_people(
        0.5, figures, without, 3
    )
    assert np.isnan(with_other_people(np.nan, figures, without, 3)).all()
