import pytest

from calibration.verdicts import task_verdict, verdict


def metric(skill, person_skill, pairs, because=None, **changes):
    """A metric's entry; pairs are (person's grade, metric's grade) with a constant of 0.75, or all three grades."""
    names = ("person_grade", "metric_grade", "constant_grade")
    against = {
        str(number): dict(zip(names, (*pair, 0.75)[:3] if len(pair) == 2 else pair, strict=True))
        for number, pair in enumerate(pairs)
    }
    validation = {
        "skill": skill,
        "person_skill": person_skill,
        "against_people": against,
        "no_skill_because": because,
    }
    entry = {
        "title": "X",
        "direction": "higher",
        "n_items": 146,
        "n_scores": 146,
        "spearman": 0.5,
        "spearman_p": 0.0,
        "buckets": {"levels_used": 3},
        "constant": {"level": 4},
        "cross_validation": validation,
        "unseen": None,
    }
    return entry | changes


def unseen(skill, seen_skill, pairs, grouped_by="prompt"):
    """What the folds over new images found."""
    against = metric(skill, 0.3, pairs)["cross_validation"]["against_people"]
    return {
        "unseen_skill": skill,
        "seen_skill": seen_skill,
        "person_skill": 0.3,
        "against_people": against,
        "grouped_by": grouped_by,
    }


@pytest.mark.parametrize(
    ("entry", "kind", "words"),
    [
        (
            metric(0.1, 0.3, [(0.9, 0.8)] * 5),
            "below",
            "less than any of the five evaluators does; do not use it alone",
        ),
        (metric(0.1, 0.3, [(0.9, 0.8)] * 2), "below", "less than either of the two evaluators does"),
        (
            metric(0.1, 0.3, [(0.9, 0.8), (0.9, 0.8), (None, None, None)]),
            "below",
            "less than either of the two evaluators does",
        ),
        (
            metric(0.1, 0.3, [(0.9, 0.8), (0.9, 0.8), (0.6, 0.8)]),
            "below",
            "less than every evaluator does who is better than a constant answer (two of the three)",
        ),
        (metric(0.2, 0.3, [(0.9, 0.8), (0.76, 0.8)]), "within", "at least as well as one of the two evaluators"),
        (
            metric(0.2, 0.3, [(0.9, 0.8), (0.76, 0.8), (0.6, 0.8)]),
            "within",
            "at least as well as one of the three evaluators",
        ),
        (
            metric(0.3, 0.3, [(0.8, 0.8 - 1e-16)] * 3, equivalence={"answer": "yes"}),
            "stand-in",
            "it can stand in for one evaluator",
        ),
        (metric(0.3, 0.3, [(0.8, 0.9)] * 2), "within", "two of the two evaluators; whether it comes up to the median"),
        (
            metric(0.3, 0.3, [(0.8, 0.9)] * 3, intervals={"people_like_these": {"skill": [-0.1, 0.7]}}),
            "within",
            "three of the three evaluators, but these data cannot tell it from one rating for every image",
        ),
        (
            metric(0.3, 0.3, [(0.8, 0.7), (0.8, 0.9), (0.8, 0.7)], intervals={"these": {"skill": [-0.1, 0.7]}}),
            "below",
            "may be no better than one rating for every image: the interval of its skill holds 0",
        ),
        (metric(0.0, 0.3, [(0.9, 0.8)]), "none", "no better than the rating 4 for every image"),
        (
            metric(0.35, 0.3, [(0.8, 0.9)] * 3, unseen=unseen(-0.02, 0.35, [(0.8, 0.74)] * 3)),
            "none",
            "once the prompts are new to its mapping; do not use it (skill 0.35; -0.02 on new prompts;",
        ),
        (
            metric(0.35, 0.3, [(0.8, 0.9)] * 3, unseen=unseen(0.1, 0.35, [(0.8, 0.78)] * 3, None)),
            "below",
            "less than any of the three evaluators does on new images; do not use it alone (skill 0.35; 0.10 on new "
            "images;",
        ),
        (
            metric(
                *(0.35, 0.3, [(0.8, 0.9)] * 3),
                unseen=unseen(0.345, 0.35, [(0.8, 0.81)] * 3),
                equivalence={"answer": "yes"},
            ),
            "stand-in",
            "(skill 0.35; the average evaluator has 0.30)",
        ),
        (
            metric(0.1, 0.3, [(0.76, 0.8)], spearman=-0.018, spearman_p=0.58),
            "none",
            "no sign of sorting the images as people do (Spearman -0.02 over 146 items, no more than chance may give: "
            "p = 0.58); do not use it",
        ),
        (
            metric(0.1, 0.3, [(0.76, 0.8)], spearman=0.84, spearman_p=1.0, direction="lower"),
            "none",
            "sorts the images against people's order (Spearman 0.84, where lower should be better); do not use it",
        ),
        (
            metric(0.0, 0.3, [(0.76, 0.8)], spearman=-0.007, spearman_p=0.98, n_items=100_000),
            "none",
            "no sign of sorting the images as people do (Spearman -0.01 over 100,000 items",
        ),
        (metric(0.4, -0.1, [(0.5, 0.8)] * 3), "unknown", "agreeing with them means nothing"),
        (
            metric(None, None, [], "There is no skill: why."),
            "unknown",
            "cannot be judged here. There is no skill: why.",
        ),
        (
            metric(0.5, 0.4, [(0.8, 0.9)] * 3, n_items=19),
            "unknown",
            "only 19 rated items with a score, and a verdict needs 20 or more",
        ),
        (metric(0.5, 0.4, [(0.8, 0.9)] * 3, n_items=1), "unknown", "only 1 rated item with a score"),
        (
            metric(0.0, 0.4, [(0.8, 0.75)] * 3, buckets={"levels_used": 1}),
            "unknown",
            "gives every image the rating 4, whatever its score",
        ),
        (
            metric(0.0, 0.4, [(0.8, 0.75)] * 3, n_scores=1, spearman=None, spearman_p=None),
            "unknown",
            "it gave every image the same score",
        ),
        (
            metric(0.0, 0.4, [(0.8, 0.75)] * 3, spearman=None, spearman_p=None),
            "unknown",
            "people rated every image alike",
        ),
    ],
)
def test_each_kind(entry, kind, words):
    found = verdict(entry, 0.7)
    assert found["kind"] == kind
    assert words in found["sentence"]
    assert "None" not in found["sentence"] and "nan" not in found["sentence"]


@pytest.mark.parametrize("alpha", [0.19, -0.1, None])
def test_no_metric_is_judged_by_people_who_do_not_agree(alpha):
    found = verdict(metric(0.5, 0.4, [(0.8, 0.9)] * 3), alpha)
    assert found["kind"] == "unknown"
    assert "the evaluators agree hardly more than by chance" in found["sentence"]


def test_no_minus_before_a_zero():
    assert "skill 0.00;" in verdict(metric(-0.001, 0.3, [(0.9, 0.8)]), 0.7)["sentence"]


@pytest.mark.parametrize(
    ("alpha", "words"),
    [
        (0.8, "well enough to draw conclusions"),
        (0.667, "tentative"),
        (0.3, "weakly"),
        (-0.1, "hardly more than by chance"),
        (None, "cannot be computed"),
    ],
)
def test_people(alpha, words):
    task = {"n_evaluators": 1, "n_ratings": 1234, "n_items": 1, "agreement": {"krippendorff_alpha": {"ordinal": alpha}}}
    sentence = task_verdict(task)
    assert sentence.startswith("One evaluator gave 1,234 ratings of 1 item; ")
    assert words in sentence


def test_one_rating_is_one():
    task = {"n_evaluators": 1, "n_ratings": 1, "n_items": 1, "agreement": {"krippendorff_alpha": {"ordinal": None}}}
    assert task_verdict(task).startswith("One evaluator gave 1 rating of 1 item; ")
