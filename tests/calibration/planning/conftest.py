"""Plans from fewer simulated studies, where tests are about words and tables."""

import pytest

from calibration.planning import simulated_reports


@pytest.fixture
def quick_plans(monkeypatch):
    """One study where a plan simulates eight, at sizes that take no time."""
    monkeypatch.setattr(simulated_reports, "_PANELS", {2: 1, 3: 1, 5: 1, 10: 1})
    monkeypatch.setattr(simulated_reports, "_SIZES", (40, 120))
    monkeypatch.setattr(simulated_reports, "_JUDGED_STUDIES", 8)
    monkeypatch.setattr(simulated_reports, "_DRAWS", 20)
    yield
    simulated_reports._surfaces.cache_clear()
    simulated_reports._fewest_judged.cache_clear()


@pytest.fixture(autouse=True)
def no_quick_plans_are_left():
    """What another test simulated in short is not taken for the whole."""
    simulated_reports._surfaces.cache_clear()
    simulated_reports._fewest_judged.cache_clear()
