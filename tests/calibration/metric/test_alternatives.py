"""Other mappings on the same unseen people and images."""

import numpy as np
import pandas as pd
import pytest
from sklearn.isotonic import IsotonicRegression

from calibration.core.crossvalidation import cross_validate_on_new_items
from calibration.core.item_folds import item_folds
from calibration.metric.alternatives import EXACT, compare_mappings
from calibration.scale import LIKERT
from tests.calibration.typed import scored


def study(seed, images=300, people=5, noise=0.7):
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=images)
    answers = 2 + quality[:, None] + noise * rng.normal(size=(images, people))
    return quality + 0.5 * rng.normal(size=images), np.clip(np.round(answers), 0, 4) / 4


def by_name(rows):
    return {row["mapping"]: row for row in rows}


def test_the_exact_mapping_and_the_person_are_those_of_the_report():
    scores, ratings = study(0)
    rows = by_name(compare_mappings(scored(scores, ratings)))
    expected = cross_validate_on_new_items(scores, ratings, item_folds(np.arange(300)))
    assert rows[EXACT]["grade"] == pytest.approx(expected.grade_mean)
    assert rows["best constant"]["grade"] == pytest.approx(expected.constant_mean)
    assert rows["one person"]["grade"] == pytest.approx(expected.person_mean)
    assert rows[EXACT]["difference"] is None and rows["best constant"]["skill"] == 0


def test_a_good_metric_is_mapped_well_by_all_but_quintiles():
    rows = by_name(compare_mappings(scored(*study(1))))
    for name in (EXACT, "isotonic regression", "proportional odds", "monotone cubic"):
        assert rows[name]["skill"] > 0.2 and rows[name]["levels_used"] >= 4
        if name != EXACT:
            assert rows[name]["low"] < rows[name]["difference"] < rows[name]["high"]
    assert rows["quintiles"]["grade"] < rows[EXACT]["grade"] - 0.03
    assert rows["quintiles"]["high"] < 0


def test_quintiles_of_noise_lose_to_a_constant():
    _, ratings = study(2)
    rows = by_name(compare_mappings(scored(np.random.default_rng(3).normal(size=300), ratings)))
    assert rows["quintiles"]["skill"] < -0.2 < rows[EXACT]["skill"] < 0.05


def test_isotonic_is_scikit_learns_fitted_on_the_other_half():
    scores, ratings = study(4, images=40, people=2)
    rows = by_name(compare_mappings(scored(scores, ratings), folds=2))
    folds, grades = item_folds(np.arange(40), 2), []
    for person in range(2):
        apart = np.empty(40)
        for fold in range(2):
            new = folds == fold
            fit = IsotonicRegression(out_of_bounds="clip").fit(scores[~new], ratings[~new, 1 - person])
            apart[new] = np.abs(np.rint(fit.predict(scores[new]) * 4) / 4 - ratings[new, person])
        grades.append(1 - apart.mean())
    assert rows["isotonic regression"]["grade"] == pytest.approx(np.mean(grades))


def test_lower_is_better_and_clusters_widen():
    scores, ratings = study(5, images=100)
    up, down = compare_mappings(scored(scores, ratings)), compare_mappings(scored(-scores, ratings, direction="lower"))
    for one, other in zip(up, down, strict=True):
        assert one["grade"] == pytest.approx(other["grade"], abs=0.01)
    fourfold, repeated = np.repeat(scores, 4), np.repeat(ratings, 4, axis=0)
    together = by_name(compare_mappings(scored(fourfold, repeated, clusters=np.arange(400) // 4)))["best constant"]
    alone = by_name(compare_mappings(scored(fourfold, repeated)))["best constant"]
    assert together["high"] - together["low"] > 1.5 * (alone["high"] - alone["low"])


def test_gaps_and_what_cannot_be_compared():
    scores, ratings = study(6)
    ratings[np.random.default_rng(7).random(ratings.shape) < 0.4] = np.nan
    assert by_name(compare_mappings(scored(scores, ratings)))[EXACT]["skill"] > 0.1
    assert compare_mappings(scored(np.ones(300), ratings)) is None
    assert compare_mappings(scored(scores, ratings[:, :1])) is None
    lonely = np.where(np.arange(300)[:, None] % 5 == np.arange(5), 0.5, np.nan)
    assert compare_mappings(scored(scores, lonely)) is None
    assert compare_mappings(scored(scores[:1], ratings[:1])) is None


def test_tifa160(shared):
    folder = shared / "data" / "tifa160"
    answers = pd.read_csv(folder / "ratings_as_published.csv").pivot(index="item", columns="worker_id", values="answer")
    scores = pd.read_csv(folder / "scores.csv").pivot(index="item", columns="metric", values="score").loc[answers.index]
    prompts = pd.read_csv(folder / "items.csv").set_index("item").loc[answers.index, "prompt"]
    rows = by_name(
        compare_mappings(scored(scores["tifa_mplug-large"].to_numpy(), LIKERT.to_unit(answers), clusters=prompts))
    )
    assert rows["one person"]["grade"] == pytest.approx(0.873, abs=0.001)
    assert rows["best constant"]["grade"] == pytest.approx(0.801, abs=0.002)
    assert rows["quintiles"]["skill"] < 0 < rows["isotonic regression"]["skill"] < rows[EXACT]["skill"]
