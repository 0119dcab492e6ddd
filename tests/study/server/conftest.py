"""The browser of the rating page's tests."""

import pytest

from tests.study.server.drawn_study import draw_study

DESKTOP = {"width": 1280, "height": 800}


@pytest.fixture
def open_page(chromium):
    """A function that opens a link in a browser context of its own; no page may log an error or leave the server."""
    contexts, problems = [], []

    def watch(page, base, expected):
        def on_console(message):
            if message.type in ("error", "warning") and not any(text in message.text for text in expected):
                problems.append(message.text)

        page.on("console", on_console)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: request.url.startswith((base, "data:")) or problems.append(request.url))

    def open_link(link, expected=(), viewport=DESKTOP, touch=False, go=True):
        context = chromium.new_context(viewport=viewport, has_touch=touch, is_mobile=touch)
        contexts.append(context)
        base = "/".join(link.split("/")[:3])
        context.on("page", lambda page: watch(page, base, expected))
        page = context.new_page()
        if go:
            page.goto(link)
        return page

    yield open_link
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture(scope="session")
def drawn_study(tmp_path_factory):
    """A study of 31 checkpoints, closed: for servers in processes of their own."""
    study = draw_study(tmp_path_factory.mktemp("drawn"))
    study.close()
    return study
