"""Exposure: how much of an image is neither black nor white."""

import numpy as np
from PIL.Image import Image

from metrics.engine.images import pixels_given
from metrics.entry import Entry
from metrics.image.pixel_measures import Pixels, QualityFeatures, SingleNumber, luma, strips


def exposure(image: Pixels | Image) -> float:
    """One minus the share of pixels that are almost black or almost white (luma under 3 % or over 97 %).

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width, 3), or PIL image

    Returns
    -------
    float
        In [0, 1]; 1 where nothing is clipped.

    Raises
    ------
    InputError
        For an array of another type or shape.

    Examples
    --------
    >>> exposure(np.array([[[0, 0, 0], [128, 128, 128]]], dtype=np.uint8))
    0.5
    """
    image = pixels_given(image)
    clipped = 0
    for top, bottom in strips(image):
        values = luma(image[top:bottom])
        clipped += int(np.count_nonzero((values < 0.03) | (values > 0.97)))
    return float(1.0 - clipped / (image.shape[0] * image.shape[1]))


ENTRY = Entry(
    name="exposure",
    title="Exposure",
    says="the share of pixels that are not clipped, without any network: a baseline that a good metric must beat",
    scores="image",
    direction="higher",
    low=0,
    high=1,
    make=lambda _: SingleNumber("exposure", QualityFeatures(exposure)),
    source="share of clipped pixels",
)
