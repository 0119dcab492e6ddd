"""Real ratings and scores: what must come out, to the printed digits."""

import numpy as np
import pandas as pd
import pytest

from calibration.core.grades import leave_one_out_scores
from calibration.scale import LIKERT
from tests.reference import published


@pytest.fixture(scope="module")
def tifa160(real_study):
    return real_study("tifa160").report["tasks"]["consistency"]


@pytest.fixture(scope="module")
def avt(real_study):
    return real_study("avt").report


def test_tifa160_counts(tifa160):
    assert (tifa160["n_items"], tifa160["n_evaluators"], tifa160["n_ratings"]) == (800, 5, 3995)
    assert len(tifa160["metrics"]) == 13


@pytest.mark.parametrize("metric", published.TIFA160_CORRELATIONS)
def test_tifa160_correlations(tifa160, metric):
    entry = tifa160["metrics"][metric]
    assert entry["n_items"] == 800
    for name, value in zip(("pearson", "spearman", "kendall"), published.TIFA160_CORRELATIONS[metric], strict=True):
        assert value is None or round(entry[name], 3) == value


def test_tifa160_alpha(tifa160):
    alpha = tifa160["agreement"]["krippendorff_alpha"]
    assert {level: round(value, 4) for level, value in alpha.items()} == published.TIFA160_ALPHA


def test_tifa160_grades(tifa160):
    expected = published.TIFA160_GRADES
    grades = [entry["grade"]["1"] for entry in tifa160["evaluators"].values()]
    assert round(np.mean(grades), 2) == expected["evaluator"]
    assert round(tifa160["agreement"]["person_to_person_grade"], 2) == expected["person"]
    for metric in ("clipscore_vitb32", "tifa_mplug-large"):
        validation = tifa160["metrics"][metric]["cross_validation"]
        assert round(validation["grade_mean"], 2) == expected[metric]
        assert round(validation["constant_mean"], 2) == expected["constant"]
        assert round(validation["person_mean"], 2) == expected["person"]
        verdict = tifa160["metrics"][metric]["verdict"]
        assert (verdict["sorts"]["answer"], verdict["predicts"]["answer"] == "yes") == ("with care", False)


def test_tifa160_leave_one_out_scores(shared):
    table = pd.read_csv(shared / "data/tifa160/ratings_as_published.csv", dtype={"worker_id": str})
    wide = table.pivot(index="item", columns="worker_id", values="answer")
    others = leave_one_out_scores(LIKERT.to_unit(wide))
    for column, evaluator in enumerate(wide.columns):
        own, rest = wide[evaluator], pd.Series(others[:, column], index=wide.index)
        found = tuple(round(own.corr(rest, method=method), 4) for method in ("pearson", "spearman"))
        assert found == published.TIFA160_EVALUATORS[evaluator]


@pytest.mark.parametrize("metric", published.AVT_APPEAL)
def test_avt_appeal_from_the_raw_export(avt, metric):
    task = avt["tasks"]["range_image_appeal"]
    assert task["n_evaluators"] == 22
    entry = task["metrics"][metric]
    assert entry["n_items"] == 146
    found = tuple(round(entry[name], 6) for name in ("pearson", "kendall", "spearman"))
    assert found == published.AVT_APPEAL[metric]
    assert entry["direction"] == ("lower" if metric in ("NIQE", "BRISQUE") else "higher")


def test_avt_says_whom_it_left_out(avt):
    assert set(avt["tasks"]) == {"range_image_appeal", "range_realism", "range_prompt_matching"}
    left_out, doubled = avt["notes"][:2]
    assert (
        "5 evaluators with fewer than 400 ratings left out: 104 (93), 82 (24), 87 (39), 96 (168), 98 (195)" in left_out
    )
    assert "given more than once; used: mean" in doubled
