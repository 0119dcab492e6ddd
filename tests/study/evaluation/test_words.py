"""Each sentence of the evaluation against the figures that it speaks of."""

from dataclasses import replace
from pathlib import Path

import pytest

from metrics.sets.fid_by_chance import Chance
from study.evaluation.copies import Nearest, Nearness
from study.evaluation.figures import Difference, Figure
from study.evaluation.types import Evaluation, Measured, Unscored
from study.evaluation.words import cautions, how_nearness, in_short, on_chance, on_copies
from tests.study.evaluation.made import image_set, picture

SIMILARITY = Measured("similarity", "Face similarity", "", "higher", "image")
LPIPS = Measured("lpips", "LPIPS", "", "lower", "image")


SETS = ("base/0", "anna/300", "anna/600")


def evaluation(sets=SETS, metrics=(SIMILARITY,), **changes):
    found = Evaluation([image_set(name) if isinstance(name, str) else name for name in sets], [], list(metrics))
    found.references = 5
    found.scores = {metric.name: {} for metric in metrics}
    for name, value in changes.items():
        setattr(found, name, value)
    return found


def figure(name, value, low=None, high=None, metric="similarity"):
    return Figure(name, metric, value, low, high, 40, "prompts")


def gap(name, other, value, low=None, high=None, metric="similarity", pairs=40):
    return Difference(name, other, metric, value, low, high, pairs, "prompts")


FIGURES = [figure("base/0", 0.9), figure("anna/300", 0.5, 0.45, 0.55), figure("anna/600", 0.7, 0.65, 0.75)]


START = "Face similarity is highest in anna/600 (0.7, 0.65 to 0.75, 40 images), apart from each other checkpoint"
ALIKE = "Face similarity: anna/600 (0.7, 0.65 to 0.75, 40 images) cannot be told apart from anna/300"
APART = gap("anna/600", "anna/300", 0.2, 0.1, 0.3)


def test_the_best_is_a_checkpoint_and_never_the_base():
    found = evaluation(figures=FIGURES, differences=[APART])
    assert in_short(found) == [f"{START}."] and found.is_best("anna/600", SIMILARITY)
    lower = [figure(name, value, metric="lpips") for name, value in zip(SETS, (0.1, 0.5, 0.7), strict=True)]
    found = evaluation(metrics=[LPIPS], figures=lower)
    found.differences = [gap("anna/300", "anna/600", -0.2, -0.3, -0.1, metric="lpips")]
    assert in_short(found) == ["LPIPS is lowest in anna/300 (0.5, 40 images), apart from each other checkpoint."]


@pytest.mark.parametrize(("prompts", "these"), [(1, " of this prompt"), (2, " of these prompts"), (0, "")])
def test_what_more_seeds_of_few_prompts_tell_is_said_of_these_prompts(prompts, these):
    found = evaluation(sets=[image_set(name, prompts=prompts) for name in SETS], figures=FIGURES)
    found.differences = [replace(APART, over="images"), gap("anna/600", "base/0", -0.2, -0.3, -0.1)]
    assert in_short(found)[0].startswith(f"{START}{these}; it is 0.2 below base/0 (difference −0.3 to −0.1, 40 pairs)")
    found.differences = [replace(one, over="images") for one in found.differences]
    assert in_short(found)[0].endswith(f"{these}; it is 0.2 below base/0 (difference −0.3 to −0.1, 40 pairs{these}).")


def test_without_a_difference_that_tells_them_apart_none_is_highest():
    few = " (there are too few pairs for an interval of the difference)"
    for given, said in (
        ([], f"{ALIKE}{few}."),
        ([gap("anna/600", "anna/300", 0.2)], f"{ALIKE}{few}."),
        ([gap("anna/600", "anna/300", 0.2, -0.1, 0.5)], f"{ALIKE}."),
        ([gap("anna/600", "anna/300", -0.2, -0.3, -0.1)], f"{ALIKE}."),  # of the pairs alone, the other way round
    ):
        found = evaluation(figures=FIGURES, differences=given)
        assert in_short(found) == [said] and not any(found.is_best(name, SIMILARITY) for name in SETS)


@pytest.mark.parametrize(
    ("apart", "said"),
    [
        ((), "any other checkpoint"),
        ((2,), "any other checkpoint but anna/2"),
        ((2, 3, 4, 5, 6, 7, 8), "anna/9, anna/10 and anna/11"),
        ((2, 3, 4, 5), "any other checkpoint but anna/2, anna/3, anna/4 and anna/5"),
    ],
)
def test_of_many_checkpoints_those_are_named_that_are_fewer(apart, said):
    names = [f"anna/{number}" for number in range(1, 12)]
    figures = [figure(name, 0.5, 0.4, 0.6) for name in names[1:]]
    gaps = [gap("anna/1", name, 0.2, 0.1 if int(name[5:]) in apart else -0.1, 0.5) for name in names[1:]]
    found = evaluation(sets=names, figures=[figure("anna/1", 0.7, 0.6, 0.8), *figures], differences=gaps)
    assert in_short(found) == [
        f"Face similarity: anna/1 (0.7, 0.6 to 0.8, 40 images) cannot be told apart from {said}."
    ]


def test_how_it_stands_to_the_base_follows_from_the_difference():
    apart, alike = gap("anna/600", "base/0", -0.2, -0.3, -0.1), gap("anna/600", "base/0", 0.02, -0.1, 0.14, pairs=7)
    text = lambda *given: in_short(evaluation(figures=FIGURES, differences=[APART, *given]))[0]  # noqa: E731
    assert text(apart) == f"{START}; it is 0.2 below base/0 (difference −0.3 to −0.1, 40 pairs)."
    assert text(alike) == f"{START}; it is not told apart from base/0 (difference −0.1 to 0.14, 7 pairs)."
    few = gap("anna/600", "base/0", -0.2, pairs=2)
    assert text(few) == f"{START}; it is not told apart from base/0 (2 pairs, too few for an interval)."


def test_where_not_each_other_checkpoint_is_apart_none_is_highest():
    found = evaluation(sets=(*SETS, "anna/900"), figures=[*FIGURES, figure("anna/900", 0.6, 0.5, 0.7)])
    found.differences = [APART, gap("anna/600", "anna/900", 0.1)]
    assert in_short(found) == [
        f"{ALIKE.replace('300', '900')} (there are too few pairs for an interval of the difference)."
    ]


@pytest.mark.parametrize(
    ("n", "images", "is_sound"),
    [(1, 8, False), (4, 8, False), (4, 4, False), (19, 40, False), (5, 8, True), (20, 40, True)],
)
def test_a_figure_of_few_images_is_not_compared(n, images, is_sound):
    sets = ("base/0", "anna/100", "anna/200", image_set("anna/300", images=images))
    figures = [
        figure("anna/100", 0.1),
        figure("anna/200", 0.15),
        Figure("anna/300", "similarity", 0.221, None, None, n, ""),
    ]
    found = evaluation(sets=sets, figures=figures)
    found.differences = [gap("anna/200", "anna/100", 0.1, 0.01, 0.2)]
    found.differences += [gap("anna/300", name, 0.1, 0.01, 0.2) for name in ("anna/100", "anna/200")]
    said = in_short(found)
    assert found.is_best("anna/300", SIMILARITY) is is_sound and found.is_best("anna/200", SIMILARITY) is not is_sound
    assert ("highest in anna/300" in said[0]) is is_sound
    few = f"Face similarity: anna/300 (0.221, {n} of {images} images) rests on too few images to be compared."
    assert (few in said) is (not is_sound and n < images)


def test_figures_that_count_copies_say_what_they_are_without():
    found = evaluation(figures=FIGURES, differences=[APART], nearness=Nearness([nearest("copy", 0.1)]))
    found.without_copies = {
        ("anna/600", "similarity"): (1, Figure("anna/600", "similarity", 0.5, 0.4, 0.6, 39, "prompts")),
        ("anna/300", "similarity"): (40, None),
    }
    assert "(0.7, 0.65 to 0.75, 40 images; 0.5, 0.4 to 0.6 without 1 copy of reference photos)" in in_short(found)[0]
    assert on_copies(found)[1] == (
        "Copies count in the figures: Face similarity of anna/300 (0.5; nothing is left without 40 copies of reference "
        "photos); Face similarity of anna/600 (0.7; 0.5, 0.4 to 0.6 without 1 copy of reference photos)."
    )


def test_checkpoints_of_another_subject_are_no_rivals():
    sets = ["base/0", *(image_set(name, subject=name.split("/")[0]) for name in ("anna/300", "anna/600", "ben/300"))]
    found = evaluation(sets=sets, figures=[*FIGURES, figure("ben/300", 0.9)], differences=[APART])
    assert in_short(found) == [f"{START} of anna."]


def test_more_photos_than_are_compared_are_said():
    assert cautions(evaluation(metrics=(), nearness=Nearness(too_many=612))) == [
        "Copies are not looked for where a subject has more than 500 photos, and one has 612; give the photos that the "
        "model was trained on alone."
    ]


def test_one_checkpoint_is_compared_with_the_base_only():
    found = evaluation(sets=("base/0", "anna/300"), figures=FIGURES[:2])
    assert in_short(found) == []
    found.differences = [gap("anna/300", "base/0", 0.25, 0.125, 0.375)]
    assert in_short(found) == ["Face similarity: anna/300 is 0.25 above base/0 (difference 0.125 to 0.375, 40 pairs)."]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"images": 19},
            "anna/600 has fewer than 20 images (19): figures are uncertain, and rules of thumb do not hold.",
        ),
        ({"images": 20}, None),
        ({"images": 100}, None),
        ({"images": 101}, "anna/600 has more than 100 images, beyond what rules of thumb are said of."),
        (
            {"prompts": 1},
            "anna/600 has images of one prompt only: nothing is said of other prompts, and intervals are over images "
            "of this one.",
        ),
        (
            {"prompts": 5},
            "anna/600 has images of fewer than 6 prompts (5): nothing is said of other prompts, and intervals are over "
            "images of these.",
        ),
        ({"prompts": 6}, None),
        ({"prompts": 0}, "anna/600 has no known prompts; add --prompts FILE, so that intervals are over prompts."),
        (
            {"sizes": {"512 x 512": 30, "768 x 512": 10}},
            "anna/600 has images of other sizes than 512 x 512: 768 x 512.",
        ),
        ({"base": ""}, "anna/600 has no base to be compared with; name it with --base."),
    ],
)
def test_what_is_fewer_or_other_than_guides_presume_is_said(changes, said):
    shared = [gap(name, "base/0", 0.1) for name in ("anna/300", "anna/600")]
    found = evaluation(sets=("base/0", "anna/300", image_set("anna/600", **changes)), differences=shared)
    assert cautions(found) == ([said] if said else [])


def test_what_holds_for_all_sets_is_said_once():
    found = evaluation(sets=[image_set(name, images=8) for name in ("base/0", "anna/300")], metrics=())
    assert cautions(found) == [
        "All sets have fewer than 20 images (8): figures are uncertain, and rules of thumb do not hold."
    ]


def test_missing_pairs_scores_and_references_are_said():
    pictures = [picture(str(number), "anna/300", "p") for number in range(3)]
    found = evaluation(sets=("base/0", "anna/300"), pictures=pictures, references=0)
    found.scores["similarity"] = {"0": 0.5, "2": 0.6}
    found.unscored = [Unscored(SIMILARITY, {"no face": 1})]
    assert cautions(found) == [
        "anna/300 has no image of the same prompt and seed as the base; differences are left out.",
        "Face similarity: 1 of 3 images has no score (no face: 1); means are over the others.",
        "There are no reference photos, so likeness and copies are not measured; add --references PHOTOS.",
    ]


def test_a_metric_that_scored_no_image_is_said_with_the_reasons():
    """It has no column, and would be missing without a word."""
    pictures = [picture(str(number), "anna/300", "p") for number in range(9)]
    found = evaluation(metrics=(), pictures=pictures)
    found.unscored = [Unscored(SIMILARITY, {"no face": 6, "too small": 1})]
    found.result.skipped = {pictures[0].path: "cannot be decoded", pictures[8].path: "cannot be decoded"}
    assert cautions(found) == [
        "2 of 9 images cannot be read and have no score.",
        "Face similarity: no image has a score (no face: 6, too small: 1), so it is left out.",
    ]


def test_images_that_are_there_twice_are_said():
    names = {"a": "anna/300", "b": "anna/300", "c": "anna/300", "d": "anna/600"}
    found = evaluation(metrics=(), pictures=[picture(item, name, "p") for item, name in names.items()])
    assert cautions(found) == []
    found.same_files = [("b", "a"), ("c", "a"), ("d", "a")]
    assert cautions(found) == [
        "2 images are the same file as another of the same set, the first b as a: each counts, so intervals are "
        "narrower than they should be; remove the doubles.",
        "1 image is the same file as one of another set, the first d as a: a checkpoint that changes nothing draws so, "
        "or a file was copied.",
    ]


def test_what_fid_is_worth_follows_from_the_splits():
    clear = Chance(40, 90.0, 30.0, 25.0, 35.0, 1.0, 20)
    found = evaluation(chance={"anna/300": clear})
    assert on_chance(found) == [
        "FID is compared at 40 images a side: with so few it is far above 0 also where nothing differs, so it can be "
        "compared within this table, and with no other."
    ]
    found.chance["anna/600"] = Chance(9, 40.0, 30.0, 25.0, 45.0, 0.95, 20)
    first, second, third = on_chance(found)
    assert first.startswith("In some of the random splits") and "anna/600" in first and "anna/300" not in first
    assert second.startswith("FID is compared at 9 images a side and more:") and "next to nothing" in third
    assert on_chance(evaluation()) == []


def nearest(item, distance, limit=0.1, apart=0.3, photo="a.jpg"):
    return Nearest(item, "anna/300", Path(photo), distance, limit, apart, False)


def test_copies_and_near_ones_are_counted_and_named():
    found = evaluation(nearness=Nearness([nearest("far", 0.5), nearest("far2", 0.3)]), nearness_by="LPIPS")
    assert on_copies(found) == ["None of 2 images is as near to a reference photo as a copy of it."]
    found.nearness = Nearness([nearest("copy", 0.1), nearest("near", 0.2), nearest("far", 0.5)])
    copies, near = on_copies(found)
    assert copies.startswith("1 image of 3 is as near to a reference photo as a copy of it: copy.")
    assert near.startswith("1 image is no copy, but nearer to a photo than any two photos are to each other: near.")
    found.nearness.twins = [(Path("x/a.jpg"), Path("x/b.jpg"))]
    assert on_copies(found)[2] == "1 pair of reference photos are copies of each other, the first a.jpg and b.jpg."
    how = how_nearness(found)
    assert "here 0.1. The nearest two photos that are no copies are 0.3 apart." in how and how.startswith(
        "Distances are LPIPS"
    )
    found.nearness_by = "CLIP"
    assert how_nearness(found).startswith("Distances are 1 minus the cosine of CLIP embeddings")
    assert on_copies(evaluation()) == [] and how_nearness(evaluation()) == ""
