"""The two Gradio apps, each one `gr.HTML` panel with its own script, and the plain page for short messages.

Nothing of a study is in them: a page gets what it shows from our own routes, with the key in its link.
"""

import html
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import gradio

WEB = files("study") / "web"


def rating_page() -> "gradio.Blocks":
    """The page on which an evaluator rates."""
    return _page("Rating", "rating", ("outbox.js", "pictures.js", "keys.js", "rating_view.js", "rating.js"))


def owner_page() -> "gradio.Blocks":
    """The page on which the owner of a study sees how far it is."""
    return _page("Study", "owner", ("owner.js",))


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
    import gradio as gr

    style = _web("shared/base.css") + _web(f"{name}/{name}.css")
    with gr.Blocks(title=title, analytics_enabled=False) as blocks:
        gr.HTML(
            html_template=f"<style>{style}</style>{_web(f'{name}/{name}.html')}",
            js_on_load="\n".join(_web(f"{name}/{script}") for script in scripts),
            apply_default_css=False,
        )
    return blocks


def _web(name: str) -> str:
    return (WEB / name).read_text(encoding="utf-8")
