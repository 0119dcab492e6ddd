"""The metrics that humangrade computes: what each needs, and how it is made from the options."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from metrics.aesthetic import DEFAULT_HEADS, Aesthetic, plain_name
from metrics.clip import ClipImages, ClipModel
from metrics.clip_score import ClipCosine, ClipScore
from metrics.device import Precision
from metrics.diversity import Diversity, clip_distances
from metrics.errors import InputError
from metrics.faces import FaceFeatures
from metrics.image_folders import images_below
from metrics.images import ImageSource, UnreadableImage
from metrics.inception import InceptionFeatures
from metrics.lpips_features import LpipsFeatures, native_distances, pairwise_distances
from metrics.lpips_score import Lpips
from metrics.own_functions import named_function
from metrics.plugin_table import find_known
from metrics.plugins import is_plugin, make_plugin
from metrics.pooling import Pool
from metrics.quality_score import QualityFeatures, SingleNumber
from metrics.registry import Metric, find_metric
from metrics.scoring import ComputedMetric
from metrics.set_distance import Fid, Kid
from metrics.similarity import LEAST_PROBABILITY, Similarity
from metrics.statistics_file import SavedStatistics, read_statistics

Need = Literal["references", "prompts"]


@dataclass(frozen=True)
class MetricOptions:
    """What can be chosen about the metrics.

    Attributes
    ----------
    clip_model, clip_pretrained : str
        The open_clip encoder of aesthetic, clip_score and diversity_clip.
    head : str or None
        The aesthetic head: a name of `metrics.weights`, or a file; None takes the one that fits the encoder.
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
        Whose preprocessing FID and KID follow.
    reference_set : Path or None
        Images, or saved statistics (.npz), that stand for the references in FID and KID.
    precision : {"float32", "float16"}
        Of the networks' arithmetic.
    seed : int
        For KID's subsets; 2020 gives torch-fidelity's.
    """

    clip_model: str = "ViT-L-14"
    clip_pretrained: str = "openai"
    head: str | None = None
    lpips_net: str = "alex"
    lpips_size: int | None = 256
    detector: str | None = None
    encoder: str | None = None
    align: bool = False
    least_face: float = LEAST_PROBABILITY
    pool_references: Pool = "mean"
    inception: Literal["torch-fidelity", "pytorch-fid"] = "torch-fidelity"
    reference_set: Path | None = None
    precision: Precision = "float32"
    seed: int = 2020


@dataclass(frozen=True)
class Entry:
    """One metric that can be computed.

    Attributes
    ----------
    name : str
        What `humangrade score --metrics` calls it.
    scores : {"image", "set"}
        What it gives a number for.
    needs : tuple of {"references", "prompts"}
        What must be known of the images.
    weights : callable
        Options to the names of the files of weights that it needs.
    make : callable
        Options to the metric.
    source : str
        Who proposed it.
    """

    name: str
    scores: Literal["image", "set"]
    needs: tuple[Need, ...]
    weights: Callable[[MetricOptions], tuple[str, ...]]
    make: Callable[[MetricOptions], ComputedMetric]
    source: str

    @property
    def what(self) -> Metric:
        """Title, direction and range."""
        found = find_metric(self.name)
        if found is None:
            raise LookupError(f"metrics.registry does not know '{self.name}'")
        return found


def catalogue() -> tuple[Entry, ...]:
    """All metrics that can be computed without a plug-in.

    Examples
    --------
    >>> [entry.name for entry in catalogue() if entry.scores == "set"]
    ['diversity', 'diversity_clip', 'fid', 'kid']
    """
    return _ENTRIES


def check_options(options: MetricOptions) -> None:
    """Raise InputError where detector, encoder or reference set cannot be had, whichever metrics are computed."""
    if options.reference_set is not None and not options.reference_set.exists():
        raise InputError(f"--reference-set is {options.reference_set}, and there is nothing of that name; correct it.")
    for given, option in ((options.detector, "--detector"), (options.encoder, "--encoder")):
        if given:
            named_function(given, option)


def make_metrics(names: Sequence[str], options: MetricOptions) -> list[ComputedMetric]:
    """The metrics of these names, each once.

    Parameters
    ----------
    names : sequence of str
        Names of the catalogue, or plug-ins such as ``pyiqa:musiq``.
    options : MetricOptions
        What was chosen.

    Raises
    ------
    InputError
        For an unknown name, a missing file of weights, or a plug-in whose package is not installed.
    """
    by_name = {entry.name: entry for entry in _ENTRIES}
    made: list[ComputedMetric] = []
    for name in dict.fromkeys(names):
        if is_plugin(name):
            made.append(make_plugin(name))
        elif name in by_name:
            made.append(by_name[name].make(options))
        else:
            raise _no_metric(name)
    return made


def needs_of(name: str) -> tuple[Need, ...]:
    """What must be known of the images for a metric of the catalogue, or of another package.

    Examples
    --------
    >>> needs_of("lpips"), needs_of("pyiqa:clipscore"), needs_of("contrast")
    (('references',), ('prompts',), ())
    """
    known = find_known(name)
    if known is not None:
        return ("references",) if known.takes == "pair" else ("prompts",) if known.takes == "prompt" else ()
    return next((entry.needs for entry in _ENTRIES if entry.name == name), ())


def _no_metric(name: str) -> InputError:
    names = [entry.name for entry in _ENTRIES]
    if ":" in name:
        return InputError(
            f"There is no metric '{name}'; of other packages those of pyiqa:NAME and torchmetrics:NAME can be "
            "computed. Scores by a metric of your own come in with humangrade import STUDY --scores FILE, or report "
            "--scores FILE."
        )
    near = get_close_matches(name.lower(), names, n=1)
    meant = f"did you mean {near[0]}? " if near else ""
    return InputError(
        f"There is no metric '{name}'; {meant}humangrade metrics lists them: {', '.join(names)}, pyiqa:NAME and "
        "torchmetrics:NAME."
    )


def written_names(name: str) -> tuple[str, ...]:
    """The metrics under whose names a metric of the catalogue writes scores.

    Examples
    --------
    >>> written_names("lpips"), written_names("fid")
    (('lpips', 'lpips_min'), ('fid',))
    """
    return ("lpips", "lpips_min") if name == "lpips" else (name,)


def _clip(options: MetricOptions) -> ClipModel:
    return ClipModel.find(options.clip_model, options.clip_pretrained, options.precision)


def _lpips(options: MetricOptions) -> LpipsFeatures:
    return LpipsFeatures.find(options.lpips_net, options.lpips_size, options.precision)


def _clip_weights(options: MetricOptions) -> tuple[str, ...]:
    return (f"clip/{options.clip_model}/{options.clip_pretrained}",)


def _head_weights(options: MetricOptions) -> tuple[str, ...]:
    head = head_of(options) or ""
    return _clip_weights(options) + ((head,) if head.startswith("aesthetic/") else ())


def head_of(options: MetricOptions) -> str | None:
    """The aesthetic head chosen, or the published one for the CLIP model; None where there is none for it."""
    return options.head or DEFAULT_HEADS.get(plain_name(f"{options.clip_model}/{options.clip_pretrained}"))


def _lpips_weights(options: MetricOptions) -> tuple[str, ...]:
    return (f"lpips-{options.lpips_net}",)


def _face_weights(options: MetricOptions) -> tuple[str, ...]:
    return () if options.encoder else ("facenet-vggface2",)


def _inception_weights(options: MetricOptions) -> tuple[str, ...]:
    return ("inception-fid",)


def _reference(options: MetricOptions) -> tuple[ImageSource, ...] | SavedStatistics | None:
    """What stands for the references in FID and KID."""
    chosen = options.reference_set
    if chosen is None:
        return None
    if chosen.suffix.lower() == ".npz":
        return read_statistics(chosen)
    try:
        return tuple(ImageSource.of(path) for path in images_below(chosen))
    except UnreadableImage as error:
        raise InputError(f"An image of the reference set {chosen} {error}; check its permissions.") from error


def _no_weights(options: MetricOptions) -> tuple[str, ...]:
    return ()


def _quality(name: str, source: str) -> Entry:
    return Entry(name, "image", (), _no_weights, lambda _: SingleNumber(name, QualityFeatures(name)), source)


_ENTRIES = (
    Entry(
        "similarity",
        "image",
        ("references",),
        _face_weights,
        lambda o: Similarity(FaceFeatures.find(o.detector, o.encoder, o.align), o.pool_references, o.least_face),
        "Schroff et al. 2015; Cao et al. 2018",
    ),
    Entry(
        "aesthetic",
        "image",
        (),
        _head_weights,
        lambda o: Aesthetic.find(o.head, o.clip_model, o.clip_pretrained, o.precision),
        "Schuhmann 2022; Murray et al. 2012",
    ),
    Entry("lpips", "image", ("references",), _lpips_weights, lambda o: Lpips(_lpips(o)), "Zhang et al. 2018"),
    Entry(
        "clip_score",
        "image",
        ("prompts",),
        _clip_weights,
        lambda o: ClipScore(_clip(o)),
        "Hessel et al. 2021",
    ),
    Entry(
        "clip_t",
        "image",
        ("prompts",),
        _clip_weights,
        lambda o: ClipCosine(_clip(o)),
        "Radford et al. 2021",
    ),
    _quality("sharpness", "Crete et al. 2007"),
    _quality("contrast", "Peli 1990"),
    _quality("exposure", "share of clipped pixels"),
    Entry(
        "diversity",
        "set",
        (),
        _lpips_weights,
        lambda o: Diversity("diversity", _lpips(o), pairwise_distances if o.lpips_size else native_distances),
        "Zhu et al. 2017",
    ),
    Entry(
        "diversity_clip",
        "set",
        (),
        _clip_weights,
        lambda o: Diversity("diversity_clip", ClipImages(_clip(o)), clip_distances),
        "Radford et al. 2021",
    ),
    Entry(
        "fid",
        "set",
        ("references",),
        _inception_weights,
        lambda o: Fid(InceptionFeatures.find(o.inception, o.precision), _reference(o)),
        "Heusel et al. 2017",
    ),
    Entry(
        "kid",
        "set",
        ("references",),
        _inception_weights,
        lambda o: Kid(InceptionFeatures.find(o.inception, o.precision), _reference(o), seed=o.seed),
        "Binkowski et al. 2018",
    ),
)
