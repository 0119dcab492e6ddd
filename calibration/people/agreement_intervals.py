"""How far the figures of people's agreement would move with other images, and with other people."""

import numpy as np

from calibration.core.evaluator_weights import evaluator_shares, pair_weights, rated_both
from calibration.core.grades import Array
from calibration.core.intervals import UNKNOWN, Interval, left_out, percentiles, with_other_people
from calibration.core.ratings import Ratings
from calibration.core.resampling import Drawn
from calibration.people.agreement import alphas, coincidence_table
from calibration.people.concordance import RankSums
from calibration.people.consistency import Halves, spearman_brown
from calibration.people.kappa import kappas
from calibration.people.kappa_intervals import MOST_PAIRS, AnswerTables
from calibration.people.pair_grades import PairGrades
from calibration.people.variance import ComponentSums, many_intraclass_correlations
from calibration.scale import LIKERT, Scale

NAN = float("nan")
_MOST_VALUES = 32
_MOST_SPLITS = 50  # into halves
_AVERAGES = ("person", "mean_of_others", "weighted_kappa")  # over evaluators, by their weights
_LEAST = dict.fromkeys(("nominal", "ordinal", "interval", "split_half", "weighted_kappa"), -1.0) | dict.fromkeys(
    ("icc1", "icc2", "icc3", "icc1k", "icc2k", "icc3k", "kendall_w", "correlation_ceiling", "person", "mean_of_others"),
    0.0,
)  # where a figure can lie at the least


def agreement_intervals(of: Ratings) -> dict[str, dict[str, Interval]] | None:
    """Intervals of every figure of people's agreement.

    Parameters
    ----------
    of : Ratings
        With at most 32 different ratings; fewer draws than asked for, but at least 100, where there are very many
        images.

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
    >>> low, high = agreement_intervals(Ratings(ratings))["people_like_these"]["ordinal"]
    >>> low < 0.55 < high
    True
    """
    k, seed, scale = of.k, of.resampling.seed, of.scale
    ratings = of.values[:, ~np.isnan(of.values).all(axis=0)]
    values = np.unique(ratings[~np.isnan(ratings)])
    if of.resampling.draws < 2 or len(ratings) < 2 or ratings.shape[1] < 2 or len(values) > _MOST_VALUES:
        return None
    people = ratings.shape[1]
    items = Drawn(ratings, of.clusters)
    ratings, everyone = items.ratings, items.counts[None, :]
    pairs = PairGrades(ratings, k, items.counts)
    shares = evaluator_shares(ratings, items.counts)
    whole = _Agreement(ratings, people, k, seed, pairs, items.counts, scale=scale)
    over_items = items.draws(of.resampling.of_items(len(ratings))).figures(whole.statistics)
    these = {name: percentiles(drawn) for name, drawn in over_items.items()}
    others: dict[str, Interval] = {}
    if people > 2:
        estimate = whole.statistics(everyone)
        both = rated_both(ratings, items.counts)
        without = [
            _Agreement(
                np.delete(ratings, each, axis=1),
                people,
                k,
                seed,
                None,
                items.counts,
                np.delete(np.delete(both, each, axis=0), each, axis=1),
                scale,
            ).statistics(everyone)
            | {"person": person}
            for each, person in zip(
                left_out(people), pairs.without(everyone[0], left_out(people))[:, None], strict=True
            )
        ]
        for name, drawn in over_items.items():
            values = np.array([float(each[name][0]) for each in without])
            least = _LEAST.get(name, -np.inf)
            weights = shares if name in _AVERAGES and shares.any() else None
            others[name] = with_other_people(float(estimate[name][0]), drawn, values, people, least, shares=weights)
    return {"these": these, "people_like_these": others}


def grade_intervals(ratings: Ratings) -> list[Interval]:
    """An interval of each evaluator's grade against the mean of the others, for other images with the same people.

    Parameters
    ----------
    ratings : Ratings

    Returns
    -------
    list of Interval
        One an evaluator; NaN for one who shares no item with another, or without draws.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> ratings = Ratings(rng.integers(0, 5, (100, 3)) / 4)
    >>> [round(high - low, 1) for low, high in grade_intervals(ratings)]
    [0.1, 0.1, 0.1]
    """
    if ratings.resampling.draws < 2 or not len(ratings.values):
        return [UNKNOWN] * ratings.values.shape[1]
    items = Drawn(ratings.values, ratings.clusters)
    grades = _Grades(items.ratings, ratings.k)
    drawn = items.draws(ratings.resampling.of_items(len(items.ratings))).figures(grades.statistics)
    return [percentiles(each) for each in drawn.values()]


class _Agreement:
    """Every figure of the agreement of so many people, as estimated from these, of weighted items."""

    def __init__(
        self,
        ratings: Array,
        people: int,
        k: float,
        seed: int,
        pairs: PairGrades | None,
        counts: Array | None = None,
        both: Array | None = None,
        scale: Scale = LIKERT,
    ):
        self._pairs = pairs
        weights = pair_weights(ratings, counts, both)
        self._shares, self._pair_weights = weights.sum(axis=1), weights[np.tril_indices(ratings.shape[1], -1)]
        self._values, self._table = coincidence_table(ratings)
        self._sums = ComponentSums(ratings)
        self._ranks, self._halves = RankSums(ratings), Halves(ratings, seed, _MOST_SPLITS)
        self._half, self._people = ratings.shape[1] // 2, people
        self._grades = _Grades(ratings, k)
        self._tables = AnswerTables.of_pairs(ratings, scale) if people * (people - 1) // 2 <= MOST_PAIRS else None

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
            "mean_of_others": _row_means(
                np.stack(list(self._grades.statistics(weights).values()), axis=1), self._shares
            ),
        }
        if self._pairs is not None:
            found["person"] = self._pairs.mean(weights)
        if self._tables is not None:
            tables = self._tables.counts(weights)
            of_pairs = [kappas(tables[:, place]) for place in range(tables.shape[1])]
            found["weighted_kappa"] = (
                _row_means(np.stack(of_pairs, axis=1), self._pair_weights) if of_pairs else np.full(len(weights), NAN)
            )
        return found


class _Grades:
    """The evaluators' grades of weighted items."""

    def __init__(self, ratings: Array, k: float):
        rated = ~np.isnan(ratings)
        number, sums = rated.sum(axis=1), np.where(rated, ratings, 0.0).sum(axis=1)
        items, people = np.nonzero(rated & (number > 1)[:, None])
        own = ratings[items, people]
        self._known, self._distance = np.zeros((2, *ratings.shape))
        self._known[items, people] = 1.0
        self._distance[items, people] = np.abs(own - (sums[items] - own) / (number[items] - 1)) ** k

    def statistics(self, weights: Array) -> dict[str, Array]:
        total = weights @ self._known
        mean = np.divide(weights @ self._distance, total, out=np.full(total.shape, np.nan), where=total > 0)
        return {str(column): 1.0 - mean[:, column] for column in range(mean.shape[1])}


def _row_means(values: Array, weights: Array) -> Array:
    """The weighted mean of what is known of each row; nan where nothing is."""
    known = np.isfinite(values) * weights
    total = known.sum(axis=1)
    return np.divide((np.nan_to_num(values) * known).sum(axis=1), total, out=np.full(len(values), NAN), where=total > 0)
