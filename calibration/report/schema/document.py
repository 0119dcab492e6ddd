"""report.json as a whole."""

from typing import Literal

from pydantic import Field

from calibration.report.schema import judging, metric, people, prediction
from calibration.report.schema.base import Count, Finite, NameInNote, Number, Section
from calibration.report.schema.verdict import Verdict
from calibration.scale import Scale
from calibration.settings import Duplicates
from metrics.known import Direction


class AnswerScale(Section):
    """Ordered levels, from the lowest to the highest; on the unit scale they are 0 to 1 in equal steps."""

    values: list[int | Finite] = Field(min_length=3, max_length=11, description="What stands in a table for each.")
    words: list[str] = Field(description="What each is called; empty where it has no words.")
    bounds: list[int | Finite] | None = Field(
        min_length=2, max_length=2, description="The least and the greatest answer of a range that was cut into them."
    )

    def scale(self) -> Scale:
        """The same as what computes with it."""
        bounds = None if self.bounds is None else (self.bounds[0], self.bounds[1])
        return Scale(tuple(self.values), tuple(self.words), bounds)


class Settings(Section):
    """What the user chose."""

    k: int | Finite = Field(description="The exponent of the distance, above 0 and at most 10.")
    seed: int = Field(description="For everything that is drawn.")
    draws: int = Field(description="How many bootstrap draws were asked for; 0 for no intervals.")
    lower_is_better: list[str] = Field(description="Metrics of which the user says so.")
    higher_is_better: list[str] = Field(description="Metrics of which the user says so.")
    duplicates: Duplicates | None = Field(
        description="What became of several ratings of an image by one evaluator; null where it was not read here."
    )
    min_ratings: int | None = Field(
        description="Evaluators with fewer ratings were left out; null where it was not read here."
    )
    map: str | None = Field(description="How columns were renamed.")
    task: str | None = Field(description="The one task that was read; null for all.")
    scale: AnswerScale = Field(description="On which people answered.")


class Source(Section):
    """Where a table came from."""

    path: str = Field(description="The file, as it was given.")
    sha256: str = Field(description="Of the file's bytes, hexadecimal.")
    rows: Count = Field(description="How many rows it has.")


class Metric(Section):
    """One metric in one task."""

    direction: Direction = Field(description="Which way it points.")
    n_items: Count = Field(description="Rated images with a score.")
    n_scores: Count = Field(description="Different scores among them.")
    pearson: Number = Field(description="Correlation of score and mean rating (-1 to 1).")
    spearman: Number = Field(description="Rank correlation of score and mean rating (-1 to 1).")
    spearman_p: Number = Field(description="Its one-sided p value in the metric's direction (0 to 1).")
    kendall: Number = Field(description="Kendall's tau-b of score and mean rating (-1 to 1).")
    buckets: metric.Buckets = Field(description="The mapping of scores to levels.")
    constant: metric.Constant = Field(description="The best constant answer.")
    cross_validation: metric.CrossValidation = Field(description="Graded on people who were held out.")
    baselines: metric.Baselines | None = Field(description="Beside a constant, chance and people.")
    unseen: metric.Unseen | None = Field(description="On new images; null with fewer than ten.")
    same_target: metric.SameTarget | None = Field(description="Beside evaluators who are mapped alike.")
    equivalence: metric.Equivalence | None = Field(description="Beside the median evaluator.")
    annotator_test: metric.AnnotatorTest | None = Field(description="May it replace an evaluator?")
    sensitivity: list[metric.OfExponent] = Field(description="With other exponents of the distance.")
    kappa: metric.Kappa = Field(description="Agreement of levels and ratings beyond chance.")
    pairwise_accuracy: judging.PairwiseAccuracy | None = Field(description="As a judge of pairs of images.")
    sorting: judging.Sorting | None = Field(description="As a sorter of images, beside a person.")
    models: judging.Models | None = Field(description="Within models and between them; null where none is known.")
    alternatives: list[judging.Mapping] | None = Field(description="Other mappings on unseen images.")
    telecom: judging.Telecom | None = Field(description="As ITU-T P.1401 reports it.")
    rater_equivalents: Number = Field(description="How many evaluators' mean it is worth (0 or more).")
    disattenuated: Number = Field(description="Pearson's correlation without the noise of the mean rating (-1 to 1).")
    notes: list[str] = Field(description="What was assumed, left out, or could not be computed.")
    names_in_notes: list[NameInNote] | None = Field(
        default=None, description="The names in those notes that name one metric; absent where none does."
    )
    unscored: metric.Unscored | None = Field(description="The images left out; null where there are none.")
    intervals: metric.MetricIntervals | None = Field(description="95 % intervals; null without draws.")
    without_strictness: metric.WithoutStrictness | None = Field(description="With people's strictness taken off.")
    predictor: prediction.Predictor | None = Field(description="What predicts ratings from its scores.")
    reliability: prediction.Reliability | None = Field(description="Whether these predictions can be believed.")
    title: str = Field(description="What people call it.")
    signatures: list[str] = Field(description="How its scores were made; several may not be comparable.")
    verdict: Verdict = Field(description="What its figures come to.")

    @property
    def figures(self) -> dict[metric.MetricFigure, Number]:
        """The figures that intervals are of, by the names of their intervals."""
        validation, unseen, accuracy = self.cross_validation, self.unseen, self.pairwise_accuracy
        skill, person = validation.skill, validation.person_skill
        return {
            "spearman": self.spearman,
            "pearson": self.pearson,
            "kendall": self.kendall,
            "grade": validation.grade_mean,
            "constant": validation.constant_mean,
            "person": validation.person_mean,
            "skill": skill,
            "person_skill": person,
            "advantage": None if skill is None or person is None else skill - person,
            "unseen_skill": unseen.unseen_skill if unseen else None,
            "pairwise_accuracy": accuracy.accuracy if accuracy else None,
            "kappa": self.kappa.metric,
            "rater_equivalents": self.rater_equivalents,
            "disattenuated": self.disattenuated,
        }


class Task(Section):
    """One question that people were asked of the images."""

    n_items: Count = Field(description="Images that were rated.")
    n_evaluators: Count = Field(description="Evaluators.")
    n_ratings: Count = Field(description="Ratings that count.")
    evaluators: dict[str, people.Evaluator] = Field(description="By name; empty in the report for evaluators.")
    agreement: people.Agreement = Field(description="How far they agree.")
    reliability_of_people: people.ReliabilityOfPeople = Field(description="How steady they are.")
    recovery: people.Recovery | None = Field(description="Each one's bias and inconsistency.")
    metrics: dict[str, Metric] = Field(description="By name.")
    notes: list[str] = Field(description="What is to be known of these people.")
    names_in_notes: list[NameInNote] | None = Field(
        default=None, description="The names in those notes that name one evaluator; absent where none does."
    )
    strictness: people.Strictness = Field(description="How far they differ in strictness.")
    asked: people.Asked | None = Field(description="What they were asked, word for word; null where not known.")
    rounds: people.Rounds | None = Field(description="What later rounds of rating change; null where there is one.")
    comparison: judging.Comparison | None = Field(description="Metrics beside each other; null for fewer than two.")
    without_flagged: people.WithoutFlagged | None = Field(
        description="The results without the evaluators whom screening names; null where it names nobody."
    )
    combination: judging.Combination | None = Field(description="The metrics together.")
    verdict: str = Field(description="Whether these people agree enough to judge a metric by, in words.")


class SetScore(Section):
    """A score of a set of images."""

    set: str = Field(description="The set's name.")
    metric: str = Field(description="The metric's name.")
    score: Number = Field(description="In the metric's units.")
    n: Count = Field(description="Images in the set.")
    low: Number = Field(description="Lower end of the 95 % interval; null where there is none.")
    high: Number = Field(description="Upper end.")
    signature: str = Field(description="How it was made; empty where not known.")
    note: str = Field(description="What is to be known of it; empty for nothing.")
    title: str = Field(description="What people call the metric.")
    guides_say: str = Field(description="What guides call such a score; empty where they say nothing.")


class Report(Section):
    """The whole report.

    All values are strict JSON: what cannot be computed is null, with the reason in the `notes` beside it.
    """

    schema_name: Literal["humangrade.report/1"] = Field(
        alias="schema", description="Name and number of this layout; the number rises when a reader would break."
    )
    version: str = Field(description="Of humangrade.")
    created: str = Field(description="When the report was made (ISO 8601, UTC).")
    settings: Settings = Field(description="What the user chose.")
    inputs: dict[str, Source] = Field(description="Where the tables came from, by what they hold.")
    notes: list[str] = Field(description="What was left out in reading, and what was assumed.")
    names_in_notes: list[NameInNote] | None = Field(
        default=None, description="The names in those notes that name one metric; absent where none does."
    )
    tasks: dict[str, Task] = Field(description="By name.")
    clusters: str | None = Field(description="What makes images belong together (prompt, subject); null for nothing.")
    set_scores: list[SetScore] = Field(description="Scores of sets of images.")
    for_raters: bool = Field(description="Whether the report is for the evaluators, and says nothing of a single one.")
