"""Intervals of kappas: draws are the kappas of the images drawn; more images narrow them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.people.kappa import kappas, pair_kappas
from calibration.people.kappa_intervals import AnswerTables, pair_kappa_intervals
from tests.calibration.typed import rated


def study(images, people, seed):
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=(images, 1))
    return np.clip(np.round(2 + quality + rng.normal(size=(images, people))), 0, 4) / 4


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 5))
def test_a_draw_has_the_kappas_of_the_images_drawn(seed, people):
    ratings = study(20, people, seed)
    ratings[np.random.default_rng(seed).random(ratings.shape) < 0.2] = np.nan
    weights = np.random.default_rng(seed).multinomial(20, np.full(20, 1 / 20))
    expected = pair_kappas(np.repeat(ratings, weights, axis=0), [str(each) for each in range(people)])
    tables = AnswerTables.of_pairs(ratings).counts(weights[None].astype(float))[0]
    for name, is_weighted in (("kappa", False), ("weighted_kappa", True)):
        assert kappas(tables, is_weighted) == pytest.approx([pair[name] for pair in expected], nan_ok=True)


def test_pairs_have_intervals_about_their_kappas():
    ratings = study(400, 4, 0)
    pairs, found = pair_kappas(ratings, list("abcd")), pair_kappa_intervals(rated(ratings, draws=300))
    assert len(found) == 6
    for pair, intervals in zip(pairs, found, strict=True):
        for name, (low, high) in intervals.items():
            assert low < pair[name] < high < low + 0.2
    (low, high), *_ = (each["kappa"] for each in pair_kappa_intervals(rated(np.tile(ratings, (4, 1)), draws=300)))
    assert high - low < 0.6 * (found[0]["kappa"].high - found[0]["kappa"].low)


def test_images_of_one_prompt_count_together():
    ratings = np.repeat(study(100, 3, 1), 4, axis=0)
    apart, together = (
        pair_kappa_intervals(rated(ratings, clusters=groups, draws=300))[0]["weighted_kappa"]
        for groups in (None, np.repeat(np.arange(100), 4))
    )
    assert together.high - together.low > 1.7 * (apart.high - apart.low)


def test_without_draws_or_with_very_many_people_there_are_none():
    assert pair_kappa_intervals(rated(study(20, 3, 0), draws=0)) is None
    assert pair_kappa_intervals(rated(study(20, 16, 0), draws=10)) is None
    assert pair_kappa_intervals(rated(study(20, 1, 0), draws=10)) is None
