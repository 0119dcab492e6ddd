"""256 images by five metrics: one humangrade run, against the reference tools one after another; then a cached run.

Run with: python -m tests.benchmarks.bench_score SHARED [COUNT], where SHARED is the folder of real weights and images.
Similarity and LPIPS run with their real weights, CLIP (ViT-B-32) and Inception with random ones, which changes no time.
The five are similarity, aesthetic, lpips (against five photos), clip_t and fid. Every tool reads the image files by
itself, as its users run it: facenet-pytorch an image at a time, open_clip in batches of 32 once for each of its two
metrics, the lpips package on each image and photo, torch-fidelity on the two folders.
"""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import open_clip
import torch
from facenet_pytorch import MTCNN, InceptionResnetV1
from PIL import Image
from safetensors.torch import load_file
from torch_fidelity import calculate_metrics

from metrics.engine.cache import FeatureCache
from metrics.engine.images import ImageSource
from metrics.engine.run import RunSettings, score_items
from metrics.engine.types import Item
from metrics.image.aesthetic import Aesthetic
from metrics.image.clip_t import ClipCosine
from metrics.image.lpips import Lpips
from metrics.image.similarity import Similarity
from metrics.networks.aesthetic_head import read_head
from metrics.networks.clip import ClipModel
from metrics.networks.faces import FaceFeatures
from metrics.networks.inception import InceptionFeatures
from metrics.networks.lpips import LpipsFeatures, load_lpips
from metrics.sets.fid import Fid
from tests.benchmarks.arguments import parser
from tests.metrics.random_inception import random_inception

SIDE = 256
PROMPTS = [f"a portrait of a person, number {number}" for number in range(16)]


def make_images(shared: Path, folder: Path, count: int) -> tuple[list[Path], list[Path]]:
    """Images with faces, all different, and five photos."""
    rng = np.random.default_rng(0)
    originals = [Image.open(path).convert("RGB") for path in sorted((shared / "data" / "faces").glob("*.jpg"))]
    for name in ("images", "photos"):
        (folder / name).mkdir()
    made = []
    for number in range(count + 5):
        image = originals[number % len(originals)].resize((SIDE, SIDE))
        values = np.asarray(image, dtype=np.int16) + rng.integers(-12, 13, (SIDE, SIDE, 3))
        path = folder / ("images" if number < count else "photos") / f"{number:04}.png"
        Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).save(path)
        made.append(path)
    return made[:count], made[count:]


def make_weights(shared: Path, folder: Path) -> dict[str, Path]:
    """Real weights where there are any, random ones for CLIP and Inception."""
    torch.manual_seed(0)
    torch.save(open_clip.create_model("ViT-B-32", force_quick_gelu=True).state_dict(), folder / "clip.pt")
    torch.save(random_inception(), folder / "inception.pth")
    weights = shared / "weights"
    return {
        "clip": folder / "clip.pt",
        "inception": folder / "inception.pth",
        "facenet": weights / "facenet_inception_resnet_v1_vggface2_fp16.safetensors",
        "squeeze": weights / "squeezenet1_1_features.pth",
        "head": weights / "laion_aesthetic_vit_b_32_linear.pth",
    }


def ours(
    paths: list[Path], photos: list[Path], weights: dict[str, Path], folder: Path
) -> Callable[[], dict[str, float]]:
    """One humangrade run; called again it finds everything in the cache."""

    def run() -> dict[str, float]:
        clip = ClipModel(weights["clip"], "ViT-B-32", "openai")
        references = tuple(map(ImageSource.of, photos))
        items = [
            Item(path.name, ImageSource.of(path), references, PROMPTS[number % 16]) for number, path in enumerate(paths)
        ]
        metrics = [
            Similarity(FaceFeatures(weights["facenet"])),
            Aesthetic(clip, read_head(weights["head"], "aesthetic/laion-vit-b-32")),
            Lpips(LpipsFeatures("squeeze", weights["squeeze"], SIDE)),
            ClipCosine(clip),
            Fid(InceptionFeatures(weights["inception"])),
        ]
        result = score_items(items, metrics, FeatureCache(folder), RunSettings(device="cpu"))
        return {row.metric: row.score for scored in result.scored.values() for row in scored.set_scores}

    return run


@torch.inference_mode()
def facenet(paths: list[Path], photos: list[Path], weights: dict[str, Path]) -> float:
    """facenet-pytorch, an image at a time."""
    detector, network = MTCNN(), InceptionResnetV1().eval()
    network.load_state_dict(load_file(weights["facenet"]))

    def embed(files: list[Path]) -> torch.Tensor:
        crops = [detector(Image.open(path).convert("RGB")) for path in files]
        return torch.cat([network(crop[None]) for crop in crops if crop is not None])

    return float((embed(paths) @ embed(photos).T).mean())


@torch.inference_mode()
def clip_embeddings(paths: list[Path], weights: dict[str, Path], texts: bool) -> float:
    """open_clip in batches of 32; with texts it is the cosine with the prompt, without the head's score."""
    model, _, transform = open_clip.create_model_and_transforms("ViT-B-32", force_quick_gelu=True)
    model.load_state_dict(torch.load(weights["clip"]))
    model.eval()
    found = []
    for start in range(0, len(paths), 32):
        batch = torch.stack([transform(Image.open(path).convert("RGB")) for path in paths[start : start + 32]])
        found.append(model.encode_image(batch, normalize=True))
    images = torch.cat(found)
    if not texts:
        head = torch.load(weights["head"])
        return float((images @ head["weight"].T + head["bias"]).mean())
    tokens = open_clip.get_tokenizer("ViT-B-32")([PROMPTS[number % 16] for number in range(len(paths))])
    return float((images * model.encode_text(tokens, normalize=True)).sum(1).mean())


@torch.inference_mode()
def lpips_loop(paths: list[Path], photos: list[Path], weights: dict[str, Path]) -> float:
    """The lpips package on each image and photo."""
    model = load_lpips("squeeze", weights["squeeze"])

    def tensor(path: Path) -> torch.Tensor:
        return torch.from_numpy(np.array(Image.open(path).convert("RGB"))).permute(2, 0, 1)[None] / 127.5 - 1

    references = [tensor(photo) for photo in photos]
    return float(np.mean([[model(tensor(path), photo).item() for photo in references] for path in paths]))


def fidelity(folder: Path, weights: dict[str, Path]) -> float:
    """torch-fidelity on the two folders."""
    found = calculate_metrics(
        input1=str(folder / "images"),
        input2=str(folder / "photos"),
        fid=True,
        cuda=False,
        verbose=False,
        cache=False,
        batch_size=32,
        feature_extractor_weights_path=str(weights["inception"]),
    )
    return found["frechet_inception_distance"]


def timed(work: Callable[[], object]) -> tuple[float, object]:
    """Seconds, and what came out."""
    start = time.perf_counter()
    found = work()
    return time.perf_counter() - start, found


def main() -> None:
    """Print the times and the ratios, and each metric's mean by both."""
    arguments = parser(__doc__)
    arguments.add_argument("SHARED", type=Path, help="the folder of real weights and images")
    arguments.add_argument("COUNT", nargs="?", type=int, default=256, help="how many images; 256 unless told")
    given = arguments.parse_args()
    shared, count = given.SHARED, given.COUNT
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["HUMANGRADE_CACHE"] = str(folder / "digests")
        paths, photos = make_images(shared, folder, count)
        weights = make_weights(shared, folder)
        run = ours(paths, photos, weights, folder / "features")
        first, mine = timed(run)
        second, again = timed(run)
        tools = {
            "similarity": lambda: facenet(paths, photos, weights),
            "aesthetic": lambda: clip_embeddings(paths, weights, texts=False),
            "lpips": lambda: lpips_loop(paths, photos, weights),
            "clip_t": lambda: clip_embeddings(paths, weights, texts=True),
            "fid": lambda: fidelity(folder, weights),
        }
        theirs = {metric: timed(work) for metric, work in tools.items()}
    assert mine == again
    total = sum(seconds for seconds, _ in theirs.values())
    print(f"{count} images of {SIDE} x {SIDE} pixels, five photos, {torch.get_num_threads()} threads")
    for metric, (seconds, value) in theirs.items():
        print(f"  {metric:12} tool alone {seconds:7.1f} s   its mean {value:10.5f}   ours {mine[metric]:10.5f}")
    print(f"  the tools one after another {total:8.1f} s")
    print(f"  humangrade                  {first:8.1f} s   ratio {total / first:.1f}")
    print(f"  humangrade, cached          {second:8.2f} s   ratio to the first run {first / second:.0f}")


if __name__ == "__main__":
    main()
