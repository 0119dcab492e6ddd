"""What each metric is: its title, its direction and its range.

The calibration asks this table which way a metric points when the user does not say. Names are compared without case,
spaces, hyphens and underscores, and a backbone or variant behind the name (``clipscore_vitb32``, ``lpips-alex``) does
not hide the metric.
"""

import re
from dataclasses import dataclass
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


_METRICS = {
    metric.key: metric
    for metric in (
        # subject and prompt
        Metric("similarity", "Face similarity", "higher", -1, 1),
        Metric("clipscore", "CLIP-score", "higher", 0, 100),
        Metric("clipt", "CLIP-T", "higher", -1, 1),
        Metric("clipi", "CLIP-I", "higher", -1, 1),
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
        Metric("aesthetic", "CLIP aesthetics", "higher", 0, 10),
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
        Metric("sharpness", "Sharpness", "higher", 0, None),
        Metric("contrast", "Contrast", "higher", 0, 0.5),
        Metric("exposure", "Exposure", "higher", 0, 1),
        # against a reference image
        Metric("lpips", "LPIPS", "lower", 0, None),
        Metric("dists", "DISTS", "lower", 0, 1),
        Metric("psnr", "PSNR", "higher", 0, None),
        Metric("ssim", "SSIM", "higher", -1, 1),
        Metric("msssim", "MS-SSIM", "higher", 0, 1),
        Metric("fsim", "FSIM", "higher", 0, 1),
        Metric("mse", "Mean squared error", "lower", 0, None),
        Metric("mae", "Mean absolute error", "lower", 0, None),
        Metric("rmse", "Root mean squared error", "lower", 0, None),
        # sets of images
        Metric("fid", "FID", "lower", 0, None),
        Metric("kid", "KID", "lower", None, None),
        Metric("cmmd", "CMMD", "lower", 0, None),
        Metric("inceptionscore", "Inception score", "higher", 1, None),
        Metric("diversity", "Diversity", "higher", 0, None),
    )
}

_BY_NAME = {re.sub(r"[^a-z0-9]", "", metric.title.lower()): metric for metric in _METRICS.values()} | _METRICS


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
        found = _BY_NAME.get("".join(parts[:end]))
        if found is not None:
            return found
    head = re.sub(r"(l|w|\d+)$", "", parts[0]) if parts else ""  # rougeL, bleu4, hps2
    return _BY_NAME.get(head)


def is_named(name: str, metric: Metric) -> bool:
    """Whether a name says this metric and nothing else, so that what is known of the metric holds for certain.

    Examples
    --------
    >>> is_named("pyiqa:clip-score", find_metric("clip_score"))
    True
    >>> is_named("lpips_similarity", find_metric("lpips_similarity"))
    False
    """
    return _BY_NAME.get("".join(_words(name))) is metric


def known_metrics() -> tuple[Metric, ...]:
    """All metrics of the table, in its order."""
    return tuple(_METRICS.values())


def _words(name: str) -> list[str]:
    """The name's letters and digits in lower case, split where others stand, without a library's prefix."""
    return re.findall(r"[a-z0-9]+", name.lower().rpartition(":")[2])  # pyiqa:musiq
