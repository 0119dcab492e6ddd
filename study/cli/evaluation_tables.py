"""What an evaluation found, in the terminal."""

from rich.console import Console
from rich.markup import escape

from study.evaluation.types import Evaluation
from study.evaluation.words import GUIDES, cautions, in_short, number, on_chance, on_copies
from study.scoring import print_left_out
from study.terminal import numbers_table


def print_evaluation(found: Evaluation, console: Console) -> None:
    """Print a table a metric, the sentences, and what was left out."""
    table = numbers_table("set", "n", "value", "95 % interval", "less base")
    table.columns[0].justify, table.columns[0].overflow = "left", "fold"
    if found.guides:
        table.add_column("guides")
    for place, metric in enumerate(found.metrics):
        if place:
            table.add_row()
        figures = [figure for one in found.sets if (figure := found.figure(one.name, metric.name))]
        over = " or ".join(dict.fromkeys(figure.over for figure in figures if figure.over))
        table.add_row(f"[bold]{escape(metric.title)}[/]{f', over {over}' if over else ''}")
        bases = {one.name: one.base for one in found.sets}
        for figure in figures:
            gap = found.difference(figure.set, bases[figure.set], metric.name)
            interval = (
                "" if figure.low is None or figure.high is None else f"{number(figure.low)} to {number(figure.high)}"
            )
            cells = [f"  {escape(figure.set)}", f"{figure.n:,}", number(figure.value), interval]
            cells.append("" if gap is None else f"{number(gap.value)}{'' if gap.is_apart else ' ?'}")
            table.add_row(*cells, *([found.guides.get((figure.set, metric.name), "")] if found.guides else []))
    console.print(table)
    if any(figure.over for figure in found.figures):
        console.print(
            "[dim]Intervals over prompts are for other prompts, over images for other seeds of these.[/]",
            soft_wrap=True,
        )
    if any(not gap.is_apart for gap in found.differences):
        console.print("[dim]?: not told apart from the base.[/]")
    if found.guides:
        console.print(f"[dim]What guides say: {GUIDES}[/]", soft_wrap=True)
    for said in [*in_short(found), *on_copies(found), *on_chance(found)]:
        console.print(escape(said), soft_wrap=True)
    for said in [*cautions(found), *found.notes]:
        console.print(f"[yellow]Note:[/] {escape(said)}", soft_wrap=True)
    print_left_out(found.left_out, console)
