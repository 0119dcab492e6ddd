"""Machines: automatic scores of images and of image sets, and what each metric is.

The names below are what a notebook needs; each is imported when it is first asked for, so that ``import metrics`` is
quick and loads no network. All else is imported from its module.

Examples
--------
>>> from metrics import contrast, frechet_distance
>>> import numpy as np
>>> contrast(np.array([[[0, 0, 0], [255, 255, 255]]], dtype=np.uint8))
0.5
"""

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from metrics.front_door import front_door

if TYPE_CHECKING:
    from metrics.api import clip_score as clip_score
    from metrics.api import inception_features as inception_features
    from metrics.api import list_metrics as list_metrics
    from metrics.api import lpips as lpips
    from metrics.api import score_images as score_images
    from metrics.api import score_sets as score_sets
    from metrics.engine.run import RunSettings as RunSettings
    from metrics.entry import MetricOptions as MetricOptions
    from metrics.errors import InputError as InputError
    from metrics.image.clip_t import clip_cosine as clip_cosine
    from metrics.image.contrast import contrast as contrast
    from metrics.image.exposure import exposure as exposure
    from metrics.image.fidelity import psnr as psnr
    from metrics.image.fidelity import ssim as ssim
    from metrics.image.sharpness import sharpness as sharpness
    from metrics.image_file import read_image as read_image
    from metrics.known import find_metric as find_metric
    from metrics.sets.frechet import frechet_distance as frechet_distance
    from metrics.sets.kid import kernel_distance as kernel_distance
    from metrics.weights.locate import fetch_weights as fetch_weights

_MODULES = {
    "clip_cosine": "metrics.image.clip_t",
    "clip_score": "metrics.api",
    "contrast": "metrics.image.contrast",
    "exposure": "metrics.image.exposure",
    "fetch_weights": "metrics.weights.locate",
    "find_metric": "metrics.known",
    "frechet_distance": "metrics.sets.frechet",
    "inception_features": "metrics.api",
    "InputError": "metrics.errors",
    "kernel_distance": "metrics.sets.kid",
    "list_metrics": "metrics.api",
    "lpips": "metrics.api",
    "MetricOptions": "metrics.entry",
    "psnr": "metrics.image.fidelity",
    "read_image": "metrics.image_file",
    "RunSettings": "metrics.engine.run",
    "score_images": "metrics.api",
    "score_sets": "metrics.api",
    "sharpness": "metrics.image.sharpness",
    "ssim": "metrics.image.fidelity",
}
__all__ = [*_MODULES]

try:
    __version__ = version("humangrade")
except PackageNotFoundError:  # a checkout that is not installed
    __version__ = "0+unknown"


__getattr__, __dir__ = front_door(__name__, _MODULES)
