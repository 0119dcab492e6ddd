"""How often the gate alarms where nothing changed, what it finds, and whether the set holds the best checkpoint.

    python -m tests.benchmarks.bench_decision alarms [RUNS]
    python -m tests.benchmarks.bench_decision power [RUNS]
    python -m tests.benchmarks.bench_decision best [RUNS]

Images of a checkpoint are prompts x 2 seeds. Their quality, in steps of people's scale, is N(0, .5) of the prompt plus
N(0, .35) of the pair, which two checkpoints share, plus N(0, .5) of the image. A metric correlates .6 with people's
opinion of an image (its deviation .8); .36 of its noise's variance is shared by the two images of a pair.
The slope on people is fitted in each run on a study of 320 other images and five evaluators (noise .9, strictness .4).
"""

import numpy as np

from calibration.core.resampling import Resampling
from calibration.decision.best import best_checkpoint, part_of
from calibration.decision.gate import Pairs, gate
from calibration.decision.sign_flips import sign_flips
from calibration.decision.slope import slope_on_people
from tests.benchmarks.arguments import parser

R, SPREAD = 0.6, 0.8


def score(rng: np.random.Generator, quality: np.ndarray, shared: np.ndarray | None = None) -> np.ndarray:
    """A metric that correlates .6 with quality; `shared` is a pair's part of its noise."""
    noise = rng.normal(size=quality.shape)
    if shared is not None:
        noise = 0.6 * shared + 0.8 * noise
    return quality / SPREAD * R + np.sqrt(1 - R**2) * noise


def pairs_of(rng: np.random.Generator, prompts: int, drop: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The metric's scores of candidate and baseline, and the prompts."""
    common = np.repeat(rng.normal(0, 0.5, prompts), 2) + rng.normal(0, 0.35, 2 * prompts)
    shared = rng.normal(size=2 * prompts)
    candidate = score(rng, common - drop + rng.normal(0, 0.5, 2 * prompts), shared)
    baseline = score(rng, common + rng.normal(0, 0.5, 2 * prompts), shared)
    return candidate, baseline, np.repeat(np.arange(prompts), 2)


def alarms(runs: int) -> None:
    """Sign flips where nothing changed: one-sided alarms at .05, and how often the 95 % interval holds 0."""
    for prompts in (6, 10, 20, 50):
        rng = np.random.default_rng(prompts)
        alarm = covered = 0
        for run in range(runs):
            candidate, baseline, prompt = pairs_of(rng, prompts, 0)
            flips = sign_flips(candidate - baseline, prompt, seed=run)
            low, high = flips.interval()
            alarm += flips.p_below() < 0.05
            covered += low <= 0 <= high
        error = 1.96 * np.sqrt(0.05 * 0.95 / runs)
        print(
            f"{prompts:3d} prompts x 2 seeds, {runs:,} runs: alarms {alarm / runs:.2%} (5 % +- {error:.2%}), "
            f"interval holds 0 in {covered / runs:.2%}",
            flush=True,
        )


def power(runs: int) -> None:
    """What the gate answers at true drops, with people's points from a slope that is estimated in each run."""
    for prompts in (10, 20, 50, 100):
        for drop in (0.0, 0.15, 0.3, 0.45):
            rng = np.random.default_rng([prompts, round(100 * drop)])
            answers, covered, in_points, estimates, numbers = [], 0, 0, [], []
            for run in range(runs):
                quality = rng.normal(0, SPREAD, 320)
                strictness = rng.normal(0, 0.4, 5)
                ratings = np.clip(np.rint(3 + quality[:, None] + strictness + rng.normal(0, 0.9, (320, 5))), 1, 5)
                slope = slope_on_people(score(rng, quality), ratings, resampling=Resampling(300, run))
                candidate, baseline, prompt = pairs_of(rng, prompts, drop)
                found = gate([Pairs("m", "higher", candidate, baseline, prompt, slope=slope)], seed=run)
                one = found.metrics[0]
                answers.append(found.verdict)
                if one.drop.unit == "rating steps":
                    in_points += 1
                    estimates.append(one.estimate)
                    covered += one.estimate_low <= -drop <= one.estimate_high
                    numbers.append(one.images_to_find)
            share = {each: answers.count(each) / runs for each in ("worse", "not worse", "cannot tell")}
            print(
                f"{prompts:3d} prompts, true drop {drop:.2f}, {runs} runs: "
                + ", ".join(f"{name} {value:.1%}" for name, value in share.items())
                + f"; estimate {np.mean(estimates):+.3f}, its interval holds the truth in {covered / in_points:.1%}; "
                f"{np.median(numbers):.0f} images would find .30",
                flush=True,
            )


def best(runs: int) -> None:
    """Ten checkpoints, 20 prompts x 2 seeds; prompts' own reaction to a checkpoint .35, images' .6."""
    steps = np.arange(10)
    curves = {"all equal": 0.0 * steps, "hump": -0.012 * (steps - 6.0) ** 2, "one is .3 better": 0.3 * (steps == 6)}
    for name, truth in curves.items():
        rng = np.random.default_rng(len(name))
        ideal = set(np.flatnonzero(truth >= truth.max() - 1e-9))
        holds, sizes, bias, plain, covered = [], [], [], [], []
        for run in range(runs):
            common = rng.normal(0, 0.7, (20, 1, 1)) + rng.normal(0, 0.5, (20, 2, 1))
            values = truth + common + rng.normal(0, 0.35, (20, 1, 10)) + rng.normal(0, 0.6, (20, 2, 10))
            found = best_checkpoint([part_of(values.mean(axis=1))], resampling=Resampling(1000, run))
            holds.append(len(ideal & set(found.may_be_best)) / len(ideal))
            sizes.append(len(found.may_be_best))
            bias.append(found.value - truth[found.winner])
            plain.append(found.means[found.winner] - truth[found.winner])
            covered.append(found.value_low <= truth[found.winner] <= found.value_high)
        print(
            f"{name}, {runs} runs: the set holds the best in {np.mean(holds):.1%} (mean size {np.mean(sizes):.1f}); "
            f"the winner's value is {np.mean(bias):+.3f} off, its interval holds the truth in {np.mean(covered):.1%}; "
            f"the plain mean is {np.mean(plain):+.3f} off",
            flush=True,
        )


def main() -> None:
    """Run one of the three."""
    kinds = {"alarms": (alarms, 10_000), "power": (power, 300), "best": (best, 400)}
    arguments = parser(__doc__)
    arguments.add_argument("kind", choices=list(kinds))
    arguments.add_argument("runs", nargs="?", type=int, help="10,000 alarms, 300 of power, 400 of best unless told")
    given = arguments.parse_args()
    command, count = kinds[given.kind]
    command(given.runs or count)


if __name__ == "__main__":
    main()
