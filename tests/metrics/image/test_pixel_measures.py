"""PSNR, SSIM and sharpness against their formulas, computed here on their own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays
from PIL import Image
from scipy.ndimage import correlate1d, gaussian_filter
from skimage.measure import blur_effect

from metrics.engine.signature import identity_of
from metrics.errors import InputError
from metrics.image import pixel_measures
from metrics.image.contrast import contrast
from metrics.image.exposure import exposure
from metrics.image.fidelity import psnr, ssim
from metrics.image.sharpness import sharpness

RNG = np.random.default_rng(0)
PHOTO = np.clip(gaussian_filter(RNG.normal(128, 300, (48, 64, 3)), (2, 2, 0)), 0, 255).astype(np.uint8)


def noisy(strength: float) -> np.ndarray:
    return np.clip(PHOTO + np.random.default_rng(1).normal(0, strength, PHOTO.shape), 0, 255).astype(np.uint8)


def constant(value: int) -> np.ndarray:
    return np.full((16, 20, 3), value, dtype=np.uint8)


# PSNR


@pytest.mark.parametrize(
    ("difference", "expected"),
    [(1, 48.1308036), (5, 34.1514036), (16, 24.0484), (255, 0.0)],  # 20 log10(255 / difference)
)
def test_psnr_of_a_constant_difference(difference, expected):
    assert psnr(constant(difference), constant(0)) == pytest.approx(expected, abs=1e-4)


def test_psnr_of_torchmetrics_documented_example():
    """torchmetrics' docs: preds [[0, 1], [2, 3]], target [[3, 2], [1, 0]] has the mean squared error 5, 2.5527 dB at a
    data range of 3; at 255 that is 20 log10(255 / 3) more."""
    image = np.array([[0, 1], [2, 3]], dtype=np.uint8)[:, :, None].repeat(3, axis=2)
    reference = np.array([[3, 2], [1, 0]], dtype=np.uint8)[:, :, None].repeat(3, axis=2)
    assert psnr(image, reference) == pytest.approx(2.5527 + 20 * np.log10(255 / 3), abs=1e-4)


@given(*(arrays(np.uint8, (4, 5, 3)) for _ in range(2)))
def test_psnr_is_its_formula(image, reference):
    error = np.mean((image.astype(float) - reference.astype(float)) ** 2)
    expected = np.inf if error == 0 else 10 * np.log10(255**2 / error)
    assert psnr(image, reference) == pytest.approx(expected)
    assert psnr(image, reference) == psnr(reference, image)


# SSIM


def wang(image: np.ndarray, reference: np.ndarray) -> float:
    """Wang, Bovik, Sheikh and Simoncelli (2004), equation 13, with an 11-pixel Gaussian window of 1.5 pixels and
    K1 = .01, K2 = .03; the mean over all places where the window fits, and over channels."""
    weights = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    weights /= weights.sum()

    def local(values: np.ndarray) -> np.ndarray:
        return correlate1d(correlate1d(values, weights, axis=0), weights, axis=1)[5:-5, 5:-5]

    x, y = image.astype(float), reference.astype(float)
    mx, my = local(x), local(y)
    vx, vy, vxy = local(x * x) - mx**2, local(y * y) - my**2, local(x * y) - mx * my
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return float(np.mean((2 * mx * my + c1) * (2 * vxy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))))


@pytest.mark.parametrize("strength", [1, 10, 40, 120])
def test_ssim_is_its_formula(strength):
    assert ssim(noisy(strength), PHOTO) == pytest.approx(wang(noisy(strength), PHOTO), abs=1e-7)
    assert ssim(255 - PHOTO, PHOTO) == pytest.approx(wang(255 - PHOTO, PHOTO), abs=1e-7)


@pytest.mark.parametrize(("a", "b"), [(0, 0), (0, 255), (100, 120), (255, 254)])
def test_ssim_of_constants_is_the_luminance_term(a, b):
    c1 = (0.01 * 255) ** 2
    assert ssim(constant(a), constant(b)) == pytest.approx((2 * a * b + c1) / (a * a + b * b + c1), abs=1e-9)


def test_ssim_falls_with_noise_and_is_1_for_the_same():
    values = [ssim(noisy(strength), PHOTO) for strength in (0, 5, 20, 80)]
    assert values[0] == pytest.approx(1)
    assert values == sorted(values, reverse=True) and values[-1] < 0.5
    assert ssim(noisy(20), PHOTO) == pytest.approx(ssim(PHOTO, noisy(20)))


def test_ssim_of_a_small_image():
    assert ssim(PHOTO[:11, :11], PHOTO[:11, :11]) == pytest.approx(1)
    with pytest.raises(InputError, match="20 x 10 pixels is too small"):
        ssim(PHOTO[:10, :20], PHOTO[:10, :20])


@pytest.mark.parametrize("measure", [psnr, ssim])
def test_different_sizes(measure):
    with pytest.raises(InputError, match=r"64 x 48 and 48 x 48 pixels"):
        measure(PHOTO, PHOTO[:, :48])


# sharpness


def test_sharpness_falls_with_blur():
    sharp = RNG.integers(0, 256, (48, 64, 3), dtype=np.uint8)
    values = [sharpness(gaussian_filter(sharp, (sigma, sigma, 0))) for sigma in (0, 0.7, 1.5, 3)]
    assert values == sorted(values, reverse=True) and len(set(values)) == 4
    assert all(0 <= value <= 1 for value in values)


def test_sharpness_of_a_flat_image_is_a_number():
    assert sharpness(constant(100)) == pytest.approx(0)


# large images


@pytest.mark.parametrize("size", [(90, 70), (61, 33), (14, 200)])
@pytest.mark.parametrize("rows", [1, 2, 7, 60])
def test_large_images_in_strips_measure_the_same(monkeypatch, size, rows):
    image = np.random.default_rng(rows).integers(0, 256, (*size, 3), dtype=np.uint8)
    image = gaussian_filter(image, (1, 1, 0))
    whole = [measure(image) for measure in (sharpness, contrast, exposure)]
    assert whole[0] == pytest.approx(1 - blur_effect(image, channel_axis=2), abs=1e-12)
    monkeypatch.setattr(pixel_measures, "AT_ONCE", rows * size[1])
    np.testing.assert_allclose([measure(image) for measure in (sharpness, contrast, exposure)], whole, rtol=1e-9)


def test_a_large_flat_image_has_no_sharpness(monkeypatch):
    monkeypatch.setattr(pixel_measures, "AT_ONCE", 100)
    assert sharpness(constant(100)) == pytest.approx(0)


def test_a_revision_is_identity_from_the_second_on():
    first, second = (pixel_measures.QualityFeatures(contrast, revision=number).signature for number in (1, 2))
    assert "revision" not in first and identity_of(first) != identity_of(second)
    assert "revision:2" in second


MEASURES = [contrast, exposure, sharpness, *(lambda image, of=of: of(image, image) for of in (psnr, ssim))]


@pytest.mark.parametrize("measure", MEASURES, ids=["contrast", "exposure", "sharpness", "psnr", "ssim"])
@pytest.mark.parametrize(
    ("given", "said"),
    [
        (np.full((16, 16, 3), 0.5), "an array of float64 of shape (16, 16, 3)"),
        (np.zeros((16, 16, 3), np.int64), "an array of int64 of shape (16, 16, 3)"),
        (np.zeros((16, 16), np.uint8), "an array of uint8 of shape (16, 16)"),
        (np.zeros((16, 16, 4), np.uint8), "an array of uint8 of shape (16, 16, 4)"),
        (np.zeros((3, 16, 16), np.uint8), "an array of uint8 of shape (3, 16, 16)"),
        (np.zeros((2, 16, 16, 3), np.uint8), "an array of uint8 of shape (2, 16, 16, 3)"),
        (np.zeros((0, 16, 3), np.uint8), "an array of uint8 of shape (0, 16, 3)"),
        ([[[0, 0, 0]]], "of type list"),
        ("fox.png", "of type str"),
    ],
)
def test_what_is_no_picture_is_told(measure, given, said):
    with pytest.raises(InputError) as caught:
        measure(given)
    assert str(caught.value) == (
        f"The image is {said}; give uint8 of shape (height, width, 3), values 0 to 255, or a PIL image."
    )


@pytest.mark.parametrize("measure", MEASURES, ids=["contrast", "exposure", "sharpness", "psnr", "ssim"])
def test_a_pillow_image_is_its_pixels(measure):
    grey = np.random.default_rng(0).integers(0, 256, (16, 16), dtype=np.uint8)
    rgb = np.repeat(grey[:, :, None], 3, axis=2)
    for image in (Image.fromarray(rgb), Image.fromarray(grey), Image.fromarray(rgb).convert("RGBA")):
        assert measure(image) == measure(rgb)
    with pytest.raises(InputError, match="The image holds floating-point pixels"):
        measure(Image.new("F", (16, 16)))


@pytest.mark.parametrize("measure", [psnr, ssim])
def test_the_reference_is_named(measure):
    with pytest.raises(InputError, match="The reference is an array of float32"):
        measure(np.zeros((16, 16, 3), np.uint8), np.zeros((16, 16, 3), np.float32))
