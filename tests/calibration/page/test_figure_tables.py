import numpy as np
import pandas as pd
import pytest

from calibration.page.figure_tables import figure_tables
from calibration.pipeline import calibrate_tables
from tests.calibration.page.test_figures import RATINGS, SCORES


@pytest.fixture(scope="module")
def calibration():
    return calibrate_tables(RATINGS, SCORES)


@pytest.fixture(scope="module")
def tables(calibration):
    return figure_tables(calibration)


def test_grades(calibration, tables):
    task = calibration.report["tasks"]["look"]
    grades = tables["figure_grades_against_person.csv"]
    metrics = grades[grades["kind"] == "metric"].set_index("name")
    for entry in task["metrics"].values():
        assert metrics.loc[entry["title"], "grade"] == entry["cross_validation"]["grade_mean"]
        assert metrics.loc[entry["title"], "skill"] == pytest.approx(entry["cross_validation"]["skill"])
    assert grades["kind"].value_counts().to_dict() == {
        "fold": 6,
        "metric": 2,
        "person": 2,
        "simulated": 1,
        "constant": 1,
    }
    assert len(tables["figure_grades_against_mean.csv"]) == 5


def test_scores_confusion_and_thresholds(calibration, tables):
    task = calibration.report["tasks"]["look"]
    assert tables["figure_scores.csv"].equals(calibration.points)
    cells = tables["figure_confusion.csv"].pivot_table(index=["metric", "level"], columns="rating", values="count")
    assert cells.loc["SSIM"].to_numpy().tolist() == task["metrics"]["SSIM"]["cross_validation"]["confusion"]
    shares = tables["figure_confusion.csv"].groupby(["metric", "level"])["share_of_level"].sum(min_count=1).dropna()
    np.testing.assert_allclose(shares, 1)
    thresholds = tables["figure_thresholds.csv"]
    assert len(thresholds) == 2 * 4 * 4
    fitted = thresholds[(thresholds["metric"] == "NIQE") & (thresholds["held_out"] == "")]
    assert fitted["threshold"].tolist() == task["metrics"]["NIQE"]["buckets"]["thresholds"]


def test_reliability_where_there_is_one(calibration, tables):
    assert set(tables["figure_reliability.csv"]["metric"]) == {"NIQE", "SSIM"}
    entry = calibration.report["tasks"]["look"]["metrics"]["SSIM"]
    found = tables["figure_reliability.csv"]
    shown = found[found["metric"] == "SSIM"].to_dict("records")
    assert shown == [
        {
            "task": "look",
            "metric": "SSIM",
            **{name: one[name] for name in ("predicted", "observed", "n")},
            "low": one["interval"][0],
            "high": one["interval"][1],
        }
        for one in entry["reliability"]["bins"]
    ]


def test_without_metrics_only_people_are_left():
    tables = figure_tables(calibrate_tables(RATINGS))
    assert [name for name, table in tables.items() if len(table)] == ["figure_grades_against_mean.csv"]
    assert all(len(table.columns) > 5 for table in tables.values())


def test_disagreements_are_those_of_the_gallery():
    points = pd.DataFrame({"item": [f"i{item}" for item in range(6)], "turned": [0.9, 0.2, 0.35, 0.6, 0.7, 0.1]})
    table = figure_tables(calibrate_tables(RATINGS, points))["figure_disagreements.csv"]
    assert (np.abs(table["level"] - table["mean_rating"]) >= 1 - 1e-9).all()
    assert set(table["side"]) <= {"too high", "too low"}
