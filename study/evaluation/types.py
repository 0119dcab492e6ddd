"""What an evaluation found, as the tables, the page and the sentences read it."""

from dataclasses import dataclass, field

from metrics.engine.run import RunResult
from metrics.known import Direction
from study.evaluation.chance import Chance
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
    guides : dict of (str, str) to str
        By set and metric: what guides call the figure.
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
    """

    sets: list[ImageSet]
    pictures: list[Picture]
    metrics: list[Measured] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    figures: list[Figure] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    guides: dict[tuple[str, str], str] = field(default_factory=dict)
    chance: dict[str, Chance] = field(default_factory=dict)
    nearness: Nearness = field(default_factory=Nearness)
    nearness_by: str = ""
    among_references: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    result: RunResult = field(default_factory=RunResult)
    references: int = 0

    def figure(self, name: str, metric: str) -> Figure | None:
        """A set's figure by a metric."""
        return next((one for one in self.figures if (one.set, one.metric) == (name, metric)), None)

    def difference(self, name: str, other: str, metric: str) -> Difference | None:
        """A set's difference to another."""
        wanted = (name, other, metric)
        return next((one for one in self.differences if (one.set, one.other, one.metric) == wanted), None)

    def best(self, metric: Measured) -> Figure | None:
        """The best figure of a set that is no base, by a metric; None where there are not two to choose from."""
        bases = {one.name for one in self.sets if one.is_base}
        found = [one for one in self.figures if one.metric == metric.name and one.set not in bases]
        if len(found) < 2:
            return None
        return (max if metric.better == "higher" else min)(found, key=lambda one: one.value)
