"""The report as a browser shows it: nothing fetched, no console error, plots drawn when seen, themes, phone, print."""

import html
import re
import time

import numpy as np
import pandas as pd
import pytest

from calibration.html import render_html
from calibration.pipeline import calibrate_files, calibrate_tables
from calibration.report import Settings

pytestmark = pytest.mark.browser

AVT_MAP = "evaluator=user_ID,task=rating_type,item=stimuli_file,item=./stimuli/{model}/{img_id},score=quality_score"
DRAWN = (
    "() => [...document.querySelectorAll('.plot')].filter((plot) => plot.querySelector('svg')).map((plot) => plot.id)"
)
PAPER = "(id) => document.getElementById(id).layout.paper_bgcolor"


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


def until(page, condition, argument=None):
    """Wait for a condition; the page's policy forbids the eval that wait_for_function needs."""
    end = time.monotonic() + 10
    while not page.evaluate(condition, argument):
        assert time.monotonic() < end, condition
        page.wait_for_timeout(50)


def scroll_through(page):
    """Bring every visible plot into view, one by one, and wait until it is drawn."""
    for place in page.locator(".plot:visible").evaluate_all("(plots) => plots.map((plot) => plot.id)"):
        page.evaluate("(id) => document.getElementById(id).scrollIntoView()", place)
        until(page, "(id) => document.getElementById(id).querySelector('svg') !== null", place)


def test_plots_are_drawn_when_they_come_into_view(report_file, open_page):
    page = open_page(report_file)
    assert len(page.evaluate(DRAWN)) <= 1
    scroll_through(page)
    assert len(page.evaluate(DRAWN)) == 10
    page.get_by_role("button", name="Open all").first.click()
    scroll_through(page)
    assert len(page.evaluate(DRAWN)) == 16


def test_a_verdict_leads_to_its_metric(report_file, open_page):
    page = open_page(report_file)
    last = page.locator("#task2 details.metric").last
    assert last.get_attribute("open") is None
    page.locator(f"a.sentence[href='#{last.get_attribute('id')}']").click()
    assert last.get_attribute("open") is not None
    until(page, f"({DRAWN})().includes('{last.get_attribute('id')}-scatter')")


def test_points_say_what_they_are(report_file, open_page):
    page = open_page(report_file)
    page.locator("#task1-person").scroll_into_view_if_needed()
    people = page.locator("#task1-person .scatterlayer .trace").nth(1).locator(".points path")
    people.first.hover(force=True)
    until(page, "() => document.querySelector('#task1-person .hoverlayer').textContent.includes('ann: 0.')")


def test_colours_follow_the_scheme_and_paper_is_light(report_file, open_page):
    page = open_page(report_file, color_scheme="dark")
    page.locator("#task1-person").scroll_into_view_if_needed()
    until(page, f"({DRAWN})().includes('task1-person')")
    dark = page.evaluate(PAPER, "task1-person")
    assert dark != "#ffffff"
    page.emulate_media(color_scheme="light")
    until(page, f"(id) => ({PAPER})(id) === '#ffffff'", "task1-person")
    page.emulate_media(color_scheme="dark")
    until(page, f"(id) => ({PAPER})(id) === '{dark}'", "task1-person")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(PAPER, "task1-person") == "#ffffff"
    assert set(page.evaluate(DRAWN)) >= {"task1-mean", "task1-metric1-folds", "task2-metric1-scatter"}
    assert page.evaluate("document.getElementById('task2-mean').layout.width") < 700
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(PAPER, "task1-person") == dark
    assert page.evaluate("document.querySelector('.page').clientWidth") > 1000


def test_prints(report_file, open_page):
    document = open_page(report_file, color_scheme="dark").pdf(prefer_css_page_size=True)
    assert document.startswith(b"%PDF")
    assert 4 <= len(re.findall(rb"/Type\s*/Page\b", document)) <= 16


@pytest.mark.parametrize("has_touch", [True, False])
def test_a_phone_scrolls_down_only(report_file, open_page, has_touch):
    page = open_page(report_file, viewport={"width": 360, "height": 740}, has_touch=has_touch, is_mobile=has_touch)
    page.get_by_role("button", name="Open all").first.click()
    scroll_through(page)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    tables = page.locator(".scroll").evaluate_all("(boxes) => boxes.map((box) => box.scrollWidth > box.clientWidth)")
    assert any(tables)


def test_tables_sort_with_empty_cells_last(report_file, open_page):
    page = open_page(report_file)
    table = page.locator("#task1 table.sortable").first
    column = "(rows) => rows.map((row) => Number(row.cells[8].dataset.value))"
    table.get_by_role("button", name="Pearson").click()
    falling = table.locator("tbody tr").evaluate_all(column)
    assert falling == sorted(falling, reverse=True)
    table.get_by_role("button", name="Pearson").click()
    assert table.locator("tbody tr").evaluate_all(column) == falling[::-1]
    assert table.locator("th[aria-sort='ascending']").inner_text().startswith("Pearson")


def test_nothing_can_be_uploaded(report_file, open_page):
    page = open_page(report_file)
    page.locator("#task1-metric1-scatter").scroll_into_view_if_needed()
    page.locator("#task1-metric1-scatter .modebar-btn").first.wait_for(state="attached")
    titles = page.locator("#task1-metric1-scatter .modebar-btn").evaluate_all(
        "(all) => all.map((a) => a.dataset.title)"
    )
    assert any("Download" in title for title in titles)
    assert not any("loud" in title for title in titles)


def test_inside_a_frame_links_stay_in_the_frame(report_file, open_page, tmp_path):
    outer = tmp_path / "outer.html"
    content = html.escape(report_file.read_text(encoding="utf-8"))
    frame = f'<iframe sandbox="allow-scripts" width="900" height="600" srcdoc="{content}"></iframe>'
    outer.write_text(f'<meta charset="utf-8">{frame}', encoding="utf-8")
    page = open_page(outer)
    frame = page.frame_locator("iframe")
    frame.locator("nav a[href='#task2']").click()
    frame.locator("#task2-person svg").first.wait_for(state="attached")
    assert frame.locator("#task2").is_visible()


@pytest.mark.parametrize("study", ["tifa160", "avt_ai_images"])
def test_real_studies(study, shared, open_page, tmp_path):
    data = shared / "data" / study
    if study == "tifa160":
        settings = Settings(map="evaluator=worker_id,rating=answer")
        calibration = calibrate_files(data / "ratings_as_published.csv", data / "scores.csv", settings=settings)
    else:
        settings = Settings(map=AVT_MAP, duplicates="mean", min_ratings=400)
        calibration = calibrate_files(data / "ratings_as_exported.csv", data / "iqa.csv", settings=settings)
    path = tmp_path / "report.html"
    path.write_text(render_html(calibration), encoding="utf-8")
    page = open_page(path)
    text = page.locator("#verdicts").inner_text()
    for task in calibration.report["tasks"].values():
        for metric in task["metrics"].values():
            assert metric["verdict"]["sentence"] in text
    scroll_through(page)
    assert len(page.evaluate(DRAWN)) == 5 * len(calibration.report["tasks"])
