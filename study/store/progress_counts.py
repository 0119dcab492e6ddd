"""How far everybody is, kept up to date answer by answer, so that looking costs the same at any size of a study."""

from bisect import bisect_left, insort
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, select

from study.store.records import Progress
from study.store.rows import answered_by
from study.store.schema import assignments, evaluators, ratings


@dataclass
class _Group:
    """One evaluator in one task; `times` are the response times in milliseconds, ascending."""

    evaluator: str
    task: str
    total: int
    done: int = 0
    last: str | None = None
    times: list[int] = field(default_factory=list)

    def add(self, rated_at: str | None, response_ms: int | None) -> None:
        self.done += 1
        self.last = max(filter(None, (self.last, rated_at)), default=None)
        if response_ms is not None:
            insort(self.times, response_ms)

    def take_away(self, response_ms: int | None) -> None:
        self.done -= 1
        if response_ms is not None:
            place = bisect_left(self.times, response_ms)
            if place == len(self.times) or self.times[place] != response_ms:
                raise KeyError(response_ms)
            del self.times[place]

    def progress(self) -> Progress:
        return Progress(self.evaluator, self.task, self.done, self.total, self.last, _median(self.times))


_Groups = dict[tuple[int, str], _Group]


@dataclass(frozen=True)
class Answered:
    """An answer that was committed: whose, in which task, when, how fast, and what it replaced."""

    evaluator_id: int
    task: str
    rated_at: str
    response_ms: int | None
    replaces: bool
    replaced_ms: int | None


class ProgressCounts:
    """The counts of one store. Not safe for threads: the store calls everything but `read` behind its lock."""

    def __init__(self) -> None:
        self._groups: _Groups | None = None
        self._of: object = None
        self._meanwhile: list[Answered] | None = None

    def progress(self, of: object) -> list[Progress] | None:
        """Everybody's progress; None where it has to be read, because the database is not in the state `of` known."""
        if self._groups is None or of != self._of:
            return None
        return [group.progress() for group in self._groups.values()]

    def is_of(self, of: object) -> bool:
        """Whether nobody else has changed the database since these counts were read, or none are kept."""
        return self._groups is None or of == self._of

    def begin(self) -> None:
        """From now on, until `take`, answers are noted beside what is being read."""
        self._groups, self._meanwhile = None, []

    @staticmethod
    def read(connection: Connection) -> _Groups:
        """Count what the database holds."""
        a, r = assignments.c, ratings.c
        names = dict(connection.execute(select(evaluators.c.id, evaluators.c.name)).all())
        totals = (
            select(a.evaluator_id, a.task, func.count())
            .group_by(a.evaluator_id, a.task)
            .order_by(a.evaluator_id, func.min(a.position), func.min(a.id))
        )
        groups = {
            (evaluator, task): _Group(names[evaluator], task, total)
            for evaluator, task, total in connection.execute(totals)
        }
        rated = select(a.evaluator_id, a.task, r.rated_at, r.response_ms).join_from(ratings, assignments, answered_by())
        for evaluator, task, rated_at, response_ms in connection.execute(rated):
            group = groups[evaluator, task]
            group.done += 1
            if rated_at is not None and (group.last is None or rated_at > group.last):
                group.last = rated_at
            if response_ms is not None:
                group.times.append(response_ms)
        for group in groups.values():
            group.times.sort()
        return groups

    def take(self, groups: _Groups, of: object) -> list[Progress]:
        """Keep what was read, with the answers since `begin`, as the state `of` of the database."""
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile is not None:  # None: the database was changed otherwise while it was read
            self._groups, self._of = groups, of
            for answer in meanwhile:
                self.note(answer)
        return [group.progress() for group in groups.values()]

    def note(self, answer: Answered) -> None:
        """Count one more answer, or a changed one."""
        if self._meanwhile is not None:
            self._meanwhile.append(answer)
        if self._groups is None:
            return
        try:
            group = self._groups[answer.evaluator_id, answer.task]
            if answer.replaces:
                group.take_away(answer.replaced_ms)
        except KeyError:  # these are counts of another state; the next who asks has them read
            self._groups = None
            return
        group.add(answer.rated_at, answer.response_ms)

    def forget(self) -> None:
        """The database was changed otherwise than by an answer that is noted."""
        self._groups = self._meanwhile = None


def _median(ascending: list[int]) -> float | None:
    """The median of numbers in ascending order; None of none.

    Examples
    --------
    >>> _median([1, 2, 9]), _median([1, 2])
    (2, 1.5)
    """
    if not ascending:
        return None
    low, high = ascending[(len(ascending) - 1) // 2], ascending[len(ascending) // 2]
    return low if low == high else (low + high) / 2
