"""One sentence a metric, led by skill: may it stand in for people?"""

import math
from typing import Any, Literal

from calibration.tables import counted

Kind = Literal["unknown", "none", "below", "within", "stand-in"]

LEAST_ITEMS = 20
"""Of fewer scored items no metric is judged."""

SIGNIFICANCE = 0.05
"""A rank correlation that unrelated scores would reach more often than this counts as none."""

CHANCE = 0.2
"""Below this ordinal alpha people agree too little for any metric to be judged by them."""

_NOTICEABLE = 0.1  # among many thousands of items even a correlation that nobody would notice is significant
_ROUNDING = 1e-9  # two grades closer than this are equal
_VISIBLE = 0.01  # a smaller loss of skill on new images is not worth words
_NUMBERS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]

# Krippendorff's customary limits (2004, p. 241): .800 for firm and .667 for tentative conclusions
_STRENGTHS = (
    (0.8, "well enough to draw conclusions"),
    (0.667, "well enough for tentative conclusions"),
    (CHANCE, "weakly, so that no metric can be judged sharply"),
    (-math.inf, "hardly more than by chance, so that no metric can be judged by them"),
)


def verdict(metric: dict[str, Any], alpha: float | None) -> dict[str, str]:
    """Judge one metric of a task.

    The metric and each evaluator are graded against the same other people, one by one, on the same items; the
    metric's mapping was fitted without the person it is graded against and, from ten items on, on other items. Skill
    puts the grade between the best constant answer (0) and perfection (1). Beating an evaluator counts only where that
    evaluator beats the constant.

    Parameters
    ----------
    metric : dict
        The metric's entry in the report.
    alpha : float or None
        Krippendorff's ordinal alpha of the task's people.

    Returns
    -------
    dict
        ``kind``: "unknown" (too few items or ratings, or too little agreement among people), "none" (it does not
        order the items as people do, or does no better than a constant), "below" (every evaluator who is better than
        a constant; or its skill's interval holds 0 and it is behind most; or it knows only the models), "within" (at
        least as good as some of them) or "stand-in" (as good as the median one, by a test); ``sentence``: the words.
    """
    kind, words = _unknown(metric, alpha) or _useless(metric) or _compared(metric)
    return {"kind": kind, "sentence": f"{metric['title']} {words}{_on_whom(metric)}"}


def _on_whom(metric: dict[str, Any]) -> str:
    """Where the images that it left out are rated differently: of which the verdict speaks."""
    unscored = metric.get("unscored")
    if not unscored or not unscored["differs"]:
        return ""
    side = "lower" if unscored["mean_unscored"] < unscored["mean_scored"] else "higher"
    low, high = sorted((abs(unscored["low"]), abs(unscored["high"])))
    return (
        f" All this holds for the {counted(unscored['n_scored'], 'image')} that it scored: people rate the "
        f"{unscored['n_unscored']:,} without a score {side} ({_plain(unscored['mean_unscored'])} against "
        f"{_plain(unscored['mean_scored'])} on average; 95 % interval of the difference {_plain(low)} to "
        f"{_plain(high)})."
    )


def task_verdict(task: dict[str, Any]) -> str:
    """One sentence on the people of a task: do they agree enough to judge a metric by?"""
    alpha = task["agreement"]["krippendorff_alpha"]["ordinal"]
    people = f"{spelled(task['n_evaluators']).capitalize()} evaluator{'' if task['n_evaluators'] == 1 else 's'}"
    given = f"{people} gave {counted(task['n_ratings'], 'rating')} of {counted(task['n_items'], 'item')}"
    if alpha is None:
        return f"{given}; how far they agree cannot be computed."
    strength = next(words for least, words in _STRENGTHS if alpha >= least)
    return f"{given}; they agree {strength} (Krippendorff's ordinal alpha {_plain(alpha)})."


def spelled(number: int) -> str:
    """A small number in words.

    Examples
    --------
    >>> spelled(5), spelled(27)
    ('five', '27')
    """
    return _NUMBERS[number] if 0 <= number < len(_NUMBERS) else str(number)


def _unknown(metric: dict[str, Any], alpha: float | None) -> tuple[Kind, str] | None:
    """Why nothing can be said of the metric, if so."""
    validation = metric["cross_validation"]
    if validation["no_skill_because"]:
        return "unknown", f"cannot be judged here. {validation['no_skill_because']}"
    if metric["n_items"] < LEAST_ITEMS:
        return "unknown", (
            f"cannot be judged here: only {counted(metric['n_items'], 'rated item')} with a score, and a verdict needs "
            f"{LEAST_ITEMS} or more."
        )
    if alpha is None or alpha < CHANCE:
        return "unknown", "cannot be judged here: the evaluators agree hardly more than by chance."
    same = metric.get("same_target")
    person_skill = validation["person_skill"] if same is None else same["person_skill"]
    if person_skill is not None and person_skill <= 0:
        return "unknown", (
            "cannot be judged here: the evaluators predict each other no better than one rating for every image would "
            f"(skill {_plain(person_skill)}{', mapped alike' if same else ''}), so agreeing with them means nothing."
        )
    if metric["spearman"] is None:
        same = "it gave every image the same score" if metric["n_scores"] == 1 else "people rated every image alike"
        return "unknown", f"cannot be judged here: {same}."
    return None


def _useless(metric: dict[str, Any]) -> tuple[Kind, str] | None:
    """Why the metric is of no use, if so; a mapping to a single level leaves nothing to judge."""
    figures = _figures(metric)
    rho, p = metric["spearman"], metric["spearman_p"]
    if p > 1 - SIGNIFICANCE and abs(rho) >= _NOTICEABLE:
        return "none", (
            f"sorts the images against people's order (Spearman {_plain(rho)}, where {metric['direction']} should be "
            f"better); do not use it {figures}."
        )
    if p >= SIGNIFICANCE:
        return "none", (
            f"shows no sign of sorting the images as people do (Spearman {_plain(rho)} over {metric['n_items']:,} "
            f"items, no more than chance may give: p = {_plain(p)}); do not use it {figures}."
        )
    level = metric["constant"]["level"]
    if metric["buckets"]["levels_used"] < 2:
        return "unknown", (
            f"cannot be judged here: the mapping that fits people best gives every image the rating {level}, whatever "
            f"its score {figures}."
        )
    if metric["cross_validation"]["skill"] <= _ROUNDING:
        return (
            "none",
            f"predicts a person no better than the rating {level} for every image does; do not use it {figures}.",
        )
    unseen = metric["unseen"]
    if unseen and unseen["unseen_skill"] is not None and unseen["unseen_skill"] <= _ROUNDING:
        return (
            "none",
            f"predicts a person no better than one rating for every image does, once the {_kind_of(unseen)} are new to "
            f"its mapping; do not use it {figures}.",
        )
    return None


def _compared(metric: dict[str, Any]) -> tuple[Kind, str]:
    """The metric next to the evaluators, each graded against the same other people."""
    figures = _figures(metric)
    beaten, compared, able = _beaten(metric)
    where = " on new images" if _is_on_new(metric) else ""
    if beaten == 0:
        able = able or compared
        everyone = f"{'either' if able == 2 else 'any'} of the {spelled(able)} evaluators does"
        if able < compared:
            named = f"({spelled(able)} of the {spelled(compared)})"
            everyone = f"every evaluator does who is better than a constant answer {named}"
        return "below", f"agrees with people less than {everyone}{where}; do not use it alone {figures}."
    if _knows_only_models(metric):
        return "below", f"tells the models apart, but not one model's images; do not use it alone {figures}."
    low, high = _limits(metric)
    if low is not None and high is not None and low <= 0:
        if 2 * beaten >= compared:
            return "within", (
                f"agrees with people at least as well as {spelled(beaten)} of the {spelled(compared)} evaluators"
                f"{where}, but these data cannot tell it from one rating for every image: the interval of its skill "
                f"holds 0; use it to sort, and let people decide {figures}."
            )
        return "below", (
            f"may be no better than one rating for every image: the interval of its skill holds 0; do not use it alone "
            f"{figures}."
        )
    answer = _answer(metric)
    if answer == "yes":
        return "stand-in", (
            "predicts a person as well as the median evaluator does; on images like these it can stand in for one "
            f"evaluator {figures}."
        )
    if answer == "cannot tell":
        return "within", (
            f"agrees with people at least as well as {spelled(beaten)} of the {spelled(compared)} evaluators{where}; "
            "whether it comes up to the median one, these data cannot tell; use it to sort, and let people decide "
            f"{figures}."
        )
    return "within", (
        f"agrees with people at least as well as {spelled(beaten)} of the {spelled(compared)} evaluators{where}, but "
        f"less than the median one; use it to sort, and let people decide {figures}."
    )


def _beaten(metric: dict[str, Any]) -> tuple[int, int, int]:
    """Against how many evaluators the metric holds its own, how many there are, and how many beat a constant.

    Where it can be done, evaluators are mapped as metrics are and graded on the same new images.
    """
    on_new = metric["unseen"]
    source = on_new if on_new and on_new["unseen_skill"] is not None else metric["cross_validation"]
    pairs = [pair for pair in source["against_people"].values() if None not in pair.values()]
    able = [pair for pair in pairs if pair["person_grade"] > pair["constant_grade"] + _ROUNDING]
    same = metric.get("same_target")
    if same:
        return same["wins_over_able"], same["compared"], same["able"]
    beaten = sum(pair["metric_grade"] >= pair["person_grade"] - _ROUNDING for pair in able)
    return beaten, len(pairs), len(able)


def _is_on_new(metric: dict[str, Any]) -> bool:
    """Whether `_beaten` compares on images that are new to the mappings."""
    on_new = metric["unseen"]
    return bool(metric.get("same_target") or (on_new and on_new["unseen_skill"] is not None))


def _answer(metric: dict[str, Any]) -> str:
    """Whether it is as good as the median evaluator: yes, no, or these data cannot tell, as without a test."""
    equivalence = metric.get("equivalence")
    return str(equivalence["answer"]) if equivalence else "cannot tell"


def _knows_only_models(metric: dict[str, Any]) -> bool:
    """Whether it follows people between models, and within a model no more than chance may give."""
    models = metric.get("models")
    if not models or models["within"]["low"] is None or models["between"]["value"] is None:
        return False
    return bool(models["within"]["low"] <= 0 and models["between"]["value"] > models["within"]["value"])


def _figures(metric: dict[str, Any]) -> str:
    validation = metric["cross_validation"]
    unseen = metric["unseen"]
    on_new = ""
    if unseen and unseen["unseen_skill"] is not None and unseen["seen_skill"] - unseen["unseen_skill"] >= _VISIBLE:
        on_new = f"; {_plain(unseen['unseen_skill'])} on new {_kind_of(unseen)}"
    same, people = metric.get("same_target"), _plain(validation["person_skill"])
    if same and validation["person_skill"] <= 0:
        people = f"{people}, and {_plain(same['person_skill'])} when mapped alike"
    return f"(skill {_plain(validation['skill'])}{_interval(metric)}{on_new}; the average evaluator has {people})"


def _interval(metric: dict[str, Any]) -> str:
    """The skill's interval in words; "" without any."""
    low, high = _limits(metric)
    return "" if low is None or high is None else f", 95 % interval {_plain(low)} to {_plain(high)}"


def _limits(metric: dict[str, Any]) -> tuple[float | None, float | None]:
    """The skill's interval for people like these, or, where there is none, for these people."""
    intervals = metric.get("intervals") or {}
    low, high = (intervals.get("people_like_these") or intervals.get("these") or {}).get("skill") or (None, None)
    return low, high


def _kind_of(unseen: dict[str, Any]) -> str:
    """What was held out."""
    return f"{unseen['grouped_by']}s" if unseen["grouped_by"] else "images"


def _plain(value: float) -> str:
    """Two digits, and no minus before a zero."""
    return f"{round(value, 2) + 0.0:.2f}"
