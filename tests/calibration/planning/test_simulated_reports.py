"""What reports of planned studies show: against reports that are really made."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from calibration.metric.bootstrap import metric_intervals
from calibration.people.agreement_intervals import agreement_intervals
from calibration.people.variance import intraclass_correlations, variance_components
from calibration.planning import simulated_reports
from calibration.planning.alike import DesignEffects
from calibration.planning.plan import plan_width
from calibration.planning.simulated_reports import can_be_judged, fewest_judged, icc_intervals, simulate, width_surfaces
from calibration.planning.study import PlannedStudy
from calibration.report.build import calibrate
from calibration.settings import Settings
from calibration.verdict.judge import LEAST_ITEMS
from tests.calibration.typed import rated, scored

SKEWED = (0.05, 0.1, 0.2, 0.35, 0.3)


def report_of(scores, ratings, draws):
    """The report's entry of the task."""
    images, people = ratings.shape
    items, names = [f"i{number}" for number in range(images)], [f"e{number}" for number in range(people)]
    rows = pd.DataFrame(ratings * 4 + 1, index=pd.Index(items, name="item"), columns=names).reset_index()
    long = rows.melt("item", var_name="evaluator", value_name="rating").assign(task="look")
    table = pd.DataFrame({"item": items, "metric": "m", "score": scores})
    return calibrate(long, table, Settings(draws=draws)).report["tasks"]["look"]


@pytest.mark.parametrize("strictness", [0.0, 0.1])
def test_the_planned_widths_are_those_of_reports(strictness):
    study, people, images = PlannedStudy(0.6, (0.7,), strictness=strictness), 4, 100
    rng = np.random.default_rng(1)
    tasks = [report_of(scores[:, 0], ratings, 100) for scores, ratings in _studies(study, people, images, 6, rng)]
    for kind in ("these", "people_like_these"):
        for figure in ("spearman", "grade", "skill", "icc"):
            if figure == "icc":
                found = [task["agreement"]["intervals"][kind]["icc2"] for task in tasks]
            else:
                found = [task["metrics"]["m"]["intervals"][kind][figure] for task in tasks]
            widths = [np.ptp(each) for each in found]
            planned = plan_width(study, figure, [people], [images], kind)["width"][0]
            error = np.std(widths, ddof=1) / np.sqrt(len(widths))
            # the errors of six reports, and of the plan's own studies: who rates makes them very unlike
            off = 3 * error + (0.1 if kind == "these" else 0.3) * planned
            assert planned == pytest.approx(np.mean(widths), abs=off), (kind, figure)


@pytest.mark.parametrize(
    ("study", "people", "images"),
    [
        (PlannedStudy(0.5, (0.6,)), 4, 60),
        (PlannedStudy(0.2, (0.6,)), 3, 60),
        (PlannedStudy(0.5, (0.6,), strictness=0.4), 3, 60),
        (PlannedStudy(0.7, (0.6,)), 2, LEAST_ITEMS - 1),
        (PlannedStudy(0.7, (0.6,)), 2, LEAST_ITEMS + 5),
    ],
)
def test_what_can_be_judged_the_report_judges(study, people, images):
    for scores, ratings in _studies(study, people, images, 4, np.random.default_rng(2)):
        kind = report_of(scores[:, 0], ratings, 0)["metrics"]["m"]["verdict"]["kind"]
        assert can_be_judged(scores[:, 0], ratings) == (kind != "unknown")


def test_of_the_recommended_number_hardly_a_report_refuses():
    study, people = PlannedStudy(0.6, (0.6,)), 3
    images = int(fewest_judged(study, people))
    assert LEAST_ITEMS <= images < 200
    kinds = [
        report_of(scores[:, 0], ratings, 0)["metrics"]["m"]["verdict"]["kind"]
        for scores, ratings in _studies(study, people, images, 5, np.random.default_rng(3))
    ]
    assert kinds.count("unknown") <= 1


def test_people_who_agree_by_chance_or_alone_are_never_judged_by():
    assert np.isnan(fewest_judged(PlannedStudy(0.12), 5))
    assert np.isnan(fewest_judged(PlannedStudy(0.6), 1))
    assert fewest_judged(PlannedStudy(0.8), 4) == LEAST_ITEMS
    assert fewest_judged(PlannedStudy(0.8, design_effects=DesignEffects(agreement=2.5)), 4) == 2.5 * LEAST_ITEMS


@pytest.mark.parametrize("study", [PlannedStudy(0.5, (0.5,), levels=SKEWED), PlannedStudy(0.4, strictness=0.3)])
def test_simulated_studies_are_as_planned(study):
    _, ratings = simulate(study, 200, 1500, np.random.default_rng(0))
    components = variance_components(ratings)
    assert intraclass_correlations(components)["icc3"] == pytest.approx(study.icc, abs=0.03)
    whole = components.items + components.evaluators + components.residual
    assert components.evaluators / whole == pytest.approx(study.strictness, abs=0.05)
    shares = np.bincount(np.rint(ratings * 4).astype(int).ravel(), minlength=5) / ratings.size
    assert shares == pytest.approx(np.array(study.levels) / sum(study.levels), abs=0.03)


def test_no_image_lessens_what_other_people_would_say(quick_plans):
    surfaces = width_surfaces(PlannedStudy(0.6, (0.7,), strictness=0.4))
    many = [float(surfaces["skill", kind](np.array([1e9]), 3)[0]) for kind in simulated_reports.KINDS]
    assert many[0] < 1e-3 and many[1] > 0.05


def test_panels_beyond_those_simulated_are_as_reports_show_them():
    study, people, images = PlannedStudy(0.5, (0.6,), strictness=0.15), 50, 150
    rng = np.random.default_rng(4)
    found = [metric_intervals(scored(x[:, 0], y, draws=100)) for x, y in _studies(study, people, images, 6, rng)]
    for kind in simulated_reports.KINDS:
        for figure in ("spearman", "grade", "skill"):
            widths = [np.ptp(getattr(each, kind)[figure]) for each in found]
            planned = plan_width(study, figure, [people], [images], kind)["width"][0]
            assert planned == pytest.approx(np.mean(widths), rel=0.15), (kind, figure)


def test_the_icc_alone_has_the_interval_that_it_has_among_all_figures():
    _, ratings = simulate(PlannedStudy(0.5, strictness=0.2), 4, 90, np.random.default_rng(5))
    ratings[:20, 1] = np.nan
    whole = agreement_intervals(rated(ratings, draws=150))
    assert icc_intervals(ratings, 150) == {kind: whole[kind]["icc2"] for kind in simulated_reports.KINDS}


def test_more_people_are_never_said_to_need_more_images_to_be_judged_by():
    for study in (PlannedStudy(0.25), PlannedStudy(0.45, strictness=0.4)):
        fewest = np.array([fewest_judged(study, people) for people in range(2, 12)])
        known = fewest[~np.isnan(fewest)]
        assert len(known) and (np.diff(known) <= 0).all() and not np.isnan(fewest[len(fewest) - len(known) :]).any()


def _studies(study, people, images, count, rng):
    return [simulate(study, people, images, rng) for _ in range(count)]


def test_other_last_digits_are_the_same_draws():
    one, other = (PlannedStudy(0.6963371648953925 + off, (0.30241206870400356,)) for off in (0.0, 1e-14))
    first, second = (simulated_reports._generator(study, 5, 800).normal() for study in (one, other))
    assert one != other and first == second
    assert first != simulated_reports._generator(replace(one, icc=0.6964), 5, 800).normal()
