"""Which of the scale's levels people gave: a table on another scale looks like one that lacks some."""

from collections.abc import Iterable

import numpy as np

from calibration.scale import LIKERT, Scale
from metrics.text import listed


def levels_note(ratings: Iterable[float], is_elsewheres: bool, scale: Scale = LIKERT) -> str | None:
    """A note where the ratings do not reach over the whole scale.

    Parameters
    ----------
    ratings : iterable of float
        In the scale's numbers; a value between two levels, as of a mean of double votes, counts as both.
    is_elsewheres : bool
        Whether the ratings come from a table, of which the scale is not known.
    scale : Scale
        Whose levels the ratings are.

    Returns
    -------
    str or None
        None where the lowest and the highest level were given, or nothing was.

    Examples
    --------
    >>> levels_note([1, 2, 3, 3], is_elsewheres=False)
    'Nobody gave 4 or 5: grades and skill are those of a scale from 1 to 5, of which only 1 to 3 was used.'
    >>> levels_note([1, 5, 3], is_elsewheres=True) is None
    True
    """
    places = scale.to_unit(np.unique(np.fromiter(ratings, dtype=float))) * (scale.count - 1)
    given = {int(level) for place in places.round(9) for level in (np.floor(place), np.ceil(place))}
    if not given or {0, scale.count - 1} <= given:
        return None
    names = [f"{value:g}" for value in scale.values]
    missing = listed((name for at, name in enumerate(names) if not min(given) <= at <= max(given)), "or")
    used = names[min(given)] if len(given) == 1 else f"{names[min(given)]} to {names[max(given)]}"
    note = f"Nobody gave {missing}: grades and skill are those of a scale from {scale}, of which only {used} was used."
    if is_elsewheres:
        note += " If the people answered on another scale, such as one from 0 to 4 or 1 to 3, say so with --scale."
    return note
