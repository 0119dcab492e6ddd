"""Two sets of images of the same prompts and seeds, both held against one reference: which is nearer to it?

A distance between sets has no value an image, but the question is paired all the same: where two checkpoints are
equally good, the images of a prompt may change sides.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg, stats

from metrics.errors import InputError
from metrics.sets.frechet import Gaussian, Rows, read_features
from metrics.sets.kid import cubic_kernel

Array = NDArray[np.float64]
Kind = Literal["fid", "kid"]
Value = Callable[[NDArray[np.intp]], float]

FEWEST_IMAGES = 50
FEWEST_PROMPTS = 10
MOST_SWAPS = 999
_FEWEST_SWAPS = 199
_EFFORT = 2**36  # multiplications that the swaps may cost together


@dataclass(frozen=True)
class PairedSets:
    """How two sets differ in their distance from a reference.

    Attributes
    ----------
    candidate, baseline : float
        Their distances; lower is better.
    difference, low, high : float
        Candidate minus baseline, and its 95 % interval by the jackknife over prompts.
    error, baseline_error : float
        The standard errors of the difference and of the baseline's distance, from the same jackknife.
    p : float
        How often prompts that change sides give a difference as high as this; one-sided.
    images, prompts, swaps : int
        Of one set; and how many patterns of swaps were drawn.
    """

    candidate: float
    baseline: float
    difference: float
    low: float
    high: float
    error: float
    baseline_error: float
    p: float
    images: int
    prompts: int
    swaps: int


def paired_sets(
    candidate: ArrayLike, baseline: ArrayLike, reference: Rows, prompts: ArrayLike, kind: Kind = "fid", seed: int = 0
) -> PairedSets:
    """Compare two sets' distances from a reference, paired by prompt and seed.

    Parameters
    ----------
    candidate, baseline : array_like, shape (n, d)
        Features of the images; row i of both has one prompt and seed.
    reference : array or rows, shape (m, d)
        Features of the real images, or a `Gaussian` for FID.
    prompts : array_like, shape (n,)
        The prompt of each pair.
    kind : {"fid", "kid"}
    seed : int
        Of the swaps.

    Returns
    -------
    PairedSets

    Raises
    ------
    InputError
        For fewer than 50 images or 10 prompts.

    Notes
    -----
    Both sets have as many images, so that FID's bias of small sets is nearly the same in both. All that the swaps need
    are inner products of the images with each other, once as they are and once through the reference's covariance.
    Where the two sets have the same images as wholes, every swap gives no difference and p is 1.

    References
    ----------
    Efron, B. & Tibshirani, R. (1993). An Introduction to the Bootstrap, chapters 11 and 15.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> real, before = rng.normal(size=(200, 8)), rng.normal(size=(60, 8))
    >>> found = paired_sets(before + 1.0, before, real, np.repeat(np.arange(20), 3))
    >>> found.difference > 4, found.p
    (True, 0.001)
    """
    new, old = np.asarray(candidate, dtype=float), np.asarray(baseline, dtype=float)
    codes, number = _numbered(prompts)
    n = len(new)
    refuse_few(kind, n, number)
    value = _VALUES[kind](np.concatenate([new, old]), reference)
    rows = np.arange(n)
    found_new, found_old = value(rows), value(rows + n)
    difference = found_new - found_old
    swaps = int(np.clip(_EFFORT // (20 * n**3), _FEWEST_SWAPS, MOST_SWAPS))
    rng = np.random.default_rng(seed % 2**63)
    extreme = 0
    for _ in range(swaps):
        side = n * rng.integers(0, 2, number)[codes]
        extreme += value(rows + side) - value(rows + n - side) >= difference - 1e-9 * abs(found_old)
    without = np.array([[value(rows[codes != k] + side) for side in (0, n)] for k in range(number)])
    error, baseline_error = (_jackknife(each) for each in (without[:, 0] - without[:, 1], without[:, 1]))
    half = float(stats.t.ppf(0.975, number - 1) * error)
    return PairedSets(
        candidate=found_new,
        baseline=found_old,
        difference=difference,
        low=difference - half,
        high=difference + half,
        error=error,
        baseline_error=baseline_error,
        p=(1 + extreme) / (1 + swaps),
        images=n,
        prompts=number,
        swaps=swaps,
    )


def prompt_values(
    sets: Sequence[ArrayLike], reference: Rows, prompts: ArrayLike, kind: Kind = "fid"
) -> tuple[Array, Array]:
    """Several sets' distances from one reference, and what each prompt adds to them.

    Parameters
    ----------
    sets : sequence of array_like, each of shape (n, d)
        Features; row i of all has one prompt and seed.
    reference, prompts, kind
        As for `paired_sets`.

    Returns
    -------
    distances : ndarray, shape (sets,)
        Lower is better.
    values : ndarray, shape (prompts, sets)
        The jackknife's pseudo-values, moved until their mean is the distance: a mean of them over drawn prompts stands
        for the distance of a set of these prompts. In the order of the sorted prompts.

    Raises
    ------
    InputError
        For fewer than 50 images or 10 prompts.

    Notes
    -----
    A set in which images are drawn twice has a covariance of lower rank, and so a higher FID; the pseudo-values, of
    which a bootstrap takes means, do not have this error.

    References
    ----------
    Efron, B. & Tibshirani, R. (1993). An Introduction to the Bootstrap, chapter 11.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> real, first = rng.normal(size=(200, 8)), rng.normal(size=(60, 8))
    >>> distances, values = prompt_values([first, first + 1.0], real, np.repeat(np.arange(20), 3))
    >>> values.shape, bool(np.allclose(values.mean(axis=0), distances)), bool(distances[0] < distances[1])
    ((20, 2), True, True)
    """
    codes, number = _numbered(prompts)
    refuse_few(kind, len(codes), number)
    rows = np.arange(len(codes))
    distances, values = np.empty(len(sets)), np.empty((number, len(sets)))
    for place, features in enumerate(sets):
        value = _VALUES[kind](np.asarray(features, dtype=float), reference)
        distances[place] = value(rows)
        without = np.array([value(rows[codes != k]) for k in range(number)])
        values[:, place] = distances[place] - (number - 1) * (without - without.mean())
    return distances, values


def refuse_few(kind: Kind, images: int, prompts: int) -> None:
    """Raise InputError for fewer than 50 images of 10 prompts."""
    if images < FEWEST_IMAGES or prompts < FEWEST_PROMPTS:
        raise InputError(
            f"{kind.upper()} of {images} images of {prompts} prompts says too little: comparing checkpoints by it "
            f"takes {FEWEST_IMAGES} images of {FEWEST_PROMPTS} prompts of each; use a metric of single images, or draw "
            "more."
        )


def _numbered(prompts: ArrayLike) -> tuple[NDArray[np.intp], int]:
    """Each pair's prompt as a number in the order of the sorted prompts, and how many prompts there are."""
    codes = np.unique(np.asarray(prompts), return_inverse=True)[1].reshape(-1)
    return codes, int(codes.max(initial=-1)) + 1


def _jackknife(without: Array) -> float:
    """The standard error of a figure from its values without each prompt."""
    number = len(without)
    return float(np.sqrt((number - 1) / number * ((without - without.mean()) ** 2).sum()))


def _frechet(features: Array, reference: Rows | Gaussian) -> Value:
    """The Frechet distance of some of the rows from the reference, from inner products alone."""
    other = reference if isinstance(reference, Gaussian) else Gaussian.of(reference)
    shifted = features - other.mean
    through = shifted @ other.root.T
    plain, weighed = shifted @ shifted.T, through @ through.T  # inner products, and those through the covariance
    spread = float((other.root**2).sum())

    def value(rows: NDArray[np.intp]) -> float:
        count = len(rows)
        block = plain[np.ix_(rows, rows)]
        step = block.mean()
        scatter = np.trace(block) - count * step
        inner = weighed[np.ix_(rows, rows)]
        middle = inner.mean(axis=0)
        centred = inner - middle - middle[:, None] + middle.mean()
        roots = np.sqrt(np.maximum(linalg.eigvalsh(centred / (count - 1)), 0.0))
        return float(step + scatter / (count - 1) + spread - 2 * roots.sum())

    return value


def _kernel(features: Array, reference: Rows) -> Value:
    """The unbiased squared kernel distance of some of the rows from all of the reference."""
    real = read_features(reference, slice(None))
    within, own = cubic_kernel(features, features), cubic_kernel(real, real)
    between = cubic_kernel(features, real).mean(axis=1)
    real_part = float((own.sum() - np.trace(own)) / (len(real) * (len(real) - 1)))

    def value(rows: NDArray[np.intp]) -> float:
        count = len(rows)
        block = within[np.ix_(rows, rows)]
        part = (block.sum() - np.trace(block)) / (count * (count - 1))
        return float(part + real_part - 2 * between[rows].mean())

    return value


_VALUES: Mapping[Kind, Callable[[Array, Any], Value]] = {"fid": _frechet, "kid": _kernel}
