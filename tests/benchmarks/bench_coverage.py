"""How often the report's 95 % intervals hold what they say, in simulated studies.

    python -m tests.benchmarks.bench_coverage [STUDIES [SIZE ...]]

Images have a quality q ~ N(0, 1); evaluator e answers round(3 + b_e + q + noise), clipped to 1..5, with b_e ~ N(0, .4)
and noise ~ N(0, s_e), s_e uniform from .5 to 1; the metric sees q + N(0, 1). What an interval is about is the figure's
mean over many such studies: with the same evaluators for 'these evaluators', with new ones for 'people like these'.
"""

import time
from collections.abc import Callable

import numpy as np
from scipy import stats

from calibration.comparison.pair_intervals import pair_intervals
from calibration.comparison.pairwise_accuracy import cross_validated_accuracy
from calibration.core.crossvalidation import CrossValidation, cross_validate, cross_validate_on_new_items
from calibration.core.item_folds import item_folds
from calibration.core.resampling import given_draws
from calibration.metric.bootstrap import _Study, metric_intervals
from calibration.people.agreement_intervals import _Agreement, agreement_intervals
from calibration.people.pair_grades import PairGrades
from calibration.people.worth_intervals import _Noise, worth_intervals
from tests.benchmarks.arguments import parser
from tests.calibration.typed import rated, scored

DRAWS = 300
KINDS = ("these", "people_like_these")
SIZES = ((5, 128), (5, 1024), (10, 1024))
NAMES = (
    *("spearman", "grade", "skill", "person_skill", "advantage", "unseen_skill", "rater_equivalents"),
    *("pearson", "kendall", "pairwise_accuracy", "kappa"),
    *("ordinal", "icc2", "icc2k", "kendall_w", "split_half", "spearman_brown", "mean_of_others", "weighted_kappa"),
)


class People:
    """Evaluators with a bias and a noise each."""

    def __init__(self, rng: np.random.Generator, count: int):
        self.bias, self.noise = rng.normal(0, 0.4, count), rng.uniform(0.5, 1, count)

    def study(self, rng: np.random.Generator, images: int) -> tuple[np.ndarray, np.ndarray]:
        """Scores, and ratings on the unit scale."""
        quality = rng.normal(size=images)
        answers = 3 + self.bias + quality[:, None] + rng.normal(size=(images, len(self.bias))) * self.noise
        return quality + rng.normal(size=images), (np.clip(np.rint(answers), 1, 5) - 1) / 4


def figures(scores: np.ndarray, ratings: np.ndarray) -> dict[str, float]:
    everyone = np.ones((1, len(scores)))
    found, _ = _Study(scores, ratings, 1.0, "higher").statistics(everyone)
    found |= _Agreement(ratings, ratings.shape[1], 1.0, 0, PairGrades(ratings)).statistics(everyone)
    found |= _Noise(ratings, given_draws(everyone)).worth(scores)
    values = {name: float(value[0]) for name, value in found.items()} | of_metric(scores, ratings)[0]
    return {name: values[name] for name in NAMES}


def of_metric(scores: np.ndarray, ratings: np.ndarray) -> tuple[dict[str, float], CrossValidation]:
    """The figures that the report's bootstrap does not refit."""
    result, target = cross_validate(scores, ratings), ratings.mean(axis=1)
    folds = item_folds(np.arange(len(scores)))
    values = {
        "kendall": float(stats.kendalltau(scores, target).statistic),
        "pairwise_accuracy": cross_validated_accuracy(scores, target).accuracy,
        "unseen_skill": cross_validate_on_new_items(scores, ratings, folds).metric_skill,
    }
    return values, result


def intervals(scores: np.ndarray, ratings: np.ndarray, seed: int) -> dict[str, dict[str, tuple[float, float]]]:
    metric = metric_intervals(scored(scores, ratings, draws=DRAWS, seed=seed))
    agreement = agreement_intervals(rated(ratings, draws=DRAWS, seed=seed))
    worth = worth_intervals(scored(scores, ratings, draws=DRAWS, seed=seed))
    assert metric is not None and agreement is not None and worth is not None
    values, result = of_metric(scores, ratings)
    accuracy = cross_validated_accuracy(scores, ratings.mean(axis=1))
    pairs = pair_intervals(scored(scores, ratings, draws=DRAWS, seed=seed), accuracy)
    assert pairs is not None
    found = {kind: getattr(metric, kind) | agreement[kind] | worth[kind] | pairs[kind] for kind in KINDS}
    optimism = result.metric_skill - values["unseen_skill"]
    for known in found.values():
        known["unseen_skill"] = tuple(limit - optimism for limit in known["skill"])
    return found


def coverage(count: int, images: int, studies: int) -> dict[str, dict[str, float]]:
    """The share of intervals that hold, by kind; those over images alone also where other people are asked about."""
    rng = np.random.default_rng(0)
    panels = [People(rng, count) for _ in range(10)]
    kinds: dict[str, Callable[[int], People]] = {
        "these": lambda number: panels[number % len(panels)],
        "people_like_these": lambda number: People(rng, count),
    }
    shares = {}
    for kind, people in kinds.items():
        cells = len(panels) if kind == "these" else 1
        sums = [dict.fromkeys(NAMES, 0.0) for _ in range(cells)]
        many = 200 * cells if kind == "these" else 2000
        for number in range(many):
            for name, value in figures(*people(number).study(rng, images)).items():
                sums[number % cells][name] += value * cells / many
        held = {asked: dict.fromkeys(NAMES, 0) for asked in ((kind,) if kind == "these" else KINDS)}
        for number in range(studies):
            found = intervals(*people(number).study(rng, images), number)
            for asked, holds in held.items():
                for name in NAMES:
                    low, high = found[asked][name]
                    holds[name] += low <= sums[number % cells][name] <= high
        for asked, holds in held.items():
            words = asked if asked == kind else "people like these, images alone drawn"
            shares[words] = {name: value / studies for name, value in holds.items()}
    return shares


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("STUDIES", nargs="?", type=int, default=400, help="how many are simulated; 400 unless told")
    places = ", ".join(f"{place} ({people} x {images})" for place, (people, images) in enumerate(SIZES))
    arguments.add_argument("SIZE", nargs="*", type=int, help=f"which sizes of studies: {places}; all unless told")
    given = arguments.parse_args()
    if any(place not in range(len(SIZES)) for place in given.SIZE):
        arguments.error(f"SIZE is a number below {len(SIZES)}")
    studies, sizes = given.STUDIES, [SIZES[place] for place in given.SIZE] or SIZES
    error = np.sqrt(0.95 * 0.05 / studies)
    print(f"share of {studies} studies whose interval holds (0.95 is said; its standard error is {error:.3f})")
    for count, images in sizes:
        start = time.perf_counter()
        for kind, shares in coverage(count, images, studies).items():
            print(f"{count} x {images}, {kind.replace('_', ' ')}")
            print("".join(f"  {name} {shares[name]:.3f}" for name in NAMES))
        print(f"  {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
