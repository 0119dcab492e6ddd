"""The report as a browser shows it: nothing fetched, no error, readable in both schemes, on a phone, in print."""

import html
import re

import numpy as np
import pandas as pd
import pytest

from calibration.page.html import render_html
from calibration.pipeline import calibrate_files, calibrate_tables
from calibration.settings import Reading, Settings

pytestmark = pytest.mark.browser

AVT_MAP = "evaluator=user_ID,task=rating_type,item=stimuli_file,item=./stimuli/{model}/{img_id},score=quality_score"


def made_up(n_metrics=3):
    random = np.random.default_rng(0)
    truth = random.integers(1, 6, 60)
    items = [f"</script><b>{item}</b>" for item in range(60)]
    ratings = pd.concat(
        pd.DataFrame(
            {
                "item": items,
                "evaluator": name,
                "task": task,
                "rating": np.clip(truth + random.integers(-1, 2, 60), 1, 5),
            }
        )
        for task in ("similarity", "<script>alert(1)</script>")
        for name in ("ann", "bob", "simulated-1", "<img src=x onerror=alert(2)>")
    )
    scores = pd.concat(
        pd.DataFrame(
            {"item": items, "metric": f"metric {number} <script>", "score": truth + random.normal(0, number, 60)}
        )
        for number in range(1, n_metrics + 1)
    )
    return calibrate_tables(ratings, scores)


@pytest.fixture(scope="module")
def report_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render_html(made_up()), encoding="utf-8")
    return path


@pytest.fixture
def open_page(chromium):
    """Open a file in a fresh context; afterwards nothing may have been requested or complained about."""
    opened = []

    def open_file(path, **options):
        context = chromium.new_context(**({"viewport": {"width": 1280, "height": 900}} | options))
        page = context.new_page()
        requests, complaints = [], []
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog {dialog.message}"))
        opened.append((context, path, requests, complaints))
        page.goto(path.as_uri())
        return page

    yield open_file
    for context, path, requests, complaints in opened:
        context.close()
        assert [url for url in requests if not url.startswith(("data:", "blob:"))] == [path.as_uri()]
        assert complaints == []


def test_a_verdict_leads_to_its_metric(report_file, open_page):
    page = open_page(report_file)
    last = page.locator("#task2 details.metric").last
    assert last.get_attribute("open") is None
    page.locator(f"a.sentence[href='#{last.get_attribute('id')}']").click()
    assert last.get_attribute("open") is not None
    assert last.locator(".plot svg").first.is_visible()


def test_open_all_opens_what_is_within(report_file, open_page):
    page = open_page(report_file)
    page.get_by_role("button", name="Open all").first.click()
    assert page.locator("#task1-metric3-folds svg").is_visible()
    page.get_by_role("button", name="Close all").first.click()
    assert not page.locator("#task1-metric1-scatter svg").is_visible()


def test_works_without_a_script(report_file, open_page):
    page = open_page(report_file, java_script_enabled=False)
    assert page.locator("#task1-person svg").is_visible()
    page.locator("#task1-metric2 > summary").click()
    assert page.locator("#task1-metric2-scatter svg").is_visible()


def test_points_say_what_they_are(report_file, open_page):
    page = open_page(report_file)
    titles = page.locator("#task1-person use title").evaluate_all("(all) => all.map((title) => title.textContent)")
    assert any(title.startswith("ann: 0.") for title in titles)
    assert any(title.startswith("metric 1 <script> on ann: 0.") for title in titles)


COLOUR = "(path) => getComputedStyle(document.querySelector(path)).%s"


def test_figures_follow_the_scheme_and_paper_is_light(report_file, open_page):
    page = open_page(report_file, color_scheme="dark")
    looks = {"#task1-person text": "fill", "#task1-metric1-scatter g[stroke='var(--metric)']": "stroke"}
    dark = [page.evaluate(COLOUR % look, path) for path, look in looks.items()]
    page.emulate_media(color_scheme="light")
    light = [page.evaluate(COLOUR % look, path) for path, look in looks.items()]
    assert light == ["rgb(27, 36, 48)", "rgb(196, 86, 10)"]
    assert not set(light) & set(dark)
    page.emulate_media(color_scheme="dark", media="print")
    assert [page.evaluate(COLOUR % look, path) for path, look in looks.items()] == light


def test_texts_of_figures_stay_within_and_readable_on_a_phone(report_file, open_page):
    page = open_page(report_file, viewport={"width": 390, "height": 844})
    page.get_by_role("button", name="Open all").first.click()
    boxes = page.locator(".plot svg:visible").evaluate_all(
        """(figures) => figures.flatMap((figure) => {
            const frame = figure.getBoundingClientRect();
            return [...figure.querySelectorAll("text")].map((text) => {
                const box = text.getBoundingClientRect();
                return [text.textContent, frame.left - box.left, box.right - frame.right,
                        parseFloat(getComputedStyle(text).fontSize) * frame.width / figure.viewBox.baseVal.width];
            });
        })"""
    )
    assert len(boxes) > 50
    assert [box for box in boxes if box[1] > 1 or box[2] > 1] == []
    assert min(size for *_, size in boxes) >= 10


def test_prints(report_file, open_page):
    document = open_page(report_file, color_scheme="dark").pdf(prefer_css_page_size=True)
    assert document.startswith(b"%PDF")
    assert 3 <= len(re.findall(rb"/Type\s*/Page\b", document)) <= 16


@pytest.mark.parametrize("has_touch", [True, False])
def test_a_phone_scrolls_down_only(report_file, open_page, has_touch):
    page = open_page(report_file, viewport={"width": 360, "height": 740}, has_touch=has_touch, is_mobile=has_touch)
    page.get_by_role("button", name="Open all").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    tables = page.locator(".scroll").evaluate_all("(boxes) => boxes.map((box) => box.scrollWidth > box.clientWidth)")
    assert any(tables)


def test_tables_sort_with_empty_cells_last(report_file, open_page):
    page = open_page(report_file)
    table = page.locator("#task1 table.sortable").first
    column = "(rows) => rows.map((row) => Number(row.cells[9].dataset.value))"
    table.get_by_role("button", name="Pearson").click()
    falling = table.locator("tbody tr").evaluate_all(column)
    assert falling == sorted(falling, reverse=True)
    table.get_by_role("button", name="Pearson").click()
    assert table.locator("tbody tr").evaluate_all(column) == falling[::-1]
    assert table.locator("th[aria-sort='ascending']").inner_text().startswith("Pearson")


def test_inside_a_frame_links_stay_in_the_frame(report_file, open_page, tmp_path):
    outer = tmp_path / "outer.html"
    content = html.escape(report_file.read_text(encoding="utf-8"))
    frame = f'<iframe sandbox="allow-scripts" width="900" height="600" srcdoc="{content}"></iframe>'
    outer.write_text(f'<meta charset="utf-8">{frame}', encoding="utf-8")
    page = open_page(outer)
    frame = page.frame_locator("iframe")
    frame.locator("nav a[href='#task2']").click()
    frame.locator("#task2 .task-title").wait_for()
    frame.locator("#task2 summary").nth(-2).wait_for()
    frame.locator("a.sentence[href='#task2-metric3']").click()
    assert frame.locator("#task2-metric3-scatter svg").is_visible()


@pytest.mark.parametrize("study", ["tifa160", "avt_ai_images"])
def test_real_studies(study, shared, open_page, tmp_path):
    data = shared / "data" / study
    if study == "tifa160":
        settings, reading = Settings(draws=100), Reading(map="evaluator=worker_id,rating=answer")
        calibration = calibrate_files(
            data / "ratings_as_published.csv", data / "scores.csv", settings=settings, reading=reading
        )
    else:
        settings, reading = Settings(draws=100), Reading(map=AVT_MAP, duplicates="mean", min_ratings=400)
        calibration = calibrate_files(
            data / "ratings_as_exported.csv", data / "iqa.csv", settings=settings, reading=reading
        )
    images = {
        item: data / "images" / item.replace("./stimuli/", "").replace(".png", ".jpg")
        for item in calibration.points["item"].unique()
    }
    path = tmp_path / "report.html"
    path.write_text(render_html(calibration, images), encoding="utf-8")
    page = open_page(path)
    assert (page.locator(".picture").count() > 50) == (study == "avt_ai_images")
    text = " ".join(page.locator("#verdicts").inner_text().split())
    whole = " ".join(page.locator("body").text_content().split())
    for task in calibration.report["tasks"].values():
        for metric in task["metrics"].values():
            assert metric["verdict"]["sentence"].split(" (skill")[0] in text
            assert metric["verdict"]["sentence"].removeprefix(f"{metric['title']} ") in whole
    assert page.locator("#verdicts .plot svg").count() == len(calibration.report["tasks"])
    assert len(path.read_bytes()) < 2_000_000
