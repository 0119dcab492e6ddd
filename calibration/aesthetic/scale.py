"""The scale that votes were given on: told by a file, or asked for, and never guessed from the numbers.

Means between 1 and 5 are good votes of five levels and bad ones of ten; nothing in the numbers tells which.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metrics.errors import InputError, parameter

LOWEST, HIGHEST = 1.0, 10.0
_NUMBER = r"-?\d{1,6}(?:\.\d{1,6})?"
_SCALE = re.compile(rf"\s*({_NUMBER})\s*(?:-|to|\.\.|:|,)\s*({_NUMBER})\s*")


@dataclass(frozen=True)
class Scale:
    """The lowest and the highest vote that could be given.

    Attributes
    ----------
    low, high : float
        Of one vote.

    Examples
    --------
    >>> str(Scale(1, 5)), Scale(1, 5).to_ten([1, 3, 5])
    ('1-5', array([ 1. ,  5.5, 10. ]))
    """

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:g}-{self.high:g}"

    def to_ten(self, votes: ArrayLike) -> NDArray[np.float64]:
        """Votes spread over the scale from 1 to 10."""
        values = np.asarray(votes, dtype=np.float64)
        if self == TEN:
            return values
        return LOWEST + (values - self.low) * (HIGHEST - LOWEST) / (self.high - self.low)

    def from_ten(self, value: float) -> float:
        """A place on the scale from 1 to 10, on this one."""
        return self.low + (value - LOWEST) * (self.high - self.low) / (HIGHEST - LOWEST)


TEN = Scale(LOWEST, HIGHEST)


def parse_scale(text: str, what: str = parameter("scale")) -> Scale:
    """A scale as people write it.

    Parameters
    ----------
    text : str
        Its ends: 1-5, 1..10, 0 to 100.
    what : str
        Where it stands, for the error's text.

    Raises
    ------
    InputError
        For anything else, and a highest vote that is not above the lowest.

    Examples
    --------
    >>> parse_scale("0 to 10")
    Scale(low=0.0, high=10.0)
    """
    found = _SCALE.fullmatch(text)
    if found is None or not float(found[1]) < float(found[2]):
        raise InputError(
            f"{what} is '{text[:40]}'; a scale is its lowest and highest vote, for instance 1-5, 1-10 or 0-100."
        )
    return Scale(float(found[1]), float(found[2]))


def told_scale(path: Path, cells: Iterable[str]) -> Scale | None:
    """What a file's column ``scale`` says; None where it is not there or has no rows."""
    said = sorted({cell.strip() for cell in cells})
    if len(said) > 1:
        raise InputError(f"{path} has means on several scales ({', '.join(said[:3])}); bring them to one.")
    return parse_scale(said[0], f"{path}: the column scale") if said else None


def agreed_scale(
    path: Path, told: Scale | None, said: Scale | None, what: str = "votes", option: str = parameter("scale")
) -> Scale | None:
    """The scale that a file tells, or else the one that was said; raises InputError where they differ."""
    if told is not None and said is not None and told != said:
        raise InputError(
            f"{path} has {what} on {told}, and {option} says {said}; leave {option} out, or mend the file."
        )
    return told or said
