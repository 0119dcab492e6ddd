"""The planner's promise: its power and widths against brute simulation of whole studies, and how long each takes.

    python -m tests.benchmarks.bench_plan [power | spread | report] [STUDIES]

A simulated study draws true scores, two metrics' scores and every evaluator's five-level ratings. Power: how often
Williams' test (Pearson) or the permutation test (Spearman, 399 permutations) finds the difference; a test against 0 is
SciPy's. Spread: the widths for these evaluators beside the 2.5th to the 97.5th percentile of a figure over studies.

Report: studies of evaluators whose answer is the level in which g_e q + b_e + N(0, .75) falls (cuts at -1.2, -.4, .4,
1.2), q ~ N(0, 1), b_e ~ N(0, strictness), g_e log-normal (.2), and a metric q + N(0, 1). The plan is made from a pilot
of 40 such evaluators and 2,000 images; the whole report of each study is made (100 draws), and the half-widths that it
shows are averaged. Judged: the share of reports that judge the metric; fewest: the least number that the plan names.
"""

import time
from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy import stats

from calibration.comparison.correlation_tests import williams
from calibration.comparison.permutation import permutation_both
from calibration.metric.bootstrap import _Study
from calibration.people.variance import intraclass_correlations, variance_components
from calibration.planning.model import latent_ratings
from calibration.planning.pilot import pilot_of
from calibration.planning.plan import plan_power, plan_width
from calibration.planning.simulated_reports import KINDS, fewest_judged
from calibration.planning.study import PlannedStudy
from calibration.report.build import calibrate
from calibration.settings import Settings
from tests.benchmarks.arguments import parser

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
REPORT_SIZES = ((5, 128), (5, 300), (10, 300), (25, 150))
STRICTNESS = (0.0, 0.4, 1.0)
CUTS = np.array([-1.2, -0.4, 0.4, 1.2])
DRAWS = 100
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
            found = _Study(x, y, 1.0, "higher").statistics(np.ones((1, images)), ranked=1)[0]
            for figure in ("spearman", "grade", "skill"):
                values[figure].append(float(found[figure][0]))
            values["pearson"].append(float(np.corrcoef(x, y.mean(axis=1))[0, 1]))
            values["icc"].append(intraclass_correlations(variance_components(y))["icc2"])
    return {name: float(np.ptp(np.quantile(each, [0.025, 0.975]))) for name, each in values.items()}


def tables(rng: np.random.Generator, people: int, images: int, strictness: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ratings and scores of a study that was not drawn from the planner's model."""
    quality = rng.normal(size=(images, 1))
    latent = np.exp(0.2 * rng.normal(size=people)) * quality + strictness * rng.normal(size=people)
    levels = np.digitize(latent + 0.75 * rng.normal(size=latent.shape), CUTS) + 1.0
    items = pd.Index([f"i{number:05d}" for number in range(images)], name="item")
    wide = pd.DataFrame(levels, index=items, columns=[f"e{number:02d}" for number in range(people)])
    ratings = wide.reset_index().melt("item", var_name="evaluator", value_name="rating").assign(task="look")
    scores = pd.DataFrame({"item": items, "metric": "m", "score": quality[:, 0] + rng.normal(size=images)})
    return ratings, scores


def report(studies: int) -> None:
    """The plan's half-widths beside those that reports show."""
    figures = ("spearman", "grade", "skill")
    print(f"half-widths: the plan's, the mean of {studies} reports (standard error), for these / people like these")
    print(f"{'strictness':>10}{'people x images':>17}" + "".join(f"{name:>50}" for name in (*figures, "icc")), end="")
    print(f"{'judged':>9}{'fewest':>8}")
    for strictness in STRICTNESS:
        rng = np.random.default_rng(5)
        study = pilot_of(*tables(rng, 40, 2000, strictness)).study
        for people, images in REPORT_SIZES:
            shown: dict[tuple[str, str], list[float]] = {}
            judged = 0
            for _ in range(studies):
                task = calibrate(*tables(rng, people, images, strictness), Settings(draws=DRAWS)).report["tasks"][
                    "look"
                ]
                metric = task["metrics"]["m"]
                judged += metric["verdict"]["kind"] != "unknown"
                for kind in KINDS:
                    for name in figures:
                        shown.setdefault((name, kind), []).append(_half(metric["intervals"][kind][name]))
                    shown.setdefault(("icc", kind), []).append(_half(task["agreement"]["intervals"][kind]["icc2"]))
            cells = ""
            for name in (*figures, "icc"):
                of = []
                for kind in KINDS:
                    planned = float(plan_width(study, name, [people], [images], kind)["width"].iloc[0]) / 2
                    found = np.array(shown[name, kind])
                    of.append(f"{planned:.3f} {found.mean():.3f} ({found.std() / np.sqrt(len(found)):.3f})")
                cells += f"{' / '.join(of):>50}"
            size, fewest = f"{people} x {images}", fewest_judged(study, people)
            print(f"{strictness:>10g}{size:>17}{cells}{judged / studies:>9.3f}{fewest:>8.0f}", flush=True)


def _half(interval: tuple[float | None, float | None]) -> float:
    low, high = interval
    return float("nan") if low is None or high is None else (high - low) / 2


def power(studies: int) -> None:
    """The plan's power beside the share of studies that find the difference."""
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
    print(f"plan {planned_seconds:.1f} s, brute {brute_seconds:.0f} s: {brute_seconds / planned_seconds:.0f} times")


def widths(studies: int) -> None:
    """The plan's widths beside how far figures spread."""
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


def main() -> None:
    parts = {"power": power, "spread": widths, "report": report}
    arguments = parser(__doc__)
    arguments.add_argument("part", nargs="?", choices=parts, default="power", help="power unless told")
    arguments.add_argument(
        "studies", nargs="?", type=int, default=1000, help="how many are simulated; 1000 unless told"
    )
    asked = arguments.parse_args()
    parts[asked.part](asked.studies)


if __name__ == "__main__":
    main()
