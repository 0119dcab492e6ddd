"""Plans from fewer simulated studies, where tests are about words and tables."""

import pytest

from calibration.planning import shown


@pytest.fixture
def quick_plans(monkeypatch):
    """One study where a plan simulates eight, at sizes that take no time."""
    monkeypatch.setattr(shown, "_STUDIES", 1)
    monkeypatch.setattr(shown, "_SIZES", (40, 120))
    monkeypatch.setattr(shown, "_JUDGED_STUDIES", 3)
    monkeypatch.setattr(shown, "_DRAWS", 20)
    yield
    shown._width_curves.cache_clear()
    shown._fewest_judged.cache_clear()


@pytest.fixture(autouse=True)
def no_quick_plans_are_left():
    """What another test simulated in short is not taken for the whole."""
    shown._width_curves.cache_clear()
    shown._fewest_judged.cache_clear()
