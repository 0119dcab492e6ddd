"""Two checkpoints side by side: pairs that were drawn alike, and the gate's interval of what they differ by."""

import json

import numpy as np
import pytest

from calibration.decision.words import agreement_sentence, clause_on
from metrics.errors import InputError
from study.dashboard.compare import NOTE, compare, compare_runs
from study.dashboard.snapshot import snapshot
from tests.study.dashboard.made import DIRECTIONS, STEPS, make_study


def place(snap, name: str) -> int:
    return next(at for at, one in enumerate(snap.data()["checkpoints"]) if one["shown"] == name)


def compared(snap, left: str, right: str):
    found = compare(snap, place(snap, left), place(snap, right))
    return found, {one["name"]: one for one in found["metrics"]}


def test_pairs_are_of_one_prompt_and_seed(shown):
    found, _ = compared(shown, "n05/300", "n20/600")
    images = shown.data()["images"]
    assert len(found["pairs"]) == 16 and found["unpaired"] == {"left": 0, "right": 0}
    for left, right in found["pairs"]:
        assert images["prompt"][left] == images["prompt"][right] and images["seed"][left] == images["seed"][right]
    assert [images["checkpoint"][left] for left, _ in found["pairs"]] == [place(shown, "n05/300")] * 16
    assert found["notes"] == [NOTE] and found["refused"] == ""


@pytest.mark.parametrize(("name", "sign"), [("good", 1), ("distance", -1), ("people", 1)])
def test_differences_are_the_gates(shown, name, sign):
    """Whose lower end is worse for every metric; here they are in the metric's own direction."""
    _, metrics = compared(shown, "n20/300", "n05/900")
    gate = shown.tables("look").gate("n05/900", "n20/300", [name]).gate.metrics[0]
    ends = sorted((sign * gate.low, sign * gate.high))
    one = metrics[name]
    told = [one["difference"], one["low"], one["high"]]
    np.testing.assert_allclose(told, [sign * gate.flips.mean, *ends], atol=1e-12)
    assert one["difference"] == pytest.approx(one["right"] - one["left"])
    assert one["n"] == gate.flips.pairs == 16


def test_each_sentence_says_what_the_figures_say(shown):
    for left, right in (("base/0", "n20/600"), ("n20/600", "base/0"), ("n05/900", "n05/300")):
        _, metrics = compared(shown, left, right)
        for one in metrics.values():
            is_clear = one["low"] > 0 or one["high"] < 0
            is_better = (one["difference"] > 0) == (one["direction"] == "higher")
            ends = {"is better": is_clear and is_better, "is worse": is_clear and not is_better}
            if one["name"] == "face" and one["n"] < 16:
                assert one["sentence"].endswith("what is missing may be what is bad.")
                continue
            agreed = shown.tables("look").agreement(one["name"]) if one["name"] != "people" else None
            said = [words for words in ends if f"The right one {words} by it{clause_on(agreed)}." in one["sentence"]]
            assert said == [words for words, holds in ends.items() if holds]
            assert ("It may be chance." in one["sentence"]) == (not is_clear)
            assert f"{one['n']} pairs of 8 prompts" in one["sentence"] and "95 % interval" in one["sentence"]
    better = compared(shown, "base/0", "n20/600")[1]
    assert "is better" in better["good"]["sentence"] and "is better" in better["distance"]["sentence"]
    assert better["distance"]["difference"] < 0


def test_a_failed_image_does_not_count_and_is_said(shown):
    found, metrics = compared(shown, "base/0", "n05/300")
    values = shown.data()["values"]["face"]
    both = [pair for pair in found["pairs"] if all(values[at] is not None for at in pair)]
    assert metrics["face"]["n"] == len(both) == 14
    assert "14 pairs of 8 prompts; 2 more pairs lack a value." in metrics["face"]["sentence"]


def test_pairs_that_nobody_rated_are_said(tmp_path):
    with make_study(tmp_path, rated=0.6) as study:
        _, metrics = compared(snapshot(study, **DIRECTIONS), "n05/300", "n05/600")
        rated = set(study.ratings()["item"])
    one, names = metrics["people"], [f"p{prompt}_s{seed}" for prompt in range(8) for seed in (1, 2)]
    both = [name for name in names if {f"n05/300/{name}", f"n05/600/{name}"} <= rated]
    assert 0 < one["n"] == len(both) < 16
    assert f"; {16 - len(both)} more pairs were not rated on both sides." in one["sentence"]
    assert "may be what is bad" not in one["sentence"]


def test_the_same_on_both_sides_is_said(study):
    scores = study.scores().query("metric == 'good'").drop(columns="note")
    study.store.save_scores([], also=["good"])
    study.store.import_rows([], scores.assign(score=0.5).to_dict("records"))
    _, metrics = compared(snapshot(study, **DIRECTIONS), "n05/300", "n05/600")
    assert metrics["good"]["sentence"] == "good is the same on both sides of all 16 pairs."
    assert (metrics["good"]["difference"], metrics["good"]["low"], metrics["good"]["high"]) == (0, 0, 0)


def test_five_prompts_have_a_difference_and_no_interval(study):
    study.write_items(study.items[study.items["prompt"].isin([f"sks at place {k}" for k in range(5)])])
    _, metrics = compared(snapshot(study, **DIRECTIONS), "n05/300", "n05/600")
    assert metrics["good"]["difference"] is not None and metrics["good"]["low"] is None
    assert metrics["good"]["sentence"].endswith("10 pairs of 5 prompts. An interval takes 6 prompts.")


def test_images_without_their_like_are_counted(study):
    items = study.items
    gone = (items["model"] == "n05") & (items["checkpoint"] == "600") & (items["prompt"] == "sks at place 0")
    study.write_items(items[~gone].reset_index(drop=True))
    found, metrics = compared(snapshot(study, **DIRECTIONS), "n05/300", "n05/600")
    assert found["unpaired"] == {"left": 2, "right": 0} and metrics["good"]["n"] == 14
    assert found["notes"][-1] == "2 images of n05/300 and 0 of n05/600 have no like on the other side and do not count."


def test_without_seeds_pictures_are_paired_and_nothing_is_told(study):
    seeds = study.items["seed"].where(study.items["model"] != "n05", "")
    study.write_items(study.items.assign(seed=seeds))
    snap = snapshot(study, **DIRECTIONS)
    found, metrics = compared(snap, "n05/300", "n05/600")
    assert metrics == {} and len(found["pairs"]) == 16
    assert found["refused"].startswith("It is not known with which seed each image of n05/300 and n05/600 was drawn;")
    assert compared(snap, "n20/300", "n20/600")[0]["refused"] == ""
    assert "each image of n05/300 was drawn" in compared(snap, "n05/300", "n20/600")[0]["refused"]


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"prompt": ""}, "The prompts of the images are not known"),
        ({"seed": "7"}, "There are several images of one prompt and seed"),
    ],
)
def test_what_cannot_be_paired_is_refused(study, cells, words):
    study.write_items(study.items.assign(**cells))
    found, metrics = compared(snapshot(study, **DIRECTIONS), "n05/300", "n05/600")
    assert found["refused"].startswith(words) and metrics == {}


def test_nothing_in_common_is_refused(study):
    prompts = study.items["prompt"].where(study.items["model"] != "n20", "another " + study.items["prompt"])
    study.write_items(study.items.assign(prompt=prompts))
    found, _ = compared(snapshot(study, **DIRECTIONS), "n05/300", "n20/300")
    assert found["refused"] == "n05/300 and n20/300 have no image of the same prompt and seed."
    assert found["pairs"] == [] and found["unpaired"] == {"left": 16, "right": 16}


def test_a_base_for_several_subjects_is_paired(study):
    study.write_items(study.items.assign(subject=study.items["model"].map({"n05": "anna"}).fillna("")))
    found, metrics = compared(snapshot(study, **DIRECTIONS), "base/0", "n05/300")
    assert len(found["pairs"]) == 16 and metrics["good"]["n"] == 16


def test_values_that_were_made_in_different_ways_are_not_compared(study):
    scores = study.scores().query("metric == 'good'").drop(columns="note")
    mine = scores["item"].str.startswith("n05/600")
    study.store.save_scores([], also=["good"])
    made = scores.assign(signature=scores["signature"].where(~mine, "metric:good|net:other"))
    study.store.import_rows([], made.to_dict("records"))
    snap = snapshot(study, **DIRECTIONS)
    found, metrics = compared(snap, "n05/300", "n05/600")
    assert "good" not in metrics and "distance" in metrics
    assert any(note.startswith("The values of good were made in different ways") for note in found["notes"])
    assert "good" in compared(snap, "n05/300", "n05/900")[1]


def test_two_runs_are_compared_wherever_both_have_a_checkpoint(shown):
    names = [one["name"] for one in shown.data()["runs"]]
    found = compare_runs(shown, names.index("n05"), names.index("n20"))
    assert [one["x"] for one in found["steps"]] == list(STEPS) and found["axis"] == "step"
    for one in found["steps"]:
        assert one["metrics"] == compare(shown, one["left"], one["right"])["metrics"]
        shown_names = [shown.data()["checkpoints"][at]["shown"] for at in (one["left"], one["right"])]
        assert shown_names == [f"n05/{one['x']}", f"n20/{one['x']}"]


def test_runs_without_a_common_step_are_refused(study):
    steps = study.items["step"].where(study.items["model"] != "n20", study.items["step"] + "1")
    study.write_items(study.items.assign(step=steps))
    snap = snapshot(study, **DIRECTIONS)
    assert compare_runs(snap, 1, 2)["refused"] == "n05 and n20 have no step in common, so nothing is compared."
    assert "is on both sides" in compare_runs(snap, 1, 1)["refused"]


def test_runs_without_seeds_have_no_point_and_that_is_said(study):
    study.write_items(study.items.assign(seed=study.items["seed"].where(study.items["model"] != "n05", "")))
    found = compare_runs(snapshot(study, **DIRECTIONS), 1, 2)
    assert [one["metrics"] for one in found["steps"]] == [[], [], []] and found["notes"] == []
    assert found["refused"].startswith("No step has a difference to show. At step 300: It is not known with which seed")


def test_a_metric_that_does_not_sort_as_people_do_says_so(study):
    """good turned round: of people's worst images it thinks best, and it ranks checkpoints against people too."""
    scores = study.scores().query("metric == 'good'").drop(columns="note")
    study.store.save_scores([], also=["good"])
    study.store.import_rows([], scores.assign(score=-scores["score"]).to_dict("records"))
    snap = snapshot(study, **DIRECTIONS)
    known = snap.tables("look").agreement("good")
    assert known.sorts == "no"
    _, metrics = compared(snap, "base/0", "n20/600")
    assert metrics["good"]["sorts"] == "no" and metrics["good"]["high"] < 0
    clause = agreement_sentence(known, "which").removesuffix(".")
    assert metrics["good"]["sentence"].endswith(f"The right one is worse by it ({clause}).")
    assert metrics["people"]["sorts"] is None and "is better by it." in metrics["people"]["sentence"]
    assert metrics["distance"]["sorts"] == snap.tables("look").agreement("distance").sorts


def test_a_checkpoint_beside_itself_is_no_comparison(shown):
    found = compare(shown, 1, 1)
    assert found["refused"] == "n05/300 is on both sides; choose two checkpoints." and found["metrics"] == []


def test_what_is_not_there_is_an_error(shown):
    with pytest.raises(InputError, match="There is no checkpoint 8; they are numbered from 0 to 7"):
        compare(shown, 0, 8)
    with pytest.raises(InputError, match="There is no run -1"):
        compare_runs(shown, -1, 0)
    with pytest.raises(InputError, match="There is no task 'taste'"):
        compare(shown, 0, 1, "taste")


def test_they_are_json(shown):
    json.dumps([compare(shown, 0, 3), compare_runs(shown, 1, 2)], allow_nan=False)
