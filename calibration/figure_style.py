"""What the report's figures share: colours, axes and texts.

A figure is a plotly dictionary ({"data", "layout"}), ready for plotly.js. Colours are names of CSS variables
(``"--people"``), which the page's script replaces by their values in the light or dark scheme. Every name from the
tables passes through `plain`, because plotly reads a subset of HTML in its texts.
"""

import html
from collections.abc import Sequence
from typing import Any

Figure = dict[str, Any]

ROW_HEIGHT = 22
"""Pixels for a row of a figure with one row a name."""

_LONGEST_LABEL = 24


def plain(text: str) -> str:
    """A text that plotly shows as it is, whatever it contains.

    Examples
    --------
    >>> plain("<b>a</b> & b")
    '&lt;b&gt;a&lt;/b&gt; &amp; b'
    """
    return html.escape(str(text), quote=False)


def label(name: str) -> str:
    """A name for an axis, cut where it is too long; hovering shows it whole.

    Examples
    --------
    >>> label("a metric with a very long name")
    'a metric with a very lo…'
    """
    return plain(name if len(name) <= _LONGEST_LABEL else f"{name[: _LONGEST_LABEL - 1]}…")


def is_simulated(evaluator: str) -> bool:
    """Whether an evaluator is no person; humangrade's own simulated evaluators all have names that say so.

    Examples
    --------
    >>> is_simulated("simulated-3"), is_simulated("Ann")
    (True, False)
    """
    return evaluator.casefold().startswith("simulated")


def name_axis(names: Sequence[str], bold: Sequence[bool] | None = None) -> dict[str, Any]:
    """A vertical axis with one row a name, the first on top."""
    labels = [label(name) for name in names]
    if bold is not None:
        labels = [f"<b>{text}</b>" if is_bold else text for text, is_bold in zip(labels, bold, strict=True)]
    return {
        "tickvals": list(range(len(names))),
        "ticktext": labels,
        "range": [len(names) - 0.4, -0.6],
        "fixedrange": True,
        "zeroline": False,
    }


def vertical_line(x: float) -> dict[str, Any]:
    """A dotted line over the whole height of the plot."""
    return {
        "type": "line",
        "x0": x,
        "x1": x,
        "y0": 0,
        "y1": 1,
        "yref": "paper",
        "line": {"color": "--muted", "width": 1, "dash": "dot"},
    }


def plain_axis() -> dict[str, Any]:
    """What every axis starts from."""
    return {
        "automargin": True,
        "gridcolor": "--rule",
        "zerolinecolor": "--rule",
        "linecolor": "--rule",
        "exponentformat": "power",
    }


def base_layout(height: int, legend: bool = False) -> dict[str, Any]:
    """What every figure's layout starts from; height in pixels, the width follows the page."""
    return {
        "autosize": True,
        "height": height,
        "margin": {"l": 50, "r": 16, "t": 24, "b": 48},
        "paper_bgcolor": "--card",
        "plot_bgcolor": "--card",
        "font": {"size": 12, "color": "--ink"},
        "hovermode": "closest",
        "hoverlabel": {"align": "left"},
        "uirevision": "kept",
        "xaxis": plain_axis(),
        "yaxis": plain_axis(),
        "showlegend": legend,
        "legend": {"orientation": "h", "x": 0, "xref": "container", "y": 0, "yref": "container", "yanchor": "bottom"},
    }
