"""Extraction over a Ray cluster of two nodes on this machine: the same features, also where a worker is killed."""

import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from metrics.engine.cache import FeatureCache
from metrics.engine.extraction import extract
from metrics.engine.images import ImageSource
from metrics.engine.ray import extract_with_ray
from metrics.engine.run import score_items
from metrics.image.similarity import Similarity
from tests.metrics.image.test_similarity import WEIGHTS
from tests.metrics.pictures import saved
from tests.ray_cluster import cluster

__all__ = ["cluster"]

pytestmark = pytest.mark.process


@dataclass(frozen=True)
class Slow:
    """A mean colour that takes its time, and leaves a note of the process and node that worked on each batch."""

    folder: Path

    signature = "features:slow"
    title = "Slow"
    batch_size = 2

    def prepare(self, opened):
        return np.asarray(opened, dtype=np.float64).mean(axis=(0, 1))

    def load(self, device):
        import ray

        node = ray.get_runtime_context().get_node_id()

        def forward(batch):
            (self.folder / f"{os.getpid()}-{time.monotonic_ns()}").write_text(node)
            time.sleep(0.4)
            return batch

        return forward


def test_a_real_network_gives_the_same_table_on_both_engines(cluster, shared, tmp_path):
    from metrics.engine.types import Item
    from metrics.networks.faces import FaceFeatures

    sources = [ImageSource.of(path) for path in sorted((shared / "data" / "faces").glob("*.jpg"))[:6]]
    items = [Item(source.path.name, source, (sources[0],)) for source in sources]
    metric = Similarity(FaceFeatures(shared / "weights" / WEIGHTS))
    local = score_items(items, [metric], FeatureCache(tmp_path / "local"), engine=extract)
    spread = score_items(items, [metric], FeatureCache(tmp_path / "ray"), engine=extract_with_ray)
    assert spread.extracted == local.extracted == 6
    for ours, theirs in zip(local.scored["similarity"].scores, spread.scored["similarity"].scores, strict=True):
        assert ours._replace(score=None) == theirs._replace(score=None)
        assert ours.score == pytest.approx(theirs.score, abs=1e-6)


def test_a_killed_worker_costs_nothing_but_time(cluster, tmp_path):
    sources = saved(tmp_path / "images", 24)
    sources[5].path.write_bytes(b"broken")
    notes, cache = tmp_path / "notes", FeatureCache(tmp_path / "features")
    notes.mkdir()
    killed = []

    def kill_one():
        while len(list(notes.iterdir())) < 3:
            time.sleep(0.05)
        killed.append(int(next(notes.iterdir()).name.split("-")[0]))
        os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill_one)
    killer.start()
    done = []
    problems = extract_with_ray(Slow(notes), sources, cache, advance=done.append)
    killer.join()
    assert problems == {sources[5].key: "was changed while it was being scored"}
    rest = [source for source in sources if source is not sources[5]]
    found = np.array([cache.get("features:slow", source.key) for source in rest])
    np.testing.assert_array_equal(found, [np.asarray(s.open(), dtype=float).mean(axis=(0, 1)) for s in rest])
    workers = {note.name.split("-")[0] for note in notes.iterdir()}
    assert str(killed[0]) in workers and len(workers) >= 2 and sum(done) == 24
    assert len({note.read_text() for note in notes.iterdir()}) == 2  # both nodes took part
    assert extract_with_ray(Slow(notes), rest, cache) == {} and len(done) == 24


def test_without_ray_it_says_how_to_get_it(monkeypatch, tmp_path):
    import sys

    from metrics.errors import InputError

    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setitem(sys.modules, "ray.data", None)
    with pytest.raises(InputError, match=r"humangrade\[ray\]"):
        extract_with_ray(Slow(tmp_path), saved(tmp_path / "images", 1), FeatureCache(tmp_path / "features"))
