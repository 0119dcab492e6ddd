"""The owner's page in headless Chromium: progress that refreshes itself, links to copy, the report, the export."""

import re
import zipfile

import httpx
import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server(make_study, serve_study):
    return serve_study(make_study(images=4))


@pytest.fixture
def page(chromium):
    context = chromium.new_context(accept_downloads=True)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page, problems = context.new_page(), []
    page.on("console", lambda message: message.type == "error" and problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    context.close()
    expected = ("ERR_FAILED", "503 (Service Unavailable)")  # where a test takes something away
    assert [problem for problem in problems if not any(words in problem for words in expected)] == []


def rate(server, name, place, rating):
    address = f"{server.base}/api/rater/{server.token(name)}/ratings/{server.order(name)[place]}"
    answer = {"rating": rating, "client_id": f"{name}-{place}", "response_ms": 2000}
    httpx.put(address, json=answer).raise_for_status()


def test_progress_links_report_and_export(server, page):
    page.goto(server.links["owner"])
    expect(page.locator(".title")).to_have_text("Portraits in winter")
    assert page.title() == "Portraits in winter"
    ann = page.locator(".rows tr").first
    expect(ann.locator(".done").first).to_have_text("0/4")

    for place in range(4):
        rate(server, "ann", place, 3)
    expect(ann.locator(".done").first).to_have_text("4/4", timeout=15_000)  # without a reload
    expect(ann.locator(".pace").first).to_have_text("2.0 s an image (median)")
    expect(page.locator(".figures strong")).to_have_text(["25 %", "4 / 16", "0 / 2"])

    ann.locator(".copy").click()
    expect(ann.locator(".copy")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == server.links["ann"]

    page.locator(".show").click()
    body = page.frame_locator(".frame").locator("body")
    expect(body).to_contain_text("The report is being made.")
    expect(body).to_contain_text(re.compile("similarity", re.IGNORECASE), timeout=120_000)  # by itself
    expect(body.locator(".live")).to_contain_text("from 4 ratings")

    with page.expect_download() as download:
        page.locator(".export").click()
    assert download.value.suggested_filename == "humangrade-export.zip"
    with page.expect_download() as download:
        page.locator(".nameless").click()
    assert download.value.suggested_filename == "humangrade-export-without-names.zip"
    with zipfile.ZipFile(download.value.path()) as packed:
        rows = packed.read("ratings.csv").decode().splitlines()[1:]
    assert {row.split(",")[1] for row in rows} <= {"evaluator-1", "evaluator-2"} and len(rows) == 4


def test_a_server_that_is_gone_for_a_while_is_said(server, page):
    page.goto(server.links["owner"])
    expect(page.locator(".fresh")).to_contain_text("Updated")
    page.route("**/progress", lambda route: route.abort())
    expect(page.locator(".fresh")).to_contain_text("cannot be reached", timeout=15_000)
    page.unroute("**/progress")
    expect(page.locator(".fresh")).to_contain_text("Updated", timeout=15_000)


def test_a_database_that_is_gone_is_said_with_what_to_do(server, page):
    page.goto(server.links["owner"])
    expect(page.locator(".trouble")).to_be_hidden()
    database = server.folder / "ratings.sqlite"
    database.rename(database.with_name("aside"))
    expect(page.locator(".trouble")).to_contain_text("was deleted or moved while it was open", timeout=15_000)
    expect(page.locator(".fresh")).to_contain_text("cannot read the study")
    database.with_name("aside").rename(database)
    rate(server, "bob", 0, 3)
    expect(page.locator(".trouble")).to_be_hidden(timeout=15_000)


def test_an_address_without_its_key(server, page):
    page.goto(f"{server.base}/owner/")
    expect(page.locator(".fresh")).to_contain_text("Open the private link of the owner")
