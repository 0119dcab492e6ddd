"""Intervals of agreement: draws are the figures of the images drawn; other people widen them."""

import numpy as np
import pandas as pd
import pingouin
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.core.evaluator_weights import evaluator_shares, trust, weighted_mean
from calibration.core.grades import evaluator_grades, person_to_person_grades, sample_scores
from calibration.core.resampling import given_draws
from calibration.people.agreement import krippendorff_alpha
from calibration.people.agreement_intervals import (
    _Agreement,
    _Grades,
    agreement_intervals,
    grade_intervals,
)
from calibration.people.concordance import kendalls_w
from calibration.people.consistency import disattenuated, reliability_of_mean, split_half
from calibration.people.kappa import mean_pair_kappa, pair_kappas
from calibration.people.pair_grades import PairGrades
from calibration.people.variance import intraclass_correlations, rater_equivalents, reliability, variance_components
from calibration.people.worth_intervals import _Noise, worth_intervals
from tests.calibration.typed import rated, scored


def study(images, people, seed, gaps=False):
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=images)
    ratings = np.clip(np.round(2 + quality[:, None] + 0.8 * rng.normal(size=(images, people))), 0, 4) / 4
    if gaps:
        ratings[rng.random(ratings.shape) < 0.2] = np.nan
    return quality + rng.normal(size=images), ratings


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_a_draw_has_the_figures_of_the_images_drawn(seed, gaps):
    scores, ratings = study(25, 4, seed, gaps)
    weights = np.random.default_rng(seed).multinomial(25, np.full(25, 1 / 25))
    rows = np.repeat(np.arange(25), weights)
    drawn = ratings[rows]
    every = _Agreement(ratings, ratings.shape[1], 1.0, 0, PairGrades(ratings))
    found = {name: values[0] for name, values in every.statistics(weights[None].astype(float)).items()}
    for level in ("nominal", "ordinal", "interval"):
        assert found[level] == pytest.approx(krippendorff_alpha(drawn, level), abs=1e-9, nan_ok=True)
    assert found["kendall_w"] == pytest.approx(kendalls_w(drawn), abs=1e-9, nan_ok=True)
    assert found["split_half"] == pytest.approx(split_half(drawn), abs=1e-9, nan_ok=True)
    assert found["spearman_brown"] == pytest.approx(reliability_of_mean(drawn), abs=1e-9, nan_ok=True)
    rated, known = (~np.isnan(drawn)).astype(float), trust(ratings)  # how far each is trusted is not drawn anew
    person = weighted_mean(person_to_person_grades(drawn), (rated.T @ rated) * known * known[:, None])
    assert found["person"] == pytest.approx(person, abs=1e-9, nan_ok=True)
    of_others = weighted_mean(evaluator_grades(drawn), evaluator_shares(ratings))
    assert found["mean_of_others"] == pytest.approx(of_others, abs=1e-9, nan_ok=True)
    pairs = pair_kappas(drawn, list("abcd"))
    assert found["weighted_kappa"] == pytest.approx(mean_pair_kappa(pairs, ratings), abs=1e-9, nan_ok=True)
    components = variance_components(drawn)
    if components is not None:
        for name, value in intraclass_correlations(components).items():
            assert found[name] == pytest.approx(value, abs=1e-7, nan_ok=True)
        worth = _Noise(ratings, given_draws(weights[None].astype(float))).worth(scores)
        expected = rater_equivalents(scores[rows], drawn, components)
        if np.isfinite(expected):
            assert worth["rater_equivalents"][0] == pytest.approx(expected, rel=1e-6)
            known = ~np.isnan(sample_scores(drawn))
            r = np.corrcoef(scores[rows][known], sample_scores(drawn)[known])[0, 1]
            assert worth["disattenuated"][0] == pytest.approx(disattenuated(r, reliability(components)), rel=1e-6)
    grades = _Grades(ratings, 1.0).statistics(weights[None].astype(float))
    assert [grades[str(e)][0] for e in range(4)] == pytest.approx(evaluator_grades(drawn), nan_ok=True)


def test_on_complete_ratings_the_six_coefficients_are_pingouins():
    _, ratings = study(40, 4, 0)
    ratings = ratings + np.array([0.0, 0.1, 0.2, 0.3])  # so that no variance comes out below 0, which we set to 0
    rows = [(i, e, ratings[i, e]) for i in range(40) for e in range(4)]
    table = pd.DataFrame(rows, columns=["item", "evaluator", "rating"])
    expected = pingouin.intraclass_corr(table, targets="item", raters="evaluator", ratings="rating")["ICC"]
    found = intraclass_correlations(variance_components(ratings))
    assert list(found.values()) == pytest.approx(expected.tolist(), abs=1e-9)


def test_other_people_widen_the_intervals():
    scores, ratings = study(500, 5, 1)
    for found in (agreement_intervals(rated(ratings, draws=300)), worth_intervals(scored(scores, ratings, draws=300))):
        for name, (low, high) in found["these"].items():
            others = found["people_like_these"][name]
            assert others.high - others.low > 0.9 * (high - low)


def test_images_that_belong_together_count_together():
    _, ratings = study(100, 4, 2)
    fourfold = np.repeat(ratings, 4, axis=0)
    alone = agreement_intervals(rated(fourfold, draws=400))["these"]["ordinal"]
    together = agreement_intervals(rated(fourfold, clusters=np.repeat(np.arange(100), 4), draws=400))["these"][
        "ordinal"
    ]
    assert together.high - together.low == pytest.approx(2 * (alone.high - alone.low), rel=0.3)


BOTH_SIGNS = ("nominal", "ordinal", "interval", "split_half", "weighted_kappa")


def test_no_interval_goes_beyond_the_figures_range():
    _, ratings = study(4, 3, 1)
    for kind in agreement_intervals(rated(ratings, draws=100)).values():
        for name, (low, high) in kind.items():
            least = -np.inf if name == "spearman_brown" else -1 if name in BOTH_SIGNS else 0
            assert np.isnan(low) or least <= low <= high <= 1, name


def test_where_there_are_none():
    _, ratings = study(30, 4, 3)
    assert agreement_intervals(rated(ratings[:, :1], draws=100)) is None
    assert agreement_intervals(rated(ratings, draws=0)) is None
    assert agreement_intervals(rated(ratings[:, :2], draws=100))["people_like_these"] == {}
    assert all(np.isnan(interval).all() for interval in grade_intervals(rated(ratings, draws=0)))
    constant = agreement_intervals(rated(np.full((5, 3), 0.5), draws=50))
    assert np.isnan(constant["these"]["ordinal"]).all()
