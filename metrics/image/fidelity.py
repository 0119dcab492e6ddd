"""PSNR and SSIM of an image against its reference, by scikit-image.

Images are uint8 arrays of shape (height, width, 3), values 0..255, or PIL images.
"""

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image as PillowImage

from metrics.engine.images import pixels_given
from metrics.errors import InputError

Pixels = NDArray[np.uint8]
Image = Pixels | PillowImage


def psnr(image: Image, reference: Image) -> float:
    """Peak signal-to-noise ratio in dB: 10 log10(255^2 / mean squared error).

    Parameters
    ----------
    image, reference : ndarray of uint8, shape (height, width, 3), or PIL image

    Returns
    -------
    float
        At least 0; higher is better; infinite for equal images.

    Raises
    ------
    InputError
        Where the shapes differ, and for an array of another type or shape.

    Examples
    --------
    >>> black = np.zeros((8, 8, 3), dtype=np.uint8)
    >>> psnr(black + np.uint8(255), black)
    0.0
    """
    image, reference = _same_shape(image, reference)
    from skimage.metrics import peak_signal_noise_ratio

    with np.errstate(divide="ignore"):
        return float(peak_signal_noise_ratio(reference, image, data_range=255))


def ssim(image: Image, reference: Image) -> float:
    """Structural similarity (Wang et al., 2004) with its Gaussian window of 1.5 pixels, mean over the three channels.

    Parameters
    ----------
    image, reference : ndarray of uint8, shape (height, width, 3), or PIL image
        At least 11 pixels a side.

    Returns
    -------
    float
        In [-1, 1]; higher is better; 1 for equal images.

    Raises
    ------
    InputError
        Where the shapes differ or a side is shorter than the window, and for an array of another type or shape.

    Examples
    --------
    >>> image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    >>> round(ssim(image, image), 6)
    1.0
    """
    image, reference = _same_shape(image, reference)
    if min(image.shape[:2]) < 11:
        size = f"{image.shape[1]} x {image.shape[0]}"
        raise InputError(f"An image of {size} pixels is too small for SSIM; it needs 11 x 11.")
    from skimage.metrics import structural_similarity

    value = structural_similarity(
        reference, image, channel_axis=2, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    return float(value)


def _same_shape(image: Image, reference: Image) -> tuple[Pixels, Pixels]:
    """The pixels of both, of one shape."""
    both = pixels_given(image), pixels_given(reference, "The reference")
    if both[0].shape != both[1].shape:
        sizes = " and ".join(f"{each.shape[1]} x {each.shape[0]}" for each in both)
        raise InputError(f"The image and its reference have different sizes ({sizes} pixels); make them equal.")
    return both
