"""A CLIP model of a hundredth of the size, with random weights, that open_clip knows by the tags of two kinds."""

from pathlib import Path

import open_clip
import pytest
import torch
from safetensors.torch import save_file

from metrics.engine.cache import FeatureCache
from metrics.engine.extraction import extract
from metrics.engine.types import Features, Scored
from metrics.networks.clip import ClipModel

CONFIG = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "patch_size": 16, "head_width": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}


def register(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the pairs tiny/openai (QuickGELU) and tiny/other (GELU, and another preparation) known to open_clip."""
    published = open_clip.get_pretrained_cfg
    openai = published("ViT-B-32", "openai")
    other = published("ViT-B-16-SigLIP", "webli")
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "tiny", CONFIG)
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "tiny", {"openai": openai, "other": other})


def random_network(quick_gelu: bool = True, seed: int = 0) -> torch.nn.Module:
    """As open_clip itself makes it."""
    torch.manual_seed(seed)
    return open_clip.create_model("tiny", force_quick_gelu=quick_gelu).eval()


def save_tiny(path: Path, seed: int = 0) -> ClipModel:
    """The model tiny/openai with random weights in a file."""
    save_file(random_network(seed=seed).state_dict(), path)
    return ClipModel(path, "tiny", "openai")


def run(metric, items, cache: FeatureCache) -> Scored:
    """Extract what is missing, and score."""
    for extractor, sources in metric.wants(items):
        extract(extractor, sources, cache)
    return metric.score(items, Features(cache))
