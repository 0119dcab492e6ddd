"""A metric's mean over a set, and the difference of two sets that share prompts and seeds, with 95 % intervals.

Images of one prompt are alike, so intervals are over prompts: for other prompts of the same kind. With fewer than six
prompts these would be too uncertain, and intervals are over images: for other seeds of the same prompts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from calibration.aesthetic.clusters import FEWEST_CLUSTERS, cluster_codes, jackknife_interval, left_out_figures
from study.evaluation.sets import Picture

Over = Literal["prompts", "images", ""]


@dataclass(frozen=True)
class Figure:
    """A set's figure by one metric.

    Attributes
    ----------
    set, metric : str
    value : float
    low, high : float or None
        The 95 % interval; None where there is too little for one.
    n : int
        Images with a score.
    over : {"prompts", "images", ""}
        Over what the interval is.
    note : str
        What the metric says of it.
    """

    set: str
    metric: str
    value: float
    low: float | None
    high: float | None
    n: int
    over: Over
    note: str = ""


@dataclass(frozen=True)
class Difference:
    """A set's figure less that of another set, over what both have.

    Attributes
    ----------
    set, other, metric : str
    value : float
        Set less other.
    low, high : float or None
        As in `Figure`.
    pairs : int
        Images of the same prompt and seed with a score in both; of diversity prompts that both have. Of FID and KID the
        images that both have, of each set as many.
    over : {"prompts", "images", ""}
    """

    set: str
    other: str
    metric: str
    value: float
    low: float | None
    high: float | None
    pairs: int
    over: Over

    @property
    def is_apart(self) -> bool:
        """The interval does not hold 0."""
        return self.low is not None and self.high is not None and not self.low <= 0.0 <= self.high


def mean_with_interval(
    values: Sequence[float], prompts: Sequence[str], seed: int = 0
) -> tuple[float, float | None, float | None, Over]:
    """The mean of some numbers, with its interval.

    Parameters
    ----------
    values : sequence of float
        At least one.
    prompts : sequence of str
        Each one's prompt; "" for all where prompts are not known.
    seed : int
        Of the blocks that are left out where there are more than a hundred prompts or images.

    Returns
    -------
    mean : float
    low, high : float or None
        None where there are fewer than six prompts and fewer than six numbers.
    over : {"prompts", "images", ""}
        Over what the interval is.

    Examples
    --------
    >>> mean, low, high, over = mean_with_interval([1, 2, 3, 4, 5, 6], list("abcdef"))
    >>> round(mean, 2), round(low, 2), round(high, 2), over
    (3.5, 1.54, 5.46, 'prompts')
    >>> mean_with_interval([1, 2, 3, 4, 5, 6], ["a", "a", "a", "b", "b", "b"])[3]
    'images'
    >>> mean_with_interval([1, 2], ["a", "b"])
    (1.5, None, None, '')
    """
    numbers = np.asarray(values, dtype=np.float64)
    known = all(prompts) and len(set(prompts)) >= FEWEST_CLUSTERS
    over: Over = "prompts" if known else "images"
    clusters = cluster_codes(list(prompts) if known else None, len(numbers))
    whole, without = left_out_figures(lambda kept: [np.average(numbers, weights=kept)], clusters, seed)
    found = jackknife_interval(float(whole[0]), without[:, 0] if len(without) else [], int(clusters.max()) + 1)
    if not np.isfinite(found.low):
        return float(whole[0]), None, None, ""
    return float(whole[0]), found.low, found.high, over


def figure_of(
    name: str,
    metric: str,
    scores: Mapping[str, float],
    pictures: Sequence[Picture],
    bounds: tuple[float | None, float | None] = (None, None),
    seed: int = 0,
) -> Figure | None:
    """A set's mean score; None where no image has one.

    Parameters
    ----------
    name, metric : str
        The set, and the metric.
    scores : mapping of str to float
        By item.
    pictures : sequence of Picture
        The set's.
    bounds : tuple
        Of the metric; the interval is cut there.
    seed : int
        See `mean_with_interval`.
    """
    mine = [picture for picture in pictures if picture.item in scores]
    if not mine:
        return None
    mean, low, high, over = mean_with_interval(
        [scores[picture.item] for picture in mine], [picture.prompt_key for picture in mine], seed
    )
    return Figure(name, metric, mean, *within(low, high, bounds), len(mine), over)


def within(
    low: float | None, high: float | None, bounds: tuple[float | None, float | None]
) -> tuple[float | None, float | None]:
    """An interval, cut where a metric's values end.

    Examples
    --------
    >>> within(-0.1, 0.4, (0, None)), within(None, None, (0, 1))
    ((0, 0.4), (None, None))
    """
    if low is None or high is None:
        return low, high
    least, most = bounds
    return (low if least is None else max(low, least)), (high if most is None else min(high, most))


def difference_of(
    names: tuple[str, str],
    metric: str,
    scores: Mapping[str, float],
    pictures: Sequence[Picture],
    others: Sequence[Picture],
    seed: int = 0,
) -> Difference | None:
    """How much higher one set scores than another on the images that both have; None where these are none.

    Parameters
    ----------
    names : tuple of str
        The set, and the other one.
    metric : str
        The metric.
    scores : mapping of str to float
        By item.
    pictures, others : sequence of Picture
        The images of the set, and of the other one. Images with the same `Picture.pair_key` are a pair; where a set has
        a key more than once, these images are in no pair.
    seed : int
        See `mean_with_interval`.
    """
    pairs = [
        (scores[one.item] - scores[other.item], one.prompt_key)
        for one, other in pairs_of(pictures, others)
        if one.item in scores and other.item in scores
    ]
    if not pairs:
        return None
    mean, low, high, over = mean_with_interval([gap for gap, _ in pairs], [prompt for _, prompt in pairs], seed)
    return Difference(*names, metric, mean, low, high, len(pairs), over)


def prompt_difference(
    names: tuple[str, str], metric: str, mine: Mapping[str, float], theirs: Mapping[str, float], seed: int = 0
) -> Difference | None:
    """As `difference_of`, of figures that each prompt has one of, such as diversity."""
    shared = [prompt for prompt in mine if prompt in theirs]
    if not shared:
        return None
    gaps = [mine[prompt] - theirs[prompt] for prompt in shared]
    mean, low, high, over = mean_with_interval(gaps, shared, seed)
    return Difference(*names, metric, mean, low, high, len(gaps), "prompts" if over else "")


def pairs_of(pictures: Sequence[Picture], others: Sequence[Picture]) -> list[tuple[Picture, Picture]]:
    """The images of two sets that were drawn alike; what is of no subject belongs to that of each subject."""
    mine, theirs = _by_key(pictures), _by_key(others)
    found = [(one, theirs.get(key) or theirs.get(("", *key[1:]))) for key, one in mine.items()]
    return [(one, other) for one, other in found if other is not None]


def _by_key(pictures: Sequence[Picture]) -> dict[tuple[str, ...], Picture]:
    """The images by their key; without those that share one."""
    found: dict[tuple[str, ...], Picture] = {}
    twice = set()
    for picture in pictures:
        if picture.pair_key in found:
            twice.add(picture.pair_key)
        found[picture.pair_key] = picture
    return {key: picture for key, picture in found.items() if key not in twice}
