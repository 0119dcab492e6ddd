"""The dashboard's comparison in headless Chromium: pairs of one prompt and seed, and what the route says of them."""

import json

import pytest
from playwright.sync_api import expect

from study.dashboard.parts import WEB
from tests.study.server.drawn_study import N_PROMPTS, SEEDS, STEPS, Drawn

pytestmark = pytest.mark.browser

N_PAIRS = N_PROMPTS * len(SEEDS)


@pytest.fixture(scope="module")
def drawn(drawn_study, serve_study):
    return Drawn(serve_study(drawn_study))


@pytest.fixture
def open_compare(open_page, drawn):
    """A function that opens the comparison, with what was asked of the server so far."""

    def open_it(viewport=None, touch=False, **keys):
        link = drawn.link("compare", **{f"compare.{key}": value for key, value in keys.items()})
        page = open_page(link, viewport=viewport or {"width": 1440, "height": 900}, touch=touch, go=False)
        page.asked = []
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(link)
        expect(page.locator(".compare-table, .compare-steps").first).to_be_visible()
        return page

    return open_it


def pairs(drawn, page):
    """What is shown side by side, as places."""
    items = page.locator(".compare-pair").evaluate_all("(pairs) => pairs.map((pair) => pair.dataset.items)")
    return [tuple(drawn.images["item"].index(item) for item in json.loads(pair)) for pair in items]


def differences(page):
    said = page.locator(".compare-words strong").all_inner_texts()
    return [None if text == "no difference known" else float(text.replace("−", "-")) for text in said]


def route(drawn, left, right):
    return drawn.json(f"compare?left={drawn.names.index(left)}&right={drawn.names.index(right)}&task=look")


@pytest.mark.parametrize("order", ["", "up", "down"])
def test_pairs_are_those_of_the_route_in_the_order_of_their_differences(open_compare, drawn, order):
    page = open_compare(left="base/0", right="n40/1200", by="metric:lpips", order=order)
    expect(page.locator(".compare .pager-count").first).to_contain_text(f"1 to {N_PAIRS} of {N_PAIRS} pairs")
    found = pairs(drawn, page)
    assert sorted(found) == sorted(map(tuple, route(drawn, "base/0", "n40/1200")["pairs"]))
    for left, right in found:
        assert drawn.names[drawn.images["checkpoint"][left]] == "base/0"
        assert drawn.names[drawn.images["checkpoint"][right]] == "n40/1200"
        assert drawn.images["prompt"][left] == drawn.images["prompt"][right]
        assert drawn.images["seed"][left] == drawn.images["seed"][right]
    values = drawn.data["values"]["lpips"]
    expected = [None if None in (values[a], values[b]) else values[b] - values[a] for a, b in found]
    for said, value in zip(differences(page), expected, strict=True):
        assert (said is None) == (value is None) and (value is None or abs(said - value) <= 0.0006)
    known = [value for value in expected if value is not None]
    by = {"": lambda value: -abs(value), "up": lambda value: -value, "down": lambda value: value}[order]
    assert known == sorted(known, key=by) and expected == known + [None] * (len(expected) - len(known))
    assert None in expected  # an image without a score is among them, and comes last


def test_sentences_and_figures_are_those_of_the_route(open_compare, drawn):
    page = open_compare(left="n10/300", right="n80/3000")
    told = route(drawn, "n10/300", "n80/3000")
    table = page.locator(".compare-table tbody")
    expect(table.locator(".compare-said td")).to_have_text([one["sentence"] for one in told["metrics"]])
    expect(table.locator("th")).to_have_text([one["title"] for one in told["metrics"]])
    for row, one in zip(table.locator("tr:not(.compare-said)").all(), told["metrics"], strict=True):
        cells = [text.replace("−", "-").strip() for text in row.locator("td").all_inner_texts()]
        for cell, value in zip(cells, (one["left"], one["right"], one["difference"]), strict=False):
            assert abs(float(cell) - value) <= 0.006
        assert cells[-1] == str(one["n"])
        clear = one["low"] is not None and (one["low"] > 0 or one["high"] < 0) and one["sorts"] != "no"
        assert row.locator("td.better, td.worse").count() == clear
    for note in told["notes"]:
        expect(page.locator(".compare-answer")).to_contain_text(note)


def test_sides_swap_by_a_key_and_the_same_pairs_stay_first(open_compare, drawn):
    page = open_compare(left="base/0", right="n10/900", by="metric:aesthetic", order="up")
    before, changes = pairs(drawn, page), differences(page)
    page.keyboard.press("s")
    expect(page.get_by_role("combobox", name="Left", exact=True)).to_have_value("n10/900")
    expect(page.get_by_role("combobox", name="Right", exact=True)).to_have_value("base/0")
    assert pairs(drawn, page) == [pair[::-1] for pair in before]
    assert differences(page) == [-change for change in changes]
    page.reload()
    expect(page.get_by_role("combobox", name="Left", exact=True)).to_have_value("n10/900")
    assert pairs(drawn, page) == [pair[::-1] for pair in before]
    page.get_by_role("button", name="Swap left and right (S)").click()
    assert pairs(drawn, page) == before


def test_b_held_shows_the_left_picture_in_the_right_ones_place(open_compare, drawn):
    page = open_compare(left="base/0", right="n10/900")
    first = page.locator(".compare-pair").first
    sources = lambda: first.locator("img").evaluate_all("(images) => images.map((image) => image.src)")  # noqa: E731
    left, right = sources()
    assert left != right
    page.keyboard.down("b")
    assert sources() == [left, left]
    page.keyboard.up("b")
    assert sources() == [left, right]


def test_a_pair_opens_in_full_and_goes_on_to_its_other_side(open_compare, drawn):
    page = open_compare(left="base/0", right="n10/900", by="metric:aesthetic")
    page.wait_for_load_state("networkidle")
    assert not [address for address in page.asked if "/full/" in address]
    (left, right), *_ = pairs(drawn, page)
    page.locator(".compare-picture").first.click()
    for place in (left, right):
        expect(page.locator(".lightbox-where")).to_contain_text(drawn.names[drawn.images["checkpoint"][place]])
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    expect(page.locator(".compare-picture").first).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".compare-picture").nth(1)).to_be_focused()


def test_two_runs_are_drawn_at_each_step_and_a_point_opens_its_checkpoints(open_compare, drawn):
    page = open_compare(of="runs", left="n10", right="n80")
    numbers = {run["name"]: number for number, run in enumerate(drawn.data["runs"])}
    told = drawn.json(f"compare?left_run={numbers['n10']}&right_run={numbers['n80']}&task=look")
    assert [step["x"] for step in told["steps"]] == list(STEPS)
    drawings = page.locator(".compare-steps")
    titles = [one["title"] for one in told["steps"][0]["metrics"]]
    expect(drawings.locator("h3")).to_have_text(titles)
    lpips = drawings.nth(titles.index("LPIPS"))
    expect(lpips.locator(".compare-dot")).to_have_count(len(STEPS))
    heights = lpips.locator(".compare-dot circle.compare-reach").evaluate_all(
        "(dots) => dots.map((dot) => Number(dot.getAttribute('cy')))"
    )
    values = [next(one["difference"] for one in step["metrics"] if one["title"] == "LPIPS") for step in told["steps"]]
    assert sorted(range(len(STEPS)), key=lambda i: -heights[i]) == sorted(range(len(STEPS)), key=lambda i: values[i])
    expect(lpips).to_contain_text(
        next(one["sentence"] for one in told["steps"][-1]["metrics"] if one["title"] == "LPIPS")
    )
    lpips.locator(".compare-dot").nth(3).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("combobox", name="Left", exact=True)).to_have_value("n10/1200")
    expect(page.get_by_role("combobox", name="Right", exact=True)).to_have_value("n80/1200")
    expect(page.locator(".compare-pair")).to_have_count(N_PAIRS)
    page.go_back()
    expect(drawings).to_have_count(len(titles))


def test_the_same_on_both_sides_is_refused_in_the_routes_words(open_page, drawn):
    page = open_page(drawn.link("compare", **{"compare.left": "n10/300", "compare.right": "n10/300"}))
    expect(page.locator(".compare .refusal")).to_have_text(route(drawn, "n10/300", "n10/300")["refused"])


@pytest.mark.parametrize(("width", "height", "touch"), [(390, 844, True), (720, 450, False)], ids=["phone", "zoom"])
@pytest.mark.parametrize("of", ["", "runs"])
def test_nothing_is_cut_off_on_a_phone_or_at_twice_the_size(open_compare, of, width, height, touch):
    page = open_compare(viewport={"width": width, "height": height}, touch=touch, of=of)
    hidden = "(() => { const page = document.querySelector('.hg'); return page.scrollWidth - page.clientWidth })()"
    assert page.evaluate(hidden) <= 0


def test_it_begins_with_the_best_and_the_one_before(open_compare, drawn):
    page = open_compare()
    best = drawn.json("best")["winner"]["checkpoint"]
    before = (
        drawn.names[best - 1] if drawn.names[best - 1].split("/")[0] == drawn.names[best].split("/")[0] else "base/0"
    )
    left, right = (page.get_by_role("combobox", name=side, exact=True) for side in ("Left", "Right"))
    expect(right).to_have_value(drawn.names[best])
    expect(left).to_have_value(before)
    left.select_option("base/0")
    expect(right).to_have_value(drawn.names[best])
    expect(page.locator(".compare-pair")).to_have_count(N_PAIRS)


def test_by_touch_a_button_holds_for_the_left_pictures(open_compare, drawn):
    page = open_compare(viewport={"width": 390, "height": 844}, touch=True, left="base/0", right="n10/900")
    first = page.locator(".compare-pair").first
    sources = lambda: first.locator("img").evaluate_all("(images) => images.map((image) => image.src)")  # noqa: E731
    left, right = sources()
    hold = page.get_by_role("button", name="Hold for the left pictures (B)")
    hold.dispatch_event("pointerdown")
    assert sources() == [left, left]
    hold.dispatch_event("pointerup")
    assert sources() == [left, right]


@pytest.mark.parametrize(("sorts", "said"), [("no", ""), ("with care", "worse"), ("yes", "worse"), (None, "worse")])
def test_a_change_by_a_metric_that_does_not_sort_as_people_do_has_no_colour(chromium, sorts, said):
    page = chromium.new_page()
    script = "".join((WEB / f"dashboard/{name}.js").read_text("utf-8") for name in ("grid_aside", "compare_figures"))
    row = {"difference": -2, "low": -3, "high": -1, "direction": "higher", "sorts": sorts}
    assert page.evaluate(f"(row) => {{ {script} return clearClass(row); }}", row) == said
    page.close()
