"""The dashboard around its views: the answer above them, tabs, keys, links that show it again, and what goes wrong."""

import re

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.study.server.made_dashboard import RUN, Served, make_gated_study, state

pytestmark = pytest.mark.browser

TABS = ["Trends", "Grid", "Gallery", "Best", "Alerts", "Compare"]
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
LOOK_AGAIN_MS = 20_000


@pytest.fixture(scope="module")
def served(tmp_path_factory, serve_study):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("page")
        patch.setenv("HUMANGRADE_CACHE", str(folder / "cache"))
        study = make_gated_study(folder, patch, is_tracked=True)
        study.close()
        yield Served(serve_study(study))


@pytest.fixture
def open_dashboard(open_page, served):
    """A function that opens the dashboard at a state of it."""

    def open_it(viewport=DESKTOP, touch=False, **values):
        page = open_page(served.link(**values), viewport=viewport, touch=touch)
        ready(page)
        return page

    return open_it


def ready(page):
    expect(page.locator(".hg")).to_have_attribute("data-state", "ready", timeout=60_000)
    expect(page.locator(".answer-waiting")).to_have_count(0, timeout=60_000)


def selected(page):
    return page.get_by_role("tab", selected=True)


def test_the_first_view_says_which_checkpoint_and_why(open_dashboard, served):
    page = open_dashboard()
    assert page.title() == "Made"
    best, gate = served.json("best"), served.json("alerts")["runs"][0]
    assert best["notes"][0].startswith(f"{RUN}/1200 does not count")
    for words in (best["headline"], best["sentences"][1], best["notes"][0]):
        expect(page.locator(".answer-best")).to_contain_text(words)
    expect(page.locator(".answer-gate")).to_contain_text(gate["sentence"])
    expect(page.locator(".answer-gate .mark")).to_have_text(gate["verdict"])
    for name in ("answer-best", "answer-gate"):
        box = page.locator(f".{name}").bounding_box()
        assert box["y"] + box["height"] < DESKTOP["height"] / 2
    page.locator(".answer-best button").click()
    expect(selected(page)).to_have_text("Best")
    page.locator(".answer-gate button").click()
    expect(selected(page)).to_have_text("Alerts")


def test_people_who_did_not_decide_stand_beside_the_last_gate(open_page, served):
    alerts = served.json("alerts")
    last = alerts["runs"][0]["metrics"]
    assert all(one["name"] != "people" for one in last)
    last.append({**last[0], "name": "people", "decides": False, "verdict": "cannot tell"})
    page = open_page(served.link(), go=False)
    page.route("**/dashboard/alerts*", lambda route: route.fulfill(json=alerts))
    page.goto(served.link())
    ready(page)
    words = "By people's ratings of the same pairs, which did not decide: cannot tell."
    expect(page.locator(".answer-people")).to_have_text(words)


def test_tabs_by_keys_and_back_and_forward(open_dashboard):
    page = open_dashboard()
    expect(page.get_by_role("tab")).to_have_text(TABS)
    for number, name in enumerate(TABS, 1):
        page.keyboard.press(str(number))
        expect(selected(page)).to_have_text(name)
        expect(page.get_by_role("tabpanel", name=name)).to_be_visible()
        assert state(page)["tab"] == name.lower()
    page.go_back()
    expect(selected(page)).to_have_text("Alerts")
    page.go_forward()
    expect(selected(page)).to_have_text("Compare")
    page.get_by_role("tab", name="Compare").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Trends")).to_be_focused()
    expect(selected(page)).to_have_text("Trends")


def test_a_link_shows_the_same_again(open_dashboard, open_page):
    page = open_dashboard(tab="best")
    page.get_by_label("Measured by").select_option("good")
    expect(page.locator(".best-words")).to_contain_text("good")
    page.reload()
    ready(page)
    expect(page.get_by_label("Measured by")).to_have_value("good")
    other = open_page(page.url)
    ready(other)
    expect(other.get_by_label("Measured by")).to_have_value("good")
    assert other.locator(".best-words").inner_text() == page.locator(".best-words").inner_text()


def test_an_address_that_says_nonsense_shows_the_usual(open_dashboard):
    page = open_dashboard(**{"tab": "nothing", "trends.point": "nobody/3", "trends.metrics": "none", "image": "no.png"})
    expect(selected(page)).to_have_text("Trends")
    expect(page.locator(".lightbox")).to_be_hidden()
    page.keyboard.press("4")
    expect(page.locator(".intervals")).to_be_visible()


def test_help_lists_the_keys_and_gives_the_focus_back(open_dashboard):
    page = open_dashboard()
    page.get_by_role("button", name="Keys").focus()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_contain_text("the images of the point")
    expect(dialog).to_contain_text("the views, from the left")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Keys")).to_be_focused()


def test_an_image_opens_with_all_that_is_known_of_it(open_dashboard, served):
    page = open_dashboard(**{"tab": "trends", "trends.point": "n05/600", "trends.metric": "face"})
    items = served.sorted_items("n05/600", served.data["values"]["face"])
    page.locator(".trends .images-one").nth(2).click()
    dialog = page.locator(".lightbox")
    expect(dialog.locator(".lightbox-count")).to_have_text(f"3 of {len(items)}")
    page.keyboard.press("ArrowRight")
    expect(dialog.locator(".lightbox-count")).to_have_text(f"4 of {len(items)}")
    assert state(page)["image"] == items[3]
    place = served.images["item"].index(items[3])
    expect(dialog.locator(".lightbox-title")).to_have_text(
        served.data["prompts"][served.images["prompt"][place]]["text"]
    )
    expect(dialog.locator(".lightbox-where li")).to_have_text(["n05/600", f"seed {served.images['seed'][place]}"])
    people = served.data["people"]["look"]
    figures = dict(row.split("\n") for row in dialog.locator(".lightbox-figures > div").all_inner_texts())
    assert figures["Look, people"] == f"{people['mean'][place]:.2f} by {people['n'][place]} people"
    assert float(figures["good"].replace("−", "-")) == pytest.approx(served.data["values"]["good"][place], rel=0.02)
    words = served.json(f"recipe/{place}")["words"]
    expect(dialog.locator(".lightbox-recipe dt")).to_have_text(list(words))
    expect(dialog.locator("img.full")).to_have_js_property("naturalWidth", 24)
    page.reload()
    expect(dialog.locator(".lightbox-title")).to_have_text(re.compile("sks at place"))
    assert state(page)["image"] == items[3]
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert "image" not in state(page)


def test_back_closes_an_opened_image_and_the_focus_returns(open_dashboard):
    page = open_dashboard(**{"tab": "trends", "trends.point": "n05/600", "trends.metric": "good"})
    one = page.locator(".trends .images-one").first
    one.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".lightbox")).to_be_visible()
    page.go_back()
    expect(page.locator(".lightbox")).to_be_hidden()
    expect(one).to_be_focused()
    assert state(page)["trends.point"] == "n05/600"


def test_an_image_that_has_no_value_says_why(open_dashboard, served):
    place = int(next(iter(served.data["failures"]["face"])))
    page = open_dashboard(image=served.images["item"][place])
    expect(page.locator(".lightbox-figures")).to_contain_text("no value: no face was found")


def test_html_in_names_stays_text(open_dashboard):
    page = open_dashboard(tab="alerts")
    expect(page.locator(".gate h3").first).to_contain_text(RUN)
    for number in range(1, len(TABS) + 1):
        page.keyboard.press(str(number))
        page.wait_for_timeout(300)
    assert page.locator("img[src='x']").count() == 0


@pytest.mark.parametrize("tab", [name.lower() for name in TABS])
@pytest.mark.parametrize(
    ("scheme", "viewport"), [("light", DESKTOP), ("dark", PHONE)], ids=["light desktop", "dark phone"]
)
def test_axe_finds_nothing_serious(open_page, served, tab, scheme, viewport):
    page = open_page(served.link(tab=tab), viewport=viewport, touch=viewport is PHONE, go=False)
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.goto(served.link(tab=tab))
    ready(page)
    page.wait_for_timeout(500)
    found = Axe().run(page).response["violations"]
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in serious] == []


@pytest.mark.parametrize("tab", [name.lower() for name in TABS])
@pytest.mark.parametrize("viewport", [PHONE, {"width": 720, "height": 450}], ids=["phone", "zoomed to 200 %"])
def test_nothing_is_wider_than_the_screen(open_dashboard, tab, viewport):
    page = open_dashboard(viewport=viewport, touch=viewport is PHONE, tab=tab)
    page.wait_for_timeout(300)
    width, room = page.locator(".hg").evaluate("(page) => [page.scrollWidth, page.clientWidth]")
    assert width <= room
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("viewport", [PHONE, {"width": 720, "height": 450}], ids=["phone", "zoomed to 200 %"])
def test_a_view_that_is_chosen_comes_in_sight(open_dashboard, viewport):
    page = open_dashboard(viewport=viewport, touch=viewport is PHONE)
    for name in [*TABS[1:], TABS[0]]:
        tab = page.get_by_role("tab", name=name)
        box = tab.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= viewport["width"]  # all of them, without scrolling
        tab.click()
        panel = page.get_by_role("tabpanel", name=name)
        expect(panel).to_be_visible()
        assert panel.bounding_box()["y"] < viewport["height"] / 2
    page.locator(".hg").evaluate("(page) => page.scrollTo(0, 1e6)")
    page.keyboard.press("4")
    expect(page.locator(".best-words")).to_be_in_viewport()


def test_a_server_that_is_gone_for_a_while_is_said(open_page, served):
    page = open_page(served.link(), expected=["ERR_FAILED"], viewport=DESKTOP, go=False)
    page.clock.install()
    page.goto(served.link())
    ready(page)
    page.route("**/version", lambda route: route.abort())
    page.clock.fast_forward(LOOK_AGAIN_MS)
    expect(page.locator(".trouble")).to_contain_text("cannot be reached")
    page.unroute("**/version")
    page.clock.fast_forward(LOOK_AGAIN_MS)
    expect(page.locator(".trouble")).to_be_hidden()


def test_why_there_are_no_newer_figures_is_said(open_page, served):
    page = open_page(served.link(), viewport=DESKTOP, go=False)
    page.clock.install()
    page.goto(served.link())
    ready(page)
    told = {"version": served.data["version"], "trouble": "items.csv has no column 'item'."}
    page.route("**/version", lambda route: route.fulfill(json=told))
    page.clock.fast_forward(LOOK_AGAIN_MS)
    expect(page.locator(".trouble")).to_have_text("items.csv has no column 'item'. What is shown stays as it was.")
    page.unroute("**/version")
    page.clock.fast_forward(LOOK_AGAIN_MS)
    expect(page.locator(".trouble")).to_be_hidden()


def test_an_address_without_its_key(open_page, served):
    page = open_page(served.link().partition("?")[0])
    expect(page.locator(".fresh")).to_contain_text("Open the private link of the owner")
    page = open_page(served.link().partition("?")[0] + "?key=nonsense", expected=["404"])
    expect(page.locator(".fresh")).to_contain_text("This link is not known")


def test_new_ratings_are_offered_and_shown(open_page, served):
    page = open_page(served.link(tab="best"), viewport=DESKTOP, go=False)
    page.clock.install()
    page.goto(served.link(tab="best"))
    ready(page)
    before = served.json("version")["version"]
    item = served.server.order("e0")[0]
    address = f"{served.server.base}/api/rater/{served.server.token('e0')}/ratings/{item}"
    httpx.put(address, json={"rating": 1, "client_id": "again", "response_ms": 900}).raise_for_status()
    for _ in range(30):
        page.clock.fast_forward(LOOK_AGAIN_MS)
        page.wait_for_timeout(500)
        if page.locator(".news").count():
            break
    page.locator(".news").click()
    ready(page)
    assert served.json("version")["version"] != before
    expect(page.locator(".news")).to_have_count(0)
    expect(selected(page)).to_have_text("Best")


def test_a_study_without_a_figure_says_so_and_shows_no_more(make_study, serve_study, open_page):
    study = make_study(images=1, references=0, tasks=("aesthetic",))
    study.close()
    served = Served(serve_study(study))
    page = open_page(served.link(), viewport=DESKTOP)
    ready(page)
    expect(page.locator(".answer-sentence")).to_have_text(served.json("best")["refused"])
    expect(page.locator(".charts")).to_have_text("No metric has values of a checkpoint with a step yet.")
    for part in (".trends > .controls", ".legend", ".hint", ".trends .notes"):
        expect(page.locator(part)).to_be_hidden()
