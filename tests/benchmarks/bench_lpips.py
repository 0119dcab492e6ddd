"""All-pairs LPIPS of 64 x 20 images: a forward pass an image and one product, against a loop over the lpips package.

Run with: python -m tests.benchmarks.bench_lpips [alex|vgg|squeeze]. The networks' weights are random, which changes no
time; the largest difference of the two tables is printed with the ratio.
"""

import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torchvision

from metrics.engine.cache import FeatureCache
from metrics.engine.extraction import extract
from metrics.engine.images import ImageSource
from metrics.networks.lpips import LpipsFeatures, load_lpips, pairwise_distances
from tests.benchmarks.arguments import parser
from tests.metrics.pictures import noise

ROWS, COLUMNS, SIDE = 64, 20, 256
TRUNKS = {"alex": "alexnet", "vgg": "vgg16", "squeeze": "squeezenet1_1"}


def looped(net: str, weights: Path, a: list[ImageSource], b: list[ImageSource]) -> np.ndarray:
    """The lpips package on each pair, as its README shows it."""
    model = load_lpips(net, weights)
    images = [
        [torch.from_numpy(np.array(s.open())).permute(2, 0, 1)[None] / 127.5 - 1 for s in group] for group in (a, b)
    ]
    with torch.inference_mode():
        return np.array([[model(x, y).item() for y in images[1]] for x in images[0]])


def at_once(net: str, weights: Path, a: list[ImageSource], b: list[ImageSource], folder: Path) -> np.ndarray:
    """Ours, with an empty cache on disk."""
    extractor, cache = LpipsFeatures(net, weights, SIDE), FeatureCache(folder)
    extract(extractor, [*a, *b], cache, device="cpu")
    return pairwise_distances(*([cache.get(extractor.signature, source.key) for source in group] for group in (a, b)))


def main() -> None:
    """Print both times, their ratio and the largest difference."""
    arguments = parser(__doc__)
    arguments.add_argument(
        "NET", nargs="?", default="alex", choices=("alex", "vgg", "squeeze"), help="the network; alex unless told"
    )
    net = arguments.parse_args().NET
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        torch.save(getattr(torchvision.models, TRUNKS[net])(weights=None).state_dict(), folder / "trunk.pth")
        for seed in range(ROWS + COLUMNS):
            noise(seed, (SIDE, SIDE)).save(folder / f"{seed}.png")
        sources = [ImageSource.of(folder / f"{seed}.png") for seed in range(ROWS + COLUMNS)]
        a, b = sources[:ROWS], sources[ROWS:]
        start = time.perf_counter()
        ours = at_once(net, folder / "trunk.pth", a, b, folder / "features")
        middle = time.perf_counter()
        theirs = looped(net, folder / "trunk.pth", a, b)
        end = time.perf_counter()
    print(f"LPIPS ({net}) of {ROWS} x {COLUMNS} images of {SIDE} x {SIDE} pixels, {torch.get_num_threads()} threads")
    print(f"  all at once, cache on disk included {middle - start:8.2f} s")
    print(f"  a loop over the lpips package       {end - middle:8.2f} s")
    print(f"  ratio                               {(end - middle) / (middle - start):8.1f}")
    print(f"  largest difference                  {np.abs(ours - theirs).max():8.1e}")


if __name__ == "__main__":
    main()
