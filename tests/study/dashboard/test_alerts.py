"""Alerts are gates as they were recorded, and lead to images of now."""

import numpy as np
import pytest

from metrics.engine.types import Score
from study.dashboard.alerts import alerts
from study.dashboard.snapshot import snapshot
from study.runs.reading import study_tables
from study.runs.tracking.new_gates import Question, judge_new
from tests.study.dashboard.made import DIRECTIONS, add_gate


def test_alerts_are_gates_as_they_were_newest_first(study):
    first = add_gate(study, metrics=["good", "distance"], primary="good")
    second = add_gate(study, "n05/900", "best", primary="good", metrics=["good"], least_drops={"good": 0.2})
    snap = snapshot(study, **DIRECTIONS)
    found = alerts(snap)["runs"]
    assert [one["id"] for one in found] == [second, first]
    kept = study.store.runs.gate_runs()["result"]
    for one, result in zip(found, reversed(kept.tolist()), strict=True):
        assert (one["sentence"], one["verdict"]) == (result["sentence"], result["verdict"])
        assert [each["sentence"] for each in one["metrics"]] == [each["sentence"] for each in result["metrics"]]
        assert one["notes"] == result["notes"]
        for each, was in zip(one["metrics"], result["metrics"], strict=True):
            assert [each["low"], each["high"]] == was["estimate"]["interval"]
            assert (each["estimate"], each["unit"]) == (was["estimate"]["value"], was["estimate"]["unit"])
    names = [each["shown"] for each in snap.data()["checkpoints"]]
    assert names[found[1]["candidate_checkpoint"]] == "n20/900"
    assert [each["is_primary"] for each in found[1]["metrics"]] == [True, False]
    assert found[1]["settings"] == ["against n20/600", "by good and distance", "good decides", "ratings of look"]
    assert found[0]["settings"][0].startswith("against best of 2")
    assert "a drop of good counts from 0.2 on" in found[0]["settings"]


def test_worst_pairs_lead_to_their_images(study):
    add_gate(study, "n20/900", "n20/600", metrics=["good"])
    snap = snapshot(study, **DIRECTIONS)
    (one,) = alerts(snap)["runs"]
    data = snap.data()
    drops = [each["drop"] for each in one["worst"]]
    assert drops and drops == sorted(drops, reverse=True)
    for pair in one["worst"]:
        sides = pair["candidate"], pair["baseline"]
        scores = [data["values"]["good"][place] for place in sides]
        assert scores == [pair["candidate_score"], pair["baseline_score"]]
        assert pair["drop"] == pytest.approx(scores[1] - scores[0]) and pair["drop"] > 0
        assert {data["images"]["seed"][place] for place in sides} == {pair["seed"]}
        assert {data["prompts"][data["images"]["prompt"][place]]["text"] for place in sides} == {pair["prompt"]}
        assert [data["images"]["checkpoint"][place] for place in sides] == [
            one["candidate_checkpoint"],
            one["baseline_checkpoint"],
        ]


def test_what_is_gone_by_now_has_no_place(study):
    add_gate(study, "n20/900", "n20/600", metrics=["good"])
    study.write_items(study.items.query("checkpoint != '900'").reset_index(drop=True))
    (one,) = alerts(snapshot(study, **DIRECTIONS))["runs"]
    assert one["candidate"] == "n20/900" and one["candidate_checkpoint"] is None
    assert {pair["candidate"] for pair in one["worst"]} == {None}
    assert all(pair["baseline"] is not None for pair in one["worst"])


def test_gates_of_a_tracked_run_are_there_with_those_that_were_refused(study):
    study_tables(study, **DIRECTIONS)
    judge_new(study, Question(("face",)))
    rng, items = np.random.default_rng(0), study.items["item"]
    study.store.save_scores([Score(item, "face", rng.normal(), "metric:face") for item in items])
    study_tables(study, **DIRECTIONS)
    judge_new(study, Question(("face",)))
    found = alerts(snapshot(study, **DIRECTIONS))["runs"]
    refused = [one for one in found if one["verdict"] == "refused"]
    assert refused and all(one["metrics"] == [] for one in refused)
    assert all(one["sentence"].startswith(f"{one['candidate']} is not judged: face: ") for one in refused)
    assert all("by humangrade track" in one["settings"] for one in found)
    assert any(one["verdict"] != "refused" for one in found)


def test_without_gates_there_are_no_alerts(shown):
    assert alerts(shown) == {"runs": []}
