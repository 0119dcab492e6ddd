"""Images and extractors that tests make for themselves."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from metrics.engine.images import ImageSource


def noise(seed: int, size: tuple[int, int] = (48, 32)) -> Image.Image:
    """An RGB image of random pixels."""
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


def saved(folder: Path, count: int, size: tuple[int, int] = (48, 32), first: int = 0) -> list[ImageSource]:
    """Sources of so many different images, in files of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = []
    for seed in range(first, first + count):
        noise(seed, size).save(folder / f"{seed:03}.png")
        sources.append(ImageSource.of(folder / f"{seed:03}.png"))
    return sources


@dataclass
class MeanColour:
    """An extractor without a network, which remembers the sizes of its batches."""

    batch_size: int = 4
    signature: str = "features:mean-colour"
    title: str = "Mean colour"
    batches: list[int] = field(default_factory=list)

    def prepare(self, opened):
        return np.asarray(opened, dtype=np.float64).mean(axis=(0, 1))

    def load(self, device):
        def forward(batch):
            self.batches.append(len(batch))
            return list(batch)

        return forward
