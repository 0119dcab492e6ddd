"""The page holds the figures, needs nothing from outside, and fits a phone."""

import re

import pytest

from study.evaluation.figures import Figure
from study.evaluation.page import render_page
from study.evaluation.run import EvaluationSettings
from study.evaluation.types import Evaluation, Measured
from study.evaluation.words import cautions, how_nearness, in_short, number, on_chance, on_copies, without_copies
from tests.study.evaluation.made import image_set


@pytest.fixture
def page(evaluated):
    _, settings, found = evaluated
    return render_page(found, settings), found


def text_of(page):
    body = re.sub(r"<(style|script)>.*?</\1>", "", page, flags=re.S).replace("<wbr>", "").replace("&nbsp;", " ")
    return " ".join(re.sub(r"<[^>]+>", " ", body).replace("&#39;", "'").split())


def test_every_figure_and_sentence_stands_on_the_page(page):
    page, found = page
    text = text_of(page)
    rows = re.findall(r"<tr(?: class=\"base\")?><th scope=\"row\">(.*?)</tr>", page, re.S)
    by_name = {text_of(row.split("</th>")[0]).replace(" base", ""): text_of(row.split("</th>")[1]) for row in rows[:3]}
    for one in found.sets:
        expected = [f"{one.images} {one.prompts}"]
        for metric in found.metrics:
            figure = found.figure(one.name, metric.name)
            cell = f"{number(figure.value)} {number(figure.low)} to {number(figure.high)}"
            if without := without_copies(found, figure):
                cell = f"{cell} {without}"
            guide = found.guides.get((one.name, metric.name))
            expected.append(f"{cell} guides: {guide}" if guide else cell)
        assert by_name[one.name] == " ".join(expected)
    for said in [*in_short(found), *cautions(found), *on_copies(found), *on_chance(found), how_nearness(found)]:
        assert " ".join(said.split()) in text
    for gap in found.differences:
        if gap.other == "base/0":
            assert f"{'+' if gap.value > 0 else ''}{number(gap.value)} {number(gap.low)} to {number(gap.high)}" in text


def test_colours_say_better_and_worse_by_the_metrics_direction(page):
    page, found = page
    part = page[page.index("Difference to the base</h3>") : page.index("Coloured where")]
    marks = re.findall(r'<span class="(\w*)">([+−.\de]+)</span>', part)
    metrics = [one for one in found.metrics if any(gap.metric == one.name for gap in found.differences)]
    gaps = [found.difference(name, "base/0", one.name) for name in ("anna/300", "anna/600") for one in metrics]
    better = {one.name: one.better for one in metrics}
    expected = [
        "" if not gap.is_apart else "better" if (gap.value > 0) == (better[gap.metric] == "higher") else "worse"
        for gap in gaps
    ]
    assert [mark for mark, _ in marks] == expected and {"better"} <= set(expected)


def test_it_is_one_file_and_always_the_same(page, evaluated):
    page, found = page
    assert render_page(found, evaluated[1]) == page and len(page) < 2_000_000
    assert not re.search(r'(src|href)="(?!#)', page) and "http" not in page.replace("http-equiv", "")
    assert "default-src 'none'" in page and str(evaluated[0]) not in page
    assert page.count('class="copy"') == 1 and page.count("data:image/jpeg") > 5


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "light"), (390, "dark")])
def test_it_fits_the_window_without_complaint(page, chromium, tmp_path, width, scheme):
    (tmp_path / "page.html").write_text(page[0], encoding="utf-8")
    window = chromium.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    said = []
    window.on("console", lambda message: said.append(message.text))
    window.goto((tmp_path / "page.html").as_uri())
    assert window.evaluate("document.documentElement.scrollWidth") == width and said == []
    shown = window.locator("#copies .picture").first
    assert shown.evaluate("one => getComputedStyle(one).backgroundImage").startswith('url("data:image/jpeg')
    window.close()


@pytest.mark.browser
@pytest.mark.parametrize("width", [1440, 390])
def test_of_many_checkpoints_names_and_heads_stay_in_sight(chromium, tmp_path, width):
    names = ["base/0", *(f"anna portrait v2/{step}" for step in range(300, 4200, 300))]
    metrics = [Measured(f"m{number}", f"Metric {number}", "", "higher", "set") for number in range(12)]
    found = Evaluation([image_set(name) for name in names], [], metrics)
    found.figures = [Figure(name, one.name, 0.123, 0.111, 0.135, 40, "prompts") for name in names for one in metrics]
    (tmp_path / "page.html").write_text(render_page(found, EvaluationSettings()), encoding="utf-8")
    window = chromium.new_page(viewport={"width": width, "height": 800})
    window.goto((tmp_path / "page.html").as_uri())
    window.evaluate("document.querySelector('.scroll').scrollTo(400, 300)")
    places = window.evaluate(
        """() => {
            const table = document.querySelector(".scroll"), of = (one) => one.getBoundingClientRect();
            const rows = [...table.querySelectorAll("tbody th")].map((one) => of(one).left - of(table).left);
            const head = of(table.querySelector("thead th")).top - of(table).top;
            return [table.scrollLeft, table.scrollTop, head, ...rows];
        }"""
    )
    assert places[0] > 100 and places[1] > 100 and len(places) == 3 + len(names)
    assert all(abs(place) < 1 for place in places[2:])
    window.close()
