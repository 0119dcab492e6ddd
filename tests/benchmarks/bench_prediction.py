"""How often the sets and intervals of predicted ratings hold what they say, in simulated studies.

    python -m tests.benchmarks.bench_prediction [STUDIES]

Images have a quality q ~ N(0, 1); evaluator e answers round(3 + b_e + q + noise), clipped to 1..5, with b_e ~ N(0, .4)
and noise ~ N(0, s_e), s_e uniform from .5 to 1; the metric sees q + N(0, 1). A predictor is fitted on each study and
tried on 200 new people with 200 new images each, and on 2,000 new images rated by the study's own evaluators (the
interval of their mean rating). With prompts, four images each share half of the metric's error.
"""

import time

import numpy as np

from calibration.prediction.predictor import fit_predictor
from tests.benchmarks.arguments import one_count
from tests.calibration.typed import scored

SIZES = ((5, 128, 1), (5, 1024, 1), (5, 1024, 4), (3, 256, 1), (10, 256, 1))


class People:
    """Evaluators with a bias and a noise each."""

    def __init__(self, rng: np.random.Generator, count: int):
        self.bias, self.noise = rng.normal(0, 0.4, count), rng.uniform(0.5, 1, count)

    def rate(self, rng: np.random.Generator, quality: np.ndarray) -> np.ndarray:
        answers = 3 + self.bias + quality[:, None] + rng.normal(size=(len(quality), len(self.bias))) * self.noise
        return np.clip(np.rint(answers), 1, 5)


def scores_of(rng: np.random.Generator, quality: np.ndarray, size: int) -> np.ndarray:
    shared = np.repeat(rng.normal(size=-(-len(quality) // size)), size)[: len(quality)]
    part = np.sqrt(0.5) if size > 1 else 0.0
    return quality + part * shared + np.sqrt(1 - part**2) * rng.normal(size=len(quality))


def one(rng: np.random.Generator, people: int, images: int, size: int) -> tuple[float, float, float, float]:
    """Shares of new people's ratings and of mean ratings that are held; mean set size; mean interval width."""
    panel = People(rng, people)
    quality = rng.normal(size=images)
    clusters = np.arange(images) // size
    predictor = fit_predictor(
        scored(
            scores_of(rng, quality, size),
            (panel.rate(rng, quality) - 1) / 4,
            "higher",
            clusters=clusters,
            seed=int(rng.integers(2**31)),
        )
    )
    assert predictor is not None
    others = People(rng, 200)
    new = rng.normal(size=200)
    answers = others.rate(rng, new)
    table = predictor.predict(scores_of(rng, new, size))
    low, high = table["low"].to_numpy()[:, None], table["high"].to_numpy()[:, None]
    held = np.mean((answers >= low) & (answers <= high))
    more = rng.normal(size=2000)
    means = panel.rate(rng, more).mean(axis=1)
    again = predictor.predict(scores_of(rng, more, size))
    inside = np.mean((means >= again["mean_low"]) & (means <= again["mean_high"]))
    return float(held), float((high - low + 1).mean()), float(inside), float((again.mean_high - again.mean_low).mean())


def main() -> None:
    studies = one_count(__doc__, "STUDIES", 200, "how many studies are simulated")
    print(f"{studies} studies each; 0.9 is said; +- is the standard error of the mean share")
    print(
        f"{'evaluators x images':26}{'new person held':>20}{'levels in set':>15}{'mean held':>18}{'width':>8}{'s':>7}"
    )
    for people, images, size in SIZES:
        rng = np.random.default_rng(0)
        start = time.perf_counter()
        found = np.array([one(rng, people, images, size) for _ in range(studies)])
        mean, error = found.mean(axis=0), found.std(axis=0) / np.sqrt(studies)
        name = f"{people} x {images}" + (f", {size} a prompt" if size > 1 else "")
        print(
            f"{name:26}{mean[0]:13.3f} +-{error[0]:.3f}{mean[1]:15.2f}{mean[2]:11.3f} +-{error[2]:.3f}{mean[3]:8.2f}"
            f"{time.perf_counter() - start:7.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
