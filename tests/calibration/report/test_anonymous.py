"""The raters' report: nobody's name, nobody's figures, nobody blamed; the same verdicts; the same page otherwise."""

import io
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from calibration.page.html import render_html
from calibration.pipeline import calibrate_tables
from calibration.report.anonymous import without_names
from calibration.report.build import calibrate
from calibration.report_folder import write_report
from calibration.settings import Reading, Settings
from study.cli.report_summary import print_summary
from tests.calibration.page.test_html import Page

MARKER = "Quetzal"
N = 60
SETTINGS = Settings(draws=0)


def study(random=False, copy=False, constant=False, people=5, task="look", seed=3):
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=N)
    given = np.clip(np.rint(3 + quality[:, None] + 0.6 * rng.normal(size=(N, people))), 1, 5)
    if random:
        given[:, 2] = rng.integers(1, 6, N)
    if copy:
        given[:, 4] = np.where(rng.random(N) < 0.9, given[:, 0], given[:, 4])
    if constant:
        given[:, 1] = 3
    names = [f"{MARKER} {name}" for name in ("anna", "ben", "chris", "dora", "eva")[:people]]
    ratings = pd.DataFrame(
        {"item": f"i{item}", "evaluator": name, "task": task, "rating": given[item, place]}
        for place, name in enumerate(names)
        for item in range(N)
    )
    scores = pd.DataFrame(
        {"item": [f"i{item}" for item in range(N)], "good": quality + rng.normal(size=N), "bad": rng.normal(size=N)}
    )
    items = pd.DataFrame({"item": scores["item"], "model": [f"m{item % 3}" for item in range(N)]})
    return ratings, scores, items


def strings(value):
    """All keys and texts of a report."""
    if isinstance(value, dict):
        return [text for key, entry in value.items() for text in (str(key), *strings(entry))]
    if isinstance(value, list):
        return [text for entry in value for text in strings(entry)]
    return [value] if isinstance(value, str) else []


def said(calibration, folder):
    """Everything that a report says, anywhere."""
    out = io.StringIO()
    paths = write_report(calibration, folder)
    print_summary(calibration.report, [Path("report.html")], Console(file=out, width=200))
    return "\n".join([out.getvalue(), *strings(calibration.report), *(path.read_text() for path in paths)])


BLAME = (
    "hardly any relation",
    "more alike than the images explain",
    "With and without",
    "gave 60 images",
    "Kappa of every two people",
    "bias and inconsistency",
    "agrees with themselves",
    "Held out",
    "alternating projection",
)


@pytest.fixture(scope="module")
def both():
    """The owner's and the raters' report of one study.

    It has a random evaluator, one who copies, one who left early, repeated answers, and a task with a constant one.
    """
    ratings, scores, items = study(random=True, copy=True)
    early = pd.DataFrame({"item": ["i0", "i1"], "evaluator": f"{MARKER} early", "task": "look", "rating": [1, 2]})
    again = ratings[ratings["item"].isin([f"i{item}" for item in range(20)])].assign(repeat=1)
    constant = study(constant=True, task="feel", seed=4)[0]
    every = pd.concat([ratings.assign(repeat=0), again, early.assign(repeat=0), constant.assign(repeat=0)])
    how = {"settings": Settings(draws=100), "reading": Reading(min_ratings=10)}
    return [calibrate_tables(every, scores, items, **how, for_raters=flag) for flag in (False, True)]


def test_nobody_is_named_and_nobody_is_blamed(both, tmp_path):
    owner, calibration = both
    text = said(owner, tmp_path / "owner")
    assert MARKER in text
    for words in BLAME:
        assert words in text, "the owner's report must have it, or this test shows nothing"
    text = said(calibration, tmp_path / "raters")
    assert MARKER.casefold() not in text.casefold()
    assert not re.findall(r"(?i)\bperson \d", text)
    for words in (*BLAME, "Gave the rating"):
        assert words not in text
    assert "1 evaluator with fewer than 10 ratings left out." in calibration.report["notes"][0]
    page = Page(render_html(calibration))
    assert page.text.count("single evaluators are not shown") == 1


def test_no_list_or_table_has_an_entry_a_person(both):
    def longest(value, path=""):
        if isinstance(value, dict):
            if len(value) == 5 and all(isinstance(entry, dict) for entry in value.values()):
                yield path
            for key, entry in value.items():
                yield from longest(entry, f"{path}/{key}")
        elif isinstance(value, list):
            if len(value) == 5 and all(isinstance(entry, dict) for entry in value):
                yield path
            for entry in value:
                yield from longest(entry, path)

    def people(calibration):
        found = set(longest(calibration.report["tasks"]["feel"]))
        return {path for path in found if path.rsplit("/", 1)[-1] not in ("alternatives", "bins")}

    owner, raters = both
    assert len(people(owner)) >= 8
    assert people(raters) == set()


def test_the_verdicts_and_the_groups_figures_stay(both):
    owner, raters = (calibration.report for calibration in both)
    for name, task in owner["tasks"].items():
        for metric, entry in task["metrics"].items():
            other = raters["tasks"][name]["metrics"][metric]
            assert other["verdict"]["kind"] == entry["verdict"]["kind"]
            assert other["cross_validation"]["skill"] == pytest.approx(entry["cross_validation"]["skill"])
            assert np.sum(other["cross_validation"]["confusion"]) == np.sum(entry["cross_validation"]["confusion"])
        assert raters["tasks"][name]["agreement"]["krippendorff_alpha"] == pytest.approx(
            task["agreement"]["krippendorff_alpha"]
        )
        assert raters["tasks"][name]["n_evaluators"] == task["n_evaluators"]
    assert (owner["for_raters"], raters["for_raters"]) == (False, True)


def test_the_figures_show_people_as_one(both):
    page = Page(render_html(both[1]))
    assert page.text.count("the average evaluator, graded against the others") == 2  # a figure a task
    assert "blue band" not in page.text and "Folds that lie far apart" not in page.text
    assert "Thresholds across folds" not in page.text and "Mapped level against a held-out person's rating" in page.text
    people = page.text[page.text.index("The people") :]
    assert "Krippendorff's alpha, ordinal" in people and "ICC(2,1), one rating" in people


def test_of_two_neither_sees_what_the_other_answered():
    """With two ratings of an image, the mean and one's own answer tell the other's."""
    tables = study(people=2)
    owner = Page(render_html(calibrate_tables(*tables, SETTINGS)))
    assert "(2 ratings)" in owner.text and "Kappa of every two people" in owner.text
    raters = Page(render_html(calibrate_tables(*tables, SETTINGS, for_raters=True)))
    assert "Where it and people disagree most" not in raters.text
    assert "Kappa of every two people" not in raters.text
    assert "Krippendorff's alpha, ordinal" in raters.text
    assert not re.search(r"\b(None|nan|NaN|Undefined)\b", raters.text)


def test_images_with_enough_ratings_stay_in_the_gallery(tmp_path):
    ratings, scores, items = study(people=4)
    few = ratings["item"].isin([f"i{item}" for item in range(30)]) & ratings["evaluator"].str.contains("chris|dora")
    calibration = calibrate_tables(ratings[~few], scores, items, SETTINGS, for_raters=True)
    page = Page(render_html(calibration))
    assert "Where it and people disagree most" in page.text and "(4 ratings)" in page.text
    assert "(2 ratings)" not in page.text
    write_report(calibration, tmp_path)
    assert pd.read_csv(tmp_path / "figure_disagreements.csv")["n_ratings"].min() == 4
    assert pd.read_csv(tmp_path / "figure_scores.csv")["n_ratings"].min() == 4


def test_one_alone_is_not_named():
    ratings, scores, items = study(people=1)
    report = calibrate_tables(ratings, scores, items, SETTINGS, for_raters=True).report
    assert any(note.startswith("Only one evaluator rated this task") for note in report["tasks"]["look"]["notes"])


def test_a_fold_without_a_grade_names_nobody(tmp_path):
    ratings, scores, _ = study(people=3)
    alone = ratings["evaluator"].str.contains("chris")
    ratings = pd.concat([ratings[~alone], ratings[alone].assign(item="elsewhere " + ratings["item"])])
    scores = pd.concat([scores, scores.assign(item="elsewhere " + scores["item"])])
    owner = calibrate_tables(ratings, scores, None, SETTINGS).report["tasks"]["look"]["metrics"]["good"]["notes"]
    assert any(note.startswith(f"No grade in the fold of {MARKER} chris:") for note in owner)
    raters = calibrate_tables(ratings, scores, None, SETTINGS, for_raters=True)
    notes = raters.report["tasks"]["look"]["metrics"]["good"]["notes"]
    assert any(note.startswith("No grade in the fold of 1 of the 3 evaluators:") for note in notes)
    assert MARKER not in said(raters, tmp_path) and "Shares no item" not in said(raters, tmp_path)


def test_simulated_evaluators_are_counted_not_named():
    ratings, scores, items = study(people=3)
    ratings["evaluator"] = ratings["evaluator"].replace({f"{MARKER} anna": "simulated-7"})
    calibration = calibrate_tables(ratings, scores, items, SETTINGS, for_raters=True)
    text = Page(render_html(calibration)).text
    assert "1 of the 3 evaluators is simulated: a program made these ratings" in text
    assert "simulated-7" not in text and "imulated person" not in text


def test_names_given_to_calibrate_itself_are_left_out_too():
    ratings, scores, _ = study(random=True)
    long = scores.melt("item", var_name="metric", value_name="score")
    report = calibrate(ratings, long, SETTINGS, for_raters=True).report
    assert MARKER not in json.dumps(report)


NAMES = [f"e{number}" for number in range(8)]


class TestWithoutNames:
    def order(self, names, seed=0):
        found = without_names(pd.DataFrame({"evaluator": names}), seed)["evaluator"]
        return dict(zip(names, found, strict=True))

    def test_each_has_one_of_the_numbers(self):
        assert sorted(self.order(NAMES).values()) == [f"Person {number}" for number in range(1, 9)]

    def test_the_order_is_neither_that_of_names_nor_that_of_rows(self):
        assert self.order(NAMES) == {name: self.order(NAMES[::-1])[name] for name in NAMES}
        orders = {tuple(self.order(NAMES, seed).values()) for seed in range(20)}
        assert len(orders) == 20
        other = [name.replace("e", "x") for name in NAMES]
        assert list(self.order(NAMES).values()) != list(self.order(other).values())

    def test_a_name_in_other_spelling_of_spaces_is_the_same_person(self):
        found = without_names(pd.DataFrame({"evaluator": ["ann ", "ann", None, 7, "7"]}))["evaluator"]
        assert found[0] == found[1] and found[2] == "" and found[3] == found[4]
