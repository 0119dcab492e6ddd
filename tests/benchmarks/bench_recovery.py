"""How often ITU-T P.910's alternating projection collapses with five evaluators, and what the quality is recovered to.

    python -m tests.benchmarks.bench_recovery [STUDIES]

Images have a quality q ~ N(0, 1); evaluator e answers round(3 + b_e + q + noise), clipped to 1..5, with b_e ~ N(0, .4)
and noise ~ N(0, s_e), s_e uniform from .5 to 1. Collapsed: one evaluator has nine tenths of all weight or more.
"""

import numpy as np

from calibration.core.resampling import Resampling
from calibration.people.p910 import ALMOST_ALL, alternating_projection
from calibration.people.recovery import recover_scores
from tests.benchmarks.arguments import one_count

SIZES = ((5, 128), (5, 1024), (10, 128), (20, 128))


def study(rng: np.random.Generator, people: int, images: int) -> tuple[np.ndarray, np.ndarray]:
    """Quality, and ratings from 1 to 5."""
    quality = rng.normal(size=images)
    bias, spread = rng.normal(0, 0.4, people), rng.uniform(0.5, 1, people)
    answers = 3 + bias + quality[:, None] + rng.normal(size=(images, people)) * spread
    return quality, np.clip(np.rint(answers), 1, 5)


def main() -> None:
    studies = one_count(__doc__, "STUDIES", 1000, "how many studies are simulated")
    print(f"{studies} simulated studies a row")
    print("evaluators x images   collapsed: P.910   ours   correlation with the quality: means   P.910    ours")
    rng = np.random.default_rng(0)
    for people, images in SIZES:
        collapsed, correlations = np.zeros(2), []
        for _ in range(studies):
            quality, ratings = study(rng, people, images)
            projected, ours = alternating_projection(ratings), recover_scores(ratings, resampling=Resampling(0))
            assert ours is not None
            weights = 1 / ours.inconsistency**2
            collapsed += [projected.collapsed is not None, weights.max() >= ALMOST_ALL * weights.sum()]
            found = (ratings.mean(axis=1), projected.scores, ours.scores)
            correlations.append([np.corrcoef(each, quality)[0, 1] for each in found])
        mean = np.mean(correlations, axis=0)
        print(
            f"{f'{people} x {images}':22}{collapsed[0] / studies:16.3f}{collapsed[1] / studies:7.3f}"
            f"{mean[0]:38.4f}{mean[1]:8.4f}{mean[2]:8.4f}"
        )


if __name__ == "__main__":
    main()
