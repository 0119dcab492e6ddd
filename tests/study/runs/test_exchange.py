"""What is exported to a tracker is there again, in every table, when it is imported into another study."""

import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from metrics.errors import InputError
from study.folder.create import create_study
from study.folder.study import open_study
from study.runs.exchange import export_runs, import_runs, read_tracker, write_tracker
from study.runs.types import Scalar, TrackedImage, TrackedRun
from tests.study.command import run_cli
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
    found = {name: table[table["model"] != ""] for name, table in found.items()}  # the study's own is of no model
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
    files = there.store.runs.images().query("model != ''")
    for path, digest in zip(files["path"], files["sha256"], strict=True):
        assert sha((there.folder / path).read_bytes()) == digest

    again = import_runs(there, read_tracker(tracker, tmp_path / "out"))
    assert (again.runs, sorted(again.known), again.scalars + again.images + again.values) == ([], ["anna", "bob/2"], 0)
    assert_equal(before, tables(there))

    counts = {name: len(table) for name, table in tables(here).items()}
    import_runs(here, found)  # back into the study that it came from: nothing is doubled
    assert {name: len(table) for name, table in tables(here).items()} == counts
    assert_equal(before, tables(here))


@pytest.mark.parametrize("tracker", TRACKERS)
def test_a_study_that_is_named_from_here_is_exported_with_its_pictures(new_study, tmp_path, monkeypatch, tracker):
    here = new_study("here")
    fill(here)
    monkeypatch.chdir(here.folder.parent)
    with open_study(Path(here.folder.name)) as opened:
        runs, _ = export_runs(opened)
    write_tracker(tracker, runs, Path("out"))
    assert sum(len(run.images) for run in read_tracker(tracker, Path("out"))) == 30


def logged(points=4, **of):
    """A run that somebody else logged."""
    scalars = tuple(Scalar("loss", step // 2 * 100, 0.5 / (1 + step)) for step in range(points))
    images = [TrackedImage("samples", 300, index, picture(index), None, f"{index}: a cat") for index in range(2)]
    images += [TrackedImage("validation/dog", step, 0, picture(step), None, "") for step in (300, 600)]
    images += [TrackedImage("many", 300, index, picture(50 + index), 7, "") for index in range(2)]
    return replace(TrackedRun("lora", {"lr": 0.1}, scalars, tuple(images), "wandb", "abc"), **of)


def test_what_somebody_else_logged_is_taken_over(new_study):
    study = new_study("here")
    done = import_runs(study, [logged()])
    record = study.store.runs
    assert (done.scalars, done.images, done.values, done.runs) == (4, 6, 0, ["lora"])
    curve = record.scalars()
    assert curve[["metric", "step", "ordinal"]].values.tolist() == [
        ["loss", step, ordinal] for step in (0, 100) for ordinal in (0, 1)
    ]
    assert set(curve["source"]) == {"wandb:abc"}
    images = record.images().query("model == 'lora'")
    assert images[["checkpoint", "step", "prompt", "seed", "width"]].values.tolist() == [
        ["300", 300, "a cat", "", 16],
        ["300", 300, "a cat", "", 16],
        ["300", 300, "validation/dog", "", 16],
        ["600", 600, "validation/dog", "", 16],
        ["300", 300, "many [0]", "7", 16],
        ["300", 300, "many [1]", "7", 16],
    ]
    for path, image in zip(images["path"], logged().images, strict=True):
        assert path.startswith("runs/lora/") and (study.folder / path).read_bytes() == image.picture
    assert json.loads(record.runs().query("model == 'lora'")["config"].item()) == {"lr": 0.1}
    assert sum("without a seed" in note for note in done.notes) == 1


def test_a_run_that_has_grown_adds_what_is_new(new_study):
    study = new_study("here")
    import_runs(study, [logged()])
    assert import_runs(study, [logged()]).known == ["lora"]
    done = import_runs(study, [logged(points=7)])
    assert (done.scalars, done.images, done.runs) == (3, 0, ["lora"])
    assert len(study.store.runs.scalars()) == 7
    done = import_runs(study, [logged(points=7, config={"lr": 0.2})])  # described otherwise: no point comes twice
    assert (done.scalars, len(study.store.runs.scalars())) == (0, 7)


def test_a_crash_between_rows_and_note_is_made_good(new_study, monkeypatch):
    study = new_study("here")
    monkeypatch.setattr(type(study.store.runs), "add_import", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        import_runs(study, [logged()])
    monkeypatch.undo()
    done = import_runs(study, [logged()])
    assert (done.runs, done.scalars, done.images) == (["lora"], 0, 0)
    assert len(study.store.runs.scalars()) == 4


def test_names_of_runs_lead_nowhere(new_study):
    study = new_study("here")
    before = {path for path in study.folder.parent.rglob("*") if not path.is_relative_to(study.folder)}
    keys = ("../../../up", "/etc/x", "a\0b", "CON", "x" * 300)
    images = tuple(TrackedImage(key, 0, 0, picture(number)) for number, key in enumerate(keys))
    done = import_runs(study, [logged(name="../../out\0", images=images, external_id="..")])
    paths = study.store.runs.images().query("model != ''")["path"]
    assert done.images == len(paths) == len(set(paths)) == 5
    assert all((study.folder / path).resolve().is_relative_to(study.folder.resolve() / "runs") for path in paths)
    assert {path for path in study.folder.parent.rglob("*") if not path.is_relative_to(study.folder)} == before


def test_runs_whose_ids_begin_alike_stay_as_many(new_study):
    study = new_study("here")
    own = [f"my-training-run-{number}" for number in range(3)]
    names = ["lora", "lora (my-training-)", "lora (my-training-run-2)"]
    assert import_runs(study, [logged(external_id=each) for each in own]).runs == names
    assert import_runs(study, [logged(6, external_id=each) for each in reversed(own)]).runs == names[::-1]
    curves = study.store.runs.scalars().groupby("model")["source"].unique().map(sorted).to_dict()
    assert curves == {name: [f"wandb:{each}"] for name, each in zip(names, own, strict=True)}


def test_names_are_on_a_line_of_their_own_and_no_command_of_a_terminal(new_study):
    study = new_study("here")
    scalars = (Scalar("lo\x1b[2Jss\n::error::x", 1, 0.5), Scalar("m" * 9000, 1, 0.5, "a\nb"))
    run = TrackedRun("ru\x1b[31mn\nx", {}, scalars, (), "wandb", "i\0d" * 3000)
    import_runs(study, [run])
    record = study.store.runs
    found = record.scalars()
    told = [*record.runs()["model"], *record.runs()["source"], *found["metric"], *found["axis"]]
    assert all(text.isprintable() and len(text.encode()) < 500 for text in told)
    assert set(found["metric"]) > {"lo [2Jss ::error::x"} and "ru [31mn x" in set(found["model"])
    assert import_runs(study, [run]).known == ["ru [31mn x"]


def test_settings_that_no_file_holds_do_not_stop_a_later_export(new_study, tmp_path):
    study = new_study("here")
    config = {"half": "a\ud800", "deep": {}}
    inner = config["deep"]
    for _ in range(400):
        inner["k"] = {}
        inner = inner["k"]
    import_runs(study, [replace(logged(), config=config)])
    runs, _ = export_runs(study)
    write_tracker("tensorboard", runs, tmp_path / "out")
    (found,) = read_tracker("tensorboard", tmp_path / "out")
    assert found.config["half"] == "a?"


def test_a_long_key_in_another_script_is_a_files_name(new_study):
    study = new_study("here")
    prompts = ["\u732b" * 300, "\u732b" * 299 + "\u72ac"]
    images = tuple(TrackedImage(key, 0, 0, picture(number)) for number, key in enumerate(prompts))
    assert import_runs(study, [logged(name="\u732b" * 200, images=images)]).images == 2
    assert set(study.store.runs.images()["prompt"]) > set(prompts)


def test_two_runs_of_one_name_stay_two(new_study):
    study = new_study("here")
    assert import_runs(study, [logged(), logged(external_id="def")]).runs == ["lora", "lora (def)"]
    # and again on another day, by what tells them apart; another tracker's run of that name is the same training
    assert import_runs(study, [logged(external_id="ghi")]).runs == ["lora (ghi)"]
    assert import_runs(study, [logged(6, external_id="def"), logged(6)]).runs == ["lora (def)", "lora"]
    assert import_runs(study, [logged(source="mlflow", external_id="123")]).runs == ["lora"]
    curves = study.store.runs.scalars().groupby("model")["source"].unique().map(sorted).to_dict()
    assert curves == {"lora": ["mlflow:123", "wandb:abc"], "lora (def)": ["wandb:def"], "lora (ghi)": ["wandb:ghi"]}


def test_pictures_that_are_none_are_left_out_and_said(new_study):
    study = new_study("here")
    bad = {"text": b"words", "cut": picture(1)[:100], "gif": b"GIF89a", "gone": study.folder / "no.png"}
    images = tuple(TrackedImage(key, 0, 0, content) for key, content in bad.items())
    done = import_runs(study, [logged(images=(*images, TrackedImage("good", 0, 0, picture(2))))])
    assert done.images == 1
    (note,) = [note for note in done.notes if "left out" in note]
    assert "4 pictures left out" in note and all(key in note for key in bad)
    assert len(list((study.folder / "runs").rglob("*.png"))) == 1


def test_a_damaged_export_is_refused(new_study):
    study = new_study("here")
    fill(study)
    (run,) = export_runs(study, ["anna"])[0]
    config = json.loads(json.dumps(dict(run.config)))
    config["humangrade"]["images"][0]["prompt"] = 99
    with pytest.raises(InputError, match="export kept of the run 'anna' is damaged"):
        import_runs(study, [replace(run, config=config)])


def test_pictures_that_are_gone_are_not_exported(new_study):
    study = new_study("here")
    fill(study)
    gone = study.store.runs.images().query("model == 'anna'")["path"].iloc[0]
    (study.folder / gone).unlink()
    (run,), (note,) = export_runs(study, ["anna"])
    assert len(run.images) == 29 and gone in note
    with pytest.raises(InputError, match="has no run 'nobody'; it has 'anna' and 'bob/2'"):
        export_runs(study, ["nobody"])


def test_a_mean_stands_beside_the_values(new_study):
    study = new_study("here")
    fill(study)
    (run,) = export_runs(study, ["anna"])[0]
    values = study.store.runs.values().merge(study.store.runs.images(), on="image_id").query("metric == 'contrast'")
    means = {one.name: one.value for one in run.scalars if one.name.startswith("contrast/mean")}
    # two stand at step 600, and so do e3 and odd at none
    assert {name.removeprefix("contrast/mean") for name in means} == {"", " (600)", " (final)"}
    assert means["contrast/mean (600)"] == pytest.approx(values.query("checkpoint == '600'")["score"].mean())


def test_the_commands(new_study, tmp_path, monkeypatch, capsys, shared):
    study = new_study("here")
    fill(study)
    study.close()
    out = tmp_path / "out"
    code, said, _ = run_cli(monkeypatch, capsys, "runs", "export", study.folder, out, "--to", "tensorboard")
    assert code == 0 and f"Written to {out}: 2 runs" in said and "30 pictures" in said
    code, said, _ = run_cli(monkeypatch, capsys, "runs", "export", study.folder, out, "--to", "tensorboard")
    assert code == 0 and f"{out} has 2 runs as they are now already." in said and "Written" not in said
    with open_study(study.folder) as opened:
        point = pd.DataFrame([{"model": "bob/2", "metric": "lr", "step": 1, "value": 0.25}])
        opened.store.runs.add_scalars(point, "tb")
    code, said, _ = run_cli(monkeypatch, capsys, "runs", "export", study.folder, out, "--to", "tensorboard")
    assert f"Written to {out}: 1 run (1 in the place of an earlier export), 2 points of curves, 0 pictures." in said
    assert code == 0 and f"{out} has 1 run as it is now already." in said
    there = new_study("there")
    there.close()
    code, said, _ = run_cli(monkeypatch, capsys, "runs", "import", there.folder, out, "--from", "tensorboard")
    assert code == 0 and "Imported 2 runs, new: 13 points of curves, 30 pictures, 70 values of metrics." in said
    code, said, _ = run_cli(monkeypatch, capsys, "runs", "import", there.folder, out, "--from", "tensorboard")
    assert code == 0 and "Passed over 2 runs that were imported before." in said and "Imported" not in said
    real = shared / "data" / "runs" / "tensorboard_textual_inversion"
    code, said, _ = run_cli(monkeypatch, capsys, "runs", "import", there.folder, real, "--from", "tensorboard")
    assert code == 0 and "Imported 1 run, new: 1,772 points of curves, 0 pictures." in said
    with open_study(there.folder) as opened:
        curve = opened.store.runs.scalars().query("model == 'textual_inversion' and metric == 'loss'")
        assert len(curve) == 886 and curve["step"].nunique() == 444 and set(curve["ordinal"]) == {0, 1}
    code, _, error = run_cli(monkeypatch, capsys, "runs", "import", there.folder, tmp_path / "no", "--from", "wandb")
    assert code == 2 and "is not there; name a .wandb file" in error
    code, _, error = run_cli(monkeypatch, capsys, "runs", "export", there.folder, out, "--to", "mlflow", "--run", "x")
    assert code == 2 and "has no run 'x'" in error
