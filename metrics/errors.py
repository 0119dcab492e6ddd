"""The one exception for a user's mistake, shared by all three packages."""

import re
from typing import Any

_MARK, _BETWEEN = "\x1f", "\x1e"
_TWO_WAYS = re.compile(f"{_MARK}([^{_MARK}{_BETWEEN}]*){_BETWEEN}([^{_MARK}{_BETWEEN}]*){_MARK}")


def either(python: str, command_line: str) -> str:
    """Words for the message of an `InputError` that a program's user and the command line's read otherwise.

    Examples
    --------
    >>> error = InputError(f"{either('list_metrics()', 'humangrade metrics')} lists them.")
    >>> str(error), error.for_command_line()
    ('list_metrics() lists them.', 'humangrade metrics lists them.')
    """
    return f"{_MARK}{python}{_BETWEEN}{command_line}{_MARK}"


def parameter(name: str) -> str:
    """A parameter's name for the message of an `InputError`, which the command line turns into its option.

    Examples
    --------
    >>> error = InputError(f"{parameter('min_ratings')} is -1; it is 0 or more.")
    >>> str(error), error.for_command_line()
    ('min_ratings is -1; it is 0 or more.', '--min-ratings is -1; it is 0 or more.')
    """
    return either(name, f"--{name.replace('_', '-')}")


def refuse_other_kind(name: str, given: Any, kind: type) -> None:
    """Raise InputError where a parameter is of another kind than the one class that it takes; None is let through.

    Examples
    --------
    >>> refuse_other_kind("levels", {"low": 1}, tuple)
    Traceback (most recent call last):
    metrics.errors.InputError: levels is of the kind dict; make one with tuple(...).
    """
    if given is not None and not isinstance(given, kind):
        raise InputError(
            f"{parameter(name)} is of the kind {type(given).__name__}; make one with {kind.__name__}(...)."
        )


class Said(str):
    """A sentence about what was done, in a program's words; the command line's stand beside it.

    Examples
    --------
    >>> said = Said(f"They have no score ({parameter('least_face')}).")
    >>> str(said), for_command_line(said), for_command_line("So it is.")
    ('They have no score (least_face).', 'They have no score (--least-face).', 'So it is.')
    """

    command_line: str

    def __new__(cls, text: str) -> "Said":
        """A sentence whose words are marked by `either` or `parameter`."""
        said = super().__new__(cls, _TWO_WAYS.sub(r"\1", text))
        said.command_line = _TWO_WAYS.sub(r"\2", text)
        return said


def for_command_line(sentence: str) -> str:
    """A sentence as the command line says it."""
    return sentence.command_line if isinstance(sentence, Said) else sentence


class InputError(ValueError):
    """What a user gave cannot be used; the message says what is wrong, where, and what to do.

    The command line prints the message as one sentence and exits with code 2, without a traceback.
    """

    def __str__(self) -> str:
        return _TWO_WAYS.sub(r"\1", super().__str__())

    def for_command_line(self) -> str:
        """The message with ``--min-ratings`` where a program's user reads ``min_ratings``."""
        return _TWO_WAYS.sub(r"\2", super().__str__())
