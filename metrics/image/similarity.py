"""Face similarity: the cosine between the subject's face in an image and in the reference photos."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metrics.engine.extraction import Extractor
from metrics.engine.images import ImageSource, Source
from metrics.engine.signature import signature
from metrics.engine.types import Features, Item, Pool, Score, Scored, pooled
from metrics.entry import Entry, MetricOptions
from metrics.errors import Said, parameter
from metrics.networks.faces import FACE_WEIGHTS, FaceFeatures
from metrics.networks.reference_faces import cosine_similarities, subject_faces

# MTCNN finds a face in 13 of the 145 pictures of shared/data/avt_ai_images: animals, a hydrant, an ear, and two blurs
# of people of 14 and 21 pixels, all at .77 to .94 but for one bear at .998. The eleven portraits of shared/data/faces
# are at .9997 and more, so .95 lies in the gap (tests/metrics/image/test_similarity.py).
LEAST_PROBABILITY = MetricOptions.least_face
SEVERAL = "several faces, the largest counted"
CHOSEN = "of a reference with several faces the one that agrees with the others counted"
UNLIKELY = "no face that the detector gives a probability of at least"
LEFT_OUT = "a reference with several faces left out"
NO_DIRECTION = "the encoder answers zeros, or no finite numbers, for its face"
NO_DIRECTIONS = "the encoder answers zeros, or no finite numbers, for its reference photos"


@dataclass(frozen=True)
class Similarity:
    """An image's score is the mean cosine over the item's reference photos.

    Attributes
    ----------
    faces : FaceFeatures
        What finds and embeds faces.
    pool : {"mean", "median", "max"}
        What takes the place of the mean over reference photos.
    least : float
        What the detector gives a lower probability of being a face counts as none.
    """

    faces: FaceFeatures
    pool: Pool = "mean"
    least: float = LEAST_PROBABILITY

    name = "similarity"
    uses_references = True

    def wants(self, items: Sequence[Item]) -> list[tuple[Extractor, list[Source]]]:
        """The faces of images and references."""
        return [(self.faces, [source for item in items for source in (item.image, *item.references)])]

    def score(self, items: Sequence[Item], features: Features) -> Scored:
        """Cosines; of several faces in an image the largest counts, in a reference the one that the others show."""
        parts = signature(metric=self.name, references=f"{self.pool} of the subject's", least=self.least)
        made_by = f"{parts}|{self.faces.signature}"
        found = Scored()
        known = {item.references: self._subject(item.references, features) for item in items}
        for item in items:
            score, note = self._score(item, known[item.references], features)
            all_faces = features(self.faces, item.image)
            probability = float(all_faces[:, 0].max()) if all_faces is not None and len(all_faces) else float("nan")
            if score is not None and all_faces is not None:
                probability = float(self._likely(all_faces)[0, 0])
            shown = None if np.isnan(probability) else probability
            found.scores.append(Score(item.item, self.name, score, made_by, note, shown))
        if self.faces.unstated:
            who = " and the ".join(self.faces.unstated)
            what = "does not say what it is" if len(self.faces.unstated) == 1 else "do not say what they are"
            found.warnings.append(
                f"similarity: the {who} given {what}, so nothing is kept for the next run, and scores of two runs "
                "cannot be told apart; give each an attribute 'signature' (name, version, the weights' sha256)."
            )
        elif features.of_other_code(self.faces):
            found.warnings.append(
                "similarity: features are kept of an earlier text of the files in which detector or encoder stand, and "
                "were not used; their signature is the same. If the change is one of numbers, change the attribute "
                "'signature' too, so that scores of before and after can be told apart; if not, remove them with "
                "humangrade cache --prune --only code:."
            )
        found.warnings += _choices(found.scores, list(known.values()))
        return found

    def _likely(self, faces: NDArray) -> NDArray:
        """The rows of faces that are likely enough, and of those of which the detector gives no probability."""
        return faces[~(faces[:, 0] < self.least)]

    def _subject(self, photos: tuple[ImageSource, ...], features: Features) -> "_References":
        """The subject's face in each reference, and what was chosen for that."""
        read = [(photo, features(self.faces, photo)) for photo in photos]
        likely = [(photo, self._likely(faces)[:, 1:]) for photo, faces in read if faces is not None]
        found = [(photo, faces if _can_be_compared(faces) else faces[:0]) for photo, faces in likely]
        chosen = subject_faces([faces for _, faces in found], self.faces.same)
        told = list(zip(found, chosen, strict=True))
        return _References(
            [faces[number] for (_, faces), number in told if number is not None],
            faceless={photo.path for photo, faces in likely if not len(faces)},
            useless={photo.path for photo, faces in likely if not _can_be_compared(faces)},
            chosen={photo.path for (photo, faces), number in told if len(faces) > 1 and number is not None},
            left_out={photo.path for (photo, faces), number in told if len(faces) > 1 and number is None},
        )

    def _score(self, item: Item, references: "_References", features: Features) -> tuple[float | None, str]:
        if not item.references:
            return None, "no reference photo"
        faces = features(self.faces, item.image)
        if faces is None:
            return None, features.why_none(self.faces, item.image)
        likely = self._likely(faces)
        if not len(likely):
            return None, f"{UNLIKELY} {self.least:g}" if len(faces) else "no face"
        if not _can_be_compared(likely[:1, 1:]):
            return None, NO_DIRECTION
        if not references.embeddings:
            return None, references.why_none()
        notes = [SEVERAL] if len(likely) > 1 else []
        notes += [CHOSEN] if references.chosen else []
        notes += [LEFT_OUT] if references.left_out else []
        score = pooled(cosine_similarities(likely[:1, 1:], references.embeddings)[0].tolist(), self.pool)
        return score, "; ".join(notes)


def _can_be_compared(embeddings: NDArray) -> bool:
    """Whether all are finite and none is zero; where one face is unknown, the others may not be the subject's."""
    return bool(np.isfinite(embeddings).all() and (embeddings != 0).any(axis=1).all())


@dataclass(frozen=True)
class _References:
    """The subject's embeddings from an image's references, and which photos show no face or several."""

    embeddings: list[NDArray]
    faceless: set[Path]
    useless: set[Path]
    chosen: set[Path]
    left_out: set[Path]

    def why_none(self) -> str:
        """Why there is no embedding."""
        if self.left_out:
            return "several faces in its reference photos, and none tells which is the subject's"
        if self.useless:
            return NO_DIRECTIONS
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
    unlikely = [row for row in scores if row.note.startswith(UNLIKELY)]
    if unlikely:
        said.append(
            Said(
                f"similarity: {len(unlikely)} of {len(scores)} images show {unlikely[0].note}; they have no score "
                f"({parameter('least_face')})."
            )
        )
    if nowhere := sum(row.note == NO_DIRECTION for row in scores):
        said.append(
            f"similarity: for the faces of {nowhere} of {len(scores)} images the encoder answers zeros, or no finite "
            "numbers; they have no score."
        )
    kinds = (
        (
            "the encoder answers zeros, or no finite numbers, for their faces",
            "left out",
            set[Path]().union(*(each.useless for each in references)),
        ),
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


ENTRY = Entry(
    name="similarity",
    title="Face similarity",
    says="cosine of the subject's face (MTCNN, InceptionResnetV1) with the reference photos",
    scores="image",
    direction="higher",
    low=-1,
    high=1,
    needs=("references",),
    weights=(FACE_WEIGHTS,),
    options=("detector", "encoder", "align", "least_face", "pool_references"),
    make=lambda o: Similarity(FaceFeatures.find(o.detector, o.encoder, o.align), o.pool_references, o.least_face),
    source="Schroff et al. 2015; Cao et al. 2018",
)
