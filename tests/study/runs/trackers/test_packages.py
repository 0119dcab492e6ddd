"""What a tracker's package needs, and the process in which it works."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from metrics.errors import InputError
from study.runs.trackers import packages
from study.runs.trackers.wandb import read


@pytest.mark.parametrize(
    ("tracker", "package"),
    [("mlflow", "mlflow-skinny"), ("tensorboard", "tensorboard"), ("wandb", "wandb"), ("trackio", "trackio")],
)
def test_a_missing_package_is_named_with_the_command(monkeypatch, tracker, package):
    def missing(name):
        raise packages.PackageNotFoundError(name)

    monkeypatch.setattr(packages, "version", missing)
    with pytest.raises(InputError, match=rf"needs the package {package}; .* pip install 'humangrade\[{tracker}\]'"):
        packages.refuse_missing(tracker)


def test_an_old_mlflow_is_refused(monkeypatch):
    monkeypatch.setattr(packages, "version", lambda _: "1.27.0")
    with pytest.raises(InputError, match=r"mlflow-skinny from 3\.0 on, and 1\.27\.0 is installed"):
        packages.refuse_missing("mlflow")


def test_the_users_own_settings_of_trackers_do_not_reach_them(monkeypatch):
    theirs = ("WANDB_API_KEY", "WANDB_RUN_ID", "TRACKIO_SPACE_ID", "MLFLOW_TRACKING_URI")
    for name in theirs:
        monkeypatch.setenv(name, "theirs")
    monkeypatch.setenv("WANDB_MODE", "online")
    found = packages._environment({"TRACKIO_DIR": "here"})
    assert not set(theirs) & set(found)
    assert (found["WANDB_MODE"], found["TRACKIO_DIR"], found["HF_HUB_OFFLINE"]) == ("offline", "here", "1")


def test_a_refusal_is_one_sentence_from_the_process(tmp_path):
    (tmp_path / "run-a.wandb").write_bytes(b"nothing of theirs")
    with pytest.raises(InputError, match="is no log of W&B"):
        read(tmp_path)


def test_a_failure_of_the_process_is_one_sentence():
    with pytest.raises(InputError, match=r"Weights & Biases failed \(.*no_such"):
        packages.apart("wandb", "wandb:no_such", None)


@pytest.mark.process
def test_helpers_end_with_the_process():
    helper = (
        "import subprocess, sys; quiet = subprocess.DEVNULL; "
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], stdout=quiet).pid)"
    )
    process = subprocess.Popen([sys.executable, "-c", helper], stdout=subprocess.PIPE, start_new_session=True)
    number = int(process.communicate()[0])
    os.kill(number, 0)  # it is there
    packages._end_group(process)
    end = time.monotonic() + 20
    while _runs(number):
        assert time.monotonic() < end
        time.sleep(0.05)


def _runs(number: int) -> bool:
    """Whether a process is there that has not ended; one that nobody waits for stays as a zombie."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
