"""CLIP-I: the cosine of an image's CLIP embedding with the reference photos'."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metrics.engine.extraction import Extractor
from metrics.engine.images import Source
from metrics.engine.signature import signature
from metrics.engine.types import Features, Item, Score, Scored
from metrics.entry import Entry
from metrics.networks.clip import CLIP_WEIGHTS, ClipImages, ClipModel
from metrics.networks.reference_faces import cosine_similarities


@dataclass(frozen=True)
class ClipImageSimilarity:
    """The mean cosine of an image with its reference photos: whatever is alike, subject, setting or style.

    Attributes
    ----------
    extractor : ClipImages
        The embeddings.
    """

    extractor: ClipImages

    name = "clip_i"
    uses_references = True

    def wants(self, items: Sequence[Item]) -> list[tuple[Extractor, list[Source]]]:
        """The embeddings of images and references."""
        return [(self.extractor, [source for item in items for source in (item.image, *item.references)])]

    def score(self, items: Sequence[Item], features: Features) -> Scored:
        """One number an image; references that could not be read do not count."""
        made_by = f"{signature(metric=self.name, references='mean')}|{self.extractor.signature}"
        known = {
            references: [row for photo in references if (row := features(self.extractor, photo)) is not None]
            for references in {item.references for item in items}
        }
        found = Scored()
        for item in items:
            image, photos = features(self.extractor, item.image), known[item.references]
            score, note = None, ""
            if image is None:
                note = features.why_none(self.extractor, item.image)
            elif not photos:
                note = "unreadable reference" if item.references else "no reference"
            else:
                score = float(cosine_similarities(image[None], np.stack(photos)).mean())
            found.scores.append(Score(item.item, self.name, score, made_by, note))
        return found


ENTRY = Entry(
    name="clip_i",
    title="CLIP-I",
    says="cosine of the image's CLIP embedding with the reference photos', mean over these",
    scores="image",
    direction="higher",
    low=-1,
    high=1,
    needs=("references",),
    weights=(CLIP_WEIGHTS,),
    options=("clip_model", "clip_pretrained", "precision"),
    make=lambda o: ClipImageSimilarity(ClipImages(ClipModel.chosen(o))),
    source="Ruiz et al. 2023",
)
