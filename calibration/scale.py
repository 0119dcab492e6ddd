"""The scale on which people answer: a few ordered levels, or a range that is cut into levels by a stated rule.

Everything that is computed lies on the unit scale: 0 for the lowest level, 1 for the highest, equal steps between.
How many levels there are, what they are called and what stands for them in a table is said here and nowhere else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metrics.errors import InputError, parameter
from metrics.text import listed

FEWEST_LEVELS, MOST_LEVELS = 3, 11


@dataclass(frozen=True)
class Scale:
    """Ordered levels, from the lowest to the highest.

    Attributes
    ----------
    values : tuple of float
        What stands in a table for each level, 3 to 11 of them, ascending.
    words : tuple of str
        What each level is called, or none.
    bounds : tuple of 2 floats, optional
        Of a range that was cut into the levels: its least and its greatest answer. The range is cut into parts of equal
        width, of which each holds its lower end, the last one both; `values` are the parts' middles.

    Raises
    ------
    InputError
        For fewer than 3 or more than 11 levels, values that do not ascend or are not finite, or words that are not one
        a level.

    Examples
    --------
    >>> Scale((1, 2, 3, 4, 5)) == LIKERT, str(LIKERT), LIKERT.count
    (True, '1 to 5', 5)
    >>> Scale((0, 0.5, 1)).to_unit([1, 0, 0.5]).tolist()
    [1.0, 0.0, 0.5]
    """

    values: tuple[float, ...]
    words: tuple[str, ...] = ()
    bounds: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if not FEWEST_LEVELS <= len(self.values) <= MOST_LEVELS:
            raise _too_many_or_few(f"this one has {len(self.values)}")
        if not np.isfinite(self.values).all() or (np.diff(self.values) <= 0).any():
            raise InputError(f"The levels of a scale ascend, but these are {listed(map(_shown, self.values))}.")
        if self.words and len(self.words) != len(self.values):
            raise InputError(
                f"The scale {self} has {len(self.values)} levels, but {len(self.words)} words; give one word a level."
            )

    @classmethod
    def parse(cls, text: str, words: Sequence[str] = ()) -> "Scale":
        """A scale as the command line and study.yaml write it.

        Parameters
        ----------
        text : str
            'LOW-HIGH' for all whole numbers from one to the other, 'LOW-HIGH/PARTS' for a range cut into parts, or
            'A,B,C' for levels.
        words : sequence of str
            What the levels are called.

        Raises
        ------
        InputError
            For anything else.

        Examples
        --------
        >>> Scale.parse("1-7").count, Scale.parse("0-100/5").values, Scale.parse("0,0.5,1").values
        (7, (10.0, 30.0, 50.0, 70.0, 90.0), (0.0, 0.5, 1.0))
        """
        try:
            if "," in text:
                numbers = [float(part) for part in text.split(",")]
                parts = None
            else:
                ends, _, cut = text.partition("/")
                sign, ends = (-1.0, ends[1:]) if ends.startswith("-") else (1.0, ends)
                low, high = (float(end) for end in ends.split("-", 1))
                numbers, parts = [sign * low, high], int(cut) if cut else None
        except ValueError:
            raise _not_understood(text) from None
        if "," in text:
            return cls(tuple(numbers), tuple(words))
        least, greatest = numbers
        if parts is not None:
            return cls.cut(least, greatest, parts, tuple(words))
        if least % 1 or greatest % 1 or not np.isfinite(numbers).all():
            raise _not_understood(text)
        count = int(greatest - least) + 1
        if not FEWEST_LEVELS <= count <= MOST_LEVELS:
            raise _too_many_or_few(f"{text} has {max(count, 0):,}")
        return cls(tuple(least + step for step in range(count)), tuple(words))

    @classmethod
    def cut(cls, low: float, high: float, parts: int = 5, words: Sequence[str] = ()) -> "Scale":
        """A range from `low` to `high` in so many parts of equal width.

        Examples
        --------
        >>> Scale.cut(0, 1, 4).to_unit([0, 0.24, 0.25, 1]).tolist()
        [0.0, 0.0, 0.3333333333333333, 1.0]
        """
        if not (np.isfinite([low, high]).all() and low < high):
            raise InputError(f"A range goes from a lower to a higher number, not from {low:g} to {high:g}.")
        if not FEWEST_LEVELS <= parts <= MOST_LEVELS:
            raise InputError(f"A range is cut into {FEWEST_LEVELS} to {MOST_LEVELS} parts, not {parts}.")
        width = (high - low) / parts
        return cls(tuple(low + width * (part + 0.5) for part in range(parts)), tuple(words), (low, high))

    @property
    def count(self) -> int:
        """How many levels there are."""
        return len(self.values)

    @property
    def low(self) -> float:
        """The number of the lowest level."""
        return self.values[0]

    @property
    def high(self) -> float:
        """The number of the highest level."""
        return self.values[-1]

    @property
    def step(self) -> float:
        """One rating step on the unit scale."""
        return 1.0 / (self.count - 1)

    @cached_property
    def unit(self) -> NDArray[np.float64]:
        """The levels on the unit scale, equal steps from 0 to 1; shape (count,)."""
        return np.linspace(0.0, 1.0, self.count)

    @cached_property
    def _is_even(self) -> bool:
        steps = np.diff(self.values)
        return bool(np.allclose(steps, steps[0], rtol=1e-9))

    def allows(self, values: ArrayLike) -> NDArray[np.bool_]:
        """Whether each number is an answer on this scale: one of its levels or, of a range, any number within it.

        Examples
        --------
        >>> LIKERT.allows([1, 2.5, 6]).tolist(), Scale.cut(0, 100).allows([2.5, 101]).tolist()
        ([True, False, False], [True, False])
        """
        given = np.asarray(values, dtype=float)
        if self.bounds is not None:
            return np.asarray((given >= self.bounds[0]) & (given <= self.bounds[1]))
        return np.isin(given, self.values)

    def to_unit(self, values: ArrayLike) -> NDArray[np.float64]:
        """Answers on the unit scale.

        Parameters
        ----------
        values : array_like
            Answers, any shape; NaN stays NaN. A mean of several levels lies between theirs. Of a range each answer
            becomes the level of its part.

        Returns
        -------
        ndarray of float
            The same shape, in [0, 1].

        Examples
        --------
        >>> LIKERT.to_unit([1, 2, 5]).tolist(), Scale((1, 2, 4)).to_unit([1, 2, 3, 4]).tolist()
        ([0.0, 0.25, 1.0], [0.0, 0.5, 0.75, 1.0])
        """
        given = np.asarray(values, dtype=float)
        if self.bounds is not None:
            low, high = self.bounds
            part = np.clip(np.floor((given - low) / (high - low) * self.count), 0, self.count - 1)
            return np.asarray(part / (self.count - 1))
        if self._is_even:
            return np.asarray((given - self.low) / (self.high - self.low))
        return np.asarray(np.interp(given, self.values, self.unit))

    def from_unit(self, unit: ArrayLike) -> NDArray[np.float64]:
        """The scale's own numbers of places on the unit scale.

        Examples
        --------
        >>> LIKERT.from_unit([0, 0.25, 0.6]).tolist(), Scale((1, 2, 4)).from_unit([0.5, 0.75]).tolist()
        ([1.0, 2.0, 3.4], [2.0, 3.0])
        """
        places = np.asarray(unit, dtype=float)
        if self._is_even:
            return np.asarray(self.low + (self.high - self.low) * places)
        return np.asarray(np.interp(places, self.unit, self.values))

    def of_levels(self, numbers: ArrayLike) -> NDArray[np.float64]:
        """The unit scale's places of level numbers, counted from 1.

        Examples
        --------
        >>> Scale.parse("0-10").of_levels([1, 6, 11]).tolist()
        [0.0, 0.5, 1.0]
        """
        return np.asarray((np.asarray(numbers, dtype=float) - 1.0) / (self.count - 1))

    @property
    def width(self) -> float:
        """From one level to the next in the scale's numbers, on average."""
        return (self.high - self.low) / (self.count - 1)

    @property
    def names(self) -> tuple[str, ...]:
        """The levels' numbers as texts.

        Examples
        --------
        >>> Scale((0, 0.5, 1)).names
        ('0', '0.5', '1')
        """
        return tuple(map(_shown, self.values))

    @cached_property
    def numbers(self) -> tuple[int | float, ...]:
        """The levels' numbers as Python has them, whole ones as int.

        Examples
        --------
        >>> Scale((0, 0.5, 1)).numbers
        (0, 0.5, 1)
        """
        return tuple(int(value) if value % 1 == 0 else float(value) for value in self.values)

    def is_level(self, value: object) -> bool:
        """Whether something is one of the levels' `numbers`, and not text or a truth value that looks like one.

        Examples
        --------
        >>> [LIKERT.is_level(value) for value in (3, 6, 3.0, "3", True)]
        [True, False, False, False, False]
        """
        return any(type(value) is type(number) and value == number for number in self.numbers)

    def formula(self, rating: str = "rating", minus: str = "-") -> str:
        """How an answer is put on the unit scale, in words or as a formula.

        Examples
        --------
        >>> LIKERT.formula("r"), Scale.parse("0-10").formula(), Scale((1, 2, 4)).formula()
        ('(r - 1) / 4', 'rating / 10', 'the place of the rating among the levels, in equal steps from 0 to 1')
        """
        if self.bounds is not None or not self._is_even:
            return f"the place of the {rating} among the levels, in equal steps from 0 to 1"
        span = _shown(self.high - self.low)
        if self.low == 0:
            return f"{rating} / {span}" if span != "1" else rating
        sign, size = (minus, self.low) if self.low > 0 else ("+", -self.low)
        return f"({rating} {sign} {_shown(size)}) / {span}"

    @property
    def answer(self) -> str:
        """What an answer is, in words.

        Examples
        --------
        >>> LIKERT.answer, Scale((0, 0.5, 1)).answer, Scale.cut(0, 100).answer
        ('a whole number from 1 to 5', 'one of 0, 0.5 and 1', 'a number from 0 to 100')
        """
        if self.bounds is not None:
            return f"a number from {_shown(self.bounds[0])} to {_shown(self.bounds[1])}"
        return f"a whole number from {self}" if self._is_counted else f"one of {self}"

    @cached_property
    def _is_counted(self) -> bool:
        return self._is_even and self.values[1] - self.values[0] == 1 and self.low % 1 == 0

    def __str__(self) -> str:
        if self.bounds is not None:
            return f"{_shown(self.bounds[0])} to {_shown(self.bounds[1])} in {self.count} parts"
        if self._is_counted:
            return f"{_shown(self.low)} to {_shown(self.high)}"
        return listed(map(_shown, self.values))


def scale_given(given: object) -> Scale:
    """A scale, or what is written for one.

    Raises
    ------
    InputError
        For anything else.

    Examples
    --------
    >>> scale_given("0-4").count
    5
    """
    if isinstance(given, str):
        return Scale.parse(given)
    if not isinstance(given, Scale):
        raise InputError(f"{parameter('scale')} is {given!r}; make one with calibration.scale.Scale.")
    return given


def _not_understood(text: str) -> InputError:
    return InputError(
        f"The scale '{text}' is not understood; write 1-7 for whole numbers, 0,0.5,1 for levels, or 0-100/5 for a "
        "range that is cut into five parts."
    )


def _too_many_or_few(what: str) -> InputError:
    return InputError(
        f"A scale has {FEWEST_LEVELS} to {MOST_LEVELS} levels, but {what}; a longer one is cut into parts, as in "
        "0-100/5."
    )


def _shown(value: float) -> str:
    return f"{value:.6g}"


LIKERT = Scale((1, 2, 3, 4, 5))
"""The usual scale, 1 to 5."""
