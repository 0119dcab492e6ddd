"""Contrast: how far an image's tones spread."""

import numpy as np
from PIL.Image import Image

from metrics.engine.images import pixels_given
from metrics.entry import Entry
from metrics.image.pixel_measures import Pixels, QualityFeatures, SingleNumber, luma, strips


def contrast(image: Pixels | Image) -> float:
    """The standard deviation of the luma (Rec. 601) on the scale 0..1, known as RMS contrast (Peli, 1990).

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width, 3), or PIL image

    Returns
    -------
    float
        In [0, 0.5]; 0 for one flat tone.

    Raises
    ------
    InputError
        For an array of another type or shape.

    Examples
    --------
    >>> contrast(np.array([[[0, 0, 0], [255, 255, 255]]], dtype=np.uint8))
    0.5
    """
    image = pixels_given(image)
    size = image.shape[0] * image.shape[1]
    mean = sum(float(luma(image[top:bottom]).sum()) for top, bottom in strips(image)) / size
    squares = sum(float(((luma(image[top:bottom]) - mean) ** 2).sum()) for top, bottom in strips(image))
    return float(np.sqrt(squares / size))


ENTRY = Entry(
    name="contrast",
    title="Contrast",
    says="how far the tones spread, without any network: a baseline that a good metric must beat",
    scores="image",
    direction="higher",
    low=0,
    high=0.5,
    make=lambda _: SingleNumber("contrast", QualityFeatures(contrast)),
    source="Peli 1990",
)
