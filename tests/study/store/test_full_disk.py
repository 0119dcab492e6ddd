"""Places that cannot be written, and disks that are full: one sentence, and nothing half written."""

import errno
import os
import resource
import shutil
import signal
import subprocess
from contextlib import closing

import numpy as np
import pandas as pd
import pytest

from calibration.aesthetic.embeddings import read_embeddings, write_embeddings
from metrics.errors import InputError
from study.folder.create import create_study
from tests.study.command import command_line, environment, run_cli
from tests.study.samples import encoded, listing, picture, plain_study

BYTES = 3000  # of the largest file that may be written


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A study with images, ratings and scores in files, and a report."""
    folder = tmp_path_factory.mktemp("place")
    rng = np.random.default_rng(0)
    with closing(plain_study(folder, 6)) as study:
        items = study.items["item"].tolist()
    for number in range(60):
        (folder / "many" / f"{number}.png").parent.mkdir(exist_ok=True)
        (folder / "many" / f"{number}.png").write_bytes(encoded(picture(number), "PNG"))
    rows = [(item, who, int(rng.integers(1, 6))) for item in items for who in ("x", "y", "z")]
    pd.DataFrame(rows, columns=["item", "evaluator", "rating"]).to_csv(folder / "r.csv", index=False)
    pd.DataFrame({"item": items, "clip": rng.normal(size=6)}).to_csv(folder / "s.csv", index=False)
    many = pd.DataFrame({"item": [f"item-{number}" for number in range(200)], "clip": rng.normal(size=200)})
    many.to_csv(folder / "many.csv", index=False)
    command = ("report", "--ratings", "r.csv", "--scores", "s.csv", "--draws", "0", "--out", "report")
    subprocess.run(command_line(*command), cwd=folder, env=environment(), check=True, capture_output=True)
    (folder / "file").touch()
    return folder


COMMANDS = {
    "report": ("report", "--ratings", "r.csv", "--scores", "s.csv", "--draws", "0", "--out", "OUT"),
    "predict": ("predict", "report", "--metric", "clip", "--scores", "many.csv", "--out", "OUT.csv"),
    "plan": ("plan", "--icc", ".5", "--images", "100", "--evaluators", "3", "--out", "OUT"),
    "export": ("export", "study", "--out", "OUT"),
    "score": ("score", "--images", "many", "--metrics", "sharpness,contrast", "--out", "OUT.csv"),
    "init": ("init", "OUT", "--images", "images"),
    "demo": ("demo", "--no-browser", "--folder", "OUT"),
}


def named(command: str, out: str) -> list[str]:
    """A command with its place to write to."""
    return [part.replace("OUT", out) for part in COMMANDS[command]]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("out", ["file/out", "/proc/out", "/proc/self/fd/out", "x" * 300])
def test_a_place_where_nobody_can_write(place, tmp_path, monkeypatch, capsys, command, out):
    """Not even root, for whom permissions do not count."""
    monkeypatch.chdir(place)
    monkeypatch.setenv("HUMANGRADE_CACHE", str(tmp_path))
    before = listing(place)
    code, _, said = run_cli(monkeypatch, capsys, *named(command, out))
    assert code == 2 and "cannot be" in said and said.count("\n") == 1
    assert listing(place) == before


@pytest.mark.parametrize("command", ["report", "predict", "plan", "export", "score"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_disk_that_is_full(place, tmp_path, monkeypatch, capsys, command, number):
    def refuse(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.chdir(place)
    monkeypatch.setenv("HUMANGRADE_CACHE", str(tmp_path / "cache"))
    before = listing(place)
    monkeypatch.setattr(os, "fsync", refuse)
    code, _, said = run_cli(monkeypatch, capsys, *named(command, str(tmp_path / "new")))
    assert code == 2 and said.count("\n") == 1
    assert ("the disk is full" in said and "make room" in said) == (number != errno.EROFS)
    assert listing(place) == before and [path.name for path in tmp_path.iterdir() if path.name != "cache"] == []


@pytest.mark.process
@pytest.mark.parametrize("command", COMMANDS)
def test_a_disk_that_ends_within_a_file(place, tmp_path, command):
    """As a real write ends, in a process whose files may have so many bytes and no more."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (BYTES, BYTES))

    out = named(command, str(tmp_path / "out"))
    settings = environment() | {"HUMANGRADE_CACHE": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command_line(*out), cwd=place, env=settings, capture_output=True, text=True, preexec_fn=limit, timeout=240
    )
    assert done.returncode == 2 and "Traceback" not in done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("humangrade: ")]
    assert len(said) == 1 and " cannot be " in said[0]
    assert [path.name for path in tmp_path.iterdir() if path.name != "cache"] == []


def test_a_study_that_ends_within_its_database_leaves_nothing(place, tmp_path, monkeypatch):
    from sqlalchemy.exc import OperationalError

    def full(*_):
        raise OperationalError("INSERT", {}, Exception("database or disk is full"))

    monkeypatch.setattr("study.store.store.Store.add_evaluators", full)
    with pytest.raises(InputError, match=r"new cannot be written \(the disk is full\); make room"):
        create_study(tmp_path / "above" / "new", place / "images", tasks=["aesthetic"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.process
@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_that_its_owner_may_only_read(place, tmp_path, command):
    """Root is first made to heed permissions, which it does not by itself."""
    heed = []
    if os.geteuid() == 0:
        rights = "-dac_override,-dac_read_search"
        heed = ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}"]
        if shutil.which("setpriv") is None or subprocess.run([*heed, "true"], capture_output=True).returncode:
            pytest.skip("root cannot be made to heed permissions here (no setpriv)")
    (tmp_path / "locked").mkdir(mode=0o555)
    settings = environment() | {"HUMANGRADE_CACHE": str(tmp_path / "cache")}
    words = command_line(*named(command, str(tmp_path / "locked" / "out")))
    done = subprocess.run([*heed, *words], cwd=place, env=settings, capture_output=True, text=True, timeout=240)
    said = [line for line in done.stderr.splitlines() if line.startswith("humangrade: ")]
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert len(said) == 1 and "cannot be written (Permission denied)" in said[0]


@pytest.mark.parametrize("folder", [".", "..", "/", "link"])
def test_a_demo_needs_a_name_of_its_own(tmp_path, monkeypatch, capsys, folder):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to("nowhere")
    code, _, said = run_cli(monkeypatch, capsys, "demo", "--no-browser", "--folder", folder)
    assert code == 2 and "name one with --folder" in said and said.count("\n") == 1


def test_what_a_report_without_set_scores_would_remove_may_be_a_folder(place, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(place)
    (tmp_path / "out" / "set_scores.csv").mkdir(parents=True)
    code, _, said = run_cli(monkeypatch, capsys, *named("report", str(tmp_path / "out")))
    assert code == 2 and "set_scores.csv cannot be written" in said
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["set_scores.csv"]


def test_embeddings_on_a_disk_that_is_full_keep_those_before(tmp_path):
    folder = write_embeddings(tmp_path / "e", [np.eye(2)], ["a.jpg", "b.jpg"], "ViT-L-14/openai", "made")
    before = listing(tmp_path)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (BYTES, hard))
        with pytest.raises(InputError, match="e cannot be written"):
            write_embeddings(folder, [np.eye(64)] * 8, [f"{n}.jpg" for n in range(512)], "ViT-L-14/openai", "made")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, old)
    assert listing(tmp_path) == before and len(read_embeddings(folder)) == 2


def test_embeddings_where_nobody_can_write(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        write_embeddings(tmp_path / "file" / "e", [np.eye(2)], ["a.jpg", "b.jpg"], "ViT-L-14/openai", "made")
    with pytest.raises(InputError, match="length"):
        write_embeddings(tmp_path / "x" / "e", [np.eye(2) * 2], ["a.jpg", "b.jpg"], "ViT-L-14/openai", "made")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
