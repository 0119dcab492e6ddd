"""The whole way on the tiny pipeline: checkpoints as they come, drawn, scored, judged, the best; killed processes."""

import csv
import json
import os
import signal
import sqlite3
import subprocess
import time
from contextlib import closing

import pytest
from safetensors.torch import load_file, save_file

from study.folder.create import create_study
from tests.study.command import command_line, environment, run_cli
from tests.study.generation.drawing import make_loras, tiny_folder
from tests.study.runs.sample_folders import samples
from tests.study.runs.test_track import assert_same, record_of
from tests.study.samples import write_images

__all__ = ["tiny_folder"]

pytestmark = pytest.mark.process

WORDS = ("smiling", "at night", "by the sea", "reading", "on a horse")
RECIPE = f"""
base: {{base}}
subject: Anna
prompts: {json.dumps([f"photo of {{{{subject}}}} {word}" for word in WORDS])}
seeds: [1, 2]
steps: 4
width: 64
height: 64
batch_size: 2
checkpoints: ["loras/*.safetensors"]
"""
METRIC = ("--metric", "sharpness")


def write_loras(place, steps, bad):
    """LoRAs of one run that differ a little, and one, `bad`, that is applied ten times too strongly."""
    import torch

    first = load_file(make_loras(place / "all", 1)[0].path)
    for step in steps:
        noise = torch.Generator().manual_seed(step)
        tensors = {}
        for name, tensor in first.items():
            tensors[name] = tensor
            if name.endswith("lora_up.weight"):
                strength = 10 if step == bad else 1
                tensors[name] = tensor * strength + 0.01 * torch.randn(tensor.shape, generator=noise)
        save_file(tensors, place / f"anna-step{step:08}.safetensors")


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """A function that runs a command, and gives its exit code and what it printed."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code, out, err = run_cli(monkeypatch, capsys, *arguments)
        return code, out + err

    return run


def alerts(path):
    """The gates in a file of alerts."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return [json.loads(line) for line in text.splitlines()]


def until(condition, process, seconds=300):
    """Wait for something that a process does."""
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_checkpoint_that_got_worse_is_caught_while_it_is_watched(tiny_folder, tmp_path, run):
    (tmp_path / "loras").mkdir()
    write_loras(tmp_path, (300, 600, 900, 1200), bad=1200)
    for step in (300, 600, 900):
        (tmp_path / f"anna-step{step:08}.safetensors").rename(tmp_path / "loras" / f"anna-step{step:08}.safetensors")
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(base=tiny_folder))
    assert run("generate", "set", "--recipe", "recipe.yaml")[0] == 0
    assert run("init", "study", "--images", "set", "--tasks", "look", "--evaluators", "ann")[0] == 0
    assert run("score", "study", *METRIC)[0] == 0

    arguments = ("track", "study", "--recipe", "recipe.yaml", *METRIC, "--watch", "--every", "0.5")
    started = command_line(*arguments, "--alerts", "alerts.jsonl")
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(started, cwd=tmp_path, env=environment(), text=True, **streams) as process:
        file = tmp_path / "alerts.jsonl"
        until(lambda: len(alerts(file)) == 3, process)
        assert {one["verdict"] for one in alerts(file)} <= {"not worse", "cannot tell"}
        content = (tmp_path / "anna-step00001200.safetensors").read_bytes()
        place = tmp_path / "loras" / "anna-step00001200.safetensors"
        place.write_bytes(content[: len(content) // 2])  # as a trainer writes it
        time.sleep(2)
        assert len(alerts(file)) == 3
        place.write_bytes(content)
        until(lambda: recorded(tmp_path / "study/ratings.sqlite")[2] == 4, process)
        process.send_signal(signal.SIGINT)
        out = process.communicate(timeout=120)[0]
    assert process.returncode == 1, out
    last = alerts(file)[-1]
    assert (last["candidate"], last["baseline"], last["verdict"]) == ("anna/1200", "anna/900", "worse")
    assert last["text"] == "anna/1200 is worse than anna/900 by Sharpness." and last["text"] in out
    assert last["gate"]["metrics"][0]["pairs"] == 10 and last["gate"]["metrics"][0]["prompts"] == 5

    assert run("gate", "study", "--candidate", "1200", "--against", "900", *METRIC)[0] == 1
    assert run("gate", "study", "--candidate", "900", "--against", "600", *METRIC)[0] == 0
    code, out = run("best", "study", *METRIC)
    assert code == 0 and "anna" in out
    found = json.loads(run("best", "study", *METRIC, "--json", "best.json") and (tmp_path / "best.json").read_text())
    assert "anna/1200" not in json.dumps(found["may_be_best"])

    # the same checkpoint with other seeds, under the names of the first: another noise is no regression
    other = RECIPE.replace("[1, 2]", "[11, 12]").replace("loras/*", "loras/*900").format(base=tiny_folder)
    (tmp_path / "other.yaml").write_text(other)
    assert run("generate", "other", "--recipe", "other.yaml")[0] == 0
    with (tmp_path / "other/items.csv").open(newline="") as table:
        rows = [row for row in csv.DictReader(table) if row["kind"] != "base"]
    with (tmp_path / "other/items.csv").open("w", newline="") as table:
        writer = csv.DictWriter(table, rows[0])
        writer.writeheader()
        writer.writerows(row | {"seed": str(int(row["seed"]) - 10), "model": "twin"} for row in rows)
    code, out = run("track", "study", "other", *METRIC, "--against", "anna/900", "--alerts", "alerts.jsonl")
    # the others were judged against the one before, and are judged against this one too: 1200 is still worse
    assert code == 1 and "10 new images; 10 scored; 4 checkpoints judged." in out, out
    assert "were judged before, by other metrics or against another checkpoint" in out
    assert [one["verdict"] == "worse" for one in alerts(file)[-4:]] == [False, False, True, False]
    last = alerts(file)[-1]
    assert (last["candidate"], last["verdict"]) == ("twin/900", "cannot tell")
    code, out = run("track", "study", "other", *METRIC, "--against", "anna/900")
    assert code == 0 and "Nothing is new." in out


def recorded(database):
    """How many images, values and gates a record has, read beside the process that writes."""
    tables = ("images", "metric_values", "gate_runs")
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        try:
            return tuple(connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables)
        except sqlite3.OperationalError:  # the tables are being made
            return (0, 0, 0)


@pytest.mark.parametrize("moment", [0, 1], ids=["images", "values"])
def test_a_pass_that_is_killed_is_made_good(tmp_path, moment):
    samples(tmp_path / "run", (300, 600, 900), bad=[900])
    write_images(tmp_path / "other", ["a.png", "b.png"])
    for name in ("study", "whole"):
        create_study(tmp_path / name, tmp_path / "other", tasks=["look"], evaluators=1).close()
    old = time.time() - 3600
    for path in tmp_path.rglob("*.png"):
        os.utime(path, (old, old))
    arguments = ("run", "--metric", "contrast,sharpness,exposure", "--alerts", "alerts.jsonl")
    command = command_line("track", "study", *arguments)
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, cwd=tmp_path, env=environment(), text=True, **streams) as process:
        until(lambda: recorded(tmp_path / "study/ratings.sqlite")[moment] > 2, process)
        process.kill()
    assert recorded(tmp_path / "study/ratings.sqlite")[2] < 2
    codes = []
    for name in ("study", "whole"):
        ended = subprocess.run(command_line("track", name, *arguments), cwd=tmp_path, env=environment(), check=False)
        codes.append(ended.returncode)
    assert codes == [1, 1]
    one, other = record_of(tmp_path / "study"), record_of(tmp_path / "whole")
    assert_same({name: one[name] for name in one if name != "gates"}, other)
    assert one["gates"]["verdict"].tolist() == other["gates"]["verdict"].tolist()
    candidates = [(each["study"], each["candidate"]) for each in alerts(tmp_path / "alerts.jsonl")]
    assert sorted(candidates) == [(name, f"anna/{step}") for name in ("study", "whole") for step in (600, 900)]
