"""What a scoring run found, in the terminal."""

from collections import Counter

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from metrics.catalogue import CAVEAT, band
from metrics.engine.run import RunResult
from metrics.engine.types import PROMPT, Score, SetScore
from metrics.errors import for_command_line
from metrics.text import natural_order
from study.terminal import print_skipped


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
        if any(band(row.metric, row.score, row.n) for row in shown):
            console.print(f"[dim]What guides say: {CAVEAT}.[/]", soft_wrap=True)
    by_text: dict[str, list[str]] = {}
    for name, scored in result.scored.items():
        for warning in scored.warnings:
            by_text.setdefault(warning, []).append(name)
    for warning, names in by_text.items():
        begin = "" if warning.startswith(f"{names[0]}:") else f"{', '.join(names)}: "
        console.print(f"[yellow]Note:[/] {escape(begin + for_command_line(warning))}", soft_wrap=True)
    print_skipped(result.skipped, console)


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
    banded = any(band(row.metric, row.score, row.n) for row in rows)
    if banded:
        table.add_column("guides say")
    metrics = list(dict.fromkeys(row.metric for row in rows))
    rows = sorted(rows, key=lambda row: (metrics.index(row.metric), row.set == "all", natural_order(row.set)))
    for index, row in enumerate(rows):
        if index and row.metric != rows[index - 1].metric:
            table.add_section()
        interval = "" if row.low is None or row.high is None else f"{_short(row.low)} to {_short(row.high)}"
        cells = [escape(row.metric), escape(row.set), f"{row.n:,}", _short(row.score), interval]
        table.add_row(*cells, *([band(row.metric, row.score, row.n)] if banded else []))
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
