"""Which standard error of FID is near the truth: that of `metrics.sets.frechet_interval`, or the bootstrap's.

Many pairs of sets are drawn from two known distributions; the standard deviation of the distance over them is the
truth. The bootstrap draws images with replacement, by the matrices of products of features, computed once.

Run: python -m tests.benchmarks.bench_fid_interval
"""

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from metrics.sets.frechet_interval import frechet_with_error
from tests.benchmarks.arguments import parser

Array = NDArray[np.float64]
DIMENSIONS = 512
SIZES = ((20, 20), (100, 20), (64, 64), (128, 128), (300, 300), (800, 800))
PAIRS, BOOTSTRAPPED, RESAMPLES = 60, 6, 60


def distance_of_products(aa: Array, bb: Array, ab: Array) -> float:
    """The Frechet distance from the products of all pairs of images."""
    n, m = ab.shape
    step = aa.mean() + bb.mean() - 2 * ab.mean()
    spread = (np.trace(aa) - n * aa.mean()) / (n - 1) + (np.trace(bb) - m * bb.mean()) / (m - 1)
    centred = ab - ab.mean(axis=0) - ab.mean(axis=1)[:, None] + ab.mean()
    return float(step + spread - 2 * linalg.svdvals(centred).sum() / np.sqrt((n - 1) * (m - 1)))


def bootstrap(a: Array, b: Array, seed: int) -> tuple[float, float]:
    """The mean and the standard deviation of the distance over resamples."""
    rng = np.random.default_rng(seed)
    aa, bb, ab = a @ a.T, b @ b.T, a @ b.T
    found = []
    for _ in range(RESAMPLES):
        i, j = rng.integers(len(a), size=len(a)), rng.integers(len(b), size=len(b))
        found.append(distance_of_products(aa[np.ix_(i, i)], bb[np.ix_(j, j)], ab[np.ix_(i, j)]))
    return float(np.mean(found)), float(np.std(found, ddof=1))


def compare(name: str, spectrum: Array, shift: float, scale: float) -> None:
    """Print a line for each size of the sets."""
    rng = np.random.default_rng(0)
    move = rng.normal(size=DIMENSIONS) * spectrum * shift
    for n, m in SIZES:
        truth, errors, resampled = [], [], []
        for pair in range(PAIRS if n < 300 else PAIRS // 3):
            a = rng.normal(size=(n, DIMENSIONS)) * spectrum
            b = rng.normal(size=(m, DIMENSIONS)) * spectrum * scale + move
            found, error = frechet_with_error(a, b)
            truth.append(found)
            errors.append(error)
            if pair < BOOTSTRAPPED and n < 800:
                mean, deviation = bootstrap(a, b, pair)
                resampled.append((mean - found, deviation))
        line = f"{name:<22} {n:>4} and {m:>4} images: FID {np.mean(truth):8.2f}, varies by {np.std(truth, ddof=1):7.3f}"
        line += f"; standard error {np.mean(errors):7.3f}"
        if resampled:
            above, deviation = np.mean(resampled, axis=0)
            line += f"; bootstrap {deviation:7.3f}, its mean {above:7.2f} too high"
        print(line, flush=True)


def main() -> None:
    """Print the comparisons."""
    parser(__doc__).parse_args()
    falling = 5 * np.arange(1, DIMENSIONS + 1) ** -0.75
    for name, spectrum in (("equal variances", np.ones(DIMENSIONS)), ("falling variances", falling)):
        compare(f"{name}, no gap", spectrum, 0.0, 1.0)
        compare(f"{name}, a gap", spectrum, 0.3, 1.4)


if __name__ == "__main__":
    main()
