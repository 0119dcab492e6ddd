"""How people were asked, in the words of the page: what was shown, and what was changed while they rated."""

from typing import Any

from calibration.report_asked import rated_wordings, words_of
from metrics.text import counted

_SHOWN = {
    (True, True): "The prompt and the subject's reference photos were shown with each image.",
    (True, False): "The subject's reference photos were shown with each image.",
    (False, True): "The prompt was shown with each image.",
    (False, False): "Each image was shown alone, without prompt or reference photos.",
}


def how_it_was_asked(asked: dict[str, Any] | None) -> dict[str, Any] | None:
    """What the page says of a task's entry ``asked``; None where nothing is known.

    Parameters
    ----------
    asked : dict or None
        See `calibration.report_asked.asked_entries`.

    Returns
    -------
    dict or None
        ``question``, ``levels`` (number and word), ``shown`` (a sentence) and ``note`` of the last words under which
        anybody rated; ``ratings`` under these words; ``earlier``: of each that differs, the same; ``changed``: a
        sentence where there are any; ``next``: the present words where they are others, without a rating yet.

    Examples
    --------
    >>> words = {"levels": list("abcde"), "show_references": False, "show_prompt": True, "note": "", "ratings": 3}
    >>> old = words | {"question": "Good?", "ratings": 9}
    >>> found = how_it_was_asked(words | {"question": "How good?", "earlier": [old]})
    >>> found["shown"]
    'The prompt was shown with each image.'
    >>> found["changed"]
    'The words changed while people rated: 9 of 12 ratings were given under earlier ones.'
    """
    if asked is None:
        return None
    last, before = rated_wordings(asked)
    earlier = sum(one["ratings"] for one in before)
    changed = None
    if before:
        given = f"{earlier:,} of {counted(earlier + last['ratings'], 'rating')} {'was' if earlier == 1 else 'were'}"
        changed = f"The words changed while people rated: {given} given under earlier ones."
    return {
        **_in_words(last),
        "earlier": [
            _in_words(one) | {"same_levels": one["levels"] == last["levels"], "same_shown": _shown(one) == _shown(last)}
            for one in before[::-1]
        ],
        "changed": changed,
        "next": None if words_of(last) == words_of(asked) else _in_words(asked),
    }


def _in_words(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "question": one["question"],
        "levels": list(enumerate(one["levels"], 1)),
        "shown": _shown(one),
        "note": one["note"],
        "ratings": one["ratings"],
    }


def _shown(one: dict[str, Any]) -> str:
    return _SHOWN[one["show_references"], one["show_prompt"]]
