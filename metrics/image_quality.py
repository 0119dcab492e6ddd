"""Image quality without a network: PSNR and SSIM against a reference; sharpness, contrast and exposure without one.

Computed by scikit-image. Images are uint8 arrays of shape (height, width, 3), values 0..255. The measures of one image
take large ones in strips, whose sums are the whole's: floating-point numbers need eight times the memory of the pixels.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from skimage.color import rgb2gray
from skimage.filters import sobel
from skimage.measure import blur_effect
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from metrics.errors import InputError

Image = NDArray[np.uint8]
_AT_ONCE = 4_000_000  # pixels
_BLUR = 11  # pixels over which blur_effect takes means
_REACH = _BLUR // 2 + 1  # how far a pixel's edges and those of its blurred copy look


def psnr(image: Image, reference: Image) -> float:
    """Peak signal-to-noise ratio in dB: 10 log10(255^2 / mean squared error).

    Parameters
    ----------
    image, reference : ndarray of uint8, shape (height, width, 3)

    Returns
    -------
    float
        At least 0; higher is better; infinite for equal images.

    Raises
    ------
    InputError
        Where the shapes differ.

    Examples
    --------
    >>> black = np.zeros((8, 8, 3), dtype=np.uint8)
    >>> psnr(black + np.uint8(255), black)
    0.0
    """
    _same_shape(image, reference)
    with np.errstate(divide="ignore"):
        return float(peak_signal_noise_ratio(reference, image, data_range=255))


def ssim(image: Image, reference: Image) -> float:
    """Structural similarity (Wang et al., 2004) with its Gaussian window of 1.5 pixels, mean over the three channels.

    Parameters
    ----------
    image, reference : ndarray of uint8, shape (height, width, 3)
        At least 11 pixels a side.

    Returns
    -------
    float
        In [-1, 1]; higher is better; 1 for equal images.

    Raises
    ------
    InputError
        Where the shapes differ or a side is shorter than the window.

    Examples
    --------
    >>> image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    >>> round(ssim(image, image), 6)
    1.0
    """
    _same_shape(image, reference)
    if min(image.shape[:2]) < 11:
        size = f"{image.shape[1]} x {image.shape[0]}"
        raise InputError(f"An image of {size} pixels is too small for SSIM; it needs 11 x 11.")
    value = structural_similarity(
        reference, image, channel_axis=2, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    return float(value)


def sharpness(image: Image) -> float:
    """One minus the perceptual blur of Crete et al. (2007), which compares an image with a blurred copy of itself.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width, 3)

    Returns
    -------
    float
        In [0, 1]; higher is sharper.

    Examples
    --------
    >>> image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    >>> sharpness(image) > 0.5
    True
    """
    if image.shape[0] * image.shape[1] > _AT_ONCE:
        return 1.0 - _blur_by_strips(image)
    return 1.0 - float(blur_effect(image, h_size=_BLUR, channel_axis=2))


def contrast(image: Image) -> float:
    """The standard deviation of the luma (Rec. 601) on the scale 0..1, known as RMS contrast (Peli, 1990).

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width, 3)

    Returns
    -------
    float
        In [0, 0.5]; 0 for one flat tone.

    Examples
    --------
    >>> contrast(np.array([[[0, 0, 0], [255, 255, 255]]], dtype=np.uint8))
    0.5
    """
    size = image.shape[0] * image.shape[1]
    mean = sum(float(_luma(image[top:bottom]).sum()) for top, bottom in _strips(image)) / size
    squares = sum(float(((_luma(image[top:bottom]) - mean) ** 2).sum()) for top, bottom in _strips(image))
    return float(np.sqrt(squares / size))


def exposure(image: Image) -> float:
    """One minus the share of pixels that are almost black or almost white (luma under 3 % or over 97 %).

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width, 3)

    Returns
    -------
    float
        In [0, 1]; 1 where nothing is clipped.

    Examples
    --------
    >>> exposure(np.array([[[0, 0, 0], [128, 128, 128]]], dtype=np.uint8))
    0.5
    """
    clipped = 0
    for top, bottom in _strips(image):
        luma = _luma(image[top:bottom])
        clipped += int(np.count_nonzero((luma < 0.03) | (luma > 0.97)))
    return float(1.0 - clipped / (image.shape[0] * image.shape[1]))


def _blur_by_strips(image: Image) -> float:
    """What `blur_effect` answers, from sums over strips that overlap by what their edges need."""
    height, width = image.shape[:2]
    edges, lost = np.zeros(2), np.zeros(2)
    for top, bottom in _strips(image):
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


def _strips(image: Image) -> Iterator[tuple[int, int]]:
    """The rows of parts of an image, from and to."""
    rows = max(1, _AT_ONCE // image.shape[1])
    for top in range(0, image.shape[0], rows):
        yield top, min(top + rows, image.shape[0])


def _luma(image: Image) -> NDArray[np.float64]:
    return image.astype(np.float64) @ np.array([0.299, 0.587, 0.114]) / 255.0


def _same_shape(image: Image, reference: Image) -> None:
    if image.shape != reference.shape:
        sizes = " and ".join(f"{each.shape[1]} x {each.shape[0]}" for each in (image, reference))
        raise InputError(f"The image and its reference have different sizes ({sizes} pixels); make them equal.")
