"""Plans from fewer simulated studies, where tests are about words and tables."""

import pytest

from calibration.planning import shown


@pytest.fixture
def quick_plans(monkeypatch):
    """One study where a plan simulates eight, at sizes that take no time."""
    monkeypatch.setattr(shown, "_PANELS", {2: 1, 3: 1, 5: 1, 10: 1})
    monkeypatch.setattr(shown, "_SIZES", (40, 120))
    monkeypatch.setattr(shown, "_JUDGED_STUDIES", 8)
    monkeypatch.setattr(shown, "_DRAWS", 20)
    yield
    shown._surfaces.cache_clear()
    shown._fewest_judged.cache_clear()


@pytest.fixture(autouse=True)
def no_quick_plans_are_left():
    """What another test simulated in short is not taken for the whole."""
    shown._surfaces.cache_clear()
    shown._fewest_judged.cache_clear()
