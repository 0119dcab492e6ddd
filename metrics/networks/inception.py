"""Inception features, on which FID and KID are computed: the network of the original FID code, ported to PyTorch.

The network is torch-fidelity's, its weights are the file that torch-fidelity and pytorch-fid share. The two tools bring
an image to 299 x 299 pixels differently, which changes FID; both ways are here, and the signature says which it was.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from metrics.engine.device import Precision, exact_arithmetic
from metrics.engine.extraction import Forward
from metrics.engine.images import READING, pixels
from metrics.engine.signature import signature, versions
from metrics.entry import MetricOptions, NeededWeights
from metrics.errors import InputError
from metrics.weights.locate import find_weights, weights_digest

Preprocessing = Literal["torch-fidelity", "pytorch-fid"]
INCEPTION_WEIGHTS = NeededWeights("inception-", lambda o: "inception-fid")
SIZE = 299
_LAYERS = (
    *("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "MaxPool_1", "Conv2d_3b_1x1", "Conv2d_4a_3x3", "MaxPool_2"),
    *("Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"),
    *("Mixed_7a", "Mixed_7b", "Mixed_7c", "AvgPool"),
)


@dataclass(frozen=True)
class InceptionFeatures:
    """The last pooled features of an image, float32 of shape (2048,).

    Attributes
    ----------
    weights : Path
        The file ``pt_inception-2015-12-05-6726825d.pth``.
    preprocessing : {"torch-fidelity", "pytorch-fid"}
        Whose way of bringing an image to 299 x 299 pixels and to numbers around 0.
    precision : {"float32", "float16"}
        Of the network's arithmetic.
    """

    weights: Path
    preprocessing: Preprocessing = "torch-fidelity"
    precision: Precision = "float32"

    title = "Inception features"
    batch_size = 32

    @classmethod
    def find(cls, preprocessing: str = "torch-fidelity", precision: Precision = "float32") -> "InceptionFeatures":
        """The extractor with the weights that are installed; raises InputError where they are missing."""
        if preprocessing not in get_args(Preprocessing):
            raise InputError(
                f"Inception features have no preprocessing '{preprocessing}'; there are "
                f"{' and '.join(get_args(Preprocessing))}."
            )
        return cls(find_weights("inception-fid"), preprocessing, precision)  # type: ignore[arg-type]

    @classmethod
    def chosen(cls, options: MetricOptions) -> "InceptionFeatures":
        """The extractor that the options name."""
        return cls.find(options.inception, options.precision)

    @cached_property
    def signature(self) -> str:
        """Weights, preprocessing, precision and versions."""
        return signature(
            features="inception",
            weights=weights_digest(self.weights)[:12],
            preprocessing=self.preprocessing,
            precision=self.precision,
            reading=READING,
            versions=versions("torch-fidelity", "torch", "Pillow"),
        )

    def prepare(self, opened: Image.Image) -> NDArray[np.float32]:
        """What the network takes, float32 of shape (3, 299, 299), values in [-1, 1]."""
        if self.preprocessing == "torch-fidelity":
            return (resized_as_tensorflow(pixels(opened)) - np.float32(128)) / np.float32(128)
        return 2 * _resized_by_torch(pixels(opened)) - 1

    def load(self, device: str) -> Forward:
        """The network on a device."""
        import torch

        exact_arithmetic()
        dtype = torch.float16 if self.precision == "float16" else torch.float32
        order = torch.channels_last  # twice as fast on a CPU; features move by about 1e-6 of their size
        layers = load_inception(self.weights).to(device, dtype, memory_format=order)

        @torch.inference_mode()
        def forward(batch: list[Any]) -> list[NDArray]:
            images = torch.from_numpy(np.stack(batch)).to(device, dtype, memory_format=order)
            return list(layers(images).flatten(1).float().cpu().numpy())

        return forward


def load_inception(weights: Path) -> Any:
    """The network from a local file, up to its last pooling.

    Parameters
    ----------
    weights : Path
        The state dict that torch-fidelity and pytorch-fid publish.

    Returns
    -------
    torch.nn.Sequential
        Takes images of shape (n, 3, 299, 299) in [-1, 1] and gives (n, 2048, 1, 1); in evaluation mode, on the CPU.

    Raises
    ------
    InputError
        Where the file holds no such network.
    """
    import io

    import torch
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    from metrics.weights.tensors import load_tensors

    safe = io.BytesIO()  # torch-fidelity unpickles what it is given, or downloads: it is given tensors and nothing else
    torch.save(load_tensors(weights), safe)
    safe.seek(0)
    try:
        network = FeatureExtractorInceptionV3("inception", ["2048"], feature_extractor_weights_path=safe)
    except RuntimeError as error:
        raise InputError(
            f"{weights} is not the Inception network of FID; put the right file in with humangrade weights add "
            "inception-fid FILE."
        ) from error
    return torch.nn.Sequential(*(getattr(network, name) for name in _LAYERS)).eval().requires_grad_(False)


def resized_as_tensorflow(image: NDArray[np.uint8], size: int = SIZE) -> NDArray[np.float32]:
    """Bring an image to a square by TensorFlow 1's bilinear interpolation, as the original FID code does.

    Pixel x of the result lies at x * (width / size) of the image, without half a pixel's shift and without smoothing;
    beyond the last pixel the last one counts.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width, 3)
        Of any size.
    size : int
        The result's height and width in pixels.

    Returns
    -------
    ndarray of float32, shape (3, size, size)
        Values in [0, 255], not rounded.

    Examples
    --------
    >>> resized_as_tensorflow(np.array([[[0], [100]]], np.uint8), 4)[0, 0]
    array([  0.,  50., 100., 100.], dtype=float32)
    """
    top, bottom, down = _neighbours(image.shape[0], size)
    left, right, across = _neighbours(image.shape[1], size)
    down = down[:, None, None]
    across = across[:, None]

    def row(lines: NDArray[np.int64]) -> NDArray[np.float32]:
        first, second = (image[lines[:, None], columns].astype(np.float32) for columns in (left, right))
        return first + (second - first) * across

    upper, lower = row(top), row(bottom)
    return np.ascontiguousarray((upper + (lower - upper) * down).transpose(2, 0, 1))


def _neighbours(old: int, new: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """For each new place, the pixels on both of its sides and how far it is from the first."""
    places = np.arange(new, dtype=np.float32) * np.float32(old / new)
    first = places.astype(np.int64)
    return first, np.minimum(first + 1, old - 1), places - first.astype(np.float32)


def _resized_by_torch(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Bring an image to 299 x 299 by PyTorch's bilinear interpolation, values in [0, 1], shape (3, 299, 299)."""
    import torch

    values = torch.from_numpy(image).permute(2, 0, 1)[None].contiguous().float().div(255)
    resized = torch.nn.functional.interpolate(values, size=(SIZE, SIZE), mode="bilinear", align_corners=False)
    return resized[0].numpy()
