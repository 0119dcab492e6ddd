"""What metrics and a scoring run hand each other: items, features, rows of scores, and what a metric is."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol, overload

import numpy as np
from numpy.typing import NDArray

from metrics.engine.cache import FeatureCache
from metrics.engine.extraction import NO_ROOM, Extractor, stored_as
from metrics.engine.images import NOT_TAKEN, TOO_SMALL, ImageSource, Source
from metrics.engine.signature import digest, identity_of

Pool = Literal["mean", "median", "max"]
_POOLS: dict[str, Callable[..., float]] = {"mean": np.mean, "median": np.median, "max": np.max}
PROMPT = "one prompt"  # the note of a set score that is part of another: of a single prompt


class Features:
    """What extractors found, read from the cache, and what metrics computed from it, kept there.

    Parameters
    ----------
    cache : FeatureCache
        Where it stands.
    problems : mapping, optional
        What an extractor's features are kept under, and a source's key, to the reason why there are no features.
    """

    def __init__(self, cache: FeatureCache, problems: Mapping[tuple[str, str], str] | None = None):
        self._cache = cache
        self._problems = problems or {}

    def __call__(self, extractor: Extractor, source: Source) -> NDArray | None:
        """The features of a source; None where it could not be opened."""
        return self._cache.get(stored_as(extractor), source.key)

    def why_none(self, extractor: Extractor, source: Source, unreadable: str = "unreadable image") -> str:
        """Why a source has no features: `unreadable`, or what the metric says that could not take it."""
        problem = self._problems.get((stored_as(extractor), source.key), "")
        return problem if problem.startswith((NOT_TAKEN, NO_ROOM, TOO_SMALL)) else unreadable

    def has(self, extractor: Extractor, source: Source) -> bool:
        """Whether a source has features."""
        return self._cache.has(stored_as(extractor), source.key)

    def of_other_code(self, extractor: Extractor) -> bool:
        """Whether there are features of the same identity that were computed when the user's code was another."""
        here, stated = identity_of(stored_as(extractor)), identity_of(extractor.signature)
        if here == stated:
            return False
        kept = map(identity_of, self._cache.signatures())
        return any(name != here and name.startswith(f"{stated}|") for name in kept)

    def recall(self, made_by: str, keys: Sequence[str]) -> NDArray | None:
        """What `keep` kept for these sources in this order; None where there is nothing."""
        return self._cache.get(made_by, digest(" ".join(keys), 64))

    def keep(self, made_by: str, keys: Sequence[str], values: NDArray) -> None:
        """Keep what was computed from several sources' features, so that it need not be computed again."""
        self._cache.put(made_by, digest(" ".join(keys), 64), values)


class FeatureRows(Sequence[NDArray]):
    """The features of those sources that have any, each read when it is asked for, so that few are in memory at once.

    Parameters
    ----------
    features : Features
        Reads features.
    extractor : Extractor
        Whose features.
    sources : sequence of Source
        Images; those that could not be opened are left out.

    Attributes
    ----------
    sources : list of Source
        The ones that stay.
    """

    def __init__(self, features: Features, extractor: Extractor, sources: Sequence[Source]):
        self.sources = [source for source in sources if features.has(extractor, source)]
        self._read = lambda source: features(extractor, source)

    def __len__(self) -> int:
        return len(self.sources)

    @overload
    def __getitem__(self, index: int) -> NDArray: ...
    @overload
    def __getitem__(self, index: slice) -> list[NDArray]: ...
    def __getitem__(self, index: int | slice) -> NDArray | list[NDArray]:
        """One image's features, or a list of them."""
        if isinstance(index, slice):
            return [self[number] for number in range(len(self))[index]]
        found = self._read(self.sources[index])
        if found is None:
            raise LookupError(f"the features of {self.sources[index]} are gone from the cache")
        return found


@dataclass(frozen=True)
class Item:
    """One generated image and what belongs to it.

    Attributes
    ----------
    item : str
        Its id in the tables.
    image : ImageSource
        The image.
    references : tuple of ImageSource
        The photos that it is compared with.
    prompt : str
        What it was generated from; "" where that is not known.
    group : str
        The set that it belongs to: its model, or model/checkpoint.
    """

    item: str
    image: ImageSource
    references: tuple[ImageSource, ...] = ()
    prompt: str = ""
    group: str = "all"


class Score(NamedTuple):
    """A row of the scores table; without a score (None) the note says why there is none.

    The probability is that of the face that was scored, or of the likeliest where none was.
    """

    item: str
    metric: str
    score: float | None
    signature: str
    note: str = ""
    face_probability: float | None = None


class SetScore(NamedTuple):
    """A row of the set_scores table, with the bounds of its 95 % interval where there is one."""

    set: str
    metric: str
    score: float
    n: int
    signature: str
    low: float | None = None
    high: float | None = None
    note: str = ""


@dataclass
class Scored:
    """What a metric found: rows for the two tables, and sentences that the user should read.

    Attributes
    ----------
    scores, set_scores : list
        The rows.
    warnings : list of str
        The sentences.
    names : tuple of str
        Metrics that the rows may be of besides the metric's own name; rows of an earlier run are replaced for all.
    """

    scores: list[Score] = field(default_factory=list)
    set_scores: list[SetScore] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    names: tuple[str, ...] = ()


def union_name(groups: Iterable[str]) -> str:
    """What the set of all images is called where there are several sets; "" where there is one.

    Examples
    --------
    >>> union_name(["a", "b"]), union_name(["a", "all"]), union_name(["a"])
    ('all', '(all)', '')
    """
    names = set(groups)
    if len(names) < 2:
        return ""
    return "(all)" if "all" in names else "all"


def pooled(values: Sequence[float], how: Pool = "mean") -> float:
    """One number from one or more.

    Examples
    --------
    >>> pooled([1.0, 2.0, 6.0]), pooled([1.0, 2.0, 6.0], "median"), pooled([1.0, 2.0, 6.0], "max")
    (3.0, 2.0, 6.0)
    """
    return float(_POOLS[how](np.asarray(values, dtype=np.float64)))


class ComputedMetric(Protocol):
    """A metric that humangrade computes; making one raises InputError where its weights are missing."""

    @property
    def name(self) -> str:
        """What the tables call it."""

    @property
    def uses_references(self) -> bool:
        """Whether it compares images with references."""

    def wants(self, items: Sequence[Item]) -> list[tuple[Extractor, list[Source]]]:
        """The features that `score` will ask for."""

    def score(self, items: Sequence[Item], features: Features) -> Scored:
        """Compute, from features alone; None stands for a source that could not be opened."""
