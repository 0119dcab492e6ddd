"""How often PERM-BOTH finds a difference between two equally good metrics, and how long it takes.

    python -m tests.benchmarks.bench_metric_comparison [STUDIES]

People and both metrics see an image's quality with noise of their own; the metrics' noise is of one size. Half of each
metric's noise is common to the images of a prompt, or of a model, in the studies that say so (32 prompts x 4 models).
At 5 % a test should find a difference in 4 to 6 of 100 such studies; where what it swaps does not hold together what
the metrics' noise does, it finds more. The rows with 1.3 times the noise show the power.
"""

import time

import numpy as np
from scipy import stats

from calibration.comparison.correlation_tests import williams
from calibration.comparison.permutation import permutation_both
from tests.benchmarks.arguments import one_count

PROMPTS, MODELS = 32, 4
ITEMS = PROMPTS * MODELS
PERMUTATIONS = 199  # (1 + PERMUTATIONS) / 20 is whole: the level can be met exactly
PROMPT, MODEL = np.repeat(np.arange(PROMPTS), MODELS), np.tile(np.arange(MODELS), PROMPTS)


def noise(rng: np.random.Generator, common: np.ndarray | None) -> np.ndarray:
    """With variance 1, half of it common to the images of a group."""
    own = rng.normal(size=ITEMS)
    return own if common is None else (own + rng.normal(size=ITEMS)[common]) / np.sqrt(2)


def study(
    rng: np.random.Generator, common: np.ndarray | None, worse: float = 1.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    quality = noise(rng, common)
    people = np.round(4 * (quality + 0.5 * rng.normal(size=ITEMS))) / 4
    return quality + noise(rng, common), quality + worse * noise(rng, common), people


def spearman_williams(a: np.ndarray, b: np.ndarray, people: np.ndarray) -> float:
    a, b, people = (stats.rankdata(each) for each in (a, b, people))
    r = np.corrcoef([people, a, b])
    return williams(r[0, 1], r[0, 2], r[1, 2], ITEMS)[1]


def found(studies: int, shared: str, test: str, worse: float = 1.0, statistic: str = "spearman") -> float:
    """In which share of the studies the test finds a difference at 5 %."""
    rng, count = np.random.default_rng(0), 0
    common = {"prompt": PROMPT, "model": MODEL}.get(shared)
    clusters, models = {"prompts": (PROMPT, None), "prompts x models": (PROMPT, MODEL)}.get(test, (None, None))
    for number in range(studies):
        a, b, people = study(rng, common, worse)
        if test == "Williams":
            p = spearman_williams(a, b, people)
        else:
            p = permutation_both(a, b, people, clusters, models, statistic, PERMUTATIONS, number).p
        count += p <= 0.05
    return count / studies


def by_loop(a: np.ndarray, b: np.ndarray, people: np.ndarray, permutations: int) -> float:
    """PERM-BOTH with two calls of SciPy for every permutation."""
    a, b = stats.zscore(a), stats.zscore(b)
    rng = np.random.default_rng(0)
    observed = abs(stats.spearmanr(a, people).statistic - stats.spearmanr(b, people).statistic)
    extreme = 0
    for _ in range(permutations):
        swapped = rng.random(len(a)) < 0.5
        first, second = np.where(swapped, b, a), np.where(swapped, a, b)
        delta = stats.spearmanr(first, people).statistic - stats.spearmanr(second, people).statistic
        extreme += abs(delta) >= observed
    return (1 + extreme) / (1 + permutations)


def timing() -> None:
    rng = np.random.default_rng(1)
    quality = rng.normal(size=1024)
    a, b, people = quality + rng.normal(size=1024), quality + 1.2 * rng.normal(size=1024), quality
    seconds = []
    for test in (lambda: permutation_both(a, b, people).p, lambda: by_loop(a, b, people, 1000)):
        test_seconds = []
        for _ in range(3):
            start = time.perf_counter()
            p = test()
            test_seconds.append(time.perf_counter() - start)
        seconds.append(min(test_seconds))
        print(f"  p = {p:.4f} in {1000 * seconds[-1]:7.1f} ms")
    ratio = seconds[1] / seconds[0]
    print(f"1,000 permutations at 1,024 images, against a loop over scipy.stats.spearmanr: {ratio:.0f} x")


def main() -> None:
    studies = one_count(__doc__, "STUDIES", 2000, "how many studies are simulated")
    error = np.sqrt(0.05 * 0.95 / studies)
    print(f"differences found at 5 % in {studies} studies of {ITEMS} images (standard error {error:.4f})")
    print(f"{'metrics':15}{'noise common to':18}{'correlation':13}{'test swaps':20}found")
    for shared, test, worse, statistic in (
        ("nothing", "images", 1.0, "spearman"),
        ("nothing", "images", 1.0, "pearson"),
        ("nothing", "Williams", 1.0, "spearman"),
        ("prompt", "prompts", 1.0, "spearman"),
        ("prompt", "prompts", 1.0, "pearson"),
        ("prompt", "images", 1.0, "spearman"),
        ("prompt", "Williams", 1.0, "spearman"),
        ("prompt", "prompts x models", 1.0, "spearman"),
        ("nothing", "prompts x models", 1.0, "spearman"),
        ("model", "prompts x models", 1.0, "spearman"),
        ("model", "prompts", 1.0, "spearman"),
        ("nothing", "images", 1.3, "spearman"),
        ("nothing", "Williams", 1.3, "spearman"),
        ("prompt", "prompts", 1.3, "spearman"),
    ):
        share = found(studies, shared, test, worse, statistic)
        kind = "equally good" if worse == 1 else f"noise {worse} x"
        print(f"{kind:15}{shared:18}{statistic:13}{test:20}{share:.3f}", flush=True)
    timing()


if __name__ == "__main__":
    main()
