"""Reports of real studies, computed once for all tests that look at them."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from calibration.pipeline import calibrate_files
from calibration.report.build import Calibration
from calibration.settings import Reading, Settings

TIFA160_MAP = "evaluator=worker_id,rating=answer"
AVT_MAP = "evaluator=user_ID,task=rating_type,item=stimuli_file,item=./stimuli/{model}/{img_id},score=quality_score"


def tifa160(data: Path) -> Calibration:
    """With the prompts, which are the clusters."""
    folder = data / "tifa160"
    paths = [folder / name for name in ("ratings_as_published.csv", "scores.csv", "items.csv")]
    return calibrate_files(*paths, Settings(draws=300), reading=Reading(map=TIFA160_MAP, task="consistency"))


def avt(data: Path) -> Calibration:
    """Of three tasks, from the raw export; who gave fewer than 400 ratings is left out."""
    folder = data / "avt_ai_images"
    reading = Reading(map=AVT_MAP, duplicates="mean", min_ratings=400)
    paths = folder / "ratings_as_exported.csv", folder / "iqa.csv"
    return calibrate_files(*paths, settings=Settings(draws=100), reading=reading)


@pytest.fixture(scope="session")
def real_study(shared, tmp_path_factory) -> Callable[[str], Calibration]:
    """A function that gives the calibration of "tifa160" or "avt"; of several test processes one computes it."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    made: dict[str, Calibration] = {}

    def study(name: str) -> Calibration:
        if name not in made:
            path = folder / f"{name}.pickle"
            with FileLock(folder / f"{name}.lock"):
                if not path.exists():
                    path.write_bytes(pickle.dumps({"tifa160": tifa160, "avt": avt}[name](shared / "data")))
                made[name] = pickle.loads(path.read_bytes())
        return made[name]

    return study
