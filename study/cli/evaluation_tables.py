"""What an evaluation found, in the terminal."""

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from study.evaluation.types import Evaluation
from study.evaluation.words import GUIDES, cautions, in_short, number, on_chance, on_copies
from study.scoring import print_left_out


def print_evaluation(found: Evaluation, console: Console) -> None:
    """Print a table a metric, the sentences, and what was left out."""
    table = Table(*(Column(name, overflow="fold") for name in ("metric", "set")))
    for name in ("n", "value", "95 % interval", "over", "less the base"):
        table.add_column(name, justify="right")
    if found.guides:
        table.add_column("guides say")
    for place, metric in enumerate(found.metrics):
        if place:
            table.add_section()
        for one in found.sets:
            figure = found.figure(one.name, metric.name)
            if figure is None:
                continue
            gap = found.difference(one.name, one.base, metric.name) if one.base else None
            interval = (
                "" if figure.low is None or figure.high is None else f"{number(figure.low)} to {number(figure.high)}"
            )
            cells = [escape(metric.title), escape(one.name), f"{figure.n:,}", number(figure.value), interval]
            cells.append(figure.over if interval else "")
            cells.append("" if gap is None else f"{number(gap.value)}{'' if gap.is_apart else ' ?'}")
            table.add_row(*cells, *([found.guides.get((one.name, metric.name), "")] if found.guides else []))
    console.print(table)
    console.print("[dim]Intervals over prompts are for other prompts, over images for other seeds of these.[/]")
    if any(not gap.is_apart for gap in found.differences):
        console.print("[dim]?: not told apart from the base.[/]")
    if found.guides:
        console.print(f"[dim]What guides say: {GUIDES}[/]", soft_wrap=True)
    for said in [*in_short(found), *on_copies(found), *on_chance(found)]:
        console.print(escape(said), soft_wrap=True)
    for said in [*cautions(found), *found.notes]:
        console.print(f"[yellow]Note:[/] {escape(said)}", soft_wrap=True)
    print_left_out(found.left_out, console)
