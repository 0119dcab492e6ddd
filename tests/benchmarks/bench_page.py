"""How large the report's page is, and how long it takes to make.

    python -m tests.benchmarks.bench_page

For tifa160 (800 images, 5 evaluators, 13 metrics), where the real data are beside the checkout, and for a simulated
study with many metrics. The second time is that of the same page once more, with matplotlib loaded.
"""

import re
import time

import numpy as np
import pandas as pd

from calibration.page.html import render_html
from calibration.pipeline import calibrate_files, calibrate_tables
from calibration.report.build import Calibration
from calibration.settings import Reading, Settings
from tests.benchmarks.arguments import ROOT, parser


def tifa160() -> Calibration | None:
    data = ROOT.parent / "shared" / "data" / "tifa160"
    if not data.is_dir():
        return None
    reading = Reading(map="evaluator=worker_id,rating=answer", task="alignment")
    return calibrate_files(data / "ratings_as_published.csv", data / "scores.csv", data / "items.csv", reading=reading)


def simulated(images: int = 300, people: int = 20, metrics: int = 40) -> Calibration:
    rng = np.random.default_rng(0)
    quality = rng.normal(size=images)
    items = [f"image-{number:04d}" for number in range(images)]
    answers = 3 + np.repeat(quality, people) + rng.normal(size=images * people)
    ratings = pd.DataFrame(
        {
            "item": np.repeat(items, people),
            "evaluator": np.tile([f"evaluator-{number:02d}" for number in range(people)], images),
            "rating": np.clip(np.rint(answers), 1, 5).astype(int),
        }
    )
    scores = {
        f"metric-{number:02d}": quality + (1 + number / 10) * rng.normal(size=images) for number in range(metrics)
    }
    return calibrate_tables(ratings, pd.DataFrame({"item": items} | scores), settings=Settings(draws=0))


def main() -> None:
    parser(__doc__).parse_args()
    print(f"{'study':34}{'page':>10}{'figures':>10}{'dots':>8}{'first':>8}{'again':>8}")
    for name, calibration in (("tifa160, 13 metrics", tifa160()), ("simulated, 40 metrics x 20 people", simulated())):
        if calibration is None:
            continue
        seconds = []
        for _ in range(2):
            start = time.perf_counter()
            page = render_html(calibration)
            seconds.append(time.perf_counter() - start)
        figures = sum(len(figure.encode()) for figure in re.findall("<svg.*?</svg>", page, re.DOTALL))
        sizes = f"{len(page.encode()) / 1e3:>7.0f} kB{figures / 1e3:>7.0f} kB{page.count('h.01'):>8,}"
        print(f"{name:34}{sizes}{seconds[0]:>6.2f} s{seconds[1]:>6.2f} s")


if __name__ == "__main__":
    main()
