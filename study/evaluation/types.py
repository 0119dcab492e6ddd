"""What an evaluation found, as the tables, the page and the sentences read it."""

from dataclasses import dataclass, field

from metrics.catalogue import FEWEST_FOR_GUIDES
from metrics.engine.run import RunResult
from metrics.known import Direction
from metrics.sets.fid_by_chance import Chance
from study.evaluation.copies import Nearness
from study.evaluation.figures import Difference, Figure
from study.evaluation.sets import ImageSet, Picture


@dataclass(frozen=True)
class Measured:
    """A metric that was computed, under the name that its scores have.

    Attributes
    ----------
    name, title, says : str
    better : {"higher", "lower"}
    scores : {"image", "set"}
    """

    name: str
    title: str
    says: str
    better: Direction
    scores: str


@dataclass(frozen=True)
class Unscored:
    """Images that can be read and have no score by a metric.

    Attributes
    ----------
    metric : Measured
    reasons : dict of str to int
        Why, and how many images each concerns, the most frequent first.
    """

    metric: Measured
    reasons: dict[str, int]

    @property
    def images(self) -> int:
        """How many there are."""
        return sum(self.reasons.values())


FEWEST, MOST = FEWEST_FOR_GUIDES, 100
"""Images of a set that guides presume."""

FEWEST_SCORED = 5
"""Of a set's images, that a figure must rest on to be called better than another; and half of them."""


@dataclass
class Evaluation:
    """All that was found.

    Attributes
    ----------
    sets : list of ImageSet
    pictures : list of Picture
    metrics : list of Measured
        In the order in which they are shown.
    left_out : dict of str to str
        Metrics that could not be computed, and what would have to be done.
    figures : list of Figure
    differences : list of Difference
        Of each set to its base, and of each model's best set to its others.
    scores : dict of str to dict of str to float
        By metric and item, of metrics of single images.
    unscored : list of Unscored
        Metrics that gave some images no score, though these can be read.
    same_files : list of (str, str)
        An item whose file holds the same as another's, and the first such item.
    of_prompts : dict of (str, str) to dict of str to float
        By set and metric of sets: the figure of each prompt.
    guides : dict of (str, str) to str
        By set and metric: what guides call the figure, where there are as many images as they presume.
    chance : dict of str to Chance
        By set: FID beside that of the reference's halves.
    nearness : Nearness
        The nearest reference of each image.
    nearness_by : str
        What it was measured by; "" where it was not.
    among_references : dict of str to float
        Mean distance of the reference photos among each other, by the names of the diversity metrics.
    notes : list of str
        What the metrics say.
    result : RunResult
        The run, with what was skipped.
    references : int
        Different reference photos.
    without_copies : dict of (str, str) to (int, Figure or None)
        By set and metric of likeness: how many copies of reference photos the figure counts in, and the figure without
        them; None where nothing is left.
    not_drawn : str
        Which checkpoints of a recipe could not be drawn with, and why.
    """

    sets: list[ImageSet]
    pictures: list[Picture]
    metrics: list[Measured] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    figures: list[Figure] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    unscored: list[Unscored] = field(default_factory=list)
    same_files: list[tuple[str, str]] = field(default_factory=list)
    of_prompts: dict[tuple[str, str], dict[str, float]] = field(default_factory=dict)
    guides: dict[tuple[str, str], str] = field(default_factory=dict)
    chance: dict[str, Chance] = field(default_factory=dict)
    nearness: Nearness = field(default_factory=Nearness)
    nearness_by: str = ""
    among_references: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    result: RunResult = field(default_factory=RunResult)
    references: int = 0
    without_copies: dict[tuple[str, str], tuple[int, Figure | None]] = field(default_factory=dict)
    not_drawn: str = ""

    def figure(self, name: str, metric: str) -> Figure | None:
        """A set's figure by a metric."""
        return next((one for one in self.figures if (one.set, one.metric) == (name, metric)), None)

    def difference(self, name: str, other: str, metric: str) -> Difference | None:
        """A set's difference to another."""
        wanted = (name, other, metric)
        return next((one for one in self.differences if (one.set, one.other, one.metric) == wanted), None)

    @property
    def subjects(self) -> list[str]:
        """What the checkpoints were trained on; one of another subject is no rival."""
        return list(dict.fromkeys(one.subject for one in self.sets if not one.is_base))

    def is_sound(self, figure: Figure) -> bool:
        """It rests on five images or more, and on half of the set's."""
        images = next(one.images for one in self.sets if one.name == figure.set)
        return figure.n >= FEWEST_SCORED and 2 * figure.n >= images

    def leading(self, metric: Measured, subject: str) -> Figure | None:
        """The best sound figure of a subject's checkpoints; None where there are not two to choose from."""
        names = {one.name for one in self.sets if not one.is_base and one.subject == subject}
        found = [one for one in self.figures if one.metric == metric.name and one.set in names and self.is_sound(one)]
        if len(found) < 2:
            return None
        return (max if metric.better == "higher" else min)(found, key=lambda one: one.value)

    def rivals(self, metric: Measured, leading: Figure) -> list[str]:
        """The subject's other checkpoints that have a sound figure."""
        subject = next(one.subject for one in self.sets if one.name == leading.set)
        found = []
        for one in self.sets:
            figure = self.figure(one.name, metric.name)
            if one.is_base or one.subject != subject or one.name == leading.set:
                continue
            if figure is not None and self.is_sound(figure):
                found.append(one.name)
        return found

    def not_apart(self, metric: Measured, leading: Figure) -> list[str]:
        """The `rivals` that the leading one is not told apart from, pair by pair."""
        found = []
        for name in self.rivals(metric, leading):
            gap = self.difference(leading.set, name, metric.name)
            if gap is None or not gap.is_apart or (gap.value > 0) != (metric.better == "higher"):
                found.append(name)
        return found

    def is_best(self, name: str, metric: Measured) -> bool:
        """Whether a set leads its subject's and is told apart from each other one."""
        leading = [self.leading(metric, subject) for subject in self.subjects]
        return any(one is not None and one.set == name and not self.not_apart(metric, one) for one in leading)
