"""Plain words beside each figure: what it shows, how to read it, what would be bad, with this data's numbers."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from calibration.core.evaluator_weights import is_known
from calibration.page.figures import MOST_FOLDS, fitted_folds, known_thresholds, separates, steps
from calibration.page.grade_figures import reference_metric
from calibration.page.score_digits import digits_for, score_text
from calibration.report.schema.document import Metric, Task
from calibration.report.schema.prediction import Reliability
from calibration.scale import LIKERT, Scale
from calibration.verdict.task_words import how_many_poor, together
from metrics.text import counted, listed

_LOOSE = 0.25  # share of the score's range beyond which a threshold that moves from fold to fold is called unsteady


@dataclass(frozen=True)
class Explanation:
    """One line that always stands beside the figure, and three short paragraphs for those who ask for more."""

    line: str
    shows: str
    read: str
    bad: str


def why_skill(task: Task) -> str | None:
    """Why skill leads and raw grades flatter, in this task's numbers; None where nothing was cross-validated."""
    reference = reference_metric(task)
    if reference is None or reference.cross_validation.person_skill is None:
        return None
    validation = reference.cross_validation
    constant = number(validation.constant_mean)
    best = max(
        (entry for entry in task.metrics.values() if entry.cross_validation.skill is not None),
        key=lambda entry: entry.cross_validation.skill or 0.0,
    )
    return (
        f"Raw grades flatter. Giving every image the rating {reference.constant.level} without looking at it "
        f"already grades {constant} against a person; the average evaluator grades "
        f"{number(validation.person_mean)}. So a grade near {constant} means nothing. Skill measures from there: 0 "
        "is what the best constant answer reaches, 1 is perfect. The average evaluator has a skill of "
        f"{number(validation.person_skill)}, the best metric ({best.title}) "
        f"{number(best.cross_validation.skill)}."
    )


def meaning(task: Task) -> list[str]:
    """What the verdicts of a task mean, in a few sentences; none where nothing was cross-validated."""
    reference = reference_metric(task)
    judged = [entry for entry in task.metrics.values() if entry.cross_validation.skill is not None]
    if reference is None or not judged or reference.cross_validation.person_skill is None:
        return []
    validation = reference.cross_validation
    people = (
        f"The average person predicts another with a skill of {number(validation.person_skill)}: 0 is what one "
        f"constant answer reaches (it already grades {number(validation.constant_mean)}), 1 is perfect."
    )
    ranked = sorted(task.metrics.values(), key=lambda entry: -(entry.cross_validation.skill or -1e9))
    return [people, *together({entry.title: entry.verdict.answers for entry in ranked})]


def caution(task: Task) -> str | None:
    """A warning where people agree so little that passing them means nothing; None where they have skill."""
    reference = reference_metric(task)
    person_skill = reference.cross_validation.person_skill if reference else None
    same = reference.same_target if reference else None
    if reference is None or person_skill is None or person_skill > 0 or (same and (same.person_skill or 0) > 0):
        return None
    careful = (
        "Be careful here: even the average evaluator predicts another one no better than a constant answer does "
        f"(skill {number(person_skill)}). "
    )
    strict = reference.verdict.claim("people differ in strictness")
    if strict is not None and strict.holds:
        return (
            f"{careful}These people differ in strictness by {number(strict.figure('spread'))} of a rating step "
            "(standard deviation), so no single person's rating can be predicted well; whether a metric sorts images "
            "as they do is another question, answered beside it."
        )
    return (
        f"{careful}These people disagree so much that a metric can pass them by staying in the middle of the scale; "
        "that does not mean that it sees what people see."
    )


def of_grades_against_person(task: Task) -> Explanation | None:
    """Explain the first figure of grades; None where it is not drawn."""
    reference = reference_metric(task)
    if reference is None:
        return None
    validation = reference.cross_validation
    enough = is_known(np.array([*validation.weights.values()])).tolist()
    grades = [
        (pair.person_grade, pair.constant_grade)
        for pair, is_enough in zip(validation.against_people.values(), enough, strict=True)
        if is_enough and pair.metric_grade is not None
    ]
    known = [person for person, beside in grades if person is not None and beside is not None and person > beside]
    poor = how_many_poor({entry.title: entry.verdict.answers for entry in task.metrics.values()})
    spread = ""
    if known:
        spread = (
            f" People who are better than the constant reach {number(min(known))} to {number(max(known))} (the band)."
        )
    constant = (
        "Further right is better, and 1 is perfect agreement. The dashed line is the best constant answer "
        f"({number(validation.constant_mean)}); the upper axis counts from it as skill. The verdicts look closer: "
        "at new images, and at whether chance explains it."
    )
    useless = (
        "A metric on or left of the dashed line predicts one person no better than a constant does; whether it sorts "
        f"images as people do is another question. {poor}"
    )
    if not task.evaluators:
        return Explanation(
            line="A metric (diamond) right of the circle agrees with a person more than the average evaluator does; on "
            "or left of the dashed line it predicts a person no better than one constant answer.",
            shows="The circle is the average evaluator, graded against the others one at a time; a diamond is a "
            "metric, graded against each person on a mapping that never saw that person.",
            read=constant,
            bad=useless,
        )
    return Explanation(
        line="A metric (diamond) inside the blue band agrees with people about as the weaker able evaluators do; on "
        "or left of the dashed line it predicts a person no better than one constant answer.",
        shows="Everyone is graded against the other evaluators one at a time. A circle is a person; a diamond is a "
        f"metric whose mapping never saw the person it is graded against, with a small dot for each fold.{spread}",
        read=constant,
        bad=f"{useless} Folds that lie far apart mean that the grade depends on who is asked.",
    )


def of_grades_against_mean(task: Task, k: float) -> Explanation:
    """Explain the second figure of grades."""
    grades = [entry.grade[f"{k:g}"] for entry in task.evaluators.values()]
    known = [grade for grade in grades if grade is not None]
    spread = f" People reach {number(min(known))} to {number(max(known))}." if known else ""
    reference = reference_metric(task)
    constant = reference.constant.grade if reference else None
    against = f" and {number(constant)} against the mean of people" if constant is not None else ""
    mean = (
        f" The constant, for one, grades {number(reference.cross_validation.constant_mean)} against one person"
        f"{against}."
        if reference
        else ""
    )
    return Explanation(
        line="Further right is better; the mean of people is easier to hit than one person, so compare these grades "
        "only with each other.",
        shows="The same, but against the mean of people: an evaluator against the mean of the others, a metric "
        "against the mean of all." + spread,
        read="A mean is easier to hit than one person, so grades here differ from those in the other figure and must "
        "not be compared with them." + mean,
        bad="The metrics' mapping was fitted on the same people here, which flatters it a little: a metric that looks "
        "good only in this figure has learned these people, not people.",
    )


def of_scatter(metric: Metric, low: float, high: float, n_drawn: int, scale: Scale = LIKERT) -> Explanation:
    """Explain score against mean rating."""
    total, buckets, constant = metric.n_items, metric.buckets, metric.constant
    drawn = f"one of {total:,} items" if total > 1 else "the only item"
    if n_drawn < total:
        drawn += f" (of which a random {n_drawn:,} are drawn)"
    rank = ""
    if metric.spearman is not None:
        perfect = "1" if metric.direction == "higher" else "−1"
        rank = (
            f" Spearman's correlation would be {perfect} if both sorted the items alike; it is "
            f"{number(metric.spearman)}."
        )
    edges, levels = steps(known_thresholds(buckets), metric.direction, low, high)
    mapped = [scale.names[level - 1] for level in levels]
    constant_name = None if constant.level is None else scale.names[constant.level - 1]
    unused = [name for level, name in enumerate(scale.names, 1) if level not in levels]
    lower, upper = scale.names[scale.count // 2 : scale.count // 2 + 2]
    never = f" Never given here: {'level' if len(unused) == 1 else 'levels'} {listed(unused)}." if unused else ""
    return Explanation(
        line="The closer the dots lie to the heavy line, which turns the score into a level from "
        f"{scale}, the better the metric follows people.",
        shows=f"Each point is {drawn}: the metric's score across, people's mean rating upwards; darker spots are "
        "several items in one place. The heavy line is the mapping that fits all ratings best; dotted lines are its "
        f"thresholds, and {lower}|{upper} stands where level {lower} meets level {upper}.",
        read=f"Points that follow the heavy line closely are what one hopes for.{rank} The mapping says: "
        f"{_mapping_in_words(edges, mapped, metric.direction, digits_for(low, high, 3))}. "
        f"It grades {number(buckets.grade)} against the mean of people; the constant "
        f"{constant_name} "
        f"grades {number(constant.grade)}.",
        bad=f"A cloud without a slope, or a line with only one or two steps: the score then says little about the "
        f"rating.{never}",
    )


def of_confusion(metric: Metric, scale: Scale = LIKERT) -> Explanation | None:
    """Explain the confusion matrix; None where it is empty."""
    confusion = metric.cross_validation.confusion
    levels = range(scale.count)
    cells = [(row, column, confusion[row][column]) for row in levels for column in levels]
    total = sum(count for _, _, count in cells)
    if not total:
        return None
    exact = sum(count for row, column, count in cells if row == column) / total
    near = sum(count for row, column, count in cells if abs(row - column) <= 1) / total
    columns = [sum(row[column] for row in confusion) for column in levels]
    commonest = max(levels, key=columns.__getitem__)
    return Explanation(
        line="Read along a row: how held-out people rated what the metric puts at this level. The darker the framed "
        "diagonal, the better.",
        shows="What the mapping said (rows) against what the held-out person answered (columns), "
        f"{counted(total, 'rating')} in all. Percentages are of the row; counts stand below them.",
        read=f"Framed cells are exact hits: {exact:.0%} of all ratings; {near:.0%} are at most one step off. For "
        f"comparison, {scale.names[commonest]} is the commonest rating, with {columns[commonest] / total:.0%}.",
        bad="Rows that all look alike: then the level says nothing about the rating. A row marked 'never' is a level "
        f"that the mapping does not use; here {_of(sum(not sum(row) for row in confusion), scale.count, 'level')}.",
    )


def of_folds(metric: Metric, low: float, high: float, scale: Scale = LIKERT) -> Explanation:
    """Explain the thresholds across folds."""
    folds = [known_thresholds(fold) for fold in fitted_folds(metric)]
    moved = []
    for index, name in enumerate(f"{lower}|{upper}" for lower, upper in pairwise(scale.names)):
        values = [thresholds[index] for thresholds in folds]
        if any(separates(value, metric.direction, low, high) for value in values):
            inside = [min(max(value, low), high) for value in values]
            moved.append((max(inside) - min(inside), name))
    if moved and high > low:
        distance, name = max(moved)
        share = distance / (high - low)
        word = "unsteady" if share > _LOOSE else "steady" if share < _LOOSE / 4 else "fairly steady"
        seen = f" Here the one that moves most, {name}, moves by {_percent(share)} of the scores' range: {word}."
    else:
        seen = " Here none lies within the scores, so every fold gives all items the same level."
    return Explanation(
        line="Marks of one kind above each other mean that the mapping does not depend on who was left out.",
        shows=f"The thresholds fitted without each evaluator in turn ({counted(len(folds), 'fold')}); dotted lines "
        f"are those fitted on everyone.{'' if len(folds) <= MOST_FOLDS else f' The first {MOST_FOLDS} are drawn.'}",
        read="Marks of one kind that stand above each other mean that the mapping does not depend on who was left out."
        + seen
        + " A hollow mark lies beyond the scores there are: it separates nothing.",
        bad="Marks of one kind scattered over the axis: then the mapping follows single people, and new people would "
        "move it again.",
    )


def of_reliability(found: Reliability) -> Explanation:
    """Explain the reliability diagram."""
    error, by_chance = found.error, found.error_by_chance
    measured = (
        "" if error is None else f" The mean distance from the diagonal (calibration error) is {number(error, 3)}"
    )
    if measured:
        measured += "." if by_chance is None else f"; a perfect forecast would show {number(by_chance, 3)} by chance."
    return Explanation(
        line="Dots on the dashed diagonal mean that people answer as predicted.",
        shows="Ratings predicted for people and images that were held out, in bins of images: the mean predicted "
        "across, the mean observed upwards, with its 95 % interval.",
        read=f"A dot above the diagonal: people rate these images higher than predicted.{measured}",
        bad="Intervals that miss the diagonal throughout: the predicted distribution must not be taken at its word.",
    )


def of_alpha(task: Task) -> str:
    """Explain Krippendorff's alpha."""
    alpha = task.agreement.krippendorff_alpha.ordinal
    meaning = (
        "Alpha is 1 where people always agree and 0 where they agree as often as chance has it. By custom .800 is "
        "enough for firm conclusions and .667 for tentative ones. Nominal counts every difference alike, ordinal by "
        "rank, interval by distance; for ratings on a few levels the ordinal one is the usual choice."
    )
    return meaning if alpha is None else f"{meaning} Here it is {number(alpha)}."


def number(value: float | None, digits: int = 2) -> str:
    """A number for a sentence or a table, with a true minus sign and without a negative zero; a dash for None.

    Examples
    --------
    >>> number(0.126), number(-0.001), number(-0.5), number(None)
    ('0.13', '0.00', '−0.50', '–')
    """
    if value is None:
        return "–"
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")


def _mapping_in_words(edges: list[float], levels: list[str], direction: str, digits: int) -> str:
    """'a score up to 0.4 becomes 2, up to 0.7 becomes 4, above that 5'."""
    if not edges:
        return f"every score becomes {levels[0]}"
    up_to, beyond = ("up to", "above that") if direction == "higher" else ("below", "from there on")
    parts = [f"{up_to} {score_text(edge, digits)} becomes {level}" for edge, level in zip(edges, levels, strict=False)]
    return f"a score {', '.join(parts)}, {beyond} {levels[-1]}"


def _percent(share: float) -> str:
    return "less than 1%" if 0 < share < 0.005 else f"{share:.0%}"


def _of(part: int, whole: int, noun: str) -> str:
    """'none of 5 metrics', 'the only metric'."""
    if whole == 1:
        return f"the only {noun}" if part else f"not the only {noun}"
    return f"{part or 'none'} of {counted(whole, noun)}"
