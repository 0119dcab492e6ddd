"""The private links of a study, printed."""

from rich.text import Text

from study.folder.links import owner_link, rater_link
from study.folder.study import Study
from study.terminal import terminal


def print_links(study: Study, base: str) -> None:
    """Print one line for the owner's link and one for each evaluator's.

    Parameters
    ----------
    study : Study
        An opened study.
    base : str
        The server's address without a slash at the end, such as ``http://127.0.0.1:7860``.
    """
    links = [("owner", owner_link(base, study.store.owner_token))]
    links += [(evaluator.name, rater_link(base, evaluator.token)) for evaluator in study.store.evaluators()]
    width = max(len(name) for name, _ in links)
    console = terminal()
    console.print(Text(f"{study.config.title}: private links, one for each person", style="bold"))
    for name, link in links:
        console.print(Text.assemble(f"  {name:<{width}}  ", (link, "cyan")), soft_wrap=True)
