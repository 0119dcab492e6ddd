"""What is said of a task: how far its people agree, and what the verdicts on its metrics come to."""

from collections.abc import Mapping
from typing import Any

from calibration.verdict.claims import Answer, Question
from calibration.verdict.words import rounded
from metrics.text import counted, listed, spelled


def task_verdict(task: Mapping[str, Any], least_items: int = 20) -> str:
    """One sentence on the people of a task: do they agree enough to judge a metric by?

    Parameters
    ----------
    task : mapping
        The task's entry in the report.
    least_items : int
        Of fewer images nothing is concluded.

    Returns
    -------
    str

    Notes
    -----
    Krippendorff's customary limits (2004, p. 241) are an alpha of .800 for firm and .667 for tentative conclusions.
    Firm is said only where the lower end of alpha's interval is not below .667 either, and nothing on few images.
    """
    agreement = task["agreement"]
    alpha = agreement["krippendorff_alpha"]["ordinal"]
    people = spelled(task["n_evaluators"], "evaluator").capitalize()
    given = f"{people} gave {counted(task['n_ratings'], 'rating')} of {counted(task['n_items'], 'item')}"
    if alpha is None:
        return f"{given}; how far they agree cannot be computed."
    figure = f"Krippendorff's ordinal alpha {rounded(alpha, *_LIMITS)}"
    if task["n_items"] < least_items:
        return f"{given}, too few to say how far they agree ({figure})."
    low, high = _alpha_limits(agreement)
    without = _without_strictness(task, alpha)
    if low is None or high is None:
        return f"{given}; they agree {_strength(alpha, alpha)} ({figure}{without})."
    limits = f"95 % interval {rounded(low, *_LIMITS)} to {rounded(high, *_LIMITS)}"
    return f"{given}; they agree {_strength(alpha, low)} ({figure}, {limits}{without})."


_FIRM, _TENTATIVE, _CHANCE = _LIMITS = (0.8, 0.667, 0.2)


def _strength(alpha: float, low: float) -> str:
    if alpha >= _FIRM and low >= _TENTATIVE:
        return "well enough to draw conclusions"
    if alpha >= _TENTATIVE:
        return "well enough for tentative conclusions"
    if alpha >= _CHANCE:
        return "weakly, too little to lean on one person's rating"
    return "hardly more than by chance"


def _alpha_limits(agreement: Mapping[str, Any]) -> tuple[float | None, float | None]:
    found = agreement.get("intervals") or {}
    low, high = (found.get("people_like_these") or found.get("these") or {}).get("ordinal") or (None, None)
    return low, high


def _without_strictness(task: Mapping[str, Any], alpha: float) -> str:
    """That people who hardly agree do but for strictness: then metrics are judged as sorters."""
    without = (task.get("strictness") or {}).get("alpha_without")
    if alpha >= _CHANCE or without is None or without < _CHANCE:
        return ""
    return f"; with strictness taken off they do agree more, interval alpha {rounded(without, _CHANCE)}"


QUESTIONS: dict[Question, str] = {"sorts": "Sorts images as people do", "predicts": "Predicts one person's rating"}
"""The two questions, by their key in the report's verdicts."""

_MOST_NAMES = 6


def together(answers: Mapping[str, Mapping[Question, Answer]]) -> list[str]:
    """What the verdicts of a task's metrics come to: a sentence for each question.

    Parameters
    ----------
    answers : mapping of str to mapping
        The answers to both questions by the metrics' titles, in the order in which to name them.

    Returns
    -------
    list of str
        Metrics that were not judged are counted; where none was, that is all there is to say.

    Examples
    --------
    >>> one = {"sorts": "yes", "predicts": "no"}
    >>> together({"A": one, "B": one})
    ['Sorts images as people do: yes for A and B.', "Predicts one person's rating: no for A and B."]
    """
    if not any(each["sorts"] != "unknown" for each in answers.values()):
        return ["No metric can be judged here; its verdict says why."]
    said = []
    for key, question in QUESTIONS.items():
        parts = []
        for answer, words in (("yes", "yes"), ("with care", "with care"), ("no", "no"), ("unknown", "not judged")):
            titles = [title for title, each in answers.items() if each[key] == answer]
            if titles:
                parts.append(f"{words}{' for' if answer != 'unknown' else ':'} {listed(titles, most=_MOST_NAMES)}")
        said.append(f"{question}: {'; '.join(parts)}.")
    return said


def how_many_poor(answers: Mapping[str, Mapping[Question, Answer]]) -> str:
    """How many metrics show no sign of sorting images as people do, of those that were judged.

    Examples
    --------
    >>> how_many_poor({"A": {"sorts": "unknown"}, "B": {"sorts": "unknown"}})
    'Not one of the 2 metrics was judged.'
    >>> how_many_poor({"A": {"sorts": "unknown"}, "B": {"sorts": "no"}})
    'The one metric that was judged shows no sign of sorting images as people do.'
    """
    judged = [each["sorts"] for each in answers.values() if each["sorts"] != "unknown"]
    if not judged:
        number = len(answers)
        return "The only metric was not judged." if number == 1 else f"Not one of the {number} metrics was judged."
    poor = judged.count("no")
    if len(judged) == 1:
        return f"The one metric that was judged shows {'no' if poor else 'some'} sign of sorting images as people do."
    return (
        f"Of {counted(len(judged), 'metric')} that {'was' if len(judged) == 1 else 'were'} judged, {poor or 'none'} "
        f"{'show' if poor > 1 else 'shows'} no sign of sorting images as people do."
    )
