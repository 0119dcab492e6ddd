"""A scoring run: for one metric after the other, extract what is missing, compute, and hand the rows over.

Rows are handed over metric by metric and features are kept image by image, so that a run that is interrupted loses
nothing, and the next one goes on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Protocol

import numpy as np

from metrics.engine.cache import FeatureCache
from metrics.engine.device import check_device_name
from metrics.engine.extraction import Extractor, extract, missing, stored_as
from metrics.engine.images import ImageSource, PairSource, Source, UnreadableImage
from metrics.engine.own_references import note_own_references, reference_keys
from metrics.engine.signature import other_provenance
from metrics.engine.types import ComputedMetric, Features, Item, Pool, Scored, SetScore, pooled, union_name
from metrics.known import find_metric
from metrics.plugins.package_table import find_known
from metrics.text import counted

Deliver = Callable[[ComputedMetric, Scored], None]


class Engine(Protocol):
    """What runs an extractor over sources: `metrics.engine.extraction.extract`, or the same over a cluster."""

    def __call__(
        self,
        extractor: Extractor,
        sources: Sequence[Source],
        cache: FeatureCache,
        *,
        device: str,
        batch_size: int | None,
        workers: int,
        advance: Callable[[int], None],
    ) -> dict[str, str]:
        """As `metrics.engine.extraction.extract`."""


class Progress(Protocol):
    """Shows how far a run is."""

    def start(self, title: str, total: int) -> None:
        """An extractor begins."""

    def advance(self, count: int) -> None:
        """So many images more are done."""


class Silent:
    """Progress that nobody sees."""

    def start(self, title: str, total: int) -> None:
        """Nothing."""

    def advance(self, count: int) -> None:
        """Nothing."""


@dataclass(frozen=True)
class RunSettings:
    """How features are extracted, and what stands for a set.

    Attributes
    ----------
    device : str
        A torch device, or "auto".
    batch_size : int or None
        None leaves it to each extractor.
    workers : int
        Threads that decode.
    pool_images : {"mean", "median", "max"}
        A set's score from those of its images.
    """

    device: str = "auto"
    batch_size: int | None = None
    workers: int = 2
    pool_images: Pool = "mean"

    def __post_init__(self) -> None:
        check_device_name(self.device)


@dataclass(repr=False)
class RunResult:
    """What a run did.

    Attributes
    ----------
    scored : dict
        Each metric's name and what it found, in their order.
    skipped : dict
        Each file that could not be opened, and why.
    extracted : int
        How many images (or prompts) went through a network.
    """

    scored: dict[str, Scored] = field(default_factory=dict)
    skipped: dict[Path, str] = field(default_factory=dict)
    extracted: int = 0

    def __repr__(self) -> str:
        return f"Scored by {'; '.join(self._lines())}" if self.scored or self.skipped else "Nothing was scored"

    def _repr_html_(self) -> str:
        """The same and the warnings, as a notebook shows them."""
        warnings = dict.fromkeys(note for found in self.scored.values() for note in found.warnings)
        skipped = [f"{path} {reason}." for path, reason in self.skipped.items()]
        return "".join(f"<p>{escape(line)}</p>" for line in [*self._lines(), *warnings, *skipped])

    def _lines(self) -> list[str]:
        """What each metric scored, and how many files were skipped."""
        lines = []
        for name, found in self.scored.items():
            known = sum(row.score is not None for row in found.scores)
            parts = [counted(known, "image")] if known or not found.set_scores else []
            parts += [counted(len(found.set_scores), "set")] if found.set_scores else []
            lines.append(f"{name}: {' and '.join(parts)}")
        if self.skipped:
            lines.append(f"{counted(len(self.skipped), 'file')} skipped")
        return lines


def score_items(
    items: Sequence[Item],
    metrics: Sequence[ComputedMetric],
    cache: FeatureCache,
    settings: RunSettings | None = None,
    deliver: Deliver = lambda metric, scored: None,
    engine: Engine = extract,
    progress: Progress | None = None,
) -> RunResult:
    """Score items by metrics.

    Parameters
    ----------
    items : sequence of Item
        What is scored.
    metrics : sequence of ComputedMetric
        By what.
    cache : FeatureCache
        Where features are found and kept.
    settings : RunSettings, optional
        How.
    deliver : callable
        Given each metric's rows as soon as they are there.
    engine : callable
        What runs extractors.
    progress : Progress, optional
        Told of every step.

    Returns
    -------
    RunResult
    """
    result = RunResult()
    settings, progress = settings or RunSettings(), progress or Silent()
    cache = FeatureCache(cache.folder)  # features of functions that do not say what they are last for this run only
    for metric in metrics:
        problems: dict[tuple[str, str], str] = {}
        notes: list[str] = []
        for extractor, sources in metric.wants(items):
            notes += _of_other_versions(extractor, sources, cache)
            done, found = fill_cache(extractor, sources, cache, settings, engine, progress)
            result.extracted += done
            result.skipped |= {
                path: found[source.key] for source in sources if source.key in found for path in _culprits(source)
            }
            problems |= {(stored_as(extractor), key): reason for key, reason in found.items()}
        scored = metric.score(items, Features(cache, problems))
        scored.warnings += [note for note in notes if note not in scored.warnings]
        scored.set_scores += _pooled_sets(items, scored, settings.pool_images)
        scored.set_scores = [_within_range(row) for row in scored.set_scores]
        if metric.uses_references:
            note_own_references(items, scored, reference_keys(metric))
        result.scored[metric.name] = scored
        deliver(metric, scored)
    return result


def _of_other_versions(extractor: Extractor, sources: Sequence[Source], cache: FeatureCache) -> list[str]:
    """A sentence for each run with other versions of which features are used."""
    unique = {source.key for source in sources}
    found = cache.of_other_versions(stored_as(extractor), unique)
    return [
        f"{extractor.title}: for {count:,} of {len(unique):,} they are kept from a run with other versions "
        f"({other_provenance(made_by, stored_as(extractor))}); all else that they depend on is the same."
        for made_by, count in found.items()
    ]


def fill_cache(
    extractor: Extractor,
    sources: Sequence[Source],
    cache: FeatureCache,
    settings: RunSettings,
    engine: Engine,
    progress: Progress,
    title: str = "",
) -> tuple[int, dict[str, str]]:
    """Put into the cache what it lacks of an extractor's features, under a bar called `title`, or as the extractor is.

    Returns
    -------
    done : int
        How many were extracted.
    problems : dict of str to str
        The reason for each source's key that has no features.
    """
    wanted = missing(extractor, sources, cache)
    if not wanted:
        return 0, {}
    progress.start(title or extractor.title, len(wanted))
    problems = engine(
        extractor,
        wanted,
        cache,
        device=settings.device,
        batch_size=settings.batch_size,
        workers=settings.workers,
        advance=progress.advance,
    )
    return len(wanted) - len(problems), problems


def _culprits(source: Source) -> list[Path]:
    """The files that a source without features is blamed on: of two, those that do not open, or else the image."""
    if not isinstance(source, PairSource):
        return list(source.paths)
    return [each.path for each in (source.image, source.reference) if not _opens(each)] or [source.image.path]


def _opens(source: ImageSource) -> bool:
    try:
        source.open()
    except UnreadableImage:
        return False
    return True


def _pooled_sets(items: Sequence[Item], scored: Scored, pool: Pool) -> list[SetScore]:
    """For each metric of single images, a row for each set and, where there are several, one for all."""
    group_of = {item.item: item.group for item in items}
    values: dict[tuple[str, str, str], list[float]] = {}
    union = union_name(group_of.values())
    for together in (False, True) if union else (False,):
        for row in scored.scores:
            if row.score is not None:
                group = union if together else group_of[row.item]
                values.setdefault((row.metric, group, row.signature), []).append(row.score)
    return [
        SetScore(
            group, metric, pooled(found, pool), len(found), f"{made_by}|images:{pool}", *_interval(metric, found, pool)
        )
        for (metric, group, made_by), found in values.items()
    ]


def _interval(metric: str, values: Sequence[float], pool: Pool) -> tuple[float | None, float | None]:
    """The 95 % interval of a mean, from its standard error and Student's t; none for other pools."""
    if pool != "mean" or len(values) < 2:
        return None, None
    from scipy.stats import t

    margin = float(t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return float(np.mean(values)) - margin, float(np.mean(values)) + margin


def _within_range(row: SetScore) -> SetScore:
    """A set's score with its interval cut at the metric's bounds."""
    known = find_known(row.metric) or find_metric(row.metric)
    if known is None or row.low is None or row.high is None:
        return row
    least, most = -np.inf if known.low is None else known.low, np.inf if known.high is None else known.high
    return row._replace(low=float(np.clip(row.low, least, most)), high=float(np.clip(row.high, least, most)))
