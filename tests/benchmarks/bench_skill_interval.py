"""The interval of skill for people like these: how often it holds the truth, and how wide it is beside what it must be.

    python -m tests.benchmarks.bench_skill_interval [STUDIES [SIZE ...]]

Images have a quality q ~ N(0, 1). Evaluator e answers by the cuts -1.2, -.4, .4, 1.2 in g q + b + noise, with
g = exp(N(0, .2)), b = N(0, strictness) and noise of standard deviation s exp(N(0, .25)), s = .75, or 1.3 at 25 x 146;
the metric sees q + N(0, 1.2). The truth is the mean skill of many studies with other images and other people; a
half-width of 1 is 1.96 times their standard deviation.
"""

import time

import numpy as np

from calibration.core.crossvalidation import cross_validate
from calibration.metric.bootstrap import metric_intervals
from tests.benchmarks.arguments import parser
from tests.calibration.typed import scored

DRAWS = 300
SIZES = ((5, 300, 0.75), (5, 128, 0.75), (10, 300, 0.75), (25, 146, 1.3), (40, 400, 0.75))
STRICTNESS = (0.0, 0.4, 1.0)
_CUTS = np.array([-1.2, -0.4, 0.4, 1.2])


def study(
    rng: np.random.Generator, people: int, images: int, noise: float, strictness: float
) -> tuple[np.ndarray, np.ndarray]:
    """Scores, and ratings on the unit scale."""
    quality = rng.normal(size=images)
    gain, bias = np.exp(0.2 * rng.normal(size=people)), strictness * rng.normal(size=people)
    own = noise * np.exp(0.25 * rng.normal(size=people))
    answers = gain * quality[:, None] + bias + own * rng.normal(size=(images, people))
    return quality + 1.2 * rng.normal(size=images), np.digitize(answers, _CUTS) / 4


def row(people: int, images: int, noise: float, strictness: float, studies: int) -> tuple[float, ...]:
    """Truth, its standard deviation, coverage, and mean and 90th percentile of the half-width in its unit."""
    rng = np.random.default_rng([people, images, int(10 * strictness)])
    design = (people, images, noise, strictness)
    skills = [cross_validate(*study(rng, *design)).metric_skill for _ in range(max(1000, 2 * studies))]
    truth, spread = float(np.mean(skills)), float(np.std(skills))
    limits = []
    for number in range(studies):
        found = metric_intervals(scored(*study(rng, *design), draws=DRAWS, seed=number))
        assert found is not None
        limits.append(found.people_like_these["skill"])
    low, high = np.array(limits).T
    half = (high - low) / 2 / (1.96 * spread)
    return (
        truth,
        spread,
        float(((low <= truth) & (truth <= high)).mean()),
        float(half.mean()),
        float(np.quantile(half, 0.9)),
    )


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("STUDIES", nargs="?", type=int, default=400, help="how many are simulated; 400 unless told")
    places = ", ".join(f"{place} ({people} x {images})" for place, (people, images, _) in enumerate(SIZES))
    arguments.add_argument("SIZE", nargs="*", type=int, help=f"which sizes of studies: {places}; all unless told")
    given = arguments.parse_args()
    if any(place not in range(len(SIZES)) for place in given.SIZE):
        arguments.error(f"SIZE is a number below {len(SIZES)}")
    print(f"{given.STUDIES} studies each, {DRAWS} draws")
    print("people x images, strictness: truth (sd), coverage, half-width mean, 90th percentile")
    for people, images, noise in [SIZES[place] for place in given.SIZE] or SIZES:
        for strictness in STRICTNESS:
            start = time.perf_counter()
            truth, spread, held, mean, high = row(people, images, noise, strictness, given.STUDIES)
            print(
                f"{people} x {images}, {strictness:g}: {truth:.3f} ({spread:.3f})  {held:.3f}  {mean:.2f}  {high:.2f}"
                f"   {time.perf_counter() - start:.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
