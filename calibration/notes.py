"""Notes: sentences about a study. One that names a single person or metric keeps the name apart from its words.

So whoever shows many notes can say once what is true of several, and nobody has to find a name in a sentence.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Named:
    """A sentence with one name in it.

    Attributes
    ----------
    before, name, after : str
        The sentence is the three, one after the other.

    Examples
    --------
    >>> str(Named("Scores: ", "lpips", " scored none of 5 items."))
    'Scores: lpips scored none of 5 items.'
    """

    before: str
    name: str
    after: str

    def __str__(self) -> str:
        return f"{self.before}{self.name}{self.after}"


Note = str | Named


def written(notes: Iterable[Note]) -> dict[str, list[Any]]:
    """Notes as a section of the report holds them.

    Parameters
    ----------
    notes : iterable of str or Named

    Returns
    -------
    dict
        ``notes``, all sentences, and, where some are `Named`, ``names_in_notes``: for each of these ``note`` (its place
        in ``notes``), ``start`` (where in the sentence the name begins, both from 0) and ``name``.

    Examples
    --------
    >>> written(["Few images.", Named("", "ann", " rated alone.")])
    {'notes': ['Few images.', 'ann rated alone.'], 'names_in_notes': [{'note': 1, 'start': 0, 'name': 'ann'}]}
    >>> written(["Few images."])
    {'notes': ['Few images.']}
    """
    notes = list(notes)
    names = [
        {"note": place, "start": len(note.before), "name": note.name}
        for place, note in enumerate(notes)
        if isinstance(note, Named)
    ]
    return {"notes": [str(note) for note in notes]} | ({"names_in_notes": names} if names else {})


def read(notes: Iterable[str], names: Iterable[tuple[int, int, str]]) -> list[Note]:
    """Notes as `written` wrote them.

    Parameters
    ----------
    notes : iterable of str
        All sentences.
    names : iterable of (note, start, name)
        Of those that have one.

    Examples
    --------
    >>> read(["Few images.", "ann rated alone."], [(1, 0, "ann")])
    ['Few images.', Named(before='', name='ann', after=' rated alone.')]
    """
    found: list[Note] = list(notes)
    for note, start, name in names:
        text = str(found[note])
        found[note] = Named(text[:start], name, text[start + len(name) :])
    return found
