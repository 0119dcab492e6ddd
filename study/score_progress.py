"""How a scoring run looks in the terminal: the progress, and the summary at the end."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Column, Table
from rich.text import Text

from metrics.catalogue import CAVEAT, band
from metrics.engine.run import RunResult
from metrics.engine.types import PROMPT, Score, SetScore
from metrics.text import natural_order

_NAMED = 10


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
        self._progress.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._progress.stop()

    def start(self, title: str, total: int) -> None:
        """A bar of its own for the next extractor."""
        self._task = self._progress.add_task(escape(title), total=total)

    def advance(self, count: int) -> None:
        """So many images more are done."""
        self._progress.advance(self._task, count)


class _Speed(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.1f}/s" if speed else "", style="progress.data.speed")


def print_scores(result: RunResult, console: Console) -> None:
    """Print what a run found: a table of image scores, one of set scores, warnings, and what was skipped."""
    scores = [row for scored in result.scored.values() for row in scored.scores]
    sets = [row for scored in result.scored.values() for row in scored.set_scores]
    if scores:
        console.print(_score_table(scores))
        for metric, reasons in _reasons(scores).items():
            console.print(f"Without a score by {escape(metric)}: {escape(reasons)}", soft_wrap=True)
    if shown := [row for row in sets if row.note != PROMPT]:
        console.print(_set_table(shown))
        if any(band(row.metric, row.score) for row in shown):
            console.print(f"[dim]What guides say: {CAVEAT}.[/]", soft_wrap=True)
    by_text: dict[str, list[str]] = {}
    for name, scored in result.scored.items():
        for warning in scored.warnings:
            by_text.setdefault(warning, []).append(name)
    for warning, names in by_text.items():
        begin = "" if warning.startswith(f"{names[0]}:") else f"{', '.join(names)}: "
        console.print(f"[yellow]Note:[/] {escape(begin + warning)}", soft_wrap=True)
    print_skipped(result.skipped, console)


def print_notes(notes: Sequence[str], console: Console) -> None:
    """Print what the user should know of how the images were found."""
    for note in notes:
        console.print(f"[yellow]Note:[/] {escape(note)}", soft_wrap=True)


def print_skipped(skipped: Mapping[Path, str], console: Console) -> None:
    """Name the files that could not be scored."""
    if not skipped:
        return
    console.print(f"[red]Skipped {len(skipped)} file{'s' if len(skipped) > 1 else ''} that cannot be scored:[/]")
    for path, reason in list(skipped.items())[:_NAMED]:
        console.print(f"  {escape(str(path))} {escape(reason)}", soft_wrap=True)
    if len(skipped) > _NAMED:
        console.print(f"  and {len(skipped) - _NAMED} more")


def _score_table(rows: list[Score]) -> Table:
    table = Table(Column("metric", overflow="fold"), title="Images", title_justify="left")
    for name in ("scored", "mean", "sd", "lowest", "highest"):
        table.add_column(name, justify="right")
    for metric in dict.fromkeys(row.metric for row in rows):
        mine = [row for row in rows if row.metric == metric]
        values = np.array([row.score for row in mine if row.score is not None])
        numbers = (values.mean(), values.std(), values.min(), values.max()) if len(values) else ()
        cells = [_short(value) for value in numbers] or [""] * 4
        table.add_row(escape(metric), f"{len(values):,} of {len(mine):,}", *cells)
    return table


def _set_table(rows: list[SetScore]) -> Table:
    names = [Column(name, overflow="fold") for name in ("metric", "set")]
    table = Table(*names, title="Sets of images", title_justify="left")
    for name in ("n", "score", "95 % interval"):
        table.add_column(name, justify="right")
    banded = any(band(row.metric, row.score) for row in rows)
    if banded:
        table.add_column("guides say")
    metrics = list(dict.fromkeys(row.metric for row in rows))
    rows = sorted(rows, key=lambda row: (metrics.index(row.metric), row.set == "all", natural_order(row.set)))
    for index, row in enumerate(rows):
        if index and row.metric != rows[index - 1].metric:
            table.add_section()
        interval = "" if row.low is None or row.high is None else f"{_short(row.low)} to {_short(row.high)}"
        cells = [escape(row.metric), escape(row.set), f"{row.n:,}", _short(row.score), interval]
        table.add_row(*cells, *([band(row.metric, row.score)] if banded else []))
    return table


def _reasons(rows: list[Score]) -> dict[str, str]:
    """For each metric that did not score all images: how many it did not, and why."""
    counts = Counter((row.metric, row.note) for row in rows if row.score is None)
    found: dict[str, list[str]] = {}
    for (metric, note), count in counts.most_common():
        found.setdefault(metric, []).append(f"{count:,} ({note})")
    return {metric: ", ".join(reasons) for metric, reasons in found.items()}


def _short(value: float) -> str:
    """Four significant digits.

    Examples
    --------
    >>> _short(0.123456), _short(23.456), _short(0.0)
    ('0.1235', '23.46', '0')
    """
    return f"{value:.4g}"
