"""Ways to turn scores into ratings, on unseen people and images: their skill, and the time of the whole table.

    python -m tests.benchmarks.bench_alternatives [STUDIES]

Simulated studies of five evaluators; the metric sees the quality with noise of the same size. Also tifa160, where the
folder `shared` is beside the checkout.
"""

import time
from pathlib import Path

import numpy as np
import pandas as pd

from calibration.metric.alternatives import compare_mappings
from calibration.scale import LIKERT
from tests.benchmarks.arguments import one_count
from tests.calibration.typed import scored


def study(rng: np.random.Generator, images: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores, and ratings on the unit scale."""
    quality = rng.normal(size=images)
    answers = 3 + rng.normal(0, 0.4, 5) + quality[:, None] + 0.75 * rng.normal(size=(images, 5))
    return quality + rng.normal(size=images), LIKERT.to_unit(np.clip(np.rint(answers), 1, 5))


def show(name: str, skills: dict[str, list[float]], seconds: float) -> None:
    print(f"{name:28}" + "".join(f"{np.mean(values):>12.3f}" for values in skills.values()) + f"{seconds:10.2f}")


def main() -> None:
    studies = one_count(__doc__, "STUDIES", 100, "how many studies are simulated")
    rng = np.random.default_rng(0)
    is_first = True
    for images in (64, 256, 1024):
        skills: dict[str, list[float]] = {}
        start = time.perf_counter()
        for _ in range(studies):
            for row in compare_mappings(scored(*study(rng, images))) or []:
                skills.setdefault(row["mapping"], []).append(row["skill"])
        if is_first:
            print(f"{'mean skill, seconds a table':28}" + "".join(f"{name[:11]:>12}" for name in skills))
            is_first = False
        show(f"5 x {images}, {studies} studies", skills, (time.perf_counter() - start) / studies)
    folder = Path(__file__).parents[3] / "shared" / "data" / "tifa160"
    if not folder.is_dir():
        return
    answers = pd.read_csv(folder / "ratings_as_published.csv").pivot(index="item", columns="worker_id", values="answer")
    table = pd.read_csv(folder / "scores.csv").pivot(index="item", columns="metric", values="score").loc[answers.index]
    prompts = pd.read_csv(folder / "items.csv").set_index("item").loc[answers.index, "prompt"]
    for metric in table:
        start = time.perf_counter()
        rows = compare_mappings(scored(table[metric].to_numpy(), LIKERT.to_unit(answers), clusters=prompts)) or []
        show(f"tifa160, {metric}"[:27], {row["mapping"]: [row["skill"]] for row in rows}, time.perf_counter() - start)


if __name__ == "__main__":
    main()
