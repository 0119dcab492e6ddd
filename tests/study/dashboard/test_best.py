"""Best is what `humangrade best` says, asked as the page asks."""

import json

import pytest

from calibration.decision.best_words import best_lines
from calibration.decision.from_tables import EVERY_RUN
from metrics.errors import InputError
from study.dashboard.best import best
from study.dashboard.snapshot import snapshot
from tests.study.dashboard.made import DIRECTIONS, add_gate, add_tracked, make_study


@pytest.mark.parametrize("by", ["people", "good", "distance", "good+people"])
@pytest.mark.parametrize("run", ["n05", EVERY_RUN])
def test_best_is_what_the_command_says(shown, by, run):
    found = best(shown, by, run)
    made = shown.tables("look").best(by, run)
    assert found["refused"] == "" and (found["by"], found["run"], found["task"]) == (by, run, "look")
    assert found["sentences"] == best_lines(made)
    names = [one["shown"] for one in shown.data()["checkpoints"]]
    assert [names[row["checkpoint"]] for row in found["rows"]] == list(map(str, made.checkpoints))
    assert [row["in_set"] for row in found["rows"]] == [k in made.best.may_be_best for k in range(len(found["rows"]))]
    assert found["direction"] == ("lower" if by == "distance" else "higher")
    for row in found["rows"]:
        assert row["low_of_all"] <= row["low"] <= row["value"] <= row["high"] <= row["high_of_all"]
    values = [row["value"] for row in found["rows"]]
    assert values[made.best.winner] == (min(values) if by == "distance" else max(values))
    assert found["winner"]["checkpoint"] == found["rows"][made.best.winner]["checkpoint"]
    assert found["winner"]["low"] < found["winner"]["value"] < found["winner"]["high"]


@pytest.mark.parametrize("most", [1, 6])
def test_the_headline_counts_the_set_where_it_is_too_large_to_be_named(dashboard_study, monkeypatch, most):
    monkeypatch.setattr("study.dashboard.best.MOST_NAMED", most)
    found = best(snapshot(dashboard_study, **DIRECTIONS), "good", EVERY_RUN)
    kept = sum(row["in_set"] for row in found["rows"])
    assert 1 < kept < len(found["rows"])
    if kept <= most:
        assert found["headline"] == found["sentences"][0]
    else:
        clause = f"any of {kept} of {len(found['rows'])} checkpoints may be the best (95 % confidence)."
        assert found["headline"].startswith("By good") and found["headline"].endswith(clause)


def test_unless_asked_best_is_by_people_over_all_runs(shown):
    found = best(shown)
    assert (found["by"], found["run"], found["notes"][:1]) == ("people", EVERY_RUN, [])
    assert len(found["rows"]) == 6
    assert found["choices"]["runs"][0] == EVERY_RUN and set(found["choices"]["runs"][1:]) == {"n05", "n20"}
    assert found["choices"]["by"][:4] == ["people", "distance", "face", "good"]
    names = [one["shown"] for one in shown.data()["checkpoints"]]
    assert names[found["winner"]["checkpoint"]] == "n20/600"  # the truth of this study


def test_unrated_it_is_by_the_last_primary_metric_or_says_that_nobody_chose(tmp_path):
    with make_study(tmp_path, rated=0.0) as study:
        found = best(snapshot(study, **DIRECTIONS))
        assert found["by"] == "distance" and found["task"] == ""
        assert found["notes"][0].startswith("Nobody has rated yet and no gate named a primary metric, so this is by")
        add_gate(study, metrics=["good", "distance"], primary="good")
        add_gate(study, metrics=["distance"])
        found = best(snapshot(study, **DIRECTIONS))
        assert found["by"] == "good" and not any("Nobody has rated" in note for note in found["notes"])
        assert found["choices"]["by"] == ["distance", "face", "good"]


def test_a_checkpoint_that_nobody_rated_yet_is_left_out_and_said(study, tmp_path):
    """As the newest one while a run is tracked: its images stand outside the study, and only good has scored them."""
    add_tracked(study, tmp_path / "out")
    snap = snapshot(study, **DIRECTIONS)
    for by, why in (
        ("people", "people have not rated any of its images"),
        ("distance", "not all of its images are there and have a value by distance"),
    ):
        found = best(snap, by)
        assert (found["refused"], found["run"], len(found["rows"])) == ("", EVERY_RUN, 6)
        assert found["notes"][0] == f"n20/1200 does not count: {why}."
        assert found["sentences"] == best_lines(snap.tables("look").best(by, EVERY_RUN, ["n20/1200"]))
    assert len(best(snap, "good")["rows"]) == 7 and not any("does not count" in e for e in best(snap, "good")["notes"])


def test_what_is_still_being_drawn_is_left_out_and_said(study):
    names = [f"n05/900/p{prompt}_s2" for prompt in range(4)]
    study.write_items(study.items[~study.items["item"].isin(names)].reset_index(drop=True))
    found = best(snapshot(study, **DIRECTIONS), "good", "n05")
    why = "not all of its images are there and have a value by good"
    assert found["refused"] == "" and found["notes"][0] == f"n05/900 does not count: {why}."
    assert len(found["rows"]) == 2


def test_without_a_seed_a_checkpoint_is_left_out_and_said(study):
    seeds = study.items["seed"].where(study.items["checkpoint"] != "900", "")
    study.write_items(study.items.assign(seed=seeds))
    found = best(snapshot(study, **DIRECTIONS), "good", "n05")
    assert found["notes"][0] == "n05/900 does not count: it is not known with which seeds its images were drawn."
    assert len(found["rows"]) == 2


def test_what_has_no_prompts_is_counted_among_what_is_left_out(study):
    """At the headline too: the chart beside it shows these checkpoints, perhaps with a higher mean."""
    items = study.items[study.items["item"] != "stray"]
    cells = {name: items[name].where(items["model"] != "n05", "") for name in ("prompt", "seed")}
    study.write_items(items.assign(**cells).reset_index(drop=True))
    found = best(snapshot(study, **DIRECTIONS), "good", EVERY_RUN)
    said = "n05/300, n05/600 and n05/900 do not count: the prompts of their images are not known."
    assert found["refused"] == "" and len(found["rows"]) == 3
    assert found["choices"]["runs"] == ["n20"] and best(snapshot(study, **DIRECTIONS), "good")["run"] == "n20"
    assert said in found["notes"] and found["headline"] == f"{found['sentences'][0]} {said}"
    assert best(snapshot(study, **DIRECTIONS), "good", "n20")["headline"] == found["sentences"][0]


def test_by_which_question_and_which_others_there_are_is_said(study):
    ratings = study.ratings()[["item", "evaluator", "rating"]]
    config = study.config
    both = {**config.tasks, "taste": config.tasks["look"]}
    object.__setattr__(study, "config", config.model_copy(update={"tasks": both}))
    study.store.import_rows(ratings.assign(task="taste").to_dict("records"))
    snap = snapshot(study, **DIRECTIONS)
    found, asked = best(snap), best(snap, task="taste")
    assert found["sentences"][0].startswith("By people's ratings of 'look', ")
    more = "People rated 'taste' too, by which another one may be the best."
    assert found["headline"].endswith(more) and more in found["notes"]
    assert asked["sentences"][0].startswith("By people's ratings of 'taste', ") and more not in asked["headline"]
    assert "People rated" not in best(snap, "good")["headline"]


def test_where_all_runs_cannot_be_told_the_first_that_can_be_is(study):
    prompts = study.items["prompt"].where(study.items["model"] != "n20", "another " + study.items["prompt"])
    study.write_items(study.items.assign(prompt=prompts))
    found = best(snapshot(study, **DIRECTIONS), "good")
    assert found["choices"]["runs"][0] == EVERY_RUN
    assert found["refused"] == "" and found["run"] in ("n05", "n20")
    assert "share 0 prompts" in best(snapshot(study, **DIRECTIONS), "good", EVERY_RUN)["refused"]


def test_runs_of_different_subjects_are_not_thrown_together(study):
    study.write_items(study.items.assign(subject=study.items["model"].map({"n05": "anna", "n20": "ben"}).fillna("")))
    found = best(snapshot(study, **DIRECTIONS))
    assert set(found["choices"]["runs"]) == {"n05", "n20"} and found["run"] in ("n05", "n20")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"by": "nothing"}, "There are no scores by 'nothing'"),
        ({"run": "n99"}, "There is no run 'n99'; the runs are n05 and n20."),
    ],
)
def test_what_cannot_be_told_is_refused_with_a_sentence(shown, given, words):
    found = best(shown, **given)
    assert words in found["refused"] and found["rows"] == [] and found["winner"] is None


def test_without_seeds_no_best_is_told(study):
    study.write_items(study.items.assign(seed=""))
    found = best(snapshot(study, **DIRECTIONS))
    assert "no best checkpoint can be told" in found["refused"] and found["choices"]["by"]


def test_another_task_is_no_task(shown):
    with pytest.raises(InputError, match="There is no task 'taste'"):
        best(shown, task="taste")


def test_it_is_json(shown):
    json.dumps(best(shown), allow_nan=False)
