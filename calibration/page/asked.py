"""How people were asked, in the words of the page: what was shown, and what was changed while they rated."""

from dataclasses import dataclass

from calibration.report.asked import rated_wordings, words_of
from calibration.report.schema.people import Asked, Wording
from calibration.scale import LIKERT, Scale
from metrics.text import counted

_SHOWN = {
    (True, True): "The prompt and the subject's reference photos were shown with each image.",
    (True, False): "The subject's reference photos were shown with each image.",
    (False, True): "The prompt was shown with each image.",
    (False, False): "Each image was shown alone, without prompt or reference photos.",
}


@dataclass(frozen=True)
class ShownWording:
    """The words under which people rated.

    Attributes
    ----------
    question : str
    levels : list of (str, str)
        Number and word.
    shown : str
        What was shown with each image, in a sentence.
    note : str
    ratings : int
        Given under these words.
    same_levels, same_shown : bool
        Whether levels, or what was shown, are those of the last words under which anybody rated.
    """

    question: str
    levels: list[tuple[str, str]]
    shown: str
    note: str
    ratings: int
    same_levels: bool
    same_shown: bool


@dataclass(frozen=True)
class ShownAsked:
    """How people were asked.

    Attributes
    ----------
    last : ShownWording
        The last words under which anybody rated.
    earlier : list of ShownWording
        Those before that differ, the latest first.
    changed : str or None
        A sentence where there are any.
    next : ShownWording or None
        The present words where they are others, without a rating yet.
    """

    last: ShownWording
    earlier: list[ShownWording]
    changed: str | None
    next: ShownWording | None


def how_it_was_asked(asked: Asked | None, scale: Scale = LIKERT) -> ShownAsked | None:
    """What the page says of a task's entry ``asked``; None where nothing is known.

    Examples
    --------
    >>> words = {"levels": list("abcde"), "show_references": False, "show_prompt": True, "note": ""}
    >>> old = Wording(question="Good?", ratings=9, **words)
    >>> found = how_it_was_asked(Asked(question="How good?", ratings=3, earlier=[old], **words))
    >>> found.last.shown
    'The prompt was shown with each image.'
    >>> found.changed
    'The words changed while people rated: 9 of 12 ratings were given under earlier ones.'
    """
    if asked is None:
        return None
    last, before = rated_wordings(asked)
    earlier = sum(one.ratings for one in before)
    changed = None
    if before:
        given = f"{earlier:,} of {counted(earlier + last.ratings, 'rating')} {'was' if earlier == 1 else 'were'}"
        changed = f"The words changed while people rated: {given} given under earlier ones."
    return ShownAsked(
        last=_in_words(last, last, scale),
        earlier=[_in_words(one, last, scale) for one in before[::-1]],
        changed=changed,
        next=None if words_of(last) == words_of(asked) else _in_words(asked, last, scale),
    )


def _in_words(one: Wording, last: Wording, scale: Scale) -> ShownWording:
    return ShownWording(
        question=one.question,
        # a level without a word is called by its number
        levels=[(name, "" if word == name else word) for name, word in zip(scale.names, one.levels, strict=True)],
        shown=_shown(one),
        note=one.note,
        ratings=one.ratings,
        same_levels=one.levels == last.levels,
        same_shown=_shown(one) == _shown(last),
    )


def _shown(one: Wording) -> str:
    return _SHOWN[one.show_references, one.show_prompt]
