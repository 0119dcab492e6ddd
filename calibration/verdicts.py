"""One sentence a metric, led by skill: may it stand in for people?"""

import math
from typing import Any

_NUMBERS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]

# Krippendorff's customary limits (2004, p. 241): .800 for firm and .667 for tentative conclusions
_STRENGTHS = (
    (0.8, "well enough to draw conclusions"),
    (0.667, "well enough for tentative conclusions"),
    (0.2, "weakly, so that no metric can be judged sharply"),
    (-math.inf, "hardly more than by chance, so that no metric can be judged by them"),
)


def verdict(metric: dict[str, Any], n_evaluators: int) -> dict[str, str]:
    """Judge one metric of a task.

    The metric and each evaluator are graded against the same other people, one by one; the metric's mapping was
    fitted without the person it is graded against. Skill puts the grade between the best constant answer (0) and
    perfection (1).

    Parameters
    ----------
    metric : dict
        The metric's entry in the report.
    n_evaluators : int
        How many people rated the task.

    Returns
    -------
    dict
        ``kind``: "unknown" (too few ratings, or too little agreement among people), "none" (no better than a
        constant), "below" (every evaluator), "within" (better than some) or "stand-in" (at least the mean person);
        ``sentence``: the words.
    """
    validation = metric["cross_validation"]
    title, skill, person = metric["title"], validation["skill"], validation["person_skill"]
    if skill is None or person is None:
        reason = metric["notes"][-1] if metric.get("notes") else "There are too few ratings."
        return {"kind": "unknown", "sentence": f"{title} cannot be judged here. {reason}"}
    if person <= 0:
        return {
            "kind": "unknown",
            "sentence": f"{title} cannot be judged here: the evaluators predict each other no better than one rating "
            f"for every image would (skill {_plain(person)}), so agreeing with them means nothing.",
        }
    pairs = [pair for pair in validation["against_people"].values() if None not in pair.values()]
    beaten = sum(pair["metric_grade"] >= pair["person_grade"] for pair in pairs)
    figures = f"skill {_plain(skill)}; the average evaluator has {_plain(person)}"
    if skill <= 0:
        level = metric["constant"]["level"]
        return {
            "kind": "none",
            "sentence": f"{title} predicts a person no better than the rating {level} for every image does; "
            f"do not use it ({figures}).",
        }
    if skill >= person:
        return {
            "kind": "stand-in",
            "sentence": f"{title} predicts a person as well as the average evaluator does; on images like these "
            f"it can stand in for one evaluator ({figures}).",
        }
    if beaten == 0:
        everyone = f"{'either' if n_evaluators == 2 else 'any'} of the {spelled(n_evaluators)} evaluators"
        return {
            "kind": "below",
            "sentence": f"{title} agrees with people less than {everyone} does; do not use it alone ({figures}).",
        }
    return {
        "kind": "within",
        "sentence": f"{title} agrees with people at least as well as {spelled(beaten)} of the {spelled(len(pairs))} "
        f"evaluators, but less than the average one; use it to sort, and let people decide ({figures}).",
    }


def task_verdict(task: dict[str, Any]) -> str:
    """One sentence on the people of a task: do they agree enough to judge a metric by?"""
    alpha = task["agreement"]["krippendorff_alpha"]["ordinal"]
    people = f"{spelled(task['n_evaluators']).capitalize()} evaluator{'' if task['n_evaluators'] == 1 else 's'}"
    given = (
        f"{people} gave {task['n_ratings']:,} ratings of {task['n_items']:,} item{'' if task['n_items'] == 1 else 's'}"
    )
    if alpha is None:
        return f"{given}; how far they agree cannot be computed."
    strength = next(words for least, words in _STRENGTHS if alpha >= least)
    return f"{given}; they agree {strength} (Krippendorff's ordinal alpha {alpha:.2f})."


def spelled(number: int) -> str:
    """A small number in words.

    Examples
    --------
    >>> spelled(5), spelled(27)
    ('five', '27')
    """
    return _NUMBERS[number] if 0 <= number < len(_NUMBERS) else str(number)


def _plain(value: float) -> str:
    """Two digits, and no minus before a zero."""
    return f"{round(value, 2) + 0.0:.2f}"
