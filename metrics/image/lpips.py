"""LPIPS of images against their references."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metrics.engine.extraction import Extractor
from metrics.engine.images import ImageSource, Source
from metrics.engine.signature import signature
from metrics.engine.types import FeatureRows, Features, Item, Score, Scored
from metrics.entry import Entry
from metrics.networks.lpips import LPIPS_WEIGHTS, LpipsFeatures, pairwise_distances, same_size


@dataclass(frozen=True)
class Lpips:
    """An image's distance to its reference: with several, the mean and (as lpips_min) the smallest.

    Attributes
    ----------
    extractor : LpipsFeatures
        The network.
    """

    extractor: LpipsFeatures

    name = "lpips"
    uses_references = True

    def wants(self, items: Sequence[Item]) -> list[tuple[Extractor, list[Source]]]:
        """The features of images and references."""
        return [(self.extractor, [source for item in items for source in (item.image, *item.references)])]

    def score(self, items: Sequence[Item], features: Features) -> Scored:
        """Distances, computed for all items that share their references at once."""
        several = any(len(item.references) > 1 for item in items)
        signatures = {
            "lpips": signature(metric="lpips", references="mean") + "|" + self.extractor.signature,
            "lpips_min": signature(metric="lpips_min", references="min") + "|" + self.extractor.signature,
        }
        names = ["lpips", "lpips_min"] if several else ["lpips"]
        found = Scored(names=("lpips", "lpips_min"))
        by_references: dict[tuple[ImageSource, ...], list[Item]] = {}
        for item in items:
            by_references.setdefault(item.references, []).append(item)
        for references, mine in by_references.items():
            for item, distances in zip(mine, self._distances(mine, references, features), strict=True):
                note = "" if distances is not None else self._reason(item, features)
                if distances is not None and not np.isfinite(distances).all():
                    distances, note = None, "no finite score"
                for name in names:
                    pool = np.min if name == "lpips_min" else np.mean
                    score = None if distances is None else float(pool(distances))
                    found.scores.append(Score(item.item, name, score, signatures[name], note))
        return found

    def _reason(self, item: Item, features: Features) -> str:
        """Why an item has no score."""
        if not item.references:
            return "no reference"
        if not features.has(self.extractor, item.image):
            return features.why_none(self.extractor, item.image)
        readable = any(features.has(self.extractor, source) for source in item.references)
        return "another size than its reference" if readable else "unreadable reference"

    def _distances(
        self, items: list[Item], references: tuple[ImageSource, ...], features: Features
    ) -> list[NDArray[np.float64] | None]:
        """Each item's distances to the references, computed where they were not before; None where there are none."""
        columns = FeatureRows(features, self.extractor, references)
        if not columns:
            return [None] * len(items)
        keys = [source.key for source in columns.sources]
        made_by = f"distances:lpips|{self.extractor.signature}"
        images = {item.image.key: item.image for item in items}
        found = {key: features.recall(made_by, [key, *keys]) for key in images}
        wanted = [images[key] for key, known in found.items() if known is None]
        if self.extractor.size is None:
            wanted = [image for image in wanted if self._fits(image, columns, features)]
        rows = FeatureRows(features, self.extractor, wanted)
        for source, distances in zip(rows.sources, pairwise_distances(rows, columns), strict=True):
            features.keep(made_by, [source.key, *keys], distances)
            found[source.key] = distances
        return [found[item.image.key] for item in items]

    def _fits(self, image: ImageSource, columns: FeatureRows, features: Features) -> bool:
        """Whether an image has the size of all its references."""
        mine = features(self.extractor, image)
        return mine is not None and all(same_size(mine, column) for column in columns)


ENTRY = Entry(
    name="lpips",
    title="LPIPS",
    says="perceptual distance to the reference, or mean and least (lpips_min) over several",
    scores="image",
    direction="lower",
    low=0,
    needs=("references",),
    weights=(LPIPS_WEIGHTS,),
    options=("lpips_net", "lpips_size", "precision"),
    written=("lpips_min",),
    bands=((0.15, "excellent"), (0.25, "good"), (float("inf"), "weak")),
    make=lambda o: Lpips(LpipsFeatures.chosen(o)),
    source="Zhang et al. 2018",
)
