"""FID and KID of sets of images against reference photos: one number for each set.

A set is an item's group, and all items together where there are several groups. Its reference set is the union of its
items' references, unless one is given. Features go from the cache into one temporary file, a row an image, of which
parts are read, so that memory does not grow with the images.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from metrics.errors import InputError
from metrics.extraction import Extractor
from metrics.fid import FeatureStatistics, Gaussian
from metrics.fid_interval import frechet_with_error, null_distance, null_distance_of
from metrics.images import ImageSource, Source
from metrics.kid import SEED, SUBSET_SIZE, SUBSETS, kernel_distance
from metrics.row_file import RowFile, RowSet
from metrics.scoring import Features, Item, Scored, SetScore, union_name
from metrics.signature import digest, signature
from metrics.statistics_file import SavedStatistics

ENOUGH = 2048
Reference = tuple[ImageSource, ...] | SavedStatistics | None


@dataclass(frozen=True)
class Fid:
    """The Frechet distance of Inception features, with a 95 % interval and what it shows without a difference.

    Attributes
    ----------
    extractor : Extractor
        The features.
    reference : tuple of ImageSource, SavedStatistics or None
        What every set is compared with; None takes the references of the set's own items.

    Raises
    ------
    InputError
        For statistics of other features.
    """

    extractor: Extractor
    reference: Reference = None

    name = "fid"
    uses_references = True

    def __post_init__(self) -> None:
        if isinstance(self.reference, SavedStatistics):
            self._check(self.reference)  # before anything is computed

    def wants(self, items: Sequence[Item]) -> list[tuple[Extractor, list[Source]]]:
        """The features of images and references."""
        return [(self.extractor, _sources(items, self.reference))]

    def score(self, items: Sequence[Item], features: Features) -> Scored:
        """A row for each set of two images or more."""
        found = Scored()
        if isinstance(self.reference, SavedStatistics):
            found.warnings += self._check(self.reference)
        few: list[SetScore] = []
        with RowFile() as file:
            table = _Table.of(file, self.extractor, _sources(items, self.reference), features)
            for chosen in _sets(self.name, items, self.reference, table, found.warnings):
                row, smaller = self._row(chosen)
                found.set_scores.append(row)
                few += [row] if smaller < ENOUGH else []
        if few:
            found.warnings.append(
                f"fid: {len(few)} of {len(found.set_scores)} sets have fewer than {ENOUGH:,} images or reference "
                f"images, where FID is too high; '{few[0].set}' has {few[0].n} images and FID {few[0].score:.1f}, and "
                f"{few[0].note}. KID does not have this error."
            )
        return found

    def _row(self, chosen: "_Set") -> tuple[SetScore, int]:
        """The row of a set, and how many images the smaller of its two sides has."""
        made_by = signature(
            metric="fid", reference=chosen.reference_digest, reference_n=chosen.reference_n or "unknown"
        )
        n = len(chosen.images)
        smaller, note = n, ""
        if isinstance(chosen.reference, Gaussian):
            score, error = frechet_with_error(chosen.images, chosen.reference)
            smaller = min(n, chosen.reference_n or n)
            if smaller < ENOUGH:
                null = null_distance_of(chosen.reference, n)
                note = f"{n} images drawn from the reference's statistics themselves show {null:.1f}"
        else:
            score, error = frechet_with_error(chosen.images, chosen.reference)
            m = len(chosen.reference)
            smaller = min(n, m)
            if smaller < ENOUGH:
                both = RowSet(chosen.images.file, np.concatenate([chosen.images.numbers, chosen.reference.numbers]))
                null = null_distance(both, n)
                note = f"random sets of {n} and {m} of the same images, without a difference, show {null:.1f}"
        low, high = max(score - 1.96 * error, 0.0), score + 1.96 * error
        return SetScore(chosen.name, "fid", score, n, f"{made_by}|{self.extractor.signature}", low, high, note), smaller

    def _check(self, saved: SavedStatistics) -> list[str]:
        """Refuse statistics of other features; warn where the file does not say of which, or of which versions."""
        mine = self.extractor.signature
        if not saved.features:
            if "preprocessing:pytorch-fid" in mine:
                return []
            return [
                f"fid: {saved.path} does not say how its features were made; statistics from pytorch-fid only fit "
                "features with the preprocessing pytorch-fid."
            ]
        if _without_versions(saved.features) != _without_versions(mine):
            raise InputError(
                f"{saved.path} holds statistics of other features ({saved.features}) than these ({mine}); make it "
                "anew, or extract features in that way."
            )
        if saved.features != mine:
            return [f"fid: {saved.path} was made with other versions ({saved.features}) than these features ({mine})."]
        return []


@dataclass(frozen=True)
class Kid:
    """The kernel distance of Inception features; its interval is 1.96 standard errors over images to either side.

    Attributes
    ----------
    extractor : Extractor
        The features.
    reference : tuple of ImageSource, SavedStatistics or None
        As `Fid`; but KID cannot be computed from statistics.
    subsets, subset_size, seed : int
        See `metrics.kid.kernel_distance`.
    """

    extractor: Extractor
    reference: Reference = None
    subsets: int = SUBSETS
    subset_size: int = SUBSET_SIZE
    seed: int = SEED

    name = "kid"
    uses_references = True

    def wants(self, items: Sequence[Item]) -> list[tuple[Extractor, list[Source]]]:
        """The features of images and references."""
        if isinstance(self.reference, SavedStatistics):
            return []
        return [(self.extractor, _sources(items, self.reference))]

    def score(self, items: Sequence[Item], features: Features) -> Scored:
        """A row for each set of two images or more."""
        if isinstance(self.reference, SavedStatistics):
            return Scored(
                warnings=[
                    f"kid: {self.reference.path} holds a mean and a covariance only, and KID needs the reference "
                    "images; give the folder of images instead."
                ]
            )
        found = Scored()
        with RowFile() as file:
            table = _Table.of(file, self.extractor, _sources(items, self.reference), features)
            for chosen in _sets(self.name, items, self.reference, table, found.warnings):
                found.set_scores.append(self._row(chosen))
        return found

    def _row(self, chosen: "_Set") -> SetScore:
        assert not isinstance(chosen.reference, Gaussian)
        result = kernel_distance(chosen.images, chosen.reference, self.subsets, self.subset_size, self.seed)
        made_by = signature(
            metric="kid",
            reference=chosen.reference_digest,
            reference_n=chosen.reference_n,
            subsets=self.subsets,
            subset_size=self.subset_size,
            seed=self.seed,
        )
        margin = 1.96 * result.standard_error
        note = (
            f"mean of {result.subsets} subsets of {result.size}, standard deviation over them {result.deviation:.2g}, "
            f"standard error {result.standard_error:.2g}"
        )
        return SetScore(
            chosen.name,
            "kid",
            result.mean,
            len(chosen.images),
            f"{made_by}|{self.extractor.signature}",
            result.mean - margin,
            result.mean + margin,
            note,
        )


def reference_statistics(extractor: Extractor, sources: Sequence[ImageSource], features: Features) -> FeatureStatistics:
    """The statistics of images whose features are in the cache, for `metrics.statistics_file.write_statistics`.

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
        return FeatureStatistics.of(_Table.of(file, extractor, sources, features).rows(sources))


@dataclass(frozen=True)
class _Table:
    """Where in a file each image's features stand."""

    file: RowFile
    numbers: dict[str, int]

    @classmethod
    def of(cls, file: RowFile, extractor: Extractor, sources: Sequence[Source], features: Features) -> "_Table":
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
class _Set:
    """A set with two images or more, and what it is compared with."""

    name: str
    images: RowSet
    reference: RowSet | Gaussian
    reference_digest: str
    reference_n: int | None


def _without_versions(made_by: str) -> str:
    return "|".join(part for part in made_by.split("|") if not part.startswith("versions:"))


def _sources(items: Sequence[Item], reference: Reference) -> list[Source]:
    """All images and, where they come as images, references."""
    images: list[Source] = [item.image for item in items]
    if isinstance(reference, SavedStatistics):
        return images
    if reference is not None:
        return images + list(reference)
    return images + [source for item in items for source in item.references]


def _sets(
    metric: str, items: Sequence[Item], reference: Reference, table: _Table, warnings: list[str]
) -> Iterator[_Set]:
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
            yield _Set(group, images, gaussian, saved.digest[:12], saved.n)
            continue
        known = reference if isinstance(reference, tuple) else tuple(s for item in mine for s in item.references)
        unique = tuple(dict.fromkeys(source for source in known if source.key in table.numbers))
        if len(unique) < 2:
            warnings.append(f"{metric}: the set '{group}' has fewer than two readable references and is not scored.")
            continue
        keys = digest(" ".join(sorted(source.key for source in unique)), 12)
        yield _Set(group, images, table.rows(unique), keys, len(unique))
