"""Metrics of other packages: ``pyiqa:NAME`` and ``torchmetrics:CLASS``, with our tables, cache and signatures,
whose part are the weights that the package has loaded.

A metric that compares two images gets the item's references, each brought to the image's size, and the mean over them
counts. The packages are optional, and load their own weights in their own way.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image, Resampling

from metrics.device import exact_arithmetic
from metrics.errors import InputError
from metrics.extraction import Extractor, Forward, is_out_of_memory
from metrics.held_weights import held_digest
from metrics.images import READING, PairSource, Source, UnreadableImage, pixels
from metrics.scoring import Features, Item, Score, Scored
from metrics.signature import signature, versions

PACKAGES = ("pyiqa", "torchmetrics")


@dataclass(frozen=True)
class Found:
    """A metric of another package: whether it compares two images, which way it points, and how it is made and used.

    `make` takes a torch device; what it gives is called by `measure` with one image or two.
    """

    compares: bool
    lower_is_better: bool | None
    make: Callable[[str], Any]
    measure: Callable[..., float]


@dataclass(frozen=True)
class PluginFeatures:
    """The score of an image, or of an image and its reference, float64 of shape (1,).

    Attributes
    ----------
    name : str
        PACKAGE:NAME.
    """

    name: str

    batch_size = 1

    @property
    def title(self) -> str:
        """For the progress bar."""
        return self.name

    def __reduce__(self) -> tuple[Any, ...]:
        return PluginFeatures, (self.name,)  # what was found in the package is found again

    @cached_property
    def found(self) -> Found:
        """The metric in its package; raises InputError where it is not there."""
        package, _, name = self.name.partition(":")
        return {"pyiqa": _from_pyiqa, "torchmetrics": _from_torchmetrics}[package](name)

    @cached_property
    def signature(self) -> str:
        """Name, weights, package and versions; the weights are known once the package has loaded them."""
        package = self.name.partition(":")[0]
        return signature(
            features=self.name,
            weights=held_digest(self._made),
            reading=READING,
            versions=versions(package, "torch", "Pillow"),
        )

    @cached_property
    def _made(self) -> Any:
        return self._make("cpu")

    def _make(self, device: str) -> Any:
        try:
            return self.found.make(device)
        except (OSError, RuntimeError, ValueError, ImportError) as error:
            raise InputError(
                f"The metric {self.name} cannot be loaded ({_first_line(error)}); its package fetches its weights by "
                "itself, so see there how to put them in place."
            ) from error

    def prepare(self, opened: Image | tuple[Image, Image]) -> tuple[NDArray[np.uint8], ...]:
        """The pixels, and those of the reference at the image's size."""
        if not isinstance(opened, tuple):
            return (pixels(opened),)
        image, reference = opened
        return pixels(image), pixels(reference.resize(image.size, Resampling.BICUBIC))

    def load(self, device: str) -> Forward:
        """The package's metric on a device."""
        import torch

        exact_arithmetic()
        metric = self._made if device == "cpu" else self._make(device)
        measure = partial(self.found.measure, metric)

        def tensor(values: NDArray[np.uint8]) -> Any:
            return torch.from_numpy(values).permute(2, 0, 1)[None].to(device).float() / 255.0

        @torch.inference_mode()
        def forward(batch: list[Any]) -> list[NDArray]:
            return [np.array([_measured(measure, *map(tensor, images))]) for images in batch]

        return forward


@dataclass(frozen=True)
class Plugin:
    """A metric of another package.

    Attributes
    ----------
    extractor : PluginFeatures
        Gives the scores.
    """

    extractor: PluginFeatures

    @property
    def name(self) -> str:
        """PACKAGE:NAME."""
        return self.extractor.name

    def wants(self, items: Sequence[Item]) -> list[tuple[Extractor, list[Source]]]:
        """The images, or each with each of its references."""
        return [(self.extractor, [source for item in items for source in self._sources(item)])]

    def score(self, items: Sequence[Item], features: Features) -> Scored:
        """The mean over references, where there are any."""
        lower = self.extractor.found.lower_is_better
        better = None if lower is None else "lower" if lower else "higher"
        made_by = signature(metric=self.name.replace(":", "/"), better=better) + "|" + self.extractor.signature
        found = Scored()
        for item in items:
            sources = self._sources(item)
            values = [value[0] for source in sources if (value := features(self.extractor, source)) is not None]
            score = float(np.mean(values)) if values else float("nan")
            if np.isfinite(score):
                found.scores.append(Score(item.item, self.name, score, made_by))
            else:
                note = "no reference" if not sources else "no finite score" if values else self._unreadable
                found.scores.append(Score(item.item, self.name, None, made_by, note))
        return found

    @property
    def _unreadable(self) -> str:
        return "unreadable image or reference" if self.extractor.found.compares else "unreadable image"

    def _sources(self, item: Item) -> list[Source]:
        if not self.extractor.found.compares:
            return [item.image]
        return [PairSource(item.image, reference) for reference in item.references]


def _measured(measure: Callable[..., float], *images: Any) -> float:
    """A score; an image that another package cannot take raises `UnreadableImage`, whatever it raised there."""
    try:
        return measure(*images)
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise UnreadableImage(f"cannot be scored by this metric ({_first_line(error)})") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def is_plugin(name: str) -> bool:
    """Whether a metric's name is that of another package's.

    Examples
    --------
    >>> is_plugin("pyiqa:musiq"), is_plugin("lpips")
    (True, False)
    """
    package, colon, rest = name.partition(":")
    return bool(colon and rest) and package in PACKAGES


def make_plugin(name: str) -> Plugin:
    """The metric PACKAGE:NAME.

    Raises
    ------
    InputError
        Where the package is not installed, or has no such metric.
    """
    package = name.partition(":")[0]
    try:
        version(package)
    except PackageNotFoundError:
        raise InputError(
            f"The metric {name} needs the package {package}; install it with pip install {package}."
        ) from None
    plugin = Plugin(PluginFeatures(name))
    plugin.extractor.found  # noqa: B018 - raises where there is no such metric
    return plugin


def _from_pyiqa(name: str) -> Found:
    pyiqa = import_module("pyiqa")
    known = import_module("pyiqa.default_model_configs").DEFAULT_CONFIGS
    if name not in known:
        raise InputError(
            f"pyiqa has no metric '{name}'; python -c 'import pyiqa; print(pyiqa.list_models())' lists them."
        )

    def make(device: str) -> Any:
        return pyiqa.create_metric(name, device=device)

    def measure(metric: Any, *images: Any) -> float:
        return float(metric(*images))

    return Found(known[name].get("metric_mode", "NR") == "FR", known[name].get("lower_better", False), make, measure)


def _from_torchmetrics(name: str) -> Found:
    homes = [import_module(f"torchmetrics.{home}") for home in ("image", "multimodal")]
    cls: Any = next((getattr(home, name) for home in homes if hasattr(home, name)), None)
    if cls is None or not callable(getattr(cls, "update", None)):
        raise InputError(f"torchmetrics has no metric '{name}'; it must be a class of torchmetrics.image.")
    takes = [parameter for parameter in inspect.signature(cls.update).parameters if parameter != "self"]
    if takes not in (["preds", "target"], ["img"], ["imgs"]):
        raise InputError(
            f"torchmetrics' {name} takes {', '.join(takes)}; only metrics of one image or of two can be used."
        )

    def make(device: str) -> Any:
        unit_range = {"data_range": 1.0} if "data_range" in inspect.signature(cls).parameters else {}
        return cls(**unit_range).to(device)

    def measure(metric: Any, *images: Any) -> float:
        value = float(metric(*images).detach().mean())
        metric.reset()
        return value

    higher = getattr(cls, "higher_is_better", None)
    return Found(len(takes) == 2, None if higher is None else not higher, make, measure)
