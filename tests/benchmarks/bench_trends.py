"""Do the dashboard's intervals hold what they are of: bands of trends, differences of two checkpoints, many runs' best?

    python -m tests.benchmarks.bench_trends bands [RUNS]
    python -m tests.benchmarks.bench_trends people [RUNS]
    python -m tests.benchmarks.bench_trends differences [RUNS]
    python -m tests.benchmarks.bench_trends thirty [RUNS]

A checkpoint's images are prompts x 2 seeds. Bands: a metric is N(0, .6) of the prompt plus N(0, .5) of the image, or
skewed: the exponential of that, or 1 in 20 prompts 6 lower, as where a face is not found; beside the dashboard's
band stands the percentile bootstrap of whole prompts. People: ratings in steps, N(0, .6) of the prompt, N(0, .4) of the
image, N(0, .2) of an evaluator's taste for the checkpoint, N(0, .7) of the rating, and a strictness N(0, .4) of the
evaluator, who rates three other checkpoints too; of half of the images where half is rated. Differences: two equal
checkpoints share half of a prompt's and a pair's part.
Thirty: three runs of ten checkpoints, as in bench_decision, all together.

README.md beside this has what came out.
"""

from collections.abc import Callable

import numpy as np

from calibration.core.resampling import Resampling, group_draws
from calibration.decision.best import best_checkpoint, part_of
from calibration.decision.sign_flips import sign_flips
from calibration.decision.slope import levelled
from study.dashboard.means import mean_of, people_means
from tests.benchmarks.arguments import parser

PROMPTS = (5, 10, 20, 50)
SEEDS = 2


def normal(rng: np.random.Generator, prompts: int) -> np.ndarray:
    """Values of prompts x seeds whose true mean is 0."""
    return rng.normal(0, 0.6, (prompts, 1)) + rng.normal(0, 0.5, (prompts, SEEDS))


def skewed(rng: np.random.Generator, prompts: int) -> np.ndarray:
    """The same through the exponential."""
    return np.exp(normal(rng, prompts)) - np.exp((0.6**2 + 0.5**2) / 2)


def failing(rng: np.random.Generator, prompts: int) -> np.ndarray:
    """The same, one prompt in twenty being far lower."""
    return normal(rng, prompts) - 6.0 * ((rng.random((prompts, 1)) < 0.05) - 0.05)


def bands(runs: int) -> None:
    """How often the band of a metric's mean holds the true mean, and a percentile bootstrap's."""
    kinds: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
        "normal": normal,
        "skewed": skewed,
        "failing": failing,
    }
    for name, draw in kinds.items():
        for prompts in PROMPTS:
            rng = np.random.default_rng([prompts, len(name)])
            clusters = np.repeat(np.arange(prompts), SEEDS)
            held, boot, widths = [], [], []
            for run in range(runs):
                values = draw(rng, prompts)
                figure = mean_of(values.ravel(), clusters)
                assert figure is not None
                held.append(figure[1] <= 0 <= figure[2])
                widths.append(figure[2] - figure[1])
                if run < runs // 4:  # a bootstrap takes longer
                    counts = group_draws(np.arange(prompts), Resampling(1000, run)).figures(lambda drawn: drawn)
                    low, high = np.quantile(counts @ values.mean(axis=1) / prompts, [0.025, 0.975])
                    boot.append(low <= 0 <= high)
            print(
                f"{name}, {prompts:2d} prompts, {runs:,} runs: band {np.mean(held):.1%} (mean width "
                f"{np.mean(widths):.2f}), percentile bootstrap {np.mean(boot):.1%}",
                flush=True,
            )


def people(runs: int) -> None:
    """How often the band of people's mean holds what people like these think, where all is rated and where half is."""
    for share in (1.0, 0.5):
        for evaluators in (3, 5, 8):
            for prompts in PROMPTS:
                rng = np.random.default_rng([prompts, evaluators, int(10 * share)])
                size = prompts * SEEDS
                of_prompt, of_checkpoint = (
                    np.tile(np.repeat(np.arange(prompts), SEEDS), 4),
                    np.repeat(np.arange(4), size),
                )
                held, widths = [], []
                for _ in range(runs):
                    common = rng.normal(0, 0.6, prompts)[of_prompt] + rng.normal(0, 0.4, 4 * size)
                    tastes = rng.normal(0, 0.2, (4, evaluators))[of_checkpoint] + rng.normal(0, 0.4, evaluators)
                    given = common[:, None] + tastes + rng.normal(0, 0.7, (4 * size, evaluators))
                    given[rng.random(4 * size) >= share] = np.nan
                    steps = levelled(given)
                    leniency = np.nanmean(given - steps, axis=0)
                    figure = people_means(steps, leniency, of_prompt, of_checkpoint).get(0)
                    if figure is not None and np.isfinite(figure[1]):
                        held.append(figure[1] <= 0 <= figure[2])
                        widths.append(figure[2] - figure[1])
                print(
                    f"{share:.0%} rated, {evaluators} evaluators, {prompts:2d} prompts, {len(held):,} of {runs:,} "
                    f"runs: band {np.mean(held):.1%} (mean width {np.mean(widths):.2f})",
                    flush=True,
                )


def differences(runs: int) -> None:
    """How often the interval of two equal checkpoints' difference holds 0."""
    for name, draw in (("normal", normal), ("skewed", skewed), ("failing", failing)):
        for prompts in (6, 10, 20, 50):
            rng = np.random.default_rng([prompts, len(name), 1])
            clusters = np.repeat(np.arange(prompts), SEEDS)
            held = []
            for run in range(runs):
                common = draw(rng, prompts)
                ours, theirs = (0.7 * common + 0.7 * draw(rng, prompts) for _ in range(2))
                low, high = sign_flips((ours - theirs).ravel(), clusters, run).interval()
                held.append(low <= 0 <= high)
            print(f"{name}, {prompts:2d} prompts, {runs:,} runs: holds it in {np.mean(held):.1%}", flush=True)


def thirty(runs: int) -> None:
    """How often the set of thirty checkpoints that may be the best holds the best one."""
    steps = np.tile(np.arange(10), 3)
    rise = np.repeat([-0.2, 0.0, -0.1], 10) - 0.012 * (steps - 6.0) ** 2
    for name, truth in (("all equal", np.zeros(30)), ("three humps", rise)):
        for prompts in PROMPTS:
            rng = np.random.default_rng([prompts, len(name), 2])
            held, sizes, covered = [], [], []
            best = np.flatnonzero(truth == truth.max())
            for run in range(runs):
                common = rng.normal(0, 0.7, (prompts, 1, 1)) + rng.normal(0, 0.5, (prompts, SEEDS, 1))
                own = rng.normal(0, 0.35, (prompts, 1, 30)) + rng.normal(0, 0.6, (prompts, SEEDS, 30))
                found = best_checkpoint([part_of((truth + common + own).mean(axis=1))], resampling=Resampling(500, run))
                held.append(np.isin(best, found.may_be_best).mean())
                sizes.append(len(found.may_be_best))
                covered.append(found.value_low <= truth[found.winner] <= found.value_high)
            print(
                f"{name}, {prompts:2d} prompts, {runs:,} runs: the set holds the best in {np.mean(held):.1%}, of mean "
                f"size {np.mean(sizes):.1f}; the winner's interval holds its value in {np.mean(covered):.1%}",
                flush=True,
            )


def main() -> None:
    """Run one of them."""
    kinds = {
        "bands": (bands, 4000),
        "people": (people, 400),
        "differences": (differences, 2000),
        "thirty": (thirty, 200),
    }
    arguments = parser(__doc__)
    arguments.add_argument("kind", choices=list(kinds))
    arguments.add_argument("runs", nargs="?", type=int, help="4,000 / 400 / 2,000 / 200 unless told")
    given = arguments.parse_args()
    command, count = kinds[given.kind]
    command(given.runs or count)


if __name__ == "__main__":
    main()
