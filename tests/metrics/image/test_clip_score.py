"""CLIP-score: its arithmetic on real embeddings, and the metric on images with and without prompts."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from metrics.engine.cache import FeatureCache
from metrics.engine.images import ImageSource
from metrics.engine.types import Item
from metrics.image.clip_score import ClipScore, clip_score
from metrics.image.clip_t import ClipCosine, clip_cosine
from metrics.networks.clip import ClipImages, ClipTexts, image_transform
from tests.metrics.tiny_clip import register, run, save_tiny

CAT = 15  # of COCO's 80 classes
LONG = "a photo of " + "a very " * 100 + "small cat"


@pytest.fixture(autouse=True)
def tiny(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))
    register(monkeypatch)
    yield
    image_transform.cache_clear()


@pytest.fixture
def clip(tmp_path):
    return save_tiny(tmp_path / "tiny.safetensors")


@pytest.fixture
def cache(tmp_path):
    return FeatureCache(tmp_path / "cache")


@pytest.fixture
def items(tmp_path):
    found = []
    for number, prompt in enumerate(["a cat", "a dog", "", LONG, "a cat", LONG + "."]):
        pixels = np.random.default_rng(number).integers(0, 256, (40, 50, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        found.append(Item(str(number), ImageSource.of(tmp_path / f"{number}.png"), prompt=prompt))
    return found


def test_real_embeddings_give_the_published_cosines(shared):
    images = np.load(shared / "data" / "clip_reference" / "clip_retrieval_vitb32_refs.npz")
    classes = np.load(shared / "data" / "clip_reference" / "coco_clip_a+cname.npy")
    cosines = {
        name: clip_cosine(np.tile(image, (80, 1)), classes)
        for name, image in zip(images["names"], images["emb"], strict=True)
    }
    for kittens, expected in (("123_456", 0.256), ("456_123", 0.250)):
        assert cosines[kittens].argmax() == CAT
        assert cosines[kittens][CAT] == pytest.approx(expected, abs=5e-4)
        image = images["emb"][list(images["names"]).index(kittens)]
        assert clip_score(image, classes[CAT]) == pytest.approx(100 * cosines[kittens][CAT], abs=1e-9)


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 100), st.floats(0.01, 100))
def test_lengths_do_not_count_and_scores_stay_in_range(seed, first, second):
    a, b = np.random.default_rng(seed).normal(size=(2, 6, 5))
    cosines = clip_cosine(a, b)
    np.testing.assert_allclose(clip_cosine(first * a, second * b), cosines, atol=1e-12)
    np.testing.assert_allclose(clip_cosine(a, -b), -cosines, atol=1e-12)
    np.testing.assert_allclose(clip_cosine(a, a), 1)
    assert (clip_score(a, b) == np.where(cosines > 0, 100 * cosines, 0)).all()


@pytest.mark.parametrize(("metric", "measure"), [(ClipScore, clip_score), (ClipCosine, clip_cosine)])
def test_each_image_is_scored_against_its_own_prompt(clip, cache, items, metric, measure):
    scored = run(metric(clip), items, cache)
    network = {
        "image": ClipImages(clip).load("cpu"),
        "text": ClipTexts(clip).load("cpu"),
    }
    assert [row.item for row in scored.scores] == [item.item for item in items]
    assert {row.metric for row in scored.scores} == {metric.name}
    for item, row in zip(items, scored.scores, strict=True):
        if not item.prompt:
            assert (row.score, row.note) == (None, "no prompt")
            continue
        image = network["image"]([ClipImages(clip).prepare(item.image.open())])[0]
        text = network["text"]([item.prompt])[0][1:]
        assert row.score == pytest.approx(float(measure(image, text)), abs=1e-5 * (100 if metric is ClipScore else 1))
        assert row.note == ""
        assert row.signature.startswith(f"metric:{metric.name}|features:clip-image|clip:tiny/openai|weights:")


def test_one_warning_says_how_many_prompts_were_cut(clip, cache, items):
    for _ in range(2):  # computed, then from the cache
        assert run(ClipScore(clip), items, cache).warnings == [
            "2 of 4 prompts are longer than the 77 tokens that tiny/openai reads; they were cut at their end."
        ]
    assert run(ClipScore(clip), items[:3], cache).warnings == []


def test_an_unreadable_image_is_noted(clip, cache, items, tmp_path):
    (tmp_path / "1.png").write_bytes(b"no image")
    broken = Item("broken", ImageSource.of(tmp_path / "1.png"), prompt="a cat")
    scored = run(ClipScore(clip), [items[0], broken], cache)
    assert [(row.score is None, row.note) for row in scored.scores] == [(False, ""), (True, "unreadable image")]


SECOND_RUN = """
import sys
for name in ("torch", "open_clip", "torchvision"):
    sys.modules[name] = None
from pathlib import Path
from metrics.engine.cache import FeatureCache
from metrics.networks.clip import ClipModel
from metrics.image.clip_score import ClipScore
from metrics.engine.extraction import extract
from metrics.engine.images import ImageSource
from metrics.engine.types import Features, Item

folder, prompts = Path(sys.argv[1]), sys.argv[2:]
metric = ClipScore(ClipModel(folder / "tiny.safetensors", "tiny", "openai"))
items = [Item(str(n), ImageSource.of(folder / f"{n}.png"), prompt=prompt) for n, prompt in enumerate(prompts)]
cache = FeatureCache(folder / "cache")
for extractor, sources in metric.wants(items):
    extract(extractor, sources, cache)
scored = metric.score(items, Features(cache))
print([row.score for row in scored.scores])
print(scored.warnings)
"""


def test_a_second_run_needs_no_torch(clip, cache, items, tmp_path):
    first = run(ClipScore(clip), items, cache)
    command = [sys.executable, "-c", SECOND_RUN, str(tmp_path), *(item.prompt for item in items)]
    second = subprocess.run(command, capture_output=True, text=True, check=False)
    assert second.stderr == ""
    assert second.stdout.splitlines() == [str([row.score for row in first.scores]), str(first.warnings)]
