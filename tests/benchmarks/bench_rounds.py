"""How often the interval of a later round's shift holds what it says, and how often a shift is seen.

    python -m tests.benchmarks.bench_rounds [STUDIES]

Images have a quality q ~ N(0, 1); evaluator e answers round(3 + b_e + q + noise), clipped to 1..5, with b_e ~ N(0, .4)
and noise ~ N(0, .7). In round 2 everything is higher by the shift and by a shift of the evaluator's own, N(0, .2). The
anchors are rated in both rounds: by the same people, or in round 2 by as many others, whose b_e are drawn anew. The
interval for people like these is about the mean shift over endlessly many people and images, rounded and clipped.
"""

import time

import numpy as np
import pandas as pd

from calibration.core.resampling import Resampling
from calibration.people.rounds import round_effects
from tests.benchmarks.arguments import one_count

DRAWS = 300
PEOPLE, ANCHORS, SHIFTS = (3, 5, 10), (10, 30), (0.0, 0.3)
STRICTNESS, OWN, NOISE = 0.4, 0.2, 0.7


def answers(quality: np.ndarray, bias: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Ratings, shape (images, evaluators)."""
    heard = 3 + quality[:, None] + bias + rng.normal(0, NOISE, (len(quality), len(bias)))
    return np.clip(np.round(heard), 1, 5)


def truth(shift: float) -> float:
    """The mean difference of the rounds on the unit scale, of 2,000 people and 2,000 images."""
    rng = np.random.default_rng(1)
    quality, bias = rng.normal(0, 1, 2000), rng.normal(0, STRICTNESS, 2000)
    later = bias + shift + rng.normal(0, OWN, 2000)
    return float((answers(quality, later, rng) - answers(quality, bias, rng)).mean() / 4)


def study(people: int, anchors: int, shift: float, same: bool, rng: np.random.Generator) -> pd.DataFrame:
    """The ratings of the anchors in both rounds."""
    quality, bias = rng.normal(0, 1, anchors), rng.normal(0, STRICTNESS, people)
    later = (bias if same else rng.normal(0, STRICTNESS, people)) + shift + rng.normal(0, OWN, people)
    rows = []
    for number, own in ((1, bias), (2, later)):
        names = np.arange(people) + (0 if same or number == 1 else people)
        image, who = np.meshgrid(np.arange(anchors), names, indexing="ij")
        given = answers(quality, own, rng)
        rows.append(pd.DataFrame({"item": image.ravel(), "evaluator": who.ravel(), "rating": given.ravel()}))
        rows[-1]["round"] = number
    return pd.concat(rows, ignore_index=True)


def main() -> None:
    studies = one_count(__doc__, "STUDIES", 400, "how many are simulated for each row")
    error = np.sqrt(0.95 * 0.05 / studies)
    print(f"{studies} studies a row; the interval says 0.95, whose standard error here is {error:.3f}")
    print("| round 2 by | people | anchors | true shift | held | half-width, mean | round called other |")
    print("|---|---|---|---|---|---|---|")
    start, true = time.perf_counter(), {shift: truth(shift) for shift in SHIFTS}
    for same in (True, False):
        for people in PEOPLE:
            for anchors in ANCHORS:
                for shift in SHIFTS:
                    rng = np.random.default_rng([people, anchors, int(10 * shift), same])
                    held, width, seen = 0, 0.0, 0
                    for number in range(studies):
                        found = round_effects(study(people, anchors, shift, same, rng), Resampling(DRAWS, number))
                        low, high = found[0].shift.people_like_these
                        held += low <= true[shift] <= high
                        width += (high - low) / 2 * 4 / studies
                        seen += low > 0 or high < 0
                    who = "the same" if same else "others"
                    row = (who, people, anchors, f"{abs(4 * true[shift]):.2f}", f"{held / studies:.3f}")
                    print("|", " | ".join(map(str, (*row, f"{width:.2f}", f"{seen / studies:.3f}"))), "|", flush=True)
    print(f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
