"""The rating page on scales of their own in headless Chromium: keys, taps, layouts, and on to the report."""

import pytest
from playwright.sync_api import expect

from study.calibrating import calibrate_study
from study.folder.config import page_scale
from study.folder.study import open_study
from study.server.pages import WEB
from tests.study.server.rating_page import prefetched, press, saved, shown

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def serve(make_study, serve_study):
    """A function that gives a server of four images on a scale; those of one scale share it, each with their raters."""
    servers = {}

    def start(scale):
        if scale not in servers:
            options = {"images": 4, "references": 1, "tasks": ("similarity",), "share_report": True}
            servers[scale] = serve_study(make_study(scale=scale, evaluators=("ann", "bob", "cleo", "dora"), **options))
        return servers[scale]

    return start


@pytest.mark.parametrize(
    ("scale", "keys", "given", "outside", "legend"),
    [
        ("0-10", ["x", "0", "X", "9"], [10, 0, 10, 9], "a", "Keys 0–9, X for 10"),
        ("-2,-0.5,0,1", ["a", "d", "B", "c"], [-2, 1, -0.5, 0], "1", "Keys A–D"),
    ],
)
def test_every_level_has_a_key_and_the_page_says_which(serve, open_page, scale, keys, given, outside, legend):
    server = serve(scale)
    page = open_page(server.links["ann"])
    shown(page, "1 of 4")
    numbers = page_scale(scale).numbers
    assert [float(one.get_attribute("data-rating")) for one in page.locator(".scale button").all()] == list(numbers)
    assert page.locator(".scale .number").all_inner_texts() == [f"{number:g}" for number in numbers]
    assert page.locator(".hint").inner_text() == legend
    page.keyboard.press(outside)
    press(page, keys[:3], total=4)
    shown(page, "4 of 4")
    page.keyboard.press("Backspace")
    shown(page, "3 of 4")
    expect(page.locator(".scale [aria-pressed=true]")).to_have_attribute("data-rating", f"{given[2]:g}")
    expect(page.locator(".announcement")).to_contain_text(f"Your answer: {given[2]:g}.")
    page.keyboard.press("ArrowRight")
    press(page, keys[3:], first=4, total=4)
    expect(page.locator(".end-saved")).to_have_text("Every answer is saved.")
    assert server.ratings("ann") == dict(zip(server.order("ann"), given, strict=True))


@pytest.mark.parametrize(("scale", "lowest"), [("0-4", 0), ("1-7", 1)])
def test_from_the_first_key_to_the_report(serve, open_page, scale, lowest):
    server = serve(scale)
    numbers = page_scale(scale).numbers
    for name, steps in (("ann", (0, 1, 3, 4)), ("bob", (0, 2, 3, 4))):
        page = open_page(server.links[name])
        press(page, [str(lowest + step) for step in steps], total=4)
        expect(page.locator(".end-saved")).to_have_text("Every answer is saved.")
    with open_study(server.folder, watch=True) as study:
        table = study.store.ratings_table()
        assert sorted(table["rating"]) == sorted(lowest + step for step in (0, 1, 3, 4, 0, 2, 3, 4))
        report = calibrate_study(study).report
    assert report["settings"]["scale"]["values"] == list(numbers)
    assert report["tasks"]["similarity"]["n_ratings"] == 8
    with page.context.expect_page() as opened:
        page.locator(".end-report").click()
    expect(opened.value.locator("body")).to_contain_text(
        f"from {numbers[0]}, Not at all, to {numbers[-1]}, Exactly", timeout=90_000
    )


SCREENS = [(390, 844, True), (360, 640, True), (320, 568, True), (667, 375, True), (568, 320, True), (1280, 720, False)]


@pytest.mark.parametrize("scale", ["1-7", "0-10"])
def test_all_levels_fit_on_every_screen(serve, open_page, scale):
    server = serve(scale)
    pages = {touch: open_page(server.links["dora"], touch=touch) for touch in (True, False)}
    for width, height, touch in SCREENS:
        page = pages[touch]
        page.set_viewport_size({"width": width, "height": height})
        shown(page, "1 of 4")
        assert page.evaluate("document.querySelector('.hg').scrollHeight <= innerHeight + 1 || innerHeight < 600")
        boxes = []
        for control in page.locator(".scale button").all():
            control.scroll_into_view_if_needed()
            box = control.bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= width and box["y"] + box["height"] <= height + 1
            assert not touch or min(box["width"], box["height"]) >= 43.9, (width, height)
            assert control.evaluate("one => one.scrollWidth <= one.clientWidth"), (width, height)
            boxes.append(box)
        assert page.locator(".picture").bounding_box()["height"] >= 0.25 * height
        overlap = [
            (one, other)
            for at, one in enumerate(boxes)
            for other in boxes[at + 1 :]
            if abs(one["x"] - other["x"]) < one["width"] - 1 and abs(one["y"] - other["y"]) < one["height"] - 1
        ]
        assert height < 600 or overlap == [], (width, height)


def test_the_keys_of_any_scale_are_different(chromium):
    page = chromium.new_page()
    page.add_script_tag(content=(WEB / "rating" / "keys.js").read_text())
    for text in ("1-5", "0-10", "1-11", "5-15", "0,10,20", "-1,0,1", "0.1,0.2,0.3", "2,4,6,8,10"):
        numbers = list(page_scale(text).numbers)
        keys = page.evaluate("numbers => keysOf(numbers)", numbers)
        assert len(set(keys)) == len(numbers) and all(len(key) == 1 for key in keys), (text, keys)
        for number, key in zip(numbers, keys, strict=True):
            # a digit presses its own number, or ten; never another level
            assert not key.isdigit() or number == int(key) or (key, number) == ("0", 10), (text, keys)
    page.close()


def test_a_zero_is_an_answer(serve, open_page):
    """JavaScript takes 0 for false: it is kept, shown again, sent again and changed like any other."""
    server = serve("0-4")
    page = open_page(server.links["cleo"], expected=["ERR_INTERNET_DISCONNECTED"])
    shown(page, "1 of 4")
    prefetched(page, 5)
    page.context.set_offline(True)
    press(page, ["0"], total=4)
    expect(page.locator(".saving")).to_have_text("Offline, 1 kept")
    page.context.set_offline(False)
    saved(page)
    page.reload()
    shown(page, "2 of 4")
    page.keyboard.press("Backspace")
    shown(page, "1 of 4")
    expect(page.locator(".scale [aria-pressed=true]")).to_have_attribute("data-rating", "0")
    with page.expect_request("**/ratings/*") as caught:
        page.keyboard.press("3")
    assert caught.value.post_data_json["previous"] == 0
    saved(page)
    assert list(server.ratings("cleo").values()) == [3]
