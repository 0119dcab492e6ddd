"""The line above everything: where it stands, what it may hold, and how it looks on screen, on a phone and on paper."""

import base64
import hashlib
import re

import pandas as pd
import pytest

from calibration.page.html import render_html, with_banner
from calibration.pipeline import calibrate_tables
from calibration.settings import Settings
from tests.calibration.page.test_html import Page

HOSTILE = "<!-- live --></p><script>alert(1)</script> & 'so' \"on\""


@pytest.fixture(scope="module")
def plain():
    ratings = pd.DataFrame(
        {"item": list("abab"), "evaluator": ["<!-- live -->"] * 2 + ["y"] * 2, "rating": [1, 5, 2, 5]}
    )
    scores = pd.DataFrame({"item": ["a", "b"], "<!-- live -->": [0.1, 0.9]})
    return render_html(calibrate_tables(ratings, scores, settings=Settings(draws=0)))


def test_the_line_is_the_first_thing_in_the_body(plain):
    page = Page(with_banner(plain, "As of 3 minutes ago."))
    place = [tag for tag, _ in page.elements].index("body")
    assert page.elements[place + 1] == ("p", {"class": "live", "role": "status"})
    assert [attributes for _, attributes in page.elements].count({"class": "live", "role": "status"}) == 1
    assert "As of 3 minutes ago." in page.text
    assert 'class="live"' not in plain


def test_a_line_replaces_the_one_before(plain):
    assert with_banner(with_banner(plain, HOSTILE), "now") == with_banner(plain, "now")


def test_a_line_is_only_text(plain):
    page = Page(with_banner(plain, HOSTILE))
    assert HOSTILE in page.text
    assert [attributes for tag, attributes in page.elements if tag == "script"] == [{}]


def test_the_pages_own_style_sheet_holds_its_style(plain):
    text = with_banner(plain, "now")
    (style,) = re.findall("<style>(.*?)</style>", text, re.DOTALL)
    assert ".live {" in style
    assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in text


def test_a_page_from_elsewhere_has_no_place_for_it():
    with pytest.raises(ValueError, match="no place for a line"):
        with_banner("<body><p>hello</p></body>", "now")


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "light"), (1440, "dark"), (390, "dark")])
def test_it_looks_right_and_is_not_printed(plain, chromium, tmp_path, width, scheme):
    path = tmp_path / "page.html"
    path.write_text(with_banner(plain, "240 ratings, as of 12:30 UTC (3 minutes ago). " * 3), encoding="utf-8")
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page, complaints = context.new_page(), []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(path.as_uri())
    line, title = page.locator(".live"), page.locator(".brand")
    box = line.bounding_box()
    assert (box["x"], box["y"], box["width"]) == (0, 0, width)
    assert box["y"] + box["height"] <= title.bounding_box()["y"]
    left = "(node) => { const range = document.createRange(); range.selectNodeContents(node);" + (
        "return range.getBoundingClientRect().left; }"
    )
    assert line.evaluate("(node) => parseFloat(getComputedStyle(node).paddingLeft)") == pytest.approx(
        title.evaluate(left), abs=0.5
    )
    assert page.evaluate("document.documentElement.scrollWidth") == width
    colours = [
        sum(map(int, re.findall(r"\d+", line.evaluate(f"(node) => getComputedStyle(node).{of}"))[:3]))
        for of in ("color", "backgroundColor")
    ]
    assert abs(colours[0] - colours[1]) > 300
    assert (colours[0] < colours[1]) == (scheme == "light")
    page.emulate_media(media="print")
    assert not line.is_visible()
    context.close()
    assert complaints == []
