"""CLIP-T: the cosine of an image's CLIP embedding with its prompt's."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metrics.engine.device import Precision
from metrics.engine.extraction import Extractor
from metrics.engine.images import Source, TextSource
from metrics.engine.signature import signature
from metrics.engine.types import Features, Item, Score, Scored
from metrics.entry import Entry
from metrics.networks.clip import CLIP_WEIGHTS, ClipImages, ClipModel, ClipTexts


def clip_cosine(images: ArrayLike, texts: ArrayLike) -> NDArray[np.float64]:
    """The cosine of each image with its text.

    Parameters
    ----------
    images, texts : array_like, shape (n, d)
        Embeddings of any length but 0; row i of one belongs to row i of the other.

    Returns
    -------
    ndarray, shape (n,)
        In [-1, 1]; higher is better.

    Examples
    --------
    >>> clip_cosine([[0.0, 2.0], [1.0, 0.0]], [[0.0, 1.0], [-3.0, 4.0]])
    array([ 1. , -0.6])
    """
    a, b = (np.asarray(values, dtype=np.float64) for values in (images, texts))
    cosines = np.sum(a * b, axis=-1) / (np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1))
    return np.clip(cosines, -1.0, 1.0)


@dataclass(frozen=True)
class ClipCosine:
    """CLIP-T: the cosine of an image with its prompt.

    Attributes
    ----------
    clip : ClipModel
        The model.
    """

    clip: ClipModel

    name = "clip_t"
    uses_references = False
    measure = staticmethod(clip_cosine)

    @classmethod
    def find(
        cls, model: str = "ViT-L-14", pretrained: str = "openai", precision: Precision = "float32"
    ) -> "ClipCosine":
        """The metric with the weights that are installed; raises InputError where they are missing."""
        return cls(ClipModel.find(model, pretrained, precision))

    def wants(self, items: Sequence[Item]) -> list[tuple[Extractor, list[Source]]]:
        """The embeddings of prompts, and of the images that have one."""
        prompted = [item for item in items if item.prompt]
        return [
            (ClipImages(self.clip), [item.image for item in prompted]),
            (ClipTexts(self.clip), [TextSource(item.prompt) for item in prompted]),
        ]

    def score(self, items: Sequence[Item], features: Features) -> Scored:
        """One number an image; those without a prompt have none."""
        images, texts = ClipImages(self.clip), ClipTexts(self.clip)
        made_by = f"{signature(metric=self.name)}|{images.signature}"
        prompts = {item.prompt: features(texts, TextSource(item.prompt)) for item in items if item.prompt}
        found = Scored()
        for item in items:
            text = prompts.get(item.prompt)
            image = features(images, item.image) if text is not None else None
            if text is None or image is None:
                note = features.why_none(images, item.image) if item.prompt else "no prompt"
                found.scores.append(Score(item.item, self.name, None, made_by, note))
            else:
                score = float(self.measure(image, text[1:]))
                found.scores.append(Score(item.item, self.name, score, made_by))
        cut = [int(text[0]) for text in prompts.values() if text is not None and text[0]]
        if cut:
            found.warnings.append(
                f"{len(cut)} of {len(prompts)} prompts are longer than the {cut[0]} tokens that {self.clip.name} "
                "reads; they were cut at their end."
            )
        return found


ENTRY = Entry(
    name="clip_t",
    title="CLIP-T",
    says="cosine of the image's CLIP embedding with the prompt's",
    scores="image",
    direction="higher",
    low=-1,
    high=1,
    needs=("prompts",),
    weights=(CLIP_WEIGHTS,),
    options=("clip_model", "clip_pretrained", "precision"),
    make=lambda o: ClipCosine(ClipModel.chosen(o)),
    source="Radford et al. 2021",
)
