"""What each metric is: its title, its direction and its range; of other tools' metrics here, of ours by their entries.

The calibration asks this table which way a metric points when the user does not say. Names are compared without case,
spaces, hyphens and underscores, and a backbone or variant behind the name (``clipscore_vitb32``, ``lpips-alex``) does
not hide the metric.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

Direction = Literal["higher", "lower"]


@dataclass(frozen=True)
class Metric:
    """One metric: its key, a title for people, which way is better, and its range (None where open)."""

    key: str
    title: str
    direction: Direction
    low: float | None
    high: float | None


_OTHERS = (
    # subject and prompt
    Metric("dino", "DINO similarity", "higher", -1, 1),
    Metric("imagereward", "ImageReward", "higher", None, None),
    Metric("pickscore", "PickScore", "higher", None, None),
    Metric("hps", "Human Preference Score", "higher", None, None),
    Metric("vqascore", "VQAScore", "higher", 0, 1),
    Metric("tifa", "TIFA", "higher", 0, 1),
    Metric("dsg", "DSG", "higher", 0, 1),
    # captions of the image against the prompt
    Metric("bleu", "BLEU", "higher", 0, None),
    Metric("rouge", "ROUGE", "higher", 0, 1),
    Metric("meteor", "METEOR", "higher", 0, 1),
    Metric("cider", "CIDEr", "higher", 0, None),
    Metric("spice", "SPICE", "higher", 0, 1),
    # aesthetics and quality without a reference
    Metric("nima", "NIMA", "higher", 1, 10),
    Metric("musiq", "MUSIQ", "higher", 0, 100),
    Metric("maniqa", "MANIQA", "higher", 0, 1),
    Metric("dbcnn", "DBCNN", "higher", None, None),
    Metric("clipiqa", "CLIP-IQA", "higher", 0, 1),
    Metric("topiq", "TOPIQ", "higher", 0, 1),
    Metric("qalign", "Q-Align", "higher", 1, 5),
    Metric("niqe", "NIQE", "lower", 0, None),
    Metric("ilniqe", "IL-NIQE", "lower", 0, None),
    Metric("brisque", "BRISQUE", "lower", None, None),
    Metric("piqe", "PIQE", "lower", 0, 100),
    # against a reference image
    Metric("dists", "DISTS", "lower", 0, 1),
    Metric("psnr", "PSNR", "higher", 0, None),
    Metric("ssim", "SSIM", "higher", -1, 1),
    Metric("msssim", "MS-SSIM", "higher", 0, 1),
    Metric("fsim", "FSIM", "higher", 0, 1),
    Metric("mse", "Mean squared error", "lower", 0, None),
    Metric("mae", "Mean absolute error", "lower", 0, None),
    Metric("rmse", "Root mean squared error", "lower", 0, None),
    # sets of images
    Metric("cmmd", "CMMD", "lower", 0, None),
    Metric("inceptionscore", "Inception score", "higher", 1, None),
)


def find_metric(name: str) -> Metric | None:
    """Look a metric up by a name as people write it.

    The whole name is tried first, then its beginning up to each separator from the right, so that a backbone or a
    variant in the name does not matter; a name that only contains a metric's name (``my_fid_like_thing``) is not
    taken for it.

    Parameters
    ----------
    name : str
        For instance ``"NIQE"``, ``"clipscore_vitb32"``, ``"LPIPS (alex)"``.

    Returns
    -------
    Metric or None
        None for a metric that the table does not know.

    Examples
    --------
    >>> find_metric("LPIPS (alex)").direction
    'lower'
    >>> find_metric("clip_score").title
    'CLIP-score'
    >>> find_metric("rougeL_F").key
    'rouge'
    >>> find_metric("my_own") is None
    True
    """
    parts = _words(name)
    for end in range(len(parts), 0, -1):
        found = _by_name().get("".join(parts[:end]))
        if found is not None:
            return found
    head = re.sub(r"(l|w|\d+)$", "", parts[0]) if parts else ""  # rougeL, bleu4, hps2
    return _by_name().get(head)


def is_named(name: str, metric: Metric) -> bool:
    """Whether a name says this metric and nothing else, so that what is known of the metric holds for certain.

    Examples
    --------
    >>> is_named("pyiqa:clip-score", find_metric("clip_score"))
    True
    >>> is_named("lpips_similarity", find_metric("lpips_similarity"))
    False
    """
    return _by_name().get("".join(_words(name))) is metric


@cache
def known_metrics() -> tuple[Metric, ...]:
    """All metrics of which anything is known: those that humangrade computes, then those of other tools."""
    from metrics.catalogue import catalogue  # which imports every metric, and these import from here

    ours = (Metric(_key(entry.name), entry.title, entry.direction, entry.low, entry.high) for entry in catalogue())
    return (*ours, *_OTHERS)


@cache
def _by_name() -> Mapping[str, Metric]:
    """Metrics by key and by title."""
    known = known_metrics()
    return {_key(metric.title): metric for metric in known} | {metric.key: metric for metric in known}


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _words(name: str) -> list[str]:
    """The name's letters and digits in lower case, split where others stand, without a library's prefix."""
    return re.findall(r"[a-z0-9]+", name.lower().rpartition(":")[2])  # pyiqa:musiq
