"""The one exception for a user's mistake, shared by all three packages."""

import re
from typing import Any

_MARK, _OR = "\x1f", "\x1e"
_NAMED = re.compile(f"{_MARK}([a-z_]+){_MARK}")
_CALLED = re.compile(f"{_MARK}([^{_MARK}{_OR}]+){_OR}([^{_MARK}{_OR}]+){_MARK}")


def parameter(name: str) -> str:
    """A parameter's name for the message of an `InputError`, which the command line turns into its option.

    Examples
    --------
    >>> error = InputError(f"{parameter('min_ratings')} is -1; it is 0 or more.")
    >>> str(error), error.for_command_line()
    ('min_ratings is -1; it is 0 or more.', '--min-ratings is -1; it is 0 or more.')
    """
    return f"{_MARK}{name}{_MARK}"


def by_door(call: str, command: str) -> str:
    """What to call, for the message of an `InputError`: a function in Python, a command on the command line.

    Examples
    --------
    >>> error = InputError(f"There is no study; make one with {by_door('study.create_study', 'humangrade init')}.")
    >>> str(error), error.for_command_line()
    ('There is no study; make one with study.create_study.', 'There is no study; make one with humangrade init.')
    """
    return f"{_MARK}{call}{_OR}{command}{_MARK}"


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


class InputError(ValueError):
    """What a user gave cannot be used; the message says what is wrong, where, and what to do.

    The command line prints the message as one sentence and exits with code 2, without a traceback.
    """

    def __str__(self) -> str:
        return _NAMED.sub(r"\1", _CALLED.sub(r"\1", super().__str__()))

    def for_command_line(self) -> str:
        """The message with ``--min-ratings`` where a program's user reads ``min_ratings``."""
        said = _CALLED.sub(r"\2", super().__str__())
        return _NAMED.sub(lambda found: f"--{found[1].replace('_', '-')}", said)
