"""CLIP-score: 100 max(cosine, 0) of an image's CLIP embedding with its prompt's, as torchmetrics computes it.

Hessel et al. (2021) multiply by 2.5 instead of 100.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metrics.entry import Entry
from metrics.image.clip_t import ClipCosine, clip_cosine
from metrics.networks.clip import CLIP_WEIGHTS, ClipModel


def clip_score(images: ArrayLike, texts: ArrayLike) -> NDArray[np.float64]:
    """CLIP-score: 100 max(cosine, 0).

    Parameters
    ----------
    images, texts : array_like, shape (n, d)
        As `clip_cosine`.

    Returns
    -------
    ndarray, shape (n,)
        In [0, 100]; higher is better.

    Examples
    --------
    >>> clip_score([[0.0, 2.0], [1.0, 0.0]], [[0.0, 1.0], [-3.0, 4.0]])
    array([100.,   0.])
    """
    return 100.0 * np.maximum(clip_cosine(images, texts), 0.0)


@dataclass(frozen=True)
class ClipScore(ClipCosine):
    """CLIP-score: 100 max(cosine, 0) of an image with its prompt."""

    name = "clip_score"
    uses_references = False
    measure = staticmethod(clip_score)


ENTRY = Entry(
    name="clip_score",
    title="CLIP-score",
    says="100 times the cosine of the image's CLIP embedding with the prompt's, 0 where that is negative",
    scores="image",
    direction="higher",
    low=0,
    high=100,
    needs=("prompts",),
    weights=(CLIP_WEIGHTS,),
    options=("clip_model", "clip_pretrained", "precision"),
    make=lambda o: ClipScore(ClipModel.chosen(o)),
    source="Hessel et al. 2021",
)
