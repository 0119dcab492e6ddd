"""The page's outbox where servers, proxies, networks and shared browsers misbehave: no answer is lost or swapped."""

import json

import pytest
from playwright.sync_api import expect

from tests.study.server.rating_page import press, saved, shown

pytestmark = pytest.mark.browser

RATERS = ("ann", "bob", "cleo", "dora", "emil", "faye", "gina", "hugo")


@pytest.fixture(scope="module")
def server(make_study, serve_study):
    """Six images; each test has raters of its own."""
    return serve_study(make_study(images=6, references=0, tasks=("aesthetic",), evaluators=RATERS))


@pytest.mark.parametrize(("status", "rater"), [(408, "ann"), (425, "bob"), (429, "cleo")])
def test_what_a_busy_proxy_answers_is_no_refusal(server, open_page, status, rater):
    page = open_page(server.links[rater], expected=[str(status)])
    shown(page, "1 of 6")
    busy = [status, status]

    def answer(route):
        if busy:
            route.fulfill(status=busy.pop(), body="Too busy", content_type="text/plain")
        else:
            route.continue_()

    page.route("**/ratings/*", answer)
    press(page, ["4"], total=6)
    expect(page.locator(".saving")).to_have_text("Offline, 1 kept")
    saved(page)
    expect(page.locator(".trouble")).to_be_hidden()
    assert busy == [] and list(server.ratings(rater).values()) == [4]


def test_a_server_that_never_answers_is_asked_again(server, open_page):
    page = open_page(server.links["dora"], go=False)
    page.clock.install()
    page.goto(server.links["dora"])
    shown(page, "1 of 6")
    hanging = []

    def hang_once(route):
        if hanging:
            route.continue_()
        else:
            hanging.append(route)

    page.route("**/ratings/*", hang_once)
    page.clock.run_for(1000)
    page.keyboard.press("5")
    shown(page, "2 of 6")
    page.clock.run_for(14_000)
    assert len(hanging) == 1
    expect(page.locator(".saving")).to_have_text("Saving…")
    page.clock.run_for(2_000)
    expect(page.locator(".saving")).to_have_text("Offline, 1 kept")
    page.clock.run_for(2_000)
    saved(page)
    assert list(server.ratings("dora").values()) == [5]


def test_two_raters_of_one_browser_have_an_outbox_each(server, open_page):
    """At a shared tablet, what one rater could not send is not sent in the next one's name, nor thrown away."""
    first = open_page(server.links["emil"], expected=["ERR_FAILED"])
    context = first.context
    context.route("**/ratings/*", lambda route: route.abort())
    press(first, ["2", "3"], total=6)
    expect(first.locator(".saving")).to_have_text("Offline, 2 kept")
    first.close()
    second = context.new_page()
    sent = []
    second.on("request", lambda request: request.method == "PUT" and sent.append(request.url))
    second.goto(server.links["faye"])
    shown(second, "1 of 6")
    context.unroute("**/ratings/*")
    press(second, ["5"], total=6)
    saved(second, kept=2)
    assert len(sent) == 1 and server.token("faye") in sent[0]
    second.close()
    again = context.new_page()
    again.goto(server.links["emil"])
    shown(again, "3 of 6")
    saved(again)
    assert (list(server.ratings("emil").values()), list(server.ratings("faye").values())) == ([2, 3], [5])


def test_answers_of_one_millisecond_keep_their_order(server, open_page):
    """The clock of a page may stand still, or be turned back; what was answered last must also arrive last."""
    page = open_page(server.links["gina"], expected=["ERR_FAILED"], go=False)
    page.add_init_script("Date.now = () => 1700000000000;")
    page.goto(server.links["gina"])
    shown(page, "1 of 6")
    page.context.route("**/ratings/*", lambda route: route.abort())
    given = ["1", "2", "3", "4", "5", "1"]
    press(page, given, total=6)
    for rating in "234512345":  # the last image again and again
        page.keyboard.press("Backspace")
        shown(page, "6 of 6")
        page.wait_for_timeout(160)
        page.keyboard.press(rating)
        expect(page.locator(".hg")).to_have_attribute("data-state", "end")
    expect(page.locator(".end-saved")).to_contain_text("15 answers still to be sent")
    page.on("dialog", lambda dialog: dialog.accept())
    page.close()
    again = page.context.new_page()
    arrived = []
    again.on(
        "request", lambda request: request.method == "PUT" and arrived.append(json.loads(request.post_data)["rating"])
    )
    page.context.unroute("**/ratings/*")
    again.goto(server.links["gina"])
    expect(again.locator(".end-saved")).to_have_text("Every answer is saved.")
    assert arrived == [1, 2, 3, 4, 5, 1, *map(int, "234512345")]
    assert list(server.ratings("gina").values()) == [1, 2, 3, 4, 5, 5]


def test_a_late_picture_is_not_shown_for_the_image_that_is_asked_now(server, open_page):
    page = open_page(server.links["hugo"], go=False)
    order = server.order("hugo")
    held = []
    page.route(f"**/images/{order[1]}", lambda route: held.append(route))
    page.goto(server.links["hugo"])
    press(page, ["3"], total=6)
    expect(page.locator(".count")).to_have_text("2 of 6")
    expect(page.locator(".waiting")).to_be_visible()
    page.keyboard.press("Backspace")  # away from the image whose picture is still on its way
    shown(page, "1 of 6")
    held[0].continue_()
    page.wait_for_function(f"performance.getEntriesByType('resource').some((one) => one.name.endsWith('{order[1]}'))")
    page.wait_for_timeout(300)
    shown(page, "1 of 6")
    assert page.locator(".picture img").get_attribute("src").endswith(order[0])
    page.keyboard.press("ArrowRight")
    shown(page, "2 of 6")
    assert page.locator(".picture img").get_attribute("src").endswith(order[1])
