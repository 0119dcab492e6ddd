"""Passes of tracking: what is new is taken in, scored and judged once, and a second pass adds nothing."""

import json
import os
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from metrics.errors import InputError
from study.folder.create import create_study
from study.folder.study import open_study
from study.runs import track as tracking
from study.runs.folders import RunFolder, named_folder
from study.runs.outside import photos_of
from study.runs.reading import study_tables
from study.runs.track import Tracker, TrackSettings, only_tracker
from study.runs.tracking.new_gates import REFUSED
from study.runs.tracking.new_scores import Scorer
from study.scoring import ScoreSettings, score_study
from tests.study.runs.sample_folders import METRICS, PROMPTS, sample, samples
from tests.study.samples import write_images

SETTINGS = TrackSettings(ScoreSettings(METRICS), old=0.0)
ONE_METRIC = replace(SETTINGS, score=ScoreSettings(METRICS[:1]))


@pytest.fixture
def study(tmp_path) -> Path:
    """A study of something else, whose images are no checkpoints."""
    write_images(tmp_path / "other", ["a.png", "b.png"])
    create_study(tmp_path / "study", tmp_path / "other", tasks=["look"], evaluators=1).close()
    return tmp_path / "study"


def tracker(study, *folders, settings=SETTINGS, **how):
    return Tracker(
        study, [each if isinstance(each, RunFolder) else RunFolder(each) for each in folders], settings, **how
    )


def record_of(study) -> dict[str, pd.DataFrame]:
    """All that the record holds, without when and under which numbers."""
    with open_study(study) as opened:
        runs = opened.store.runs
        images = runs.images()
        tables = {
            "images": images,
            "places": runs.places().drop(columns="mtime_ns"),  # unknown of files that are very new
            "values": runs.values().merge(images[["image_id", "path"]]),
            "sets": runs.set_values(),
            "checkpoints": runs.checkpoints(),
            "gates": runs.gate_runs(),
        }
    for name, table in tables.items():
        kept = table.drop(columns=[each for each in ("image_id", "id", "at", "recorded_at") if each in table.columns])
        if name == "gates":
            kept = kept.assign(settings=[{**each, "values": ""} for each in kept["settings"]])
        tables[name] = kept.astype(str).sort_values(list(kept.columns), ignore_index=True)
    return tables


def assert_same(one, other):
    for name, table in one.items():
        pd.testing.assert_frame_equal(table, other[name], obj=name)


def test_a_run_is_taken_in_scored_and_judged_and_then_nothing_is_new(study, tmp_path):
    run = samples(tmp_path / "my run ü", (300, 600, 900), bad=[900])
    told = []
    found = tracker(study, run, tell=told.append).one_pass()
    assert (found.images, found.scored) == (2 + 3 * PROMPTS, 2 + 3 * PROMPTS)
    assert [(one.candidate, one.baseline, one.verdict == "worse") for one in found.gates] == [
        ("anna/600", "anna/300", False),
        ("anna/900", "anna/600", True),
    ]
    assert told == found.gates
    assert "anna/300 is the first checkpoint of its run; gates begin with the next." in found.notes
    with open_study(study) as opened:
        images, values = opened.store.runs.images(), opened.store.runs.values()
        sets, gates = opened.store.runs.set_values(), opened.store.runs.gate_runs()
    mine = images[images["model"] == "anna"]
    assert mine["step"].unique().tolist() == [300, 600, 900] and (mine["prompt"] != "").all()
    counts = values[values["image_id"].isin(mine["image_id"])].groupby("metric").size().to_dict()
    assert counts == {"contrast": 3 * PROMPTS, "sharpness": 3 * PROMPTS}
    contrast = sets[(sets["metric"] == "contrast") & (sets["model"] == "anna")]
    assert contrast["n"].tolist() == [PROMPTS] * 3
    of = values[(values["metric"] == "contrast") & values["image_id"].isin(mine["image_id"][mine["step"] == 900])]
    assert contrast["score"].iloc[2] == pytest.approx(of["score"].mean())
    assert gates["verdict"].tolist() == [one.verdict for one in found.gates]
    assert gates["result"].iloc[1]["exit_code"] == 1
    before = record_of(study)
    assert tracker(study, run, tell=told.append).one_pass().is_idle
    assert_same(before, record_of(study))
    assert len(told) == 2


def test_a_checkpoint_is_judged_once_it_has_all_its_images(study, tmp_path):
    run = samples(tmp_path / "run", (300,))
    tracked = tracker(study, run)
    assert tracked.one_pass().gates == []
    samples(run, (600,), bad=[600], numbers=range(3))
    found = tracked.one_pass()
    assert (found.images, found.gates) == (3, [])
    assert found.notes == [
        "anna/600 has 3 images so far, and anna/300 has 8; its gate waits for the rest, or for the next checkpoint."
    ]
    samples(run, (600,), bad=[600], numbers=range(3, PROMPTS))
    found = tracked.one_pass()
    assert [(one.candidate, one.verdict) for one in found.gates] == [("anna/600", "worse")]
    assert tracked.one_pass().is_idle


def test_a_hole_is_judged_when_the_next_checkpoint_is_there(study, tmp_path):
    run = samples(tmp_path / "run", (300,))
    samples(run, (600,), numbers=range(PROMPTS - 1))
    samples(run, (900,), numbers=range(2))
    found = tracker(study, run).one_pass()
    assert [one.candidate for one in found.gates] == ["anna/600"]


@pytest.mark.parametrize("seed", [None, 7])
def test_without_seeds_there_is_a_trend_and_no_gate(study, tmp_path, seed):
    run = samples(tmp_path / "run", (300, 600), bad=[600], seed=seed)
    found = tracker(study, run).one_pass()
    assert len(found.gates) == (seed is not None)
    without = [note for note in found.notes if "there is neither gate nor best" in note]
    assert len(without) == (seed is None) and found.scored == 2 + 2 * PROMPTS
    with open_study(study) as opened:
        images = opened.store.runs.images()
        assert len(opened.store.runs.set_values().query("model == 'anna' and metric == 'contrast'")) == 2
    assert set(images["seed"][images["model"] == "anna"]) == {"" if seed is None else str(seed)}


def test_what_holds_for_several_runs_is_said_once(study, tmp_path):
    folders = [
        named_folder(f"{name}={samples(tmp_path / name / 'anna', (300, 600), seed=None)}", [])
        for name in ("ben", "carl")
    ]
    notes = tracker(study, *folders).one_pass().notes
    without = [note for note in notes if "there is neither gate nor best" in note]
    assert len(without) == 1 and without[0].startswith("ben and carl: the seeds of the images are not known, ")


def test_a_real_sample_folder(study, shared, tmp_path):
    names = (shared / "data" / "runs" / "kohya_sample_names.txt").read_text(encoding="utf-8").split()
    tracked = tracker(study, write_images(tmp_path / "sample", names[:-1]))
    found = [tracked.one_pass()]
    write_images(tmp_path / "sample", names[-1:], seed=99)
    found += [tracked.one_pass(), tracked.one_pass()]
    assert [(each.images, each.scored, len(each.gates)) for each in found] == [(46, 46, 0), (1, 1, 0), (0, 0, 0)]
    said = "gta-loragta-lora: the seeds of the images are not known, so each step may have another noise"
    assert [sum(note.startswith(said) for note in each.notes) for each in found] == [1, 0, 0]
    with open_study(study) as opened:
        trend = opened.store.runs.set_values().query("metric == 'contrast' and model == 'gta-loragta-lora'")
    assert trend["step"].tolist() == list(range(3412, 3501, 2)) and trend["score"].notna().all()


def test_prompts_of_the_trainers_file_make_a_gate(study, tmp_path):
    run = samples(tmp_path / "run", (300, 600), bad=[600], prompts=False)
    tracked = tracker(study, run)
    found = tracked.one_pass()
    assert found.gates == [] and any(
        "name the trainer's file of prompts with --prompts" in note for note in found.notes
    )
    texts = [f"prompt {number}" for number in range(PROMPTS)]
    found = tracker(study, RunFolder(run, prompts=texts)).one_pass()
    assert [(one.candidate, one.verdict) for one in found.gates] == [("anna/600", "worse")]


def test_prompts_of_the_trainers_file_reach_the_studys_own_images(tmp_path):
    run = samples(tmp_path / "run", (300, 600, 900), bad=[900], prompts=False)
    create_study(tmp_path / "study", run / "sample", tasks=["look"], evaluators=1).close()
    first = tracker(tmp_path / "study", run).one_pass()
    assert not first.gates and "name the trainer's file of prompts with --prompts" in " ".join(first.notes)
    texts = [f"a cat {number}" for number in range(PROMPTS)]
    found = tracker(tmp_path / "study", RunFolder(run, prompts=texts)).one_pass()
    assert [(one.candidate, one.verdict == "worse") for one in found.gates] == [("anna/600", False), ("anna/900", True)]
    for folders in ((), (run,), (RunFolder(run, prompts=texts),)):  # what was learnt stays known
        assert tracker(tmp_path / "study", *folders).one_pass().is_idle
    with open_study(tmp_path / "study") as opened:
        assert study_tables(opened).gate("900", "600", ["contrast"]).gate.verdict == "worse"
        assert set(opened.store.runs.images()["prompt"]) == set(texts)
    items = pd.read_csv(tmp_path / "study" / "items.csv", dtype=str)
    items.assign(prompt="of " + items["prompt_number"]).to_csv(tmp_path / "study" / "items.csv", index=False)
    tracker(tmp_path / "study", RunFolder(run, prompts=texts)).one_pass()
    with open_study(tmp_path / "study") as opened:  # what items.csv says wins
        assert set(opened.store.runs.images()["prompt"]) == {f"of {number}" for number in range(PROMPTS)}


def test_a_checkpoint_cannot_be_the_best_by_several_metrics(study, tmp_path):
    run = samples(tmp_path / "run", (300, 600, 900))
    found = tracker(study, run, settings=replace(SETTINGS, against="best")).one_pass()
    assert {one.verdict for one in found.gates} == {REFUSED}
    assert "Say by which metric (--metric); the study has scores by" in found.gates[0].sentence


def test_a_gate_that_is_refused_is_a_record_until_its_scores_change(study, tmp_path):
    run = samples(tmp_path / "run", (300, 600), bad=[600])
    for path in (run / "sample").glob("anna_000300*"):  # the same pictures: nothing differs
        shutil.copy(path, path.with_name(path.name.replace("000300", "000600", 1)))
    for path in (run / "sample").glob("anna_000600*_20240819000600*"):
        path.unlink()
    found = tracker(study, run).one_pass()
    assert [one.verdict for one in found.gates] == [REFUSED]
    assert found.gates[0].sentence.startswith("anna/600 is not judged: ")
    assert tracker(study, run).one_pass().is_idle
    other = replace(SETTINGS, score=ScoreSettings(("contrast", "sharpness", "exposure")))
    found = tracker(study, run, settings=other).one_pass()
    assert [one.verdict for one in found.gates] == [REFUSED]
    assert "exposure is the same on all images of anna, so it does not count." in found.notes


@pytest.mark.parametrize(
    ("against", "baselines"),
    [("300", ["anna/300", "anna/300"]), ("good", ["anna/600"]), ("best", None)],
)
def test_what_it_is_judged_against(study, tmp_path, against, baselines):
    run = samples(tmp_path / "run", (300, 600))
    tracker(study, run).one_pass()
    with open_study(study) as opened:
        opened.store.runs.set_baseline("good", "anna/600", "me")
    samples(run, (900,), bad=[900])
    settings = TrackSettings(ScoreSettings(("contrast",)), against=against, old=0.0)
    found = tracker(study, run, settings=settings).one_pass()
    last = found.gates[-1]
    assert (last.candidate, last.verdict) == ("anna/900", "worse")
    assert last.baseline == baselines[-1] if baselines else last.baseline in ("anna/300", "anna/600")


def test_a_baseline_that_is_not_there_is_bad_input(study, tmp_path):
    run = samples(tmp_path / "run", (300, 600))
    with pytest.raises(InputError, match="no checkpoint 'nonsense' and no baseline of that name"):
        tracker(study, run, settings=replace(SETTINGS, against="nonsense")).one_pass()


def test_where_no_file_has_changed_nothing_is_opened(study, tmp_path, monkeypatch):
    run, opened = samples(tmp_path / "run", (300,)), []
    real = tracking.open_study
    monkeypatch.setattr(tracking, "open_study", lambda folder: opened.append(folder) or real(folder))
    tracked = tracker(study, run)
    for _ in range(4):
        tracked.one_pass()
    assert len(opened) == 2
    with real(study) as changed:  # as by humangrade score in another process
        score_study(changed, "exposure")
    tracked.one_pass()
    assert len(opened) == 3
    for _ in range(3):
        tracked.one_pass()
    count = len(opened)
    samples(run, (600,), bad=[600])
    assert [one.verdict for one in tracked.one_pass().gates] == ["worse"] and len(opened) == count + 1


def test_deleted_samples_stay_in_the_record(study, tmp_path):
    run = samples(tmp_path / "run", (300, 600))
    tracked = tracker(study, run)
    tracked.one_pass()
    before = record_of(study)
    shutil.rmtree(run / "sample")
    (run / "sample").mkdir()
    assert tracked.one_pass().is_idle and tracker(study, run).one_pass().is_idle
    assert_same(before, record_of(study))
    samples(run, (900,), bad=[900])
    found = tracker(study, run).one_pass()
    assert [(one.candidate, one.verdict) for one in found.gates] == [("anna/900", "worse")]


def test_two_runs_of_one_name_are_told_apart(study, tmp_path):
    one, two = (samples(tmp_path / place, (0, 300), bad=bad) for place, bad in (("a", []), ("b", [300])))
    tracker(study, one).one_pass()
    before = record_of(study)
    with pytest.raises(InputError, match=r"has a run 'anna', and the record has one of that name from .*: NAME="):
        tracker(study, one, two).one_pass()
    assert_same(before, record_of(study))
    tracker(study, one, RunFolder(two, "second")).one_pass()
    with open_study(study) as opened:
        images = opened.store.runs.images()
    assert images.groupby("model").size()[["anna", "second"]].tolist() == [2 * PROMPTS] * 2
    with pytest.raises(InputError, match="is in the record as 'second' and keeps that name"):
        tracker(study, RunFolder(two, "third")).one_pass()
    assert tracker(study, one, two).one_pass().is_idle  # it is known by its pictures now


def test_a_run_that_was_moved_is_the_same_run(study, tmp_path):
    run = samples(tmp_path / "a", (300, 600))
    tracker(study, run).one_pass()
    run = run.rename(tmp_path / "b")
    samples(run, (900,))
    found = tracker(study, run).one_pass()
    assert [one.candidate for one in found.gates] == ["anna/900"] and found.images == PROMPTS


def test_of_a_training_that_was_resumed_the_last_samples_count(study, tmp_path):
    run = samples(tmp_path / "run", (300, 600))
    tracker(study, run).one_pass()
    for number in range(PROMPTS):
        path = sample(run / "sample", 600, number, is_bad=True, noise=1)
        path.rename(path.with_name(path.name.replace("_20240819", "_20240820")))
    samples(run, (600,))
    found = tracker(study, run).one_pass()
    assert [(one.candidate, one.verdict) for one in found.gates] == [("anna/600", "worse")]
    with open_study(study) as opened:
        assert (opened.store.runs.images()["step"] == 600).sum() == 2 * PROMPTS  # both are there


def test_a_studys_own_images_are_not_taken_twice(tmp_path):
    run = samples(tmp_path / "run", (300, 600))
    create_study(tmp_path / "study", run, tasks=["look"], evaluators=1).close()
    assert tracker(tmp_path / "study").one_pass().images == 2 * PROMPTS
    samples(run, (900,), bad=[900])
    found = tracker(tmp_path / "study", run).one_pass()
    assert found.images == PROMPTS
    assert [(one.candidate, one.verdict) for one in found.gates] == [("anna/900", "worse")]
    with open_study(tmp_path / "study") as opened:
        assert len(opened.items) == 2 * PROMPTS  # nobody is asked to rate more
        assert opened.scores().groupby("metric").size().to_dict() == dict.fromkeys(METRICS, 2 * PROMPTS)
        assert len(opened.store.runs.images()) == 3 * PROMPTS


def test_scores_that_were_made_otherwise_stay(tmp_path):
    run = samples(tmp_path / "run", (300, 600))
    with closing(create_study(tmp_path / "study", run, tasks=["look"], evaluators=1)) as opened:
        score_study(opened, METRICS)
        row = opened.scores().iloc[0]
        with opened.store._write() as connection:
            connection.exec_driver_sql(f"DELETE FROM scores WHERE item = '{row['item']}' AND metric = 'contrast'")
            connection.exec_driver_sql("UPDATE scores SET signature = 'metric:other' WHERE metric = 'contrast'")
    found = tracker(tmp_path / "study").one_pass()
    assert any(note.startswith("contrast: the study's images were scored in another way") for note in found.notes)
    with open_study(tmp_path / "study") as opened:
        scores = opened.scores()
    assert set(scores["signature"][scores["metric"] == "contrast"]) == {"metric:other"}


def test_without_metrics_those_that_are_there_are_computed(tmp_path):
    run = samples(tmp_path / "run", (300,))
    with closing(create_study(tmp_path / "study", run, tasks=["look"], evaluators=1)) as opened:
        score_study(opened, "exposure")
    samples(run, (600,))
    tracker(tmp_path / "study", run, settings=TrackSettings(old=0.0)).one_pass()
    with open_study(tmp_path / "study") as opened:
        assert opened.store.runs.values().groupby("metric").size().to_dict() == {"exposure": 2 * PROMPTS}


def test_reference_photos_are_those_of_the_run(study, tmp_path):
    tracker(study, samples(tmp_path / "a", (300,)), samples(tmp_path / "b", (300,), [300], name="bob")).one_pass()
    write_images(tmp_path / "photos", ["anna/1.png", "anna/2.png", "3.png"])
    scorer = Scorer(SETTINGS.score, tmp_path / "photos", Console(quiet=True))
    with open_study(study) as opened:
        images = opened.store.runs.images()
        photos = photos_of(images, opened, scorer.photos)
        none = photos_of(images, opened, None)
    found = {model: {path.name for path in each} for model, each in zip(images["model"], photos, strict=True)}
    assert found == {"": {"3.png"}, "anna": {"1.png", "2.png"}, "bob": {"3.png"}}
    assert not any(none)


def test_reference_photos_that_are_not_there(study, tmp_path):
    with pytest.raises(InputError, match=r"references is .*, which is no folder"):
        tracker(study, settings=replace(SETTINGS, references=tmp_path / "none"))


@pytest.mark.parametrize(
    ("where", "call"),
    [("add_images", 2), ("add_values", 2), ("add_values", 3), ("add_set_values", 2), ("add_gate_run", 1)],
)
def test_a_pass_that_is_stopped_anywhere_is_made_good(study, tmp_path, monkeypatch, where, call):
    run = samples(tmp_path / "run", (300, 600, 900), bad=[900])
    shutil.copytree(study, tmp_path / "whole")
    tracker(tmp_path / "whole", run).one_pass()
    from study.store.runs import RunStore

    real, calls = getattr(RunStore, where), []

    def stops(self, *given, **named):
        calls.append(1)
        if len(calls) == call:
            raise KeyboardInterrupt
        return real(self, *given, **named)

    monkeypatch.setattr(RunStore, where, stops)
    with pytest.raises(KeyboardInterrupt):
        tracker(study, run).one_pass()
    monkeypatch.undo()
    tracker(study, run).one_pass()
    one, other = record_of(study), record_of(tmp_path / "whole")
    assert_same({name: one[name] for name in ("images", "values", "sets", "checkpoints")}, other)
    columns = ["candidate", "baseline", "verdict", "result"]
    assert json.dumps(one["gates"][columns].values.tolist()) == json.dumps(other["gates"][columns].values.tolist())


def test_one_process_tracks_a_study(study):
    with only_tracker(study), pytest.raises(InputError, match="is being tracked already"), only_tracker(study):
        pass
    with only_tracker(study):
        pass
    assert not (study / tracking._LOCK).exists()


def test_a_folder_that_is_not_there_yet(study, tmp_path):
    with pytest.raises(InputError, match="is not a folder"):
        tracker(study, tmp_path / "none").one_pass()
    tracked = tracker(study, tmp_path / "none", settings=replace(SETTINGS, may_come=True))
    assert f"There is nothing at {tmp_path / 'none'} yet." in tracked.one_pass().notes
    samples(tmp_path / "none", (300,))
    assert tracked.one_pass().images == PROMPTS


def test_half_written_pictures_are_named_once_and_taken_later(study, tmp_path):
    run = samples(tmp_path / "run", (300,))
    path = sample(run / "sample", 600, 0)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    tracked = tracker(study, run)
    found = [tracked.one_pass() for _ in range(2)]
    assert [list(each.broken) for each in found] == [[path], []]
    path.write_bytes(whole)
    assert tracked.one_pass().images == 1


@pytest.mark.parametrize("against", ["previous", "best"])
def test_no_gate_is_judged_with_some_of_the_images(study, tmp_path, against):
    run = samples(tmp_path / "run", (300, 600, 900))
    young = set(run.rglob("anna_000600_0[01]_*.png"))
    for path in run.rglob("*.png"):
        if path not in young:
            os.utime(path, (1e9, 1e9))
    watching = tracker(study, run, settings=replace(ONE_METRIC, old=1000.0, against=against))
    first, second = watching.one_pass(), watching.one_pass()
    assert (first.waiting, first.images, first.gates) == (2, 2 + 3 * PROMPTS - 2, [])
    assert second.waiting == 0 and {one.candidate for one in second.gates} >= {"anna/600", "anna/900"}
    assert {each["pairs"] for one in second.gates for each in one.result["metrics"]} == {PROMPTS}


def test_a_link_to_no_file_is_said_and_not_waited_for(study, tmp_path):
    run = samples(tmp_path / "run", (300, 600))
    links = [run / "sample" / f"anna_000600_{number}_20240819000600_7.png" for number in (20, 21)]
    links[0].symlink_to(tmp_path / "nothing.png")
    links[1].symlink_to("/dev/zero")
    watching = tracker(study, run)
    first, second = watching.one_pass(), watching.one_pass()
    assert first.broken == dict.fromkeys(links, "is no file") and first.waiting == second.waiting == 0
    assert len(first.gates) == 1 and not second.broken and second.is_idle


def test_scored_is_what_got_a_score(study, tmp_path):
    samples(tmp_path / "run", (300,), numbers=range(3))
    (tmp_path / "other" / "a.png").write_bytes(b"no picture")
    assert tracker(study, tmp_path / "run").one_pass().scored == 1 + 3


def test_a_name_from_the_command_line(study, tmp_path):
    run = samples(tmp_path / "run", (300,))
    tracker(study, named_folder(f"my anna={run}")).one_pass()
    with open_study(study) as opened:
        assert "my anna" in set(opened.store.runs.images()["model"])
