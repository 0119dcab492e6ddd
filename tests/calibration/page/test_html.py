import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from calibration.page.gallery import disagreements
from calibration.page.html import POINTS_OF_A_PAGE, render_html
from calibration.pipeline import calibrate_files, calibrate_tables
from calibration.report.schema.base import Section
from calibration.report.schema.document import Report
from calibration.scale import Scale
from calibration.settings import Reading, Settings
from calibration.tables.reading import Source
from tests.calibration.golden.studies import STUDIES, whole
from tests.calibration.page.golden_pages import golden_page, with_points

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


@pytest.mark.parametrize(
    ("other", "warned"), [("metric:x|versions:torch-2.10", False), ("metric:x|net:vgg|versions:torch-2.9", True)]
)
def test_signatures_that_differ_in_versions_alone_are_no_warning(other, warned):
    scored = scores(good=GOOD)
    scored["signature"] = ["metric:x|versions:torch-2.9", other] * (len(scored) // 2)
    page = render(table(["ann", "bob"]), scored)
    assert ("carry different signatures and may not be comparable" in page.text) is warned
    assert ("Scores with different signatures, which may not be comparable" in page.text) is warned
    assert ("Signatures, which differ in versions alone" in page.text) is not warned and other in page.text


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


def squeezed(text):
    return re.sub(r"\s", "", text)


def shown(value, digits=3):
    return "–" if value is None else f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")


def limits(low, high, digits=3):
    return "–" if low is None or high is None else f"{shown(low, digits)} to {shown(high, digits)}"


def said_of_a_metric(entry):
    """What the page says of the parts of a metric's entry, each with its words."""
    if base := entry.baselines:
        mean = base.against_mean_of_others
        yield f"The best constant {shown(base.constant)} {shown(mean.constant)}"
        yield f"{entry.title} {shown(base.metric)} {shown(mean.metric)} One person {shown(base.person)}"
        yield f"The mean of the other people {shown(base.mean_of_others)} –"
        yield f"p {'< 0.001' if base.random_p < 0.001 else shown(base.random_p)} that shuffled scores do as well"
    if new := entry.unseen:
        yield f"{shown(new.unseen_grade)} {shown(new.unseen_skill)} {shown(new.person_skill)} {shown(new.optimism)}"
        yield f"({new.folds} folds{f', grouped by {new.grouped_by}' if new.grouped_by else ''})"
        if new.by_model:
            yield f"images of another model {shown(new.by_model.unseen_grade)} {shown(new.by_model.unseen_skill)}"
    for one in entry.sensitivity:
        yield f"{one.k:g} {shown(one.grade)} {shown(one.constant)} {shown(one.skill)} {shown(one.person_skill)}"
    for one in entry.alternatives or []:
        levels = "–" if one.levels_used is None else one.levels_used
        figures = f"{shown(one.grade)} {shown(one.skill)} {levels} {shown(one.difference)}"
        yield f"{one.mapping} {figures} {limits(one.low, one.high)}"
    if found := entry.telecom:
        yield f"Linear correlation (PLCC) {shown(found.plcc)} {limits(found.plcc_low, found.plcc_high)}"
        yield f"Epsilon-insensitive RMSE* {shown(found.rmse_star)} –"
    if test := entry.annotator_test:
        passed = "passes" if test.passes else "does not pass"
        yield f"{test.sentence} Winning rate {shown(test.winning_rate, 2)} ({passed})"
    if same := entry.equivalence:
        yield f"As good as the median evaluator? {same.answer.capitalize()}. {same.sentence}"
    if same := entry.same_target:
        yield f"it beats {same.wins} of {same.compared} evaluators"
    yield f"Weighted kappa {shown(entry.kappa.metric, 2)}"
    if pairs := entry.pairwise_accuracy:
        yield f"It orders {100 * pairs.accuracy:.0f} % of all pairs"
    if models := entry.models:
        yield from models.sentences
        yield f"Correlation within a model {shown(models.within.value)} {limits(models.within.low, models.within.high)}"
        yield f"in people's order {models.alike} of {models.pairs}"
        for one in models.models:
            yield f"{one.model} {one.n} {shown(one.rating * 4 + 1, 2)} {one.rank_by_people:g}"


def said_of_a_task(task):
    """The same of a task's entry."""
    titles = {name: entry.title for name, entry in task.metrics.items()}
    for level in ("nominal", "ordinal", "interval"):
        alpha = getattr(task.agreement.krippendorff_alpha, level)
        yield f"Krippendorff's alpha, {level} {shown(alpha)} {limits(*task.agreement.intervals.to_quote[level])}"
    people = task.reliability_of_people
    yield f"Split-half correlation {shown(people.split_half)}"
    yield f"the mean of the others {shown(people.ceiling.mean_of_others)}"
    for one in people.pair_kappas[:100]:
        yield f"{one.first} {one.second} {one.n} {shown(one.kappa)}"
    for name, one in task.recovery.evaluators.items():
        yield f"{name} {shown(one.bias, 2)} {limits(one.bias_low, one.bias_high, 2)} {shown(one.inconsistency, 2)}"
    yield task.recovery.sentence
    yield task.strictness.sentence
    if found := task.comparison:
        for one in found.groups:
            ranks = f"{one.best_rank} to {one.worst_rank}" if one.best_rank != one.worst_rank else one.best_rank
            yield f"{titles[one.metric]} {shown(one.correlation)} {one.letters} {ranks}"
        for one in found.pairs:
            yield f"{titles[one.first]} {titles[one.second]} {one.n} {shown(one.difference)}"
    if found := task.combination:
        together = found.people_like_these if found.people_like_these[0] is not None else found.these
        yield f"Gain in grade, and its 95 % interval {shown(found.gain)} {limits(*together)}"
        for name, weight in found.weights.items():
            yield f"{titles[name]} {shown(weight, 2)}"
    if found := task.without_flagged:
        yield f"With and without {', '.join(found.left_out)}"
        yield f"alpha is {shown(found.alpha_without)} in place of {shown(found.alpha)}"


@pytest.mark.parametrize("name", STUDIES)
def test_every_part_of_a_real_report_is_shown(name):
    shown_text = Page(golden_page(name)).text
    text = squeezed(shown_text)
    for task in Report.model_validate(whole(name)).tasks.values():
        said = list(said_of_a_task(task))
        for entry in task.metrics.values():
            assert squeezed(entry.verdict.sentence) in text
            said += said_of_a_metric(entry)
        assert [words for words in said if squeezed(words) not in text] == []
    assert not re.search(r"\b(None|nan|NaN|Undefined)\b", shown_text)


def without(part):
    """A section with null in place of every section in it that may be absent."""
    for name, field in type(part).model_fields.items():
        value = getattr(part, name)
        if isinstance(value, Section):
            is_optional = type(None) in get_args(field.annotation)
            yield name, None if is_optional else value.model_copy(update=dict(without(value)))


@pytest.mark.parametrize("name", ["checkpoints", "tifa160", "bad_raters"])
def test_what_may_be_absent_is_left_out(name):
    model = Report.model_validate(whole(name))
    tasks = {}
    for title, task in model.tasks.items():
        metrics = {each: entry.model_copy(update=dict(without(entry))) for each, entry in task.metrics.items()}
        assert not any(entry.unseen or entry.models or entry.intervals for entry in metrics.values())
        tasks[title] = task.model_copy(update=dict(without(task)) | {"metrics": metrics})
    calibration = replace(with_points(whole(name)), report=model.model_copy(update={"tasks": tasks}).model_dump())
    assert not re.search(r"\b(None|nan|Undefined)\b", Page(render_html(calibration)).text)


def test_who_was_asked_twice_stands_there_with_their_consistency():
    twice = pd.concat([table(["ann", "bob"]).assign(repeat=0), table(["ann", "bob"], shift=2).assign(repeat=1)])
    calibration = calibrate_tables(twice, settings=Settings(draws=0))
    found = calibration.model.tasks["look"].reliability_of_people.own_consistency
    text = squeezed(Page(render_html(calibration)).text)
    assert found["bob"].exact < 1
    for name, one in found.items():
        figures = f"{one.n:.0f} {shown(one.grade)} {shown(one.exact)} {shown(one.correlation)}"
        assert squeezed(f"{name} {figures}") in text


@pytest.mark.parametrize(
    ("scale", "shown_scale"),
    [(Scale((1, 2, 5)), "1, 2 and 5"), (Scale.parse("0-10"), "0 to 10"), (Scale.cut(0, 6, 7), "0 to 6 in 7 parts")],
)
def test_the_page_is_on_the_scale_of_the_answers(scale, shown_scale):
    rng = np.random.default_rng(3)
    place = (np.arange(60) % scale.count)[:, None] + rng.integers(-1, 2, (60, 3))
    answers = np.array(scale.values)[np.clip(place, 0, scale.count - 1)]
    items = [f"i{number}" for number in range(60)]
    wide = pd.DataFrame(answers, columns=list("abc")).assign(item=items)
    ratings = wide.melt("item", var_name="evaluator", value_name="rating")
    models = pd.DataFrame({"item": items, "model": [f"m{number % 2}" for number in range(60)]})
    scored = pd.DataFrame({"item": items, "good": np.arange(60) % scale.count + 0.1 * rng.normal(size=60)})
    calibration = calibrate_tables(ratings, scored, models, Settings(draws=20, scale=scale))
    page = Page(render_html(calibration))
    text = squeezed(page.text)
    assert not re.search(r"\b(None|nan|Undefined)\b", page.text)
    assert squeezed(f"scale {shown_scale}") in text
    for name, own in ratings.groupby("evaluator")["rating"]:
        assert squeezed(f"{name} 60 60 33.3 % {shown(float(scale.from_unit(scale.to_unit(own).mean())), 2)}") in text
    for one in calibration.model.tasks["rating"].metrics["good"].models.models:
        mean = float(scale.from_unit(one.rating))
        assert squeezed(f"{one.model} {one.n} {shown(mean, 2)} {one.rank_by_people:g}") in text
    header = "".join(f"{lower}|{upper}" for lower, upper in pairwise(scale.names))
    assert squeezed(f"Training loss {header}") in text
    assert f"a level from {scale}" in page.text
    confusion = calibration.model.tasks["rating"].metrics["good"].cross_validation.confusion
    hits = sum(confusion[level][level] for level in range(scale.count)) / sum(map(sum, confusion))
    assert f"exact hits: {hits:.0%}" in page.text


def test_simpsons_paradox_is_a_warning():
    rng = np.random.default_rng(0)
    model, own = np.repeat(np.arange(4), 30), rng.normal(size=120)
    quality = 1.5 * (model - 1.5) + own
    items = [f"i{number}" for number in range(120)]
    answers = np.clip(np.rint(3 + 0.6 * quality[:, None] + 0.3 * rng.normal(size=(120, 3))), 1, 5).astype(int)
    ratings = pd.DataFrame(answers, columns=list("abc")).assign(item=items).melt("item", var_name="evaluator")
    scored = pd.DataFrame({"item": items, "turned": own - 2.0 * model})
    table_of_items = pd.DataFrame({"item": items, "model": [f"m{each}" for each in model]})
    calibration = calibrate_tables(
        ratings.rename(columns={"value": "rating"}), scored, table_of_items, Settings(draws=50)
    )
    models = calibration.model.tasks["rating"].metrics["turned"].models
    assert models.simpson and models.sentences[-1] == models.simpson_sentence
    page = Page(render_html(calibration))
    assert page.text.count(models.simpson_sentence) == 2
    place = page.text.index(models.simpson_sentence)
    assert squeezed(page.text[place + len(models.simpson_sentence) :]).startswith("Asgoodasthemedianevaluator?")


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
