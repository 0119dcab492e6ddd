"""The report as one HTML page that opens offline: verdicts first, then why.

The page is a template over the report's dictionary, with style, script and figures in it. Its content security policy
forbids the browser any request, and any style or script but the two that the page was made with. The same report
gives the same bytes.
"""

import base64
import hashlib
import html
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path, PurePath, PureWindowsPath
from typing import TYPE_CHECKING

import pandas as pd

from calibration.metric.facts import are_mixed
from calibration.page import explanations
from calibration.page.asked import how_it_was_asked
from calibration.page.explanations import Explanation
from calibration.page.figure_style import Figure
from calibration.page.figures import (
    MOST_POINTS,
    fold_thresholds,
    reliability_diagram,
    sample,
    score_range,
    score_scatter,
)
from calibration.page.gallery import Thumbnails, disagreements
from calibration.page.grade_figures import grades_against_mean, grades_against_person
from calibration.page.methods_text import methods_paragraph
from calibration.page.notes import all_notes, notes_of_people
from calibration.page.score_digits import digits_for, score_text
from calibration.page.template_values import (
    ConfusionCell,
    ConfusionRow,
    GallerySide,
    Shot,
    ShownConfusion,
    ShownFigure,
    ShownMetric,
    ShownTask,
)
from calibration.report.anonymous import fewest_ratings
from calibration.report.build import Calibration
from calibration.report.schema.base import Number, interval_to_quote
from calibration.report.schema.document import Metric, Report, Task
from calibration.report.schema.metric import MetricFigure
from calibration.scale import Scale
from calibration.verdict.judge import LEAST_ITEMS
from calibration.verdict.task_words import QUESTIONS
from metrics.catalogue import CAVEAT
from metrics.engine.types import PROMPT
from metrics.text import natural_order, spelled

if TYPE_CHECKING:
    from jinja2 import Environment

_FIGURES: dict[MetricFigure, str] = {
    "spearman": "Spearman correlation with the mean rating",
    "grade": "Grade against one person",
    "skill": "Skill",
    "person_skill": "The average evaluator's skill",
    "advantage": "Advantage: skill minus the evaluator's",
    "unseen_skill": "Skill on new images",
    "pairwise_accuracy": "Pairwise accuracy",
    "kappa": "Weighted kappa with a held-out person",
    "pearson": "Pearson correlation with the mean rating",
    "kendall": "Kendall's tau-b with the mean rating",
    "rater_equivalents": "Rater equivalents",
    "disattenuated": "Correlation without people's noise",
}
_ALWAYS = ("spearman", "grade", "skill", "person_skill", "advantage")  # the others only with an interval

POINTS_OF_A_PAGE = 20_000
"""Points that all scatter plots draw together."""

FEWEST_POINTS = 150
"""Points that each scatter plot may draw, however many plots there are."""

THUMBNAIL_BYTES = 700_000
"""Of the page, for all pictures of the gallery together, at most."""

PAGE_BYTES = 1_900_000
"""With more there are fewer pictures."""

_BANNER = re.compile(r'<!-- live -->(?:<p class="live" role="status">[^<]*</p>)?')

_TEMPLATES = Path(__file__).parent / "templates"

_KINDS = {
    "none": "no use",
    "below": "not alone",
    "within": "with care",
    "predicts": "for ratings",
    "sorts": "for sorting",
    "stand-in": "stand-in",
    "unknown": "not judged",
}


def templates_in(folder: Path) -> "Environment":
    """The templates of a folder: what they show is escaped, and a name that they are not given is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["thousands"] = "{:,}".format
    return environment


def render_html(calibration: Calibration, images: Mapping[str, Path] | None = None) -> str:
    """The report as one HTML document without any outside reference.

    Parameters
    ----------
    calibration : Calibration
        What `calibration.report.build.calibrate` gave.
    images : mapping of str to Path, optional
        Image files by item, for the gallery of disagreements; one that cannot be read is shown by its name.

    Returns
    -------
    str
        The page: some hundred kilobytes, and at most 0.7 MB of small pictures, fewer on a page of nearly 2 MB.
    """
    from markupsafe import Markup

    environment = templates_in(_TEMPLATES)
    environment.filters["signed"] = explanations.number
    environment.filters["threshold"] = score_text
    environment.globals["questions"] = QUESTIONS
    report = calibration.model
    scale = report.settings.scale.scale()
    environment.globals["scale"] = scale
    environment.filters["in_numbers"] = lambda place: None if place is None else float(scale.from_unit(place))
    environment.globals["boundaries"] = [(f"{lower}|{upper}", True) for lower, upper in pairwise(scale.names)]
    environment.filters["spelled"] = spelled
    page = _Page(report, calibration.points)
    tasks = [page.task(name, task, f"task{number}") for number, (name, task) in enumerate(report.tasks.items(), 1)]
    script = page_source("report.js")
    alone = environment.get_template("metric_alone.html.j2")

    def size_of(task: ShownTask, metric: ShownMetric) -> int:
        return len(alone.render(report=report, task=task, metric=metric, kinds=_KINDS).encode())

    def document(thumbnails: Thumbnails) -> str:
        style = "\n".join(filter(None, [page_source("report.css"), thumbnails.css]))
        return environment.get_template("report.html.j2").render(
            report=report,
            tasks=tasks,
            notes=all_notes(report),
            kinds=_KINDS,
            least_items=LEAST_ITEMS,
            sets=sorted(
                (row for row in report.set_scores if row.note != PROMPT),
                key=lambda row: (row.set == "all", natural_order(row.set)),
            ),
            guides=CAVEAT,
            clusters=report.clusters,
            methods=methods_paragraph(report),
            pictures_left_out=thumbnails.left_out,
            files={role: _file_name(source.path) for role, source in report.inputs.items()},
            style=Markup(style),
            script=Markup(script),
            style_hash=policy_hash(style),
            script_hash=policy_hash(script),
        )

    without = document(Thumbnails({}, 0))
    page.draw_metrics(tasks, PAGE_BYTES - len(without.encode()), size_of)
    without = document(Thumbnails({}, 0))
    if not images:
        return without
    thumbnails = Thumbnails(images, min(THUMBNAIL_BYTES, max(0, PAGE_BYTES - len(without.encode()))))
    for shot in page.shots:
        shot.picture = thumbnails.add(shot.one.item)
    return document(thumbnails)


def with_banner(page: str, text: str) -> str:
    """The page with a line above everything, such as how old its numbers are; the line is not printed.

    Parameters
    ----------
    page : str
        What `render_html` gave, or this function: then the new line takes the old one's place.
    text : str
        One short sentence, plain text.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        Where the page is not one of `render_html`'s.

    Examples
    --------
    >>> with_banner("<body><!-- live -->", "1 < 2 minutes ago")
    '<body><!-- live --><p class="live" role="status">1 &lt; 2 minutes ago</p>'
    """
    place = _BANNER.search(page)
    if place is None:
        raise ValueError("this page has no place for a line")
    line = f'<!-- live --><p class="live" role="status">{html.escape(text)}</p>'
    return page[: place.start()] + line + page[place.end() :]


class _Page:
    """Gathers what the templates need; numbers the figures, shares out points, and keeps the shots of all galleries."""

    def __init__(self, report: Report, points: pd.DataFrame) -> None:
        self.k, self.seed = report.settings.k, report.settings.seed
        self.scale = report.settings.scale.scale()
        self.fewest_ratings = fewest_ratings(report.for_raters)
        self.points = dict(iter(points.groupby(["task", "metric"])))
        self.most_points = min(MOST_POINTS, max(FEWEST_POINTS, POINTS_OF_A_PAGE // max(1, len(self.points))))
        self.shots: list[Shot] = []
        self.figures = 0

    def prefix(self) -> str:
        """What the ids of the next figure start with."""
        self.figures += 1
        return f"f{self.figures}-"

    def task(self, name: str, task: Task, task_id: str) -> ShownTask:
        """What the templates need of a task."""
        ranked = sorted(task.metrics.items(), key=lambda item: _rank(item[1]))
        return ShownTask(
            id=task_id,
            name=name,
            content=task,
            warnings=notes_of_people(task),
            asked=how_it_was_asked(task.asked, self.scale),
            simulated=[evaluator for evaluator, one in task.evaluators.items() if one.simulated],
            mixed=[entry.title for entry in task.metrics.values() if are_mixed(entry.signatures)],
            meaning=explanations.meaning(task),
            why_skill=explanations.why_skill(task),
            caution=explanations.caution(task),
            alpha=explanations.of_alpha(task),
            titles={metric: entry.title for metric, entry in task.metrics.items()},
            person=_shown(
                f"{task_id}-person",
                grades_against_person(task, self.prefix()),
                explanations.of_grades_against_person(task),
            ),
            mean=_shown(
                f"{task_id}-mean",
                grades_against_mean(task, self.k, self.prefix()),
                explanations.of_grades_against_mean(task, self.k),
            ),
            metrics=[
                replace(_in_short(metric, entry, f"{task_id}-metric{number}"), is_first=number == 1)
                for number, (metric, entry) in enumerate(ranked, 1)
            ],
            drawn=len(ranked),
        )

    def draw_metrics(self, tasks: list[ShownTask], room: int, size_of: Callable[[ShownTask, ShownMetric], int]) -> None:
        """Give the metrics their figures and tables, the best of each task first, while the page has room.

        Parameters
        ----------
        tasks : list of ShownTask
            What `task` gave; their metrics, and how many of these are drawn, are filled in.
        room : int
            The bytes that are left.
        size_of : callable
            The bytes that a task's metric takes.
        """
        for place, task in enumerate(tasks):
            own = room // (len(tasks) - place)
            for number, metric in enumerate(task.metrics):
                whole = self.metric(metric, self.points.get((task.name, metric.name)))
                taken = size_of(task, whole) - size_of(task, metric)
                if taken > own and number:
                    task.drawn = number
                    break
                task.metrics[number] = whole
                self.shots += [shot for side in whole.gallery or () for shot in side.shots]
                own, room = own - taken, room - taken

    def metric(self, short: ShownMetric, points: pd.DataFrame | None) -> ShownMetric:
        """All of a metric; without points there is nothing to draw."""
        entry = short.entry
        shown = replace(short, is_whole=True, figures=_figures(entry))
        if points is None:
            return shown
        low, high = score_range(points)
        drawn = len(sample(points, self.seed, self.most_points))
        confusion = explanations.of_confusion(entry, self.scale)
        reliability = reliability_diagram(entry, self.prefix(), self.scale)
        return replace(
            shown,
            digits=digits_for(low, high),
            scatter=_shown(
                f"{short.id}-scatter",
                score_scatter(points, entry, self.seed, self.most_points, self.prefix(), self.scale),
                explanations.of_scatter(entry, low, high, drawn, self.scale),
            ),
            confusion=ShownConfusion(_confusion_rows(entry, self.scale), confusion) if confusion else None,
            folds=_shown(
                f"{short.id}-folds",
                fold_thresholds(entry, low, high, self.prefix(), self.scale),
                explanations.of_folds(entry, low, high, self.scale),
            ),
            reliability=_shown(
                f"{short.id}-reliability",
                reliability,
                explanations.of_reliability(entry.reliability) if entry.reliability else None,
            ),
            gallery=self.gallery(entry, points),
        )

    def gallery(self, entry: Metric, points: pd.DataFrame) -> list[GallerySide] | None:
        """The images on which metric and people differ most; None where the mapping is one level, or all agree."""
        if entry.buckets.levels_used < 2:
            return None
        sides = [
            GallerySide(title, [Shot(one) for one in found])
            for title, found in zip(
                ("Rated higher than people do", "Rated lower than people do"),
                disagreements(points, fewest=self.fewest_ratings, scale=self.scale),
                strict=True,
            )
        ]
        return [side for side in sides if side.shots] or None


def _in_short(name: str, entry: Metric, metric_id: str) -> ShownMetric:
    """What the templates need of a metric for which the page has no room."""
    return ShownMetric(metric_id, name, entry, _skill_interval(entry))


def _figures(entry: Metric) -> list[tuple[str, str, Number]]:
    """The figures that have intervals: name, words, value."""
    figures = entry.figures
    known = set(entry.intervals.these) if entry.intervals else set()
    return [(name, words, figures[name]) for name, words in _FIGURES.items() if name in _ALWAYS or name in known]


def _skill_interval(entry: Metric) -> tuple[float, float] | None:
    """The interval of the skill for people like these, or, where there is none, for these people."""
    low, high, _ = interval_to_quote(entry.intervals, "skill")
    return None if low is None or high is None else (low, high)


def _confusion_rows(entry: Metric, scale: Scale) -> list[ConfusionRow]:
    """The confusion matrix for a table, the highest level first; a cell's shade is its share of the row in tenths."""
    rows = []
    for level, counts in enumerate(entry.cross_validation.confusion, 1):
        total = sum(counts)
        cells = [
            ConfusionCell(
                count=count,
                share=count / total if total else None,
                shade=round(10 * (count / total)) if total else None,
                hit=rating == level,
            )
            for rating, count in enumerate(counts, 1)
        ]
        rows.append(ConfusionRow(scale.names[level - 1], total, cells))
    return rows[::-1]


def _shown(figure_id: str, figure: Figure | None, words: Explanation | None) -> ShownFigure | None:
    """A figure with its words for the template; None where there is none."""
    from markupsafe import Markup

    if figure is None or words is None:
        return None
    return ShownFigure(figure_id, Markup(figure.svg), figure.legend, words)


def _rank(entry: Metric) -> tuple[bool, float]:
    """Best skill first, unknown skill last."""
    skill = entry.cross_validation.skill
    return skill is None, -(skill or 0.0)


def _file_name(path: str) -> str:
    """The last part of a path of any system."""
    return PureWindowsPath(path).name if "\\" in path else PurePath(path).name


def policy_hash(content: str) -> str:
    """How a content security policy names an inline style or script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"


def page_source(name: str) -> str:
    """The text of a style or script that pages share: report.css, report.js."""
    return (_TEMPLATES / name).read_text(encoding="utf-8")
