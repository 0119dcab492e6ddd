"""One metric in one task: the mapping, its grades, and what puts them in their place."""

from typing import Literal

from pydantic import Field

from calibration.report.schema.base import Count, Finite, Limits, Number, Section

MetricFigure = Literal[
    "spearman",
    "grade",
    "constant",
    "person",
    "skill",
    "person_skill",
    "advantage",
    "kappa",
    "rater_equivalents",
    "disattenuated",
    "pearson",
    "pairwise_accuracy",
    "kendall",
    "unseen_grade",
    "unseen_skill",
]
"""The figures of a metric that have intervals."""


class Buckets(Section):
    """The mapping fitted on everyone: thresholds that turn a score into a level."""

    thresholds: list[Number] = Field(description="In the score's units, one fewer than there are levels.")
    optimal: list[Limits] = Field(
        description="The range of scores within which each threshold is as good; null for no end."
    )
    loss: Number = Field(description="Mean distance of the levels to the ratings, to the power of k (0 is perfect).")
    grade: Number = Field(description="Grade against the mean of people (0 to 1).")
    levels_used: Count = Field(description="How many levels the mapping gives to these images.")


class Constant(Section):
    """The one rating that fits all ratings of the task best."""

    level: int | None = Field(description="The rating; null where there is nothing to grade.")
    grade: Number = Field(description="Its grade against the mean of people (0 to 1).")


class Fold(Section):
    """One round of cross-validation: an evaluator is held out, the mapping is fitted on the others."""

    held_out: str = Field(description="The evaluator.")
    n_ratings: Count = Field(description="How many of their ratings count.")
    thresholds: list[Number] = Field(description="Of this fold's mapping, in the score's units.")
    train_loss: Number = Field(description="The mapping's mean distance on the others (0 is perfect).")
    grade: Number = Field(description="The metric's against the one held out (0 to 1).")
    constant_grade: Number = Field(description="The best constant's on the same ratings (0 to 1).")
    person_grade: Number = Field(description="The average other evaluator's on the same ratings (0 to 1).")


class AgainstOnePerson(Section):
    """An evaluator, the metric and the constant, graded against the same other evaluators on the same images."""

    person_grade: Number = Field(description="The evaluator's (0 to 1).")
    metric_grade: Number = Field(description="The metric's (0 to 1).")
    constant_grade: Number = Field(description="The best constant's (0 to 1).")


class CrossValidation(Section):
    """The metric graded on people whom its mapping never saw."""

    folds: list[Fold] = Field(description="One for each evaluator; empty in the report for evaluators.")
    grade_mean: Number = Field(description="The metric's grade, averaged over the folds (0 to 1).")
    grade_std: Number = Field(description="Standard deviation of the folds' grades.")
    constant_mean: Number = Field(description="The best constant's grade (0 to 1).")
    person_mean: Number = Field(description="The average evaluator's grade (0 to 1).")
    skill: Number = Field(description="(grade - constant) / (1 - constant): 0 is the constant's, 1 is perfect.")
    person_skill: Number = Field(description="The same of the average evaluator.")
    weights: dict[str, Number] = Field(description="Each evaluator's share in the averages (0 to 1).")
    against_people: dict[str, AgainstOnePerson] = Field(description="By evaluator.")
    confusion: list[list[Count]] = Field(
        description="Ratings of those held out: a row for each level of the mapping, a column for each rating."
    )
    no_skill_because: str | None = Field(description="Why there is no skill, in words; null where there is one.")


class ByChance(Section):
    """Grades beside those of the same scores, shuffled."""

    metric: Number = Field(description="The metric's grade (0 to 1).")
    constant: Number = Field(description="The best constant's (0 to 1).")
    person: Number = Field(description="An evaluator's (0 to 1).")
    random_mean: Number = Field(description="Shuffled scores' on average (0 to 1).")
    random_high: Number = Field(description="95 of 100 shuffles stay below (0 to 1).")
    random_p: Number = Field(description="How often shuffled scores do as well (0 to 1).")
    permutations: Count = Field(description="How many shuffles.")


class Baselines(Section):
    """Against one person who was held out, and against the mean of the others."""

    metric: Number = Field(description="The metric's grade against one person (0 to 1).")
    constant: Number = Field(description="The best constant's (0 to 1).")
    person: Number = Field(description="The average evaluator's (0 to 1).")
    mean_of_others: Number = Field(description="The mean of all other evaluators' (0 to 1).")
    random_mean: Number = Field(description="Shuffled scores' on average (0 to 1).")
    random_high: Number = Field(description="95 of 100 shuffles stay below (0 to 1).")
    random_p: Number = Field(description="How often shuffled scores do as well (0 to 1).")
    permutations: Count = Field(description="How many shuffles.")
    against_mean_of_others: ByChance = Field(description="The same against the mean of the others.")


class NewImages(Section):
    """The mapping graded on images that it was not fitted on."""

    grouped_by: str | None = Field(description="What is held out together (prompt, subject, model); null for images.")
    folds: Count = Field(description="How many folds of images.")
    seen_grade: Number = Field(description="Grade on the images that it was fitted on (0 to 1).")
    unseen_grade: Number = Field(description="Grade on new ones (0 to 1).")
    optimism: Number = Field(description="The first less the second.")
    constant: Number = Field(description="The best constant's grade (0 to 1).")
    seen_skill: Number = Field(description="Skill on the images that it was fitted on (at most 1).")
    unseen_skill: Number = Field(description="Skill on new ones (at most 1).")
    person_skill: Number = Field(description="The average evaluator's (at most 1).")
    against_people: dict[str, AgainstOnePerson] = Field(description="By evaluator.")


class Unseen(NewImages):
    """The same, and on images of another model."""

    by_model: NewImages | None = Field(
        default=None, description="With whole models held out; absent where fewer than two are known."
    )


class SameTarget(Section):
    """Metric and evaluators mapped alike, and graded against the same third people on new images."""

    compared: Count = Field(description="Evaluators it was compared with.")
    wins: Count = Field(description="How many it beats.")
    able: Count = Field(description="Evaluators who are better than a constant.")
    wins_over_able: Count = Field(description="How many of those it beats.")
    advantage: Number = Field(description="Its grade less theirs, on average.")
    skill: Number = Field(description="Its skill (at most 1).")
    person_skill: Number = Field(description="Theirs (at most 1).")


class Equivalence(Section):
    """Whether it is as good as the median evaluator."""

    answer: Literal["yes", "no", "cannot tell"] = Field(description="Within the margin, worse, or not shown.")
    difference: Number = Field(description="Its grade less the median evaluator's.")
    low: Number = Field(description="Lower end of the 95 % interval, for people like these.")
    high: Number = Field(description="Upper end.")
    margin: Number = Field(description="The difference that does not matter (grade, 0 or more).")
    p: Number = Field(description="Of the claim that they differ by less than the margin (0 to 1).")
    sentence: str = Field(description="What follows, in words.")


class AnnotatorTest(Section):
    """The alternative annotator test (Calderon et al., 2025)."""

    winning_rate: Number = Field(description="Share of evaluators whom it may replace (0 to 1); 0.5 makes a pass.")
    advantage: Number = Field(description="How often it is nearer to the others than an evaluator is (0 to 1).")
    epsilon: Number = Field(description="The advantage that the test grants (0 to 1).")
    passes: bool = Field(description="Whether it passes.")
    constant_winning_rate: Number = Field(description="The same of the best constant (0 to 1).")
    constant_passes: bool | None = Field(description="Whether the constant passes too; null where it was not tested.")
    sentence: str = Field(description="What follows, in words.")


class OfExponent(Section):
    """Grades with another exponent of the distance."""

    k: int | Finite = Field(description="The exponent.")
    grade: Number = Field(description="The metric's against one person (0 to 1).")
    constant: Number = Field(description="The best constant's (0 to 1).")
    person: Number = Field(description="The average evaluator's (0 to 1).")
    skill: Number = Field(description="The metric's (at most 1).")
    person_skill: Number = Field(description="The average evaluator's (at most 1).")


class Kappa(Section):
    """Weighted kappa with squared distances: 1 is full agreement, 0 what chance gives."""

    metric: Number = Field(description="Of the metric's level and one held-out person's rating (-1 to 1).")
    person: Number = Field(description="Of two people, on average (-1 to 1).")


class Unscored(Section):
    """The rated images that the metric left out, beside those that it scored."""

    n_scored: Count = Field(description="Images with a score.")
    n_unscored: Count = Field(description="Images without.")
    mean_scored: Number = Field(description="Mean rating of the first (the scale's numbers).")
    mean_unscored: Number = Field(description="Mean rating of the second (the scale's numbers).")
    low: Number = Field(description="Lower end of the 95 % interval of the second less the first (rating points).")
    high: Number = Field(description="Upper end.")
    differs: bool = Field(description="Whether they are rated differently, by more than chance gives.")


class MetricIntervals(Section):
    """95 % intervals of the metric's figures, by their names."""

    these: dict[MetricFigure, Limits] = Field(description="For other images, rated by these evaluators.")
    people_like_these: dict[MetricFigure, Limits] = Field(
        description="For other images and other evaluators; empty for fewer than three."
    )
    draws: Count = Field(description="How many studies were drawn from this one.")
    clusters: Count = Field(description="How many images, or groups of them, were drawn each time.")
    clustered_by: str | None = Field(description="What makes a group; null where images were drawn one by one.")


class WithoutStrictness(Section):
    """Grades with people's strictness taken off, cross-validated over images."""

    grade: Number = Field(description="The metric's against one person (0 to 1).")
    constant: Number = Field(description="The best constant's (0 to 1).")
    person: Number = Field(description="The average evaluator's (0 to 1).")
    skill: Number = Field(description="The metric's (at most 1).")
    person_skill: Number = Field(description="The average evaluator's (at most 1).")
