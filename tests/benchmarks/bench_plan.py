"""The planner's promise: its power and widths against brute simulation of whole studies, and how long each takes.

    python -m tests.benchmarks.bench_plan [STUDIES]

A simulated study draws true scores, two metrics' scores and every evaluator's five-level ratings. Power: how often
Williams' test (Pearson) or the permutation test (Spearman, 399 permutations) finds the difference; a test against 0 is
SciPy's. Widths: from the 2.5th to the 97.5th percentile of a figure over studies.
"""

import time
from collections.abc import Iterator

import numpy as np
from scipy import stats

from calibration.bootstrap import _Study
from calibration.comparison.correlation_tests import williams
from calibration.comparison.permutation import permutation_both
from calibration.people.variance import intraclass_correlations, variance_components
from calibration.planning.model import latent_ratings
from calibration.planning.plan import plan_power, plan_width
from calibration.planning.study import PlannedStudy
from tests.benchmarks.arguments import one_count

SKEWED = (0.05, 0.1, 0.2, 0.35, 0.3)
POWER = (
    PlannedStudy(0.5, (0.55, 0.45), statistic="pearson"),
    PlannedStudy(0.5, (0.55, 0.45), between=0.55, statistic="pearson"),
    PlannedStudy(0.3, (0.7, 0.6), between=0.7, levels=SKEWED, statistic="pearson"),
    PlannedStudy(0.5, (0.55, 0.45)),
    PlannedStudy(0.5, (0.55, 0.45), between=0.65),
    PlannedStudy(0.3, (0.7, 0.6), between=0.7, levels=SKEWED),
    PlannedStudy(0.5, (0.2,)),
)
SIZES = ((3, 256), (5, 128), (5, 512), (5, 1024), (10, 512))
FIGURES = ("spearman", "pearson", "grade", "skill", "icc")
WIDTHS = (PlannedStudy(0.5, (0.55,)), PlannedStudy(0.35, (0.75,), levels=SKEWED))
SWAPS = 399
BLOCK = 2**20  # image-studies in memory at once


def simulated(study: PlannedStudy, people: int, images: int, studies: int, seed: int) -> Iterator[tuple]:
    """Scores, shape (studies, images, metrics), and ratings 0 to 4, shape (studies, images, people), in blocks."""
    rng = np.random.default_rng(seed)
    cuts, loading = latent_ratings(study.icc, study.levels)
    correlations = (1.0, *study.correlations)
    matrix = np.eye(len(correlations))
    matrix[0], matrix[:, 0] = correlations, correlations
    if len(correlations) == 3:
        matrix[1, 2] = matrix[2, 1] = study.together
    root = np.linalg.cholesky(matrix)
    size = max(1, BLOCK // (images * people))
    for start in range(0, studies, size):
        count = min(size, studies - start)
        drawn = rng.normal(size=(count, images, len(matrix))) @ root.T
        ratings = loading * drawn[..., :1] + np.sqrt(1 - loading**2) * rng.normal(size=(count, images, people))
        yield drawn[..., 1:], np.searchsorted(cuts, ratings)


def finds_difference(statistic: str, scores: np.ndarray, means: np.ndarray, seed: int) -> bool:
    """Whether the report's test, at 5 %, tells one study's two metrics apart, or its one metric from noise."""
    if scores.shape[1] == 1:
        return bool(stats.spearmanr(scores[:, 0], means).pvalue < 0.05)
    if statistic == "spearman":
        return permutation_both(scores[:, 0], scores[:, 1], means, permutations=SWAPS, seed=seed).p <= 0.05
    (_, a, b), (_, _, between), _ = np.corrcoef([means, scores[:, 0], scores[:, 1]])
    return williams(a, b, between, len(means))[1] < 0.05


def brute_power(study: PlannedStudy, people: int, images: int, studies: int) -> float:
    found = [
        finds_difference(study.statistic, x, y, seed)
        for scores, ratings in simulated(study, people, images, studies, seed=0)
        for seed, (x, y) in enumerate(zip(scores, ratings.mean(axis=2), strict=True))
    ]
    return float(np.mean(found))


def brute_widths(study: PlannedStudy, people: int, images: int, studies: int) -> dict[str, float]:
    values: dict[str, list[float]] = {figure: [] for figure in FIGURES}
    for scores, ratings in simulated(study, people, images, studies, seed=0):
        for x, y in zip(scores[..., 0], ratings / 4, strict=True):
            found = _Study(x, y, 1.0, "higher").statistics(np.ones((1, images)), np.ones((1, people)))
            for figure in ("spearman", "grade", "skill"):
                values[figure].append(float(found[figure][0]))
            values["pearson"].append(float(np.corrcoef(x, y.mean(axis=1))[0, 1]))
            values["icc"].append(intraclass_correlations(variance_components(y))["icc2"])
    return {name: float(np.ptp(np.quantile(each, [0.025, 0.975]))) for name, each in values.items()}


def main() -> None:
    studies = one_count(__doc__, "STUDIES", 1000, "how many studies are simulated")
    planned_seconds = brute_seconds = 0.0
    largest = 0.0
    print(f"power: the plan's, and the share of {studies} studies that find the difference")
    print(f"{'correlations':14}{'between':>8}{'icc':>5} {'statistic':10}{'people x images':>16}{'plan':>7}{'brute':>7}")
    for study in POWER:
        for people, images in SIZES:
            start = time.perf_counter()
            planned = float(plan_power(study, [people], [images])["power"].iloc[0])
            middle = time.perf_counter()
            brute = brute_power(study, people, images, studies)
            planned_seconds += middle - start
            brute_seconds += time.perf_counter() - middle
            largest = max(largest, abs(planned - brute))
            named = " ".join(f"{value:g}" for value in study.correlations)
            between = f"{study.together:.2f}" if len(study.correlations) == 2 else "-"
            print(
                f"{named:14}{between:>8}{study.icc:5.2g} {study.statistic:10}{f'{people} x {images}':>16}"
                f"{planned:7.3f}{brute:7.3f}",
                flush=True,
            )
    error = np.sqrt(0.25 / studies)
    print(f"largest difference {largest:.3f} (one simulated share's standard error is up to {error:.3f})")
    print(f"plan {planned_seconds:.1f} s, brute {brute_seconds:.0f} s: {brute_seconds / planned_seconds:.0f} times\n")
    print(f"widths: the plan's, the middle 95 % of {studies} simulated studies, their ratio")
    print(f"{'correlation, icc':18}{'people x images':>16}" + "".join(f"{name:>21}" for name in FIGURES))
    for study in WIDTHS:
        for people, images in SIZES:
            brute_width = brute_widths(study, people, images, studies)
            cells = ""
            for figure in FIGURES:
                width = float(plan_width(study, figure, [people], [images])["width"].iloc[0])
                cells += f"{width:8.3f}{brute_width[figure]:7.3f}{width / brute_width[figure]:6.2f}"
            print(f"{f'{study.correlations[0]:g}, {study.icc:g}':18}{f'{people} x {images}':>16}{cells}", flush=True)


if __name__ == "__main__":
    main()
