"""Sharpness, contrast and exposure as metrics: a baseline that needs no download, and that a good metric must beat."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from metrics.extraction import Extractor, Forward
from metrics.image_quality import contrast, exposure, sharpness
from metrics.images import READING, Source, pixels
from metrics.scoring import Features, Item, Score, Scored
from metrics.signature import signature, versions

MEASURES: dict[str, Callable[[NDArray[np.uint8]], float]] = {
    "sharpness": sharpness,
    "contrast": contrast,
    "exposure": exposure,
}


@dataclass(frozen=True)
class QualityFeatures:
    """One measure of an image, float64 of shape (1,).

    Attributes
    ----------
    measure : {"sharpness", "contrast", "exposure"}
        Which.
    """

    measure: str

    batch_size = 16

    @property
    def title(self) -> str:
        """For the progress bar."""
        return self.measure.capitalize()

    @cached_property
    def signature(self) -> str:
        """Measure and versions."""
        library = versions("scikit-image") if self.measure == "sharpness" else versions("humangrade")
        return signature(features=self.measure, reading=READING, versions=f"{library}+{versions('Pillow')}")

    def prepare(self, opened: Image) -> NDArray[np.float64]:
        """The measure itself, taken in the worker."""
        return np.array([MEASURES[self.measure](pixels(opened))])

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
