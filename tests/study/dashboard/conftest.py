import pytest

from study.dashboard.snapshot import snapshot
from tests.study.dashboard.made import DIRECTIONS, make_study


@pytest.fixture(scope="session")
def dashboard_study(tmp_path_factory):
    """A study that nothing may change; recorded nowhere."""
    with make_study(tmp_path_factory.mktemp("dashboard")) as study:
        yield study


@pytest.fixture(scope="session")
def shown(dashboard_study):
    """Its snapshot."""
    return snapshot(dashboard_study, **DIRECTIONS)


@pytest.fixture
def study(tmp_path):
    """A study of one's own, all of it rated."""
    with make_study(tmp_path) as made:
        yield made
