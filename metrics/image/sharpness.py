"""Sharpness: one minus the perceptual blur, by scikit-image."""

import numpy as np
from PIL.Image import Image

from metrics.engine.images import pixels_given
from metrics.entry import Entry
from metrics.image.pixel_measures import Pixels, QualityFeatures, SingleNumber, is_large, strips

_BLUR = 11  # pixels over which blur_effect takes means
_REACH = _BLUR // 2 + 1  # how far a pixel's edges and those of its blurred copy look


def sharpness(image: Pixels | Image) -> float:
    """One minus the perceptual blur of Crete et al. (2007), which compares an image with a blurred copy of itself.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width, 3), or PIL image

    Returns
    -------
    float
        In [0, 1]; higher is sharper.

    Raises
    ------
    InputError
        For an array of another type or shape.

    Examples
    --------
    >>> image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    >>> sharpness(image) > 0.5
    True
    """
    image = pixels_given(image)
    if is_large(image):
        return 1.0 - _blur_bystrips(image)
    from skimage.measure import blur_effect

    return 1.0 - float(blur_effect(image, h_size=_BLUR, channel_axis=2))


def _blur_bystrips(image: Pixels) -> float:
    """What `blur_effect` answers, from sums over strips that overlap by what their edges need."""
    from scipy.ndimage import uniform_filter1d
    from skimage.color import rgb2gray
    from skimage.filters import sobel

    height, width = image.shape[:2]
    edges, lost = np.zeros(2), np.zeros(2)
    for top, bottom in strips(image):
        first, last = max(0, top - _REACH), min(height, bottom + _REACH)
        grey = rgb2gray(image[first:last])
        inner = slice(max(top, 2) - first, min(bottom, height - 1) - first), slice(2, width - 1)
        for axis in (0, 1):
            sharp = np.abs(sobel(grey, axis=axis))[inner]
            blurred = np.abs(sobel(uniform_filter1d(grey, _BLUR, axis=axis), axis=axis))[inner]
            edges[axis] += sharp.sum()
            lost[axis] += np.maximum(0, sharp - blurred).sum()
    blur = np.divide(edges - lost, edges, out=np.ones(2), where=edges > 0)  # without edges all is blur
    return float(blur.max())


ENTRY = Entry(
    name="sharpness",
    title="Sharpness",
    says="one minus the perceptual blur, without any network: a baseline that a good metric must beat",
    scores="image",
    direction="higher",
    low=0,
    make=lambda _: SingleNumber("sharpness", QualityFeatures(sharpness, "scikit-image")),
    source="Crete et al. 2007",
)
