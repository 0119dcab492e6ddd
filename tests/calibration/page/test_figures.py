import re
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.page.figure_style import COLOURS, ROW_HEIGHT, Scale
from calibration.page.figures import (
    MOST_FOLDS,
    MOST_POINTS,
    fold_thresholds,
    reliability_diagram,
    sample,
    score_scatter,
    steps,
)
from calibration.page.grade_figures import (
    MOST_PEOPLE,
    grades_against_mean,
    grades_against_person,
    reference_metric,
    rows_against_mean,
    rows_against_person,
)
from calibration.pipeline import calibrate_tables
from calibration.report.schema.prediction import Bin

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
    return calibration.model.tasks["look"]


def points_of(calibration, metric):
    return calibration.points[calibration.points["metric"] == metric]


def titles_of(figure):
    return [title.text for title in ElementTree.fromstring(figure.svg).iter("title")]


def texts_of(figure):
    return [text.text for text in ElementTree.fromstring(figure.svg).iter("text")]


def places_of(figure, axis="x"):
    """Where the marks with a tooltip stand, by tooltip."""
    marks = ElementTree.fromstring(figure.svg).iter("use")
    return {mark.find("title").text: float(mark.get(axis)) for mark in marks if mark.find("title") is not None}


def test_grades_against_person_are_those_of_the_report(task):
    rows = {row.name: row for row in rows_against_person(task)}
    for entry in task.metrics.values():
        row = rows[entry.title]
        assert row.grade == entry.cross_validation.grade_mean
        assert dict(row.folds) == {fold.held_out: fold.grade for fold in entry.cross_validation.folds}
        assert row.skill == pytest.approx(entry.cross_validation.skill)
    for name, pair in task.metrics["SSIM"].cross_validation.against_people.items():
        assert rows[name].grade == pair.person_grade
    assert [row.kind for row in rows.values()].count("simulated") == 1
    grades = [row.grade for row in rows.values()]
    assert grades == sorted(grades, reverse=True)


def test_every_grade_and_fold_is_drawn_in_its_place(task):
    figure = grades_against_person(task, "f1-")
    rows = rows_against_person(task)
    across, down = places_of(figure), places_of(figure, "y")
    titles = [f"{row.name}: {row.grade:.3f}" for row in rows]
    assert [down[title] for title in titles] == sorted(down[title] for title in titles)
    assert down[titles[1]] - down[titles[0]] == pytest.approx(ROW_HEIGHT, abs=1)
    assert [across[title] for title in titles] == sorted((across[title] for title in titles), reverse=True)
    grades = np.array([row.grade for row in rows])
    per_grade = np.polyfit(grades, [across[title] for title in titles], 1)
    assert np.polyval(per_grade, grades) == pytest.approx([across[title] for title in titles], abs=0.2)
    for row in rows:
        for held_out, grade in row.folds:
            title = f"{row.name} on {held_out}: {grade:.3f}"
            assert across[title] == pytest.approx(np.polyval(per_grade, grade), abs=0.2)
    assert [text for text in texts_of(figure) if text in {row.name for row in rows}] == [row.name for row in rows]
    assert {text for _, _, text in figure.legend} >= {"a person", "simulated", "a metric", "its folds"}


def test_grades_against_mean_are_those_of_the_report(task):
    rows = {row.name: row.grade for row in rows_against_mean(task, 1.0)}
    assert rows == {entry.title: entry.buckets.grade for entry in task.metrics.values()} | {
        name: entry.grade["1"] for name, entry in task.evaluators.items()
    }
    assert set(titles_of(grades_against_mean(task, 1.0, "f1-"))) >= {
        f"{name}: {grade:.3f}" for name, grade in rows.items()
    }


def test_many_people_share_a_row():
    names = [f"p{number}" for number in range(MOST_PEOPLE + 1)]
    ratings = pd.concat(RATINGS[RATINGS["evaluator"] == "ann"].assign(evaluator=name) for name in names)
    task = calibrate_tables(ratings, SCORES).model.tasks["look"]
    figure = grades_against_person(task, "f1-")
    assert f"{len(names)} people" in texts_of(figure)
    assert "p3" not in texts_of(figure)
    assert len({place for title, place in places_of(figure, "y").items() if title.startswith("p")}) == 1


@pytest.mark.parametrize("metric", ["SSIM", "NIQE"])
def test_step_line_is_the_mapping(calibration, task, metric):
    points = points_of(calibration, metric)
    entry = task.metrics[metric]
    low, high = points["score"].min(), points["score"].max()
    edges, levels = steps(entry.buckets.thresholds, entry.direction, low, high)
    for score, level in zip(points["score"], points["level"], strict=True):
        assert levels[sum(edge < score for edge in edges)] == level
    assert sorted(set(levels)) == sorted(points["level"].unique())
    figure = score_scatter(points, entry, 0, MOST_POINTS, "f1-")
    labels = [text for text in texts_of(figure) if "|" in text]
    assert labels == [f"{min(pair)}|{max(pair)}" for pair in pairwise(levels)]
    line = re.search(r'd="(M[^"]+)"[^>]*stroke="var\(--ink\)"', figure.svg)
    corners = np.array(re.findall(r"([\d.]+) ([\d.]+)", line[1]), dtype=float)
    assert len(corners) == 2 * len(levels)
    assert (np.diff(corners[:, 0]) >= 0).all()


def test_every_item_is_a_small_mark_in_its_place(calibration, task):
    points = points_of(calibration, "SSIM")
    figure = score_scatter(points, task.metrics["SSIM"], 0, MOST_POINTS, "f1-")
    x, y = np.array(re.findall(r"M([\d.]+) ([\d.]+)h", figure.svg), dtype=float).T
    assert np.corrcoef(x, points["score"])[0, 1] == pytest.approx(1, abs=1e-5)
    assert np.corrcoef(y, points["mean_rating"])[0, 1] == pytest.approx(-1, abs=1e-5)
    many = pd.DataFrame({"item": range(900), "score": np.linspace(0, 1, 900), "mean_rating": 3.0})
    sizes = [len(score_scatter(many, task.metrics["SSIM"], 0, most, "f12-").svg) for most in (100, 900)]
    assert (sizes[1] - sizes[0]) / 800 < 20


def test_large_scatter_is_a_seeded_sample():
    points = pd.DataFrame({"item": range(5000), "score": range(5000)})
    assert len(sample(points, 1)) == MOST_POINTS
    assert len(sample(points, 1, 70)) == 70
    assert sample(points, 1).equals(sample(points, 1))
    assert not sample(points, 1).equals(sample(points, 2))
    assert sample(points, 1)["score"].is_monotonic_increasing
    assert sample(points.head(10), 1).equals(points.head(10))


def test_fold_thresholds_beyond_the_scores_are_hollow(task):
    metric = task.metrics["SSIM"]
    figure = fold_thresholds(metric, 0.1, 0.9, "f1-")
    drawn = {}
    for group in [*ElementTree.fromstring(figure.svg).iter("g"), ElementTree.fromstring(figure.svg)]:
        for mark in group.findall("use"):
            look = mark.get("fill-opacity", group.get("fill-opacity"))
            drawn[mark.find("title").text] = look == "0"
    expected = {
        f"without {fold.held_out}, {number}|{number + 1}: {value:.4g}": not 0.1 <= value < 0.9
        for fold in metric.cross_validation.folds
        for number, value in enumerate(fold.thresholds, 1)
    }
    assert drawn == expected


def test_only_so_many_folds_are_drawn(task):
    metric = task.metrics["SSIM"]
    folds = [
        fold.model_copy(update={"held_out": f"p{number}"})
        for number, fold in enumerate(metric.cross_validation.folds * 20)
    ]
    validation = metric.cross_validation.model_copy(update={"folds": folds})
    many = metric.model_copy(update={"cross_validation": validation})
    figure = fold_thresholds(many, 0.1, 0.9, "f1-")
    assert figure.svg.count("<use ") + figure.svg.count("h.01") == 4 * MOST_FOLDS
    assert [text for text in texts_of(figure) if text.startswith("p")] == [f"p{number}" for number in range(MOST_FOLDS)]
    assert titles_of(figure) == []


def with_bins(metric, *bins):
    found = [Bin(predicted=predicted, observed=observed, interval=limits, n=9) for predicted, observed, *limits in bins]
    return metric.model_copy(update={"reliability": metric.reliability.model_copy(update={"bins": found})})


def test_reliability_diagram(task):
    metric = task.metrics["SSIM"]
    figure = reliability_diagram(with_bins(metric, (2.0, 2.5, 2.25, 3.0), (None, 1.0, 1.0, 1.0)), "f1-")
    assert titles_of(figure) == ["predicted 2.00, observed 2.50, n = 9"]
    assert len(titles_of(reliability_diagram(with_bins(metric, *[(2.0, 2.5, 2.25, None)] * 2), "f1-"))) == 2
    for nothing in (metric.model_copy(update={"reliability": None}), with_bins(metric, (None, 1.0, 1.0, 1.0))):
        assert reliability_diagram(nothing, "f1-") is None


def test_names_are_shown_as_they_are(recwarn):
    evil = "<a href='https://x'>$a$"
    ratings = RATINGS.replace({"evaluator": {"ann": evil, "bob": "評価者 \x07 &"}})
    task = calibrate_tables(ratings, SCORES).model.tasks["look"]
    for figure in (grades_against_person(task, "f1-"), grades_against_mean(task, 1.0, "f2-")):
        assert "<a " not in figure.svg
        assert "<a href='https://x'…" in texts_of(figure) or evil[:19] + "…" in texts_of(figure)
        assert "評価者   &" in texts_of(figure)
        assert any(title.startswith(evil) for title in titles_of(figure))
    assert not [warning for warning in recwarn if issubclass(warning.category, UserWarning)]


def test_one_evaluator_has_no_grade_to_draw():
    alone = RATINGS[RATINGS["evaluator"] == "ann"]
    task = calibrate_tables(alone).model.tasks["look"]
    assert reference_metric(task) is None
    assert grades_against_person(task, "f1-") is None
    assert grades_against_mean(task, 1.0, "f1-") is None


def test_svg_holds_no_style_no_foreign_colour_and_only_its_own_ids(calibration, task):
    svg = score_scatter(points_of(calibration, "SSIM"), task.metrics["SSIM"], 0, MOST_POINTS, "f7-").svg
    svg += grades_against_person(task, "f8-").svg + fold_thresholds(task.metrics["NIQE"], 2, 9, "f9-").svg
    assert "style=" not in svg and "xmlns" not in svg and "http" not in svg
    assert set(re.findall(r'(?:fill|stroke)="([^"]+)"', svg)) <= {f"var(--{name})" for name in COLOURS} | {"none"}
    assert not re.findall("#[0-9a-f]{6}", svg)
    ids = re.findall(r' id="([^"]+)"', svg)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', svg)) == set(ids)
    assert all(re.match(r"f[789]-\d", name) for name in ids)


def test_the_users_settings_neither_matter_nor_change(task):
    usual = grades_against_person(task, "f1-")
    with matplotlib.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.grid": True, "lines.linewidth": 9}):
        before = dict(matplotlib.rcParams)
        assert grades_against_person(task, "f1-") == usual
        assert dict(matplotlib.rcParams) == before


def test_threads_draw_the_same(task):
    usual = grades_against_person(task, "f1-")
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: grades_against_person(task, "f1-"), range(8))) == {usual}


FINITE = st.floats(-1e150, 1e150)  # the report refuses scores beyond


@settings(max_examples=200, deadline=None)
@given(FINITE, FINITE, FINITE)
def test_a_scale_takes_any_scores(one, other, value):
    low, high = sorted((one, other))
    scale = Scale(low, high)
    places, texts = scale.ticks()
    assert len(places) == len(texts)
    assert all(-0.08 <= place <= 1.08 for place in [*places, float(scale.place(value))])
    if high > low and high / 2 - low / 2 > 0:
        assert (float(scale.place(low)), float(scale.place(high))) == pytest.approx((0, 1))
