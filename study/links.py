"""The private links of a study."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from study.folder import Study


def rater_link(base: str, token: str) -> str:
    """An evaluator's link.

    Examples
    --------
    >>> rater_link("http://127.0.0.1:7860", "abc")
    'http://127.0.0.1:7860/rate/?key=abc'
    """
    return f"{base}/rate/?key={token}"


def owner_link(base: str, token: str) -> str:
    """The owner's link.

    Examples
    --------
    >>> owner_link("http://127.0.0.1:7860", "abc")
    'http://127.0.0.1:7860/owner/?key=abc'
    """
    return f"{base}/owner/?key={token}"


def print_links(study: Study, base: str, console: Console | None = None) -> None:
    """Print one private link a line: each evaluator's, and the owner's.

    Parameters
    ----------
    study : Study
        Whose links.
    base : str
        ``http://HOST:PORT``.
    console : rich.console.Console, optional
        Where to print; standard output if not given.
    """
    console = console or Console(highlight=False)
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, overflow="ignore")
    for evaluator in study.store.evaluators():
        table.add_row(escape(evaluator.name), rater_link(base, evaluator.token))
    table.add_row("[bold]owner (you)[/]", owner_link(base, study.store.owner_token))
    console.print("Private links; whoever has one rates under that name:")
    console.print(table, soft_wrap=True)
