"""What the commands of humangrade aesthetic read and print alike."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from calibration.aesthetic.clusters import Interval
from calibration.aesthetic.comparison import joined
from calibration.aesthetic.embeddings import Embeddings, read_embeddings
from calibration.aesthetic.evaluation import MATCHED, STATISTICS, Evaluation
from calibration.aesthetic.paired import COMPARED
from calibration.aesthetic.scale import TEN, Scale
from calibration.aesthetic.split import FEWEST
from calibration.aesthetic.twins import each_image_once
from calibration.aesthetic.votes import Votes, read_votes

OTHERS = "-others"  # the folder of the heads that were not written, after the written one's name
_NAMED = 5


@dataclass(frozen=True)
class VotesFile:
    """A file of votes and what was said of it.

    Attributes
    ----------
    path : Path
        The file.
    task : str or None
        Of ratings in several tasks, the one that counts.
    scale : Scale or None
        Of means whose file does not tell it.
    group : str or None
        The column whose images are left out together.
    items : Path or None
        Of ratings, the table that tells their items' prompts.
    """

    path: Path
    task: str | None = None
    scale: Scale | None = None
    group: str | None = None
    items: Path | None = None

    def read(self) -> Votes:
        """The votes; raises InputError where the file cannot be read so."""
        return read_votes(self.path, self.task, self.scale, self.group, self.items)


def read_data(
    file: VotesFile, folder: Path, console: Console, least: int = FEWEST
) -> tuple[Votes, Embeddings, NDArray[np.intp]]:
    """Votes on images with embeddings, the embeddings, and which row is whose; what is not used is counted and named.

    Raises
    ------
    InputError
        Where either cannot be read, or they are not of the same images.
    """
    embeddings = read_embeddings(folder)
    votes = file.read()
    print_votes(votes, console)
    votes, rows, missing = joined(votes, embeddings, least)
    _name_some("Votes on images without an embedding", missing, console)
    console.print(f"{len(votes):,} images have votes, and embeddings of {embeddings.backbone}.")
    return votes, embeddings, rows


def without_twins(
    votes: Votes, embeddings: Embeddings, rows: NDArray[np.intp], console: Console, first: Collection[str] = ()
) -> tuple[Votes, NDArray[np.intp]]:
    """Votes and rows of each image once; those that are another one under a second name are counted and named.

    Images in `first` stay rather than others.
    """
    kept, others = each_image_once(votes.images, embeddings, rows, first)
    _name_some("Images that are there under two names, and are used once", others, console)
    return votes.take(kept), rows[kept]


def print_votes(votes: Votes, console: Console) -> None:
    """Print how votes were read."""
    if votes.scale != TEN:
        console.print(f"The votes are on {votes.scale}; they are spread over 1-10.", soft_wrap=True)
    for note in votes.notes:
        console.print(note, soft_wrap=True, markup=False)
    _name_some("Votes that are not used", votes.left_out, console)


def print_evaluations(evaluations: Iterable[Evaluation], console: Console) -> None:
    """A table of figures with intervals, a column for each head, and alarms below it."""
    found = list(evaluations)
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("")
    for evaluation in found:
        table.add_column(evaluation.name.replace(MATCHED, f"\n{MATCHED}"), overflow="fold")
    for name in STATISTICS:
        figures = [getattr(evaluation, name) for evaluation in found]
        if any(figures):
            table.add_row(name.replace("_", " "), *map(_cell, figures))
    console.print(table)
    console.print(found[0].extent, soft_wrap=True)
    console.print(found[0].constant, soft_wrap=True)
    for evaluation in found:
        for sentence in evaluation.alarms:
            console.print(f"[yellow]{evaluation.name}: {sentence}[/]", soft_wrap=True)


def print_pairs(pairs: pd.DataFrame, console: Console) -> None:
    """Each head less the first, on the same images."""
    for row in pairs.itertuples(index=False):
        figures = ", ".join(f"{name.replace('_', ' ')} {getattr(row, name)}" for name in COMPARED)
        console.print(f"{row.head} less {row.less}: {figures}", soft_wrap=True, markup=False)


def _cell(figure: Interval | None) -> str:
    if figure is None:
        return ""
    if np.isnan(figure.low):
        return f"{figure.value:.3f}"
    return f"{figure.value:.3f}\n[dim]{figure.low:.3f} to {figure.high:.3f}[/]"


def _name_some(what: str, lines: Sequence[str], console: Console) -> None:
    if lines:
        more = f", and {len(lines) - _NAMED:,} more" if len(lines) > _NAMED else ""
        console.print(f"{what}: {len(lines):,} ({', '.join(lines[:_NAMED])}{more}).", soft_wrap=True, markup=False)
