"""How often the report's 95 % intervals hold what they say, in simulated studies.

    python tests/benchmarks/bench_coverage.py [STUDIES]

Images have a quality q ~ N(0, 1); evaluator e answers round(3 + b_e + q + noise), clipped to 1..5, with b_e ~ N(0, .4)
and noise ~ N(0, s_e), s_e uniform from .5 to 1; the metric sees q + N(0, 1). What an interval is about is the figure's
mean over many such studies: with the same evaluators for 'these evaluators', with new ones for 'people like these'.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from calibration.bootstrap import _Study, metric_intervals
from calibration.people.agreement_intervals import _Agreement, _Worth, agreement_intervals, worth_intervals

DRAWS = 300
SIZES = ((5, 128), (5, 1024), (10, 1024))
NAMES = ("spearman", "grade", "skill", "person_skill", "advantage", "ordinal", "icc2", "icc2k", "rater_equivalents")


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
    everyone = np.ones((1, len(scores)))
    found = _Study(scores, ratings, 1.0, "higher").statistics(everyone, np.ones((1, ratings.shape[1])))
    found |= _Agreement(ratings, ratings.shape[1]).statistics(everyone) | _Worth(scores, ratings).statistics(everyone)
    return {name: float(found[name][0]) for name in NAMES}


def intervals(scores: np.ndarray, ratings: np.ndarray, kind: str, seed: int) -> dict[str, tuple[float, float]]:
    metric = metric_intervals(scores, ratings, draws=DRAWS, seed=seed)
    agreement = agreement_intervals(ratings, draws=DRAWS, seed=seed)
    worth = worth_intervals(scores, ratings, draws=DRAWS, seed=seed)
    assert metric is not None and agreement is not None and worth is not None
    return getattr(metric, kind) | agreement[kind] | worth[kind]


def coverage(count: int, images: int, studies: int) -> dict[str, dict[str, float]]:
    rng = np.random.default_rng(0)
    panels = [People(rng, count) for _ in range(10)]
    kinds: dict[str, Callable[[int], People]] = {
        "these": lambda number: panels[number % len(panels)],
        "people_like_these": lambda number: People(rng, count),
    }
    shares = {}
    for kind, people in kinds.items():
        cells = len(panels) if kind == "these" else 1
        sums = [dict.fromkeys(NAMES, 0.0) for _ in range(cells)]
        many = 200 * cells if kind == "these" else 2000
        for number in range(many):
            for name, value in figures(*people(number).study(rng, images)).items():
                sums[number % cells][name] += value * cells / many
        held = dict.fromkeys(NAMES, 0)
        for number in range(studies):
            found = intervals(*people(number).study(rng, images), kind, number)
            for name in NAMES:
                held[name] += found[name][0] <= sums[number % cells][name] <= found[name][1]
        shares[kind] = {name: value / studies for name, value in held.items()}
    return shares


def main() -> None:
    studies = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    sizes = SIZES[: int(sys.argv[2])] if len(sys.argv) > 2 else SIZES
    error = np.sqrt(0.95 * 0.05 / studies)
    print(f"share of {studies} studies whose interval holds (0.95 is said; its standard error is {error:.3f})")
    print(f"{'evaluators x images':20}{'interval for':19}" + "".join(f"{name:>13.12}" for name in NAMES))
    for count, images in sizes:
        start = time.perf_counter()
        for kind, shares in coverage(count, images, studies).items():
            print(f"{f'{count} x {images}':20}{kind:19}" + "".join(f"{shares[name]:13.3f}" for name in NAMES))
        print(f"  {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
