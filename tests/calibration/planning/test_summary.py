"""A plan's tables, sentences and figure."""

from xml.etree import ElementTree

import numpy as np
import pytest

from calibration.planning.curve import plan_svg
from calibration.planning.study import PlannedStudy
from calibration.planning.summary import about, make_plan, short

TWO = PlannedStudy(0.5, (0.55, 0.45), between=0.55)


def test_tables_hold_every_size_and_every_figure():
    plan = make_plan(TWO, [5, 3, 5], [512, 128])
    assert plan.grid[["evaluators", "images", "ratings"]].to_numpy().tolist() == [
        [3, 128, 384],
        [3, 512, 1536],
        [5, 128, 640],
        [5, 512, 2560],
    ]
    figures = ["power", "width_spearman", "width_grade", "width_skill", "width_icc"]
    assert plan.grid.columns.tolist()[3:] == figures and plan.needed.columns.tolist() == ["evaluators", *figures]
    assert plan.needed["evaluators"].tolist() == [3, 5] and plan.grid["power"].is_monotonic_increasing is False
    assert make_plan(PlannedStudy(0.5)).grid.columns.tolist()[3:] == ["width_icc"]


def test_sentences_name_the_images_what_more_people_bring_and_the_fewest_ratings():
    plan = make_plan(TWO, metrics=("clip", "tifa"))
    needed = plan.needed.set_index("evaluators")["power"]
    goal = "images to tell clip (.55) from tifa (.45) with power .8."
    assert plan.sentences[0] == f"With five evaluators you need about {about(needed[5])} {goal}"
    assert plan.sentences[1].startswith("More evaluators make it fewer, though even 200 would need about ")
    assert plan.sentences[2].startswith("It takes the fewest ratings with three evaluators: 3 x ")
    assert any("95 % interval of Spearman's correlation with people that is .1 wide" in each for each in plan.sentences)


def test_it_is_said_where_more_people_or_more_images_cannot_help():
    assert "More evaluators hardly help" in make_plan(PlannedStudy(0.95, (0.5, 0.3))).sentences[1]
    (sentence,) = make_plan(PlannedStudy(0.5, strictness=0.2)).sentences
    assert sentence.startswith("No number of images gives") and "it takes 20 evaluators" in sentence
    assert "not even 500 evaluators" in make_plan(PlannedStudy(0.5, strictness=0.5), width=0.01).sentences[0]
    too_few = make_plan(PlannedStudy(0.5, (0.501, 0.5))).sentences[0]
    assert too_few == "With five evaluators, 1,000,000 images are too few to tell .501 from .5 with power .8."
    alone = make_plan(PlannedStudy(0.5, (0.3,)), [1]).sentences
    assert alone[0].startswith("With one evaluator you need about") and "one evaluator needs about" in alone[2]
    assert alone[-1].startswith("One evaluator cannot give")


@pytest.mark.parametrize(
    ("value", "text"), [(0.5, ".5"), (-0.25, "-.25"), (0, "0"), (0.0004, ".0004"), (1.0, "1"), (0.999, "1")]
)
def test_short_numbers(value, text):
    assert short(value) == text


@pytest.mark.parametrize("plan", [make_plan(TWO), make_plan(PlannedStudy(0.5, (0.3,)), [1], [100])])
def test_the_figure_is_the_same_bytes_each_time(plan):
    drawn = plan_svg(plan)
    assert drawn == plan_svg(plan) and "<dc:date>" not in drawn
    assert ElementTree.fromstring(drawn).tag.endswith("svg")
    panels = [element for element in ElementTree.fromstring(drawn).iter() if element.get("id", "").startswith("axes_")]
    assert len(panels) == 2


def test_widths_fall_with_the_root_of_the_images():
    width = make_plan(TWO, [5], [100, 400]).grid["width_spearman"]
    assert width[0] == pytest.approx(2 * width[1]) and np.isfinite(width).all()
