"""The one driver of all that is drawn: from which generator, how many draws, how many at once, and what comes of them.

Others say what is drawn (`Draws`: images, whole groups of them, signs, permutations) and give a statistic: a function
from a block of draws to arrays with one row a draw. The same seed gives the same draws, in blocks of any size.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import ThreadpoolController

from calibration.core.grades import Array
from calibration.core.intervals import group_codes

MANY_ITEMS = 20_000
"""With more images than these, those that were rated alike are drawn together."""

STEPS = 4096
"""Into so many steps the scores of more images are grouped, in draws and shuffles only: never for a figure itself."""

DRAWS = 1000
"""Of the bootstrap, unless said otherwise: the default of `calibration.settings.Settings.draws` and of every way in."""

PERMUTATIONS = 1000
"""Of tests, unless said otherwise."""

FEWEST_DRAWS = 100
_EFFORT = 2**24  # draws x items, at most, where there are more items than those
_KEPT = 2**22  # draw-items that are kept; more are drawn anew each time
_MEMORY = 2**22  # numbers that a statistic has in memory at once
_THREADS = min(4, os.cpu_count() or 1)

Found = TypeVar("Found")


def generator(seed: int) -> np.random.Generator:
    """The generator of a seed, which may be any whole number."""
    return np.random.default_rng(seed % 2**63)


def in_few(clusters: NDArray[np.intp], most: int) -> NDArray[np.intp]:
    """Clusters, numbered from 0, put together by chance so that there are no more than so many; the same each time.

    Examples
    --------
    >>> in_few(np.array([0, 1, 1]), 5).tolist(), len(set(in_few(np.arange(9), 5)))
    ([0, 1, 1], 5)
    """
    total = int(clusters.max()) + 1 if len(clusters) else 0
    return clusters if total <= most else generator(0).permutation(total)[clusters] % most


def sampled(places: NDArray[np.intp], most: int, seed: int) -> NDArray[np.intp]:
    """The places, or so many of them by chance, in their order.

    Examples
    --------
    >>> sampled(np.arange(3), 5, 0).tolist(), len(sampled(np.arange(9), 5, 0))
    ([0, 1, 2], 5)
    """
    return places if len(places) <= most else np.sort(generator(seed).choice(places, most, replace=False))


@dataclass(frozen=True)
class Resampling:
    """How much is drawn, and from where.

    Attributes
    ----------
    draws : int
        How many; 0 for no intervals.
    seed : int
        Of the generator: the same one gives the same draws.
    """

    draws: int = DRAWS
    seed: int = 0

    def of_items(self, items: int) -> "Resampling":
        """With fewer draws of more than 20,000 images, but 100.

        Examples
        --------
        >>> [Resampling(draws).of_items(items).draws for draws, items in ((1000, 20_000), (1000, 200_000), (50, 10**7))]
        [1000, 100, 50]
        """
        if items <= MANY_ITEMS or self.draws <= FEWEST_DRAWS:
            return self
        return replace(self, draws=int(np.clip(_EFFORT // items, FEWEST_DRAWS, self.draws)))

    def at_most(self, draws: int) -> "Resampling":
        """With no more draws than these."""
        return self if self.draws <= draws else replace(self, draws=draws)


RESAMPLING = Resampling()
"""Unless said otherwise."""


@dataclass(frozen=True)
class Draws:
    """What is drawn.

    Attributes
    ----------
    length : int
        How many numbers make one draw: one an image, where images are drawn.
    count : int
        How many draws there are.
    blocks : callable
        From a size: the draws in blocks of so many at most, arrays of shape (draws, length) that are not to be written
        to. Called again it gives the same ones.
    """

    length: int
    count: int
    blocks: Callable[[int], Iterator[NDArray[Any]]]

    def figures(self, statistic: Callable[[Any], Found], numbers: int = 16, in_threads: bool = False) -> Found:
        """A statistic of all draws.

        Parameters
        ----------
        statistic : callable
            From a block of draws to an array, or a dictionary or tuple of arrays, whose first axis is that of the
            draws.
        numbers : int
            How many numbers it has in memory for each number of a block; it is given as many draws at once as leaves
            4 million of them.
        in_threads : bool
            Whether several blocks are computed at once. The draws are made one after the other all the same.

        Returns
        -------
        array, dict or tuple
            As the statistic's, of all draws in their order; of none, what it makes of an empty block.

        Examples
        --------
        >>> images = group_draws(np.arange(5), Resampling(200))
        >>> means = images.figures(lambda counts: counts @ np.arange(5.0) / 5)
        >>> means.shape, bool(abs(means.mean() - 2) < 0.2)
        ((200,), True)
        """
        if not self.count:
            return statistic(np.empty((0, self.length)))
        blocks = self.blocks(max(1, _MEMORY // (numbers * max(self.length, 1))))
        found: Found = _joined(list(_in_threads(statistic, blocks) if in_threads else map(statistic, blocks)))
        return found

    def first(self, count: int) -> "Draws":
        """The first of them alone."""
        count = min(count, self.count)
        return Draws(self.length, count, lambda size: _first(self.blocks(max(1, min(size, count))), count))


def group_draws(groups: NDArray[np.intp], resampling: Resampling) -> Draws:
    """How often each item counts when whole groups are drawn; quick for the same groups again.

    Parameters
    ----------
    groups : ndarray of int, shape (items,)
        Each item's group, from 0.
    resampling : Resampling

    Examples
    --------
    >>> drawn = group_draws(np.array([0, 1, 1, 2]), Resampling(6))
    >>> first, again = (np.concatenate(list(drawn.blocks(size))) for size in (2, 6))
    >>> bool((first == again).all()), bool((first[:, 1] == first[:, 2]).all()), first[:, [0, 1, 3]].sum(axis=1).tolist()
    (True, True, [3.0, 3.0, 3.0, 3.0, 3.0, 3.0])
    """
    groups, count = np.ascontiguousarray(groups, dtype=np.intp), resampling.draws
    is_kept = int(groups.max(initial=-1)) < MANY_ITEMS and count * len(groups) <= _KEPT

    def blocks(size: int) -> Iterator[Array]:
        if is_kept:
            return _cut(_kept(groups.tobytes(), resampling), size)
        return _of_groups(groups, count, size, generator(resampling.seed))

    return Draws(len(groups), count, blocks)


def count_draws(counts: Array, resampling: Resampling) -> Draws:
    """How often each row counts when as many items are drawn as there are, of which it stands for so many.

    Parameters
    ----------
    counts : ndarray, shape (rows,)
        How many items each row stands for.
    resampling : Resampling
    """
    return Draws(
        len(counts), resampling.draws, lambda size: _counts(counts, resampling.draws, size, generator(resampling.seed))
    )


def given_draws(every: NDArray[Any]) -> Draws:
    """These draws, an array of shape (draws, length); ones for the study as it is, in which each item counts once."""
    return Draws(every.shape[1], len(every), lambda size: _cut(every, size))


def signs_and_draws(groups: NDArray[np.intp], resampling: Resampling) -> tuple[Draws, Draws]:
    """Signs of -1 and 1 for every group, and then draws of groups, from one generator.

    Parameters
    ----------
    groups, resampling
        As in `group_draws`.

    Returns
    -------
    signs, draws : Draws
        The signs are to be used up first.

    Examples
    --------
    >>> signs, counts = signs_and_draws(np.array([0, 1, 1]), Resampling(5))
    >>> signs = np.concatenate(list(signs.blocks(2)))
    >>> bool((signs[:, 1:].std(axis=1) == 0).all()), len(np.concatenate(list(counts.blocks(2))))
    (True, 5)
    """
    groups, count = np.ascontiguousarray(groups, dtype=np.intp), resampling.draws
    if count * len(groups) <= _KEPT:
        signs, every = _kept_with_signs(groups.tobytes(), resampling)
        return given_draws(signs), given_draws(every)
    rng = generator(resampling.seed)
    return (
        Draws(len(groups), count, lambda size: _signs(groups, count, size, rng)),
        Draws(len(groups), count, lambda size: _of_groups(groups, count, size, rng)),
    )


def crossed_draws(rows: int, columns: int, resampling: Resampling) -> Draws:
    """How often each row and each column of a table counts, drawn apart from each other.

    Parameters
    ----------
    rows, columns : int
        How many there are; a draw is the rows' counts and behind them the columns'.
    resampling : Resampling

    Examples
    --------
    >>> drawn = crossed_draws(4, 2, Resampling(3)).figures(lambda counts: counts)
    >>> drawn[:, :4].sum(axis=1).tolist(), drawn[:, 4:].sum(axis=1).tolist()
    ([4.0, 4.0, 4.0], [2.0, 2.0, 2.0])
    """

    def blocks(size: int) -> Iterator[Array]:
        of_rows, of_columns = generator(resampling.seed).spawn(2)
        each = (
            _counts(np.ones(count), resampling.draws, size, rng)
            for count, rng in ((rows, of_rows), (columns, of_columns))
        )
        return (np.hstack(pair) for pair in zip(*each, strict=True))

    return Draws(rows + columns, resampling.draws, blocks)


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

    def draws(self, resampling: Resampling) -> Draws:
        """How often each row counts."""
        return count_draws(self.counts, resampling) if self._of_kinds else group_draws(self._groups, resampling)


def _in_threads(statistic: Callable[[Any], Found], blocks: Iterable[NDArray[Any]]) -> Iterator[Found]:
    """The statistic of each block, with no more blocks in memory than keep the threads busy."""
    waiting: deque[Future[Found]] = deque()
    with _numpys_libraries().limit(limits=1, user_api="blas"), ThreadPoolExecutor(_THREADS) as pool:
        for block in blocks:
            waiting.append(pool.submit(statistic, block))
            if len(waiting) > 2 * _THREADS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@cache
def _numpys_libraries() -> ThreadpoolController:
    """What NumPy multiplies with, looked for once: looking takes as long as a small study's draws."""
    return ThreadpoolController()


def _joined(parts: list[Any]) -> Any:
    """The arrays of all blocks, one after the other, in dictionaries and tuples as the blocks' are."""
    one = parts[0]
    if isinstance(one, dict):
        return {name: _joined([part[name] for part in parts]) for name in one}
    if isinstance(one, tuple):
        fields = [_joined(list(each)) for each in zip(*parts, strict=True)]
        return type(one)(*fields) if hasattr(one, "_fields") else tuple(fields)
    return np.concatenate(parts)


def _first(blocks: Iterable[NDArray[Any]], count: int) -> Iterator[NDArray[Any]]:
    for block in blocks:
        yield block[:count]
        count -= len(block)
        if count <= 0:
            return


def _cut(every: NDArray[Any], size: int) -> Iterator[NDArray[Any]]:
    return (every[start : start + size] for start in range(0, len(every), size))


def _counts(counts: Array, draws: int, size: int, rng: np.random.Generator) -> Iterator[Array]:
    total = int(counts.sum())
    for start in range(0, draws, size):
        yield rng.multinomial(total, counts / total, size=min(size, draws - start)).astype(float)


def _of_groups(groups: NDArray[np.intp], draws: int, size: int, rng: np.random.Generator) -> Iterator[Array]:
    """Of very many groups the members are drawn, which is quicker than how often each comes."""
    number = int(groups.max(initial=-1)) + 1
    if number <= MANY_ITEMS:
        for block in _counts(np.ones(number), draws, size, rng):
            yield block[:, groups]
        return
    for start in range(0, draws, size):
        yield np.stack([_counted(number, groups, rng) for _ in range(min(size, draws - start))])


def _counted(number: int, groups: NDArray[np.intp], rng: np.random.Generator) -> Array:
    times = np.bincount(rng.integers(0, number, number, dtype=np.uint32), minlength=number).astype(float)
    return times if number == len(groups) else times[groups]


def _signs(groups: NDArray[np.intp], draws: int, size: int, rng: np.random.Generator) -> Iterator[Array]:
    for start in range(0, draws, size):
        yield rng.choice([-1.0, 1.0], size=(min(size, draws - start), int(groups.max()) + 1))[:, groups]


@lru_cache(maxsize=2)
def _kept_with_signs(groups: bytes, resampling: Resampling) -> tuple[Array, Array]:
    codes, rng = np.frombuffer(groups, dtype=np.intp), generator(resampling.seed)
    made = (_whole(each(codes, resampling.draws, _size(codes), rng), codes) for each in (_signs, _of_groups))
    signs, every = (np.ascontiguousarray(each) for each in made)
    return signs, every


@lru_cache(maxsize=4)
def _kept(groups: bytes, resampling: Resampling) -> Array:
    codes = np.frombuffer(groups, dtype=np.intp)
    return _whole(_of_groups(codes, resampling.draws, _size(codes), generator(resampling.seed)), codes)


def _size(codes: NDArray[np.intp]) -> int:
    return max(1, _MEMORY // (16 * max(len(codes), 1)))


def _whole(blocks: Iterable[Array], codes: NDArray[np.intp]) -> Array:
    every = np.concatenate([*blocks] or [np.empty((0, len(codes)))])
    every.flags.writeable = False
    return every


def _kinds(ratings: Array) -> tuple[Array, Array]:
    """The different rows, and how often each occurs."""
    _, codes = np.unique(ratings, return_inverse=True)
    codes, kind = codes.reshape(ratings.shape), np.zeros(len(ratings), dtype=np.intp)
    for column in codes.T:  # one number for each kind of row, dense again after every column
        kind = np.unique(kind * (int(codes.max()) + 1) + column, return_inverse=True)[1].reshape(-1)
    _, first, counts = np.unique(kind, return_index=True, return_counts=True)
    return ratings[first], counts.astype(float)
