"""Agreement with people is the report's rule, and people's points are the gate's."""

import json

import numpy as np
import pytest

from calibration.decision.words import agreement_sentence
from study.dashboard.agreement import agreement
from study.dashboard.snapshot import snapshot
from study.runs.reading import study_tables
from tests.study.dashboard.made import DIRECTIONS, make_study


def test_agreement_is_the_gates(shown):
    found, tables = agreement(shown), shown.tables("look")
    assert found["task"] == "look" and list(found["metrics"]) == ["distance", "face", "good"]
    for name, one in found["metrics"].items():
        known = tables.agreement(name)
        assert (one["sorts"], one["sentence"]) == (known.sorts, agreement_sentence(known, name))
    assert [one["sorts"] for one in found["metrics"].values()] == ["yes", "no", "yes"]


def test_peoples_points_are_the_gates_slope(shown):
    found, tables = agreement(shown)["metrics"], shown.tables("look")
    base = {name: np.array(values, dtype=float)[:16].mean() for name, values in shown.data()["values"].items()}
    for name, sign in (("good", 1), ("distance", -1)):
        slope, axis = tables.slope(name), found[name]["points_axis"]
        assert found[name]["why"] == ""
        np.testing.assert_allclose(
            [axis["per_unit"], axis["low"], axis["high"]],
            [sign / slope.value, *sorted((sign / slope.low, sign / slope.high))],
        )
        assert axis["at"] == pytest.approx(base[name])
        assert f"{name} {'rises' if sign > 0 else 'falls'} by" in axis["words"] and "base/0" in axis["words"]
        assert axis["words"].endswith(f"from {slope.items} rated images.")


def test_points_are_as_the_gate_has_them(study):
    """A difference that the axis shows is the estimate of a gate between the two."""
    snap = snapshot(study, **DIRECTIONS)
    axis = agreement(snap)["metrics"]["good"]["points_axis"]
    gate = study_tables(study, **DIRECTIONS).gate("n20/900", "n05/300", ["good"]).gate.metrics[0]
    values, at = np.array(snap.data()["values"]["good"]), np.array(snap.data()["images"]["checkpoint"])
    names = [one["shown"] for one in snap.data()["checkpoints"]]
    ours, theirs = (values[at == names.index(name)].mean() for name in ("n20/900", "n05/300"))
    assert gate.drop.unit == "rating steps"
    assert (ours - theirs) * axis["per_unit"] == pytest.approx(gate.estimate)


def test_a_metric_that_does_not_go_with_people_has_no_points(shown):
    one = agreement(shown)["metrics"]["face"]
    assert one["points_axis"] is None
    assert one["why"] == "face has no axis of people's points, because it does not go with them."


def test_few_ratings_give_no_points(tmp_path):
    with make_study(tmp_path, rated=0.1) as study:
        one = agreement(snapshot(study, **DIRECTIONS))["metrics"]["good"]
    assert one["sorts"] is None and one["points_axis"] is None
    assert "takes 20 images with its score and ratings by two people" in one["why"]
    assert one["sentence"] == "Whether good sorts images as people do, these ratings do not tell."


def test_without_ratings_or_checkpoints_there_is_no_agreement(tmp_path, study):
    with make_study(tmp_path / "unrated", rated=0.0) as other:
        assert agreement(snapshot(other, **DIRECTIONS)) == {"task": "", "metrics": {}, "refused": ""}
    study.write_items(study.items.drop(columns=["model", "checkpoint"]))
    found = agreement(snapshot(study, **DIRECTIONS))
    assert found["metrics"] == {} and "names no checkpoints" in found["refused"]


def test_it_is_json(shown):
    json.dumps(agreement(shown), allow_nan=False)
