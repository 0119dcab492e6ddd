"""What FID and KID share: sets of images, what each is compared with, and their features in one file.

A set is an item's group, and all items together where there are several groups. Its reference set is the union of its
items' references, unless one is given. Features go from the cache into one temporary file, a row an image, of which
parts are read, so that memory does not grow with the images.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from metrics.engine.extraction import Extractor
from metrics.engine.image_folders import images_below
from metrics.engine.images import ImageSource, Source, UnreadableImage
from metrics.engine.signature import digest
from metrics.engine.types import Features, Item, union_name
from metrics.entry import MetricOptions
from metrics.errors import InputError
from metrics.sets.frechet import FeatureStatistics, Gaussian
from metrics.sets.rows import RowFile, RowSet
from metrics.sets.statistics_file import SavedStatistics, read_statistics

Reference = tuple[ImageSource, ...] | SavedStatistics | None


def chosen_reference(options: MetricOptions) -> Reference:
    """What stands for the references: the images or statistics that the options name, or None."""
    chosen = options.reference_set
    if chosen is None:
        return None
    if chosen.suffix.lower() == ".npz":
        return read_statistics(chosen)
    try:
        return tuple(ImageSource.of(path) for path in images_below(chosen))
    except UnreadableImage as error:
        raise InputError(f"An image of the reference set {chosen} {error}; check its permissions.") from error


def reference_statistics(extractor: Extractor, sources: Sequence[ImageSource], features: Features) -> FeatureStatistics:
    """The statistics of images whose features are in the cache, for `metrics.sets.statistics_file.write_statistics`.

    Parameters
    ----------
    extractor : Extractor
        The features.
    sources : sequence of ImageSource
        Images; those that could not be opened do not count.
    features : callable
        Reads features.

    Returns
    -------
    FeatureStatistics

    Raises
    ------
    InputError
        For fewer than two images.
    """
    with RowFile() as file:
        return FeatureStatistics.of(FeatureTable.of(file, extractor, sources, features).rows(sources))


@dataclass(frozen=True)
class FeatureTable:
    """Where in a file each image's features stand."""

    file: RowFile
    numbers: dict[str, int]

    @classmethod
    def of(cls, file: RowFile, extractor: Extractor, sources: Sequence[Source], features: Features) -> "FeatureTable":
        """Copy the features of those sources that have any into the file."""
        numbers: dict[str, int] = {}
        for source in {source.key: source for source in sources}.values():
            row = features(extractor, source)
            if row is not None:
                numbers[source.key] = len(file)
                file.append([row])
        return cls(file, numbers)

    def rows(self, sources: Sequence[ImageSource]) -> RowSet:
        """The features of those that have any."""
        numbers = [self.numbers[source.key] for source in sources if source.key in self.numbers]
        return RowSet(self.file, np.array(numbers, dtype=np.int64))


@dataclass(frozen=True)
class ComparedSet:
    """A set with two images or more, and what it is compared with."""

    name: str
    images: RowSet
    reference: RowSet | Gaussian
    reference_digest: str
    reference_n: int | None


def all_sources(items: Sequence[Item], reference: Reference) -> list[Source]:
    """All images and, where they come as images, references."""
    images: list[Source] = [item.image for item in items]
    if isinstance(reference, SavedStatistics):
        return images
    if reference is not None:
        return images + list(reference)
    return images + [source for item in items for source in item.references]


def compared_sets(
    metric: str, items: Sequence[Item], reference: Reference, table: FeatureTable, warnings: list[str]
) -> Iterator[ComparedSet]:
    """The sets that can be scored; for each other one a warning."""
    saved = reference if isinstance(reference, SavedStatistics) else None
    gaussian = Gaussian.of_covariance(saved.mean, saved.covariance) if saved else None
    groups = list(dict.fromkeys(item.group for item in items))
    union = union_name(groups)
    for group in [*groups, *([union] if union else [])]:
        mine = [item for item in items if group in (item.group, union)]
        images = table.rows([item.image for item in mine])
        if len(images) < 2:
            warnings.append(f"{metric}: the set '{group}' has fewer than two readable images and is not scored.")
            continue
        if saved and gaussian:
            yield ComparedSet(group, images, gaussian, saved.digest[:12], saved.n)
            continue
        known = reference if isinstance(reference, tuple) else tuple(s for item in mine for s in item.references)
        unique = tuple(dict.fromkeys(source for source in known if source.key in table.numbers))
        if len(unique) < 2:
            warnings.append(f"{metric}: the set '{group}' has fewer than two readable references and is not scored.")
            continue
        keys = digest(" ".join(sorted(source.key for source in unique)), 12)
        yield ComparedSet(group, images, table.rows(unique), keys, len(unique))
