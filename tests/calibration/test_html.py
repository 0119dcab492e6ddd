import json
import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from calibration.html import render_html
from calibration.pipeline import calibrate_tables
from calibration.reading import Source
from calibration.report import Settings

EVIL = ["<script>alert(1)</script>", "\"'><img src=x onerror=alert(2)>", "</script></title>", "--ink", "%{x}"]


class Page(HTMLParser):
    """The elements of a page, its visible text, and the contents of its scripts."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.scripts, self.texts = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data):
        if self.elements and self.elements[-1][0] == "script" and not self.scripts[-1]:
            self.scripts[-1] = data
        elif self.lasttag not in ("script", "style"):
            self.texts.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", "".join(self.texts))

    @property
    def ids(self):
        return [attributes["id"] for _, attributes in self.elements if attributes.get("id")]


def table(evaluators, task="look", n=12, shift=1):
    return pd.DataFrame(
        [
            {
                "item": f"i{item}",
                "evaluator": name,
                "task": task,
                "rating": 1 + (item + shift * place * (item % 3 == 0)) % 5,
            }
            for place, name in enumerate(evaluators)
            for item in range(n)
        ]
    )


def scores(**metrics):
    rows = [
        {"item": f"i{item}", "metric": metric, "score": value}
        for metric, values in metrics.items()
        for item, value in enumerate(values)
    ]
    return pd.DataFrame(rows, columns=["item", "metric", "score"])


GOOD = [1 + item % 5 for item in range(12)]


def render(ratings, scored=None, **options):
    return Page(render_html(calibrate_tables(ratings, scored, settings=Settings(**options))))


def figures_of(page):
    return json.loads(page.scripts[0])


def test_verdicts_come_first_best_skill_first():
    calibration = calibrate_tables(table(["ann", "bob"]), scores(flat=[1.0] * 12, good=GOOD))
    page = Page(render_html(calibration))
    task = calibration.report["tasks"]["look"]
    places = [
        page.text.index(sentence)
        for sentence in (
            task["verdict"],
            task["metrics"]["good"]["verdict"]["sentence"],
            task["metrics"]["flat"]["verdict"]["sentence"],
            "Read this first",
            "Skill at a glance",
            "The people",
            "Settings and inputs",
        )
    ]
    assert places == sorted(places)


def test_nothing_is_fetched():
    page = render(table(["ann", "bob"]), scores(good=GOOD))
    for tag, attributes in page.elements:
        assert "src" not in attributes, tag
        assert attributes.get("href", "#").startswith("#"), tag
        assert tag not in ("link", "iframe", "img", "object", "embed", "base")
    policy = next(value["content"] for tag, value in page.elements if value.get("http-equiv"))
    assert "default-src 'none'" in policy


def test_plotly_is_there_once():
    text = render_html(calibrate_tables(table(["ann", "bob"]), scores(a=GOOD, b=GOOD)))
    assert text.count("plotly.js v") == 1
    assert len(text) < 6_000_000


def test_every_plot_has_its_figure_and_every_link_its_target():
    ratings = pd.concat([table(["ann", "bob"]), table(["ann", "cid"], task="other")])
    page = render(ratings, scores(good=GOOD, flat=[1.0] * 12))
    plots = [attributes["id"] for _, attributes in page.elements if attributes.get("class") == "plot"]
    assert sorted(plots) == sorted(figures_of(page))
    assert len(plots) == 2 * (2 + 2 * 3)
    assert len(page.ids) == len(set(page.ids))
    assert {attributes["href"][1:] for tag, attributes in page.elements if tag == "a"} <= set(page.ids)


def test_hostile_names_are_only_text():
    ratings = table(EVIL, task=EVIL[0]).replace({"item": {"i0": EVIL[1], "i1": EVIL[2]}})
    scored = pd.concat([scores(x=GOOD).assign(metric=name) for name in EVIL])
    scored = scored.replace({"item": {"i0": EVIL[1], "i1": EVIL[2]}}).assign(signature="</script>")
    sources = {"ratings": Source("C:\\data\\<b>r.csv", "ab" * 32, 60)}
    page = Page(render_html(calibrate_tables(ratings, scored, sources=sources)))
    assert [attributes for tag, attributes in page.elements if tag == "script"] == [
        {"type": "application/json", "id": "figures"},
        {},
        {},
    ]
    assert not [tag for tag, _ in page.elements if tag == "img"]
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert "<" not in page.scripts[0]
    assert "<b>r.csv" in page.text
    assert "data\\" not in page.text
    assert "ab" * 6 in page.text
    assert "ab" * 7 not in page.text
    for name in EVIL:
        assert name in page.text


@pytest.mark.parametrize(
    ("ratings", "scored", "words"),
    [
        (table(["ann"]), scores(good=GOOD), "Nothing can be graded against one other person."),
        (table(["ann", "bob"]), scores(flat=[1.0] * 12), "Gave the same score"),
        (table(["ann", "bob"]), None, "There are no scores, so no metric is judged."),
        (
            table(["ann", "bob"]),
            pd.concat([scores(good=GOOD), pd.DataFrame({"item": ["i99"], "metric": ["lost"], "score": [1.0]})]),
            "There is nothing to draw",
        ),
        (table(["ann", "bob"]).assign(rating=3), scores(good=GOOD), "alpha is not defined"),
        (table(["ann", "bob"], n=1), scores(good=GOOD[:1]), "the only item"),
    ],
)
def test_what_cannot_be_computed_is_said_in_words(ratings, scored, words):
    page = render(ratings, scored)
    assert words in page.text
    assert not re.search(r"\b(None|nan|NaN|Undefined)\b", page.text)
    assert not re.search(r"\bNaN\b", page.scripts[0])


def test_dashes_carry_their_reason():
    page = render(table(["ann"]), scores(good=GOOD))
    reasons = [
        attributes["title"]
        for _, attributes in page.elements
        if attributes.get("class") == "absent" and "title" in attributes
    ]
    assert reasons
    assert all(len(reason) > 10 for reason in reasons)


def test_simulated_evaluators_are_labelled():
    page = render(table(["ann", "simulated-1"]), scores(good=GOOD))
    assert "Simulated evaluators. simulated-1 is not a person" in page.text
    assert page.text.count("simulated-1 simulated") == 2  # among the people, and held out in a fold
    assert "Simulated evaluators." not in render(table(["ann", "bob"]), scores(good=GOOD)).text


def test_people_on_the_scale_from_1_to_5():
    page = render(pd.DataFrame({"item": ["a", "b"], "evaluator": "ann", "rating": [2, 4]}))
    assert re.search(r"ann\s*2\s*0\s*3\.00\s*1\.00", page.text)


def test_a_note_shared_by_metrics_stands_once():
    ratings = pd.concat([table(["ann", "bob"]), table(["ann", "bob"], task="other")])
    page = render(ratings, scores(psnr=[1.0] * 12, ssim=[1.0] * 12))
    before_tasks = page.text[page.text.index("Read this first") : page.text.index("Skill at a glance")]
    assert before_tasks.count("Gave the same score") == 1
    assert "PSNR, SSIM. Gave the same score" in before_tasks


def test_large_scatter_says_that_it_is_a_sample():
    ratings = table(["ann", "bob"], n=2100)
    scored = scores(good=[item % 7 for item in range(2100)])
    page = render(ratings, scored, seed=-1)
    assert "a random 2,000 are drawn" in page.text
    assert len(figures_of(page)["task1-metric1-scatter"]["data"][0]["x"]) == 2000


def test_people_without_skill_are_warned_about():
    ratings = table(["ann", "bob", "cid"], shift=2)
    calibration = calibrate_tables(ratings, scores(good=GOOD))
    skill = calibration.report["tasks"]["look"]["metrics"]["good"]["cross_validation"]["person_skill"]
    assert ("Be careful here" in Page(render_html(calibration)).text) == (skill <= 0)
    noise = pd.DataFrame(
        {"item": list("abcd") * 2, "evaluator": ["ann"] * 4 + ["bob"] * 4, "rating": [1, 5, 1, 5, 5, 1, 5, 1]}
    )
    scored = pd.DataFrame({"item": list("abcd"), "good": [1.0, 2.0, 3.0, 4.0]})
    assert "Be careful here" in Page(render_html(calibrate_tables(noise, scored))).text


def test_scores_with_a_large_offset_are_told_apart():
    page = render(table(["ann", "bob"]), scores(seconds=[1_760_000_000 + value for value in GOOD]))
    drawn = figures_of(page)["task1-metric1-scatter"]["data"][0]
    assert sorted(set(drawn["x"])) == [1_760_000_000 + value for value in range(1, 6)]
    assert "%{x:.13g}" in drawn["hovertemplate"]
    assert "%{x:.13g}" in figures_of(page)["task1-metric1-folds"]["data"][0]["hovertemplate"]
    assert "up to 1760000001.5 becomes 1, up to 1760000002.5 becomes 2" in page.text
    assert "1760000003.5" in page.text[page.text.index("The folds in numbers") :]
    assert "e+09" not in page.text
