"""From a pilot's ratings and scores to what the planned study is taken to be like."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize

from calibration.core.grades import Array, sample_scores
from calibration.core.item_folds import clusters_of, groupings_of
from calibration.people.agreement import correlations
from calibration.people.variance import Components, intraclass_correlations, variance_components
from calibration.planning.alike import DesignEffects, design_effects
from calibration.planning.model import RatingModel, correlation_spread
from calibration.planning.panel import evaluators_of
from calibration.planning.study import FEWEST_IMAGES, LEAST_ICC, PlannedStudy, possible_between
from calibration.scale import LIKERT, Scale
from calibration.settings import Duplicates
from calibration.tables.checking import check_items, check_ratings, check_scores
from metrics.errors import InputError, parameter
from metrics.text import listed, quoted

MOST_LATENT = 0.99
_MARGIN = 1e-3


@dataclass(frozen=True)
class Pilot:
    """What a pilot says of the study to come.

    Attributes
    ----------
    study : PlannedStudy
        Estimated from it.
    metrics : tuple of str
        The metrics that the correlations belong to.
    images, evaluators : int
        How many it has.
    notes : list of str
        Sentences about what was assumed.
    scale : Scale
        On which its people answered.
    """

    study: PlannedStudy
    metrics: tuple[str, ...]
    images: int
    evaluators: int
    notes: list[str]
    scale: Scale = LIKERT


def pilot_of(
    ratings: pd.DataFrame,
    scores: pd.DataFrame | None = None,
    items: pd.DataFrame | None = None,
    metrics: Sequence[str] = (),
    task: str | None = None,
    duplicates: Duplicates = "error",
    scale: Scale = LIKERT,
) -> Pilot:
    """Estimate what a plan needs from a pilot.

    Parameters
    ----------
    ratings : DataFrame
        item, evaluator, rating and, optionally, task; of one task, or of the one that `task` names.
    scores : DataFrame, optional
        Long or wide; without scores only people's agreement is planned for.
    items : DataFrame, optional
        With a column prompt or subject: images of one may be alike, and then say less than as many others.
    metrics : sequence of str
        One or two of those in `scores`; may be left out where there are no more.
    task : str, optional
        Which task.
    duplicates : {"error", "first", "last", "mean"}
        What to do where a person rated an item twice.
    scale : Scale
        On which people answered; a plan knows scales of five levels only.

    Returns
    -------
    Pilot

    Raises
    ------
    InputError
        For tables that cannot be used, a scale of other than five levels, several tasks, evaluators who share no image
        or do not agree beyond chance, metrics that are not there, or too few images with a score.

    Notes
    -----
    A metric's latent correlation is the one that comes down to the observed Spearman correlation with as many
    evaluators as an image has on average; all are turned to point upwards. The correlation between metrics is that of
    the normal variables behind their ranks, 2 sin(pi r / 6).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> quality = rng.normal(size=300)
    >>> rows = [(f"i{i}", e, int(np.clip(round(3 + q + rng.normal()), 1, 5))) for i, q in enumerate(quality)
    ...         for e in "abcde"]
    >>> ratings = pd.DataFrame(rows, columns=["item", "evaluator", "rating"])
    >>> scores = pd.DataFrame({"item": [f"i{i}" for i in range(300)], "a": quality + rng.normal(size=300)})
    >>> found = pilot_of(ratings, scores).study
    >>> 0.4 < found.icc < 0.5, 0.6 < found.correlations[0] < 0.8
    (True, True)
    """
    if scale.count != LIKERT.count:
        raise InputError(
            f"The pilot's scale, {scale}, has {scale.count} levels, and a plan reckons with {LIKERT.count}, as of "
            f"{LIKERT}: its figures would be another scale's. State {parameter('icc')} instead, and read the plan as "
            f"one for ratings from {LIKERT}."
        )
    rows = check_ratings(ratings, "the pilot's ratings table", task, duplicates, scale=scale).frame
    tasks = list(dict.fromkeys(rows["task"]))
    if len(tasks) > 1:
        raise InputError(f"The pilot has the tasks {listed(quoted(tasks))}; choose one with {parameter('task')}.")
    wide = rows.pivot(index="item", columns="evaluator", values="rating")
    matrix = np.asarray(scale.to_unit(wide.to_numpy(dtype=float)))
    components = variance_components(matrix)
    icc = _agreement(matrix, components)
    assert components is not None
    numbers = 1 + scale.to_unit(rows["rating"].to_numpy(dtype=float)) * (scale.count - 1)
    counts = np.bincount(numbers.round().astype(int), minlength=scale.count + 1)[1:]
    everything = components.items + components.evaluators + components.residual
    basis = PlannedStudy(
        icc,
        levels=tuple(float(share) for share in counts / counts.sum()),
        strictness=components.evaluators / everything,
    )
    names, columns = _columns(scores, metrics, wide.index)
    target = sample_scores(matrix)
    notes: list[str] = []
    ratings_model = RatingModel(icc, basis.levels, max(1, round(components.per_item)))
    found = [_latent(values, target, name, ratings_model, notes) for name, values in zip(names, columns, strict=True)]
    latent = tuple(abs(value) for value in found)
    oriented = [values if value >= 0 else -values for values, value in zip(columns, found, strict=True)]
    between = _between(oriented, latent, notes) if len(oriented) == 2 else None
    effects = DesignEffects()
    groupings = {} if items is None else groupings_of(check_items(items, "the pilot's items table").frame)
    kind = clusters_of(groupings)
    if kind is not None:
        effects = design_effects(matrix, oriented, groupings[kind].reindex(wide.index))
        notes.append(_of_design_effects(kind, effects, bool(oriented)))
    study = PlannedStudy(icc, latent, between, basis.levels, basis.strictness, effects, people=evaluators_of(matrix))
    return Pilot(study, names, len(wide), wide.shape[1], notes, scale)


def _of_design_effects(kind: str, effects: DesignEffects, with_metrics: bool) -> str:
    """What images that are alike do to each figure."""
    parts = [f"of the intraclass correlation by {effects.agreement:.2f}"]
    if with_metrics:
        parts = [
            f"of a metric's correlation by {effects.correlation:.2f}",
            f"of its grade by {effects.grade:.2f}",
            f"of its skill by {effects.skill:.2f}",
            *parts,
        ]
    return (
        f"Images of one {kind} may be alike. By the pilot this multiplies the variance {', '.join(parts)}, for as many "
        "of them in the study to come."
    )


def _agreement(matrix: Array, components: Components | None) -> float:
    if matrix.shape[1] < 2:
        raise InputError(
            "The pilot has one evaluator, so it does not show how well people agree; add ratings of the same images by "
            f"another, or state {parameter('icc')} instead."
        )
    icc = None if components is None else intraclass_correlations(components)["icc3"]
    if icc is None or np.isnan(icc):
        raise InputError(
            "The pilot does not show how well people agree: it needs images with two ratings or more, and ratings that "
            f"differ; or state {parameter('icc')} instead."
        )
    if not LEAST_ICC <= icc <= 1 - LEAST_ICC:
        how = "do not agree beyond chance" if icc < LEAST_ICC else "agree in everything"
        raise InputError(
            f"The pilot's evaluators {how} (intraclass correlation {icc:.3g}), which no plan can start from; rate more "
            f"images, or state {parameter('icc')} instead."
        )
    return icc


def _columns(
    scores: pd.DataFrame | None, metrics: Sequence[str], items: pd.Index
) -> tuple[tuple[str, ...], list[Array]]:
    """The metrics' names and scores, NaN where an item has none."""
    if scores is None:
        if metrics:
            raise InputError(
                f"{parameter('metrics')} names metrics of the pilot, which has no scores; add {parameter('scores')}."
            )
        return (), []
    frame = check_scores(scores, "the pilot's scores table").frame
    known = list(dict.fromkeys(frame["metric"]))
    strange = [name for name in metrics if name not in known]
    if strange:
        raise InputError(f"The pilot's scores have no metric '{strange[0]}'; theirs are {listed(quoted(known))}.")
    names = tuple(dict.fromkeys(metrics or known))
    if len(names) > 2:
        raise InputError(
            f"A plan is for one metric or two; choose with {parameter('metrics')} from {listed(quoted(names))}."
        )
    by_metric = {name: rows.set_index("item")["score"] for name, rows in frame.groupby("metric")}
    return names, [by_metric[name].reindex(items).to_numpy(dtype=float) for name in names]


def _latent(values: Array, target: Array, name: str, ratings: RatingModel, notes: list[str]) -> float:
    found = correlations(values, target)
    if found.n < FEWEST_IMAGES:
        raise InputError(
            f"The pilot has {found.n} rated images with a score by '{name}'; a plan takes {FEWEST_IMAGES} or more."
        )
    if np.isnan(found.spearman):
        raise InputError(f"The pilot's scores by '{name}', or the ratings of its images, are all equal.")

    def excess(latent: float) -> float:
        return correlation_spread(ratings, (latent,)).correlations[0] - abs(found.spearman)

    if excess(MOST_LATENT) <= 0:
        notes.append(f"'{name}' follows the pilot's people as closely as they allow; it is taken to correlate .99.")
        return float(np.copysign(MOST_LATENT, found.spearman))
    latent = optimize.brentq(excess, 0.0, MOST_LATENT) if found.spearman else 0.0
    return float(np.copysign(latent, found.spearman))


def _between(columns: list[Array], latent: tuple[float, ...], notes: list[str]) -> float:
    observed = correlations(columns[0], columns[1]).spearman
    if np.isnan(observed):
        raise InputError("The pilot's two metrics have no images in common; score the same ones by both.")
    low, high = possible_between(*latent)
    value = 2 * np.sin(np.pi * observed / 6)
    kept = float(np.clip(value, low + _MARGIN, high - _MARGIN))
    if kept != value:
        notes.append(
            f"The two metrics' correlation, {value:.3f}, does not fit theirs with people; taken as {kept:.3f}."
        )
    return kept
