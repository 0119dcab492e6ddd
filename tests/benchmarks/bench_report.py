"""Speed and memory of the judgement: against other tools in the same run, and for large studies.

    python -m tests.benchmarks.bench_report [DRAWS]

1,024 images x 5 evaluators x 10 metrics with the crossed protocol and DRAWS (10,000) draws that refit the mapping;
agreement at 10^5 and 10^6 images against krippendorff and pingouin; the bootstrap against a loop over SciPy; and all
point estimates of 10^6 images, with the most memory that the process had.
"""

import resource
import time
from collections.abc import Callable

import krippendorff
import numpy as np
import pandas as pd
import pingouin
from scipy import stats

from calibration.core.crossvalidation import cross_validate, cross_validate_on_new_items
from calibration.core.grades import Array, evaluator_grades, sample_scores
from calibration.core.item_folds import item_folds
from calibration.core.ratings import ScoredTask
from calibration.metric.baselines import RandomScores, baselines
from calibration.metric.bootstrap import metric_intervals
from calibration.metric.same_target import EvaluatorsAsMetrics
from calibration.people.agreement import correlations, krippendorff_alpha
from calibration.people.concordance import kendalls_w
from calibration.people.variance import intraclass_correlations, variance_components
from tests.benchmarks.arguments import one_count
from tests.calibration.typed import rated, scored


def study(images: int, people: int = 5, seed: int = 0) -> tuple[Array, Array]:
    """Scores, and ratings on the unit scale."""
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=images)
    answers = 2 + quality[:, None] + rng.normal(size=(images, people))
    return quality + rng.normal(size=images), np.clip(np.rint(answers), 0, 4) / 4


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def everything(images: int) -> None:
    """Every point estimate that does not draw anything."""
    scores, ratings = study(images)
    for level in ("nominal", "ordinal", "interval"):
        krippendorff_alpha(ratings, level)  # type: ignore[arg-type]
    components = variance_components(ratings)
    assert components is not None
    intraclass_correlations(components)
    kendalls_w(ratings)
    evaluator_grades(ratings)
    correlations(scores, sample_scores(ratings))
    cross_validate(scores, ratings)


def crossed(draws: int) -> None:
    """Cross-validation, the crossed protocol, baselines and intervals of ten metrics."""
    _, ratings = study(1024)
    folds, by_chance = item_folds(np.arange(1024)), RandomScores(rated(ratings))
    people = rated(ratings, draws=draws)
    as_metrics = EvaluatorsAsMetrics(people)
    for seed in range(10):
        task = ScoredTask.of(study(1024, seed=seed)[0], people)
        result = cross_validate(task.scores, ratings)
        baselines(task, result, by_chance)
        cross_validate_on_new_items(task.scores, ratings, folds)
        as_metrics.compare(task)
        metric_intervals(task)


def loop_over_scipy(scores: Array, target: Array, draws: int) -> None:
    rng = np.random.default_rng(0)
    for _ in range(draws):
        rows = rng.integers(0, len(scores), len(scores))
        stats.spearmanr(scores[rows], target[rows])


def main() -> None:
    draws = one_count(__doc__, "DRAWS", 10_000, "how many draws")
    print("10^6 x 5, all point estimates ", end="", flush=True)
    print(f"{seconds(lambda: everything(10**6)):8.1f} s", end="")
    print(f"   most memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")
    print(f"1,024 x 5 x 10 metrics, {draws:,} draws {seconds(lambda: crossed(draws)):8.1f} s")
    scores, ratings = study(1024)
    ours = seconds(lambda: metric_intervals(scored(scores, ratings, draws=1000)))
    theirs = seconds(lambda: loop_over_scipy(scores, sample_scores(ratings), 1000))
    print(f"1,000 draws: 8 figures with refitting {ours:.2f} s, SciPy's Spearman alone {theirs:.2f} s", end="")
    print(f"   ratio {theirs / ours:.1f}")
    for images in (10**5, 10**6):
        _, ratings = study(images)
        ours = seconds(lambda ratings=ratings: krippendorff_alpha(ratings, "ordinal"))
        theirs = seconds(
            lambda ratings=ratings: krippendorff.alpha(reliability_data=ratings.T, level_of_measurement="ordinal")
        )
        print(f"alpha, {images:>9,} images {ours:8.3f} s, krippendorff {theirs:8.3f} s   ratio {theirs / ours:.1f}")
        table = pd.DataFrame(ratings).melt(ignore_index=False).reset_index()
        ours = seconds(lambda ratings=ratings: variance_components(ratings))
        theirs = seconds(
            lambda table=table: pingouin.intraclass_corr(table, targets="index", raters="variable", ratings="value")
        )
        print(f"ICC,   {images:>9,} images {ours:8.3f} s, pingouin     {theirs:8.3f} s   ratio {theirs / ours:.1f}")


if __name__ == "__main__":
    main()
