"""The report for the evaluators themselves: how people agree as a group, and nothing by which one is known.

Evaluators' names are replaced before anything is computed. Whoever is curious could still tell people apart by their
figures, so every figure of a single person is left out as well once the verdicts have been made from it.
"""

import hashlib
import json
from typing import Any

import numpy as np
import pandas as pd

from calibration.tables.reading import text_cells

FEWEST_RATINGS = 3
"""Of fewer ratings a mean tells one evaluator what the other answered."""


def is_simulated(evaluator: str) -> bool:
    """Whether an evaluator is no person; humangrade's own simulated evaluators all have names that say so.

    Examples
    --------
    >>> is_simulated("simulated-3"), is_simulated("Ann")
    (True, False)
    """
    return evaluator.casefold().startswith("simulated")


def without_names(ratings: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """A ratings table with 'Person 1', 'Person 2' and so on in place of its evaluators.

    Parameters
    ----------
    ratings : DataFrame
        Any table with a column evaluator.
    seed : int
        With the names themselves it decides on the order, which follows neither them nor the rows.

    Returns
    -------
    DataFrame
        A simulated evaluator stays known as one; a row without a name stays without one.

    Examples
    --------
    >>> found = without_names(pd.DataFrame({"evaluator": ["ann", "bob", "ann", "simulated-1", ""]}))["evaluator"]
    >>> found.tolist()
    ['Person 3', 'Person 1', 'Person 3', 'Simulated person 2', '']
    """
    column = text_cells(ratings[["evaluator"]])["evaluator"]
    names = sorted(set(column) - {""})
    digest = hashlib.sha256(json.dumps([seed, names]).encode()).digest()
    places = np.random.default_rng(int.from_bytes(digest[:16])).permutation(len(names)) + 1
    labels = {
        name: f"{'Simulated person' if is_simulated(name) else 'Person'} {place}"
        for name, place in zip(names, places, strict=True)
    }
    return ratings.assign(evaluator=column.map({"": ""} | labels))


def simulated_note(evaluators: list[str]) -> list[str]:
    """How many of the evaluators are none, without naming them; nothing where all are people.

    Examples
    --------
    >>> simulated_note(["Person 1", "Simulated person 2"])[0].split(":")[0]
    '1 of the 2 evaluators is simulated'
    >>> simulated_note(["Person 1"])
    []
    """
    number = sum(map(is_simulated, evaluators))
    if not number:
        return []
    return [
        f"{number} of the {len(evaluators)} evaluators {'is' if number == 1 else 'are'} simulated: a program made "
        "these ratings, with a bias and noise that were chosen. Read the figures as a demonstration."
    ]


def fewest_ratings(for_raters: bool) -> int:
    """How many ratings an image must have for its mean to be shown by its name."""
    return FEWEST_RATINGS if for_raters else 1


def leave_out_people(task: dict[str, Any]) -> None:
    """Take everything that is about one person, or two, out of a task of the report, whose verdicts are made.

    Parameters
    ----------
    task : dict
        It is changed: no evaluators, folds, pairs, biases, own consistency, or results without somebody.
    """
    task["evaluators"] = {}
    task["reliability_of_people"] |= {"own_consistency": None, "pair_kappas": []}
    task["recovery"] = task["without_flagged"] = None
    for entry in task["metrics"].values():
        entry["cross_validation"] |= {"folds": [], "weights": {}}
        for result in (entry["cross_validation"], entry["unseen"], (entry["unseen"] or {}).get("by_model")):
            if result:
                result["against_people"] = {}
