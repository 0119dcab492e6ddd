import pytest

from calibration.verdict.task_words import how_many_poor, task_verdict, together


def task(alpha, n_items=300, interval=None, n_ratings=1234, n_evaluators=1):
    agreement = {"krippendorff_alpha": {"ordinal": alpha}, "intervals": {"these": {"ordinal": interval}}}
    return {"n_evaluators": n_evaluators, "n_ratings": n_ratings, "n_items": n_items, "agreement": agreement}


@pytest.mark.parametrize(
    ("alpha", "interval", "words"),
    [
        (0.8, None, "well enough to draw conclusions"),
        (
            0.85,
            [0.67, 0.9],
            "well enough to draw conclusions (Krippendorff's ordinal alpha 0.85, 95 % interval 0.67 to",
        ),
        (0.85, [0.4, 0.9], "well enough for tentative conclusions"),
        (0.7996, None, "well enough for tentative conclusions (Krippendorff's ordinal alpha 0.7996)"),
        (0.667, None, "tentative"),
        (0.3, None, "weakly"),
        (-0.1, None, "hardly more than by chance"),
        (None, None, "cannot be computed"),
    ],
)
def test_people(alpha, interval, words):
    sentence = task_verdict(task(alpha, interval=interval))
    assert sentence.startswith("One evaluator gave 1,234 ratings of 300 items; ")
    assert words in sentence


@pytest.mark.parametrize(("alpha", "without", "said"), [(-0.02, 0.33, True), (-0.02, 0.1, False), (0.4, 0.6, False)])
def test_people_who_hardly_agree_but_sort_alike(alpha, without, said):
    sentence = task_verdict(task(alpha, interval=[-0.2, 0.5]) | {"strictness": {"alpha_without": without}})
    assert (f"with strictness taken off they do agree more, interval alpha {without}" in sentence) is said


def test_two_images_are_firm_for_nothing():
    sentence = task_verdict(task(1.0, 2, [1.0, 1.0], 4, 2))
    assert sentence == "Two evaluators gave 4 ratings of 2 items, too few to say how far they agree " + (
        "(Krippendorff's ordinal alpha 1.00)."
    )


def test_one_rating_is_one():
    assert task_verdict(task(None, 1, None, 1)).startswith("One evaluator gave 1 rating of 1 item; ")


def test_all_metrics_together():
    def said(sorts, predicts):
        return {"sorts": sorts, "predicts": predicts}

    several = {"A": said("yes", "no"), "B": said("unknown", "unknown"), "C": said("with care", "unknown")}
    assert together(several) == [
        "Sorts images as people do: yes for A; with care for C; not judged: B.",
        "Predicts one person's rating: no for A; not judged: B and C.",
    ]
    many = {f"m{number}": said("no", "no") for number in range(20)}
    assert together(many)[0].endswith("no for m0, m1, m2, m3, m4, m5 and 14 more.")
    assert how_many_poor(many) == "Of 20 metrics that were judged, 20 show no sign of sorting images as people do."
    assert how_many_poor(several) == "Of 2 metrics that were judged, none shows no sign of sorting images as people do."
    assert how_many_poor({"B": several["B"]}) == "The only metric was not judged."
