"""How often screening names the evaluator who should be looked at, and how often one who should not.

    python -m tests.benchmarks.bench_screening [STUDIES]

Five evaluators; images have a quality q ~ N(0, 1), answers are round(3 + b_e + q + N(0, s_e)), clipped to 1..5, with
b_e ~ N(0, .3) and s_e uniform from .6 to 1.1 (noisier: fair, from 1 to 1.5). One evaluator
answers at random, or the other way round, or copies 70 % of another's answers, or gives the same rating always.
"""

import numpy as np

from calibration.people.screening import screen
from tests.benchmarks.arguments import one_count

NAMES = list("abcde")


def study(rng: np.random.Generator, images: int, kind: str) -> np.ndarray:
    """Ratings from 1 to 5; the first evaluator is of the kind."""
    low, high = (1.0, 1.5) if kind == "noisier" else (0.6, 1.1)
    quality = rng.normal(size=(images, 1))
    answers = 3 + rng.normal(0, 0.3, 5) + quality + rng.normal(size=(images, 5)) * rng.uniform(low, high, 5)
    ratings = np.clip(np.rint(answers), 1, 5)
    if kind == "random":
        ratings[:, 0] = rng.integers(1, 6, images)
    elif kind == "inverted":
        ratings[:, 0] = 6 - ratings[:, 0]
    elif kind == "copied":
        same = rng.random(images) < 0.7
        ratings[same, 0] = ratings[same, 1]
    elif kind == "constant":
        ratings[:, 0] = 3
    return ratings


def is_found(ratings: np.ndarray, kind: str) -> bool:
    """Whether the one who should be is named; of a fair study, whether anybody is."""
    named = [flag.evaluators for flag in screen(ratings, NAMES)]
    return bool(named) if kind in ("fair", "noisier") else ((0, 1) if kind == "copied" else (0,)) in named


def main() -> None:
    studies = one_count(__doc__, "STUDIES", 400, "how many studies are simulated")
    kinds = ("random", "inverted", "copied", "constant", "fair", "noisier")
    print(f"share of {studies} studies of five evaluators in which the one is named (fair: in which anybody is)")
    print(f"{'images':>8}" + "".join(f"{kind:>10}" for kind in kinds))
    rng = np.random.default_rng(0)
    for images in (32, 64, 128, 256, 512, 1024):
        shares = [np.mean([is_found(study(rng, images, kind), kind) for _ in range(studies)]) for kind in kinds]
        print(f"{images:>8}" + "".join(f"{share:10.3f}" for share in shares), flush=True)


if __name__ == "__main__":
    main()
