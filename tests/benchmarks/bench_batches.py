"""How far the batch size moves a picture, by precision: the share of 8-bit values that differ, and by how much at most.

Run with: python -m tests.benchmarks.bench_batches [--steps 20] [--seeds 8]. On the tests' tiny pipeline, on the CPU.
"""

import tempfile
from pathlib import Path
from typing import Literal

import numpy as np

from study.generation.draw import DrawSettings, draw
from tests.benchmarks.arguments import parser
from tests.study.generation.drawing import BASE, make_loras, pixels_in, plan_of
from tests.study.generation.tiny import tiny_pipeline

DTYPES: tuple[Literal["float32", "bfloat16"], ...] = ("float32", "bfloat16")


def main() -> None:
    """Draw the same plan at each precision and batch size, and compare."""
    words = parser(__doc__)
    words.add_argument("--steps", type=int, default=20)
    words.add_argument("--seeds", type=int, default=8)
    given = words.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        tiny_pipeline().save_pretrained(place / "model")
        checkpoints = [BASE, *make_loras(place / "loras", 1)]
        plan = plan_of(place / "model", checkpoints, range(1, given.seeds + 1), steps=given.steps)
        print(f"{len(plan.images)} images of 64 x 64, {given.steps} steps")
        for dtype in DTYPES:
            alone = {}
            for size in (1, 2, 8):
                folder = place / f"{dtype}-{size}"
                draw(plan, folder, DrawSettings(device="cpu", dtype=dtype, batch_size=size))
                pixels = pixels_in(folder)
                alone = alone or pixels
                gaps = np.concatenate([np.abs(pixels[image] - alone[image]).ravel() for image in alone])
                print(f"{dtype}, batch size {size}: {np.mean(gaps > 0):.3%} differ, by {gaps.max()} at most")


if __name__ == "__main__":
    main()
