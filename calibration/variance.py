"""Where the variance of ratings comes from: images, evaluators, and all else; what follows for agreement.

A rating is taken as y = mean + a(item) + b(evaluator) + e. The three variances are estimated from any pattern of
missing ratings by equating four sums of squares with their expectations (Henderson's first method, Biometrics 1953),
which on complete data is the usual analysis of variance.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from calibration.grades import Array, sample_scores

NAN = float("nan")


@dataclass(frozen=True)
class Components:
    """Variances of ratings, in squared units of the ratings.

    Attributes
    ----------
    items, evaluators, residual : float
        At least 0; what came out below is set to 0.
    per_item : float
        How many ratings an item has: the harmonic mean.
    within : float
        The pooled variance of an item's ratings, whoever gave them.
    between : float
        The variance of items where it is not asked who rated (one-way).
    """

    items: float
    evaluators: float
    residual: float
    per_item: float
    within: float
    between: float


def variance_components(ratings: Array) -> Components | None:
    """The variances of ratings.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Any scale, NaN where missing; items with one rating count as well.

    Returns
    -------
    Components or None
        None where they cannot be told apart: fewer than two items, or no item with two ratings.

    Notes
    -----
    With N ratings, n_i of item i and m_j by evaluator j, and N mu^2 as a fourth unknown:
    sum y^2, sum n_i mean_i^2, sum m_j mean_j^2 and N mean^2 have the expectations
    N mu^2 + N a + N b + N e, N mu^2 + N a + I b + I e, N mu^2 + J a + N b + J e and
    N mu^2 + (sum n_i^2 / N) a + (sum m_j^2 / N) b + e.

    Examples
    --------
    >>> found = variance_components(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    >>> round(found.items, 9), round(found.evaluators, 9), round(found.residual, 9)
    (4.0, 0.5, 0.0)
    """
    known = ~np.isnan(ratings)
    ratings, known = ratings[known.any(axis=1)], known[known.any(axis=1)]
    ratings, known = ratings[:, known.any(axis=0)], known[:, known.any(axis=0)]
    per_item, per_evaluator = known.sum(axis=1), known.sum(axis=0)
    if len(ratings) < 2 or per_item.max(initial=0) < 2:
        return None
    y = np.where(known, ratings - np.nanmean(ratings), 0.0)
    total = int(known.sum())
    items, evaluators = known.shape
    squares = np.array(
        [
            np.sum(y**2),
            np.sum(y.sum(axis=1) ** 2 / per_item),
            np.sum(y.sum(axis=0) ** 2 / per_evaluator),
            np.sum(y) ** 2 / total,
        ]
    )
    expected = np.array(
        [
            [1, total, total, total],
            [1, total, items, items],
            [1, evaluators, total, evaluators],
            [1, np.sum(per_item**2) / total, np.sum(per_evaluator**2) / total, 1],
        ],
        dtype=float,
    )
    try:
        _, a, b, e = np.linalg.solve(expected, squares)
    except np.linalg.LinAlgError:
        return None
    within = (squares[0] - squares[1]) / (total - items)
    typical = (total - np.sum(per_item**2) / total) / (items - 1)
    between = ((squares[1] - squares[3]) / (items - 1) - within) / typical
    harmonic = len(per_item) / np.sum(1.0 / per_item)
    return Components(*(float(max(value, 0.0)) for value in (a, b, e, harmonic, within, between)))


def intraclass_correlations(components: Components) -> dict[str, float]:
    """Shrout and Fleiss' six intraclass correlations.

    Parameters
    ----------
    components : Components
        From `variance_components`.

    Returns
    -------
    dict
        ``icc1``, ``icc2``, ``icc3``: of one rating, where every item has raters of its own, where evaluators are a
        sample of all, and where they are all that count; ``icc1k`` to ``icc3k``: of the mean of an item's ratings. In
        [0, 1]; NaN where no rating differs.

    References
    ----------
    Shrout, P. E. and Fleiss, J. L. (1979). Intraclass correlations: uses in assessing rater reliability.

    Examples
    --------
    >>> round(intraclass_correlations(Components(3.0, 1.0, 2.0, 4.0, 3.0, 3.0))["icc2"], 3)
    0.5
    """
    c, k = components, components.per_item

    def share(signal: float, noise: float) -> float:
        return signal / (signal + noise) if signal + noise > 0 else NAN

    return {
        "icc1": share(c.between, c.within),
        "icc2": share(c.items, c.evaluators + c.residual),
        "icc3": share(c.items, c.residual),
        "icc1k": share(c.between, c.within / k),
        "icc2k": share(c.items, (c.evaluators + c.residual) / k),
        "icc3k": share(c.items, c.residual / k),
    }


def kendalls_w(ratings: Array) -> float:
    """Kendall's coefficient of concordance with the correction for ties, over the items that everybody rated.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Any scale, NaN where missing.

    Returns
    -------
    float
        In [0, 1]; NaN for fewer than two complete items or evaluators, or where nobody tells items apart.

    Notes
    -----
    W = 12 S / (m^2 (n^3 - n) - m T), S the squared deviations of the items' rank sums, T the sum of t^3 - t over all
    groups of t equal ratings of one evaluator.

    Examples
    --------
    >>> kendalls_w(np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]))
    1.0
    """
    complete = ratings[~np.isnan(ratings).any(axis=1)]
    n, m = complete.shape
    if n < 2 or m < 2:
        return NAN
    ranks = stats.rankdata(complete, axis=0)
    sums = ranks.sum(axis=1)
    ties = sum(
        float(np.sum(counts**3 - counts)) for counts in (np.unique(column, return_counts=True)[1] for column in ranks.T)
    )
    largest = m**2 * (n**3 - n) - m * ties
    return float(12 * np.sum((sums - sums.mean()) ** 2) / largest) if largest > 0 else NAN


def rater_equivalents(scores: Array, ratings: Array, components: Components | None) -> float:
    """How many evaluators' mean a metric is worth as a view of an item's true score.

    Parameters
    ----------
    scores : ndarray, shape (items,)
        Of a metric, in its good direction or not: only the correlation's square counts.
    ratings : ndarray, shape (items, evaluators)
        NaN where missing.
    components : Components or None
        Of the same ratings.

    Returns
    -------
    float
        At least 0, without an upper end; NaN where it is not defined.

    Notes
    -----
    The mean of N ratings correlates with the true score by the root of V / (V + s^2 / N); solved for N,
    N = rho^2 s^2 / ((1 - rho^2) V). V is the variance of items, s^2 that of single ratings about an item's true score
    (evaluators' and residual), rho the metric's Pearson correlation with the mean rating divided by the root of the
    mean rating's reliability, V / (V + s^2 / n).

    Examples
    --------
    >>> ratings = np.array([[1.0, 2.0], [3.0, 3.0], [5.0, 4.0], [2.0, 2.0]])
    >>> round(rater_equivalents(np.array([2.0, 1.0, 4.0, 3.0]), ratings, variance_components(ratings)), 2)
    0.08
    """
    if components is None or components.items <= 0:
        return NAN
    target = sample_scores(ratings)
    known = ~np.isnan(target)
    if known.sum() < 3 or np.ptp(scores[known]) == 0 or np.ptp(target[known]) == 0:
        return NAN
    noise = components.evaluators + components.residual
    reliability = components.items / (components.items + noise / components.per_item)
    squared = float(np.corrcoef(scores[known], target[known])[0, 1]) ** 2 / reliability
    return squared * noise / ((1.0 - squared) * components.items) if squared < 1 else float("inf")
