"""humangrade's own ratings as votes: repeats count once, and people's strictness does not move the means.

Where not everybody rates every image, an image that happened to meet the strict would seem worse than it is. What a
person gives above or below others on the same images is their strictness; it is pulled towards 0 by as much as four
ratings say, and taken off their ratings before these are averaged.
"""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration.aesthetic.vote_tables import GROUP, with_known_names
from calibration.tables.cells import numbers_of
from calibration.tables.reading import read_table
from metrics.errors import InputError, parameter
from metrics.text import counted

_PULL = 4.0  # one rating scatters about twice as much as people's strictness
_NAMED = 5
_MARKS, _DIGITS, _ENOUGH = 8, 8, 4


def counted_ratings(
    path: Path, table: pd.DataFrame, task: str | None
) -> tuple[list[str], NDArray[np.float64], NDArray[np.float64], tuple[str, ...], str]:
    """What people gave to each item.

    Parameters
    ----------
    path : Path
        For the errors' text.
    table : DataFrame
        With the columns item, evaluator and rating, and perhaps task, all as text.
    task : str or None
        Of several tasks, the one that counts.

    Returns
    -------
    items : list of str
    counts : ndarray, shape (n, 5)
        Of the ratings 1 to 5; of k ratings that one person gave to an item, each counts 1 / k.
    means : ndarray, shape (n,)
        From 1 to 5, without strictness.
    notes : tuple of str
        Sentences on what was done.
    mark : str
        As `ratings_mark` makes it.

    Raises
    ------
    InputError
        For a task that is not there or must be chosen, and what is no rating from 1 to 5; with the line.
    """
    chosen = _chosen(path, table, task)
    rated = _of_first_round(chosen)
    values = rated.assign(rating=rated["rating"].astype(float), item=rated["item"], evaluator=rated["evaluator"])
    times = values.groupby(["item", "evaluator"])["rating"].transform("size")
    counts = (
        (1.0 / times)
        .groupby([values["item"], values["rating"]])
        .sum()
        .unstack(fill_value=0)
        .reindex(columns=[1.0, 2.0, 3.0, 4.0, 5.0], fill_value=0.0)
    )
    once = values.groupby(["item", "evaluator"], as_index=False)["rating"].mean()
    item, items = pd.factorize(once["item"], sort=True)
    person, people = pd.factorize(once["evaluator"], sort=True)
    ratings = once["rating"].to_numpy()
    strictness = strictness_of(item, person, ratings)
    adjusted = np.bincount(item, ratings - strictness[person]) / np.bincount(item)
    notes = []
    if later := len(chosen) - len(rated):
        notes.append(
            f"{counted(later, 'rating')} of images that the same person had rated in an earlier round left out; the "
            "first round's count."
        )
    if repeated := len(values) - len(once):
        notes.append(f"{repeated:,} ratings are repeats by the same person; a person counts once for an image.")
    alone = sorted(people[_alone(item, person)])
    if len(people) > 1:
        if len(people) > len(alone):
            notes.append(f"The strictness of {len(people) - len(alone)} people was taken out of the means.")
        if alone:
            more = f" and {len(alone) - _NAMED} more" if len(alone) > _NAMED else ""
            named = ", ".join(alone[:_NAMED])
            notes.append(f"{named}{more} rated no image that others rated too, so their strictness is not known.")
    return items.tolist(), counts.loc[items].to_numpy(), np.clip(adjusted, 1.0, 5.0), tuple(notes), ratings_mark(rated)


def with_items(
    path: Path, table: pd.DataFrame, items: Path | None, group: str | None
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Ratings with what a table of their items tells: prompts, subjects, models.

    Parameters
    ----------
    path : Path
        The ratings' file; where no table was named, an items.csv beside it is taken, as humangrade export writes it.
    table : DataFrame
        The ratings, with a column item. Its own columns win, and where they tell the groups no other file is read.
    items : Path or None
        The table that was named.
    group : str or None
        The column that tells which images belong together.

    Returns
    -------
    table : DataFrame
    notes : tuple of str
        A sentence where an items.csv was found.

    Raises
    ------
    InputError
        Where the table that was named cannot be read, has no column item, an item twice, or none of those rated.
    """
    wanted = [group] if group else GROUP
    is_told = any(name in table.columns and table[name].str.strip().any() for name in wanted)
    found = items or path.with_name("items.csv")
    if items is None and (is_told or found == path or not found.is_file()):
        return table, ()
    known = with_known_names(read_table(found)[0])
    if "item" not in known.columns or not known["item"].isin(table["item"]).any():
        if items is None:
            return table, ()
        raise InputError(f"{found} names none of the rated items in a column 'item'; name the items of {path}.")
    if known["item"].duplicated().any():
        twice = known["item"][known["item"].duplicated()].iloc[0]
        raise InputError(f"{found} has the item '{twice}' twice; keep one row.")
    new = [name for name in known.columns if name == "item" or name not in table.columns]
    joined = table.merge(known[new], on="item", how="left").set_axis(table.index).fillna("")
    lacking = int((~pd.Series(table["item"].unique()).isin(known["item"])).sum())
    note = f"{found} tells what belongs to the items" + (f", but for {lacking:,} of them" if lacking else "")
    return joined, () if items is not None and not lacking else (f"{note}.",)


def ratings_mark(table: pd.DataFrame) -> str:
    """What tells ratings again: the smallest hashes of an item, who rated it and how, joined by full stops.

    Parameters
    ----------
    table : DataFrame
        With the columns item, evaluator and rating.

    Examples
    --------
    >>> table = pd.DataFrame({"item": ["a", "b"], "evaluator": ["x", "x"], "rating": [3, 4]})
    >>> ratings_mark(table) == ratings_mark(table.iloc[::-1].assign(rating=["4", "3"]))
    True
    """
    return ".".join(sorted(_hashes(table))[:_MARKS])


def trained_on_these(signatures: Iterable[str], table: pd.DataFrame) -> list[str]:
    """A sentence where scores are by a head that was trained on these ratings, as their signature tells; else none.

    Parameters
    ----------
    signatures : iterable of str
        Of one metric's scores.
    table : DataFrame
        The ratings that it is judged by: item, evaluator and rating. A line more or less changes nothing.
    """
    marks = {found[1] for each in signatures if (found := re.search(r"(?:^|\|)ratings:([0-9a-f.]+)", each))}
    known = _hashes(table) if marks else set()
    for mark in marks:
        own = set(mark.split("."))
        if len(own & known) >= min(_ENOUGH, len(own)):
            return [
                "Its scores are by a head that was trained on these very ratings, which flatters every figure here; "
                "judge it on ratings that it has not seen."
            ]
    return []


def _hashes(table: pd.DataFrame) -> set[str]:
    rows = zip(table["item"], table["evaluator"], table["rating"].astype(float), strict=True)
    return {
        hashlib.sha256(f"{item}\t{person}\t{rating:g}".encode()).hexdigest()[:_DIGITS] for item, person, rating in rows
    }


def strictness_of(
    items: NDArray[np.intp], people: NDArray[np.intp], ratings: NDArray[np.float64]
) -> NDArray[np.float64]:
    """By how much each person rates above (or, below 0, under) others on the same items; pulled towards 0.

    Parameters
    ----------
    items, people : ndarray of int, shape (n,)
        Of each rating, from 0 on.
    ratings : ndarray, shape (n,)
        One for each item and person.

    Notes
    -----
    Minimises the squares of rating - item - person, plus 4 for each person's square; the items are free.

    Examples
    --------
    >>> item, person = np.repeat(np.arange(40), 2), np.tile([0, 1], 40)
    >>> strictness_of(item, person, np.tile([2.0, 4.0], 40)).round(2)
    array([-0.91,  0.91])
    """
    count, rows = int(people.max()) + 1, np.bincount(items)
    # within an item: what is left of the indicators of people once each item's mean is taken off
    normal = np.diag(np.bincount(people, minlength=count).astype(float))
    order = np.argsort(items, kind="stable")
    for who in np.split(people[order], np.cumsum(rows)[:-1]):
        normal[np.ix_(who, who)] -= 1.0 / len(who)
    about = ratings - (np.bincount(items, ratings) / rows)[items]
    sums = np.bincount(people, about, minlength=count)
    return np.asarray(np.linalg.solve(normal + _PULL * np.eye(count), sums), dtype=np.float64)


def _of_first_round(rated: pd.DataFrame) -> pd.DataFrame:
    """The ratings without those that a person gave to an image again in a later round, as in all grades."""
    if "round" not in rated.columns:
        return rated
    rounds = pd.to_numeric(rated["round"], errors="coerce").fillna(1)
    return rated[rounds == rounds.groupby([rated["item"], rated["evaluator"]]).transform("min")]


def _alone(items: NDArray[np.intp], people: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Who rated no item that another rated too."""
    return np.bincount(people, np.bincount(items)[items] > 1) == 0


def _chosen(path: Path, table: pd.DataFrame, task: str | None) -> pd.DataFrame:
    tasks = sorted(set(table["task"])) if "task" in table.columns else []
    if task is not None and task not in tasks:
        raise InputError(f"{path} has no ratings of the task '{task}'; it has {', '.join(tasks) or 'no task column'}.")
    if task is None and len(tasks) > 1:
        raise InputError(
            f"{path} has ratings of several tasks ({', '.join(tasks)}); choose one with {parameter('task')}."
        )
    if task is not None:
        table = table[table["task"] == task]
    numbers, bad = numbers_of(table["rating"], allow_missing=True)
    wrong = np.flatnonzero(bad | ~(numbers.isna() | numbers.isin([1, 2, 3, 4, 5])))
    if len(wrong):
        raise InputError(
            f"{path}, line {table.index[wrong[0]] + 2}: the rating '{table['rating'].iloc[wrong[0]]}' is not a whole "
            "number from 1 to 5; mend it, or leave the cell empty for a missing rating."
        )
    given = numbers.notna()
    if not given.any():
        raise InputError(f"{path} holds no ratings; name the file with the ratings.")
    return table[given].assign(rating=numbers[given])
