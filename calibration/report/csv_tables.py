"""The CSV tables of a report: which columns each has."""

import pandas as pd

from calibration.report.schema.base import Number, interval_to_quote
from calibration.report.schema.document import Metric, Report, Task
from calibration.report.schema.judging import Sorting
from calibration.report.schema.metric import MetricFigure, MetricIntervals
from calibration.report.schema.people import AgreementFigure, Evaluator


def evaluator_rows(report: Report) -> pd.DataFrame:
    """A row for each task and evaluator: n, weight, mean, std (unit scale), the grade for each k, and strictness."""
    columns = ["task", "evaluator", "n", "n_shared", "weight", "mean", "std"]
    rows = [
        {
            "task": task,
            "evaluator": evaluator,
            **{name: getattr(entry, name) for name in columns[2:]},
            **{f"grade_k{k}": grade for k, grade in entry.grade.items()},
            **_strictness(entry),
        }
        for task, content in report.tasks.items()
        for evaluator, entry in content.evaluators.items()
    ]
    return pd.DataFrame(rows, columns=None if rows else columns)


def metric_rows(report: Report) -> pd.DataFrame:
    """A row for each task and metric: correlations, the mapping, the cross-validated grades, skill and verdict."""
    columns = ["task", "metric", "direction", "n_items", "pearson", "spearman", "spearman_p", "kendall"]
    rows = []
    for task, metric, entry in _metrics(report):
        validation, unseen, sorting = entry.cross_validation, entry.unseen, entry.sorting
        without = entry.without_strictness
        rows.append(
            {
                **dict(zip(columns, [task, metric, *(getattr(entry, name) for name in columns[2:])], strict=True)),
                **_thresholds(entry.buckets.thresholds),
                "loss": entry.buckets.loss,
                "grade_against_mean": entry.buckets.grade,
                "constant_level": entry.constant.level,
                "constant_grade_against_mean": entry.constant.grade,
                "rater_equivalents": entry.rater_equivalents,
                "disattenuated": entry.disattenuated,
                "weighted_kappa": entry.kappa.metric,
                "random_p": entry.baselines.random_p if entry.baselines else None,
                **{name: getattr(unseen, name, None) for name in ("unseen_grade", "optimism", "unseen_skill")},
                **_limits(entry.intervals),
                **{
                    name: getattr(validation, name)
                    for name in ("grade_mean", "grade_std", "constant_mean", "person_mean", "skill", "person_skill")
                },
                **_sorting(sorting),
                **{
                    f"{name}_without_strictness": getattr(without, name, None)
                    for name in ("grade", "skill", "person_skill")
                },
                "sorts": entry.verdict.sorts.answer,
                "predicts": entry.verdict.predicts.answer,
                "verdict": entry.verdict.sentence,
            }
        )
    return pd.DataFrame(rows, columns=None if rows else columns)


def fold_rows(report: Report) -> pd.DataFrame:
    """A row for each task, metric and held-out evaluator."""
    columns = ["task", "metric", "held_out", "n_ratings", "train_loss", "grade", "constant_grade", "person_grade"]
    rows = []
    for task, metric, entry in _metrics(report):
        for fold in entry.cross_validation.folds:
            rows.append(
                {"task": task, "metric": metric, **{name: getattr(fold, name) for name in columns[2:]}}
                | _thresholds(fold.thresholds)
            )
    return pd.DataFrame(rows, columns=None if rows else columns)


def comparison_rows(report: Report) -> pd.DataFrame:
    """A row for each task and two metrics: the difference of their correlations with people, and p-values."""
    columns = ["first", "second", "n", "difference", "p", "p_holm", "p_by", "williams_p"]
    tests = ["plcc", "rmse", "outlier_ratio"]
    rows = [
        {"task": task, **{name: getattr(pair, name) for name in columns}}
        | {f"p1401_{test}_p": getattr(pair.p1401, test, None) for test in tests}
        for task, content in report.tasks.items()
        for pair in (content.comparison.pairs if content.comparison else [])
    ]
    return pd.DataFrame(rows, columns=["task", *columns, *(f"p1401_{test}_p" for test in tests)])


def agreement_rows(report: Report) -> pd.DataFrame:
    """A row for each task and figure of people's agreement, with its interval.

    Parameters
    ----------
    report : Report

    Returns
    -------
    DataFrame
        task; statistic, as report.json names it (Krippendorff's alpha by its level of measurement; ``person`` and
        ``mean_of_others`` are the grades of one person against another and against the mean of the others); value;
        low and high, the 95 % interval; people, for whom it is: people_like_these, or these where there is none; n, the
        images rated; evaluators and ratings.

    Examples
    --------
    >>> from calibration.pipeline import calibrate_tables
    >>> ratings = pd.DataFrame({"item": list("abab"), "evaluator": list("xxyy"), "rating": [1, 5, 2, 5]})
    >>> table = agreement_rows(calibrate_tables(ratings).model).set_index("statistic")
    >>> float(table.loc["person", "value"]), int(table.loc["person", "n"])
    (0.875, 2)
    """
    columns = ["task", "statistic", "value", "low", "high", "people", "n", "evaluators", "ratings"]
    rows = []
    for name, task in report.tasks.items():
        for statistic, value in _agreement(task).items():
            limits = interval_to_quote(task.agreement.intervals, statistic)
            rows.append(
                (name, statistic, value, *limits, task.n_items, task.n_evaluators, task.n_ratings),
            )
    return pd.DataFrame(rows, columns=columns)


def model_order_rows(report: Report) -> pd.DataFrame:
    """A row for each task, metric and generator model: its place by people and by the metric, the best by people first.

    Parameters
    ----------
    report : Report

    Returns
    -------
    DataFrame
        task, metric, model; n, the model's images with a rating and a score; mean_rating (in the scale's numbers) and
        rank_by_people; mean_score and rank_by_metric. Rank 1 is best, and ties share their mean rank. Without rows
        where no models, or no metrics, are known.

    Examples
    --------
    >>> from calibration.pipeline import calibrate_tables
    >>> ratings = pd.DataFrame({"item": list("abab"), "evaluator": list("xxyy"), "rating": [1, 5, 2, 5]})
    >>> scores = pd.DataFrame({"item": ["a", "b"], "ssim": [0.9, 0.1]})
    >>> items = pd.DataFrame({"item": ["a", "b"], "model": ["first", "second"]})
    >>> model_order_rows(calibrate_tables(ratings, scores, items).model)["rank_by_metric"].tolist()
    [2.0, 1.0]
    """
    scale = report.settings.scale.scale()
    columns = ["task", "metric", "model", "n", "mean_rating", "rank_by_people", "mean_score", "rank_by_metric"]
    rows = [
        (task, metric, one.model, one.n, mean, one.rank_by_people, one.score, one.rank_by_metric)
        for task, metric, entry in _metrics(report)
        for one in (entry.models.models if entry.models else [])
        for mean in [None if one.rating is None else float(scale.from_unit(one.rating))]
    ]
    return pd.DataFrame(rows, columns=columns)


def _agreement(task: Task) -> dict[AgreementFigure, Number]:
    """The figures of people's agreement, by the names of their intervals."""
    agreement, people = task.agreement, task.reliability_of_people
    alpha, icc = agreement.krippendorff_alpha, agreement.icc
    return {
        "nominal": alpha.nominal,
        "ordinal": alpha.ordinal,
        "interval": alpha.interval,
        "icc1": icc.icc1 if icc else None,
        "icc2": icc.icc2 if icc else None,
        "icc3": icc.icc3 if icc else None,
        "icc1k": icc.icc1k if icc else None,
        "icc2k": icc.icc2k if icc else None,
        "icc3k": icc.icc3k if icc else None,
        "kendall_w": agreement.kendall_w,
        "split_half": people.split_half,
        "spearman_brown": people.spearman_brown,
        "correlation_ceiling": people.correlation_ceiling,
        "person": people.ceiling.person,
        "mean_of_others": people.ceiling.mean_of_others,
    }


def _metrics(report: Report) -> list[tuple[str, str, Metric]]:
    return [
        (task, metric, entry) for task, content in report.tasks.items() for metric, entry in content.metrics.items()
    ]


def _limits(intervals: MetricIntervals | None) -> dict[str, float | None]:
    """The limits of every interval, for these evaluators and for people like these."""
    found: dict[str, float | None] = {}
    figures: tuple[MetricFigure, ...] = ("spearman", "grade", "skill", "person_skill", "advantage", "rater_equivalents")
    kinds = {"these": intervals.these, "people_like_these": intervals.people_like_these} if intervals else {}
    for kind in ("these", "people_like_these"):
        for name in figures:
            low, high = kinds.get(kind, {}).get(name) or (None, None)
            found |= {f"{name}_low_{kind}": low, f"{name}_high_{kind}": high}
    return found


def _sorting(found: Sorting | None) -> dict[str, float | None]:
    """Metric and person as sorters of images, and the interval of the difference on which the verdict rests."""
    intervals = (found.people_like_these or found.these) if found else None
    low, high = intervals.difference if intervals else (None, None)
    figures = {f"sorting_{name}": getattr(found, name, None) for name in ("metric", "person", "difference")}
    return figures | {"sorting_difference_low": low, "sorting_difference_high": high}


def _strictness(entry: Evaluator) -> dict[str, float | None]:
    """An evaluator's strictness with its interval, on the unit scale, and the grade without it; empty for one alone."""
    low, high = entry.strictness_interval or (None, None)
    return {
        "strictness": entry.strictness,
        "strictness_low": low,
        "strictness_high": high,
        "grade_without_strictness": entry.grade_without_strictness,
    }


def _thresholds(values: list[float | None]) -> dict[str, float | None]:
    return {f"threshold_{number}": value for number, value in enumerate(values, 1)}
