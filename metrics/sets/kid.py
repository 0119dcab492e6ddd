"""KID of sets of images against reference photos: the kernel distance of Inception features (Binkowski et al., 2018).

With k(x, y) = (x.y / d + 1)^3 it is the unbiased estimate of the squared maximum mean discrepancy,

    mean over i != j of k(x_i, x_j)  +  the same for y  -  2 mean over i, j of k(x_i, y_j),

averaged over random subsets of both sets, as torch-fidelity draws them. It is unbiased: without a difference it varies
around 0, and may be negative.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metrics.engine.extraction import Extractor
from metrics.engine.images import Source
from metrics.engine.signature import signature
from metrics.engine.types import Features, Item, Scored, SetScore
from metrics.entry import Entry, MetricOptions
from metrics.errors import InputError
from metrics.networks.inception import INCEPTION_WEIGHTS, InceptionFeatures
from metrics.sets.compared_sets import (
    ComparedSet,
    FeatureTable,
    Reference,
    all_sources,
    chosen_reference,
    compared_sets,
)
from metrics.sets.frechet import Array, Gaussian, Rows, read_features
from metrics.sets.rows import RowFile
from metrics.sets.statistics_file import SavedStatistics

SUBSETS = 100
SUBSET_SIZE = 1000
SEED = MetricOptions.seed
_AT_ONCE = 2048  # images, up to which all pairs are computed once instead of subset by subset


@dataclass(frozen=True)
class KernelDistance:
    """What was found, and two different plus-minus.

    Attributes
    ----------
    mean : float
        KID: the mean over the subsets.
    deviation : float
        The standard deviation over the subsets, which torch-fidelity prints behind the plus-minus. It depends on the
        subsets' size, is 0 where a subset is everything there is, and is no error of the mean.
    standard_error : float
        How much the mean would vary over other images of the same kind, as many as these: the jackknife over images,
        with what is left of the choice of the subsets.
    subsets, size : int
        How many subsets, and the images of each set in each.
    """

    mean: float
    deviation: float
    standard_error: float
    subsets: int
    size: int


def kernel_distance(
    features_a: Rows, features_b: Rows, subsets: int = SUBSETS, size: int = SUBSET_SIZE, seed: int = SEED
) -> KernelDistance:
    """The kernel distance between two sets of features.

    Parameters
    ----------
    features_a, features_b : array or rows, shapes (n, d) and (m, d)
        At least two images each.
    subsets : int
        How many subsets are drawn.
    size : int
        How many images of each set are in a subset; the smaller set's number where that is less.
    seed : int
        Of the subsets; they are those that torch-fidelity draws.

    Returns
    -------
    KernelDistance

    Raises
    ------
    InputError
        For fewer than two images, or features that are not finite.

    Notes
    -----
    Kernels are summed in float64. The standard error comes from the first-order influence of each image, the mean
    kernel with its own set less that with the other set; where the sets do not differ it is about twice too large in
    variance, so on the safe side.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> found = kernel_distance(rng.normal(size=(50, 8)), rng.normal(size=(60, 8)) + 2.0)
    >>> found.size, found.mean > 5 * found.standard_error
    (50, True)
    """
    n, m = len(features_a), len(features_b)
    size = min(size, n, m)
    if size < 2:
        raise InputError(f"KID needs two images or more in each set, and in each subset; there are {n} and {m}.")
    rng = np.random.RandomState(seed)
    drawn = [(rng.choice(n, size, replace=False), rng.choice(m, size, replace=False)) for _ in range(subsets)]
    if max(n, m) <= _AT_ONCE:
        chosen_a, chosen_b = (
            _membership(rows, count) for rows, count in zip(zip(*drawn, strict=True), (n, m), strict=True)
        )
        everything = slice(None)
        values, influence_a, influence_b = _discrepancies(
            read_features(features_a, everything), read_features(features_b, everything), chosen_a, chosen_b
        )
    else:
        values, influence_a, influence_b = _one_by_one(features_a, features_b, drawn)
    deviation = float(np.std(values))
    variance = np.var(influence_a, ddof=1) / n + np.var(influence_b, ddof=1) / m + deviation**2 / subsets
    return KernelDistance(float(np.mean(values)), deviation, float(np.sqrt(variance)), subsets, size)


def _membership(drawn: tuple[NDArray[np.int64], ...], count: int) -> Array:
    """1 where an image (row) is in a subset (column)."""
    chosen = np.zeros((count, len(drawn)))
    for subset, rows in enumerate(drawn):
        chosen[rows, subset] = 1.0
    return chosen


def _discrepancies(x: Array, y: Array, chosen_x: Array, chosen_y: Array) -> tuple[Array, Array, Array]:
    """The estimate for each subset, and the influence of each image of either set on the estimate from all of them."""
    within_x, within_y, between = cubic_kernel(x, x), cubic_kernel(y, y), cubic_kernel(x, y)
    np.fill_diagonal(within_x, 0.0)
    np.fill_diagonal(within_y, 0.0)
    size = chosen_x.sum(axis=0)
    within = np.sum(chosen_x * (within_x @ chosen_x), axis=0) + np.sum(chosen_y * (within_y @ chosen_y), axis=0)
    values = within / (size * (size - 1)) - 2.0 * np.sum(chosen_x * (between @ chosen_y), axis=0) / size**2
    influence_x = 2.0 * (within_x.sum(axis=1) / (len(x) - 1) - between.mean(axis=1))
    influence_y = 2.0 * (within_y.sum(axis=1) / (len(y) - 1) - between.mean(axis=0))
    return values, influence_x, influence_y


def _one_by_one(
    features_a: Rows, features_b: Rows, drawn: list[tuple[NDArray[np.int64], NDArray[np.int64]]]
) -> tuple[Array, Array, Array]:
    """As `_discrepancies`, a subset in memory at a time; an image's influence is its mean over the subsets it is in."""
    values = np.empty(len(drawn))
    sums = np.zeros(len(features_a)), np.zeros(len(features_b))
    times = np.zeros(len(features_a)), np.zeros(len(features_b))
    whole = np.ones((len(drawn[0][0]), 1))
    for number, rows in enumerate(drawn):
        x, y = read_features(features_a, rows[0]), read_features(features_b, rows[1])
        (values[number],), *influences = _discrepancies(x, y, whole, whole)
        for side in (0, 1):
            sums[side][rows[side]] += influences[side]
            times[side][rows[side]] += 1
    influence_a, influence_b = (total[count > 0] / count[count > 0] for total, count in zip(sums, times, strict=True))
    return values, influence_a, influence_b


def cubic_kernel(x: Array, y: Array) -> Array:
    """KID's kernel of every two rows, (x . y / d + 1)^3; shape (rows of x, rows of y)."""
    return (x @ y.T / x.shape[1] + 1.0) ** 3


@dataclass(frozen=True)
class Kid:
    """The kernel distance of Inception features; its interval is 1.96 standard errors over images to either side.

    Attributes
    ----------
    extractor : Extractor
        The features.
    reference : tuple of ImageSource, SavedStatistics or None
        As `metrics.sets.fid.Fid`; but KID cannot be computed from statistics.
    subsets, subset_size, seed : int
        See `kernel_distance`.
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
        return [(self.extractor, all_sources(items, self.reference))]

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
            table = FeatureTable.of(file, self.extractor, all_sources(items, self.reference), features)
            for chosen in compared_sets(self.name, items, self.reference, table, found.warnings):
                found.set_scores.append(self._row(chosen))
        return found

    def _row(self, chosen: "ComparedSet") -> SetScore:
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


ENTRY = Entry(
    name="kid",
    title="KID",
    says="distance of a set from the reference set, with interval; without FID's error where images are few",
    scores="set",
    direction="lower",
    options=("inception", "reference_set", "precision", "seed"),
    needs=("references",),
    instead={"references": "reference_set"},
    weights=(INCEPTION_WEIGHTS,),
    make=lambda o: Kid(InceptionFeatures.chosen(o), chosen_reference(o), seed=o.seed),
    source="Binkowski et al. 2018",
)
