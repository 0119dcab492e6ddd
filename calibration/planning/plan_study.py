"""A plan in one call: from a pilot's tables, from stated values, or from both."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from numbers import Real
from typing import Any

from calibration.planning.alike import DesignEffects
from calibration.planning.model import Statistic
from calibration.planning.pilot import Pilot, pilot_of
from calibration.planning.study import PlannedStudy
from calibration.planning.summary import Plan, make_plan
from calibration.scale import LIKERT, Scale, scale_given
from calibration.settings import Duplicates
from calibration.tables.given import Source, tables_given
from metrics.errors import InputError, parameter
from metrics.text import names_of


def plan_study(
    ratings: Source | None = None,
    scores: Source | None = None,
    items: Source | None = None,
    *,
    icc: float | None = None,
    levels: Sequence[float] | None = None,
    strictness: float | None = None,
    correlations: float | Sequence[float] | None = None,
    between: float | None = None,
    clusters: tuple[float, float] | None = None,
    statistic: Statistic = "spearman",
    evaluators: int | Sequence[int] = (3, 5, 10),
    images: int | Sequence[int] = (128, 256, 512, 1024),
    power: float = 0.8,
    width: float = 0.1,
    metrics: str | Sequence[str] = (),
    task: str | None = None,
    duplicates: Duplicates = "error",
    scale: Scale | str = LIKERT,
    map: str | Mapping[str, str] | None = None,
) -> Plan:
    """How many images and evaluators a study needs, and what each size of study shows.

    Parameters
    ----------
    ratings, scores, items : path or DataFrame, optional
        A pilot's tables, or the files that hold them; see `calibration.planning.pilot`.
    icc : float, optional
        How alike two evaluators' ratings are (intraclass correlation of one rating, 0 to 1); needed without a pilot.
    levels : sequence of float, optional
        The shares of the five levels.
    strictness : float, optional
        The share of the variance that is evaluators' strictness (0 to 1).
    correlations : float or sequence of float, optional
        Of one metric or two with the images' true scores (-1 to 1).
    between : float, optional
        The two metrics' correlation with each other.
    clusters : (float, float), optional
        Images a prompt, and how alike they are (0 to 1).
    statistic : {"spearman", "pearson"}
        Two metrics are compared by the permutation test, or by Williams' test.
    evaluators, images : int or sequence of int
        The sizes to look at.
    power, width : float
        The goals: of the test, and of 95 % intervals.
    metrics : str or sequence of str
        One or two of the pilot's.
    task : str, optional
        The pilot's, where it has several.
    duplicates : {"error", "first", "last", "mean"}
        Where a person of the pilot rated an item twice.
    scale : Scale
        On which the pilot's people answered, of five levels; it may be written, as ``"0-4"``.
    map : str or mapping, optional
        Which foreign column is which of ours, as in `calibration.read_ratings`.

    Returns
    -------
    Plan
        ``grid`` and ``needed`` are tables, ``sentences`` what follows; a notebook shows all three.

    Raises
    ------
    InputError
        Where neither a pilot nor an intraclass correlation is given, and for values out of range.

    Examples
    --------
    >>> made = plan_study(icc=0.5, evaluators=[5], images=[128])
    >>> repr(made).split(".")[1]
    '5: Of fewer than 20 images the report may say that no metric can be judged by five evaluators'
    >>> made.grid[["evaluators", "images", "ratings"]].values.tolist()
    [[5, 128, 640]]
    """
    stated: dict[str, Any] = {"icc": icc, "strictness": strictness, "between": between}
    metrics, sizes = names_of(metrics, "metrics"), (_several(evaluators), _several(images))
    correlations = None if correlations is None else _several(correlations)
    stated |= {name: tuple(value) for name, value in (("levels", levels), ("correlations", correlations)) if value}
    fields = {name: value for name, value in stated.items() if value is not None}
    if clusters is not None:
        fields["design_effects"] = effects_of_clusters(clusters)
    if ratings is None and (scores is not None or items is not None):
        raise InputError(f"{parameter('scores')} and {parameter('items')} belong to a pilot; give its ratings too.")
    answers = scale_given(scale)
    pilot = None
    if ratings is not None:
        found = tables_given({"ratings": ratings, "scores": scores, "items": items}, map)
        frames = [None if table is None else table[0] for table in found.values()]
        assert frames[0] is not None
        pilot = pilot_of(frames[0], frames[1], frames[2], metrics, task, duplicates, answers)
    study = replace(planned_study(fields, pilot, metrics), statistic=statistic)
    names = pilot.metrics if pilot and correlations is None else ()
    made = make_plan(study, *sizes, power=power, width=width, metrics=names)
    return replace(made, notes=list(pilot.notes)) if pilot else made


def _several(given: Any) -> tuple[Any, ...]:
    return (given,) if isinstance(given, Real) else tuple(given)


def planned_study(stated: dict[str, Any], pilot: Pilot | None, metrics: Sequence[str] = ()) -> PlannedStudy:
    """What is planned: the pilot's estimates, where nothing else is stated.

    Parameters
    ----------
    stated : dict
        Fields of `PlannedStudy`, those that are stated.
    pilot : Pilot, optional
        Where there is one.
    metrics : sequence of str
        Those that were named; they belong to a pilot.

    Raises
    ------
    InputError
        Where there is neither a pilot nor an intraclass correlation, and metrics without a pilot.

    Examples
    --------
    >>> planned_study({"icc": 0.5}, None).icc
    0.5
    """
    if pilot is None:
        if metrics:
            raise InputError(
                f"{parameter('metrics')} names metrics of a pilot; give {parameter('ratings')} and "
                f"{parameter('scores')}, or state {parameter('correlations')}."
            )
        if "icc" not in stated:
            raise InputError(
                "A plan needs to know how well people agree: give a pilot (a study's folder, or "
                f"{parameter('ratings')}), or state {parameter('icc')}, for instance .5."
            )
        return PlannedStudy(**stated)
    if "correlations" in stated:
        stated = {"between": None} | stated
    if {"icc", "levels", "strictness"} & set(stated):
        stated = {"people": ()} | stated  # the pilot's evaluators agree as the pilot's do
    return replace(pilot.study, **stated)


def effects_of_clusters(clusters: Sequence[float]) -> DesignEffects:
    """By how much images of one prompt, so many and so alike, multiply variances.

    Examples
    --------
    >>> effects_of_clusters((5, 0.2)).agreement
    1.8
    """
    if len(clusters) != 2 or not clusters[0] >= 1 or not 0 <= clusters[1] <= 1:
        shown = ",".join(f"{value:g}" for value in clusters)
        raise InputError(
            f"{parameter('clusters')} is {shown}; it is the number of images a prompt, 1 or more, and how alike they "
            "are, from 0 to 1, as in 5,.2."
        )
    return DesignEffects.same(1 + (clusters[0] - 1) * clusters[1])
