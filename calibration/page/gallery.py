"""The disagreement gallery: the images on which a mapped metric and people differ most, with small pictures."""

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from calibration.scale import LIKERT, Scale
from metrics.engine.images import UnreadableImage, read_image
from metrics.text import natural_order

SHOWN = 6
"""Images a metric and side."""

LEAST_GAP = 1.0
"""Nearer than a level to people's mean is no disagreement worth a look."""

_SIDE = 160
_QUALITY = 70


@dataclass(frozen=True)
class Disagreement:
    """An image that the metric rates otherwise than people do.

    Attributes
    ----------
    item : str
    score : float
        The metric's.
    level : float
        What the mapping makes of it, in the scale's numbers.
    mean_rating : float
        Of the people, in the scale's numbers.
    n_ratings : int
    """

    item: str
    score: float
    level: float
    mean_rating: float
    n_ratings: int


def disagreements(
    points: pd.DataFrame, shown: int = SHOWN, fewest: int = 1, scale: Scale = LIKERT
) -> tuple[list[Disagreement], list[Disagreement]]:
    """Where metric and people disagree most, both ways.

    Parameters
    ----------
    points : DataFrame
        item, score, level, mean_rating and n_ratings of one task and metric.
    shown : int
        How many of each kind at most.
    fewest : int
        Images with fewer ratings are left out.
    scale : Scale
        Whose levels the ratings are.

    Returns
    -------
    too_high, too_low : list of Disagreement
        Level above, and below, people's mean by at least one level; widest gap first, then the most ratings, then the
        name.

    Examples
    --------
    >>> points = pd.DataFrame({"item": ["a", "b", "c"], "score": [0.1, 0.5, 0.9], "level": [1, 3, 5],
    ...                        "mean_rating": [4.0, 3.2, 2.0], "n_ratings": [5, 5, 4]})
    >>> too_high, too_low = disagreements(points)
    >>> [one.item for one in too_high], [one.item for one in too_low]
    (['c'], ['a'])
    """
    points = points[points["n_ratings"] >= fewest]
    points = points.assign(level=scale.from_unit(scale.of_levels(points["level"])))
    gap = ((points["level"] - points["mean_rating"]) / scale.width).round(9)
    return _widest(points.assign(gap=gap), shown), _widest(points.assign(gap=-gap), shown)


def _widest(points: pd.DataFrame, shown: int) -> list[Disagreement]:
    far = points[points["gap"] >= LEAST_GAP]
    if len(far) > shown:  # names are compared only where gaps are equal, not all names of a large table
        far = far[far["gap"] >= np.partition(far["gap"].to_numpy(), -shown)[-shown]]
    rows = sorted(
        zip(*(far[name] for name in ("gap", "item", "score", "level", "mean_rating", "n_ratings")), strict=True),
        key=lambda row: (-row[0], -row[5], natural_order(row[1])),
    )
    return [
        Disagreement(str(item), float(score), float(level), float(mean), int(n))
        for _, item, score, level, mean, n in rows[:shown]
    ]


class Thumbnails:
    """Small JPEG pictures for a page, each embedded once however often it is shown.

    Parameters
    ----------
    images : mapping of str to Path
        By item; items without an image are shown by name only.
    budget : int
        Bytes of the page that all pictures together may take.
    side : int
        Pixels of each at most, wide and high.

    Attributes
    ----------
    left_out : int
        Pictures that the budget had no room for.
    """

    def __init__(self, images: Mapping[str, Path], budget: int, side: int = _SIDE) -> None:
        self._images, self._budget, self._side = images, budget, side
        self._classes: dict[str, str | None] = {}
        self._rules: list[str] = []
        self.left_out = 0

    def add(self, item: str) -> str | None:
        """The CSS class that shows the item's picture; None where there is none to show."""
        if item not in self._classes:
            self._classes[item] = self._embed(item)
        return self._classes[item]

    @property
    def css(self) -> str:
        """The rules of all classes."""
        return "\n".join(self._rules)

    def _embed(self, item: str) -> str | None:
        path = self._images.get(item)
        data = None if path is None else thumbnail(path, self._side)
        if data is None:
            return None
        name = f"picture{len(self._rules)}"
        rule = f'.{name} {{ background-image: url("data:image/jpeg;base64,{base64.b64encode(data).decode()}"); }}'
        if len(rule) > self._budget:
            self.left_out += 1
            return None
        self._budget -= len(rule)
        self._rules.append(rule)
        return name


def thumbnail(path: Path, side: int = _SIDE) -> bytes | None:
    """A small JPEG of an image file, upright and without its metadata; None where it cannot be read.

    Parameters
    ----------
    path : Path
        In any format that `metrics.engine.images` reads.
    side : int
        Pixels at most, wide and high.

    Returns
    -------
    bytes or None
    """
    try:
        image = read_image(path)
    except UnreadableImage:
        return None
    image.thumbnail((side, side), reducing_gap=3.0)
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=_QUALITY, optimize=True, comment=b"")
    return buffer.getvalue()
