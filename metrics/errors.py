"""The one exception for a user's mistake, shared by all three packages."""


class InputError(ValueError):
    """What a user gave cannot be used; the message says what is wrong, where, and what to do.

    The command line prints the message as one sentence and exits with code 2, without a traceback.
    """
