"""Tracking with `--engine ray`: the record is the same as with this process alone."""

import numpy as np
import pytest
from PIL import Image

from study.folder.create import create_study
from study.runs.folders import RunFolder
from study.runs.track import Tracker, TrackSettings
from study.scoring import ScoreSettings
from tests.ray_cluster import cluster
from tests.study.runs.sample_folders import METRICS, samples
from tests.study.runs.test_track import assert_same, record_of
from tests.study.samples import write_images

__all__ = ["cluster"]

pytestmark = pytest.mark.process


def test_a_run_is_tracked_as_on_this_machine_alone(cluster, tmp_path):
    write_images(tmp_path / "other", ["a.png", "b.png"])
    run = samples(tmp_path / "run", (300, 600), bad=[600])
    gates = {}
    for engine in ("local", "ray"):
        study = tmp_path / engine
        create_study(study, tmp_path / "other", tasks=["look"], evaluators=1).close()
        score = ScoreSettings(METRICS, engine=engine, cache=tmp_path / f"cache-{engine}")
        tracker = Tracker(study, [RunFolder(run)], TrackSettings(score, old=0.0))
        gates[engine] = [tracker.one_pass().gates]
        assert tracker.one_pass().is_idle
    assert gates["local"] == gates["ray"] and [one.verdict for one in gates["ray"][0]] == ["worse"]
    assert_same(record_of(tmp_path / "local"), record_of(tmp_path / "ray"))
    path = run / "sample" / "anna_000900_00_20240819000900_7.png"
    Image.fromarray(np.full((40, 40, 3), 128, np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:60])  # which no worker can read
    found = tracker.one_pass()
    assert list(found.broken) == [path] and found.images == 0
