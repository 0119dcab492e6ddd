"""How often `gate --against best` calls a checkpoint worse that is as good as all others.

    python -m tests.benchmarks.bench_gate_against_best [RUNS]

Images of a checkpoint are 20 prompts x 2 seeds; a score is N(0, .7) of the prompt plus N(0, .6) of the image; a drop
counts from .15 on. The baseline is the highest mean of 2, 5 or 9 checkpoints. Beside the gate's answer stands what a
gate says that takes the chosen baseline for a named one.
"""

import numpy as np

from calibration.decision.gate import Pairs, gate
from tests.benchmarks.arguments import parser

PROMPTS = 20


def alarms(others: int, runs: int) -> tuple[float, float]:
    """The share of runs that say worse: as the gate does it, and with the baseline taken for a named one."""
    rng = np.random.default_rng(others)
    prompts = np.repeat(np.arange(PROMPTS), 2)
    said = np.zeros(2)
    for run in range(runs):
        common = np.repeat(rng.normal(0, 0.7, PROMPTS), 2)
        scores = common + rng.normal(0, 0.6, (others + 1, 2 * PROMPTS))
        best = 1 + int(scores[1:].mean(axis=1).argmax())
        pairs = [Pairs("m", "higher", scores[0], scores[best], prompts, least_drop=0.15)]
        said += [gate(pairs, "m", run, among).verdict == "worse" for among in (others, 1)]
    return float(said[0] / runs), float(said[1] / runs)


def main() -> None:
    """Print a line for each number of checkpoints."""
    arguments = parser(__doc__)
    arguments.add_argument("runs", nargs="?", type=int, default=2000)
    runs = arguments.parse_args().runs
    for others in (2, 5, 9):
        chosen, named = alarms(others, runs)
        print(
            f"best of {others}, {runs:,} runs: worse in {chosen:.1%}; taken for a named baseline {named:.1%}",
            flush=True,
        )


if __name__ == "__main__":
    main()
