"""What the metrics without a network share: a baseline that needs no download, and that a good metric must beat.

They are measures of an image's pixels, uint8 arrays of shape (height, width, 3), values 0..255, and take large images
in strips, whose sums are the whole's: floating-point numbers need eight times the memory of the pixels.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from metrics.engine.extraction import Extractor, Forward
from metrics.engine.images import READING, Source, pixels
from metrics.engine.signature import signature, versions
from metrics.engine.types import Features, Item, Score, Scored

Pixels = NDArray[np.uint8]
AT_ONCE = 4_000_000  # pixels


@dataclass(frozen=True)
class QualityFeatures:
    """One measure of an image, float64 of shape (1,).

    Attributes
    ----------
    measure : callable
        Pixels to a number; a function of a module, so that it can be pickled.
    package : str
        Whose arithmetic it is.
    revision : int
        Of the measure, a part of the signature's identity from 2 on: one more, once its numbers change.
    """

    measure: Callable[[Pixels], float]
    package: str = "humangrade"
    revision: int = 1

    batch_size = 16

    @property
    def title(self) -> str:
        """For the progress bar."""
        return self.measure.__name__.capitalize()

    @cached_property
    def signature(self) -> str:
        """Measure, its revision and versions."""
        return signature(
            features=self.measure.__name__,
            revision=self.revision if self.revision > 1 else None,
            reading=READING,
            versions=versions(self.package, "Pillow"),
        )

    def prepare(self, opened: Image) -> NDArray[np.float64]:
        """The measure itself, taken in the worker."""
        return np.array([self.measure(pixels(opened))])

    def load(self, device: str) -> Forward:
        """Nothing is left to be done."""
        return list


@dataclass(frozen=True)
class SingleNumber:
    """A metric whose extractor gives the score itself.

    Attributes
    ----------
    name : str
        The metric's name in the tables.
    extractor : Extractor
        Gives arrays of shape (1,).
    """

    name: str
    extractor: Extractor

    uses_references = False

    def wants(self, items: Sequence[Item]) -> list[tuple[Extractor, list[Source]]]:
        """The images."""
        return [(self.extractor, [item.image for item in items])]

    def score(self, items: Sequence[Item], features: Features) -> Scored:
        """The scores as they are."""
        made_by = signature(metric=self.name) + "|" + self.extractor.signature
        found = Scored()
        for item in items:
            value = features(self.extractor, item.image)
            score = None if value is None or not np.isfinite(value[0]) else float(value[0])
            note = "" if score is not None else "no finite score"
            if value is None:
                note = features.why_none(self.extractor, item.image)
            found.scores.append(Score(item.item, self.name, score, made_by, note))
        return found


def is_large(image: Pixels) -> bool:
    """Whether an image is taken in strips."""
    return image.shape[0] * image.shape[1] > AT_ONCE


def strips(image: Pixels) -> Iterator[tuple[int, int]]:
    """The rows of parts of an image, from and to."""
    rows = max(1, AT_ONCE // image.shape[1])
    for top in range(0, image.shape[0], rows):
        yield top, min(top + rows, image.shape[0])


def luma(image: Pixels) -> NDArray[np.float64]:
    """The luma (Rec. 601) of each pixel, 0..1."""
    return image.astype(np.float64) @ np.array([0.299, 0.587, 0.114]) / 255.0
