"""What the store gives back, and the errors that a caller may expect."""

from dataclasses import dataclass

from metrics.errors import InputError


@dataclass(frozen=True)
class Evaluator:
    """A person who rates; the token is the secret part of the private link."""

    id: int
    name: str
    token: str


@dataclass(frozen=True)
class Assignment:
    """One item to rate by one evaluator in one task; `public_id` is all that a browser learns of it.

    An item that is asked again, in the same round or as an anchor in a later one, has another number in `repeat`.
    """

    id: int
    public_id: str
    evaluator_id: int
    task: str
    item: str
    position: int
    repeat: int
    rating: int | float | None
    round: int = 1


AssignmentNames = tuple[str, str, str, int]
"""What tells an assignment from all others: evaluator, task, item and repeat."""


@dataclass(frozen=True)
class AskedItem:
    """That an evaluator, by name, was given an item to rate, and whether an answer is there."""

    evaluator: str
    task: str
    item: str
    round: int
    repeat: int
    is_rated: bool

    @property
    def key(self) -> AssignmentNames:
        """What tells it from all others."""
        return self.evaluator, self.task, self.item, self.repeat


@dataclass(frozen=True)
class SavedRating:
    """A rating as it was committed (`rated_at`: ISO 8601, UTC)."""

    public_id: str
    rating: int | float
    rated_at: str
    client_id: str


@dataclass(frozen=True)
class Progress:
    """How far an evaluator is in a task."""

    evaluator: str
    task: str
    done: int
    total: int
    last_rated_at: str | None
    median_response_ms: float | None


class NotSaved(InputError):
    """The database could not be read or written now; nothing was changed, and the words say why."""


class UnknownAssignment(LookupError):
    """The evaluator has no assignment of this public id."""


class StaleError(Exception):
    """Another answer is there than the caller believes; `rating` is that answer."""

    def __init__(self, rating: int | float | None):
        super().__init__(f"the answer there is {rating}")
        self.rating = rating


class LockedError(Exception):
    """The evaluator has seen the report, and would now change an answer; `rating` is the one that stays."""

    def __init__(self, rating: int | float):
        super().__init__(f"the answer stays {rating}")
        self.rating = rating


class ConflictError(ValueError):
    """A client id was used again for another answer."""
