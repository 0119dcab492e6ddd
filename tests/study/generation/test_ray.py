"""Drawing over a Ray cluster of two nodes on this machine: the same images, also where a worker is killed."""

import os
import signal
import sys
import threading
import time

import numpy as np
import pytest

import study.generation.ray as drawing_ray
from metrics.errors import InputError
from study.generation.draw import DrawSettings, draw
from tests.ray_cluster import cluster
from tests.study.generation.drawing import BASE, make_loras, pixels_in, plan_of, tiny_folder

__all__ = ["cluster", "tiny_folder"]

pytestmark = pytest.mark.process

RAY = DrawSettings(device="cpu", engine="ray")


def test_a_killed_worker_costs_nothing_but_time(cluster, tiny_folder, tmp_path, monkeypatch):
    plan = plan_of(tiny_folder, [BASE, *make_loras(tmp_path / "loras", 2)], batch_size=2)
    notes = tmp_path / "notes"
    notes.mkdir()

    class Noted(drawing_ray._Worker):
        """Takes its time, and leaves a note of its process and node with each batch."""

        def draw(self, batch):
            import ray

            node = ray.get_runtime_context().get_node_id()
            (notes / f"{os.getpid()}-{time.monotonic_ns()}").write_text(node)
            time.sleep(0.4)
            return super().draw(batch)

    monkeypatch.setattr(drawing_ray, "_Worker", Noted)
    killed = []

    def kill_one():
        while len({note.name.split("-")[0] for note in notes.iterdir()}) < 2:
            time.sleep(0.02)
        killed.append(int(max(notes.iterdir(), key=lambda note: note.name.split("-")[1]).name.split("-")[0]))
        os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill_one)
    killer.start()
    outcome = draw(plan, tmp_path / "ray", RAY)
    killer.join()
    assert (outcome.drawn, outcome.left, outcome.unusable) == (24, 0, {})
    workers = {note.name.split("-")[0] for note in notes.iterdir()}
    assert str(killed[0]) in workers and len(workers) == 3  # another took the place of the one that was killed
    assert len({note.read_text() for note in notes.iterdir()}) == 2  # both nodes took part
    draw(plan, tmp_path / "local")
    ours, theirs = pixels_in(tmp_path / "local"), pixels_in(tmp_path / "ray")
    assert ours.keys() == theirs.keys()
    assert max(np.abs(ours[name] - theirs[name]).max() for name in ours) <= 2
    assert (tmp_path / "local" / "items.csv").read_bytes() == (tmp_path / "ray" / "items.csv").read_bytes()


def test_a_checkpoint_that_does_not_fit_is_named_and_the_others_are_drawn(cluster, tiny_folder, tmp_path, monkeypatch):
    from safetensors.torch import load_file, save_file

    good, bad = make_loras(tmp_path / "loras", 2)
    tensors = load_file(bad.path)
    key = next(key for key in tensors if key.endswith("to_q.lora_down.weight") or "to_q" in key)
    foreign = {name.replace("down_blocks_1", "down_blocks_7"): value for name, value in tensors.items()}
    assert foreign.keys() != tensors.keys(), key
    save_file(foreign, bad.path)
    plan = plan_of(tiny_folder, [good, bad], seeds=(1,))
    for name, settings in (("ray", RAY), ("local", DrawSettings(device="cpu"))):
        outcome = draw(plan, tmp_path / name, settings)
        assert outcome.drawn == 4 and list(outcome.unusable) == [bad], name


def test_without_ray_it_says_how_to_get_it(monkeypatch, tiny_folder, tmp_path):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"humangrade\[ray\]"):
        draw(plan_of(tiny_folder, seeds=(1,)), tmp_path, RAY)
