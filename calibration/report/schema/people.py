"""The people of a task: each evaluator, how far they agree, how steady they are, and what they were asked."""

from typing import Literal

from pydantic import Field

from calibration.report.schema.base import Count, Limits, Number, Section

AgreementFigure = Literal[
    "nominal",
    "ordinal",
    "interval",
    "icc1",
    "icc2",
    "icc3",
    "icc1k",
    "icc2k",
    "icc3k",
    "kendall_w",
    "split_half",
    "spearman_brown",
    "correlation_ceiling",
    "mean_of_others",
    "person",
    "weighted_kappa",
]
"""The figures of people's agreement that have intervals."""


class Evaluator(Section):
    """One evaluator beside the others."""

    n: Count = Field(description="How many images they rated.")
    n_shared: Count = Field(description="Of these, how many somebody else rated too.")
    simulated: bool = Field(description="Whether a program made the ratings.")
    weight: Number = Field(description="Their share wherever people are averaged (0 to 1).")
    mean: Number = Field(description="Mean of their ratings (unit scale, 0 to 1).")
    std: Number = Field(description="Standard deviation of their ratings (unit scale).")
    grade: dict[str, Number] = Field(
        description="Grade against the mean of the others (0 to 1), by the exponent k of the distance."
    )
    notes: list[str] = Field(description="What is to be known of their ratings.")
    median_response_ms: Number = Field(
        default=None, description="Median time to answer (milliseconds); absent where no time is known."
    )
    grade_interval: Limits | None = Field(
        default=None, description="95 % interval of the grade for the report's k, for other images."
    )
    strictness: Number = Field(
        default=None,
        description="How much lower they rate than the others do on the same images (unit scale); absent for an "
        "evaluator alone.",
    )
    strictness_interval: Limits | None = Field(default=None, description="Its 95 % interval, for other images.")
    grade_without_strictness: Number = Field(
        default=None, description="Grade against the mean of the others with everybody's strictness taken off (0 to 1)."
    )


class Alpha(Section):
    """Krippendorff's alpha: 1 is full agreement, 0 what chance gives, below 0 less than that."""

    nominal: Number = Field(description="Every difference counts alike (at most 1).")
    ordinal: Number = Field(description="A difference counts by how many ratings lie between (at most 1).")
    interval: Number = Field(description="A difference counts by its square (at most 1).")


class IntraclassCorrelations(Section):
    """The share of the ratings' variance that is the images', after Shrout and Fleiss (at most 1)."""

    icc1: Number = Field(description="ICC(1,1): one rating, each image by other evaluators.")
    icc2: Number = Field(description="ICC(2,1): one rating by anyone like these evaluators.")
    icc3: Number = Field(description="ICC(3,1): one rating by one of these evaluators.")
    icc1k: Number = Field(description="ICC(1,k): the mean of an image's ratings.")
    icc2k: Number = Field(description="ICC(2,k): the mean of an image's ratings by people like these.")
    icc3k: Number = Field(description="ICC(3,k): the mean of an image's ratings by these evaluators.")


class AgreementIntervals(Section):
    """95 % intervals of the figures of agreement, by their names."""

    these: dict[AgreementFigure, Limits] = Field(description="For other images, rated by these evaluators.")
    people_like_these: dict[AgreementFigure, Limits] = Field(
        description="For other images and other evaluators; empty for fewer than three."
    )

    @property
    def to_quote(self) -> dict[AgreementFigure, Limits]:
        """Those for people like these, or, where there are none, for these people."""
        return self.people_like_these or self.these


class Agreement(Section):
    """How far the evaluators agree."""

    krippendorff_alpha: Alpha = Field(description="Krippendorff's alpha at three levels of measurement.")
    person_to_person_grade: Number = Field(description="Grade of one evaluator against another (0 to 1).")
    icc: IntraclassCorrelations | None = Field(description="Intraclass correlations; null where there are none.")
    kendall_w: Number = Field(description="Kendall's W of the images that everybody rated (0 to 1).")
    intervals: AgreementIntervals | None = Field(description="Their intervals; null without draws.")


class Ceiling(Section):
    """What people themselves reach as graded by people."""

    person: Number = Field(description="Grade of one evaluator against another (0 to 1).")
    mean_of_others: Number = Field(description="Grade of an evaluator against the mean of the others (0 to 1).")


class OwnConsistency(Section):
    """How alike somebody rated what they saw twice."""

    n: Number = Field(description="How many images they rated twice.")
    grade: Number = Field(description="One minus the mean distance of the two answers (0 to 1).")
    exact: Number = Field(description="Share of equal answers (0 to 1).")
    correlation: Number = Field(description="Pearson's (-1 to 1); null where an answer never varied.")


class PairKappa(Section):
    """Cohen's kappa of two evaluators: 1 is full agreement, 0 what chance gives."""

    first: str = Field(description="An evaluator.")
    second: str = Field(description="Another.")
    n: Count = Field(description="How many images both rated.")
    kappa: Number = Field(description="Unweighted (-1 to 1).")
    weighted_kappa: Number = Field(description="With squared distances (-1 to 1).")
    kappa_interval: Limits | None = Field(
        default=None, description="95 % interval for other images; absent where there are many evaluators."
    )
    weighted_kappa_interval: Limits | None = Field(default=None, description="The same of the weighted one.")


class ReliabilityOfPeople(Section):
    """How steady people are, and what that leaves for a metric to reach."""

    split_half: Number = Field(description="Correlation of the mean ratings of two halves of the people (-1 to 1).")
    spearman_brown: Number = Field(description="The same for all people together (at most 1).")
    correlation_ceiling: Number = Field(
        description="The highest correlation with their mean that a metric can be expected to have (0 to 1)."
    )
    ceiling: Ceiling = Field(description="The same for grades.")
    own_consistency: dict[str, OwnConsistency] | None = Field(
        description="By evaluator; null where nobody was asked twice."
    )
    pair_kappas: list[PairKappa] = Field(description="One entry for every two evaluators.")


class RecoveredEvaluator(Section):
    """An evaluator's bias and inconsistency, in rating points."""

    bias: Number = Field(description="How much higher than the others they rate (rating points).")
    bias_low: Number = Field(description="Lower end of its 95 % interval.")
    bias_high: Number = Field(description="Upper end.")
    inconsistency: Number = Field(
        description="Standard deviation of their ratings about an image's quality (rating points, 0 or more)."
    )
    inconsistency_low: Number = Field(description="Lower end of its 95 % interval.")
    inconsistency_high: Number = Field(description="Upper end.")


class Recovery(Section):
    """Image scores that allow for each evaluator's bias and inconsistency."""

    evaluators: dict[str, RecoveredEvaluator] = Field(description="By name.")
    correlation: Number = Field(description="Of these scores with the plain means (-1 to 1).")
    collapsed_onto: str | None = Field(
        description="Whose ratings ITU-T P.910's alternating projection would take for the scores; null for nobody's."
    )
    sentence: str = Field(description="What follows, in words.")


class Strictness(Section):
    """How far evaluators differ in strictness, and what is left with it taken off."""

    spread: Number = Field(description="Standard deviation of strictness among people like these (unit scale).")
    p: Number = Field(description="Of all being equally strict (0 to 1).")
    islands: Count = Field(description="Sets of evaluators between which no image makes a link.")
    same_people: bool = Field(description="Whether all evaluators who count rated every image.")
    alpha: Number = Field(description="Krippendorff's interval alpha (at most 1).")
    alpha_without: Number = Field(description="The same with strictness taken off.")
    person_grade: Number = Field(description="Grade of one evaluator against another (0 to 1).")
    person_grade_without: Number = Field(description="The same with strictness taken off.")
    sentence: str = Field(description="What follows, in words; empty where nothing is known.")


class RoundShift(Section):
    """How much higher the answers of a later round are than earlier ones to the same images (unit scale)."""

    effect: Number = Field(description="Above 0 where they are higher; null where no image tells (-1 to 1).")
    these: Limits = Field(description="Its 95 % interval for other images, asked of these people.")
    people_like_these: Limits = Field(
        description="Its 95 % interval for other images and other people; null ends for fewer than three people."
    )
    n_images: Count = Field(description="Images that were asked in this round and before.")
    n_answers: Count = Field(description="Answers to them in this round.")
    n_evaluators: Count = Field(description="Who gave these answers.")


class LaterRound(Section):
    """What a later round changes: its anchors are images that were rated in an earlier round."""

    round: Count = Field(description="Its number; the first is 1.")
    shift: RoundShift = Field(
        description="Its mean answer to the anchors less their mean in the first round, whoever rated them."
    )
    own: RoundShift | None = Field(
        description="The same people's answers to the same images, less each one's first; null where nobody was asked "
        "again."
    )
    points: Number = Field(description="The shift in the scale's numbers.")
    points_interval: Limits = Field(description="Its interval to quote, in the scale's numbers.")
    people: Literal["people_like_these", "these"] | None = Field(description="For whom that is; null without one.")
    answer: Literal["lower", "higher", "not seen", "cannot be told"] = Field(
        description="How the round was rated beside the first."
    )
    sentence: str = Field(description="What follows for checkpoints that were rated in different rounds, in words.")


class Rounds(Section):
    """Rounds of rating: images were added after others had been rated. Nothing else in the report allows for them."""

    later: list[LaterRound] = Field(description="Each round but the first, in order.")


class MetricWithoutFlagged(Section):
    """A metric with everybody, and without the evaluators whom screening names."""

    skill: Number = Field(description="With everybody (at most 1).")
    skill_without: Number = Field(description="Without them (at most 1).")
    person_skill: Number = Field(description="The average evaluator's, with everybody (at most 1).")
    person_skill_without: Number = Field(description="The average evaluator's, without them (at most 1).")
    spearman: Number = Field(description="With the mean rating of everybody (-1 to 1).")
    spearman_without: Number = Field(description="With the mean rating of the others (-1 to 1).")


class WithoutFlagged(Section):
    """The results without the evaluators whom screening names; everything else is with everybody."""

    left_out: list[str] = Field(description="The evaluators; of two who rated alike, the second.")
    alpha: Number = Field(description="Krippendorff's ordinal alpha with everybody (at most 1).")
    alpha_without: Number = Field(description="The same without them.")
    metrics: dict[str, MetricWithoutFlagged] = Field(description="By metric.")


class Wording(Section):
    """The words under which people rated."""

    question: str = Field(description="What was asked.")
    levels: list[str] = Field(min_length=2, description="The words for the levels, the lowest first.")
    show_references: bool = Field(description="Whether the subject's reference photos were shown with each image.")
    show_prompt: bool = Field(description="Whether the prompt was shown with each image.")
    note: str = Field(description="Why the words were changed, where somebody said so.")
    ratings: Count = Field(description="How many ratings were given under these words.")


class Asked(Wording):
    """The present words, and those before."""

    earlier: list[Wording] = Field(description="The words before, in order.")
