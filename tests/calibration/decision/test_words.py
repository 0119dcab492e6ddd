"""What the gate and the best checkpoint say is what they found."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from calibration.core.resampling import Resampling
from calibration.decision.agreement import Agreement
from calibration.decision.best_words import best_lines
from calibration.decision.from_tables import PEOPLE, StudyTables
from calibration.decision.gate import Sets
from calibration.decision.words import (
    MEANING,
    about,
    gate_line,
    gate_notes,
    gate_verdict,
    number,
    p_text,
    signed,
    what_would_tell,
)
from metrics.sets.paired_sets import PairedSets
from tests.calibration.decision.test_from_tables import study, tables

NO = " (which does not sort images as people do)"


def few(prompts: int, metrics: int = 1, drop: float = 1.0, seed: int = 0, checkpoints: int = 2, spread: float = 0.1):
    """Checkpoints of one image a prompt, each lower than the one before by `drop`."""
    rng = np.random.default_rng(seed)
    items = pd.DataFrame({"item": [f"i{k}" for k in range(checkpoints * prompts)], "model": "m", "seed": "1"})
    items["checkpoint"] = np.repeat([str(100 * (k + 1)) for k in range(checkpoints)], prompts)
    items["prompt"] = [f"p{k % prompts}" for k in range(len(items))]
    of_prompt = np.tile(rng.normal(size=prompts), checkpoints)
    level = -drop * np.repeat(np.arange(checkpoints), prompts)
    scores = [
        pd.DataFrame({"item": items["item"], "metric": f"m{k}", "score": of_prompt + level + spread * noise})
        for k, noise in enumerate(rng.normal(size=(metrics, len(items))))
    ]
    names = [f"m{k}" for k in range(metrics)]
    return StudyTables(items, pd.concat(scores), higher_is_better=names, resampling=Resampling(200))


def test_worse_is_said_with_every_figure():
    found = study(seed=1).gate("900", "previous")
    assert gate_verdict(found) == "anna/900 is worse than anna/600 by distance, good and people's ratings."
    for one in found.gate.metrics:
        line = gate_line(one, found)
        name = {PEOPLE: "people's ratings", "noise": f"noise{NO}"}.get(one.metric, one.metric)
        assert line.startswith(f"{name}: {one.verdict}. Difference ")
        mean, within = signed(one.flips.mean), f"{signed(one.low)} to {signed(one.high)}"
        if one.metric == PEOPLE:
            assert f"Difference {mean} rating steps (95 % interval {within}). " in line
        else:
            steps = (
                "rating steps" if one.drop.unit == "rating steps" else "standard deviations of the baseline's images"
            )
            estimate = f"{signed(one.estimate)} {steps} (95 % interval "
            estimate += f"{signed(one.estimate_low)} to {signed(one.estimate_high)})"
            assert f"Difference {estimate}, {mean} in its own units ({within}). " in line
        assert f"p {p_text(one.p)}, {p_text(one.adjusted_p)} with 4 metrics being tried; " in line
        assert ". 48 pairs of 24 prompts" in line
    assert MEANING in gate_notes(found)


def test_not_worse_and_cannot_tell():
    better = study(seed=1).gate("600", "300", metrics=["good"])
    assert gate_verdict(better) == "anna/600 is not worse than anna/300 by good."
    assert "would" not in gate_line(better.gate.metrics[0], better)
    unknown = study(seed=1).gate("900", "600", metrics=["noise"], primary="noise")
    one = unknown.gate.metrics[0]
    assert one.verdict == "cannot tell"
    images = about(max(one.images_to_find, one.images_to_clear))
    assert images > one.flips.pairs
    assert gate_verdict(unknown) == (
        f"Whether anna/900 is worse than anna/600 cannot be told by noise{NO}: about {images:,} images of "
        f"{images // 2:,} prompts usually would, and there are 48 of 24."
    )
    near = study(seed=1).gate(
        "900", "600", metrics=["good", "noise"], least_drops={"good": 1.9}
    )  # at what good dropped by
    assert [each.verdict for each in near.gate.metrics] == ["cannot tell", "cannot tell"]
    assert gate_verdict(near).endswith(" usually would for each of them by itself, and there are 48 of 24.")
    line = gate_line(one, unknown)
    assert (
        f"About {about(one.images_to_find):,} images of anna/900, of {about(one.images_to_find) // 2:,} prompts, would "
        "find a drop of 0.4 standard deviations of the baseline's images in 80 % of cases, and "
        f"{about(one.images_to_clear):,} of {about(one.images_to_clear) // 2:,} would show that nothing dropped by 0.2."
    ) in line
    assert f"p {p_text(one.p)}; a drop counts" in line  # one metric: nothing is adjusted


def test_the_primary_metric_decides_and_says_so():
    found = study(seed=1).gate("900", "600", primary="noise")
    assert gate_verdict(found).startswith("Whether anna/900 is worse than anna/600 cannot be told by noise (which")
    lines = {one.metric: gate_line(one, found) for one in found.gate.metrics}
    assert lines["noise"].startswith(f"noise{NO}: cannot tell; it decides. ")
    assert "being tried" not in lines["noise"] and "with 3 metrics being tried" in lines["good"]


def test_a_metric_that_does_not_sort_as_people_do_is_called_so_wherever_it_stands():
    said = {"noise": "does not sort images as people do", "good": "", "distance": ""}
    found = study(seed=1).gate("900", "600")
    assert {name: one.sorts for name, one in found.agreements.items()} == {
        "noise": "no",
        "good": "yes",
        "distance": "yes",
    }
    for one in found.gate.metrics:
        clause = said.get(one.metric, "")
        assert gate_line(one, found).startswith(f"{one.metric}{f' (which {clause})' if clause else ''}: ") or (
            one.metric == PEOPLE
        )
    alone = study(seed=1).gate("900", "600", metrics=["noise"])
    assert "by noise (which does not sort images as people do): about" in gate_verdict(alone)
    assert best_lines(study(seed=1).best("noise"))[0].startswith("By noise (which does not sort images as people do), ")
    assert best_lines(study(seed=1).best("noise+people"))[0].startswith(
        "By noise (which does not sort images as people do) and people's ratings together, "
    )


@pytest.mark.parametrize(
    ("sorts", "because", "clause"),
    [
        ("no", "order above chance", " (which does not sort images as people do)"),
        ("no", "ranks checkpoints as people do", " (which ranks checkpoints against people)"),
        ("with care", "sorts as well as a person", " (which is not shown to sort images as well as a person)"),
        (
            "with care",
            "tells one model's images apart",
            " (which is not shown to sort one checkpoint's images as people do)",
        ),
        ("yes", "", ""),
        (None, "enough images", ""),
    ],
)
def test_why_a_metric_is_to_be_taken_with_care(sorts, because, clause):
    found = study(seed=1).gate("900", "600", metrics=["good"])
    said = replace(found, agreements={"good": Agreement("good", sorts, because)})
    assert gate_verdict(said) == f"anna/900 is worse than anna/600 by good{clause}."
    note = "Whether good sorts images as people do, these ratings do not tell."
    assert (note in gate_notes(said)) == (sorts is None)
    assert not any("People rated images of" in one for one in gate_notes(said))
    alone = replace(found, agreements={"good": Agreement("good", sorts, because, checkpoints=("anna/600",))})
    assert any(one.startswith("People rated images of anna/600 only; ") for one in gate_notes(alone))


def test_where_the_least_drop_comes_from():
    rated, bare = study(), study(with_ratings=False)
    lines = {
        one.metric: (one, gate_line(one, found)) for found in [rated.gate("900", "600")] for one in found.gate.metrics
    }
    line = lines["good"][1]
    in_own = 0.15 * rated.slope("good").value
    assert f"a drop counts from 0.15 rating steps on ({number(in_own)} in its own units). " in line
    assert "a drop counts from 0.15 rating steps on. " in lines[PEOPLE][1]
    assert "as the ratings do not tell how it moves with people's opinion" in lines["noise"][1]
    _, scores, _ = tables()
    baseline = scores[(scores["metric"] == "good") & scores["item"].str.startswith("600")]["score"]
    found = bare.gate("900", "600", metrics=["good"])
    assert (
        f"from 0.2 standard deviations of the baseline's images on ({number(0.2 * baseline.std())} in its own units), "
        "as no ratings say what people would notice"
    ) in gate_line(found.gate.metrics[0], found)
    assert any(note.startswith("Nobody has rated this study") for note in gate_notes(found))
    stated = bare.gate("900", "600", metrics=["good"], least_drops={"good": 0.3})
    assert "a drop counts from 0.3 on, as stated" in gate_line(stated.gate.metrics[0], stated)


def test_missing_pairs_are_counted():
    items, scores, _ = tables()
    gone = scores[~((scores["metric"] == "good") & (scores["item"] == "900/3_0"))]
    one = StudyTables(items, gone, higher_is_better=["good", "noise"], lower_is_better=["distance"])
    found = one.gate("900", "600", metrics=["good"])
    assert "47 pairs of 24 prompts; 1 more pair lacks a score" in gate_line(found.gate.metrics[0], found)


@pytest.mark.parametrize(
    ("prompts", "metrics", "among", "fewest"), [(4, 1, 1, 5), (5, 2, 1, 5), (4, 2, 1, 5), (5, 4, 1, 6), (6, 1, 4, 7)]
)
def test_with_few_prompts_it_is_said_how_many_it_takes(prompts, metrics, among, fewest):
    """However large the drop, fewer prompts never say worse, and so many do."""
    checkpoints = 2 if among == 1 else among + 1
    against = "100" if among == 1 else "best"
    for number_of, is_worse in ((prompts, prompts >= fewest), (fewest - 1, False), (fewest, True)):
        if number_of < 5 and against == "best":
            continue
        tables_of = few(number_of, metrics, checkpoints=checkpoints)
        found = tables_of.gate(str(100 * checkpoints), against)
        assert (found.gate.verdict == "worse") == is_worse
        if not is_worse:
            said = what_would_tell(found.gate.metrics[0], found)
            expected = f"no drop is told from chance, however large: it takes {fewest}"
            assert expected in said and gate_verdict(found).endswith(
                (": there are too few prompts.", f"are {number_of} of {number_of}.")
            )


def test_five_prompts_have_no_interval_and_one_tells_nothing():
    found = few(5, drop=-1).gate("200", "100")
    one = found.gate.metrics[0]
    assert what_would_tell(one, found) == "5 prompts are too few for an interval: it takes 6"
    assert "interval" not in gate_line(one, found).split(". ")[1]
    assert few(6, drop=-1).gate("200", "100").gate.verdict == "not worse"
    items = pd.DataFrame({"item": list("abcd"), "model": "m", "checkpoint": ["1", "1", "2", "2"], "prompt": "p"})
    scores = pd.DataFrame({"item": list("abcd"), "metric": "x", "score": [1.0, 2.0, 2.0, 1.5]})
    alone = StudyTables(items.assign(seed=["1", "2"] * 2), scores, higher_is_better=["x"]).gate("2", "1")
    assert (
        what_would_tell(alone.gate.metrics[0], alone)
        == "One prompt does not tell how far prompts differ; take 6 or more"
    )
    assert gate_verdict(alone) == "Whether m/2 is worse than m/1 cannot be told by x: there are too few prompts."


def test_a_baseline_that_was_chosen_is_said_to_be():
    found = few(20, checkpoints=4, drop=0.3).gate("400", "best")
    one = found.gate.metrics[0]
    assert f"p {p_text(one.p)}, {p_text(3 * one.p)} with the baseline being the best of 3; " in gate_line(one, found)
    assert any(note.startswith("m/100 is the best of 3 checkpoints by these scores") for note in gate_notes(found))


class Fid:
    """A study's FID, as if it had been computed."""

    names = ("fid",)

    def difference(self, metric, pairs, seed):
        return Sets(metric, PairedSets(62.0, 60.0, 2.0, 0.5, 3.5, 0.75, 1.5, 0.006, len(pairs), 24, 999), 1)


def test_a_metric_of_sets_speaks_of_no_images():
    tables_of = study(seed=1)
    tables_of.sets = Fid()
    found = tables_of.gate("900", "600", metrics=["fid"])
    one = found.gate.metrics[0]
    scale = 1.5 * np.sqrt(48)
    estimate, low, high = (signed(value / scale) for value in (-2, -3.5, -0.5))
    assert gate_line(one, found) == (
        f"FID: cannot tell. Difference {estimate} standard deviations (95 % interval {low} to {high}), "
        "−2 in its own units (−3.5 to −0.5). p 0.006; a drop counts from 0.2 standard deviations on "
        f"({number(0.2 * scale)} in its own units), a standard deviation being that of images whose mean is as "
        "uncertain as the baseline's distance. 48 pairs of 24 prompts; 1 more pair lacks a score. "
        f"{what_would_tell(one, found)}."
    )
    assert what_would_tell(one, found).startswith(f"About {about(one.images_to_find):,} images of anna/900, of ") or (
        what_would_tell(one, found).startswith("As many images as these")
    )
    note = "FID judges whole sets and no single image, so whether people see it so cannot be asked of their ratings."
    assert note in gate_notes(found)
    assert not any("whole sets" in said for said in gate_notes(tables_of.gate("900", "600")))


def test_no_sentence_holds_what_nobody_can_read():
    for found in (study(seed=1).gate("900", "previous"), few(3, 2).gate("200", "100"), few(40).gate("200", "100")):
        for said in [gate_verdict(found), *gate_notes(found), *(gate_line(one, found) for one in found.gate.metrics)]:
            assert not re.search(r"nan|inf|\{|  |None|e-\d|\.\.", said), said
            assert said.endswith(".")
