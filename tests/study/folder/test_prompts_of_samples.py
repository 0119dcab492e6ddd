"""Prompts of a study's own samples: from the trainer's file when the study is made, or as its record knows them."""

from contextlib import closing

import pandas as pd
import pytest

from metrics.errors import InputError
from study.folder.create import create_study
from study.folder.growing import add_images
from study.folder.score_items import study_collection
from study.folder.study import open_study
from study.runs.folders import RunFolder
from study.runs.reading import study_tables
from study.runs.track import Tracker, TrackSettings
from study.scoring import ScoreSettings
from tests.study.command import run_cli
from tests.study.runs.sample_folders import PROMPTS, samples
from tests.study.samples import write_images

TEXTS = [f"a cat, number {number}" for number in range(PROMPTS)]


@pytest.fixture
def run(tmp_path):
    """A run of kohya's without its GUI's prompt.txt, and the file that it was sampled by."""
    (tmp_path / "prompts.txt").write_text("".join(f"{text} --d 7 --w 512\n" for text in TEXTS), encoding="utf-8")
    return samples(tmp_path / "run", (300, 600), bad=[600], prompts=False)


def made(tmp_path, run, **how):
    return closing(create_study(tmp_path / "study", run, tasks=["look"], evaluators=1, **how))


def test_a_study_is_made_with_the_trainers_prompts(tmp_path, run):
    with made(tmp_path, run, prompts=tmp_path / "prompts.txt") as study:
        assert study.items.groupby("prompt").size().to_dict() == dict.fromkeys(TEXTS, 2)
        assert [TEXTS[int(number)] for number in study.items["prompt_number"]] == list(study.items["prompt"])
        assert {item.prompt for item in study_collection(study).items} == set(TEXTS)
        study_tables(study)  # which is refused where no prompts are known


def test_the_command_takes_them(tmp_path, run, monkeypatch, capsys):
    asked = ("init", tmp_path / "study", "--images", run, "--tasks", "look", "--evaluators", "1")
    code, _, err = run_cli(monkeypatch, capsys, *asked, "--prompts", tmp_path / "none.txt")
    assert code == 2 and "none.txt cannot be read" in err and not (tmp_path / "study").exists()
    assert run_cli(monkeypatch, capsys, *asked, "--prompts", tmp_path / "prompts.txt")[0] == 0
    assert set(pd.read_csv(tmp_path / "study" / "items.csv")["prompt"]) == set(TEXTS)


def test_fewer_prompts_than_numbers_are_refused(tmp_path, run):
    (tmp_path / "prompts.txt").write_text("a cat\na dog\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"has 2 prompts, and the images' names count prompts from 0 to 7; name the"):
        made(tmp_path, run, prompts=tmp_path / "prompts.txt")
    assert not (tmp_path / "study").exists()


def test_a_table_says_prompts_of_any_images(tmp_path):
    write_images(tmp_path / "run", ["m/2.png", "m/10.png"])
    pd.DataFrame({"item": ["m/10.png", "m/2.png"], "prompt": ["ten", "two"]}).to_csv(tmp_path / "p.csv", index=False)
    with made(tmp_path, tmp_path / "run", prompts=tmp_path / "p.csv") as study:
        found = dict(zip(study.items["item"], study.items["prompt"], strict=True))
        assert found == {
            "m/10.png": "ten",
            "m/2.png": "two",
        }


def test_what_tracking_learnt_counts_for_scores_and_where_the_study_is_only_read(tmp_path, run):
    with made(tmp_path, run) as study:
        assert {item.prompt for item in study_collection(study).items} == {""}
    settings = TrackSettings(ScoreSettings(("contrast",)), old=0.0)
    Tracker(tmp_path / "study", [RunFolder(run, prompts=TEXTS)], settings).one_pass()
    with closing(open_study(tmp_path / "study")) as study:
        assert [item.prompt for item in study_collection(study).items] == [TEXTS[n] for n in range(PROMPTS)] * 2
    with closing(open_study(tmp_path / "study", watch=True)) as study:
        assert study.store.is_read_only
        assert study_tables(study).gate("600", "300", ["contrast"]).gate.verdict == "worse"
    items = pd.read_csv(tmp_path / "study" / "items.csv", dtype=str)
    items.assign(prompt="said here").to_csv(tmp_path / "study" / "items.csv", index=False)
    with closing(open_study(tmp_path / "study")) as study:  # what items.csv says wins
        assert {item.prompt for item in study_collection(study).items} == {"said here"}


def test_photos_are_there_for_metrics_where_no_task_shows_them(tmp_path, run):
    write_images(tmp_path / "photos", ["1.png", "2.png"], seed=50)
    with made(tmp_path, run, references=tmp_path / "photos") as study:
        assert not study.config.tasks["look"].show_references
        assert all(len(item.references) == 2 for item in study_collection(study).items)
        samples(run, (900,), prompts=False)
        add_images(study, run)
        assert all(len(item.references) == 2 for item in study_collection(study).items)
