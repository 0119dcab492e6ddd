"""What was asked is part of the data: in the report, on the page and in the methods paragraph."""

import pandas as pd
import pytest

from calibration.page.html import render_html
from calibration.page.methods_text import methods_paragraph
from calibration.pipeline import calibrate_files, calibrate_tables
from calibration.settings import Settings
from calibration.tables.wordings import LEVELS
from metrics.errors import InputError
from tests.calibration.page.test_html import GOOD, Page, scores, table

QUICK = Settings(draws=0)
QUALITY = ["Bad", "Poor", "Fair", "Good", "Excellent"]


def wording(question="How good does it look?", levels=QUALITY, task="look", ratings=24, **cells):
    words = dict(zip(LEVELS, levels, strict=True))
    row = {"task": task, "question": question, **words, "show_references": False, "show_prompt": False}
    return row | {"asked_from": "", "ratings": ratings, "note": ""} | cells


OLD = wording("How pretty?", ["Ugly", "Plain", "So so", "Pretty", "Lovely"], ratings=7, show_prompt=True)
NEW = wording(ratings=17, asked_from="2026-03-01T10:00:00+00:00", note="clearer")


def calibrated(*rows, ratings=None):
    ratings = table(["ann", "bob"]) if ratings is None else ratings
    return calibrate_tables(ratings, scores(good=GOOD), settings=QUICK, wordings=pd.DataFrame(rows) if rows else None)


def test_the_report_holds_the_present_words_and_those_before():
    task = calibrated(OLD, NEW).report["tasks"]["look"]
    present = {
        "question": "How good does it look?",
        "levels": QUALITY,
        "show_references": False,
        "show_prompt": False,
        "note": "clearer",
        "ratings": 17,
    }
    (earlier,) = task["asked"].pop("earlier")
    assert task["asked"] == present
    assert earlier == {
        "question": "How pretty?",
        "levels": ["Ugly", "Plain", "So so", "Pretty", "Lovely"],
        "show_references": False,
        "show_prompt": True,
        "note": "",
        "ratings": 7,
    }


def test_nothing_is_said_where_nothing_is_known():
    ratings = pd.concat([table(["ann", "bob"]), table(["ann", "bob"], task="feel")])
    calibration = calibrated(wording(), ratings=ratings)
    assert calibration.report["tasks"]["feel"]["asked"] is None
    page = Page(render_html(calibration))
    assert page.text.count("How it was asked") == 1
    assert "task1-asked" in page.ids and "task2-asked" not in page.ids
    plain = calibrated()
    assert plain.report["tasks"]["look"]["asked"] is None
    assert "How it was asked" not in Page(render_html(plain)).text
    assert "gave 24 ratings from 1 to 5 of 12 items." in methods_paragraph(plain.model)
    assert "question" not in methods_paragraph(plain.model)


@pytest.mark.parametrize(
    ("references", "prompt", "words"),
    [
        (True, True, "The prompt and the subject's reference photos were shown with each image."),
        (True, False, "The subject's reference photos were shown with each image."),
        (False, True, "The prompt was shown with each image."),
        (False, False, "Each image was shown alone, without prompt or reference photos."),
    ],
)
def test_the_page_says_what_was_asked_and_shown(references, prompt, words):
    page = Page(render_html(calibrated(wording(show_references=references, show_prompt=prompt))))
    card = page.text[page.text.index("How it was asked") : page.text.index("The metrics in numbers")]
    assert "How good does it look? 1 Bad2 Poor3 Fair4 Good5 Excellent" in card
    assert words in card
    assert "‘How good does it look?’ from 1, Bad, to 5, Excellent" in page.text
    assert "earlier" not in card and "Note:" not in card and "changed" not in page.text


def test_earlier_words_stand_there_with_their_ratings():
    page = Page(render_html(calibrated(OLD, NEW)))
    warning = "The words changed while people rated: 7 of 24 ratings were given under earlier ones."
    assert page.text.index("Read this first") < page.text.index(warning) < page.text.index("How it was asked")
    card = page.text[page.text.index("How it was asked") : page.text.index("The metrics in numbers")]
    for words in (
        "17 ratings were given under these words.",
        "Note: clearer",
        "Asked earlier How pretty?1 Ugly, 2 Plain, 3 So so, 4 Pretty, 5 Lovely; 7 ratings. The prompt was shown",
    ):
        assert words in card


def test_words_under_which_nobody_rated_are_not_what_was_asked():
    calibration = calibrated(OLD | {"ratings": 24}, NEW | {"ratings": 0})
    page = Page(render_html(calibration))
    assert "‘How pretty?’ from 1, Ugly, to 5, Lovely" in page.text
    assert "The words have been changed since, to ‘How good does it look?’ from 1, Bad, to 5, Excellent" in page.text
    assert "The words changed while people rated" not in page.text
    text = methods_paragraph(calibration.model)
    assert "The question was 'How pretty?'" in text and "How good does it look" not in text


def test_words_that_came_back_are_the_same_words():
    back = wording(ratings=5, asked_from="2026-04-01")
    page = Page(render_html(calibrated(wording(ratings=12), OLD | {"asked_from": "2026-02-01"}, back)))
    assert "7 of 24 ratings were given under earlier ones." in page.text
    assert "17 ratings were given under these words." in page.text
    only_a_note = [wording(ratings=12), wording(ratings=12, asked_from="2026-04-01", note="no change")]
    assert "changed" not in Page(render_html(calibrated(*only_a_note))).text


def test_the_methods_paragraph_says_what_was_asked():
    text = methods_paragraph(calibrated(wording("How good\n does it look?", show_references=True)).model)
    assert "Two evaluators gave 24 ratings from 1 (Bad) to 5 (Excellent) of 12 items. The question was " in text
    assert (
        "'How good does it look?', answered with 1 (Bad), 2 (Poor), 3 (Fair), 4 (Good) or 5 (Excellent), with "
        "reference photos of the subject shown."
    ) in text


def test_the_methods_paragraph_says_what_was_asked_before():
    text = methods_paragraph(calibrated(OLD, NEW).model)
    assert "gave 24 ratings from 1 to 5 of 12 items." in text
    assert "Of these ratings 7 were given when the question was 'How pretty?', answered with 1 (Ugly)," in text
    many = [wording(f"Number {day}?", ratings=1, asked_from=f"2026-03-0{day}") for day in range(1, 9)]
    text = methods_paragraph(calibrated(*many).model)
    assert "The question was 'Number 8?'" in text and "1 was given when the question was 'Number 5?'" in text
    assert "'Number 4?'" not in text and "Another 4 were given to still earlier words." in text


def test_hostile_words_are_only_text():
    evil = "<script>alert(1)</script>"
    page = Page(render_html(calibrated(wording(evil, [evil] * 5, ratings=7, note=evil), NEW | {"question": evil})))
    assert [attributes for tag, attributes in page.elements if tag == "script"] == [{}]
    assert page.text.count(evil) >= 9


def test_words_from_a_file(tmp_path):
    table(["ann", "bob"]).to_csv(tmp_path / "r.csv", index=False)
    pd.DataFrame([OLD, NEW]).to_csv(tmp_path / "w.csv", index=False)
    report = calibrate_files(tmp_path / "r.csv", settings=QUICK, wordings=tmp_path / "w.csv").report
    assert report["tasks"]["look"]["asked"]["question"] == "How good does it look?"
    assert report["tasks"]["look"]["asked"]["earlier"][0]["show_prompt"] is True
    assert report["inputs"]["wordings"]["rows"] == 2
    pd.DataFrame([wording(task="lok")]).to_csv(tmp_path / "w.csv", index=False)
    with pytest.raises(InputError, match=r"w\.csv, row 2: nobody rated the task 'lok'; name tasks as the"):
        calibrate_files(tmp_path / "r.csv", settings=QUICK, wordings=tmp_path / "w.csv")


@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 390, 1440])
def test_long_words_stay_within(chromium, tmp_path, width):
    long = ["Unbelievablydisappointingandbadlydone" * 2, "Not at all", "x", "Very much so indeed", "Exactly"]
    path = tmp_path / "page.html"
    path.write_text(render_html(calibrated(wording("Howgood" * 40, long))), encoding="utf-8")
    context = chromium.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == width
    tops = page.locator(".levels li").evaluate_all("(all) => all.map((one) => one.getBoundingClientRect().top)")
    assert (len(set(tops)) == 1) == (width == 1440)
    context.close()
