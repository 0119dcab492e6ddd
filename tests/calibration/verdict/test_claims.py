"""Every claim, answer and number of the verdicts of some two hundred simulated reports, held against their figures.

The checks are written from the report's JSON and the words alone; they use no code that makes verdicts.
"""

import re
from collections import Counter
from types import SimpleNamespace

import pytest

import calibration.metric.baselines
import calibration.report.build
import calibration.report.comparison
import calibration.report.grades
import calibration.report.intervals
import calibration.report.people
from calibration.page.explanations import meaning, of_grades_against_person
from calibration.pipeline import calibrate_tables
from calibration.report.schema.document import Task
from calibration.settings import Settings
from tests.calibration.simulated_studies import KINDS, study

SEEDS = range(19)
NUMBER = re.compile(r"(?<![\w.])(-?\d[\d,]*(?:\.\d+)?)( %| points)?")
KIND_OF = {
    ("unknown", "unknown"): "unknown",
    ("no", "no"): "none",
    ("no", "unknown"): "none",
    ("with care", "no"): "below",
    ("with care", "with care"): "within",
    ("with care", "unknown"): "within",
    ("with care", "yes"): "predicts",
    ("yes", "with care"): "sorts",
    ("yes", "no"): "sorts",
    ("yes", "unknown"): "sorts",
    ("yes", "yes"): "stand-in",
}


NO_RELIABILITY = dict.fromkeys(("split_half", "spearman_brown", "correlation_ceiling")) | {
    "ceiling": {"person": None, "mean_of_others": None},
    "own_consistency": None,
    "pair_kappas": [],
}


@pytest.fixture(scope="module")
def tasks():
    """The task of each report, by kind and seed; what no verdict reads is not computed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            calibration.report.build, "prediction", lambda *_: ({"predictor": None, "reliability": None}, None)
        )
        for place, name in (
            (calibration.report.build, "combination"),
            (calibration.report.build, "comparison"),
            (calibration.report.people, "recovery_entry"),
            (calibration.report.comparison, "compare_mappings"),
            (calibration.report.comparison, "telecom_entry"),
            (calibration.report.intervals, "pair_intervals"),
        ):
            patch.setattr(place, name, lambda *_, **__: None)
        patch.setattr(calibration.report.build, "screen", lambda *_: [])
        nothing = SimpleNamespace(intervals=lambda *_: None)
        patch.setattr(calibration.report.intervals, "Worth", lambda *_: nothing)
        patch.setattr(calibration.report.people, "_reliability", lambda *_: NO_RELIABILITY)
        patch.setattr(calibration.report.people, "grade_intervals", lambda *_: [])
        patch.setattr(calibration.report.grades, "EXPONENTS", ())
        patch.setattr(calibration.metric.baselines, "PERMUTATIONS", 99)
        found = {}
        for kind in KINDS:
            for seed in SEEDS:
                made = study(kind, seed)
                settings = Settings(draws=8 if seed % 5 else 0)
                report = calibrate_tables(made.ratings, made.scores, made.items, settings).report
                found[kind, seed] = report["tasks"]["look"]
        return found


@pytest.fixture(scope="module")
def judged(tasks):
    return [(where, task, entry) for where, task in tasks.items() for entry in task["metrics"].values()]


def test_there_are_enough_and_all_kinds_of_verdict(tasks, judged):
    assert len(tasks) >= 200
    kinds = Counter(entry["verdict"]["kind"] for _, _, entry in judged)
    assert all(kinds[kind] >= 3 for kind in ("unknown", "none", "below", "within", "sorts", "stand-in"))


def interval(entry, name):
    """A figure's interval for people like these, or for these."""
    known = entry["intervals"] or {}
    for people in ("people_like_these", "these"):
        low, high = (known.get(people) or {}).get(name) or (None, None)
        if low is not None and high is not None:
            return low, high
    return None


def truth(name, task, entry):
    """Whether a claim of this name is true, by the report's own figures."""
    validation, rho = entry["cross_validation"], entry["spearman"]
    unseen, sorting, test = entry["unseen"] or {}, entry["sorting"], entry["annotator_test"]
    match name:
        case "a metric can be graded":
            return validation["no_skill_because"] is None
        case "enough images":
            return entry["n_items"] >= 20
        case "evaluators rated common images":
            return task["strictness"]["islands"] < 2
        case "mean ratings are comparable":
            found = task["strictness"]
            return found["same_people"] or not (found["p"] < 0.05 and found["spread"] * 4 >= 0.25)
        case "not against people within a model":
            return entry["models"]["within"]["high"] >= 0
        case "people agree":
            alpha = task["agreement"]["krippendorff_alpha"]["ordinal"]
            return alpha is not None and alpha >= 0.2
        case "people agree but for strictness":
            return task["strictness"]["alpha_without"] >= 0.2
        case "people predict each other":
            return (entry["same_target"] or validation)["person_skill"] > 0
        case "scores differ":
            return entry["n_scores"] > 1
        case "people tell images apart":
            return rho is not None
        case "order above chance":
            return entry["spearman_p"] < 0.05
        case "order against people":
            return entry["spearman_p"] > 0.95 and abs(rho) >= 0.1
        case "order's interval above 0":
            low, high = interval(entry, "spearman")
            return low > 0 if entry["direction"] == "higher" else high < 0
        case "sorts as well as a person":
            low = (sorting["people_like_these"] or sorting["these"])["difference"][0]
            return low > -min(0.05, max(sorting["person"] - 0.5, 0) / 4)
        case "tells one model's images apart":
            within, between = entry["models"]["within"], entry["models"]["between"]["value"]
            return not (within["low"] <= 0 and between > within["value"])
        case "uses two levels or more":
            return entry["buckets"]["levels_used"] > 1
        case "better than a constant":
            return validation["skill"] > 1e-9
        case "better than a constant on new images":
            return unseen["unseen_skill"] > 1e-9
        case "skill's interval above 0":
            return interval(entry, "skill")[0] > 0
        case "skill's interval on new images above 0":
            return interval(entry, "unseen_skill")[0] > 0
        case "may replace a person":
            return test["winning_rate"] >= 0.5 and not test["constant_winning_rate"] >= 0.5
        case "not behind the median evaluator":
            return not entry["equivalence"]["high"] < -entry["equivalence"]["margin"]
        case "beats half of the evaluators":
            return entry["same_target"]["wins"] >= entry["same_target"]["compared"] / 2
        case "people differ in strictness":
            return task["strictness"]["p"] < 0.05 and task["strictness"]["spread"] * 4 >= 0.25
        case "unscored images are rated alike":
            return not entry["unscored"]["differs"]
    raise AssertionError(name)


def test_every_claim_holds_or_fails_as_the_figures_say(judged):
    seen = Counter()
    for where, task, entry in judged:
        claims = entry["verdict"]["claims"]
        assert len({claim["name"] for claim in claims}) == len(claims)
        for claim in claims:
            assert claim["holds"] is bool(truth(claim["name"], task, entry)), (where, entry["title"], claim)
            seen[claim["name"], claim["holds"]] += 1
    assert len({name for name, _ in seen}) == 25
    always = {name for name, _ in seen if not (seen[name, True] and seen[name, False])}
    assert always <= {
        "a metric can be graded",
        "people tell images apart",
        "evaluators rated common images",
        "tells one model's images apart",
        "not against people within a model",
    }


def test_the_answers_follow_the_rules(judged):
    for where, task, entry in judged:
        verdict = entry["verdict"]
        true = {claim["name"] for claim in verdict["claims"] if truth(claim["name"], task, entry)}
        false = {claim["name"] for claim in verdict["claims"]} - true
        sorts, predicts = verdict["sorts"]["answer"], verdict["predicts"]["answer"]
        nothing = {"a metric can be graded", "enough images", "scores differ", "people tell images apart"} & false
        nothing |= {"evaluators rated common images"} & false
        if nothing or not {"people agree", "people agree but for strictness"} & true:
            expected = "unknown"
        elif "order above chance" in false:
            expected = "no"
        elif (
            "sorts as well as a person" in true
            and not {"order's interval above 0", "tells one model's images apart"} & false
            and "mean ratings are comparable" not in false
        ):
            expected = "yes"
        else:
            expected = "with care"
        assert sorts == expected, (where, entry["title"])
        skilled = {"uses two levels or more", "better than a constant", "better than a constant on new images"}
        skilled |= {"skill's interval above 0", "skill's interval on new images above 0"}
        if sorts == "unknown" or "people agree" in false:
            expected = "unknown"
        elif sorts == "no" or skilled & false:
            expected = "no"
        elif "people predict each other" in false:
            expected = "unknown"
        elif {
            "may replace a person",
            "skill's interval above 0",
        } <= true and not {"not behind the median evaluator", "not against people within a model"} & false:
            expected = "yes"
        else:
            expected = "with care"
        assert predicts == expected, (where, entry["title"])
        assert verdict["kind"] == KIND_OF[sorts, predicts]


def test_no_yes_beside_an_interval_that_holds_0(judged):
    yes = Counter()
    for _, _, entry in judged:
        for question, name in (("sorts", "spearman"), ("predicts", "skill")):
            if entry["verdict"][question]["answer"] == "yes":
                low, high = interval(entry, name) or (1, 1)
                assert low * high > 0
                yes[question, entry["title"] == "noise"] += 1
    assert yes["sorts", False] > 30 and yes["predicts", False] > 10
    assert yes["sorts", True] + yes["predicts", True] <= 2


def leaves(value):
    """All numbers within."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for each in value for number in leaves(each)]
    return [value] if isinstance(value, (int, float)) and not isinstance(value, bool) else []


def figures_of(entry):
    """Those that a verdict may print: its claims', and the skills."""
    known = entry["cross_validation"], entry["unseen"] or {}, entry["same_target"] or {}
    skills = [part.get(name) for part in known for name in ("skill", "person_skill", "unseen_skill", "seen_skill")]
    limits = interval(entry, "skill") or ()
    figures = leaves([claim["figures"] for claim in entry["verdict"]["claims"]])
    return [*figures, *(each for each in skills if each is not None), *limits]


def sentences(entry):
    """The three sentences of a verdict, without the metric's title and without the level of confidence."""
    verdict = entry["verdict"]
    assert verdict["sentence"].startswith(f"{entry['title']} ")
    texts = (
        verdict["sentence"].removeprefix(entry["title"]),
        verdict["sorts"]["sentence"],
        verdict["predicts"]["sentence"],
    )
    return [text.replace("95 % interval", "interval") for text in texts]


def test_every_number_is_a_figure_rounded(judged):
    printed = 0
    for where, _, entry in judged:
        known = figures_of(entry)
        for text in sentences(entry):
            assert not re.search(r"\b(nan|None|inf)\b", text)
            if "p < 0.0001" in text:
                assert entry["spearman_p"] < 0.0001
                text = text.replace("p < 0.0001", "")
            text = text.replace("with 30 images each", "").replace("takes three", "")
            for number, unit in NUMBER.findall(text):
                digits = len(number.partition(".")[2])
                value = float(number.replace(",", ""))
                rounded = {round(scale * each, digits) for each in known for scale in ((100,) if unit else (1, 100))}
                options = rounded | {abs(each) for each in rounded}
                assert any(abs(each - value) < 1e-9 for each in options), (where, number, text)
                printed += 1
    assert printed > 2000


def numbers(pattern, text):
    found = re.search(pattern, text)
    return None if found is None else [float(each) for each in found.groups()]


FIGURE = r"(-?[\d.]*\d)"


def test_the_words_agree_with_the_numbers_beside_them(judged):
    """What is printed, read as a reader does: the comparison in words is that of the rounded numbers."""
    met = Counter()
    for where, _, entry in judged:
        for text in sentences(entry):
            checks = {
                rf"one-sided p = {FIGURE}, and below {FIGURE} is asked": lambda p, level: p >= level,
                rf"better than chance \(Spearman {FIGURE}.*?one-sided p = {FIGURE}\)": lambda _, p: p < 0.05,
                rf"interval {FIGURE} to {FIGURE} for (?:people like these|these evaluators) holds 0": lambda a, b: (
                    a <= 0 <= b
                ),
                rf"It is better than one rating for every image \(skill {FIGURE}, interval {FIGURE}": lambda s, a: (
                    s > 0 and a > 0
                ),
                rf"no better than .*? \(skill {FIGURE}\)": lambda skill: skill <= 0,
                rf"interval {FIGURE} to {FIGURE} for [a-z ]*, so it sorts better": lambda a, _: a > 0,
                rf"interval {FIGURE} to {FIGURE} for [a-z ]*, so it is at most {FIGURE} points": lambda a, _, x: (
                    -x < a <= 0
                ),
                rf"interval {FIGURE} to {FIGURE} for [a-z ]*, so it may be more than {FIGURE}": lambda a, b, x: (
                    a <= -x < b
                ),
                rf"interval {FIGURE} to {FIGURE} for [a-z ]*, so it is more than {FIGURE}": lambda _, b, x: b <= -x,
                rf"beats {FIGURE} of the {FIGURE} evaluators": lambda wins, compared: 0 <= wins <= compared,
                rf"alpha {FIGURE}.*?, where {FIGURE} is asked": lambda alpha, least: alpha < least,
                rf"only {FIGURE} rated items? with a score, and a verdict needs {FIGURE}": lambda n, least: n < least,
                rf"wins against {FIGURE} % .*?constant answer against {FIGURE} %; {FIGURE} %": lambda a, b, half: True,
            }
            for pattern, holds in checks.items():
                if (found := numbers(pattern, text)) is not None:
                    assert holds(*found), (where, entry["title"], text)
                    met[pattern] += 1
            if "passes the test of replacing a person, and a constant answer does not" in text:
                own, constant, half = numbers(rf"wins against {FIGURE} % .*? against {FIGURE} %; {FIGURE} %", text)
                assert own >= half > constant
            if "less well than a person" in text:
                sorting = entry["sorting"]
                assert (sorting["people_like_these"] or sorting["these"])["difference"][1] < 0
            if "for people differ in strictness" in text:
                assert "people differ in strictness" in {c["name"] for c in entry["verdict"]["claims"] if c["holds"]}
    assert len(met) >= 11


def test_what_is_said_of_people_and_of_all_metrics_together(tasks):
    for where, task in tasks.items():
        alpha = task["agreement"]["krippendorff_alpha"]["ordinal"]
        words, given = task["verdict"], re.search(r"alpha (-?[\d.]+)", task["verdict"])
        assert round(alpha, len(given[1].partition(".")[2])) == float(given[1])
        limits = (task["agreement"]["intervals"] or {}).get("people_like_these") or {}
        low = (limits.get("ordinal") or [alpha])[0]
        if "well enough to draw conclusions" in words:
            assert float(given[1]) >= 0.8 and task["n_items"] >= 20 and (low is None or low >= 0.667)
        assert ("too few to say" in words) == (task["n_items"] < 20)
        answers = [entry["verdict"]["sorts"]["answer"] for entry in task["metrics"].values()]
        model = Task.model_validate(task)
        bad, sentences = of_grades_against_person(model).bad, meaning(model)[1:]
        count = re.search(r"Of (\d+) metrics? that (?:was|were) judged, (\d+|none) shows? no sign of sorting", bad)
        if set(answers) == {"unknown"}:
            assert count is None and "judged." in bad, where
            assert sentences == ["No metric can be judged here; its verdict says why."]
        else:
            if len(answers) - answers.count("unknown") == 1:
                sign = "no" if "no" in answers else "some"
                assert f"The one metric that was judged shows {sign} sign" in bad
            else:
                assert int(count[1]) == len(answers) - answers.count("unknown")
                assert int(count[2].replace("none", "0")) == answers.count("no")
            together = " ".join(sentences)
            for title, entry in ((entry["title"], entry) for entry in task["metrics"].values()):
                for key, question in (
                    ("sorts", "Sorts images as people do"),
                    ("predicts", "Predicts one person's rating"),
                ):
                    answer = entry["verdict"][key]["answer"].replace("unknown", "not judged")
                    part = re.search(rf"{question}: (.*?)\.(?: |$)", together)[1]
                    named = next(each for each in part.split("; ") if re.search(rf"\b{title}\b", each))
                    assert named.startswith(answer)
