import pytest

from calibration.verdicts import task_verdict, verdict


def metric(skill, person_skill, pairs, notes=()):
    against = {name: {"person_grade": person, "metric_grade": own} for name, (person, own) in enumerate(pairs)}
    validation = {"skill": skill, "person_skill": person_skill, "against_people": against}
    return {"title": "X", "constant": {"level": 4}, "notes": list(notes), "cross_validation": validation}


@pytest.mark.parametrize(
    ("entry", "evaluators", "kind", "words"),
    [
        (
            metric(0.1, 0.3, [(0.9, 0.8)] * 5),
            5,
            "below",
            "less than any of the five evaluators does; do not use it alone",
        ),
        (metric(0.1, 0.3, [(0.9, 0.8)] * 2), 2, "below", "less than either of the two evaluators does"),
        (metric(0.2, 0.3, [(0.9, 0.8), (0.7, 0.8)]), 2, "within", "at least as well as one of the two evaluators"),
        (metric(0.3, 0.3, [(0.8, 0.8)] * 3), 3, "stand-in", "it can stand in for one evaluator"),
        (metric(0.0, 0.3, [(0.9, 0.8)]), 5, "none", "no better than the rating 4 for every image"),
        (metric(0.4, -0.1, [(0.5, 0.8)] * 3), 3, "unknown", "agreeing with them means nothing"),
        (
            metric(None, None, [], ["There is no skill: why."]),
            1,
            "unknown",
            "cannot be judged here. There is no skill: why.",
        ),
        (metric(0.3, None, [(None, None)], ["No two evaluators."]), 2, "unknown", "No two evaluators."),
    ],
)
def test_each_kind(entry, evaluators, kind, words):
    found = verdict(entry, evaluators)
    assert found["kind"] == kind
    assert words in found["sentence"]
    assert "None" not in found["sentence"] and "nan" not in found["sentence"]


def test_no_minus_before_a_zero():
    assert "skill 0.00;" in verdict(metric(-0.001, 0.3, [(0.9, 0.8)]), 5)["sentence"]


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
