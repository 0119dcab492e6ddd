"""Peak memory of scoring large pictures with four threads: eight of 24 and four of 99 million pixels.

By contrast and sharpness, by LPIPS at 256 pixels, by faces (MTCNN and InceptionResnetV1), and by the same with an
encoder of one's own; each in a process of its own, with random weights. The pictures are portraits side by side where
the data lies beside the checkout, and otherwise colours, in which there are no faces.

Run: python -m tests.benchmarks.bench_picture_memory
"""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from metrics.engine.cache import FeatureCache
from metrics.engine.images import ImageSource
from metrics.engine.run import RunSettings, score_items
from metrics.engine.types import ComputedMetric, Item
from metrics.image.contrast import contrast
from metrics.image.lpips import Lpips
from metrics.image.pixel_measures import QualityFeatures, SingleNumber
from metrics.image.sharpness import sharpness
from metrics.image.similarity import Similarity
from metrics.networks.faces import FaceFeatures
from metrics.networks.lpips import LpipsFeatures
from tests.benchmarks.arguments import ROOT, parser, peak_memory, run_again

SIZES = {"24": ((6000, 4000), 8), "99": ((11_000, 9_000), 4)}
METRICS = ("nothing", "quality", "lpips", "faces", "own")


def portraits() -> list[Image.Image]:
    """The faces of the data beside the checkout, or colours."""
    paths = sorted((ROOT.parent / "shared" / "data" / "faces").glob("*.jpg"))
    if paths:
        return [Image.open(path).convert("RGB") for path in paths]
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)) for _ in range(11)]


def make(folder: Path) -> None:
    """The pictures, three by two portraits each, and the networks' weights."""
    import torch
    import torchvision
    from facenet_pytorch import InceptionResnetV1

    people = portraits()
    people[0].save(folder / "reference.png")
    for name, ((width, height), count) in SIZES.items():
        (folder / name).mkdir()
        for number in range(count):
            picture = Image.new("RGB", (width, height))
            for place in range(6):
                each = people[(number + place) % len(people)].resize((width // 3, height // 2))
                picture.paste(each, (place % 3 * (width // 3), place // 3 * (height // 2)))
            picture.save(folder / name / f"{number}.jpg", quality=90)
    torch.manual_seed(0)
    torch.save(torchvision.models.squeezenet1_1(weights=None).state_dict(), folder / "squeeze.pth")
    torch.save(InceptionResnetV1().state_dict(), folder / "facenet.pth")


def sizes(pictures: Sequence[Image.Image]) -> list[list[float]]:
    """An encoder of one's own, of whole images."""
    return [[float(picture.width), *picture.resize((2, 2)).getpixel((0, 0))] for picture in pictures]  # type: ignore[misc]


def metrics(name: str, folder: Path) -> list[ComputedMetric]:
    """What is measured under a name."""
    if name == "quality":
        return [SingleNumber(each.__name__, QualityFeatures(each)) for each in (contrast, sharpness)]
    if name == "lpips":
        return [Lpips(LpipsFeatures("squeeze", folder / "squeeze.pth", 256))]
    if name == "faces":
        return [Similarity(FaceFeatures(folder / "facenet.pth"))]
    sizes.size = "image"  # type: ignore[attr-defined]
    return [Similarity(FaceFeatures(encoder=sizes))] if name == "own" else []


def score(folder: Path, size: str, name: str) -> None:
    """Score the pictures of a size, and print the peak memory."""
    import torch  # noqa: F401 - its libraries are in every process

    sources = [ImageSource.of(path) for path in sorted((folder / size).glob("*.jpg"))]
    reference = ImageSource.of(folder / "reference.png")
    items = [Item(source.path.name, source, (reference,)) for source in sources]
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=folder) as place:
        result = score_items(
            items, metrics(name, folder), FeatureCache(Path(place)), RunSettings(device="cpu", workers=4)
        )
    scored = sum(row.score is not None for each in result.scored.values() for row in each.scores)
    peak = peak_memory()
    taken = time.perf_counter() - start
    print(f"{size} million pixels, {name:>7}: peak {peak:,.0f} MiB in {taken:.0f} s, {scored} scores", flush=True)


def main() -> None:
    """Run each size and metric in a process of its own."""
    arguments = parser(__doc__)
    arguments.add_argument(
        "--part", nargs=3, metavar=("FOLDER", "SIZE", "METRIC"), help="one only, on what stands there"
    )
    part = arguments.parse_args().part
    if part:
        score(Path(part[0]), part[1], part[2])
        return
    with tempfile.TemporaryDirectory() as name:
        make(Path(name))
        for size in SIZES:
            for metric in METRICS:
                run_again("--part", name, size, metric)


if __name__ == "__main__":
    main()
