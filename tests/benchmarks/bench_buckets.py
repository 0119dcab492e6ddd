"""The exact bucket mapping against brute force and a general optimiser, and its growth from 10^3 to 10^6 items.

Run: python -m tests.benchmarks.bench_buckets
"""

import time
from collections.abc import Callable
from itertools import combinations_with_replacement

import numpy as np
from scipy.optimize import minimize

from calibration.core.buckets import fit_buckets
from calibration.core.crossvalidation import cross_validate
from calibration.scale import LIKERT
from tests.benchmarks.arguments import parser


def make(items: int, evaluators: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores, and ratings that follow them with noise."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=items)
    ratings = np.clip(np.rint(3 + scores[:, None] + rng.normal(size=(items, evaluators))), 1, 5)
    return scores, LIKERT.to_unit(ratings)


def loss(thresholds: np.ndarray, scores: np.ndarray, ratings: np.ndarray) -> float:
    """The mean distance of the mapped score from each rating."""
    levels = np.searchsorted(np.sort(thresholds), scores, side="left")
    return float(np.mean(np.abs(LIKERT.unit[levels][:, None] - ratings)))


def brute_force(scores: np.ndarray, ratings: np.ndarray) -> float:
    """The least loss over all ways to put four cuts between the items."""
    values = np.sort(scores)
    cuts = np.concatenate(([values[0] - 1], (values[1:] + values[:-1]) / 2, [values[-1] + 1]))
    return min(loss(np.array(four), scores, ratings) for four in combinations_with_replacement(cuts, 4))


def nelder_mead(scores: np.ndarray, ratings: np.ndarray) -> float:
    """The loss that SciPy's Nelder-Mead reaches from the quintiles."""
    start = np.quantile(scores, [0.2, 0.4, 0.6, 0.8])
    return float(minimize(loss, start, args=(scores, ratings), method="Nelder-Mead").fun)


def seconds(function: Callable[..., object], *arguments: object, runs: int = 3) -> float:
    """The least time of a few runs."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        function(*arguments)
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Print the comparisons."""
    parser(__doc__).parse_args()
    scores, ratings = make(24)
    exact, slow = fit_buckets(scores, ratings), brute_force(scores, ratings)
    assert exact is not None
    ours = seconds(fit_buckets, scores, ratings)
    theirs = seconds(brute_force, scores, ratings, runs=1)
    print(f"24 items x 5: loss {exact.loss:.6f}, brute force {slow:.6f}; {theirs / ours:,.0f} times faster")

    missed, excess = 0, []
    for seed in range(50):
        scores, ratings = make(800, seed=seed)
        exact = fit_buckets(scores, ratings)
        assert exact is not None
        found = nelder_mead(scores, ratings)
        missed += found > exact.loss + 1e-12
        excess.append(found / exact.loss - 1)
    ours, theirs = seconds(fit_buckets, scores, ratings), seconds(nelder_mead, scores, ratings)
    print(
        f"800 items x 5: Nelder-Mead misses the optimum in {missed} of 50 runs, by {np.mean(excess):.2%} on average; "
        f"the exact fit is {theirs / ours:.0f} times faster"
    )

    print("items        fit       fit + cross-validation over 5 evaluators")
    before = None
    for items in (10**3, 10**4, 10**5, 10**6):
        scores, ratings = make(items)
        fit, both = seconds(fit_buckets, scores, ratings), seconds(cross_validate, scores, ratings, runs=2)
        growth = "" if before is None else f"   x {both / before:.1f} for ten times the items"
        print(f"{items:>9,}  {fit:8.4f} s  {both:8.4f} s{growth}")
        before = both


if __name__ == "__main__":
    main()
