"""Reading in the test's own process, where a process apart would only cost the seconds of another import."""

import os

import pytest

from study.runs.trackers.packages import OFFLINE


@pytest.fixture(scope="session", autouse=True)
def offline():
    """Trackers' packages stay offline here too."""
    before = {name: os.environ.get(name) for name in OFFLINE}
    os.environ.update(OFFLINE)
    yield
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
