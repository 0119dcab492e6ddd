"""humangrade baseline: names that stand for a checkpoint, to be judged against."""

from contextlib import closing
from typing import Annotated

import typer

from metrics.errors import InputError
from study.cli.options import StudyFolder


def baseline(
    study: StudyFolder,
    named: Annotated[
        str,
        typer.Argument(
            metavar="[NAME=MODEL/CHECKPOINT]",
            help="From now on NAME, such as production, stands for this checkpoint.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Name a checkpoint that others are judged against (gate --against NAME), or list these names."""
    from rich.markup import escape
    from rich.table import Table

    from study.folder.study import open_study
    from study.runs.baselines import set_baseline
    from study.terminal import shown, terminal

    name, sign, checkpoint = named.partition("=")
    if named and not (sign and name.strip() and checkpoint.strip()):
        raise InputError(f"'{named}' is no NAME=MODEL/CHECKPOINT; write for instance production=anna/900.")
    console = terminal()
    with closing(open_study(study)) as opened:
        if named:
            before = opened.store.runs.baseline(name.strip())
            found = set_baseline(opened, name.strip(), checkpoint.strip())
            was = f" (it was {before})" if before not in (None, found) else ""
            console.print(shown(f"'{name.strip()}' stands for {found} now{was}."), soft_wrap=True, markup=False)
            return
        known = opened.store.runs.baselines()
    if known.empty:
        console.print("No baseline is set.")
        return
    table = Table("baseline", "checkpoint", "since")
    for each, of, since in zip(known["name"], known["checkpoint"], known["since"], strict=True):
        table.add_row(escape(shown(each)), escape(shown(of)), since[:10])
    console.print(table)
