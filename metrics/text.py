"""Words of messages and reports: counts, lists of names, numbers, the order of names."""

import os
import re
import shlex
import unicodedata
from collections.abc import Iterable
from typing import Any

from metrics.errors import InputError, parameter

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def natural_order(name: str) -> list[tuple[int, int, str]]:
    """A sort key that puts 'p2' before 'p10'; numbers of any length compare by their digits.

    Examples
    --------
    >>> sorted(["p10", "p2"], key=natural_order)
    ['p2', 'p10']
    """
    parts = re.split(r"(\d+)", str(name))
    numbers = [part.lstrip("0") if place % 2 else part for place, part in enumerate(parts)]
    return [(0, len(part), part) if place % 2 else (1, 0, part) for place, part in enumerate(numbers) if parts[place]]


def counted(number: int, noun: str) -> str:
    """A number with its noun.

    Examples
    --------
    >>> counted(1, "row"), counted(2000, "row")
    ('1 row', '2,000 rows')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def pasted(name: object) -> str:
    """A file's or folder's name as a command that is shown has it, to be copied into a terminal.

    Examples
    --------
    >>> pasted("images/anna"), pasted("my images")
    ('images/anna', "'my images'")
    """
    text = str(name)
    if os.name == "nt":
        return f'"{text}"' if re.search(r"[^\w.\\/:-]", text) else text
    return text if re.fullmatch(r"[\w@%+=:,./][\w@%+=:,./-]*", text) else shlex.quote(text)


def spelled(number: int, noun: str = "") -> str:
    """A small number in words, with its noun where one is given.

    Examples
    --------
    >>> spelled(5), spelled(2700), spelled(1, "evaluator"), spelled(2, "evaluator")
    ('five', '2,700', 'one evaluator', 'two evaluators')
    """
    word = _NUMBERS[number] if 0 <= number < len(_NUMBERS) else f"{number:,}"
    return f"{word} {noun}{'' if number == 1 else 's'}" if noun else word


def listed(names: Iterable[str], word: str = "and", most: int | None = None) -> str:
    """Names in a sentence; of many the first `most`, and how many more there are, where these are two or more.

    Examples
    --------
    >>> listed(["a", "b", "c"]), listed(["a"]), listed("ab", "or")
    ('a, b and c', 'a', 'a or b')
    >>> listed("abcdef", most=2), listed("abc", most=2)
    ('a, b and 4 more', 'a, b and c')
    """
    names = list(names)
    if most is not None and len(names) > most + 1:
        return f"{', '.join(names[:most])} and {len(names) - most:,} more"
    return f" {word} ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def quoted(names: Iterable[str]) -> list[str]:
    """Each name in quotes, as messages show what stands in a file.

    Examples
    --------
    >>> listed(quoted(["a b", "c"]))
    "'a b' and 'c'"
    """
    return [f"'{name}'" for name in names]


def names_of(given: Any, what: str) -> tuple[str, ...]:
    """Names that a caller gave, of which a single one stands for itself.

    Parameters
    ----------
    given : str or iterable of str
    what : str
        The parameter that they were given for.

    Raises
    ------
    InputError
        Where one of them is no text.

    Examples
    --------
    >>> names_of("look", "tasks"), names_of(["look", "fun"], "tasks")
    (('look',), ('look', 'fun'))
    """
    names = tuple(given) if isinstance(given, Iterable) and not isinstance(given, (str, bytes)) else (given,)
    for name in names:
        if not isinstance(name, str):
            raise InputError(f"{parameter(what)} has {name!r}, which is no name; a name is a text, as in ['a', 'b'].")
    return names


def is_plain(name: str) -> bool:
    r"""Whether a CSV cell gives the name back: no control characters, undecodable bytes or outer spaces.

    Examples
    --------
    >>> is_plain("a b"), is_plain("a\x1b"), is_plain(" a")
    (True, False, False)
    """
    return name == name.strip() and not any(unicodedata.category(sign) in ("Cc", "Cs") for sign in name)
