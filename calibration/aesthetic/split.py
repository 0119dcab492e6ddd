"""Which images are trained on, which decide when to stop, and which are kept for the test.

Photographs of one challenge share its theme, and some are near-duplicates; where challenges are known, each lies on
one side. Both sides get the same distribution of mean votes.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from calibration.aesthetic.votes import Votes, image_name
from calibration.tables.reading import MOST_BYTES, decoded
from metrics.errors import InputError, parameter
from metrics.files import read_input
from metrics.text import counted

FOLDS = 10
FEWEST = 50
_STRATA = 10
_SAME = 1e-9


@dataclass(frozen=True, eq=False)
class Split:
    """A division of images.

    Attributes
    ----------
    train, validation, test : ndarray of int
        Rows of the votes.
    name : str
        How it was made, for signatures and cards.
    """

    train: NDArray[np.intp]
    validation: NDArray[np.intp]
    test: NDArray[np.intp]
    name: str


def seeded_split(votes: Votes, seed: int = 0) -> Split:
    """A tenth for the test, a tenth to decide when to stop, the rest to train on.

    Parameters
    ----------
    votes : Votes
        All images.
    seed : int
        Another gives another split.

    Returns
    -------
    Split

    Raises
    ------
    InputError
        For fewer than 50 images, or fewer than 10 challenges.
    """
    _refuse_few(votes)
    folds = stratified_folds(votes, FOLDS, seed)
    grouped = "" if votes.groups is None else ",grouped"
    return Split(
        np.flatnonzero(folds > 1), np.flatnonzero(folds == 1), np.flatnonzero(folds == 0), f"seed-{seed}{grouped}"
    )


def official_split(votes: Votes, path: Path, seed: int = 0) -> Split:
    """The test images of a list; of the others a tenth decides when to stop.

    Parameters
    ----------
    votes : Votes
        All images.
    path : Path
        A text file that names the test images, one a line.
    seed : int
        Chooses the tenth.

    Returns
    -------
    Split
        The test images among the votes; names without votes are passed over.

    Raises
    ------
    InputError
        Where the file cannot be read, or names none of the images or nearly all.
    """
    named = named_images(path)
    is_test = np.isin(votes.images, list(named))
    if not is_test.any():
        raise InputError(f"{path} names none of the images that have votes and embeddings; check that they fit.")
    rest = np.flatnonzero(~is_test)
    _refuse_few(votes.take(rest))
    folds = stratified_folds(votes.take(rest), FOLDS, seed)
    digest = hashlib.sha256("\n".join(sorted(named)).encode()).hexdigest()[:8]
    name = f"list-{path.name}-{digest},seed-{seed}"
    return Split(rest[folds != 0], rest[folds == 0], np.flatnonzero(is_test), name)


def _refuse_few(votes: Votes) -> None:
    if len(votes) < FEWEST:
        raise InputError(f"Only {len(votes)} images have votes and embeddings; at least {FEWEST} are needed.")


def refuse_constant(means: ArrayLike, what: str) -> None:
    """Raise InputError where nothing can be learnt from mean votes, since all are the same."""
    values = np.asarray(means, dtype=np.float64)
    if np.ptp(values) < _SAME:
        raise InputError(f"{what} all have the same mean, {values[0]:.4g} on 1-10; nothing can be learnt from them.")


def named_images(path: Path) -> set[str]:
    """The images that a text file names, one a line; raises InputError where it cannot be read."""
    text = decoded(path, read_input(path, MOST_BYTES, "name a text file"), "name a text file")
    return {image_name(line.strip()) for line in text.splitlines() if line.strip()}


def stratified_folds(votes: Votes, count: int, seed: int) -> NDArray[np.intp]:
    """The number of each image's fold; folds have the same mean votes, and challenges are not divided.

    Raises
    ------
    InputError
        For fewer images or challenges than folds.
    """
    if len(votes) < count:
        raise InputError(f"{len(votes)} images cannot be divided into {count} parts.")
    ranks = np.argsort(np.argsort(votes.means, kind="stable"), kind="stable")
    strata = ranks * max(1, min(_STRATA, len(votes) // count)) // len(votes)
    folds = np.empty(len(votes), dtype=np.intp)
    if votes.groups is None:
        parts = StratifiedKFold(count, shuffle=True, random_state=seed).split(strata, strata)
    else:
        if len(set(votes.groups.tolist())) < count:
            name = votes.group_name or "group"
            raise InputError(
                f"The votes are of {counted(len(set(votes.groups.tolist())), name)}, which cannot be divided into "
                f"{count} without dividing one. Name another column with {parameter('group')}; the column of the "
                f"images' own names takes each image for itself, and the figures then hold for new images of "
                f"these {name}s only."
            )
        parts = StratifiedGroupKFold(count, shuffle=True, random_state=seed).split(strata, strata, votes.groups)
    for number, (_, rows) in enumerate(parts):
        folds[rows] = number
    return folds
