"""One metric's scores and people's ratings of images by several generator models, as many weighted studies at once.

A bootstrap draw is nothing but other weights of the images, or of the prompts: every figure follows from each model's
weighted sums, and one matrix product gives those of all draws.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from calibration.core.grades import Array
from calibration.core.resampling import Resampling, group_draws, in_few
from calibration.core.ties import as_equals
from metrics.known import Direction

SAME = 1e-12
"""Two means that differ by less, in standard deviations, are equal."""

NAN = float("nan")
MOST_CLUSTERS = 4096
_CELLS = 2**20  # clusters x models, at most


class Figures(NamedTuple):
    """Of many weighted studies: three correlations, (draws,), and each model's standardised means, (draws, models)."""

    overall: Array
    within: Array
    between: Array
    scores: Array
    ratings: Array


@dataclass(frozen=True)
class ModelStudy:
    """Scores and ratings of the images that have both, and a model.

    Attributes
    ----------
    score, rating : ndarray, shape (n,)
        Higher is better in both.
    model : ndarray of int, shape (n,)
        Each image's place in `names`.
    names : list of str
        The models.
    cluster : ndarray of int, shape (n,)
        Which images are drawn together; very many clusters are put together at random into fewer, which changes the
        spread of the draws by little.
    sign : float
        1, or -1 where the scores were turned round.
    """

    score: Array
    rating: Array
    model: NDArray[np.intp]
    names: list[str]
    cluster: NDArray[np.intp]
    sign: float

    @classmethod
    def of(
        cls, scores: ArrayLike, target: ArrayLike, models: ArrayLike, prompts: ArrayLike | None, direction: Direction
    ) -> "ModelStudy | None":
        """The study of what is known; None for fewer than two models. See `calibration.model_order.model_order`."""
        sign = 1.0 if direction == "higher" else -1.0
        score, rating = sign * np.asarray(scores, dtype=float), np.asarray(target, dtype=float)
        named = _texts(models)
        known = ~(np.isnan(score) | np.isnan(rating)) & named.notna().to_numpy()
        model, names = pd.factorize(named[known], sort=True)
        if len(names) < 2:
            return None
        cluster = np.arange(int(known.sum()))
        if prompts is not None:
            prompt, texts = pd.factorize(_texts(prompts)[known])
            cluster = np.unique(np.where(prompt < 0, len(texts) + cluster, prompt), return_inverse=True)[1]
        cluster = in_few(cluster, min(MOST_CLUSTERS, max(2, _CELLS // len(names))))
        return cls(as_equals(score[known]), as_equals(rating[known]), model, list(names), cluster, sign)

    @property
    def clusters(self) -> int:
        """How many there are."""
        return int(self.cluster.max()) + 1

    def within_mean(self) -> float:
        """The mean of the models' own Spearman correlations, weighted by their images."""
        found, sizes = [], []
        for at in range(len(self.names)):
            x, y = self.score[self.model == at], self.rating[self.model == at]
            if np.ptp(x) > 0 and np.ptp(y) > 0:
                found.append(float(stats.spearmanr(x, y).statistic))
                sizes.append(len(x))
        return float(np.average(found, weights=sizes)) if found else NAN

    @cached_property
    def _sums(self) -> Array:
        """Of each cluster's images by each model: the sums from which all figures follow; (clusters, models, 8)."""
        x, y = _standardised(stats.rankdata(self.score)), _standardised(stats.rankdata(self.rating))
        columns = (np.ones(len(x)), x, y, x * x, y * y, x * y, _standardised(self.score), _standardised(self.rating))
        cell, shape = self.cluster * len(self.names) + self.model, (self.clusters, len(self.names))
        sums = [np.bincount(cell, each, minlength=shape[0] * shape[1]).reshape(shape) for each in columns]
        return np.stack(sums, axis=-1)

    def draw(self, resampling: Resampling) -> Figures:
        """The figures of studies in which clusters are drawn anew."""
        return group_draws(np.arange(self.clusters), resampling).figures(self.figures, numbers=1)

    def figures(self, weights: Array) -> Figures:
        """The figures of studies in which the clusters count so often; weights of shape (draws, clusters)."""
        sums = np.tensordot(weights, self._sums, axes=1)
        count = sums[:, :, :1]
        means = np.divide(sums[:, :, 6:], count, out=np.full_like(sums[:, :, 6:], NAN), where=count > 0)
        scores, ratings = means[:, :, 0], means[:, :, 1]
        within, overall = _centred(sums).sum(axis=1), _centred(sums.sum(axis=1))
        return Figures(_ratio(*overall.T), _ratio(*within.T), _between(scores, ratings), scores, ratings)


def _centred(sums: Array) -> Array:
    """Mean squares and products about the mean, times the count: of x, of y, of both; (..., 3)."""
    count, x, y, xx, yy, xy = np.moveaxis(sums[..., :6], -1, 0)
    share = np.divide(1.0, count, out=np.zeros_like(count), where=count > 0)
    return np.stack([xx - x * x * share, yy - y * y * share, xy - x * y * share], axis=-1)


def _ratio(xx: Array, yy: Array, xy: Array) -> Array:
    """The correlation; NaN where one side has no spread."""
    spread = (xx > 1e-9) & (yy > 1e-9)
    scale = np.sqrt(np.where(spread, xx * yy, 1.0))
    return np.where(spread, np.clip(xy / scale, -1.0, 1.0), NAN)


def _between(scores: Array, ratings: Array) -> Array:
    """The correlation over models, row by row; a model that was not drawn does not count."""
    known = ~np.isnan(scores)
    count = known.sum(axis=1, keepdims=True)
    x, y = np.where(known, scores, 0.0), np.where(known, ratings, 0.0)
    x, y = (np.where(known, each - each.sum(axis=1, keepdims=True) / count, 0.0) for each in (x, y))
    x, y = (np.where(np.abs(each) > SAME, each, 0.0) for each in (x, y))
    xx, yy = (x * x).sum(axis=1), (y * y).sum(axis=1)
    scale = np.sqrt(xx * yy)
    found = np.divide((x * y).sum(axis=1), scale, out=np.full(len(x), NAN), where=scale > 0)
    return np.clip(found, -1.0, 1.0)


def _standardised(values: Array) -> Array:
    centred = values - values.mean()
    spread = float(np.sqrt(np.mean(centred**2)))
    return centred / spread if spread > 0 else np.zeros_like(centred)


def _texts(values: ArrayLike) -> "pd.Series[Any]":
    """As text; missing where there is none."""
    column = pd.Series(np.asarray(values, dtype=object))
    text = column.astype(str)
    return text.where(column.notna() & (text != ""), None)
