"""Who makes a report is told how far it is: from nothing to everything, never backwards, in even steps."""

import io
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from calibration.pipeline import calibrate_tables
from calibration.settings import Settings

RNG = np.random.default_rng(0)
QUALITY = RNG.normal(size=25)
RATINGS = pd.DataFrame(
    {"item": f"i{item}", "evaluator": name, "task": task, "rating": int(np.clip(np.rint(3 + quality + noise), 1, 5))}
    for task in ("look", "likeness")
    for name in ("ann", "bob", "cid")
    for (item, quality), noise in zip(enumerate(QUALITY), RNG.normal(size=25), strict=True)
)
SCORES = pd.DataFrame(
    {"item": [f"i{item}" for item in range(25)], **{f"m{number}": RNG.normal(size=25) for number in range(3)}}
)


@pytest.mark.parametrize("metrics", [0, 1, 3])
@pytest.mark.parametrize("tasks", [1, 2])
def test_from_nothing_to_everything_in_steps(tasks, metrics):
    told = []
    ratings = RATINGS if tasks == 2 else RATINGS[RATINGS["task"] == "look"]
    scores = SCORES.iloc[:, : 1 + metrics] if metrics else None
    calibrate_tables(ratings, scores, settings=Settings(draws=0), on_progress=lambda done, of: told.append((done, of)))
    (of,) = {of for _, of in told}
    done = [done for done, _ in told]
    assert all(type(number) is int for pair in told for number in pair)
    assert (done[0], done[-1]) == (0, of)
    assert done == sorted(done)
    assert len(set(done)) >= 1 + tasks * (1 + 2 * metrics + (metrics > 1))  # people, each metric twice, all together
    if tasks * metrics == 6:
        assert max(after - before for before, after in pairwise(done)) < 0.2 * of


def test_what_the_listener_raises_ends_it():
    def stop(done, of):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        calibrate_tables(RATINGS, SCORES, settings=Settings(draws=0), on_progress=stop)


def test_the_bar_in_the_terminal_names_the_task(monkeypatch):
    import rich.console

    class Terminal(rich.console.Console):
        def __init__(self, **_):
            super().__init__(file=out, force_terminal=True, width=100)

    out = io.StringIO()
    monkeypatch.setattr(rich.console, "Console", Terminal)
    ratings = RATINGS.assign(task="[red]look[/]")[RATINGS["task"] == "look"]
    calibrate_tables(ratings, SCORES, settings=Settings(draws=0), show_progress=True)
    assert "Judging metrics: [red]look[/]" in out.getvalue() and "100%" in out.getvalue()
    out.truncate(0)
    calibrate_tables(ratings, SCORES, settings=Settings(draws=0))
    assert out.getvalue().strip("\0") == ""


def test_in_a_notebook_a_line_below_the_cell_tells_and_goes(monkeypatch):
    import rich.console
    from IPython import display

    class Notebook(rich.console.Console):
        def __init__(self, **_):
            super().__init__(file=io.StringIO(), force_jupyter=True)

    class Line:
        def update(self, shown, raw):
            told.append(shown["text/plain"])

    told = []
    monkeypatch.setattr(rich.console, "Console", Notebook)
    monkeypatch.setattr(display, "display", lambda shown, raw, display_id: Line())
    ratings = RATINGS[RATINGS["task"] == "look"]
    calibrate_tables(ratings, SCORES, settings=Settings(draws=0), show_progress=True)
    assert told[-2:] == ["Judging metrics: look, 100 %", ""] and len(told) > 5
    told.clear()
    calibrate_tables(ratings, SCORES, settings=Settings(draws=0))
    assert told == []
