"""How time, memory and the page of a whole report grow with images, metrics and people.

    python -m tests.benchmarks.bench_growth [images] [metrics] [people]

Each study is written as CSV files, then read, judged with 1,000 draws and made into a page in a process of its own.
Beside each figure stands the exponent of its growth since the row before: 1 is linear. Without arguments all three are
measured.
"""

import multiprocessing
import resource
import time
from math import log
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import pandas as pd

from calibration.page.html import render_html
from calibration.pipeline import calibrate_files
from tests.benchmarks.arguments import parser

SIZES = {
    "images": [(12_500, 5, 1), (25_000, 5, 1), (50_000, 5, 1), (100_000, 5, 1), (200_000, 5, 1)],
    "metrics": [(200, 5, 20), (200, 5, 75), (200, 5, 300)],
    "people": [(1500, 30, 1), (1500, 60, 1), (1500, 120, 1), (1500, 240, 1), (1500, 1000, 1)],
}
RATINGS_AN_IMAGE = 17
"""With more people than these each image is rated by about so many."""


class Cost(NamedTuple):
    """Seconds on the clock and of the processors, GiB at most, and the page's megabytes."""

    wall: float
    cpu: float
    memory: float
    page: float


def write_study(folder: Path, images: int, people: int, metrics: int) -> None:
    """Ratings and scores of images whose quality is normal, as CSV."""
    rng = np.random.default_rng(images + people + metrics)
    quality = rng.normal(size=images)
    items = [f"i{number:06d}" for number in range(images)]
    answers = np.digitize(quality[:, None] + 0.75 * rng.normal(size=(images, people)), [-1.2, -0.4, 0.4, 1.2]) + 1
    rated = rng.random(answers.shape) < min(1.0, RATINGS_AN_IMAGE / people)
    rows, columns = np.nonzero(rated)
    ratings = {"item": np.take(items, rows), "evaluator": [f"e{column:04d}" for column in columns]}
    pd.DataFrame(ratings | {"rating": answers[rated]}).to_csv(folder / "ratings.csv", index=False)
    noise = np.exp(rng.normal(size=metrics))
    scores = {f"m{number:03d}": quality + noise[number] * rng.normal(size=images) for number in range(metrics)}
    pd.DataFrame({"item": items} | scores).to_csv(folder / "scores.csv", index=False)


def cost_of_report(folder: str) -> Cost:
    """What the report of a folder takes; to be called in a process of its own."""
    started = time.perf_counter()
    page = render_html(calibrate_files(Path(folder) / "ratings.csv", Path(folder) / "scores.csv"))
    used = resource.getrusage(resource.RUSAGE_SELF)
    wall = time.perf_counter() - started
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 2**20, len(page.encode()) / 1e6)


def measured(images: int, people: int, metrics: int) -> Cost:
    """The cost of a study's report, in a new process."""
    with TemporaryDirectory() as folder:
        write_study(Path(folder), images, people, metrics)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.apply(cost_of_report, (folder,))


def main() -> None:
    given = parser(__doc__)
    given.add_argument("kinds", nargs="*", metavar="KIND", help="images, metrics or people; all unless given")
    kinds = given.parse_args().kinds or list(SIZES)
    if unknown := set(kinds) - set(SIZES):
        given.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(SIZES)}")
    for kind in kinds:
        print(f"\ngrowing in {kind}:   seconds       of processors         GiB          MB of page")
        before: tuple[int, Cost] | None = None
        for images, people, metrics in SIZES[kind]:
            size = {"images": images, "people": people, "metrics": metrics}[kind]
            cost = measured(images, people, metrics)
            grown = [""] * 4
            if before is not None:
                step = log(size / before[0])
                grown = [f"^{log(now / then) / step:.2f}" for now, then in zip(cost, before[1], strict=True)]
            columns = "".join(f"{value:10.2f} {power:6}" for value, power in zip(cost, grown, strict=True))
            print(f"{images:>8,} x {people:>5,} x {metrics:>3} {columns}", flush=True)
            before = size, cost


if __name__ == "__main__":
    main()
