"""A calibration as tidy tables, one row a figure.

Every table of figures has ``value``; ``low`` and ``high``, its 95 % interval (NaN where it has none); and ``n``, the
images that it rests on. Where there are intervals for people like these, those stand there; else those for other images
judged by these people; ``people`` says which.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pandas as pd

from calibration.page.methods_text import methods_paragraph
from calibration.report.build import Calibration, calibration_given
from calibration.report.csv_tables import agreement_rows, comparison_rows
from calibration.report.schema.base import Number, interval_to_quote
from calibration.report.schema.document import Metric
from calibration.report.schema.people import Evaluator
from calibration.scale import Scale

_FIGURES = ("value", "low", "high", "people", "n")


def agreement(judged: Calibration) -> pd.DataFrame:
    """How far people agree: Krippendorff's alphas, intraclass correlations, Kendall's W, grades and more.

    Parameters
    ----------
    judged : Calibration

    Returns
    -------
    DataFrame
        task, statistic, value, low, high, people, n, evaluators, ratings; see
        `calibration.report.csv_tables.agreement_rows`.

    Examples
    --------
    >>> from calibration import calibrate
    >>> ratings = pd.DataFrame({"item": list("abab"), "evaluator": list("xxyy"), "rating": [1, 5, 2, 5]})
    >>> table = agreement(calibrate(ratings, draws=0)).set_index("statistic")
    >>> float(table.loc["person", "value"])
    0.875
    """
    return agreement_rows(calibration_given(judged).model)


def evaluators(judged: Calibration) -> pd.DataFrame:
    """Each evaluator beside the others.

    Parameters
    ----------
    judged : Calibration

    Returns
    -------
    DataFrame
        task, evaluator, figure, value, low, high, people, n. Figures: ``grade`` against the mean of the others, for the
        report's k; ``mean`` and ``std`` of the ratings in the scale's numbers; ``weight``, the share wherever people
        are averaged; ``strictness`` in rating steps, above 0 for who rates lower than the others do; and
        ``grade_without_strictness``.

    Examples
    --------
    >>> from calibration import calibrate
    >>> ratings = pd.DataFrame({"item": list("abab"), "evaluator": list("xxyy"), "rating": [1, 5, 2, 5]})
    >>> table = evaluators(calibrate(ratings, draws=0))
    >>> table[table["figure"] == "mean"][["evaluator", "value"]].values.tolist()
    [['x', 3.0], ['y', 3.5]]
    """
    report = calibration_given(judged).model
    scale, k = report.settings.scale.scale(), f"{report.settings.k:g}"
    rows = [
        (task, name, figure, *found, entry.n)
        for task, content in report.tasks.items()
        for name, entry in content.evaluators.items()
        for figure, *found in _of_evaluator(entry, scale, k)
    ]
    return _with_numbers(rows, ["task", "evaluator", "figure", *_FIGURES])


def metric_figures(judged: Calibration) -> pd.DataFrame:
    """Each metric against people.

    Parameters
    ----------
    judged : Calibration

    Returns
    -------
    DataFrame
        task, metric, figure, value, low, high, people, n. Figures: ``spearman``, ``pearson`` and ``kendall`` with the
        mean rating; ``grade`` against one person, ``constant`` (what the best constant answer reaches) and ``person``
        (what the average evaluator does); ``skill`` and ``person_skill``; ``advantage``, the first less the second;
        ``unseen_skill``, on new images; ``pairwise_accuracy``; ``kappa``; ``rater_equivalents``; ``disattenuated``.

    Examples
    --------
    >>> from calibration import calibrate
    >>> ratings = pd.DataFrame({"item": list("abab"), "evaluator": list("xxyy"), "rating": [1, 5, 2, 5]})
    >>> table = metric_figures(calibrate(ratings, pd.DataFrame({"item": ["a", "b"], "ssim": [0.1, 0.9]}), draws=0))
    >>> float(table.set_index("figure").loc["grade", "value"])
    0.875
    """
    rows = [
        (task, name, figure, value, *interval_to_quote(entry.intervals, figure), entry.n_items)
        for task, content in calibration_given(judged).model.tasks.items()
        for name, entry in content.metrics.items()
        for figure, value in entry.figures.items()
    ]
    return _with_numbers(rows, ["task", "metric", "figure", *_FIGURES])


def answers(judged: Calibration) -> pd.DataFrame:
    """What the report says of each metric.

    Parameters
    ----------
    judged : Calibration

    Returns
    -------
    DataFrame
        task, metric, ``sorts`` (does it sort images as people do?) and ``predicts`` (does it predict one person's
        rating?), each "yes", "with care", "no" or "unknown"; and the verdict's sentence.

    Examples
    --------
    >>> from calibration import calibrate
    >>> ratings = pd.DataFrame({"item": list("abab"), "evaluator": list("xxyy"), "rating": [1, 5, 2, 5]})
    >>> answers(calibrate(ratings, pd.DataFrame({"item": ["a", "b"], "ssim": [0.1, 0.9]}), draws=0))["sorts"].tolist()
    ['unknown']
    """
    rows = [
        (task, name, entry.verdict.sorts.answer, entry.verdict.predicts.answer, entry.verdict.sentence)
        for task, content in calibration_given(judged).model.tasks.items()
        for name, entry in content.metrics.items()
    ]
    return pd.DataFrame(rows, columns=["task", "metric", "sorts", "predicts", "sentence"])


def compare(judged: Calibration) -> pd.DataFrame:
    """Every two metrics of a task: the difference of their rank correlations with people, and p-values.

    Parameters
    ----------
    judged : Calibration

    Returns
    -------
    DataFrame
        task, first, second, n, difference, p, p_holm, p_by, williams_p and ITU-T P.1401's; see
        `calibration.report.csv_tables.comparison_rows`. Without rows for fewer than two metrics.
    """
    return comparison_rows(calibration_given(judged).model)


def baselines(judged: Calibration) -> pd.DataFrame:
    """Each metric's grade beside what it must beat: a constant, shuffled scores, one person, the mean of people.

    Parameters
    ----------
    judged : Calibration

    Returns
    -------
    DataFrame
        task, metric, against ("one person", or "mean of the others"), figure, value, low, high, people, n. Figures:
        ``metric``, ``constant`` and ``person``, grades; ``mean_of_others``, a grade against one person;
        ``random_mean`` and ``random_high``, of the same scores shuffled, the mean and what 95 of 100 stay below; and
        ``random_p``, how often shuffled scores do as well.

    Examples
    --------
    >>> from calibration import calibrate
    >>> ratings = pd.DataFrame({"item": list("abab"), "evaluator": list("xxyy"), "rating": [1, 5, 2, 5]})
    >>> table = baselines(calibrate(ratings, pd.DataFrame({"item": ["a", "b"], "ssim": [0.1, 0.9]}), draws=0))
    >>> table[table["against"] == "one person"].set_index("figure").loc[["metric", "constant"], "value"].tolist()
    [0.875, 0.5625]
    """
    rows = [
        (task, name, *found, entry.n_items)
        for task, content in calibration_given(judged).model.tasks.items()
        for name, entry in content.metrics.items()
        for found in _of_baselines(entry)
    ]
    return _with_numbers(rows, ["task", "metric", "against", "figure", *_FIGURES])


def thresholds(judged: Calibration) -> pd.DataFrame:
    """The scores at which each metric's mapping goes from one level to the next.

    Parameters
    ----------
    judged : Calibration

    Returns
    -------
    DataFrame
        task, metric, ``held_out`` (the evaluator without whom the mapping was fitted; empty for the one fitted on
        everyone), ``boundary`` ("1|2" and so on), value (a score; beyond all of them where no image reaches the next
        level), ``low`` and ``high`` (the scores between which it is as good; of the mapping on everyone; NaN where
        an outer level may be empty), n (images, or ratings of the
        one held out).

    Examples
    --------
    >>> from calibration import calibrate
    >>> ratings = pd.DataFrame({"item": list("abab"), "evaluator": list("xxyy"), "rating": [1, 5, 2, 5]})
    >>> table = thresholds(calibrate(ratings, pd.DataFrame({"item": ["a", "b"], "ssim": [0.1, 0.9]}), draws=0))
    >>> table[table["held_out"] == ""][["boundary", "value"]].values.tolist()[-1]
    ['4|5', 0.5]
    """
    report = calibration_given(judged).model
    boundaries = [f"{lower}|{upper}" for lower, upper in pairwise(report.settings.scale.scale().names)]
    rows = []
    for task, content in report.tasks.items():
        for name, entry in content.metrics.items():
            fitted = entry.buckets
            ranges = zip(boundaries, fitted.thresholds, fitted.optimal, strict=False)
            rows += [(task, name, "", boundary, value, *ends, entry.n_items) for boundary, value, ends in ranges]
            for fold in entry.cross_validation.folds:
                values = zip(boundaries, fold.thresholds, strict=False)
                rows += [
                    (task, name, fold.held_out, boundary, value, None, None, fold.n_ratings)
                    for boundary, value in values
                ]
    table = pd.DataFrame(rows, columns=["task", "metric", "held_out", "boundary", "value", "low", "high", "n"])
    return table.astype(dict.fromkeys(("value", "low", "high"), float))


def methods(judged: Calibration) -> str:
    """How it was judged, as a paragraph for a paper, with its references.

    Parameters
    ----------
    judged : Calibration

    Returns
    -------
    str

    Examples
    --------
    >>> from calibration import calibrate
    >>> ratings = pd.DataFrame({"item": list("abab"), "evaluator": list("xxyy"), "rating": [1, 5, 2, 5]})
    >>> methods(calibrate(ratings, draws=0)).split(".")[0]
    'Two evaluators gave 4 ratings from 1 to 5 of 2 items'
    """
    return methods_paragraph(calibration_given(judged).model)


def _with_numbers(rows: list[tuple[Any, ...]], columns: list[str]) -> pd.DataFrame:
    """The table; NaN where a number is not known."""
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(("value", "low", "high"), float))


def _of_evaluator(entry: Evaluator, scale: Scale, k: str) -> Iterator[tuple[str, Number, Number, Number, str | None]]:
    """Figure, value, low, high and for whom the interval is."""
    these = "these"
    low, high = entry.grade_interval or (None, None)
    yield "grade", entry.grade.get(k), low, high, None if low is None else these
    mean, spread = entry.mean, entry.std
    yield "mean", None if mean is None else float(scale.from_unit(mean)), None, None, None
    yield "std", None if spread is None else spread * (scale.high - scale.low), None, None, None
    yield "weight", entry.weight, None, None, None
    if entry.strictness is not None:
        low, high = (
            None if limit is None else limit / scale.step for limit in entry.strictness_interval or (None, None)
        )
        yield "strictness", entry.strictness / scale.step, low, high, None if low is None else these
    if entry.grade_without_strictness is not None:
        yield "grade_without_strictness", entry.grade_without_strictness, None, None, None


def _of_baselines(entry: Metric) -> Iterator[tuple[str, str, Number, Number, Number, str | None]]:
    """Against whom, figure, value, low, high and for whom the interval is."""
    found = entry.baselines
    if found is None:
        return
    for against, grades in (("one person", found), ("mean of the others", found.against_mean_of_others)):
        for figure, of_interval in (("metric", "grade"), ("constant", "constant"), ("person", "person")):
            limits = interval_to_quote(entry.intervals, of_interval) if grades is found else (None, None, None)
            yield against, figure, getattr(grades, figure), *limits
        if grades is found:
            yield against, "mean_of_others", found.mean_of_others, None, None, None
        for figure in ("random_mean", "random_high", "random_p"):
            yield against, figure, getattr(grades, figure), None, None, None
