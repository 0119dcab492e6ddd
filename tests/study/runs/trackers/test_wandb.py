"""W&B's offline runs, as its own client writes them."""

import math
import struct
import zlib

import pytest

from metrics.errors import InputError
from study.runs.trackers import wandb
from study.runs.types import Scalar, TrackedRun
from tests.study.runs.trackers.examples import assert_same, example, pictures

LOGGING = """
import math, sys, wandb
from PIL import Image
how = wandb.Settings(mode="offline", root_dir=sys.argv[1], console="off", silent=True, x_disable_stats=True,
    x_disable_meta=True, disable_git=True, disable_code=True)
run = wandb.init(project="p", name="lora", config={"rank": 4, "net": {"layers": [1, 2]}}, settings=how)
run.define_metric("epoch")
run.define_metric("val/*", step_metric="epoch")
run.define_metric("half", step_metric="share")
for number in range(3):
    Image.new("RGB", (8, 8), (number, 0, 0)).save(f"{sys.argv[1]}/{number}.png")
    image = wandb.Image(f"{sys.argv[1]}/{number}.png", caption=f"0: cat {number}")
    run.log({"loss": 0.5 + number, "train": {"lr": 0.1}, "said": "words"}, step=100 * number)
    run.log({"samples": [image, image]}, step=100 * number)
    run.log({"single": image}, step=100 * number)
    run.log({"epoch": number, "val/acc": 0.25 * number, "share": number / 2, "half": number}, step=100 * number + 1)
run.log({"bad": math.nan, "worse": -math.inf}, step=300)
run.finish()
wandb.teardown()
"""


@pytest.fixture(scope="module")
def logged(tmp_path_factory):
    """The folder in which W&B's client logged a run of its own."""
    import subprocess
    import sys

    folder = tmp_path_factory.mktemp("wandb")
    subprocess.run([sys.executable, "-c", LOGGING, str(folder)], check=True, cwd=folder, capture_output=True)
    return folder


@pytest.fixture
def log(logged, tmp_path):
    """The log of that run, in a folder of its own to be changed."""
    import shutil

    shutil.copytree(logged / "wandb", tmp_path / "wandb", ignore=shutil.ignore_patterns("latest-run"))
    (path,) = (tmp_path / "wandb").rglob("*.wandb")
    return path


def points(run, name):
    return [(one.step, one.value, one.axis) for one in run.scalars if one.name == name]


def test_runs_are_the_same_after_a_round_trip(tmp_path):
    runs = [example(), example("../b")]
    wandb.write(runs, tmp_path / "out")
    found = {run.name: run for run in wandb.read(tmp_path / "out" / "wandb")}
    for run in runs:
        assert_same(found[run.name], run)
    assert all(path.is_relative_to(tmp_path / "out" / "wandb") for path in tmp_path.rglob("*.png"))


def test_what_the_client_logged(logged):
    (run,) = wandb.read_here(logged)
    assert run.name == "lora" and run.config == {"rank": 4, "net": {"layers": [1, 2]}}
    assert points(run, "loss") == [(0, 0.5, ""), (100, 1.5, ""), (200, 2.5, "")]
    assert points(run, "train.lr") == [(step, 0.1, "") for step in (0, 100, 200)]
    assert points(run, "worse") == [(300, -math.inf, "")] and math.isnan(points(run, "bad")[0][1])
    assert not points(run, "said")


def test_a_metric_with_another_axis_stands_on_it(logged):
    (run,) = wandb.read_here(logged)
    assert points(run, "val/acc") == [(0, 0.0, "epoch"), (1, 0.25, "epoch"), (2, 0.5, "epoch")]
    assert points(run, "epoch") == [(1, 0.0, ""), (101, 1.0, ""), (201, 2.0, "")]
    # an axis with fractions is no step: W&B's own stand, and it is said
    assert points(run, "half") == [(1, 0.0, ""), (101, 1.0, ""), (201, 2.0, "")]
    assert any("share, which has fractions" in note for note in run.notes)


def test_a_picture_has_the_step_of_its_record(logged):
    (run,) = wandb.read_here(logged)
    assert [(one.key, one.step, one.index) for one in run.images if one.key == "samples"] == [
        ("samples", step, index) for step in (0, 100, 200) for index in (0, 1)
    ]
    assert [one.step for one in run.images if one.key == "single"] == [0, 100, 200]
    found = pictures(run)
    for number in range(3):
        content, seed, caption = found["samples", 100 * number, 1]
        assert content == (logged / f"{number}.png").read_bytes()
        assert (seed, caption) == (None, f"0: cat {number}")


def test_a_log_that_is_cut_off_gives_what_stands_before_it(log):
    whole = log.read_bytes()
    before = None
    for share in (0.9, 0.6, 0.3):
        log.write_bytes(whole[: int(len(whole) * share)])
        (run,) = wandb.read_here(log)
        assert len(run.notes) >= 1 and "killed" in run.notes[0]
        assert before is None or len(run.scalars) <= before
        before = len(run.scalars)


def test_a_killed_run_without_a_record_of_its_end_is_read(log):
    records = list(wandb._records(log, []))
    rewritten(log, [body for body in records if kind(body) not in ("exit", "final")])
    (run,) = wandb.read_here(log)
    assert len(points(run, "loss")) == 3 and any("no record of its end" in note for note in run.notes)


def kind(body):
    from wandb.proto import wandb_internal_pb2

    return wandb_internal_pb2.Record.FromString(body).WhichOneof("record_type")


def rewritten(path, records):
    """Write a log of these records, whole ones in a block each."""
    out = bytearray(struct.pack("<4sHB", b":W&B", 0xBEE1, 0))
    for body in records:
        while body is not None:
            left = 32768 - len(out) % 32768
            if left < 7:
                out += b"\0" * left
                continue
            assert len(body) <= left - 7 or len(body) < 32000
            if len(body) > left - 7:
                out += b"\0" * left
                continue
            out += struct.pack("<IHB", zlib.crc32(body, zlib.crc32(b"\x01")), len(body), 1) + body
            body = None
    path.write_bytes(out)


def test_a_damaged_log_gives_what_stands_before_the_damage(log):
    whole = bytearray(log.read_bytes())
    whole[len(whole) // 2] ^= 0xFF
    log.write_bytes(whole)
    (run,) = wandb.read_here(log)
    assert any("damaged" in note for note in run.notes) and points(run, "loss")


def test_records_longer_than_a_block_are_put_together(tmp_path):
    long = TrackedRun("long", {"words": "x" * 200_000}, (Scalar("loss", 0, 1.0),))
    wandb.write([long], tmp_path)
    (run,) = wandb.read_here(tmp_path)
    assert_same(run, long)


def test_a_path_that_leads_out_of_the_runs_folder_gives_no_picture(log):
    from wandb.proto import wandb_internal_pb2

    secret = log.parents[2] / "secret.png"
    secret.write_bytes((log.parent / "files").rglob("*.png").__next__().read_bytes())
    records = []
    for body in wandb._records(log, []):
        record = wandb_internal_pb2.Record.FromString(body)
        for item in record.history.item:
            if item.nested_key and item.nested_key[-1] == "filenames":
                item.value_json = f'["../../../secret.png", "{secret}", "/etc/passwd"]'
        records.append(record.SerializeToString())
    rewritten(log, records)
    (run,) = wandb.read_here(log)
    assert {one.key for one in run.images} == {"single"}
    assert any("9 pictures that the log names are not in the run's folder" in note for note in run.notes)


def test_what_is_none_of_wandbs_is_said(tmp_path):
    (tmp_path / "run-a.wandb").write_bytes(b"\x89PNG and more")
    with pytest.raises(InputError, match="is no log of W&B"):
        wandb.read_here(tmp_path)
    with pytest.raises(InputError, match=r"holds no \.wandb file"):
        (tmp_path / "run-a.wandb").unlink()
        wandb.read_here(tmp_path)
    with pytest.raises(InputError, match="is not there"):
        wandb.read(tmp_path / "nothing")
