"""What people would say of a new score: a distribution over the levels, its mean, the level and conformal intervals."""

import reprlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from calibration.core.buckets import BucketMapping, fit_buckets
from calibration.core.grades import Array, sample_scores
from calibration.core.ratings import ScoredTask
from calibration.prediction.conformal import conformal_quantile, set_threshold, strangeness
from calibration.prediction.cross_prediction import MARGINAL, CrossPrediction, Curve, cross_predict
from calibration.scale import FEWEST_LEVELS, LIKERT, MOST_LEVELS, Scale
from metrics.errors import InputError
from metrics.known import Direction

VERSION = 1
COVERAGE = 0.9
_DRAWN = 41  # points of the curve in the report


@dataclass(frozen=True)
class Predictor:
    """Maps scores of one metric to what people like the study's evaluators would say.

    Attributes
    ----------
    metric : str
        Its name.
    signatures : tuple of str
        Those of the scores it was fitted on; empty where they had none.
    direction : {"higher", "lower"}
        Which way the metric points.
    thresholds : tuple of float
        Of the bucket mapping: one less than the scale has levels.
    curve : Curve
        The distribution over the levels.
    low, high : float
        The range of the study's scores.
    coverage : float
        The share of new ratings that the intervals are to hold.
    set_threshold : float or None
        See `calibration.prediction.conformal.set_threshold`; None where fewer than two people rated.
    mean_reach : float or None
        Half the interval of the mean rating, in standard deviations of the distribution; None with too few items.
    log_loss, marginal_log_loss : float
        On unseen ratings, in nats: of the curve, and of the distribution of all ratings whatever the score.
    n_items, n_ratings, n_evaluators : int
        What it was fitted on.
    scale : Scale
        On which people answered, and in whose numbers predictions are.
    """

    metric: str
    signatures: tuple[str, ...]
    direction: Direction
    thresholds: tuple[float, ...]
    curve: Curve
    low: float
    high: float
    coverage: float
    set_threshold: float | None
    mean_reach: float | None
    log_loss: float
    marginal_log_loss: float
    n_items: int
    n_ratings: int
    n_evaluators: int
    scale: Scale = LIKERT

    @property
    def count(self) -> int:
        """How many levels there are."""
        return len(self.thresholds) + 1

    def predict(self, scores: ArrayLike) -> pd.DataFrame:
        """What people would say.

        Parameters
        ----------
        scores : array_like, shape (n,)
            Finite scores.

        Returns
        -------
        DataFrame
            score; level (by the buckets); one column for each level's probability, named by the level (p1, p2, ... on a
            scale from 1), which sum to 1; mean; low and high, the levels between which one new person's rating lies;
            mean_low and mean_high, between which the mean rating of the study's evaluators lies, both with probability
            `coverage`, NaN where unknown; extrapolated: outside the study's scores, where all that is known is what
            holds at the end of their range, which is what stands there. All are in the scale's numbers; the index is
            that of `scores` where it has one.
        """
        table = self.of_levels(scores)
        numbers = np.array(self.scale.numbers)
        for name in ("level", "low", "high"):
            if not table[name].isna().all():
                table[name] = numbers[table[name].to_numpy(dtype=int) - 1]
        for name in ("mean", "mean_low", "mean_high"):
            table[name] = self.scale.from_unit(self.scale.of_levels(table[name]))
        names = {f"p{level}": f"p{name}" for level, name in enumerate(self.scale.names, start=1)}
        return table.rename(columns=names)

    def of_levels(self, scores: ArrayLike) -> pd.DataFrame:
        """What `predict` gives, with the levels counted from 1 in place of the scale's numbers."""
        values = np.asarray(scores, dtype=float)
        shares = self.curve.probabilities(values)
        mean, spread = _mean_and_spread(shares)
        low, high = self._set(shares)
        reach = np.nan if self.mean_reach is None else self.mean_reach
        inside = np.clip(values, self.low, self.high)  # beyond, an outer level that nobody gave would begin
        table: dict[str, Any] = {
            "score": values,
            "level": BucketMapping(self.thresholds, self.direction, 0.0, 0).levels(inside),
        }
        table |= {f"p{level + 1}": shares[:, level] for level in range(self.count)}
        table |= {
            "mean": mean,
            "low": low,
            "high": high,
            "mean_low": np.clip(mean - reach * spread, 1, self.count),
            "mean_high": np.clip(mean + reach * spread, 1, self.count),
            "extrapolated": (values < self.low) | (values > self.high),
        }
        return pd.DataFrame(table, index=scores.index if isinstance(scores, pd.Series) else None)

    def _set(self, shares: Array) -> tuple[ArrayLike, ArrayLike]:
        """The lowest and the highest level of each set; the most probable level is always in."""
        if self.set_threshold is None:
            return np.nan, np.nan
        strange = strangeness(shares)
        inside = strange <= np.maximum(self.set_threshold, strange.min(axis=1, keepdims=True))
        return inside.argmax(axis=1) + 1, self.count - inside[:, ::-1].argmax(axis=1)

    def to_dict(self) -> dict[str, Any]:
        """Strict JSON types; `from_dict` gives the same predictor back."""
        found = asdict(self) | {"version": VERSION, "signatures": list(self.signatures)}
        found["thresholds"] = list(self.thresholds)
        found["curve"] |= {
            "knots": list(self.curve.knots),
            "cumulative": [list(row) for row in self.curve.cumulative],
        }
        scale = self.scale
        bounds = None if scale.bounds is None else list(scale.bounds)
        found["scale"] = {"values": list(scale.values), "words": list(scale.words), "bounds": bounds}
        return found

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], where: str = "the predictor") -> "Predictor":
        """Read what `to_dict` wrote.

        Raises
        ------
        InputError
            Where it is of another version, or something is missing or not what it should be.
        """
        try:
            if content["version"] != VERSION:
                raise InputError(
                    f"{where} is of version {reprlib.repr(content['version'])}, and this humangrade reads version "
                    f"{VERSION}; make the report anew."
                )
            curve = content["curve"]
            found = {name: content[name] for name in cls.__dataclass_fields__ if name != "scale"} | {
                "signatures": tuple(map(str, content["signatures"])),
                "thresholds": tuple(map(float, content["thresholds"])),
                "curve": Curve(
                    curve["family"],
                    float(curve["shrinkage"]),
                    tuple(map(float, curve["knots"])),
                    tuple(tuple(map(float, row)) for row in curve["cumulative"]),
                ),
                "scale": _scale_of(content),
            }
            predictor = cls(**found)
            sound = _sound(predictor)
        except InputError:
            raise
        except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, RecursionError) as error:
            raise InputError(f"{where} is damaged ({type(error).__name__}: {error}); make the report anew.") from error
        if not sound:
            raise InputError(f"{where} is damaged (its curve is no distribution); make the report anew.")
        return predictor

    def save(self, path: str | Path) -> Path:
        """Write the predictor to a JSON file of its own; raises InputError where it cannot be written."""
        from calibration.prediction.predictor_file import json_text
        from metrics.files import write_atomically

        return write_atomically(path, json_text(self.to_dict()))

    @classmethod
    def load(cls, path: str | Path) -> "Predictor":
        """Read what `save` wrote; raises InputError where the file is missing or is none."""
        from calibration.prediction.predictor_file import read_json

        return cls.from_dict(read_json(Path(path)), str(path))


def fit_predictor(
    task: ScoredTask, coverage: float = COVERAGE, crossed: CrossPrediction | None = None
) -> Predictor | None:
    """Fit what people would say of a metric's scores.

    Parameters
    ----------
    task : ScoredTask
        The metric, whose name and signatures are kept with the predictor. Of more than 20,000 items so many are used.
    coverage : float
        The share of new ratings that the intervals are to hold, in (0, 1).
    crossed : CrossPrediction, optional
        What `calibration.prediction.cross_prediction.cross_predict` found, where it is known already.

    Returns
    -------
    Predictor or None
        None where fewer than two items (or clusters of them) have score and rating.

    Notes
    -----
    The kind of curve is chosen by its log loss on unseen people's ratings of unseen images (see `cross_predict`). The
    set for one new person's rating holds the levels whose strangeness is at most a threshold; the threshold comes from
    the ratings' strangeness by curves that saw neither person nor image (cross-conformal prediction), and is raised
    for what people differ in (see `calibration.prediction.conformal.set_threshold`). The curve that is kept is fitted
    on all ratings, so the coverage is not a theorem as with CV+; tests/benchmarks/bench_prediction.py measures it.
    The interval for the mean rating is the conformal quantile of abs(mean rating - predicted mean) / predicted SD
    over unseen images: it is about the study's own evaluators.

    References
    ----------
    Vovk, V. (2015). Cross-conformal predictors. Barber, R. F., Candes, E. J., Ramdas, A. and Tibshirani, R. J. (2021).
    Predictive inference with the jackknife+.

    Examples
    --------
    >>> from calibration.core.ratings import Ratings
    >>> rng = np.random.default_rng(0)
    >>> quality = rng.normal(size=200)
    >>> ratings = np.clip(np.rint(2 + quality[:, None] + rng.normal(size=(200, 4))), 0, 4) / 4
    >>> table = fit_predictor(ScoredTask.of(quality, Ratings(ratings))).predict([-2.0, 0.0, 2.0, 99.0])
    >>> table["mean"].round().tolist(), table["extrapolated"].tolist()
    ([1.0, 3.0, 5.0, 5.0], [False, False, False, True])
    """
    found, scale = crossed or cross_predict(task), task.ratings.scale
    if found is None:
        return None
    mapping = fit_buckets(found.scores, found.ratings, task.ratings.k, task.direction, scale=scale)
    if mapping is None:
        return None
    known = ~np.isnan(found.ratings) & ~np.isnan(found.probabilities[:, :, 0])
    given = np.where(known, np.rint(np.nan_to_num(found.ratings) * (scale.count - 1)), 0).astype(int)
    alone = known.any(axis=0).sum() < 2
    by_person = [
        strangeness(found.probabilities[known[:, person], person])[
            np.arange(known[:, person].sum()), given[known[:, person], person]
        ]
        for person in range(known.shape[1])
    ]
    threshold = None if alone else set_threshold(by_person, coverage)
    reach = conformal_quantile(_mean_residuals(found, known), coverage, float("nan"))
    whole = task.scores[~np.isnan(task.ratings.values).all(axis=1)]
    return Predictor(
        metric=task.name,
        signatures=tuple(task.signatures),
        direction=task.direction,
        thresholds=_around(mapping.thresholds, found.scores, whole),
        curve=found.curve,
        low=float(whole.min()),
        high=float(whole.max()),
        coverage=coverage,
        set_threshold=threshold,
        mean_reach=None if np.isnan(reach) else reach,
        log_loss=min(found.log_losses.values()),
        marginal_log_loss=found.log_losses[MARGINAL],
        n_items=len(found.scores),
        n_ratings=int((~np.isnan(found.ratings)).sum()),
        n_evaluators=int((~np.isnan(found.ratings)).any(axis=0).sum()),
        scale=scale,
    )


def predictor_entry(predictor: Predictor | None) -> dict[str, Any] | None:
    """What the report says of a predictor, with points of its curve to draw, levels counted from 1; None for None."""
    if predictor is None:
        return None
    at = np.linspace(predictor.low, predictor.high, _DRAWN if predictor.high > predictor.low else 1)
    table = predictor.of_levels(at)
    shares = [f"p{level}" for level in range(1, predictor.count + 1)]
    drawn = table[["score", *shares, "mean", "low", "high", "mean_low", "mean_high"]]
    names = ("coverage", "log_loss", "marginal_log_loss", "n_items", "n_ratings", "n_evaluators")
    return {
        "family": predictor.curve.family,
        "shrinkage": predictor.curve.shrinkage,
        "range": [predictor.low, predictor.high],
        "mean_levels_in_set": None if predictor.set_threshold is None else float((table.high - table.low + 1).mean()),
        **{name: getattr(predictor, name) for name in names},
        "curve": {name: [None if np.isnan(x) else float(x) for x in drawn[name]] for name in drawn.columns},
    }


def _mean_residuals(found: CrossPrediction, known: np.ndarray) -> Array:
    """How far items' mean ratings lie from what was predicted unseen, in predicted standard deviations."""
    rows = known.any(axis=1)
    weights = known[rows] / known[rows].sum(axis=1, keepdims=True)
    shares = np.einsum("ie,iel->il", weights, np.where(known[rows][:, :, None], found.probabilities[rows], 0.0))
    mean, spread = _mean_and_spread(shares)
    target = 1 + (shares.shape[1] - 1) * sample_scores(np.where(known, found.ratings, np.nan)[rows])
    return np.asarray(np.abs(target - mean) / spread, dtype=float)


def _mean_and_spread(shares: Array) -> tuple[Array, Array]:
    """The mean and the standard deviation of distributions over level numbers."""
    steps = np.arange(1.0, shares.shape[1] + 1)
    mean = shares @ steps
    return mean, np.sqrt(np.maximum(shares @ steps**2 - mean**2, 1e-12))


def _around(thresholds: tuple[float, ...], used: Array, whole: Array) -> tuple[float, ...]:
    """The thresholds, with those of outer levels that are empty in the items used moved beyond all the study's scores.

    Of many items some are used, and the others' scores may reach farther.
    """
    least, greatest = np.nextafter(whole.min(), -np.inf), np.nextafter(whole.max(), np.inf)
    low, high = used.min(), used.max()
    return tuple(
        float(min(each, least) if each < low else max(each, greatest) if each > high else each) for each in thresholds
    )


def _scale_of(content: Mapping[str, Any]) -> Scale:
    """The scale that a file says; one from 1 where it is of a time before it did."""
    if "scale" not in content:
        return Scale(tuple(range(1, len(content["thresholds"]) + 2)))
    said = content["scale"]
    bounds = said["bounds"]
    return Scale(
        tuple(map(float, said["values"])),
        tuple(map(str, said["words"])),
        None if bounds is None else (float(bounds[0]), float(bounds[1])),
    )


def _sound(predictor: Predictor) -> bool:
    """Whether what was read can be a predictor."""
    knots, below = np.array(predictor.curve.knots), np.array(predictor.curve.cumulative)
    numbers = [predictor.low, predictor.high, predictor.coverage, predictor.log_loss, *predictor.thresholds]
    optional = [value for value in (predictor.set_threshold, predictor.mean_reach) if value is not None]
    return bool(
        predictor.direction in ("higher", "lower")
        and isinstance(predictor.metric, str)
        and predictor.count == predictor.scale.count
        and FEWEST_LEVELS <= predictor.count <= MOST_LEVELS
        and np.isfinite([*numbers, *optional]).all()
        and below.shape == (len(knots), predictor.count - 1)
        and len(knots) > 0
        and np.isfinite(knots).all()
        and (np.diff(knots) > 0).all()
        and (np.diff(below, axis=1, prepend=0.0, append=1.0) > 0).all()
    )
