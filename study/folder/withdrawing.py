"""Withdrawing a person's data from a study."""

import sys

from metrics.errors import InputError
from metrics.text import counted
from study.folder.study import DATABASE, Study


def withdraw_evaluator(study: Study, name: str, ask: bool = True) -> str:
    """Delete an evaluator's ratings, their history, the assignments and the link; the study's history says so.

    Parameters
    ----------
    study : Study
        An opened study; it may be served meanwhile.
    name : str
        The evaluator's.
    ask : bool
        Have it confirmed in the terminal first.

    Returns
    -------
    str
        What was done, and what is left to do.

    Raises
    ------
    InputError
        Where nobody has this name, or it was not confirmed.
    """
    known = {evaluator.name for evaluator in study.store.evaluators()}
    if ask and name in known:
        given = sum(progress.done for progress in study.store.progress() if progress.evaluator == name)
        _confirm(f"Delete {counted(given, 'rating')} by {name}, with their history and the link, for good?")
    deleted, is_wiped = study.store.withdraw(name)
    words = (
        f"Deleted {counted(deleted, 'rating')} by {name}, with their history and the link. Exports, reports and copies "
        "made before still hold them: delete those too."
    )
    copies = sorted(place.name for place in study.folder.glob(f"{DATABASE}.layout-*"))
    if copies:
        words += f" The study's folder has {'such a copy' if len(copies) == 1 else 'such copies'}: {', '.join(copies)}."
    if not is_wiped:
        words += (
            " Another program was reading the database all the time, so its file may hold traces of them until a "
            "server is stopped or started, or somebody rates."
        )
    return words


def _confirm(question: str) -> None:
    """Raise InputError unless somebody at the terminal says yes."""
    if not sys.stdin.isatty():
        raise InputError(f"{question} There is no terminal to answer in; say --yes.")
    if input(f"{question} [y/N] ").strip().lower() not in ("y", "yes"):
        raise InputError("Nothing was deleted.")
