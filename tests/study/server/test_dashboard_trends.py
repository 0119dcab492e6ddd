"""The dashboard's trends in headless Chromium: what a click on a point shows, the step cursor, and keys."""

import re

import pytest
from playwright.sync_api import expect

from tests.study.server.made_dashboard import BASE, RUN, Served, make_gated_study, state

pytestmark = pytest.mark.browser
REACH = 24


@pytest.fixture(scope="module")
def served(tmp_path_factory, serve_study):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("trends")
        patch.setenv("HUMANGRADE_CACHE", str(folder / "cache"))
        study = make_gated_study(folder, patch, is_tracked=True)
        study.close()
        yield Served(serve_study(study))


@pytest.fixture
def open_trends(open_page, served):
    """A function that opens the trends, having waited for the lines of people's points too."""

    def open_it(viewport=None, touch=False, **values):
        link = served.link(tab="trends", **{f"trends.{key}": value for key, value in values.items()})
        page = open_page(link, viewport=viewport or {"width": 1440, "height": 1000}, touch=touch, go=False)
        page.asked = []
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(link)
        expect(page.locator(".captions", has_text="Right axis").first).to_be_attached(timeout=60_000)
        return page

    return open_it


def chart(page, title):
    return page.locator(".chart-card", has=page.get_by_role("heading", name=title, exact=True))


def in_sight(page, title):
    """Where the plotting area of a chart is, once it is in sight."""
    over = chart(page, title).locator(".u-over")
    over.evaluate("(over) => over.scrollIntoView({ block: 'center' })")
    return over.bounding_box()


def find_point(page, title, checkpoint, axis):
    """Where on the screen a checkpoint's point is: down its step's line until its name is said."""
    box = in_sight(page, title)
    x = box["x"] + box["width"] * axis
    said = chart(page, title).locator(".tip strong")
    hits = []
    for y in range(0, int(box["height"]), 3):
        page.mouse.move(x, box["y"] + y)
        if said.is_visible() and said.inner_text().strip() == checkpoint:
            hits.append(box["y"] + y)
    assert hits, f"{checkpoint} is not to be found in {title}"
    return x, hits


def share(page, served, step):
    """How far along the axis a step is: the axis reaches from the least to the most with 2 % on both sides."""
    lines = [line for one in served.json("trends")["metrics"] for line in one["lines"]]
    steps = [point["x"] for line in lines for point in line["points"]]
    least, most = min(steps), max(steps)
    margin = 0.02 * (most - least)
    return (step - least + margin) / (most - least + 2 * margin)


def shown_items(page):
    return page.locator(".trends .images-one").evaluate_all("all => all.map((one) => one.dataset.item)")


@pytest.mark.parametrize(
    ("metric", "title", "is_lower"),
    [("good", "good", False), ("lpips", "LPIPS", True), ("face", "face", False)],
)
def test_a_click_on_a_point_shows_its_images_sorted_by_value(open_trends, served, metric, title, is_lower):
    page, values = open_trends(), served.data["values"][metric]
    x, hits = find_point(page, title, "n05/600", share(page, served, 600))
    page.mouse.click(x, hits[len(hits) // 2])
    expect(page.locator(".trends .images-title")).to_have_text("n05/600")
    items = served.sorted_items("n05/600", values, is_lower)
    assert shown_items(page) == items
    assert state(page) == {"tab": "trends", "trends.point": "n05/600", "trends.metric": metric}
    written = page.locator(".trends .images-one .number").all_inner_texts()
    for item, words in zip(items, written, strict=True):
        value = values[served.images["item"].index(item)]
        assert words == "–" if value is None else float(words.replace("−", "-")) == pytest.approx(value, abs=0.006)

    page.get_by_role("button", name="Worst first").click()
    known = [item for item in items if values[served.images["item"].index(item)] is not None]
    assert shown_items(page)[: len(known)] == known[::-1]
    assert not [url for url in page.asked if "/full/" in url]  # full size is only for who asks
    page.locator(".images-one").first.click()
    key = served.images["thumb"][served.images["item"].index(known[-1])]
    expect(page.locator(".lightbox-stage img.full")).to_be_visible()
    assert [url.rpartition("/")[2] for url in page.asked if "/full/" in url] == [key]


def test_a_click_on_peoples_ratings_sorts_by_them(open_trends, served):
    page = open_trends()
    x, hits = find_point(page, "Look, rated by people", BASE, share(page, served, 0))
    page.mouse.click(x, hits[0])
    expect(page.locator(".trends .images-title")).to_have_text(BASE)
    assert shown_items(page) == served.sorted_items(BASE, served.data["people"]["look"]["mean"])


def test_a_click_counts_within_24_pixels_only(open_trends, served):
    page = open_trends(hidden="n05", metrics="good")
    over = page.locator(".u-over")
    x, hits = find_point(page, "good", f"{RUN}/600", share(page, served, 600))
    page.mouse.move(x, hits[len(hits) // 2])
    place = [float(at) for at in re.findall(r"[\d.]+", page.locator(".ring").first.get_attribute("style"))]
    y = over.bounding_box()["y"] + place[1]
    assert hits[0] - y >= -REACH and hits[-1] - y <= REACH
    assert max(y - hits[0], hits[-1] - y) > REACH - 4
    outside = y + REACH + 4 if y + REACH + 4 < over.bounding_box()["y"] + 170 else y - REACH - 4
    page.mouse.click(x, outside)
    assert "trends.point" not in state(page)
    page.mouse.click(x, y + (20 if outside > y else -20))
    assert state(page)["trends.point"] == f"{RUN}/600"


def test_points_are_chosen_and_opened_by_keys(open_trends, served):
    page = open_trends(metrics="good")
    host = page.get_by_role("application", name=re.compile("^good"))
    host.focus()
    said, live = chart(page, "good").locator(".tip strong"), chart(page, "good").locator("[aria-live]")
    page.keyboard.press("Home")
    expect(said).to_have_text(BASE)
    for name in (f"{RUN}/300", f"{RUN}/600"):
        page.keyboard.press("ArrowRight")
        expect(said).to_have_text(name)
        expect(live).to_have_text(re.compile(f"^{re.escape(name)}, "))
    page.keyboard.press("ArrowDown")
    expect(said).to_have_text("n05/600")
    page.keyboard.press("Enter")
    expect(page.locator(".trends .images-title")).to_have_text("n05/600")
    assert shown_items(page) == served.sorted_items("n05/600", served.data["values"]["good"])
    page.keyboard.press("ArrowLeft")  # the chart still has the keys
    expect(said).to_have_text("n05/300")
    page.get_by_role("button", name="Close the images").press("Enter")
    expect(page.locator(".trends .images-one")).to_have_count(0)
    assert "trends.point" not in state(page)


def test_one_step_cursor_goes_through_all_charts(open_trends, served):
    page = open_trends()
    box = in_sight(page, "good")
    page.mouse.move(box["x"] + box["width"] * share(page, served, 300), box["y"] + 4)
    expect(page.locator(".readout .at")).to_have_text(["step 300"] * page.locator(".readout").count())
    lines = next(one["lines"] for one in served.json("trends")["metrics"] if one["name"] == "distance")
    values = [point["value"] for line in lines for point in line["points"] if point["x"] == 300]
    said = [float(words.replace("−", "-")) for words in chart(page, "distance").locator(".entry").all_inner_texts()]
    assert said == pytest.approx(values, abs=0.006) and len(said) == 2


def test_lines_are_runs_or_numbers_of_training_images(open_trends, served):
    page = open_trends()
    legend = page.locator(".legend .chip")
    expect(legend).to_have_text([RUN, "n05"])
    page.get_by_role("button", name="Training images", exact=True).click()
    expect(legend).to_have_text(["5 training images", "20 training images"])
    page.get_by_role("button", name="5 training images", exact=True).click()
    assert state(page) == {"tab": "trends", "trends.by": "n", "trends.hidden": "5"}
    expect(legend.first).to_have_attribute("aria-pressed", "false")
    expect(chart(page, "good").locator(".entry")).to_have_count(1)
    page.go_back()
    expect(chart(page, "good").locator(".entry")).to_have_count(2)
    page.go_back()
    expect(legend).to_have_text([RUN, "n05"])
    page.go_forward()
    page.reload()
    expect(legend).to_have_text(["5 training images", "20 training images"])


def test_runs_of_unknown_numbers_of_training_images_keep_their_lines(open_page, served):
    def forget(route):
        answer = route.fetch()
        data = answer.json()
        for run in data["runs"]:
            run["n_training_images"] = 5 if run["name"] == "n05" else None
        route.fulfill(response=answer, json=data)

    page = open_page(
        served.link(tab="trends", **{"trends.by": "n"}), viewport={"width": 1440, "height": 1000}, go=False
    )
    page.route("**/dashboard/data", forget)
    page.goto(served.link(tab="trends", **{"trends.by": "n"}))
    expect(page.locator(".legend .chip")).to_have_text(["5 training images", f"{RUN} (number not known)"])
    expect(chart(page, "good").locator(".entry")).to_have_count(2)


def test_charts_are_chosen_and_steps_dragged_over(open_trends, served):
    page = open_trends()
    page.get_by_role("button", name=re.compile("^Charts: all 6")).click()
    page.get_by_role("button", name="face", exact=True).click()
    expect(page.locator(".chart-card")).to_have_count(5)
    box = in_sight(page, "good")
    at = [box["x"] + box["width"] * share(page, served, step) for step in (250, 650)]
    page.mouse.move(at[0], box["y"] + 90)
    page.mouse.down()
    page.mouse.move(at[1], box["y"] + 92, steps=5)
    page.mouse.up()
    seen = state(page)
    assert "trends.point" not in seen  # the end of a drag is no click
    assert float(seen["trends.from"]) == pytest.approx(250, abs=15)
    assert float(seen["trends.to"]) == pytest.approx(650, abs=15)
    page.get_by_role("button", name="All steps").click()
    assert "trends.from" not in state(page)


def test_what_is_said_beside_the_lines_is_what_the_routes_say(open_trends, served):
    page = open_trends()
    known = served.json("agreement")["metrics"]
    for name in ("good", "distance", "face"):
        captions = chart(page, name).locator(".captions")
        expect(captions).to_contain_text(known[name]["sentence"])
        axis = known[name]["points_axis"]
        expect(captions).to_contain_text(f"Right axis: {axis['words']}" if axis else known[name]["why"])
    metrics = {one["name"]: one for one in served.data["metrics"]}
    assert metrics["face"]["failed"] > 0
    expect(chart(page, "face").locator(".mark-bad")).to_have_text(
        f"{metrics['face']['failed']} images without a value: {metrics['face']['note']}"
    )
    expect(chart(page, "good").locator(".mark-bad")).to_have_count(0)
    fid = next(one for one in served.json("trends")["metrics"] if one["name"] == "fid")
    expect(chart(page, "FID").locator(".captions")).to_contain_text(fid["null"]["words"])
    for note in served.json("trends")["notes"]:
        expect(page.locator(".trends .notes")).to_contain_text(note)


def test_figures_stand_in_a_table_with_those_that_are_missing(open_trends, served):
    page = open_trends()
    for name, missing in (("good", 0), ("distance", 1)):
        chart(page, name).locator("summary").click()
        expect(chart(page, name).locator("tbody tr")).not_to_have_count(0)  # the table is made once it is opened
        rows = [row.split("\t") for row in chart(page, name).locator("tbody tr").all_inner_texts()]
        assert [row[0] for row in rows if "not measured" in row[2]] == [f"{RUN}/1200"] * missing
        lines = next(one["lines"] for one in served.json("trends")["metrics"] if one["name"] == name)
        points = {served.names[point["checkpoint"]]: point for line in lines for point in line["points"]}
        assert {row[0] for row in rows} == set(points) | ({f"{RUN}/1200"} if missing else set())
        for row in rows:
            if row[0] in points:
                assert float(row[2].replace("−", "-")) == pytest.approx(points[row[0]]["value"], abs=0.006)
                assert int(row[4]) == points[row[0]]["n"]


def test_a_finger_opens_a_points_images_below_its_chart(open_trends, served):
    page = open_trends(viewport={"width": 390, "height": 844}, touch=True, hidden="n05")
    box = in_sight(page, "LPIPS")
    for y in range(10, int(box["height"]), 20):
        if "trends.point" in state(page):
            break
        page.touchscreen.tap(box["x"] + box["width"] * share(page, served, 600), box["y"] + y)
    assert state(page)["trends.point"] == f"{RUN}/600"
    expect(page.locator(".chart-card + .images .images-title")).to_have_text(f"{RUN}/600")
    assert shown_items(page) == served.sorted_items(f"{RUN}/600", served.data["values"]["lpips"], is_lower=True)
