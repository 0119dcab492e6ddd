"""The two Gradio apps, each one `gr.HTML` panel with its own script, and the plain page for short messages.

Nothing of a study is in them: a page gets what it shows from our own routes, with the key in its link.
"""

import html
from string import Template
from typing import TYPE_CHECKING

from study.dashboard import parts as dashboard_parts
from study.dashboard.parts import WEB

if TYPE_CHECKING:
    import gradio


def rating_page() -> "gradio.Blocks":
    """The page on which an evaluator rates."""
    return _page("Rating", "rating", ("outbox.js", "pictures.js", "keys.js", "rating_view.js", "rating.js"))


def owner_page() -> "gradio.Blocks":
    """The page on which the owner of a study sees how far it is."""
    return _page("Study", "owner", ("owner.js",))


def dashboard_page() -> "gradio.Blocks":
    """The page on which the owner looks at runs: trends, grids, galleries."""
    return _panel("Dashboard", dashboard_parts.page(), dashboard_parts.script())


def message_page(title: str, text: str, refresh_seconds: int = 0, share_done: float | None = None) -> str:
    """A page that holds a heading and one paragraph.

    Parameters
    ----------
    title, text : str
        What it says.
    refresh_seconds : int
        The page loads itself again after so many; 0 for never.
    share_done : float, optional
        From 0 to 1, for a bar below the words.

    Examples
    --------
    >>> "<p>2 &lt; 3</p>" in message_page("No report yet", "2 < 3")
    True
    """
    refresh = f'<meta http-equiv="refresh" content="{refresh_seconds}">\n' if refresh_seconds else ""
    bar = "" if share_done is None else f'<progress max="100" value="{100 * share_done:.0f}"></progress>'
    words = {"title": html.escape(title), "text": html.escape(text), "refresh": refresh, "bar": bar}
    return Template(_web("shared/message.html")).substitute(words)


def icon() -> str:
    """The icon of the pages, as SVG."""
    return _web("shared/icon.svg")


def _page(title: str, name: str, scripts: tuple[str, ...]) -> "gradio.Blocks":
    style = _web("shared/base.css") + _web(f"{name}/{name}.css")
    body = f"<style>{style}</style>{_web(f'{name}/{name}.html')}"
    return _panel(title, body, "\n".join(_web(f"{name}/{script}") for script in scripts))


def _panel(title: str, body: str, script: str) -> "gradio.Blocks":
    import gradio as gr

    with gr.Blocks(title=title, analytics_enabled=False) as blocks:
        gr.HTML(html_template=body, js_on_load=script, apply_default_css=False)
    return blocks


def _web(name: str) -> str:
    return (WEB / name).read_text(encoding="utf-8")
