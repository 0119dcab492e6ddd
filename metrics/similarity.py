"""Face similarity: the cosine between the subject's face in an image and in the reference photos."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metrics.extraction import Extractor
from metrics.faces import FaceFeatures
from metrics.images import Source
from metrics.pooling import Pool, pooled
from metrics.scoring import Features, Item, Score, Scored
from metrics.signature import signature


def cosine_similarities(embeddings: ArrayLike, references: ArrayLike) -> NDArray[np.float64]:
    """The cosines of all pairs.

    Parameters
    ----------
    embeddings, references : array_like, shapes (n, d) and (m, d)
        Of any length but 0.

    Returns
    -------
    ndarray, shape (n, m)
        In [-1, 1].

    Examples
    --------
    >>> cosine_similarities([[2.0, 0.0]], [[1.0, 0.0], [0.0, 3.0]])
    array([[1., 0.]])
    """
    a, b = (np.asarray(values, dtype=np.float64) for values in (embeddings, references))
    a = a / np.linalg.norm(a, axis=1, keepdims=True)
    b = b / np.linalg.norm(b, axis=1, keepdims=True)
    return np.clip(a @ b.T, -1.0, 1.0)


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
        """Cosines; an image or a reference without a face scores nothing, of several faces the largest counts."""
        made_by = signature(metric=self.name, references=self.pool) + "|" + self.faces.signature
        found = Scored()
        for item in items:
            score, note = self._score(item, features)
            found.scores.append(Score(item.item, self.name, score, made_by, note))
        if self.faces.unstated:
            found.warnings.append(
                f"similarity: the {' and the '.join(self.faces.unstated)} given do not say what they are, so nothing "
                "is kept for the next run, and scores of two runs cannot be told apart; give each function an "
                "attribute 'signature' (name, version, the weights' sha256)."
            )
        faceless = {
            source.path
            for item in items
            for source in item.references
            if (face := features(self.faces, source)) is not None and not face[0]
        }
        if faceless:
            found.warnings.append(
                f"similarity: no face was found in {len(faceless)} of the reference photos, the first: "
                f"{min(faceless)}; they were left out."
            )
        return found

    def _score(self, item: Item, features: Features) -> tuple[float | None, str]:
        face = features(self.faces, item.image)
        if not item.references:
            return None, "no reference photo"
        if face is None:
            return None, features.why_none(self.faces, item.image)
        if not face[0]:
            return None, "no face"
        known = [features(self.faces, source) for source in item.references]
        references = [reference[1:] for reference in known if reference is not None and reference[0]]
        if not references:
            readable = any(reference is not None for reference in known)
            return None, "no face in its reference photos" if readable else "unreadable reference"
        note = "several faces, the largest counted" if face[0] > 1 else ""
        score = pooled(cosine_similarities([face[1:]], references)[0].tolist(), self.pool)
        return (score, note) if np.isfinite(score) else (None, "no finite score")
