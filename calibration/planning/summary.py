"""A plan as tables and as plain sentences: what each size of study gives, and what it takes to reach a goal."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np
import pandas as pd

from calibration.planning.plan import Figure, images_for_power, images_for_width, plan_power, plan_width
from calibration.planning.simulated_reports import KINDS, MOST_JUDGED, Kind, fewest_judged
from calibration.planning.study import MOST_EVALUATORS, MOST_IMAGES, PlannedStudy
from metrics.text import counted, spelled

MANY_EVALUATORS = 200
"""So many that people's mean is as good as their true mean: what more evaluators could give at best."""

_NOT_WORTH_IT = 0.9  # more evaluators hardly help where even many leave more than this share of the images
_COLUMNS: dict[Kind, str] = {"these": "width_{}", "people_like_these": "width_{}_people_like_these"}
_FIGURE_NAMES: dict[Figure, str] = {
    "spearman": "Spearman's correlation with people",
    "pearson": "Pearson's correlation with people",
    "grade": "a metric's grade",
    "skill": "a metric's skill",
    "icc": "the intraclass correlation",
}


@dataclass(frozen=True, repr=False)
class Plan:
    """What a study can show, by its size.

    Attributes
    ----------
    study : PlannedStudy
        What was assumed.
    power, width : float
        The goals.
    grid : DataFrame
        evaluators, images, ratings (their product), power (with metrics), and the width of each figure's interval as
        width_spearman (or width_pearson), width_grade, width_skill and width_icc, for these evaluators and, with
        ``_people_like_these`` at the end, for people like these; judged, whether the report judges a metric in nearly
        every such study; a row for each size.
    needed : DataFrame
        evaluators and, under the same names, the fewest images that reach the goal, and of which the report judges a
        metric (these alone as ``judged``); NaN where a million do not.
    sentences : list of str
        What follows, in plain words.
    notes : list of str
        What the pilot made necessary to assume.
    """

    study: PlannedStudy
    power: float
    width: float
    grid: pd.DataFrame
    needed: pd.DataFrame
    sentences: list[str]
    notes: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        sizes = counted(len(self.grid), "size")
        return f"Plan of {sizes} with an intraclass correlation of {self.study.icc:.2g}: {' '.join(self.sentences)}"

    def _repr_html_(self) -> str:
        """The sentences and the two tables, as a notebook shows them."""
        said = "".join(f"<p>{escape(sentence)}</p>" for sentence in [*self.notes, *self.sentences])
        shown = [("What a study shows", self.grid), ("Images needed", self.needed)]
        tables = (f"<p><b>{title}</b></p>{table.round(3).to_html(index=False)}" for title, table in shown)
        return said + "".join(tables)


def make_plan(
    study: PlannedStudy,
    evaluators: Sequence[int] = (3, 5, 10),
    images: Sequence[int] = (128, 256, 512, 1024),
    power: float = 0.8,
    width: float = 0.1,
    metrics: Sequence[str] = (),
) -> Plan:
    """Plan a study for a power and a width.

    Parameters
    ----------
    study : PlannedStudy
        Without correlations only the intraclass correlation is planned for.
    evaluators, images : sequence of int
        The sizes to look at.
    power : float
        Of the test of the metrics, in (.05, 1).
    width : float
        Of the 95 % intervals, in (0, 1].
    metrics : sequence of str
        The metrics' names, where they have any.

    Returns
    -------
    Plan

    Raises
    ------
    InputError
        As `calibration.planning.plan.plan_power` and `plan_width`.

    Examples
    --------
    >>> make_plan(PlannedStudy(0.5), [5]).sentences[0]
    'Of fewer than 20 images the report may say that no metric can be judged by five evaluators.'
    """
    people = sorted(set(evaluators))
    counts = sorted(set(images))
    figures: list[Figure] = [study.statistic, "grade", "skill", "icc"] if study.correlations else ["icc"]
    columns = {_COLUMNS[kind].format(figure): (figure, kind) for figure in figures for kind in KINDS}
    parts = {name: plan_width(study, figure, people, counts, kind) for name, (figure, kind) in columns.items()}
    if study.correlations:
        parts = {"power": plan_power(study, people, counts)} | parts
    grid = next(iter(parts.values()))[["evaluators", "images"]].copy()
    grid["ratings"] = grid["evaluators"] * grid["images"]
    for name, part in parts.items():
        grid[name] = part[name.partition("_")[0]]
    asked = [*people, MANY_EVALUATORS]
    needs = {
        name: images_for_width(study, figure, asked, width, kind)["images"] for name, (figure, kind) in columns.items()
    }
    if study.correlations:
        needs = {"power": images_for_power(study, asked, power)["images"]} | needs
    judged = np.array([fewest_judged(study, count) for count in asked])
    grid["judged"] = grid["images"].to_numpy() >= np.repeat(judged[:-1], len(counts))
    needed = pd.DataFrame(
        {"evaluators": asked} | {name: np.maximum(part.to_numpy(), judged) for name, part in needs.items()}
    ).assign(judged=judged)
    chosen = 5 if 5 in people else people[len(people) // 2]
    sentences = _judged_sentences(needed, chosen)
    if not np.isnan(needed.set_index("evaluators")["judged"][chosen]):
        if study.correlations:
            sentences = _power_sentences(study, needed, chosen, power, metrics) + sentences
            sentences += _expected_sentences(grid, chosen, counts[-1])
            for figure in (study.statistic, "skill"):
                sentences += _width_sentences(study, needed, chosen, figure, width, "these")
                sentences += _width_sentences(study, needed, chosen, figure, width, "people_like_these")
        sentences += _width_sentences(study, needed, chosen, "icc", width, "people_like_these")
    return Plan(study, power, width, grid, needed[:-1], sentences)


def short(value: float) -> str:
    """A number below 1 as people write it, with two decimals at most.

    Examples
    --------
    >>> short(0.55), short(-0.3), short(0.004), short(0.0), short(1.0)
    ('.55', '-.3', '.004', '0', '1')
    """
    text = f"{round(value, 2):g}" if abs(value) >= 0.01 or value == 0 else f"{value:.1g}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def about(count: float) -> str:
    """A number of images, rounded up to two digits that count.

    Examples
    --------
    >>> about(742.0), about(1001.0), about(30.0)
    ('750', '1,100', '30')
    """
    return f"{_rounded(count):,}"


def _rounded(count: float) -> int:
    step = 10 ** max(int(np.log10(count)) - 1, 0)
    return int(-(-count // step) * step)


def _people(count: int) -> str:
    return f"{spelled(count)} evaluator{'' if count == 1 else 's'}"


def _power_sentences(
    study: PlannedStudy, needed: pd.DataFrame, chosen: int, power: float, metrics: Sequence[str]
) -> list[str]:
    values = [short(value) for value in study.correlations]
    if len(values) == 2 and values[0] == values[1]:
        values = [f"{value:.3g}".replace("0.", ".", 1) for value in study.correlations]
    named = [f"{name} ({value})" for name, value in zip(metrics, values, strict=True)] if metrics else values
    goal = f"to tell {named[0]} from {named[1] if len(named) == 2 else 'no correlation'} with power {short(power)}"
    of = needed.set_index("evaluators")["power"]
    pairs = list(zip(needed["evaluators"].tolist(), needed["power"].tolist(), strict=True))[:-1]
    if np.isnan(of[chosen]):
        return [f"With {_people(chosen)}, {MOST_IMAGES:,} images are too few {goal}.", *_more_people(of, chosen)]
    sentences = [f"With {_people(chosen)} you need about {about(of[chosen])} images {goal}."]
    sentences += _more_people(of, chosen)
    ratings = {people: people * _rounded(images) for people, images in pairs if not np.isnan(images)}
    if len(ratings) > 1:
        fewest = min(ratings, key=lambda people: ratings[people])
        sentences.append(
            f"It takes the fewest ratings with {_people(fewest)}: {fewest} x {ratings[fewest] // fewest:,} = "
            f"{ratings[fewest]:,}."
        )
    return sentences


def _judged_sentences(needed: pd.DataFrame, chosen: int) -> list[str]:
    """On how many images the report would not judge a metric."""
    fewest = needed.set_index("evaluators")["judged"][chosen]
    if chosen == 1:
        return ["With one evaluator the report judges no metric, as nobody can be held out; it takes two at least."]
    if np.isnan(fewest):
        return [
            f"No number of images can be recommended with {_people(chosen)} like these: even of {MOST_JUDGED:,} images "
            "that are not alike the report may say that no metric can be judged by them, because they agree too little."
        ]
    return [f"Of fewer than {fewest:,.0f} images the report may say that no metric can be judged by {_people(chosen)}."]


def _expected_sentences(grid: pd.DataFrame, chosen: int, images: int) -> list[str]:
    """What the verdict rests on: skill, and the half-width of its interval."""
    row = grid[(grid["evaluators"] == chosen) & (grid["images"] == images)].iloc[0]
    these, others = (row[_COLUMNS[kind].format("skill")] / 2 for kind in KINDS)
    if not row["judged"] or np.isnan(these):
        return []
    of = f"With {_people(chosen)} and {images:,} images the report's 95 % interval of a metric's skill will reach about"
    if np.isnan(others):
        return [f"{of} {short(these)} to each side for these evaluators; for people like these it takes three."]
    return [f"{of} {short(these)} to each side for these evaluators, {short(others)} for people like these."]


def _width_sentences(
    study: PlannedStudy, needed: pd.DataFrame, chosen: int, figure: Figure, width: float, kind: Kind
) -> list[str]:
    of = needed.set_index("evaluators")[_COLUMNS[kind].format(figure)]
    like = " and holds for people like these" if kind == "people_like_these" else ""
    goal = f"a 95 % interval of {_FIGURE_NAMES[figure]} that is {short(width)} wide{like}"
    if not np.isnan(of[chosen]):
        more = _more_people(of, chosen) if like else []
        return [f"For {goal}, {_people(chosen)} need about {about(of[chosen])} images.", *more]
    if chosen == 2 and like:
        return [f"Two evaluators cannot give {goal}; it takes three at least."]
    fewest = _fewest_evaluators(study, figure, width, chosen, kind)
    enough = f"it takes {fewest:,} evaluators" if fewest else f"not even {MOST_EVALUATORS:,} evaluators are enough"
    return [f"No number of images gives {goal} with {_people(chosen)}, because it also depends on who rates: {enough}."]


def _more_people(of: pd.Series, chosen: int) -> list[str]:
    """What the best that more evaluators can do is, by the images that each number of evaluators needs."""
    if chosen >= MANY_EVALUATORS or np.isnan(of[MANY_EVALUATORS]):
        return []
    least = about(of[MANY_EVALUATORS])
    if of[MANY_EVALUATORS] > _NOT_WORTH_IT * of[chosen]:
        return [f"More evaluators hardly help: even {MANY_EVALUATORS} would need about {least} images."]
    return [f"More evaluators make it fewer, though even {MANY_EVALUATORS} would need about {least} images."]


def _fewest_evaluators(study: PlannedStudy, figure: Figure, width: float, above: int, kind: Kind) -> int | None:
    """The least number of evaluators with whom some number of images suffices."""

    def enough(people: int) -> bool:
        return float(plan_width(study, figure, [people], [MOST_IMAGES], kind)["width"].iloc[0]) <= width

    low, high = above, MOST_EVALUATORS
    if not enough(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
