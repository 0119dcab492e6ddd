"""What the report's figures share: a canvas of matplotlib that becomes inline SVG, colours, axes and labels.

Nothing of pyplot is used, and matplotlib's settings are its own defaults while a figure is drawn, whatever the user's
configuration says, so that the same data always give the same bytes. Names from the tables never pass through
matplotlib, which would read ``$`` as mathematics and miss glyphs in its font: it draws place holders, and the names
are put in afterwards.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from calibration.core.grades import Array
from calibration.page.figure_svg import inline_svg
from calibration.page.score_digits import digits_for, score_text

WIDTH = 400
"""Pixels; narrow, so that texts stay readable where a phone shows the figure smaller."""

ROW_HEIGHT = 20
"""Pixels for a row of a figure with one row a name."""

FONT = 12.5
"""Pixels; report.css gives the same size to figures."""

_NAMES = (
    *("ink", "muted", "rule", "people", "people-band", "metric", "constant"),
    *(f"threshold-{number}" for number in (1, 2, 3, 4)),
)
COLOURS = {name: f"#{0x010203 + 7 * number:06x}" for number, name in enumerate(_NAMES)}
"""The colour to draw with, by the CSS variable that takes its place in the page."""

_PIXELS = 72  # to the inch: matplotlib's SVG counts in points
_LONGEST_LABEL = 20
_WIDEST = 1e300  # beyond this matplotlib's ticks overflow
_DRAWING = RLock()  # matplotlib's settings are the process's, and a server draws in several threads


@dataclass(frozen=True)
class Figure:
    """A finished figure.

    Attributes
    ----------
    svg : str
        One ``<svg>`` element.
    legend : tuple of (str, str, str)
        For each kind of mark: the name of its colour, a sign that looks like it, and what it is.
    """

    svg: str
    legend: tuple[tuple[str, str, str], ...] = ()


@dataclass
class Canvas:
    """A figure while it is drawn.

    Attributes
    ----------
    axes : matplotlib.axes.Axes
        Without frame or ticks, with place for texts around it.
    """

    figure: Any
    axes: Any
    texts: list[str] = field(default_factory=list)
    titles: dict[str, list[str]] = field(default_factory=dict)
    dots: dict[str, float] = field(default_factory=dict)

    def text(self, text: str) -> str:
        """What to hand to matplotlib in place of a text."""
        self.texts.append(text)
        return f"@{len(self.texts) - 1}"

    def markers(
        self,
        x: ArrayLike,
        y: ArrayLike,
        colour: str,
        symbol: str = "o",
        size: float = 8,
        opacity: float = 1.0,
        hollow: bool = False,
        titles: Sequence[str] = (),
    ) -> None:
        """Draw marks of one kind, each with a tooltip where there are titles."""
        gid = f"marks-{len(self.titles)}"
        self.titles[gid] = list(titles)
        if symbol == "o" and not hollow and not len(titles):
            self.dots[gid] = size
        drawn = COLOURS[colour]
        self.axes.plot(
            *(np.asarray(x, dtype=float), np.asarray(y, dtype=float), symbol),
            markersize=size,
            markerfacecolor="none" if hollow else drawn,
            markeredgecolor=drawn,
            markeredgewidth=1.6 if hollow or symbol == "|" else 0,
            alpha=opacity,
            clip_on=False,
            zorder=3,
            gid=gid,
        )

    def upright(self, x: float, dashed: bool = False) -> None:
        """A line over the whole height: dashed for the constant, or dotted."""
        style = {"color": COLOURS["constant"], "linestyle": (0, (5, 3)), "linewidth": 1.6}
        fine = {"color": COLOURS["muted"], "linestyle": (0, (1, 2)), "linewidth": 1.0}
        self.axes.axvline(x, zorder=2, **(style if dashed else fine))

    def rows(self, names: Sequence[str], bold: Sequence[bool] | None = None) -> None:
        """A row a name, the first on top, with a fine line each."""
        self.axes.set_ylim(len(names) - 0.4, -0.6)
        self.axes.set_yticks(range(len(names)), [self.text(label(name)) for name in names])
        self.axes.grid(axis="y", color=COLOURS["rule"], linewidth=1)
        for tick, is_bold in zip(self.axes.get_yticklabels(), bold or (), strict=False):
            tick.set_fontweight("bold" if is_bold else "normal")

    def ticks(self, places: Sequence[float], texts: Sequence[str], title: str) -> None:
        """The horizontal axis: its ticks and what it shows."""
        self.axes.set_xticks(places, [self.text(text) for text in texts])
        self.axes.set_xlabel(self.text(title), color=COLOURS["muted"], labelpad=4)

    def finish(self, prefix: str, label: str) -> str:
        """The SVG; see `calibration.page.figure_svg.inline_svg`."""
        import io

        buffer = io.StringIO()
        self.figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
        by_colour = {colour: name for name, colour in COLOURS.items()}
        return inline_svg(buffer.getvalue(), prefix, label, by_colour, self.texts, self.titles, self.dots, FONT)


@contextmanager
def canvas(height: float, left: float, top: float = 14, bottom: float = 40, right: float = 12) -> Iterator[Canvas]:
    """An empty figure with such margins, all in pixels; only one is drawn at a time."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure as Sheet

    with _DRAWING, matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "humangrade", "font.size": FONT})
        sheet = Sheet(figsize=(WIDTH / _PIXELS, height / _PIXELS), dpi=_PIXELS)
        FigureCanvasSVG(sheet)
        sheet.patch.set_visible(False)
        place = (left / WIDTH, bottom / height, (WIDTH - left - right) / WIDTH, (height - top - bottom) / height)
        axes = sheet.add_axes(place)
        axes.patch.set_facecolor("none")
        axes.spines[:].set_visible(False)
        axes.set_axisbelow(True)
        axes.tick_params(length=0, pad=5)
        yield Canvas(sheet, axes)


@dataclass(frozen=True)
class Scale:
    """A score's axis from 0 at the least score to 1 at the greatest, whatever their size.

    Attributes
    ----------
    low, high : float
        The range of the scores.
    """

    low: float
    high: float

    def place(self, value: ArrayLike) -> Array:
        """Where scores stand; all in the middle where the least is the greatest."""
        width = self.high / 2 - self.low / 2
        values = np.asarray(value, dtype=float)
        if width <= 0:
            return np.full(values.shape, 0.5)
        with np.errstate(over="ignore"):
            return np.clip((values / 2 - self.low / 2) / width, -0.08, 1.08)

    def ticks(self) -> tuple[list[float], list[str]]:
        """Round scores within the range: where they stand, and their texts."""
        from matplotlib.ticker import MaxNLocator

        digits = digits_for(self.low, self.high)
        values: Array = np.array([self.low])
        if self.high / 2 - self.low / 2 > _WIDEST:
            values = np.array([self.low, self.high])
        elif self.high > self.low:
            with np.errstate(all="ignore"):
                values = np.asarray(MaxNLocator(3 if digits > 6 else 5).tick_values(self.low, self.high))
            margin = 0.05 * (self.high / 2 - self.low / 2)
            values = values[(values >= self.low - margin) & (values <= self.high + margin)]
            values[np.abs(values) < 1e-9 * (self.high / 2 - self.low / 2)] = 0.0
        return self.place(values).tolist(), [score_text(value, digits) for value in values]


def label(name: str, longest: int = _LONGEST_LABEL) -> str:
    """A name for an axis, cut where it is too long.

    Examples
    --------
    >>> label("a metric with a very long name")
    'a metric with a ver…'
    """
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def label_width(names: Sequence[str]) -> float:
    """Pixels that the labels of some names need at most."""
    wide = [sum(1.75 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in label(name)) for name in names]
    return 16 + 0.68 * FONT * max(wide, default=0)
