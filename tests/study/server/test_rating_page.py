"""The rating page in headless Chromium: whole sessions by keyboard and by touch, interruptions, and what leaks."""

import random

import pytest
from playwright.sync_api import expect

from study import add_images, open_study
from tests.study.conftest import MARKER, save_image
from tests.study.server.rating_page import BOUNCE_MS, prefetched, press, saved, shown

pytestmark = pytest.mark.browser

RATERS = (
    *("ann", "bob", "cleo", "dora", "emil", "faye", "gina", "hugo"),
    *("ida", "jan", "kim", "lou", "max", "nia", "oda", "pia"),
)
KEEP_SAVED = """
window.savedAnswers = [];
const send = window.fetch;
window.fetch = async (address, options) => {
  const response = await send(address, options);
  if (options?.method === "PUT") window.savedAnswers.push(await response.clone().text());
  return response;
};
"""  # Playwright cannot read the body of an answer to a request with keepalive
SMALL_PHONE = {"width": 360, "height": 640}


@pytest.fixture(scope="module")
def server(make_study, serve_study):
    """Twelve images in two tasks: 24 ratings for each rater; each test has a rater of its own."""
    return serve_study(make_study(evaluators=RATERS))


def test_a_whole_session_by_keyboard(server, open_page):
    random.seed(1)
    given = [random.randint(1, 5) for _ in range(24)]
    page = open_page(server.links["ann"])
    shown(page, "1 of 12")
    assert page.title() == "Portraits in winter"
    assert page.locator("footer").count() == 0
    assert page.locator(".scale [aria-pressed=true]").count() == 0

    press(page, [str(rating) for rating in given[:7]])
    shown(page, "8 of 12")
    page.reload()
    shown(page, "8 of 12")
    press(page, [f"Numpad{rating}" for rating in given[7:10]], first=8)

    shown(page, "11 of 12")
    page.keyboard.press("Backspace")
    shown(page, "10 of 12")
    expect(page.locator(".scale [aria-pressed=true]")).to_have_attribute("data-rating", str(given[9]))
    page.keyboard.press("ArrowLeft")
    shown(page, "9 of 12")
    given[8] = given[8] % 5 + 1
    page.keyboard.press(str(given[8]))
    shown(page, "10 of 12")
    page.keyboard.press("ArrowRight")
    shown(page, "11 of 12")
    page.keyboard.press("ArrowRight")
    shown(page, "11 of 12")  # not past an image without an answer

    press(page, [str(rating) for rating in given[10:12]], first=11)
    shown(page, "1 of 12")
    expect(page.locator(".changed")).to_be_visible()
    expect(page.locator(".part")).to_have_text("Aesthetic, part 2 of 2")
    expect(page.locator(".references")).to_be_hidden()
    press(page, [str(rating) for rating in given[12:]])

    expect(page.locator(".end-title")).to_have_text("Thank you, you have rated everything.")
    expect(page.locator(".end-saved")).to_have_text("Every answer is saved.")
    expect(page.locator(".end-report")).to_be_hidden()
    assert page.locator(".end-counts li").all_inner_texts() == [
        "Similarity: 12 of 12 rated",
        "Aesthetic: 12 of 12 rated",
    ]
    assert server.ratings("ann") == dict(zip(server.order("ann"), given, strict=True))

    page.keyboard.press("Backspace")
    shown(page, "12 of 12")
    page.keyboard.press(str(given[-1] % 5 + 1))
    expect(page.locator(".hg")).to_have_attribute("data-state", "end")
    expect(page.locator(".end-saved")).to_have_text("Every answer is saved.")
    assert server.ratings("ann")[server.order("ann")[-1]] == given[-1] % 5 + 1


def test_two_evaluators_at_the_same_time(server, open_page):
    pages = {name: open_page(server.links[name]) for name in ("bob", "cleo")}
    for number in range(1, 13):
        for name, page in pages.items():
            press(page, ["2" if name == "bob" else "4"], first=number)
    for name, page in pages.items():
        shown(page, "1 of 12")
        saved(page)
        assert set(server.ratings(name).values()) == {2 if name == "bob" else 4}
        assert list(server.ratings(name)) == server.order(name)[:12]


def test_keys_that_rate_nothing(server, open_page):
    page = open_page(server.links["dora"])
    shown(page, "1 of 12")
    for key in ("0", "6", "a", "Enter", "ArrowRight", "Backspace", "Control+1", "Alt+2", "Meta+3"):
        page.keyboard.press(key)
    shown(page, "1 of 12")
    for _ in range(5):
        page.keyboard.down("3")  # held down: the first counts, its repetitions do not
    page.keyboard.up("3")
    shown(page, "2 of 12")
    saved(page)
    assert list(server.ratings("dora").values()) == [3]


def test_taps_on_a_small_phone(server, open_page):
    page = open_page(server.links["emil"], viewport=SMALL_PHONE, touch=True)
    for number in range(1, 13):
        shown(page, f"{number} of 12")
        assert page.evaluate("document.scrollingElement.scrollHeight <= innerHeight")
        page.locator(".scale button").nth(number % 5).tap()
    shown(page, "1 of 12")
    saved(page)
    assert list(server.ratings("emil").values()) == [1 + number % 5 for number in range(1, 13)]

    page.locator(".back").tap()
    shown(page, "12 of 12")
    page.locator(".photo").first.tap()
    expect(page.locator(".enlarged")).to_be_visible()
    page.locator(".close").tap()
    expect(page.locator(".enlarged")).to_be_hidden()
    for control in page.locator("button:visible").all():
        box = control.bounding_box()
        assert box["width"] >= 44 and box["height"] >= 44
        assert box["y"] + box["height"] <= SMALL_PHONE["height"]
    assert page.locator(".picture img").bounding_box()["height"] >= 200


def test_the_second_click_of_a_double_click_is_not_for_the_next_image(server, open_page):
    page = open_page(server.links["faye"])
    shown(page, "1 of 12")
    page.locator(".scale button").nth(1).dblclick()
    shown(page, "2 of 12")
    saved(page)
    assert list(server.ratings("faye").values()) == [2]


def test_a_key_that_bounces_rates_one_image(server, open_page):
    page = open_page(server.links["max"])
    shown(page, "1 of 12")
    prefetched(page, 6)
    # Both presses from within the page: on a busy machine, two from outside can lie further apart than a bounce.
    page.evaluate(
        """async () => {
          const press = () => document.dispatchEvent(new KeyboardEvent("keydown", { key: "4" }));
          press();
          while (document.querySelector(".hg").dataset.state !== "rating") await new Promise(requestAnimationFrame);
          press();
        }"""
    )
    page.wait_for_timeout(BOUNCE_MS)
    shown(page, "2 of 12")
    page.keyboard.press("4")
    shown(page, "3 of 12")
    saved(page)
    assert list(server.ratings("max").values()) == [4, 4]


def test_what_was_rated_on_another_device_is_not_asked_again(server, open_page):
    laptop, phone = (open_page(server.links["nia"], expected=["409"]) for _ in range(2))
    shown(laptop, "1 of 12")
    press(phone, ["5", "4"])
    saved(phone)
    laptop.evaluate("window.dispatchEvent(new Event('focus'))")
    shown(laptop, "3 of 12")
    press(laptop, ["1"], first=3)
    saved(laptop)
    assert list(server.ratings("nia").values()) == [5, 4, 1]
    # the phone has not looked again: its answer to the third image does not take the laptop's place
    press(phone, ["2"], first=3)
    expect(phone.locator(".trouble")).to_contain_text("rated on another page of yours meanwhile; that answer stays")
    expect(phone.locator(".saving")).to_have_text("")
    assert list(server.ratings("nia").values()) == [5, 4, 1]
    phone.keyboard.press("Backspace")
    shown(phone, "3 of 12")
    expect(phone.locator(".scale [aria-pressed=true]")).to_contain_text("1")
    phone.keyboard.press("3")
    saved(phone)
    assert list(server.ratings("nia").values()) == [5, 4, 3]


def test_who_comes_back_twice_within_seconds_is_shown_what_was_rated_in_between(server, open_page):
    laptop, phone = (open_page(server.links["pia"]) for _ in range(2))
    shown(laptop, "1 of 12")
    shown(phone, "1 of 12")
    with laptop.expect_response("**/session"):
        laptop.evaluate("window.dispatchEvent(new Event('focus'))")
    press(phone, ["5"])
    saved(phone)
    laptop.evaluate("window.dispatchEvent(new Event('focus'))")
    shown(laptop, "2 of 12")


def test_an_older_answer_that_arrives_late_does_not_replace_a_newer_one(server, open_page):
    one, other = (open_page(server.links["oda"], expected=["ERR_FAILED", "409"]) for _ in range(2))
    shown(one, "1 of 12")
    shown(other, "1 of 12")
    one.route("**/ratings/*", lambda route: route.abort())
    press(one, ["1"])
    expect(one.locator(".saving")).to_have_text("Offline, 1 kept")
    press(other, ["5"])
    saved(other)
    one.unroute("**/ratings/*")
    expect(one.locator(".trouble")).to_contain_text("that answer stays")
    assert list(server.ratings("oda").values()) == [5]


@pytest.mark.parametrize(("width", "height"), [(667, 375), (640, 360), (568, 320), (844, 390), (320, 568), (320, 256)])
def test_the_image_has_room_and_the_answers_are_within_reach(server, open_page, width, height):
    page = open_page(server.links["lou"], viewport={"width": width, "height": height})
    expect(page.locator(".hg")).to_have_attribute("data-state", "rating")
    assert page.locator(".picture").bounding_box()["height"] >= 0.25 * height
    for control in page.locator(".scale button").all():
        control.scroll_into_view_if_needed()
        box = control.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width and box["y"] + box["height"] <= height + 1


def test_offline_and_online_again(server, open_page):
    page = open_page(server.links["gina"], expected=["ERR_INTERNET_DISCONNECTED"])
    press(page, ["1"])
    shown(page, "2 of 12")
    saved(page)
    prefetched(page, 7)
    page.context.set_offline(True)
    press(page, ["2", "3", "4"], first=2)
    expect(page.locator(".saving")).to_have_text("Offline, 3 kept")
    keys = page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('humangrade:'))")
    assert len(keys) == 3
    assert server.token("gina") not in str(keys)
    page.context.set_offline(False)
    saved(page)
    assert list(server.ratings("gina").values()) == [1, 2, 3, 4]
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('humangrade:'))") == []


def test_closed_while_offline_and_opened_again(server, open_page):
    page = open_page(server.links["hugo"], expected=["ERR_INTERNET_DISCONNECTED"])
    shown(page, "1 of 12")
    prefetched(page, 6)
    page.context.set_offline(True)
    press(page, ["5", "4"])
    expect(page.locator(".saving")).to_have_attribute("data-kind", "offline")
    warnings = []
    page.on("dialog", lambda dialog: (warnings.append(dialog.type), dialog.accept()))
    page.close(run_before_unload=True)
    assert server.ratings("hugo") == {}
    context = page.context
    context.set_offline(False)
    again = context.new_page()
    again.goto(server.links["hugo"])
    shown(again, "3 of 12")
    saved(again)
    assert list(server.ratings("hugo").values()) == [5, 4]
    assert warnings == ["beforeunload"]


def test_a_failing_server_is_asked_again_and_a_refusal_is_said(server, open_page):
    page = open_page(server.links["ida"], expected=["503", "409"])
    answers = [(503, "{}"), (409, '{"detail": "No more answers today."}')]

    def fail(route):
        if answers:
            status, body = answers.pop(0)
            route.fulfill(status=status, body=body, content_type="application/json")
        else:
            route.continue_()

    page.route("**/ratings/*", fail)
    press(page, ["1"])
    expect(page.locator(".trouble")).to_have_text("Not saved: 1 answer. No more answers today.")
    expect(page.locator(".saving")).to_have_text("")
    assert server.ratings("ida") == {}
    page.keyboard.press("Backspace")
    shown(page, "1 of 12")
    assert page.locator(".scale [aria-pressed=true]").count() == 0
    page.keyboard.press("4")
    expect(page.locator(".trouble")).to_be_hidden()
    saved(page)
    assert list(server.ratings("ida").values()) == [4]


def test_nothing_is_rated_unseen(server, open_page):
    page = open_page(server.links["jan"], expected=["ERR_FAILED"], go=False)
    broken = server.order("jan")[1]
    page.route(f"**/images/{broken}", lambda route: route.abort())
    page.goto(server.links["jan"])
    press(page, ["2"])
    expect(page.locator(".missing")).to_be_visible()
    page.keyboard.press("5")
    expect(page.locator(".count")).to_have_text("2 of 12")
    page.locator(".skip").click()
    press(page, ["3"] * 10, first=3)
    press(page, ["4"] * 12)
    expect(page.locator(".end-title")).to_have_text("That was the last image.")
    expect(page.locator(".end-text")).to_have_text("1 image still without an answer.")
    page.unroute(f"**/images/{broken}")
    page.locator(".end-retry").click()
    press(page, ["1"], first=2)
    expect(page.locator(".end-title")).to_have_text("Thank you, you have rated everything.")
    expect(page.locator(".end-saved")).to_have_text("Every answer is saved.")
    assert server.ratings("jan")[broken] == 1


def test_what_the_server_says_of_a_missing_picture_is_shown(make_study, serve_study, open_page):
    study = make_study(images=2, tasks=("aesthetic",), references=0, evaluators=("ann",))
    server = serve_study(study)
    for item in study.items["item"]:
        study.image_path(item).unlink()
    page = open_page(server.links["ann"], expected=["404"])
    expect(page.locator(".missing-text")).to_have_text("This picture did not load yet. It is tried again by itself.")
    expect(page.locator(".missing-text")).to_contain_text("tell the owner of the study", timeout=15_000)


def test_names_appear_nowhere(server, open_page):
    page = open_page(server.links["kim"], go=False)
    responses = []
    page.on("response", lambda response: responses.append(response))
    page.add_init_script(KEEP_SAVED)
    page.goto(server.links["kim"])
    press(page, ["1"] * 12)
    press(page, ["2"] * 12)
    expect(page.locator(".end-saved")).to_have_text("Every answer is saved.")

    received = [page.content(), *page.evaluate("window.savedAnswers")]
    assert len(received) == 25
    for response in responses:
        received += [response.url, str(response.headers)]
        if response.request.method == "GET":
            received.append(response.body().decode("latin-1"))
    everything = "\n".join(received)
    pictures = {response.url for response in responses if "/images/" in response.url}
    assert len({url for url in pictures if "/references/" not in url}) == 24
    assert MARKER.lower() not in everything.lower()
    assert "checkpoint-300" not in everything
    assert server.token("bob") not in everything


def test_an_unknown_link_and_no_link(server, open_page):
    page = open_page(f"{server.base}/rate/?key=nobody", expected=["404"])
    expect(page.locator(".message-text")).to_contain_text("This link is not known.")
    page.goto(f"{server.base}/rate/")
    expect(page.locator(".message-text")).to_contain_text("Open the private link you were given")


def test_time_is_counted_from_the_picture(server, open_page):
    page = open_page(server.links["lou"])
    shown(page, "1 of 12")
    page.wait_for_timeout(300)
    with page.expect_request("**/ratings/*") as caught:
        page.keyboard.press("3")
    answer = caught.value.post_data_json
    assert 300 <= answer["response_ms"] < 10_000
    assert set(answer) == {"rating", "client_id", "response_ms", "previous"} and answer["previous"] is None


def test_a_restarted_server_continues(make_study, serve_study, open_page):
    server = serve_study(
        make_study(images=6, tasks=("aesthetic",), references=0, evaluators=("ann",), share_report=True)
    )
    page = open_page(server.links["ann"], expected=["ERR_CONNECTION_REFUSED"])
    press(page, ["1", "2"], total=6)
    shown(page, "3 of 6")
    saved(page)
    prefetched(page, 6)
    server.stop()
    press(page, ["3"], first=3, total=6)
    expect(page.locator(".saving")).to_have_attribute("data-kind", "offline")
    server.start()
    saved(page)
    press(page, ["4", "5", "1"], first=4, total=6)
    expect(page.locator(".end-report")).to_be_visible()
    assert list(server.ratings("ann").values()) == [1, 2, 3, 4, 5, 1]
    with page.context.expect_page() as opened:
        page.locator(".end-report").click()
    opened.value.wait_for_load_state()
    assert opened.value.locator("h1").count() >= 1


def test_images_are_added_while_the_page_of_who_has_finished_is_open(make_study, serve_study, open_page):
    study = make_study(images=6, references=0, evaluators=("ann",), tasks=("look", "likeness"))
    server = serve_study(study)
    page = open_page(server.links["ann"], expected=["ERR_CONNECTION_REFUSED"])
    press(page, "123451", total=6)
    press(page, "543215", total=6)
    expect(page.locator(".end-title")).to_have_text("Thank you, you have rated everything.")
    saved(page)
    before = server.ratings("ann")
    server.stop()
    for number in range(4):
        save_image(study.folder.parent / "images" / "later" / f"{number}.png", 2000 + number)
    with open_study(study.folder) as closed:
        grown = add_images(closed, study.folder.parent / "images", anchors=0.3)
        assert len(grown.anchors) == 2
    server.start()
    page.wait_for_timeout(3100)  # it looks again at most every three seconds
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    shown(page, "1 of 6")
    expect(page.locator(".part")).to_have_text("Look, part 1 of 2, 6 new images")
    expect(page.locator(".bar")).to_have_attribute("aria-valuetext", "0 of 12 rated")
    expect(page.locator(".back")).to_be_disabled()  # what was answered before others came stays
    page.keyboard.press("Backspace")
    shown(page, "1 of 6")
    press(page, "22", total=6)
    shown(page, "3 of 6")
    page.keyboard.press("Backspace")
    shown(page, "2 of 6")
    page.keyboard.press("3")
    shown(page, "3 of 6")
    saved(page)
    page.reload()
    press(page, "4444", first=3, total=6)
    expect(page.locator(".changed")).to_be_visible()
    press(page, "555555", total=6)
    expect(page.locator(".end-counts")).to_have_text("Look: 12 of 12 ratedLikeness: 12 of 12 rated")
    saved(page)
    after = server.ratings("ann")
    assert {key: after[key] for key in before} == before
    with open_study(study.folder) as closed:
        own = closed.store.assignments(1)
        assert [one.rating for one in own if one.round == 2] == [2, 3, 4, 4, 4, 4, *[5] * 6]
        again = [one for one in own if one.round == 2 and one.item in grown.anchors]
        assert len(again) == 4 and {one.repeat for one in again} == {1}
