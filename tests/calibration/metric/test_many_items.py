"""More than 20,000 images: draws and shuffles group what is alike, figures do not, and no bound moves by .001."""

import numpy as np
import pandas as pd
import pytest

from calibration.core.many_mappings import ScoreOrder
from calibration.core.ratings import Ratings
from calibration.core.resampling import MANY_ITEMS, STEPS, Drawn
from calibration.metric import baselines, bootstrap
from calibration.people import agreement_intervals as of_agreement
from calibration.people.agreement_intervals import agreement_intervals
from calibration.people.p910 import alternating_projection
from calibration.report.people import people_entry
from tests.calibration.typed import rated, scored

ITEMS = MANY_ITEMS + 4000


@pytest.fixture(scope="module")
def study():
    rng = np.random.default_rng(0)
    quality = rng.normal(size=ITEMS)
    ratings = np.clip(np.rint(2 + quality[:, None] + rng.normal(size=(ITEMS, 3))), 0, 4) / 4
    ratings[rng.random(ratings.shape) < 0.1] = np.nan
    return quality + rng.normal(size=ITEMS), ratings


def without_steps(monkeypatch, module):
    monkeypatch.setattr(module, "MANY_ITEMS", 10**9)


def test_grouped_draws_move_no_bound_by_a_thousandth(study, monkeypatch):
    scores, ratings = study
    grouped = bootstrap.metric_intervals(scored(scores, ratings, draws=60))
    without_steps(monkeypatch, bootstrap)  # the draws are the same ones
    alone = bootstrap.metric_intervals(scored(scores, ratings, draws=60))
    for kind in ("these", "people_like_these"):
        for name, limits in getattr(alone, kind).items():
            assert getattr(grouped, kind)[name] == pytest.approx(limits, abs=1e-3), name


def test_grouped_shuffles_are_the_shuffles(study, monkeypatch):
    scores, ratings = study
    grouped = baselines.RandomScores(rated(ratings), permutations=20).grades(scores)
    without_steps(monkeypatch, baselines)
    alone = baselines.RandomScores(rated(ratings), permutations=20).grades(scores)
    assert grouped.one_person == pytest.approx(alone.one_person, abs=1e-3)
    assert grouped.mean_of_others == pytest.approx(alone.mean_of_others, abs=1e-3)


def test_there_are_enough_steps_and_equal_scores_stay_together():
    scores = np.random.default_rng(0).normal(size=ITEMS)
    order = ScoreOrder(scores, "higher")
    assert 2000 <= len(order.steps(STEPS)) <= STEPS
    tied = ScoreOrder(np.round(scores, 2), "lower")
    ordered = np.round(scores, 2)[tied.order]
    for start in tied.steps(STEPS)[1:]:
        assert ordered[start] != ordered[start - 1]


def test_drawing_kinds_of_images_is_drawing_images(study, monkeypatch):
    _, ratings = study
    kinds = Drawn(ratings)
    assert len(kinds.ratings) <= 6**3 < ITEMS == kinds.counts.sum()
    grouped = agreement_intervals(rated(ratings, draws=300))
    monkeypatch.setattr("calibration.core.resampling.MANY_ITEMS", 10**9)
    alone = agreement_intervals(rated(ratings, draws=300))
    for kind, intervals in alone.items():
        for name, limits in intervals.items():  # other draws, so as near as 300 of them are
            assert grouped[kind][name] == pytest.approx(limits, abs=0.25 * (limits.high - limits.low)), (kind, name)
    assert of_agreement.Drawn is Drawn


def test_recovery_of_kinds_is_recovery_of_images():
    rng = np.random.default_rng(1)
    ratings = np.clip(np.rint(rng.normal(size=(300, 1)) + rng.normal(size=(300, 4))), -2, 2)
    kinds, counts = np.unique(ratings, axis=0, return_counts=True)
    one, other = alternating_projection(ratings), alternating_projection(kinds, counts.astype(float))
    assert other.bias == pytest.approx(one.bias, abs=1e-6)
    assert other.inconsistency == pytest.approx(one.inconsistency, abs=1e-6)


@pytest.mark.parametrize(("items", "is_said"), [(MANY_ITEMS, False), (MANY_ITEMS * 2, True)])
def test_fewer_draws_are_said(items, is_said):
    rows = pd.DataFrame({"item": np.repeat(np.arange(items), 2), "evaluator": ["a", "b"] * items, "rating": 3.0})
    task = Ratings.of_table(rows, ["a", "b"], {})
    notes = " ".join(map(str, people_entry(task)["notes"]))
    assert ("from 419 draws, not the 1,000 asked for" in notes) == is_said
