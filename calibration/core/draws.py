"""Bootstrap draws of images that many figures share: drawn once, and kept for the next metric."""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.core.grades import Array
from calibration.core.intervals import group_codes, item_draws

MANY_ITEMS = 20_000
"""With more images than these, those that were rated alike are drawn together."""

STEPS = 4096
"""Into so many steps the scores of more images are grouped, in draws and shuffles only: never for a figure itself."""

DRAWS = 1000
"""Of the bootstrap, unless said otherwise."""

FEWEST_DRAWS = 100
_EFFORT = 2**24  # draws x items, at most, where there are more items than those
_KEPT = 2**22  # draw-items that are kept; more are drawn anew each time
_BLOCK = 2**18  # draw-items that are drawn at once


def fewer_draws(draws: int, items: int) -> int:
    """How many draws are made of so many images when so many are asked for: fewer of more than 20,000, but 100.

    Examples
    --------
    >>> fewer_draws(1000, 20_000), fewer_draws(1000, 200_000), fewer_draws(50, 10**7)
    (1000, 100, 50)
    """
    if items <= MANY_ITEMS or draws <= FEWEST_DRAWS:
        return draws
    return int(np.clip(_EFFORT // items, FEWEST_DRAWS, draws))


def same_draws(groups: NDArray[np.intp], draws: int, size: int, seed: int) -> Iterator[Array]:
    """`calibration.core.intervals.item_draws` from a generator of this seed, as quick as can be for the same groups
    again.

    Parameters
    ----------
    groups : ndarray of int, shape (items,)
        Each item's group, from 0.
    draws, size : int
        How many, and in blocks of how many at most.
    seed : int
        Of the draws.

    Yields
    ------
    ndarray, shape (at most size, items)
        How often each item counts; not to be written to.

    Examples
    --------
    >>> first, again = (np.concatenate(list(same_draws(np.arange(4), 6, size, 0))) for size in (2, 6))
    >>> first.sum(axis=1).tolist(), bool((first == again).all())
    ([4.0, 4.0, 4.0, 4.0, 4.0, 4.0], True)
    """
    groups = np.ascontiguousarray(groups, dtype=np.intp)
    number = int(groups.max(initial=-1)) + 1
    if number > MANY_ITEMS or draws * len(groups) > _KEPT:
        yield from _anew(groups, draws, size, np.random.default_rng(seed % 2**63))
        return
    every = _kept(groups.tobytes(), draws, seed)
    for start in range(0, draws, size):
        yield every[start : start + size]


def _anew(groups: NDArray[np.intp], draws: int, size: int, rng: np.random.Generator) -> Iterator[Array]:
    """`item_draws`; of very many groups the members are drawn, which is quicker than how often each comes."""
    number = int(groups.max(initial=-1)) + 1
    if number <= MANY_ITEMS:
        yield from item_draws(groups, draws, size, rng)
        return
    for start in range(0, draws, size):
        yield np.stack([_counted(number, groups, rng) for _ in range(min(size, draws - start))])


def _counted(number: int, groups: NDArray[np.intp], rng: np.random.Generator) -> Array:
    times = np.bincount(rng.integers(0, number, number, dtype=np.uint32), minlength=number).astype(float)
    return times if number == len(groups) else times[groups]


def signs_and_draws(
    groups: NDArray[np.intp], draws: int, size: int, seed: int
) -> tuple[Iterator[Array], Iterator[Array]]:
    """Signs of -1 and 1 for every group, and then `same_draws`, from one generator.

    Parameters
    ----------
    groups, draws, size, seed
        As in `same_draws`.

    Returns
    -------
    signs, draws : iterator of ndarray
        Blocks of shape (at most size, items); the signs are to be used up first.

    Examples
    --------
    >>> signs, counts = signs_and_draws(np.array([0, 1, 1]), 5, 2, 0)
    >>> bool((np.concatenate(list(signs))[:, 1:].std(axis=1) == 0).all()), len(np.concatenate(list(counts)))
    (True, 5)
    """
    groups = np.ascontiguousarray(groups, dtype=np.intp)
    if draws * len(groups) <= _KEPT:
        signs, every = _kept_with_signs(groups.tobytes(), draws, seed)
        places = range(0, draws, size)
        return (signs[at : at + size] for at in places), (every[at : at + size] for at in places)
    rng = np.random.default_rng(seed % 2**63)
    return _signs(groups, draws, size, rng), _anew(groups, draws, size, rng)


def _signs(groups: NDArray[np.intp], draws: int, size: int, rng: np.random.Generator) -> Iterator[Array]:
    for start in range(0, draws, size):
        yield rng.choice([-1.0, 1.0], size=(min(size, draws - start), int(groups.max()) + 1))[:, groups]


@lru_cache(maxsize=2)
def _kept_with_signs(groups: bytes, draws: int, seed: int) -> tuple[Array, Array]:
    codes = np.frombuffer(groups, dtype=np.intp)
    rng, size = np.random.default_rng(seed % 2**63), max(1, _BLOCK // max(len(codes), 1))
    found = [
        np.concatenate([np.empty((0, len(codes))), *each(codes, draws, size, rng)]) for each in (_signs, item_draws)
    ]
    for each in found:
        each.flags.writeable = False
    return found[0], found[1]


@lru_cache(maxsize=4)
def _kept(groups: bytes, draws: int, seed: int) -> Array:
    codes = np.frombuffer(groups, dtype=np.intp)
    rng = np.random.default_rng(seed % 2**63)
    every = np.concatenate(list(item_draws(codes, draws, max(1, _BLOCK // max(len(codes), 1)), rng)))
    every.flags.writeable = False
    return every


class Drawn:
    """The images that a bootstrap draws from; of very many, those that were rated alike are one row that counts often.

    An image with the same ratings as another adds the same to every figure that is made of ratings alone. So it is the
    same to draw how often each kind of image comes, and there are few kinds: at most 3,125 for five evaluators.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        NaN where missing.
    clusters : array_like, shape (items,), optional
        Which images belong together; each by itself unless given.

    Attributes
    ----------
    ratings : ndarray, shape (rows, evaluators)
        The items, or, for more than 20,000 without clusters, their kinds.
    counts : ndarray, shape (rows,)
        How many items each row stands for.

    Examples
    --------
    >>> few = Drawn(np.array([[0.0, 1.0], [0.0, 1.0]]))
    >>> many = Drawn(np.tile([[0.0, 1.0], [0.5, np.nan]], (15_000, 1)))
    >>> few.counts.tolist(), many.counts.tolist(), many.ratings.tolist()
    ([1.0, 1.0], [15000.0, 15000.0], [[0.0, 1.0], [0.5, nan]])
    """

    def __init__(self, ratings: Array, clusters: ArrayLike | None = None):
        self.ratings, self.counts = ratings, np.ones(len(ratings))
        self._groups = group_codes(clusters, len(ratings))
        self._of_kinds = False
        if clusters is None and len(ratings) > MANY_ITEMS:
            kinds, counts = _kinds(ratings)
            if 2 * len(kinds) <= len(ratings):
                self.ratings, self.counts, self._of_kinds = kinds, counts, True

    def draws(self, count: int, block: int, seed: int) -> Iterator[Array]:
        """How often each row counts, in blocks of at most `block` numbers; shape (draws, rows)."""
        size = max(1, block // len(self.ratings))
        if not self._of_kinds:
            yield from same_draws(self._groups, count, size, seed)
            return
        total, rng = int(self.counts.sum()), np.random.default_rng(seed % 2**63)
        for start in range(0, count, size):
            yield rng.multinomial(total, self.counts / total, size=min(size, count - start)).astype(float)


def _kinds(ratings: Array) -> tuple[Array, Array]:
    """The different rows, and how often each occurs."""
    _, codes = np.unique(ratings, return_inverse=True)
    codes, kind = codes.reshape(ratings.shape), np.zeros(len(ratings), dtype=np.intp)
    for column in codes.T:  # one number for each kind of row, dense again after every column
        kind = np.unique(kind * (int(codes.max()) + 1) + column, return_inverse=True)[1].reshape(-1)
    _, first, counts = np.unique(kind, return_index=True, return_counts=True)
    return ratings[first], counts.astype(float)
