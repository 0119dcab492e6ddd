"""The page of the worst pairs holds them, with their pictures, whatever their prompts say."""

import re
from dataclasses import replace
from html import unescape

import pandas as pd
import pytest
from PIL import Image

from calibration.decision.words import gate_notes, gate_verdict, named, number, signed, verdict_of
from study.folder.study import open_study
from study.runs.worst_pairs import image_files, render_worst_pairs, worst_of


@pytest.fixture(scope="module")
def found(decided):
    return decided.gate("300", "2100", primary="people")


@pytest.fixture(scope="module")
def page(found, decided, checkpoint_study):
    with open_study(checkpoint_study) as opened:
        return render_worst_pairs(found, decided, image_files(opened, found))


def text_of(page):
    body = re.sub(r"<style>.*?</style>", "", page, flags=re.S)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def test_worst_pairs_are_those_of_the_scores(found, decided):
    for metric in found.gate.metrics:
        scores = decided.scores_of(metric.metric)
        gaps = scores.reindex(found.pairs["candidate"]).to_numpy() - scores.reindex(found.pairs["baseline"]).to_numpy()
        ten = worst_of(metric, found, decided)
        assert [one.difference for one in ten] == pytest.approx(sorted(gaps)[:10])
        for one in ten:
            assert one.candidate.startswith("lora/300/") and one.baseline.startswith("lora/2100/")
            number_of, seed = re.fullmatch(r"lora/300/p(\d+)_s(\d)\.png", one.candidate).groups()
            assert (one.prompt, one.seed) == (f"prompt {int(number_of)}", seed)
            assert (one.candidate_score, one.baseline_score) == (scores[one.candidate], scores[one.baseline])


def test_where_lower_is_better_the_difference_is_turned(checkpoint_study):
    from study.runs.reading import study_tables

    with open_study(checkpoint_study) as opened:
        tables = study_tables(opened, lower_is_better=["good"], higher_is_better=["fair", "noise"])
        turned = tables.gate("2100", "300", metrics=["good"])
        first = worst_of(turned.gate.metrics[0], turned, tables)[0]
    assert turned.gate.verdict == "worse"
    assert (
        first.candidate_score > first.baseline_score
        and first.difference == first.baseline_score - first.candidate_score
    )


def test_the_page_says_what_was_found_and_shows_both_pictures(page, found, decided):
    text = text_of(page)
    for said in (gate_verdict(found), *gate_notes(found)):
        assert said in text
    for metric in found.gate.metrics:
        assert f"{named(metric, found)} {verdict_of(metric, found)}" in text
        for one in worst_of(metric, found, decided):
            assert f"{number(one.baseline_score)} baseline {one.baseline}" in text
            assert f"{number(one.candidate_score)} candidate {one.candidate}" in text
            assert f"{signed(one.difference)} seed {one.seed} {one.prompt}" in text
    titles = re.findall(r"<summary><h2>(.*?)</h2>", page)
    assert unescape(titles[0]) == "people's ratings"  # it decides, so it stands first, and open
    assert page.count("<details") == 4 and page.count(" open>") == 1
    shown = re.findall(r'aria-label="(?:baseline|candidate): ([^"]+)"', page)
    assert len(shown) == 80 and page.count("data:image/jpeg") == len(set(shown))


def test_it_is_one_file_that_asks_for_nothing_and_always_the_same(page, found, decided, checkpoint_study):
    assert not re.search(r'(src|href)="|<script|url\((?!"data:)', page)
    assert "default-src 'none'" in page and "http:" not in page and "https:" not in page
    assert str(checkpoint_study) not in page
    with open_study(checkpoint_study) as opened:
        assert render_worst_pairs(found, decided, image_files(opened, found)) == page


def test_prompts_and_names_are_text(found, decided):
    strange = '<script>alert(1)</script> & "quotes" </style>'
    pairs = found.pairs.assign(prompt=strange)
    page = render_worst_pairs(replace(found, pairs=pairs, notes=(strange,)), decided, {})
    assert "<script" not in page and page.count("</style>") == 1
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &#34;quotes&#34;") == 41
    assert page.count("no picture") == 80


def test_pictures_are_sharp_enough_for_a_phone_and_no_larger(found, decided, tmp_path):
    """Two small pictures beside each other on a screen of 390 points and 2 pixels a point."""
    import base64
    import io

    one = worst_of(found.gate.metrics[0], found, decided)[0]
    Image.effect_noise((1024, 768), 90).save(tmp_path / "a.png")
    page = render_worst_pairs(found, decided, {one.candidate: tmp_path / "a.png"})
    data = re.search(r"data:image/jpeg;base64,([^\"]+)", page).group(1)
    assert Image.open(io.BytesIO(base64.b64decode(data))).size == (320, 240)


def test_without_a_drop_there_is_no_pair(decided):
    found = decided.gate("2100", "300", metrics=["good"])
    none = replace(found.gate.metrics[0], worst=found.gate.metrics[0].worst[:0])
    page = render_worst_pairs(replace(found, gate=replace(found.gate, metrics=(none,))), decided, {})
    assert "No pair dropped." in page


def test_an_image_outside_the_study_is_its_path(checkpoint_study, found, tmp_path):
    outside = tmp_path / "x.png"
    pairs = pd.DataFrame({"candidate": [str(outside)], "baseline": [found.pairs["baseline"][0]]})
    with open_study(checkpoint_study) as opened:
        files = image_files(opened, replace(found, pairs=pairs))
        inside = opened.image_path(found.pairs["baseline"][0])
    assert files == {str(outside): outside, found.pairs["baseline"][0]: inside} and inside.is_file()


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "light"), (390, "dark")])
def test_it_fits_the_window_without_complaint(page, chromium, tmp_path, width, scheme):
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    window = chromium.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    said = []
    window.on("console", lambda message: said.append(message.text))
    window.goto((tmp_path / "page.html").as_uri())
    assert window.evaluate("document.documentElement.scrollWidth") == width and said == []
    first = window.locator(".pairs .picture").first
    assert first.evaluate("one => getComputedStyle(one).backgroundImage").startswith('url("data:image/jpeg')
    boxes = [window.locator(".pairs li .picture").nth(place).bounding_box() for place in (0, 1)]
    assert boxes[0]["y"] == boxes[1]["y"] and boxes[0]["x"] < boxes[1]["x"] and boxes[0]["width"] > 140
    assert not window.locator("details").nth(1).locator(".picture").first.is_visible()
    window.locator("details").nth(1).locator("summary").click()
    assert window.locator("details").nth(1).locator(".picture").first.is_visible()
    window.close()
