"""Lines of means by step, with the intervals that best has of them."""

import json

import numpy as np
import pytest

from calibration.decision.best_words import shown as shown_value
from calibration.decision.from_tables import EVERY_RUN
from metrics.engine.types import SetScore
from metrics.errors import InputError
from study.dashboard.snapshot import snapshot
from study.dashboard.trends import PEOPLE_NOTE, trends
from tests.study.dashboard.made import DIRECTIONS, FID_NOTE, STEPS, add_tracked, make_study


def line_of(found, name: str, run: str, snap) -> list[dict]:
    """The points of a metric's or a task's line."""
    every = {each.get("name") or each["task"]: each["lines"] for each in [*found["metrics"], *found["people"]]}
    names = [each["name"] for each in snap.data()["runs"]]
    return next((line["points"] for line in every[name] if names[line["run"]] == run), [])


@pytest.mark.parametrize("by", ["good", "distance", "people"])
def test_points_are_what_best_says_of_each_checkpoint(shown, by):
    best = shown.tables("look").best(by, "n20")
    points = line_of(trends(shown), "look" if by == "people" else by, "n20", shown)[1:]
    for point, mean, low, high in zip(points, best.best.means, best.best.low, best.best.high, strict=True):
        ends = sorted(shown_value(float(end), best) for end in (low, high))
        value = shown_value(float(mean), best)
        np.testing.assert_allclose([point["value"], point["low"], point["high"]], [value, *ends])
        assert point["n"] == 16
    assert [point["x"] for point in points] == list(STEPS)


def test_the_base_is_step_0_of_every_run_that_began_from_it(shown):
    data, found = shown.data(), trends(shown)
    good = np.array(data["values"]["good"], dtype=float)[np.array(data["images"]["checkpoint"]) == 0]
    lines = next(each["lines"] for each in found["metrics"] if each["name"] == "good")
    assert [data["runs"][line["run"]]["name"] for line in lines] == ["n05", "n20"]
    assert [line["n_training_images"] for line in lines] == [5, 20]
    for line in lines:
        first = line["points"][0]
        assert (first["checkpoint"], first["x"], first["n"]) == (0, 0, 16)
        assert first["value"] == pytest.approx(good.mean())


def test_the_base_counts_on_the_prompts_that_a_run_has(study):
    items = study.items
    gone = (items["model"] == "n05") & items["prompt"].isin(["sks at place 6", "sks at place 7"])
    study.write_items(items[~gone].reset_index(drop=True))
    snap = snapshot(study, **DIRECTIONS)
    found = trends(snap)
    assert [line_of(found, "good", run, snap)[0]["n"] for run in ("n05", "n20")] == [12, 16]
    assert not any("not all drawn from the same prompts" in note for note in found["notes"])


def test_alone_the_base_has_a_line_of_its_own(study):
    study.write_items(study.items.query("model == 'base'").reset_index(drop=True))
    snap = snapshot(study, **DIRECTIONS)
    assert [point["x"] for point in line_of(trends(snap), "good", "base", snap)] == [0]


def test_images_of_a_prompt_count_together(study):
    """A prompt with one image weighs what one with two does, and failed images do not count."""
    snap = snapshot(study, **DIRECTIONS)
    scores, items = study.scores().query("metric == 'face'").dropna(subset="score"), study.items
    both = items.merge(scores, on="item").query("model == 'n05' and checkpoint == '300'")
    point = line_of(trends(snap), "face", "n05", snap)[1]
    assert point["n"] == len(both) < 16
    assert point["value"] == pytest.approx(both.groupby("prompt")["score"].mean().mean())
    assert point["value"] != pytest.approx(both["score"].mean())


def test_fewer_than_five_prompts_have_no_interval_and_a_note(study):
    study.write_items(study.items[study.items["prompt"].isin([f"sks at place {k}" for k in range(4)])])
    snap = snapshot(study, **DIRECTIONS)
    found = trends(snap)
    points = line_of(found, "good", "n05", snap)
    assert all(point["value"] is not None and point["low"] is None and point["high"] is None for point in points)
    assert "7 checkpoints have fewer than 5 prompts, which is too few for an interval." in found["notes"]


def test_without_prompts_each_image_counts_for_itself_and_a_note_says_so(study):
    study.write_items(study.items.drop(columns=["prompt", "group"]))
    snap = snapshot(study, **DIRECTIONS)
    found = trends(snap)
    values = study.items.merge(study.scores().query("metric == 'good'"), on="item")
    mine = values.query("model == 'n05' and checkpoint == '300'")["score"]
    point = line_of(found, "good", "n05", snap)[1]
    half = 2.131 * mine.std(ddof=1) / 4  # Student's t with 15 degrees of freedom
    assert [point["value"], point["high"]] == pytest.approx([mean := mine.mean(), mean + half], abs=1e-3)
    assert any(note.startswith("The prompts of some images are not known, so each") for note in found["notes"])
    assert not any("fewer than 5 prompts" in note for note in found["notes"])


def test_sets_have_their_n_and_what_no_difference_shows(shown):
    found = trends(shown)
    fid = next(each for each in found["metrics"] if each["name"] == "fid")
    (line,) = fid["lines"]
    assert [(point["x"], point["value"], point["low"], point["high"], point["n"]) for point in line["points"]] == [
        (step, 200 - step / 10, 150, 250, 16) for step in STEPS
    ]
    assert [point["null"] for point in line["points"]] == [140, 141, 142]
    assert line["points"][0]["note"] == FID_NOTE.format(140)
    assert (fid["kind"], fid["null"]["low"], fid["null"]["high"]) == ("set", 140, 142)
    assert "shows 140.0 to 142.0 where nothing differs" in fid["null"]["words"]


def test_kid_is_0_where_nothing_differs_and_other_sets_have_no_null(study):
    rows = [SetScore("n05/300", name, 0.2, 16, f"metric:{name}") for name in ("kid", "diversity")]
    study.store.save_scores([], rows)
    found = {each["name"]: each for each in trends(snapshot(study, **DIRECTIONS))["metrics"]}
    assert (found["kid"]["null"]["low"], found["kid"]["null"]["high"]) == (0, 0)
    assert found["diversity"]["null"] is None
    assert found["diversity"]["lines"][0]["points"][0]["low"] is None


def test_epochs_are_the_axis_where_steps_are_not_known(study):
    items = study.items
    names = items["checkpoint"].map({"0": "0", "": "", "300": "one", "600": "two", "900": "three"})
    epochs = items["checkpoint"].map({"0": "", "": "", "300": "1", "600": "2", "900": "10"})
    steps = items["step"].where(items["model"].eq("n05") & items["checkpoint"].eq("300"), "")
    epochs = epochs.where(steps == "", "")
    study.write_items(items.assign(checkpoint=names, step=steps, epoch=epochs))
    snap = snapshot(study, **DIRECTIONS)
    found = trends(snap)
    assert found["axis"] == "epoch"
    assert [point["x"] for point in line_of(found, "good", "n20", snap)] == [0, 1, 2, 10]
    assert [point["x"] for point in line_of(found, "good", "n05", snap)] == [0, 2, 10]
    assert "The axis counts epochs; of n05/one only the step is known, so it is not drawn." in found["notes"]


def test_tracked_images_stand_in_their_runs_line(study, tmp_path):
    add_tracked(study, tmp_path / "out")
    snap = snapshot(study, **DIRECTIONS)
    found = trends(snap)
    last = line_of(found, "good", "n20", snap)[-1]
    assert (last["x"], last["value"], last["n"]) == (1200, pytest.approx(0.5), 16)
    assert [point["x"] for point in line_of(found, "distance", "n20", snap)] == [0, *STEPS]


def test_checkpoints_of_other_prompts_are_said(study):
    items = study.items
    gone = (items["model"] == "n05") & (items["checkpoint"] == "600") & (items["prompt"] == "sks at place 0")
    study.write_items(items[~gone].reset_index(drop=True))
    notes = trends(snapshot(study, **DIRECTIONS))["notes"]
    assert (
        sum(note.startswith("The checkpoints of n05 were not all drawn from the same prompts") for note in notes) == 1
    )


def test_values_that_were_made_in_different_ways_are_said(study):
    scores = study.scores()
    again = (scores["metric"] == "good") & scores["item"].str.startswith("n05/900")
    mixed = scores.assign(signature=scores["signature"].where(~again, "metric:good|net:other"))
    study.store.save_scores([], also=["good"])
    study.store.import_rows([], mixed.query("metric == 'good'").drop(columns="note").to_dict("records"))
    notes = trends(snapshot(study, **DIRECTIONS))["notes"]
    assert sum(note.startswith("The values of good were made in different ways") for note in notes) == 1


def test_people_who_rated_some_images_are_compared_on_the_same_prompts_as_best_does(tmp_path):
    with make_study(tmp_path, rated=0.6) as study:
        study.write_items(study.items.query("model in ('n05', 'n20')").reset_index(drop=True))
        snap, rated = snapshot(study, **DIRECTIONS), set(study.ratings()["item"])
    assert any("not the plain mean of its ratings" in note for note in trends(snap)["notes"])
    best = snap.tables("look").best("people", EVERY_RUN)
    names = list(map(str, best.checkpoints))
    for run in ("n05", "n20"):
        for point in line_of(trends(snap), "look", run, snap):
            name = snap.data()["checkpoints"][point["checkpoint"]]["shown"]
            k = names.index(name)
            ends = [shown_value(float(end[k]), best) for end in (best.best.means, best.best.low, best.best.high)]
            np.testing.assert_allclose([point["value"], point["low"], point["high"]], ends)
            assert point["n"] == sum(item.startswith(f"{name}/") for item in rated) < 16


def test_runs_without_a_common_prompt_are_each_compared_for_themselves(tmp_path):
    with make_study(tmp_path, rated=0.6) as study:
        items = study.items.query("model in ('n05', 'n20')").reset_index(drop=True)
        study.write_items(items.assign(prompt=items["prompt"] + " " + items["model"]))
        snap = snapshot(study, **DIRECTIONS)
    for run in ("n05", "n20"):
        best = snap.tables("look").best("people", run)
        points = line_of(trends(snap), "look", run, snap)
        means = [shown_value(float(mean), best) for mean in best.best.means]
        np.testing.assert_allclose([point["value"] for point in points], means, atol=0.02)  # who rated both is known


@pytest.mark.parametrize("people", [1, 3])
def test_for_whom_the_bands_of_ratings_are_is_said(tmp_path, people):
    with make_study(tmp_path, people=people) as study:
        notes = trends(snapshot(study, **DIRECTIONS))["notes"]
    alone = "One person alone rated 'look': what others would say, the band does not tell."
    assert (alone in notes, PEOPLE_NOTE in notes) == (people == 1, people > 1)
    assert not any("not the plain mean" in note for note in notes)


def test_nobody_rated_and_no_such_task(study):
    assert trends(snapshot(study, **DIRECTIONS), "look")["people"][0]["task"] == "look"
    with pytest.raises(InputError, match="There is no task 'taste'; the study asks 'look'"):
        trends(snapshot(study, **DIRECTIONS), "taste")


def test_they_are_json(shown):
    json.dumps(trends(shown), allow_nan=False)
