"""Peak memory of FID and KID from cached features, for 1,000, 3,000 and 10,000 images against as many references.

Each size runs in a process of its own, on random features of 2,048 dimensions that stand in a cache on disk.

Run: python -m tests.benchmarks.bench_set_memory
"""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from metrics.engine.cache import FeatureCache
from metrics.engine.extraction import Forward
from metrics.engine.images import ImageSource
from metrics.engine.run import score_items
from metrics.engine.types import Item
from metrics.sets.fid import Fid
from metrics.sets.kid import Kid
from tests.benchmarks.arguments import parser, peak_memory, run_again

DIMENSIONS = 2048
SIZES = (1000, 3000, 10000)


@dataclass(frozen=True)
class InCache:
    """An extractor whose features are all in the cache."""

    signature: str = "features:random"
    title: str = "Random features"
    batch_size: int = 1

    def prepare(self, opened: Any) -> Any:
        """Never called."""
        raise AssertionError

    def load(self, device: str) -> Forward:
        """Never called."""
        raise AssertionError


def sources(kind: str, count: int) -> tuple[ImageSource, ...]:
    """So many sources whose files are never opened."""
    return tuple(
        ImageSource(Path(f"{kind}{number}.png"), f"{number % 256:02x}{kind}{number}") for number in range(count)
    )


def fill(cache: FeatureCache, count: int) -> None:
    """Put features of images and references into the cache."""
    rng = np.random.default_rng(0)
    spectrum = (np.arange(1, DIMENSIONS + 1) ** -0.5).astype(np.float32)
    for kind, shift in (("image", 0.1), ("reference", 0.0)):
        for source in sources(kind, count):
            row = (rng.normal(size=DIMENSIONS) + shift).astype(np.float32) * spectrum
            cache.put(InCache().signature, source.key, row)


def score(folder: str, count: int) -> None:
    """Compute both, and print the time of each, the peak memory, and that of the modules alone."""
    before = peak_memory()
    photos = sources("reference", count)
    items = [Item(source.key, source) for source in sources("image", count)]
    shown = []
    for metric in (Fid(InCache(), photos), Kid(InCache(), photos)):
        start = time.perf_counter()
        result = score_items(items, [metric], FeatureCache(Path(folder)))
        (row,) = result.scored[metric.name].set_scores
        shown.append(f"{metric.name} {row.score:.4f} in {time.perf_counter() - start:.1f} s")
    peak = peak_memory()
    print(f"{count:>6,} images: peak {peak:,.0f} MiB ({before:,.0f} MiB before); {', '.join(shown)}")


def main() -> None:
    """Run each size in a process of its own."""
    arguments = parser(__doc__)
    arguments.add_argument("--part", nargs=2, metavar=("FOLDER", "COUNT"), help="one size only, on what stands there")
    part = arguments.parse_args().part
    if part:
        score(part[0], int(part[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        fill(FeatureCache(Path(folder)), max(SIZES))
        for count in SIZES:
            run_again("--part", folder, str(count))


if __name__ == "__main__":
    main()
