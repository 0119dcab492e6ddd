"""What humangrade knows of other packages' metrics: what each takes, in which values, and how its number is read.

A metric that is not here is refused: the names of a function's parameters do not say in which values it expects an
image, nor whether its number is one of an image or of a set.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Literal

from metrics.known import Direction

Takes = Literal["image", "pair", "prompt", "set", "other"]


@dataclass(frozen=True)
class Known:
    """One metric of a package.

    Attributes
    ----------
    takes : {"image", "pair", "prompt", "set", "other"}
        An image; an image and its reference; an image and its prompt; a set of images; something else.
    direction : {"higher", "lower"}
        Which way is better.
    low, high : float or None
        The bounds of its scores; None where open.
    values : {1, 255}
        Images are given with values 0..1, or 0..255.
    settings : mapping
        What it is made with, besides the package's own defaults.
    reduction : str
        How it comes to one number for an image.
    note : str
        What must be known of its numbers; of a metric that is refused, what it takes.
    """

    takes: Takes
    direction: Direction
    low: float | None = None
    high: float | None = None
    values: Literal[1, 255] = 1
    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    reduction: str = "mean"
    note: str = ""


_UNIT = MappingProxyType({"data_range": 1.0})
_NORMALIZE = MappingProxyType({"normalize": True})
_SATELLITE = "several bands of a satellite's image"

TORCHMETRICS: Mapping[str, Known] = {
    # an image and its reference
    "PeakSignalNoiseRatio": Known("pair", "higher", 0, None, settings=_UNIT, reduction="log of the mean square"),
    "StructuralSimilarityIndexMeasure": Known("pair", "higher", -1, 1, settings=_UNIT),
    "MultiScaleStructuralSimilarityIndexMeasure": Known("pair", "higher", 0, 1, settings=_UNIT),
    "UniversalImageQualityIndex": Known("pair", "higher", -1, 1),
    "VisualInformationFidelity": Known("pair", "higher", 0, None, values=255),  # its sigma_n_sq, 2, is for 0..255
    "SpatialCorrelationCoefficient": Known("pair", "higher", -1, 1),
    "SpectralAngleMapper": Known("pair", "lower", 0, None),
    "ErrorRelativeGlobalDimensionlessSynthesis": Known("pair", "lower", 0, None),
    "RelativeAverageSpectralError": Known("pair", "lower", 0, None),
    "RootMeanSquaredErrorUsingSlidingWindow": Known("pair", "lower", 0, None),
    "LearnedPerceptualImagePatchSimilarity": Known("pair", "lower", 0, None, settings=_NORMALIZE),
    "DeepImageStructureAndTextureSimilarity": Known("pair", "lower", 0, 1),
    # an image
    "TotalVariation": Known(
        "image",
        "lower",
        0,
        None,
        reduction="sum",
        note="it is a sum over pixels, so that only images of one size can be compared",
    ),
    "ARNIQA": Known("image", "higher", 0, 1, settings=_NORMALIZE),
    "CLIPImageQualityAssessment": Known("image", "higher", 0, 1, settings=_UNIT),
    # an image and its prompt
    "CLIPScore": Known("prompt", "higher", 0, 100, values=255),
    # refused
    "FrechetInceptionDistance": Known("set", "lower", note="fid"),
    "KernelInceptionDistance": Known("set", "lower", note="kid"),
    "MemorizationInformedFrechetInceptionDistance": Known("set", "lower", note="fid"),
    "InceptionScore": Known("set", "higher"),
    "PerceptualPathLength": Known("other", "lower", note="a generator"),
    "PeakSignalNoiseRatioWithBlockedEffect": Known("other", "higher", note="images in grey"),
    "SpectralDistortionIndex": Known("other", "lower", note=_SATELLITE),
    "SpatialDistortionIndex": Known("other", "lower", note=_SATELLITE),
    "QualityWithNoReference": Known("other", "higher", note=_SATELLITE),
    "LipVertexError": Known("other", "lower", note="vertices of lips"),
}


def _each(names: str, known: Known) -> dict[str, Known]:
    return dict.fromkeys(names.split(), known)


PYIQA: Mapping[str, Known] = {  # every metric there takes values 0..1 and scales them itself
    **_each("ssim ssimc cw_ssim", Known("pair", "higher", -1, 1)),
    **_each("ms_ssim fsim vsi", Known("pair", "higher", 0, 1)),
    **_each("psnr psnry vif", Known("pair", "higher", 0, None)),
    **_each("ahiq topiq_fr topiq_fr-pipal wadiqam_fr", Known("pair", "higher")),
    **_each("lpips lpips-vgg lpips+ lpips-vgg+ stlpips stlpips-vgg", Known("pair", "lower", 0, None)),
    **_each("gmsd nlpd mad dists", Known("pair", "lower", 0, None)),
    **_each("pieapp deepdc", Known("pair", "lower")),
    **_each("musiq musiq-koniq musiq-paq2piq musiq-spaq", Known("image", "higher", 0, 100)),
    **_each("musiq-ava nima nima-vgg16-ava", Known("image", "higher", 1, 10)),
    **_each("clipiqa clipiqa+ clipiqa+_vitL14_512 clipiqa+_rn50_512", Known("image", "higher", 0, 1)),
    **_each("maniqa maniqa-koniq maniqa-pipal maniqa-kadid", Known("image", "higher")),
    **_each("topiq_nr topiq_nr-flive topiq_nr-spaq topiq_iaa topiq_iaa_res50", Known("image", "higher")),
    **_each("qalign liqe liqe_mix", Known("image", "higher", 1, 5)),
    **_each("cnniqa dbcnn hyperiqa nrqm paq2piq tres tres-koniq tres-flive", Known("image", "higher")),
    **_each("wadiqam_nr unique uranker entropy laion_aes arniqa", Known("image", "higher")),
    **_each("niqe niqe_matlab ilniqe", Known("image", "lower", 0, None)),
    **_each("brisque brisque_matlab pi", Known("image", "lower")),
    "piqe": Known("image", "lower", 0, 100),
    "clipscore": Known("prompt", "higher", 0, 2.5),
    # refused
    "fid": Known("set", "lower", note="fid"),
    "fid_dinov2": Known("set", "lower", note="fid"),
    "inception_score": Known("set", "higher"),
    "ckdn": Known("other", "higher", note="a damaged image as reference"),
}

PACKAGES: Mapping[str, Mapping[str, Known]] = {"pyiqa": PYIQA, "torchmetrics": TORCHMETRICS}


def usable(package: str) -> tuple[str, ...]:
    """The metrics of a package that can be computed.

    Examples
    --------
    >>> "InceptionScore" in usable("torchmetrics"), "TotalVariation" in usable("torchmetrics")
    (False, True)
    """
    return tuple(name for name, known in PACKAGES[package].items() if known.takes in ("image", "pair", "prompt"))


def nearest(name: str) -> str | None:
    """The metric PACKAGE:NAME of the table whose name is nearest to a misspelt one; None where none is near.

    Examples
    --------
    >>> nearest("torchmetrics:peaksignalnoiseratio"), nearest("torchmetrics:SSIM"), nearest("pyiqa:zzzz") is None
    ('torchmetrics:PeakSignalNoiseRatio', 'torchmetrics:StructuralSimilarityIndexMeasure', True)
    """
    package, _, rest = name.partition(":")
    names = {known.lower(): known for known in usable(package)} if package in PACKAGES else {}
    initials = {"".join(sign for sign in known if sign.isupper()).lower(): known for known in names.values()}
    wanted = rest.lower()
    near = get_close_matches(wanted, names, n=1)
    found = initials.get(wanted) or (names[near[0]] if near else None)
    return f"{package}:{found}" if found else None


def find_known(name: str) -> Known | None:
    """What is known of PACKAGE:NAME.

    Examples
    --------
    >>> find_known("torchmetrics:VisualInformationFidelity").values, find_known("lpips") is None
    (255, True)
    """
    package, _, rest = name.partition(":")
    return PACKAGES.get(package, {}).get(rest)
