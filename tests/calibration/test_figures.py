import json

import pandas as pd
import plotly.graph_objects as go
import pytest

from calibration.figures import MOST_POINTS, confusion_heatmap, fold_thresholds, sample, score_scatter, steps
from calibration.grade_figures import grades_against_mean, grades_against_person, reference_metric
from calibration.pipeline import calibrate_tables

RATINGS = pd.DataFrame(
    [
        {"item": f"i{item}", "evaluator": evaluator, "task": "look", "rating": rating}
        for evaluator, given in {
            "ann": [1, 2, 3, 4, 5, 5],
            "bob": [1, 3, 3, 4, 4, 5],
            "simulated-1": [2, 2, 3, 5, 5, 4],
        }.items()
        for item, rating in enumerate(given)
    ]
)
SCORES = pd.DataFrame(
    {
        "item": [f"i{item}" for item in range(6)],
        "SSIM": [0.1, 0.2, 0.35, 0.6, 0.7, 0.9],
        "NIQE": [9.0, 8.0, 8.0, 5.0, 3.0, 2.0],
    }
)


@pytest.fixture(scope="module")
def calibration():
    return calibrate_tables(RATINGS, SCORES)


@pytest.fixture(scope="module")
def task(calibration):
    return calibration.report["tasks"]["look"]


def points_of(calibration, metric):
    return calibration.points[calibration.points["metric"] == metric]


def plotly_accepts(figure):
    """Plotly checks every property; colours are names of CSS variables until the page replaces them."""
    text = json.dumps(figure, allow_nan=False)
    for name in {part.split('"')[0] for part in text.split('"--')[1:]}:
        text = text.replace(f'"--{name}"', '"#123456"')
    return go.Figure(json.loads(text))


def trace(figure, name):
    return next(found for found in figure["data"] if found.get("name", "").startswith(name))


def test_grades_against_person_are_those_of_the_report(task):
    figure = grades_against_person(task)
    plotly_accepts(figure)
    metrics = trace(figure, "metric")
    grades = {entry["title"]: entry["cross_validation"]["grade_mean"] for entry in task["metrics"].values()}
    assert dict(zip(metrics["text"], metrics["x"], strict=True)) == grades
    people = {
        name: pair["person_grade"]
        for name, pair in task["metrics"]["SSIM"]["cross_validation"]["against_people"].items()
    }
    for name in ("person", "simulated"):
        dots = trace(figure, name)
        assert all(people[label] == grade for label, grade in zip(dots["text"], dots["x"], strict=True))
    assert trace(figure, "simulated")["text"] == ["simulated-1"]
    assert len(trace(figure, "its folds")["x"]) == 6
    assert trace(figure, "constant")["x"] == [task["metrics"]["SSIM"]["cross_validation"]["constant_mean"]] * 2


def test_rows_are_sorted_by_grade(task):
    figure = grades_against_person(task)
    rows = {}
    for name in ("person", "simulated", "metric"):
        dots = trace(figure, name)
        rows |= dict(zip(dots["y"], dots["x"], strict=True))
    assert sorted(rows) == list(range(5))
    assert [rows[row] for row in range(5)] == sorted(rows.values(), reverse=True)


def test_skill_axis_is_zero_at_the_constant_and_one_at_perfection(task):
    layout = grades_against_person(task)["layout"]
    constant = reference_metric(task)["cross_validation"]["constant_mean"]
    (low, high), (skill_low, skill_high) = layout["xaxis"]["range"], layout["xaxis2"]["range"]
    per_grade = (skill_high - skill_low) / (high - low)
    assert skill_low + (constant - low) * per_grade == pytest.approx(0)
    assert skill_low + (1 - low) * per_grade == pytest.approx(1)


def test_grades_against_mean_are_those_of_the_report(task):
    figure = grades_against_mean(task, 1.0)
    plotly_accepts(figure)
    metrics = trace(figure, "metric")
    grades = {entry["title"]: entry["buckets"]["grade"] for entry in task["metrics"].values()}
    assert dict(zip(metrics["text"], metrics["x"], strict=True)) == grades
    assert dict(zip(*[trace(figure, "person")[key] for key in ("text", "x")], strict=True)) == {
        name: task["evaluators"][name]["grade"]["1"] for name in ("ann", "bob")
    }


@pytest.mark.parametrize("metric", ["SSIM", "NIQE"])
def test_step_line_is_the_mapping(calibration, task, metric):
    points = points_of(calibration, metric)
    figure = score_scatter(points, task["metrics"][metric], seed=0)
    plotly_accepts(figure)
    low, high = points["score"].min(), points["score"].max()
    edges, levels = steps(
        task["metrics"][metric]["buckets"]["thresholds"], task["metrics"][metric]["direction"], low, high
    )
    for score, level in zip(points["score"], points["level"], strict=True):
        assert levels[sum(edge < score for edge in edges)] == level
    assert sorted(set(levels)) == sorted(points["level"].unique())
    line = figure["data"][1]
    assert (line["y"][0], line["y"][-1]) == (levels[0], levels[-1])


def test_large_scatter_is_a_seeded_sample():
    points = pd.DataFrame({"item": range(5000), "score": range(5000)})
    assert len(sample(points, 1)) == MOST_POINTS
    assert sample(points, 1).equals(sample(points, 1))
    assert not sample(points, 1).equals(sample(points, 2))
    assert sample(points, 1)["score"].is_monotonic_increasing
    assert sample(points.head(10), 1).equals(points.head(10))


def test_confusion_rows_are_shares():
    counts = [[3, 1, 0, 0, 0], [0] * 5, [0, 0, 2, 0, 0], [0] * 5, [0, 0, 0, 1, 1]]
    figure = confusion_heatmap(counts)
    plotly_accepts(figure)
    heat = figure["data"][0]
    assert heat["z"][0] == [75, 25, 0, 0, 0]
    assert heat["z"][1] == [None] * 5
    assert heat["text"][0][0] == "75%<br>3"
    assert figure["layout"]["yaxis"]["ticktext"][1] == "level 2<br>never"


def test_fold_thresholds_beyond_the_scores_are_hollow(task):
    metric = task["metrics"]["SSIM"]
    figure = fold_thresholds(metric, 0.1, 0.9)
    plotly_accepts(figure)
    assert len(figure["data"]) == 4
    for number, dots in enumerate(figure["data"]):
        assert dots["x"] == [fold["thresholds"][number] for fold in metric["cross_validation"]["folds"]]
        for value, symbol in zip(dots["x"], dots["marker"]["symbol"], strict=True):
            assert symbol.endswith("open") == (not 0.1 <= value < 0.9)


def test_names_are_shown_as_they_are():
    evil = "<a href='https://example.org'>ann</a>"
    ratings = RATINGS.replace({"evaluator": {"ann": evil}})
    task = calibrate_tables(ratings, SCORES).report["tasks"]["look"]
    assert "&lt;a href=" in json.dumps(grades_against_person(task))
    for figure in (grades_against_person(task), grades_against_mean(task, 1.0)):
        assert "<a " not in json.dumps(figure)


def test_one_evaluator_has_no_grade_to_draw():
    alone = RATINGS[RATINGS["evaluator"] == "ann"]
    task = calibrate_tables(alone).report["tasks"]["look"]
    assert grades_against_person(task) is None
    assert grades_against_mean(task, 1.0) is None
