"""Tie calibration against a plain loop over pairs.

    python -m tests.benchmarks.bench_pairwise_accuracy [ITEMS]

The loop visits every pair once, sorts the pairs by the gap between their scores and walks through them, keeping count.
"""

import time

import numpy as np

from calibration.comparison.pairwise_accuracy import calibrate_ties
from tests.benchmarks.arguments import one_count


def by_loop(scores: list[float], target: list[float]) -> tuple[float, float]:
    pairs = []
    right = 0
    for i in range(len(scores)):
        for j in range(i):
            ahead, preferred = scores[i] - scores[j], target[i] - target[j]
            in_order = ahead * preferred > 0
            right += in_order
            pairs.append((abs(ahead), (preferred == 0) - in_order))
    pairs.sort()
    best, epsilon = right, 0.0
    for place, (gap, gain) in enumerate(pairs):
        right += gain
        if (place + 1 == len(pairs) or pairs[place + 1][0] > gap) and right > best:
            best, epsilon = right, gap
    return epsilon, best / len(pairs)


def main() -> None:
    items = one_count(__doc__, "ITEMS", 2048, "how many items")
    rng = np.random.default_rng(0)
    quality = rng.normal(size=items)
    target = np.clip(np.rint(3 + quality), 1, 5)
    scores = quality + rng.normal(size=items) / 4
    seconds = []
    tests = {
        "calibrate_ties": lambda: calibrate_ties(scores, target),
        "loop": lambda: by_loop(scores.tolist(), target.tolist()),
    }
    for name, test in tests.items():
        runs = []
        for _ in range(3):
            start = time.perf_counter()
            epsilon, accuracy = test()
            runs.append(time.perf_counter() - start)
        seconds.append(min(runs))
        print(f"{name:16}epsilon {epsilon:.6f}  accuracy {accuracy:.6f}  {seconds[-1]:8.3f} s")
    print(f"tie calibration at {items:,} items ({items * (items - 1) // 2:,} pairs): {seconds[1] / seconds[0]:.1f} x")


if __name__ == "__main__":
    main()
