"""The dashboard's grid in headless Chromium: each picture in its cell, and everything by keys."""

import io
import re

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.study.server.drawn_study import N_PROMPTS, NASTY, STEPS, Drawn

pytestmark = pytest.mark.browser

FIGURES = """() => [...document.querySelectorAll('.grid-cell')].map((cell) => [
    cell.ariaLabel.replace(/, LPIPS .*/, ''), cell.innerText.trim()])"""
CELLS = """() => [...document.querySelectorAll('.grid-cell')].map((cell) => [
    cell.parentElement.querySelector('.grid-head').innerText.trim().split(/\\s+/).reverse().join('/'),
    Number(cell.getAttribute('aria-colindex')) - 2, cell.getAttribute('aria-label')])"""


@pytest.fixture(scope="module")
def drawn(drawn_study, serve_study):
    return Drawn(serve_study(drawn_study))


@pytest.fixture
def open_grid(open_page, drawn):
    """A function that opens the grid, with what was asked of the server so far."""

    def open_it(viewport=None, touch=False, **keys):
        link = drawn.link("grid", **{f"grid.{key}": value for key, value in keys.items()})
        page = open_page(link, viewport=viewport or {"width": 1440, "height": 900}, touch=touch, go=False)
        page.asked = []
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(link)
        expect(page.locator(".grid-cell.current .grid-picture")).to_have_attribute("style", re.compile("url"))
        return page

    return open_it


def expect_colour(page, locator, colour, limit=12):
    """Wait for the picture in an element to be of a colour: strips come when they are in sight."""
    for _ in range(100):
        picture = Image.open(io.BytesIO(locator.screenshot())).convert("RGB")
        seen = picture.getpixel((picture.width // 2, picture.height // 2))
        if is_near(seen, colour, limit):
            return
        page.wait_for_timeout(100)
    pytest.fail(f"{seen} is not {tuple(colour)}")


def is_near(one, other, limit=12):
    return all(abs(a - b) <= limit for a, b in zip(one, other, strict=True))


def current(page):
    return page.locator(".grid-cell.current")


def state(page):
    return page.evaluate("Object.fromEntries(new URLSearchParams(location.hash.slice(1)))")


def test_the_strips_of_the_following_columns_are_asked_for_once_what_is_seen_is_there(open_grid):
    page = open_grid(viewport={"width": 900, "height": 700}, size="56")
    last = "document.querySelector('.grid-column-head:last-child strong').textContent"
    assert int(page.evaluate(last)) < 20  # of 24 columns; those after the 20th stand on other strips
    for _ in range(100):
        strips = {url for url in page.asked if "/strips/" in url}
        rows = page.locator(".grid-row").count() - 1
        if len(strips) >= 2 * rows:
            break
        page.wait_for_timeout(100)
    assert len(strips) >= 2 * rows


@pytest.mark.parametrize("seed", ["7", "11"])
def test_each_row_is_a_checkpoint_and_each_column_a_prompt_of_one_seed(open_grid, drawn, seed):
    page = open_grid(seed=seed, size="56")
    page.wait_for_function("document.querySelectorAll('.grid-cell').length > 200")
    found = {}
    table = page.locator(".grid-table")
    for top in range(0, 2400, 300):  # more than 700 cells: only those in sight are in the page
        for left in (0, 900):
            table.evaluate("(table, [top, left]) => table.scrollTo(left, top)", [top, left])
            page.wait_for_timeout(60)
            for head, column, label in page.evaluate(CELLS):
                found[head.replace(",", ""), column] = label
    expected = {
        (
            name if name != "base/0" else "base/base",
            prompt,
        ): f"{drawn.data['prompts'][prompt]['text']}, {name}, seed {seed}"
        for name in drawn.names
        for prompt in range(N_PROMPTS)
    }
    assert found == expected


def test_the_pictures_are_those_of_their_cells(open_grid, drawn):
    page = open_grid(seed="11")
    for name, prompt in (("n10/300", 0), ("n10/900", 7), ("n40/1500", 19), ("n80/3000", 20), ("n80/3000", 23)):
        page.evaluate(
            "(hash) => { location.hash = hash }",
            f"tab=grid&grid.seed=11&grid.checkpoint={name}&grid.prompt={prompt + 1}",
        )
        expect(current(page)).to_have_attribute(
            "aria-label", f"{drawn.data['prompts'][prompt]['text']}, {name}, seed 11"
        )
        place = drawn.place(drawn.names.index(name), prompt, "11")
        expect_colour(page, current(page).locator(".grid-picture"), drawn.colour(place))
        expect_colour(page, page.locator(".grid-aside button.grid-picture"), drawn.colour(place))


def test_arrows_are_prompts_and_steps_and_the_address_keeps_the_place(open_grid, drawn):
    page = open_grid()
    expect(page.locator(".grid-step output")).to_have_text("300")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    label = f"{drawn.data['prompts'][2]['text']}, n10/600, seed "
    expect(current(page)).to_have_attribute("aria-label", label + drawn.images["seed"][0])
    expect(current(page)).to_be_focused()
    expect(page.locator(".grid-step output")).to_have_text("600")
    page.keyboard.press("PageDown")
    expect(page.locator(".grid-aside p").first).to_contain_text("n40/600")
    page.keyboard.press("End")
    expect(page.locator(".grid-aside h2")).to_have_text(drawn.data["prompts"][-1]["text"])
    page.wait_for_function("location.hash.includes('grid.prompt=24')")
    assert state(page)["grid.checkpoint"] == "n40/600"
    page.reload()
    expect(page.locator(".grid-aside p").first).to_contain_text("n40/600")
    expect(page.locator(".grid-aside h2")).to_have_text(drawn.data["prompts"][-1]["text"])
    table, cell = page.locator(".grid-table").bounding_box(), current(page).bounding_box()
    assert table["y"] <= cell["y"] and cell["y"] + cell["height"] <= table["y"] + table["height"] + 1
    for _ in range(2):
        page.keyboard.press("ArrowUp")
        expect(current(page)).to_be_in_viewport(ratio=0.95)
    expect(page.locator(".grid-aside p").first).to_contain_text("n10/3000")  # rows go on from run to run


def test_one_step_control_moves_the_rows_of_all_runs(open_grid, drawn):
    page = open_grid(rows="runs", step="900")
    rows = page.locator(".grid-body .grid-row")
    expect(rows.locator(".grid-head strong")).to_have_text(["900"] * 3)
    expect(rows.locator(".grid-run")).to_have_text(["n10", "n40", "n80"])
    page.keyboard.press("ArrowDown")
    expect(rows.locator(".grid-head strong")).to_have_text(["1,200"] * 3)
    slider = page.get_by_role("slider", name="Step")
    slider.focus()
    page.keyboard.press("End")
    expect(rows.locator(".grid-head strong")).to_have_text(["3,000"] * 3)
    labels = rows.locator(".grid-cell[data-column='5']").evaluate_all("(cells) => cells.map((cell) => cell.ariaLabel)")
    assert labels == [
        f"{drawn.data['prompts'][5]['text']}, {run}/3000, seed {drawn.data['images']['seed'][0]}"
        for run in ("n10", "n40", "n80")
    ]
    expect(page.locator(".grid-pinned .grid-head strong")).to_have_text(["base"])  # stays as it is
    page.wait_for_function("location.hash.includes('grid.step=3000')")


def test_b_held_shows_the_base_in_its_place_without_a_full_picture(open_grid, drawn):
    page = open_grid(seed="7", checkpoint="n80/3000", prompt="5")
    own, base = (drawn.colour(drawn.place(drawn.names.index(name), 4, "7")) for name in ("n80/3000", "base/0"))
    assert not is_near(own, base)
    picture = current(page).locator(".grid-picture")
    expect_colour(page, picture, own)
    page.keyboard.down("b")
    expect(current(page)).to_have_class(re.compile("held"))
    expect_colour(page, picture, base)
    expect_colour(page, page.locator(".grid-aside button.grid-picture"), base)
    page.keyboard.up("b")
    expect_colour(page, picture, own)
    hold = page.get_by_role("button", name="Hold for the base (B)")
    hold.hover()
    page.mouse.down()
    expect_colour(page, picture, base)
    page.mouse.up()
    expect_colour(page, picture, own)
    assert not [address for address in page.asked if "/full/" in address]


def test_the_difference_is_that_of_the_pixels(open_grid, drawn):
    page = open_grid(seed="7", checkpoint="n40/1200", prompt="5")
    page.keyboard.press("d")
    expect(page.get_by_role("button", name="Difference to base (D)")).to_have_attribute("aria-pressed", "true")
    own, base = (drawn.colour(drawn.place(drawn.names.index(name), 4, "7")) for name in ("n40/1200", "base/0"))
    expected = [min(255, 3 * abs(a - b)) for a, b in zip(own, base, strict=True)]
    expect_colour(page, current(page).locator(".grid-picture"), expected, 20)
    pinned = page.locator(".grid-pinned .grid-cell[data-column='4'] .grid-picture")
    expect_colour(page, pinned, base)
    page.keyboard.press("d")
    expect_colour(page, current(page).locator(".grid-picture"), own)


def test_figures_below_the_pictures_are_the_metrics_and_failures_are_named(open_grid, drawn):
    page = open_grid(seed="11", value="lpips", size="56")
    failed = {int(place) for place in drawn.data["failures"]["lpips"]}
    labels = {
        label: drawn.place(c, p, "11")
        for c, name in enumerate(drawn.names)
        for p in range(N_PROMPTS)
        for label in [f"{drawn.data['prompts'][p]['text']}, {name}, seed 11"]
    }
    seen = set()
    for top in range(0, 2400, 300):
        page.locator(".grid-table").evaluate("(table, top) => table.scrollTo(900, top)", top)
        page.wait_for_timeout(60)
        for label, text in page.evaluate(FIGURES):
            place = labels[label]
            value = drawn.data["values"]["lpips"][place]
            assert text == "failed" if place in failed else abs(float(text) - value) <= 0.0051
            seen.add(place)
    assert seen & failed


def test_heads_and_pinned_rows_stay_in_sight(open_grid):
    page = open_grid()
    table = page.locator(".grid-table")
    table.evaluate("(table) => table.scrollTo(700, 1500)")
    page.wait_for_timeout(100)
    box = table.bounding_box()
    base = page.locator(".grid-pinned .grid-head").bounding_box()
    assert abs(base["x"] - box["x"]) < 3 and box["y"] <= base["y"] < box["y"] + 70
    head = page.locator(".grid-heads").bounding_box()
    assert abs(head["y"] - box["y"]) < 3
    page.locator(".grid-body .grid-pin:visible").last.click()
    expect(page.locator(".grid-pinned .grid-row")).to_have_count(2)
    assert "grid.pins" in state(page)
    page.locator(".grid-pinned .grid-pin").first.click()
    expect(page.locator(".grid-pinned .grid-row")).to_have_count(1)


def test_a_full_picture_is_asked_for_only_when_one_is_opened(open_grid, drawn):
    page = open_grid(seed="7", checkpoint="n10/900", prompt="2")
    page.locator(".grid-cell[data-column='3']").nth(2).click()
    page.wait_for_load_state("networkidle")
    assert not [address for address in page.asked if "/full/" in address]
    page.keyboard.press("Enter")
    expect(page.locator(".lightbox")).to_be_visible()
    expect(page.locator(".lightbox-count")).to_have_text(f"4 of {N_PROMPTS}")
    expect(page.locator(".lightbox-title")).to_have_text(drawn.data["prompts"][3]["text"])
    page.wait_for_load_state("networkidle")
    assert len([address for address in page.asked if "/full/" in address]) == 1
    page.keyboard.press("Escape")
    expect(page.locator(".lightbox")).to_be_hidden()
    expect(current(page)).to_be_focused()


def test_html_in_a_name_stays_text(open_grid):
    page = open_grid(prompt="4")
    expect(page.locator(".grid-aside h2")).to_contain_text(NASTY)
    assert page.locator("img[src='x'], .panel b").count() == 0


@pytest.mark.parametrize(("width", "height", "touch"), [(390, 844, True), (720, 450, False)], ids=["phone", "zoom"])
def test_nothing_is_cut_off_on_a_phone_or_at_twice_the_size(open_grid, width, height, touch):
    page = open_grid(viewport={"width": width, "height": height}, touch=touch, value="aesthetic")
    assert (
        page.evaluate(
            "(() => { const page = document.querySelector('.hg'); return page.scrollWidth - page.clientWidth })()"
        )
        <= 0
    )
    current(page).scroll_into_view_if_needed()
    expect(current(page)).to_be_in_viewport()


def test_steps_are_those_of_the_study(open_grid):
    page = open_grid()
    slider = page.get_by_role("slider", name="Step")
    assert int(slider.get_attribute("max")) == len(STEPS)  # and the base at 0
    slider.focus()
    page.keyboard.press("Home")
    expect(page.locator(".grid-step output")).to_have_text("0")
    expect(page.locator(".grid-aside p").first).to_contain_text("base/0")


def test_it_begins_at_the_best_where_that_is_known(open_page, drawn):
    page = open_page(drawn.link("trends"), viewport={"width": 1440, "height": 900})
    expect(page.locator(".answer-waiting")).to_have_count(0, timeout=60_000)
    best = drawn.names[drawn.json("best")["winner"]["checkpoint"]]
    page.get_by_role("tab", name="Grid").click()
    label = f"{drawn.data['prompts'][0]['text']}, {best}, seed {drawn.images['seed'][0]}"
    expect(current(page)).to_have_attribute("aria-label", label)
    table, cell = page.locator(".grid-table").bounding_box(), current(page).bounding_box()
    assert table["y"] <= cell["y"] and cell["y"] + cell["height"] <= table["y"] + table["height"] + 1


def test_by_touch_a_button_holds_for_the_base(open_grid, drawn):
    viewport = {"width": 390, "height": 844}
    page = open_grid(viewport=viewport, touch=True, seed="7", checkpoint="n80/3000", prompt="5")
    own, base = (drawn.colour(drawn.place(drawn.names.index(name), 4, "7")) for name in ("n80/3000", "base/0"))
    hold = page.get_by_role("button", name="Hold for the base (B)")
    picture = current(page).locator(".grid-picture")
    page.locator(".grid-steps").evaluate("(steps) => steps.scrollIntoView()")
    expect_colour(page, picture, own)
    for element in (hold, picture):
        expect(element).to_be_in_viewport(ratio=1)
    hold.dispatch_event("pointerdown")
    expect_colour(page, picture, base)
    hold.dispatch_event("pointerup")
    expect_colour(page, picture, own)
