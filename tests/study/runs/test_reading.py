"""What gate and best take from the record of runs is what the study's own tables say."""

import json
import subprocess
import sys
from contextlib import closing
from dataclasses import fields, is_dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from calibration.core.resampling import Resampling
from calibration.decision.from_tables import PEOPLE, StudyTables
from metrics.engine.types import Score
from metrics.errors import InputError
from study.folder.create import create_study
from study.folder.serving_lock import only_server
from study.folder.study import Study, open_study
from study.runs.reading import study_tables
from tests.calibration.decision.test_from_tables import tables
from tests.study.conftest import save_image

ROOT = Path(__file__).resolve().parents[3]
DIRECTIONS = {"lower_is_better": ["distance"], "higher_is_better": ["good", "noise"], "resampling": Resampling(60)}


def made(folder: Path, items: pd.DataFrame, scores: pd.DataFrame, ratings: pd.DataFrame, **more) -> Study:
    """A study of these tables, without the images' files."""
    Image.new("RGB", (32, 32)).save(folder / "a.png")
    study = create_study(folder / "study", folder, tasks=["look"], evaluators=["ann"], **more)
    study.write_items(items.assign(image=items["item"] + ".png"))
    ratings = ratings.astype({"rating": int})
    study.store.import_rows(ratings.to_dict("records"), scores.to_dict("records"))
    return study


@pytest.fixture
def study(tmp_path):
    items, scores, ratings = tables(rated=0.8)
    with closing(made(tmp_path, items, scores.assign(signature="metric:" + scores["metric"]), ratings)) as opened:
        yield opened


def own_tables(study) -> StudyTables:
    """As the study's own tables say; a score of an item that left items.csv is nobody's."""
    scores = study.scores()
    scores = scores[scores["item"].isin(study.items["item"])]
    return StudyTables(study.items, scores, study.ratings(), "", study.config.scale, **DIRECTIONS)


def assert_same(one, other, but=()) -> None:
    assert type(one) is type(other)
    if is_dataclass(one):
        for each in fields(one):
            if each.name not in but:
                assert_same(getattr(one, each.name), getattr(other, each.name), but)
    elif isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other, check_dtype=False)
    elif isinstance(one, (tuple, list)):
        assert len(one) == len(other)
        for mine, theirs in zip(one, other, strict=True):
            assert_same(mine, theirs, but)
    else:
        np.testing.assert_equal(one, other)


def assert_same_results(one: StudyTables, other: StudyTables) -> None:
    assert [str(each) for each in one.checkpoints.all] == [str(each) for each in other.checkpoints.all]
    assert one.metrics == other.metrics and one.directions == other.directions
    for candidate, against in (("900", "previous"), ("600", "300")):
        found = [each.gate(candidate, against, primary="good") for each in (one, other)]
        assert_same(*found, but=("notes",))
    for by in ("good", f"good+{PEOPLE}"):
        assert_same(one.best(by), other.best(by), but=("notes",))


def test_gate_and_best_say_what_they_say_of_the_studys_own_tables(study):
    found = study_tables(study, **DIRECTIONS)
    assert_same_results(found, own_tables(study))
    assert found.notes == ("144 image files of the study cannot be read, so what is in them is not recorded.",)
    assert len(study.store.runs.images()) == 144 and len(study.store.runs.values()) == 3 * 144


def test_they_do_so_after_changes_too(study):
    """Steps that turn the checkpoints' order, an image less, scores made anew and one of them left out."""
    study_tables(study, **DIRECTIONS)
    steps = study.items["checkpoint"].map({"300": "30", "600": "20", "900": "100"})
    unrated = set(study.items.query("checkpoint == '900'")["item"]) - set(study.ratings()["item"])
    kept = study.items["item"] != min(unrated)
    study.write_items(study.items.assign(step=steps, kind="lora", subject="dog")[kept])
    scores = study.scores().query("metric == 'good'").iloc[:-1]
    again = scores.assign(score=scores["score"] * 2, signature="metric:good|v2")
    study.store.save_scores([Score(row.item, "good", row.score, row.signature) for row in again.itertuples()])
    found = study_tables(study, **DIRECTIONS)
    assert [str(each) for each in found.checkpoints.all] == ["anna/600", "anna/300", "anna/900"]
    one, other = (each.gate("900", "previous", primary="good") for each in (found, own_tables(study)))
    assert_same(one, other, but=("notes",))
    assert str(one.baseline) == "anna/300" and one.pairs["candidate"].ne("").sum() == 47
    assert_same(found.best("good"), own_tables(study).best("good"), but=("notes",))


def test_steps_sort_as_numbers_wherever_they_stand(tmp_path):
    items, scores, ratings = tables()
    names = {"300": "early", "600": "middle", "900": "late"}
    items["step"] = items["checkpoint"].map({"300": "9", "600": "80", "900": "700"})
    items["checkpoint"] = items["checkpoint"].map(names)
    with closing(made(tmp_path, items, scores, ratings)) as study:
        found = study_tables(study, **DIRECTIONS)
        assert [(each.name, each.step) for each in found.checkpoints.all] == [
            ("early", 9),
            ("middle", 80),
            ("late", 700),
        ]
        assert found.checkpoints.previous(found.checkpoints.find("late")).name == "middle"


def test_images_outside_the_study_count_under_their_paths(study):
    """Those that were tracked in a trainer's folder, with values of their own."""
    new = study.items.query("checkpoint == '900'")
    outside = new.assign(path="/runs/anna/" + new["item"], checkpoint="1200", step=1200).drop(columns=["item", "image"])
    study.store.runs.add_images(outside.assign(sha256=[f"c{number}" for number in range(len(new))]), "folder")
    values = pd.DataFrame({"path": outside["path"], "metric": "good", "signature": "metric:good"})
    rng = np.random.default_rng(1)
    study.store.runs.add_values(values.assign(score=rng.normal(3, 0.5, len(values))))
    found = study_tables(study, **DIRECTIONS)
    assert [each.name for each in found.checkpoints.all] == ["300", "600", "900", "1200"]
    gate = found.gate("1200", "previous", ["good"])
    assert gate.gate.verdict == "not worse" and len(gate.pairs) == 48
    assert gate.pairs["candidate"].str.startswith("/runs/anna/").all()
    assert found.best("good").best.winner == 3
    with closing(open_study(study.folder, watch=True)) as watching:
        assert_same(study_tables(watching, **DIRECTIONS).gate("1200", "previous", ["good"]), gate, but=("notes",))


def test_a_study_that_is_only_read_is_not_changed_and_counts_whole(study):
    words = "The study is only read here, so what is new in it (144 images and 432 scores) was not recorded"
    with closing(open_study(study.folder, watch=True)) as watching:
        found = study_tables(watching, **DIRECTIONS)
        assert len(found.notes) == 1 and found.notes[0].startswith(words)
        assert found.gate("900", "previous", ["good"]).notes[0] == found.notes[0] == found.best("good").notes[0]
        assert_same(found.best("good"), own_tables(study).best("good"), but=("notes",))
        assert study.store.runs.images().empty
        study_tables(study, **DIRECTIONS)
        again = study_tables(watching, **DIRECTIONS)
        assert again.notes == ()
        assert_same(again.best("good"), own_tables(study).best("good"), but=("notes",))


def test_it_is_recorded_beside_a_server(study):
    """As scores are: the lock keeps a second server away, and not who adds to the database."""
    with only_server(study.folder):
        assert len(study_tables(study, **DIRECTIONS).metrics) == 3
    assert len(study.store.runs.images()) == 144


def test_a_step_that_is_no_whole_number_is_refused(study):
    study.write_items(study.items.assign(step="10k"))
    for watch in (False, True):
        with (
            closing(open_study(study.folder, watch=watch)) as opened,
            pytest.raises(InputError, match=r"items.csv: the item '300/0_0' has the step '10k', and a step is a whole"),
        ):
            study_tables(opened, **DIRECTIONS)


@pytest.mark.parametrize("column", ["prompt", "seed"])
def test_what_the_tables_lack_is_said_as_before(study, column):
    study.write_items(study.items.drop(columns=column))
    said = []
    for read in (lambda: study_tables(study, **DIRECTIONS), lambda: own_tables(study)):
        with pytest.raises(InputError) as found:
            read().gate("900", "previous")
        said.append(str(found.value))
    assert said[0] == said[1] and column in said[0]


RECORD = """
import json, sys
from study.folder.study import open_study
from study.runs.record import record_study
study = open_study(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
found = record_study(study)
print(json.dumps([found.images, found.values]))
study.close()
"""


@pytest.mark.process
@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def test_two_processes_that_record_at_once_record_once(request, tmp_path, kind):
    for number in range(6):
        save_image(tmp_path / "images" / "anna" / str(300 * (1 + number % 3)) / f"{number}.png", number)
    more = {"database": request.getfixturevalue("postgresql_url")} if kind == "postgresql" else {}
    study = create_study(tmp_path / "study", tmp_path / "images", tasks=["look"], evaluators=["ann"], **more)
    study.store.import_rows([], [{"item": item, "metric": "good", "score": 1.0} for item in study.items["item"]])
    line = [sys.executable, "-c", RECORD, str(study.folder)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    processes = [subprocess.Popen(line, **pipes) for _ in range(3)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [json.loads(process.communicate(timeout=120)[0]) for process in processes]
    assert [sum(column) for column in zip(*told, strict=True)] == [6, 6]
    assert len(study.store.runs.images()) == len(study.store.runs.values()) == 6
    study.close()
