"""Tracking a study whose database is PostgreSQL: the record is the same as in SQLite."""

import pytest

from study.folder.create import create_study
from study.folder.study import open_study
from study.runs.baselines import set_baseline
from tests.study.command import run_cli
from tests.study.runs.sample_folders import PROMPTS, samples
from tests.study.runs.test_track import assert_same, record_of
from tests.study.samples import write_images

pytestmark = pytest.mark.postgresql


@pytest.fixture
def studies(tmp_path, postgresql_url):
    """A study in PostgreSQL, and the same in SQLite."""
    write_images(tmp_path / "other", ["a.png", "b.png"])
    folders = (tmp_path / "postgresql", tmp_path / "sqlite")
    for folder, database in zip(folders, (postgresql_url, None), strict=True):
        create_study(folder, tmp_path / "other", tasks=["look"], evaluators=1, database=database).close()
    return folders


def test_a_run_is_tracked_as_in_sqlite(studies, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "200")
    run = samples(tmp_path / "run", (300, 600))

    def track(*options):
        asked = (run, "--metric", "contrast,sharpness", *options)
        answers = [run_cli(monkeypatch, capsys, "track", study, *asked) for study in studies]
        told = [(code, [line for line in out.splitlines() if "/s " not in line], err) for code, out, err in answers]
        assert told[0] == told[1]  # but for the bars, which tell seconds
        return answers[0]

    code, out, err = track()
    assert (code, err) == (0, "")
    assert f"{2 + 2 * PROMPTS} new images; {2 + 2 * PROMPTS} scored; 1 checkpoint judged." in out
    assert "Nothing is new." in track()[1]
    samples(run, (900,), bad=[900])
    code, out, _ = track()
    assert code == 1 and "anna/900 is worse than anna/600 by Contrast" in out
    for study in studies:
        with open_study(study) as opened:
            set_baseline(opened, "production", "300")
            set_baseline(opened, "production", "anna/600")
            assert opened.store.runs.baselines()[["name", "checkpoint"]].values.tolist() == [["production", "anna/600"]]
    assert "2 checkpoints judged." in track("--against", "production")[1]
    one, other = (record_of(study) for study in studies)
    assert_same(one, other)
    assert len(one["gates"]) == 4
    asked = ("--candidate", "900", "--against", "production", "--metric", "contrast")
    assert [run_cli(monkeypatch, capsys, "gate", study, *asked)[0] for study in studies] == [1, 1]
    best = [run_cli(monkeypatch, capsys, "best", study, "--metric", "contrast")[1] for study in studies]
    assert best[0] == best[1] and "checkpoints of anna" in best[0]
