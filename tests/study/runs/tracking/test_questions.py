"""What is asked of new checkpoints: the same once, another question again; FID and KID where they are named."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from calibration.decision.figure import plot_best
from calibration.decision.from_tables import StudyTables
from calibration.scale import LIKERT
from metrics.catalogue import make_metrics
from metrics.engine.cache import FeatureCache
from metrics.errors import InputError
from metrics.sets.fid import Fid
from study.folder.create import create_study
from study.folder.study import open_study
from study.runs.baselines import set_baseline
from study.runs.best_files import best_report
from study.runs.folders import RunFolder
from study.runs.reading import study_tables
from study.runs.track import Tracker, TrackSettings
from study.runs.tracking.new_gates import REFUSED
from study.scoring import ScoreSettings
from tests.metrics.pictures import MeanColour
from tests.study.runs.sample_folders import samples
from tests.study.samples import write_images

AGAIN = "judged before, by other metrics or against another checkpoint; these are further gates on the same images."


@pytest.fixture
def study(tmp_path):
    write_images(tmp_path / "other", ["a.png", "b.png"])
    create_study(tmp_path / "study", tmp_path / "other", tasks=["look"], evaluators=1).close()
    return tmp_path / "study"


def one_pass(study, run, metrics=("contrast",), **how):
    settings = TrackSettings(ScoreSettings(metrics), old=0.0, **how)
    told = []
    found = Tracker(study, [RunFolder(run)], settings, tell=told.append).one_pass()
    assert told == found.gates
    return found


def judged(found):
    return [(one.candidate, one.baseline) for one in found.gates]


def test_another_question_is_another_gate_and_the_same_is_none(study, tmp_path):
    run = samples(tmp_path / "run", (300, 600, 900), bad=[900])
    first = one_pass(study, run)
    assert judged(first) == [("anna/600", "anna/300"), ("anna/900", "anna/600")]
    assert not any(AGAIN in note for note in first.notes)
    other = one_pass(study, run, against="300")
    assert judged(other) == [("anna/600", "anna/300"), ("anna/900", "anna/300")]
    (said,) = [note for note in other.notes if AGAIN in note]
    assert said == f"anna/600 and anna/900 were {AGAIN}"
    by_another = one_pass(study, run, metrics=("sharpness",))
    assert [one.result["metrics"][0]["metric"] for one in by_another.gates] == ["sharpness", "sharpness"]
    for how in ({}, {"against": "300"}, {"metrics": ("sharpness",)}):  # in whatever order they come again
        assert one_pass(study, run, **how).is_idle
    both = [one_pass(study, run, metrics=names) for names in (("contrast", "sharpness"), ("sharpness", "contrast"))]
    assert [len(found.gates) for found in both] == [2, 0]
    with open_study(study) as opened:
        keys = [one.alert(study)["key"] for found in (first, other, by_another, both[0]) for one in found.gates]
        assert len(set(keys)) == len(opened.store.runs.gate_runs()) == 8


def test_a_baseline_that_stands_for_another_checkpoint_is_another_question(study, tmp_path):
    run = samples(tmp_path / "run", (300, 600, 900))
    one_pass(study, run)
    with open_study(study) as opened:
        set_baseline(opened, "production", "300")
    assert judged(one_pass(study, run, against="production")) == [("anna/600", "anna/300"), ("anna/900", "anna/300")]
    assert one_pass(study, run, against="production").is_idle
    with open_study(study) as opened:
        set_baseline(opened, "production", "600")
    again = one_pass(study, run, against="production")
    assert judged(again) == [("anna/300", "anna/600"), ("anna/900", "anna/600")]


def test_a_gate_that_was_refused_is_told_anew_once_it_can_be_judged(study, tmp_path, monkeypatch):
    run = samples(tmp_path / "run", (300, 600), bad=[600])

    def refuse(*_, **__):
        raise InputError("Too many scores are missing.")

    monkeypatch.setattr(StudyTables, "gate", refuse)
    (refused,) = one_pass(study, run).gates
    assert refused.verdict == REFUSED and one_pass(study, run).is_idle
    monkeypatch.undo()
    with open_study(study) as opened:
        (number,) = opened.store.runs.images().query("model == 'anna' and step == 600")["image_id"].head(1)
        opened.store.runs.add_values(pd.DataFrame([{"image_id": number, "metric": "another", "score": 1.0}]))
    (one,) = one_pass(study, run).gates
    assert one.verdict == "worse" and one.key != refused.key  # a file of alerts has each key once


# FID


def picture(folder, step, prompt, seed, is_off):
    rng = np.random.default_rng([step, prompt, seed])
    colour = (
        100 + (60.0 if is_off else 0.0) + 10 * np.random.default_rng(prompt).normal(size=3) + 5 * rng.normal(size=3)
    )
    pixels = np.clip(colour + rng.normal(0, 3, (32, 32, 3)), 0, 255).astype(np.uint8)
    path = folder / "sample" / f"anna_{step:06d}_{prompt:02d}_202408{seed:02d}{step:06d}_{seed}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def sets(tmp_path, monkeypatch):
    """A run of 10 prompts x 5 seeds whose last checkpoint lies off, photos like the others, and a small network."""
    for step in (300, 600, 900):
        for prompt in range(10):
            for seed in range(10, 15):
                picture(tmp_path / "run", step, prompt, seed, step == 900)
    texts = "".join(f"prompt {number}\n" for number in range(10))
    (tmp_path / "run" / "sample" / "prompt.txt").write_text(texts, encoding="utf-8")
    (tmp_path / "photos").mkdir()
    for number in range(30):
        Image.new("RGB", (32, 32), (95 + number % 10, 100, 100 + number % 7)).save(
            tmp_path / "photos" / f"{number}.png"
        )

    def made(names, options):
        real = iter(make_metrics([name for name in names if name != "fid"], options))
        return [Fid(MeanColour()) if name == "fid" else next(real) for name in names]

    for place in ("study.scoring", "study.runs.set_gate"):
        monkeypatch.setattr(f"{place}.make_metrics", made)
    monkeypatch.setattr("study.scoring.cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr("study.runs.set_gate.cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "run"


@pytest.mark.parametrize("metrics", [("fid",), ("contrast", "fid")])
def test_sets_decide_where_they_are_named(study, tmp_path, sets, metrics):
    found = one_pass(study, sets, metrics, references=tmp_path / "photos")
    assert judged(found) == [("anna/600", "anna/300"), ("anna/900", "anna/600")]
    by = [{one["metric"]: one["verdict"] for one in gate.result["metrics"]} for gate in found.gates]
    assert [each["fid"] == "worse" for each in by] == [False, True]
    assert set(by[1]) == set(metrics)
    assert one_pass(study, sets, metrics, references=tmp_path / "photos").is_idle


def test_where_images_are_too_few_for_sets_the_other_metrics_decide(study, tmp_path, sets):
    for path in (tmp_path / "run" / "sample").glob("*_1[1234].png"):
        path.unlink()
    found = one_pass(study, sets, ("contrast", "fid"), references=tmp_path / "photos")
    assert [[one["metric"] for one in gate.result["metrics"]] for gate in found.gates] == [["contrast"]] * 2
    (note,) = [note for note in found.notes if "is judged by contrast alone" in note]
    assert "FID of 10 images of 10 prompts says too little" in note
    alone = one_pass(study, sets, ("fid",), references=tmp_path / "photos")
    assert {one.verdict for one in alone.gates} == {REFUSED}


def test_features_of_samples_are_kept(study, tmp_path, sets):
    one_pass(study, sets, ("fid",), references=tmp_path / "photos")
    with open_study(study) as opened:
        images = opened.store.runs.images().query("model == 'anna'")
    cache = FeatureCache(tmp_path / "cache")
    assert len(images) == 150 and all(cache.has(MeanColour().signature, each) for each in images["sha256"])


def test_a_run_by_epoch_without_files_has_gates(study, tmp_path):
    run = samples(tmp_path / "run", (2, 9, 10), bad=[10])
    for path in (run / "sample").glob("*.png"):
        path.rename(path.with_name(path.name.replace("anna_0000", "anna_e0000", 1)))
    found = one_pass(study, run)
    assert judged(found) == [("anna/epoch-9", "anna/epoch-2"), ("anna/epoch-10", "anna/epoch-9")]
    assert [one.verdict == "worse" for one in found.gates] == [False, True]
    said = "The checkpoints of anna are in the order of their epochs, since not all of them have a step."
    assert said in found.notes and said in found.gates[0].result["notes"]
    with open_study(study) as opened:
        images = opened.store.runs.images().query("model == 'anna'")
        assert images["step"].isna().all() and set(images["epoch"]) == {2, 9, 10}
        best = study_tables(opened).best("contrast", "anna")
    assert [one.name for one in best.checkpoints] == ["epoch-2", "epoch-9", "epoch-10"]
    rows = best_report(best, LIKERT).checkpoints
    assert [(one.step, one.epoch) for one in rows] == [(None, 2), (None, 9), (None, 10)]
    from matplotlib.figure import Figure

    assert plot_best(best, LIKERT, Figure().subplots()).get_xlabel() == "epoch"


def test_a_pass_looks_once_for_what_is_new_before_its_gates(study, tmp_path, monkeypatch):
    run = samples(tmp_path / "run", (300, 600), bad=[600])
    monkeypatch.setattr("study.runs.reading.record_study", lambda *_, **__: pytest.fail("it was recorded already"))
    assert [one.verdict for one in one_pass(study, run).gates] == ["worse"]
