"""Which of the scale's levels people gave: a table on another scale looks like one that lacks some."""

from collections.abc import Iterable

_LOWEST, _HIGHEST = 1, 5


def levels_note(ratings: Iterable[float], is_elsewheres: bool) -> str | None:
    """A note where the ratings do not reach over the whole scale.

    Parameters
    ----------
    ratings : iterable of float
        1..5; a value between two levels, as of a mean of double votes, counts as both.
    is_elsewheres : bool
        Whether the ratings come from a table, of which the scale is not known.

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
    given = {level for rating in set(ratings) for level in (int(rating // 1), int(-(-rating // 1)))}
    if not given or {_LOWEST, _HIGHEST} <= given:
        return None
    absent = [str(level) for level in range(_LOWEST, _HIGHEST + 1) if not min(given) <= level <= max(given)]
    missing = absent[0] if len(absent) == 1 else f"{', '.join(absent[:-1])} or {absent[-1]}"
    used = f"{min(given)}" if len(given) == 1 else f"{min(given)} to {max(given)}"
    note = f"Nobody gave {missing}: grades and skill are those of a scale from 1 to 5, of which only {used} was used."
    if is_elsewheres:
        note += (
            " If the people answered on another scale, such as one from 0 to 4 or 1 to 3, put the ratings on 1 to 5."
        )
    return note
