"""What each metric of a scores table is called, which way it points, and how sure that is."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from calibration.notes import Named, Note
from metrics.engine.signature import identity_of
from metrics.errors import InputError, parameter
from metrics.known import Direction, find_metric, is_named

_CLEARLY_WRONG = 0.3  # a rank correlation this far against the assumed direction deserves a second look
_OTHER: dict[Direction, Direction] = {"higher": "lower", "lower": "higher"}


def titles_of(names: Iterable[str]) -> dict[str, str]:
    """Each metric's name as people know it; two that would be called alike keep the table's names.

    Examples
    --------
    >>> titles_of(["niqe", "clip_score", "CLIP-Score", "mine"])
    {'niqe': 'NIQE', 'clip_score': 'clip_score', 'CLIP-Score': 'CLIP-Score', 'mine': 'mine'}
    """
    titles = {name: title_of(name) for name in names}
    given = list(titles.values())
    return {name: title if given.count(title) == 1 else name for name, title in titles.items()}


def title_of(name: str) -> str:
    """The metric's name as people know it, keeping what the table's name adds."""
    known = find_metric(name)
    plain = "".join(character for character in name.lower() if character.isalnum())
    return known.title if known and plain == known.key else name


def signatures_of(scores: pd.DataFrame) -> dict[str, list[str]]:
    """The different signatures of each metric's scores, where the table has them."""
    if "signature" not in scores.columns:
        return {}
    return {str(name): sorted(filter(None, group.unique())) for name, group in scores.groupby("metric")["signature"]}


def are_mixed(signatures: Iterable[str]) -> bool:
    """Whether scores with these signatures may not be comparable; other versions of packages alone do no harm.

    Examples
    --------
    >>> are_mixed(["lpips|net:alex|versions:torch-1", "lpips|net:alex|versions:torch-2"]), are_mixed(["a", "b"])
    (False, True)
    """
    return len({identity_of(made_by) for made_by in signatures}) > 1


def directions_of(
    names: Iterable[str],
    lower: Sequence[str] = (),
    higher: Sequence[str] = (),
    signatures: Mapping[str, Sequence[str]] | None = None,
) -> tuple[dict[str, Direction], dict[str, list[Note]]]:
    """Which way each metric points, and a note where that is not certain.

    What the user says counts first, then what the metric's signature says (``better:lower``), then what is known of a
    metric of that name, then what is known of a metric whose name it begins with; of all others a higher score is
    taken to be better.

    Parameters
    ----------
    names : iterable of str
        The metrics.
    lower, higher : sequence of str
        Those of which the user says that lower or higher is better, in any case of letters.
    signatures : mapping of str to sequence of str, optional
        Each metric's signatures.

    Returns
    -------
    directions : dict
        By name.
    notes : dict
        By name, of the metrics whose direction was assumed or taken from a part of the name.

    Raises
    ------
    InputError
        Where `lower` or `higher` names a metric that is not there, or both name the same.
    """
    names = list(names)
    chosen = _chosen(names, {"lower": lower, "higher": higher})
    directions: dict[str, Direction] = {}
    notes: dict[str, list[Note]] = {}
    for name in names:
        known = find_metric(name)
        certain = chosen.get(name) or _told_by((signatures or {}).get(name, ()))
        direction = directions[name] = certain or (known.direction if known else "higher")
        if certain is not None or (known is not None and is_named(name, known)):
            continue
        option = f"--{_OTHER[direction]}-is-better"
        if known is None:
            notes[name] = [
                Named(f"Assumed that {direction} is better; if {_OTHER[direction]} is, say {option} ", name, ".")
            ]
        else:
            notes[name] = [
                f"Assumed that {direction} is better, as with {known.title}, with which its name begins; if not, name "
                f"it in {option}."
            ]
    return directions, notes


def opposed(name: str, entry: Mapping[str, Any]) -> list[Note]:
    """A note where people's order clearly speaks against the metric's direction.

    Parameters
    ----------
    name : str
        The metric's name in the table.
    entry : mapping
        Its entry in the report: direction, spearman and its one-sided p-value.
    """
    direction: Direction = entry["direction"]
    rho, p = entry["spearman"], entry["spearman_p"]
    towards = rho if direction == "higher" else -rho
    if not (towards <= -_CLEARLY_WRONG and p > 0.99):
        return []
    return [
        Named(
            f"Images with {_OTHER[direction]} scores were rated better (Spearman {rho:.2f}), although {direction} is "
            f"taken to be better; if that is wrong, say --{_OTHER[direction]}-is-better ",
            name,
            ".",
        )
    ]


def _chosen(names: list[str], said: Mapping[Direction, Sequence[str]]) -> dict[str, Direction]:
    """What the user says of the metrics' directions, by the table's names."""
    by_fold = {name.casefold(): name for name in names}
    chosen: dict[str, Direction] = {}
    for direction, some in said.items():
        for name in some:
            found = by_fold.get(name.casefold())
            if found is None:
                raise InputError(
                    f"{parameter(f'{direction}_is_better')} names '{name}', but the scores have no such metric; they "
                    f"have {', '.join(names) or 'none'}."
                )
            if chosen.setdefault(found, direction) != direction:
                raise InputError(
                    f"{parameter('lower_is_better')} and {parameter('higher_is_better')} both name '{found}'; name it "
                    "once."
                )
    return chosen


def _told_by(signatures: Sequence[str]) -> Direction | None:
    """The direction that all signatures give, as plug-ins' do."""
    parts = {part for one in signatures for part in one.split("|")}
    told = parts & {"better:lower", "better:higher"}
    if len(told) != 1:
        return None
    return "lower" if "better:lower" in told else "higher"
