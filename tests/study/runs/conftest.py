import pytest

from study.folder.study import open_study
from study.runs.reading import study_tables
from tests.study.runs.made import checkpoints, write_study


@pytest.fixture(scope="session")
def checkpoint_study(tmp_path_factory):
    """A study of ten checkpoints with ratings and scores; nothing may change it but the record of runs."""
    return write_study(tmp_path_factory.mktemp("rated"), *checkpoints())


@pytest.fixture(scope="session")
def decided(checkpoint_study):
    """Its tables, as the gate takes them."""
    with open_study(checkpoint_study) as opened:
        return study_tables(opened, higher_is_better=("fair", "good", "noise"))
