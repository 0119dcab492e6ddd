"""What a later round of rating changes: images asked in several rounds tell how far the rounds differ.

Checkpoints whose images were rated in different rounds differ by what the rounds differ, were they all the same.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration.core.grades import Array
from calibration.core.intervals import UNKNOWN, Interval, percentiles, with_other_people
from calibration.core.resampling import Resampling, group_draws
from calibration.scale import LIKERT, Scale

LEAST_IMAGES = 5
"""Fewer images asked in two rounds tell nothing of the rounds."""

LEAST_PEOPLE = 2
"""Of fewer people's answers it cannot be told what is the round and what is one person."""

NAN = float("nan")
_NONE = Resampling(0)
_CROSSED = 200  # draws of the images in which everybody is left out once


@dataclass(frozen=True)
class Shift:
    """How much higher the answers are (unit scale), and what that rests on.

    Attributes
    ----------
    effect : float
        Above 0 where they are higher; NaN where there is none.
    these : Interval
        For other images, asked of these people.
    people_like_these : Interval
        For other images and other people; NaN for fewer than three.
    n_images, n_answers, n_evaluators : int
        What was asked in the round and before, how many answers in the round that is, and by how many people.
    """

    effect: float
    these: Interval
    people_like_these: Interval
    n_images: int
    n_answers: int
    n_evaluators: int


@dataclass(frozen=True)
class RoundEffect:
    """What a later round changes.

    Attributes
    ----------
    round : int
        Its number.
    shift : Shift
        Against the first round.
    own : Shift
        The part that the same people's answers to the same images show: each against that person's first.
    """

    round: int
    shift: Shift
    own: Shift


def round_effects(ratings: pd.DataFrame, resampling: Resampling = _NONE, scale: Scale = LIKERT) -> list[RoundEffect]:
    """Estimate what each later round changes.

    Parameters
    ----------
    ratings : DataFrame
        item, evaluator, rating (in the scale's numbers), round and, optionally, repeat of one task, with what was
        asked again.
    resampling : Resampling
        Of the bootstrap; 0 draws, as it is unless given, for no intervals.
    scale : Scale
        Whose levels the ratings are.

    Returns
    -------
    list of RoundEffect
        One for each round but the first, in order.

    Notes
    -----
    Of every image asked in two rounds, the mean of the later round's answers less the mean of the earlier one's; over
    images the mean, weighted by the later round's answers. Where the same people rated in both, that is the mean of
    their own differences, and their strictness falls out of it. Where others rate in the later round, their strictness
    is part of what the round changes, as it is of the images that only they rated. With more than two rounds the
    effects are fitted to all these differences together by least squares, the first round's being 0.

    Intervals: images are drawn, widened by the root of n / (n - 1) for n images, and people left out one by one, from
    both rounds at once; see `calibration.core.intervals.with_other_people`, for drawing three people with replacement
    would give intervals that are too narrow. tests/benchmarks/bench_rounds.py measures what comes of it.

    Examples
    --------
    >>> table = pd.DataFrame({"item": list("abab"), "evaluator": "ann", "rating": [3, 5, 2, 4], "round": [1, 1, 2, 2]})
    >>> [(one.round, one.shift.effect, one.own.effect, one.shift.n_images) for one in round_effects(table)]
    [(2, -0.25, -0.25, 2)]
    """
    order = [name for name in ("round", "repeat") if name in ratings.columns]
    numbers = {
        name: pd.to_numeric(ratings[name], errors="coerce").fillna(1 if name == "round" else 0) for name in order
    }
    table = ratings.assign(**numbers).sort_values(order, kind="stable")
    table = table.drop_duplicates(["item", "evaluator", "round"])  # a repeat within a round is no change of rounds
    rounds = sorted(int(number) for number in table["round"].unique())
    if len(rounds) < 2:
        return []
    asked = table.groupby("item")["round"].nunique()
    anchors = table[table["item"].isin(asked.index[asked > 1])]
    answers = _cube(anchors, rounds, scale)
    return [
        RoundEffect(number, _shift(answers, place, resampling), _own_shift(answers[:place], answers[place], resampling))
        for place, number in enumerate(rounds)
        if place
    ]


def _cube(rows: pd.DataFrame, rounds: list[int], scale: Scale) -> Array:
    """Answers on the unit scale, shape (rounds, items, evaluators), NaN where there is none."""
    item, items = pd.factorize(rows["item"], sort=True)
    person, people = pd.factorize(rows["evaluator"], sort=True)
    cube = np.full((len(rounds), len(items), len(people)), np.nan)
    cube[np.searchsorted(rounds, rows["round"]), item, person] = scale.to_unit(rows["rating"])
    return cube


def _shift(answers: Array, place: int, resampling: Resampling) -> Shift:
    """A round's effect against the first."""
    there = ~np.isnan(answers)
    linked = there[place].any(axis=1) & there[:place].any(axis=(0, 2))
    told = there[place] & linked[:, None]
    people = np.asarray(there[:, linked].any(axis=(0, 1)), dtype=bool)
    return _with_intervals(lambda weights, of: _fitted(answers[:, :, of], weights)[:, place], people, told, resampling)


def _own_shift(before: Array, now: Array, resampling: Resampling) -> Shift:
    """How far the same people's answers in a round are from their first to the same images."""
    first = np.full(now.shape, np.nan)
    for earlier in before[::-1]:
        first = np.where(np.isnan(earlier), first, earlier)
    apart = now - first
    known = ~np.isnan(apart)

    def mean(weights: Array, of: NDArray[np.bool_]) -> Array:
        number = weights @ known[:, of].sum(axis=1).astype(float)
        total = weights @ np.nan_to_num(apart[:, of]).sum(axis=1)
        return np.divide(total, number, out=np.full(len(weights), NAN), where=number > 0)

    return _with_intervals(mean, np.asarray(known.any(axis=0)), known, resampling)


def _with_intervals(
    figure: Callable[[Array, NDArray[np.bool_]], Array],
    people: NDArray[np.bool_],
    told: NDArray[np.bool_],
    resampling: Resampling,
) -> Shift:
    """A figure for weightings of the images, and some of the people, with its intervals.

    `people` (true or false) are those whose answers it compares, `told` (items, evaluators) the later round's answers.
    """
    everybody, all_images = np.ones(len(people), dtype=bool), np.ones((1, len(told)))
    images = int(told.any(axis=1).sum())
    estimate = float(figure(all_images, everybody)[0])
    these = like_these = UNKNOWN
    if resampling.draws and images > 1 and np.isfinite(estimate):
        draws = group_draws(np.arange(len(told)), resampling)
        drawn = draws.figures(lambda weights: figure(weights, everybody))
        drawn = estimate + (drawn - estimate) * np.sqrt(images / (images - 1))
        these = percentiles(drawn)
        but_one = [everybody & (np.arange(len(people)) != one) for one in np.flatnonzero(people)]
        without = np.array([figure(all_images, others)[0] for others in but_one])
        some = draws.first(_CROSSED)
        crossed = some.figures(lambda weights: np.column_stack([figure(weights, others) for others in but_one]))
        like_these = with_other_people(estimate, drawn, without, len(but_one), -1.0, 1.0, crossed)
    return Shift(estimate, these, like_these, images, int(told.sum()), int(told.any(axis=0).sum()))


def _fitted(answers: Array, weights: Array) -> Array:
    """The rounds' effects for each weighting of the images, shape (weightings, rounds); the first is 0."""
    there = ~np.isnan(answers)
    number = there.sum(axis=2).astype(float)
    means = np.divide(np.nan_to_num(answers).sum(axis=2), number, out=np.zeros(number.shape), where=number > 0)
    rounds = len(answers)
    normal, right = np.zeros((len(weights), rounds, rounds)), np.zeros((len(weights), rounds))
    for early, late in combinations(range(rounds), 2):
        own = np.where(number[early] > 0, number[late], 0.0)
        weight, apart = weights @ own, weights @ (own * (means[late] - means[early]))
        normal[:, early, early] += weight
        normal[:, late, late] += weight
        normal[:, early, late] -= weight
        normal[:, late, early] -= weight
        right[:, late] += apart
        right[:, early] -= apart
    return _solved(normal, right)


def _solved(normal: Array, right: Array) -> Array:
    """The normal equations' solutions with the first round's effect 0; NaN for rounds that nothing links to it."""
    from scipy.sparse.csgraph import connected_components

    found = np.full(right.shape, NAN)
    found[:, 0] = 0.0
    parts = connected_components((normal != 0).any(axis=0), directed=False)[1]
    linked = np.flatnonzero((parts == parts[0]) & (np.arange(len(parts)) > 0))
    matrices = normal[:, linked[:, None], linked]
    if len(linked):
        full = np.flatnonzero(np.linalg.matrix_rank(matrices, hermitian=True) == len(linked))
        values = np.linalg.solve(matrices[full], right[full][:, linked, None])[..., 0]
        found[np.ix_(full, linked)] = values
    return found
