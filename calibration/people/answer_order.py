"""Evaluators whose answers follow the order of rating: long runs of one answer, or a pattern such as 3, 4, 3, 4."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration.core.grades import Array, leave_one_out_scores
from calibration.core.resampling import Draws, Resampling, generator

LEAST_ANSWERS = 40
_MOST_ANSWERS = 10_000  # of each evaluator, the first
_MOST_LEVELS = 11
_LEAST_DISTINCT = 0.95  # of an evaluator's times; among equal ones there is no order
_NEAR = 7  # images before and after, whose ratings by the others tell of this one where the order sorts them
_LIKE = 8  # images that the others rated about alike, among which answers are permuted
_GLANCES, _PERMUTATIONS = 19, 399
_LONGER, _LONGEST = 2.0, 8
_OFTENER = 0.25
_AS_OFTEN = 0.9
_PERIODS = (2, 3, 4, 5)


class OrderFinding(NamedTuple):
    """One evaluator whose answers follow their order.

    Attributes
    ----------
    evaluator : int
        The column.
    kind : {"runs", "pattern"}
        What was found.
    answers : int
        How many answers have a known place.
    observed, expected : float
        Runs: how many equal answers, on average, the run has in which an answer stands. Pattern: the share of answers
        that are equal to the one `period` before and differ from the one just before.
    longest : int
        The longest run.
    period : int
        Of the pattern; 0 for runs.
    p : float
        For all evaluators and both kinds together.
    """

    evaluator: int
    kind: str
    answers: int
    observed: float
    expected: float
    longest: int
    period: int
    p: float


def rating_order(rows: pd.DataFrame, items: pd.Index, evaluators: list[str]) -> Array | None:
    """Where in their own order each evaluator rated each item.

    Parameters
    ----------
    rows : DataFrame
        item, evaluator, and position (a number) or rated_at (ISO 8601, or seconds).
    items : Index
        The rows of the result.
    evaluators : list of str
        Its columns.

    Returns
    -------
    ndarray, shape (items, evaluators), or None
        Ranks, NaN where unknown. An evaluator with an unreadable place, or with many equal ones, has none; None where
        nobody has any.

    Examples
    --------
    >>> rows = pd.DataFrame({"item": ["a", "b"], "evaluator": "x", "position": ["7", "3"]})
    >>> rating_order(rows, pd.Index(["a", "b"]), ["x"]).tolist()
    [[1.0], [0.0]]
    """
    order = np.full((len(items), len(evaluators)), np.nan)
    places = [_as_numbers(rows[name], name) for name in ("position", "rated_at") if name in rows.columns]
    if not places:
        return None
    row = items.get_indexer(pd.Index(rows["item"]))
    for column, own in enumerate(rows.groupby("evaluator", sort=False).indices.get(name) for name in evaluators):
        for values in places if own is not None else ():
            known = values[own]
            if np.isfinite(known).all() and len(np.unique(known)) >= _LEAST_DISTINCT * len(known):
                order[row[own], column] = np.argsort(np.argsort(known, kind="stable"), kind="stable")
                break
    return order if np.isfinite(order).any() else None


def _as_numbers(cells: pd.Series, name: str) -> Array:
    numbers = pd.to_numeric(cells, errors="coerce")
    if name == "rated_at" and numbers.isna().any():
        times = pd.to_datetime(cells, errors="coerce", utc=True, format="ISO8601")
        numbers = (times - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
    return numbers.to_numpy(dtype=float)


def answers_in_order(ratings: Array, order: Array, level: float = 0.05, seed: int = 0) -> list[OrderFinding]:
    """Find evaluators whose answers follow the order in which they gave them.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Any scale with at most 11 levels, NaN where missing.
    order : ndarray, shape (items, evaluators)
        As `rating_order` makes it.
    level : float
        The share of studies in which anybody may be found by chance.
    seed : int
        Of the permutations.

    Returns
    -------
    list of OrderFinding
        Of evaluators with 40 answers or more, not all the same, whose places are known.

    Notes
    -----
    Careless answers come in long strings or in cycles (Curran 2016), but so do honest ones: who says 5 to nine images
    of ten has long runs of 5, and where good images stand together everybody has. So each evaluator's own answers are
    permuted among images (about 8 each) of which the others let expect about the same (least squares on their mean
    rating of the image, and of those next to it in this order), which keeps how often each answer was given and what
    the order of the images explains. Two figures are compared with what that gives: the mean over answers of
    the length of the run in which it stands, and the largest share, over periods from 2 to 5, of answers that repeat
    the one a period before but not the one just before. p is the share of 400 permutations of the whole study in which
    any evaluator's figure, less its mean and over its standard deviation, is as large (Westfall and Young's maximum).

    Honest answers lean a little on the ones before, which many images make significant. So runs must also be twice as
    long as expected and the longest have 8 answers, a pattern must be 25 points oftener.

    References
    ----------
    Curran, P. G. (2016). Methods for the detection of carelessly invalid responses in survey data. J. Exp. Soc. Psych.
    66. Westfall, P. H. and Young, S. S. (1993). Resampling-based multiple testing.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> ratings = rng.integers(1, 6, size=(100, 3)).astype(float)
    >>> ratings[:, 1] = np.tile([3, 4], 50)
    >>> [(each.evaluator, each.kind) for each in answers_in_order(ratings, np.tile(np.arange(100.0)[:, None], 3))]
    [(1, 'pattern')]
    """
    kept = _sequences(ratings, order)
    if kept is None:
        return []
    observed, permutations = kept.figures(kept.answers), kept.permutations(Resampling(_PERMUTATIONS, seed))
    drawn = permutations.first(_GLANCES).figures(kept.figures_of_each)
    if not _striking(observed, drawn.mean(axis=0), kept.longest).any():
        return []
    drawn = permutations.figures(kept.figures_of_each)
    every = np.array([observed, *drawn])
    middle, spread = every.mean(axis=0), every.std(axis=0)
    standard = np.divide(every - middle, spread, out=np.zeros_like(every), where=spread > 0)
    largest = standard[1:].max(axis=(1, 2))
    p = (1 + (largest >= standard[0][..., None]).sum(axis=2)) / (1 + len(largest))
    expected = drawn.mean(axis=0)
    found = _striking(observed, expected, kept.longest) & (p <= level)
    return [
        OrderFinding(
            int(kept.evaluators[place]),
            "pattern" if kind else "runs",
            int(kept.counts[place]),
            float(kept.repeats[place] if kind else observed[kind, place]),
            float(expected[kind, place]),
            int(kept.longest[place]),
            int(kept.period[place]) if kind else 0,
            float(p[kind, place]),
        )
        for kind, place in zip(*np.nonzero(found), strict=True)
    ]


def _striking(observed: Array, expected: Array, longest: NDArray[np.intp]) -> NDArray[np.bool_]:
    """By kind and evaluator: whether it is large enough to matter."""
    runs = (observed[0] >= _LONGER * expected[0]) & (longest >= _LONGEST)
    return np.array([runs, observed[1] >= expected[1] + _OFTENER])


class _Sequences:
    """Everybody's answers in their order, one evaluator after the other."""

    def __init__(self, evaluators: NDArray[np.intp], counts: NDArray[np.intp], answers: Array, kinds: NDArray[np.intp]):
        self.evaluators, self.counts, self.answers = evaluators, counts, answers
        self._kinds = kinds
        self._starts = np.cumsum(counts) - counts
        self._who = np.repeat(np.arange(len(counts)), counts)
        self._within = np.argsort(kinds, kind="stable")
        lengths, who = self._runs(answers)
        self.longest = np.zeros(len(counts), dtype=np.intp)
        np.maximum.at(self.longest, who, lengths)
        repeats = self._repeats(answers)  # a cycle repeats after twice its period as well
        shortest = (repeats >= _AS_OFTEN * repeats.max(axis=0)).argmax(axis=0)
        self.period, self.repeats = np.array(_PERIODS)[shortest], repeats[shortest, np.arange(len(counts))]

    def permutations(self, resampling: Resampling) -> Draws:
        """Each evaluator's answers permuted among images of a kind."""

        def blocks(size: int) -> Iterator[Array]:
            rng = generator(resampling.seed)
            for start in range(0, resampling.draws, size):
                answers = np.empty((min(size, resampling.draws - start), len(self.answers)))
                for row in answers:
                    row[self._within] = self.answers[np.lexsort((rng.random(len(self.answers)), self._kinds))]
                yield answers

        return Draws(len(self.answers), resampling.draws, blocks)

    def figures_of_each(self, permuted: Array) -> Array:
        """`figures` of each permutation."""
        return np.array([self.figures(answers) for answers in permuted])

    def figures(self, answers: Array) -> Array:
        """The two figures of each evaluator; shape (2, evaluators)."""
        lengths, who = self._runs(answers)
        runs = np.bincount(who, lengths.astype(float) ** 2, len(self.counts)) / self.counts
        return np.array([runs, self._repeats(answers).max(axis=0)])

    def _runs(self, answers: Array) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The length of each run, and whose it is."""
        new = np.concatenate([[True], (answers[1:] != answers[:-1]) | (self._who[1:] != self._who[:-1])])
        begins = np.flatnonzero(new)
        return np.diff(np.append(begins, len(answers))), self._who[begins]

    def _repeats(self, answers: Array) -> Array:
        """By period: each evaluator's share of answers that repeat; shape (periods, evaluators)."""
        shares = []
        for period in _PERIODS:
            now, whose = answers[period:], self._who[period:]
            again = (now == answers[:-period]) & (now != answers[period - 1 : -1]) & (whose == self._who[:-period])
            shares.append(np.bincount(whose, again, len(self.counts)) / (self.counts - period))
        return np.array(shares)


def _sequences(ratings: Array, order: Array) -> _Sequences | None:
    """What there is to look at, or None."""
    centred = ratings - np.array([np.mean(own[~np.isnan(own)]) if (~np.isnan(own)).any() else 0 for own in ratings.T])
    evaluators, answers, kinds, count = [], [], [], 0
    for column, others in enumerate(leave_one_out_scores(centred).T):
        known = np.flatnonzero(~np.isnan(ratings[:, column]) & ~np.isnan(order[:, column]))
        known = known[np.argsort(order[known, column], kind="stable")][:_MOST_ANSWERS]
        own = ratings[known, column]
        if len(own) < LEAST_ANSWERS or not 2 <= len(np.unique(own)) <= _MOST_LEVELS:
            continue
        kind = _kinds(own, others[known])
        evaluators.append(column)
        answers.append(own)
        kinds.append(kind + count)
        count += int(kind.max()) + 1
    if not evaluators:
        return None
    lengths = np.array([len(own) for own in answers], dtype=np.intp)
    return _Sequences(np.array(evaluators), lengths, np.concatenate(answers), np.concatenate(kinds))


def _kinds(own: Array, means: Array) -> NDArray[np.intp]:
    """Images (in their order) that the others let expect about alike; those that nobody else rated are one kind."""
    number = len(own) // _LIKE
    rated = ~np.isnan(means)
    kinds = np.full(len(own), number)
    if not rated.any():
        return kinds
    window = np.ones(2 * _NEAR + 1)
    near = np.convolve(np.where(rated, means, 0.0), window, "same") / np.maximum(
        np.convolve(rated.astype(float), window, "same"), 1.0
    )
    features = np.column_stack([np.ones(len(own)), means, near])[rated]
    fitted = features @ np.linalg.lstsq(features, own[rated], rcond=None)[0]
    ranks = pd.Series(np.round(fitted, 9)).rank().to_numpy()
    kinds[rated] = np.minimum((ranks - 0.5) * number // len(ranks), number - 1).astype(int)
    return kinds
