"""What the page's templates are given of a task and of a metric, beside their sections of the report."""

from dataclasses import dataclass, field

from markupsafe import Markup

from calibration.metric.facts import are_mixed
from calibration.page.asked import ShownAsked
from calibration.page.explanations import Explanation
from calibration.page.gallery import Disagreement
from calibration.report.schema.base import Number
from calibration.report.schema.document import Metric, Task


@dataclass(frozen=True)
class ShownFigure:
    """A figure with its words; the legend's entries are colour, sign and text."""

    id: str
    svg: Markup
    legend: tuple[tuple[str, str, str], ...]
    words: Explanation


@dataclass(frozen=True)
class ConfusionCell:
    """A cell of the confusion matrix; its share of the row, None for an empty row, and the same in tenths."""

    count: int
    share: float | None
    shade: int | None
    hit: bool


@dataclass(frozen=True)
class ConfusionRow:
    """What held-out people answered where the mapping said this level."""

    level: str
    total: int
    cells: list[ConfusionCell]


@dataclass(frozen=True)
class ShownConfusion:
    """The confusion matrix, the highest level first, with its words."""

    rows: list[ConfusionRow]
    words: Explanation


@dataclass
class Shot:
    """An image of the gallery, and the CSS class that shows it; None where there is no picture."""

    one: Disagreement
    picture: str | None = None


@dataclass(frozen=True)
class GallerySide:
    """Images on which metric and people differ one way."""

    title: str
    shots: list[Shot]


@dataclass(frozen=True)
class ShownMetric:
    """A metric: only in short, unless `is_whole`.

    Attributes
    ----------
    id, name : str
        In the page, and in the report.
    entry : Metric
        Its section of the report.
    skill_interval : (float, float) or None
        That to quote.
    is_first : bool
        Whether it is the best of its task.
    figures : list of (name, words, value)
        The figures that have intervals.
    digits : int or None
        Of its scores; None where there is nothing to draw.
    scatter, confusion, folds, reliability, gallery
        None where there is nothing to show, or no room.
    """

    id: str
    name: str
    entry: Metric
    skill_interval: tuple[float, float] | None
    is_first: bool = False
    is_whole: bool = False
    figures: list[tuple[str, str, Number]] = field(default_factory=list)
    digits: int | None = None
    scatter: ShownFigure | None = None
    confusion: ShownConfusion | None = None
    folds: ShownFigure | None = None
    reliability: ShownFigure | None = None
    gallery: list[GallerySide] | None = None

    @property
    def is_mixed(self) -> bool:
        """Whether its scores may not be comparable."""
        return are_mixed(self.entry.signatures)


@dataclass
class ShownTask:
    """A task; of its metrics, the best first, as many are whole as `drawn` says.

    Attributes
    ----------
    id, name : str
    content : Task
        Its section of the report.
    warnings : list of str
        Its notes.
    asked : ShownAsked or None
    simulated, mixed : list of str
        Evaluators who are no people; titles of metrics whose scores have different signatures.
    meaning : list of str
    why_skill, caution : str or None
    alpha : str
        See `calibration.page.explanations`.
    titles : dict of str to str
        Each metric's.
    person, mean : ShownFigure or None
        The two figures of grades.
    metrics : list of ShownMetric
    drawn : int
    """

    id: str
    name: str
    content: Task
    warnings: list[str]
    asked: ShownAsked | None
    simulated: list[str]
    mixed: list[str]
    meaning: list[str]
    why_skill: str | None
    caution: str | None
    alpha: str
    titles: dict[str, str]
    person: ShownFigure | None
    mean: ShownFigure | None
    metrics: list[ShownMetric]
    drawn: int
