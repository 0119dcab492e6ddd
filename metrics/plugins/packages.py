"""Metrics of other packages: ``pyiqa:NAME`` and ``torchmetrics:CLASS``, with our tables, cache and signatures.

`metrics.plugins.package_table` says what each takes. A metric that compares two images gets the item's references, each
brought to the image's size, and the mean over them counts. The packages are optional, and load their own weights in
their own way; those are part of the signature.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image, Resampling

from metrics.engine.device import exact_arithmetic
from metrics.engine.extraction import Extractor, Forward, is_out_of_memory
from metrics.engine.images import NOT_TAKEN, READING, PairSource, PromptedSource, Source, UnreadableImage, pixels
from metrics.engine.signature import signature, versions
from metrics.engine.types import Features, Item, Score, Scored
from metrics.errors import InputError
from metrics.plugins.held_weights import held_digest
from metrics.plugins.package_table import PACKAGES, Known, find_known, nearest, usable

IDENTICAL = "infinite: a reference is the same, pixel by pixel"
_PROBE = 256  # the side of the noise on which a metric is tried before it sees the user's images


@dataclass(frozen=True)
class Found:
    """A metric of another package.

    Attributes
    ----------
    make : callable
        A torch device to the metric.
    measure : callable
        That metric and its inputs to a number.
    """

    make: Callable[[str], Any]
    measure: Callable[..., float]


@dataclass(frozen=True)
class PluginFeatures:
    """The score of an image, or of an image and its reference or prompt, float64 of shape (1,).

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
    def known(self) -> Known:
        """What is known of the metric; raises InputError where it cannot be used."""
        package, _, name = self.name.partition(":")
        known = find_known(self.name)
        if known is None:
            near = nearest(self.name)
            meant = f"did you mean {near}? Known" if near else "known"
            raise InputError(
                f"The metric {self.name} is not in the table of those whose inputs are known here, so its number might "
                f"be wrong; {meant} are {', '.join(usable(package))}."
            )
        if known.takes == "set":
            other = f"; humangrade computes {known.note}" if known.note else ""
            raise InputError(f"{package}'s {name} is a number of a set of images, not of one{other}.")
        if known.takes == "other":
            raise InputError(f"{package}'s {name} takes {known.note}, so it cannot score images here.")
        return known

    @cached_property
    def found(self) -> Found:
        """The metric in its package; raises InputError where it is not there."""
        package, _, name = self.name.partition(":")
        return {"pyiqa": _from_pyiqa, "torchmetrics": _from_torchmetrics}[package](name, self.known)

    @cached_property
    def signature(self) -> str:
        """Name, what it is made with and fed, weights and versions; the package loads the weights for this.

        The package's version is provenance, as all versions are: most releases leave a metric's numbers as they were,
        and weights, values and settings, which do change them, are identity. A release that changes the arithmetic
        alone is not noticed; where scores of several versions meet, the report says so.
        """
        package = self.name.partition(":")[0]
        known = self.known
        settings = ",".join(f"{name}={value}" for name, value in known.settings.items())
        return signature(
            features=self.name,
            takes=known.takes,
            values=f"0..{known.values}",
            settings=settings or None,
            reduction=known.reduction,
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
        except Exception as error:
            if is_out_of_memory(error):
                raise
            raise InputError(
                f"The metric {self.name} cannot be loaded ({_first_line(error)}); its package fetches its weights by "
                "itself, so see there how to put them in place."
            ) from error

    def prepare(self, opened: Any) -> tuple[Any, ...]:
        """The pixels, and those of the reference at the image's size, or the prompt."""
        if not isinstance(opened, tuple):
            return (pixels(opened),)
        image, other = opened
        if isinstance(other, Image):
            return pixels(image), pixels(other.resize(image.size, Resampling.BICUBIC))
        return pixels(image), other

    def load(self, device: str) -> Forward:
        """The package's metric on a device, tried on noise: what fails there is not the fault of an image."""
        import torch

        exact_arithmetic()
        metric = self._made if device == "cpu" else self._make(device)
        measure = partial(self.found.measure, metric)

        def given(value: NDArray[np.uint8] | str) -> Any:
            if isinstance(value, str):
                return value
            scaled = torch.from_numpy(value).permute(2, 0, 1)[None].to(device).float()
            return scaled if self.known.values == 255 else scaled / 255.0

        @torch.inference_mode()
        def forward(batch: list[Any]) -> list[NDArray]:
            return [np.array([_measured(measure, *map(given, inputs))]) for inputs in batch]

        try:
            forward([self._probe()])
        except UnreadableImage as error:
            raise InputError(
                f"The metric {self.name} cannot be used: tried on an image of noise, it fails "
                f"({_first_line(error.__cause__ or error)}). See its package how to put its weights in place."
            ) from error
        return forward

    def _probe(self) -> tuple[Any, ...]:
        noise = np.random.default_rng(0).integers(0, 256, (2, _PROBE, _PROBE, 3), dtype=np.uint8)
        others = {"pair": (noise[1],), "prompt": ("noise",)}
        return noise[0], *others.get(self.known.takes, ())


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

    @property
    def uses_references(self) -> bool:
        """Whether it compares an image with its references."""
        return self.extractor.known.takes == "pair"

    def wants(self, items: Sequence[Item]) -> list[tuple[Extractor, list[Source]]]:
        """The images, or each with each of its references, or with its prompt."""
        return [(self.extractor, [source for item in items for source in self._sources(item)])]

    def score(self, items: Sequence[Item], features: Features) -> Scored:
        """The mean over references, where there are any."""
        known = self.extractor.known
        parts = signature(metric=self.name.replace(":", "/"), better=known.direction)
        made_by = f"{parts}|{self.extractor.signature}"
        found = Scored(warnings=[f"{self.name}: {known.note}."] if known.note else [])
        for item in items:
            sources = self._sources(item)
            values = [value[0] for source in sources if (value := features(self.extractor, source)) is not None]
            score = float(np.mean(values)) if values else float("nan")
            if np.isfinite(score):
                found.scores.append(Score(item.item, self.name, score, made_by))
            else:
                note = self._nothing(sources, features)
                if values:
                    note = IDENTICAL if known.takes == "pair" and np.isinf(values).any() else "no finite score"
                found.scores.append(Score(item.item, self.name, None, made_by, note))
        return found

    def _nothing(self, sources: Sequence[Source], features: Features) -> str:
        """Why an image has no number."""
        takes = self.extractor.known.takes
        if not sources:
            return "no reference" if takes == "pair" else "no prompt"
        unreadable = "unreadable image or reference" if takes == "pair" else "unreadable image"
        return features.why_none(self.extractor, sources[0], unreadable)

    def _sources(self, item: Item) -> list[Source]:
        takes = self.extractor.known.takes
        if takes == "pair":
            return [PairSource(item.image, reference) for reference in item.references]
        if takes == "prompt":
            return [PromptedSource(item.image, item.prompt)] if item.prompt else []
        return [item.image]


def _measured(measure: Callable[..., float], *inputs: Any) -> float:
    """A score; an image that another package cannot take raises `UnreadableImage`, whatever it raised there."""
    try:
        return measure(*inputs)
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise UnreadableImage(f"{NOT_TAKEN} this metric ({_first_line(error)})") from error


def _first_line(error: BaseException) -> str:
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
        Where the package is not installed, has no such metric, or the metric takes what is not known here.
    """
    package = name.partition(":")[0]
    try:
        version(package)
    except PackageNotFoundError:
        raise InputError(
            f"The metric {name} needs the package {package}; install it with pip install {package}."
        ) from None
    plugin = Plugin(PluginFeatures(name))
    plugin.extractor.found  # noqa: B018 - raises where there is no such metric, or it cannot be used
    return plugin


def _from_pyiqa(name: str, known: Known) -> Found:
    pyiqa = import_module("pyiqa")
    configs = import_module("pyiqa.default_model_configs").DEFAULT_CONFIGS
    if name not in configs:
        raise InputError(
            f"pyiqa has no metric '{name}'; python -c 'import pyiqa; print(pyiqa.list_models())' lists them."
        )
    config = configs[name]
    theirs = config.get("metric_mode", "NR") == "FR", bool(config.get("lower_better", False))
    if theirs != (known.takes == "pair", known.direction == "lower"):
        raise InputError(
            f"This version of pyiqa says otherwise of '{name}' than is known here (whether it compares two images, or "
            "which way is better); install another version."
        )

    def make(device: str) -> Any:
        return pyiqa.create_metric(name, device=device)

    def measure(metric: Any, *inputs: Any) -> float:
        if known.takes == "prompt":
            return float(metric(inputs[0], caption_list=[inputs[1]]))
        return float(metric(*inputs))

    return Found(make, measure)


def _from_torchmetrics(name: str, known: Known) -> Found:
    homes = [import_module(f"torchmetrics.{home}") for home in ("image", "multimodal")]
    cls: Any = next((getattr(home, name) for home in homes if hasattr(home, name)), None)
    if cls is None:
        raise InputError(f"torchmetrics, as it is installed here, has no metric '{name}'; it may need another package.")
    if name == "DeepImageStructureAndTextureSimilarity":  # the class loads its network anew for every image
        cls = import_module("torchmetrics.functional.image.dists").DISTSNetwork

    def make(device: str) -> Any:
        return cls(**known.settings).to(device)

    def measure(metric: Any, *inputs: Any) -> float:
        value = float(metric(*inputs))
        if hasattr(metric, "reset"):
            metric.reset()
        if hasattr(metric, "rmse_map"):  # which its reset forgets, so that an image of another size fails
            metric.rmse_map = None
        return value

    return Found(make, measure)
