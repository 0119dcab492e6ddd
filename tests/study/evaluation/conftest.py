"""An evaluation by small networks with random weights, beside real ones of LPIPS and faces' absence."""

import pytest
import torch
from PIL import Image

from metrics.entry import MetricOptions
from metrics.networks.clip import image_transform
from study.evaluation.run import EvaluationSettings, evaluate
from study.folder.score_items import folder_collection
from tests.metrics.pictures import noise
from tests.metrics.random_inception import random_inception
from tests.metrics.tiny_clip import register, save_tiny
from tests.study.evaluation.made import write_generated

OPTIONS = MetricOptions(clip_model="tiny", clip_pretrained="openai", lpips_net="squeeze", lpips_size=64)


def draw(number: int, prompt: int, seed: int) -> Image.Image:
    """Later checkpoints hold more of the first photo; the last one's first image is a copy of it."""
    photo, own = noise(900, (96, 96)), noise(100 * number + 10 * prompt + seed, (96, 96))
    share = 1.0 if (number, prompt, seed) == (2, 0, 1) else (0.0, 0.2, 0.4)[number]
    return Image.blend(own, photo, share)


@pytest.fixture(scope="session")
def weights(shared, tmp_path_factory):
    """A folder of weights: LPIPS (squeeze), a tiny CLIP, and Inception's network with random ones."""
    folder = tmp_path_factory.mktemp("weights")
    (folder / "lpips-squeeze.pth").write_bytes((shared / "weights" / "squeezenet1_1_features.pth").read_bytes())
    torch.save(random_inception(), folder / "inception-fid.pth")
    with pytest.MonkeyPatch.context() as patch:
        register(patch)
        save_tiny(folder / "clip--tiny--openai.safetensors")
    return folder


@pytest.fixture(scope="session")
def evaluated(weights, tmp_path_factory):
    """The folder of images, that of the photos, the settings, and what was found."""
    with pytest.MonkeyPatch.context() as patch:
        place = tmp_path_factory.mktemp("evaluated")
        home(patch, weights, place)
        (place / "photos").mkdir()
        for seed in range(900, 905):
            noise(seed, (96, 96)).save(place / "photos" / f"{seed}.png")
        write_generated(place / "images", draw)
        settings = EvaluationSettings(options=OPTIONS, cache=place / "cache")
        found = evaluate(folder_collection(place / "images", place / "photos"), settings)
        image_transform.cache_clear()
    return place, settings, found


@pytest.fixture
def same_home(monkeypatch, weights, evaluated):
    """The weights and the cache of `evaluated`."""
    home(monkeypatch, weights, evaluated[0])
    yield
    image_transform.cache_clear()


def home(patch: pytest.MonkeyPatch, weights, place) -> None:
    """Only these weights, and a cache of its own; CLIP's tiny model is known."""
    for name in ("HUMANGRADE_WEIGHTS", "TORCH_HOME"):
        patch.setenv(name, str(weights))
    patch.setenv("HUMANGRADE_CACHE", str(place / "cache"))
    patch.setenv("XDG_CACHE_HOME", str(place / "user-cache"))
    patch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(place / "hub"))
    register(patch)
