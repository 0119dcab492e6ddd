"""How often the report's 95 % intervals hold what they say, in simulated studies.

    python tests/benchmarks/bench_coverage.py [STUDIES]

Images have a quality q ~ N(0, 1); evaluator e answers round(3 + b_e + q + noise), clipped to 1..5, with b_e ~ N(0, .4)
and noise ~ N(0, s_e), s_e uniform from .5 to 1; the metric sees q + N(0, 1). What an interval is about is the figure's
mean over many such studies: with the same evaluators for 'these evaluators', with new ones for 'people like these'.
"""

import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from calibration.bootstrap import STATISTICS, _Study, metric_intervals

DRAWS = 300
SIZES = ((5, 128), (5, 1024), (10, 1024))


class People:
    """Evaluators with a bias and a noise each."""

    def __init__(self, rng: np.random.Generator, count: int):
        self.bias, self.noise = rng.normal(0, 0.4, count), rng.uniform(0.5, 1, count)

    def study(self, rng: np.random.Generator, images: int) -> tuple[np.ndarray, np.ndarray]:
        """Scores, and ratings on the unit scale."""
        quality = rng.normal(size=images)
        answers = 3 + self.bias + quality[:, None] + rng.normal(size=(images, len(self.bias))) * self.noise
        return quality + rng.normal(size=images), (np.clip(np.rint(answers), 1, 5) - 1) / 4


def figures(scores: np.ndarray, ratings: np.ndarray) -> dict[str, float]:
    found = _Study(scores, ratings, 1.0, "higher").statistics(np.ones((1, len(scores))), np.ones((1, ratings.shape[1])))
    return {name: float(values[0]) for name, values in found.items()}


def coverage(count: int, images: int, studies: int) -> dict[str, dict[str, float]]:
    rng = np.random.default_rng(0)
    fixed = People(rng, count)
    kinds = {"these": lambda: fixed, "people like these": lambda: People(rng, count)}
    shares = {}
    for kind, people in kinds.items():
        many = [figures(*people().study(rng, images)) for _ in range(max(1000, studies))]
        truth = {name: np.mean([each[name] for each in many]) for name in STATISTICS}
        held = dict.fromkeys(STATISTICS, 0)
        for number in range(studies):
            found = metric_intervals(*people().study(rng, images), draws=DRAWS, seed=number)
            assert found is not None
            intervals = found.these if kind == "these" else found.people_like_these
            for name in STATISTICS:
                held[name] += intervals[name].low <= truth[name] <= intervals[name].high
        shares[kind] = {name: value / studies for name, value in held.items()}
    return shares


def main() -> None:
    studies = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    error = np.sqrt(0.95 * 0.05 / studies)
    print(f"share of {studies} studies whose interval holds (0.95 is said; its standard error is {error:.3f})")
    print(f"{'evaluators x images':22}{'interval for':20}" + "".join(f"{name:>14}" for name in STATISTICS))
    for count, images in SIZES:
        start = time.perf_counter()
        for kind, shares in coverage(count, images, studies).items():
            print(f"{f'{count} x {images}':22}{kind:20}" + "".join(f"{shares[name]:14.3f}" for name in STATISTICS))
        print(f"  {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
