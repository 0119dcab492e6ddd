"""Peak memory of extraction and scoring, for 1,000 and 10,000 image files: LPIPS against five photos, and contrast.

Each size runs in a process of its own, from files to scores, with an empty cache on disk and random SqueezeNet weights.

Run: python -m tests.benchmarks.bench_score_memory
"""

import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from metrics.engine.cache import FeatureCache
from metrics.engine.images import ImageSource
from metrics.engine.run import RunSettings, score_items
from metrics.engine.types import Item
from metrics.image.contrast import contrast
from metrics.image.lpips import Lpips
from metrics.image.pixel_measures import QualityFeatures, SingleNumber
from metrics.networks.lpips import LpipsFeatures
from tests.benchmarks.arguments import parser, peak_memory, run_again

SIZES = (1000, 10000)
SIDE = 64


def make(folder: Path, count: int) -> None:
    """Different images, and the network's weights."""
    import torch
    import torchvision

    rng = np.random.default_rng(0)
    for number in range(count):
        Image.fromarray(rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)).save(folder / f"{number:05}.png")
    torch.manual_seed(0)
    torch.save(torchvision.models.squeezenet1_1(weights=None).state_dict(), folder / "squeeze.pth")


def score(folder: Path, count: int) -> None:
    """Score the first images, and print the peak memory."""
    sources = [ImageSource.of(folder / f"{number:05}.png") for number in range(count)]
    items = [Item(source.path.name, source, tuple(sources[:5])) for source in sources]
    metrics = [
        Lpips(LpipsFeatures("squeeze", folder / "squeeze.pth", SIDE)),
        SingleNumber("contrast", QualityFeatures(contrast)),
    ]
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=folder) as name:
        result = score_items(items, metrics, FeatureCache(Path(name)), RunSettings(device="cpu"))
    assert all(row.score is not None for scored in result.scored.values() for row in scored.scores)
    peak = peak_memory()
    print(f"{count:>6,} images: peak {peak:,.0f} MiB in {time.perf_counter() - start:.1f} s")


def main() -> None:
    """Run each size in a process of its own."""
    arguments = parser(__doc__)
    arguments.add_argument("--part", nargs=2, metavar=("FOLDER", "COUNT"), help="one size only, on what stands there")
    part = arguments.parse_args().part
    if part:
        score(Path(part[0]), int(part[1]))
        return
    with tempfile.TemporaryDirectory() as name:
        make(Path(name), max(SIZES))
        for count in SIZES:
            run_again("--part", name, str(count))


if __name__ == "__main__":
    main()
