from xml.etree import ElementTree

import pytest

from calibration.page.figure_svg import inline_svg, shown_text

DRAWN = """<svg xmlns:xlink="http://www.w3.org/1999/xlink" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 30">
 <metadata>who drew it</metadata><defs><style>*{{}}</style></defs>
 <g id="figure_1"><g id="marks-0"><defs><path id="m1" d="M 0 1.234 C 1e-3 -2.5 3 4 5 6 z" style="stroke: red"/></defs>
  <g clip-path="url(#p)">
   <use xlink:href="#m1" x="1.26" y="2.04" style="fill: #010203; fill-opacity: 0.4"/>
   <use xlink:href="#m1" x="3" y="4" style="fill: {second}; fill-opacity: 0.4"/>
  </g></g>
  <g id="line"><path d="M 1 2 L 3 4 " clip-path="url(#p)" style="fill: none; stroke: #010203; stroke-width: 1"/></g>
  <g><text style="font-size: 12px; font-family: X; text-anchor: end" x="1" y="2" transform="rotate(-0)">@0</text></g>
 </g><defs><clipPath id="p"><rect x="0"/></clipPath></defs></svg>"""


def inlined(second="#010203", titles=("one", "two"), dots=None):
    drawn = DRAWN.format(second=second)
    return inline_svg(
        drawn, "f3-", 'a "label"', {"#010203": "metric"}, ["<b>\x00"], {"marks-0": titles}, dots or {}, 12
    )


def test_marks_share_what_is_the_same():
    assert (
        '<g fill="var(--metric)" fill-opacity="0.4"><use href="#f3-0" x="1.3" y="2"><title>one</title></use>'
        '<use href="#f3-0" x="3" y="4"><title>two</title></use></g>' in inlined()
    )
    assert inlined(second="red").count("fill-opacity") == 2


def test_dots_of_one_place_lie_in_several_paths():
    group = '<g stroke="var(--metric)" stroke-width="6.5" stroke-opacity="0.4" stroke-linecap="round">'
    assert f'{group}<path d="M1.3 2h.01M3 4h.01"/></g>' in inlined(dots={"marks-0": 6.5})
    stacked = DRAWN.format(second="#010203").replace('x="3" y="4"', 'x="1.26" y="2.04"')
    svg = inline_svg(stacked, "f", "", {"#010203": "metric"}, [""], {}, {"marks-0": 6.5}, 12)
    assert f'{group}<path d="M1.3 2h.01"/><path d="M1.3 2h.01"/></g>' in svg


def test_what_a_page_needs_not_is_gone():
    svg = inlined()
    for gone in ("style", "metadata", "clip", "transform", "font-family", "xmlns", "figure_1", "#010203"):
        assert gone not in svg
    assert '<path id="f3-0" d="M0 1.23C0 -2.5 3 4 5 6z"/>' in svg
    assert '<path d="M1 2L3 4" fill="none" stroke="var(--metric)"/>' in svg
    assert '<text x="1" y="2" text-anchor="end">&lt;b&gt; </text>' in svg
    assert ElementTree.fromstring(svg).get("aria-label") == 'a "label"'


@pytest.mark.parametrize(("text", "shown"), [("a\u200bb", "a b"), ("ä 評 😀", "ä 評 😀"), ("\ud800", " ")])
def test_shown_text(text, shown):
    assert shown_text(text) == shown
