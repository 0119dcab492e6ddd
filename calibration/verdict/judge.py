"""Does a metric sort images as people do, and does it predict one person's rating? The rules for both answers.

The words are those of `calibration.verdict.words`; here are figures and limits only.
"""

from collections.abc import Iterator
from typing import Any

from calibration.scale import LIKERT
from calibration.verdict.claims import Answer, Claim, Claims, Verdict
from calibration.verdict.words import predicts_sentence, sentence_parts, sorts_sentence

LEAST_ITEMS = 20
"""Of fewer scored items no metric is judged."""

SIGNIFICANCE = 0.05
"""A rank correlation that unrelated scores would reach more often than this counts as none."""

CHANCE = 0.2
"""Below this alpha people agree too little for any metric to be judged by them."""

NOTICEABLE = 0.1
"""Of a rank correlation: among many thousands of items even one that nobody would notice is significant."""

STRICT = 0.25
"""Of a rating step: people whose strictness has a smaller standard deviation are not said to differ."""

_ROUNDING = 1e-9  # a skill nearer to 0 than this is 0


def verdict(
    metric: dict[str, Any],
    alpha: float | None,
    strictness: dict[str, Any] | None = None,
    step: float = LIKERT.step,
) -> dict[str, Any]:
    """Judge one metric of a task, in the report's words.

    Parameters
    ----------
    metric : dict
        The metric's entry in the report.
    alpha : float or None
        Krippendorff's ordinal alpha of the task's people.
    strictness : dict, optional
        The task's entry ``strictness``.
    step : float
        One rating step on the unit scale.

    Returns
    -------
    dict
        ``kind`` (see `calibration.verdict.claims.Kind`); ``sentence``, and its ``sentence_parts``; ``sorts`` and
        ``predicts``, each with ``answer`` ("yes", "with care", "no" or "unknown") and ``sentence``; ``claims``, each
        with ``name``, ``holds`` and ``figures``.
    """
    found = judge(metric, alpha, strictness, step)
    parts = sentence_parts(found)
    return {
        "kind": found.kind,
        "sentence": "".join(parts),
        "sentence_parts": parts._asdict(),
        "sorts": {"answer": found.sorts, "sentence": sorts_sentence(found)},
        "predicts": {"answer": found.predicts, "sentence": predicts_sentence(found)},
        "claims": found.claim_entries(),
    }


def judge(
    metric: dict[str, Any],
    alpha: float | None,
    strictness: dict[str, Any] | None = None,
    step: float = LIKERT.step,
) -> Verdict:
    """Judge one metric of a task.

    Parameters
    ----------
    metric, alpha, strictness, step
        As in `verdict`.

    Returns
    -------
    Verdict

    Notes
    -----
    Nothing is judged below 20 scored images, without anybody to be graded against, where scores or mean ratings are all
    equal, or where people agree hardly more than by chance: alpha below .2, with strictness taken off as well.

    **Sorts**: no, where the order is no better than chance gives (Spearman's correlation, one-sided p of .05 or more).
    Yes, where the interval of the metric's pairwise accuracy minus a person's lies above -.05, or above a quarter of
    what a person has more than a guess where that is less; unless the interval of the correlation holds 0, or the
    metric tells models apart and not one model's images, or images were rated by different people who differ in
    strictness, so that their mean ratings are no measure. Else with care. Unknown, where evaluators are in sets between
    which no image makes a link.

    **Predicts**: unknown, where alpha is below .2, or where people themselves predict each other no better than a
    constant does and the answer would not be no. No, where the order is no better than chance, the mapping knows one
    level only, skill is 0 or less, or its interval holds 0, on these images or on new ones. Yes, where it passes the
    alternative annotator test, a constant does not, the interval of its skill is known, and it is neither shown to be
    worse than the median evaluator nor to sort one model's images against people. Else with care.

    Intervals are for people like these, or for these where there is none. tests/benchmarks/bench_verdicts.py measures
    how often noise gets a yes.
    """
    found = (
        *_judgeable(metric, alpha, strictness),
        *_order(metric),
        *_rating(metric),
        *_beside(metric, strictness, step),
    )
    claims = Claims({claim.name: claim for claim in found})
    ordered = _answer_on_order(claims)
    return Verdict(metric["title"], ordered, _answer_on_rating(ordered, claims), claims, _figures(metric))


def _answer_on_order(claims: Claims) -> Answer:
    if claims.any_fails(
        "a metric can be graded",
        "enough images",
        "scores differ",
        "people tell images apart",
        "evaluators rated common images",
    ):
        return "unknown"
    if not (claims.all_hold("people agree") or claims.all_hold("people agree but for strictness")):
        return "unknown"
    if claims.any_fails("order above chance"):
        return "no"
    if claims.all_hold("sorts as well as a person") and not claims.any_fails(
        "order's interval above 0", "mean ratings are comparable", "tells one model's images apart"
    ):
        return "yes"
    return "with care"


def _answer_on_rating(order: Answer, claims: Claims) -> Answer:
    if order == "unknown" or claims.any_fails("people agree"):
        return "unknown"
    if order == "no" or claims.any_fails(
        "uses two levels or more",
        "better than a constant",
        "better than a constant on new images",
        "skill's interval above 0",
        "skill's interval on new images above 0",
    ):
        return "no"
    if claims.any_fails("people predict each other"):
        return "unknown"
    if claims.all_hold("may replace a person", "skill's interval above 0") and not claims.any_fails(
        "not behind the median evaluator", "not against people within a model"
    ):
        return "yes"
    return "with care"


def _judgeable(metric: dict[str, Any], alpha: float | None, strictness: dict[str, Any] | None) -> Iterator[Claim]:
    """Whether there is anything to judge, and anybody to judge it by."""
    validation = metric["cross_validation"]
    reason = validation["no_skill_because"]
    yield Claim("a metric can be graded", not reason, {"because": reason} if reason else {})
    items = metric["n_items"]
    yield Claim("enough images", items >= LEAST_ITEMS, {"items": items, "needed": LEAST_ITEMS})
    sets = (strictness or {}).get("islands")
    if sets is not None:
        yield Claim("evaluators rated common images", sets < 2, {"sets": sets})
    yield Claim("people agree", alpha is not None and alpha >= CHANCE, {"alpha": alpha, "needed": CHANCE})
    without = (strictness or {}).get("alpha_without")
    if without is not None:
        yield Claim("people agree but for strictness", without >= CHANCE, {"alpha": without, "needed": CHANCE})
    same = metric.get("same_target")
    person = (same or validation)["person_skill"]
    if person is not None:
        yield Claim("people predict each other", person > 0, {"person_skill": person, "mapped_alike": bool(same)})
    yield Claim("scores differ", metric["n_scores"] > 1, {"scores": metric["n_scores"]})
    if metric["n_scores"] > 1:
        yield Claim("people tell images apart", metric["spearman"] is not None, {})


def _order(metric: dict[str, Any]) -> Iterator[Claim]:
    """What the metric's order of the images is worth."""
    rho, p = metric["spearman"], metric["spearman_p"]
    if rho is None or p is None:
        return
    figures = {"spearman": rho, "p": p, "level": SIGNIFICANCE, "items": metric["n_items"]}
    yield Claim("order above chance", p < SIGNIFICANCE, figures)
    against = p > 1 - SIGNIFICANCE and abs(rho) >= NOTICEABLE
    yield Claim("order against people", against, {"spearman": rho, "better": metric["direction"]})
    low, high, whose = limits_of(metric, "spearman")
    if low is not None and high is not None:
        above = low > 0 if metric["direction"] == "higher" else high < 0
        yield Claim("order's interval above 0", above, {"spearman": rho, "low": low, "high": high, "people": whose})
    found = metric.get("sorting")
    if found:
        people = "people_like_these" if found["people_like_these"] else "these"
        low, high = found[people]["difference"]
        names = ("metric", "person", "difference", "margin", "compared", "evaluators", "n_items")
        figures = {name: found[name] for name in names} | {"low": low, "high": high, "people": people}
        yield Claim("sorts as well as a person", low > -found["margin"], figures)
    models = metric.get("models")
    if models and models["within"]["low"] is not None and models["between"]["value"] is not None:
        within, between = models["within"], models["between"]["value"]
        figures = {"within": within["value"], "low": within["low"], "high": within["high"], "between": between}
        yield Claim("tells one model's images apart", within["low"] > 0 or between <= within["value"], figures)
        yield Claim("not against people within a model", not within["high"] < 0, figures)


def _rating(metric: dict[str, Any]) -> Iterator[Claim]:
    """What the metric's mapped scores are worth as one person's ratings."""
    validation, level = metric["cross_validation"], metric["constant"]["level"]
    if validation["skill"] is None:
        return
    used = metric["buckets"]["levels_used"]
    yield Claim("uses two levels or more", used >= 2, {"levels": used, "level": level})
    better = validation["skill"] > _ROUNDING
    yield Claim("better than a constant", better, {"skill": validation["skill"], "level": level})
    unseen = metric["unseen"]
    if unseen and unseen["unseen_skill"] is not None:
        figures = {"unseen_skill": unseen["unseen_skill"], "new": kind_of(unseen)}
        yield Claim("better than a constant on new images", unseen["unseen_skill"] > _ROUNDING, figures)
    low, high, whose = limits_of(metric, "skill")
    if low is not None and high is not None:
        figures = {"skill": validation["skill"], "low": low, "high": high, "people": whose}
        yield Claim("skill's interval above 0", low > 0, figures)
    low, high, whose = limits_of(metric, "unseen_skill")
    if unseen and low is not None and high is not None:
        figures = {"skill": unseen["unseen_skill"], "low": low, "high": high, "people": whose, "new": kind_of(unseen)}
        yield Claim("skill's interval on new images above 0", low > 0, figures)
    test = metric.get("annotator_test")
    if test:
        names = ("winning_rate", "constant_winning_rate", "passes", "constant_passes")
        passed = bool(test["passes"] and not test["constant_passes"])
        yield Claim("may replace a person", passed, {name: test[name] for name in names} | {"needed": 0.5})
    median = metric.get("equivalence")
    if median:
        figures = {name: median[name] for name in ("difference", "low", "high", "margin")}
        yield Claim("not behind the median evaluator", median["answer"] != "no", figures)
    same = metric.get("same_target")
    if same:
        figures = {"wins": same["wins"], "compared": same["compared"]}
        yield Claim("beats half of the evaluators", 2 * same["wins"] >= same["compared"], figures)


def _beside(metric: dict[str, Any], strictness: dict[str, Any] | None, step: float) -> Iterator[Claim]:
    """What has to be known beside it."""
    spread, p = (strictness or {}).get("spread"), (strictness or {}).get("p")
    without = metric.get("without_strictness")
    if spread is not None and p is not None:
        figures = {"spread": spread / step, "p": p, "level": SIGNIFICANCE, "needed": STRICT}
        if without and without["skill"] is not None:
            figures |= {"skill_without": without["skill"], "person_skill_without": without["person_skill"]}
        differ = p < SIGNIFICANCE and spread / step >= STRICT
        yield Claim("people differ in strictness", differ, figures)
        comparable = bool((strictness or {}).get("same_people", True)) or not differ
        yield Claim("mean ratings are comparable", comparable, {"spread": spread / step})
    unscored = metric.get("unscored")
    if unscored:
        names = ("n_scored", "n_unscored", "mean_scored", "mean_unscored", "low", "high")
        figures = {name: unscored[name] for name in names}
        yield Claim("unscored images are rated alike", not unscored["differs"], figures)


def _figures(metric: dict[str, Any]) -> dict[str, Any]:
    """What is shown with every verdict."""
    validation, unseen = metric["cross_validation"], metric["unseen"] or {}
    low, high, whose = limits_of(metric, "skill")
    return {
        "skill": validation["skill"],
        "low": low,
        "high": high,
        "people": whose,
        "seen_skill": unseen.get("seen_skill"),
        "unseen_skill": unseen.get("unseen_skill"),
        "new": kind_of(unseen) if unseen else None,
        "person_skill": validation["person_skill"],
        "person_skill_mapped_alike": (metric.get("same_target") or {}).get("person_skill"),
    }


def limits_of(metric: dict[str, Any], name: str) -> tuple[float | None, float | None, str | None]:
    """A figure's interval for people like these, or, where there is none, for these people; and for whom it is."""
    intervals = metric.get("intervals") or {}
    for people in ("people_like_these", "these"):
        low, high = (intervals.get(people) or {}).get(name) or (None, None)
        if low is not None and high is not None:
            return low, high, people
    return None, None, None


def kind_of(unseen: dict[str, Any]) -> str:
    """What was held out."""
    return f"{unseen['grouped_by']}s" if unseen["grouped_by"] else "images"
