"""A page of hundreds of metrics: below 2 MB, with every metric in it, and figures for the best."""

import copy
import html
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from calibration.page.html import render_html
from calibration.report.build import Calibration, calibrate
from calibration.settings import Settings

MANY = 300


@pytest.fixture(scope="module")
def many() -> Calibration:
    """Three metrics of a small study, a hundred times over."""
    rng = np.random.default_rng(0)
    quality = rng.normal(size=60)
    items = [f"i{k:02d}" for k in range(60)]
    answers = np.clip(np.rint(3 + quality[:, None] + 0.7 * rng.normal(size=(60, 4))), 1, 5)
    table = pd.DataFrame(answers, columns=list("abcd")).assign(item=items, task="look")
    ratings = table.melt(["item", "task"], var_name="evaluator", value_name="rating")
    scores = pd.concat(
        pd.DataFrame({"item": items, "metric": f"m{place:03d}", "score": quality + noise * rng.normal(size=60)})
        for place, noise in enumerate((0.3, 1.0, 4.0))
    )
    few = calibrate(ratings, scores, Settings(draws=50))
    report, points = copy.deepcopy(few.report), []
    metrics = report["tasks"]["look"]["metrics"]
    for place in range(3, MANY):
        old, new = f"m{place % 3:03d}", f"m{place:03d}"
        entry = copy.deepcopy(metrics[old])
        entry["title"] = new
        entry["notes"] = [note.replace(old, new) for note in entry["notes"]]
        entry["names_in_notes"] = [one | {"name": new} for one in entry["names_in_notes"]]
        entry["verdict"]["sentence"] = entry["verdict"]["sentence"].replace(old, new)
        entry["verdict"]["sentence_parts"]["title"] = new
        metrics[new] = entry
        points.append(few.points[few.points["metric"] == old].assign(metric=new))
    return replace(few, report=report, points=pd.concat([few.points, *points], ignore_index=True))


@pytest.fixture(scope="module")
def page(many):
    return render_html(many)


def test_it_is_below_two_megabytes_and_holds_every_verdict(many, page):
    assert 1_500_000 < len(page.encode()) < 2_000_000
    page = html.unescape(page)
    for name, metric in many.report["tasks"]["look"]["metrics"].items():
        assert f">{name}</a>" in page
        assert metric["verdict"]["sentence"].split(" (skill")[0].removeprefix(name).strip() in page


def test_the_best_metrics_have_figures_and_it_says_how_many(many, page):
    drawn = int(re.search(r"stand here for the (\d+) metrics of most skill; for the other (\d+)", page).group(1))
    assert 10 < drawn < MANY
    assert page.count("Score against mean rating") == drawn
    skills = {
        name: entry["cross_validation"]["skill"] for name, entry in many.report["tasks"]["look"]["metrics"].items()
    }
    best = sorted(skills.values(), reverse=True)[:drawn]
    shown = re.findall(r'id="task1-metric\d+"[^>]*>\s*<summary><span class="mark">[^<]*</span> <b>(m\d+)</b>', page)
    assert len(shown) == len(set(shown)) == MANY
    assert [skills[name] for name in shown[:drawn]] == best


def test_of_a_mixture_of_some_it_is_not_said_that_it_is_of_all(page):
    assert "3 of the 300 metrics together reach a skill of" in page and "all metrics together" not in page


def test_with_care_says_that_ratings_may_be_beyond_judgement(page):
    """People of strictness 1.5 agree by chance only: a metric's order is judged then, its skill, below 0, is not."""
    words = "but are not shown to replace a person's, or people differ too much for them to be judged;"
    assert words in html.unescape(page)


def test_every_link_of_a_metric_has_its_place(page):
    targets = re.findall(r'href="#(task1-metric\d+)"', page)
    assert len(set(targets)) == MANY
    assert all(page.count(f'id="{target}"') == 1 for target in set(targets))


def test_the_figure_of_grades_says_what_it_leaves_out(page):
    assert page.count(f"{MANY - 30} metrics of lower grades are not drawn") == 2


def test_an_assumption_about_all_of_them_is_one_note(page):
    notes = page[page.index('id="notes"') : page.index('id="methods"')]
    assert notes.count("Assumed that higher is better") == 1
    assert all(f"m{place:03d}" in notes for place in range(MANY))
