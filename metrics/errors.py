"""The one exception for a user's mistake, shared by all three packages."""

import re

_MARK = "\x1f"
_NAMED = re.compile(f"{_MARK}([a-z_]+){_MARK}")


def parameter(name: str) -> str:
    """A parameter's name for the message of an `InputError`, which the command line turns into its option.

    Examples
    --------
    >>> error = InputError(f"{parameter('min_ratings')} is -1; it is 0 or more.")
    >>> str(error), error.for_command_line()
    ('min_ratings is -1; it is 0 or more.', '--min-ratings is -1; it is 0 or more.')
    """
    return f"{_MARK}{name}{_MARK}"


class InputError(ValueError):
    """What a user gave cannot be used; the message says what is wrong, where, and what to do.

    The command line prints the message as one sentence and exits with code 2, without a traceback.
    """

    def __str__(self) -> str:
        return _NAMED.sub(r"\1", super().__str__())

    def for_command_line(self) -> str:
        """The message with ``--min-ratings`` where a program's user reads ``min_ratings``."""
        return _NAMED.sub(lambda found: f"--{found[1].replace('_', '-')}", super().__str__())
