"""What is said of the best checkpoint is what was found."""

from dataclasses import replace

import numpy as np
import pandas as pd

from calibration.core.resampling import Resampling
from calibration.decision.best import NEVER
from calibration.decision.best_words import best_lines, short_names
from calibration.decision.from_tables import PEOPLE, StudyTables
from calibration.decision.words import about, number
from calibration.scale import Scale
from metrics.text import listed, spelled
from tests.calibration.decision.test_from_tables import study, tables


def test_the_best_is_said_with_its_set_and_value():
    found = study().best("good")
    lines = best_lines(found)
    assert lines[0] == "By good, 600 is the best of 3 checkpoints of anna (95 % confidence)."
    best = found.best
    mean, low, high = best.means[best.winner], best.value_low, best.value_high
    assert lines[1] == (  # it is the mean of a winner that all prompts choose
        f"The highest mean is 600's, {number(mean)} (95 % interval {number(low)} to {number(high)}); what chance adds "
        "to the one that comes out best does not show in that."
    )
    less = replace(found, best=replace(best, value=mean - 0.1))
    assert best_lines(less)[1] == (
        f"The highest mean is 600's, {number(mean)}; without what chance adds to the one that comes out best, which is "
        f"the value to quote, it is {number(mean - 0.1)} (95 % interval {number(low)} to {number(high)})."
    )
    assert lines[-1] == "It rests on 24 prompts and 144 images." and len(lines) == 3
    assert best_lines(study().best(PEOPLE))[-1] == "It rests on 24 prompts and 144 images, rated by 3 people."
    both = best_lines(study().best(f"good+{PEOPLE}"))[-1]
    assert both == "It rests on 24 prompts and 144 images, with the ratings of 3 people."


def test_a_value_to_which_chance_adds_nothing_is_said_once():
    found = study().best("good")
    mean = float(found.best.means[found.best.winner])
    line = best_lines(replace(found, best=replace(found.best, value=mean * (1 + 1e-9))))[1]
    assert line.count(number(mean)) == 1 and "value to quote" not in line
    assert line.endswith("; what chance adds to the one that comes out best does not show in that.")


def test_which_ratings_is_said_where_there_are_others():
    items, scores, ratings = tables()
    both = pd.concat([ratings, ratings.assign(task="taste")])
    alone, among = (StudyTables(items, scores, given, "look", resampling=Resampling(60)) for given in (ratings, both))
    assert best_lines(alone.best(PEOPLE))[0].startswith("By people's ratings, ")
    assert best_lines(among.best(PEOPLE))[0].startswith("By people's ratings of 'look', ")


def test_values_are_those_of_the_metric_and_of_the_scale():
    turned = study().best("distance")
    turned = replace(turned, best=replace(turned.best, value=turned.best.value - 0.1))
    value = -turned.best.value
    line = best_lines(turned)[1]
    assert line.startswith(f"The lowest mean is 600's, {number(-turned.best.means[turned.best.winner])}; ")
    low, high = -turned.best.value_high, -turned.best.value_low
    assert f"it is {number(value)} (95 % interval {number(low)} to {number(high)})" in line and low < value < high
    people = study().best(PEOPLE)
    _, _, ratings = tables()
    mean = ratings[ratings["item"].str.startswith("600")]["rating"].mean()
    assert f"The highest mean is 600's, {number(mean)} (95 % interval " in best_lines(people)[1]
    from_0 = best_lines(people, Scale((0, 1, 2, 3, 4)))[1]
    assert f"The highest mean is 600's, {number(mean - 1)} (95 % interval " in from_0


def test_several_that_may_be_the_best_and_how_many_prompts_would_tell():
    rng = np.random.default_rng(2)
    checkpoints, prompts = 7, 20
    items = pd.DataFrame({"item": [f"i{k}" for k in range(140)], "model": "m", "seed": "1"})
    items["checkpoint"] = np.repeat([str(k + 1) for k in range(checkpoints)], prompts)
    items["prompt"] = [f"p{k % prompts}" for k in range(140)]
    level = np.repeat([-3.0, 0, 0, 0, 0.2, 0, -3], prompts)
    scores = pd.DataFrame({"item": items["item"], "metric": "x", "score": level + rng.normal(size=140)})
    found = StudyTables(items, scores, higher_is_better=["x"], resampling=Resampling(400)).best()
    names = [short_names(found.checkpoints)[k] for k in found.best.may_be_best]
    assert 1 < len(names) < 7
    lines = best_lines(found)
    assert lines[0] == (
        f"By x, the best of 7 checkpoints of m may be any of these {spelled(len(names))}: {listed(names)} "
        "(95 % confidence)."
    )
    (least, needed) = next(iter(found.best.prompts_to_tell.items()))
    assert needed > prompts
    assert lines[2] == (
        f"About {about(needed):,} prompts would narrow the set to those within {number(least)} (0.2 standard "
        "deviations) of the best in 80 % of cases."
    )
    farthest = found.best.means.max() - found.best.means[list(found.best.may_be_best)].min()
    near = replace(found, best=replace(found.best, prompts_to_tell={farthest + 0.01: 12}))
    assert best_lines(near)[2].startswith("The means of all of them are within ")
    far = replace(found, best=replace(found.best, prompts_to_tell={farthest - 0.01: 12}))
    assert best_lines(far)[2].startswith("As many prompts as these narrow the set to those within ")
    never = replace(found, best=replace(found.best, prompts_to_tell={0.1: NEVER}, people=3))
    assert best_lines(never)[2] == (
        "No number of prompts would narrow the set to those within 0.1 (0.2 standard deviations) of the best in 80 % "
        "of cases: the 3 people differ too much in which they like; let more people rate."
    )
    people = replace(found, best=replace(found.best, people=3))
    assert best_lines(people)[2].startswith(
        f"About {about(needed):,} prompts or more, rated by these 3 people, would narrow "
    )
    alike = replace(found, best=replace(found.best, may_be_best=tuple(range(7))))
    assert best_lines(alike)[0] == (
        "By x, any of the 7 checkpoints of m may be the best: 20 prompts do not tell them apart."
    )
    alike = replace(alike, best=replace(alike.best, people=3))
    assert best_lines(alike)[0].endswith(": 20 prompts and 3 people do not tell them apart.")


def test_of_equal_means_the_earliest_wins_and_the_tie_is_said():
    items, scores, _ = tables()
    values = scores[scores["metric"] == "good"].set_index("item")["score"]
    copy = [values[item.replace("900/", "600/")] for item in scores["item"]]
    one = StudyTables(
        items, scores.assign(score=copy), higher_is_better=["good", "noise"], lower_is_better=["distance"]
    )
    lines = best_lines(one.best("good"))
    assert "600's" in lines[1] and "900 has the same mean; the earliest step counts." in lines


def test_names_of_several_models_are_whole():
    found = study().best("good")
    others = tuple(replace(one, model=f"m{place}") for place, one in enumerate(found.checkpoints))
    said = best_lines(replace(found, checkpoints=others))
    assert said[0] == "By good, m1/600 is the best of 3 checkpoints (95 % confidence)."
