"""What a head is worth on people's votes: order, error, spread, each with an interval, and where on the scale.

Intervals leave out challenges (or prompts) in turn where these are known, otherwise images: photographs of one
challenge are alike, so that there is less to learn from them than their number says. See
`calibration.aesthetic.clusters`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from calibration.aesthetic.balance import BINS, vote_bins
from calibration.aesthetic.clusters import (
    FEWEST_CLUSTERS,
    Interval,
    Kind,
    cluster_codes,
    jackknife_interval,
    left_out_figures,
)
from calibration.aesthetic.scale import HIGHEST, LOWEST
from calibration.aesthetic.spread import alarms
from calibration.aesthetic.votes import Votes, levels
from calibration.core.resampling import generator
from calibration.core.weighted import Order, correlation, covariance
from metrics.errors import InputError
from metrics.text import counted

Array = NDArray[np.float64]
BALANCED_EDGES = (4.0, 5.0, 6.0, 7.0)
FEW, MANY = 20, 100
LOSS_OF_ORDER = 0.005
MATCHED = "-matched"
_TENTHS = 10
_EXACT = 9  # decimals; a mean of 4 is not below 4 for a rounding
_CURVE = 20
KINDS: dict[str, Kind] = {
    "spearman": "correlation",
    "pearson": "correlation",
    "mae": "positive",
    "balanced_mae": "positive",
    "accuracy": "share",
    "spread_ratio": "positive",
    "emd": "positive",
}
STATISTICS = tuple(KINDS)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A head's figures on one set of images.

    Attributes
    ----------
    name : str
        The head.
    n : int
        How many images.
    spearman, pearson : Interval
        Correlation with the mean vote.
    mae, balanced_mae : Interval
        Mean absolute error; and its mean over the images below 4, from 4 to 5, 5 to 6, 6 to 7, and above, which
        the many in the middle do not drown.
    accuracy : Interval
        The share of images that answer and mean vote put on the same side of the votes' middle (AVA's is 5).
    spread_ratio : Interval
        The answers' standard deviation divided by the votes'.
    emd : Interval or None
        Root mean squared difference of the cumulated distributions, averaged over images; for heads with levels.
    tenths : DataFrame
        For each tenth of the scale from 1 to 10: low, high, n, trained_on (missing where not known), bias, mae.
    shots : DataFrame
        For images whose mean vote few (below 20), some, or many (above 100) training images shared, in bins of a tenth
        of a vote: shots, n, bias, mae; no row where the training images are not known.
    curve : DataFrame
        In twenty groups by the answer: answer, vote (their means), n.
    alarms : list of str
        Sentences on an order that is not told from chance, and on condensed answers.
    clusters : int
        How many challenges or prompts the images are of, which are left out in turn; the number of images where
        these are not known.
    cluster_name : str
        "challenge", "prompt" or another column's name; "image" where none is known.
    constant : str
        What one answer for all images would come to, in a sentence: what accuracy and error have to beat.
    """

    name: str
    n: int
    spearman: Interval
    pearson: Interval
    mae: Interval
    balanced_mae: Interval
    accuracy: Interval
    spread_ratio: Interval
    emd: Interval | None
    tenths: pd.DataFrame
    shots: pd.DataFrame
    curve: pd.DataFrame
    alarms: list[str]
    clusters: int
    cluster_name: str
    constant: str

    @property
    def extent(self) -> str:
        """What the figures are of, and why they have no interval where they have none."""
        of = "" if self.cluster_name == "image" else f" of {counted(self.clusters, self.cluster_name)}"
        if self.clusters < FEWEST_CLUSTERS:
            return (
                f"On {self.n:,} images{of}: fewer than {FEWEST_CLUSTERS} {self.cluster_name}s are too few for an "
                "interval, so it is not known how far the figures are chance."
            )
        return f"On {self.n:,} images{of}; below each figure its 95 % interval."


def evaluate(
    name: str,
    answers: ArrayLike,
    votes: Votes,
    training_means: ArrayLike | None = None,
    distributions: ArrayLike | None = None,
    seed: int = 0,
    order: ArrayLike | None = None,
) -> Evaluation:
    """Compare a head's answers with the votes on the same images.

    Parameters
    ----------
    name : str
        What the head is called.
    answers : array_like, shape (n,)
        Its answers.
    votes : Votes
        On the same images, in the same order; at least two.
    training_means : array_like, optional
        The mean votes that it was trained on; unless given, nothing is said by how many these are.
    distributions : array_like, shape (n, levels), optional
        The distributions that it answers.
    seed : int
        Of the blocks that many challenges or images are left out in.
    order : array_like, shape (n,), optional
        What orders images as the head does, where answers come from several fits whose scales differ; correlations
        are of it. The answers unless given.

    Returns
    -------
    Evaluation

    Raises
    ------
    InputError
        For fewer than two images, answers that are not as many finite numbers, and votes that are all the same.

    Notes
    -----
    Bin widths of the shots follow Yang et al., Delving into Deep Imbalanced Regression (2021), with a tenth of a vote
    in place of a year; the EMD is that of Talebi and Milanfar, NIMA (2018), with r = 2.
    """
    x = np.asarray(answers, dtype=np.float64)
    if len(x) < 2 or not np.isfinite(x).all():
        raise InputError(f"{name} cannot be evaluated: it takes finite answers for two images or more.")
    if x.shape != (len(votes),):
        raise InputError(f"{name} cannot be evaluated: {len(votes):,} images take as many answers, not {x.shape}.")
    if np.ptp(np.round(votes.means, _EXACT)) == 0:
        raise InputError(
            f"{name} cannot be evaluated: all {len(x):,} images have the same mean vote, {votes.means[0]:.4g} on 1-10."
        )
    given = None if distributions is None else np.asarray(distributions, dtype=np.float64)
    figures = HeadFigures(x, votes, given, None if order is None else np.asarray(order, dtype=np.float64))
    clusters = cluster_codes(votes.groups, len(x))
    count = int(clusters.max()) + 1
    whole, without = left_out_figures(figures, clusters, seed)
    intervals = {
        statistic: jackknife_interval(whole[place], without[:, place], count, KINDS[statistic])
        for place, statistic in enumerate(STATISTICS)
        if statistic != "emd" or given is not None
    }
    trained_on = None if training_means is None else np.asarray(training_means, dtype=np.float64)
    return Evaluation(
        name,
        len(x),
        **{statistic: intervals.get(statistic) for statistic in STATISTICS},  # type: ignore[arg-type]
        tenths=_tenths(x, votes.means, trained_on),
        shots=_shots(x, votes.means, trained_on),
        curve=_curve(x, votes.means),
        alarms=[*_order_alarm(intervals["spearman"]), *alarms(x, votes.means)],
        clusters=count,
        cluster_name="image" if votes.groups is None else votes.group_name or "group",
        constant=_constant(votes),
    )


def comparison(evaluations: Sequence[Evaluation]) -> pd.DataFrame:
    """Figures of several heads side by side, as text with intervals.

    Returns
    -------
    DataFrame
        A row for each head: head, then a column for each figure.
    """
    rows = []
    for evaluation in evaluations:
        row = {"head": evaluation.name}
        for statistic in STATISTICS:
            found = getattr(evaluation, statistic)
            row[statistic] = "" if found is None else _words(found)
        rows.append(row)
    return pd.DataFrame(rows)


def people(votes: Votes, seed: int = 0, draws: int = 5) -> dict[str, float]:
    """How well votes predict votes: the Pearson correlation that a head's may be compared with.

    Parameters
    ----------
    votes : Votes
        With counts, at least six an image.
    seed : int
        Of the votes drawn.
    draws : int
        How often they are drawn.

    Returns
    -------
    dict
        ``one`` and ``five``: that of one vote, and of the mean of five, with the mean of an image's other votes;
        ``ceiling``: that of the mean of all votes with the mean of infinitely many, the square root of
        1 - mean(s^2 / n) / var(means), s^2 being the variance of an image's n votes.

    Raises
    ------
    InputError
        Where counts are not known or not whole, or an image has fewer than six votes.
    """
    whole = votes.counts is not None and (votes.counts == votes.counts.round()).all()
    if votes.counts is None or not whole or votes.counts.sum(axis=1).min() <= 5:
        raise InputError(f"{votes.source} does not tell how single votes lie; that takes six votes an image or more.")
    rng = generator(seed)
    scale, totals = levels(votes.counts.shape[1]), votes.counts.sum(axis=1)
    found = {}
    for name, size in (("one", 1), ("five", 5)):
        correlations = []
        for _ in range(draws):
            drawn = np.stack([rng.multivariate_hypergeometric(row, size) for row in votes.counts.astype(np.int64)])
            rest = (votes.counts - drawn) @ scale / (totals - size)
            correlations.append(np.corrcoef(drawn @ scale / size, rest)[0, 1])
        found[name] = float(np.mean(correlations))
    variances = (votes.counts @ scale**2 / totals - votes.means**2) * totals / (totals - 1)
    reliability = 1 - np.mean(variances / totals) / votes.means.var()
    return {**found, "ceiling": float(np.sqrt(max(reliability, 0.0)))}


class HeadFigures:
    """All statistics for any weights of the images; what does not depend on the weights is prepared once."""

    def __init__(self, x: Array, votes: Votes, distributions: Array | None, order: Array | None = None):
        y = votes.means
        self._x, self._y = x, y
        self._ordering = x if order is None else order
        self._orders = [Order(self._ordering), Order(y)]
        self._error = np.abs(x - y)
        self._same_side = ((x > votes.middle) == (np.round(y, _EXACT) > votes.middle)).astype(float)
        self._bin = np.searchsorted(BALANCED_EDGES, np.round(y, _EXACT), side="right")
        self._emd = None
        if distributions is not None:
            if votes.distributions is None or votes.distributions.shape != distributions.shape:
                raise InputError(f"The votes of {votes.source} have other levels than the distributions answered.")
            gaps = np.cumsum(distributions - votes.distributions, axis=1)
            self._emd = np.sqrt(np.mean(gaps**2, axis=1))

    def __call__(self, w: Array) -> list[float]:
        """Figures in the order of `STATISTICS`."""
        x, y = self._x, self._y
        by_bin = np.bincount(self._bin, w, minlength=len(BALANCED_EDGES) + 1)
        errors = np.bincount(self._bin, w * self._error, minlength=len(by_bin))
        ranks_x, ranks_y = (order.ranks(w) for order in self._orders)
        sd_x, sd_y = np.sqrt(covariance(x, x, w)), np.sqrt(covariance(y, y, w))
        return [
            correlation(ranks_x, ranks_y, w),
            correlation(self._ordering, y, w),
            float(w @ self._error / w.sum()),
            float(np.mean(errors[by_bin > 0] / by_bin[by_bin > 0])),
            float(w @ self._same_side / w.sum()),
            float(sd_x / sd_y) if sd_y > 0 else float("nan"),
            float("nan") if self._emd is None else float(w @ self._emd / w.sum()),
        ]


def _constant(votes: Votes) -> str:
    y = np.round(votes.means, _EXACT)
    above = float(np.mean(y > votes.middle))
    error = float(np.mean(np.abs(y - np.median(y))))
    middle = f"{votes.scale.from_ten(votes.middle):g} on {votes.scale}"
    return (
        f"One answer for all images has an accuracy of {max(above, 1 - above):.3f} and an MAE of {error:.3f}; accuracy "
        f"is the share on the right side of the middle, {middle}."
    )


def _order_alarm(spearman: Interval) -> list[str]:
    if np.isnan(spearman.value):
        return ["It answers the same for every image, so it has no order."]
    if spearman.low > 0 or np.isnan(spearman.low):
        return []
    if spearman.high < 0:
        return [f"Its order is against people's: its Spearman correlation is {_words(spearman)}."]
    return [f"Its order is not told from chance: its Spearman correlation is {_words(spearman)}."]


def _words(found: Interval) -> str:
    if np.isnan(found.low):
        return f"{found.value:.3f} (no interval)"
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def _tenths(x: Array, y: Array, trained_on: Array | None) -> pd.DataFrame:
    edges = np.linspace(LOWEST, HIGHEST, _TENTHS + 1)

    def places(values: Array) -> NDArray[np.intp]:
        return np.clip(np.digitize(values, edges) - 1, 0, _TENTHS - 1)

    place = places(y)
    table = pd.DataFrame({"place": place, "bias": x - y, "mae": np.abs(x - y)}).groupby("place")
    found = pd.DataFrame({"low": edges[:-1], "high": edges[1:], "n": np.bincount(place, minlength=_TENTHS)})
    found["trained_on"] = pd.NA if trained_on is None else np.bincount(places(trained_on), minlength=_TENTHS)
    return found.join(table.mean())


def _shots(x: Array, y: Array, trained_on: Array | None) -> pd.DataFrame:
    if trained_on is None:
        return pd.DataFrame(columns=["shots", "n", "bias", "mae"])

    shared = np.bincount(vote_bins(trained_on), minlength=BINS)[vote_bins(y)]
    kind = np.where(shared < FEW, "few", np.where(shared > MANY, "many", "medium"))
    table = pd.DataFrame({"shots": kind, "bias": x - y, "mae": np.abs(x - y)}).groupby("shots")
    found = table.mean().assign(n=table.size()).reindex(["few", "medium", "many"])
    found["n"] = found["n"].fillna(0).astype(int)
    return found.reset_index()[["shots", "n", "bias", "mae"]]


def _curve(x: Array, y: Array) -> pd.DataFrame:
    parts = np.array_split(np.argsort(x, kind="stable"), min(_CURVE, len(x)))
    return pd.DataFrame({"answer": x[part].mean(), "vote": y[part].mean(), "n": len(part)} for part in parts)
