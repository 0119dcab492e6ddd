"""The gate and the best checkpoint for notebooks: tables in, tables out, the same figures as beneath."""

import numpy as np
import pandas as pd
import pytest

from calibration import find_best, judge_gate
from calibration.core.resampling import Resampling
from calibration.decision.from_tables import StudyTables
from metrics.errors import InputError
from tests.calibration.decision.test_from_tables import tables

HOW = {"lower_is_better": "distance", "higher_is_better": ["good", "noise"], "draws": 200}


def test_the_gate_as_a_table():
    items, scores, ratings = tables(seed=1)
    found = judge_gate(items, scores, ratings, candidate="900", metrics=["good", "distance"], **HOW)
    beneath = StudyTables(
        items,
        scores,
        ratings,
        "",
        lower_is_better=["distance"],
        higher_is_better=["good", "noise"],
        resampling=Resampling(200),
    ).gate("900", "previous", ["good", "distance"])
    assert found["metric"].tolist() == ["distance", "good"] or found["metric"].tolist() == ["good", "distance"]
    for row, one in zip(found.itertuples(), beneath.gate.metrics, strict=True):
        assert (row.metric, row.verdict, row.unit) == (one.metric, one.verdict, one.drop.unit)
        assert (row.estimate, row.low, row.high) == (one.estimate, one.estimate_low, one.estimate_high)
        assert row.sorts == "yes"
    assert found.attrs["verdict"] == "worse"
    assert (found.attrs["candidate"], found.attrs["baseline"]) == ("anna/900", "anna/600")
    with pytest.raises(InputError, match="no scores by 'lpips'"):
        judge_gate(items, scores, candidate="900", metrics="lpips", **HOW)


def test_the_best_as_a_table_has_the_metrics_own_sign():
    items, scores, _ = tables()
    for metric, sign in (("good", 1), ("distance", -1)):
        found = find_best(items, scores, metric=metric, **HOW)
        means = scores[scores["metric"] == metric].groupby(scores["item"].str.split("/").str[0])["score"].mean()
        assert found["mean"].tolist() == pytest.approx(means.tolist())
        assert (found["low"] < found["mean"]).all() and (found["mean"] < found["high"]).all()
        assert found["is_winner"].tolist() == found["may_be_best"].tolist() == [False, True, False]
        assert found.attrs["winner"] == "anna/600"
        assert found.attrs["value_low"] < found.attrs["value"] < found.attrs["value_high"]
        assert np.sign(found.attrs["value"]) == sign
    assert found.attrs["prompts"] == 24


def test_files_and_another_scale(tmp_path):
    items, scores, ratings = tables()
    ratings["rating"] -= 1
    places = {}
    for name, table in (("items", items), ("scores", scores), ("ratings", ratings)):
        places[name] = tmp_path / f"{name}.csv"
        table.to_csv(places[name], index=False)
    found = find_best(places["items"], places["scores"], places["ratings"], scale="0-4", **HOW)
    assert found.attrs["by"] == "people"
    assert found["step"].tolist() == [300.0, 600.0, 900.0]
    assert isinstance(found, pd.DataFrame)
