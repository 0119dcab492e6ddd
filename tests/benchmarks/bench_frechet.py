"""The Frechet distance against pytorch-fid's, at 64, 500 and 5,000 images of 2,048 features.

Below 2,048 images both are also compared with a reference in extended precision: there the covariances are singular,
and the matrix square root that pytorch-fid takes is the less exact of the two ways. pytorch-fid's function is called as
it is; with SciPy 1.18, which no longer has `sqrtm(disp=False)`, that argument is taken out on the way.

Run: pip install --no-deps pytorch-fid==0.3.0; python -m tests.benchmarks.bench_frechet
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from metrics.sets.frechet import frechet_distance
from tests.benchmarks.arguments import parser

DIMENSIONS = 2048
AIMS = {64: 1000, 500: 100, 5000: 5}


def make(n: int, seed: int, scale: float = 1.0) -> NDArray[np.float64]:
    """Features with a falling spectrum, as those of images have."""
    spectrum = np.arange(1, DIMENSIONS + 1) ** -0.5
    return np.random.default_rng(seed).normal(size=(n, DIMENSIONS)) * spectrum * scale + 0.5


def theirs(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """pytorch-fid: means, covariances, and its distance of them."""
    from pytorch_fid import fid_score

    statistics = [part for x in (a, b) for part in (np.mean(x, axis=0), np.cov(x, rowvar=False))]
    return float(fid_score.calculate_frechet_distance(*statistics))


def reference(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """In extended precision up to the product of the centred features, whose singular values are then taken twice.

    From float64's singular vectors the values are refined in extended precision: sum s = tr U^T P V, whose error is of
    the second order in that of the vectors.
    """
    x, y = (values.astype(np.longdouble) for values in (a, b))
    mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
    x, y = (x - mean_x) / np.sqrt(np.longdouble(len(x) - 1)), (y - mean_y) / np.sqrt(np.longdouble(len(y) - 1))
    product = x @ y.T
    u, _, vt = linalg.svd(product.astype(np.float64))
    overlap = np.sum((u.T @ product) * vt)
    step = mean_x - mean_y
    return float(step @ step + np.sum(x**2) + np.sum(y**2) - 2 * overlap)


def timed(function: Callable[..., Any], *arguments: Any, runs: int) -> tuple[float, float]:
    """A value and the least time of a few runs."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        value = function(*arguments)
        times.append(time.perf_counter() - start)
    return value, min(times)


def withstand_new_scipy() -> str:
    """Let pytorch-fid run where SciPy's sqrtm has no `disp` any more; says what was done."""
    try:
        linalg.sqrtm(np.eye(2), disp=False)
    except TypeError:
        from pytorch_fid import fid_score

        class Linalg:
            sqrtm = staticmethod(lambda matrix, disp=True: (linalg.sqrtm(matrix), 0.0))

        fid_score.linalg = Linalg
        return "sqrtm without its argument disp"
    return "as it is"


def main() -> None:
    """Print times, ratios and differences."""
    parser(__doc__).parse_args()
    print(f"pytorch-fid {withstand_new_scipy()}")
    frechet_distance(make(64, 0), make(64, 1))
    for n, aim in AIMS.items():
        a, b = make(n, 0), make(n, 1, 1.2)
        value, seconds = timed(frechet_distance, a, b, runs=20 if n < 1000 else 3)
        expected, slow = timed(theirs, a, b, runs=1)
        print(
            f"{n:>5,} images: {seconds * 1e3:9.2f} ms, pytorch-fid {slow:6.2f} s, {slow / seconds:8,.0f} times faster "
            f"(aim {aim:,}); {value:.6f} against {expected:.6f}, relative difference {abs(value / expected - 1):.1e}"
        )
        if n < DIMENSIONS:
            exact = reference(a, b)
            print(
                f"       relative error against extended precision: ours {abs(value / exact - 1):.1e}, "
                f"pytorch-fid {abs(expected / exact - 1):.1e}"
            )


if __name__ == "__main__":
    main()
