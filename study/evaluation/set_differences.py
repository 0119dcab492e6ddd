"""How two sets differ by FID or KID, paired by prompt: see `metrics.sets.paired_sets`."""

from collections.abc import Mapping, Sequence

from metrics.engine.types import Features, Item
from metrics.sets.compared_sets import FeatureTable, Reference
from metrics.sets.fid import Fid
from metrics.sets.frechet import Gaussian, Rows, read_features
from metrics.sets.kid import Kid
from metrics.sets.paired_sets import FEWEST_IMAGES, FEWEST_PROMPTS, paired_sets
from metrics.sets.rows import RowFile
from metrics.sets.statistics_file import SavedStatistics
from metrics.text import counted
from study.evaluation.figures import Difference, pairs_of
from study.evaluation.sets import Picture

MOST_IMAGES = 1000
"""Of a set; with more the intervals would take long."""


def set_difference(
    names: tuple[str, str],
    metric: Fid | Kid,
    pictures: Sequence[Picture],
    others: Sequence[Picture],
    items: Mapping[str, Item],
    features: Features,
    seed: int = 0,
) -> Difference | str:
    """A set's distance from the reference less another's, over the pairs of images that both have.

    Parameters
    ----------
    names : tuple of str
        The set, and the other one.
    metric : Fid or Kid
        The metric.
    pictures, others : sequence of Picture
        The images of the set, and of the other one.
    items : mapping of str to Item
        The images' files and reference photos.
    features : Features
        Reads what is in the cache.
    seed : int
        Of the swaps.

    Returns
    -------
    Difference or str
        Why there is none, where there is none.
    """
    pairs = [
        (mine, theirs)
        for mine, theirs in pairs_of(pictures, others)
        if all(features.has(metric.extractor, items[one.item].image) for one in (mine, theirs))
    ]
    prompts = [mine.prompt_key for mine, _ in pairs]
    number = len(set(prompts) - {""})
    if len(pairs) < FEWEST_IMAGES or number < FEWEST_PROMPTS:
        return f"{counted(len(pairs), 'image')} of {counted(number, 'prompt')}"
    if len(pairs) > MOST_IMAGES:
        return f"more than {MOST_IMAGES:,}"
    reference = metric.reference
    if reference is None:
        photos = [
            {photo.key: photo for one in side for photo in items[one.item].references}
            for side in zip(*pairs, strict=True)
        ]
        if photos[0].keys() != photos[1].keys():
            return "other reference photos"
        reference = tuple(photos[0].values())
    with RowFile() as file:
        images = [items[one.item].image for pair in pairs for one in pair]
        kept = reference if isinstance(reference, tuple) else ()
        table = FeatureTable.of(file, metric.extractor, [*images, *kept], features)
        rows = _rows(table, reference)
        if len(kept) and len(rows) < 2:  # type: ignore[arg-type]
            return "fewer than two readable reference photos"
        mine, theirs = (
            read_features(table.rows([items[one.item].image for one in side]), slice(None))
            for side in zip(*pairs, strict=True)
        )
        kind = "fid" if isinstance(metric, Fid) else "kid"
        found = paired_sets(mine, theirs, rows, prompts, kind, seed)  # type: ignore[arg-type]
    return Difference(*names, metric.name, found.difference, found.low, found.high, found.images, "prompts")


def _rows(table: FeatureTable, reference: Reference) -> Rows | Gaussian:
    if isinstance(reference, SavedStatistics):
        return Gaussian.of_covariance(reference.mean, reference.covariance)
    return table.rows(reference or ())


def limits_said(reasons: Mapping[tuple[str, str], str]) -> list[str]:
    """A note on the differences that there are not.

    Parameters
    ----------
    reasons : mapping of (str, str) to str
        By set and other set, what `set_difference` gave.

    Examples
    --------
    >>> said = limits_said({("anna/300", "base/0"): "12 images of 6 prompts"})
    >>> said[0].endswith("left out are anna/300 less base/0 (12 images of 6 prompts).")
    True
    """
    if not reasons:
        return []
    is_alike = len(set(reasons.values())) == 1
    which = [f"{one} less {other}" + ("" if is_alike else f" ({why})") for (one, other), why in reasons.items()]
    each = " each" if len(which) > 1 else ""
    all_of = f" ({next(iter(reasons.values()))}{each})" if is_alike else ""
    more = f" and {len(which) - 5:,} more" if len(which) > 5 else ""
    return [
        f"FID and KID of two sets are compared over {FEWEST_IMAGES} to {MOST_IMAGES:,} images of {FEWEST_PROMPTS} "
        f"prompts or more that both have, with the same reference; left out are {', '.join(which[:5])}{more}{all_of}."
    ]
