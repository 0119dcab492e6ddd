"""Contact strips: many small pictures in one file, so that a grid of hundreds takes a few dozen requests."""

import hashlib
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from study.dashboard.types import Images

COLUMNS = 20
"""Prompts that share a strip: as many as a page of the grid shows."""

LIVE_SIDE = 128
"""Pixels of a picture in the strips of a served dashboard, whose grid shows none larger."""

_QUALITY = 60
_MADE_BY = "2"  # another number where strips come out otherwise than before


@dataclass(frozen=True)
class Strip:
    """Pictures of one checkpoint and one seed, by prompt.

    Attributes
    ----------
    key : str
        32 hexadecimal digits; other pictures make another key.
    checkpoint : int
    places : tuple of int
        Which images, from the left.
    """

    key: str
    checkpoint: int
    places: tuple[int, ...]

    def row(self, url: str, side: int) -> dict[str, Any]:
        """The strip as JSON, with its address, and how many pixels wide and high the square of a picture is."""
        return {
            "checkpoint": self.checkpoint,
            "url": url,
            "columns": len(self.places),
            "rows": 1,
            "side": side,
            "places": list(self.places),
        }


def plan_strips(images: Images) -> list[Strip]:
    """Which images share a strip: those of a checkpoint and a seed whose prompts stand in one block of `COLUMNS`.

    Parameters
    ----------
    images : Images
        See `study.dashboard.types`; checkpoint, prompt, seed and thumb are looked at.

    Returns
    -------
    list of Strip
        Every image stands in one of them; those of a grid's first page come first.

    Examples
    --------
    >>> images = {"checkpoint": [0, 0, 1], "prompt": [1, 0, 0], "seed": ["7", "7", "7"], "thumb": ["a", "b", "c"]}
    >>> [(strip.checkpoint, strip.places) for strip in plan_strips(images)]
    [(0, (1, 0)), (1, (2,))]
    """
    columns = (images["checkpoint"], images["prompt"], images["seed"])
    blocks: dict[tuple[int, str, int], list[tuple[int, int]]] = {}
    for place, (checkpoint, prompt, seed) in enumerate(zip(*columns, strict=True)):
        blocks.setdefault((prompt // COLUMNS, seed, checkpoint), []).append((prompt, place))
    found = []
    for (_, _, checkpoint), members in sorted(blocks.items()):
        places = [place for _, place in sorted(members)]
        for start in range(0, len(places), COLUMNS):  # where seeds are not known, a block may hold more
            part = tuple(places[start : start + COLUMNS])
            found.append(Strip(_key(images["thumb"][place] for place in part), checkpoint, part))
    return found


def render_strip(pictures: Sequence[Callable[[], bytes]], side: int, quality: int = _QUALITY) -> bytes:
    """The file of a strip.

    Parameters
    ----------
    pictures : sequence of callable
        Each gives the file of a small picture, of `SIDE` pixels at most.
    side : int
        Of each picture's square, in pixels; larger pictures are made smaller.
    quality : int
        WebP's, from 0 to 100.

    Returns
    -------
    bytes
        WebP, each picture in the middle of a transparent square.
    """
    sheet = Image.new("RGBA", (side * len(pictures), side))
    for column, picture in enumerate(pictures):
        with Image.open(io.BytesIO(picture()), formats=("WEBP",)) as small:
            shown = small.convert("RGB")
            shown.thumbnail((side, side))
            sheet.paste(shown, (column * side + (side - shown.width) // 2, (side - shown.height) // 2))
    buffer = io.BytesIO()
    sheet.save(buffer, "WEBP", quality=quality, alpha_quality=50, method=2)
    return buffer.getvalue()


def _key(thumbs: Iterable[str]) -> str:
    return hashlib.sha256(f"strip {_MADE_BY} {LIVE_SIDE} {_QUALITY} {' '.join(thumbs)}".encode()).hexdigest()[:32]
