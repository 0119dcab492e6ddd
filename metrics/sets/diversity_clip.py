"""Diversity by CLIP: how far apart the embeddings of the images of one prompt are."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from metrics.entry import Entry
from metrics.networks.clip import CLIP_WEIGHTS, ClipImages, ClipModel
from metrics.networks.reference_faces import cosine_similarities
from metrics.sets.diversity import Diversity


def clip_distances(rows: Sequence[NDArray], columns: Sequence[NDArray]) -> NDArray[np.float64]:
    """One minus the cosine of all pairs of CLIP embeddings, in [0, 2]."""
    return 1.0 - cosine_similarities(np.stack(rows), np.stack(columns))


ENTRY = Entry(
    name="diversity_clip",
    title="CLIP diversity",
    says="mean of 1 minus the cosine between the CLIP embeddings of a set's images of one prompt",
    scores="set",
    direction="higher",
    low=0,
    high=2,
    weights=(CLIP_WEIGHTS,),
    options=("clip_model", "clip_pretrained", "precision"),
    make=lambda o: Diversity("diversity_clip", ClipImages(ClipModel.chosen(o)), clip_distances),
    source="Radford et al. 2021",
)
