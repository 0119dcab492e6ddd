"""The picture of the best checkpoint shows what was found."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from calibration.decision.best_words import best_by, shown
from calibration.decision.figure import plot_best
from calibration.scale import Scale
from tests.calibration.decision.test_from_tables import study


def drawn(found, scale=None):
    """The axes, and the marks of each kind: place and height by label."""
    ax = Figure().subplots()
    plot_best(found, *([scale] if scale else []), ax=ax)
    handles, labels = ax.get_legend_handles_labels()
    marks = {}
    for handle, label in zip(handles, labels, strict=True):
        line = handle[0] if hasattr(handle, "has_yerr") else handle
        marks[label] = np.column_stack(line.get_data()).tolist()
    return ax, marks


@pytest.mark.parametrize("by", ["good", "distance", "people"])
def test_marks_are_the_means_by_step_and_those_that_may_be_best_are_told(by):
    found = study().best(by)
    may = replace(found, best=replace(found.best, may_be_best=(1, 2)))
    ax, marks = drawn(may)
    means = [shown(float(mean), found) for mean in found.best.means]
    assert marks["may be the best"] == [[600, means[1]], [900, means[2]]]
    assert marks["is not the best"] == [[300, means[0]]]
    assert marks["the winner's value to quote"] == [[600, shown(found.best.value, found)]]
    assert ax.get_xlabel() == "step" and ax.get_title().startswith(f"By {best_by(found)}\n")
    assert ax.get_ylabel().endswith("lower is better" if by == "distance" else "higher is better")
    bars = sorted(
        (segment[0][0], *sorted(point[1] for point in segment))
        for group in ax.collections
        for segment in group.get_segments()
    )
    expected = [
        (step, *sorted(shown(float(mean + sign * half), found) for sign in (-1, 1)))
        for step, mean, half in zip((300, 600, 900), found.best.means, found.best.together, strict=True)
    ]
    assert np.allclose(bars, expected)


def test_people_are_drawn_in_the_scales_numbers():
    found = study().best("people")
    low, high = (drawn(found, scale)[1]["may be the best"][0][1] for scale in (Scale((0, 1, 2, 3, 4)), None))
    assert high == pytest.approx(low + 1)


def test_without_steps_checkpoints_stand_in_their_order():
    found = study().best("good")
    named = replace(
        found,
        checkpoints=tuple(
            replace(one, name=name, step=float("inf")) for one, name in zip(found.checkpoints, "abc", strict=True)
        ),
    )
    ax, marks = drawn(named)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b", "c"] and ax.get_xlabel() == "checkpoint"
    assert [place for group in ("may be the best", "is not the best") for place, _ in marks[group]] == [1, 0, 2]
