"""The two figures of grades, people and metrics on one axis, like compared with like; and the numbers behind them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from calibration.page.figure_style import COLOURS, ROW_HEIGHT, Figure, canvas, label_width
from calibration.report.schema.document import Metric, Task

AVERAGE = "people on average"
"""Whose grade stands for all people where single evaluators are not shown."""

MOST_METRICS = 30
"""How many metrics a figure of grades draws at most: those of the best grades."""

MOST_PEOPLE = 30
"""With more people than these each row would be lost in the others: all people then share one row."""


@dataclass(frozen=True)
class GradeRow:
    """An evaluator or a metric in a figure of grades.

    Attributes
    ----------
    name : str
        An evaluator's name, or a metric's title.
    grade : float
        From 0 to 1.
    is_metric : bool
    constant : float or None
        The grade of the best constant answer on the same items.
    folds : tuple of (str, float)
        The grade on each held-out evaluator.
    is_average : bool
        Whether it is the mean of the people.
    is_simulated : bool
        Whether a program made the ratings.
    """

    name: str
    grade: float
    is_metric: bool
    constant: float | None = None
    folds: tuple[tuple[str, float], ...] = ()
    is_average: bool = False
    is_simulated: bool = False

    @property
    def skill(self) -> float | None:
        """From 0 at the constant to 1; None where a constant is perfect."""
        if self.constant is None or self.constant >= 1:
            return None
        return (self.grade - self.constant) / (1 - self.constant)

    @property
    def kind(self) -> str:
        """'metric', 'average', 'person' or 'simulated'."""
        if self.is_average:
            return "average"
        return "metric" if self.is_metric else "simulated" if self.is_simulated else "person"


def reference_metric(task: Task) -> Metric | None:
    """The metric whose cross-validation rests on the most items; it gives people's grades and the constant's line.

    People are graded on the items that a metric scored, so with gaps in the scores their grades differ a little from
    metric to metric.

    Returns
    -------
    Metric or None
        None where no metric could be cross-validated.
    """
    return _widest(task, lambda entry: entry.cross_validation.constant_mean)


def rows_against_person(task: Task) -> list[GradeRow]:
    """People and metrics, each graded against the other evaluators one by one; best first.

    Parameters
    ----------
    task : Task
        A task of the report.

    Returns
    -------
    list of GradeRow
        Empty where no metric could be cross-validated.
    """
    reference = reference_metric(task)
    if reference is None:
        return []
    rows = [
        GradeRow(name, pair.person_grade, False, pair.constant_grade, is_simulated=task.evaluators[name].simulated)
        for name, pair in reference.cross_validation.against_people.items()
        if pair.person_grade is not None
    ]
    validation = reference.cross_validation
    if not task.evaluators and validation.person_mean is not None:
        rows.append(GradeRow(AVERAGE, validation.person_mean, False, validation.constant_mean, is_average=True))
    for entry in task.metrics.values():
        validation = entry.cross_validation
        if validation.grade_mean is not None:
            folds = tuple((fold.held_out, fold.grade) for fold in validation.folds if fold.grade is not None)
            rows.append(GradeRow(entry.title, validation.grade_mean, True, validation.constant_mean, folds))
    return sorted(rows, key=lambda row: -row.grade)


def rows_against_mean(task: Task, k: float) -> list[GradeRow]:
    """People graded against the mean of the others, and metrics against the mean of all people; best first.

    Parameters
    ----------
    task : Task
        A task of the report.
    k : float
        The report's exponent.

    Returns
    -------
    list of GradeRow
        Empty where there is no grade at all.
    """
    grades = {name: entry.grade[f"{k:g}"] for name, entry in task.evaluators.items()}
    rows = [
        GradeRow(name, grade, False, is_simulated=task.evaluators[name].simulated)
        for name, grade in grades.items()
        if grade is not None
    ]
    mean = task.reliability_of_people.ceiling.mean_of_others
    if not task.evaluators and mean is not None:
        rows.append(GradeRow(AVERAGE, mean, False, is_average=True))
    rows += [
        GradeRow(entry.title, entry.buckets.grade, True, entry.constant.grade)
        for entry in task.metrics.values()
        if entry.buckets.grade is not None
    ]
    return sorted(rows, key=lambda row: -row.grade)


def grades_against_person(task: Task, prefix: str) -> Figure | None:
    """Draw `rows_against_person`; `prefix` for its ids. None where there are none."""
    rows = rows_against_person(task)
    reference = reference_metric(task)
    if reference is None or not rows:
        return None
    constant = reference.cross_validation.constant_mean
    return _grades(rows, constant, "grade against one person", prefix)


def grades_against_mean(task: Task, k: float, prefix: str) -> Figure | None:
    """Draw `rows_against_mean`; `prefix` for its ids. None where there are none."""
    rows = rows_against_mean(task, k)
    reference = _widest(task, lambda entry: entry.constant.grade)
    constant = reference.constant.grade if reference else None
    return _grades(rows, constant, "grade against the mean of people", prefix) if rows else None


def _widest(task: Task, value: Callable[[Metric], float | None]) -> Metric | None:
    """The metric with the most items among those that have the value."""
    known = [entry for entry in task.metrics.values() if value(entry) is not None]
    return max(known, key=lambda entry: entry.n_items, default=None)


def _grades(rows: list[GradeRow], constant: float | None, title: str, prefix: str) -> Figure:
    """A row each, the constant as a dashed line, the able people's range as a band, and skill on the upper axis."""
    rows, left_out = _best_metrics(rows)
    people = [row for row in rows if not row.is_metric]
    able = [row for row in people if constant is None or row.grade > (row.constant or constant)]
    metrics = [row for row in rows if row.is_metric]
    names, bold, places = _places(rows, people, metrics)
    known = [row.grade for row in rows] + [grade for row in rows for _, grade in row.folds]
    known += [row.constant for row in metrics if row.constant is not None]
    known += [] if constant is None else [constant]
    low, high = min(known) - 0.03 * (1.0 - min(known)) - 0.005, 1.005
    own = len({row.constant for row in metrics if row.constant is not None}) > 1
    crowded = len(people) > MOST_PEOPLE
    with canvas(96 + ROW_HEIGHT * len(names), left=label_width(names), top=44, bottom=44) as drawn:
        drawn.axes.set_xlim(low, high)
        drawn.rows(names, bold)
        ticks = _round_values(low, high)
        drawn.ticks(ticks, [f"{value:g}" for value in ticks], title)
        if len(able) > 1:
            drawn.axes.axvspan(able[-1].grade, able[0].grade, color=COLOURS["people-band"], linewidth=0, zorder=0)
        if constant is not None:
            drawn.upright(constant, dashed=True)
            if constant < 1:
                _skill_axis(drawn, constant)
        folds = [(grade, row, held_out) for row in metrics for held_out, grade in row.folds]
        drawn.markers(
            [grade for grade, _, _ in folds],
            [places[row.name, True] for _, row, _ in folds],
            *("metric", "o", 4.5, 0.45),
            titles=() if crowded else [f"{row.name} on {name}: {grade:.3f}" for grade, row, name in folds],
        )
        for kind, colour, symbol in (
            ("person", "people", "o"),
            ("average", "people", "o"),
            ("simulated", "people", "o"),
            ("metric", "metric", "D"),
        ):
            chosen = [row for row in rows if row.kind == kind]
            drawn.markers(
                [row.grade for row in chosen],
                [places[row.name, row.is_metric] for row in chosen],
                *(colour, symbol, 7.5 if symbol == "D" else 9, 0.5 if crowded and kind != "metric" else 1.0),
                hollow=kind == "simulated",
                titles=[f"{row.name}: {row.grade:.3f}" for row in chosen],
            )
        if own:
            drawn.markers(
                [row.constant for row in metrics if row.constant is not None],
                [places[row.name, True] for row in metrics if row.constant is not None],
                *("constant", "|", 11),
                titles=[f"constant on the items of {row.name}: {row.constant:.3f}" for row in metrics if row.constant],
            )
        svg = drawn.finish(prefix, f"Grades of people and metrics: {title}")
    kinds = {row.kind for row in rows}
    legend = [
        ("people", "●", "a person") if "person" in kinds else None,
        ("people", "●", AVERAGE) if "average" in kinds else None,
        ("people", "○", "simulated") if "simulated" in kinds else None,
        ("people-band", "■", "people better than the constant") if len(able) > 1 else None,
        ("metric", "◆", "a metric") if metrics else None,
        ("metric", "•", "its folds") if folds else None,
        ("constant", "┆", f"the best constant ({constant:.2f})") if constant is not None else None,
        ("constant", "|", "a metric's own constant") if own else None,
        ("muted", "…", f"{left_out} metrics of lower grades are not drawn") if left_out else None,
    ]
    return Figure(svg, tuple(entry for entry in legend if entry))


def _best_metrics(rows: list[GradeRow]) -> tuple[list[GradeRow], int]:
    """The rows with 30 metrics at most, those of the best grades, and how many others there are."""
    metrics = [row.name for row in rows if row.is_metric]
    kept = set(metrics[:MOST_METRICS])
    return [row for row in rows if not row.is_metric or row.name in kept], max(0, len(metrics) - MOST_METRICS)


def _places(
    rows: list[GradeRow], people: list[GradeRow], metrics: list[GradeRow]
) -> tuple[list[str], list[bool], dict[tuple[str, bool], int]]:
    """The names down the axis, which are bold, and whose row is which."""
    if len(people) <= MOST_PEOPLE:
        places = {(row.name, row.is_metric): place for place, row in enumerate(rows)}
        return [row.name for row in rows], [row.is_metric for row in rows], places
    names = [f"{len(people)} people", *(row.name for row in metrics)]
    places = {(row.name, False): 0 for row in people}
    places |= {(row.name, True): place for place, row in enumerate(metrics, 1)}
    return names, [False, *([True] * len(metrics))], places


def _skill_axis(drawn: Any, constant: float) -> None:
    """The upper axis, on which the constant is 0 and a perfect answer 1."""
    upper = drawn.axes.twiny()
    upper.patch.set_facecolor("none")
    upper.spines[:].set_visible(False)
    upper.tick_params(length=0, pad=3)
    low, high = ((edge - constant) / (1 - constant) for edge in drawn.axes.get_xlim())
    ticks = [value for value in _round_values(low, high) if value >= -1]
    upper.set_xticks(ticks, [drawn.text(f"{value:g}".replace("-", "−")) for value in ticks])
    upper.set_xlim(low, high)
    upper.set_xlabel(drawn.text("skill"), color=COLOURS["muted"], labelpad=5)


def _round_values(low: float, high: float) -> list[float]:
    """Round numbers between two bounds."""
    from matplotlib.ticker import MaxNLocator

    values = MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return [round(float(value), 6) for value in values if low <= value <= high]
