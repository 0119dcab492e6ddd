"""A plan's tables, sentences and figure."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from calibration.planning import summary
from calibration.planning.curve import plan_svg
from calibration.planning.study import PlannedStudy
from calibration.planning.summary import about, make_plan, short
from calibration.verdict.judge import LEAST_ITEMS

pytestmark = pytest.mark.usefixtures("quick_plans")
TWO = PlannedStudy(0.5, (0.55, 0.45), between=0.55)


def test_tables_hold_every_size_and_every_figure():
    plan = make_plan(TWO, [5, 3, 5], [512, 128])
    assert plan.grid[["evaluators", "images", "ratings"]].to_numpy().tolist() == [
        [3, 128, 384],
        [3, 512, 1536],
        [5, 128, 640],
        [5, 512, 2560],
    ]
    widths = ["width_spearman", "width_grade", "width_skill", "width_icc"]
    figures = ["power", *(name + of for name in widths for of in ("", "_people_like_these")), "judged"]
    assert plan.grid.columns.tolist()[3:] == figures and plan.needed.columns.tolist() == ["evaluators", *figures]
    assert plan.needed["evaluators"].tolist() == [3, 5] and plan.grid["power"].is_monotonic_increasing is False
    assert make_plan(PlannedStudy(0.5)).grid.columns.tolist()[3:] == [
        "width_icc",
        "width_icc_people_like_these",
        "judged",
    ]


def test_sentences_name_the_images_what_more_people_bring_and_the_fewest_ratings():
    plan = make_plan(TWO, metrics=("clip", "tifa"))
    needed = plan.needed.set_index("evaluators")["power"]
    goal = "images to tell clip (.55) from tifa (.45) with power .8."
    assert plan.sentences[0] == f"With five evaluators you need about {about(needed[5])} {goal}"
    assert plan.sentences[1].startswith("More evaluators make it fewer, though even 200 would need about ")
    assert plan.sentences[2].startswith("It takes the fewest ratings with three evaluators: 3 x ")
    assert any("95 % interval of Spearman's correlation with people that is .1 wide" in each for each in plan.sentences)


def test_both_questions_have_their_interval():
    plan = make_plan(TWO, [2, 5], [400])
    grid = plan.grid.set_index("evaluators")
    half, others = (grid[name][5] / 2 for name in ("width_skill", "width_skill_people_like_these"))
    expected = f"about {short(half)} to each side for these evaluators, {short(others)} for people like these."
    assert any(each.startswith("With five evaluators and 400 images") and expected in each for each in plan.sentences)
    assert any("skill that is .1 wide and holds for people like these" in each for each in plan.sentences)
    (alone,) = [each for each in make_plan(TWO, [2], [400]).sentences if "to each side" in each]
    assert alone.endswith("; for people like these it takes three.") and np.isnan(
        grid["width_skill_people_like_these"][2]
    )


def test_nothing_is_recommended_that_the_report_would_not_judge():
    plan = make_plan(PlannedStudy(0.9, (0.9,)), [3, 5], [10, 128], width=0.9)
    assert plan.needed.drop(columns="evaluators").min(axis=None) == LEAST_ITEMS
    assert plan.grid["judged"].tolist() == [False, True] * 2
    assert (
        "Of fewer than 20 images the report may say that no metric can be judged by five evaluators." in plan.sentences
    )
    chance = make_plan(PlannedStudy(0.1, (0.9,)))
    assert chance.needed.drop(columns="evaluators").isna().all(axis=None) and not chance.grid["judged"].any()
    assert len(chance.sentences) == 1 and chance.sentences[0].startswith("No number of images can be recommended")
    alone = make_plan(PlannedStudy(0.5, (0.3,)), [1])
    assert alone.sentences == [
        "With one evaluator the report judges no metric, as nobody can be held out; it takes two at least."
    ]
    assert np.isnan(alone.needed["power"][0])


def test_it_is_said_where_more_people_or_more_images_cannot_help(monkeypatch):
    monkeypatch.setattr(summary, "fewest_judged", lambda study, people: 20.0)
    assert "More evaluators hardly help" in make_plan(PlannedStudy(0.95, (0.5, 0.3))).sentences[1]
    study = PlannedStudy(0.5, strictness=0.5)
    (sentence,) = [each for each in make_plan(study, width=0.2).sentences if each.startswith("No number of images")]
    assert "gives a 95 % interval of the intraclass correlation that is .2 wide and holds for people" in sentence
    assert re.search(r"because it also depends on who rates: (it takes|not even) \d+ evaluators", sentence)
    assert "not even 500 evaluators" in make_plan(study, width=0.0001).sentences[-1]
    too_few = make_plan(PlannedStudy(0.8, (0.501, 0.5))).sentences[0]
    assert too_few == "With five evaluators, 1,000,000 images are too few to tell .501 from .5 with power .8."
    two = make_plan(PlannedStudy(0.8), [2], [128]).sentences
    assert two[-1].startswith("Two evaluators cannot give")


@pytest.mark.parametrize(
    ("value", "text"), [(0.5, ".5"), (-0.25, "-.25"), (0, "0"), (0.0004, ".0004"), (1.0, "1"), (0.999, "1")]
)
def test_short_numbers(value, text):
    assert short(value) == text


@pytest.mark.parametrize(
    ("study", "sizes", "count"), [(TWO, ([3, 5], [128, 512]), 3), (PlannedStudy(0.5), ([1], [100]), 2)]
)
def test_the_figure_is_the_same_bytes_each_time(study, sizes, count):
    plan = make_plan(study, *sizes)
    drawn = plan_svg(plan)
    assert drawn == plan_svg(plan) and "<dc:date>" not in drawn
    assert ElementTree.fromstring(drawn).tag.endswith("svg")
    panels = [element for element in ElementTree.fromstring(drawn).iter() if element.get("id", "").startswith("axes_")]
    assert len(panels) == count


def test_widths_fall_with_the_images():
    grid = make_plan(TWO, [5], [100, 400]).grid
    for name in grid.columns[grid.columns.str.startswith("width")]:
        assert grid[name][1] < grid[name][0] <= 3 * grid[name][1]
