"""The aesthetic score of an image: a trained head on its CLIP embedding."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from metrics.engine.device import Precision
from metrics.engine.extraction import Extractor
from metrics.engine.images import Source
from metrics.engine.signature import signature
from metrics.engine.types import Features, Item, Score, Scored
from metrics.entry import Entry, MetricOptions, NeededWeights
from metrics.errors import InputError, parameter
from metrics.networks.aesthetic_head import Head, find_head, predict
from metrics.networks.clip import CLIP_WEIGHTS, ClipImages, ClipModel

DEFAULT_HEADS = {"ViT-L-14/openai": "aesthetic/improved-l14-mse", "ViT-B-32/openai": "aesthetic/laion-vit-b-32"}


@dataclass(frozen=True)
class Aesthetic:
    """Scores of about 0 to 10; see `metrics.networks.aesthetic_head.predict` for the range.

    Attributes
    ----------
    clip : ClipModel
        The model that embeds images.
    head : Head
        What turns an embedding into a score.

    Raises
    ------
    InputError
        Where the head was trained on embeddings of another model.
    """

    clip: ClipModel
    head: Head

    name = "aesthetic"
    uses_references = False

    def __post_init__(self) -> None:
        if self.head.backbone and plain_name(self.head.backbone) != plain_name(self.clip.name):
            raise InputError(
                f"The aesthetic head {self.head.name} was trained on embeddings of {self.head.backbone}, not of "
                f"{self.clip.name}; choose that CLIP model, or another head."
            )

    @classmethod
    def find(
        cls,
        head: str | Path | None = None,
        model: str = "ViT-L-14",
        pretrained: str = "openai",
        precision: Precision = "float32",
    ) -> "Aesthetic":
        """The metric with what is installed.

        Parameters
        ----------
        head : str or Path, optional
            The name of a head's weights, or a file; the published one that fits the model unless given.
        model, pretrained : str
            The CLIP model, as open_clip calls it.
        precision : {"float32", "float16"}
            Of the model's arithmetic.

        Raises
        ------
        InputError
            Where weights are missing, no head fits, or the head given does not.
        """
        clip = ClipModel.find(model, pretrained, precision)
        head = head or DEFAULT_HEADS.get(plain_name(clip.name))
        if head is None:
            raise InputError(
                f"No published aesthetic head fits {clip.name}; name a file with one, or take "
                f"{' or '.join(DEFAULT_HEADS)}."
            )
        return cls(clip, find_head(head))

    def wants(self, items: Sequence[Item]) -> list[tuple[Extractor, list[Source]]]:
        """The embeddings of the images."""
        return [(ClipImages(self.clip), [item.image for item in items])]

    def score(self, items: Sequence[Item], features: Features) -> Scored:
        """One number an image."""
        images = ClipImages(self.clip)
        # by the ratings' mark a report can tell that it judges a head by what the head was trained on
        own = signature(metric=self.name, head=self.head.sha256[:12], ratings=self.head.ratings_mark or None)
        made_by = f"{own}|{images.signature}"
        found = Scored(warnings=[f"aesthetic: by the head {self.head.name}, sha256 {self.head.sha256}."])
        for item in items:
            embedding = features(images, item.image)
            if embedding is None:
                found.scores.append(Score(item.item, self.name, None, made_by, features.why_none(images, item.image)))
            else:
                score = float(predict(self.head, embedding[None], self.clip.name)[0])
                found.scores.append(Score(item.item, self.name, score, made_by))
        return found


def plain_name(name: str) -> str:
    """A pair MODEL/PRETRAINED without open_clip's suffix for a variant of the same network.

    Examples
    --------
    >>> plain_name("ViT-L-14-quickgelu/openai")
    'ViT-L-14/openai'
    """
    return name.replace("-quickgelu/", "/")


def _head_of(options: MetricOptions) -> str | None:
    """The head chosen, or the published one for the CLIP model; None where there is none for it."""
    return options.head or DEFAULT_HEADS.get(plain_name(f"{options.clip_model}/{options.clip_pretrained}"))


def _head_weights(options: MetricOptions) -> str | None:
    head = _head_of(options) or ""
    return head if head.startswith("aesthetic/") else None


def _lacks(options: MetricOptions) -> str:
    if _head_of(options) is not None:
        return ""
    return f"no published head fits {options.clip_model}/{options.clip_pretrained}; name one with {parameter('head')}"


ENTRY = Entry(
    name="aesthetic",
    title="CLIP aesthetics",
    says="a trained head on CLIP embeddings, 0 to 10: LAION's, improved-aesthetic-predictor's, or your own",
    scores="image",
    direction="higher",
    low=0,
    high=10,
    weights=(CLIP_WEIGHTS, NeededWeights("aesthetic/", _head_weights)),
    options=("head", "clip_model", "clip_pretrained", "precision"),
    lacks=_lacks,
    make=lambda o: Aesthetic.find(o.head, o.clip_model, o.clip_pretrained, o.precision),
    source="Schuhmann 2022; Murray et al. 2012",
)
