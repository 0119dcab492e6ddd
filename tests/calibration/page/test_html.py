import base64
import hashlib
import re
from html.parser import HTMLParser

import pandas as pd
import pytest
from PIL import Image

from calibration.page.gallery import disagreements
from calibration.page.html import POINTS_OF_A_PAGE, render_html
from calibration.pipeline import calibrate_files, calibrate_tables
from calibration.reading import Source
from calibration.settings import Reading, Settings

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


def dots_of(page):
    return sum(attributes["d"].count("h.01") for tag, attributes in page.elements if tag == "path")


def test_verdicts_come_first_best_skill_first():
    calibration = calibrate_tables(table(["ann", "bob"]), scores(flat=[1.0] * 12, good=GOOD))
    page = Page(render_html(calibration))
    task = calibration.report["tasks"]["look"]
    places = [
        page.text.index(sentence)
        for sentence in (
            task["verdict"],
            "Read this first",
            task["metrics"]["good"]["verdict"]["sentence"],
            task["metrics"]["flat"]["verdict"]["sentence"],
            "What this means",
            "Grades against one other person",
            "The metrics in numbers",
            "Metric by metric",
            "The people",
            "What was left out",
            "Methods, to paste",
            "Settings and inputs",
        )
    ]
    assert places == sorted(places)


def test_both_answers_stand_with_each_metric_that_is_judged():
    ratings = table(["ann", "bob", "cid"], n=40)
    calibration = calibrate_tables(ratings, scores(good=[1 + item % 5 for item in range(40)], flat=[1.0] * 40))
    page = Page(render_html(calibration))
    judged, flat = (calibration.report["tasks"]["look"]["metrics"][name]["verdict"] for name in ("good", "flat"))
    assert flat["kind"] == "unknown" != judged["kind"]
    for key, question in (("sorts", "Sorts images as people do"), ("predicts", "Predicts one person's rating")):
        # in the list, in what it means, and with the reasons
        assert page.text.count(f"{question}: {judged[key]['answer']}") == 3
        assert judged[key]["sentence"] in page.text
    assert "Strictness" in page.text and calibration.report["tasks"]["look"]["strictness"]["sentence"] in page.text


def test_nothing_is_fetched_and_only_its_own_style_and_script_count():
    text = render_html(calibrate_tables(table(["ann", "bob"]), scores(good=GOOD)))
    page = Page(text)
    for tag, attributes in page.elements:
        assert not {"src", "style"} & set(attributes), tag
        assert attributes.get("href", "#").startswith("#"), tag
        assert tag not in ("link", "iframe", "img", "object", "embed", "base")
    policy = next(value["content"] for tag, value in page.elements if value.get("http-equiv"))
    assert "default-src 'none'" in policy and "unsafe" not in policy
    for tag in ("style", "script"):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert f"{tag}-src 'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'" in policy


def test_the_same_report_gives_the_same_bytes():
    calibration = calibrate_tables(table(["ann", "bob"]), scores(good=GOOD, flat=[1.0] * 12))
    assert render_html(calibration) == render_html(calibration)
    again = calibrate_tables(table(["ann", "bob"]), scores(good=GOOD, flat=[1.0] * 12))
    created = (calibration.report["created"], again.report["created"])
    pages = [
        render_html(one).replace(f"{at[:10]} at {at[11:16]}", "")
        for one, at in zip((calibration, again), created, strict=True)
    ]
    assert pages[0] == pages[1]


def test_thirteen_metrics_stay_small(shared):
    data = shared / "data" / "tifa160"
    reading = Reading(map="evaluator=worker_id,rating=answer", task="alignment")
    paths = (data / "ratings_as_published.csv", data / "scores.csv", data / "items.csv")
    text = render_html(calibrate_files(*paths, Settings(draws=100), reading=reading))
    assert len(text.encode()) < 1_000_000
    assert text.count("<svg") > 13 * 4


def test_many_metrics_share_the_points():
    ratings = table(["ann", "bob"], n=900)
    many = scores(**{f"m{number}": [item % 7 + number for item in range(900)] for number in range(25)})
    page = render(ratings, many, draws=0)
    assert POINTS_OF_A_PAGE * 0.9 < dots_of(page) < POINTS_OF_A_PAGE * 1.1
    assert f"of which a random {POINTS_OF_A_PAGE // 25} are drawn" in page.text


def test_every_figure_says_how_to_read_it_and_every_link_has_its_target():
    ratings = pd.concat([table(["ann", "bob"]), table(["ann", "cid"], task="other")])
    page = render(ratings, scores(good=GOOD, flat=[1.0] * 12))
    plots = [attributes["id"] for _, attributes in page.elements if attributes.get("class") == "plot"]
    assert len(plots) == 2 * (2 + 3 + 2)  # flat scores predict nothing, so they have no reliability diagram
    assert page.text.count("How to read this.") >= len(plots) + 4  # and under the confusion matrices
    assert len(page.ids) == len(set(page.ids))
    targets = {attributes["href"][1:] for tag, attributes in page.elements if tag in ("a", "use")}
    assert targets <= set(page.ids)


def test_hostile_names_are_only_text():
    ratings = table(EVIL, task=EVIL[0]).replace({"item": {"i0": EVIL[1], "i1": EVIL[2]}})
    scored = pd.concat([scores(x=GOOD).assign(metric=name) for name in EVIL])
    scored = scored.replace({"item": {"i0": EVIL[1], "i1": EVIL[2]}}).assign(signature="</script>")
    sources = {"ratings": Source("C:\\data\\<b>r.csv", "ab" * 32, 60)}
    page = Page(render_html(calibrate_tables(ratings, scored, sources=sources)))
    assert [attributes for tag, attributes in page.elements if tag == "script"] == [{}]
    assert not [tag for tag, _ in page.elements if tag == "img"]
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert "<b>r.csv" in page.text
    assert "data\\" not in page.text
    assert "ab" * 6 in page.text
    assert "ab" * 7 not in page.text
    for name in EVIL:
        assert name in page.text


@pytest.mark.parametrize(
    ("ratings", "scored", "words"),
    [
        (table(["ann"]), scores(good=GOOD), "Nothing can be graded against one other person, for the reasons above."),
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
    assert page.text.count("simulated-1 simulated") >= 2  # among the people, and held out in a fold
    assert "Simulated evaluators." not in render(table(["ann", "bob"]), scores(good=GOOD)).text


def test_people_on_the_scale_from_1_to_5():
    page = render(pd.DataFrame({"item": ["a", "b"], "evaluator": "ann", "rating": [2, 4]}))
    assert re.search(r"ann\s*2\s*0\s*0\.0\s*%\s*3\.00\s*1\.00", page.text)


def test_a_note_shared_by_metrics_stands_once():
    ratings = pd.concat([table(["ann", "bob"]), table(["ann", "bob"], task="other")])
    page = render(ratings, scores(psnr=[1.0] * 12, ssim=[1.0] * 12))
    notes = page.text[page.text.index("What was left out") : page.text.index("Methods, to paste")]
    assert notes.count("Gave the same score") == 1
    assert "PSNR, SSIM. Gave the same score" in notes


def test_large_scatter_says_that_it_is_a_sample():
    ratings = table(["ann", "bob"], n=2100)
    scored = scores(good=[item % 7 for item in range(2100)])
    page = render(ratings, scored, seed=-1)
    assert "a random 2,000 are drawn" in page.text
    assert 2000 <= dots_of(page) < 2010


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
    assert "up to 1760000001.5 becomes 1, up to 1760000002.5 becomes 2" in page.text
    assert "1760000003.5" in page.text[page.text.index("The folds, and their thresholds") :]
    assert "e+09" not in page.text


NEW_TASK = {
    "comparison": {
        "statistic": "spearman",
        "pairs": [
            {
                "first": "good",
                "second": "flat",
                "n": 12,
                "difference": 0.25,
                "p": 0.0001,
                "p_holm": None,
                "p1401": {"plcc": 0.0123},
            }
        ],
        "groups": [
            {"metric": "good", "correlation": 0.9, "letters": "ab", "best_rank": 1, "worst_rank": 2},
            {"metric": "flat", "correlation": None, "letters": None, "best_rank": None, "worst_rank": None},
        ],
    },
    "reliability_of_people": {
        "split_half": 0.811,
        "spearman_brown": None,
        "own_consistency": {"ann": 0.777, "bob": None},
        "pair_kappas": [{"first": "ann", "second": "bob", "n": 12, "kappa": 0.432, "weighted_kappa": None}],
        "ceiling": {"person": 0.345, "mean_of_others": None},
    },
    "recovery": {
        "evaluators": {"ann": {"bias": 0.12, "bias_low": -0.1, "bias_high": 0.3, "inconsistency": None}},
        "sentence": "Nothing collapsed.",
    },
    "combination": {
        "sentence": "Together they are no better.",
        "grade": 0.812,
        "best_grade": 0.808,
        "gain": 0.004,
        "these": [-0.001, 0.009],
        "people_like_these": [None, None],
        "weights": {"good": 1.25},
    },
}
NEW_METRIC = {
    "baselines": {"constant": 0.801, "random_mean": None, "random_p": 0.0004, "metric": 0.842},
    "unseen": {
        "seen_grade": 0.8,
        "unseen_grade": 0.7,
        "optimism": 0.123,
        "grouped_by": "prompt",
        "folds": 5,
        "by_model": {"unseen_grade": 0.65},
    },
    "same_target": {"compared": 2, "wins": 1, "advantage": 0.1, "skill": None, "person_skill": 0.2},
    "sensitivity": [{"k": 0.5, "grade": 0.611, "constant": None, "skill": 0.1, "person_skill": 0.2}],
    "kappa": {"metric": 0.42, "person": None},
    "alternatives": [
        {"mapping": "isotonic", "grade": 0.8, "levels_used": 4, "difference": 0.01, "low": -0.1, "high": 0.2}
    ],
    "annotator_test": {"winning_rate": 0.6, "passes": True, "constant_passes": True, "sentence": "It passes."},
    "equivalence": {"answer": "cannot tell", "sentence": "Too few images."},
    "reliability": {"bins": [{"predicted": 0.2, "observed": 0.3, "low": 0.1, "high": 0.4, "n": 9}], "error": 0.087},
    "telecom": {"plcc": 0.654, "plcc_low": 0.5, "plcc_high": 0.7, "rmse": None},
    "models": {
        "within": {"value": 0.3, "low": 0.2, "high": 0.4},
        "between": {"value": 0.95, "low": None, "high": None},
        "overall": None,
        "simpson": ["between"],
        "sentences": ["It ranks the models.", "Simpson's paradox is here."],
        "models": [
            {"model": "sd", "n": 9, "rating": 0.625, "rank_by_people": 1.5, "score": 0.25, "rank_by_metric": 2.0}
        ],
    },
    "pairwise_accuracy": {"accuracy": 0.618, "all_tied": None},
}


def test_newer_parts_of_a_report_are_shown():
    calibration = calibrate_tables(table(["ann", "bob"]), scores(good=GOOD, flat=[1.0] * 12))
    task = calibration.report["tasks"]["look"]
    task.update(NEW_TASK)
    task["metrics"]["good"].update(NEW_METRIC)
    page = Page(render_html(calibration))
    for words in (
        "Which metric follows people best Metric Spearman Group Rank good 0.900 ab 1 to 2",
        "good flat 12 0.250 < 0.001 – – –",
        "0.811",
        "ann 0.777",
        "ann bob 12 0.432 –",
        "ann 0.12 −0.10 to 0.30 – –",
        "Nothing collapsed.",
        "Together they are no better.",
        "Gain in grade, and its 95 % interval 0.004 −0.001 to 0.009 Metric Weight good 1.25",
        "The best constant 0.801",
        "p < 0.001 that shuffled scores",
        "0.123",
        "(5 folds, grouped by prompt)",
        "0.5 0.611 – 0.100 0.200",
        "Weighted kappa 0.42",
        "isotonic 0.800 – 4 0.010 −0.100 to 0.200",
        "It passes. Winning rate 0.60 (passes)",
        "(passes too)",
        "As good as the median evaluator? Cannot tell. Too few images.",
        "it beats 1 of 2 evaluators",
        "images of another model 0.650",
        "calibration error) is 0.087",
        "Linear correlation (PLCC) 0.654 0.500 to 0.700",
        "Simpson's paradox is here. As good as",
        "It ranks the models.",
        "0.300 0.200 to 0.400",
        "sd 9 3.50 1.5 0.25 2",
        "It orders 62 % of all pairs",
    ):
        assert re.sub(r"\s", "", words) in re.sub(r"\s", "", page.text), words
    assert not re.search(r"\b(None|nan|NaN|Undefined)\b", page.text)


@pytest.mark.parametrize("nothing", [None, {}, []])
def test_newer_parts_may_be_empty(nothing):
    calibration = calibrate_tables(table(["ann", "bob"]), scores(good=GOOD))
    task = calibration.report["tasks"]["look"]
    task.update(dict.fromkeys(NEW_TASK, nothing))
    task["metrics"]["good"].update(dict.fromkeys(NEW_METRIC, nothing))
    assert not re.search(r"\b(None|nan|Undefined)\b", Page(render_html(calibration)).text)


def test_where_people_and_metric_disagree(tmp_path):
    turned = scores(turned=[value if item % 4 else 6 - value for item, value in enumerate(GOOD)])
    calibration = calibrate_tables(table(["ann", "bob"]), turned)
    shown = disagreements(calibration.points)
    items = [one.item for side in shown for one in side]
    assert items
    without = Page(render_html(calibration))
    Image.new("RGB", (300, 200), (10, 20, 200)).save(tmp_path / "a.png")
    text = render_html(calibration, dict.fromkeys(items[1:], tmp_path / "a.png") | {items[0]: tmp_path / "no.png"})
    page = Page(text)
    pictures = [
        attributes["aria-label"]
        for _, attributes in page.elements
        if attributes.get("class", "").startswith("picture ")
    ]
    assert pictures == items[1:]
    assert text.count("data:image/jpeg") == len(items) - 1
    assert "data:" not in "".join(str(attributes) for _, attributes in page.elements if "http-equiv" not in attributes)
    for item in items:
        assert re.search(rf"{item} ?level \d, people", without.text) and re.search(
            rf"{item} ?level \d, people", page.text
        )


def test_a_large_page_has_fewer_pictures(tmp_path, monkeypatch):
    turned = scores(turned=[value if item % 4 else 6 - value for item, value in enumerate(GOOD)])
    calibration = calibrate_tables(table(["ann", "bob"]), turned)
    items = [one.item for side in disagreements(calibration.points) for one in side]
    images = {}
    for item in items:
        images[item] = tmp_path / f"{item}.png"
        Image.effect_noise((300, 200), 80).save(images[item])
    every, none = render_html(calibration, images), render_html(calibration)
    monkeypatch.setattr("calibration.page.html.PAGE_BYTES", (len(every) + len(none)) // 2)
    some = render_html(calibration, images)
    assert 0 < some.count("data:image/jpeg") < every.count("data:image/jpeg") == len(items)
    monkeypatch.setattr("calibration.page.html.PAGE_BYTES", 0)
    assert "data:image/jpeg" not in render_html(calibration, images)
