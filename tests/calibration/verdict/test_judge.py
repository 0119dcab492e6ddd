"""The rules of the two answers, and their words, on entries made by hand; real reports: test_verdict_claims.py."""

import numpy as np
import pandas as pd
import pytest

from calibration.pipeline import calibrate_tables
from calibration.settings import Settings
from calibration.verdict.judge import verdict
from calibration.verdict.words import rounded


def metric(**changes):
    """An entry that gets a yes to both questions; a name with two underscores changes a part of a part."""
    entry = {
        "title": "X",
        "direction": "higher",
        "n_items": 146,
        "n_scores": 146,
        "spearman": 0.5,
        "spearman_p": 0.001,
        "buckets": {"levels_used": 3},
        "constant": {"level": 4},
        "cross_validation": {"skill": 0.4, "person_skill": 0.3, "no_skill_because": None},
        "unseen": {"unseen_skill": 0.38, "seen_skill": 0.4, "grouped_by": "prompt"},
        "intervals": {"these": {}, "people_like_these": {"skill": [0.2, 0.6], "spearman": [0.3, 0.7]}},
        "sorting": {
            "metric": 0.8, "person": 0.75, "difference": 0.05, "margin": 0.05, "compared": 5, "evaluators": 5,
            "n_items": 146, "these": {"difference": [0.0, 0.1]}, "people_like_these": {"difference": [-0.02, 0.12]},
        },
        "annotator_test": {
            "winning_rate": 0.8, "constant_winning_rate": 0.2, "passes": True, "constant_passes": False,
        },
        "equivalence": {"answer": "cannot tell", "difference": 0.01, "low": -0.03, "high": 0.05, "margin": 0.025},
        "same_target": {"wins": 3, "compared": 5, "person_skill": 0.3},
    }  # fmt: skip
    for name, value in changes.items():
        part, _, inner = name.partition("__")
        if inner:
            entry[part] = entry[part] | {inner: value}
        else:
            entry[part] = value
    return entry


LIKE = "intervals__people_like_these"
NO_SORT = {"sorting__people_like_these": {"difference": [-0.2, 0.1]}}
NO_TEST = {"annotator_test__passes": False, "annotator_test__winning_rate": 0.4}


@pytest.mark.parametrize(
    ("changes", "kind", "sorts", "predicts", "words"),
    [
        ({}, "stand-in", "yes", "yes", "it can stand in for one evaluator (skill 0.40, 95 % interval 0.20 to 0.60;"),
        (NO_TEST, "sorts", "yes", "with care", "about as well as a person does; use it to put them in order"),
        ({"sorting__people_like_these": {"difference": [0.01, 0.1]}}, "stand-in", "yes", "yes", "better than a person"),
        ({LIKE: {"skill": [-0.1, 0.7], "spearman": [0.3, 0.7]}}, "sorts", "yes", "no", "not for the rating that one"),
        ({LIKE: {"skill": [0.1, 0.7], "spearman": [-0.1, 0.7]}}, "predicts", "with care", "yes", "holds 0"),
        (NO_SORT, "predicts", "with care", "yes", "is not shown to do so as well as a person"),
        ({"sorting__people_like_these": {"difference": [-0.2, -0.01]}}, "predicts", "with care", "yes", "less well"),
        ({"sorting": None} | NO_TEST, "within", "with care", "with care", "cannot be compared with a person; use it"),
        (NO_SORT | NO_TEST, "within", "with care", "with care", "use it to sort, and let people decide"),
        (NO_SORT | {"cross_validation__skill": 0.0}, "below", "with care", "no", "do not use it alone (skill 0.00"),
        ({"cross_validation__skill": -0.2}, "sorts", "yes", "no", "(skill -0.20"),
        ({"unseen__unseen_skill": -0.02}, "sorts", "yes", "no", "; -0.02 on new prompts;"),
        ({"buckets__levels_used": 1}, "sorts", "yes", "no", "not for the rating"),
        ({"annotator_test__constant_passes": True}, "sorts", "yes", "with care", "not for the rating"),
        ({"annotator_test": None}, "sorts", "yes", "with care", "not for the rating"),
        ({"equivalence__answer": "no", "equivalence__high": -0.03}, "sorts", "yes", "with care", "not for the rating"),
        ({"intervals": None}, "sorts", "yes", "with care", "(skill 0.40; 0.38 on new prompts; the"),
        (
            {"models": {"within": {"value": 0.1, "low": -0.1, "high": 0.3}, "between": {"value": 0.8}}},
            *("predicts", "with care", "yes", "is not shown to tell one model's images apart"),
        ),
        (
            {"spearman": -0.018, "spearman_p": 0.58},
            *("none", "no", "no"),
            "(Spearman -0.02 over 146 items, no more than chance may give: one-sided p = 0.58, and below 0.05 is asked "
            "for); do not use it",
        ),
        ({"spearman_p": 0.0503}, "none", "no", "no", "one-sided p = 0.0503, and below 0.05 is asked for"),
        ({"spearman_p": 0.05}, "none", "no", "no", "one-sided p = 0.05, and below 0.05 is asked for"),
        (
            {"spearman": 0.84, "spearman_p": 1.0, "direction": "lower", LIKE: {"skill": [0.1, 0.7]}},
            *("none", "no", "no"),
            "against people's order (Spearman 0.84, where lower should be better); do not use it",
        ),
        (
            {"spearman": -0.007, "spearman_p": 0.98, "n_items": 100_000},
            *("none", "no", "no", "no sign of sorting the images as people do (Spearman -0.01 over 100,000 items"),
        ),
        ({"cross_validation__no_skill_because": "There is none: why."}, *("unknown",) * 3, "here. There is none: why."),
        ({"n_items": 19}, *("unknown",) * 3, "only 19 rated items with a score, and a verdict needs 20 or more"),
        ({"n_items": 1, "spearman": None, "spearman_p": None}, *("unknown",) * 3, "only 1 rated item with a score"),
        ({"n_scores": 1, "spearman": None, "spearman_p": None}, *("unknown",) * 3, "gave every image the same score"),
        ({"spearman": None, "spearman_p": None}, *("unknown",) * 3, "mean rating is the same for every image"),
        ({"same_target__person_skill": -0.1}, "sorts", "yes", "unknown", "sorts images about as well"),
    ],
)  # fmt: skip
def test_each_rule(changes, kind, sorts, predicts, words):
    found = verdict(metric(**changes), 0.7)
    assert (found["kind"], found["sorts"]["answer"], found["predicts"]["answer"]) == (kind, sorts, predicts)
    assert words in found["sentence"]
    for text in (found["sentence"], found["sorts"]["sentence"], found["predicts"]["sentence"]):
        assert "None" not in text and "nan" not in text and text.endswith(".") and ".." not in text


def test_why_it_does_not_predict():
    def why(**changes):
        return verdict(metric(**changes), 0.7)["predicts"]["sentence"]

    assert "no better than the rating 4 for every image does (skill -0.20)" in why(cross_validation__skill=-0.2)
    assert "once the prompts are new to its mapping (skill -0.02)" in why(unseen__unseen_skill=-0.02)
    assert "gives every image the rating 4, whatever its score" in why(buckets__levels_used=1)
    assert "its skill is 0.40, and the 95 % interval -0.10 to 0.70 for people like these holds 0" in why(
        **{LIKE: {"skill": [-0.1, 0.7]}}
    )
    assert "on new prompts is 0.38, and the 95 % interval -0.004 to 0.50" in why(
        **{LIKE: {"skill": [0.1, 0.7], "unseen_skill": [-0.004, 0.5]}}
    )
    assert "so does a constant answer, so that says nothing" in why(annotator_test__constant_passes=True)
    assert "worse than the median evaluator's by more than 0.025" in why(
        equivalence__answer="no", equivalence__high=-0.03, equivalence__low=-0.05
    )
    assert "predict each other no better" in why(same_target__person_skill=-0.1)


@pytest.mark.parametrize(("alpha", "without"), [(0.19, 0.19), (-0.1, None), (None, None)])
def test_no_metric_is_judged_by_people_who_do_not_agree(alpha, without):
    found = verdict(metric(), alpha, {"alpha_without": without, "spread": None, "p": None})
    assert found["kind"] == "unknown"
    assert "agree hardly more than by chance" in found["sentence"] or alpha is None


def test_people_who_agree_but_for_strictness_can_be_sorted_for():
    fair = {"alpha_without": 0.6, "spread": 0.25, "p": 1e-9}
    found = verdict(metric(without_strictness={"skill": 0.5, "person_skill": 0.4}), 0.15, fair)
    assert (found["kind"], found["predicts"]["answer"]) == ("sorts", "unknown")
    assert "for people differ in strictness (skill" in found["sentence"]
    assert "with that taken off, skill is 0.50, and the average evaluator's 0.40." in found["predicts"]["sentence"]


def test_what_was_compared_is_said():
    some = metric(sorting__compared=25, sorting__evaluators=40)
    assert "Beside each of 25 of the 40 evaluators" in verdict(some, 0.7)["sorts"]["sentence"]
    assert "beats 3 of the 5 evaluators that it was compared with" in verdict(some, 0.7)["predicts"]["sentence"]


def test_a_number_stands_on_its_side_of_the_limit():
    assert rounded(-0.001) == "0.00"
    assert (rounded(0.7996, 0.8), rounded(0.0004, 0.0), rounded(-0.0004, 0.0)) == ("0.7996", "0.0004", "-0.0004")
    assert (rounded(0.0, 0.0), rounded(0.8, 0.8), rounded(0.123)) == ("0.00", "0.80", "0.12")


def strict_study(seed):
    """Five people who sort 300 images alike and differ by more than a rating step in strictness; a good metric."""
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=300)
    latent = quality[:, None] + np.array([-1.0, 1.3, -1.2, 1.6, -0.9]) + 0.5 * rng.normal(size=(300, 5))
    ratings = pd.DataFrame(np.digitize(latent, [-1.2, -0.4, 0.4, 1.2]) + 1).rename_axis("item").reset_index()
    ratings = ratings.melt("item", var_name="evaluator", value_name="rating").astype({"item": str, "evaluator": str})
    scores = pd.DataFrame({"item": ratings["item"].unique(), "metric": "excellent"})
    return ratings, scores.assign(score=quality + 0.3 * rng.normal(size=300))


def test_strict_and_lenient_people_leave_the_order_and_are_named():
    task = calibrate_tables(*strict_study(0), settings=Settings(draws=100)).report["tasks"]["rating"]
    entry = task["metrics"]["excellent"]
    assert entry["spearman"] > 0.9
    assert (entry["verdict"]["kind"], entry["verdict"]["sorts"]["answer"]) == ("sorts", "yes")
    assert entry["verdict"]["predicts"]["answer"] in ("no", "unknown")
    assert "differ in strictness" in entry["verdict"]["sentence"]
    assert "differ in strictness with a standard deviation of 1." in task["strictness"]["sentence"]
    assert entry["without_strictness"]["skill"] > max(0.2, entry["cross_validation"]["skill"] + 0.2)
    strict = [person["strictness"] for person in task["evaluators"].values()]
    assert np.argsort(strict).tolist() == [3, 1, 4, 0, 2]
    for person in task["evaluators"].values():
        low, high = person["strictness_interval"]
        assert low < person["strictness"] < high and low * high > 0
        assert person["grade_without_strictness"] > person["grade"]["1"] + 0.05


@pytest.mark.parametrize(("wins", "holds"), [(2, True), (1, False), (3, True)])
def test_half_of_the_evaluators_is_half(wins, holds):
    found = verdict(metric(same_target__wins=wins, same_target__compared=4), 0.7)
    assert {claim["name"]: claim["holds"] for claim in found["claims"]}["beats half of the evaluators"] is holds


def models_study(seed=0, images=50):
    """Four models, and a metric that knows them by heart and nothing about their images."""
    rng = np.random.default_rng(seed)
    model = np.repeat(np.arange(4), images)
    quality = np.array([-1.5, -0.5, 0.5, 1.5])[model] + rng.normal(size=len(model))
    latent = quality[:, None] + 0.5 * rng.normal(size=(len(model), 4))
    ratings = pd.DataFrame(np.digitize(latent, [-1.8, -0.6, 0.6, 1.8]) + 1).rename_axis("item").reset_index()
    ratings = ratings.melt("item", var_name="evaluator", value_name="rating").astype({"item": str, "evaluator": str})
    names = np.arange(len(model)).astype(str)
    items = pd.DataFrame({"item": names, "model": [f"m{each}" for each in model]})
    knows = {
        "knows_models": model + 0.3 * rng.normal(size=len(model)),
        "sees": quality + 0.5 * rng.normal(size=len(model)),
    }
    return ratings, pd.DataFrame({"item": names, **knows}), items


def test_a_metric_that_knows_models_only_is_said_to_in_a_report():
    task = calibrate_tables(*models_study(), settings=Settings(draws=100)).report["tasks"]["rating"]
    entry = task["metrics"]["knows_models"]
    models, found = entry["models"], entry["verdict"]
    assert models["within"]["low"] <= 0 < models["within"]["value"] + 0.2 and models["between"]["value"] > 0.9
    claims = {claim["name"]: claim for claim in found["claims"]}
    assert claims["order above chance"]["holds"] and not claims["tells one model's images apart"]["holds"]
    assert found["sorts"]["answer"] == "with care" and found["kind"] in ("below", "within", "predicts")
    assert "sorts images better than chance, but is not shown to tell one model's images apart" in found["sentence"]
    within, between = (models[name]["value"] for name in ("within", "between"))
    assert (
        f"it is not shown to tell one model's images apart (correlation within a model {within:.2f}, 95 % interval"
    ) in found["sorts"]["sentence"]
    assert f"between models {between:.2f}" in found["sorts"]["sentence"]
    other = task["metrics"]["sees"]["verdict"]
    assert {claim["name"]: claim["holds"] for claim in other["claims"]}["tells one model's images apart"]
    assert "not shown to tell" not in other["sentence"] + other["sorts"]["sentence"]
