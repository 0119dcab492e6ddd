"""What stands in a metric's file about it: the one entry from which lists, helps and tables are derived."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal, get_args

from metrics.engine.device import Precision
from metrics.engine.types import ComputedMetric, Pool
from metrics.errors import InputError, parameter
from metrics.known import Direction
from metrics.text import listed

Need = Literal["references", "prompts"]
LpipsNet = Literal["alex", "vgg", "squeeze"]
Inception = Literal["torch-fidelity", "pytorch-fid"]


@dataclass(frozen=True)
class MetricOptions:
    """What can be chosen about the metrics.

    Attributes
    ----------
    clip_model, clip_pretrained : str
        The open_clip encoder.
    head : str or None
        The aesthetic head: a name of `metrics.weights.locate`, or a file; None takes the one that fits the encoder.
    lpips_net : str
        alex, vgg or squeeze.
    lpips_size : int or None
        The side to which images are brought for LPIPS; None leaves them as they are.
    detector, encoder : str or None
        MODULE:FUNCTION in place of MTCNN and InceptionResnetV1.
    align : bool
        Turn faces upright by their landmarks.
    least_face : float
        The probability from which on what the detector finds counts as a face.
    pool_references : {"mean", "median", "max"}
        An image's similarity from those to several references.
    inception : {"torch-fidelity", "pytorch-fid"}
        Whose preprocessing of images Inception features follow.
    reference_set : Path or None
        Images, or saved statistics (.npz), that stand for the references.
    precision : {"float32", "float16"}
        Of the networks' arithmetic.
    seed : int
        For subsets; 2020 gives torch-fidelity's.

    Raises
    ------
    InputError
        For a value that is none of those named.
    """

    clip_model: str = "ViT-L-14"
    clip_pretrained: str = "openai"
    head: str | None = None
    lpips_net: LpipsNet = "alex"
    lpips_size: int | None = 256
    detector: str | None = None
    encoder: str | None = None
    align: bool = False
    least_face: float = 0.95
    pool_references: Pool = "mean"
    inception: Inception = "torch-fidelity"
    reference_set: Path | None = None
    precision: Precision = "float32"
    seed: int = 2020

    def __post_init__(self) -> None:
        for name, kind in (
            ("lpips_net", LpipsNet),
            ("pool_references", Pool),
            ("inception", Inception),
            ("precision", Precision),
        ):
            if (value := getattr(self, name)) not in (known := get_args(kind)):
                raise InputError(f"{parameter(name)} is {value!r}; it is {listed(known, 'or')}.")


@dataclass(frozen=True)
class NeededWeights:
    """A file of weights that a network needs, and which one it is by the options.

    Attributes
    ----------
    family : str
        What the names of all files that may be chosen begin with, for instance ``"lpips-"``.
    chosen : callable
        Options to the name of the file; None where these options need none of the family.
    """

    family: str
    chosen: Callable[[MetricOptions], str | None]


def _nothing_lacks(options: MetricOptions) -> str:
    return ""


@dataclass(frozen=True)
class Entry:
    """One metric that can be computed: all that is known of it besides its arithmetic.

    Attributes
    ----------
    name : str
        What `humangrade score --metrics` calls it; its module is called the same.
    title : str
        What people call it.
    says : str
        What its number says, for README and notebooks.
    scores : {"image", "set"}
        What it gives a number for.
    direction : {"higher", "lower"}
        Which way is better.
    source : str
        Who proposed it.
    make : callable
        Options to the metric.
    low, high : float or None
        The bounds of its numbers; None where open.
    needs : tuple of {"references", "prompts"}
        What must be known of the images.
    instead : mapping
        A need to the option that takes its place where it is given.
    weights : tuple of NeededWeights
        The weights that it needs.
    options : tuple of str
        The fields of `MetricOptions` that change its numbers.
    lacks : callable
        Options to the reason why it cannot be made with them, whatever weights are here; "" for none.
    written : tuple of str
        Further metrics under whose names it writes scores.
    bands : tuple of (float, str)
        What guides call a set's score below a bound, the bounds ascending; see `metrics.catalogue.band`.
    """

    name: str
    title: str
    says: str
    scores: Literal["image", "set"]
    direction: Direction
    source: str
    make: Callable[[MetricOptions], ComputedMetric]
    low: float | None = None
    high: float | None = None
    needs: tuple[Need, ...] = ()
    instead: Mapping[Need, str] = field(default_factory=lambda: MappingProxyType({}))
    weights: tuple[NeededWeights, ...] = ()
    options: tuple[str, ...] = ()
    lacks: Callable[[MetricOptions], str] = _nothing_lacks
    written: tuple[str, ...] = ()
    bands: tuple[tuple[float, str], ...] = ()

    def __repr__(self) -> str:
        return f"Entry({self.name}: {self.title}, a number of one {self.scores}, {self.direction} is better)"

    def weights_for(self, options: MetricOptions) -> tuple[str, ...]:
        """The names of the files of weights that it needs with these options."""
        return tuple(name for needed in self.weights if (name := needed.chosen(options)) is not None)

    def needs_with(self, options: MetricOptions) -> tuple[Need, ...]:
        """What must be known of the images with these options."""
        return tuple(
            need for need in self.needs if need not in self.instead or getattr(options, self.instead[need]) is None
        )
