"""The report in the terminal: the verdicts, one table a task, and where the files are."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

_COLUMNS = ("n", "Spearman", "Kendall", "grade", "constant", "person", "skill", "person's skill")


def print_summary(report: dict[str, Any], paths: Sequence[Path], console: Console | None = None) -> None:
    """Print what the report says in short.

    Parameters
    ----------
    report : dict
        As `calibration.report.build.calibrate` made it.
    paths : sequence of Path
        The files written; the first is the page to open.
    console : rich.console.Console, optional
        Where to print; standard output if not given.
    """
    console = console or Console(highlight=False)
    for note in report["notes"]:
        console.print(f"[yellow]Note:[/] {escape(note)}", soft_wrap=True)
    for name, task in report["tasks"].items():
        console.print(f"\n[bold]{escape(name)}[/]: {escape(task['verdict'])}", soft_wrap=True)
        for note in task["notes"]:
            console.print(f"[yellow]Note:[/] {escape(note)}", soft_wrap=True)
        if task["metrics"]:
            console.print(_table(task["metrics"]))
        about: dict[str, list[str]] = {}
        for metric in _by_skill(task["metrics"]):
            console.print(f"- {escape(metric['verdict']['sentence'])}", soft_wrap=True)
            for note in metric["notes"]:
                about.setdefault(note, []).append(metric["title"])
        for note, titles in about.items():
            console.print(f"[yellow]Note[/] on {escape(', '.join(titles))}: {escape(note)}", soft_wrap=True)
    console.print(f"\nOpen [bold]{escape(str(paths[0]))}[/] in a browser; beside it: ", end="", soft_wrap=True)
    console.print(
        f"report.json, predictor.json and {sum(path.suffix == '.csv' for path in paths)} tables as CSV.", soft_wrap=True
    )


def _table(metrics: dict[str, Any]) -> Table:
    table = Table(Column("metric", overflow="fold"), *_COLUMNS, box=None, header_style="bold", pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for metric in _by_skill(metrics):
        validation = metric["cross_validation"]
        figures = [metric["spearman"], metric["kendall"]]
        figures += [
            validation[name] for name in ("grade_mean", "constant_mean", "person_mean", "skill", "person_skill")
        ]
        cells = ["-" if figure is None else f"{figure:.3f}" for figure in figures]
        table.add_row(escape(metric["title"]), f"{metric['n_items']:,}", *cells)
    return table


def _by_skill(metrics: dict[str, Any]) -> list[dict[str, Any]]:
    """The metrics, most skilled first; those without a skill last."""

    def key(metric: dict[str, Any]) -> tuple[bool, float]:
        skill = metric["cross_validation"]["skill"]
        return skill is None, -(skill or 0.0)

    return sorted(metrics.values(), key=key)
