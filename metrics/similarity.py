"""Face similarity: the cosine between the subject's face in an image and in the reference photos."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metrics.extraction import Extractor
from metrics.faces import FaceFeatures
from metrics.images import ImageSource, Source
from metrics.pooling import Pool, pooled
from metrics.reference_faces import cosine_similarities, subject_faces
from metrics.scoring import Features, Item, Score, Scored
from metrics.signature import signature

SEVERAL = "several faces, the largest counted"
CHOSEN = "of a reference with several faces the one that agrees with the others counted"
LEFT_OUT = "a reference with several faces left out"


@dataclass(frozen=True)
class Similarity:
    """An image's score is the mean cosine over the item's reference photos.

    Attributes
    ----------
    faces : FaceFeatures
        What finds and embeds faces.
    pool : {"mean", "median", "max"}
        What takes the place of the mean over reference photos.
    """

    faces: FaceFeatures
    pool: Pool = "mean"

    name = "similarity"

    def wants(self, items: Sequence[Item]) -> list[tuple[Extractor, list[Source]]]:
        """The faces of images and references."""
        return [(self.faces, [source for item in items for source in (item.image, *item.references)])]

    def score(self, items: Sequence[Item], features: Features) -> Scored:
        """Cosines; of several faces in an image the largest counts, in a reference the one that the others show."""
        made_by = signature(metric=self.name, references=f"{self.pool} of the subject's") + "|" + self.faces.signature
        found = Scored()
        known = {item.references: self._subject(item.references, features) for item in items}
        for item in items:
            score, note = self._score(item, known[item.references], features)
            found.scores.append(Score(item.item, self.name, score, made_by, note))
        if self.faces.unstated:
            found.warnings.append(
                f"similarity: the {' and the '.join(self.faces.unstated)} given do not say what they are, so nothing "
                "is kept for the next run, and scores of two runs cannot be told apart; give each function an "
                "attribute 'signature' (name, version, the weights' sha256)."
            )
        found.warnings += _choices(found.scores, list(known.values()))
        return found

    def _subject(self, photos: tuple[ImageSource, ...], features: Features) -> "_References":
        """The subject's face in each reference, and what was chosen for that."""
        found = [(photo, faces) for photo in photos if (faces := features(self.faces, photo)) is not None]
        chosen = subject_faces([faces for _, faces in found], self.faces.same)
        told = list(zip(found, chosen, strict=True))
        return _References(
            [faces[number] for (_, faces), number in told if number is not None],
            faceless={photo.path for photo, faces in found if not len(faces)},
            chosen={photo.path for (photo, faces), number in told if len(faces) > 1 and number is not None},
            left_out={photo.path for (photo, faces), number in told if len(faces) > 1 and number is None},
        )

    def _score(self, item: Item, references: "_References", features: Features) -> tuple[float | None, str]:
        if not item.references:
            return None, "no reference photo"
        faces = features(self.faces, item.image)
        if faces is None:
            return None, features.why_none(self.faces, item.image)
        if not len(faces):
            return None, "no face"
        if not references.embeddings:
            return None, references.why_none()
        notes = [SEVERAL] if len(faces) > 1 else []
        notes += [CHOSEN] if references.chosen else []
        notes += [LEFT_OUT] if references.left_out else []
        score = pooled(cosine_similarities(faces[:1], references.embeddings)[0].tolist(), self.pool)
        return (score, "; ".join(notes)) if np.isfinite(score) else (None, "no finite score")


@dataclass(frozen=True)
class _References:
    """The subject's embeddings from an image's references, and which photos show no face or several."""

    embeddings: list[NDArray]
    faceless: set[Path]
    chosen: set[Path]
    left_out: set[Path]

    def why_none(self) -> str:
        """Why there is no embedding."""
        if self.left_out:
            return "several faces in its reference photos, and none tells which is the subject's"
        return "no face in its reference photos" if self.faceless else "unreadable reference"


def _choices(scores: Sequence[Score], references: Sequence[_References]) -> list[str]:
    """A sentence for each choice that was made, with how many photos it concerns."""
    several = sum(SEVERAL in row.note for row in scores)
    said = []
    if several:
        said.append(
            f"similarity: {several} of {len(scores)} images show several faces; the largest counted, which may be "
            "another person's."
        )
    kinds = (
        ("no face", "left out", set[Path]().union(*(each.faceless for each in references))),
        (
            "several faces",
            "the one that agrees with the other references counted",
            set[Path]().union(*(each.chosen for each in references)),
        ),
        (
            "several faces, of which the other references do not tell the subject's",
            "left out",
            set[Path]().union(*(each.left_out for each in references)),
        ),
    )
    for what, done, paths in kinds:
        if paths:
            said.append(f"similarity: {len(paths)} of the reference photos: {what}; {done}. The first: {min(paths)}.")
    return said
