"""How all commands look in the terminal: bars, tables of numbers, notes, and how one ends."""

import os
import sys
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, cast

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

SKIPPED = 3  # the exit code where images could not be used
INTERRUPTED = 130

_NAMED = 10


def terminal() -> Console:
    """The terminal, in which numbers are not coloured; for GitHub Actions, in which nothing is a command."""
    return Console(highlight=False, file=cast(IO[str], _Unheeded()) if on_github() else None)


class _Unheeded:
    """Standard output as GitHub Actions shows it, without doing what a name in a line may say."""

    def write(self, text: str) -> int:
        """Write a text, and give its length."""
        return sys.stdout.write(unheeded(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stdout, name)


def on_github() -> bool:
    """Whether this process is a step of GitHub Actions."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def unheeded(text: str) -> str:
    """A text in which GitHub Actions finds no command: it does what a line says that begins with two colons.

    Examples
    --------
    >>> unheeded("::add-mask::the ##[group]of 12:30")
    ': :add-mask: :the ## [group]of 12:30'
    """
    return text.replace("::", ": :").replace("##[", "## [")


def shown(text: str) -> str:
    r"""A text on one line in which a terminal finds no command.

    Examples
    --------
    >>> shown("a\x1b[2J\nb")
    'a\\x1b[2J\\nb'
    """
    return "".join(
        sign.encode("unicode_escape").decode() if unicodedata.category(sign) == "Cc" else sign for sign in text
    )


@contextmanager
def resumable() -> Iterator[None]:
    """What Ctrl-C may interrupt without loss; it says so, and ends the command."""
    try:
        yield
    except KeyboardInterrupt:
        print("Stopped; what is done is kept, and the same command goes on from there.", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None


def say_written(out: Path, skipped: Mapping[Path, str], console: Console) -> None:
    """Name what was skipped and what was written; where something was skipped, the command ends with `SKIPPED`."""
    print_skipped(skipped, console)
    console.print(f"Written: {out}", soft_wrap=True)
    if skipped:
        raise typer.Exit(SKIPPED)


def numbers_table(*titles: str) -> Table:
    """A table of numbers, flush right, as narrow as the common terminal of 80 columns asks."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for title in titles:
        table.add_column(title, justify="right")
    return table


class Bar:
    """A bar for each extractor: images done, images a second, time left."""

    def __init__(self, console: Console):
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Speed(),
            TimeRemainingColumn(),
            console=console,
        )

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if not self._progress.live.is_started:
            return
        for task in self._progress.tasks:
            if not task.completed:  # "0/4" and a time left that nothing will fill
                self._progress.update(task.id, visible=False)
        self._progress.stop()

    def start(self, title: str, total: int) -> None:
        """A bar of its own for the next extractor; without any, nothing is printed, not even an empty line."""
        self._progress.start()
        self._task = self._progress.add_task(escape(title), total=total)

    def advance(self, count: int) -> None:
        """So many images more are done."""
        self._progress.advance(self._task, count)


class _Speed(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.1f}/s" if speed else "", style="progress.data.speed")


def print_notes(notes: Sequence[str], console: Console) -> None:
    """Print what the user should know of how the images were found."""
    for note in notes:
        console.print(f"[yellow]Note:[/] {escape(shown(note))}", soft_wrap=True)


def print_skipped(skipped: Mapping[Path, str], console: Console) -> None:
    """Name the files that could not be scored."""
    if not skipped:
        return
    console.print(f"[red]Skipped {len(skipped)} file{'s' if len(skipped) > 1 else ''} that cannot be scored:[/]")
    for path, reason in list(skipped.items())[:_NAMED]:
        console.print(f"  {escape(shown(f'{path} {reason}'))}", soft_wrap=True)
    if len(skipped) > _NAMED:
        console.print(f"  and {len(skipped) - _NAMED} more")
