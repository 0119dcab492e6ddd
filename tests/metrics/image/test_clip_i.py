"""CLIP-I: the mean cosine of an image's embedding with its references'."""

import numpy as np
import pytest

from metrics.engine.cache import FeatureCache
from metrics.engine.images import ImageSource
from metrics.engine.types import Item
from metrics.image.clip_i import ClipImageSimilarity
from metrics.networks.clip import ClipImages, image_transform
from tests.metrics.pictures import saved
from tests.metrics.tiny_clip import register, run, save_tiny


@pytest.fixture
def clip(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))
    register(monkeypatch)
    yield ClipImages(save_tiny(tmp_path / "tiny.safetensors"))
    image_transform.cache_clear()


def test_the_score_is_the_mean_cosine_with_the_references_that_can_be_read(clip, tmp_path):
    sources = saved(tmp_path / "images", 5)
    (tmp_path / "broken.png").write_bytes(b"no image")
    broken = ImageSource.of(tmp_path / "broken.png")
    items = [
        Item("two", sources[0], (sources[3], sources[4])),
        Item("one", sources[1], (sources[3], broken)),
        Item("itself", sources[2], (sources[2],)),
        Item("none", sources[2]),
        Item("unread", sources[2], (broken,)),
        Item("broken", broken, (sources[3],)),
    ]
    cache = FeatureCache(tmp_path / "cache")
    scored = run(ClipImageSimilarity(clip), items, cache)
    rows = {row.item: row for row in scored.scores}
    embed = {source.key: cache.get(clip.signature, source.key).astype(float) for source in sources}

    def cosine(a, b):
        x, y = embed[a.key], embed[b.key]
        return float(x @ y / np.linalg.norm(x) / np.linalg.norm(y))

    expected = np.mean([cosine(sources[0], sources[3]), cosine(sources[0], sources[4])])
    assert rows["two"].score == pytest.approx(expected, abs=1e-6)
    assert rows["one"].score == pytest.approx(cosine(sources[1], sources[3]), abs=1e-6)
    assert rows["itself"].score == pytest.approx(1, abs=1e-6)
    assert {name: (row.score, row.note) for name, row in rows.items() if row.score is None} == {
        "none": (None, "no reference"),
        "unread": (None, "unreadable reference"),
        "broken": (None, "unreadable image"),
    }
    assert all(row.signature.startswith("metric:clip_i|references:mean|") for row in scored.scores)
