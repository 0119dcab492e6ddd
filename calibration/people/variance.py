"""Where the variance of ratings comes from: images, evaluators, and all else; what follows for agreement.

A rating is taken as y = mean + a(item) + b(evaluator) + e. The three variances are estimated from any pattern of
missing ratings by equating four sums of squares with their expectations (Henderson's first method, Biometrics 1953),
which on complete data is the usual analysis of variance.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from calibration.core.grades import Array, sample_scores

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
    if len(ratings) < 2:
        return None
    found = {
        name: float(value[0]) for name, value in ComponentSums(ratings).components(np.ones((1, len(ratings)))).items()
    }
    return None if np.isnan(found["items"]) else Components(**found)


class ComponentSums:
    """The sums behind `variance_components`, for many weightings of the items.

    Parameters
    ----------
    ratings : ndarray, shape (items, evaluators)
        Any scale, NaN where missing.
    """

    def __init__(self, ratings: Array):
        known = ~np.isnan(ratings)
        n = known.sum(axis=1)
        middle = ratings[known].mean() if known.any() else 0.0
        y = np.where(known, ratings - middle, 0.0)
        share = np.divide(1.0, n, out=np.zeros(len(n)), where=n > 0)
        row = y.sum(axis=1)
        self._of_items = np.column_stack([n > 0, n, n**2.0, share, (y**2).sum(axis=1), row**2 * share])
        self._y, self._known = y, known.astype(float)
        self._most = n.max(initial=0)

    def components(self, weights: Array) -> dict[str, Array]:
        """The fields of `Components`, each of shape (weightings,), nan where they cannot be told apart.

        Parameters
        ----------
        weights : ndarray, shape (weightings, items)
            How often each item counts.

        Examples
        --------
        >>> sums = ComponentSums(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
        >>> sums.components(np.ones((1, 3)))["items"].round(9).tolist()
        [4.0]
        """
        items, total, squared, shares, squares, rows = (weights @ self._of_items).T
        by_evaluator, columns = weights @ self._known, weights @ self._y
        seen = by_evaluator > 0
        people = seen.sum(axis=1).astype(float)
        column_squares = np.divide(columns**2, by_evaluator, out=np.zeros_like(columns), where=seen).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            per_item, per_evaluator = squared / total, (by_evaluator**2).sum(axis=1) / total
            sums = np.stack([squares, rows, column_squares, columns.sum(axis=1) ** 2 / total], axis=1)
            ones = np.ones_like(total)
            expected = np.stack(
                [
                    np.stack([ones, total, total, total], axis=1),
                    np.stack([ones, total, items, items], axis=1),
                    np.stack([ones, people, total, people], axis=1),
                    np.stack([ones, per_item, per_evaluator, ones], axis=1),
                ],
                axis=1,
            )
            within = (squares - rows) / (total - items)
            between = ((rows - sums[:, 3]) / (items - 1) - within) / ((total - per_item) / (items - 1))
            harmonic = items / shares
        solvable = np.isfinite(expected).all(axis=(1, 2)) & (items >= 2) & (total > items)
        solvable[solvable] = np.linalg.matrix_rank(expected[solvable]) == 4
        found = np.full((len(weights), 4), np.nan)
        found[solvable] = np.linalg.solve(expected[solvable], sums[solvable][:, :, None])[:, :, 0]
        least = {"items": found[:, 1], "evaluators": found[:, 2], "residual": found[:, 3], "within": within}
        least["between"] = between
        clipped = {name: np.where(solvable, np.maximum(values, 0.0), np.nan) for name, values in least.items()}
        return clipped | {"per_item": np.where(solvable, harmonic, np.nan)}


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
        [0, 1]; NaN where no rating differs. A variance that came out below 0 was set to 0, which other tools leave.

    References
    ----------
    Shrout, P. E. and Fleiss, J. L. (1979). Intraclass correlations: uses in assessing rater reliability.

    Examples
    --------
    >>> round(intraclass_correlations(Components(3.0, 1.0, 2.0, 4.0, 3.0, 3.0))["icc2"], 3)
    0.5
    """
    found = many_intraclass_correlations({name: np.array([value]) for name, value in asdict(components).items()})
    return {name: float(values[0]) for name, values in found.items()}


def many_intraclass_correlations(components: Mapping[str, Array]) -> dict[str, Array]:
    """The six intraclass correlations of many sets of variances.

    Parameters
    ----------
    components : mapping of str to ndarray, shape (sets,)
        The fields of `Components`.

    Returns
    -------
    dict of str to ndarray, shape (sets,)
        Named as in `intraclass_correlations`.

    Examples
    --------
    >>> one = {"items": 3.0, "evaluators": 1.0, "residual": 2.0, "per_item": 4.0, "within": 3.0, "between": 3.0}
    >>> many_intraclass_correlations({name: np.array([value]) for name, value in one.items()})["icc2"].tolist()
    [0.5]
    """
    items, people, residual = (components[name] for name in ("items", "evaluators", "residual"))
    k = components["per_item"]

    def share(signal: Array, noise: Array) -> Array:
        total = signal + noise
        return np.divide(signal, total, out=np.full(len(total), NAN), where=total > 0)

    return {
        "icc1": share(components["between"], components["within"]),
        "icc2": share(items, people + residual),
        "icc3": share(items, residual),
        "icc1k": share(components["between"], components["within"] / k),
        "icc2k": share(items, (people + residual) / k),
        "icc3k": share(items, residual / k),
    }


def reliability(components: Components | None) -> float:
    """How much of the variance of items' mean ratings is the items' own: V / (V + s^2 / n).

    Parameters
    ----------
    components : Components or None
        V is the variance of items, s^2 that of single ratings about an item's true score, n the ratings an item has.

    Returns
    -------
    float
        In [0, 1]; NaN without components or variance.

    Examples
    --------
    >>> reliability(Components(3.0, 1.0, 2.0, 4.0, 3.0, 3.0))
    0.8
    """
    if components is None:
        return NAN
    noise = (components.evaluators + components.residual) / components.per_item
    return components.items / (components.items + noise) if components.items + noise > 0 else NAN


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
    squared = float(np.corrcoef(scores[known], target[known])[0, 1]) ** 2 / reliability(components)
    return squared * noise / ((1.0 - squared) * components.items) if squared < 1 else float("inf")
