"""How often copies of reference photos are named, and other pictures are not, on real photos.

Each photo of a folder is copied in several ways, and each copy is compared with all photos of the folder; then each
photo itself is compared with all others, where nothing is a copy. LPIPS (squeeze) measures.

Run: python -m tests.benchmarks.bench_copies PHOTOS SQUEEZENET_WEIGHTS
"""

import io
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from metrics.engine.cache import FeatureCache
from metrics.engine.extraction import extract
from metrics.engine.images import ImageSource, read_image
from metrics.engine.types import Features, Item
from metrics.networks.lpips import LpipsFeatures, pairwise_distances
from study.evaluation.copies import nearest_references
from tests.benchmarks.arguments import parser


def saved(image: Image.Image, quality: int) -> Image.Image:
    """As JPEG of a quality."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")


def cut(image: Image.Image, share: float) -> Image.Image:
    """Without a share of each side."""
    width, height = round(image.width * share), round(image.height * share)
    return image.crop((width, height, image.width - width, image.height - height))


def scaled(image: Image.Image, factor: float) -> Image.Image:
    """Smaller or larger."""
    return image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.LANCZOS)


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG of quality 75": lambda image: saved(image, 75),
    "JPEG of quality 30": lambda image: saved(image, 30),
    "half the size": lambda image: scaled(image, 0.5),
    "twice the size": lambda image: scaled(image, 2),
    "cut by 2 %": lambda image: cut(image, 0.02),
    "cut by 5 %": lambda image: cut(image, 0.05),
    "cut by 10 %": lambda image: cut(image, 0.10),
    "brighter by 20 %": lambda image: ImageEnhance.Brightness(image).enhance(1.2),
    "mirrored": ImageOps.mirror,
    "mirrored, JPEG of quality 75": lambda image: saved(ImageOps.mirror(image), 75),
}


def main() -> None:
    """Print a line for each way to copy, and one for photos that are no copies."""
    arguments = parser(__doc__)
    arguments.add_argument("photos", type=Path, help="a folder of photos, none a copy of another")
    arguments.add_argument("weights", type=Path, help="SqueezeNet 1.1's weights")
    given = arguments.parse_args()
    extractor = LpipsFeatures("squeeze", given.weights)
    photos = [
        ImageSource.of(path) for path in sorted(given.photos.iterdir()) if path.suffix.lower() in (".jpg", ".png")
    ]
    with tempfile.TemporaryDirectory() as place:
        cache = FeatureCache(Path(place) / "cache")

        def compute(which, sources):
            return extract(which, sources, cache)

        def look(items: list[Item]):
            compute(extractor, [source for item in items for source in (item.image, *item.references)])
            return nearest_references(items, extractor, pairwise_distances, Features(cache), compute).nearest

        print(f"{'copy':30} named  of  distance: least median most")
        for kind, change in COPIES.items():
            items = []
            for number, photo in enumerate(photos):
                path = Path(place) / f"{kind.replace(' ', '-')}-{number}.png"
                change(read_image(photo.path)).save(path)
                items.append(Item(str(photo.path), ImageSource.of(path), tuple(photos)))
            show(kind, look(items))
        others = [
            one
            for number, photo in enumerate(photos)
            for one in look([Item(str(photo.path), photo, tuple(photos[:number] + photos[number + 1 :]))])
        ]
        show("another photo", others)
        near = sum(one.is_near for one in others)
        print(f"of these nearer than any two of the other photos are to each other: {near}")


def show(kind: str, found: list) -> None:
    """One line."""
    distances = [one.distance for one in found]
    numbers = f"{np.min(distances):.3f} {np.median(distances):.3f} {np.max(distances):.3f}"
    print(f"{kind:30} {sum(one.is_copy for one in found):5}  {len(found):2}            {numbers}", flush=True)


if __name__ == "__main__":
    main()
