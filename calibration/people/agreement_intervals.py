"""How far the figures of people's agreement would move with other images, and with other people."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from calibration.grades import Array, leave_one_out_scores, sample_scores
from calibration.intervals import Interval, group_codes, item_draws, left_out, percentiles, with_other_people
from calibration.people.agreement import alphas, coincidence_table
from calibration.people.concordance import RankSums
from calibration.people.consistency import Halves, spearman_brown
from calibration.people.kappa import kappas
from calibration.people.kappa_intervals import MOST_PAIRS, AnswerTables
from calibration.people.variance import ComponentSums, many_intraclass_correlations

NAN = float("nan")
_MOST_VALUES = 32
_MOST_SPLITS = 50  # into halves
_BLOCK = 2**18  # draw-items that are in memory at once
_EFFORT = 2**28  # draws x items, at most
_FEWEST = 100
_LEAST = dict.fromkeys(("nominal", "ordinal", "interval", "split_half", "weighted_kappa"), -1.0) | dict.fromkeys(
    ("icc1", "icc2", "icc3", "icc1k", "icc2k", "icc3k", "kendall_w", "correlation_ceiling", "person", "mean_of_others"),
    0.0,
)  # where a figure can lie at the least


def agreement_intervals(
    ratings: Array, clusters: ArrayLike | None = None, draws: int = 1000, seed: int = 0, k: float = 1.0
) -> dict[str, dict[str, Interval]] | None:
    """Intervals of every figure of people's agreement.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Unit scale with at most 32 different ratings, NaN where missing.
    clusters : array_like, shape (items,), optional
        Which images belong together; each by itself unless given.
    draws : int
        How many bootstrap draws; fewer, but at least 100, where there are very many images.
    seed : int
        Of the draws.
    k : float
        The exponent of grades.

    Returns
    -------
    dict or None
        Under ``these`` for other images with these evaluators, under ``people_like_these`` for other images and other
        evaluators (empty for fewer than three): an interval each for ``nominal``, ``ordinal``, ``interval``, ``icc1``
        to ``icc3k``, ``kendall_w``, ``split_half`` (over at most 50 splits), ``spearman_brown``,
        ``correlation_ceiling``, ``person`` and ``mean_of_others`` (grades), and, for up to fifteen evaluators,
        ``weighted_kappa``, the mean of two people's. None without draws, or for fewer than two items or evaluators.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> ratings = np.clip(np.round(2 + rng.normal(size=(200, 1)) + 0.7 * rng.normal(size=(200, 4))), 0, 4) / 4
    >>> low, high = agreement_intervals(ratings, draws=200)["people_like_these"]["ordinal"]
    >>> low < 0.55 < high
    True
    """
    ratings = ratings[:, ~np.isnan(ratings).all(axis=0)]
    values = np.unique(ratings[~np.isnan(ratings)])
    if draws < 2 or len(ratings) < 2 or ratings.shape[1] < 2 or len(values) > _MOST_VALUES:
        return None
    people = ratings.shape[1]

    def study(some: Array) -> _Agreement:
        return _Agreement(some, people, k, seed)

    over_items = _drawn(study(ratings), len(ratings), clusters, draws, seed)
    these = {name: percentiles(drawn) for name, drawn in over_items.items()}
    others: dict[str, Interval] = {}
    if people > 2:
        everyone = np.ones((1, len(ratings)))
        estimate = study(ratings).statistics(everyone)
        without = [study(np.delete(ratings, each, axis=1)).statistics(everyone) for each in left_out(people)]
        for name, drawn in over_items.items():
            values = np.array([float(each[name][0]) for each in without])
            least = _LEAST.get(name, -np.inf)
            others[name] = with_other_people(float(estimate[name][0]), drawn, values, people, least)
    return {"these": these, "people_like_these": others}


def grade_intervals(
    ratings: Array, k: float = 1.0, clusters: ArrayLike | None = None, draws: int = 1000, seed: int = 0
) -> list[Interval]:
    """An interval of each evaluator's grade against the mean of the others, for other images with the same people.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Unit scale, NaN where missing.
    k : float
        The exponent of the distance.
    clusters, draws, seed
        As in `agreement_intervals`.

    Returns
    -------
    list of Interval
        One an evaluator; NaN for one who shares no item with another, or without draws.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> ratings = rng.integers(0, 5, (100, 3)) / 4
    >>> [round(high - low, 1) for low, high in grade_intervals(ratings, draws=200)]
    [0.1, 0.1, 0.1]
    """
    if draws < 2 or not len(ratings):
        return [Interval(np.nan, np.nan)] * ratings.shape[1]
    drawn = _drawn(_Grades(ratings, k), len(ratings), clusters, draws, seed)
    return [percentiles(drawn[str(column)]) for column in range(ratings.shape[1])]


def worth_intervals(
    scores: Array, ratings: Array, clusters: ArrayLike | None = None, draws: int = 1000, seed: int = 0
) -> dict[str, dict[str, Interval]] | None:
    """Intervals of a metric's correlation, of that without people's noise, and of its rater equivalents.

    Parameters
    ----------
    scores : ndarray, shape (items,)
        Finite scores.
    ratings : ndarray, shape (items, evaluators)
        NaN where missing.
    clusters, draws, seed
        As in `agreement_intervals`.

    Returns
    -------
    dict or None
        As `agreement_intervals`, for ``pearson``, ``disattenuated`` and ``rater_equivalents`` (see
        `calibration.people.variance`).

    Notes
    -----
    For people like these the interval is made for the root of the rater equivalents, which is nearly straight in the
    correlation, and squared.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> quality = rng.normal(size=300)
    >>> found = worth_intervals(quality, quality[:, None] + rng.normal(size=(300, 4)), draws=200)
    >>> found["these"]["disattenuated"].low > 0.9
    True
    """
    ratings = ratings[:, ~np.isnan(ratings).all(axis=0)]
    people = ratings.shape[1]
    if draws < 2 or len(ratings) < 3 or people < 2:
        return None
    over_items = _drawn(_Worth(scores, ratings), len(ratings), clusters, draws, seed)
    these = {name: percentiles(drawn) for name, drawn in over_items.items()}
    others: dict[str, Interval] = {}
    if people > 2:
        everyone = np.ones((1, len(ratings)))
        estimate = _Worth(scores, ratings).statistics(everyone)
        without = [_Worth(scores, np.delete(ratings, each, axis=1)).statistics(everyone) for each in left_out(people)]
        values = {name: np.array([float(each[name][0]) for each in without]) for name in over_items}
        name = "rater_equivalents"
        low, high = with_other_people(
            float(np.sqrt(estimate[name][0])), np.sqrt(over_items[name]), np.sqrt(values[name]), people, 0.0, np.inf
        )
        others[name] = Interval(low**2, high**2)
        for name, most in (("pearson", 1.0), ("disattenuated", np.inf)):
            others[name] = with_other_people(
                float(estimate[name][0]), over_items[name], values[name], people, -most, most
            )
    return {"these": these, "people_like_these": others}


def _drawn(study: Any, count: int, clusters: ArrayLike | None, draws: int, seed: int) -> dict[str, Array]:
    """The study's figures in bootstrap draws of its items."""
    groups = group_codes(clusters, count)
    many = int(np.clip(_EFFORT // count, _FEWEST, draws)) if draws > _FEWEST else draws
    rng = np.random.default_rng(seed % 2**63)
    parts = [study.statistics(w) for w in item_draws(groups, many, max(1, _BLOCK // count), rng)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


class _Agreement:
    """Every figure of the agreement of so many people, as estimated from these, of weighted items."""

    def __init__(self, ratings: Array, people: int, k: float = 1.0, seed: int = 0):
        self._values, self._table = coincidence_table(ratings)
        self._sums = ComponentSums(ratings)
        self._ranks, self._halves = RankSums(ratings), Halves(ratings, seed, _MOST_SPLITS)
        self._half, self._people = ratings.shape[1] // 2, people
        self._grades, self._pairs = _Grades(ratings, k), _PairGrades(ratings, k)
        self._tables = AnswerTables.of_pairs(ratings) if people * (people - 1) // 2 <= MOST_PAIRS else None

    def statistics(self, weights: Array) -> dict[str, Array]:
        size = len(self._values)
        tables = (weights @ self._table).reshape(len(weights), size, size)
        found = {
            "nominal": alphas(self._values, tables, "nominal"),
            "ordinal": alphas(self._values, tables, "ordinal"),
            "interval": alphas(self._values, tables, "interval"),
        }
        found |= many_intraclass_correlations(self._sums.components(weights))
        half = self._halves.correlation(weights)
        whole = spearman_brown(half, self._people / max(self._half, 1))
        found |= {
            "kendall_w": self._ranks.concordance(weights),
            "split_half": half,
            "spearman_brown": whole,
            "correlation_ceiling": np.sqrt(np.where(whole > 0, whole, np.nan)),
            "person": self._pairs.mean(weights),
            "mean_of_others": _row_means(np.stack(list(self._grades.statistics(weights).values()), axis=1)),
        }
        if self._tables is not None:
            tables = self._tables.counts(weights)
            of_pairs = [kappas(tables[:, place]) for place in range(tables.shape[1])]
            found["weighted_kappa"] = _row_means(np.stack(of_pairs, axis=1)) if of_pairs else np.full(len(weights), NAN)
        return found


class _Grades:
    """The evaluators' grades of weighted items."""

    def __init__(self, ratings: Array, k: float):
        distance = np.abs(ratings - leave_one_out_scores(ratings)) ** k
        self._known = (~np.isnan(distance)).astype(float)
        self._distance = np.nan_to_num(distance)

    def statistics(self, weights: Array) -> dict[str, Array]:
        total = weights @ self._known
        mean = np.divide(weights @ self._distance, total, out=np.full(total.shape, np.nan), where=total > 0)
        return {str(column): 1.0 - mean[:, column] for column in range(mean.shape[1])}


class _PairGrades:
    """The mean grade of one person against another, of weighted items."""

    def __init__(self, ratings: Array, k: float):
        self._ratings, self._k = ratings, k

    def mean(self, weights: Array) -> Array:
        total, number = np.zeros(len(weights)), np.zeros(len(weights))
        for column in range(1, self._ratings.shape[1]):
            distance = np.abs(self._ratings[:, :column] - self._ratings[:, [column]]) ** self._k
            known = ~np.isnan(distance)
            counts = weights @ known.astype(float)
            shared = counts > 0
            sums = weights @ np.nan_to_num(distance)
            total += np.divide(sums, counts, out=np.zeros_like(sums), where=shared).sum(axis=1)
            number += shared.sum(axis=1)
        return 1.0 - np.divide(total, number, out=np.full(len(total), NAN), where=number > 0)


class _Worth:
    """A metric's rater equivalents and disattenuated correlation of weighted items."""

    def __init__(self, scores: Array, ratings: Array):
        target = sample_scores(ratings)
        self._known = ~np.isnan(target)
        x, y = (np.where(self._known, side - side[self._known].mean(), 0.0) for side in (scores, target))
        self._products = np.column_stack([self._known, x, y, x * x, y * y, x * y])
        self._sums = ComponentSums(ratings)

    def statistics(self, weights: Array) -> dict[str, Array]:
        n, x, y, xx, yy, xy = (weights @ self._products).T
        parts = self._sums.components(weights)
        noise = parts["evaluators"] + parts["residual"]
        with np.errstate(invalid="ignore", divide="ignore"):
            r = (xy - x * y / n) / np.sqrt((xx - x * x / n) * (yy - y * y / n))
            reliability = parts["items"] / (parts["items"] + noise / parts["per_item"])
            latent = r / np.sqrt(reliability)
            squared = latent**2
            worth = np.where(squared < 1, squared * noise / ((1.0 - squared) * parts["items"]), np.inf)
        worth = np.where(np.isfinite(latent), worth, np.nan)
        return {"rater_equivalents": worth, "disattenuated": latent, "pearson": r}


def _row_means(values: Array) -> Array:
    """The mean of what is known of each row; nan where nothing is."""
    known = np.isfinite(values)
    number = known.sum(axis=1)
    return np.divide(np.where(known, values, 0.0).sum(axis=1), number, out=np.full(len(values), NAN), where=number > 0)
