"""How often the 95 % intervals of a head's figures hold the true ones, by how many challenges the images are of.

    python -m tests.benchmarks.bench_head_intervals [STUDIES]

Votes have half of their variance between challenges, and so have the head's errors; eight images a challenge, of uneven
sizes. The true figures are those on a million images. STUDIES (400 unless told) of 6 to 100 challenges.
"""

import numpy as np

from calibration.aesthetic.clusters import jackknife_interval, left_out_figures
from calibration.aesthetic.evaluation import KINDS, STATISTICS, HeadFigures
from calibration.aesthetic.votes import Votes
from tests.benchmarks.arguments import parser

CHALLENGES = (6, 8, 10, 15, 25, 50, 100)
COVERED = ("spearman", "pearson", "mae", "balanced_mae", "accuracy", "spread_ratio")


def made(rng: np.random.Generator, challenges: int, each: int) -> tuple[np.ndarray, HeadFigures]:
    of = np.concatenate([np.arange(challenges), rng.integers(0, challenges, challenges * (each - 1))])
    count = len(of)
    y = 5.4 + 0.5 * rng.normal(size=challenges)[of] + 0.5 * rng.normal(size=count)
    x = y + 0.4 * rng.normal(size=challenges)[of] + 0.4 * rng.normal(size=count)
    return of, HeadFigures(x, Votes(np.arange(count).astype(str), y, None, None, "made", ""), None)


def covered(challenges: int, studies: int) -> dict[str, float]:
    """The share of studies whose interval holds the true figure."""
    truth = _truth()
    held: dict[str, list[bool]] = {name: [] for name in COVERED}
    for seed in range(studies):
        of, figures = made(np.random.default_rng([seed, challenges]), challenges, 8)
        whole, without = left_out_figures(figures, of)
        for place, name in enumerate(STATISTICS):
            if name in held:
                found = jackknife_interval(whole[place], without[:, place], challenges, KINDS[name])
                held[name].append(bool(found.low <= truth[name] <= found.high))
    return {name: float(np.mean(each)) for name, each in held.items()}


def _truth(images: int = 1_000_000) -> dict[str, float]:
    of, figures = made(np.random.default_rng(1), images // 5, 5)
    return dict(zip(STATISTICS, figures(np.ones(len(of))), strict=True))


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("STUDIES", nargs="?", type=int, default=400, help="of each size; 400 unless told")
    studies = arguments.parse_args().STUDIES
    print("challenges | " + " | ".join(COVERED))
    for challenges in CHALLENGES:
        shares = covered(challenges, studies)
        print(f"{challenges} | " + " | ".join(f"{shares[name]:.3f}" for name in COVERED), flush=True)


if __name__ == "__main__":
    main()
