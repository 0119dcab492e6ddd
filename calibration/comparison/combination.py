"""Several metrics together: what their best mixture reaches on unseen people and images, against the best one alone."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from calibration.core.buckets import BucketFitter
from calibration.core.crossed_folds import FOLDS, HeldOut, crossed_folds
from calibration.core.crossvalidation import skill
from calibration.core.evaluator_weights import evaluator_shares, is_known, weighted_mean
from calibration.core.grades import Array, sample_scores
from calibration.core.intervals import (
    UNKNOWN,
    Interval,
    group_codes,
    left_out,
    percentiles,
    with_other_people,
)
from calibration.core.ratings import Ratings, ScoredTask
from calibration.core.resampling import Resampling, group_draws, sampled
from calibration.core.weighted import Order, correlation
from calibration.prediction.ordinal import fit_ordinal, level_counts
from calibration.scale import Scale

PENALTIES = (1.0, 10.0, 100.0, 1000.0)
MOST_ITEMS = 20_000
MOST_METRICS = 20
"""Of more, those whose rank correlations are farthest from 0 in training are combined."""
_INNER = 3


@dataclass(frozen=True)
class Combination:
    """What several metrics reach together.

    Attributes
    ----------
    metrics : tuple of str
        Those that went in; of more than 20, those that the fit on everything takes.
    weights : dict of str to float
        Of the standardised scores, the better end up, fitted on everything: log odds of a higher rating for one
        standard deviation. Metrics that say the same share a weight between them, or take opposite ones.
    chosen : dict of str to int
        How often each metric was the best single one in training, over the folds.
    grade, best_grade, constant : float
        Against one unseen person on unseen images, weighted mean over people: of the combination, of the metric that
        was best in training, and of the task's best constant.
    skill, best_skill : float
        (grade - constant) / (1 - constant).
    gain : float
        `grade` less `best_grade`.
    these, people_like_these : Interval
        Of the gain: for other images, and for other images and people (NaN with fewer than three evaluators).
    p : float
        Two-sided, for no gain on other images.
    spearman : float
        Of the combined score, out of fold, with the mean rating.
    scores : ndarray, shape (items,)
        The combined score out of fold: the predicted mean rating, in the scale's numbers; NaN for items not used.
    n_items, n_clusters : int
        What was used: items that were rated and have a score of every metric.
    """

    metrics: tuple[str, ...]
    weights: dict[str, float]
    chosen: dict[str, int]
    grade: float
    best_grade: float
    constant: float
    skill: float
    best_skill: float
    gain: float
    these: Interval
    people_like_these: Interval
    p: float
    spearman: float
    scores: Array = field(repr=False)
    n_items: int
    n_clusters: int


def combine_metrics(metrics: Mapping[str, ScoredTask], ratings: Ratings, folds: int = FOLDS) -> Combination | None:
    """Combine metrics by ordinal regression, and test the gain over the best single one.

    Parameters
    ----------
    metrics : mapping of str to ScoredTask
        Each metric's scores.
    ratings : Ratings
        Of all items of the task; without draws intervals and p stay unknown.
    folds : int
        Of items and of evaluators; see `calibration.core.crossed_folds.crossed_folds`.

    Returns
    -------
    Combination or None
        None with fewer than two metrics or evaluators, or fewer than ten items (two clusters of them) with everything.

    Notes
    -----
    For each cell of people and images that is held out, everything is decided on the ratings that other people gave to
    other images: of more than 20 metrics, which 20 to combine (chosen on all images, 300 metrics of noise reached a
    Spearman of .50 on those held out); the means and standard deviations of the scores; the ridge penalty of a
    proportional-odds regression (1, 10, 100 or 1,000, by log loss in three inner folds of the images); its weights; the
    four thresholds of the combined score; and, for the rival, which metric has the least training loss, with its
    thresholds. So neither is flattered by having been chosen. The penalty is needed where metrics are many and alike,
    and images few; `calibration.prediction.ordinal.fit_ordinal` says why statsmodels' OrderedModel is not used. An
    image counts against a person where that person and another rated it, as in `calibration.core.crossvalidation`; with
    nothing missing the grades are those of `cross_validate_on_new_items`.

    The bootstrap draws clusters of images and keeps the fitted folds; p is the share of draws whose gain lies as far
    from the gain as that lies from 0. For other people see `calibration.core.intervals.with_other_people`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> parts = rng.normal(size=(300, 2))
    >>> answers = 2 + parts.sum(axis=1)[:, None] + rng.normal(size=(300, 4)) * 0.5
    >>> ratings = np.clip(np.rint(answers), 0, 4) / 4
    >>> people = Ratings(ratings, resampling=Resampling(200))
    >>> light, shade = ScoredTask.of(parts[:, 0], people), ScoredTask.of(-parts[:, 1], people, "lower")
    >>> found = combine_metrics({"light": light, "shade": shade}, people)
    >>> found.skill > found.best_skill + 0.2, found.p < 0.01
    (True, True)
    """
    names, k, seed, scale = tuple(metrics), ratings.k, ratings.resampling.seed, ratings.scale
    if len(names) < 2:
        return None
    signs = np.array([1.0 if metrics[name].direction == "higher" else -1.0 for name in names])
    given = np.stack([metrics[name].aligned for name in names], axis=1) * signs
    used = np.flatnonzero(np.isfinite(given).all(axis=1) & ~np.isnan(ratings.values).all(axis=1))
    used = sampled(used, MOST_ITEMS, seed)
    values, rated, clusters = given[used], ratings.values[used], ratings.clusters
    groups = group_codes(None if clusters is None else clusters[used], len(used))
    if len(used) < 2 * FOLDS or (~np.isnan(rated)).any(axis=0).sum() < 2:
        return None
    cells = crossed_folds(rated, groups, folds, seed)
    if not cells:
        return None
    level = ratings.constant()
    if level is None:
        return None
    losses, predicted, chosen, penalties = _held_out(values, rated, groups, cells, k, seed, level, scale)
    shared = ~np.isnan(rated) & ((~np.isnan(rated)).sum(axis=1, keepdims=True) >= 2) & ~np.isnan(losses).any(axis=0)
    losses = np.where(shared, losses, np.nan)
    shares = evaluator_shares(rated)
    grade, best, base = (1 - weighted_mean(_by_person(each), shares) for each in losses)
    these, people_like_these, p = _test(losses[1] - losses[0], shares, groups, ratings.resampling)
    combined = np.full(len(given), np.nan)
    combined[used] = predicted
    kept = _strongest(values, sample_scores(rated))
    standard, _ = _standardised(values[:, kept], values[:, kept])
    whole = fit_ordinal(standard, level_counts(rated, scale), float(np.median(penalties)))
    counts = np.bincount(chosen, minlength=len(names))
    return Combination(
        metrics=tuple(names[at] for at in kept),
        weights=dict(zip((names[at] for at in kept), whole.coefficients.tolist(), strict=True)),
        chosen={name: int(count) for name, count in zip(names, counts, strict=True) if count},
        grade=grade,
        best_grade=best,
        constant=base,
        skill=skill(grade, base),
        best_skill=skill(best, base),
        gain=grade - best,
        these=these,
        people_like_these=people_like_these,
        p=p,
        spearman=_spearman(predicted, sample_scores(rated)),
        scores=combined,
        n_items=len(used),
        n_clusters=int(groups.max()) + 1,
    )


def combination_entry(found: Combination | None) -> dict[str, Any] | None:
    """`Combination` for the report, without its scores; None for None."""
    if found is None:
        return None
    entry = asdict(found)
    del entry["scores"]
    return entry | {
        "metrics": list(found.metrics),
        "these": list(found.these),
        "people_like_these": list(found.people_like_these),
    }


def _held_out(
    values: Array,
    ratings: Array,
    groups: np.ndarray,
    cells: Sequence[HeldOut],
    k: float,
    seed: int,
    constant: int,
    scale: Scale,
) -> tuple[Array, Array, list[int], list[float]]:
    """Losses of combination, best metric and constant, (3, items, evaluators); mean prediction; choices made."""
    losses = np.full((3, *ratings.shape), np.nan)
    sums, times = np.zeros(len(values)), np.zeros(len(values))
    chosen, penalties = [], []
    for cell in cells:
        training = ratings[np.ix_(~cell.items, cell.others)]
        counts = level_counts(training, scale)
        seen = counts.sum(axis=1) > 0
        if not seen.any():
            continue
        training, counts, rows = training[seen], counts[seen], np.flatnonzero(~cell.items)[seen]
        kept = _strongest(values[rows], sample_scores(training))
        old, new = _standardised(values[np.ix_(rows, kept)], values[np.ix_(cell.items, kept)])
        penalty = _penalty(old, counts, groups[rows], seed)
        fit = fit_ordinal(old, counts, penalty)
        fitter = BucketFitter(old @ fit.coefficients, training, k, scale=scale)
        single = [BucketFitter(column, training, k, scale=scale) for column in old.T]
        mappings = [each.fit() for each in single]
        best = int(np.argmin([np.inf if mapping is None else mapping.loss for mapping in mappings]))
        mapping, rival = fitter.fit(), mappings[best]
        if mapping is None or rival is None:
            continue
        answers = (mapping.levels(new @ fit.coefficients), rival.levels(new[:, best]), np.full(len(new), constant))
        where = np.ix_(cell.items, cell.people)
        own = ratings[where]
        for kind, levels in enumerate(answers):
            losses[kind][where] = np.abs(scale.of_levels(levels)[:, None] - own) ** k
        sums[cell.items] += scale.from_unit(fit.probabilities(new) @ scale.unit)
        times[cell.items] += 1
        chosen.append(int(kept[best]))
        penalties.append(penalty)
    predicted = np.divide(sums, times, out=np.full(len(sums), np.nan), where=times > 0)
    return losses, predicted, chosen, penalties


def _strongest(values: Array, target: Array) -> NDArray[np.intp]:
    """The columns to combine, in their order: all, or of many those that follow or oppose the target most closely."""
    columns = values.shape[1]
    if columns <= MOST_METRICS:
        return np.arange(columns)
    ranks = rankdata(np.column_stack([values, target]), axis=0)
    ranks -= ranks.mean(axis=0)
    sizes = np.sqrt((ranks**2).sum(axis=0))
    strength = np.abs(ranks[:, -1] @ ranks[:, :-1]) / np.maximum(sizes[:-1] * sizes[-1], 1e-300)
    return np.sort(np.argsort(-np.round(strength, 12), kind="stable")[:MOST_METRICS])


def _standardised(training: Array, new: Array) -> tuple[Array, Array]:
    """Both by the means and standard deviations of the first; a constant score becomes 0."""
    size = np.maximum(np.abs(training).max(axis=0), 1e-300)
    middle, spread = (training / size).mean(axis=0), (training / size).std(axis=0)
    scale = np.where(spread > 1e-12, spread, np.inf)
    return (training / size - middle) / scale, (new / size - middle) / scale


def _penalty(features: Array, counts: Array, groups: np.ndarray, seed: int) -> float:
    """The penalty with the least log loss on images that were not fitted on."""
    total = counts.sum(axis=1).astype(int)
    inner = crossed_folds(np.zeros((len(total), 1)), groups, _INNER, seed)
    losses = np.zeros(len(PENALTIES))
    for place, penalty in enumerate(PENALTIES):
        for cell in inner:
            fit = fit_ordinal(features[~cell.items], counts[~cell.items], penalty)
            shares = np.maximum(fit.probabilities(features[cell.items]), 1e-12)
            losses[place] -= float(np.sum(counts[cell.items] * np.log(shares)))
    return PENALTIES[int(np.argmin(losses))]


def _by_person(losses: Array) -> Array:
    """Each evaluator's mean loss over the items that count; NaN where none does."""
    known = ~np.isnan(losses)
    n = known.sum(axis=0)
    sums = np.where(known, losses, 0.0).sum(axis=0)
    return np.divide(sums, n, out=np.full(len(n), np.nan), where=n > 0)


def _test(gains: Array, shares: Array, groups: np.ndarray, resampling: Resampling) -> tuple[Interval, Interval, float]:
    """The intervals of the mean gain over people, and the p of none; `gains` is (items, evaluators)."""
    known = ~np.isnan(gains)
    by_person, shares = _by_person(gains), np.where(known.any(axis=0), shares, 0.0)
    if not resampling.draws or not shares.any() or groups.max() == 0:
        return UNKNOWN, UNKNOWN, float("nan")
    filled = np.where(known, gains, 0.0)

    def mean_gains(weights: Array) -> Array:
        n = weights @ known
        each = np.divide(weights @ filled, n, out=np.zeros(n.shape), where=n > 0)
        return np.asarray(each @ shares / np.maximum((n > 0) @ shares, 1e-300))

    drawn = group_draws(groups, resampling).figures(mean_gains, numbers=1)
    estimate = weighted_mean(by_person, shares)
    p = float((1 + np.sum(np.abs(drawn - estimate) >= abs(estimate) - 1e-12)) / (1 + len(drawn)))
    of, shares = by_person[shares > 0], shares[shares > 0] / shares.sum()
    if is_known(shares).sum() < 3:
        return percentiles(drawn), UNKNOWN, p
    without = np.array([np.average(np.delete(of, out), weights=np.delete(shares, out)) for out in left_out(len(of))])
    return percentiles(drawn), with_other_people(estimate, drawn, without, len(of), shares=shares), p


def _spearman(x: Array, y: Array) -> float:
    known = ~np.isnan(x) & ~np.isnan(y)
    if known.sum() < 2:
        return float("nan")
    ones = np.ones(int(known.sum()))
    ranks_x, ranks_y = (Order(np.round(each[known], 12)).ranks(ones) for each in (x, y))
    return correlation(ranks_x, ranks_y, ones)
