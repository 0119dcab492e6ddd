"""The dashboard's gallery in headless Chromium: every image reachable, in the order of the data, by the address."""

import re

import pytest
from playwright.sync_api import expect

from tests.study.server.drawn_study import NASTY, Drawn

pytestmark = pytest.mark.browser

PAGE = 200


@pytest.fixture(scope="module")
def drawn(drawn_study, serve_study):
    return Drawn(serve_study(drawn_study))


@pytest.fixture
def open_gallery(open_page, drawn):
    """A function that opens the gallery, with what was asked of the server so far."""

    def open_it(viewport=None, touch=False, **keys):
        link = drawn.link("gallery", **{f"gallery.{key}": value for key, value in keys.items()})
        page = open_page(link, viewport=viewport or {"width": 1440, "height": 900}, touch=touch, go=False)
        page.asked = []
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(link)
        expect(page.locator(".gallery-card").first).to_be_visible()
        return page

    return open_it


def shown(page):
    return page.locator(".gallery-card").evaluate_all("(cards) => cards.map((card) => card.dataset.item)")


def count(page):
    return page.locator(".gallery .pager-count").first


def ordered(drawn, column, lowest=False, places=None):
    """Items by a column as plain Python sorts them: those without a value last."""
    places = range(len(column)) if places is None else places
    known = sorted((place for place in places if column[place] is not None), key=lambda place: column[place])
    if not lowest:
        known = sorted(known, key=lambda place: -column[place])
    known += [place for place in places if column[place] is None]
    return [drawn.images["item"][place] for place in known]


def test_every_image_is_on_exactly_one_page_and_the_count_says_which(open_gallery, drawn):
    page = open_gallery()
    total = len(drawn.images["item"])
    seen = []
    for start in range(0, total, PAGE):
        end = min(total, start + PAGE)
        expect(count(page)).to_have_text(f"{start + 1:,} to {end:,} of {total:,} images")
        seen += shown(page)
        page.keyboard.press("n")
    assert seen == drawn.images["item"]
    expect(page.get_by_role("button", name="Next →").first).to_be_disabled()
    page.keyboard.press("p")
    expect(count(page)).to_contain_text(f"{PAGE * (total // PAGE - 1) + 1:,} to")
    page.get_by_role("combobox", name="Page").first.select_option("2")
    expect(count(page)).to_have_text(f"401 to 600 of {total:,} images")
    page.go_back()
    expect(count(page)).to_contain_text(f"{PAGE * (total // PAGE - 1) + 1:,} to")


@pytest.mark.parametrize("order", ["", "lowest"])
@pytest.mark.parametrize(
    ("key", "of"),
    [
        ("metric:lpips", lambda data: data["values"]["lpips"]),
        ("people:look", lambda data: data["people"]["look"]["mean"]),
        ("disagreement:look", lambda data: data["people"]["look"]["sd"]),
        ("gap:look:aesthetic", lambda data: data["gaps"]["look"]["aesthetic"]),
        (
            "gapsize:look:aesthetic",
            lambda data: [None if gap is None else abs(gap) for gap in data["gaps"]["look"]["aesthetic"]],
        ),
    ],
    ids=["metric", "ratings", "disagreement", "gap", "gap either way"],
)
def test_the_order_is_that_of_the_data(open_gallery, drawn, key, of, order):
    page = open_gallery(sort=key, order=order)
    expected = ordered(drawn, of(drawn.data), lowest=bool(order))
    assert shown(page) == expected[:PAGE]
    without = sum(value is None for value in of(drawn.data))
    expect(count(page)).to_contain_text(f"{without:,} without a value come last")
    page.keyboard.press("n")
    expect(count(page)).to_contain_text("201 to 400")
    assert shown(page) == expected[PAGE : 2 * PAGE]


def test_what_stands_below_a_picture_is_its_figure_and_its_failure(open_gallery, drawn):
    failed = sorted(map(int, drawn.data["failures"]["lpips"]))
    page = open_gallery(failed="lpips", sort="metric:aesthetic")
    assert set(shown(page)) == {drawn.images["item"][place] for place in failed}
    expect(count(page)).to_have_text(
        f"1 to {len(failed)} of {len(failed)} images that fit ({len(drawn.images['item']):,} in all)"
    )
    for card in page.locator(".gallery-card").all():
        place = drawn.images["item"].index(card.get_attribute("data-item"))
        said = float(card.locator("strong").inner_text().replace("−", "-"))
        assert abs(said - drawn.data["values"]["aesthetic"][place]) < 0.006
        assert card.locator(".failed").inner_text() == "failed: LPIPS"


def fits(drawn, run=None, checkpoint=None, group=None, seed=None, rated=None):
    images, data = drawn.images, drawn.data
    for place, item in enumerate(images["item"]):
        model = data["checkpoints"][images["checkpoint"][place]]
        if (
            (run is None or data["runs"][model["run"]]["name"] == run)
            and (checkpoint is None or model["shown"] == checkpoint)
            and (group is None or data["prompts"][images["prompt"][place]]["group"] == group)
            and (seed is None or images["seed"][place] == seed)
            and (rated is None or (data["people"]["look"]["n"][place] > 0) == rated)
        ):
            yield item


def test_filters_leave_what_fits_them_all_and_a_link_shows_it_again(open_gallery, drawn):
    page = open_gallery()
    page.get_by_role("combobox", name="Run", exact=True).select_option("n40")
    assert len(shown(page)) == PAGE
    page.get_by_role("combobox", name="Prompt group").select_option("people")
    page.get_by_role("combobox", name="Seed").select_option("=11")
    assert shown(page) == list(fits(drawn, run="n40", group="people", seed="11"))
    page.get_by_role("combobox", name="Checkpoint").select_option("n40/600")
    assert shown(page) == list(fits(drawn, checkpoint="n40/600", group="people", seed="11"))
    expect(page.locator(".gallery-filters summary")).to_have_text("Filters (4)")
    again = open_gallery()
    again.goto(page.url)
    again.reload()
    expect(again.locator(".gallery-filters summary")).to_have_text("Filters (4)")
    assert shown(again) == shown(page)
    page.go_back()
    assert shown(page) == list(fits(drawn, run="n40", group="people", seed="11"))
    page.get_by_role("button", name="Clear filters").click()
    expect(count(page)).to_have_text(f"1 to 200 of {len(drawn.images['item']):,} images")
    page.get_by_role("combobox", name="Rated").select_option("yes")
    assert shown(page) == list(fits(drawn, rated=True))[:PAGE]
    page.get_by_role("combobox", name="Rated").select_option("no")
    assert shown(page) == list(fits(drawn, rated=False))[:PAGE]


def test_limits_of_a_figure(open_gallery, drawn):
    page = open_gallery(sort="metric:lpips")
    page.get_by_role("combobox", name="Limits").select_option("people:look")
    page.get_by_role("spinbutton", name="from").fill("4")
    page.get_by_role("spinbutton", name="from").press("Enter")
    means = drawn.data["people"]["look"]["mean"]
    places = [place for place, mean in enumerate(means) if mean is not None and mean >= 4]
    expect(count(page)).to_contain_text(f"{len(places)} images that fit")
    assert shown(page) == ordered(drawn, drawn.data["values"]["lpips"], places=places)[:PAGE]
    page.reload()
    expect(page.get_by_role("spinbutton", name="from")).to_have_value("4")
    page.get_by_role("button", name=re.compile("Remove the limits")).click()
    expect(count(page)).to_contain_text(f"of {len(means):,} images")


def test_full_size_and_recipe_come_on_a_click_and_arrows_go_on_in_the_order(open_gallery, drawn):
    page = open_gallery(sort="metric:aesthetic")
    page.wait_for_load_state("networkidle")
    full = [address for address in page.asked if "/full/" in address or "/recipe/" in address]
    assert full == []
    expected = ordered(drawn, drawn.data["values"]["aesthetic"])
    page.locator(".gallery-card").nth(3).click()
    for item in expected[3:5]:
        place = drawn.images["item"].index(item)
        expect(page.locator(".lightbox-where")).to_contain_text(drawn.names[drawn.images["checkpoint"][place]])
        page.wait_for_function("(item) => new URLSearchParams(location.hash.slice(1)).get('image') === item", arg=item)
        page.wait_for_load_state("networkidle")
        assert page.asked[-1].endswith(drawn.images["thumb"][place]) or any(
            address.endswith(f"/full/{drawn.images['thumb'][place]}") for address in page.asked
        )
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    expect(page.locator(".lightbox")).to_be_hidden()
    expect(page.locator(".gallery-card").nth(3)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".gallery-card").nth(4)).to_be_focused()
    page.keyboard.press("ArrowDown")
    below, above = (page.locator(".gallery-card:focus"), page.locator(".gallery-card").nth(4))
    assert below.bounding_box()["x"] == above.bounding_box()["x"]
    assert below.bounding_box()["y"] > above.bounding_box()["y"]


def test_html_in_a_name_stays_text(open_gallery, drawn):
    page = open_gallery(prompt="4")
    expect(page.locator(".gallery-card .prompt").first).to_have_text(drawn.data["prompts"][3]["text"])
    assert NASTY in drawn.data["prompts"][3]["text"]
    assert page.locator("img[src='x'], .panel b").count() == 0


def test_an_address_of_what_is_not_there_shows_all(open_gallery, drawn):
    page = open_gallery(run="gone", sort="metric:gone", checkpoint="gone/1", page="99", where="metric%3Agone~1~2")
    expect(count(page)).to_contain_text(f"{len(drawn.images['item']):,} images")


@pytest.mark.parametrize(("width", "height", "touch"), [(390, 844, True), (720, 450, False)], ids=["phone", "zoom"])
def test_nothing_is_cut_off_on_a_phone_or_at_twice_the_size(open_gallery, width, height, touch):
    page = open_gallery(viewport={"width": width, "height": height}, touch=touch, sort="gapsize:look:lpips")
    hidden = "(() => { const page = document.querySelector('.hg'); return page.scrollWidth - page.clientWidth })()"
    assert page.evaluate(hidden) <= 0
    page.locator(".gallery-filters summary").click()
    assert page.evaluate(hidden) <= 0


def test_a_chosen_gap_says_of_which_question_it_is_and_what_it_is(open_gallery):
    page = open_gallery(sort="gapsize:look:aesthetic")
    chosen = page.get_by_label("Sort by").locator("option:checked")
    expect(chosen).to_have_text(re.compile("against look: gap, either way$"))
    meaning = page.locator(".gallery-controls > .note")
    place = "where the metric places an image among those that people rated too (0 the worst, 1 the best)"
    expect(meaning).to_have_text(f"Gap: {place}, minus where people place it, without its sign.")
    page.get_by_label("Sort by").select_option("gap:look:aesthetic")
    expect(meaning).to_have_text(f"Gap: {place}, minus where people place it.")
    page.get_by_label("Sort by").select_option("metric:aesthetic")
    expect(meaning).to_be_hidden()
