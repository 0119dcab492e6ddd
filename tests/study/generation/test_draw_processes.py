"""Killed in the middle and begun again, or drawn by two processes at once: the same bytes as in one go."""

import os
import pickle
import signal
import subprocess
import sys
import time

import pytest

from study.generation.draw import draw
from tests.study.command import environment
from tests.study.generation.drawing import BASE, files_in, make_loras, plan_of, tiny_folder

__all__ = ["tiny_folder"]

pytestmark = pytest.mark.process

SCRIPT = """
import pickle, sys, time
from pathlib import Path
from study.generation.draw import draw
from study.generation.painter import Painter

plan, folder, go, pause = pickle.loads(Path(sys.argv[1]).read_bytes())
original = Painter.draw

def slow(self, batch):
    drawn = original(self, batch)
    time.sleep(pause)
    return drawn

Painter.draw = slow
print("ready", flush=True)
while not go.exists():
    time.sleep(0.02)
print(draw(plan, folder).drawn, flush=True)
"""


@pytest.fixture(scope="module")
def whole(tiny_folder, tmp_path_factory):
    """Three checkpoints, four prompts, two seeds, and the base: the plan, and what it gives in one go."""
    folder = tmp_path_factory.mktemp("whole")
    plan = plan_of(tiny_folder, [BASE, *make_loras(folder / "loras", 3)])
    outcome = draw(plan, folder / "set")
    assert outcome.drawn == 32 and not outcome.problems()
    return plan, files_in(folder / "set")


def started(plan, folder, place, pause=0.0):
    """A process that is ready to draw, and begins when place/go is there."""
    work = place / f"work-{time.monotonic_ns()}.pickle"
    work.write_bytes(pickle.dumps((plan, folder, place / "go", pause)))
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(work)], env=environment(), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    return process


def rows_in(folder):
    table = folder / "items.csv"
    return table.read_text().splitlines()[1:] if table.exists() else []


def test_killed_in_the_middle_and_resumed_it_is_the_same(whole, tmp_path):
    plan, expected = whole
    folder = tmp_path / "set"
    (tmp_path / "go").touch()
    for least in (6, 19):
        process = started(plan, folder, tmp_path, pause=0.3)
        end = time.monotonic() + 300
        while len(list(folder.rglob("p*.png"))) < least:
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        there = files_in(folder)
        assert least <= len(there) < 33
        # whole files only, and the table lists only what is there
        for name, content in there.items():
            if name != "items.csv":
                assert content == expected[name]
        assert all(row.split(",")[0] in there for row in rows_in(folder))
    draw(plan, folder)
    assert files_in(folder) == expected
    assert len(rows_in(folder)) == 32
    assert not [path for path in folder.rglob(".*") if path.is_file()]  # nothing half-written is left


def test_two_processes_share_the_work(whole, tmp_path):
    plan, expected = whole
    folder = tmp_path / "set"
    both = [started(plan, folder, tmp_path, pause=0.5) for _ in range(2)]
    (tmp_path / "go").touch()
    drawn = [int(process.communicate(timeout=300)[0]) for process in both]
    assert sum(drawn) == 32 and min(drawn) > 0
    assert files_in(folder) == expected


def test_a_batch_of_a_living_process_is_left_to_it(whole, tmp_path):
    plan, expected = whole
    folder = tmp_path / "set"
    process = started(plan, folder, tmp_path, pause=600)
    (tmp_path / "go").touch()
    end = time.monotonic() + 300
    while not list((folder / ".drawing").glob("[0-9a-f]*.lock")):
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.01)
    outcome = draw(plan, folder)
    assert (outcome.drawn, outcome.left) == (28, 4)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert draw(plan, folder).drawn == 4  # the lock of the dead is free
    assert files_in(folder) == expected
