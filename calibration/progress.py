"""How far a calibration is, told while it is made: to a bar in the terminal, or to whoever asks."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.markup import escape

OnProgress = Callable[[int, int], None]
"""Called with (done, of)."""

# shares of the time that a report takes, as measured on studies of 60 to 800 images and of 3 to 12 people
PEOPLE = 5
METRIC = 3
PREDICTION = 1
TOGETHER = 6  # several metrics beside each other, and all of them as one


class Steps:
    """Counts the shares that are done, and tells them.

    Parameters
    ----------
    tasks, metrics : int
        How many there are; every metric is judged in every task.
    listeners : sequence of callable
        Each is called with (done, of), first with (0, of), at last with (of, of), and never with less than before.

    Examples
    --------
    >>> steps = Steps(1, 2, [lambda done, of: print(done, of)])
    0 19
    >>> steps.are_done(PEOPLE)
    5 19
    """

    def __init__(self, tasks: int, metrics: int, listeners: Sequence[OnProgress]):
        self._listeners = listeners
        self.together = TOGETHER if metrics > 1 else 0
        self._done, self._of = 0, tasks * (PEOPLE + metrics * (METRIC + PREDICTION) + self.together)
        self.are_done(0)

    def are_done(self, shares: int) -> None:
        """So many more are done."""
        self._done += shares
        for tell in self._listeners:
            tell(self._done, self._of)


@contextmanager
def bar_in_terminal(is_shown: bool) -> Iterator[tuple[OnProgress, Callable[[str], None]]]:
    """A bar on standard error, gone at the end, or a line in a notebook; nothing where it is not wanted, or elsewhere.

    Parameters
    ----------
    is_shown : bool

    Yields
    ------
    on_progress : callable
        Moves the bar.
    name_task : callable
        Says in front of it which task is judged.
    """
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    if is_shown and console.is_jupyter:
        with _line_in_notebook() as told:
            yield told
        return
    is_hidden = not (is_shown and console.is_terminal)
    with Progress(console=console, transient=True, disable=is_hidden) as progress:
        bar = progress.add_task("Judging metrics", total=None)
        yield (
            lambda done, of: progress.update(bar, completed=done, total=of),
            lambda task: progress.update(bar, description=f"Judging metrics: {escape(task)}"),
        )


@contextmanager
def _line_in_notebook() -> Iterator[tuple[OnProgress, Callable[[str], None]]]:
    """A line below the cell, of which nothing stays; rich's bars there need a package of their own."""
    from IPython.display import display

    line = display({"text/plain": ""}, raw=True, display_id=True)
    said = {"task": "", "share": ""}

    def show() -> None:
        words = ": ".join(filter(None, ["Judging metrics", said["task"]]))
        line.update({"text/plain": f"{words}, {said['share'] or '0 %'}"}, raw=True)

    def move(done: int, of: int) -> None:
        said["share"] = f"{round(100 * done / max(of, 1))} %"
        show()

    def name(task: str) -> None:
        said["task"] = task
        show()

    try:
        yield move, name
    finally:
        line.update({"text/plain": ""}, raw=True)
