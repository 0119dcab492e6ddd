"""What is exported to a tracker is there again, in every table, when it is imported into another study."""

import json
import math

import pandas as pd
import pytest
from PIL import Image

from study.folder.create import create_study
from study.runs.exchange import export_runs, import_runs, read_tracker, write_tracker
from tests.study.runs.trackers.examples import picture

TRACKERS = ("mlflow", "tensorboard", "wandb", "trackio")
IMAGE = ["model", "subject", "n_training_images", "checkpoint", "step", "epoch", "kind", "prompt", "negative", "group"]
IMAGE += ["seed", "recipe", "sha256", "width", "height"]
CURVE = ["model", "metric", "axis", "source", "step", "ordinal", "value"]


@pytest.fixture
def new_study(tmp_path):
    """A function that makes a study of one picture, which no checkpoint drew."""
    opened = []

    def make(name):
        photos = tmp_path / f"{name}-images"
        photos.mkdir()
        Image.new("RGB", (32, 32), "white").save(photos / "a.png")
        opened.append(create_study(tmp_path / name, photos, tasks=["fun"], evaluators=["ann"]))
        return opened[-1]

    yield make
    for study in opened:
        study.close()


def fill(study):
    """Record a run with all that the tables hold, and another with curves alone."""
    record = study.store.runs
    record.add_runs(pd.DataFrame([{"model": "anna", "config": json.dumps({"lr": 1e-4, "net": {"rank": 8}})}]), "kohya")
    rows = []
    states = [("300", 300, None), ("600", 600, 2), ("final", 600, None), ("e3", None, 3), ("odd", None, None)]
    for number, (checkpoint, step, epoch) in enumerate(states):
        for prompt in range(2):
            for seed in ("42", "18446744073709551615", ""):
                content = picture(100 * number + 10 * prompt + len(seed), "JPEG" if seed == "" else "PNG")
                path = study.folder / "runs" / "anna" / checkpoint / f"p{prompt}_{seed}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                rows.append({"model": "anna", "subject": "cat", "n_training_images": 12, "checkpoint": checkpoint})
                rows[-1] |= {
                    "step": step,
                    "epoch": epoch,
                    "kind": "lora",
                    "checkpoint_file": f"{checkpoint}.safetensors",
                }
                rows[-1] |= {"checkpoint_sha256": "ab" * 32, "layers_in_file": 128, "layers_applied": 127}
                rows[-1] |= {"prompt": f"sks, number {prompt} «é»", "negative": "blurry", "group": f"g{prompt}"}
                rows[-1] |= {"seed": seed, "recipe": json.dumps({"steps": 3 + prompt}), "width": 16, "height": 16}
                rows[-1] |= {"path": path.relative_to(study.folder).as_posix(), "sha256": sha(content)}
    record.add_images(pd.DataFrame(rows), "kohya")
    images = record.images()
    values = [
        {"image_id": one, "metric": metric, "score": value, "signature": f"metric:{metric}|v{k % 2}", "note": note}
        for k, one in enumerate(images["image_id"])
        for metric, value, note in (
            ("contrast", k / 7, ""),
            ("face similarity/x", None if k % 3 else k * 1e-300, "no face"),
        )
    ]
    record.add_values(pd.DataFrame(values))
    sets = [
        {
            "model": "anna",
            "checkpoint": name,
            "metric": "fid",
            "group": group,
            "score": 3.25 * n,
            "low": low,
            "high": n / 3,
        }
        | {"n": 50 + n, "signature": "metric:fid", "note": "few"}
        for n, (name, *_) in enumerate(states)
        for group, low in (("", None), ("faces", n / 9))
    ]
    record.add_set_values(pd.DataFrame(sets))
    curve = [("anna", "loss", step, 1 / (step + 3), "") for step in (0, 0, 300, 300)]
    curve += [("anna", "loss", 600, value, "") for value in (math.nan, math.inf, -math.inf)]
    curve += [("anna", "val/acc (%)", epoch, epoch / 3, "epoch") for epoch in range(3)]
    columns = ["model", "metric", "step", "value", "axis"]
    record.add_scalars(pd.DataFrame(curve, columns=columns), "wandb:abc")
    record.add_scalars(pd.DataFrame([("anna", "loss", 0, 9.0, ""), ("bob/2", "lr", 0, 0.5, "")], columns=columns), "tb")
    record.add_runs(pd.DataFrame([{"model": "bob/2"}]), "tb")


def sha(content):
    import hashlib

    return hashlib.sha256(content).hexdigest()


def tables(study):
    """All tables, without the numbers, places and moments that differ between any two studies."""
    record = study.store.runs
    images = record.images()
    of = images[["image_id", *IMAGE]]
    values = record.values().merge(of, on="image_id")
    found = {
        "runs": record.runs().drop(columns="created_at"),
        "checkpoints": record.checkpoints(),
        "images": images[IMAGE],
        "values": values.drop(columns=["image_id", "item"]),
        "sets": record.set_values().drop(columns="at"),
        "scalars": record.scalars()[CURVE],
    }
    return {
        name: table.sort_values(list(table.columns), ignore_index=True, key=lambda cells: cells.astype(str))
        for name, table in found.items()
    }


def assert_equal(one, other):
    for name in one:
        pd.testing.assert_frame_equal(one[name], other[name], check_exact=True, obj=name)


@pytest.mark.parametrize("tracker", TRACKERS)
def test_a_round_trip_gives_equal_tables(new_study, tmp_path, tracker):
    here, there = new_study("here"), new_study("there")
    fill(here)
    runs, notes = export_runs(here)
    assert not notes
    write_tracker(tracker, runs, tmp_path / "out")
    found = read_tracker(tracker, tmp_path / "out")
    done = import_runs(there, found)
    assert sorted(done.runs) == ["anna", "bob/2"] and not done.notes
    assert (done.scalars, done.images, done.values) == (12, 30, 60 + 10)
    before = tables(there)
    assert len(before["images"]) == 30 and len(before["values"]) == 60 and len(before["sets"]) == 10
    assert_equal(tables(here), before)
    for path, digest in zip(there.store.runs.images()["path"], there.store.runs.images()["sha256"], strict=True):
        assert sha((there.folder / path).read_bytes()) == digest

    again = import_runs(there, read_tracker(tracker, tmp_path / "out"))
    assert (again.runs, sorted(again.known), again.scalars + again.images + again.values) == ([], ["anna", "bob/2"], 0)
    assert_equal(before, tables(there))

    counts = {name: len(table) for name, table in tables(here).items()}
    import_runs(here, found)  # back into the study that it came from: nothing is doubled
    assert {name: len(table) for name, table in tables(here).items()} == counts
    assert_equal(before, tables(here))
